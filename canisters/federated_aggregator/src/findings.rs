//! What a round's updates show about one another before anything is combined: copies, updates of next to no size, those that the strategy leaves out.
//!
//! Such an update is no member of the coalitions by which worth is found, and earns nothing; whether it counts for the model is the strategy's alone.

use candid::Principal;
use ddsx_nn::strategies::{Rule, Strategy};
use ddsx_types::Hash;
use ddsx_types::federated_aggregator::Finding;

use crate::limits::{COPY_COSINE, MIN_COMPARED, NEGLIGIBLE, OUTLIER, PLAUSIBLE_SAMPLES, REPLAY_COSINE};
use crate::sketches::{Direction, PUBLIC};
use crate::storage::Storage;
use crate::storage::records::{TaskRecord, UpdateRecord};

/// What each update may count for: what it declares, at most so many times the median of the round, and no less than such a part of it. Half of the
/// clients would have to lie together to move it.
pub fn plausible(samples: &[u64]) -> Vec<u64> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(0);
    let most = median.saturating_mul(PLAUSIBLE_SAMPLES);
    let least = median / PLAUSIBLE_SAMPLES;
    samples.iter().map(|samples| (*samples).clamp(least, most)).collect()
}

/// The norms of updates as they count: each times what it is multiplied with.
pub fn norms(updates: &[UpdateRecord], factors: &[f32]) -> Vec<f64> {
    let pairs = updates.iter().zip(factors);
    pairs
        .map(|(update, factor)| update.squared_norm.sqrt() * f64::from(*factor))
        .collect()
}

/// The usual norm after a round that made progress: the lower median of those updates against which nothing was found, and never more than before,
/// so that nobody raises it to have others found negligible.
pub fn usual_norm(before: Option<f64>, norms: &[f64], findings: &[Option<Finding>]) -> Option<f64> {
    let counted: Vec<f64> = (0..)
        .zip(norms)
        .filter(|(place, _)| findings.get(*place).is_none_or(Option::is_none))
        .map(|(_, norm)| *norm)
        .collect();
    if counted.is_empty() {
        return before;
    }
    let now = median_norm(&counted);
    Some(before.map_or(now, |before| before.min(now)))
}

/// The lower median of norms; zero of none.
fn median_norm(norms: &[f64]) -> f64 {
    let mut norms = norms.to_vec();
    norms.sort_by(f64::total_cmp);
    norms.get(norms.len().saturating_sub(1) / 2).copied().unwrap_or(0.0)
}

/// What is found about each update of a round that is combined by this rule, after each was multiplied with its factor.
pub fn judge(
    storage: &Storage,
    record: &TaskRecord,
    strategy: &Strategy,
    rule: &Rule,
    round: u32,
    (updates, factors): (&[UpdateRecord], &[f32]),
) -> Vec<Option<Finding>> {
    let norms = norms(updates, factors);
    let median = median_norm(&norms);
    let usual = record.usual_norm.unwrap_or(0.0).max(median);
    let mut findings = copies(storage, record, round, updates);
    for (place, (norm, finding)) in norms.into_iter().zip(&mut findings).enumerate() {
        if finding.is_none() {
            *finding = if norm < usual * NEGLIGIBLE {
                Some(Finding::Negligible)
            } else if leaves_out(rule, place) {
                Some(Finding::LeftOut)
            } else if looks_at_all(strategy) && norm > median * OUTLIER {
                Some(Finding::Outlier)
            } else {
                None
            };
        }
    }
    findings
}

/// Whether a strategy ignores single updates coordinate by coordinate: in a small coalition nobody is left to outvote them.
fn looks_at_all(strategy: &Strategy) -> bool {
    matches!(
        strategy,
        Strategy::FedMedian | Strategy::TrimmedMean { .. } | Strategy::Bulyan { .. }
    )
}

fn leaves_out(rule: &Rule, place: usize) -> bool {
    match rule {
        Rule::Weighted(coefficients) => coefficients.get(place) == Some(&0.0),
        Rule::AroundMedian { selected, .. } => !selected.contains(&place),
        Rule::Median | Rule::TrimmedMean { .. } => false,
    }
}

