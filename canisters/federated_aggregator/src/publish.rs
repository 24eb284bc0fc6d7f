//! A round's end: the model in force, the rewards, the certified report.

use ddsx_merkle_log::sha256;
use ddsx_nn::score::evaluation::Evaluation;
use ddsx_types::federated_aggregator::{
    ClientReport, CreateTaskArgs, Earning, Evaluated, ModelVersion, Progress, RoundOutcome, RoundReport, Scoring,
};
use ddsx_types::{Hash, TimestampNs};

use crate::amounts::{amount, nat};
use crate::books::split;
use crate::combine::RoundWork;
use crate::evaluate::{self, Subject};
use crate::limits::{MAX_FREE_SKIPS, REVEALED_PER_STEP};
use crate::sketches::{self, Direction, PUBLIC};
use crate::storage::Storage;
use crate::storage::record::candid_bytes;
use crate::storage::records::{Collecting, Model, Payee, TaskRecord};
use crate::work::Context;
use crate::{balance, earnings, findings, privacy, standing};

/// The version as the interface names it.
pub fn version(record: &TaskRecord, model: &Model) -> ModelVersion {
    ModelVersion {
        task: record.id,
        version: model.version,
        round: model.round,
        hash: model.hash,
        parent: model.parent,
        bytes: record.header_bytes + model.blob.len(),
    }
}

/// The bytes of a version that are certified.
///
/// Panics if they cannot be made: an inner fault, which undoes the message and certifies nothing.
pub fn version_bytes(record: &TaskRecord, model: &Model) -> Vec<u8> {
    candid_bytes(&version(record, model))
}

/// Puts a model in force, certified from the next `certification::publish` on. The room of the one before is given back.
pub fn put_in_force(storage: &mut Storage, record: &mut TaskRecord, model: Model) {
    storage.certify_model(record.id, sha256(&version_bytes(record, &model)));
    if let Some(before) = record.model.replace(model) {
        storage.give_back(before.blob);
    }
}

fn evaluated(sums: &Evaluation) -> Evaluated {
    Evaluated {
        samples: sums.samples,
        loss: sums.loss().unwrap_or(f64::NAN),
        accuracy: sums.accuracy(),
        per_class: sums.classes.clone(),
    }
}

/// Publishes a round that was worked on. The record is the caller's to store.
pub fn conclude(
    storage: &mut Storage,
    record: &mut TaskRecord,
    context: &Context,
    mut work: RoundWork,
    now: TimestampNs,
) {
    let before = record.model.clone();
    let budget = round_budget(record, &context.args);
    work.worths = work.worths.map(|worths| earnings::coarse(&worths));
    let progress = work.accepted.then(|| measure_progress(record, context, &work));
    let rewards = match (&work.worths, &context.args.reward, &progress) {
        (Some(worths), Some(reward), Some(progress)) => {
            split(earnings::part(budget, progress.part_ppm), worths, reward.rule)
        }
        _ => vec![0; work.updates.len()],
    };
    if let Some(progress) = &progress {
        settle_progress(record, context, &work, progress, rewards.iter().sum());
    }
    let counts = work.counts(context);
    let clients = (0..work.updates.len())
        .map(|place| client_report(&work, place, counts[place], rewards[place]))
        .collect();
    // What is published of a rejected candidate comes from the clients' data too, so it spends privacy as the others do.
    record.noised_rounds += u32::from(context.args.privacy.is_some() && work.evaluated.is_some());
    if work.accepted {
        accept(storage, record, context, &mut work);
    }
    let later = context.args.scores_at_end == Some(true);
    for (place, reward) in rewards.iter().enumerate() {
        book(storage, record, &work, place, *reward, (!later).then_some(now));
    }
    let candidate = work.hash;
    for blob in work.blobs() {
        storage.give_back(blob);
    }
    let seed = work
        .seed
        .filter(|_| matches!(context.args.scoring, Scoring::Shapley { .. }))
        .map(|seed| Hash(privacy::derive(seed, "ddsx orders")));
    let outcome = if work.accepted {
        storage.count(|counters| counters.rounds_accepted += 1);
        RoundOutcome::Accepted
    } else {
        storage.count(|counters| counters.rounds_rejected += 1);
        RoundOutcome::Rejected
    };
    record.rounds_held += 1;
    earn_fee(storage, record, now);
    let report = RoundReport {
        outcome,
        candidate,
        evaluated: work.evaluated.as_ref().map(evaluated),
        clients,
        seed,
        budget: nat(budget),
        rewarded: nat(rewards.iter().sum()),
        progress: progress.filter(|_| context.args.reward.is_some()),
        ..blank(record, before.as_ref(), work.round, work.opened_at, now)
    };
    if later && work.worths.is_some() {
        storage.keep_report(
            report.task,
            report.round,
            candid::encode_one(&report).unwrap_or_default(),
        );
        publish(storage, &without_scores(report));
    } else {
        publish(storage, &report);
    }
}

