//! Stochastic gradient descent over a Burn module.

use std::collections::HashMap;

use burn::module::{Module as _, ModuleMapper, Param, ParamId};
use burn::tensor::{Gradients, Tensor};

use crate::build::Network;

/// The optimiser: PyTorch's SGD without dampening, plus FedProx's term.
pub struct Sgd {
    learning_rate: f32,
    momentum: f32,
    proximal_mu: f32,
    /// What is remembered of each parameter, flat: its velocity, and where it started if that matters.
    memory: HashMap<ParamId, Memory>,
}

struct Memory {
    velocity: Tensor<1>,
    start: Option<Tensor<1>>,
}

impl Sgd {
    pub fn new(learning_rate: f32, momentum: f32, proximal_mu: f32) -> Self {
        Self {
            learning_rate,
            momentum,
            proximal_mu,
            memory: HashMap::new(),
        }
    }

    /// One step against the gradients of a loss.
    pub fn step(&mut self, network: Network, gradients: Gradients) -> Network {
        network.map(&mut Step { sgd: self, gradients })
    }

    /// `g ← g + μ·(w - w₀)`, `v ← momentum·v + g`, answers `w - learning_rate·v`.
    fn update(&mut self, id: ParamId, weight: Tensor<1>, gradient: Tensor<1>) -> Tensor<1> {
        let proximal = self.proximal_mu > 0.0;
        let memory = self.memory.remove(&id);
        let start = match &memory {
            Some(memory) => memory.start.clone(),
            None => proximal.then(|| weight.clone()),
        };
        let gradient = match &start {
            Some(start) => gradient + (weight.clone() - start.clone()).mul_scalar(self.proximal_mu),
            None => gradient,
        };
        let velocity = match memory {
            Some(memory) => memory.velocity.mul_scalar(self.momentum) + gradient,
            None => gradient,
        };
        self.memory.insert(
            id,
            Memory {
                velocity: velocity.clone(),
                start,
            },
        );
        weight - velocity.mul_scalar(self.learning_rate)
    }
}

struct Step<'a> {
    sgd: &'a mut Sgd,
    gradients: Gradients,
}

impl ModuleMapper for Step<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = param.val().grad(&self.gradients) else {
            return param;
        };
        let (id, tensor, mapper) = param.consume();
        let weight = tensor.inner();
        let shape = weight.shape();
        let len = shape.num_elements();
        let updated = self
            .sgd
            .update(id, weight.reshape([len]), gradient.reshape([len]))
            .reshape(shape);
        Param::from_mapped_value(id, Tensor::from_inner(updated).require_grad(), mapper)
    }
}
