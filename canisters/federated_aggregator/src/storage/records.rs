//! What is stored of settings, assets, tasks, clients and updates.
#![allow(
    missing_docs,
    reason = "fields are named as the interface names them; the others have a line"
)]

use candid::{Nat, Principal};
use ddsx_types::federated_aggregator::{
    Exclusion, FileDigest, LineageStream, Stage, TaskId, UpdateEncoding, UpdateKind,
};
use ddsx_types::{Account, AssetListing, Hash, TimestampNs};
use serde::{Deserialize, Serialize};

use super::extents::Blob;
use crate::books::{Books, Payable};
use crate::content::Content;
use crate::limits::{self, MAX_FILE_RESTARTS};

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
    /// Registries that may be asked. Settings of the first release lack this and what follows.
    #[serde(default)]
    pub registries: Vec<Principal>,
    #[serde(default)]
    pub fee_per_billion: u128,
    #[serde(default)]
    pub fee_cycles_per_billion: u128,
    /// When a pause last began or ended: nobody could go on with an upload before. Records of the first release lack this.
    #[serde(default)]
    pub resumed_at: TimestampNs,
    /// Set aside of a balance for a draft that is not paid.
    #[serde(default)]
    pub draft_deposit: u128,
    /// Whether an installer or governance could have said what is asked. The first release could not, and asked nothing for computing.
    #[serde(default)]
    pub fees_set: bool,
    /// What tasks were begun with before the fees of the first release were replaced.
    #[serde(default)]
    pub before: Option<Terms>,
}

/// Fees that hold for the tasks below a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    pub below: TaskId,
    pub fee_ledger: Option<Principal>,
    pub fee_per_mib: u128,
    pub fee_cycles_per_mib: u128,
    pub fee_per_billion: u128,
    pub fee_cycles_per_billion: u128,
}

impl Settings {
    /// With the fees that hold for a task.
    pub fn for_task(&self, task: TaskId) -> std::borrow::Cow<'_, Self> {
        let Some(before) = self.before.as_ref().filter(|before| task < before.below) else {
            return std::borrow::Cow::Borrowed(self);
        };
        std::borrow::Cow::Owned(Self {
            fee_ledger: before.fee_ledger,
            fee_per_mib: before.fee_per_mib,
            fee_cycles_per_mib: before.fee_cycles_per_mib,
            fee_per_billion: before.fee_per_billion,
            fee_cycles_per_billion: before.fee_cycles_per_billion,
            ..self.clone()
        })
    }
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
            registries: Vec::new(),
            fee_per_billion: 0,
            fee_cycles_per_billion: 0,
            resumed_at: 0,
            draft_deposit: 0,
            fees_set: false,
            before: None,
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
    /// Cycles that came back to owners.
    #[serde(default)]
    pub cycles_returned: u128,
    /// Tasks that the first release made have no end of their time: those below this number were given one.
    #[serde(default)]
    pub dated: u64,
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
    /// Its number in the prepaid balances. Absent only until the upgrade of a release that kept none is through.
    #[serde(default)]
    pub number: Option<u32>,
    /// The fee that governance listed it with last; what its ledger says is believed within a bound of it.
    #[serde(default)]
    pub listed_fee: Option<u128>,
    /// Whether the ledger's own fee is beyond that bound: payments in it wait.
    #[serde(default)]
    pub absurd_fee: bool,
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
            number: None,
            listed_fee: Some(crate::amounts::amount(&listing.fee)?),
            absurd_fee: false,
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
    /// Paid for the computing of rounds that were not worked on yet.
    pub compute_held: u128,
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

    /// Replaces what is held of one task's fee for computing.
    pub fn replace_fee(&mut self, before: &Fee, after: &Fee) {
        let replace = |sum: &mut u128, before: u128, after: u128| {
            *sum = sum.saturating_add(after).saturating_sub(before);
        };
        replace(&mut self.compute_held, before.held, after.held);
        replace(&mut self.owed, before.back.due, after.back.due);
        replace(&mut self.in_flight, before.back.in_flight, after.back.in_flight);
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
        self.budget_left + self.stakes + self.owed + self.in_flight + self.compute_held
    }
}

/// A file that the owner uploads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    pub digest: FileDigest,
    /// Taken with the first piece.
    pub blob: Option<Blob>,
    pub content: Content,
    /// How often all of it was here and had another hash. Records of earlier releases lack this.
    #[serde(default)]
    pub wrong: u32,
}

