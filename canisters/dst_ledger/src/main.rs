//! Endpoints of the DST ledger. The rules are in the library; here a call is decoded, given time and caller, and answered.
#![allow(
    missing_docs,
    reason = "the endpoints are documented by their standards and by the Candid file"
)]
#![allow(
    clippy::needless_pass_by_value,
    reason = "an endpoint owns the arguments that it decodes"
)]
#![allow(
    clippy::unnecessary_wraps,
    reason = "the standards say which replies are variants of Ok and Err"
)]

#[cfg(feature = "bench")]
mod bench;
mod wire;

use std::cell::{Cell, RefCell};
use std::time::Duration;

use candid::{Nat, Principal, candid_method};
use ddsx_runtime::http::{HttpRequest, HttpResponse};
use ddsx_runtime::inspect::{decide, inspected};
use ddsx_runtime::{CallError, Runtime, System, cycles_days_left, watch_cycles};
use ddsx_types::dst_ledger::{
    GetFeeCollectorError, InitArgs, LedgerArgs, LedgerTotals, MintArgs, MintError, Minter, SetFeeCollectorArgs,
    SetFeeCollectorError, SetMinterArgs,
    index::{GetAccountTransactionsArgs, GetTransactions, GetTransactionsErr, ListSubaccountsArgs, Status},
};
use dst_ledger::http;
use dst_ledger::index_api::{self, Order};
use dst_ledger::inspect::{self, Ingress};
use dst_ledger::ledger::request::{Approve, Transfer, TransferFrom};
use dst_ledger::ledger::{Act, Chores, Ledger};
use dst_ledger::metrics::SystemFigures;
use dst_ledger::rounds::Rounds;
use dst_ledger::standards::{self, SupportedStandard};
use dst_ledger::tip;
use dst_ledger::{consent, icrc3, icrc103, log};
use ic_cdk::{init, inspect_message, post_upgrade, query, update};
use ic_stable_structures::{DefaultMemoryImpl, Memory};
use icrc_ledger_types::icrc::generic_metadata_value::MetadataValue;
use icrc_ledger_types::icrc1::account::{Account, Subaccount};
use icrc_ledger_types::icrc1::transfer::{TransferArg, TransferError};
use icrc_ledger_types::icrc2::allowance::{Allowance, AllowanceArgs};
use icrc_ledger_types::icrc2::approve::{ApproveArgs, ApproveError};
use icrc_ledger_types::icrc2::transfer_from::{TransferFromArgs, TransferFromError};
use icrc_ledger_types::icrc3::archive::{GetArchivesArgs, GetArchivesResult};
use icrc_ledger_types::icrc3::blocks::{GetBlocksRequest, GetBlocksResult, ICRC3DataCertificate, SupportedBlockType};
use icrc_ledger_types::icrc21::errors::Icrc21Error;
use icrc_ledger_types::icrc21::requests::ConsentMessageRequest;
use icrc_ledger_types::icrc21::responses::ConsentInfo;
use icrc_ledger_types::icrc103::get_allowances::{Allowances, GetAllowancesArgs, GetAllowancesError};
use icrc_ledger_types::icrc106::errors::Icrc106Error;

use wire::{Argument, BlockIndex};

/// How soon after a new account has come. The account is listed at once; this bounds how many a listing has to sort itself.
const SOON: Duration = Duration::from_secs(5);
/// How much of each chore is done in one message: each takes at most about 150,000 instructions, so all together stay far below
/// the 2 B that a message may take without a pause.
const SLICE: u64 = 1_000;

thread_local! {
    static LEDGER: RefCell<Option<Ledger<DefaultMemoryImpl>>> = const { RefCell::new(None) };
    static HOUSEKEEPING: Rounds<System> = Rounds::new(System, keep_house);
    /// What the slices of housekeeping have done that no line tells of yet.
    static UNTOLD: Cell<Option<Chores>> = const { Cell::new(None) };
    /// When the canister was installed or last upgraded.
    static STARTED: Cell<u64> = const { Cell::new(0) };
}

fn read<R>(f: impl FnOnce(&Ledger<DefaultMemoryImpl>) -> R) -> R {
    LEDGER.with_borrow(|ledger| f(ledger.as_ref().expect("init and post_upgrade put the ledger there")))
}

/// Lets `f` change the ledger. If that wrote a block, certifies it.
fn change<R>(f: impl FnOnce(&mut Ledger<DefaultMemoryImpl>, Principal, u64) -> R) -> R {
    LEDGER.with_borrow_mut(|ledger| {
        let ledger = ledger.as_mut().expect("init and post_upgrade put the ledger there");
        let before = ledger.log_length();
        let result = f(ledger, System.caller(), System.time());
        if ledger.log_length() != before {
            certify(ledger);
        }
        if ledger.has_urgent_chores() {
            HOUSEKEEPING.with(|rounds| rounds.ask(SOON));
        }
        result
    })
}

