//! What is stored of settings, assets, tasks, clients and updates.
#![allow(
    missing_docs,
    reason = "fields are named as the interface names them; the others have a line"
)]

use candid::{Nat, Principal};
use ddsx_types::federated_aggregator::{FileDigest, LineageStream, Stage, TaskId, UpdateEncoding, UpdateKind};
use ddsx_types::{Account, AssetListing, Hash, TimestampNs};
use serde::{Deserialize, Serialize};

use super::extents::Blob;
use crate::books::{Books, Payable};
use crate::content::Content;
use crate::limits;

/// What governance has set.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    pub governance: Principal,
    pub treasury: Account,
    pub paused: bool,
    pub limits: ddsx_types::federated_aggregator::Limits,
    pub fee_ledger: Option<Principal>,
    pub fee_per_mib: u128,
    pub fee_cycles_per_mib: u128,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            governance: Principal::anonymous(),
            treasury: Principal::anonymous().into(),
            paused: false,
            limits: limits::DEFAULT,
            fee_ledger: None,
            fee_per_mib: 0,
            fee_cycles_per_mib: 0,
        }
    }
}

/// Numbers given out and totals.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Counters {
    pub tasks: u64,
    pub reserved_bytes: u64,
    pub updates: u64,
    pub faults: u64,
    pub refused: u64,
    pub rounds_accepted: u64,
    pub rounds_rejected: u64,
    pub rounds_skipped: u64,
    pub slices: u64,
    pub most_instructions: u64,
    pub rewards: u64,
    pub cycles_received: u128,
}

/// A ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetRecord {
    pub ledger: Principal,
    pub listed: bool,
    pub symbol: String,
    pub decimals: u8,
    pub fee: u128,
    pub transaction_window_ns: Option<u64>,
    pub dedup_first: bool,
    pub payout_threshold: u128,
    /// Fees and lost stakes for the treasury.
    pub treasury: Payable,
    /// Where a transfer burns: nobody is paid there. Unknown until the ledger was asked; the first
    /// releases did not ask.
    #[serde(default)]
    pub minting_account: Option<Account>,
}

impl AssetRecord {
    /// A listing that was checked.
    pub fn new(listing: &AssetListing) -> Option<Self> {
        Some(Self {
            ledger: listing.ledger,
            listed: true,
            symbol: listing.symbol.clone(),
            decimals: listing.decimals,
            fee: crate::amounts::amount(&listing.fee)?,
            transaction_window_ns: listing.transaction_window_ns,
            dedup_first: listing.dedup_first,
            payout_threshold: crate::amounts::amount(&listing.payout_threshold)?,
            treasury: Payable::default(),
            minting_account: None,
        })
    }

    /// Whether a transfer to this account would burn, and one from it would mint.
    pub fn is_minting(&self, account: &Account) -> bool {
        self.minting_account.as_ref() == Some(account)
    }

    /// As the interface says it.
    pub fn listing(&self) -> AssetListing {
        AssetListing {
            ledger: self.ledger,
            symbol: self.symbol.clone(),
            decimals: self.decimals,
            fee: Nat::from(self.fee),
            transaction_window_ns: self.transaction_window_ns,
            dedup_first: self.dedup_first,
            payout_threshold: Nat::from(self.payout_threshold),
        }
    }
}

/// The books of all tasks in one asset together, kept in step with each task's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetTotals {
    /// All that came in: budgets, stakes, storage fees.
    pub received: u128,
    /// All that went out, ledger fees counted.
    pub paid: u128,
    pub budget_left: u128,
    pub stakes: u128,
    /// Due to clients and owners.
    pub owed: u128,
    /// On its way to them.
    pub in_flight: u128,
}

impl AssetTotals {
    /// Replaces what one task holds. Only what is held moves here; `received` and `paid` move where
    /// ledgers answer.
    pub fn replace(&mut self, before: &Books, after: &Books) {
        let replace = |sum: &mut u128, before: u128, after: u128| {
            *sum = sum.saturating_add(after).saturating_sub(before);
        };
        replace(&mut self.budget_left, before.budget_left, after.budget_left);
        replace(&mut self.stakes, before.stakes, after.stakes);
        replace(&mut self.owed, before.owed, after.owed);
        replace(&mut self.in_flight, before.in_flight, after.in_flight);
    }

    /// Counts a task that no release before this one counted. Its lost stakes were counted with the
    /// treasury.
    pub fn enter(&mut self, books: &Books) {
        self.received = self
            .received
            .saturating_add(books.received.saturating_sub(books.to_treasury));
        self.paid = self.paid.saturating_add(books.paid);
    }

