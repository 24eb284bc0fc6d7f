//! Every kernel against the plainest way to write it, bit for bit.

use proptest::prelude::*;

use super::accumulate::accumulate;
use super::columns::{MAX_UPDATES, sorted_columns, trimmed_mean};
use super::dense::{dense, pack};
use super::finite::first_not_finite;
use super::median::median;

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Numbers of all sizes from a seed; no NaN.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            #[allow(clippy::cast_precision_loss)]
            let value = (state >> 40) as f32 / 8_388_608.0 - 1.0;
            if state.is_multiple_of(11) { 0.0 } else { value * 4.0 }
        })
        .collect()
}

fn sorted(updates: &[Vec<f32>], i: usize) -> Vec<f32> {
    let mut column: Vec<f32> = updates.iter().map(|update| update[i]).collect();
    column.sort_by(|a, b| a.partial_cmp(b).unwrap());
    column
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn should_accumulate_as_a_plain_loop_does(len in 0_usize..600, scale in -3.0_f32..3.0, seed: u64) {
        let update = numbers(len, seed);
        let mut sum = numbers(len, !seed);
        let mut expected = sum.clone();
        for (sum, update) in expected.iter_mut().zip(&update) {
            *sum += scale * update;
        }
        accumulate(&mut sum, scale, &update);
        prop_assert_eq!(bits(&sum), bits(&expected));
    }

    #[test]
    fn should_multiply_as_a_plain_loop_does(rows in 1_usize..4, inputs in 1_usize..40, outputs in 1_usize..200, seed: u64) {
        let x = numbers(rows * inputs, seed);
        let weights = numbers(inputs * outputs, seed ^ 1);
        let bias = numbers(outputs, seed ^ 2);
        let mut expected = Vec::new();
        for x in x.chunks_exact(inputs) {
            for j in 0..outputs {
                let mut sum = bias[j];
                for (i, x) in x.iter().enumerate() {
                    sum += x * weights[i * outputs + j];
                }
                expected.push(sum);
            }
        }
        let mut out = vec![f32::NAN; rows * outputs];
        dense(&x, &pack(&weights, inputs, outputs), &bias, &mut out, inputs);
        prop_assert_eq!(bits(&out), bits(&expected));
    }

    #[test]
    fn should_find_the_median_of_any_number_of_updates(count in 1_usize..40, len in 0_usize..70, seed: u64) {
        let updates: Vec<_> = (0..count as u64).map(|k| numbers(len, seed ^ (k << 32))).collect();
        let slices: Vec<&[f32]> = updates.iter().map(Vec::as_slice).collect();
        let mut out = vec![f32::NAN; len];
        median(&slices, &mut out);
        for (i, found) in out.iter().enumerate() {
            let column = sorted(&updates, i);
            let half = count / 2;
            let expected = if count % 2 == 1 { column[half] } else { column[half - 1] * 0.5 + column[half] * 0.5 };
            prop_assert_eq!(found.to_bits(), expected.to_bits());
        }
    }

    #[test]
    fn should_average_what_is_left_of_columns(count in 1_usize..40, cut in 0_usize..20, len in 0_usize..40, seed: u64) {
        let cut = cut.min((count - 1) / 2);
        let updates: Vec<_> = (0..count as u64).map(|k| numbers(len, seed ^ (k << 32))).collect();
        let slices: Vec<&[f32]> = updates.iter().map(Vec::as_slice).collect();
        let mut out = vec![f32::NAN; len];
        trimmed_mean(cut, &slices, &mut out);
        #[allow(clippy::cast_precision_loss)]
        let share = 1.0 / (count - 2 * cut) as f32;
        for (i, found) in out.iter().enumerate() {
            let expected = sorted(&updates, i)[cut..count - cut].iter().fold(0.0, |sum, value| sum + value * share);
            prop_assert_eq!(found.to_bits(), expected.to_bits());
        }
    }

    #[test]
    fn should_find_the_first_number_that_is_not_finite(len in 0_usize..200, bad in prop::collection::vec(0_usize..400, 0..3), which in 0_usize..3) {
        let mut values = numbers(len, len as u64);
        values.iter_mut().step_by(7).for_each(|value| *value *= f32::MAX / 8.0);
        for at in &bad {
            if let Some(value) = values.get_mut(*at) {
                *value = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY][which];
            }
        }
        prop_assert_eq!(first_not_finite(&values), bad.iter().copied().filter(|at| *at < len).min());
    }

    #[test]
    fn should_sort_columns(count in 1_usize..40, len in 0_usize..20, seed: u64) {
        let updates: Vec<_> = (0..count as u64).map(|k| numbers(len, seed ^ (k << 32))).collect();
        let slices: Vec<&[f32]> = updates.iter().map(Vec::as_slice).collect();
        let mut seen = Vec::new();
        sorted_columns(&slices, |column, i| seen.push((i, column.to_vec())));
        let expected: Vec<_> = (0..len).map(|i| (i, sorted(&updates, i))).collect();
        prop_assert_eq!(seen, expected);
    }
}

#[test]
fn should_sort_every_arrangement_of_zeros_and_ones() {
    // What sorts zeros and ones sorts everything (Knuth 5.3.4, the 0–1 principle). One coordinate an arrangement.
    for count in 1..=16_usize {
        let len = 1_usize << count;
        let updates: Vec<Vec<f32>> = (0..count)
            .map(|k| (0..len).map(|i| if i >> k & 1 == 1 { 1.0 } else { 0.0 }).collect())
            .collect();
        let slices: Vec<&[f32]> = updates.iter().map(Vec::as_slice).collect();
        let mut out = vec![0.0; len];
        median(&slices, &mut out);
        sorted_columns(&slices, |column, i| {
            let ones = i.count_ones() as usize;
            let expected: Vec<f32> = (0..count).map(|k| if k >= count - ones { 1.0 } else { 0.0 }).collect();
            assert_eq!(column, expected, "{count} updates, arrangement {i:b}");
            let middle = f32::midpoint(expected[count / 2], expected[(count - 1) / 2]);
            assert_eq!(out[i].to_bits(), middle.to_bits(), "{count} updates, arrangement {i:b}");
        });
    }
}

#[test]
fn should_not_overflow_in_the_mean_of_the_middle_two() {
    let updates = [[f32::MAX; 5], [f32::MAX; 5]];
    let mut out = [0.0; 5];
    median(&[&updates[0], &updates[1]], &mut out);
    assert_eq!(bits(&out), bits(&[f32::MAX; 5]));
    let many = vec![&updates[0][..]; MAX_UPDATES];
    median(&many, &mut out);
    assert_eq!(bits(&out), bits(&[f32::MAX; 5]));
}
