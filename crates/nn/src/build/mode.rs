//! Whether a network predicts or trains.

use burn::tensor::{Tensor, TensorData};

/// What `forward` is called for.
pub enum Mode<'a> {
    /// Prediction: dropout does nothing.
    Predict,
    /// Training: dropout asks this for numbers in [0, 1), so many as it has values.
    Train(&'a mut dyn FnMut(usize) -> Vec<f32>),
}

impl Mode<'_> {
    /// Zeroes each value with `probability` and scales the others by `1 / (1 - probability)`; nothing when predicting.
    pub(super) fn dropout(&mut self, x: Tensor<2>, probability: f32) -> Tensor<2> {
        let Self::Train(draw) = self else {
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
