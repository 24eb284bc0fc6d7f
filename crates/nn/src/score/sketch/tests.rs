use burn::tensor::Device;

use super::*;
use crate::encoding::{UpdateEncoding, decode, encode};
use crate::kernels::reduce::{dot, squared_norm};
use crate::spec::{Limits, Plan};
use crate::train::data::Dataset;
use crate::train::{Settings, train};
use crate::weights;

const SEED: [u8; 32] = [5; 32];

fn sketch(values: &[f32]) -> Sketch {
    let mut sketch = Sketch::default();
    sketch.add(SEED, 0, values);
    sketch
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    dot(0.0, a, b) / (squared_norm(0.0, a) * squared_norm(0.0, b)).sqrt()
}

#[test]
fn should_have_the_same_bits_whatever_the_ranges_and_through_an_upgrade() {
    #[allow(clippy::cast_precision_loss)]
    let values: Vec<f32> = (0..3 * UNIT + 7)
        .map(|i| ((i * 7_919) % 1_000) as f32 / 997.0 - 0.5)
        .collect();
    let whole = sketch(&values);
    let mut parts = Sketch::default();
    for (first, range) in [(0, 0..UNIT), (UNIT, UNIT..3 * UNIT), (3 * UNIT, 3 * UNIT..values.len())] {
        parts.add(SEED, first as u64, &values[range]);
        let bytes = bytes_of(&parts);
        let stored = serde::de::value::BytesDeserializer::<serde::de::value::Error>::new(&bytes);
        parts = Sketch::deserialize(stored).unwrap();
    }
    assert_eq!(whole, parts);
}

fn bytes_of(sketch: &Sketch) -> Vec<u8> {
    sketch.0.iter().flat_map(|sum| sum.to_le_bytes()).collect()
}

#[test]
fn should_know_directions() {
    #[allow(clippy::cast_precision_loss)]
    let value = |i: usize, k: usize| ((i * 7_919 + k * 104_729) % 1_009) as f32 / 1_009.0 - 0.5;
    let a: Vec<f32> = (0..20_000).map(|i| value(i * i, 1)).collect();
    let b: Vec<f32> = (0..20_000).map(|i| value(i * i * i, 2)).collect();
    let near: Vec<f32> = a.iter().zip(&b).map(|(a, b)| 3.0 * a + 0.3 * b).collect();
    let back: Vec<f32> = a.iter().map(|a| -0.01 * a).collect();
    for (one, other, by) in [(&a, &b, 0.1), (&a, &near, 0.001), (&a, &back, 1e-6), (&b, &near, 0.1)] {
        let (found, exact) = (sketch(one).cosine(&sketch(other)), cosine(one, other));
        assert!((found - exact).abs() <= by, "{found} instead of {exact}");
    }
    assert_eq!(sketch(&a).cosine(&Sketch::default()).to_bits(), 0.0_f64.to_bits());
}

const MLP: &str = r#"{"input_shape":[64],"layers":[
    {"name":"fc1","layer":{"Linear":{"inputs":64,"outputs":32,"bias":true}}},
    {"name":"relu","layer":"Relu"},
    {"name":"fc2","layer":{"Linear":{"inputs":32,"outputs":10,"bias":true}}}],"output":{"Classes":10}}"#;

