//! What a round may pay: its part of the budget follows by how much the loss has fallen below the lowest that was paid for. Progress telescopes, so
//! that a task pays the same for a way in many small steps as in a few, and nothing for a step back and forth.

use ddsx_types::federated_aggregator::{Earning, Progress};

/// Steps of the part that is paid.
const PARTS: u32 = 1_000_000;

/// The progress of an accepted round whose candidate has this loss; `before` is the lowest loss that was paid for.
pub fn progress(earning: &Earning, before: Option<f64>, loss: Option<f64>) -> Progress {
    let gain = match (before, loss) {
        (_, None) => 0.0,
        (Some(before), Some(loss)) if loss >= before => 0.0,
        (Some(before), Some(loss)) if loss > 0.0 => libm::log(before / loss),
        // From no number to one, or to no loss at all.
        (None | Some(_), Some(_)) => f64::INFINITY,
    };
    let (floor, ceiling) = (earning.floor_bps * 100, earning.ceiling_bps * 100);
    let earned = if is_enough(earning, gain) {
        let part = (gain * 10_000.0 / f64::from(earning.full_bps.max(1))).min(1.0);
        // From 0 to 1 before it is multiplied.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        {
            (part * f64::from(PARTS)) as u32
        }
    } else {
        0
    };
    Progress {
        before,
        gain,
        part_ppm: earned.max(floor).min(ceiling),
    }
}

/// Whether a gain is paid for now. One that is not counts with those that follow.
pub fn is_enough(earning: &Earning, gain: f64) -> bool {
    gain > 0.0 && gain * 10_000.0 >= f64::from(earning.least_bps)
}

/// So much of a budget of at most 2^96.
pub fn part(budget: u128, part_ppm: u32) -> u128 {
    budget * u128::from(part_ppm.min(PARTS)) / u128::from(PARTS)
}

/// Worths as exact as pay needs them: multiples of a power of two that goes 512 to 1,024 times into the greatest. What is less than half of it is nothing.
pub fn coarse(worths: &[f64]) -> Vec<f64> {
    let greatest = |sign: f64| {
        let all = worths.iter().filter(|worth| worth.is_finite());
        all.fold(0.0_f64, |most, worth| most.max(worth * sign))
    };
    // Those that earn are told apart, however bad another is.
    let most = [greatest(1.0), greatest(-1.0)].into_iter().find(|most| *most > 0.0);
    let Some(most) = most else {
        return worths
            .iter()
            .map(|worth| if worth.is_finite() { 0.0 } else { *worth })
            .collect();
    };
    let grid = libm::scalbn(1.0, (libm::ilogb(most) - 9).max(-1_022));
    worths.iter().map(|worth| libm::rint(worth / grid) * grid).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_pay_for_progress_beyond_the_best_alone() {
        let earning = Earning::default();
        let floor = Earning {
            floor_bps: 1_000,
            ceiling_bps: 8_000,
            ..earning
        };
        let tenth = 2.0 * (-0.01_f64).exp();
        for (earning, before, loss, part_ppm) in [
            (earning, Some(2.0), Some(1.0), 1_000_000),
            (earning, Some(2.0), Some(tenth), 100_000),
            (earning, Some(2.0), Some(1.995), 0),
            (earning, Some(2.0), Some(2.0), 0),
            (earning, Some(2.0), Some(3.0), 0),
            (earning, Some(2.0), Some(0.0), 1_000_000),
            (earning, Some(0.0), Some(0.0), 0),
            (earning, None, Some(5.0), 1_000_000),
            (earning, Some(2.0), None, 0),
            (floor, Some(2.0), Some(2.0), 100_000),
            (floor, Some(2.0), Some(1.0), 800_000),
        ] {
            let found = progress(&earning, before, loss).part_ppm;
            assert!(found.abs_diff(part_ppm) <= 1, "{before:?} {loss:?}: {found}");
        }
        assert_eq!(part(1 << 96, 1_000_000), 1 << 96);
        assert_eq!(part(99, 500_000), 49);
    }

    #[test]
    fn should_pay_the_same_for_a_way_in_many_steps() {
        let earning = Earning::default();
        let losses: Vec<f64> = (0..=10).map(|step| 2.0 * (-0.009 * f64::from(step)).exp()).collect();
        let sum: u32 = losses
            .windows(2)
            .map(|pair| progress(&earning, Some(pair[0]), Some(pair[1])).part_ppm)
            .sum();
        let whole = progress(&earning, Some(losses[0]), Some(losses[10])).part_ppm;
        assert!(sum.abs_diff(whole) <= 10, "{sum} and {whole}");
    }

    #[test]
    fn should_keep_no_more_of_a_worth_than_pay_needs() {
        let bits = |worths: &[f64]| coarse(worths).iter().map(|worth| worth.to_bits()).collect::<Vec<_>>();
        for (worths, expected) in [
            (vec![1.0, 0.500_1, 0.000_9, -0.25], vec![1.0, 0.5, 0.0, -0.25]),
            (vec![1.0, -1e30], vec![1.0, -1e30]),
            (vec![-1.0, -0.3], vec![-1.0, -0.300_781_25]),
            (vec![0.0, 0.0], vec![0.0, 0.0]),
            (vec![], vec![]),
        ] {
            // A sum that is zero may have either sign.
            let expected: Vec<u64> = expected.iter().map(|worth: &f64| worth.to_bits()).collect();
            let found: Vec<u64> = bits(&worths)
                .iter()
                .map(|bits| if *bits << 1 == 0 { 0 } else { *bits })
                .collect();
            assert_eq!(found, expected, "{worths:?}");
        }
        assert!(coarse(&[f64::NAN])[0].is_nan());
        assert_eq!(bits(&[1e-310, 1e-320]).len(), 2);
    }
}
