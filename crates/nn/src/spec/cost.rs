//! What a sample costs in a canister: instructions by estimate, and the numbers that are in memory at once.
//!
//! Every layer counts, those that multiply nothing too. The figures are upper bounds of what `benches/nn_kernels` measures
//! (`tests/tests/nn_cost.rs` compares them): Burn's kernels and the packed dense layer as this workspace compiles them.

use super::Layer;

/// A multiply-add of a dense layer in packed panels: 2.1 measured, 4 where panels are padded.
const DENSE: u64 = 5;
/// A multiply-add of a convolution in full tiles: 14 to 20 measured.
const CONVOLUTION: u64 = 24;
/// Rows and columns of a matrix product's tile, by which small products are padded.
const TILE: u64 = 8;
/// A value of a convolution's window laid out for the product, a group of a convolution, a weight that is laid out for each batch.
const UNFOLDED: u64 = 100;
const GROUP: u64 = 60_000;
const WEIGHT: u64 = 150;
/// A value that is read, changed and written.
const ELEMENT: u64 = 20;
/// A window of a pool, and a tap of it.
const WINDOW: u64 = 1_000;
const TAP: u64 = 140;
/// A value that is normalised.
const NORMALISED: u64 = 80;
/// A value of an exponential, a tangent or an error function: 130 to 240 measured.
const TRANSCENDENTAL: u64 = 400;
/// A layer by itself, however small: tensors are made, shapes looked at, results dropped.
const LAYER: u64 = 25_000;

/// What one layer costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Instructions of a batch, however small.
    pub fixed: u64,
    /// Instructions of each sample.
    pub sample: u64,
    /// Numbers of a sample that are in memory at once.
    pub numbers: u64,
}

impl Cost {
    /// Of this layer, whose input and output have these shapes; `multiply_adds` as the plan counts them for it.
    pub fn of(layer: &Layer, input: &[usize], output: &[usize], multiply_adds: u64) -> Self {
        let count = |shape: &[usize]| {
            shape
                .iter()
                .fold(1_u64, |product, &size| product.saturating_mul(size as u64))
        };
        let (inputs, outputs) = (count(input), count(output));
        let moved = inputs.saturating_add(outputs).saturating_mul(ELEMENT);
        let (fixed, work) = match layer {
            Layer::Linear { .. } => (0, multiply_adds.saturating_mul(DENSE)),
            Layer::Conv2d { .. } => convolution(layer, output, multiply_adds),
            Layer::MaxPool2d { .. } | Layer::AvgPool2d { .. } => {
                let windows = outputs.saturating_mul(WINDOW);
                (0, windows.saturating_add(multiply_adds.saturating_mul(TAP)))
            }
            Layer::BatchNorm { .. } | Layer::LayerNorm { .. } => (0, inputs.saturating_mul(NORMALISED)),
            Layer::Gelu | Layer::Tanh | Layer::Sigmoid | Layer::Softmax => (0, inputs.saturating_mul(TRANSCENDENTAL)),
            Layer::Embedding { .. } | Layer::Relu | Layer::Dropout { .. } | Layer::Flatten | Layer::Residual { .. } => {
                (0, 0)
            }
        };
        // Layers that make a copy of what they take hold it beside what they give.
        let numbers = inputs.saturating_mul(2).saturating_add(outputs.saturating_mul(2));
        Self {
            fixed: fixed.saturating_add(LAYER),
            sample: moved.saturating_add(work),
            numbers,
        }
    }

    /// Both, one after the other.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        Self {
            fixed: self.fixed.saturating_add(next.fixed),
            sample: self.sample.saturating_add(next.sample),
            numbers: self.numbers.max(next.numbers),
        }
    }

    /// Instructions of so many samples at once.
    pub fn of_batch(&self, samples: u64) -> u64 {
        self.sample.saturating_mul(samples).saturating_add(self.fixed)
    }
}

/// What a convolution costs for each batch and for each sample: one matrix product for each group, of the filters of the group by the places of
/// the output, over the taps.
fn convolution(layer: &Layer, output: &[usize], multiply_adds: u64) -> (u64, u64) {
    let Layer::Conv2d {
        in_channels,
        out_channels,
        kernel,
        groups,
        ..
    } = layer
    else {
        return (0, 0);
    };
    let (inputs, filters, groups) = (u64::from(*in_channels), u64::from(*out_channels), u64::from(*groups));
    let taps = u64::from(kernel.height).saturating_mul(u64::from(kernel.width));
    let places = output
        .iter()
        .skip(1)
        .fold(1_u64, |product, &size| product.saturating_mul(size as u64))
        .max(1);
    let weights = filters.saturating_mul(inputs / groups.max(1)).saturating_mul(taps);
    let padding = |rows: u64| rows.next_multiple_of(TILE).div_ceil(rows.max(1));
    // Where every group has one channel there is no product, and no tile to fill.
    let padded = if inputs == groups {
        2
    } else {
        padding(filters / groups.max(1)).saturating_mul(padding(places))
    };
    let unfolded = inputs
        .saturating_mul(taps)
        .saturating_mul(places)
        .saturating_mul(UNFOLDED);
    let products = multiply_adds.saturating_mul(padded).saturating_mul(CONVOLUTION);
    let sample = products
        .saturating_add(unfolded)
        .saturating_add(groups.saturating_mul(GROUP));
    (weights.saturating_mul(WEIGHT), sample)
}

#[cfg(test)]
mod tests {
    use super::super::{Limits, ModelSpec, Plan};

    fn cost(layers: &str) -> super::Cost {
        let spec = format!(r#"{{"input_shape":[4,8,8],"layers":[{layers}],"output":{{"Embedding":256}}}}"#);
        let spec: ModelSpec = serde_json::from_str(&spec).unwrap();
        Plan::new(&spec, &Limits::default()).unwrap().cost
    }

    #[test]
    fn should_count_layers_that_multiply_nothing() {
        let flat = r#"{"name":"flat","layer":"Flatten"}"#;
        let relu = |number: u32| format!(r#"{{"name":"r{number}","layer":"Relu"}}"#);
        let norm = r#"{"name":"n","layer":{"BatchNorm":{"features":4,"epsilon":1e-5}}}"#;
        let one = cost(&format!("{},{flat}", relu(1)));
        let two = cost(&format!("{},{},{flat}", relu(1), relu(2)));
        assert!(two.sample > one.sample && two.fixed > one.fixed);
        assert_eq!(two.numbers, one.numbers, "one after the other");
        assert_eq!(one.numbers, 4 * 256, "input and output, and a copy of each");
        let normed = cost(&format!("{norm},{flat}"));
        assert!(normed.sample > one.sample);
        let residual = format!(
            r#"{{"name":"b","layer":{{"Residual":{{"layers":[{}],"shortcut":[]}}}}}},{flat}"#,
            relu(1)
        );
        assert!(cost(&residual).sample > one.sample && cost(&residual).numbers > one.numbers);
        assert_eq!(one.of_batch(3), 3 * one.sample + one.fixed);
    }
}
