//! `federated_aggregator` in the world, beside a ledger in which it pays.

use std::time::Duration;

use candid::{CandidType, Nat, Principal};
use ddsx_merkle_log::{CompactRange, leaf_hash};
use ddsx_types::federated_aggregator::{
    AggregatorArgs, BeginUpdateArgs, CertifiedModel, CreateTaskArgs, File, FileDigest, FileStatus, FundArgs,
    InitialWeights, JoinArgs, JoinError, ModelChunk, ModelChunkArgs, PIECE_BYTES, Parameters, Participant,
    ParticipantArgs, PutFileArgs, PutUpdateArgs, RoundKey, RoundReport, RoundView, StorageFee, TaskAudit, TaskError,
    TaskId, TaskInfo, UpdateReceipt, UploadError, UploadStatus,
};
use ddsx_types::{AssetListing, Hash, Validation};
use icrc_ledger_types::icrc1::account::Account;
use pocket_ic::RejectResponse;
use pocket_ic::common::rest::RawMessageId;
use serde::de::DeserializeOwned;
use serde_bytes::ByteBuf;

use crate::ledger::{FEE, Ledger, approve};
use crate::world::{World, user};

/// Who owns tasks.
pub fn owner() -> Principal {
    user(400)
}

/// A client.
pub fn client(number: u64) -> Principal {
    user(500 + number)
}

/// Who governs.
pub fn governance() -> Principal {
    user(600)
}

/// What each starts with.
pub const START: u64 = 1_000_000_000_000;

/// The content hash of a file or an update.
///
/// # Panics
/// Never: no file has more pieces than numbers.
pub fn content_hash(bytes: &[u8]) -> Hash {
    let mut pieces = CompactRange::empty_at(0);
    for piece in bytes.chunks(usize::try_from(PIECE_BYTES).unwrap()) {
        pieces.append(leaf_hash(piece)).unwrap();
    }
    pieces.root().unwrap()
}

/// Length and content hash of a file.
pub fn digest(bytes: &[u8]) -> FileDigest {
    FileDigest {
        bytes: bytes.len() as u64,
        hash: content_hash(bytes),
    }
}

/// An aggregator and the ledger that it lists.
#[derive(Clone, Copy)]
pub struct Federation<'w> {
    /// Where both run.
    pub world: &'w World,
    /// The ledger.
    pub ledger: Ledger<'w>,
    /// The aggregator.
    pub id: Principal,
}

impl<'w> Federation<'w> {
    /// An aggregator governed by [`governance`]; [`owner`] and so many clients hold [`START`] and have approved it.
    pub fn open(world: &'w World, clients: u64) -> Self {
        Self::open_module(world, clients, World::module("federated_aggregator"))
    }

    /// As [`Federation::open`], from the bytes of an aggregator's module.
    pub fn open_module(world: &'w World, clients: u64, module: Vec<u8>) -> Self {
        let holders: Vec<Principal> = std::iter::once(owner()).chain((0..clients).map(client)).collect();
        let balances: Vec<_> = holders.iter().map(|holder| ((*holder).into(), START)).collect();
        let ledger = Ledger::install(world, &balances);
        let args = AggregatorArgs {
            governance: Some(governance()),
            assets: Some(vec![AssetListing {
                ledger: ledger.id,
                symbol: "DST".into(),
                decimals: 8,
                fee: FEE.into(),
                transaction_window_ns: None,
                dedup_first: true,
                payout_threshold: (10 * FEE).into(),
            }]),
            // Most tests are about something else.
            storage_fee: Some(StorageFee::default()),
            ..AggregatorArgs::default()
        };
        let id = world.create();
        world.install_module_at(id, module, (Some(args),));
        for holder in holders {
            ledger.approve(holder, approve(id, START / 2)).unwrap();
        }
        Self { world, ledger, id }
    }

    /// Upgrades the aggregator to the workspace's module.
    pub fn upgrade(&self) {
        self.world
            .upgrade(self.id, "federated_aggregator", (None::<AggregatorArgs>,))
            .unwrap();
    }

