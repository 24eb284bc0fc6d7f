//! Tasks: what is trained, who may take part, what it pays.

use super::{ModelSpec, Strategy};
use crate::{Account, Hash, TimestampNs};
use candid::{CandidType, Nat, Principal};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// Number of a task.
pub type TaskId = u64;

/// A page of a listing, by ascending number.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Begin after this one; at the first if absent.
    pub start_after: Option<u64>,
    /// At most so many, 1 to 100; 100 if absent.
    pub limit: Option<u32>,
}

/// Length and content hash of a file that is uploaded later (see [`super::PIECE_BYTES`]).
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileDigest {
    /// Bytes.
    pub bytes: u64,
    /// Merkle tree hash over its pieces.
    pub hash: Hash,
}

/// Where the first weights come from.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitialWeights {
    /// A safetensors file that the owner uploads.
    Upload(FileDigest),
    /// Drawn by the canister, as PyTorch draws them, from the network's randomness.
    Draw,
}

/// Who may take part.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum JoinRule {
    /// Whoever comes, up to the task's number of clients.
    Open,
    /// These and nobody else; at most 1,000.
    AllowList(Vec<Principal>),
    /// Holders of a valid licence of a stream, asked of the registry when they join.
    Licence {
        /// The stream registry.
        registry: Principal,
        /// The stream.
        stream: u64,
    },
}

/// How rounds go.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundRules {
    /// How many; 1 to 10,000.
    pub rounds: u32,
    /// Fewest updates that are combined.
    pub min_updates: u32,
    /// Updates with which a round closes before its deadline.
    pub max_updates: u32,
    /// How long a round collects, in seconds (10 to 2,592,000). With too few updates it is extended once by the same, then skipped.
    pub duration_s: u64,
    /// What a client can weigh at most, in samples, whatever it declares.
    pub max_samples: u64,
    /// FedBuff alone: by how many versions an update may lag behind.
    pub max_staleness: u32,
}

/// How a contribution's worth is found.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
pub enum Scoring {
    /// Loss without the client minus loss with it. At most 64 updates in a round.
    LeaveOneOut,
    /// Truncated Monte Carlo Shapley values of the same. At most 64 updates in a round.
    Shapley {
        /// Orders drawn; 1 to 1,000.
        permutations: u32,
        /// An order is left when no more than this is to be gained, in nats.
        tolerance: f64,
    },
    /// Cosine of the update and the step. Costs no evaluation.
    Proxy,
}

/// How a round's budget is split among those whose worth is positive.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum RewardRule {
    /// In proportion to worth.
    ByWorth,
    /// In equal parts.
    Equal,
}

/// How much of a round's budget is paid for how much progress. An accepted round's progress is `ln(lowest loss paid for so far / its loss)`, zero where
/// its loss is not lower; the part is `progress / full`, from the floor to the ceiling. What is not paid stays in the budget.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earning {
    /// The part that an accepted round pays whatever it brought, in ten-thousandths of the budget; 0 unless told.
    pub floor_bps: u32,
    /// The greatest part, in ten-thousandths of the budget: the floor to 10,000; 10,000 unless told.
    pub ceiling_bps: u32,
    /// The progress that earns the whole budget, in ten-thousandths: 1 to 1,000,000; 1,000 unless told (the loss falls by 9.5 %).
    pub full_bps: u32,
    /// Progress below this earns the floor alone, and counts with that of later rounds, in ten-thousandths: at most `full_bps`; 50 unless told.
    pub least_bps: u32,
}

impl Default for Earning {
    fn default() -> Self {
        Self {
            floor_bps: 0,
            ceiling_bps: 10_000,
            full_bps: 1_000,
            least_bps: 50,
        }
    }
}

/// What is paid. A task that pays, or asks for a stake, needs a norm bound.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Reward {
    /// The asset's ledger; it must be listed.
    pub ledger: Principal,
    /// For each round at most, in the asset's smallest unit; below 2^96.
    pub per_round: Nat,
    /// How it is split.
    pub rule: RewardRule,
    /// What a client deposits when it joins; it comes back unless the client sends what is provably false. Below 2^96.
    pub stake: Nat,
    /// How much of a round's budget is paid for how much progress; [`Earning::default`] if absent.
    pub earning: Option<Earning>,
    /// The part of the stake that an upload locks until it is finished, and that goes to the treasury where it never is. At most the stake; a tenth
    /// of it, one unit at least, if absent.
    pub deposit: Option<Nat>,
}

/// Differential privacy of the published models: each update is clipped, and Gaussian noise is added to their mean.
/// Clients count equally then.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
pub struct Privacy {
    /// Greatest Euclidean norm of an update that is combined.
    pub clip: f32,
    /// σ: the sum of the clipped updates gets noise of standard deviation σ·clip.
    pub noise_multiplier: f32,
    /// δ for which ε is reported; in (0, 0.1].
    pub delta: f64,
}

