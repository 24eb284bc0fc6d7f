//! What training makes small: cross-entropy for classes, mean squared error for values, as PyTorch defines them.

use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use serde::{Deserialize, Serialize};

use super::data::Labels;
use crate::spec::Plan;

/// What a sample counts in the loss of a model of classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClassWeight {
    /// Every sample the same.
    #[default]
    None,
    /// Every class the same: a sample of a class of which the client has `n` among its `N` counts `N / (k·n)`, `k` being the classes that
    /// it has any of. King and Zeng, *Logistic Regression in Rare Events Data* (2001), section 4.2; scikit-learn's `class_weight="balanced"`.
    ///
    /// Where clients' shares are skewed, a plain step says above all which classes the client has. A balanced one says how to tell
    /// them apart, so that steps of different clients agree more.
    Balanced,
}

/// The loss of a client's training.
pub struct Loss<'a> {
    plan: &'a Plan,
    /// By class; empty where every sample counts the same.
    weights: Vec<f32>,
}

impl<'a> Loss<'a> {
    /// For training on `labels`, which fit the model.
    pub fn new(plan: &'a Plan, labels: &Labels, class_weight: ClassWeight) -> Self {
        let weights = match (class_weight, labels) {
            (ClassWeight::Balanced, Labels::Classes(classes)) => balanced(classes),
            _ => Vec::new(),
        };
        Self { plan, weights }
    }

    /// Mean over the samples of a batch, each as often as it counts: PyTorch's `CrossEntropyLoss(weight=…)`. So a batch without any sample
    /// that counts much moves the model as far as one with some.
    pub fn of(&self, outputs: Tensor<2>, labels: Labels, device: &Device) -> Tensor<1> {
        let [rows, width] = outputs.dims();
        match labels {
            Labels::Classes(classes) => {
                let logarithms = if self.plan.ends_in_softmax {
                    outputs.clamp_min(1e-30).log()
                } else {
                    activation::log_softmax(outputs, 1)
                };
                let weights = self.of_samples(&classes);
                let classes: Vec<i32> = classes
                    .iter()
                    .map(|class| i32::try_from(*class).unwrap_or(i32::MAX))
                    .collect();
                let classes = Tensor::<2, Int>::from_data(TensorData::new(classes, [rows, 1]), device);
                let logarithms = logarithms.gather(1, classes);
                match weights {
                    Some(weights) => {
                        let sum: f32 = weights.iter().sum();
                        let weights = Tensor::from_data(TensorData::new(weights, [rows, 1]), device);
                        (logarithms * weights).sum().div_scalar(-sum)
                    }
                    None => logarithms.mean().neg(),
                }
            }
            Labels::Values(values) => {
                let targets = Tensor::<2>::from_data(TensorData::new(values, [rows, width]), device);
                let difference = outputs - targets;
                (difference.clone() * difference).mean()
            }
        }
    }

    fn of_samples(&self, classes: &[u32]) -> Option<Vec<f32>> {
        (!self.weights.is_empty()).then(|| classes.iter().map(|class| self.weights[*class as usize]).collect())
    }
}

/// A weight for each class up to the last that occurs, 1 on average over the samples.
fn balanced(classes: &[u32]) -> Vec<f32> {
    let mut counts: Vec<u32> = Vec::new();
    for class in classes {
        let class = *class as usize;
        if counts.len() <= class {
            counts.resize(class + 1, 0);
        }
        counts[class] += 1;
    }
    let present = counts.iter().filter(|count| **count > 0).count();
    #[allow(clippy::cast_precision_loss)]
    let (samples, present) = (classes.len() as f32, present as f32);
    #[allow(clippy::cast_precision_loss)]
    let weight = |count: u32| {
        if count > 0 {
            samples / (present * count as f32)
        } else {
            0.0
        }
    };
    counts.into_iter().map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Limits;

    #[test]
    fn should_let_every_class_weigh_the_same() {
        let classes = [4, 1, 1, 1, 4, 1];
        let weights = balanced(&classes);
        assert_eq!(weights, [0.0, 0.75, 0.0, 0.0, 1.5]);
        let sum: f32 = classes.iter().map(|class| weights[*class as usize]).sum();
        assert!((sum - 6.0).abs() < 1e-6);
        assert_eq!(balanced(&[2, 2]), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn should_divide_by_what_the_samples_of_a_batch_count() {
        let spec = r#"{"input_shape":[2],"layers":[{"name":"out","layer":"Softmax"}],"output":{"Classes":2}}"#;
        let plan = Plan::new(&serde_json::from_str(spec).unwrap(), &Limits::default()).unwrap();
        let device = Device::flex();
        let all = Labels::Classes(vec![0, 0, 0, 1]);
        let loss = |class_weight, labels: Vec<u32>, outputs: &[[f32; 2]]| {
            let outputs = Tensor::from_data(TensorData::new(outputs.concat(), [outputs.len(), 2]), &device);
            Loss::new(&plan, &all, class_weight)
                .of(outputs, Labels::Classes(labels), &device)
                .into_scalar::<f32>()
        };
        let near = |found: f32, expected: f32| assert!((found - expected).abs() < 1e-6, "{found}, not {expected}");
        let (half, fifth) = (-0.5_f32.ln(), -0.2_f32.ln());
        let outputs = [[0.5, 0.5], [0.8, 0.2]];
        near(
            loss(ClassWeight::None, vec![0, 1], &outputs),
            f32::midpoint(half, fifth),
        );
        // 2/3 and 2: one to three.
        near(
            loss(ClassWeight::Balanced, vec![0, 1], &outputs),
            (half + 3.0 * fifth) / 4.0,
        );
        near(loss(ClassWeight::Balanced, vec![0], &outputs[..1]), half);
        near(loss(ClassWeight::Balanced, vec![1], &outputs[1..]), fifth);
    }
}
