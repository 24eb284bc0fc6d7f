//! The ledgers in which licences are sold and shares are paid. Governance lists and delists them; what the ledger itself says
//! of its fee and its decimals counts more than anybody's word.

use std::cell::RefCell;

use candid::Principal;
use ddsx_payments::{self as payments, Host, LedgerFacts, Questions};
use ddsx_runtime::Runtime;
use ddsx_types::stream_registry::StoragePrice;
use ddsx_types::{Account, AssetListing};

use crate::amounts::{nat, u128_of};
use crate::host::Registry;
use crate::limits::{
    MAX_ASSETS, MAX_DECIMALS, MAX_LEDGER_FEE, MAX_STORAGE_PRICE, MAX_SYMBOL_BYTES, REFRESH_INTERVAL,
    TRANSACTION_WINDOW_NS,
};
use crate::storage::records::{AssetRecord, StorageTariff};
use crate::storage::{self, Storage};

thread_local! {
    /// When each ledger was asked last; it ends with an upgrade, after which all are asked.
    static QUESTIONS: RefCell<Questions> = const { RefCell::new(Questions::new()) };
}

/// Checks a listing by itself.
pub fn check(listing: &AssetListing) -> Result<(), String> {
    if listing.ledger == Principal::anonymous() || listing.ledger == Principal::management_canister() {
        return Err("ledger: no ledger has this principal".to_owned());
    }
    let symbol = &listing.symbol;
    if symbol.is_empty() || symbol.len() > MAX_SYMBOL_BYTES || !symbol.chars().all(char::is_alphanumeric) {
        return Err(format!("symbol: 1 to {MAX_SYMBOL_BYTES} bytes, letters and digits"));
    }
    if listing.decimals > MAX_DECIMALS {
        return Err(format!("decimals: at most {MAX_DECIMALS}"));
    }
    for (field, amount) in [("fee", &listing.fee), ("payout_threshold", &listing.payout_threshold)] {
        if u128_of(amount).is_none_or(|amount| amount > MAX_LEDGER_FEE) {
            return Err(format!("{field}: at most {MAX_LEDGER_FEE}"));
        }
    }
    if listing
        .transaction_window_ns
        .is_some_and(|window| !TRANSACTION_WINDOW_NS.contains(&window))
    {
        return Err("transaction_window_ns: 10 minutes to 30 days".to_owned());
    }
    ddsx_payments::Asset::from_listing(listing)
        .map(|_| ())
        .map_err(|error| error.to_string())
}

/// Enters a listing that was checked, or lists a ledger again under its number.
pub fn enter(storage: &mut Storage, listing: &AssetListing) -> Result<(), String> {
    check(listing)?;
    let known = storage.asset(listing.ledger);
    let number = if let Some(known) = &known {
        known.number
    } else {
        let number = storage.counters().assets;
        if number >= MAX_ASSETS {
            return Err(format!("{MAX_ASSETS} assets were listed already"));
        }
        storage.count(|counters| counters.assets += 1);
        number
    };
    let mut asset = AssetRecord::new(number, listing).ok_or("an amount is too large")?;
    if let Some(known) = known {
        asset.minting_account = known.minting_account;
        // Its storage price stands: streams pay at it.
        asset.storage = known.storage;
    }
    storage.put_asset(asset);
    Ok(())
}

/// Stops sales in an asset. What is owed in it is still paid.
pub fn delist(storage: &mut Storage, ledger: Principal) -> Result<(), String> {
    let mut asset = storage.listed_asset(ledger).ok_or("the asset is not listed")?;
    asset.listed = false;
    storage.put_asset(asset);
    Ok(())
}

/// Checks what storing shall cost in a listed asset.
pub fn check_storage_price(storage: &Storage, price: &StoragePrice) -> Result<AssetRecord, String> {
    let asset = storage.listed_asset(price.ledger).ok_or("the asset is not listed")?;
    for (field, amount) in [("deposit", &price.deposit), ("gib_month", &price.gib_month)] {
        if u128_of(amount).is_none_or(|amount| amount > MAX_STORAGE_PRICE) {
            return Err(format!("{field}: at most {MAX_STORAGE_PRICE}"));
        }
    }
    Ok(asset)
}

/// Sets what storing costs in a listed asset.
pub fn set_storage_price(storage: &mut Storage, price: &StoragePrice) -> Result<(), String> {
    let mut asset = check_storage_price(storage, price)?;
    asset.storage = Some(StorageTariff {
        deposit: u128_of(&price.deposit).ok_or("deposit: too large")?,
        gib_month: u128_of(&price.gib_month).ok_or("gib_month: too large")?,
        accepted: price.accepted,
    });
    storage.put_asset(asset);
    Ok(())
}

/// What storing costs in a listed asset, if it has a price.
pub fn storage_price(asset: &AssetRecord) -> Option<StoragePrice> {
    let tariff = asset.storage.filter(|_| asset.listed)?;
    Some(StoragePrice {
        ledger: asset.ledger,
        deposit: nat(tariff.deposit),
        gib_month: nat(tariff.gib_month),
        accepted: tariff.accepted,
    })
}

/// Whether a listing says what the ledger says.
pub fn agree(listing: &AssetListing, facts: &LedgerFacts) -> Result<(), String> {
    if !facts.has_icrc2 {
        return Err("the ledger does not support ICRC-2".to_owned());
    }
    if listing.decimals != facts.decimals {
        return Err(format!("the ledger has {} decimals", facts.decimals));
    }
    if listing.fee != facts.fee {
        return Err(format!("the ledger's fee is {}", facts.fee));
    }
    Ok(())
}

/// Takes over what a ledger says of itself; one without ICRC-2 is delisted. An absurd fee is not
/// taken over.
pub fn learn(storage: &mut Storage, ledger: Principal, facts: &LedgerFacts) {
    let Some(mut asset) = storage.asset(ledger) else { return };
    let before = asset.clone();
    if let Some(fee) = u128_of(&facts.fee).filter(|fee| *fee <= MAX_LEDGER_FEE) {
        asset.fee = fee;
    }
    asset.decimals = facts.decimals.min(MAX_DECIMALS);
    asset.listed &= facts.has_icrc2;
    asset.minting_account = facts.minting_account;
    if asset != before {
        storage.put_asset(asset);
    }
}

/// The accounts from which the ledgers mint: paying them would burn. At most one of each asset.
pub fn minting_accounts(storage: &Storage) -> Vec<Account> {
    storage
        .assets()
        .into_iter()
        .filter_map(|asset| asset.minting_account)
        .collect()
}

/// Asks a ledger about itself soon, at most once a minute. A payment that fails over its fee is a
/// reason to; what the fee is, only `icrc1_fee` says.
pub fn ask_soon<R: Runtime>(host: &Registry<R>, ledger: Principal) {
    QUESTIONS.with_borrow_mut(|questions| {
        payments::ask_soon(host, questions, ledger, move |facts| {
            storage::with_mut(|storage| learn(storage, ledger, facts));
        });
    });
}

/// Asks every ledger, each in a message of its own, at once and then once a day: the listings of
/// the install argument could not be checked then, and fees change.
pub fn start<R: Runtime>(host: &Registry<R>) {
    QUESTIONS.set(Questions::new());
    refresh(host);
}

fn refresh<R: Runtime>(host: &Registry<R>) {
    let next = host.clone();
    host.runtime()
        .set_timer(REFRESH_INTERVAL, async move { refresh(&next) });
    for asset in storage::with(Storage::assets) {
        ask_soon(host, asset.ledger);
    }
}

#[cfg(test)]
mod tests;
