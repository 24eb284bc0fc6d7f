//! Endpoints of the federated aggregator. The rules are in the library; here a call is decoded and handed on.
#![allow(
    clippy::needless_pass_by_value,
    reason = "an endpoint owns the argument decoded for it"
)]
#![allow(
    missing_docs,
    reason = "the endpoints are documented by their argument types and by the Candid file"
)]

use candid::{CandidType, Nat, Principal};
use ddsx_prepaid::till;
use ddsx_runtime::http::{HttpRequest, HttpResponse};
use ddsx_runtime::{Runtime, System, inspect as door};
use ddsx_types::federated_aggregator::{
    AggregatorArgs, AssetAudit, BanArgs, BeginUpdateArgs, CertifiedModel, CertifiedReport, ClaimArgs, ClaimError,
    Claimed, ComputeFee, CreateTaskArgs, ExcludeClientArgs, FileStatus, FundArgs, JoinArgs, JoinError, KeepTaskArgs,
    Limits, ModelChunk, ModelChunkArgs, Page, Parameters, Participant, ParticipantArgs, ParticipantsArgs,
    PayStorageArgs, PredictArgs, PrepaidBalance, PutFileArgs, PutUpdateArgs, QuarantinedPayment, RoundKey, RoundView,
    SettleQuarantinedArgs, StorageFee, TaskAudit, TaskError, TaskId, TaskInfo, TaskPayment, TaskQuote, TopUpArgs,
    TopUpError, UpdateReceipt, UploadError, UploadStatus, WithdrawArgs, WithdrawError,
};
use ddsx_types::{Account, AssetListing, Validation};
use federated_aggregator::governance::{self, Action};
use federated_aggregator::host::AGGREGATOR;
use federated_aggregator::limits::MAX_TASKS_AS_UPDATE;
use federated_aggregator::metrics;
use federated_aggregator::storage::{with, with_mut};
use federated_aggregator::{
    balance as prepaid, certification, create, creation, fund as funding, inspect, join as joining, lifecycle, owner,
    settlement, standing, timer, upkeep, upload, view,
};
use ic_cdk::{init, inspect_message, post_upgrade, query, update};

fn or_trap<T>(result: Result<T, String>) -> T {
    result.unwrap_or_else(|message| ic_cdk::trap(message))
}

/// Refuses what is dear and asked as an update: nobody would pay for it.
fn as_query() -> Result<(), TaskError> {
    if System.in_replicated_execution() {
        return Err(TaskError::Invalid {
            field: "call".to_owned(),
            reason: "ask this as a query".to_owned(),
        });
    }
    Ok(())
}

/// As [`as_query`], where the answer has no room for an error.
fn only_as_query() {
    or_trap(as_query().map_err(|error| error.to_string()));
}

#[inspect_message]
fn inspect_message() {
    let (message, argument) = (door::inspected(), door::argument());
    door::decide(with(|storage| inspect::refusal(storage, &message, &argument)));
}

/// After a change that may have published something or made something due.
fn changed() {
    with(|storage| certification::publish(storage, &System));
    timer::arm(&AGGREGATOR);
}

#[init]
fn init(args: Option<AggregatorArgs>) {
    or_trap(lifecycle::init(&AGGREGATOR, args));
    ddsx_runtime::watch_cycles(&System);
}

#[post_upgrade]
fn post_upgrade(args: Option<AggregatorArgs>) {
    or_trap(lifecycle::post_upgrade(&AGGREGATOR, args));
    ddsx_runtime::watch_cycles(&System);
}

// A task and its owner.

#[update]
fn create_task(args: CreateTaskArgs) -> Result<TaskId, TaskError> {
    creation::create(&AGGREGATOR, &args)
}

/// Makes a task, paid and funded in one call: from the caller's balance, and what that lacks by a payment. The same call again takes
/// nothing twice.
#[update]
async fn create_paid_task(args: CreateTaskArgs, payment: TaskPayment) -> Result<TaskId, TaskError> {
    creation::create_paid(&AGGREGATOR, args, payment).await
}

