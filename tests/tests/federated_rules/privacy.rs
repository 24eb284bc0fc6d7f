//! Noise, clipping, and what privacy was spent.

use std::time::Duration;

use ddsx_tests::World;
use ddsx_tests::federated::Federation;
use ddsx_types::Hash;
use ddsx_types::federated_aggregator::{Privacy, PrivacySpent, RoundOutcome, RoundReport};

use crate::support::{assert_close, begin_args, bytes, good, numbers, send, start, start_from, task_args};

const CLIENTS: u64 = 2;

/// Rényi accountant of the Gaussian mechanism: ε = T/2σ² + √(2·T·ln(1/δ))/σ.
fn epsilon(privacy: Privacy, rounds: f64) -> f64 {
    let sigma = f64::from(privacy.noise_multiplier);
    rounds / (2.0 * sigma * sigma) + (2.0 * rounds * (1.0 / privacy.delta).ln()).sqrt() / sigma
}

fn assert_spent(federation: &Federation<'_>, task: u64, privacy: Privacy, rounds: u32) {
    let spent: PrivacySpent = federation.task(task).privacy.unwrap();
    assert_eq!((spent.rounds, spent.delta.to_bits()), (rounds, privacy.delta.to_bits()));
    let expected = epsilon(privacy, rounds.into());
    assert!(
        (spent.epsilon - expected).abs() <= 1e-9 * expected,
        "{spent:?}, not {expected}"
    );
}

/// A task of two rounds on a network of its own; the same updates in both. Gives the model's hash and numbers after each.
fn hold(privacy: Privacy) -> Vec<(Hash, Vec<f32>)> {
    let world = World::new();
    let federation = Federation::open(&world, CLIENTS);
    let mut args = task_args(federation.ledger.id);
    args.privacy = Some(privacy);
    let task = start(&federation, &args, CLIENTS);
    assert_spent(&federation, task, privacy, 0);
    let mut models = Vec::new();
    for round in 1..=2 {
        send(&federation, task, 0, (round, round - 1), &good(0.2)).unwrap();
        send(&federation, task, 1, (round, round - 1), &good(0.3)).unwrap();
        let report = federation.finish_round(task, round, &mut || ());
        assert_eq!(report.outcome, RoundOutcome::Accepted);
        assert_eq!(report.seed, None, "whoever knows the seed takes the noise off again");
        assert_spent(&federation, task, privacy, round);
        models.push((federation.model(task).0.model.hash, numbers(&federation, task)));
    }
    federation.wait(Duration::from_mins(2));
    federation.check_paid(task, CLIENTS, &[]);
    models
}

#[test]
fn should_add_noise_that_is_the_same_on_two_networks() {
    let privacy = Privacy {
        clip: 1.0,
        noise_multiplier: 1.5,
        delta: 1e-5,
    };
    let models = hold(privacy);
    // Both networks begin with the same randomness: whatever differed would be of the canister's making.
    assert_eq!(hold(privacy), models);
    let noise = |after: &[f32], before: &[f32]| -> Vec<f32> {
        let step = after.iter().zip(before).map(|(after, before)| after - before);
        step.zip(good(0.25)).map(|(step, mean)| step - mean).collect()
    };
    let first = noise(&models[0].1, &[0.0; 10]);
    let second = noise(&models[1].1, &models[0].1);
    // Its standard deviation is 0.75: that of ten numbers lies in this range but for once in a million times.
    for noise in [&first, &second] {
        let deviation = (noise.iter().map(|value| value * value).sum::<f32>() / 10.0).sqrt();
        assert!((0.15..1.7).contains(&deviation), "{noise:?}");
    }
    assert_ne!(first, second, "each round draws its own");
}

#[test]
fn should_clip_what_is_too_long_and_count_everybody_the_same() {
    let world = World::new();
    let federation = Federation::open(&world, CLIENTS);
    let privacy = Privacy {
        clip: 1.0,
        noise_multiplier: 1e-4,
        delta: 1e-5,
    };
    let mut args = task_args(federation.ledger.id);
    args.rounds.rounds = 1;
    args.norm_bound = Some(2_000.0);
    args.privacy = Some(privacy);
    let task = start(&federation, &args, CLIENTS);
    // A thousand times the clip, and declared for as many samples as may be; beside it a short one of ten.
    let scale = 1_000.0 / 8.0_f32.sqrt();
    let long = bytes(&good(scale));
    let mut long_args = begin_args(task, 1, 0, &long);
    long_args.samples = 1_000;
    let receipt = federation.send(0, &long_args, &long).unwrap();
    assert!((receipt.norm - 1_000.0).abs() < 0.01, "{receipt:?}");
    let short = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.3, -0.3];
    send(&federation, task, 1, (1, 0), &short).unwrap();
    let report = federation.finish_round(task, 1, &mut || ());
    let counted: Vec<u64> = report.clients.iter().map(|client| client.samples).collect();
    assert_eq!(counted, [1, 1]);
    // The mean of the long one's direction, of length one, and the short one as it is; the noise is a hundredth of the tolerance or less.
    let mut expected = good(0.5 / 8.0_f32.sqrt());
    (expected[8], expected[9]) = (0.15, -0.15);
    assert_close(&numbers(&federation, task), &expected, 5e-4);
    assert_spent(&federation, task, privacy, 1);
    federation.wait(Duration::from_mins(2));
    federation.check_paid(task, CLIENTS, &[]);
}

#[test]
fn should_count_what_a_rejected_candidate_has_shown() {
    let world = World::new();
    let federation = Federation::open(&world, CLIENTS);
    let privacy = Privacy {
        clip: 3.0,
        noise_multiplier: 0.001,
        delta: 1e-5,
    };
    let mut args = task_args(federation.ledger.id);
    args.tolerance = 0.0;
    args.privacy = Some(privacy);
    let task = start_from(&federation, &args, &good(0.1), CLIENTS);
    assert_eq!(federation.task(task).best, Some(1.0));
    let hold = |round: u32, version: u32, scales: [f32; 2]| -> RoundReport {
        for (number, scale) in (0..).zip(scales) {
            send(&federation, task, number, (round, version), &good(scale)).unwrap();
        }
        federation.finish_round(task, round, &mut || ())
    };
    let report = hold(1, 0, [-0.5, -0.6]);
    assert_eq!((report.outcome, report.version), (RoundOutcome::Rejected, 0));
    assert_eq!(report.evaluated.unwrap().accuracy, Some(0.0));
    assert_eq!(report.rewarded, 0_u8);
    // Its evaluation was published, and that came from the clients' data.
    assert_spent(&federation, task, privacy, 1);
    assert_close(&numbers(&federation, task), &good(0.1), 0.0);
    let report = hold(2, 0, [0.5, 0.6]);
    assert_eq!((report.outcome, report.version), (RoundOutcome::Accepted, 1));
    assert_spent(&federation, task, privacy, 2);
    federation.wait(Duration::from_mins(2));
    federation.check_paid(task, CLIENTS, &[]);
}