    /// Creates a task, uploads its files (first weights only if they are not drawn), funds and starts it.
    pub fn start(&self, args: &CreateTaskArgs, weights: &[u8], evaluation: &[u8], budget: u64) -> TaskId {
        let task = self.create(args).unwrap();
        if matches!(args.initial, InitialWeights::Upload(_)) {
            self.put_file(task, File::Weights, weights).unwrap();
        }
        self.put_file(task, File::Evaluation, evaluation).unwrap();
        if budget > 0 {
            let request = u8::try_from(task + 1).unwrap();
            assert_eq!(self.fund(task, budget, request), Ok(budget.into()));
        }
        self.own("start_task", task).unwrap();
        task
    }

    /// `create_task`.
    pub fn create(&self, args: &CreateTaskArgs) -> Result<TaskId, TaskError> {
        self.world.call(owner(), self.id, "create_task", (args,))
    }

    /// A method of [`owner`] that takes a task alone: `start_task`, `stop_task`, `free_storage`, `pay_storage_with_cycles`.
    pub fn own(&self, method: &str, task: TaskId) -> Result<(), TaskError> {
        self.world.call(owner(), self.id, method, (task,))
    }

    /// `fund`, with so many times this byte as its request id.
    pub fn fund(&self, task: TaskId, amount: u64, request: u8) -> Result<Nat, TaskError> {
        let args = FundArgs {
            task,
            amount: amount.into(),
            from_subaccount: None,
            request_id: ByteBuf::from([request; 16]),
        };
        self.world.call(owner(), self.id, "fund", (args,))
    }

    /// `put_file` until it is there, or the first refusal.
    pub fn put_file(&self, task: TaskId, file: File, bytes: &[u8]) -> Result<(), TaskError> {
        let mut offset = 0;
        for piece in bytes.chunks(usize::try_from(PIECE_BYTES).unwrap()) {
            let args = PutFileArgs {
                task,
                file,
                offset,
                bytes: ByteBuf::from(piece),
            };
            let put: Result<FileStatus, TaskError> = self.world.call(owner(), self.id, "put_file", (args,));
            offset = put?.received;
        }
        Ok(())
    }

    /// `join`.
    pub fn join(&self, task: TaskId, number: u64) -> Result<(), JoinError> {
        let args = JoinArgs {
            task,
            account: None,
            from_subaccount: None,
            request_id: ByteBuf::from([u8::try_from(task + 2).unwrap(); 16]),
            licence: None,
        };
        self.world.call(client(number), self.id, "join", (args,))
    }

    /// `leave`.
    pub fn leave(&self, task: TaskId, number: u64) -> Result<(), JoinError> {
        self.world.call(client(number), self.id, "leave", (task,))
    }

    /// `participant`.
    pub fn participant(&self, task: TaskId, number: u64) -> Participant {
        let args = ParticipantArgs {
            task,
            client: client(number),
        };
        let participant: Option<Participant> = self.world.query(self.id, "participant", (args,));
        participant.unwrap()
    }

    /// `task`.
    pub fn task(&self, task: TaskId) -> TaskInfo {
        let info: Option<TaskInfo> = self.world.query(self.id, "task", (task,));
        info.unwrap()
    }

    /// `begin_update`.
    pub fn begin(&self, number: u64, args: &BeginUpdateArgs) -> Result<UploadStatus, UploadError> {
        self.world.call(client(number), self.id, "begin_update", (args,))
    }

    /// `put_update`.
    pub fn put(
        &self,
        number: u64,
        args: &BeginUpdateArgs,
        offset: u64,
        bytes: &[u8],
    ) -> Result<UploadStatus, UploadError> {
        let args = PutUpdateArgs {
            task: args.task,
            round: args.round,
            offset,
            bytes: ByteBuf::from(bytes),
            update: Some(args.hash),
        };
        self.world.call(client(number), self.id, "put_update", (args,))
    }

    /// `finish_update`.
    pub fn finish(&self, number: u64, args: &BeginUpdateArgs) -> Result<UpdateReceipt, UploadError> {
        let key = RoundKey {
            task: args.task,
            round: args.round,
        };
        self.world.call(client(number), self.id, "finish_update", (key,))
    }

    /// A whole upload.
    pub fn send(&self, number: u64, args: &BeginUpdateArgs, bytes: &[u8]) -> Result<UpdateReceipt, UploadError> {
        self.begin(number, args)?;
        let mut offset = 0;
        for piece in bytes.chunks(usize::try_from(PIECE_BYTES).unwrap()) {
            offset = self.put(number, args, offset, piece)?.received;
        }
        self.finish(number, args)
    }