fn certify(ledger: &Ledger<DefaultMemoryImpl>) {
    if let Some((index, hash)) = ledger.tip() {
        System.certified_data_set(&tip::root(index, &hash));
    }
}

/// Writes a line for operators. No transaction does.
fn note(text: &str) {
    System.log(text);
    read(|ledger| ledger.stored().0.log.push(System.time(), text));
}

fn start(what: &str, ledger: Result<Ledger<DefaultMemoryImpl>, String>) {
    let ledger = ledger.unwrap_or_else(|message| ic_cdk::trap(message));
    certify(&ledger);
    LEDGER.set(Some(ledger));
    STARTED.set(System.time());
    let blocks = read(Ledger::log_length);
    note(&format!(
        "{what} version {} with {blocks} blocks",
        env!("CARGO_PKG_VERSION")
    ));
    HOUSEKEEPING.with(Rounds::begin);
    watch_cycles(&System);
}

/// One slice of housekeeping: how soon the next one is needed.
async fn keep_house() -> Option<Duration> {
    if !read(Ledger::has_index_key)
        && let Err(error) = fetch_index_key().await
    {
        note(&format!("no randomness yet: {error}"));
        return Some(Duration::from_secs(1));
    }
    let chores = change(|ledger, _, now| ledger.housekeep(now, SLICE));
    tell(chores);
    if chores.more {
        return Some(Duration::ZERO);
    }
    read(Ledger::has_urgent_chores).then_some(SOON)
}

/// The indexes' secret key is randomness that the installation itself cannot ask for.
async fn fetch_index_key() -> Result<(), CallError> {
    let random = System.raw_rand().await?;
    change(|ledger, _, _| ledger.set_index_key(std::array::from_fn(|i| random[i])));
    note("the indexes have their key");
    Ok(())
}

/// Writes one line for all slices of a round.
fn tell(slice: Chores) {
    let done = log::add(&UNTOLD.take().unwrap_or_default(), &slice);
    if done.more {
        UNTOLD.set(Some(done));
    } else if let Some(line) = log::chores(&done) {
        note(&line);
    }
}

#[init]
fn init(args: Option<LedgerArgs>) {
    let args = match args {
        Some(LedgerArgs::Init(args)) => Ok(args),
        Some(LedgerArgs::Upgrade(_)) => Err("a new ledger takes the argument null or opt variant { Init = … }".into()),
        None if System.caller() == Principal::anonymous() => {
            Err("the anonymous principal cannot mint: name a minting account in opt variant { Init = … }".into())
        }
        None => Ok(InitArgs::for_installer(System.caller())),
    };
    start(
        "installed",
        args.and_then(|args| Ledger::install(DefaultMemoryImpl::default(), args)),
    );
}

#[post_upgrade]
fn post_upgrade(args: Option<LedgerArgs>) {
    let ledger = match args {
        None => Ledger::open(DefaultMemoryImpl::default(), None),
        Some(LedgerArgs::Upgrade(args)) => Ledger::open(DefaultMemoryImpl::default(), Some(args)),
        Some(LedgerArgs::Init(_)) => Err("an upgrade takes the argument null or opt variant { Upgrade = … }".into()),
    };
    start("upgraded to", ledger);
}

/// Turns ingress away that cannot succeed, before it costs anything. The methods refuse it too.
#[inspect_message]
fn inspect_message() {
    let message = inspected();
    decide(read(|ledger| {
        let ingress = Ingress {
            method: &message.method,
            argument_bytes: message.argument_bytes,
            caller: message.caller,
            is_controller: System.is_controller(&message.caller),
        };
        inspect::refusal(ledger, &ingress)
    }));
}

#[query]
fn icrc1_name() -> String {
    read(|ledger| ledger.config().name.clone())
}

#[query]
fn icrc1_symbol() -> String {
    read(|ledger| ledger.config().symbol.clone())
}

#[query]
fn icrc1_decimals() -> u8 {
    read(|ledger| ledger.config().decimals)
}

#[query]
fn icrc1_fee() -> Nat {
    read(|ledger| ledger.config().fee.into())
}

#[query]
fn icrc1_metadata() -> Vec<(String, MetadataValue)> {
    read(|ledger| standards::metadata(ledger.config(), System.canister_self()))
}

#[query]
fn icrc1_minting_account() -> Option<Account> {
    read(|ledger| Some(ledger.config().minting_account))
}

#[query]
fn icrc1_total_supply() -> Nat {
    read(|ledger| ledger.total_supply().into())
}

