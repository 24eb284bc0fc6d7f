//! Federated learning of UCI's digits, measured: what the table at the end of design/40-federated.md promises.
//!
//! `digits [text…]` prints a line of JSON for every measurement, or those whose name contains one of the texts: the mean over the seeds, and each seed's value.
//! Nothing but the seeds decides the numbers. `scripts/bench federated` keeps them.
#![allow(clippy::expect_used, reason = "a measurement that cannot be made must stop")]

mod attack;
mod federation;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use attack::ATTACKS;
use ddsx_nn::encoding::{UpdateEncoding, encoded_len};
use ddsx_nn::spec::{Limits, ModelSpec, Plan};
use ddsx_nn::strategies::Strategy;
use ddsx_nn::train::data::Dataset;
use ddsx_nn::train::{ClassWeight, Settings};
use federation::{Federation, central};

const SEEDS: [u64; 5] = [0, 1, 2, 3, 4];

const MLP: &str = r#"{"input_shape":[64],"layers":[
    {"name":"norm","layer":{"LayerNorm":{"features":64,"epsilon":1e-5}}},
    {"name":"fc1","layer":{"Linear":{"inputs":64,"outputs":256,"bias":true}}},
    {"name":"relu","layer":"Relu"},
    {"name":"fc2","layer":{"Linear":{"inputs":256,"outputs":10,"bias":true}}}],"output":{"Classes":10}}"#;

const CNN: &str = r#"{"input_shape":[1,8,8],"layers":[
    {"name":"conv1","layer":{"Conv2d":{"in_channels":1,"out_channels":16,"kernel":{"height":3,"width":3},"stride":{"height":1,"width":1},
        "padding":{"height":1,"width":1},"dilation":{"height":1,"width":1},"groups":1,"bias":true}}},
    {"name":"relu1","layer":"Relu"},
    {"name":"pool1","layer":{"MaxPool2d":{"kernel":{"height":2,"width":2},"stride":{"height":2,"width":2},"padding":{"height":0,"width":0}}}},
    {"name":"flatten","layer":"Flatten"},
    {"name":"fc1","layer":{"Linear":{"inputs":256,"outputs":10,"bias":true}}}],"output":{"Classes":10}}"#;

/// One measurement: a name, and what is run for each seed.
struct Measurement {
    name: String,
    model: &'static str,
    /// None: the model trained in one place.
    federation: Option<Federation>,
}

fn measurements() -> Vec<Measurement> {
    let honest = |strategy: Strategy, clients| Federation {
        strategy,
        encoding: UpdateEncoding::F32,
        clients,
        hostile: 0,
        attack: None,
    };
    let mut all = Vec::new();
    let mut add = |name: String, model, federation| {
        all.push(Measurement {
            name,
            model,
            federation,
        });
    };
    add("digits/central/accuracy".into(), MLP, None);
    add("digits/cnn/central/accuracy".into(), CNN, None);
    add(
        "digits/cnn/fedavg/accuracy".into(),
        CNN,
        Some(honest(Strategy::FedAvg, 10)),
    );
    for (name, encoding) in [("f16", UpdateEncoding::F16), ("int8", UpdateEncoding::Int8)] {
        let federation = Federation {
            encoding,
            ..honest(Strategy::FedAvg, 10)
        };
        add(format!("digits/fedavg/{name}/accuracy"), MLP, Some(federation));
    }
    for (name, strategy, clients) in [
        ("fedavg", Strategy::FedAvg, 10),
        ("fedmedian", Strategy::FedMedian, 10),
        ("trimmed_mean", Strategy::TrimmedMean { beta: 0.3 }, 10),
        ("krum", Strategy::Krum { malicious: 3 }, 10),
        ("multikrum", Strategy::MultiKrum { malicious: 3, keep: 7 }, 10),
        ("bulyan", Strategy::Bulyan { malicious: 3 }, 15),
    ] {
        add(
            format!("digits/{name}/accuracy"),
            MLP,
            Some(honest(strategy.clone(), clients)),
        );
        for attack in ATTACKS {
            let federation = Federation {
                hostile: 3,
                attack: Some(attack),
                ..honest(strategy.clone(), clients)
            };
            add(
                format!("digits/{name}/{}/accuracy", attack.name()),
                MLP,
                Some(federation),
            );
        }
    }
    all
}

fn plan(spec: &str) -> Plan {
    let spec: ModelSpec = serde_json::from_str(spec).expect("a specification");
    Plan::new(&spec, &Limits::default()).expect("within the limits")
}

/// What every client does in a round.
fn local() -> Settings {
    Settings {
        learning_rate: 0.25,
        momentum: 0.5,
        batch: 16,
        epochs: 5,
        class_weight: ClassWeight::Balanced,
        ..Settings::default()
    }
}

fn measure(measurement: &Measurement, digits: &Dataset, seed: u64) -> f64 {
    let plan = plan(measurement.model);
    match &measurement.federation {
        Some(federation) => federation.run(&plan, digits, &local(), seed),
        None => central(&plan, digits, &local(), seed),
    }
}

/// Runs every pair of measurement and seed, several at a time; prints the measurements in order.
fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let chosen: Vec<Measurement> = measurements()
        .into_iter()
        .filter(|measurement| wanted.is_empty() || wanted.iter().any(|text| measurement.name.contains(text.as_str())))
        .collect();
    let digits = Dataset::digits(include_bytes!("../../../../data/uci-digits.csv.gz")).expect("the digits");
    let results = Mutex::new(vec![0.0; chosen.len() * SEEDS.len()]);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let job = next.fetch_add(1, Ordering::Relaxed);
                    let Some(measurement) = chosen.get(job / SEEDS.len()) else {
                        break;
                    };
                    let value = measure(measurement, &digits, SEEDS[job % SEEDS.len()]);
                    results.lock().expect("no thread panicked")[job] = value;
                }
            });
        }
    });
    let results = results.into_inner().expect("no thread panicked");
    for (measurement, values) in chosen.iter().zip(results.chunks(SEEDS.len())) {
        print_line(&measurement.name, values);
    }
    let parameters = plan(MLP).len as u64;
    for (name, encoding) in [
        ("f32", UpdateEncoding::F32),
        ("f16", UpdateEncoding::F16),
        ("int8", UpdateEncoding::Int8),
    ] {
        let name = format!("digits/upload/{name}/bytes");
        if wanted.is_empty() || wanted.iter().any(|text| name.contains(text.as_str())) {
            let bytes = encoded_len(encoding, parameters);
            println!(r#"{{"bench": "{name}", "value": {bytes}, "unit": "bytes an update"}}"#);
        }
    }
}

fn print_line(name: &str, values: &[f64]) {
    #[allow(clippy::cast_precision_loss)]
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let each: Vec<String> = values.iter().map(|value| format!("{value:.2}")).collect();
    println!(
        r#"{{"bench": "{name}", "value": {mean:.2}, "unit": "%", "seeds": [{}]}}"#,
        each.join(", ")
    );
}
