use proptest::prelude::*;

use super::evaluation::{Evaluation, EvaluationError, Targets};
use super::leave_one_out::{coalition_shares, without};
use super::proxy::Alignment;
use super::shapley::{Shapley, ShapleyError};
use crate::spec::{Limits, Plan};
use crate::strategies::fed_avg::{shares, weighted_sum};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn should_leave_one_out_as_if_it_had_never_come(
        updates in prop::collection::vec(prop::collection::vec(-1.0_f32..1.0, 20), 2..8),
        samples in prop::collection::vec(1_u64..1000, 8),
        out in 0_usize..8,
    ) {
        let out = out % updates.len();
        let samples = &samples[..updates.len()];
        let slices: Vec<&[f32]> = updates.iter().map(Vec::as_slice).collect();
        let shares = shares(samples).unwrap();
        let mut step = vec![0.0; 20];
        weighted_sum(&shares, &slices, &mut step);
        let mut found = vec![0.0; 20];
        without(&step, shares[out], &updates[out], &mut found);
        let mut expected = vec![0.0; 20];
        weighted_sum(&coalition_shares(samples, !(1 << out)), &slices, &mut expected);
        // What is left may be as little as a thousandth, and rounding grows by as much.
        let tolerance = 2e-6 / (1.0 - shares[out]);
        for (found, expected) in found.iter().zip(&expected) {
            prop_assert!((found - expected).abs() <= tolerance, "{} instead of {}", found, expected);
        }
    }
}

#[test]
fn should_have_no_step_without_the_only_client() {
    let mut out = [1.0];
    without(&[0.5], 1.0, &[0.5], &mut out);
    assert_eq!(out.map(f32::to_bits), [0]);
    assert_eq!(coalition_shares(&[3, 1], 0), [0.0, 0.0]);
    assert_eq!(coalition_shares(&[3, 1, 4], 0b011), [0.75, 0.25, 0.0]);
}

/// Plays a game to its end; how often a value was asked for comes with the result.
fn play(mut machine: Shapley, value: impl Fn(u64) -> f64) -> (Vec<f64>, u32) {
    let mut asked = 0;
    while let Some(coalition) = machine.wanted() {
        asked += 1;
        // An upgrade between any two steps.
        machine = serde_json::from_slice(&serde_json::to_vec(&machine).unwrap()).unwrap();
        machine.record(coalition, value(coalition));
    }
    (machine.values(), asked)
}

#[test]
fn should_give_everyone_their_own_worth_in_an_additive_game() {
    let worth = [0.5, -0.25, 0.0, 1.0];
    let value = |coalition: u64| (0..4).filter(|k| coalition >> k & 1 == 1).map(|k| worth[k]).sum();
    let (values, asked) = play(Shapley::new(4, 20, 0.0, [7; 32]).unwrap(), value);
    for (found, expected) in values.iter().zip(worth) {
        assert!((found - expected).abs() < 1e-12);
    }
    assert!(asked <= 16, "a coalition is evaluated once: {asked}");
}

#[test]
fn should_come_near_the_exact_values_of_a_game_that_is_not_additive() {
    // Gloves: 0 has a left one, 1 and 2 a right one; a pair is worth 1. Exact: 2/3, 1/6, 1/6.
    let value = |coalition: u64| f64::from(u8::from(coalition & 1 == 1 && coalition & 0b110 != 0));
    let (values, _) = play(Shapley::new(3, 2000, 0.0, [1; 32]).unwrap(), value);
    for (found, exact) in values.iter().zip([2.0 / 3.0, 1.0 / 6.0, 1.0 / 6.0]) {
        assert!((found - exact).abs() < 0.03, "{found} instead of {exact}");
    }
    let sum: f64 = values.iter().sum();
    assert!(
        (sum - 1.0).abs() < 1e-12,
        "the gains of an order sum to the whole: {sum}"
    );
}

#[test]
fn should_leave_an_order_when_nothing_is_left_to_gain() {
    let value = |coalition: u64| if coalition == 0 { 0.0 } else { 1.0 };
    let (values, asked) = play(Shapley::new(10, 50, 0.01, [3; 32]).unwrap(), value);
    assert!(asked <= 12, "nobody, everyone and each alone: {asked}");
    assert!((values.iter().sum::<f64>() - 1.0).abs() < 1e-12);
}

