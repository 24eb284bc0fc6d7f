//! A round of a large model on a network, measured: run by `scripts/bench federated`. Prints one JSON object a line.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::time::Duration;

use ddsx_nn::encoding::{UpdateEncoding, encoded_len};
use ddsx_tests::World;
use ddsx_tests::federated::{Federation, content_hash, digest};
use ddsx_types::federated_aggregator::{
    BeginUpdateArgs, CreateTaskArgs, InitialWeights, JoinRule, Layer, ModelSpec, NamedLayer, OutputKind, RoundOutcome,
    RoundRules, Scoring, Stage, Strategy, UpdateKind,
};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

/// Inputs and outputs of the one layer: 10,004,569 weights.
const WIDTH: u32 = 3_163;
const CLIENTS: u32 = 20;
const SAMPLES: usize = 16;
/// What no slice may take.
const LIMIT: u64 = 10_000_000_000;

fn report(bench: &str, value: impl std::fmt::Display, unit: &str) {
    println!(r#"{{"bench": "{bench}", "value": {value}, "unit": "{unit}"}}"#);
}

/// Rows that are zero but for one place, and their classes.
fn evaluation() -> Vec<u8> {
    let width = WIDTH as usize;
    let mut inputs = vec![0.0_f32; SAMPLES * width];
    for sample in 0..SAMPLES {
        inputs[sample * width + sample] = 1.0;
    }
    let inputs: Vec<u8> = inputs.iter().flat_map(|value| value.to_le_bytes()).collect();
    let labels: Vec<u8> = (0..SAMPLES).map(|sample| u8::try_from(sample).unwrap()).collect();
    safetensors::serialize(
        [
            (
                "inputs",
                TensorView::new(Dtype::F32, vec![SAMPLES, width], &inputs).unwrap(),
            ),
            ("labels", TensorView::new(Dtype::U8, vec![SAMPLES], &labels).unwrap()),
        ],
        None,
    )
    .unwrap()
}

fn args(strategy: Strategy, scoring: Scoring, evaluation: &[u8]) -> CreateTaskArgs {
    CreateTaskArgs {
        name: "large".into(),
        description: String::new(),
        model: ModelSpec {
            input_shape: vec![WIDTH],
            layers: vec![NamedLayer {
                name: "fc".into(),
                layer: Layer::Linear {
                    inputs: WIDTH,
                    outputs: WIDTH,
                    bias: false,
                },
            }],
            output: OutputKind::Classes(WIDTH),
        },
        initial: InitialWeights::Draw,
        strategy,
        join: JoinRule::Open,
        max_clients: CLIENTS,
        rounds: RoundRules {
            rounds: 1,
            min_updates: CLIENTS,
            max_updates: CLIENTS,
            duration_s: 86_400,
            max_samples: 1_000,
            max_staleness: 0,
        },
        evaluation: digest(evaluation),
        tolerance: 1.0,
        scoring,
        reward: None,
        norm_bound: None,
        privacy: None,
        client_config: String::new(),
        scores_at_end: None,
    }
}

/// A client's int8 update: blocks of 256 steps behind a scale, no two clients' alike.
fn update(client: u64, parameters: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(usize::try_from(encoded_len(UpdateEncoding::Int8, parameters)).unwrap());
    let mut left = parameters;
    while left > 0 {
        bytes.extend_from_slice(&1e-4_f32.to_le_bytes());
        let block = left.min(256);
        bytes.extend((0..block).map(|place| u8::try_from((place * 7 + client * 31 + left) % 120).unwrap()));
        left -= block;
    }
    bytes
}

/// Holds one round; reports how many slices it took, and the most instructions that one did.
fn measure(name: &str, strategy: Strategy, scoring: Scoring) {
    let world = World::new();
    let federation = Federation::open(&world, CLIENTS.into());
    let evaluation = evaluation();
    let task = federation.start(&args(strategy, scoring, &evaluation), &[], &evaluation, 0);
    for _ in 0..60 {
        if federation.task(task).stage.stage == Stage::Running {
            break;
        }
        federation.wait(Duration::from_secs(1));
    }
    let info = federation.task(task);
    assert_eq!(info.stage.stage, Stage::Running);
    for number in 0..u64::from(CLIENTS) {
        federation.join(task, number).unwrap();
        let bytes = update(number, info.parameters);
        let args = BeginUpdateArgs {
            task,
            round: 1,
            base_version: 0,
            kind: UpdateKind::Delta,
            encoding: UpdateEncoding::Int8,
            numbers: info.parameters,
            samples: 100 + number,
            hash: content_hash(&bytes),
            lineage: vec![],
        };
        federation.send(number, &args, &bytes).unwrap();
    }
    let before = federation.metric("slices_total");
    let round = federation.finish_round(task, 1, &mut || ());
    assert_eq!(round.outcome, RoundOutcome::Accepted);
    assert_eq!(round.clients.len(), CLIENTS as usize);
    let most = federation.metric("slice_instructions_max");
    report(
        &format!("round/10m_20_clients/{name}/slices"),
        federation.metric("slices_total") - before,
        "messages",
    );
    report(
        &format!("round/10m_20_clients/{name}/slice_instructions_max"),
        most,
        "instructions",
    );
    assert!(most < LIMIT, "{most}");
}

#[test]
#[ignore = "a measurement: scripts/bench federated"]
fn measure_rounds_of_ten_million_parameters_and_twenty_clients() {
    measure("fedavg", Strategy::FedAvg, Scoring::Proxy);
    measure("fedavg_leave_one_out", Strategy::FedAvg, Scoring::LeaveOneOut);
    measure("fedmedian", Strategy::FedMedian, Scoring::Proxy);
    let krum = Strategy::MultiKrum { malicious: 6, keep: 14 };
    measure("multikrum", krum, Scoring::Proxy);
}
