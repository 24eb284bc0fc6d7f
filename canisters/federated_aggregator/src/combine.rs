//! A round at work: what spans parameters is measured, then the candidate is made range by range, hashed, evaluated, scored.

use ddsx_nn::score::evaluation::Evaluation;
use ddsx_nn::score::sketch::Sketch;
use ddsx_nn::spec::Plan;
use ddsx_nn::strategies::krum::Distances;
use ddsx_nn::strategies::{
    Measured, Measurement, Rule, Strategy, apply, combine, fed_buff, measure, norm_clipping, rule, state_vectors,
};
use ddsx_types::federated_aggregator::{Finding, RoundState, Scoring};
use ddsx_types::{Hash, TimestampNs};
use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::evaluate::{self, EvaluationRun, Subject};
use crate::files;
use crate::findings;
use crate::limits::{PER_NOISE, PER_NUMBER, PER_PAIR, PER_WRITE, range};
use crate::privacy;
use crate::score::Scorer;
use crate::storage::Storage;
use crate::storage::extents::Blob;
use crate::storage::records::{TaskRecord, UpdateRecord};
use crate::upload::stored_delta;
use crate::work::{Context, Progress};

/// What is known of the round so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RoundWork {
    /// Its number.
    pub round: u32,
    /// When it opened.
    pub opened_at: TimestampNs,
    /// Its updates, in the order of their acceptance.
    pub updates: Vec<UpdateRecord>,
    /// Of noise and of Shapley's orders.
    pub seed: Option<Hash>,
    /// What each update is multiplied with before its samples count: clipping.
    pub factors: Vec<f32>,
    /// The candidate's weights, and the strategy's vectors after it.
    pub candidate: Option<Blob>,
    /// As above.
    pub state: Vec<Blob>,
    /// A coalition's weights.
    pub scratch: Option<Blob>,
    /// The candidate's content hash.
    pub hash: Option<Hash>,
    /// The candidate's quality.
    pub evaluated: Option<Evaluation>,
    /// Whether it may be the model.
    pub accepted: bool,
    /// What each update is worth.
    pub worths: Option<Vec<f64>>,
    /// What was found about each update; empty until it is looked for. Records of the first release lack this and what follows.
    #[serde(default)]
    pub findings: Vec<Option<Finding>>,
    /// Where the candidate's step points.
    #[serde(default)]
    pub step_sketch: Option<Sketch>,
    step: Step,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Step {
    Measure { at: u64, distances: Option<Distances> },
    Combine { at: u64, rule: Rule },
    Hash(Content),
    Evaluate(EvaluationRun),
    Score(Scorer),
    Done,
}

impl RoundWork {
    /// From the beginning.
    pub fn new(round: u32, opened_at: TimestampNs, updates: Vec<UpdateRecord>) -> Self {
        Self {
            round,
            opened_at,
            factors: vec![1.0; updates.len()],
            updates,
            seed: None,
            candidate: None,
            state: Vec::new(),
            scratch: None,
            hash: None,
            evaluated: None,
            accepted: false,
            worths: None,
            findings: Vec::new(),
            step_sketch: None,
            step: Step::Measure { at: 0, distances: None },
        }
    }

    /// All that it holds.
    pub fn blobs(&self) -> Vec<Blob> {
        let updates = self.updates.iter().map(|update| update.blob);
        updates
            .chain(self.candidate)
            .chain(self.scratch)
            .chain(self.state.iter().copied())
            .collect()
    }

    /// Where it is, in the interface's words.
    pub fn state(&self) -> RoundState {
        match self.step {
            Step::Measure { .. } => RoundState::Measuring,
            Step::Combine { .. } => RoundState::Combining,
            Step::Hash(_) => RoundState::Hashing,
            Step::Evaluate(_) => RoundState::Evaluating,
            Step::Score(_) | Step::Done => RoundState::Scoring,
        }
    }

    /// What each update counts: its samples as far as they are plausible, or one where the strategy does not count them.
    pub fn counts(&self, context: &Context) -> Vec<u64> {
        if context.args.privacy.is_some() || matches!(context.args.strategy, Strategy::FedBuff { .. }) {
            return vec![1; self.updates.len()];
        }
        let samples: Vec<u64> = self.updates.iter().map(|update| update.samples).collect();
        findings::plausible(&samples)
    }

