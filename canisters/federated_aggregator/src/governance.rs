//! What governance sets. Every rule is checked twice: by `validate_x`, whose text voters read, and again by `x`, which traps on failure, since an
//! SNS takes any reply for success.

use candid::Principal;
use ddsx_payments::{self as payments, Host};
use ddsx_runtime::Runtime;
use ddsx_types::federated_aggregator::{
    AggregatorArgs, BanArgs, Evidence, Limits, Page, Parameters, QuarantinedPayment, SettleQuarantinedArgs, StorageFee,
};
use ddsx_types::{Account, AssetListing, Validation};

use crate::amounts::{amount, nat};
use crate::host::Aggregator;
use crate::limits::{HIGHEST, MAX_ASSETS_AT_INSTALL};
use crate::storage::records::{AssetRecord, Settings};
use crate::storage::{self, Storage};
use crate::{assets, timer};

/// A governed change.
#[derive(Clone, Debug)]
pub enum Action {
    /// `set_paused`
    SetPaused(bool),
    /// `set_limits`
    SetLimits(Limits),
    /// `set_storage_fee`
    SetStorageFee(StorageFee),
    /// `set_banned`
    SetBanned(BanArgs),
    /// `list_asset`
    ListAsset(AssetListing),
    /// `delist_asset`
    DelistAsset(Principal),
    /// `set_treasury`
    SetTreasury(Account),
    /// `set_governance`
    SetGovernance(Principal),
    /// `settle_quarantined`
    SettleQuarantined(SettleQuarantinedArgs),
}

/// Checks an action and says in words what it does.
pub fn validate<R: Runtime>(host: &Aggregator<R>, action: &Action) -> Validation {
    storage::with(|storage| match action {
        Action::SetPaused(true) => {
            Ok("Pause the aggregator: no upload, work or payment until it is resumed.".to_owned())
        }
        Action::SetPaused(false) => Ok("Resume the aggregator.".to_owned()),
        Action::SetLimits(limits) => {
            check_limits(limits)?;
            Ok(format!("Set the limits of tasks to {limits:?}."))
        }
        Action::SetStorageFee(fee) => {
            check_fee(storage, fee)?;
            let ledger = fee.ledger.map_or("no ledger".to_owned(), |ledger| ledger.to_text());
            Ok(format!(
                "Ask {} a MiB of {ledger} or {} cycles a MiB for a task's storage.",
                fee.per_mib, fee.cycles_per_mib
            ))
        }
        Action::SetBanned(args) => {
            check_principal(args.principal)?;
            let what = if args.banned { "Ban" } else { "Lift the ban of" };
            Ok(format!("{what} {}.", args.principal))
        }
        Action::ListAsset(listing) => {
            assets::check(listing)?;
            Ok(format!(
                "List the asset {} (ledger {}, {} decimals, fee {}).",
                listing.symbol, listing.ledger, listing.decimals, listing.fee
            ))
        }
        Action::DelistAsset(ledger) => {
            let asset = storage.listed_asset(*ledger).ok_or("the asset is not listed")?;
            Ok(format!(
                "Delist the asset {} (ledger {ledger}): no new tasks; what is owed is paid.",
                asset.symbol
            ))
        }
        Action::SetTreasury(account) => {
            check_principal(account.owner)?;
            Ok(format!(
                "Send fees and lost stakes to {account} instead of {}.",
                storage.settings().treasury
            ))
        }
        Action::SetGovernance(principal) => {
            check_principal(*principal)?;
            Ok(format!(
                "Hand governance over from {} to {principal}.",
                storage.settings().governance
            ))
        }
        Action::SettleQuarantined(args) => describe_quarantined(host, args),
    })
}

fn check_principal(principal: Principal) -> Result<(), String> {
    if principal == Principal::anonymous() || principal == Principal::management_canister() {
        return Err("nobody acts as this principal".to_owned());
    }
    Ok(())
}

