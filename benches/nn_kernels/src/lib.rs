//! The work that `crates/nn` is measured by, on numbers that are the same on every machine.
//!
//! Each function answers what `clock` says that one unit took, in thousandths, and a checksum over the bits of the result. The canister passes its
//! instruction counter; a test that only wants the checksum of a native run passes a clock that stands still.

use burn::tensor::Device;
use ddsx_nn::build::Network;
use ddsx_nn::kernels::{accumulate, dense as kernel, median, reduce};
use ddsx_nn::spec::{Layer, Limits, ModelSpec, NamedLayer, OutputKind, Plan};
use ddsx_nn::{strategies, weights};

/// Parameters of an update that is combined: 400 kB.
const PARAMETERS: usize = 100_000;

/// Figure and checksum.
pub type Measured = (u64, u64);

fn count(clock: impl Fn() -> u64, units: usize, work: impl FnOnce()) -> u64 {
    let before = clock();
    work();
    (clock() - before) * 1000 / units as u64
}

/// Numbers between -1 and 1.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            #[allow(clippy::cast_precision_loss)]
            let value = (state >> 8) as f32 / 8_388_608.0 - 1.0;
            value
        })
        .collect()
}

/// FNV-1a over the bits.
fn checksum(values: &[f32]) -> u64 {
    values.iter().fold(0xcbf2_9ce4_8422_2325, |hash, value| {
        (hash ^ u64::from(value.to_bits())).wrapping_mul(0x0100_0000_01b3)
    })
}

/// `sum += scale · update`, a parameter.
pub fn fed_avg(clock: impl Fn() -> u64) -> Measured {
    let update = numbers(PARAMETERS, 1);
    let mut sum = numbers(PARAMETERS, 2);
    let each = count(clock, PARAMETERS, || accumulate::accumulate(&mut sum, 0.3, &update));
    (each, checksum(&sum))
}

/// The median of so many updates, a parameter.
pub fn fed_median(clock: impl Fn() -> u64, updates: u32) -> Measured {
    let updates: Vec<Vec<f32>> = (0..updates).map(|seed| numbers(PARAMETERS, seed + 1)).collect();
    let slices: Vec<&[f32]> = updates.iter().map(Vec::as_slice).collect();
    let mut out = vec![0.0; PARAMETERS];
    let each = count(clock, PARAMETERS, || median::median(&slices, &mut out));
    (each, checksum(&out))
}

/// The trimmed mean of so many updates, a parameter.
pub fn trimmed_mean(clock: impl Fn() -> u64, updates: u32) -> Measured {
    let updates: Vec<Vec<f32>> = (0..updates).map(|seed| numbers(PARAMETERS, seed + 1)).collect();
    let slices: Vec<&[f32]> = updates.iter().map(Vec::as_slice).collect();
    let mut out = vec![0.0; PARAMETERS];
    let cut = strategies::trimmed_mean::cut(0.2, slices.len());
    let each = count(clock, PARAMETERS, || {
        strategies::trimmed_mean::combine(cut, &slices, &mut out);
    });
    (each, checksum(&out))
}

/// One pair's squared distance, a parameter.
pub fn distance(clock: impl Fn() -> u64) -> Measured {
    let (a, b) = (numbers(PARAMETERS, 1), numbers(PARAMETERS, 2));
    let mut sum = 0.0;
    let each = count(clock, PARAMETERS, || sum = reduce::squared_distance(0.0, &a, &b));
    (each, sum.to_bits())
}

/// The kernel of one dense layer, a multiply-add.
pub fn dense(clock: impl Fn() -> u64, rows: u32, inputs: u32, outputs: u32) -> Measured {
    let (rows, inputs, outputs) = (rows as usize, inputs as usize, outputs as usize);
    let packed = kernel::pack(&numbers(inputs * outputs, 1), inputs, outputs);
    let (bias, x) = (numbers(outputs, 2), numbers(rows * inputs, 3));
    let mut out = vec![0.0; rows * outputs];
    let each = count(clock, rows * inputs * outputs, || {
        kernel::dense(&x, &packed, &bias, &mut out, inputs);
    });
    (each, checksum(&out))
}

/// A whole prediction through Burn, softmax and all, a multiply-add: an MLP of these widths, packed or as Burn has it.
///
/// # Panics
/// If the widths make no model, or one beyond the limits.
pub fn mlp(clock: impl Fn() -> u64, rows: u32, widths: &[u32], packed: bool) -> Measured {
    let layer = |name: String, layer| NamedLayer { name, layer };
    let mut layers = Vec::new();
    for (number, pair) in widths.windows(2).enumerate() {
        if number > 0 {
            layers.push(layer(format!("relu{number}"), Layer::Relu));
        }
        let linear = Layer::Linear {
            inputs: pair[0],
            outputs: pair[1],
            bias: true,
        };
        layers.push(layer(format!("fc{number}"), linear));
    }
    layers.push(layer("softmax".into(), Layer::Softmax));
    let spec = ModelSpec {
        input_shape: vec![widths[0]],
        layers,
        output: OutputKind::Classes(widths[widths.len() - 1]),
    };
    let plan = Plan::new(&spec, &Limits::default()).expect("a model within the limits");
    let device = Device::flex();
    let network = Network::new(&plan, &weights::init(&plan, [7; 32]), &device).expect("weights of this model");
    let network = if packed { network.pack() } else { network };
    let inputs = numbers(rows as usize * plan.input_len(), 3);
    let work: u32 = widths.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let mut outputs = Vec::new();
    let each = count(clock, rows as usize * work as usize, || {
        outputs = network.predict(&plan, &inputs, &device).expect("inputs of this model");
    });
    (each, checksum(&outputs))
}

/// Instructions of a prediction of so many rows with this model, all of it, as a task's evaluation does it: what [`Plan::cost`] estimates.
///
/// # Panics
/// If the model is none, or beyond the limits.
pub fn predict(clock: impl Fn() -> u64, spec: &ModelSpec, rows: u32) -> Measured {
    let plan = Plan::new(spec, &Limits::default()).expect("a model within the limits");
    let device = Device::flex();
    let network = Network::new(&plan, &weights::init(&plan, [7; 32]), &device).expect("weights of this model");
    let network = network.pack();
    let mut inputs = numbers(rows as usize * plan.input_len(), 3);
    if plan.vocabulary().is_some() {
        inputs.fill(1.0);
    }
    let before = clock();
    let outputs = network.predict(&plan, &inputs, &device).expect("inputs of this model");
    (clock() - before, checksum(&outputs))
}
