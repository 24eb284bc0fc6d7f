//! Compared with PyTorch: crates/nn/scripts/make_torch_vectors.py wrote the files.

use std::collections::BTreeMap;

use safetensors::SafeTensors;
use serde::Deserialize;

use super::*;
use crate::spec::{Limits, ModelSpec};

#[derive(Deserialize)]
struct Case {
    name: String,
    spec: ModelSpec,
    batch: usize,
    inputs: Vec<f32>,
    outputs: Vec<f32>,
}

const MODELS: [(&str, &[u8]); 2] = [
    (
        include_str!("../../tests/vectors/mlp.json"),
        include_bytes!("../../tests/vectors/mlp.safetensors"),
    ),
    (
        include_str!("../../tests/vectors/lenet5.json"),
        include_bytes!("../../tests/vectors/lenet5.safetensors"),
    ),
];

fn assert_close(name: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{name}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() <= 1e-4,
            "{name}: {found} instead of {expected}"
        );
    }
}

/// Runs a case plain and packed; both must give PyTorch's outputs, and the weights must come out as they went in.
fn compare(case: &Case, plan: &Plan, flat: &[f32]) {
    let device = Device::flex();
    let network = Network::new(plan, flat, &device).unwrap();
    assert_eq!(network.weights(), flat, "{}", case.name);
    assert_eq!(case.inputs.len(), case.batch * plan.input_len(), "{}", case.name);
    let plain = network.predict(plan, &case.inputs, &device).unwrap();
    assert_close(&case.name, &plain, &case.outputs);
    let packed = network.pack();
    let outputs = packed.predict(plan, &case.inputs, &device).unwrap();
    assert_close(&case.name, &outputs, &case.outputs);
    assert_eq!(packed.weights(), flat, "{}: packing keeps the parameters", case.name);
}

#[test]
fn should_load_what_pytorch_wrote_and_predict_what_pytorch_predicts() {
    for (json, file) in MODELS {
        let case: Case = serde_json::from_str(json).unwrap();
        let plan = Plan::new(&case.spec, &Limits::default()).unwrap();
        compare(&case, &plan, &weights::read(&plan, file).unwrap());
    }
}

#[test]
fn should_compute_every_layer_as_pytorch_does() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../tests/vectors/layers.json")).unwrap();
    let file = SafeTensors::deserialize(include_bytes!("../../tests/vectors/layers.safetensors")).unwrap();
    assert_eq!(cases.len(), 24);
    for case in cases {
        let plan = Plan::new(&case.spec, &Limits::default()).unwrap();
        let prefix = format!("{}/", case.name);
        let own: BTreeMap<_, _> = file
            .tensors()
            .into_iter()
            .filter_map(|(name, tensor)| Some((name.strip_prefix(&prefix)?.to_owned(), tensor)))
            .collect();
        let file = safetensors::serialize(&own, None).unwrap();
        compare(&case, &plan, &weights::read(&plan, &file).unwrap());
    }
}

fn embedding() -> Plan {
    let spec = serde_json::from_str(
        r#"{"input_shape":[2],"layers":[{"name":"table","layer":{"Embedding":{"count":3,"dimension":1}}},
            {"name":"flat","layer":"Flatten"}],"output":{"Embedding":2}}"#,
    )
    .unwrap();
    Plan::new(&spec, &Limits::default()).unwrap()
}

#[test]
fn should_refuse_inputs_that_are_no_samples() {
    let plan = embedding();
    let not_an_entry = |index| InputError::NotAnEntry { index, limit: 3 };
    let cases: [(&[f32], _); 7] = [
        (&[0.0, 2.0], Ok(())),
        (&[], Ok(())),
        (&[0.0], Err(InputError::Length { found: 1, expected: 2 })),
        (&[0.0, f32::INFINITY], Err(InputError::NotFinite(1))),
        (&[0.0, 3.0], Err(not_an_entry(1))),
        (&[-1.0, 0.0], Err(not_an_entry(0))),
        (&[0.0, 0.5], Err(not_an_entry(1))),
    ];
    for (inputs, expected) in cases {
        assert_eq!(check_inputs(&plan, inputs), expected, "{inputs:?}");
    }
    let device = Device::flex();
    let network = Network::new(&plan, &[5.0, 6.0, 7.0], &device).unwrap();
    assert_eq!(
        network.predict(&plan, &[2.0, 0.0, 1.0, 1.0], &device),
        Ok(vec![7.0, 5.0, 6.0, 6.0])
    );
    assert_eq!(network.predict(&plan, &[], &device), Ok(vec![]));
}

#[test]
fn should_drop_only_while_training() {
    let spec = serde_json::from_str(
        r#"{"input_shape":[4],"layers":[{"name":"drop","layer":{"Dropout":{"probability":0.5}}}],"output":{"Embedding":4}}"#,
    )
    .unwrap();
    let plan = Plan::new(&spec, &Limits::default()).unwrap();
    let device = Device::flex();
    let network = Network::new(&plan, &[], &device).unwrap();
    let inputs = || Tensor::<2>::from_floats([[1.0, 2.0, 3.0, 4.0]], &device);
    let out = |tensor: Tensor<2>| tensor.into_data().try_to_vec::<f32>().unwrap();
    assert_eq!(out(network.forward(inputs(), &mut Mode::Predict)), [1.0, 2.0, 3.0, 4.0]);
    let mut draw = |count: usize| (0..count).map(|i| if i % 2 == 0 { 0.1 } else { 0.9 }).collect();
    let mut training = Mode::Train {
        draw: &mut draw,
        statistics: &mut Statistics::default(),
    };
    assert_eq!(out(network.forward(inputs(), &mut training)), [0.0, 4.0, 0.0, 8.0]);
}