    /// The deltas of all updates for a range of parameters.
    pub fn deltas(&self, storage: &Storage, record: &TaskRecord, first: u64, end: u64) -> Vec<Vec<f32>> {
        self.updates
            .iter()
            .map(|update| stored_delta(storage, record, update, first, end))
            .collect()
    }
}

fn slices(deltas: &[Vec<f32>]) -> Vec<&[f32]> {
    deltas.iter().map(Vec::as_slice).collect()
}

/// One step.
pub fn step(storage: &mut Storage, record: &mut TaskRecord, context: &Context, work: &mut RoundWork) -> Progress {
    // The step is put back by what follows, unless the round cannot go on at all.
    match std::mem::replace(&mut work.step, Step::Done) {
        Step::Measure { at, distances } => {
            let shapley = matches!(context.args.scoring, Scoring::Shapley { .. });
            if work.seed.is_none() && (shapley || context.args.privacy.is_some()) {
                work.step = Step::Measure { at, distances };
                return Progress::NeedsSeed;
            }
            measure_some(storage, record, context, work, at, distances)
        }
        Step::Combine { at, rule } => combine_some(storage, record, context, work, at, rule),
        Step::Hash(mut content) => {
            let Some(candidate) = work.candidate else {
                return Progress::Failed("the candidate is lost".to_owned());
            };
            work.step = if files::hash_some(storage, &context.plan, &candidate, &mut content) {
                work.hash = Some(content.hash());
                Step::Evaluate(EvaluationRun::new(&context.plan))
            } else {
                Step::Hash(content)
            };
            Progress::More
        }
        Step::Evaluate(run) => evaluate_some(storage, record, context, work, run),
        Step::Score(mut scorer) => match scorer.step(storage, record, context, work) {
            Ok(None) => {
                work.step = Step::Score(scorer);
                Progress::More
            }
            Ok(Some(worths)) => {
                if let (false, Some(place)) = (work.accepted, scorer.culprit(record, work)) {
                    // A round that the first release began has none yet.
                    work.findings.resize(work.updates.len(), None);
                    work.findings[place] = Some(Finding::Spoilt);
                }
                work.worths = Some(worths);
                Progress::Done
            }
            Err(reason) => Progress::Failed(format!("scoring: {reason}")),
        },
        Step::Done => Progress::Done,
    }
}

fn measure_some(
    storage: &Storage,
    record: &TaskRecord,
    context: &Context,
    work: &mut RoundWork,
    at: u64,
    distances: Option<Distances>,
) -> Progress {
    let strategy = &context.args.strategy;
    let updates = work.updates.len() as u64;
    if measure(strategy) == Measurement::Distances {
        let mut distances = distances.unwrap_or_else(|| Distances::new(work.updates.len()));
        let pairs = updates * updates.saturating_sub(1) / 2;
        let end = record
            .parameters
            .min(at + range(updates * PER_NUMBER + pairs * PER_PAIR));
        let deltas = work.deltas(storage, record, at, end);
        if let Err(error) = distances.add(&slices(&deltas)) {
            return Progress::Failed(error.to_string());
        }
        if end < record.parameters {
            work.step = Step::Measure {
                at: end,
                distances: Some(distances),
            };
            return Progress::More;
        }
        return decide_rule(storage, record, context, work, &Measured::Distances(distances));
    }
    let measured = match measure(strategy) {
        Measurement::Norms => Measured::Norms(work.updates.iter().map(|update| update.squared_norm).collect()),
        Measurement::None | Measurement::Distances => Measured::None,
    };
    decide_rule(storage, record, context, work, &measured)
}

/// Fixes how the round is combined, and finds what its updates show about one another.
fn decide_rule(
    storage: &Storage,
    record: &TaskRecord,
    context: &Context,
    work: &mut RoundWork,
    measured: &Measured,
) -> Progress {
    let strategy = &context.args.strategy;
    let bound = match (&context.args.privacy, strategy) {
        (Some(privacy), _) => Some(privacy.clip),
        (None, Strategy::NormClipping { bound }) => Some(*bound),
        (None, _) => None,
    };
    if let Some(bound) = bound {
        let norms = work.updates.iter().map(|update| update.squared_norm);
        work.factors = norms.map(|norm| norm_clipping::factor(bound, norm)).collect();
    }
    let decided = match strategy {
        Strategy::FedBuff { scale_by_staleness, .. } => Ok(Rule::Weighted(
            work.updates
                .iter()
                .map(|update| fed_buff::scale(update.staleness.into(), *scale_by_staleness))
                .collect(),
        )),
        _ if context.args.privacy.is_some() => {
            // Everybody counts the same, so that one client's part is at most clip / updates.
            #[allow(clippy::cast_precision_loss)]
            let updates = work.updates.len() as f32;
            Ok(Rule::Weighted(
                work.factors.iter().map(|factor| factor / updates).collect(),
            ))
        }
        _ => rule(strategy, &work.counts(context), measured),
    };
    match decided {
        Ok(rule) => {
            work.findings = findings::judge(
                storage,
                record,
                strategy,
                &rule,
                work.round,
                (&work.updates, &work.factors),
            );
            work.step = Step::Combine { at: 0, rule };
            Progress::More
        }
        Err(error) => Progress::Failed(error.to_string()),
    }
}

