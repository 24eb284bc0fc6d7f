//! What governance sets. Every method `x` here has a twin `validate_x` of the same argument, which answers the text a voter reads.

use crate::{Account, AssetListing};
use candid::{CandidType, Nat, Principal};
use serde::{Deserialize, Serialize};

pub use crate::stream_registry::{Evidence, QuarantinedPayment, SettleQuarantinedArgs};

/// What tasks may be.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Numbers in a model. 50,000,000 at first.
    pub parameters: u64,
    /// Multiply-adds of one sample: what a slice of work is bounded by. 200,000,000 at first.
    pub multiply_adds: u64,
    /// Clients of a task. 1,000 at first.
    pub clients: u32,
    /// Updates of a round. 128 at first.
    pub updates: u32,
    /// Uploads that a client may begin in a round. 5 at first.
    pub attempts: u32,
    /// Faults after which a client is not let in again. 3 at first.
    pub faults: u32,
    /// Bytes reserved for a task. 16 GiB at first.
    pub task_bytes: u64,
    /// Bytes reserved for all tasks. 100 GiB at first.
    pub total_bytes: u64,
    /// Tasks of one owner that have not ended. 20 at first.
    pub tasks_per_owner: u32,
    /// Bytes of an evaluation set. 512 MiB at first.
    pub evaluation_bytes: u64,
}

/// What storage costs, for each MiB reserved and each 30 days that a task may take, the 30 days after its end included. The same
/// again keeps what an ended task still holds for 30 days more.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageFee {
    /// In this ledger's asset …
    pub ledger: Option<Principal>,
    /// … so much, in its smallest unit,
    pub per_mib: Nat,
    /// or so many cycles. Nothing is asked where both are zero, for computing neither.
    pub cycles_per_mib: Nat,
}

/// Install argument; `null` takes every default. On an upgrade, what is absent stays as it is.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct AggregatorArgs {
    /// Who governs. The installer if absent.
    pub governance: Option<Principal>,
    /// Where fees and lost stakes go. The governance principal's default account if absent.
    pub treasury: Option<Account>,
    /// Limits.
    pub limits: Option<Limits>,
    /// What storage costs. If absent at install: 1,500,000,000 cycles a MiB, or the transfer fee of the first of `assets`.
    pub storage_fee: Option<StorageFee>,
    /// Assets listed from the start. At most 20.
    pub assets: Option<Vec<AssetListing>>,
    /// Stream registries that may be asked for a client's licence; these and no others from then on. At most 20. None if absent.
    pub registries: Option<Vec<Principal>>,
    /// What computing costs. If absent at install: 2,000,000,000 cycles, or the transfer fee of the first of `assets`.
    pub compute_fee: Option<ComputeFee>,
    /// What of its owner's prepaid balance is set aside for a draft that is not paid, in the storage fee's asset. If absent at install,
    /// and the storage fee too: 100 transfer fees of the first of `assets`.
    pub draft_deposit: Option<Nat>,
}

/// What computing costs, for each 10^9 instructions estimated, in the storage fee's asset or in cycles.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct ComputeFee {
    /// In the asset of [`StorageFee::ledger`], in its smallest unit.
    pub per_billion: Nat,
    /// In cycles.
    pub cycles_per_billion: Nat,
}

/// The parameters in force.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Who governs.
    pub governance: Principal,
    /// Where fees and lost stakes go.
    pub treasury: Account,
    /// True while writes and work are stopped; reads go on.
    pub paused: bool,
    /// Limits.
    pub limits: Limits,
    /// What storage costs.
    pub storage_fee: StorageFee,
    /// Assets listed.
    pub assets: Vec<AssetListing>,
    /// Stream registries that may be asked for a client's licence. (Absent from an older aggregator.)
    pub registries: Option<Vec<Principal>>,
    /// What computing costs. (Absent from an older aggregator.)
    pub compute_fee: Option<ComputeFee>,
    /// What is set aside for a draft that is not paid. (Absent from an older aggregator.)
    pub draft_deposit: Option<Nat>,
}

/// Argument of `set_banned`.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct BanArgs {
    /// Who.
    pub principal: Principal,
    /// Whether from now on.
    pub banned: bool,
}
