//! What the unit tests share: an aggregator that runs beside a ledger, and a task small enough to follow by hand.

use std::time::Duration;

use candid::{Nat, Principal};
use ddsx_nn::encoding;
use ddsx_payments::testing::ModelLedger;
use ddsx_prepaid::till;
use ddsx_runtime::Runtime;
use ddsx_runtime::testing::{Fate, TestRuntime};
use ddsx_types::federated_aggregator::{
    AggregatorArgs, BeginUpdateArgs, Claimed, CreateTaskArgs, File, FileDigest, FundArgs, InitialWeights, JoinArgs,
    JoinError, JoinRule, Layer, ModelSpec, NamedLayer, OutputKind, PIECE_BYTES, Participant, PrepaidBalance,
    PutFileArgs, PutUpdateArgs, Reward, RewardRule, RoundKey, RoundReport, RoundRules, RoundView, Scoring, Stage,
    StorageFee, Strategy, TaskId, TaskInfo, TopUpArgs, TopUpError, UpdateEncoding, UpdateKind, UpdateReceipt,
    UploadError, UploadStatus, WithdrawArgs, WithdrawError,
};
use ddsx_types::{AssetListing, Hash};
use ic_stable_structures::DefaultMemoryImpl;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_bytes::ByteBuf;

use crate::host::Aggregator;
use crate::storage::{self, with, with_mut};
use crate::work::{self, Slice};
use crate::{
    balance, content, create, evaluate, fund, join, licence, lifecycle, owner, settlement, timer, upload, view,
};

pub const OWNER: Principal = Principal::from_slice(&[1, 1]);
pub const GOVERNANCE: Principal = Principal::from_slice(&[4, 1]);
pub const LEDGER: Principal = Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 9, 1, 1]);
pub const SELF: Principal = Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 1, 1, 1]);
pub const FEE: u128 = 10;
pub const START: u128 = 1_000_000_000;
pub const STAKE: u128 = 5_000;
pub const PER_ROUND: u128 = 100_001;

/// Client number so and so.
pub fn client(number: u8) -> Principal {
    Principal::from_slice(&[200, number])
}

/// Two inputs, two classes, one linear layer: six numbers.
pub fn model() -> ModelSpec {
    ModelSpec {
        input_shape: vec![2],
        layers: vec![NamedLayer {
            name: "fc".into(),
            layer: Layer::Linear {
                inputs: 2,
                outputs: 2,
                bias: true,
            },
        }],
        output: OutputKind::Classes(2),
    }
}

/// Class 0 lies along the first axis, class 1 along the second.
pub fn evaluation_file() -> Vec<u8> {
    let inputs: Vec<u8> = [1.0_f32, 0.1, 0.9, -0.2, 0.0, 1.0, 0.2, 0.8, 1.2, 0.3, 0.1, 0.7]
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let labels = [0_u8, 0, 1, 1, 0, 1];
    safetensors::serialize(
        [
            ("inputs", TensorView::new(Dtype::F32, vec![6, 2], &inputs).unwrap()),
            ("labels", TensorView::new(Dtype::U8, vec![6], &labels).unwrap()),
        ],
        None,
    )
    .unwrap()
}

/// First weights: all zero.
pub fn weights_file() -> Vec<u8> {
    let plan = ddsx_nn::spec::Plan::new(&model(), &ddsx_nn::spec::Limits::default()).unwrap();
    ddsx_nn::weights::write(&plan, &[0.0; 6]).unwrap()
}

/// A delta that makes the model better: in the order weight `[2, 2]`, bias `[2]`.
pub fn good(scale: f32) -> Vec<f32> {
    [1.0, -1.0, -1.0, 1.0, 0.0, 0.0]
        .iter()
        .map(|value| value * scale)
        .collect()
}

/// Length and hash of a file.
pub fn digest(file: &[u8]) -> FileDigest {
    FileDigest {
        bytes: file.len() as u64,
        hash: content::hash(file),
    }
}