/// Instructions that one parameter of the candidate costs, by estimate.
pub fn per_parameter(context: &Context, rule: &Rule, updates: u64) -> u64 {
    let sorted = match rule {
        Rule::Weighted(_) => 0,
        // Sorting networks of up to 16 inputs are written out; beyond, insertion into a sorted column.
        Rule::Median | Rule::TrimmedMean { .. } | Rule::AroundMedian { .. } => 8 * updates * updates,
    };
    let noise = if context.args.privacy.is_some() { PER_NOISE } else { 0 };
    updates * PER_NUMBER + sorted + noise + PER_WRITE * (2 + state_vectors(&context.args.strategy) as u64)
}

fn combine_some(
    storage: &mut Storage,
    record: &TaskRecord,
    context: &Context,
    work: &mut RoundWork,
    at: u64,
    rule: Rule,
) -> Progress {
    let strategy = &context.args.strategy;
    let Some(model) = &record.model else {
        return Progress::Failed("there is no model".to_owned());
    };
    if let Err(reason) = make_room(storage, record, context, work) {
        return Progress::Failed(reason);
    }
    let Some(candidate) = work.candidate else {
        return Progress::Failed("the candidate is lost".to_owned());
    };
    let per_parameter = per_parameter(context, &rule, work.updates.len() as u64);
    let end = record.parameters.min(at + range(per_parameter));
    let deltas = work.deltas(storage, record, at, end);
    let before = storage.read_numbers(&model.blob, at, end - at);
    let mut numbers = before.clone();
    let mut step = vec![0.0; numbers.len()];
    if let (
        Strategy::FedBuff {
            server_learning_rate, ..
        },
        Rule::Weighted(scales),
    ) = (strategy, &rule)
    {
        for (scale, delta) in scales.iter().zip(&deltas) {
            fed_buff::add(*scale, delta, &mut step);
        }
        let updates = u32::try_from(deltas.len()).unwrap_or(u32::MAX);
        fed_buff::apply(*server_learning_rate, updates, &mut numbers, &mut step);
    } else {
        if let Err(error) = combine(&rule, &slices(&deltas), &mut step) {
            return Progress::Failed(error.to_string());
        }
        if let (Some(privacy), Some(seed)) = (&context.args.privacy, work.seed) {
            privacy::add_noise(privacy, seed, work.updates.len(), at, &mut step);
        }
        let mut state: Vec<Vec<f32>> = (0..work.state.len())
            .map(|vector| match record.state.get(vector) {
                Some(blob) => storage.read_numbers(blob, at, end - at),
                None => vec![0.0; step.len()],
            })
            .collect();
        {
            let mut slices: Vec<&mut [f32]> = state.iter_mut().map(Vec::as_mut_slice).collect();
            apply(strategy, record.accepted_rounds + 1, &mut numbers, &step, &mut slices);
        }
        for (blob, vector) in work.state.iter().zip(&state) {
            storage.write_numbers(blob, at, vector);
        }
    }
    hold_variances(&context.plan, at, &mut numbers);
    if numbers.iter().any(|number| !number.is_finite()) {
        // Finite updates can still overflow together: such a candidate is worse than any model.
        return reject(record, context, work);
    }
    storage.write_numbers(&candidate, at, &numbers);
    if let Some(seed) = record.sketch_seed {
        for (before, number) in step.iter_mut().zip(before.iter().zip(&numbers)) {
            *before = number.1 - number.0;
        }
        work.step_sketch.get_or_insert_default().add(seed.0, at, &step);
    }
    work.step = if end < record.parameters {
        Step::Combine { at: end, rule }
    } else {
        Step::Hash(Content::new(record.header_bytes + record.parameters * 4))
    };
    Progress::More
}

