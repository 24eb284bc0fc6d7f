//! Prepaid balances of owners: what they pay for storage, computing and drafts is taken from there. `ddsx_prepaid::till` takes
//! and pays out; here is what it asks of this canister.

use candid::Principal;
use ddsx_prepaid::till::{self, Kept, Till};
use ddsx_prepaid::{Account as Balance, Totals};
use ddsx_runtime::Runtime;
use ddsx_types::federated_aggregator::{PrepaidBalance, TopUpError, WithdrawError};

use crate::fund::journal_asset;
use crate::host::Aggregator;
use crate::limits::CHANGE_BYTES;
use crate::storage::record::encode;
use crate::storage::records::{AssetRecord, Purpose};
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