/// Whether a task's time is extended from its owner's balance.
#[update]
fn keep_task(args: KeepTaskArgs) -> Result<(), TaskError> {
    let kept = with_mut(|storage| upkeep::keep(storage, System.caller(), System.time(), args));
    timer::arm(&AGGREGATOR);
    kept
}

/// What a task with these arguments would cost; nothing is made.
#[query]
fn quote_task(args: CreateTaskArgs) -> Result<TaskQuote, TaskError> {
    as_query()?;
    with(|storage| create::quote(storage, System.caller(), &args))
}

#[update]
async fn pay_storage(args: PayStorageArgs) -> Result<(), TaskError> {
    funding::pay_storage(&AGGREGATOR, args).await
}

#[update]
fn pay_storage_with_cycles(task: TaskId) -> Result<(), TaskError> {
    let paid = funding::pay_storage_with_cycles(&AGGREGATOR, task);
    timer::arm(&AGGREGATOR);
    paid
}

#[update]
async fn fund(args: FundArgs) -> Result<Nat, TaskError> {
    funding::fund(&AGGREGATOR, args).await
}

#[update]
fn put_file(args: PutFileArgs) -> Result<FileStatus, TaskError> {
    with_mut(|storage| owner::put_file(storage, System.caller(), &args))
}

#[update]
fn start_task(task: TaskId) -> Result<(), TaskError> {
    let started = with_mut(|storage| owner::start(storage, System.caller(), System.time(), task));
    changed();
    started
}

#[update]
fn stop_task(task: TaskId) -> Result<(), TaskError> {
    let stopped = with_mut(|storage| owner::stop(storage, System.caller(), System.time(), task));
    changed();
    stopped
}

#[update]
fn exclude_client(args: ExcludeClientArgs) -> Result<(), TaskError> {
    let excluded = with_mut(|storage| standing::exclude(storage, System.caller(), System.time(), &args));
    timer::arm(&AGGREGATOR);
    excluded
}

#[update]
fn free_storage(task: TaskId) -> Result<(), TaskError> {
    with_mut(|storage| owner::free_storage(storage, System.caller(), task))
}

// Clients.

#[update]
async fn join(args: JoinArgs) -> Result<(), JoinError> {
    let joined = joining::join(&AGGREGATOR, args).await;
    timer::arm(&AGGREGATOR);
    joined
}

#[update]
fn leave(task: TaskId) -> Result<(), JoinError> {
    let left = with_mut(|storage| joining::leave(storage, System.caller(), System.time(), task));
    timer::arm(&AGGREGATOR);
    left
}

#[update]
fn begin_update(args: BeginUpdateArgs) -> Result<UploadStatus, UploadError> {
    with_mut(|storage| upload::begin(storage, System.caller(), System.time(), &args))
}

#[update]
fn put_update(args: PutUpdateArgs) -> Result<UploadStatus, UploadError> {
    let taken = with_mut(|storage| upload::put(storage, System.caller(), System.time(), &args));
    timer::arm(&AGGREGATOR);
    taken
}

#[update]
fn finish_update(key: RoundKey) -> Result<UpdateReceipt, UploadError> {
    let finished = with_mut(|storage| upload::finish(storage, System.caller(), System.time(), key));
    changed();
    finished
}

#[query]
fn upload_status(key: RoundKey) -> Option<UploadStatus> {
    with(|storage| upload::upload_status(storage, System.caller(), key))
}

// What everybody may read.

#[query]
fn task(task: TaskId) -> Option<TaskInfo> {
    with(|storage| view::task(storage, task))
}

#[query]
fn tasks(page: Page) -> Vec<TaskInfo> {
    // An owner asks the whole subnet which tasks it has made already; nobody pays for more than a few at a time.
    let most = if System.in_replicated_execution() {
        MAX_TASKS_AS_UPDATE
    } else {
        u32::MAX
    };
    let page = Page {
        limit: Some(page.limit.unwrap_or(u32::MAX).min(most)),
        ..page
    };
    with(|storage| view::tasks(storage, page))
}