/// Privacy spent so far (Rényi accountant of the Gaussian mechanism, every client in every round).
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
pub struct PrivacySpent {
    /// ε.
    pub epsilon: f64,
    /// δ.
    pub delta: f64,
    /// Rounds whose model was noised.
    pub rounds: u32,
}

/// Argument of `create_task`.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct CreateTaskArgs {
    /// 1 to 100 bytes.
    pub name: String,
    /// At most 4,000 bytes.
    pub description: String,
    /// The model. Its output must be classes or regression targets.
    pub model: ModelSpec,
    /// The first weights.
    pub initial: InitialWeights,
    /// How updates become a step.
    pub strategy: Strategy,
    /// Who may take part.
    pub join: JoinRule,
    /// How many may take part; 1 to the canister's limit.
    pub max_clients: u32,
    /// How rounds go.
    pub rounds: RoundRules,
    /// The held-out set: a safetensors file of `inputs` (`F32`, samples first) and `labels` (`U8`, `I32` or `I64`, one a sample) or `targets`
    /// (`F32`). Committed here, uploaded later, and readable through no endpoint until the task has ended.
    pub evaluation: FileDigest,
    /// By how much a candidate may be worse than the best so far: in accuracy (0 to 1) for classes, in loss for regression.
    pub tolerance: f64,
    /// How contributions are scored.
    pub scoring: Scoring,
    /// What is paid; nothing if absent.
    pub reward: Option<Reward>,
    /// Greatest Euclidean norm that an update may have; needed where money is paid. One beyond it is refused; where a single piece of it is beyond the
    /// bound, its sender's stake is lost.
    pub norm_bound: Option<f32>,
    /// Noise, if wanted.
    pub privacy: Option<Privacy>,
    /// Clients' local training, in words or JSON that `ddsx train` understands; at most 2,000 bytes. Not looked at.
    pub client_config: String,
    /// Whether what single clients' updates were worth and earned is published, and paid, only when the task ends; at once if absent.
    pub scores_at_end: Option<bool>,
}

/// How `create_paid_task` gets what the caller's prepaid balance lacks, by `icrc2_transfer_from`, in the same call.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct TaskPayment {
    /// The asset in which storage and computing are paid (`storage_fee` of `parameters`); of a task for which nothing is asked, that
    /// of its rewards.
    pub ledger: Principal,
    /// Never more than this is taken from the account, the ledger's fee not counted.
    pub max: Nat,
    /// Paid into the task's budget, from the balance too; the rewards must be in the same asset. Nothing if absent.
    pub budget: Option<Nat>,
    /// Taken besides what is missing, for what is to be paid later; nothing if absent.
    pub prepay: Option<Nat>,
    /// 16 to 32 bytes; the same call again takes nothing twice, and makes no second task while the first has not ended.
    pub request_id: ByteBuf,
    /// The caller's subaccount that pays; its default one if absent.
    pub from_subaccount: Option<crate::Subaccount>,
}

/// What making and starting a task costs the caller, in one total.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct TaskTotal {
    /// The asset.
    pub ledger: Principal,
    /// Storage and computing.
    pub fee: Nat,
    /// The least budget, if rewards are in the same asset; 0 otherwise.
    pub budget: Nat,
    /// Both.
    pub total: Nat,
    /// What of it comes back at most: the price of rounds that are never worked on, and budget that is not earned.
    pub comes_back: Nat,
    /// Set aside of the balance for a draft that is not paid at once, until it is paid or withdrawn; no part of the total.
    pub draft_deposit: Nat,
    /// What the caller's prepaid balance has.
    pub free: Nat,
    /// What of the total is taken from it.
    pub from_balance: Nat,
    /// What it lacks: what a payment has to bring.
    pub missing: Nat,
    /// The ledger's fee of that payment; 0 if nothing is missing.
    pub ledger_fee: Nat,
}

/// How a task's storage stands.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct TaskStorage {
    /// Whether 30 days more are taken from its owner's prepaid balance before its time is over.
    pub kept: bool,
    /// Until when a task that has not ended is paid; after its end, `expires_at` says it.
    pub paid_until: Option<TimestampNs>,
    /// Since when the balance lacks the next 30 days: top it up before the time is over.
    pub short_since: Option<TimestampNs>,
    /// What 30 days more cost, in the asset of the storage fee.
    pub per_month: Option<Nat>,
    /// Set aside of the owner's balance while the draft is not paid.
    pub draft_deposit: Nat,
}

