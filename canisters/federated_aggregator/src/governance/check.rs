//! What governance may set, each value by itself.

use candid::Principal;
use ddsx_types::Account;
use ddsx_types::federated_aggregator::{ComputeFee, Limits, Stage, StorageFee, TaskId};

use crate::amounts::amount;
use crate::assets;
use crate::limits::{HIGHEST, MAX_REGISTRIES};
use crate::storage::Storage;
use crate::storage::records::TaskRecord;

/// A task that has not ended.
pub fn running(storage: &Storage, task: TaskId) -> Result<TaskRecord, String> {
    let record = storage.task(task).ok_or("there is no such task")?;
    if matches!(record.stage, Stage::Ended(_)) {
        return Err("the task has ended".to_owned());
    }
    Ok(record)
}

/// A task that has ended and still holds something.
pub fn freeable(storage: &Storage, task: TaskId) -> Result<TaskRecord, String> {
    let record = storage.task(task).ok_or("there is no such task")?;
    if !matches!(record.stage, Stage::Ended(_)) {
        return Err("the task has not ended".to_owned());
    }
    if record.cleared || record.working {
        return Err("it is forgotten already, or its end is being worked on".to_owned());
    }
    Ok(record)
}

/// Registries that may be asked.
pub fn registries(registries: &[Principal]) -> Result<(), String> {
    if registries.len() > MAX_REGISTRIES {
        return Err(format!("at most {MAX_REGISTRIES} registries"));
    }
    registries.iter().try_for_each(|registry| principal(*registry))
}

/// What computing costs, in tokens and in cycles.
pub fn compute_fee(storage: &Storage, fee: &ComputeFee) -> Result<(u128, u128), String> {
    let small = |value: &candid::Nat| amount(value).filter(|value| *value <= 1 << 64);
    match (small(&fee.per_billion), small(&fee.cycles_per_billion)) {
        (Some(tokens), Some(_)) if tokens > 0 && storage.settings().fee_ledger.is_none() => {
            Err("the storage fee has no ledger".to_owned())
        }
        (Some(tokens), Some(cycles)) => Ok((tokens, cycles)),
        _ => Err("a fee is at most 2^64".to_owned()),
    }
}

/// What is set aside for a draft.
pub fn deposit(deposit: &candid::Nat) -> Result<u128, String> {
    let deposit = amount(deposit).filter(|deposit| *deposit <= 1 << 64);
    deposit.ok_or_else(|| "a deposit is at most 2^64".to_owned())
}

/// Somebody who can act.
pub fn principal(principal: Principal) -> Result<(), String> {
    if principal == Principal::anonymous() || principal == Principal::management_canister() {
        return Err("nobody acts as this principal".to_owned());
    }
    Ok(())
}

/// An account that fees and lost stakes may go to.
pub fn treasury(storage: &Storage, account: &Account) -> Result<(), String> {
    principal(account.owner)?;
    if assets::mints_from(storage, account) {
        return Err("this is a ledger's minting account: what is paid there is burnt".to_owned());
    }
    Ok(())
}

/// Limits within what a message can still do.
pub fn limits(limits: &Limits) -> Result<(), String> {
    for (field, value, highest) in [
        ("parameters", limits.parameters, HIGHEST.parameters),
        ("multiply_adds", limits.multiply_adds, HIGHEST.multiply_adds),
        ("clients", limits.clients.into(), HIGHEST.clients.into()),
        ("updates", limits.updates.into(), HIGHEST.updates.into()),
        ("attempts", limits.attempts.into(), HIGHEST.attempts.into()),
        ("faults", limits.faults.into(), HIGHEST.faults.into()),
        ("task_bytes", limits.task_bytes, HIGHEST.task_bytes),
        ("total_bytes", limits.total_bytes, HIGHEST.total_bytes),
        (
            "tasks_per_owner",
            limits.tasks_per_owner.into(),
            HIGHEST.tasks_per_owner.into(),
        ),
        ("evaluation_bytes", limits.evaluation_bytes, HIGHEST.evaluation_bytes),
    ] {
        if !(1..=highest).contains(&value) {
            return Err(format!("{field}: 1 to {highest}"));
        }
    }
    Ok(())
}

/// What storage costs, in tokens and in cycles.
pub fn fee(storage: &Storage, fee: &StorageFee) -> Result<(u128, u128), String> {
    // Multiplied with the MiB of a task, at most 2^16 or so.
    let small = |value: &candid::Nat| amount(value).filter(|value| *value <= 1 << 64);
    let (Some(tokens), Some(cycles)) = (small(&fee.per_mib), small(&fee.cycles_per_mib)) else {
        return Err("a fee is at most 2^64".to_owned());
    };
    match fee.ledger {
        Some(ledger) if storage.listed_asset(ledger).is_none() => Err("the asset is not listed".to_owned()),
        None if tokens > 0 => Err("a fee needs its ledger".to_owned()),
        _ => Ok((tokens, cycles)),
    }
}
