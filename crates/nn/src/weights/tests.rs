use safetensors::tensor::TensorView;

use super::*;
use crate::spec::{Limits, ModelSpec};

fn plan() -> Plan {
    let spec: ModelSpec = serde_json::from_str(
        r#"{"input_shape":[2],"layers":[{"name":"z","layer":{"Linear":{"inputs":2,"outputs":1,"bias":true}}},
            {"name":"a","layer":{"Linear":{"inputs":1,"outputs":2,"bias":false}}}],"output":{"Regression":2}}"#,
    )
    .unwrap();
    Plan::new(&spec, &Limits::default()).unwrap()
}

const FLAT: [f32; 5] = [1.0, -2.0, 0.5, 3.25, -0.0];

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

type Tensors<'a> = Vec<(&'a str, Dtype, Vec<usize>, Vec<u8>)>;

fn good() -> Tensors<'static> {
    vec![
        ("z.weight", Dtype::F32, vec![1, 2], bytes(&FLAT[..2])),
        ("z.bias", Dtype::F32, vec![1], bytes(&FLAT[2..3])),
        ("a.weight", Dtype::F32, vec![2, 1], bytes(&FLAT[3..])),
    ]
}

fn file(tensors: &Tensors<'_>) -> Vec<u8> {
    let views = tensors
        .iter()
        .map(|(name, dtype, shape, data)| (*name, TensorView::new(*dtype, shape.clone(), data).unwrap()));
    safetensors::serialize(views, None).unwrap()
}

#[test]
fn should_read_any_order_and_write_the_canonical_one() {
    let plan = plan();
    assert_eq!(read(&plan, &file(&good())).unwrap(), FLAT);
    let written = write(&plan, &FLAT).unwrap();
    let header = header(&plan);
    assert_eq!(header.len() % 8, 0);
    assert_eq!(written, [header, bytes(&FLAT)].concat());
    assert_eq!(read(&plan, &written).unwrap(), FLAT);
    let start = r#"{"z.weight":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}"#;
    assert!(written[8..].starts_with(start.as_bytes()));
}

#[test]
fn should_read_half_precision_and_pass_over_the_counters_of_batch_norms() {
    let mut tensors = good();
    tensors[0].1 = Dtype::F16;
    tensors[0].3 = [1.0_f32, -2.0]
        .iter()
        .flat_map(|v| half::f16::from_f32(*v).to_le_bytes())
        .collect();
    tensors[2].1 = Dtype::BF16;
    tensors[2].3 = [3.25_f32, -0.0]
        .iter()
        .flat_map(|v| half::bf16::from_f32(*v).to_le_bytes())
        .collect();
    tensors.push(("bn.num_batches_tracked", Dtype::I64, vec![], vec![0; 8]));
    assert_eq!(read(&plan(), &file(&tensors)).unwrap(), FLAT);
}

#[test]
fn should_say_what_is_wrong() {
    let change = |f: fn(&mut Tensors<'static>)| {
        let mut tensors = good();
        f(&mut tensors);
        read(&plan(), &file(&tensors)).unwrap_err()
    };
    assert_eq!(change(|t| drop(t.remove(1))), WeightsError::Missing("z.bias".into()));
    assert_eq!(
        change(|t| t.push(("extra", Dtype::F32, vec![1], vec![0; 4]))),
        WeightsError::Unknown("extra".into())
    );
    assert_eq!(
        change(|t| t[0].2 = vec![2, 1]),
        WeightsError::Shape {
            name: "z.weight".into(),
            found: vec![2, 1],
            expected: vec![1, 2],
        }
    );
    assert_eq!(
        change(|t| t[1] = ("z.bias", Dtype::I32, vec![1], vec![0; 4])),
        WeightsError::Dtype {
            name: "z.bias".into(),
            dtype: "I32".into(),
        }
    );
    assert_eq!(
        change(|t| t[2].3 = bytes(&[0.0, f32::NAN])),
        WeightsError::NotFinite {
            name: "a.weight".into(),
            index: 1,
        }
    );
    assert!(matches!(read(&plan(), b"nonsense"), Err(WeightsError::Malformed(_))));
    assert_eq!(
        write(&plan(), &FLAT[..4]),
        Err(WeightsError::Length { found: 4, expected: 5 })
    );
}

#[test]
fn should_draw_first_weights_as_pytorch_does() {
    let spec: ModelSpec = serde_json::from_str(
        r#"{"input_shape":[9],"layers":[{"name":"table","layer":{"Embedding":{"count":500,"dimension":4}}},
            {"name":"norm","layer":{"LayerNorm":{"features":4,"epsilon":1e-5}}},
            {"name":"bn","layer":{"BatchNorm":{"features":9,"epsilon":1e-5}}},
            {"name":"flat","layer":"Flatten"},
            {"name":"fc","layer":{"Linear":{"inputs":36,"outputs":50,"bias":true}}}],"output":{"Regression":50}}"#,
    )
    .unwrap();
    let plan = Plan::new(&spec, &Limits::default()).unwrap();
    let weights = init(&plan, [5; 32]);
    check(&plan, &weights).unwrap();
    assert_eq!(weights, init(&plan, [5; 32]));
    assert_ne!(weights, init(&plan, [6; 32]));
    let of = |name: &str| &weights[plan.parameters.iter().find(|p| p.name == name).unwrap().range()];
    let count = 2000.0;
    let mean = of("table.weight").iter().sum::<f32>() / count;
    let variance = of("table.weight").iter().map(|w| (w - mean) * (w - mean)).sum::<f32>() / count;
    assert!(mean.abs() < 0.1 && (variance - 1.0).abs() < 0.1, "{mean} {variance}");
    assert_eq!(of("norm.weight"), [1.0; 4]);
    assert_eq!(of("bn.running_mean"), [0.0; 9]);
    assert_eq!(of("bn.running_var"), [1.0; 9]);
    let most = of("fc.weight").iter().fold(0.0_f32, |most, w| most.max(w.abs()));
    assert!(most <= 1.0 / 6.0 && most > 0.16, "{most}");
    assert!(of("fc.bias").iter().any(|w| *w != 0.0));
}
