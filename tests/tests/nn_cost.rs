//! What crates/nn costs in a canister, in instructions: a number that does not depend on the machine.
//! `scripts/bench federated` builds `benches/nn_kernels` and runs this; each line that it prints is one JSON object.
#![allow(clippy::unwrap_used, reason = "test code")]

use candid::Principal;
use candid::utils::ArgumentEncoder;
use ddsx_nn::spec::{Layer, Limits, ModelSpec, NamedLayer, OutputKind, Pair, Plan};
use ddsx_tests::World;

struct Bench {
    world: World,
    canister: Principal,
}

impl Bench {
    fn new() -> Self {
        let world = World::new();
        let canister = world.install("nn_kernels", ());
        Self { world, canister }
    }

    /// Asks one method, prints its figure, and checks it against what docs/federated-performance.md promises.
    fn check(&self, name: &str, method: &str, args: impl ArgumentEncoder, at_most: f64) -> u64 {
        let reply = self
            .world
            .pic
            .query_call(
                self.canister,
                Principal::anonymous(),
                method,
                candid::encode_args(args).unwrap(),
            )
            .unwrap_or_else(|reject| panic!("{method}: {reject}"));
        let ((thousandths, checksum),): ((u64, u64),) = candid::decode_args(&reply).unwrap();
        #[allow(clippy::cast_precision_loss)]
        let value = thousandths as f64 / 1000.0;
        println!(r#"{{"bench": "{name}", "value": {value}, "unit": "instructions"}}"#);
        assert!(
            value <= at_most,
            "{name}: {value} instructions, at most {at_most} are promised"
        );
        checksum
    }
}

#[test]
#[ignore = "a measurement: scripts/bench federated, which builds what it needs"]
fn should_cost_no_more_than_promised() {
    let bench = Bench::new();
    // A clock that stands still: natively only the bits matter, and they must be the canister's.
    let still = || 0;
    let canister = bench.check("fedavg/instr_per_param", "fed_avg", (), 3.0);
    assert_eq!(canister, nn_kernels::fed_avg(still).1);
    for (updates, at_most) in [(5_u32, 40.0), (10, 80.0), (16, 150.0), (20, 1500.0)] {
        let canister = bench.check(
            &format!("fedmedian{updates}/instr_per_param"),
            "fed_median",
            (updates,),
            at_most,
        );
        assert_eq!(canister, nn_kernels::fed_median(still, updates).1);
    }
    let canister = bench.check("trimmed_mean10/instr_per_param", "trimmed_mean", (10_u32,), 1500.0);
    assert_eq!(canister, nn_kernels::trimmed_mean(still, 10).1);
    let canister = bench.check("krum/distance/instr_per_param", "distance", (), 5.0);
    assert_eq!(canister, nn_kernels::distance(still).1);
    for (rows, inputs, outputs) in [(1_u32, 784_u32, 128_u32), (128, 784, 128), (1, 1024, 1024)] {
        let name = format!("dense/kernel/{inputs}-{outputs}/batch-{rows}/instr_per_mac");
        let canister = bench.check(&name, "dense", (rows, inputs, outputs), 2.8);
        assert_eq!(canister, nn_kernels::dense(still, rows, inputs, outputs).1);
    }
    for (name, rows, widths) in [
        ("784-128-10", 1_u32, vec![784_u32, 128, 10]),
        ("784-128-10/batch-128", 128, vec![784, 128, 10]),
        ("1024-1024-1024", 1, vec![1024, 1024, 1024]),
    ] {
        bench.check(
            &format!("dense/{name}/instr_per_mac"),
            "mlp",
            (rows, &widths, true),
            2.8,
        );
        bench.check(
            &format!("dense/{name}/instr_per_mac/burn"),
            "mlp",
            (rows, &widths, false),
            12.0,
        );
    }
}

fn named(name: &str, layer: Layer) -> NamedLayer {
    NamedLayer {
        name: name.into(),
        layer,
    }
}

fn square(side: u32) -> Pair {
    Pair {
        height: side,
        width: side,
    }
}

fn conv(name: &str, channels: (u32, u32), kernel: u32, groups: u32) -> NamedLayer {
    named(
        name,
        Layer::Conv2d {
            in_channels: channels.0,
            out_channels: channels.1,
            kernel: square(kernel),
            stride: square(1),
            padding: square(kernel / 2),
            dilation: square(1),
            groups,
            bias: true,
        },
    )
}

/// The layers behind `input`, then all axes one.
fn flat(input: &[u32], layers: Vec<NamedLayer>, width: u32) -> ModelSpec {
    let mut layers = layers;
    layers.push(named("flat", Layer::Flatten));
    ModelSpec {
        input_shape: input.to_vec(),
        layers,
        output: OutputKind::Embedding(width),
    }
}

/// One model for each kind of layer, small and large, so that none hides behind another.
fn models() -> Vec<(&'static str, ModelSpec)> {
    let pool = |side: u32, maximum: bool| {
        let (kernel, stride, padding) = (square(side), square(1), square(0));
        if maximum {
            Layer::MaxPool2d {
                kernel,
                stride,
                padding,
            }
        } else {
            Layer::AvgPool2d {
                kernel,
                stride,
                padding,
            }
        }
    };
    let linear = |inputs, outputs| Layer::Linear {
        inputs,
        outputs,
        bias: true,
    };
    let residual = Layer::Residual {
        layers: vec![named("act", Layer::Relu)],
        shortcut: vec![],
    };
    let mut models = vec![
        ("linear", flat(&[256], vec![named("fc", linear(256, 100))], 100)),
        ("linear_narrow", flat(&[10], vec![named("fc", linear(10, 1))], 1)),
        (
            "linear_of_rows",
            flat(&[64, 64], vec![named("fc", linear(64, 32))], 2_048),
        ),
        ("conv_1x1", flat(&[16, 16, 16], vec![conv("c", (16, 32), 1, 1)], 8_192)),
        ("conv_3x3", flat(&[1, 28, 28], vec![conv("c", (1, 8), 3, 1)], 6_272)),
        (
            "conv_3x3_wide",
            flat(&[32, 16, 16], vec![conv("c", (32, 32), 3, 1)], 8_192),
        ),
        ("conv_5x5", flat(&[6, 14, 14], vec![conv("c", (6, 16), 5, 1)], 3_136)),
        (
            "conv_depthwise",
            flat(&[32, 16, 16], vec![conv("c", (32, 32), 3, 32)], 8_192),
        ),
        (
            "conv_grouped",
            flat(&[16, 12, 12], vec![conv("c", (16, 16), 3, 4)], 2_304),
        ),
        (
            "conv_many_groups",
            flat(&[64, 8, 8], vec![conv("c", (64, 64), 3, 32)], 4_096),
        ),
        (
            "conv_one_filter",
            flat(&[32, 12, 12], vec![conv("c", (32, 1), 3, 1)], 144),
        ),
        ("conv_one_place", flat(&[64, 1, 1], vec![conv("c", (64, 64), 3, 1)], 64)),
        (
            "conv_large_window",
            flat(&[3, 32, 32], vec![conv("c", (3, 8), 11, 1)], 8_192),
        ),
        (
            "max_pool_large",
            flat(&[2, 28, 28], vec![named("p", pool(9, true))], 800),
        ),
        (
            "max_pool_one_tap",
            flat(&[2, 28, 28], vec![named("p", pool(1, true))], 1_568),
        ),
        ("conv_tiny", flat(&[8, 4, 4], vec![conv("c", (8, 8), 3, 1)], 128)),
        ("max_pool", flat(&[8, 28, 28], vec![named("p", pool(2, true))], 5_832)),
        ("avg_pool", flat(&[8, 28, 28], vec![named("p", pool(3, false))], 5_408)),
        ("residual", flat(&[4_096], vec![named("r", residual)], 4_096)),
        (
            "batch_norm",
            flat(
                &[16, 16, 16],
                vec![named(
                    "n",
                    Layer::BatchNorm {
                        features: 16,
                        epsilon: 1e-5,
                    },
                )],
                4_096,
            ),
        ),
        (
            "layer_norm",
            flat(
                &[64, 64],
                vec![named(
                    "n",
                    Layer::LayerNorm {
                        features: 64,
                        epsilon: 1e-5,
                    },
                )],
                4_096,
            ),
        ),
        (
            "embedding",
            flat(
                &[64],
                vec![named(
                    "e",
                    Layer::Embedding {
                        count: 1_000,
                        dimension: 64,
                    },
                )],
                4_096,
            ),
        ),
    ];
    for (name, layer) in [
        ("relu", Layer::Relu),
        ("gelu", Layer::Gelu),
        ("tanh", Layer::Tanh),
        ("sigmoid", Layer::Sigmoid),
        ("softmax", Layer::Softmax),
    ] {
        models.push((name, flat(&[4_096], vec![named("f", layer)], 4_096)));
    }
    models
}

#[test]
#[ignore = "a measurement: scripts/bench federated, which builds what it needs"]
fn should_cost_no_more_than_a_task_pays_for() {
    let bench = Bench::new();
    let mut beyond = Vec::new();
    for (name, spec) in models() {
        let plan = Plan::new(&spec, &Limits::default()).unwrap();
        for rows in [1_u32, 16] {
            let reply = bench
                .world
                .pic
                .query_call(
                    bench.canister,
                    Principal::anonymous(),
                    "predict",
                    candid::encode_args((&spec, rows)).unwrap(),
                )
                .unwrap_or_else(|reject| panic!("{name}: {reject}"));
            let ((found, _),): ((u64, u64),) = candid::decode_args(&reply).unwrap();
            let estimate = plan.cost.of_batch(rows.into());
            println!(
                r#"{{"bench": "estimate/{name}/batch-{rows}", "value": {found}, "unit": "instructions", "estimate": {estimate}}}"#
            );
            if found > estimate {
                beyond.push((name, rows, found, estimate));
            }
        }
    }
    assert!(beyond.is_empty(), "{beyond:?}");
}
