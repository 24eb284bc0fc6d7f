//! A round's end: the model in force, the rewards, the certified report.

use ddsx_merkle_log::sha256;
use ddsx_nn::score::evaluation::Evaluation;
use ddsx_types::federated_aggregator::{
    ClientReport, CreateTaskArgs, Evaluated, ModelVersion, RoundOutcome, RoundReport, Scoring,
};
use ddsx_types::{Hash, TimestampNs};

use crate::amounts::{amount, nat};
use crate::books::split;
use crate::combine::RoundWork;
use crate::evaluate::{self, Subject};
use crate::privacy;
use crate::storage::Storage;
use crate::storage::record::candid_bytes;
use crate::storage::records::{Collecting, Model, Payee, TaskRecord, UpdateRecord};
use crate::work::Context;

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
    let rule = context.args.reward.as_ref().map(|reward| reward.rule);
    let rewards = match (&work.worths, rule) {
        (Some(worths), Some(rule)) if work.accepted => split(budget, worths, rule),
        _ => vec![0; work.updates.len()],
    };
    let counts = work.counts(context);
    let clients = work
        .updates
        .iter()
        .enumerate()
        .map(|(place, update)| {
            client_report(
                update,
                counts[place],
                work.worths.as_ref().map(|worths| worths[place]),
                rewards[place],
            )
        })
        .collect();
    // What is published of a rejected candidate comes from the clients' data too, so it spends privacy as the others do.
    record.noised_rounds += u32::from(context.args.privacy.is_some() && work.evaluated.is_some());
    if work.accepted {
        accept(storage, record, context, &mut work);
    }
    for (place, update) in work.updates.iter().enumerate() {
        let worth = work.worths.as_ref().map_or(0.0, |worths| worths[place]);
        reward(storage, record, update, worth, rewards[place], now);
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
        ..blank(record, before.as_ref(), work.round, work.opened_at, now)
    };
    publish(storage, &report);
}

/// A round was worked on: what it cost is the treasury's. The record is the caller's to store.
pub fn earn_fee(storage: &mut Storage, record: &mut TaskRecord, now: TimestampNs) {
    let earned = record.fee.earn();
    let Some(mut asset) = record.fee.ledger.and_then(|ledger| storage.asset(ledger)) else {
        return;
    };
    if earned > 0 {
        asset.treasury.credit(earned);
        storage.ask_payout(now, Payee::Treasury(asset.ledger));
        storage.put_asset(asset);
    }
}

/// What a round may pay.
fn round_budget(record: &TaskRecord, args: &CreateTaskArgs) -> u128 {
    let per_round = args.reward.as_ref().and_then(|reward| amount(&reward.per_round));
    per_round.unwrap_or(0).min(record.books.budget_left)
}

fn client_report(update: &UpdateRecord, samples: u64, score: Option<f64>, reward: u128) -> ClientReport {
    ClientReport {
        client: update.client,
        samples,
        update: update.hash,
        norm: update.squared_norm.sqrt(),
        staleness: update.staleness,
        score,
        reward: nat(reward),
        lineage: update.lineage.clone(),
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

/// Books what a client has earned; its payment begins soon.
fn reward(
    storage: &mut Storage,
    record: &mut TaskRecord,
    update: &UpdateRecord,
    worth: f64,
    reward: u128,
    now: TimestampNs,
) {
    let Some(mut client) = storage.client(record.id, &update.client) else {
        return;
    };
    if worth.is_finite() {
        client.score += worth;
    }
    if reward > 0 {
        record.books.assign(reward);
        client.payable.credit(reward);
        client.earned += reward;
        storage.ask_payout(now, Payee::Client(record.id, update.client));
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
    }
}

/// Publishes a round that had too few updates.
pub fn skip(storage: &mut Storage, record: &mut TaskRecord, collecting: &Collecting, now: TimestampNs) {
    record.rounds_held += 1;
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
