//! The ledgers in which rewards, stakes and fees are paid. Governance lists and delists them.

use std::cell::RefCell;

use candid::Principal;
use ddsx_payments::{self as payments, Host, LedgerFacts, Questions};
use ddsx_runtime::Runtime;
use ddsx_types::{Account, AssetListing};

use crate::amounts::{MAX_AMOUNT, amount};
use crate::host::Aggregator;
use crate::limits::{MAX_ASSETS, MAX_FEE_RISE, REFRESH_INTERVAL};
use crate::storage::records::AssetRecord;
use crate::storage::{self, Storage};

thread_local! {
    /// When each ledger was asked last; it ends with an upgrade, after which all are asked.
    static QUESTIONS: RefCell<Questions> = const { RefCell::new(Questions::new()) };
}

/// Checks a listing by itself.
pub fn check(listing: &AssetListing) -> Result<(), String> {
    for (field, value) in [("fee", &listing.fee), ("payout_threshold", &listing.payout_threshold)] {
        amount(value).ok_or(format!("{field}: at most 2^96"))?;
    }
    if !listing.symbol.chars().all(char::is_alphanumeric) {
        return Err("symbol: letters and digits".to_owned());
    }
    ddsx_payments::Asset::from_listing(listing)
        .map(|_| ())
        .map_err(|error| error.to_string())
}

/// Enters a listing, or lists a ledger again; what is due in it stays.
pub fn enter(storage: &mut Storage, listing: &AssetListing) -> Result<(), String> {
    check(listing)?;
    let known = storage.asset(listing.ledger);
    if known.is_none() && storage.assets().len() >= MAX_ASSETS {
        return Err(format!("{MAX_ASSETS} assets were listed already"));
    }
    let mut asset = AssetRecord::new(listing).ok_or("an amount is too large")?;
    asset.number = Some(storage.next_asset_number());
    if let Some(known) = known {
        asset.number = known.number.or(asset.number);
        asset.treasury = known.treasury;
        asset.minting_account = known.minting_account;
    }
    storage.put_asset(asset);
    Ok(())
}

/// No new task may pay in an asset. What is owed in it is still paid.
pub fn delist(storage: &mut Storage, ledger: Principal) -> Result<(), String> {
    let mut asset = storage.listed_asset(ledger).ok_or("the asset is not listed")?;
    asset.listed = false;
    storage.put_asset(asset);
    Ok(())
}

/// Whether a listing says what the ledger says.
pub fn agree(listing: &AssetListing, facts: &LedgerFacts) -> Result<(), String> {
    if !facts.has_icrc2 {
        return Err("the ledger does not support ICRC-2".to_owned());
    }
    let (fee, decimals) = (&facts.fee, facts.decimals);
    if (fee, decimals) != (&listing.fee, listing.decimals) {
        return Err(format!("the ledger has {decimals} decimals and a fee of {fee}"));
    }
    Ok(())
}

/// The highest fee that a ledger's word is taken for: so many times what governance listed it with.
fn fee_bound(asset: &AssetRecord) -> u128 {
    asset
        .listed_fee
        .unwrap_or(asset.fee)
        .max(1)
        .saturating_mul(MAX_FEE_RISE)
        .min(MAX_AMOUNT)
}

/// Takes over what a ledger says of itself; one without ICRC-2 is delisted. An absurd fee is not
/// taken over: payments in the asset wait until the ledger asks for less, or governance lists it with that fee.
pub fn learn(storage: &mut Storage, ledger: Principal, facts: &LedgerFacts) {
    let Some(mut asset) = storage.asset(ledger) else { return };
    let before = asset.clone();
    let believed = amount(&facts.fee).filter(|fee| *fee <= fee_bound(&asset));
    asset.absurd_fee = believed.is_none();
    if let Some(fee) = believed {
        asset.fee = fee;
    }
    // At most as many as a listing may have.
    asset.decimals = facts.decimals.min(38);
    asset.listed &= facts.has_icrc2;
    asset.minting_account = facts.minting_account;
    if asset != before {
        storage.put_asset(asset);
    }
}

/// Whether an asset's ledger mints from this account: what is paid there is burnt.
pub fn mints_from(storage: &Storage, account: &Account) -> bool {
    storage.assets().iter().any(|asset| asset.is_minting(account))
}

/// Asks a ledger about itself soon, at most once a minute. A payment that fails over its fee is a
/// reason to; what the fee is, only `icrc1_fee` says.
pub fn ask_soon<R: Runtime>(host: &Aggregator<R>, ledger: Principal) {
    QUESTIONS.with_borrow_mut(|questions| {
        payments::ask_soon(host, questions, ledger, move |facts| {
            storage::with_mut(|storage| learn(storage, ledger, facts));
        });
    });
}

/// Asks every ledger, each in a message of its own, at once and then once a day: the listings of
/// the install argument could not be checked then, and fees change.
pub fn start<R: Runtime>(host: &Aggregator<R>) {
    QUESTIONS.set(Questions::new());
    refresh(host);
}

fn refresh<R: Runtime>(host: &Aggregator<R>) {
    let next = host.clone();
    host.runtime()
        .set_timer(REFRESH_INTERVAL, async move { refresh(&next) });
    for asset in storage::with(Storage::assets) {
        ask_soon(host, asset.ledger);
    }
}

#[cfg(test)]
mod tests;
