//! What governance sets. Every rule is checked twice: by `validate_x`, whose text voters read, and again by `x`, which traps
//! on failure, since an SNS takes any reply for success.

use std::collections::BTreeSet;

use candid::Principal;
use ddsx_payments::{self as payments, Host};
use ddsx_runtime::Runtime;
use ddsx_types::stream_registry::{
    Evidence, Page, Parameters, QuarantinedPayment, RegistryArgs, SettleQuarantinedArgs, StoragePrice, StreamError,
    StreamId, SuspendStreamArgs,
};
use ddsx_types::{Account, AssetListing, MAX_EVIDENCE_PER_CALL, Validation};

use crate::amounts::{nat, shown, u128_of};
use crate::assets;
use crate::host::Registry;
use crate::limits::{MAX_ASSETS_AT_INSTALL, MAX_PAYOUT_INTERVAL_S, MAX_PROTOCOL_FEE_BPS};
use crate::storage::records::AssetRecord;
use crate::storage::{self, Storage};
use crate::streams::page_limit;
use crate::upkeep;
use crate::validate::payee;

/// A governed change.
#[derive(Clone, Debug)]
pub enum Action {
    /// `set_paused`
    SetPaused(bool),
    /// `list_asset`
    ListAsset(AssetListing),
    /// `delist_asset`
    DelistAsset(Principal),
    /// `set_protocol_fee`
    SetProtocolFee(u16),
    /// `set_treasury`
    SetTreasury(Account),
    /// `set_governance`
    SetGovernance(Principal),
    /// `set_payout_interval`
    SetPayoutInterval(u64),
    /// `settle_quarantined`
    SettleQuarantined(SettleQuarantinedArgs),
    /// `settle_quarantined_batch`
    SettleQuarantinedBatch(Vec<SettleQuarantinedArgs>),
    /// `set_storage_price`
    SetStoragePrice(StoragePrice),
    /// `suspend_stream`
    SuspendStream(SuspendStreamArgs),
    /// `free_stream`
    FreeStream(StreamId),
}

/// Checks an action and says in words what it does.
pub fn validate<R: Runtime>(host: &Registry<R>, action: &Action) -> Validation {
    storage::with(|storage| match action {
        Action::SetPaused(true) => {
            Ok("Pause the registry: no stream, chunk, sale or payout until it is resumed.".to_owned())
        }
        Action::SetPaused(false) => Ok("Resume the registry.".to_owned()),
        Action::ListAsset(listing) => {
            assets::check(listing)?;
            Ok(format!(
                "List the asset {} (ledger {}, {} decimals, fee {}, payouts from {}, deduplicates {} checking funds, window {}).",
                listing.symbol,
                listing.ledger,
                listing.decimals,
                listing.fee,
                listing.payout_threshold,
                if listing.dedup_first { "before" } else { "after" },
                listing
                    .transaction_window_ns
                    .map_or("24 h".to_owned(), |window| format!("{window} ns")),
            ))
        }
        Action::DelistAsset(ledger) => {
            let asset = storage.listed_asset(*ledger).ok_or("the asset is not listed")?;
            Ok(format!(
                "Delist the asset {} (ledger {ledger}): no more sales; what is owed is paid.",
                asset.symbol
            ))
        }
        Action::SetProtocolFee(bps) if *bps > MAX_PROTOCOL_FEE_BPS => Err(format!(
            "the protocol fee is at most {MAX_PROTOCOL_FEE_BPS} basis points"
        )),
        Action::SetProtocolFee(bps) => Ok(format!(
            "Set the protocol fee from {} to {bps} basis points.",
            storage.settings().protocol_fee_bps
        )),
        Action::SetTreasury(account) => {
            check_treasury(storage, account)?;
            Ok(format!(
                "Send the protocol fee to {account} instead of {}.",
                storage.settings().treasury
            ))
        }
        Action::SetGovernance(principal) => {
            check_governance(*principal)?;
            Ok(format!(
                "Hand governance over from {} to {principal}.",
                storage.settings().governance
            ))
        }
        Action::SetPayoutInterval(seconds) => {
            check_interval(*seconds)?;
            Ok(format!(
                "Pay out every {seconds} seconds instead of {}.",
                storage.settings().payout_interval_s
            ))
        }
        Action::SettleQuarantined(args) => describe_quarantined(host, args),
        Action::SettleQuarantinedBatch(batch) => describe_batch(host, batch),
        Action::SetStoragePrice(price) => describe_storage_price(storage, price),
        Action::SuspendStream(args) => {
            let name = stream_name(storage, args.stream)?;
            Ok(if args.suspended {
                format!(
                    "Suspend stream {} ({name}): it sells nothing, and only licensees read it.",
                    args.stream
                )
            } else {
                format!("Let stream {} ({name}) sell again.", args.stream)
            })
        }
        Action::FreeStream(stream) => {
            let name = stream_name(storage, *stream)?;
            let covered = storage.stream(*stream).and_then(|state| state.upkeep);
            let covered = covered.map_or(0, |upkeep| upkeep.covered_until);
            Ok(format!(
                "Close stream {stream} ({name}) and drop its payloads now. Licences cover it until {covered} ns since 1970-01-01 \
                 (0: none); what they paid is not given back. The deposit goes back to the owner's balance."
            ))
        }
    })
}