#[query]
fn participant(args: ParticipantArgs) -> Option<Participant> {
    with(|storage| view::participant(storage, args.task, args.client))
}

#[query]
fn participants(args: ParticipantsArgs) -> Vec<Participant> {
    only_as_query();
    with(|storage| view::participants(storage, args))
}

#[update]
async fn claim(args: ClaimArgs) -> Result<Claimed, ClaimError> {
    settlement::claim(&AGGREGATOR, args).await
}

/// Tops the caller's prepaid balance up. The same call again takes nothing twice.
#[update]
async fn top_up(args: TopUpArgs) -> Result<PrepaidBalance, TopUpError> {
    let topped_up = till::top_up(&AGGREGATOR, args).await;
    timer::arm(&AGGREGATOR);
    topped_up
}

/// Pays what is free of the caller's prepaid balance back to its own account.
#[update]
async fn withdraw(args: WithdrawArgs) -> Result<Claimed, WithdrawError> {
    till::withdraw(&AGGREGATOR, args).await
}

/// The caller's prepaid balance in an asset.
#[query]
fn balance(ledger: Principal) -> PrepaidBalance {
    with(|storage| prepaid::of(storage, System.caller(), ledger))
}

#[query]
fn asset_audit(ledger: Principal) -> Option<AssetAudit> {
    with(|storage| settlement::audit(storage, ledger))
}

#[query]
fn audit(task: TaskId) -> Option<TaskAudit> {
    only_as_query();
    with(|storage| view::audit(storage, task))
}

#[query]
fn round(key: RoundKey) -> Option<RoundView> {
    with(|storage| view::round(storage, key))
}

#[query]
fn report(key: RoundKey) -> Option<CertifiedReport> {
    only_as_query();
    with(|storage| view::report(storage, &System, key))
}

#[query]
fn model_info(task: TaskId) -> Option<CertifiedModel> {
    only_as_query();
    with(|storage| view::model_info(storage, &System, task))
}

#[query]
fn model_chunk(args: ModelChunkArgs) -> Result<ModelChunk, TaskError> {
    as_query()?;
    with(|storage| view::model_chunk(storage, args))
}

#[query]
fn evaluation_chunk(task: TaskId, offset: u64) -> Result<ModelChunk, TaskError> {
    as_query()?;
    with(|storage| view::evaluation_chunk(storage, task, offset))
}

#[query]
fn predict(args: PredictArgs) -> Result<Vec<f32>, TaskError> {
    as_query()?;
    with(|storage| view::predict(storage, &args))
}

// Governance: `validate_x` for the voters, `x` for the governance principal alone; `x` traps on failure.

#[query]
fn parameters() -> Parameters {
    with(governance::parameters)
}

#[query]
fn quarantined_payments(page: Page) -> Vec<QuarantinedPayment> {
    governance::quarantined(&AGGREGATOR, page)
}

async fn govern(action: Action) {
    or_trap(governance::execute(&AGGREGATOR, action).await);
}

#[query]
fn validate_set_paused(paused: bool) -> Validation {
    governance::validate(&AGGREGATOR, &Action::SetPaused(paused))
}

#[update]
async fn set_paused(paused: bool) {
    govern(Action::SetPaused(paused)).await;
}

#[query]
fn validate_set_limits(limits: Limits) -> Validation {
    governance::validate(&AGGREGATOR, &Action::SetLimits(limits))
}

#[update]
async fn set_limits(limits: Limits) {
    govern(Action::SetLimits(limits)).await;
}

#[query]
fn validate_set_storage_fee(fee: StorageFee) -> Validation {
    governance::validate(&AGGREGATOR, &Action::SetStorageFee(fee))
}

#[update]
async fn set_storage_fee(fee: StorageFee) {
    govern(Action::SetStorageFee(fee)).await;
}

#[query]
fn validate_set_banned(args: BanArgs) -> Validation {
    governance::validate(&AGGREGATOR, &Action::SetBanned(args))
}

#[update]
async fn set_banned(args: BanArgs) {
    govern(Action::SetBanned(args)).await;
}

