//! Endpoints of the DST ledger. The rules are in the library; here a call is decoded, given time and caller, and answered.
#![allow(
    missing_docs,
    reason = "the endpoints are documented by their standards and by the Candid file"
)]
#![allow(
    clippy::needless_pass_by_value,
    reason = "an endpoint owns the arguments that it decodes"
)]

use std::cell::RefCell;
use std::time::Duration;

use candid::{Nat, Principal};
use ddsx_runtime::{Runtime, System};
use ddsx_types::dst_ledger::{InitArgs, LedgerArgs, LedgerTotals};
use dst_ledger::ledger::Ledger;
use dst_ledger::metrics::{self, HttpRequest, HttpResponse, SystemFigures};
use dst_ledger::standards::{self, SupportedStandard};
use ic_cdk::{init, post_upgrade, query, update};
use ic_stable_structures::DefaultMemoryImpl;
use icrc_ledger_types::icrc::generic_metadata_value::MetadataValue;
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc1::transfer::{TransferArg, TransferError};
use icrc_ledger_types::icrc2::allowance::{Allowance, AllowanceArgs};
use icrc_ledger_types::icrc2::approve::{ApproveArgs, ApproveError};
use icrc_ledger_types::icrc2::transfer_from::{TransferFromArgs, TransferFromError};

/// How often what has expired is forgotten, and how much of it in one message: 1,000 of each kind stay far below the
/// 2 B instructions that a message may take without a pause.
const PRUNE_INTERVAL: Duration = Duration::from_mins(10);
const PRUNE_SLICE: usize = 1_000;

thread_local! {
    static LEDGER: RefCell<Option<Ledger<DefaultMemoryImpl>>> = const { RefCell::new(None) };
}

fn read<R>(f: impl FnOnce(&Ledger<DefaultMemoryImpl>) -> R) -> R {
    LEDGER.with_borrow(|ledger| f(ledger.as_ref().expect("init and post_upgrade put the ledger there")))
}

fn change<R>(f: impl FnOnce(&mut Ledger<DefaultMemoryImpl>, Principal, u64) -> R) -> R {
    LEDGER.with_borrow_mut(|ledger| {
        let ledger = ledger.as_mut().expect("init and post_upgrade put the ledger there");
        f(ledger, System.caller(), System.time())
    })
}

fn start(ledger: Result<Ledger<DefaultMemoryImpl>, String>) {
    match ledger {
        Ok(ledger) => LEDGER.set(Some(ledger)),
        Err(message) => ic_cdk::trap(message),
    }
    prune_after(PRUNE_INTERVAL);
}

fn prune_after(delay: Duration) {
    System.set_timer(delay, async {
        let more = change(|ledger, _, now| ledger.prune(now, PRUNE_SLICE));
        prune_after(if more { Duration::ZERO } else { PRUNE_INTERVAL });
    });
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
    start(args.and_then(|args| Ledger::install(DefaultMemoryImpl::default(), args, System.time())));
}

#[post_upgrade]
fn post_upgrade(args: Option<LedgerArgs>) {
    start(match args {
        None => Ledger::open(DefaultMemoryImpl::default(), None),
        Some(LedgerArgs::Upgrade(args)) => Ledger::open(DefaultMemoryImpl::default(), Some(args)),
        Some(LedgerArgs::Init(_)) => Err("an upgrade takes the argument null or opt variant { Upgrade = … }".into()),
    });
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
    read(|ledger| ledger.config().metadata())
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

#[update]
fn icrc1_transfer(args: TransferArg) -> Result<Nat, TransferError> {
    change(|ledger, caller, now| ledger.transfer(caller, args, now)).map(Nat::from)
}

#[update]
fn icrc2_approve(args: ApproveArgs) -> Result<Nat, ApproveError> {
    change(|ledger, caller, now| ledger.approve(caller, args, now)).map(Nat::from)
}

#[update]
fn icrc2_transfer_from(args: TransferFromArgs) -> Result<Nat, TransferFromError> {
    change(|ledger, caller, now| ledger.transfer_from(caller, args, now)).map(Nat::from)
}

#[query]
fn icrc2_allowance(args: AllowanceArgs) -> Allowance {
    read(|ledger| ledger.allowance(&args, System.time()))
}

/// The counters, for those who check that nothing was lost or made from nothing.
#[query]
fn ledger_totals() -> LedgerTotals {
    read(Ledger::totals)
}

#[query(hidden = true)]
fn http_request(request: HttpRequest) -> HttpResponse {
    let system = SystemFigures {
        cycles: System.cycles_balance(),
        now: System.time(),
    };
    read(|ledger| metrics::respond(&request, ledger, system))
}

ic_cdk::export_candid!();

fn main() {}

#[cfg(test)]
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
            "run: UPDATE_CANDID=1 cargo test --release -p dst_ledger --bin dst_ledger"
        );
    }
}
