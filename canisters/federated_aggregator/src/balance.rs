//! Prepaid balances of owners: what they pay for storage, computing and drafts is taken from there. `ddsx_prepaid::till` takes
//! and pays out; here is what it asks of this canister.

use candid::Principal;
use ddsx_prepaid::till::{self, Kept, Till};
use ddsx_prepaid::{Account as Balance, PrepaidError, Totals};
use ddsx_runtime::Runtime;
use ddsx_types::TimestampNs;
use ddsx_types::federated_aggregator::{PrepaidBalance, TaskError, TopUpError, WithdrawError};

use crate::fund::journal_asset;
use crate::host::Aggregator;
use crate::limits::CHANGE_BYTES;
use crate::price::Price;
use crate::storage::record::encode;
use crate::storage::records::{AssetRecord, Payee, Purpose, TaskRecord};
use crate::storage::{self, Storage};

/// An owner's balance in an asset; an empty one where it never had any.
pub fn account(storage: &Storage, owner: Principal, ledger: Principal) -> Balance {
    let number = storage.asset(ledger).and_then(|asset| asset.number);
    number.map_or_else(Balance::default, |number| storage.prepaid().account(owner, number))
}

/// All balances in an asset.
pub fn totals(storage: &Storage, asset: &AssetRecord) -> Totals {
    let number = asset.number;
    number.map_or_else(Totals::default, |number| storage.prepaid().totals(number))
}

/// The caller's balance in an asset.
pub fn of(storage: &Storage, owner: Principal, ledger: Principal) -> PrepaidBalance {
    till::shown(&account(storage, owner, ledger))
}

fn kept(asset: &AssetRecord) -> Result<Kept, String> {
    Ok(Kept {
        number: asset.number.ok_or("the asset has no number")?,
        payable: journal_asset(asset)?,
        minting_account: asset.minting_account,
    })
}

/// One that is not listed any more is taken from those who have a balance in it: their tasks are kept in it.
fn accepted(storage: &Storage, owner: Principal, ledger: Principal) -> Result<Kept, TopUpError> {
    let refused = |reason: String| TopUpError::PaymentRefused { reason };
    if storage.settings().paused {
        return Err(TopUpError::Paused);
    }
    let asset = storage.asset(ledger);
    let asset = asset.filter(|asset| asset.listed || account(storage, owner, ledger).topped_up > 0);
    let asset = asset.ok_or(TopUpError::AssetNotAccepted)?;
    if storage.room() < CHANGE_BYTES {
        return Err(refused("the aggregator's memory is used up".to_owned()));
    }
    kept(&asset).map_err(refused)
}

impl<R: Runtime> Till for Aggregator<R> {
    fn accepted(&self, owner: Principal, ledger: Principal) -> Result<Kept, TopUpError> {
        storage::with(|storage| accepted(storage, owner, ledger))
    }

    fn payable(&self, ledger: Principal) -> Result<Kept, WithdrawError> {
        storage::with(|storage| {
            if storage.settings().paused {
                return Err(WithdrawError::Paused);
            }
            let asset = storage.asset(ledger).ok_or(WithdrawError::AssetNotListed)?;
            kept(&asset).map_err(|reason| WithdrawError::PaymentRefused { reason })
        })
    }

    fn balance(&self, owner: Principal, ledger: Principal) -> Balance {
        storage::with(|storage| account(storage, owner, ledger))
    }

    /// Panics if so much is not free, which was looked at in this message.
    fn begin_withdrawal(&self, owner: Principal, asset: u32, amount: u128) {
        let begun = storage::with_mut(|storage| storage.prepaid_mut().begin_withdrawal(owner, asset, amount));
        if let Err(error) = begun {
            panic!("{error}, though it was looked at in this message");
        }
    }

    fn top_up_purpose(&self, owner: Principal, asset: u32, amount: u128) -> Vec<u8> {
        encode(&Purpose::TopUp { owner, asset, amount })
    }

    fn withdrawal_purpose(&self, owner: Principal, asset: u32, amount: u128) -> Vec<u8> {
        encode(&Purpose::Withdrawal { owner, asset, amount })
    }
}

/// A payment for a balance has arrived.
///
/// Panics if the balance would pass 2^128 - 1, more than any ledger can hold; the payment then stays unsettled.
pub fn topped_up(storage: &mut Storage, owner: Principal, asset: u32, amount: u128) {
    if let Err(error) = storage.prepaid_mut().top_up(owner, asset, amount) {
        panic!("a top-up of {amount} in asset {asset}: {error}");
    }
}

/// A withdrawal has ended: `fee` if the ledger executed it, none if it never will.
///
/// Panics if it was not begun: the message is then undone.
pub fn withdrawn(storage: &mut Storage, owner: Principal, asset: u32, amount: u128, fee: Option<u128>) {
    let prepaid = storage.prepaid_mut();
    let ended = match fee {
        Some(fee) => prepaid.finish_withdrawal(owner, asset, amount, fee),
        None => prepaid.abort_withdrawal(owner, asset, amount),
    };
    if let Err(error) = ended {
        panic!("a withdrawal of {amount} in asset {asset}: {error}");
    }
}

/// A balance that lacks something.
pub fn lacks(asset: &AssetRecord, needed: u128, free: u128) -> TaskError {
    TaskError::PaymentRefused(format!(
        "the prepaid balance lacks {}: {needed} is needed and {free} is free, in the smallest unit of {}; call top_up with ledger {}",
        needed.saturating_sub(free),
        asset.symbol,
        asset.ledger
    ))
}