fn stream_name(storage: &Storage, stream: StreamId) -> Result<String, String> {
    let meta = storage.meta(stream).ok_or("there is no such stream")?;
    Ok(meta.name)
}

fn describe_storage_price(storage: &Storage, price: &StoragePrice) -> Validation {
    let asset = assets::check_storage_price(storage, price)?;
    let text = |amount| shown(amount, asset.decimals, &asset.symbol);
    let now = asset.storage.map_or("none".to_owned(), |tariff| {
        format!("{} and {}", text(tariff.deposit), text(tariff.gib_month))
    });
    Ok(format!(
        "Storage in {}: a deposit of {} a stream and {} for each GiB and month (now {now}); new streams may {}pay in it.",
        asset.symbol,
        text(u128_of(&price.deposit).unwrap_or(u128::MAX)),
        text(u128_of(&price.gib_month).unwrap_or(u128::MAX)),
        if price.accepted { "" } else { "not " },
    ))
}

fn check_governance(principal: Principal) -> Result<(), String> {
    if principal == Principal::anonymous() || principal == Principal::management_canister() {
        return Err("nobody acts as this principal".to_owned());
    }
    Ok(())
}

fn check_treasury(storage: &Storage, account: &Account) -> Result<(), String> {
    let refused = |error| match error {
        StreamError::InvalidField { reason, .. } => reason,
        other => format!("{other:?}"),
    };
    payee("treasury", account, &assets::minting_accounts(storage)).map_err(refused)
}

fn check_interval(seconds: u64) -> Result<(), String> {
    if !(1..=MAX_PAYOUT_INTERVAL_S).contains(&seconds) {
        return Err(format!("the payout interval is 1 to {MAX_PAYOUT_INTERVAL_S} seconds"));
    }
    Ok(())
}

fn describe_quarantined<R: Runtime>(host: &Registry<R>, args: &SettleQuarantinedArgs) -> Validation {
    let evidence = evidence(args)?;
    let intent = host.with_journal(|journal| journal.check_evidence(args.intent, evidence));
    let intent = intent.map_err(|error| format!("payment {}: {error:?}", args.intent))?;
    let what = format!(
        "{} of ledger {} from {} to {}",
        intent.amount, intent.ledger, intent.from, intent.to
    );
    Ok(match evidence {
        payments::Evidence::Paid { block } => {
            format!("Settle payment {} ({what}) as executed in block {block}.", intent.id)
        }
        payments::Evidence::Unpaid => format!("Settle payment {} ({what}) as never executed.", intent.id),
    })
}

/// One line for each payment; all of them or none are settled.
fn describe_batch<R: Runtime>(host: &Registry<R>, batch: &[SettleQuarantinedArgs]) -> Validation {
    if batch.is_empty() || batch.len() > MAX_EVIDENCE_PER_CALL {
        return Err(format!("1 to {MAX_EVIDENCE_PER_CALL} payments in a call"));
    }
    let named: BTreeSet<u64> = batch.iter().map(|args| args.intent).collect();
    if named.len() < batch.len() {
        return Err("a payment is named twice".to_owned());
    }
    let lines = batch.iter().map(|args| describe_quarantined(host, args));
    let lines: Vec<String> = lines.collect::<Result<_, _>>()?;
    Ok(format!("Settle {} payments.\n{}", batch.len(), lines.join("\n")))
}

fn evidence(args: &SettleQuarantinedArgs) -> Result<payments::Evidence, String> {
    Ok(match &args.evidence {
        Evidence::PaidAt(block) => payments::Evidence::Paid {
            block: u128_of(block).ok_or("the block number is too large")?,
        },
        Evidence::NotPaid => payments::Evidence::Unpaid,
    })
}

/// Refuses everybody but governance.
pub fn check_caller<R: Runtime>(host: &Registry<R>) -> Result<(), String> {
    let governance = storage::with(|storage| storage.settings().governance);
    if host.runtime().caller() == governance {
        Ok(())
    } else {
        Err(format!("only governance ({governance}) may do this"))
    }
}

