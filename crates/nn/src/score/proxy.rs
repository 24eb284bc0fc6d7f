//! A score that needs no evaluation: how far an update points where the model went. Samples do not count: they are what a client says.

use serde::{Deserialize, Serialize};

use crate::kernels::reduce::{dot, squared_norm};

/// Sums for the cosine of an update and the step, gathered over ranges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Alignment {
    product: f64,
    update: f64,
    step: f64,
}

impl Alignment {
    /// Adds one range of an update and of the accepted step.
    ///
    /// # Panics
    /// If lengths differ.
    pub fn add(&mut self, update: &[f32], step: &[f32]) {
        self.product = dot(self.product, update, step);
        self.update = squared_norm(self.update, update);
        self.step = squared_norm(self.step, step);
    }

    /// -1 to 1; zero where either has no length.
    pub fn cosine(&self) -> f64 {
        let lengths = self.update.sqrt() * self.step.sqrt();
        if lengths > 0.0 {
            (self.product / lengths).clamp(-1.0, 1.0)
        } else {
            0.0
        }
    }
}