/// Of updates that are near copies of one another, the one declared first is none.
fn copies(storage: &Storage, record: &TaskRecord, round: u32, updates: &[UpdateRecord]) -> Vec<Option<Finding>> {
    let mut order: Vec<usize> = (0..updates.len()).collect();
    order.sort_by_key(|&place| (updates[place].declared, updates[place].place));
    let steps = directions(storage, record, &PUBLIC, u32::MAX);
    let mut findings = vec![None; updates.len()];
    let mut seen: Vec<(Principal, Hash, Option<Direction>)> = Vec::new();
    for place in order {
        let update = &updates[place];
        let mine = (record.parameters >= MIN_COMPARED)
            .then(|| storage.direction(record.id, &update.client, round))
            .flatten();
        findings[place] = seen
            .iter()
            .find(|(_, hash, other)| *hash == update.hash || alike(mine.as_ref(), other.as_ref(), COPY_COSINE))
            .map(|(client, ..)| Finding::CopyOfClient(*client));
        if findings[place].is_none()
            && let Some(mine) = &mine
        {
            findings[place] = directions(storage, record, &update.client, round)
                .iter()
                // From the same version, the same client may well come to the same step again.
                .find(|(_, earlier)| earlier.version != mine.version && alike(Some(mine), Some(earlier), REPLAY_COSINE))
                .map(|(round, _)| Finding::CopyOfRound(*round))
                .or_else(|| {
                    steps
                        .iter()
                        .find(|(_, step)| alike(Some(mine), Some(step), REPLAY_COSINE))
                        .map(|(version, _)| Finding::CopyOfStep(*version))
                });
        }
        seen.push((update.client, update.hash, mine));
    }
    findings
}

fn alike(one: Option<&Direction>, other: Option<&Direction>, cosine: f64) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.sketch.cosine(&other.sketch) >= cosine,
        _ => false,
    }
}

/// The directions kept of a client from rounds before this one.
fn directions(storage: &Storage, record: &TaskRecord, client: &Principal, before: u32) -> Vec<(u32, Direction)> {
    storage
        .directions_of(record.id, client)
        .into_iter()
        .filter(|round| *round < before)
        .filter_map(|round| Some((round, storage.direction(record.id, client, round)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_clamp_what_nobody_else_declares() {
        for (declared, counted) in [
            (vec![10, 20, 30], vec![10, 20, 30]),
            (vec![10, 1_000_000, 30], vec![10, 120, 30]),
            (vec![1_000, 10], vec![1_000, 250]),
            (vec![1, 40, 40, 40], vec![10, 40, 40, 40]),
            (vec![7], vec![7]),
            (vec![], vec![]),
            (vec![u64::MAX, u64::MAX, 1], vec![u64::MAX, u64::MAX, u64::MAX / 4]),
        ] {
            assert_eq!(plausible(&declared), counted);
        }
    }

    #[test]
    fn should_take_the_usual_norm_from_what_is_clean_and_never_raise_it() {
        let found = Some(Finding::Outlier);
        for (before, findings, expected) in [
            (None, vec![None; 3], Some(2.0)),
            (None, vec![], Some(2.0)),
            (Some(1.5), vec![None; 3], Some(1.5)),
            (Some(9.0), vec![None; 3], Some(2.0)),
            (None, vec![None, found, found], Some(1.0)),
            (None, vec![found, found, None], Some(70.0)),
            (Some(3.0), vec![found; 3], Some(3.0)),
            (None, vec![found; 3], None),
        ] {
            assert_eq!(usual_norm(before, &[1.0, 2.0, 70.0], &findings), expected);
        }
    }

    #[test]
    fn should_know_whom_a_rule_leaves_out() {
        let selected = Rule::AroundMedian {
            selected: vec![0, 2],
            keep: 1,
        };
        for (rule, expected) in [
            (Rule::Weighted(vec![0.5, 0.0, 0.5]), [false, true, false]),
            (selected, [false, true, false]),
            (Rule::Median, [false; 3]),
        ] {
            assert_eq!([0, 1, 2].map(|place| leaves_out(&rule, place)), expected, "{rule:?}");
        }
    }
}
