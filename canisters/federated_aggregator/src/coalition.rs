//! The model that some of a round's clients would have made by themselves: the task's own rule on their updates alone, each counting the same,
//! since samples are what a client says. Only updates against which nothing was found are asked.

use ddsx_nn::strategies::{Rule, Strategy, apply, combine, fed_buff, trimmed_mean};

use crate::combine::{RoundWork, hold_variances};
use crate::storage::Storage;
use crate::storage::records::TaskRecord;
use crate::upload::stored_delta;
use crate::work::Context;

/// The places of the updates that can be members, in order: bit `k` of a coalition is the `k`-th of them.
pub fn seats(work: &RoundWork) -> Vec<usize> {
    (0..work.updates.len())
        .filter(|place| work.findings.get(*place).is_none_or(Option::is_none))
        .collect()
}

/// The places of a coalition's members.
pub fn members(seats: &[usize], coalition: u64) -> Vec<usize> {
    (0..64)
        .zip(seats)
        .filter(|(bit, _)| coalition >> bit & 1 == 1)
        .map(|(_, place)| *place)
        .collect()
}

/// The rule for members whose updates are multiplied with these factors.
pub fn rule(strategy: &Strategy, factors: &[f32]) -> Rule {
    let count = factors.len();
    match *strategy {
        Strategy::FedMedian => Rule::Median,
        Strategy::TrimmedMean { beta } => Rule::TrimmedMean {
            cut: trimmed_mean::cut(beta, count),
        },
        Strategy::Bulyan { malicious } => Rule::AroundMedian {
            selected: (0..count).collect(),
            keep: count.saturating_sub(2 * malicious as usize).max(1),
        },
        _ => {
            #[allow(clippy::cast_precision_loss)]
            let count = count as f32;
            Rule::Weighted(factors.iter().map(|factor| factor / count).collect())
        }
    }
}

/// The parameters `first..end` of a coalition's model, held to what a model can be as the candidate is.
pub fn numbers(
    storage: &Storage,
    record: &TaskRecord,
    context: &Context,
    work: &RoundWork,
    members: &[usize],
    (first, end): (u64, u64),
) -> Result<Vec<f32>, String> {
    let strategy = &context.args.strategy;
    let model = record.model.as_ref().ok_or("there is no model")?;
    let mut numbers = storage.read_numbers(&model.blob, first, end - first);
    let deltas: Vec<Vec<f32>> = members
        .iter()
        .map(|place| stored_delta(storage, record, &work.updates[*place], first, end))
        .collect();
    let mut step = vec![0.0; numbers.len()];
    if let Strategy::FedBuff {
        server_learning_rate,
        scale_by_staleness,
        ..
    } = strategy
    {
        for (place, delta) in members.iter().zip(&deltas) {
            let staleness = work.updates[*place].staleness.into();
            fed_buff::add(fed_buff::scale(staleness, *scale_by_staleness), delta, &mut step);
        }
        let count = u32::try_from(members.len()).unwrap_or(u32::MAX);
        fed_buff::apply(*server_learning_rate, count, &mut numbers, &mut step);
        hold_variances(&context.plan, first, &mut numbers);
        return Ok(numbers);
    }
    if !members.is_empty() {
        let factors: Vec<f32> = members.iter().map(|place| work.factors[*place]).collect();
        let slices: Vec<&[f32]> = deltas.iter().map(Vec::as_slice).collect();
        combine(&rule(strategy, &factors), &slices, &mut step).map_err(|error| error.to_string())?;
    }
    let mut state: Vec<Vec<f32>> = (0..ddsx_nn::strategies::state_vectors(strategy))
        .map(|vector| match record.state.get(vector) {
            Some(blob) => storage.read_numbers(blob, first, end - first),
            None => vec![0.0; step.len()],
        })
        .collect();
    let mut state: Vec<&mut [f32]> = state.iter_mut().map(Vec::as_mut_slice).collect();
    apply(strategy, record.accepted_rounds + 1, &mut numbers, &step, &mut state);
    hold_variances(&context.plan, first, &mut numbers);
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_name_members_by_their_places() {
        for (seats, coalition, expected) in [
            (vec![0, 2, 5], 0b111, vec![0, 2, 5]),
            (vec![0, 2, 5], 0b110, vec![2, 5]),
            (vec![0, 2, 5], 0b1000, vec![]),
            (vec![], 0, vec![]),
        ] {
            assert_eq!(members(&seats, coalition), expected);
        }
    }

    #[test]
    fn should_combine_as_the_task_does_each_counting_the_same() {
        for (strategy, factors, expected) in [
            (Strategy::FedAvg, vec![1.0, 0.5], Rule::Weighted(vec![0.5, 0.25])),
            (Strategy::Krum { malicious: 1 }, vec![1.0], Rule::Weighted(vec![1.0])),
            (Strategy::FedMedian, vec![1.0; 3], Rule::Median),
            (
                Strategy::TrimmedMean { beta: 0.2 },
                vec![1.0; 5],
                Rule::TrimmedMean { cut: 1 },
            ),
            (
                Strategy::Bulyan { malicious: 1 },
                vec![1.0; 2],
                Rule::AroundMedian {
                    selected: vec![0, 1],
                    keep: 1,
                },
            ),
        ] {
            assert_eq!(rule(&strategy, &factors), expected);
        }
    }
}