/// What a round's pay is measured by.
fn measure_progress(record: &TaskRecord, context: &Context, work: &RoundWork) -> Progress {
    let loss = work.evaluated.as_ref().and_then(Evaluation::loss);
    let before = record.paid_loss.or(record.loss);
    earnings::progress(&earning(context), before, loss.filter(|loss| loss.is_finite()))
}

fn earning(context: &Context) -> Earning {
    let reward = context.args.reward.as_ref();
    reward.and_then(|reward| reward.earning).unwrap_or_default()
}

/// Progress that was paid for is not paid for again; where nothing was paid, it counts for a later round.
fn settle_progress(record: &mut TaskRecord, context: &Context, work: &RoundWork, progress: &Progress, paid: u128) {
    record.paid_loss = progress.before;
    if !earnings::is_enough(&earning(context), progress.gain) {
        return;
    }
    let norms = findings::norms(&work.updates, &work.factors);
    record.usual_norm = findings::usual_norm(record.usual_norm, &norms, &work.findings);
    if paid > 0 || context.args.reward.is_none() {
        record.paid_loss = work.evaluated.as_ref().and_then(Evaluation::loss);
    }
}

/// The report as it is published until the task ends.
fn without_scores(report: RoundReport) -> RoundReport {
    let hide = |client: ClientReport| ClientReport {
        score: None,
        reward: nat(0),
        ..client
    };
    RoundReport {
        clients: report.clients.into_iter().map(hide).collect(),
        scores_later: Some(true),
        ..report
    }
}

/// Publishes, when a task has ended, some more reports with what was kept back. Says whether there were none left.
pub fn reveal(storage: &mut Storage, record: &TaskRecord) -> bool {
    let kept = storage.take_kept_reports(record.id, REVEALED_PER_STEP);
    for (round, report) in &kept {
        storage.certify_report(record.id, *round, sha256(report));
        storage.put_report(record.id, *round, report.clone());
    }
    kept.is_empty()
}

/// A round was worked on: what it cost is the treasury's. The record is the caller's to store.
pub fn earn_fee(storage: &mut Storage, record: &mut TaskRecord, now: TimestampNs) {
    let earned = record.fee.earn();
    let Some(ledger) = record.fee.ledger else { return };
    balance::to_treasury(storage, ledger, earned, now);
    let aside = record.fee.per_round.min(record.fee.aside);
    record.fee.aside -= aside;
    balance::charge_aside(storage, record.owner, ledger, aside, now);
}

/// What a round may pay.
fn round_budget(record: &TaskRecord, args: &CreateTaskArgs) -> u128 {
    let per_round = args.reward.as_ref().and_then(|reward| amount(&reward.per_round));
    per_round.unwrap_or(0).min(record.books.budget_left)
}

fn client_report(work: &RoundWork, place: usize, samples: u64, reward: u128) -> ClientReport {
    let update = &work.updates[place];
    ClientReport {
        client: update.client,
        samples,
        update: update.hash,
        norm: update.squared_norm.sqrt(),
        staleness: update.staleness,
        score: work.worths.as_ref().map(|worths| worths[place]),
        reward: nat(reward),
        lineage: update.lineage.clone(),
        finding: work.findings.get(place).copied().flatten(),
    }
}

