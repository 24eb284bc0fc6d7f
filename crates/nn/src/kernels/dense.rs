//! The dense layer with packed weights, `y = b + x·W`, behind Burn's tensor interface.
//!
//! Weights are packed once, when a model is loaded: outputs are cut into panels of 64 and one of the rest (padded with zeros to
//! a multiple of 4), and a panel holds its weights input after input. The kernel keeps a panel's outputs in registers, broadcasts
//! one input at a time and multiplies it with weights that lie one behind another. Each output is `b + x₀w₀ + x₁w₁ + …` in
//! this order, whatever the panel, so that results do not depend on how the work is cut.

use std::sync::Arc;

use burn::backend::{BackendTypes, Flex};
use burn::tensor::{Tensor, TensorData};

use super::lanes::{F32x4, LANES};
use super::unroll::fixed;

/// A tensor of Burn's CPU backend.
type FlexTensor = <Flex as BackendTypes>::FloatTensorPrimitive;

/// Outputs of a full panel: 16 registers.
const WIDE: usize = 64;

/// Panels that cover `outputs`: `(first output, width in outputs)`.
fn panels(outputs: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut first = 0;
    std::iter::from_fn(move || {
        let width = outputs.saturating_sub(first).min(WIDE).next_multiple_of(LANES);
        first += width;
        (width > 0).then_some((first - width, width))
    })
}

/// Length of the packed weights.
pub fn packed_len(inputs: usize, outputs: usize) -> usize {
    inputs * outputs.next_multiple_of(LANES)
}

/// Packs weights that lie `[inputs, outputs]`.
///
/// # Panics
/// If `weights` is not `inputs · outputs` long.
pub fn pack(weights: &[f32], inputs: usize, outputs: usize) -> Vec<f32> {
    assert_eq!(weights.len(), inputs * outputs, "weights are [inputs, outputs]");
    let mut packed = Vec::with_capacity(packed_len(inputs, outputs));
    for (first, width) in panels(outputs) {
        let last = outputs.min(first + width);
        for row in weights.chunks_exact(outputs) {
            packed.extend_from_slice(&row[first..last]);
            packed.resize(packed.len() + width - (last - first), 0.0);
        }
    }
    packed
}

/// `out[row] = bias + x[row]·W` for every row.
///
/// # Panics
/// If a length does not fit: `x` is `[rows, inputs]`, `packed` is [`pack`]'s, `out` is `[rows, outputs]`.
pub fn dense(x: &[f32], packed: &[f32], bias: &[f32], out: &mut [f32], inputs: usize) {
    let outputs = bias.len();
    assert_eq!(
        packed.len(),
        packed_len(inputs, outputs),
        "weights packed for this layer"
    );
    assert!(inputs > 0 && x.len().is_multiple_of(inputs), "whole rows");
    assert_eq!(out.len(), x.len() / inputs * outputs, "room for every row");
    if outputs == 0 {
        return;
    }
    for (x, out) in x.chunks_exact(inputs).zip(out.chunks_exact_mut(outputs)) {
        let mut weights = packed;
        for (first, width) in panels(outputs) {
            let (panel, rest) = weights.split_at(inputs * width);
            weights = rest;
            let last = outputs.min(first + width);
            let (bias, out) = (&bias[first..last], &mut out[first..last]);
            of_width(width)(x, panel, bias, out);
        }
    }
}

/// `(row, panel, bias, out)`.
type RowTimesPanel = fn(&[f32], &[f32], &[f32], &mut [f32]);

/// The function for panels of so many outputs.
fn of_width(width: usize) -> RowTimesPanel {
    const BY_REGISTERS: [RowTimesPanel; WIDE / LANES] = [
        row_times_panel::<1>,
        row_times_panel::<2>,
        row_times_panel::<3>,
        row_times_panel::<4>,
        row_times_panel::<5>,
        row_times_panel::<6>,
        row_times_panel::<7>,
        row_times_panel::<8>,
        row_times_panel::<9>,
        row_times_panel::<10>,
        row_times_panel::<11>,
        row_times_panel::<12>,
        row_times_panel::<13>,
        row_times_panel::<14>,
        row_times_panel::<15>,
        row_times_panel::<16>,
    ];
    BY_REGISTERS[width / LANES - 1]
}

