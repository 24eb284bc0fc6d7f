//! A linear layer with two faces: a Burn parameter that trains, and packed panels that predict.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::module::linear;

use crate::kernels::dense::Packed;

/// `y = x·W + b` over rows.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[inputs, outputs]`, Burn's layout: the transpose of PyTorch's.
    weight: Param<Tensor<2>>,
    bias: Option<Param<Tensor<1>>>,
    /// The same weights in panels; present once packed.
    #[module(skip)]
    packed: Option<Packed>,
}

impl Linear {
    pub(super) fn new(weight: Param<Tensor<2>>, bias: Option<Param<Tensor<1>>>) -> Self {
        Self {
            weight,
            bias,
            packed: None,
        }
    }

    pub(super) fn pack(&mut self) {
        self.packed = Packed::new(self.weight.val(), self.bias.as_ref().map(Param::val));
    }

    pub(super) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        match &self.packed {
            Some(packed) => packed.forward(x),
            None => linear(x, self.weight.val(), self.bias.as_ref().map(Param::val)),
        }
    }

    pub(super) fn write(&self, flat: &mut Vec<f32>) {
        // Transposed, read out row by row: PyTorch's [outputs, inputs].
        super::layer::append(flat, self.weight.val().transpose());
        if let Some(bias) = &self.bias {
            super::layer::append(flat, bias.val());
        }
    }
}