/// Greatest cosines of honest clients' updates: between two clients of a round, of a client in two rounds, with the public step before.
fn greatest(settings: &Settings, clients: usize, rounds: u32, seed: u64) -> [f64; 3] {
    let plan = Plan::new(&serde_json::from_str(MLP).unwrap(), &Limits::default()).unwrap();
    let digits = Dataset::digits(include_bytes!("../../../../../data/uci-digits.csv.gz")).unwrap();
    // So large an α gives everybody the same part of every class.
    let shares = digits.dirichlet(clients, 1e4, 10, seed).unwrap();
    let mut model = weights::init(&plan, [u8::try_from(seed).unwrap(); 32]);
    let mut most = [-1.0_f64; 3];
    let (mut earlier, mut step): (Vec<Vec<Sketch>>, Option<Sketch>) = (vec![Vec::new(); clients], None);
    for round in 0..rounds {
        let updates: Vec<Vec<f32>> = (0_u64..)
            .zip(&shares)
            .map(|(client, share)| {
                let seed = (seed * 1_000 + u64::from(round)) * 1_000 + client;
                let settings = Settings {
                    seed,
                    ..settings.clone()
                };
                let trained = train(&plan, &model, share, &settings, &Device::flex(), |_| ()).unwrap();
                trained.iter().zip(&model).map(|(new, old)| new - old).collect()
            })
            .collect();
        let sketches: Vec<Sketch> = updates.iter().map(|update| sketch(update)).collect();
        for (number, one) in sketches.iter().enumerate() {
            for other in &sketches[..number] {
                most[0] = most[0].max(one.cosine(other));
            }
            for before in &earlier[number] {
                most[1] = most[1].max(one.cosine(before));
            }
            if let Some(step) = &step {
                most[2] = most[2].max(one.cosine(step));
            }
        }
        #[allow(clippy::cast_precision_loss)]
        let mean: Vec<f32> = (0..model.len())
            .map(|i| updates.iter().map(|update| update[i]).sum::<f32>() / clients as f32)
            .collect();
        for (number, mean) in model.iter_mut().zip(&mean) {
            *number += mean;
        }
        step = Some(sketch(&mean));
        for (earlier, sketch) in earlier.iter_mut().zip(sketches) {
            earlier.push(sketch);
        }
    }
    most
}

/// From what is measured here `federated_aggregator::limits` takes where a near copy begins: 0.9999 for two updates of a round, 0.99999 for a client's
/// own earlier one and for a public step.
#[test]
fn should_never_take_honest_clients_with_like_data_for_copies() {
    for (epochs, batch, rate, momentum, clients) in [
        (5, 16, 0.1, 0.9, 10),
        (5, 16, 0.05, 0.0, 10),
        (1, 16, 0.1, 0.0, 10),
        // Whole batches leave chance no part: the most alike that honest steps are.
        (1, 100_000, 0.1, 0.0, 10),
        (1, 100_000, 0.1, 0.0, 2),
        (5, 16, 0.05, 0.0, 2),
    ] {
        let settings = Settings {
            learning_rate: rate,
            momentum,
            batch,
            epochs,
            ..Settings::default()
        };
        for seed in 0..3 {
            let [others, own, step] = greatest(&settings, clients, 5, seed);
            let name = format!("{epochs} epochs of {batch} at {rate}, {clients} clients, seed {seed}");
            assert!(
                others < 0.995 && own < 0.999_9 && step < 0.999,
                "{name}: {others} {own} {step}"
            );
        }
    }
}

#[test]
fn should_know_a_copy_that_was_scaled_or_encoded_again() {
    let plan = Plan::new(&serde_json::from_str(MLP).unwrap(), &Limits::default()).unwrap();
    let digits = Dataset::digits(include_bytes!("../../../../../data/uci-digits.csv.gz")).unwrap();
    let share = digits.dirichlet(10, 0.5, 10, 3).unwrap().remove(0);
    let model = weights::init(&plan, [3; 32]);
    let trained = train(&plan, &model, &share, &Settings::default(), &Device::flex(), |_| ()).unwrap();
    let update: Vec<f32> = trained.iter().zip(&model).map(|(new, old)| new - old).collect();
    for scale in [1.0, 0.01, 3.0] {
        for encoding in [UpdateEncoding::F32, UpdateEncoding::F16, UpdateEncoding::Int8] {
            let scaled: Vec<f32> = update.iter().map(|value| value * scale).collect();
            let mut copy = vec![0.0; scaled.len()];
            decode(encoding, &encode(encoding, &scaled).unwrap(), &mut copy).unwrap();
            let cosine = sketch(&update).cosine(&sketch(&copy));
            assert!(cosine >= 0.999_9, "{encoding:?} {scale}: {cosine}");
        }
    }
}