/// Checks the caller and the action, and carries it out. The caller of this function traps on an error. (`list_asset` asks
/// the ledger first, before anything is changed.)
pub async fn execute<R: Runtime>(host: &Registry<R>, action: Action) -> Result<(), String> {
    check_caller(host)?;
    validate(host, &action)?;
    let now = host.runtime().time();
    match action {
        Action::ListAsset(listing) => {
            let facts = payments::ask(host.runtime(), listing.ledger)
                .await
                .map_err(|error| error.to_string())?;
            assets::agree(&listing, &facts)?;
            storage::with_mut(|storage| {
                assets::enter(storage, &listing)?;
                assets::learn(storage, listing.ledger, &facts);
                Ok(())
            })
        }
        Action::SettleQuarantined(args) => settle_quarantined(host, &args),
        Action::SettleQuarantinedBatch(batch) => batch.iter().try_for_each(|args| settle_quarantined(host, args)),
        Action::DelistAsset(ledger) => storage::with_mut(|storage| assets::delist(storage, ledger)),
        Action::SetPaused(paused) => change(|settings| settings.paused = paused),
        Action::SetProtocolFee(bps) => change(|settings| settings.protocol_fee_bps = bps),
        Action::SetTreasury(account) => change(|settings| settings.treasury = account),
        Action::SetGovernance(principal) => change(|settings| settings.governance = principal),
        Action::SetPayoutInterval(seconds) => {
            change(|settings| settings.payout_interval_s = seconds)?;
            crate::payout::rearm(host);
            Ok(())
        }
        Action::SetStoragePrice(price) => storage::with_mut(|storage| assets::set_storage_price(storage, &price)),
        Action::SuspendStream(args) => {
            storage::with_mut(|storage| upkeep::suspend(storage, now, args.stream, args.suspended))
        }
        Action::FreeStream(stream) => storage::with_mut(|storage| upkeep::free(storage, now, stream)),
    }
}

#[allow(clippy::unnecessary_wraps, reason = "the last expression of each arm of `execute`")]
fn change(change: impl FnOnce(&mut storage::records::Settings)) -> Result<(), String> {
    storage::with_mut(|storage| storage.change_settings(change));
    Ok(())
}

fn settle_quarantined<R: Runtime>(host: &Registry<R>, args: &SettleQuarantinedArgs) -> Result<(), String> {
    payments::settle_quarantined(host, args.intent, evidence(args)?)
        .map(|_| ())
        .map_err(|error| format!("payment {}: {error:?}", args.intent))
}

/// Sets up a fresh registry.
pub fn install(storage: &mut Storage, installer: Principal, args: RegistryArgs) -> Result<(), String> {
    let governance = args.governance.unwrap_or(installer);
    storage.change_settings(|settings| {
        settings.governance = governance;
        settings.treasury = governance.into();
    });
    configure(
        storage,
        RegistryArgs {
            governance: Some(governance),
            ..args
        },
    )
}

/// Takes over what an install or upgrade argument says; what is absent stays.
pub fn configure(storage: &mut Storage, args: RegistryArgs) -> Result<(), String> {
    if let Some(governance) = args.governance {
        check_governance(governance)?;
        storage.change_settings(|settings| settings.governance = governance);
    }
    if let Some(treasury) = args.treasury {
        check_treasury(storage, &treasury).map_err(|reason| format!("treasury: {reason}"))?;
        storage.change_settings(|settings| settings.treasury = treasury);
    }
    if let Some(bps) = args.protocol_fee_bps {
        if bps > MAX_PROTOCOL_FEE_BPS {
            return Err(format!("protocol_fee_bps: at most {MAX_PROTOCOL_FEE_BPS}"));
        }
        storage.change_settings(|settings| settings.protocol_fee_bps = bps);
    }
    if let Some(seconds) = args.payout_interval_s {
        check_interval(seconds)?;
        storage.change_settings(|settings| settings.payout_interval_s = seconds);
    }
    let listings = args.assets.unwrap_or_default();
    if listings.len() > MAX_ASSETS_AT_INSTALL {
        return Err(format!("assets: at most {MAX_ASSETS_AT_INSTALL}"));
    }
    listings
        .iter()
        .try_for_each(|listing| assets::enter(storage, listing))?;
    let prices = args.storage_prices.unwrap_or_default();
    if prices.len() > MAX_ASSETS_AT_INSTALL {
        return Err(format!("storage_prices: at most {MAX_ASSETS_AT_INSTALL}"));
    }
    prices
        .iter()
        .try_for_each(|price| assets::set_storage_price(storage, price))
}

/// The parameters in force.
pub fn parameters(storage: &Storage) -> Parameters {
    let settings = storage.settings();
    Parameters {
        governance: settings.governance,
        treasury: settings.treasury,
        protocol_fee_bps: settings.protocol_fee_bps,
        paused: settings.paused,
        assets: storage
            .assets()
            .iter()
            .filter(|asset| asset.listed)
            .map(AssetRecord::listing)
            .collect(),
        payout_interval_s: settings.payout_interval_s,
        storage_prices: Some(storage.assets().iter().filter_map(assets::storage_price).collect()),
    }
}

/// Payments that wait for governance.
pub fn quarantined<R: Runtime>(host: &Registry<R>, page: Page) -> Vec<QuarantinedPayment> {
    let intents = host.with_journal(|journal| journal.quarantined(page.start_after, page_limit(page)));
    intents
        .into_iter()
        .map(|intent| QuarantinedPayment {
            intent: intent.id,
            ledger: intent.ledger,
            from: intent.from,
            to: intent.to,
            amount: nat(intent.amount),
            created_at_time: intent.created_at_time,
        })
        .collect()
}

#[cfg(test)]
mod tests;