/// The asset in which storage and computing of new tasks are paid, if it is listed.
pub fn fee_asset(storage: &Storage) -> Option<AssetRecord> {
    storage
        .settings()
        .fee_ledger
        .and_then(|ledger| storage.listed_asset(ledger))
}

/// Moves an amount of a balance. Nothing is moved for an amount of zero.
///
/// Panics if it cannot be moved, which the callers have looked at in the same message: it is then undone.
fn moved(
    storage: &mut Storage,
    owner: Principal,
    ledger: Principal,
    amount: u128,
    change: impl FnOnce(&mut ddsx_prepaid::Prepaid<storage::Mem>, Principal, u32, u128) -> Result<(), PrepaidError>,
) {
    if amount == 0 {
        return;
    }
    let number = storage.asset(ledger).and_then(|asset| asset.number);
    let done = number.map(|number| change(storage.prepaid_mut(), owner, number, amount));
    assert!(
        done == Some(Ok(())),
        "{amount} of the balance of {owner} at {ledger}: {done:?}"
    );
}

/// Hands an amount to the treasury.
pub fn to_treasury(storage: &mut Storage, ledger: Principal, amount: u128, now: TimestampNs) {
    if amount == 0 {
        return;
    }
    if let Some(mut asset) = storage.asset(ledger) {
        asset.treasury.credit(amount);
        storage.put_asset(asset);
        storage.ask_payout(now, Payee::Treasury(ledger));
    }
}

/// Spends what is free, for the treasury. Panics if so much is not free.
pub fn charge(storage: &mut Storage, owner: Principal, ledger: Principal, amount: u128, now: TimestampNs) {
    spend(storage, owner, ledger, amount);
    to_treasury(storage, ledger, amount, now);
}

/// Spends what is free, for what the caller books. Panics if so much is not free.
pub fn spend(storage: &mut Storage, owner: Principal, ledger: Principal, amount: u128) {
    moved(storage, owner, ledger, amount, ddsx_prepaid::Prepaid::charge);
}

/// What was spent and is not kept comes back, and counts as topped up once more. Panics if the balance would pass 2^128 - 1.
pub fn give_back(storage: &mut Storage, owner: Principal, ledger: Principal, amount: u128) {
    moved(storage, owner, ledger, amount, ddsx_prepaid::Prepaid::top_up);
}

/// A round was worked on: what was set aside for it is the treasury's. Panics if so much is not set aside.
pub fn charge_aside(storage: &mut Storage, owner: Principal, ledger: Principal, amount: u128, now: TimestampNs) {
    moved(storage, owner, ledger, amount, ddsx_prepaid::Prepaid::charge_set_aside);
    to_treasury(storage, ledger, amount, now);
}

/// Frees what was set aside. Panics if so much is not.
pub fn release(storage: &mut Storage, owner: Principal, ledger: Principal, amount: u128) {
    moved(storage, owner, ledger, amount, ddsx_prepaid::Prepaid::release);
}

fn set_aside(storage: &mut Storage, owner: Principal, ledger: Principal, amount: u128) {
    moved(storage, owner, ledger, amount, ddsx_prepaid::Prepaid::set_aside);
}

/// Sets a draft's deposit aside, which must be free. The record is the caller's to store.
pub fn hold_deposit(storage: &mut Storage, record: &mut TaskRecord, ledger: Principal, amount: u128) {
    set_aside(storage, record.owner, ledger, amount);
    record.deposit = Some((ledger, amount)).filter(|_| amount > 0);
}

/// Gives a draft's deposit back. The record is the caller's to store.
pub fn return_deposit(storage: &mut Storage, record: &mut TaskRecord) {
    if let Some((ledger, amount)) = record.deposit.take() {
        release(storage, record.owner, ledger, amount);
    }
}

/// A draft was left lying: its deposit is the treasury's. The record is the caller's to store.
pub fn lose_deposit(storage: &mut Storage, record: &mut TaskRecord, now: TimestampNs) {
    if let Some((ledger, amount)) = record.deposit.take() {
        charge_aside(storage, record.owner, ledger, amount, now);
    }
}

/// What an owner can pay for a draft with: what is free, and what is set aside for it.
pub fn means(storage: &Storage, record: &TaskRecord, ledger: Principal) -> u128 {
    let deposit = record.deposit.filter(|(held, _)| *held == ledger);
    account(storage, record.owner, ledger).free + deposit.map_or(0, |(_, amount)| amount)
}

/// Pays a draft's storage and computing from its owner's balance, which has so much: storage is spent, and what rounds cost is set
/// aside until they are worked on. The record is the caller's to store.
pub fn pay_fee(storage: &mut Storage, record: &mut TaskRecord, price: &Price, ledger: Principal, now: TimestampNs) {
    let (total, (per_round, rounds)) = (price.tokens().unwrap_or(0), price.by_round());
    let aside = per_round.saturating_mul(rounds.into()).min(total);
    return_deposit(storage, record);
    charge(storage, record.owner, ledger, total - aside, now);
    set_aside(storage, record.owner, ledger, aside);
    record.fee.ledger = Some(ledger);
    record.fee.per_round = per_round;
    record.fee.aside = aside;
    record.storage_paid = true;
    record.paid_until = Some(price.paid_until(now));
    record.keep = true;
}

/// No round comes any more: what was set aside for them is free again. The record is the caller's to store.
pub fn return_rounds(storage: &mut Storage, record: &mut TaskRecord) {
    let aside = std::mem::take(&mut record.fee.aside);
    if let Some(ledger) = record.fee.ledger {
        release(storage, record.owner, ledger, aside);
        record.fee.returned += aside;
    }
}