/// A task of two rounds for two to three clients.
pub fn task_args() -> CreateTaskArgs {
    CreateTaskArgs {
        name: "toy".into(),
        description: String::new(),
        model: model(),
        initial: InitialWeights::Upload(digest(&weights_file())),
        strategy: Strategy::FedAvg,
        join: JoinRule::Open,
        max_clients: 10,
        rounds: RoundRules {
            rounds: 2,
            min_updates: 2,
            max_updates: 3,
            duration_s: 600,
            max_samples: 1_000,
            max_staleness: 2,
        },
        evaluation: digest(&evaluation_file()),
        tolerance: 0.1,
        scoring: Scoring::LeaveOneOut,
        reward: Some(Reward {
            ledger: LEDGER,
            per_round: Nat::from(PER_ROUND),
            rule: RewardRule::ByWorth,
            stake: Nat::from(STAKE),
            earning: None,
            deposit: None,
        }),
        norm_bound: Some(100.0),
        privacy: None,
        client_config: String::new(),
        scores_at_end: None,
    }
}

/// An aggregator that runs, beside a ledger that can err.
pub struct World {
    pub runtime: TestRuntime,
    pub host: Aggregator<TestRuntime>,
    pub ledger: ModelLedger,
    memory: DefaultMemoryImpl,
}

#[allow(clippy::unused_self, reason = "the state is the thread's, but it is this world's")]
impl World {
    /// A fresh aggregator governed by [`GOVERNANCE`], with [`LEDGER`] listed, and randomness that counts from one.
    pub fn new() -> Self {
        let memory = DefaultMemoryImpl::default();
        storage::open(memory.clone());
        timer::forget();
        licence::forget();
        evaluate::forget();
        let runtime = TestRuntime::new(SELF);
        runtime.set_caller(GOVERNANCE);
        let ledger = ModelLedger::install(&runtime, LEDGER, FEE, true);
        let mut drawn = 0_u8;
        runtime.install(Principal::management_canister(), move |_| {
            drawn += 1;
            Ok(candid::encode_one(vec![drawn; 32]).unwrap())
        });
        let host = Aggregator(runtime.clone());
        let args = AggregatorArgs {
            assets: Some(vec![AssetListing {
                ledger: LEDGER,
                symbol: "DST".to_owned(),
                decimals: 8,
                fee: Nat::from(FEE),
                transaction_window_ns: None,
                dedup_first: true,
                payout_threshold: Nat::from(100_u32),
            }]),
            // Most tests are about something else.
            storage_fee: Some(StorageFee::default()),
            ..AggregatorArgs::default()
        };
        lifecycle::init(&host, Some(args)).unwrap();
        let world = Self {
            runtime,
            host,
            ledger,
            memory,
        };
        for principal in [OWNER].into_iter().chain((0..20).map(client)) {
            world.ledger.mint(principal.into(), START);
            world.ledger.approve(principal.into(), SELF, START);
        }
        world
    }

    /// Replaces the code: heap and timers go, stable memory stays.
    pub fn upgrade(&self) {
        self.runtime.upgrade();
        storage::open(self.memory.clone());
        timer::forget();
        licence::forget();
        evaluate::forget();
        lifecycle::post_upgrade(&self.host, None).unwrap();
    }

    /// Decides what becomes of the next transfer that is asked of a ledger.
    pub fn next_payment(&self, fate: Fate) {
        self.runtime
            .next_call_to(&["icrc1_transfer", "icrc2_transfer_from"], fate);
    }

    pub fn now(&self) -> u64 {
        self.runtime.time()
    }

    /// Lets time pass, timers included.
    pub fn wait(&self, seconds: u64) {
        timer::arm(&self.host);
        self.runtime.run_for(Duration::from_secs(seconds));
    }

    /// Creates a task, uploads its files, funds it, and starts it.
    pub fn start(&self, args: &CreateTaskArgs) -> TaskId {
        let task = self.draft(args);
        if args.reward.is_some() {
            self.fund(task, PER_ROUND * u128::from(args.rounds.rounds));
        }
        with_mut(|storage| owner::start(storage, OWNER, self.now(), task)).unwrap();
        self.wait(5);
        task
    }

