//! A task small enough to follow by hand: four inputs, two classes, ten numbers.

use std::time::Duration;

use candid::Principal;
use ddsx_nn::encoding;
use ddsx_nn::spec::{Limits, Plan};
use ddsx_nn::weights;
use ddsx_tests::federated::{Federation, content_hash, digest};
use ddsx_types::federated_aggregator::{
    BeginUpdateArgs, CreateTaskArgs, InitialWeights, JoinRule, Layer, ModelSpec, NamedLayer, OutputKind, Reward,
    RewardRule, RoundRules, Scoring, Stage, Strategy, TaskId, UpdateEncoding, UpdateKind, UpdateReceipt, UploadError,
};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

/// What a round pays: odd, so that two equal shares differ by one unit.
pub const PER_ROUND: u64 = 10_000_001;
pub const STAKE: u64 = 1_000_000;
/// Numbers in the model: weights `[2, 4]`, then the bias.
pub const NUMBERS: usize = 10;

fn model() -> ModelSpec {
    ModelSpec {
        input_shape: vec![4],
        layers: vec![NamedLayer {
            name: "fc".into(),
            layer: Layer::Linear {
                inputs: 4,
                outputs: 2,
                bias: true,
            },
        }],
        output: OutputKind::Classes(2),
    }
}

fn plan() -> Plan {
    Plan::new(&model(), &Limits::default()).unwrap()
}

/// First weights.
pub fn weights_file(numbers: &[f32]) -> Vec<u8> {
    weights::write(&plan(), numbers).unwrap()
}

/// Class 0 lies along the first two inputs, class 1 along the others.
pub fn evaluation_file() -> Vec<u8> {
    let inputs: Vec<u8> = [
        [1.0_f32, 0.1, 0.0, 0.0],
        [0.2, 0.9, 0.1, 0.0],
        [0.0, 0.1, 1.0, 0.3],
        [0.0, 0.0, 0.2, 1.0],
    ]
    .iter()
    .flatten()
    .flat_map(|value| value.to_le_bytes())
    .collect();
    let labels = [0_u8, 0, 1, 1];
    safetensors::serialize(
        [
            ("inputs", TensorView::new(Dtype::F32, vec![4, 4], &inputs).unwrap()),
            ("labels", TensorView::new(Dtype::U8, vec![4], &labels).unwrap()),
        ],
        None,
    )
    .unwrap()
}

/// A step that makes the model of zeros recognise everything.
pub fn good(scale: f32) -> Vec<f32> {
    [1.0, 1.0, -1.0, -1.0, -1.0, -1.0, 1.0, 1.0, 0.0, 0.0]
        .map(|value: f32| value * scale)
        .to_vec()
}

/// Two rounds of two updates each, every candidate accepted, equal rewards for whoever points where the model went.
pub fn task_args(ledger: Principal) -> CreateTaskArgs {
    CreateTaskArgs {
        name: "small".into(),
        description: String::new(),
        model: model(),
        initial: InitialWeights::Upload(digest(&weights_file(&[0.0; NUMBERS]))),
        strategy: Strategy::FedAvg,
        join: JoinRule::Open,
        max_clients: 10,
        rounds: RoundRules {
            rounds: 2,
            min_updates: 2,
            max_updates: 2,
            duration_s: 600,
            max_samples: 1_000,
            max_staleness: 0,
        },
        evaluation: digest(&evaluation_file()),
        tolerance: 1.0,
        scoring: Scoring::Proxy,
        reward: Some(Reward {
            ledger,
            per_round: PER_ROUND.into(),
            rule: RewardRule::Equal,
            stake: STAKE.into(),
            earning: None,
            deposit: None,
        }),
        norm_bound: Some(100.0),
        privacy: None,
        client_config: String::new(),
        scores_at_end: None,
    }
}

/// A running task whose first model is all zeros, and its clients.
pub fn start(federation: &Federation<'_>, args: &CreateTaskArgs, clients: u64) -> TaskId {
    start_from(federation, args, &[0.0; NUMBERS], clients)
}

/// As above, with a first model.
pub fn start_from(federation: &Federation<'_>, args: &CreateTaskArgs, first: &[f32], clients: u64) -> TaskId {
    let file = weights_file(first);
    let args = CreateTaskArgs {
        initial: InitialWeights::Upload(digest(&file)),
        ..args.clone()
    };
    let budget = PER_ROUND * u64::from(args.rounds.rounds);
    let task = federation.start(&args, &file, &evaluation_file(), budget);
    federation.wait(Duration::from_secs(5));
    assert_eq!(federation.task(task).stage.stage, Stage::Running);
    for number in 0..clients {
        federation.join(task, number).unwrap();
    }
    task
}

/// The bytes of a delta.
pub fn bytes(delta: &[f32]) -> Vec<u8> {
    encoding::encode(UpdateEncoding::F32, delta).unwrap()
}

/// What declares an update of ten samples.
pub fn begin_args(task: TaskId, round: u32, version: u32, bytes: &[u8]) -> BeginUpdateArgs {
    BeginUpdateArgs {
        task,
        round,
        base_version: version,
        kind: UpdateKind::Delta,
        encoding: UpdateEncoding::F32,
        numbers: NUMBERS as u64,
        samples: 10,
        hash: content_hash(bytes),
        lineage: vec![],
    }
}

/// A whole update made from a version.
pub fn send(
    federation: &Federation<'_>,
    task: TaskId,
    number: u64,
    (round, version): (u32, u32),
    delta: &[f32],
) -> Result<UpdateReceipt, UploadError> {
    let bytes = bytes(delta);
    federation.send(number, &begin_args(task, round, version, &bytes), &bytes)
}

/// The numbers of the model in force.
pub fn numbers(federation: &Federation<'_>, task: TaskId) -> Vec<f32> {
    let (info, file) = federation.model(task);
    assert_eq!(content_hash(&file), info.model.hash);
    weights::read(&plan(), &file).unwrap()
}

/// Each number differs by no more than this.
pub fn assert_close(found: &[f32], expected: &[f32], by: f32) {
    assert_eq!(found.len(), expected.len());
    let far = found.iter().zip(expected).any(|(a, b)| (a - b).abs() > by);
    assert!(!far, "{found:?} is not {expected:?} within {by}");
}