impl FileRecord {
    /// Nothing received yet.
    pub fn new(digest: FileDigest) -> Self {
        Self {
            digest,
            blob: None,
            content: Content::new(digest.bytes),
            wrong: 0,
        }
    }

    /// Whether it was sent wrong so often that no more of it is taken.
    pub fn is_given_up(&self) -> bool {
        self.wrong > MAX_FILE_RESTARTS
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
    /// Hashes declared so far. Records of the first release lack this.
    #[serde(default)]
    pub declared: u32,
}

fn set_aside() -> bool {
    true
}

/// The money that computing costs: paid with the storage, earned round by round, and what is left comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fee {
    /// What tokens it was paid in, if in tokens.
    pub ledger: Option<Principal>,
    /// What a round costs.
    pub per_round: u128,
    /// For rounds that were not worked on.
    pub held: u128,
    /// What comes back to the owner.
    pub back: Payable,
    pub cycles_per_round: u128,
    pub cycles_held: u128,
    /// Cycles due to the owner, on their way, and there.
    pub cycles_back: Payable,
    /// For rounds that were not worked on, set aside of the owner's balance. Records of earlier releases lack this and what follows.
    #[serde(default)]
    pub aside: u128,
    /// What of it became free again.
    #[serde(default)]
    pub returned: u128,
}

impl Fee {
    /// A round was worked on. What it has earned: tokens, to be handed to the treasury.
    pub fn earn(&mut self) -> u128 {
        self.cycles_held = self.cycles_held.saturating_sub(self.cycles_per_round);
        let earned = self.per_round.min(self.held);
        self.held -= earned;
        earned
    }

    /// No round comes any more: the rest is due to the owner.
    pub fn release(&mut self) {
        self.back.credit(std::mem::take(&mut self.held));
        self.cycles_back.credit(std::mem::take(&mut self.cycles_held));
    }
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
    /// When it is cleared away. Records of the first release lack this and what follows.
    #[serde(default)]
    pub expires_at: Option<TimestampNs>,
    #[serde(default)]
    pub fee: Fee,
    /// Whether its model, its files and its reports were cleared away.
    #[serde(default)]
    pub cleared: bool,
    /// The lowest loss that was paid for, at first that of the first model. Records of the first release lack this and what follows.
    #[serde(default)]
    pub paid_loss: Option<f64>,
    /// The lowest median norm of a round's clean updates that made progress.
    #[serde(default)]
    pub usual_norm: Option<f64>,
    /// What the signs of sketches are drawn from; never published.
    #[serde(default)]
    pub sketch_seed: Option<Hash>,
    /// Skipped rounds that are not used up.
    #[serde(default)]
    pub free_skips: u32,
    /// The ledger in which so much of its owner's balance is set aside for the draft. Records of earlier releases lack this and what
    /// follows.
    #[serde(default)]
    pub deposit: Option<(Principal, u128)>,
    /// Until when its room is paid while it runs.
    #[serde(default)]
    pub paid_until: Option<TimestampNs>,
    /// Whether its time is extended from its owner's balance.
    #[serde(default)]
    pub keep: bool,
    /// Since when the balance lacks the next month.
    #[serde(default)]
    pub short_since: Option<TimestampNs>,
    /// The request that made it.
    #[serde(default)]
    pub request: Option<Hash>,
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
    /// What of the stake an upload holds. Records of the first release lack this and what follows.
    #[serde(default)]
    pub locked: u128,
    /// Uploads never finished, and findings in reports.
    #[serde(default)]
    pub unfinished: u32,
    #[serde(default)]
    pub findings: u32,
    /// Marks in force, and until which round they make others come first.
    #[serde(default)]
    pub marks: u32,
    #[serde(default)]
    pub rests_until: u32,
    #[serde(default)]
    pub excluded: Option<Exclusion>,
    /// What of the score and of what is due is published, and paid, when the task ends.
    #[serde(default)]
    pub kept_score: f64,
    #[serde(default)]
    pub kept_reward: u128,
    /// The last round of which it was told that a piece was not wanted. Records of earlier releases lack this.
    #[serde(default)]
    pub told: u32,
    /// Marks that are taken away when the task ends: before, they would tell that it earned.
    #[serde(default)]
    pub kept_marks: u32,
    /// Whether its stake came from its prepaid balance, and goes back there.
    #[serde(default)]
    pub from_balance: bool,
}

