//! Compared with Flower: crates/nn/scripts/make_flwr_vectors.py wrote the file.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
// Ours, not proptest's.
use super::Strategy;
use crate::kernels::reduce::{self, BLOCK};
use krum::Distances;

#[derive(Deserialize)]
struct Vectors {
    rounds: Vec<Case>,
    buffered: Vec<Buffered>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    strategy: Strategy,
    model: Vec<f32>,
    rounds: Vec<Round>,
}

#[derive(Deserialize)]
struct Round {
    updates: Vec<Vec<f32>>,
    samples: Vec<u64>,
    expected: Vec<f32>,
}

#[derive(Deserialize)]
struct Buffered {
    name: String,
    buffer: u32,
    server_learning_rate: f32,
    scale_by_staleness: bool,
    model: Vec<f32>,
    arrivals: Vec<Arrival>,
    versions: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
struct Arrival {
    delta: Vec<f32>,
    staleness: u64,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../tests/vectors/strategies.json")).unwrap()
}

fn slices(updates: &[Vec<f32>]) -> Vec<&[f32]> {
    updates.iter().map(Vec::as_slice).collect()
}

fn measured(strategy: &Strategy, updates: &[&[f32]]) -> Measured {
    match measure(strategy) {
        Measurement::None => Measured::None,
        Measurement::Norms => Measured::Norms(updates.iter().map(|u| reduce::squared_norm(0.0, u)).collect()),
        Measurement::Distances => {
            let mut distances = Distances::new(updates.len());
            distances.add(updates).unwrap();
            Measured::Distances(distances)
        }
    }
}

/// A whole round, ranges of `range` parameters at a time.
fn play(
    strategy: &Strategy,
    number: u32,
    model: &mut [f32],
    deltas: &[Vec<f32>],
    samples: &[u64],
    state: &mut [Vec<f32>],
    range: usize,
) {
    let whole = slices(deltas);
    let rule = rule(strategy, samples, &measured(strategy, &whole)).unwrap();
    for first in (0..model.len()).step_by(range) {
        let last = model.len().min(first + range);
        let parts: Vec<&[f32]> = whole.iter().map(|delta| &delta[first..last]).collect();
        let mut step = vec![f32::NAN; last - first];
        combine(&rule, &parts, &mut step).unwrap();
        let mut state: Vec<&mut [f32]> = state.iter_mut().map(|vector| &mut vector[first..last]).collect();
        apply(strategy, number, &mut model[first..last], &step, &mut state);
    }
}

fn assert_close(name: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{name}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() <= 1e-5,
            "{name}: {found} instead of {expected}"
        );
    }
}

#[test]
fn should_move_the_model_as_flower_does_in_any_cut() {
    let cases = vectors().rounds;
    assert_eq!(cases.len(), 19);
    for case in cases {
        for range in [case.model.len(), 8, 1] {
            let mut model = case.model.clone();
            let mut state = vec![vec![0.0; model.len()]; state_vectors(&case.strategy)];
            for (number, round) in (1..).zip(&case.rounds) {
                let deltas: Vec<Vec<f32>> = round
                    .updates
                    .iter()
                    .map(|weights| weights.iter().zip(&model).map(|(weight, from)| weight - from).collect())
                    .collect();
                play(
                    &case.strategy,
                    number,
                    &mut model,
                    &deltas,
                    &round.samples,
                    &mut state,
                    range,
                );
                assert_close(&case.name, &model, &round.expected);
            }
        }
    }
}

#[test]
fn should_empty_a_full_buffer_into_the_model() {
    for case in vectors().buffered {
        let mut model = case.model.clone();
        let mut buffer = vec![0.0; model.len()];
        let mut versions = Vec::new();
        for (held, arrival) in (1..).zip(&case.arrivals) {
            fed_buff::add(
                fed_buff::scale(arrival.staleness, case.scale_by_staleness),
                &arrival.delta,
                &mut buffer,
            );
            if held % case.buffer == 0 {
                fed_buff::apply(case.server_learning_rate, case.buffer, &mut model, &mut buffer);
                versions.push(model.clone());
            }
        }
        assert_eq!(versions.len(), case.versions.len(), "{}", case.name);
        for (found, expected) in versions.iter().zip(&case.versions) {
            assert_close(&case.name, found, expected);
        }
    }
}

#[test]
fn should_measure_the_same_bits_in_ranges_of_whole_blocks() {
    let update = |k: usize| -> Vec<f32> {
        #[allow(clippy::cast_precision_loss)]
        let value = |i: usize| ((i * 7919 + k * 104_729) % 1000) as f32 / 997.0 - 0.5;
        (0..3 * BLOCK + 5).map(value).collect()
    };
    let updates = [update(0), update(1), update(2)];
    let whole = slices(&updates);
    let mut at_once = Distances::new(3);
    at_once.add(&whole).unwrap();
    let mut in_ranges = Distances::new(3);
    let (mut norm, mut dot) = (0.0, 0.0);
    for range in [0..BLOCK, BLOCK..3 * BLOCK, 3 * BLOCK..3 * BLOCK + 5] {
        let parts: Vec<&[f32]> = whole.iter().map(|update| &update[range.clone()]).collect();
        in_ranges.add(&parts).unwrap();
        norm = reduce::squared_norm(norm, parts[0]);
        dot = reduce::dot(dot, parts[0], parts[1]);
    }
    assert_eq!(at_once, in_ranges);
    assert_eq!(norm.to_bits(), reduce::squared_norm(0.0, whole[0]).to_bits());
    assert_eq!(dot.to_bits(), reduce::dot(0.0, whole[0], whole[1]).to_bits());
    let exact: f64 = updates[0]
        .iter()
        .zip(&updates[2])
        .map(|(a, b)| f64::from(a - b).powi(2))
        .sum();
    assert!((at_once.between(2, 0) - exact).abs() < 1e-4 * exact);
    assert_eq!(at_once.between(1, 1).to_bits(), 0.0_f64.to_bits());
}

