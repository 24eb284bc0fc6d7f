//! Federated tasks on a network: trained by clients here, refereed by the canister there.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::time::Duration;

use burn::tensor::Device;
use candid::{Nat, Principal};
use ddsx_nn::encoding;
use ddsx_nn::spec::{Limits, Plan};
use ddsx_nn::train::data::{Dataset, Labels};
use ddsx_nn::train::{Settings, train};
use ddsx_nn::weights;
use ddsx_tests::World;
use ddsx_tests::federated::{Federation, START, client, content_hash, digest, governance, owner};
use ddsx_tests::ledger::FEE;
use ddsx_types::Hash;
use ddsx_types::federated_aggregator::{
    BeginUpdateArgs, ClientReport, CreateTaskArgs, EncodingError, EndReason, Evaluated, InitialWeights, JoinRule,
    Layer, ModelSpec, NamedLayer, OutputKind, PredictArgs, PrepaidBalance, Reward, RewardRule, RoundOutcome,
    RoundReport, RoundRules, RoundState, RoundView, Scoring, Stage, Strategy, TaskError, TaskId, TopUpArgs, TopUpError,
    UpdateEncoding, UpdateKind, UploadError,
};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_bytes::ByteBuf;

const PER_ROUND: u64 = 10_000_000;
const STAKE: u64 = 1_000_000;
const CLIENTS: u64 = 4;

fn mlp() -> ModelSpec {
    let linear = |name: &str, inputs, outputs| NamedLayer {
        name: name.into(),
        layer: Layer::Linear {
            inputs,
            outputs,
            bias: true,
        },
    };
    ModelSpec {
        input_shape: vec![64],
        layers: vec![
            linear("fc1", 64, 32),
            NamedLayer {
                name: "relu1".into(),
                layer: Layer::Relu,
            },
            linear("fc2", 32, 10),
        ],
        output: OutputKind::Classes(10),
    }
}

/// UCI digits: what clients train on, and what the canister evaluates on.
struct Digits {
    plan: Plan,
    shares: Vec<Dataset>,
    weights: Vec<u8>,
    evaluation: Vec<u8>,
    held_out: Dataset,
}

impl Digits {
    fn new() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/uci-digits.csv.gz");
        let data = Dataset::digits(&std::fs::read(path).unwrap()).unwrap();
        let (training, held_out) = data.stratified_split(0.2, 0).unwrap();
        let (training, held_out) = if training.len() > held_out.len() {
            (training, held_out)
        } else {
            (held_out, training)
        };
        let plan = Plan::new(&mlp(), &Limits::default()).unwrap();
        let shares = training
            .dirichlet(usize::try_from(CLIENTS).unwrap(), 0.5, 10, 0)
            .unwrap();
        let weights = weights::write(&plan, &weights::init(&plan, [3; 32])).unwrap();
        let Labels::Classes(classes) = &held_out.labels else {
            panic!("digits are classes")
        };
        let inputs: Vec<u8> = held_out.inputs.iter().flat_map(|value| value.to_le_bytes()).collect();
        let labels: Vec<u8> = classes.iter().map(|class| u8::try_from(*class).unwrap()).collect();
        let evaluation = safetensors::serialize(
            [
                (
                    "inputs",
                    TensorView::new(Dtype::F32, vec![labels.len(), 64], &inputs).unwrap(),
                ),
                (
                    "labels",
                    TensorView::new(Dtype::U8, vec![labels.len()], &labels).unwrap(),
                ),
            ],
            None,
        )
        .unwrap();
        Self {
            plan,
            shares,
            weights,
            evaluation,
            held_out,
        }
    }

    fn args(&self, ledger: Principal) -> CreateTaskArgs {
        CreateTaskArgs {
            name: "digits".into(),
            description: "UCI digits".into(),
            model: mlp(),
            initial: InitialWeights::Upload(digest(&self.weights)),
            strategy: Strategy::FedAvg,
            join: JoinRule::Open,
            max_clients: 20,
            rounds: RoundRules {
                rounds: 3,
                min_updates: 2,
                max_updates: u32::try_from(CLIENTS).unwrap(),
                duration_s: 3_600,
                max_samples: 10_000,
                max_staleness: 0,
            },
            evaluation: digest(&self.evaluation),
            tolerance: 0.05,
            scoring: Scoring::LeaveOneOut,
            reward: Some(Reward {
                ledger,
                per_round: PER_ROUND.into(),
                rule: RewardRule::ByWorth,
                stake: STAKE.into(),
                earning: None,
                deposit: None,
            }),
            norm_bound: Some(1_000.0),
            privacy: None,
            client_config: String::new(),
            scores_at_end: None,
        }
    }

    fn start(&self, federation: &Federation<'_>, args: &CreateTaskArgs) -> TaskId {
        let task = federation.start(
            args,
            &self.weights,
            &self.evaluation,
            PER_ROUND * u64::from(args.rounds.rounds),
        );
        federation.wait(Duration::from_secs(5));
        assert_eq!(federation.task(task).stage.stage, Stage::Running);
        task
    }

    /// What a client makes of the model in force.
    fn delta(&self, number: u64, round: u32, file: &[u8]) -> Vec<f32> {
        let global = weights::read(&self.plan, file).unwrap();
        let settings = Settings {
            learning_rate: 0.1,
            batch: 16,
            epochs: 5,
            seed: number * 100 + u64::from(round),
            ..Settings::default()
        };
        let data = &self.shares[usize::try_from(number).unwrap()];
        let device = burn_device();
        let trained = train(&self.plan, &global, data, &settings, &device, |_| ()).unwrap();
        trained.iter().zip(&global).map(|(new, old)| new - old).collect()
    }

    fn begin_args(
        &self,
        task: TaskId,
        round: u32,
        version: u32,
        number: u64,
        bytes: &[u8],
        encoding: UpdateEncoding,
    ) -> BeginUpdateArgs {
        BeginUpdateArgs {
            task,
            round,
            base_version: version,
            kind: UpdateKind::Delta,
            encoding,
            numbers: self.plan.len as u64,
            samples: self.shares[usize::try_from(number).unwrap()].len() as u64,
            hash: content_hash(bytes),
            lineage: vec![],
        }
    }
}