impl ClientRecord {
    /// Of one that comes.
    pub fn new(account: Account, now: TimestampNs) -> Self {
        Self {
            account,
            joined_at: now,
            active: false,
            stake: 0,
            updates: 0,
            faults: 0,
            score: 0.0,
            earned: 0,
            payable: Payable::default(),
            attempts_round: 0,
            attempts: 0,
            locked: 0,
            unfinished: 0,
            findings: 0,
            marks: 0,
            rests_until: 0,
            excluded: None,
            kept_score: 0.0,
            kept_reward: 0,
            told: 0,
            kept_marks: 0,
            from_balance: false,
        }
    }
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
    /// The how manieth hash of its round it was declared as. Records of the first release lack this.
    #[serde(default)]
    pub declared: u32,
    /// When it was begun; 0 in records of earlier releases.
    #[serde(default)]
    pub begun_at: TimestampNs,
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
    /// A task's owner, in the asset of the fee.
    Fee(TaskId),
}

/// Why a payment was ordered; kept in the journal with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// Storage and computing of a task; of the amount, so much for each of so many rounds.
    Storage {
        task: TaskId,
        amount: u128,
        #[serde(default)]
        per_round: u128,
        #[serde(default)]
        rounds: u32,
    },
    /// 30 days more for the files of a task that has ended.
    Keep { task: TaskId, amount: u128 },
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
    /// Into an owner's prepaid balance.
    TopUp { owner: Principal, asset: u32, amount: u128 },
    /// Out of it, the ledger's fee within it.
    Withdrawal { owner: Principal, asset: u32, amount: u128 },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::record::{decode, encode};
    use ciborium::Value;

    /// The bytes of a record as a release wrote it that did not know these fields yet.
    fn without<T: Serialize>(record: &T, fields: &[&str]) -> Vec<u8> {
        let bytes = encode(record);
        let mut value: Value = ciborium::from_reader(&bytes[1..]).unwrap();
        let Value::Map(entries) = &mut value else {
            panic!("a record is a map")
        };
        let before = entries.len();
        entries.retain(|(name, _)| !fields.iter().any(|field| name.as_text() == Some(*field)));
        assert_eq!(before - entries.len(), fields.len());
        let mut old = vec![bytes[0]];
        ciborium::into_writer(&value, &mut old).unwrap();
        old
    }

    #[test]
    fn should_read_what_the_first_release_wrote() {
        let account: Account = Principal::from_slice(&[7]).into();
        let mut client = ClientRecord::new(account, 5);
        client.stake = 9;
        let fields = [
            "locked",
            "unfinished",
            "findings",
            "marks",
            "rests_until",
            "excluded",
            "kept_score",
            "kept_reward",
            "told",
            "kept_marks",
            "from_balance",
        ];
        let read: ClientRecord = decode(&without(&client, &fields)).unwrap();
        assert_eq!((read.stake, read.locked, read.marks, read.excluded), (9, 0, 0, None));

        let collecting = Collecting {
            round: 3,
            opened_at: 1,
            deadline: 2,
            extended: false,
            accepted: 4,
            uploads: 5,
            declared: 6,
        };
        let read: Collecting = decode(&without(&collecting, &["declared"])).unwrap();
        assert_eq!((read.round, read.uploads, read.declared), (3, 5, 0));

        let world = crate::testing::World::new();
        let task = world.start(&crate::testing::task_args());
        let record = crate::storage::with(|storage| storage.task(task)).unwrap();
        assert!(record.sketch_seed.is_some() && record.paid_loss == record.loss);
        let fields = [
            "paid_loss",
            "usual_norm",
            "sketch_seed",
            "free_skips",
            "deposit",
            "paid_until",
            "keep",
            "short_since",
            "request",
        ];
        let read: TaskRecord = decode(&without(&record, &fields)).unwrap();
        assert_eq!((read.id, read.loss, read.paid_loss), (task, record.loss, None));
        assert_eq!((read.sketch_seed, read.free_skips), (None, 0));
        assert_eq!((read.deposit, read.keep, read.paid_until), (None, false, None));

        let fee = Fee {
            per_round: 3,
            aside: 4,
            returned: 5,
            ..Fee::default()
        };
        let read: Fee = decode(&without(&fee, &["aside", "returned"])).unwrap();
        assert_eq!((read.per_round, read.aside, read.returned), (3, 0, 0));
        let mut settings = crate::storage::with(|storage| storage.settings().clone());
        settings.draft_deposit = 7;
        let fields = ["draft_deposit", "fees_set", "before", "resumed_at"];
        let read: Settings = decode(&without(&settings, &fields)).unwrap();
        assert_eq!((read.draft_deposit, read.fees_set, read.before), (0, false, None));
    }
}
