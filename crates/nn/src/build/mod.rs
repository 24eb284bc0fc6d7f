//! From a [`Plan`] and its weights to a Burn module.
//!
//! One [`Network`] serves both sides: on an autodiff device it is trained, on a plain one it predicts. [`Network::pack`] lays
//! the weights of its linear layers out once for the kernel of [`crate::kernels::dense`], which then stands behind the same
//! `forward`. Everything is deterministic: no layer draws random numbers but dropout, and dropout takes them from its caller.

mod layer;
mod linear;
mod mode;

use burn::module::{Module, Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};

use crate::kernels::finite::first_not_finite;
use crate::spec::{Parameter, Plan, Step, StepKind};
use crate::weights::{self, WeightsError};

pub use layer::Node;
pub use mode::{Mode, Statistics};

/// A model ready to run.
#[derive(Module, Debug)]
pub struct Network {
    nodes: Vec<Node>,
    inputs: usize,
}

/// Why a prediction was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// Not a whole number of samples.
    #[error("{found} numbers are no batch of samples of {expected}")]
    Length {
        /// Found.
        found: usize,
        /// Numbers in one sample.
        expected: usize,
    },
    /// Infinity or not a number.
    #[error("input {0} is not finite")]
    NotFinite(usize),
    /// Not an entry of the embedding.
    #[error("input {index} is no whole number below {limit}")]
    NotAnEntry {
        /// Where.
        index: usize,
        /// Entries of the embedding.
        limit: u32,
    },
}

impl Network {
    /// Builds the module on `device`, parameters from the flat vector.
    ///
    /// # Errors
    /// If the vector is not the plan's: see [`weights::check`].
    pub fn new(plan: &Plan, flat: &[f32], device: &Device) -> Result<Self, WeightsError> {
        weights::check(plan, flat)?;
        let source = Source { plan, flat, device };
        Ok(Self {
            nodes: source.nodes(&plan.steps),
            inputs: plan.input_len(),
        })
    }

    /// Lays weights out for prediction. Afterwards the network can no longer be trained, and its parameters no longer follow changes.
    #[must_use]
    pub fn pack(mut self) -> Self {
        for node in &mut self.nodes {
            node.pack();
        }
        self
    }

    /// `[batch, inputs]` to `[batch, outputs]`; each row is one sample, its axes flattened.
    pub fn forward(&self, inputs: Tensor<2>, mode: &mut Mode<'_>) -> Tensor<2> {
        self.nodes.iter().fold(inputs, |x, node| node.forward(x, mode))
    }

    /// The same network with these running statistics in its batch norms.
    #[must_use]
    pub fn with_statistics(self, mut statistics: Statistics) -> Self {
        if statistics.is_empty() {
            return self;
        }
        self.map(&mut statistics)
    }

    /// Predicts a batch that lies sample after sample in `inputs`; answers the outputs the same way.
    ///
    /// # Errors
    /// If `inputs` does not fit `plan`, the plan that the network was built from.
    pub fn predict(&self, plan: &Plan, inputs: &[f32], device: &Device) -> Result<Vec<f32>, InputError> {
        check_inputs(plan, inputs)?;
        if inputs.is_empty() {
            return Ok(Vec::new());
        }
        let rows = inputs.len() / self.inputs;
        let batch = Tensor::<2>::from_data(TensorData::new(inputs.to_vec(), [rows, self.inputs]), device);
        let outputs = self.forward(batch, &mut Mode::Predict);
        Ok(outputs.into_data().try_to_vec::<f32>().expect("outputs are f32"))
    }

    /// The parameters in the plan's order and PyTorch's layout: the inverse of [`Network::new`].
    pub fn weights(&self) -> Vec<f32> {
        let mut flat = Vec::new();
        for node in &self.nodes {
            node.write(&mut flat);
        }
        flat
    }
}

/// Checks that `inputs` are whole samples for `plan`: finite, and entries of the embedding where the model begins with one.
///
/// # Errors
/// [`InputError`]; the first thing found.
pub fn check_inputs(plan: &Plan, inputs: &[f32]) -> Result<(), InputError> {
    let expected = plan.input_len();
    if !inputs.len().is_multiple_of(expected) {
        return Err(InputError::Length {
            found: inputs.len(),
            expected,
        });
    }
    if let Some(index) = first_not_finite(inputs) {
        return Err(InputError::NotFinite(index));
    }
    if let Some(limit) = plan.vocabulary() {
        // A vocabulary is at most 2^24 entries, which f32 counts exactly.
        #[allow(clippy::cast_precision_loss)]
        let is_entry = |value: &f32| value.fract() == 0.0 && (0.0..limit as f32).contains(value);
        if let Some(index) = inputs.iter().position(|value| !is_entry(value)) {
            return Err(InputError::NotAnEntry { index, limit });
        }
    }
    Ok(())
}

/// Where parameters come from.
struct Source<'a> {
    plan: &'a Plan,
    flat: &'a [f32],
    device: &'a Device,
}

impl Source<'_> {
    fn nodes(&self, steps: &[Step]) -> Vec<Node> {
        steps.iter().map(|step| self.node(step)).collect()
    }

    fn node(&self, step: &Step) -> Node {
        match &step.kind {
            StepKind::Residual { layers, shortcut } => Node::residual(self.nodes(layers), self.nodes(shortcut)),
            StepKind::Plain(layer) => layer::plain(self, step, layer),
        }
    }

    fn parameter(&self, index: usize) -> &Parameter {
        &self.plan.parameters[index]
    }

    /// Parameter `index` as a tensor of rank `D`, in its own layout.
    fn tensor<const D: usize>(&self, index: usize) -> Tensor<D> {
        let parameter = self.parameter(index);
        let shape: [usize; D] = parameter.shape.clone().try_into().expect("rank fixed by the layer");
        let data = TensorData::new(self.flat[parameter.range()].to_vec(), shape);
        Tensor::from_data(data, self.device)
    }

    /// As a Burn parameter; its identity is its place, so that two networks of one plan agree.
    fn param<const D: usize>(&self, index: usize, tensor: Tensor<D>) -> Param<Tensor<D>> {
        Param::initialized(ParamId::from(index as u64), tensor).set_require_grad(self.parameter(index).trainable)
    }

    fn own<const D: usize>(&self, index: usize) -> Param<Tensor<D>> {
        self.param(index, self.tensor(index))
    }
}

#[cfg(test)]
mod tests;
