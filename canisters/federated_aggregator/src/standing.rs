//! How a client stands in a task: the part of its stake that an upload holds, marks for uploads that never ended and for what reports found, rest
//! while others are there, exclusion by the owner.

use candid::Principal;
use ddsx_types::TimestampNs;
use ddsx_types::federated_aggregator::{
    ExcludeClientArgs, Exclusion, Finding, PIECE_BYTES, Reward, Stage, Standing, TaskError,
};

use crate::amounts::{amount, nat};
use crate::guard;
use crate::join::release_stake;
use crate::limits::{CLIENTS_PER_STEP, IDLE_UPLOAD_NS, MAX_REASON_BYTES, MOST_REST, SLOW_PIECE_NS};
use crate::sketches;
use crate::storage::Storage;
use crate::storage::records::{ClientRecord, Payee, TaskRecord, UpdateRecord};

/// What an upload locks of a stake.
pub fn deposit(reward: &Reward) -> u128 {
    let stake = amount(&reward.stake).unwrap_or(0);
    let told = reward.deposit.as_ref().and_then(amount);
    told.unwrap_or((stake / 10).max(1)).min(stake)
}

/// A mark: with the second a client begins to rest, and with each further one for twice as many rounds.
pub fn mark(entry: &mut ClientRecord, round: u32) {
    entry.marks = entry.marks.saturating_add(1);
    let rounds = 1_u32 << (entry.marks - 1).min(MOST_REST);
    entry.rests_until = entry.rests_until.max(round.saturating_add(rounds));
}

/// What a report finds is written down; what is nobody's fault is not.
pub fn find(entry: &mut ClientRecord, round: u32, finding: Finding) {
    if finding != Finding::LeftOut {
        entry.findings = entry.findings.saturating_add(1);
        mark(entry, round);
    }
}

/// Whether others come first in a round: the client rests, and enough are there that do not.
pub fn waits(storage: &Storage, record: &TaskRecord, entry: &ClientRecord, round: u32, enough: u32) -> bool {
    if entry.rests_until <= round {
        return false;
    }
    let (mut after, mut found) = (None, 0);
    loop {
        let page = storage.clients(record.id, after.as_ref(), CLIENTS_PER_STEP);
        let Some((last, _)) = page.last() else { return false };
        after = Some(*last);
        found += page
            .iter()
            .filter(|(_, other)| other.active && other.rests_until <= round)
            .count();
        if found >= enough as usize {
            return true;
        }
    }
}

/// So much of a stake that is lost is the treasury's. The record is the caller's to store.
pub fn to_treasury(storage: &mut Storage, record: &mut TaskRecord, lost: u128, now: TimestampNs) {
    if lost == 0 {
        return;
    }
    record.books.slash(lost);
    if let Some(mut asset) = record.ledger.and_then(|ledger| storage.asset(ledger)) {
        asset.treasury.credit(lost);
        storage.ask_payout(now, Payee::Treasury(asset.ledger));
        storage.put_asset(asset);
    }
}

/// Whether an upload has stood still for so long, or is so slow on the whole, that another may take its place; a pause does not count,
/// and while it lasts nothing stands still.
pub fn is_idle(storage: &Storage, update: &UpdateRecord, now: TimestampNs) -> bool {
    let settings = storage.settings();
    let since = update.touched_at.max(settings.resumed_at);
    // One of an earlier release is as old as its last piece.
    let begun = if update.begun_at == 0 {
        update.touched_at
    } else {
        update.begun_at
    };
    let pieces = update.content.received() / PIECE_BYTES;
    let allowed = begun
        .max(settings.resumed_at)
        .saturating_add(pieces.saturating_mul(SLOW_PIECE_NS));
    !settings.paused && since.min(allowed).saturating_add(IDLE_UPLOAD_NS) <= now
}

/// An upload that is not finished is dropped, and nobody is to blame: the task ends before its round does.
pub fn dropped(storage: &mut Storage, record: &TaskRecord, update: &UpdateRecord, round: u32) {
    storage.remove_direction(record.id, &update.client, round);
    if let Some(mut entry) = storage.client(record.id, &update.client) {
        entry.locked = 0;
        storage.put_client(record.id, &update.client, entry);
    }
}

/// An upload that is not finished is thrown out of its round. If it stood still, what it locked is lost, and its client gets a mark; one that was
/// still going on loses nothing. The record is the caller's to store.
pub fn thrown_out(storage: &mut Storage, record: &mut TaskRecord, update: &UpdateRecord, round: u32, now: TimestampNs) {
    storage.remove_direction(record.id, &update.client, round);
    let Some(mut entry) = storage.client(record.id, &update.client) else {
        return;
    };
    let locked = std::mem::take(&mut entry.locked).min(entry.stake);
    if is_idle(storage, update, now) {
        entry.unfinished = entry.unfinished.saturating_add(1);
        mark(&mut entry, round);
        entry.stake -= locked;
        to_treasury(storage, record, locked, now);
        // What is left does not cover another upload: it goes back, and the client pays a stake again before it goes on.
        if locked > 0 && entry.stake < locked && entry.active {
            release_stake(storage, record, &update.client, &mut entry, now);
            entry.active = false;
            record.clients -= 1;
        }
    }
    storage.put_client(record.id, &update.client, entry);
}

/// The owner excludes a client against whom the records say something. Its upload is dropped unless it was accepted, its stake goes back, what
/// it earned is its own.
pub fn exclude(
    storage: &mut Storage,
    caller: Principal,
    now: TimestampNs,
    args: &ExcludeClientArgs,
) -> Result<(), TaskError> {
    let mut record = guard::owned(storage, caller, args.task)?;
    if matches!(record.stage, Stage::Ended(_)) {
        return Err(TaskError::WrongStage);
    }
    let reason = args.reason.trim();
    if !(1..=MAX_REASON_BYTES).contains(&reason.len()) {
        return Err(TaskError::Invalid {
            field: "reason".to_owned(),
            reason: format!("1 to {MAX_REASON_BYTES} bytes"),
        });
    }
    let known = storage.client(args.task, &args.client);
    let shown = known.filter(|entry| entry.excluded.is_none() && entry.faults + entry.unfinished + entry.findings > 0);
    let Some(mut entry) = shown else {
        return Err(TaskError::Invalid {
            field: "client".to_owned(),
            reason: "one that takes part, with faults, uploads that never ended or findings in reports".to_owned(),
        });
    };
    if let Some(mut collecting) = record.collecting
        && let Some(update) = storage.update(args.task, collecting.round, &args.client)
        && update.place.is_none()
    {
        storage.remove_update(args.task, collecting.round, &args.client);
        storage.remove_direction(args.task, &args.client, collecting.round);
        storage.give_back(update.blob);
        collecting.uploads -= 1;
        record.collecting = Some(collecting);
    }
    entry.locked = 0;
    release_stake(storage, &mut record, &args.client, &mut entry, now);
    sketches::forget_gone(storage, &record, &args.client);
    if entry.active {
        entry.active = false;
        record.clients -= 1;
    }
    entry.excluded = Some(Exclusion {
        at: now,
        reason: reason.to_owned(),
    });
    storage.put_client(args.task, &args.client, entry);
    storage.put_task(record);
    Ok(())
}

/// For everybody to read.
pub fn standing(entry: &ClientRecord) -> Standing {
    Standing {
        locked: nat(entry.locked),
        unfinished: entry.unfinished,
        findings: entry.findings,
        marks: entry.marks,
        rests_until: entry.rests_until,
        excluded: entry.excluded.clone(),
    }
}
