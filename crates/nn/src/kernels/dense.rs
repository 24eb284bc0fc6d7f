//! The dense layer with packed weights, `y = b + x·W`, behind Burn's tensor interface.
//!
//! Weights are packed once, when a model is loaded: outputs are cut into panels of 64, then 16, then 4 (the last one padded
//! with zeros), and a panel holds its weights input after input. The kernel keeps a panel's outputs in registers, broadcasts
//! one input at a time and multiplies it with weights that lie one behind another. Each output is `b + x₀w₀ + x₁w₁ + …` in
//! this order, whatever the panel, so that results do not depend on how the work is cut.

use burn::backend::{Flex, TensorMetadata as _};
use burn::tensor::{Tensor, TensorData};

use super::lanes::{F32x4, LANES};

/// Outputs of the panels, widest first.
const WIDE: usize = 64;
const MIDDLE: usize = 16;

/// Panels that cover `outputs`: `(first output, width in outputs)`.
fn panels(outputs: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut first = 0;
    std::iter::from_fn(move || {
        let left = outputs.saturating_sub(first);
        let width = match left {
            0 => return None,
            WIDE.. => WIDE,
            MIDDLE.. => MIDDLE,
            _ => LANES,
        };
        first += width;
        Some((first - width, width))
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
            match width {
                WIDE => row_times_panel::<{ WIDE / LANES }>(x, panel, bias, out),
                MIDDLE => row_times_panel::<{ MIDDLE / LANES }>(x, panel, bias, out),
                _ => row_times_panel::<1>(x, panel, bias, out),
            }
        }
    }
}

/// One row times one panel of `N` registers. Inlined nowhere, so that each `N` is compiled once.
#[inline(never)]
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
            for input in 0..UNROLL {
                step(&mut registers, *from.add(input), weights.add(input * N * LANES));
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

/// Packs the weights of a linear layer, `[inputs, outputs]`; none where the tensor is not one of the CPU's backend without
/// autodiff, which the kernel cannot serve.
pub fn pack_tensor(weight: Tensor<2>) -> Option<Tensor<1>> {
    let [inputs, outputs] = weight.dims();
    let device = weight.device();
    let weight = weight.try_into_primitive::<Flex>().ok()?.to_contiguous();
    let packed = pack(weight.as_slice::<f32>()?, inputs, outputs);
    let len = packed.len();
    Some(Tensor::from_data(TensorData::new(packed, [len]), &device))
}

/// [`dense`] on Burn's tensors: `[rows, inputs]` to `[rows, outputs]`.
///
/// # Panics
/// If a tensor is not an `f32` one of the CPU's backend without autodiff, or shapes do not fit: [`pack_tensor`] answered for such a device.
pub fn packed_linear(x: Tensor<2>, packed: Tensor<1>, bias: Tensor<1>) -> Tensor<2> {
    let [rows, inputs] = x.dims();
    let [outputs] = bias.dims();
    let primitive = |tensor: Result<<Flex as burn::backend::BackendTypes>::FloatTensorPrimitive, _>| {
        tensor
            .map_err(|_: burn::tensor::PrimitiveConversionError| ())
            .expect("tensors on the CPU")
            .to_contiguous()
    };
    let x = primitive(x.try_into_primitive::<Flex>());
    let packed = primitive(packed.try_into_primitive::<Flex>());
    let bias = primitive(bias.try_into_primitive::<Flex>());
    let mut out = vec![0.0; rows * outputs];
    dense(
        x.as_slice().expect("f32"),
        packed.as_slice().expect("f32"),
        bias.as_slice().expect("f32"),
        &mut out,
        inputs,
    );
    debug_assert_eq!(x.shape().num_elements(), rows * inputs);
    let out =
        <Flex as burn::backend::BackendTypes>::FloatTensorPrimitive::from_data(TensorData::new(out, [rows, outputs]));
    Tensor::from_primitive::<Flex>(out)
}