#[test]
fn should_refuse_parameters_out_of_range() {
    let nan = f32::NAN;
    let cases = [
        (Strategy::TrimmedMean { beta: 0.5 }, Some("beta")),
        (Strategy::TrimmedMean { beta: 0.49 }, None),
        (Strategy::TrimmedMean { beta: nan }, Some("beta")),
        (Strategy::FedProx { proximal_mu: -0.1 }, Some("proximal_mu")),
        (Strategy::FedProx { proximal_mu: 0.0 }, None),
        (Strategy::MultiKrum { malicious: 1, keep: 0 }, Some("keep")),
        (Strategy::NormClipping { bound: 0.0 }, Some("bound")),
        (Strategy::NormClipping { bound: f32::INFINITY }, Some("bound")),
        (
            Strategy::FedAvgM {
                server_learning_rate: 1.0,
                server_momentum: 1.0,
            },
            Some("server_momentum"),
        ),
        (Strategy::FedAdagrad { eta: nan, tau: 1.0 }, Some("eta")),
        (
            Strategy::FedYogi {
                eta: 0.1,
                beta_1: 0.9,
                beta_2: -0.1,
                tau: 1.0,
            },
            Some("beta_2"),
        ),
        (
            Strategy::FedBuff {
                buffer: 0,
                server_learning_rate: 1.0,
                scale_by_staleness: true,
            },
            Some("buffer"),
        ),
    ];
    for (strategy, field) in cases {
        let expected = field.map_or(Ok(()), |field| Err(StrategyError::BadParameter { field: field.into() }));
        assert_eq!(check_parameters(&strategy), expected, "{strategy:?}");
    }
}

#[test]
fn should_refuse_rounds_that_cannot_be_combined() {
    let too_few = |found, needed| Err(StrategyError::TooFewUpdates { found, needed });
    let cases = [
        (Strategy::FedAvg, 0, too_few(0, 1)),
        (Strategy::FedAvg, 1, Ok(())),
        (Strategy::FedAvg, 100_000, Ok(())),
        (Strategy::Krum { malicious: 3 }, 8, too_few(8, 9)),
        (Strategy::Krum { malicious: 3 }, 9, Ok(())),
        (Strategy::MultiKrum { malicious: 1, keep: 7 }, 6, too_few(6, 7)),
        (Strategy::Bulyan { malicious: 3 }, 14, too_few(14, 15)),
        (Strategy::Bulyan { malicious: u32::MAX }, 14, too_few(14, u32::MAX)),
        (
            Strategy::FedMedian,
            129,
            Err(StrategyError::TooManyUpdates { found: 129, limit: 128 }),
        ),
    ];
    for (strategy, updates, expected) in cases {
        assert_eq!(check_count(&strategy, updates), expected, "{strategy:?} of {updates}");
    }
    assert_eq!(
        rule(&Strategy::FedAvg, &[0, 0], &Measured::None),
        Err(StrategyError::NoSamples)
    );
    let mut out = [0.0; 2];
    assert_eq!(
        combine(&Rule::Median, &[&[1.0, 2.0], &[1.0]], &mut out),
        Err(StrategyError::WrongLength {
            update: 1,
            found: 1,
            expected: 2
        })
    );
    assert_eq!(check_finite(4, 100, &[0.0, 1.0]), Ok(()));
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert_eq!(
            check_finite(4, 100, &[0.0, bad]),
            Err(StrategyError::NotFinite { update: 4, index: 101 })
        );
    }
}

#[test]
fn should_cut_what_flower_cuts() {
    for (beta, updates, expected) in [
        (0.2, 10, 2),
        (0.2, 5, 1),
        (0.2, 4, 0),
        (0.3, 10, 3),
        (0.1, 30, 3),
        (0.49, 2, 0),
        (0.0, 7, 0),
    ] {
        assert_eq!(trimmed_mean::cut(beta, updates), expected, "{beta} of {updates}");
    }
}

#[test]
fn should_pull_towards_the_global_model() {
    let mut gradient = [1.0, 1.0];
    fed_prox::add_proximal_gradient(0.5, &[3.0, -1.0], &[1.0, -1.0], &mut gradient);
    assert_eq!(gradient.map(f32::to_bits), [2.0_f32, 1.0].map(f32::to_bits));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn should_stay_among_the_honest(
        honest in prop::collection::vec(prop::collection::vec(-1.0_f32..1.0, 6), 12),
        hostile in prop::collection::vec(prop::collection::vec(-1e6_f32..1e6, 6), 3),
    ) {
        let mut updates = hostile;
        updates.extend(honest);
        let samples = vec![1; updates.len()];
        let whole = slices(&updates);
        for strategy in [
            Strategy::FedMedian,
            Strategy::TrimmedMean { beta: 0.2 },
            Strategy::Krum { malicious: 3 },
            Strategy::MultiKrum { malicious: 3, keep: 5 },
            Strategy::Bulyan { malicious: 3 },
        ] {
            let rule = rule(&strategy, &samples, &measured(&strategy, &whole)).unwrap();
            let mut out = vec![0.0; 6];
            combine(&rule, &whole, &mut out).unwrap();
            // Krum may pick a hostile update that hides among the honest; none may pull further than they lie.
            prop_assert!(out.iter().all(|value| value.abs() <= 20.0), "{:?}: {:?}", strategy, out);
        }
    }
}
