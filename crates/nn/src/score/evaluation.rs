//! How good a model is on a held-out set, gathered batch by batch.

use serde::{Deserialize, Serialize};

use crate::spec::{OutputKind, Plan};

/// Sums over the samples seen so far. It survives an upgrade by way of serde; the order of batches decides its last bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Samples seen.
    pub samples: u64,
    /// Sum of the losses: cross-entropy in nats for classes, mean squared error for targets.
    pub loss_sum: f64,
    /// For each class, how many samples it has and how many of those were recognised; empty for regression.
    pub classes: Vec<(u64, u64)>,
}

/// What a sample's outputs should have been.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Targets<'a> {
    /// A class for each sample.
    Classes(&'a [u32]),
    /// As many numbers as outputs for each sample.
    Values(&'a [f32]),
}

/// Why targets cannot be compared with outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// Classes for a model that has none, or values for one that has classes, or a model without targets.
    #[error("targets of another kind than the model's outputs")]
    Kind,
    /// Not a target for each sample.
    #[error("{found} targets for {expected}")]
    Length {
        /// Found.
        found: usize,
        /// Expected.
        expected: usize,
    },
    /// A class that the model does not have.
    #[error("sample {0} has a class that the model lacks")]
    UnknownClass(usize),
}

impl Evaluation {
    /// Nothing seen.
    pub fn new(output: OutputKind) -> Self {
        let classes = match output {
            OutputKind::Classes(classes) => vec![(0, 0); classes as usize],
            OutputKind::Regression(_) | OutputKind::Embedding(_) => Vec::new(),
        };
        Self {
            samples: 0,
            loss_sum: 0.0,
            classes,
        }
    }

    /// Adds a batch: `outputs` as [`crate::build::Network::predict`] gives them.
    ///
    /// # Errors
    /// If the targets do not fit; nothing is added then.
    pub fn add(&mut self, plan: &Plan, outputs: &[f32], targets: Targets<'_>) -> Result<(), EvaluationError> {
        let width = plan.output_len();
        let samples = outputs.len() / width;
        match (plan.output, targets) {
            (OutputKind::Classes(_), Targets::Classes(labels)) => {
                let expected = samples;
                if labels.len() != expected {
                    return Err(EvaluationError::Length {
                        found: labels.len(),
                        expected,
                    });
                }
                if let Some(sample) = labels.iter().position(|&label| label as usize >= width) {
                    return Err(EvaluationError::UnknownClass(sample));
                }
                for (outputs, &label) in outputs.chunks_exact(width).zip(labels) {
                    self.add_class(outputs, label as usize, plan.ends_in_softmax);
                }
            }
            (OutputKind::Regression(_), Targets::Values(values)) => {
                if values.len() != outputs.len() {
                    return Err(EvaluationError::Length {
                        found: values.len(),
                        expected: outputs.len(),
                    });
                }
                for (outputs, values) in outputs.chunks_exact(width).zip(values.chunks_exact(width)) {
                    let squares: f64 = outputs
                        .iter()
                        .zip(values)
                        .map(|(a, b)| square(f64::from(*a) - f64::from(*b)))
                        .sum();
                    self.loss_sum += squares / f64::from(plan.output.width());
                }
            }
            _ => return Err(EvaluationError::Kind),
        }
        self.samples += samples as u64;
        Ok(())
    }

    fn add_class(&mut self, outputs: &[f32], label: usize, probabilities: bool) {
        // The first of equals, as argmax gives it; an output that is not a number is never the greatest.
        let best = (0..outputs.len()).fold(0, |best, i| if outputs[i] > outputs[best] { i } else { best });
        self.classes[label].0 += 1;
        self.classes[label].1 += u64::from(best == label);
        let loss = if probabilities {
            -libm::log(f64::from(outputs[label]).max(1e-30))
        } else {
            let most = f64::from(outputs[best]);
            let sum: f64 = outputs.iter().map(|output| libm::exp(f64::from(*output) - most)).sum();
            libm::log(sum) + most - f64::from(outputs[label])
        };
        self.loss_sum += loss;
    }

    /// Part of the samples that was recognised, 0 to 1; none for regression or before the first sample.
    pub fn accuracy(&self) -> Option<f64> {
        let right: u64 = self.classes.iter().map(|(_, right)| right).sum();
        #[allow(clippy::cast_precision_loss)]
        (self.samples > 0 && !self.classes.is_empty()).then(|| right as f64 / self.samples as f64)
    }

    /// Mean loss; none before the first sample.
    pub fn loss(&self) -> Option<f64> {
        #[allow(clippy::cast_precision_loss)]
        (self.samples > 0).then(|| self.loss_sum / self.samples as f64)
    }
}

fn square(value: f64) -> f64 {
    value * value
}