    /// What all tasks hold.
    pub fn held(&self) -> u128 {
        self.budget_left + self.stakes + self.owed + self.in_flight
    }
}

/// A file that the owner uploads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    pub digest: FileDigest,
    /// Taken with the first piece.
    pub blob: Option<Blob>,
    pub content: Content,
}

impl FileRecord {
    /// Nothing received yet.
    pub fn new(digest: FileDigest) -> Self {
        Self {
            digest,
            blob: None,
            content: Content::new(digest.bytes),
        }
    }

    /// The file, once all of it is here and right.
    pub fn complete(&self) -> Option<Blob> {
        self.blob.filter(|_| self.content.is_complete())
    }
}

/// The model in force: its flat weights, little-endian. The file is the plan's header and these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    pub version: u32,
    pub round: u32,
    pub hash: Hash,
    pub parent: Hash,
    pub blob: Blob,
}

/// A round that takes updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collecting {
    pub round: u32,
    pub opened_at: TimestampNs,
    pub deadline: TimestampNs,
    pub extended: bool,
    /// Updates accepted.
    pub accepted: u32,
    /// Uploads under way.
    pub uploads: u32,
}

fn set_aside() -> bool {
    true
}

/// What changes about a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "facts that do not exclude one another")]
pub struct TaskRecord {
    pub id: TaskId,
    pub owner: Principal,
    pub created_at: TimestampNs,
    pub stage: Stage,
    pub since: TimestampNs,
    pub parameters: u64,
    pub header_bytes: u64,
    /// Whether updates move the model as they come (FedBuff).
    pub asynchronous: bool,
    pub ledger: Option<Principal>,
    pub stake: u128,
    pub storage_bytes: u64,
    /// Whether they are set aside for it. Records of the first release lack this: there they always were.
    #[serde(default = "set_aside")]
    pub reserved: bool,
    pub storage_paid: bool,
    /// A payment for it is under way: no other may begin.
    pub storage_in_flight: bool,
    pub weights: Option<FileRecord>,
    pub evaluation: FileRecord,
    pub model: Option<Model>,
    /// Best value so far, and loss of the model in force.
    pub best: Option<f64>,
    pub loss: Option<f64>,
    /// Vectors that the strategy keeps; empty until the first accepted round, when they are zero.
    pub state: Vec<Blob>,
    pub accepted_rounds: u32,
    pub rounds_held: u32,
    pub noised_rounds: u32,
    pub collecting: Option<Collecting>,
    /// Whether there is a record of work.
    pub working: bool,
    pub clients: u32,
    pub books: Books,
    /// What the owner is due.
    pub owner_due: Payable,
    pub stopping: bool,
    /// Where the agenda holds it.
    pub due: Option<TimestampNs>,
    /// Slices begun since one ended well.
    pub failures: u32,
}

/// A client of a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientRecord {
    pub account: Account,
    pub joined_at: TimestampNs,
    pub active: bool,
    pub stake: u128,
    pub updates: u32,
    pub faults: u32,
    pub score: f64,
    pub earned: u128,
    pub payable: Payable,
    /// Uploads begun in this round.
    pub attempts_round: u32,
    pub attempts: u32,
}

/// An update on its way in, or in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UpdateRecord {
    pub client: Principal,
    pub kind: UpdateKind,
    pub encoding: UpdateEncoding,
    pub samples: u64,
    pub base_version: u32,
    pub staleness: u32,
    pub hash: Hash,
    pub blob: Blob,
    pub content: Content,
    pub squared_norm: f64,
    /// When its client last sent something of it.
    pub touched_at: TimestampNs,
    /// Its place once it is accepted.
    pub place: Option<u32>,
    pub lineage: Vec<LineageStream>,
}

/// Whom a payment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payee {
    /// A task's owner.
    Owner(TaskId),
    /// A client.
    Client(TaskId, Principal),
    /// The treasury, in the asset of this ledger.
    Treasury(Principal),
}

/// Why a payment was ordered; kept in the journal with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// Storage of a task.
    Storage { task: TaskId, amount: u128 },
    /// Budget of a task.
    Budget { task: TaskId, amount: u128 },
    /// A client's stake.
    Stake {
        task: TaskId,
        client: Principal,
        account: Account,
        amount: u128,
    },
    /// What a payee is due, the ledger's fee counted.
    Payout { payee: Payee, due: u128 },
}