/// One row times one panel of `N` registers.
fn row_times_panel<const N: usize>(x: &[f32], panel: &[f32], bias: &[f32], out: &mut [f32]) {
    /// Inputs handled between two steps of the pointers.
    const UNROLL: usize = 4;
    assert_eq!(panel.len(), x.len() * N * LANES, "a weight for each input and output");
    let mut sums = [[0.0_f32; LANES]; N];
    sums.as_flattened_mut()[..bias.len()].copy_from_slice(bias);
    // SAFETY: each array has four lanes.
    let mut registers: [F32x4; N] = std::array::from_fn(|n| unsafe { F32x4::load(sums[n].as_ptr()) });
    let whole = x.len() / UNROLL * UNROLL;
    let range = x[..whole].as_ptr_range();
    let (mut from, end) = (range.start, range.end);
    let mut weights = panel.as_ptr();
    // SAFETY: `panel` was found to hold N registers for each input; `from` and `weights` move in step, `from` up to `end`.
    unsafe {
        while from != end {
            let block = fixed(weights);
            for input in 0..UNROLL {
                step(&mut registers, *from.add(input), block.add(input * N * LANES));
            }
            from = from.add(UNROLL);
            weights = weights.add(UNROLL * N * LANES);
        }
        for value in &x[whole..] {
            step(&mut registers, *value, weights);
            weights = weights.add(N * LANES);
        }
        for (register, to) in registers.iter().zip(&mut sums) {
            register.store(to.as_mut_ptr());
        }
    }
    out.copy_from_slice(&sums.as_flattened()[..out.len()]);
}

/// Adds one input's part to every output of the panel.
///
/// # Safety
/// `N` registers at `weights` are readable.
#[inline(always)]
unsafe fn step<const N: usize>(registers: &mut [F32x4; N], input: f32, weights: *const f32) {
    let input = F32x4::splat(input);
    for (n, register) in registers.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        *register = register.add(input.mul(unsafe { F32x4::load(weights.add(n * LANES)) }));
    }
}

/// The packed weights and bias of a linear layer. Clones share them.
#[derive(Clone, Debug)]
pub struct Packed {
    weights: Arc<[f32]>,
    bias: Arc<[f32]>,
    inputs: usize,
}

impl Packed {
    /// Packs `weight`, `[inputs, outputs]`; no bias is a bias of zeros. None where the tensors are not those of the CPU's
    /// backend without autodiff, which the kernel cannot serve.
    pub fn new(weight: Tensor<2>, bias: Option<Tensor<1>>) -> Option<Self> {
        let [inputs, outputs] = weight.dims();
        let weight = weight.try_into_primitive::<Flex>().ok()?.to_contiguous();
        let bias = match bias {
            Some(bias) => {
                let bias = bias.try_into_primitive::<Flex>().ok()?.to_contiguous();
                bias.as_slice::<f32>()?.into()
            }
            None => vec![0.0; outputs].into(),
        };
        Some(Self {
            weights: pack(weight.as_slice::<f32>()?, inputs, outputs).into(),
            bias,
            inputs,
        })
    }

    /// [`dense`] on Burn's tensors: `[rows, inputs]` to `[rows, outputs]`.
    ///
    /// # Panics
    /// If `x` is not an `f32` tensor of the CPU's backend without autodiff, or has another width: [`Packed::new`] answered for such a device.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let [rows, _] = x.dims();
        let outputs = self.bias.len();
        let x = x.try_into_primitive::<Flex>();
        let Ok(x) = x.map(|x| {
            if x.as_slice::<f32>().is_some() {
                x
            } else {
                x.to_contiguous()
            }
        }) else {
            panic!("a tensor on the CPU");
        };
        let mut out = vec![0.0; rows * outputs];
        dense(
            x.as_slice().expect("f32"),
            &self.weights,
            &self.bias,
            &mut out,
            self.inputs,
        );
        Tensor::from_primitive::<Flex>(FlexTensor::from_data(TensorData::new(out, [rows, outputs])))
    }
}