    /// As [`World::start`], with other first weights.
    pub fn start_from(&self, args: &CreateTaskArgs, weights: &[u8]) -> TaskId {
        let args = CreateTaskArgs {
            initial: InitialWeights::Upload(digest(weights)),
            ..args.clone()
        };
        let task = with_mut(|storage| create::create(storage, OWNER, self.now(), &args)).unwrap();
        self.put_file(task, File::Weights, weights);
        self.put_file(task, File::Evaluation, &evaluation_file());
        self.fund(task, PER_ROUND * u128::from(args.rounds.rounds));
        with_mut(|storage| owner::start(storage, OWNER, self.now(), task)).unwrap();
        self.wait(5);
        task
    }

    /// A client as everybody sees it.
    pub fn participant(&self, task: TaskId, number: u8) -> Participant {
        with(|storage| view::participant(storage, task, client(number))).unwrap()
    }

    /// Creates a task and uploads its files.
    pub fn draft(&self, args: &CreateTaskArgs) -> TaskId {
        let task = with_mut(|storage| create::create(storage, OWNER, self.now(), args)).unwrap();
        self.upload(task, args);
        task
    }

    /// Uploads a draft's files.
    pub fn upload(&self, task: TaskId, args: &CreateTaskArgs) {
        if matches!(args.initial, InitialWeights::Upload(_)) {
            self.put_file(task, File::Weights, &weights_file());
        }
        self.put_file(task, File::Evaluation, &evaluation_file());
    }

    fn put_file(&self, task: TaskId, file: File, bytes: &[u8]) {
        let args = PutFileArgs {
            task,
            file,
            offset: 0,
            bytes: ByteBuf::from(bytes),
        };
        with_mut(|storage| owner::put_file(storage, OWNER, &args)).unwrap();
    }

    pub fn fund(&self, task: TaskId, amount: u128) {
        self.runtime.set_caller(OWNER);
        let host = self.host.clone();
        let args = FundArgs {
            task,
            amount: Nat::from(amount),
            from_subaccount: None,
            request_id: ByteBuf::from([task.to_be_bytes(), [9; 8]].concat()),
        };
        self.runtime
            .run(async move { fund::fund(&host, args).await })
            .expect("an answer")
            .unwrap();
    }

    /// Tops a balance up; `None` if the call trapped.
    pub fn top_up(&self, owner: Principal, amount: u128, request: u8) -> Option<Result<PrepaidBalance, TopUpError>> {
        self.runtime.set_caller(owner);
        let host = self.host.clone();
        let args = TopUpArgs {
            ledger: LEDGER,
            amount: Nat::from(amount),
            from_subaccount: None,
            request_id: ByteBuf::from([request; 16]),
        };
        self.runtime.run(async move { till::top_up(&host, args).await })
    }

    /// Withdraws from a balance; `None` if the call trapped.
    pub fn withdraw(&self, owner: Principal, amount: Option<u128>) -> Option<Result<Claimed, WithdrawError>> {
        self.runtime.set_caller(owner);
        let host = self.host.clone();
        let args = WithdrawArgs {
            ledger: LEDGER,
            amount: amount.map(Nat::from),
            to_subaccount: None,
        };
        self.runtime.run(async move { till::withdraw(&host, args).await })
    }

    /// A balance as its owner sees it.
    pub fn balance(&self, owner: Principal) -> PrepaidBalance {
        with(|storage| balance::of(storage, owner, LEDGER))
    }

    /// The asset's books balance, and the ledger holds what they say.
    pub fn check_asset(&self) {
        let all = with(|storage| settlement::audit(storage, LEDGER)).unwrap();
        assert!(all.conserved, "{all:?}");
        assert_eq!(Nat::from(self.ledger.balance(SELF.into())), all.must_hold, "{all:?}");
        assert!(self.ledger.is_conserved());
    }

    pub fn join(&self, task: TaskId, number: u8) -> Result<(), JoinError> {
        self.join_with(task, number, 7)
    }

    pub fn join_with(&self, task: TaskId, number: u8, request: u8) -> Result<(), JoinError> {
        self.runtime.set_caller(client(number));
        let host = self.host.clone();
        let args = JoinArgs {
            task,
            account: None,
            from_subaccount: None,
            request_id: ByteBuf::from([request; 16]),
            licence: None,
        };
        self.runtime
            .run(async move { join::join(&host, args).await })
            .expect("an answer")
    }

