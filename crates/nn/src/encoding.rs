//! Updates as bytes: `f32` exactly, `f16` at half the size, `int8` in blocks at about a quarter.
//!
//! Every format is a row of units that stand alone, so that an update is decoded range by range: one number for `F32` and `F16`, a
//! block of 256 for `Int8`. A block has a scale of its own because one scale for a whole tensor lets a single large number flatten all others;
//! it costs 4 bytes in 260. What is meant to be small should be sent small: deltas, not weights.
//!
//! Errors of a decoded number: none for `F32`; for `F16` 2⁻¹¹ of the number, or 2⁻²⁵ where that is more; for `Int8` 1/253 of the block's greatest
//! absolute value (half a step of 1/127, and rounding).

pub use ddsx_types::federated_aggregator::{EncodingError, UpdateEncoding};

use crate::kernels::finite::first_not_finite;

/// Numbers in a block of `Int8`.
pub const INT8_BLOCK: usize = 256;

const SCALE_BYTES: usize = 4;

/// Numbers and bytes of one unit: an encoded update is cut at multiples of these.
pub fn unit(encoding: UpdateEncoding) -> (usize, usize) {
    match encoding {
        UpdateEncoding::F32 => (1, 4),
        UpdateEncoding::F16 => (1, 2),
        UpdateEncoding::Int8 => (INT8_BLOCK, SCALE_BYTES + INT8_BLOCK),
    }
}

/// Bytes that `numbers` take.
pub fn encoded_len(encoding: UpdateEncoding, numbers: u64) -> u64 {
    match encoding {
        UpdateEncoding::F32 => numbers * 4,
        UpdateEncoding::F16 => numbers * 2,
        UpdateEncoding::Int8 => numbers + numbers.div_ceil(INT8_BLOCK as u64) * SCALE_BYTES as u64,
    }
}

/// Encodes; the same numbers always give the same bytes.
///
/// # Errors
/// [`EncodingError::NotFinite`] for a number that is not finite, or too large for `F16`.
pub fn encode(encoding: UpdateEncoding, values: &[f32]) -> Result<Vec<u8>, EncodingError> {
    check_finite(values, 0)?;
    Ok(match encoding {
        UpdateEncoding::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        UpdateEncoding::F16 => {
            let halves: Vec<half::f16> = values.iter().map(|value| half::f16::from_f32(*value)).collect();
            if let Some(index) = halves.iter().position(|half| !half.is_finite()) {
                return Err(EncodingError::NotFinite { index: index as u64 });
            }
            halves.iter().flat_map(|half| half.to_le_bytes()).collect()
        }
        UpdateEncoding::Int8 => {
            let mut bytes = Vec::with_capacity(values.len() + values.len().div_ceil(INT8_BLOCK) * SCALE_BYTES);
            for block in values.chunks(INT8_BLOCK) {
                let scale = scale(block);
                bytes.extend_from_slice(&scale.to_le_bytes());
                bytes.extend(block.iter().map(|value| quantise(*value, scale).to_le_bytes()[0]));
            }
            bytes
        }
    })
}

/// Decodes into `out`: the whole update, or units of it (the last one may be shorter than a block).
///
/// # Errors
/// If `bytes` has not the length of so many numbers, a number is not finite, or a block is not as [`encode`] writes it; indices count from the first number of `out`.
pub fn decode(encoding: UpdateEncoding, bytes: &[u8], out: &mut [f32]) -> Result<(), EncodingError> {
    let expected = encoded_len(encoding, out.len() as u64);
    if bytes.len() as u64 != expected {
        return Err(EncodingError::Length {
            found: bytes.len() as u64,
            expected,
        });
    }
    match encoding {
        UpdateEncoding::F32 => {
            for (value, bytes) in out.iter_mut().zip(bytes.as_chunks::<4>().0) {
                *value = f32::from_le_bytes(*bytes);
            }
        }
        UpdateEncoding::F16 => {
            for (value, bytes) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
                *value = half::f16::from_le_bytes(*bytes).to_f32();
            }
        }
        UpdateEncoding::Int8 => {
            let blocks = out.chunks_mut(INT8_BLOCK).zip(bytes.chunks(SCALE_BYTES + INT8_BLOCK));
            for (number, (values, block)) in blocks.enumerate() {
                let index = (number * INT8_BLOCK) as u64;
                decode_block(values, block).ok_or(EncodingError::NotCanonical { index })?;
            }
        }
    }
    check_finite(out, 0)
}

fn check_finite(values: &[f32], first: u64) -> Result<(), EncodingError> {
    match first_not_finite(values) {
        Some(index) => Err(EncodingError::NotFinite {
            index: first + index as u64,
        }),
        None => Ok(()),
    }
}

/// A 127th of the greatest absolute value, rounded down where rounding up would overflow on the way back.
fn scale(block: &[f32]) -> f32 {
    let scale = block.iter().fold(0.0_f32, |most, value| most.max(value.abs())) / 127.0;
    if (scale * 127.0).is_finite() {
        scale
    } else {
        scale.next_down()
    }
}

fn quantise(value: f32, scale: f32) -> i8 {
    if scale == 0.0 {
        return 0;
    }
    #[allow(clippy::cast_possible_truncation)]
    let steps = (value / scale).round_ties_even().clamp(-127.0, 127.0) as i8;
    steps
}

fn decode_block(values: &mut [f32], block: &[u8]) -> Option<()> {
    let (scale, steps) = block.split_first_chunk::<SCALE_BYTES>()?;
    let scale = f32::from_le_bytes(*scale);
    if !scale.is_finite() || scale.is_sign_negative() {
        return None;
    }
    for (value, step) in values.iter_mut().zip(steps) {
        let step = i8::from_le_bytes([*step]);
        if step == i8::MIN {
            return None;
        }
        *value = f32::from(step) * scale;
    }
    Some(())
}

#[cfg(test)]
mod tests;
