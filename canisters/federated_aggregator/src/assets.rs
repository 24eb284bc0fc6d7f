//! The ledgers in which rewards, stakes and fees are paid. Governance lists and delists them.

use candid::{Nat, Principal};
use ddsx_runtime::{CallError, CallOptions, Runtime};
use ddsx_types::AssetListing;

use crate::amounts::amount;
use crate::limits::{MAX_ASSETS, REGISTRY_ANSWER_S};
use crate::storage::Storage;
use crate::storage::records::AssetRecord;

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
    if let Some(known) = known {
        asset.treasury = known.treasury;
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

/// Whether the ledger says of itself what a listing says of it.
pub async fn agree<R: Runtime>(runtime: &R, listing: &AssetListing) -> Result<(), String> {
    let wait = CallOptions::bounded(REGISTRY_ANSWER_S);
    let text = |error: CallError| error.to_string();
    let fee: Nat = runtime
        .call(listing.ledger, "icrc1_fee", (), wait)
        .await
        .map_err(text)?;
    let decimals: u8 = runtime
        .call(listing.ledger, "icrc1_decimals", (), wait)
        .await
        .map_err(text)?;
    if (&fee, decimals) != (&listing.fee, listing.decimals) {
        return Err(format!("the ledger has {decimals} decimals and a fee of {fee}"));
    }
    Ok(())
}