    pub fn info(&self, task: TaskId) -> TaskInfo {
        with(|storage| view::task(storage, task)).unwrap()
    }

    pub fn stage(&self, task: TaskId) -> Stage {
        self.info(task).stage.stage
    }

    /// The arguments that begin an upload of these bytes in the round that collects.
    pub fn begin_args(&self, task: TaskId, bytes: &[u8], encoding: UpdateEncoding) -> BeginUpdateArgs {
        let info = self.info(task);
        BeginUpdateArgs {
            task,
            round: info.collecting.unwrap_or(0),
            base_version: info.version,
            kind: UpdateKind::Delta,
            encoding,
            numbers: info.parameters,
            samples: 10,
            hash: content::hash(bytes),
            lineage: Vec::new(),
        }
    }

    pub fn begin(&self, number: u8, args: &BeginUpdateArgs) -> Result<UploadStatus, UploadError> {
        with_mut(|storage| upload::begin(storage, client(number), self.now(), args))
    }

    pub fn put(
        &self,
        number: u8,
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
        with_mut(|storage| upload::put(storage, client(number), self.now(), &args))
    }

    pub fn finish(&self, number: u8, args: &BeginUpdateArgs) -> Result<UpdateReceipt, UploadError> {
        let key = RoundKey {
            task: args.task,
            round: args.round,
        };
        with_mut(|storage| upload::finish(storage, client(number), self.now(), key))
    }

    /// Sends a delta as `F32`.
    pub fn send(&self, task: TaskId, number: u8, delta: &[f32]) -> Result<UpdateReceipt, UploadError> {
        let bytes = encoding::encode(UpdateEncoding::F32, delta).unwrap();
        let args = self.begin_args(task, &bytes, UpdateEncoding::F32);
        self.send_bytes(number, &args, &bytes)
    }

    /// Sends encoded bytes.
    pub fn send_bytes(&self, number: u8, args: &BeginUpdateArgs, bytes: &[u8]) -> Result<UpdateReceipt, UploadError> {
        self.begin(number, args)?;
        let mut offset = 0;
        for piece in bytes.chunks(usize::try_from(PIECE_BYTES).unwrap()) {
            self.put(number, args, offset, piece)?;
            offset += piece.len() as u64;
        }
        self.finish(number, args)
    }

    pub fn report(&self, task: TaskId, round: u32) -> RoundReport {
        match with(|storage| view::round(storage, RoundKey { task, round })) {
            Some(RoundView::Over(report)) => *report,
            other => panic!("round {round} is not over: {other:?}"),
        }
    }

    /// One step of a task's work, in a message of its own; seeds count from one.
    pub fn step(&self, task: TaskId) {
        let now = self.now();
        if with_mut(|storage| work::run(storage, task, now, &|| u64::MAX)) == Slice::NeedsSeed {
            let round = self.info(task).rounds_held;
            let seed = Hash([u8::try_from(round).unwrap_or(0) + 1; 32]);
            with_mut(|storage| work::set_seed(storage, task, now, seed));
        }
    }

    /// The books balance and the ledger holds what they say.
    pub fn check(&self, task: TaskId) {
        let audit = with(|storage| view::audit(storage, task)).unwrap();
        assert!(audit.conserved, "{audit:?}");
        let treasury = with(|storage| storage.asset(LEDGER)).unwrap().treasury;
        let held = audit.received.clone() - audit.paid.clone() - audit.to_treasury.clone();
        let fee = with(|storage| storage.task(task)).unwrap().fee;
        let fee = fee.held + fee.back.due + fee.back.in_flight;
        let balances = with(|storage| balance::totals(storage, &storage.asset(LEDGER).unwrap())).0;
        let held = u128::try_from(&held.0).unwrap() + treasury.due + treasury.in_flight + balances.held() + fee;
        assert_eq!(self.ledger.balance(SELF.into()), held, "{audit:?} {treasury:?}");
        let all = with(|storage| settlement::audit(storage, LEDGER)).unwrap();
        assert!(all.conserved, "{all:?}");
        assert_eq!(all.must_hold, Nat::from(held), "{all:?}");
        assert!(self.ledger.is_conserved());
    }
}
