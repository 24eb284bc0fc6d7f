//! Joining and leaving a task. Whoever joins an asked-for stake pays it in the same call; membership comes to be in the message that settles it.

use candid::Principal;
use ddsx_merkle_log::sha256;
use ddsx_payments::{self as payments, Host, Kind, Order, RequestKey, Status};
use ddsx_runtime::Runtime;
use ddsx_types::federated_aggregator::{JoinArgs, JoinError, JoinRule, RoundKey, Stage, TaskId};
use ddsx_types::{Account, TimestampNs};

use crate::balance;
use crate::fund::{CannotPay, journal_asset, means};
use crate::host::Aggregator;
use crate::licence;
use crate::sketches;
use crate::storage::record::{candid_bytes, encode};
use crate::storage::records::{AssetRecord, ClientRecord, Payee, Purpose, TaskRecord};
use crate::storage::{self, Storage};

/// Lets the caller in. The same call again is answered the same; it never charges twice.
pub async fn join<R: Runtime>(host: &Aggregator<R>, args: JoinArgs) -> Result<(), JoinError> {
    let caller = host.runtime().caller();
    if caller == Principal::anonymous() {
        return Err(JoinError::Anonymous);
    }
    let request = RequestKey {
        id: args.request_id.to_vec(),
        arguments: sha256(&candid_bytes(&args)),
    };
    let known = payments::lookup_request(host, caller, &request);
    if let Some(status) = known.map_err(|error| JoinError::RequestId(format!("{error:?}")))? {
        return answer(&status);
    }
    let account = args.account.unwrap_or_else(|| caller.into());
    let rule = storage::with(|storage| admit(storage, caller, args.task, &account))?;
    if let JoinRule::Licence { registry, stream } = rule {
        licence::check(host, caller, (registry, stream), args.licence).await?;
    }
    let now = host.runtime().time();
    if args.from_subaccount.is_none()
        && storage::with_mut(|storage| enter_from_balance(storage, args.task, caller, account, now))?
    {
        return Ok(());
    }
    let from = Account {
        owner: caller,
        subaccount: args.from_subaccount,
    };
    if let Some((asset, stake)) = storage::with(|storage| stake_due(storage, caller, args.task, &account))? {
        let looked = means(host, caller, from, &asset, stake).await;
        looked.map_err(|error| match error {
            CannotPay::UnderWay => JoinError::Pending {
                intent: payments::NO_INTENT_YET,
            },
            CannotPay::Refused(reason) => JoinError::PaymentRefused(reason),
        })?;
        // While the ledger answered, the same request may have been made.
        let known = payments::lookup_request(host, caller, &request);
        if let Some(status) = known.map_err(|error| JoinError::RequestId(format!("{error:?}")))? {
            return answer(&status);
        }
    }
    // What the registry's and the ledger's answers took time for may have changed.
    let now = host.runtime().time();
    let Some((asset, stake)) = storage::with(|storage| stake_due(storage, caller, args.task, &account))? else {
        storage::with_mut(|storage| enter(storage, args.task, caller, account, 0, now));
        return Ok(());
    };
    let order = Order {
        kind: Kind::Pull {
            from,
            to_subaccount: None,
        },
        asset: journal_asset(&asset).map_err(JoinError::PaymentRefused)?,
        amount: stake,
        purpose: encode(&Purpose::Stake {
            task: args.task,
            client: caller,
            account,
            amount: stake,
        }),
        caller,
    };
    let status = payments::pay(host, order, Some(request))
        .await
        .map_err(|error| JoinError::PaymentRefused(format!("{error:?}")))?;
    answer(&status)
}

/// What the caller has to pay to be let in, and in what, if anything.
fn stake_due(
    storage: &Storage,
    caller: Principal,
    task: TaskId,
    account: &Account,
) -> Result<Option<(AssetRecord, u128)>, JoinError> {
    admit(storage, caller, task, account)?;
    let record = storage.task(task).ok_or(JoinError::NotFound)?;
    let asset = record.ledger.and_then(|ledger| storage.asset(ledger));
    if asset.as_ref().is_some_and(|asset| asset.is_minting(account)) {
        // What is paid there is burnt.
        return Err(JoinError::InvalidAccount);
    }
    let already = storage.client(task, &caller).is_some_and(|client| client.active);
    Ok(asset
        .filter(|_| record.stake > 0 && !already)
        .map(|asset| (asset, record.stake)))
}

/// Lets a client in whose prepaid balance has the stake: it is taken from there, and goes back there. Says whether it is in.
fn enter_from_balance(
    storage: &mut Storage,
    task: TaskId,
    client: Principal,
    account: Account,
    now: TimestampNs,
) -> Result<bool, JoinError> {
    let Some((asset, stake)) = stake_due(storage, client, task, &account)? else {
        return Ok(false);
    };
    if balance::account(storage, client, asset.ledger).free < stake {
        return Ok(false);
    }
    balance::spend(storage, client, asset.ledger, stake);
    // It is admitted, in this message: the stake is held.
    enter(storage, task, client, account, stake, now);
    if let Some(mut entry) = storage.client(task, &client) {
        entry.from_balance = true;
        storage.put_client(task, &client, entry);
    }
    Ok(true)
}

