//! A linear layer with two faces: a Burn parameter that trains, and packed panels that predict.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::module::linear;

use crate::kernels::dense;

/// `y = x·W + b` over rows.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[inputs, outputs]`, Burn's layout: the transpose of PyTorch's.
    weight: Param<Tensor<2>>,
    bias: Option<Param<Tensor<1>>>,
    /// The same weights in panels; present once packed.
    packed: Option<Tensor<1>>,
    /// The bias beside them, zeros where there is none.
    packed_bias: Option<Tensor<1>>,
}

impl Linear {
    pub(super) fn new(weight: Param<Tensor<2>>, bias: Option<Param<Tensor<1>>>) -> Self {
        Self {
            weight,
            bias,
            packed: None,
            packed_bias: None,
        }
    }

    pub(super) fn pack(&mut self) {
        let weight = self.weight.val();
        let device = weight.device();
        let outputs = weight.dims()[1];
        self.packed = dense::pack_tensor(weight);
        self.packed_bias = Some(match &self.bias {
            Some(bias) => bias.val(),
            None => Tensor::zeros([outputs], &device),
        });
    }

    pub(super) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        match (&self.packed, &self.packed_bias) {
            (Some(weights), Some(bias)) => dense::packed_linear(x, weights.clone(), bias.clone()),
            _ => linear(x, self.weight.val(), self.bias.as_ref().map(Param::val)),
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