fn burn_device() -> Device {
    Device::flex()
}

/// Holds a whole task; `between` is called at every step of the work.
fn hold(federation: &Federation<'_>, digits: &Digits, task: TaskId, between: &mut dyn FnMut()) -> Vec<RoundReport> {
    for number in 0..CLIENTS {
        federation.join(task, number).unwrap();
    }
    let rounds = federation.task(task).args.rounds.rounds;
    let mut reports = Vec::new();
    for round in 1..=rounds {
        let (info, file) = federation.model(task);
        assert_eq!(content_hash(&file), info.model.hash);
        for number in 0..CLIENTS {
            let delta = digits.delta(number, round, &file);
            let bytes = encoding::encode(UpdateEncoding::Int8, &delta).unwrap();
            let args = digits.begin_args(task, round, info.model.version, number, &bytes, UpdateEncoding::Int8);
            federation.begin(number, &args).unwrap();
            between();
            federation.put(number, &args, 0, &bytes).unwrap();
            between();
            federation.finish(number, &args).unwrap();
        }
        reports.push(federation.finish_round(task, round, between));
        federation.check(task);
    }
    reports
}

#[test]
fn should_train_digits_and_pay_every_unit() {
    let world = World::new();
    let federation = Federation::open(&world, CLIENTS);
    let digits = Digits::new();
    let task = digits.start(&federation, &digits.args(federation.ledger.id));
    let reports = hold(&federation, &digits, task, &mut || ());
    let mut accuracies = Vec::new();
    for report in &reports {
        assert_eq!(report.outcome, RoundOutcome::Accepted);
        let progress = report.progress.unwrap();
        assert_eq!(
            report.rewarded,
            Nat::from(PER_ROUND * u64::from(progress.part_ppm) / 1_000_000)
        );
        let sum: Nat = report
            .clients
            .iter()
            .fold(Nat::from(0_u8), |sum, client| sum + client.reward.clone());
        assert_eq!(sum, report.rewarded);
        let evaluated = report.evaluated.as_ref().unwrap();
        assert_eq!(evaluated.samples, digits.held_out.len() as u64);
        accuracies.push(evaluated.accuracy.unwrap());
    }
    assert!(accuracies[2] > 0.8, "{accuracies:?}");
    federation.wait(Duration::from_mins(2));
    let info = federation.task(task);
    assert_eq!(info.stage.stage, Stage::Ended(EndReason::Completed));
    federation.check(task);
    assert_eq!(federation.ledger.balance(federation.id), Nat::from(0_u8));
    let most = federation.metric("slice_instructions_max");
    assert!(most < 10_000_000_000, "{most}");
    println!("accuracies {accuracies:?}, most instructions of a slice {most}");

    // A prediction by the canister is the one made here.
    let (_, file) = federation.model(task);
    let flat = weights::read(&digits.plan, &file).unwrap();
    let inputs = digits.held_out.inputs[..64 * 20].to_vec();
    let args = PredictArgs {
        task,
        inputs: inputs.clone(),
    };
    let predicted: Result<Vec<f32>, TaskError> = world.query(federation.id, "predict", (args,));
    let network = ddsx_nn::build::Network::new(&digits.plan, &flat, &burn_device())
        .unwrap()
        .pack();
    assert_eq!(
        predicted.unwrap(),
        network.predict(&digits.plan, &inputs, &burn_device()).unwrap()
    );
    let short = PredictArgs {
        task,
        inputs: vec![1.0; 63],
    };
    let refused: Result<Vec<f32>, TaskError> = world.query(federation.id, "predict", (short,));
    assert!(matches!(refused, Err(TaskError::Input(_))));
}

