//! Endpoints of the stream registry. The rules are in the library; here a call is decoded and handed on.
#![allow(
    clippy::needless_pass_by_value,
    reason = "an endpoint owns the argument decoded for it"
)]
#![allow(
    missing_docs,
    reason = "the endpoints are documented by their argument types and by the Candid file"
)]

use candid::candid_method;
use candid::{CandidType, Principal};
use ddsx_runtime::http::{HttpRequest, HttpResponse};
use ddsx_runtime::{Runtime, System, inspect};
use ddsx_types::stream_registry::{
    AddContributorsArgs, AddPlanArgs, AppendArgs, AppendError, Appended, Audit, Balance, BuyArgs, BuyError,
    CertifiedHead, CertifiedLicence, ClaimArgs, ClaimError, Claimed, ConsistencyProof, ConsistencyProofArgs,
    ContributorAccountArgs, ContributorInfo, ContributorNumber, ContributorRevenue, ContributorRevenueArgs,
    CreateStreamArgs, DayOfIncome, ExtendStorageArgs, InclusionProof, InclusionProofArgs, Licence, LicenceId,
    LicencesOfArgs, Page, Parameters, Plan, PlanId, PrepaidBalance, ProofError, Publisher, PullArgs, PullError, Pulled,
    QuarantinedPayment, Quote, QuoteArgs, QuoteError, RegistryArgs, RemovePublisherArgs, RetirePlanArgs,
    SetPublisherArgs, SettleQuarantinedArgs, StoragePrice, StorageQuote, StorageQuoteArgs, StreamError, StreamId,
    StreamIncomeArgs, StreamInfo, StreamRevenue, StreamRevenueArgs, SuspendStreamArgs, TopUpArgs, TopUpError,
    WithdrawArgs, WithdrawError,
};
use ddsx_types::{Account, AssetListing, Validation};
use ic_cdk::{init, inspect_message, post_upgrade, query, update};
use stream_registry::governance::{self, Action};
use stream_registry::host::REGISTRY;
use stream_registry::metrics;
use stream_registry::storage::{with, with_mut};
use stream_registry::{
    balance as prepaid, certification, contributors, creation, door, licences, lifecycle, log, payout, plans,
    publishers, pull as pulling, purchase, revenue_book, streams, upkeep,
};

fn or_trap<T>(result: Result<T, String>) -> T {
    result.unwrap_or_else(|message| ic_cdk::trap(message))
}

#[init]
fn init(args: Option<RegistryArgs>) {
    or_trap(lifecycle::init(&REGISTRY, args));
    ddsx_runtime::watch_cycles(&System);
}

#[post_upgrade]
fn post_upgrade(args: Option<RegistryArgs>) {
    or_trap(lifecycle::post_upgrade(&REGISTRY, args));
    ddsx_runtime::watch_cycles(&System);
}

#[inspect_message]
fn inspect_message() {
    let (message, argument) = (inspect::inspected(), inspect::argument());
    let refused = with(|storage| door::refuse(storage, message.caller, System.time(), &message.method, &argument));
    inspect::decide(refused.err());
}

// Streams.

#[update]
async fn create_stream(args: CreateStreamArgs) -> Result<StreamId, StreamError> {
    creation::create(&REGISTRY, args).await
}

#[update]
fn close_stream(stream: StreamId) -> Result<(), StreamError> {
    with_mut(|storage| streams::close(storage, System.caller(), stream))
}

#[update]
fn add_contributors(args: AddContributorsArgs) -> Result<ContributorNumber, StreamError> {
    with_mut(|storage| contributors::add(storage, System.caller(), System.time(), &args))
}

#[update]
fn bind_contributor_account(args: ContributorAccountArgs) -> Result<(), StreamError> {
    with_mut(|storage| contributors::bind_account(storage, System.caller(), System.time(), &args))
}

#[update]
fn change_contributor_account(args: ContributorAccountArgs) -> Result<(), StreamError> {
    with_mut(|storage| contributors::change_account(storage, System.caller(), System.time(), &args))
}

#[update]
fn set_publisher(args: SetPublisherArgs) -> Result<(), StreamError> {
    with_mut(|storage| publishers::set(storage, System.caller(), System.time(), &args))
}

#[update]
fn remove_publisher(args: RemovePublisherArgs) -> Result<(), StreamError> {
    with_mut(|storage| publishers::remove(storage, System.caller(), &args))
}

#[query]
fn stream(stream: StreamId) -> Option<StreamInfo> {
    with(|storage| streams::info(storage, stream))
}

#[query]
fn list_streams(page: Page) -> Vec<StreamInfo> {
    with(|storage| streams::list(storage, page))
}

#[query]
fn contributors(stream: StreamId, page: Page) -> Vec<ContributorInfo> {
    with(|storage| contributors::list(storage, stream, page))
}

#[query]
fn publishers(stream: StreamId) -> Vec<Publisher> {
    with(|storage| publishers::list(storage, stream))
}

