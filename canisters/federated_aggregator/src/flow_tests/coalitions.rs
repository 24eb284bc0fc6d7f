//! Coalitions are made as the candidate is, bit by bit.

use ddsx_types::federated_aggregator::{CreateTaskArgs, InitialWeights, Layer, NamedLayer, RoundOutcome, Strategy};

use super::joined;
use crate::coalition;
use crate::storage::{with, with_mut};
use crate::testing::{World, task_args};
use crate::work::{self, Context, Work};

/// Places of the running variances among the parameters: after weight, bias and mean of two features.
const VARIANCES: std::ops::Range<usize> = 6..8;

fn normed(strategy: Strategy) -> CreateTaskArgs {
    let mut args = task_args();
    let norm = Layer::BatchNorm {
        features: 2,
        epsilon: 1e-5,
    };
    args.model.layers.insert(
        0,
        NamedLayer {
            name: "bn".into(),
            layer: norm,
        },
    );
    (args.initial, args.strategy, args.tolerance) = (InitialWeights::Draw, strategy, 100.0);
    args
}

/// A delta that takes a running variance far below zero.
fn below_zero(scale: f32) -> Vec<f32> {
    let mut delta: Vec<f32> = (0..14_u8).map(|place| f32::from(place) * 0.01 * scale).collect();
    delta[VARIANCES].copy_from_slice(&[-9.0 * scale, 0.25]);
    delta
}

#[test]
fn should_hold_the_variances_of_coalitions_as_the_candidates_are() {
    let buffered = Strategy::FedBuff {
        server_learning_rate: 1.0,
        scale_by_staleness: false,
        buffer: 3,
    };
    for strategy in [Strategy::FedAvg, Strategy::FedMedian, buffered] {
        let world = World::new();
        let args = normed(strategy.clone());
        let task = world.start(&args);
        joined(&world, task, 3);
        for (number, scale) in [(0, 1.0), (1, 0.9), (2, 1.1)] {
            world.send(task, number, &below_zero(scale)).unwrap();
        }
        let context = with(|storage| Context::of(storage, task)).unwrap();
        let names: Vec<_> = context
            .plan
            .parameters
            .iter()
            .map(ddsx_nn::spec::Parameter::range)
            .collect();
        assert!(names.contains(&VARIANCES), "{names:?}");
        // The candidate is there once it has a hash.
        let round = loop {
            with_mut(|storage| work::run(storage, task, world.now(), &|| u64::MAX));
            match with(|storage| storage.work(task)) {
                Some(Work::Round(round)) if round.hash.is_some() => break round,
                Some(_) => {}
                None => panic!("the round is over"),
            }
        };
        with(|storage| {
            let record = storage.task(task).unwrap();
            let candidate = storage.read_numbers(&round.candidate.unwrap(), 0, record.parameters);
            let everybody = coalition::numbers(storage, &record, &context, &round, &[0, 1, 2], (0, 14)).unwrap();
            assert_eq!(candidate[VARIANCES.start].to_bits(), 0.0_f32.to_bits());
            let bits = |numbers: &[f32]| numbers.iter().map(|number| number.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&candidate), bits(&everybody), "{strategy:?}");
            for members in [vec![0], vec![1, 2]] {
                let numbers = coalition::numbers(storage, &record, &context, &round, &members, (0, 14)).unwrap();
                assert!(numbers[VARIANCES].iter().all(|number| *number >= 0.0), "{members:?}");
            }
        });
        world.wait(60);
        let report = world.report(task, 1);
        assert_eq!(report.outcome, RoundOutcome::Accepted);
        assert!(
            report
                .clients
                .iter()
                .all(|client| client.score.is_some_and(f64::is_finite))
        );
    }
}