/// Argument of `keep_task`, by the owner.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepTaskArgs {
    /// The task.
    pub task: TaskId,
    /// Whether 30 days more are taken from the prepaid balance before its time is over. True at first, if it was paid in tokens.
    pub kept: bool,
}

/// A file of a task.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    /// The first weights.
    Weights,
    /// The evaluation set.
    Evaluation,
}

/// Argument of `put_file`.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct PutFileArgs {
    /// The task.
    pub task: TaskId,
    /// Which file.
    pub file: File,
    /// Where the piece begins: the bytes received so far.
    pub offset: u64,
    /// The piece: [`super::PIECE_BYTES`], or what is left.
    pub bytes: ByteBuf,
}

/// How far a file has come.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStatus {
    /// Bytes received.
    pub received: u64,
    /// Bytes in all.
    pub bytes: u64,
}

/// Argument of `pay_storage`.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct PayStorageArgs {
    /// The task.
    pub task: TaskId,
    /// The caller's subaccount that pays; it must have approved the fee and the ledger's own.
    pub from_subaccount: Option<crate::Subaccount>,
    /// 16 to 32 bytes that name this request.
    pub request_id: ByteBuf,
}

/// Argument of `fund`.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct FundArgs {
    /// The task.
    pub task: TaskId,
    /// How much goes into the budget; the payer pays the ledger's fee besides.
    pub amount: Nat,
    /// The caller's subaccount that pays.
    pub from_subaccount: Option<crate::Subaccount>,
    /// 16 to 32 bytes that name this request.
    pub request_id: ByteBuf,
}

/// Argument of `join`.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct JoinArgs {
    /// The task.
    pub task: TaskId,
    /// Where rewards and the stake go; the caller's default account if absent.
    pub account: Option<Account>,
    /// The caller's subaccount that pays the stake. If absent, the caller's prepaid balance pays where it has all of the stake, which then goes
    /// back there; otherwise its default account.
    pub from_subaccount: Option<crate::Subaccount>,
    /// 16 to 32 bytes that name this request.
    pub request_id: ByteBuf,
    /// Where the task asks for a licence: its number. If absent, it must be among the caller's first 100.
    pub licence: Option<u64>,
}

/// A client that its task's owner has excluded: it sends nothing more, its stake is given back, and what it earned stays its own.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// When.
    pub at: TimestampNs,
    /// Why, in its owner's words.
    pub reason: String,
}

/// Argument of `exclude_client`.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct ExcludeClientArgs {
    /// The task.
    pub task: TaskId,
    /// Whom: a client against whom the records say something (faults, uploads that never ended, findings in reports).
    pub client: Principal,
    /// Why; everybody can read it. 1 to 500 bytes.
    pub reason: String,
}

/// How a client stands in a task beside its money.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What of the stake an upload that is not finished holds.
    pub locked: Nat,
    /// Uploads that it began and never finished.
    pub unfinished: u32,
    /// Findings against it in the reports; being left out by the strategy is none.
    pub findings: u32,
    /// Marks in force: each such upload or finding adds one, each round that earns takes one away.
    pub marks: u32,
    /// Until this round others come first: it is let in only where too few of them are there.
    pub rests_until: u32,
    /// Whether and why it was excluded.
    pub excluded: Option<Exclusion>,
}

/// A client of a task.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Participant {
    /// Who.
    pub client: Principal,
    /// Where it is paid.
    pub account: Account,
    /// When it joined.
    pub joined_at: TimestampNs,
    /// Its stake, as long as it is held.
    pub stake: Nat,
    /// Updates that were combined.
    pub updates: u32,
    /// Updates refused for what is provably false.
    pub faults: u32,
    /// Sum of its scores.
    pub score: f64,
    /// Rewards so far, paid or not.
    pub earned: Nat,
    /// Due and not on its way.
    pub due: Nat,
    /// On its way.
    pub in_flight: Nat,
    /// Paid, ledger fees counted.
    pub paid: Nat,
    /// Whether it may go on.
    pub active: bool,
    /// How it stands; always there, but in answers of the first release.
    pub standing: Option<Standing>,
}

/// Argument of `participant`.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParticipantArgs {
    /// The task.
    pub task: TaskId,
    /// Who.
    pub client: Principal,
}

/// Argument of `participants`.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParticipantsArgs {
    /// The task.
    pub task: TaskId,
    /// Begin after this one.
    pub start_after: Option<Principal>,
    /// At most so many, 1 to 100; 100 if absent.
    pub limit: Option<u32>,
}

/// Why a task is over.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// All its rounds were held.
    Completed,
    /// Its owner ended it.
    Stopped,
    /// It could not begin, or a step failed over and over: why, in words.
    Failed(String),
}

