//! First weights, drawn as PyTorch's modules draw theirs, from a seed.

use rand::rngs::ChaCha8Rng;
use rand::{Rng as _, SeedableRng as _};

use crate::spec::{Layer, Plan, Step, StepKind};

/// Draws the weights of a new model: linear and convolution uniform within `±1/√fan_in`, embeddings standard normal, norms the
/// identity. The same plan and seed give the same weights everywhere.
pub fn init(plan: &Plan, seed: [u8; 32]) -> Vec<f32> {
    let mut weights = vec![0.0; plan.len];
    let mut generator = ChaCha8Rng::from_seed(seed);
    fill(plan, &plan.steps, &mut weights, &mut generator);
    weights
}

fn fill(plan: &Plan, steps: &[Step], weights: &mut [f32], generator: &mut ChaCha8Rng) {
    for step in steps {
        let layer = match &step.kind {
            StepKind::Residual { layers, shortcut } => {
                fill(plan, layers, weights, generator);
                fill(plan, shortcut, weights, generator);
                continue;
            }
            StepKind::Plain(layer) => layer,
        };
        let range = |at: usize| plan.parameters[step.first_parameter + at].range();
        match layer {
            Layer::Linear { bias, .. } | Layer::Conv2d { bias, .. } => {
                let fan_in: usize = plan.parameters[step.first_parameter].shape[1..].iter().product();
                #[allow(clippy::cast_precision_loss)]
                let bound = 1.0 / (fan_in as f32).sqrt();
                for at in 0..=usize::from(*bias) {
                    for weight in &mut weights[range(at)] {
                        *weight = bound * (2.0 * uniform(generator) - 1.0);
                    }
                }
            }
            Layer::Embedding { .. } => weights[range(0)]
                .iter_mut()
                .for_each(|weight| *weight = normal(generator)),
            Layer::BatchNorm { .. } => {
                weights[range(0)].fill(1.0);
                weights[range(3)].fill(1.0);
            }
            Layer::LayerNorm { .. } => weights[range(0)].fill(1.0),
            _ => {}
        }
    }
}

/// In [0, 1), of 24 bits.
fn uniform(generator: &mut ChaCha8Rng) -> f32 {
    #[allow(clippy::cast_precision_loss)]
    let bits = (generator.next_u32() >> 8) as f32;
    bits / 16_777_216.0
}

/// Box and Muller, with the library's own logarithm and cosine: a platform's may differ in the last bit.
fn normal(generator: &mut ChaCha8Rng) -> f32 {
    let radius = f64::from(1.0 - uniform(generator));
    let angle = std::f64::consts::TAU * f64::from(uniform(generator));
    #[allow(clippy::cast_possible_truncation)]
    let value = (libm::sqrt(-2.0 * libm::log(radius)) * libm::cos(angle)) as f32;
    value
}