#[test]
fn should_walk_the_same_orders_from_the_same_seed() {
    #[allow(clippy::cast_precision_loss)]
    let value = |coalition: u64| (coalition.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64;
    let run = |seed| play(Shapley::new(6, 5, 0.0, [seed; 32]).unwrap(), value);
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn should_refuse_games_that_cannot_be_played() {
    assert_eq!(Shapley::new(0, 1, 0.0, [0; 32]), Err(ShapleyError::Players(0)));
    assert_eq!(Shapley::new(65, 1, 0.0, [0; 32]), Err(ShapleyError::Players(65)));
    assert_eq!(Shapley::new(2, 0, 0.0, [0; 32]), Err(ShapleyError::NoPermutations));
    assert_eq!(Shapley::new(2, 1, f64::NAN, [0; 32]), Err(ShapleyError::Tolerance));
    let (values, _) = play(Shapley::new(64, 1, 0.0, [0; 32]).unwrap(), |members| {
        f64::from(members.count_ones())
    });
    assert_eq!(values.len(), 64);
    let (values, _) = play(Shapley::new(2, 3, 0.0, [0; 32]).unwrap(), |members| {
        if members == 0 { 0.5 } else { f64::NAN }
    });
    assert_eq!(values, [0.0, 0.0]);
}

#[test]
fn should_score_by_direction_alone() {
    let mut along = Alignment::default();
    along.add(&[1.0, 0.0], &[2.0, 0.0]);
    along.add(&[0.0], &[0.0]);
    assert!((along.cosine() - 1.0).abs() < 1e-9);
    let mut against = Alignment::default();
    against.add(&[-1.0, 1.0], &[1.0, 0.0]);
    assert!((against.cosine() + std::f64::consts::FRAC_1_SQRT_2).abs() < 1e-9);
    assert!(Alignment::default().cosine().abs() < 1e-12);
}

fn plan(output: &str) -> Plan {
    let spec =
        format!(r#"{{"input_shape":[2],"layers":[{{"name":"relu","layer":"Relu"}}],"output":{{"{output}":2}}}}"#);
    Plan::new(&serde_json::from_str(&spec).unwrap(), &Limits::default()).unwrap()
}

#[test]
fn should_count_classes_and_sum_losses() {
    let plan = plan("Classes");
    let mut evaluation = Evaluation::new(plan.output);
    assert_eq!((evaluation.accuracy(), evaluation.loss()), (None, None));
    evaluation
        .add(&plan, &[0.0, 0.0, 0.0, 2.0], Targets::Classes(&[0, 1]))
        .unwrap();
    evaluation.add(&plan, &[5.0, 1.0], Targets::Classes(&[1])).unwrap();
    assert_eq!(evaluation.classes, [(1, 1), (2, 1)]);
    assert!((evaluation.accuracy().unwrap() - 2.0 / 3.0).abs() < 1e-12);
    // ln 2, ln(1 + e⁻²), ln(1 + e⁴).
    let expected = (std::f64::consts::LN_2 + 0.126_928_011_042_972_5 + 4.018_149_927_917_809) / 3.0;
    assert!((evaluation.loss().unwrap() - expected).abs() < 1e-9);
    for (targets, error) in [
        (
            Targets::Classes(&[0][..]),
            EvaluationError::Length { found: 1, expected: 2 },
        ),
        (Targets::Classes(&[0, 2]), EvaluationError::UnknownClass(1)),
        (Targets::Values(&[0.0; 4]), EvaluationError::Kind),
    ] {
        assert_eq!(evaluation.add(&plan, &[0.0; 4], targets), Err(error));
    }
    assert_eq!(evaluation.samples, 3);
}

#[test]
fn should_average_squared_errors() {
    let plan = plan("Regression");
    let mut evaluation = Evaluation::new(plan.output);
    evaluation
        .add(&plan, &[1.0, 2.0], Targets::Values(&[0.0, 4.0]))
        .unwrap();
    assert_eq!(evaluation.accuracy(), None);
    assert!((evaluation.loss().unwrap() - 2.5).abs() < 1e-12);
}