/// What a task came to: its last model, and each round's model, contributions and evaluation.
type Outcome = (Hash, Vec<u8>, Vec<(Hash, Vec<ClientReport>, Option<Evaluated>)>);

/// Holds a task on a network of its own, begun by this module of the aggregator, which is upgraded to the workspace's after the steps that
/// `upgraded` says. Also the round's states that were seen at those steps.
fn outcome(digits: &Digits, begun_by: Vec<u8>, upgraded: impl Fn(u32) -> bool) -> (Outcome, Vec<RoundState>) {
    let world = World::new();
    let federation = Federation::open_module(&world, CLIENTS, begun_by);
    let task = digits.start(&federation, &digits.args(federation.ledger.id));
    let (mut steps, mut states) = (0, Vec::new());
    let mut between = || {
        steps += 1;
        if upgraded(steps) {
            if let Some(RoundView::Open { state, .. }) = federation.round(task, 1) {
                states.push(state);
            }
            federation.upgrade();
        }
    };
    let reports = hold(&federation, digits, task, &mut between);
    let (model, file) = federation.model(task);
    let rounds = reports
        .into_iter()
        .map(|report| (report.model, report.clients, report.evaluated))
        .collect();
    ((model.model.hash, file, rounds), states)
}

#[test]
fn should_give_the_same_bits_on_two_networks_whatever_is_upgraded_when() {
    let digits = Digits::new();
    let module = || World::module("federated_aggregator");
    let (undisturbed, _) = outcome(&digits, module(), |_| false);
    let (upgraded, states) = outcome(&digits, module(), |step| step % 3 == 0);
    assert!(matches!(states[0], RoundState::Collecting { .. }));
    assert_eq!(undisturbed, upgraded);
}

/// `fixtures/federated_aggregator-N.wasm.gz` is the module of the N-th release that landed, as it was built then.
#[test]
fn should_go_on_with_what_the_first_release_began() {
    go_on_with("1");
}

#[test]
fn should_go_on_with_what_the_landed_release_began() {
    go_on_with("2");
}

fn go_on_with(release: &str) {
    let digits = Digits::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    let landed = || std::fs::read(format!("{folder}/federated_aggregator-{release}.wasm.gz")).unwrap();
    let (undisturbed, _) = outcome(&digits, World::module("federated_aggregator"), |_| false);
    let uploads = u32::try_from(2 * CLIENTS).unwrap();
    // How contributions are scored and paid has changed since: it is by the new rules from the upgrade on.
    let models = |(last, file, rounds): Outcome| {
        let rounds: Vec<_> = rounds
            .into_iter()
            .map(|(model, clients, evaluated)| {
                let updates: Vec<_> = clients
                    .iter()
                    .map(|one| (one.client, one.update, one.samples))
                    .collect();
                (model, updates, evaluated)
            })
            .collect();
        (last, file, rounds)
    };
    let undisturbed = models(undisturbed);
    // In the middle of an upload, and at the two steps that follow the first round's last one.
    for at in [1, uploads + 1, uploads + 2] {
        let (upgraded, _) = outcome(&digits, landed(), |step| step == at);
        assert_eq!(undisturbed, models(upgraded), "step {at}");
    }
}

