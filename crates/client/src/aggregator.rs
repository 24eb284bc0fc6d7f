//! A typed client of `federated_aggregator`: a method for each method of the canister.

mod download;
mod proof;

use candid::utils::ArgumentEncoder;
use candid::{CandidType, Nat, Principal};
use ddsx_types::federated_aggregator::{
    BeginUpdateArgs, CertifiedModel, CertifiedReport, Claimed, CreateTaskArgs, ExcludeClientArgs, FileStatus, FundArgs,
    JoinArgs, JoinError, KeepTaskArgs, ModelChunk, ModelChunkArgs, Page, Parameters, Participant, ParticipantArgs,
    ParticipantsArgs, PayStorageArgs, PredictArgs, PrepaidBalance, PutFileArgs, PutUpdateArgs, RoundKey, RoundView,
    TaskAudit, TaskError, TaskId, TaskInfo, TaskPayment, TaskQuote, TopUpArgs, TopUpError, UpdateReceipt, UploadError,
    UploadStatus, WithdrawArgs, WithdrawError,
};
use serde::de::DeserializeOwned;

use crate::explain::Explain;
use crate::network::Reads;
use crate::witness::Anchor;
use crate::{CallError, Network, NetworkError};

pub use download::{DownloadedModel, ProofFailure, VerifiedReport};
pub use proof::{MODELS_LABEL, REPORTS_LABEL};

/// The federated aggregator of one network, as one identity. Cheap to clone.
///
/// Queries answer with one node's word; [`Aggregator::download_model`], [`Aggregator::verified_model`] and
/// [`Aggregator::verified_report`] prove what they hand over.
#[derive(Clone, Debug)]
pub struct Aggregator {
    network: Network,
    canister: Principal,
    reads: Reads,
}

impl Aggregator {
    pub(crate) fn new(network: Network, canister: Principal) -> Self {
        Self {
            network,
            canister,
            reads: Reads::default(),
        }
    }

    /// The same, asking everything that has no proof of its own as an update call: what comes is the whole subnet's certified
    /// word from its newest state, not one node's. Slower (some seconds a question); for what money or work follows from.
    #[must_use]
    pub fn agreed(&self) -> Self {
        Self {
            reads: Reads::Agreed,
            ..self.clone()
        }
    }

    /// The canister's id.
    pub fn id(&self) -> Principal {
        self.canister
    }

    /// The network it runs on.
    pub fn network(&self) -> &Network {
        &self.network
    }