/// The candidate becomes the model. What it replaces goes into the work's blobs, or is given back.
fn accept(storage: &mut Storage, record: &mut TaskRecord, context: &Context, work: &mut RoundWork) {
    let (Some(blob), Some(hash), Some(sums), Some(before)) =
        (work.candidate.take(), work.hash, &work.evaluated, &record.model)
    else {
        panic!("a candidate that was accepted and is not there");
    };
    let model = Model {
        version: before.version + 1,
        round: work.round,
        hash,
        parent: before.hash,
        blob,
    };
    let version = model.version;
    if let Some(sketch) = work.step_sketch.take() {
        storage.put_direction(record.id, &PUBLIC, version, &Direction { version, sketch });
        sketches::prune(storage, record.id, &PUBLIC);
    }
    if let Some(value) = evaluate::value(sums) {
        record.best = Some(record.best.map_or(value, |best| best.max(value)));
    }
    record.loss = sums.loss().filter(|loss| loss.is_finite());
    put_in_force(storage, record, model);
    std::mem::swap(&mut record.state, &mut work.state);
    record.accepted_rounds += 1;
    evaluate::keep(
        Subject::candidate(record.id, work.round),
        Subject::model(record.id, version),
        context.plan.len,
    );
}

/// Books what a client has earned, and what was found about its update. Its payment begins soon, or without a time when the task ends.
fn book(
    storage: &mut Storage,
    record: &mut TaskRecord,
    work: &RoundWork,
    place: usize,
    reward: u128,
    now: Option<TimestampNs>,
) {
    let update = &work.updates[place];
    sketches::prune(storage, record.id, &update.client);
    let Some(mut client) = storage.client(record.id, &update.client) else {
        return;
    };
    let worth = work.worths.as_ref().map_or(0.0, |worths| worths[place]);
    if work.accepted && worth.is_finite() {
        *(if now.is_some() {
            &mut client.score
        } else {
            &mut client.kept_score
        }) += worth;
    }
    if let Some(finding) = work.findings.get(place).copied().flatten() {
        standing::find(&mut client, work.round, finding);
    }
    if reward > 0 {
        record.books.assign(reward);
        client.payable.credit(reward);
        client.earned += reward;
        if let Some(now) = now {
            client.marks = client.marks.saturating_sub(1);
            storage.ask_payout(now, Payee::Client(record.id, update.client));
        } else {
            // Nor does anything else tell before the end that it earned.
            client.kept_marks = client.kept_marks.saturating_add(1);
            client.kept_reward += reward;
        }
        storage.count(|counters| counters.rewards += 1);
    }
    storage.put_client(record.id, &update.client, client);
}

/// A report of a round of which nothing is known but its time. The record is that after the round.
fn blank(
    record: &TaskRecord,
    before: Option<&Model>,
    round: u32,
    opened_at: TimestampNs,
    now: TimestampNs,
) -> RoundReport {
    let after = record.model.as_ref();
    RoundReport {
        task: record.id,
        round,
        outcome: RoundOutcome::Skipped,
        version: after.map_or(0, |model| model.version),
        parent: before.map_or(0, |model| model.version),
        model: after.map_or_else(Hash::default, |model| model.hash),
        parent_model: before.map_or_else(Hash::default, |model| model.hash),
        candidate: None,
        evaluated: None,
        clients: Vec::new(),
        seed: None,
        budget: nat(0),
        rewarded: nat(0),
        opened_at,
        published_at: now,
        progress: None,
        scores_later: None,
    }
}

/// Publishes a round that had too few updates.
pub fn skip(storage: &mut Storage, record: &mut TaskRecord, collecting: &Collecting, now: TimestampNs) {
    record.rounds_held += 1;
    record.free_skips += u32::from(record.free_skips < MAX_FREE_SKIPS);
    storage.count(|counters| counters.rounds_skipped += 1);
    let model = record.model.clone();
    let report = blank(record, model.as_ref(), collecting.round, collecting.opened_at, now);
    publish(storage, &report);
}

/// Stores and certifies a report.
///
/// Panics if it cannot be written: an inner fault, which undoes the message. An empty report is never certified.
fn publish(storage: &mut Storage, report: &RoundReport) {
    let bytes = candid_bytes(report);
    storage.certify_report(report.task, report.round, sha256(&bytes));
    storage.put_report(report.task, report.round, bytes);
}