fn check_limits(limits: &Limits) -> Result<(), String> {
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

fn check_fee(storage: &Storage, fee: &StorageFee) -> Result<(u128, u128), String> {
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

fn describe_quarantined<R: Runtime>(host: &Aggregator<R>, args: &SettleQuarantinedArgs) -> Validation {
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

fn evidence(args: &SettleQuarantinedArgs) -> Result<payments::Evidence, String> {
    Ok(match &args.evidence {
        Evidence::PaidAt(block) => payments::Evidence::Paid {
            block: u128::try_from(&block.0).map_err(|_| "the block number is too large")?,
        },
        Evidence::NotPaid => payments::Evidence::Unpaid,
    })
}

/// Checks the caller and the action, and carries it out. The caller of this function traps on an error. (`list_asset` asks the ledger first,
/// before anything is changed.)
pub async fn execute<R: Runtime>(host: &Aggregator<R>, action: Action) -> Result<(), String> {
    let governance = storage::with(|storage| storage.settings().governance);
    if host.runtime().caller() != governance {
        return Err(format!("only governance ({governance}) may do this"));
    }
    validate(host, &action)?;
    match action {
        Action::ListAsset(listing) => {
            assets::agree(host.runtime(), &listing).await?;
            storage::with_mut(|storage| assets::enter(storage, &listing))
        }
        Action::DelistAsset(ledger) => storage::with_mut(|storage| assets::delist(storage, ledger)),
        Action::SettleQuarantined(args) => payments::settle_quarantined(host, args.intent, evidence(&args)?)
            .map(|_| ())
            .map_err(|error| format!("payment {}: {error:?}", args.intent)),
        Action::SetBanned(args) => {
            storage::with_mut(|storage| storage.set_banned(args.principal, args.banned));
            Ok(())
        }
        Action::SetStorageFee(fee) => storage::with_mut(|storage| set_fee(storage, &fee)),
        Action::SetPaused(paused) => {
            let now = host.runtime().time();
            change(|settings| {
                settings.paused = paused;
                settings.resumed_at = now;
            });
            timer::arm(host);
            Ok(())
        }
        Action::SetLimits(limits) => {
            change(|settings| settings.limits = limits);
            Ok(())
        }
        Action::SetTreasury(account) => {
            change(|settings| settings.treasury = account);
            Ok(())
        }
        Action::SetGovernance(principal) => {
            change(|settings| settings.governance = principal);
            Ok(())
        }
    }
}

fn change(change: impl FnOnce(&mut Settings)) {
    storage::with_mut(|storage| storage.change_settings(change));
}

fn set_fee(storage: &mut Storage, fee: &StorageFee) -> Result<(), String> {
    let (tokens, cycles) = check_fee(storage, fee)?;
    storage.change_settings(|settings| {
        settings.fee_ledger = fee.ledger;
        settings.fee_per_mib = tokens;
        settings.fee_cycles_per_mib = cycles;
    });
    Ok(())
}

/// Sets up a fresh aggregator.
pub fn install(storage: &mut Storage, installer: Principal, args: AggregatorArgs) -> Result<(), String> {
    let governance = args.governance.unwrap_or(installer);
    storage.change_settings(|settings| {
        settings.governance = governance;
        settings.treasury = governance.into();
    });
    configure(
        storage,
        AggregatorArgs {
            governance: Some(governance),
            ..args
        },
    )
}

/// Takes over what an install or upgrade argument says; what is absent stays.
pub fn configure(storage: &mut Storage, args: AggregatorArgs) -> Result<(), String> {
    let listings = args.assets.unwrap_or_default();
    if listings.len() > MAX_ASSETS_AT_INSTALL {
        return Err(format!("assets: at most {MAX_ASSETS_AT_INSTALL}"));
    }
    listings
        .iter()
        .try_for_each(|listing| assets::enter(storage, listing))?;
    if let Some(governance) = args.governance {
        check_principal(governance)?;
        storage.change_settings(|settings| settings.governance = governance);
    }
    if let Some(treasury) = args.treasury {
        check_principal(treasury.owner)?;
        storage.change_settings(|settings| settings.treasury = treasury);
    }
    if let Some(limits) = args.limits {
        check_limits(&limits)?;
        storage.change_settings(|settings| settings.limits = limits);
    }
    match args.storage_fee {
        Some(fee) => set_fee(storage, &fee),
        None => Ok(()),
    }
}

/// The parameters in force.
pub fn parameters(storage: &Storage) -> Parameters {
    let settings = storage.settings();
    Parameters {
        governance: settings.governance,
        treasury: settings.treasury,
        paused: settings.paused,
        limits: settings.limits,
        storage_fee: StorageFee {
            ledger: settings.fee_ledger,
            per_mib: nat(settings.fee_per_mib),
            cycles_per_mib: nat(settings.fee_cycles_per_mib),
        },
        assets: storage
            .assets()
            .iter()
            .filter(|asset| asset.listed)
            .map(AssetRecord::listing)
            .collect(),
    }
}

/// Payments that wait for governance.
pub fn quarantined<R: Runtime>(host: &Aggregator<R>, page: Page) -> Vec<QuarantinedPayment> {
    let limit = page.limit.unwrap_or(100).clamp(1, 100) as usize;
    let intents = host.with_journal(|journal| journal.quarantined(page.start_after, limit));
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