#[query]
fn validate_list_asset(listing: AssetListing) -> Validation {
    governance::validate(&AGGREGATOR, &Action::ListAsset(listing))
}

#[update]
async fn list_asset(listing: AssetListing) {
    govern(Action::ListAsset(listing)).await;
}

#[query]
fn validate_delist_asset(ledger: Principal) -> Validation {
    governance::validate(&AGGREGATOR, &Action::DelistAsset(ledger))
}

#[update]
async fn delist_asset(ledger: Principal) {
    govern(Action::DelistAsset(ledger)).await;
}

#[query]
fn validate_set_treasury(treasury: Account) -> Validation {
    governance::validate(&AGGREGATOR, &Action::SetTreasury(treasury))
}

#[update]
async fn set_treasury(treasury: Account) {
    govern(Action::SetTreasury(treasury)).await;
}

#[query]
fn validate_set_governance(governance: Principal) -> Validation {
    governance::validate(&AGGREGATOR, &Action::SetGovernance(governance))
}

#[update]
async fn set_governance(governance: Principal) {
    govern(Action::SetGovernance(governance)).await;
}

#[query]
fn validate_settle_quarantined(args: SettleQuarantinedArgs) -> Validation {
    governance::validate(&AGGREGATOR, &Action::SettleQuarantined(args))
}

#[update]
async fn settle_quarantined(args: SettleQuarantinedArgs) {
    govern(Action::SettleQuarantined(args)).await;
}

#[query]
fn validate_settle_quarantined_batch(batch: Vec<SettleQuarantinedArgs>) -> Validation {
    governance::validate(&AGGREGATOR, &Action::SettleQuarantinedBatch(batch))
}

#[update]
async fn settle_quarantined_batch(batch: Vec<SettleQuarantinedArgs>) {
    govern(Action::SettleQuarantinedBatch(batch)).await;
}

#[query]
fn validate_set_registries(registries: Vec<Principal>) -> Validation {
    governance::validate(&AGGREGATOR, &Action::SetRegistries(registries))
}

#[update]
async fn set_registries(registries: Vec<Principal>) {
    govern(Action::SetRegistries(registries)).await;
}

#[query]
fn validate_set_compute_fee(fee: ComputeFee) -> Validation {
    governance::validate(&AGGREGATOR, &Action::SetComputeFee(fee))
}

#[update]
async fn set_compute_fee(fee: ComputeFee) {
    govern(Action::SetComputeFee(fee)).await;
}

#[query]
fn validate_set_draft_deposit(deposit: Nat) -> Validation {
    governance::validate(&AGGREGATOR, &Action::SetDraftDeposit(deposit))
}

#[update]
async fn set_draft_deposit(deposit: Nat) {
    govern(Action::SetDraftDeposit(deposit)).await;
}

#[query]
fn validate_end_task(task: TaskId) -> Validation {
    governance::validate(&AGGREGATOR, &Action::EndTask(task))
}

/// As the owner's `stop_task`.
#[update]
async fn end_task(task: TaskId) {
    govern(Action::EndTask(task)).await;
}

#[query]
fn validate_free_task(task: TaskId) -> Validation {
    governance::validate(&AGGREGATOR, &Action::FreeTask(task))
}

/// Forgets model, evaluation set and reports of a task that has ended.
#[update]
async fn free_task(task: TaskId) {
    govern(Action::FreeTask(task)).await;
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
    metrics::respond(&AGGREGATOR, &request)
}

fn main() {}

ic_cdk::export_candid!();

#[cfg(test)]
mod tests {
    use super::*;

    /// `UPDATE_CANDID=1` writes the file anew.
    #[test]
    fn should_have_the_interface_of_the_committed_candid_file() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../candid/federated_aggregator.did");
        let generated = __export_service();
        if std::env::var_os("UPDATE_CANDID").is_some() {
            std::fs::write(&path, &generated).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            committed, generated,
            "run: UPDATE_CANDID=1 cargo test -p federated_aggregator --bin federated_aggregator"
        );
    }
}