// Storage, and the balance that pays for it.

#[update]
async fn top_up(args: TopUpArgs) -> Result<PrepaidBalance, TopUpError> {
    prepaid::top_up(&REGISTRY, args).await
}

#[update]
async fn withdraw(args: WithdrawArgs) -> Result<Claimed, WithdrawError> {
    prepaid::withdraw(&REGISTRY, args).await
}

#[query]
fn balance(ledger: Principal) -> PrepaidBalance {
    with(|storage| prepaid::of(storage, System.caller(), ledger))
}

#[query]
fn storage_quote(args: StorageQuoteArgs) -> Result<StorageQuote, StreamError> {
    with(|storage| upkeep::quote(storage, System.caller(), System.time(), args))
}

#[update]
fn extend_storage(args: ExtendStorageArgs) -> Result<(), StreamError> {
    with_mut(|storage| upkeep::extend(storage, System.caller(), System.time(), args))
}

#[update]
fn drop_payloads(stream: StreamId) -> Result<(), StreamError> {
    with_mut(|storage| upkeep::drop_payloads(storage, System.caller(), System.time(), stream))
}

// The log.

/// Decodes the head first: nothing large is decoded for a caller who may not append.
fn append_args(argument: Vec<u8>) -> AppendArgs {
    let args = with(|storage| door::append_args(storage, System.caller(), System.time(), &argument));
    or_trap(args.ok_or_else(|| "the argument is not one of append".to_owned()))
}

#[update(hidden = true, decode_with = "append_args")]
#[candid_method(update)]
fn append(args: AppendArgs) -> Result<Appended, AppendError> {
    let appended = with_mut(|storage| log::append(storage, System.caller(), System.time(), &args));
    if appended.is_ok() {
        with(|storage| certification::publish(storage, &System));
    }
    appended
}

#[query]
fn pull(args: PullArgs) -> Result<Pulled, PullError> {
    with(|storage| pulling::pull(storage, &System, args))
}

#[query]
fn stream_head(stream: StreamId) -> Result<CertifiedHead, ProofError> {
    with(|storage| pulling::head(storage, &System, stream))
}

#[query]
fn inclusion_proof(args: InclusionProofArgs) -> Result<InclusionProof, ProofError> {
    with(|storage| pulling::inclusion_proof(storage, &System, args))
}

#[query]
fn consistency_proof(args: ConsistencyProofArgs) -> Result<ConsistencyProof, ProofError> {
    with(|storage| pulling::consistency_proof(storage, &System, args))
}

// Plans and licences.

#[update]
fn add_plan(args: AddPlanArgs) -> Result<PlanId, StreamError> {
    with_mut(|storage| plans::add(storage, System.caller(), args))
}

#[update]
fn retire_plan(args: RetirePlanArgs) -> Result<(), StreamError> {
    with_mut(|storage| plans::retire(storage, System.caller(), args))
}

#[query]
fn plans(stream: StreamId) -> Vec<Plan> {
    with(|storage| plans::list(storage, stream))
}

#[query]
fn quote(args: QuoteArgs) -> Result<Quote, QuoteError> {
    with(|storage| {
        let quote = plans::quote(storage, args)?;
        if upkeep::may_sell(storage, System.time(), args.plan, args.ledger) {
            Ok(quote)
        } else {
            Err(QuoteError::PlanNotOffered)
        }
    })
}

#[update]
async fn buy(args: BuyArgs) -> Result<Licence, BuyError> {
    purchase::buy(&REGISTRY, args).await
}

#[query]
fn licence(licence: LicenceId) -> CertifiedLicence {
    with(|storage| licences::certified(storage, &System, licence))
}

#[query]
fn licences_of(args: LicencesOfArgs) -> Vec<Licence> {
    with(|storage| licences::of(storage, &args))
}

// Income.

#[update]
async fn claim(args: ClaimArgs) -> Result<Claimed, ClaimError> {
    payout::claim(&REGISTRY, args).await
}

#[query]
fn stream_revenue(args: StreamRevenueArgs) -> Option<StreamRevenue> {
    with(|storage| revenue_book::stream_revenue(storage, args))
}

#[query]
fn stream_income(args: StreamIncomeArgs) -> Vec<DayOfIncome> {
    with(|storage| revenue_book::stream_income(storage, args))
}

#[query]
fn contributor_revenue(args: ContributorRevenueArgs) -> Vec<ContributorRevenue> {
    with(|storage| revenue_book::contributor_revenue(storage, args))
}

#[query]
fn treasury_balance(ledger: Principal) -> Balance {
    with(|storage| revenue_book::treasury_balance(storage, ledger))
}

#[query]
fn audit(ledger: Principal) -> Option<Audit> {
    with(|storage| revenue_book::audit(storage, ledger))
}

// Governance: `validate_x` for the voters, `x` for the governance principal alone; `x` traps on failure.

#[query]
fn parameters() -> Parameters {
    with(governance::parameters)
}