#[test]
fn should_ask_after_the_landed_release_what_a_new_installation_asks() {
    let world = World::new();
    let landed = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/federated_aggregator-1.wasm.gz");
    let federation = Federation::open_module(&world, 1, std::fs::read(landed).unwrap());
    let digits = Digits::new();
    let args = digits.args(federation.ledger.id);
    let old = federation.create(&args).unwrap();
    assert!(federation.task(old).storage_paid, "it asked for nothing");
    for _ in 0..2 {
        federation.upgrade();
        let parameters = federation.parameters();
        assert_eq!(parameters.storage_fee.ledger, Some(federation.ledger.id));
        assert_eq!(parameters.storage_fee.per_mib, FEE);
        assert_eq!(parameters.compute_fee.unwrap().per_billion, FEE);
        assert_eq!(parameters.draft_deposit, Some((100 * FEE).into()));
    }
    let info = federation.task(old);
    assert!(info.storage_paid && info.storage_fee.is_none(), "{info:?}");
    assert!(matches!(federation.create(&args), Err(TaskError::PaymentRefused(_))));
    let top_up = TopUpArgs {
        ledger: federation.ledger.id,
        amount: (1_000 * FEE).into(),
        from_subaccount: None,
        request_id: ByteBuf::from([1; 16]),
    };
    let balance: Result<PrepaidBalance, TopUpError> = world.call(owner(), federation.id, "top_up", (top_up,));
    assert_eq!(balance.unwrap().free, 1_000 * FEE);
    federation.create(&args).unwrap();
}