    /// The model in force, downloaded piece by piece.
    pub fn model(&self, task: TaskId) -> (CertifiedModel, Vec<u8>) {
        let info: Option<CertifiedModel> = self.world.query(self.id, "model_info", (task,));
        let info = info.unwrap();
        let mut file = Vec::new();
        while (file.len() as u64) < info.model.bytes {
            let args = ModelChunkArgs {
                task,
                version: info.model.version,
                offset: file.len() as u64,
            };
            let chunk: Result<ModelChunk, TaskError> = self.world.query(self.id, "model_chunk", (args,));
            file.extend_from_slice(&chunk.unwrap().bytes);
        }
        (info, file)
    }

    /// `round`.
    pub fn round(&self, task: TaskId, round: u32) -> Option<RoundView> {
        self.world.query(self.id, "round", (RoundKey { task, round },))
    }

    /// Lets the aggregator work until a round is over; `between` is called after each step.
    ///
    /// # Panics
    /// If it is not over after many steps.
    pub fn finish_round(&self, task: TaskId, round: u32, between: &mut dyn FnMut()) -> RoundReport {
        for _ in 0..3_000 {
            if let Some(RoundView::Over(report)) = self.round(task, round) {
                return *report;
            }
            self.world.pic.advance_time(Duration::from_millis(100));
            self.world.pic.tick();
            between();
        }
        panic!("round {round} is not over: {:?}", self.round(task, round));
    }

    /// Lets time pass in steps.
    pub fn wait(&self, by: Duration) {
        for _ in 0..10 {
            self.world.advance(by / 10);
        }
    }

    /// A figure of `/metrics`.
    pub fn metric(&self, name: &str) -> u64 {
        let (status, text) = self.world.http_get(self.id, "/metrics");
        assert_eq!(status, 200);
        let prefix = format!("aggregator_{name} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&prefix));
        let sample = line.unwrap_or_else(|| panic!("no figure {name}"));
        // A value, then the time.
        sample.split(' ').next().unwrap_or_default().parse().unwrap()
    }

    /// A governed method, called by whoever.
    pub fn govern<A: CandidType>(&self, caller: Principal, method: &str, argument: A) -> Result<(), RejectResponse> {
        self.world.try_call(caller, self.id, method, (argument,))
    }

    /// What a governed method's validator says.
    pub fn validate<A: CandidType>(&self, method: &str, argument: A) -> Validation {
        self.world.query(self.id, &format!("validate_{method}"), (argument,))
    }

    /// `parameters`.
    pub fn parameters(&self) -> Parameters {
        self.world.query(self.id, "parameters", ())
    }

    /// Hands a call in and waits for nothing. Calls handed in one after another are executed in one round of the network, in this order: no timer that
    /// the first one sets runs in between.
    pub fn submit<A: CandidType>(&self, caller: Principal, method: &str, argument: A) -> RawMessageId {
        let argument = candid::encode_one(argument).unwrap();
        self.world.pic.submit_call(self.id, caller, method, argument).unwrap()
    }

    /// The answer to such a call.
    pub fn answer<R: CandidType + DeserializeOwned>(&self, call: RawMessageId) -> R {
        candid::decode_one(&self.world.pic.await_call(call).unwrap()).unwrap()
    }

    /// `audit`.
    pub fn audit(&self, task: TaskId) -> TaskAudit {
        let audit: Option<TaskAudit> = self.world.query(self.id, "audit", (task,));
        audit.unwrap()
    }

    /// A task is over and paid for: its books balance, the aggregator holds nothing, and what owner, so many clients, governance and these others hold
    /// is all that there is.
    pub fn check_paid(&self, task: TaskId, clients: u64, others: &[Account]) {
        self.check(task);
        assert_eq!(self.ledger.balance(self.id), 0_u8, "{:?}", self.audit(task));
        let mut accounts = [owner(), governance(), self.id].map(Account::from).to_vec();
        accounts.extend((0..clients).map(|number| Account::from(client(number))));
        accounts.extend(others);
        self.ledger.assert_conserved(&accounts);
    }

    /// The books balance, and the ledger holds what they say (nothing of it for the treasury).
    pub fn check(&self, task: TaskId) {
        let audit = self.audit(task);
        assert!(audit.conserved, "{audit:?}");
        let held = audit.received.clone() - audit.paid.clone() - audit.to_treasury.clone();
        assert_eq!(self.ledger.balance(self.id), held, "{audit:?}");
    }
}