fn answer(status: &Status) -> Result<(), JoinError> {
    match status {
        Status::Paid { .. } => Ok(()),
        Status::Pending { id } | Status::Quarantined { id } => Err(JoinError::Pending { intent: *id }),
        Status::Failed { failure, .. } => Err(JoinError::PaymentRefused(failure.to_string())),
    }
}

/// All that can be checked without asking anybody.
fn admit(storage: &Storage, caller: Principal, task: TaskId, account: &Account) -> Result<JoinRule, JoinError> {
    let settings = storage.settings();
    if settings.paused {
        return Err(JoinError::Paused);
    }
    if storage.is_banned(caller) {
        return Err(JoinError::Banned);
    }
    if account.owner == Principal::anonymous() || account.owner == Principal::management_canister() {
        return Err(JoinError::InvalidAccount);
    }
    let record = storage.task(task).ok_or(JoinError::NotFound)?;
    if matches!(record.stage, Stage::Ended(_)) {
        return Err(JoinError::Ended);
    }
    // A draft that nobody has paid for is soon forgotten, and a stake would be with it.
    if !record.storage_paid {
        return Err(JoinError::NotFound);
    }
    let args = storage.arguments(task).ok_or(JoinError::NotFound)?;
    let client = storage.client(task, &caller);
    if let Some(client) = &client
        && client.faults >= settings.limits.faults
    {
        return Err(JoinError::TooManyFaults { faults: client.faults });
    }
    if client.as_ref().is_some_and(|client| client.excluded.is_some()) {
        return Err(JoinError::NotAllowed);
    }
    if record.clients >= args.max_clients && !client.is_some_and(|client| client.active) {
        return Err(JoinError::Full {
            limit: args.max_clients,
        });
    }
    if let JoinRule::AllowList(allowed) = &args.join
        && !allowed.contains(&caller)
    {
        return Err(JoinError::NotAllowed);
    }
    Ok(args.join)
}

/// Makes the caller a client, with this much at stake. If the task has ended or filled up while the stake was on its way, or the client is one
/// already, the stake is due back at once.
pub fn enter(storage: &mut Storage, task: TaskId, client: Principal, account: Account, stake: u128, now: TimestampNs) {
    let Some(mut record) = storage.task(task) else { return };
    let known = storage.client(task, &client);
    let mut entry = known.unwrap_or_else(|| ClientRecord::new(account, now));
    entry.account = account;
    record.books.receive_stake(stake);
    let limit = storage.arguments(task).map_or(0, |args| args.max_clients);
    let ended = matches!(record.stage, Stage::Ended(_));
    if entry.active || ended || record.clients >= limit || entry.excluded.is_some() {
        record.books.release(stake);
        entry.payable.credit(stake);
        if stake > 0 {
            storage.ask_payout(now, Payee::Client(task, client));
        }
    } else {
        entry.active = true;
        entry.stake = stake;
        entry.from_balance = false;
        record.clients += 1;
    }
    storage.put_client(task, &client, entry);
    storage.put_task(record);
}

/// Leaves a task: the stake is due back. Not while an update of the client is in the round that collects.
pub fn leave(storage: &mut Storage, caller: Principal, now: TimestampNs, task: TaskId) -> Result<(), JoinError> {
    if storage.settings().paused {
        return Err(JoinError::Paused);
    }
    let mut record = storage.task(task).ok_or(JoinError::NotFound)?;
    let client = storage.client(task, &caller).filter(|client| client.active);
    let mut client = client.ok_or(JoinError::NotJoined)?;
    if let Some(collecting) = record.collecting {
        let key = RoundKey {
            task,
            round: collecting.round,
        };
        if crate::upload::upload_status(storage, caller, key).is_some() {
            return Err(JoinError::UpdateInRound);
        }
    }
    release_stake(storage, &mut record, &caller, &mut client, now);
    sketches::forget_gone(storage, &record, &caller);
    client.active = false;
    // While stakes go back after a task's end, nobody is counted any more.
    record.clients = record.clients.saturating_sub(1);
    storage.put_client(task, &caller, client);
    storage.put_task(record);
    Ok(())
}

/// A stake goes back to its client. Both records are the caller's to store.
pub fn release_stake(
    storage: &mut Storage,
    record: &mut TaskRecord,
    client: &Principal,
    entry: &mut ClientRecord,
    now: TimestampNs,
) {
    let stake = std::mem::take(&mut entry.stake);
    entry.locked = 0;
    if stake == 0 {
        return;
    }
    record.books.release(stake);
    entry.payable.credit(stake);
    match record.ledger.filter(|_| std::mem::take(&mut entry.from_balance)) {
        // No ledger is asked: it stays here.
        Some(ledger) => {
            record.books.begin(stake);
            record.books.finish(stake);
            entry.payable.begin(stake);
            entry.payable.finish(stake);
            balance::give_back(storage, *client, ledger, stake);
        }
        None => storage.ask_payout(now, Payee::Client(record.id, *client)),
    }
}
