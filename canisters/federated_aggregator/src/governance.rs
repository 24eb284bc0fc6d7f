//! What governance sets. Every rule is checked twice: by `validate_x`, whose text voters read, and again by `x`, which traps on failure, since an
//! SNS takes any reply for success.

mod check;

use std::collections::BTreeSet;

use candid::{Nat, Principal};
use ddsx_payments::{self as payments, Host};
use ddsx_runtime::Runtime;
use ddsx_types::federated_aggregator::{
    AggregatorArgs, BanArgs, ComputeFee, Evidence, Limits, Page, Parameters, QuarantinedPayment, SettleQuarantinedArgs,
    StorageFee, TaskId,
};
use ddsx_types::{Account, AssetListing, MAX_EVIDENCE_PER_CALL, Validation};

use crate::amounts::{amount, nat};
use crate::host::Aggregator;
use crate::limits::{CYCLES_PER_BILLION, CYCLES_PER_MIB, DRAFT_DEPOSIT_FEES, MAX_ASSETS_AT_INSTALL};
use crate::storage::records::{AssetRecord, Settings, Terms};
use crate::storage::{self, Storage};
use crate::{assets, drafts, owner, timer};

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
    /// `settle_quarantined_batch`
    SettleQuarantinedBatch(Vec<SettleQuarantinedArgs>),
    /// `set_registries`
    SetRegistries(Vec<Principal>),
    /// `set_compute_fee`
    SetComputeFee(ComputeFee),
    /// `set_draft_deposit`
    SetDraftDeposit(Nat),
    /// `end_task`
    EndTask(TaskId),
    /// `free_task`
    FreeTask(TaskId),
}