    fn anchor(&self) -> Anchor<'_> {
        Anchor {
            root_key: self.network.root_key(),
            canister: self.canister,
        }
    }

    async fn read<A, R>(&self, method: &'static str, arguments: A) -> Result<R, NetworkError>
    where
        A: ArgumentEncoder,
        R: CandidType + DeserializeOwned,
    {
        self.network.read(self.reads, self.canister, method, arguments).await
    }

    /// What comes with a proof, which only a query has.
    async fn prove<A, R>(&self, method: &'static str, arguments: A) -> Result<R, NetworkError>
    where
        A: ArgumentEncoder,
        R: CandidType + DeserializeOwned,
    {
        self.network.query(self.canister, method, arguments).await
    }

    /// Pieces, which are checked against a certified hash, and predictions, which are as large: always queries.
    async fn ask<A, R, E>(&self, method: &'static str, arguments: A) -> Result<R, CallError<E>>
    where
        A: ArgumentEncoder,
        R: CandidType + DeserializeOwned,
        E: CandidType + DeserializeOwned + Explain,
    {
        let answer: Result<R, E> = self.prove(method, arguments).await?;
        answer.map_err(|error| CallError::Refused { method, error })
    }

    async fn change<A, R, E>(&self, method: &'static str, arguments: A) -> Result<R, CallError<E>>
    where
        A: ArgumentEncoder,
        R: CandidType + DeserializeOwned,
        E: CandidType + DeserializeOwned + Explain,
    {
        let answer: Result<R, E> = self.network.update(self.canister, method, arguments).await?;
        answer.map_err(|error| CallError::Refused { method, error })
    }

    /// What a task would cost before it starts; nothing is made.
    pub async fn quote_task(&self, args: &CreateTaskArgs) -> Result<TaskQuote, CallError<TaskError>> {
        self.ask("quote_task", (args,)).await
    }

    /// Makes a task; its number. Repeated it makes another.
    pub async fn create_task(&self, args: &CreateTaskArgs) -> Result<TaskId, CallError<TaskError>> {
        self.change("create_task", (args,)).await
    }

    /// Makes a task, paid and funded, from the caller's prepaid balance and, for what that lacks, by the payment. The same call again
    /// answers the same task while it has not ended, and takes nothing twice.
    pub async fn create_paid_task(
        &self,
        args: &CreateTaskArgs,
        payment: &TaskPayment,
    ) -> Result<TaskId, CallError<TaskError>> {
        self.change("create_paid_task", (args, payment)).await
    }

    /// Says whether a task of one's own is kept from the prepaid balance when its time is over.
    pub async fn keep_task(&self, args: &KeepTaskArgs) -> Result<(), CallError<TaskError>> {
        self.change("keep_task", (args,)).await
    }

    /// Moves tokens into the caller's prepaid balance. Repeated with the same arguments it takes nothing twice.
    pub async fn top_up(&self, args: &TopUpArgs) -> Result<PrepaidBalance, CallError<TopUpError>> {
        self.change("top_up", (args,)).await
    }

    /// Moves what is free of the caller's prepaid balance back to its account.
    pub async fn withdraw(&self, args: &WithdrawArgs) -> Result<Claimed, CallError<WithdrawError>> {
        self.change("withdraw", (args,)).await
    }

    /// The caller's prepaid balance in an asset.
    pub async fn balance(&self, ledger: Principal) -> Result<PrepaidBalance, NetworkError> {
        self.read("balance", (ledger,)).await
    }

    /// Pays a task's storage in the fee's asset. Repeated with the same arguments it charges nothing twice.
    pub async fn pay_storage(&self, args: &PayStorageArgs) -> Result<(), CallError<TaskError>> {
        self.change("pay_storage", (args,)).await
    }

    /// Pays into a task's budget; the budget then. Repeated with the same arguments it charges nothing twice.
    pub async fn fund(&self, args: &FundArgs) -> Result<Nat, CallError<TaskError>> {
        self.change("fund", (args,)).await
    }

    /// Uploads a piece of a file; how far the file has come.
    pub async fn put_file(&self, args: &PutFileArgs) -> Result<FileStatus, CallError<TaskError>> {
        self.change("put_file", (args,)).await
    }

    /// Starts a task whose files and money are there.
    pub async fn start_task(&self, task: TaskId) -> Result<(), CallError<TaskError>> {
        self.change("start_task", (task,)).await
    }

    /// Ends a task early.
    pub async fn stop_task(&self, task: TaskId) -> Result<(), CallError<TaskError>> {
        self.change("stop_task", (task,)).await
    }

    /// Excludes a client of a task of one's own against whom the records say something.
    pub async fn exclude_client(&self, args: &ExcludeClientArgs) -> Result<(), CallError<TaskError>> {
        self.change("exclude_client", (args,)).await
    }

    /// Forgets model and evaluation set of a task that has ended.
    pub async fn free_storage(&self, task: TaskId) -> Result<(), CallError<TaskError>> {
        self.change("free_storage", (task,)).await
    }

    /// Joins a task. Repeated with the same arguments it charges no stake twice.
    pub async fn join(&self, args: &JoinArgs) -> Result<(), CallError<JoinError>> {
        self.change("join", (args,)).await
    }

    /// Leaves a task; the stake comes back.
    pub async fn leave(&self, task: TaskId) -> Result<(), CallError<JoinError>> {
        self.change("leave", (task,)).await
    }

    /// Begins an upload, or says how far the same one has come.
    pub async fn begin_update(&self, args: &BeginUpdateArgs) -> Result<UploadStatus, CallError<UploadError>> {
        self.change("begin_update", (args,)).await
    }

    /// Uploads a piece of an update.
    pub async fn put_update(&self, args: &PutUpdateArgs) -> Result<UploadStatus, CallError<UploadError>> {
        self.change("put_update", (args,)).await
    }

    /// Finishes an upload.
    pub async fn finish_update(&self, key: RoundKey) -> Result<UpdateReceipt, CallError<UploadError>> {
        self.change("finish_update", (key,)).await
    }

    /// How far the caller's upload has come, if there is one.
    pub async fn upload_status(&self, key: RoundKey) -> Result<Option<UploadStatus>, NetworkError> {
        self.read("upload_status", (key,)).await
    }

    /// A task, if there is one of this number.
    pub async fn task(&self, task: TaskId) -> Result<Option<TaskInfo>, NetworkError> {
        self.read("task", (task,)).await
    }

    /// Tasks by number.
    pub async fn tasks(&self, page: Page) -> Result<Vec<TaskInfo>, NetworkError> {
        self.read("tasks", (page,)).await
    }

    /// All tasks after the one given, or all.
    pub async fn all_tasks(&self, mut start_after: Option<TaskId>) -> Result<Vec<TaskInfo>, NetworkError> {
        let mut all = Vec::new();
        loop {
            let page = Page {
                start_after,
                limit: None,
            };
            let found = self.tasks(page).await?;
            // A server whose pages do not go forward must not keep us here for ever.
            let last = found.last().map(|task| task.id);
            let Some(last) = last.filter(|last| start_after.is_none_or(|after| *last > after)) else {
                return Ok(all);
            };
            start_after = Some(last);
            all.extend(found);
        }
    }

    /// A client of a task, if it ever joined.
    pub async fn participant(&self, task: TaskId, client: Principal) -> Result<Option<Participant>, NetworkError> {
        self.read("participant", (ParticipantArgs { task, client },)).await
    }

    /// Clients of a task, by principal.
    pub async fn participants(&self, args: ParticipantsArgs) -> Result<Vec<Participant>, NetworkError> {
        self.read("participants", (args,)).await
    }

    /// All clients of a task.
    pub async fn all_participants(&self, task: TaskId) -> Result<Vec<Participant>, NetworkError> {
        let mut all: Vec<Participant> = Vec::new();
        loop {
            let start_after = all.last().map(|participant| participant.client);
            let args = ParticipantsArgs {
                task,
                start_after,
                limit: None,
            };
            let found = self.participants(args).await?;
            let forward = found
                .first()
                .is_some_and(|first| start_after.is_none_or(|last| first.client > last));
            if !forward {
                return Ok(all);
            }
            all.extend(found);
        }
    }

    /// The books of a task.
    pub async fn audit(&self, task: TaskId) -> Result<Option<TaskAudit>, NetworkError> {
        self.read("audit", (task,)).await
    }

    /// A round, going on or over; not verified.
    pub async fn round(&self, key: RoundKey) -> Result<Option<RoundView>, NetworkError> {
        self.read("round", (key,)).await
    }

    /// A round's report with its proof, not yet verified; [`Aggregator::verified_report`] verifies it.
    pub async fn report(&self, key: RoundKey) -> Result<Option<CertifiedReport>, NetworkError> {
        self.prove("report", (key,)).await
    }

    /// The model in force with its proof, not yet verified; [`Aggregator::verified_model`] verifies it.
    pub async fn model_info(&self, task: TaskId) -> Result<Option<CertifiedModel>, NetworkError> {
        self.prove("model_info", (task,)).await
    }

    /// A piece of the model in force, not yet verified; [`Aggregator::download_model`] verifies all of them.
    pub async fn model_chunk(&self, args: ModelChunkArgs) -> Result<ModelChunk, CallError<TaskError>> {
        self.ask("model_chunk", (args,)).await
    }

    /// A piece of the evaluation set of a task that has ended.
    pub async fn evaluation_chunk(&self, task: TaskId, offset: u64) -> Result<ModelChunk, CallError<TaskError>> {
        self.ask("evaluation_chunk", (task, offset)).await
    }

    /// What the model in force makes of some samples; one node's word.
    pub async fn predict(&self, args: &PredictArgs) -> Result<Vec<f32>, CallError<TaskError>> {
        self.ask("predict", (args,)).await
    }

    /// The parameters in force.
    pub async fn parameters(&self) -> Result<Parameters, NetworkError> {
        self.read("parameters", ()).await
    }
}