#[query]
fn icrc1_balance_of(account: Account) -> Nat {
    read(|ledger| ledger.balance_of(&account).into())
}

#[query]
fn icrc1_supported_standards() -> Vec<SupportedStandard> {
    standards::supported()
}

#[query]
fn icrc10_supported_standards() -> Vec<SupportedStandard> {
    standards::supported()
}

#[update(hidden = true, decode_with = "wire::transfer", encode_with = "wire::reply")]
#[candid_method(update)]
fn icrc1_transfer(args: Argument<Transfer, TransferArg>) -> Result<BlockIndex, TransferError> {
    change(|ledger, caller, now| ledger.transfer(caller, args.value, now)).map(BlockIndex)
}

#[update(hidden = true, decode_with = "wire::approve", encode_with = "wire::reply")]
#[candid_method(update)]
fn icrc2_approve(args: Argument<Approve, ApproveArgs>) -> Result<BlockIndex, ApproveError> {
    change(|ledger, caller, now| ledger.approve(caller, args.value, now)).map(BlockIndex)
}

#[update(hidden = true, decode_with = "wire::transfer_from", encode_with = "wire::reply")]
#[candid_method(update)]
fn icrc2_transfer_from(args: Argument<TransferFrom, TransferFromArgs>) -> Result<BlockIndex, TransferFromError> {
    change(|ledger, caller, now| ledger.transfer_from(caller, args.value, now)).map(BlockIndex)
}

#[query]
fn icrc2_allowance(args: AllowanceArgs) -> Allowance {
    read(|ledger| ledger.allowance(&args, System.time()))
}

/// Executes a governed change, or traps: an SNS counts any reply as success.
fn govern(act: &Act) {
    let done = change(|ledger, caller, now| {
        if !ledger.may_govern(caller, System.is_controller(&caller)) {
            return Err(format!("only governance may do this, not {caller}"));
        }
        let in_words = ledger.validate(act, now)?;
        ledger.execute_act(act, caller, now)?;
        Ok(format!("governance, by {caller}: {in_words}"))
    });
    match done {
        Ok(line) => note(&line),
        Err(message) => ic_cdk::trap(message),
    }
}

fn validate(act: &Act) -> Result<String, String> {
    read(|ledger| ledger.validate(act, System.time()))
}

/// What `set_fee` would change, for voters. The fee is in smallest units, at least 1.
#[query]
fn validate_set_fee(fee: Nat) -> Result<String, String> {
    validate(&Act::SetFee(fee))
}

/// Governance alone: sets the fee of transfers and approvals, smallest units. Traps if it may not be.
#[update(hidden = true, decode_with = "wire::bounded")]
#[candid_method(update)]
fn set_fee(fee: Nat) {
    govern(&Act::SetFee(fee));
}

/// What `set_fee_collector` would change, for voters.
#[query]
fn validate_set_fee_collector(collector: Option<Account>) -> Result<String, String> {
    validate(&Act::SetFeeCollector(collector))
}

/// Governance alone: sets who gets all fees from now on; null burns them. Traps if it may not be.
#[update(hidden = true, decode_with = "wire::bounded")]
#[candid_method(update)]
fn set_fee_collector(collector: Option<Account>) {
    govern(&Act::SetFeeCollector(collector));
}

/// What `set_minter` would change, for voters.
#[query]
fn validate_set_minter(args: SetMinterArgs) -> Result<String, String> {
    validate(&Act::SetMinter(args))
}

/// Governance alone: sets the minting account, or who else may mint and how much. Traps if it may not be.
#[update(hidden = true, decode_with = "wire::bounded")]
#[candid_method(update)]
fn set_minter(args: SetMinterArgs) {
    govern(&Act::SetMinter(args));
}

/// Those who may call `mint`, with their caps.
#[query]
fn minters() -> Vec<Minter> {
    read(Ledger::minters)
}

/// Mints, for those whom governance lets, up to their caps.
#[update(hidden = true, decode_with = "wire::bounded")]
#[candid_method(update)]
fn mint(args: MintArgs) -> Result<Nat, MintError> {
    change(|ledger, caller, now| ledger.mint(caller, args, now)).map(Nat::from)
}

#[update(hidden = true, decode_with = "wire::bounded")]
#[candid_method(update)]
fn icrc107_set_fee_collector(args: SetFeeCollectorArgs) -> Result<Nat, SetFeeCollectorError> {
    change(|ledger, caller, now| {
        if !ledger.may_govern(caller, System.is_controller(&caller)) {
            return Err(SetFeeCollectorError::AccessDenied(format!(
                "only governance may do this, not {caller}"
            )));
        }
        ledger.set_fee_collector(caller, &args, now)
    })
    .inspect(|block| note(&format!("governance: the fee collector is set, block {block}")))
    .map(Nat::from)
}