/// Where a task is.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Its owner uploads and pays.
    Draft,
    /// The canister checks the files and evaluates the first model.
    Preparing,
    /// Rounds are held.
    Running,
    /// It is over. Payments may still be on their way.
    Ended(EndReason),
}

/// Where a task is, and since when.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct TaskStage {
    /// Where.
    pub stage: Stage,
    /// Since when.
    pub since: TimestampNs,
}

/// A task.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct TaskInfo {
    /// Its number.
    pub id: TaskId,
    /// Who made it.
    pub owner: Principal,
    /// When.
    pub created_at: TimestampNs,
    /// As it was created.
    pub args: CreateTaskArgs,
    /// Where it is.
    pub stage: TaskStage,
    /// Numbers in the model.
    pub parameters: u64,
    /// Bytes of storage reserved for it.
    pub storage_bytes: u64,
    /// What its storage and computing cost in the fee's ledger, if they can be paid so; of a task that has ended, what 30 days
    /// more cost.
    pub storage_fee: Option<Nat>,
    /// The same in cycles.
    pub storage_fee_cycles: Nat,
    /// Whether that is paid.
    pub storage_paid: bool,
    /// The first weights.
    pub weights: Option<FileStatus>,
    /// The evaluation set.
    pub evaluation: FileStatus,
    /// Budget received.
    pub budget: Nat,
    /// What of it is not assigned.
    pub budget_left: Nat,
    /// Clients that joined and may go on.
    pub clients: u32,
    /// The model in force.
    pub version: u32,
    /// Rounds held, skipped ones counted: a task of so many rounds can come to hold some more.
    pub rounds_held: u32,
    /// The round that collects, if one does.
    pub collecting: Option<u32>,
    /// The best value so far of what decides acceptance: accuracy, or loss negated.
    pub best: Option<f64>,
    /// Privacy spent, where noise is added.
    pub privacy: Option<PrivacySpent>,
    /// When it is cleared away. A draft that is not paid is forgotten; a paid one ends, and its budget goes back; of a task that
    /// has ended, model, evaluation set and reports are forgotten. (Absent from an older aggregator, and while a task runs.)
    pub expires_at: Option<TimestampNs>,
    /// Whether it ends as soon as the accepted updates of its open round are scored and paid.
    pub stopping: Option<bool>,
    /// What computing costs, and what of it comes back. (Absent from an older aggregator.)
    pub compute: Option<ComputeCost>,
    /// How its storage stands. (Absent from an older aggregator.)
    pub storage: Option<TaskStorage>,
}

/// What a task's computing is estimated at and costs; part of what is paid for its storage.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct ComputeCost {
    /// Instructions before the first round.
    pub prepare_instructions: u64,
    /// Instructions of one round.
    pub round_instructions: u64,
    /// The price of one round in the fee's asset; that of a round that is never worked on comes back.
    pub per_round: Nat,
    /// The price of all rounds and of what comes before them.
    pub total: Nat,
    /// The same of one round in cycles.
    pub per_round_cycles: Nat,
    /// The same of all in cycles.
    pub total_cycles: Nat,
    /// What came back, or is on its way back, in the fee's asset.
    pub returned: Nat,
    /// What comes back in cycles.
    pub returned_cycles: Nat,
}

/// What a task would cost: see [`CreateTaskArgs`].
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct TaskQuote {
    /// Numbers in the model.
    pub parameters: u64,
    /// Bytes reserved for it.
    pub storage_bytes: u64,
    /// Instructions of one sample by estimate.
    pub sample_instructions: u64,
    /// What is paid in all before it starts, in the fee's asset if it can be paid so: storage and computing.
    pub fee: Option<Nat>,
    /// The same in cycles.
    pub fee_cycles: Nat,
    /// Computing, which is part of it.
    pub compute: ComputeCost,
    /// What it costs the caller in one total, what comes back, and what its balance lacks; absent where cycles alone are taken.
    /// (And from an older aggregator.)
    pub total: Option<TaskTotal>,
}

/// The books of a task, in its asset. `received = budget_left + stakes + owed + in_flight + paid + to_treasury`.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct TaskAudit {
    /// Budget and stakes received.
    pub received: Nat,
    /// Budget not assigned.
    pub budget_left: Nat,
    /// Stakes held.
    pub stakes: Nat,
    /// Due to clients and owner.
    pub owed: Nat,
    /// On its way.
    pub in_flight: Nat,
    /// Paid, ledger fees counted.
    pub paid: Nat,
    /// Stakes lost, handed to the treasury.
    pub to_treasury: Nat,
    /// Whether the equation holds, and the sums over all clients agree.
    pub conserved: bool,
}