#[query]
fn quarantined_payments(page: Page) -> Vec<QuarantinedPayment> {
    governance::quarantined(&REGISTRY, page)
}

async fn govern(action: Action) {
    or_trap(governance::execute(&REGISTRY, action).await);
}

#[query]
fn validate_set_paused(paused: bool) -> Validation {
    governance::validate(&REGISTRY, &Action::SetPaused(paused))
}

#[update]
async fn set_paused(paused: bool) {
    govern(Action::SetPaused(paused)).await;
}

#[query]
fn validate_list_asset(listing: AssetListing) -> Validation {
    governance::validate(&REGISTRY, &Action::ListAsset(listing))
}

#[update]
async fn list_asset(listing: AssetListing) {
    govern(Action::ListAsset(listing)).await;
}

#[query]
fn validate_delist_asset(ledger: Principal) -> Validation {
    governance::validate(&REGISTRY, &Action::DelistAsset(ledger))
}

#[update]
async fn delist_asset(ledger: Principal) {
    govern(Action::DelistAsset(ledger)).await;
}

#[query]
fn validate_set_protocol_fee(bps: u16) -> Validation {
    governance::validate(&REGISTRY, &Action::SetProtocolFee(bps))
}

#[update]
async fn set_protocol_fee(bps: u16) {
    govern(Action::SetProtocolFee(bps)).await;
}

#[query]
fn validate_set_treasury(treasury: Account) -> Validation {
    governance::validate(&REGISTRY, &Action::SetTreasury(treasury))
}

#[update]
async fn set_treasury(treasury: Account) {
    govern(Action::SetTreasury(treasury)).await;
}

#[query]
fn validate_set_governance(governance: Principal) -> Validation {
    governance::validate(&REGISTRY, &Action::SetGovernance(governance))
}

#[update]
async fn set_governance(governance: Principal) {
    govern(Action::SetGovernance(governance)).await;
}

#[query]
fn validate_set_payout_interval(seconds: u64) -> Validation {
    governance::validate(&REGISTRY, &Action::SetPayoutInterval(seconds))
}

#[update]
async fn set_payout_interval(seconds: u64) {
    govern(Action::SetPayoutInterval(seconds)).await;
}

#[query]
fn validate_settle_quarantined(args: SettleQuarantinedArgs) -> Validation {
    governance::validate(&REGISTRY, &Action::SettleQuarantined(args))
}

#[update]
async fn settle_quarantined(args: SettleQuarantinedArgs) {
    govern(Action::SettleQuarantined(args)).await;
}

#[query]
fn validate_settle_quarantined_batch(batch: Vec<SettleQuarantinedArgs>) -> Validation {
    governance::validate(&REGISTRY, &Action::SettleQuarantinedBatch(batch))
}

#[update]
async fn settle_quarantined_batch(batch: Vec<SettleQuarantinedArgs>) {
    govern(Action::SettleQuarantinedBatch(batch)).await;
}

#[query]
fn validate_set_storage_price(price: StoragePrice) -> Validation {
    governance::validate(&REGISTRY, &Action::SetStoragePrice(price))
}

#[update]
async fn set_storage_price(price: StoragePrice) {
    govern(Action::SetStoragePrice(price)).await;
}

#[query]
fn validate_suspend_stream(args: SuspendStreamArgs) -> Validation {
    governance::validate(&REGISTRY, &Action::SuspendStream(args))
}

#[update]
async fn suspend_stream(args: SuspendStreamArgs) {
    govern(Action::SuspendStream(args)).await;
}

#[query]
fn validate_free_stream(stream: StreamId) -> Validation {
    governance::validate(&REGISTRY, &Action::FreeStream(stream))
}

#[update]
async fn free_stream(stream: StreamId) {
    govern(Action::FreeStream(stream)).await;
}

// About the canister.

/// A standard that this canister supports (ICRC-10).
#[derive(CandidType)]
struct SupportedStandard {
    name: String,
    url: String,
}

#[query]
fn icrc10_supported_standards() -> Vec<SupportedStandard> {
    vec![SupportedStandard {
        name: "ICRC-10".to_owned(),
        url: "https://github.com/dfinity/ICRC/blob/main/ICRCs/ICRC-10/ICRC-10.md".to_owned(),
    }]
}

#[query(hidden = true)]
fn http_request(request: HttpRequest) -> HttpResponse {
    metrics::respond(&REGISTRY, &request)
}

fn main() {}

ic_cdk::export_candid!();

#[cfg(test)]
mod tests {
    use super::*;

    /// `UPDATE_CANDID=1` writes the file anew.
    #[test]
    fn should_have_the_interface_of_the_committed_candid_file() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../candid/stream_registry.did");
        let generated = __export_service();
        if std::env::var_os("UPDATE_CANDID").is_some() {
            std::fs::write(&path, &generated).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            committed, generated,
            "run: UPDATE_CANDID=1 cargo test -p stream_registry --bin stream_registry"
        );
    }
}
