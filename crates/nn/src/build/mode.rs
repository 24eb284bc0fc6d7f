//! Whether a network predicts or trains.

use std::collections::HashMap;

use burn::module::{ModuleMapper, Param, ParamId};
use burn::tensor::{Tensor, TensorData};

/// What `forward` is called for.
pub enum Mode<'a> {
    /// Prediction: dropout does nothing, and batch norms use their running statistics.
    Predict,
    /// Training: dropout drops, and batch norms use the batch.
    Train {
        /// Asked by dropout for numbers in [0, 1), so many as it has values.
        draw: &'a mut dyn FnMut(usize) -> Vec<f32>,
        /// Told by batch norms what their running statistics are after the batch.
        statistics: &'a mut Statistics,
    },
}

impl Mode<'_> {
    /// Zeroes each value with `probability` and scales the others by `1 / (1 - probability)`; nothing when predicting.
    pub(super) fn dropout(&mut self, x: Tensor<2>, probability: f32) -> Tensor<2> {
        let Self::Train { draw, .. } = self else {
            return x;
        };
        let [rows, columns] = x.dims();
        let kept = 1.0 / (1.0 - probability);
        let mask: Vec<f32> = draw(rows * columns)
            .into_iter()
            .map(|uniform| if uniform < probability { 0.0 } else { kept })
            .collect();
        let mask = Tensor::<2>::from_data(TensorData::new(mask, [rows, columns]), &x.device());
        x * mask
    }
}

/// What a batch adds to running statistics: PyTorch's `momentum` of its batch norms.
const MOMENTUM: f32 = 0.1;

/// The running statistics that batch norms have after a batch, by parameter.
#[derive(Default)]
pub struct Statistics(HashMap<ParamId, Tensor<1>>);

impl Statistics {
    /// `running ← 0.9·running + 0.1·batch`.
    pub(super) fn note(&mut self, running: &Param<Tensor<1>>, batch: Tensor<1>) {
        let moved = running.val().mul_scalar(1.0 - MOMENTUM) + batch.mul_scalar(MOMENTUM);
        self.0.insert(running.id, moved.detach());
    }

    /// Whether the model has no batch norm.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl ModuleMapper for Statistics {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(moved) = self.0.remove(&param.id) else {
            return param;
        };
        let (id, tensor, mapper) = param.consume();
        Param::from_mapped_value(id, moved.reshape(tensor.shape()), mapper)
    }
}