/// Checks an action and says in words what it does.
pub fn validate<R: Runtime>(host: &Aggregator<R>, action: &Action) -> Validation {
    storage::with(|storage| match action {
        Action::SetPaused(true) => {
            Ok("Pause the aggregator: no upload, work or payment until it is resumed.".to_owned())
        }
        Action::SetPaused(false) => Ok("Resume the aggregator.".to_owned()),
        Action::SetLimits(limits) => {
            check::limits(limits)?;
            Ok(format!("Set the limits of tasks to {limits:?}."))
        }
        Action::SetStorageFee(fee) => {
            check::fee(storage, fee)?;
            let ledger = fee.ledger.map_or("no ledger".to_owned(), |ledger| ledger.to_text());
            Ok(format!(
                "Ask {} a MiB of {ledger} or {} cycles a MiB for a task's storage.",
                fee.per_mib, fee.cycles_per_mib
            ))
        }
        Action::SetBanned(args) => {
            check::principal(args.principal)?;
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
            check::treasury(storage, account)?;
            Ok(format!(
                "Send fees and lost stakes to {account} instead of {}.",
                storage.settings().treasury
            ))
        }
        Action::SetGovernance(principal) => {
            check::principal(*principal)?;
            Ok(format!(
                "Hand governance over from {} to {principal}.",
                storage.settings().governance
            ))
        }
        Action::SettleQuarantined(args) => describe_quarantined(host, args),
        Action::SettleQuarantinedBatch(batch) => describe_batch(host, batch),
        Action::SetRegistries(registries) => {
            check::registries(registries)?;
            let named: Vec<String> = registries.iter().map(Principal::to_text).collect();
            Ok(format!(
                "Let clients of tasks be asked about at these registries and no others: [{}].",
                named.join(", ")
            ))
        }
        Action::SetComputeFee(fee) => {
            check::compute_fee(storage, fee)?;
            Ok(format!(
                "Ask {} of the storage fee's asset or {} cycles for 10^9 instructions of a task's computing.",
                fee.per_billion, fee.cycles_per_billion
            ))
        }
        Action::SetDraftDeposit(deposit) => {
            check::deposit(deposit)?;
            Ok(format!(
                "Set {deposit} of the storage fee's asset aside of the owner's prepaid balance for each draft that is not paid."
            ))
        }
        Action::EndTask(task) => {
            let record = check::running(storage, *task)?;
            Ok(format!(
                "End task {task} of {}: accepted updates of its open round are scored and paid, what is left goes back.",
                record.owner
            ))
        }
        Action::FreeTask(task) => {
            let record = check::freeable(storage, *task)?;
            Ok(format!(
                "Forget model, evaluation set and reports of task {task} of {}, which has ended; what is owed is paid.",
                record.owner
            ))
        }
    })
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

/// One line for each payment; all of them or none are settled.
fn describe_batch<R: Runtime>(host: &Aggregator<R>, batch: &[SettleQuarantinedArgs]) -> Validation {
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
        Action::DelistAsset(ledger) => storage::with_mut(|storage| assets::delist(storage, ledger)),
        Action::SettleQuarantined(args) => settle_quarantined(host, &args),
        Action::SettleQuarantinedBatch(batch) => batch.iter().try_for_each(|args| settle_quarantined(host, args)),
        Action::SetBanned(args) => {
            storage::with_mut(|storage| storage.set_banned(args.principal, args.banned));
            Ok(())
        }
        Action::SetRegistries(registries) => {
            change(|settings| settings.registries = registries);
            Ok(())
        }
        Action::SetComputeFee(fee) => storage::with_mut(|storage| set_compute_fee(storage, &fee)),
        Action::SetDraftDeposit(deposit) => {
            let deposit = check::deposit(&deposit)?;
            change(|settings| settings.draft_deposit = deposit);
            Ok(())
        }
        Action::EndTask(task) => {
            let now = host.runtime().time();
            let record = storage::with(|storage| check::running(storage, task))?;
            storage::with_mut(|storage| owner::stop_record(storage, record, now)).map_err(|error| error.to_string())?;
            timer::arm(host);
            Ok(())
        }
        Action::FreeTask(task) => {
            let now = host.runtime().time();
            let mut record = storage::with(|storage| check::freeable(storage, task))?;
            storage::with_mut(|storage| {
                drafts::clear(storage, &mut record, now);
                storage.put_task(record);
            });
            timer::arm(host);
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

fn settle_quarantined<R: Runtime>(host: &Aggregator<R>, args: &SettleQuarantinedArgs) -> Result<(), String> {
    payments::settle_quarantined(host, args.intent, evidence(args)?)
        .map(|_| ())
        .map_err(|error| format!("payment {}: {error:?}", args.intent))
}

fn change(change: impl FnOnce(&mut Settings)) {
    storage::with_mut(|storage| storage.change_settings(change));
}

fn set_fee(storage: &mut Storage, fee: &StorageFee) -> Result<(), String> {
    let (tokens, cycles) = check::fee(storage, fee)?;
    storage.change_settings(|settings| {
        settings.fee_ledger = fee.ledger;
        settings.fee_per_mib = tokens;
        settings.fee_cycles_per_mib = cycles;
        settings.before = None;
        if fee.ledger.is_none() {
            settings.fee_per_billion = 0;
        }
    });
    Ok(())
}

fn set_compute_fee(storage: &mut Storage, fee: &ComputeFee) -> Result<(), String> {
    let (tokens, cycles) = check::compute_fee(storage, fee)?;
    storage.change_settings(|settings| {
        settings.fee_per_billion = tokens;
        settings.fee_cycles_per_billion = cycles;
        settings.before = None;
    });
    Ok(())
}

/// What is asked where the installer says nothing: cycles from canisters, and from people the first listed asset, a transfer fee of it for each MiB
/// and for each 10^9 instructions.
fn set_first_fees(storage: &mut Storage, args: &AggregatorArgs) {
    let asset = args.assets.iter().flatten().next();
    let asset = asset.and_then(|listing| Some((listing.ledger, amount(&listing.fee)?)));
    storage.change_settings(|settings| {
        settings.fees_set = true;
        if args.storage_fee.is_none() {
            settings.fee_ledger = asset.map(|(ledger, _)| ledger);
            settings.fee_per_mib = asset.map_or(0, |(_, fee)| fee.max(1));
            settings.fee_cycles_per_mib = CYCLES_PER_MIB;
            settings.draft_deposit = asset.map_or(0, |(_, fee)| fee.max(1) * DRAFT_DEPOSIT_FEES);
        }
        // Who says that storage costs nothing is not asked for computing either, unless he says so.
        if args.compute_fee.is_none() && args.storage_fee.is_none() {
            settings.fee_per_billion = asset.map_or(0, |(_, fee)| fee.max(1));
            settings.fee_cycles_per_billion = CYCLES_PER_BILLION;
        }
    });
}

/// The first release asked for no computing, and for no storage unless governance said so: from its upgrade on, new tasks cost what they cost
/// at a new installation. What was begun before goes on at its terms.
pub fn adopt_fees(storage: &mut Storage) {
    if storage.settings().fees_set {
        return;
    }
    let settings = storage.settings().clone();
    let before = Terms {
        below: storage.counters().tasks,
        fee_ledger: settings.fee_ledger,
        fee_per_mib: settings.fee_per_mib,
        fee_cycles_per_mib: settings.fee_cycles_per_mib,
        fee_per_billion: settings.fee_per_billion,
        fee_cycles_per_billion: settings.fee_cycles_per_billion,
    };
    let nothing = settings.fee_per_mib == 0 && settings.fee_cycles_per_mib == 0;
    let listed = storage.assets().into_iter().find(|asset| asset.listed);
    let asset = match settings.fee_ledger.and_then(|ledger| storage.asset(ledger)) {
        Some(asset) => Some(asset),
        // Who set a fee in cycles alone wants no tokens.
        None => listed.filter(|_| nothing),
    };
    let fee = asset.as_ref().map_or(0, |asset| asset.fee.clamp(1, 1 << 64));
    storage.change_settings(|settings| {
        if nothing {
            settings.fee_ledger = asset.map(|asset| asset.ledger);
            settings.fee_per_mib = fee;
            settings.fee_cycles_per_mib = CYCLES_PER_MIB;
        }
        if settings.fee_per_billion == 0 && settings.fee_cycles_per_billion == 0 {
            settings.fee_per_billion = fee;
            settings.fee_cycles_per_billion = CYCLES_PER_BILLION;
        }
        settings.draft_deposit = fee * DRAFT_DEPOSIT_FEES;
        settings.before = Some(before);
        settings.fees_set = true;
    });
}

/// Sets up a fresh aggregator.
pub fn install(storage: &mut Storage, installer: Principal, args: AggregatorArgs) -> Result<(), String> {
    let governance = args.governance.unwrap_or(installer);
    storage.change_settings(|settings| {
        settings.governance = governance;
        settings.treasury = governance.into();
    });
    set_first_fees(storage, &args);
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
        check::principal(governance)?;
        storage.change_settings(|settings| settings.governance = governance);
    }
    if let Some(treasury) = args.treasury {
        check::treasury(storage, &treasury)?;
        storage.change_settings(|settings| settings.treasury = treasury);
    }
    if let Some(limits) = args.limits {
        check::limits(&limits)?;
        storage.change_settings(|settings| settings.limits = limits);
    }
    if let Some(registries) = args.registries {
        check::registries(&registries)?;
        storage.change_settings(|settings| settings.registries = registries);
    }
    if let Some(fee) = args.storage_fee {
        set_fee(storage, &fee)?;
    }
    if let Some(deposit) = &args.draft_deposit {
        let deposit = check::deposit(deposit)?;
        storage.change_settings(|settings| settings.draft_deposit = deposit);
    }
    match args.compute_fee {
        Some(fee) => set_compute_fee(storage, &fee),
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
        registries: Some(settings.registries.clone()),
        compute_fee: Some(ComputeFee {
            per_billion: nat(settings.fee_per_billion),
            cycles_per_billion: nat(settings.fee_cycles_per_billion),
        }),
        draft_deposit: Some(nat(settings.draft_deposit)),
    }
}

/// Payments that wait for governance.
pub fn quarantined<R: Runtime>(host: &Aggregator<R>, page: Page) -> Vec<QuarantinedPayment> {
    let limit = page.limit.unwrap_or(100).min(100) as usize;
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