/// Running variances move with training, and a server optimiser or noise may carry them below zero, where no model has a value: there they are zero.
pub fn hold_variances(plan: &Plan, first: u64, numbers: &mut [f32]) {
    let first = usize::try_from(first).unwrap_or(usize::MAX);
    let end = first.saturating_add(numbers.len());
    for parameter in &plan.parameters {
        let range = parameter.range();
        let (from, to) = (range.start.max(first), range.end.min(end));
        if from < to && !parameter.trainable && parameter.name.ends_with(".running_var") {
            for number in &mut numbers[from - first..to - first] {
                *number = number.max(0.0);
            }
        }
    }
}

fn make_room(
    storage: &mut Storage,
    record: &TaskRecord,
    context: &Context,
    work: &mut RoundWork,
) -> Result<(), String> {
    let exhausted = |_| "stable memory is exhausted".to_owned();
    if work.candidate.is_none() {
        work.candidate = Some(storage.take(record.parameters * 4).map_err(exhausted)?);
        while work.state.len() < state_vectors(&context.args.strategy) {
            work.state.push(storage.take(record.parameters * 4).map_err(exhausted)?);
        }
    }
    Ok(())
}

fn evaluate_some(
    storage: &Storage,
    record: &TaskRecord,
    context: &Context,
    work: &mut RoundWork,
    mut run: EvaluationRun,
) -> Progress {
    let Some(candidate) = work.candidate else {
        return Progress::Failed("the candidate is lost".to_owned());
    };
    let subject = Subject::candidate(record.id, work.round);
    match evaluate::step(storage, record, &context.plan, subject, &candidate, &mut run) {
        Ok(false) => {
            work.step = Step::Evaluate(run);
            Progress::More
        }
        Ok(true) => {
            let value = evaluate::value(run.sums());
            work.accepted = is_accepted(value, record.best, context.args.tolerance);
            work.evaluated = Some(run.sums().clone());
            if !work.accepted {
                return reject(record, context, work);
            }
            match Scorer::new(context, work) {
                Ok(scorer) => {
                    work.step = Step::Score(scorer);
                    Progress::More
                }
                Err(reason) => Progress::Failed(format!("scoring: {reason}")),
            }
        }
        Err(reason) => Progress::Failed(format!("evaluation: {reason}")),
    }
}

/// A rejected round is over, unless it can be found out which update made it so: where the task evaluates coalitions, that is looked for.
fn reject(record: &TaskRecord, context: &Context, work: &mut RoundWork) -> Progress {
    match Scorer::of_rejected(record, context, work) {
        Some(scorer) => {
            work.step = Step::Score(scorer);
            Progress::More
        }
        None => Progress::Done,
    }
}

/// Whether a candidate may be the model: it is not worse than the best so far by more than the tolerance. Without a best (the first model's loss was
/// no number) any number will do.
pub fn is_accepted(value: Option<f64>, best: Option<f64>, tolerance: f64) -> bool {
    match (value, best) {
        (Some(value), Some(best)) => value >= best - tolerance,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ddsx_nn::spec::{Limits, ModelSpec};

    #[test]
    fn should_keep_running_variances_at_zero_or_above() {
        let spec: ModelSpec = serde_json::from_str(
            r#"{"input_shape":[2],"layers":[{"name":"bn","layer":{"BatchNorm":{"features":2,"epsilon":1e-5}}}],"output":{"Regression":2}}"#,
        )
        .unwrap();
        let plan = Plan::new(&spec, &Limits::default()).unwrap();
        // Weight, bias, running mean, running variance: the last four numbers of eight.
        let mut numbers = vec![-1.0, -1.0, -0.5, -0.25, 0.5];
        hold_variances(&plan, 2, &mut numbers[..4]);
        assert_eq!(numbers, [-1.0, -1.0, -0.5, -0.25, 0.5], "up to the means");
        hold_variances(&plan, 3, &mut numbers);
        assert_eq!(numbers, [-1.0, -1.0, -0.5, 0.0, 0.5]);
    }

    #[test]
    fn should_accept_within_the_tolerance_alone() {
        for (value, best, expected) in [
            (Some(0.90), Some(0.95), true),
            (Some(0.88), Some(0.95), false),
            (Some(0.99), Some(0.95), true),
            (None, Some(0.95), false),
            (None, None, false),
            (Some(-100.0), None, true),
        ] {
            assert_eq!(is_accepted(value, best, 0.0625), expected, "{value:?} {best:?}");
        }
    }
}