/// Numbers at the end of an update as `F32`, zeros before.
fn raw(digits: &Digits, last: f32) -> Vec<u8> {
    let mut numbers = vec![0.0_f32; digits.plan.len];
    *numbers.last_mut().unwrap() = last;
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

#[test]
fn should_refuse_what_is_wrong_and_slash_what_is_false() {
    let world = World::new();
    let federation = Federation::open(&world, CLIENTS);
    let mut digits = Digits::new();
    while digits.shares.len() < 10 {
        let again = digits.shares[0].clone();
        digits.shares.push(again);
    }
    let task = digits.start(&federation, &digits.args(federation.ledger.id));
    for number in 0..CLIENTS {
        federation.join(task, number).unwrap();
    }
    let good = raw(&digits, 0.5);
    let args = |number: u64, bytes: &[u8]| digits.begin_args(task, 1, 0, number, bytes, UpdateEncoding::F32);
    let index = digits.plan.len as u64 - 1;

    let mut wrong = args(0, &good);
    wrong.numbers += 1;
    assert!(matches!(
        federation.begin(0, &wrong),
        Err(UploadError::WrongShape { .. })
    ));
    // Declared as F16, the bytes of F32 have the wrong length.
    let mut wrong = args(0, &good);
    wrong.encoding = UpdateEncoding::F16;
    assert_eq!(
        federation.send(0, &wrong, &good),
        Err(UploadError::WrongLength {
            expected: digits.plan.len as u64 * 2
        })
    );
    assert_eq!(federation.begin(9, &args(0, &good)), Err(UploadError::NotJoined));
    federation.send(0, &args(0, &good), &good).unwrap();
    // A replay, by the same client and by another.
    assert_eq!(
        federation.send(0, &args(0, &good), &good),
        Err(UploadError::AlreadyAccepted)
    );
    assert_eq!(federation.send(1, &args(1, &good), &good), Err(UploadError::Duplicate));
    for (number, last) in [(1, f32::NAN), (2, f32::INFINITY)] {
        let bytes = raw(&digits, last);
        assert_eq!(
            federation.send(number, &args(number, &bytes), &bytes),
            Err(UploadError::Encoding(EncodingError::NotFinite { index }))
        );
        assert_eq!(
            federation.begin(number, &args(number, &bytes)),
            Err(UploadError::NotJoined)
        );
    }
    let mut wrong = args(3, &good);
    wrong.hash = Hash([9; 32]);
    assert_eq!(federation.send(3, &wrong, &good), Err(UploadError::WrongHash));
    federation.wait(Duration::from_mins(1));
    // Whose piece was the wrong one, no single message proves: the third keeps its stake.
    assert_eq!(federation.metric("faults_total"), 2);
    assert_eq!(federation.participant(task, 3).stake, STAKE);
    // Lost stakes are the treasury's.
    let treasury = federation.ledger.balance(governance());
    assert!(treasury > STAKE && treasury <= 2 * STAKE, "{treasury}");

    // Too few updates: extended once, then skipped; the late update is told so.
    federation.wait(Duration::from_secs(3_700));
    federation.wait(Duration::from_secs(3_700));
    let Some(RoundView::Over(report)) = federation.round(task, 1) else {
        panic!("{:?}", federation.round(task, 1))
    };
    assert_eq!(report.outcome, RoundOutcome::Skipped);
    assert_eq!(
        federation.send(0, &args(0, &good), &good),
        Err(UploadError::RoundClosed {
            round: 1,
            collecting: Some(2)
        })
    );
    let stopped: Result<(), TaskError> = world.call(owner(), federation.id, "stop_task", (task,));
    stopped.unwrap();
    federation.wait(Duration::from_mins(5));
    assert_eq!(federation.ledger.balance(federation.id), Nat::from(0_u8));
    // The owner has everything back but the ledger's fees: approval, funding, refund.
    assert_eq!(federation.ledger.balance(owner()), Nat::from(START - 3 * FEE));
    assert_eq!(federation.ledger.balance(client(0)), Nat::from(START - 3 * FEE));
}

#[test]
fn should_pay_when_the_ledger_is_up_again() {
    let world = World::new();
    let federation = Federation::open(&world, CLIENTS);
    let digits = Digits::new();
    let mut args = digits.args(federation.ledger.id);
    args.rounds.rounds = 1;
    let task = digits.start(&federation, &args);
    let mut down = false;
    let mut between = || {
        if !down && federation.task(task).clients == u32::try_from(CLIENTS).unwrap() {
            world
                .pic
                .stop_canister(federation.ledger.id, Some(world.controller))
                .unwrap();
            down = true;
        }
    };
    for number in 0..CLIENTS {
        federation.join(task, number).unwrap();
    }
    between();
    let (info, file) = federation.model(task);
    for number in 0..CLIENTS {
        let bytes = encoding::encode(UpdateEncoding::F16, &digits.delta(number, 1, &file)).unwrap();
        let args = digits.begin_args(task, 1, info.model.version, number, &bytes, UpdateEncoding::F16);
        federation.send(number, &args, &bytes).unwrap();
    }
    federation.finish_round(task, 1, &mut || ());
    federation.wait(Duration::from_mins(2));
    federation.upgrade();
    world
        .pic
        .start_canister(federation.ledger.id, Some(world.controller))
        .unwrap();
    federation.wait(Duration::from_hours(2));
    federation.check(task);
    assert_eq!(federation.ledger.balance(federation.id), Nat::from(0_u8));
    assert_eq!(federation.metric("payments_quarantined"), 0);
}

#[test]
fn should_bound_ten_thousand_junk_uploads_of_one_caller() {
    let world = World::new();
    let federation = Federation::open(&world, CLIENTS);
    let digits = Digits::new();
    let task = digits.start(&federation, &digits.args(federation.ledger.id));
    federation.join(task, 0).unwrap();
    let before = (federation.metric("blob_bytes"), federation.metric("stable_bytes"));
    let mut refused = 0;
    for number in 0..10_000_u32 {
        let junk = number.to_be_bytes();
        let args = digits.begin_args(task, 1, 0, 0, &junk, UpdateEncoding::F32);
        refused += u32::from(federation.begin(0, &args).is_err());
    }
    // One is under way, and no other takes its place while it is fresh.
    assert_eq!(refused, 9_999);
    let after = (federation.metric("blob_bytes"), federation.metric("stable_bytes"));
    assert!(
        after.0 <= before.0 + 65_536 && after.1 <= before.1 + (8 << 20),
        "{before:?} {after:?}"
    );
    federation.check(task);
}