#[query]
fn icrc107_get_fee_collector() -> Result<Option<Account>, GetFeeCollectorError> {
    Ok(read(|ledger| ledger.config().fee_collector))
}

/// The counters, for those who check that nothing was lost or made from nothing.
#[query]
fn ledger_totals() -> LedgerTotals {
    read(Ledger::totals)
}

#[query(hidden = true)]
fn http_request(request: HttpRequest) -> HttpResponse {
    const PAGE_BYTES: u64 = 65_536;
    if System.in_replicated_execution() {
        return HttpResponse::query_only();
    }
    #[cfg(target_arch = "wasm32")]
    let heap_pages = core::arch::wasm32::memory_size(0) as u64;
    #[cfg(not(target_arch = "wasm32"))]
    let heap_pages = 0;
    let system = SystemFigures {
        cycles_days_left: cycles_days_left(&System),
        now: System.time(),
        started: STARTED.get(),
        stable_bytes: DefaultMemoryImpl::default().size() * PAGE_BYTES,
        heap_bytes: heap_pages * PAGE_BYTES,
    };
    read(|ledger| http::respond(&request, ledger, system))
}

// The read side: ICRC-3, ICRC-21, ICRC-103, ICRC-106 and the index that it points to.

#[query]
fn icrc3_get_blocks(ranges: Vec<GetBlocksRequest>) -> GetBlocksResult {
    read(|ledger| icrc3::get_blocks(ledger, &ranges, System.in_replicated_execution()))
}

#[query]
fn icrc3_get_archives(args: GetArchivesArgs) -> GetArchivesResult {
    icrc3::archives(&args)
}

#[query]
fn icrc3_get_tip_certificate() -> Option<ICRC3DataCertificate> {
    icrc3::tip_certificate(read(Ledger::tip), System.data_certificate())
}

#[query]
fn icrc3_supported_block_types() -> Vec<SupportedBlockType> {
    icrc3::supported_block_types()
}

#[update(hidden = true, decode_with = "wire::bounded")]
#[candid_method(update)]
fn icrc21_canister_call_consent_message(request: ConsentMessageRequest) -> Result<ConsentInfo, Icrc21Error> {
    read(|ledger| consent::consent_message(ledger.config(), System.caller(), &request))
}

#[query]
fn icrc103_get_allowances(args: GetAllowancesArgs) -> Result<Allowances, GetAllowancesError> {
    read(|ledger| {
        icrc103::get_allowances(
            ledger,
            System.caller(),
            &args,
            System.time(),
            System.in_replicated_execution(),
        )
    })
}

/// The ledger itself: it serves its accounts' histories.
#[query]
fn icrc106_get_index_principal() -> Result<Principal, Icrc106Error> {
    Ok(System.canister_self())
}

/// The ledger that this index belongs to: itself.
#[query]
fn ledger_id() -> Principal {
    System.canister_self()
}

/// How many blocks, from the first on, are in the accounts' histories.
#[query]
fn status() -> Status {
    read(index_api::status)
}

/// An account's transactions, newest first, those before block `start` if it is given: at most 2,000, and 100 in an update call.
#[query]
fn get_account_transactions(args: GetAccountTransactionsArgs) -> Result<GetTransactions, GetTransactionsErr> {
    read(|ledger| index_api::account_transactions(ledger, &args, Order::NewestFirst, System.in_replicated_execution()))
}

/// An account's transactions, oldest first, those after block `start` if it is given: at most 2,000, and 100 in an update call.
#[query]
fn get_account_transactions_ascending(args: GetAccountTransactionsArgs) -> Result<GetTransactions, GetTransactionsErr> {
    read(|ledger| index_api::account_transactions(ledger, &args, Order::OldestFirst, System.in_replicated_execution()))
}

/// A principal's subaccounts that the ledger has ever seen, those after `start` if it is given: at most 2,000, and 500 in an
/// update call.
#[query]
fn list_subaccounts(args: ListSubaccountsArgs) -> Vec<Subaccount> {
    read(|ledger| index_api::subaccounts(ledger, &args, System.in_replicated_execution()))
}

ic_cdk::export_candid!();

fn main() {}

// With the feature `bench` the canister has methods that its public interface does not list.
#[cfg(all(test, not(feature = "bench")))]
mod tests {
    use super::*;

    /// `UPDATE_CANDID=1` writes the file anew.
    #[test]
    fn should_have_the_interface_of_the_committed_candid_file() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../candid/dst_ledger.did");
        let generated = __export_service();
        if std::env::var_os("UPDATE_CANDID").is_some() {
            std::fs::write(&path, &generated).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            committed, generated,
            "run: UPDATE_CANDID=1 cargo test -p dst_ledger --bin dst_ledger"
        );
    }
}
