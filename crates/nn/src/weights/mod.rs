//! A model's weights: one flat vector of `f32` in the plan's order, and the safetensors files that it comes from and goes to.
//!
//! The file that is written is canonical: tensors in the plan's order, no metadata, the header padded to 8 bytes. Its data is
//! the flat vector in little-endian bytes, so that a canister serves a model as [`header`] followed by what it has stored.

mod init;

use std::collections::BTreeSet;

use safetensors::{Dtype, SafeTensors};
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};

use crate::kernels::finite::first_not_finite;
use crate::spec::{Parameter, Plan};

pub use init::init;

/// Why weights are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeightsError {
    /// Not a safetensors file.
    #[error("not a safetensors file: {0}")]
    Malformed(String),
    /// A tensor of the model is not in the file.
    #[error("tensor {0} is missing")]
    Missing(String),
    /// The file has a tensor that the model lacks.
    #[error("tensor {0} is not part of the model")]
    Unknown(String),
    /// A tensor of another shape.
    #[error("tensor {name} has shape {found:?}, the model needs {expected:?}")]
    Shape {
        /// Its name.
        name: String,
        /// In the file.
        found: Vec<usize>,
        /// In the model.
        expected: Vec<usize>,
    },
    /// A tensor of a number format that is not read: `F32`, `F16` and `BF16` are.
    #[error("tensor {name} is {dtype}; F32, F16 and BF16 are read")]
    Dtype {
        /// Its name.
        name: String,
        /// Its format.
        dtype: String,
    },
    /// Infinity or not a number.
    #[error("tensor {name} is not finite at element {index}")]
    NotFinite {
        /// Its name.
        name: String,
        /// Where.
        index: usize,
    },
    /// A flat vector of another length than the model's.
    #[error("{found} weights, the model has {expected}")]
    Length {
        /// Found.
        found: usize,
        /// Expected.
        expected: usize,
    },
}

/// Reads a safetensors file: exactly the model's tensors, in any order, `F32`, `F16` or `BF16`, all finite.
/// PyTorch's `num_batches_tracked` counters are passed over.
///
/// # Errors
/// The first thing that is not as it should be.
pub fn read(plan: &Plan, file: &[u8]) -> Result<Vec<f32>, WeightsError> {
    let tensors = SafeTensors::deserialize(file).map_err(|error| WeightsError::Malformed(error.to_string()))?;
    let known: BTreeSet<&str> = plan
        .parameters
        .iter()
        .map(|parameter| parameter.name.as_str())
        .collect();
    if let Some(name) = tensors
        .names()
        .into_iter()
        .filter(|name| !known.contains(*name) && !name.ends_with(".num_batches_tracked"))
        .min()
    {
        return Err(WeightsError::Unknown(name.to_owned()));
    }
    let mut weights = Vec::with_capacity(plan.len);
    for parameter in &plan.parameters {
        let tensor = tensors
            .tensor(&parameter.name)
            .map_err(|_| WeightsError::Missing(parameter.name.clone()))?;
        if tensor.shape() != parameter.shape {
            return Err(WeightsError::Shape {
                name: parameter.name.clone(),
                found: tensor.shape().to_vec(),
                expected: parameter.shape.clone(),
            });
        }
        let data = tensor.data();
        match tensor.dtype() {
            Dtype::F32 => weights.extend(data.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes))),
            Dtype::F16 => weights.extend(
                data.as_chunks::<2>()
                    .0
                    .iter()
                    .map(|bytes| half::f16::from_le_bytes(*bytes).to_f32()),
            ),
            Dtype::BF16 => weights.extend(
                data.as_chunks::<2>()
                    .0
                    .iter()
                    .map(|bytes| half::bf16::from_le_bytes(*bytes).to_f32()),
            ),
            other => {
                return Err(WeightsError::Dtype {
                    name: parameter.name.clone(),
                    dtype: format!("{other:?}"),
                });
            }
        }
    }
    check(plan, &weights)?;
    Ok(weights)
}

/// The canonical file of `weights`.
///
/// # Errors
/// If the vector's length is not the plan's, or a value is not finite.
pub fn write(plan: &Plan, weights: &[f32]) -> Result<Vec<u8>, WeightsError> {
    check(plan, weights)?;
    let mut file = header(plan);
    file.reserve_exact(weights.len() * 4);
    for weight in weights {
        file.extend_from_slice(&weight.to_le_bytes());
    }
    Ok(file)
}

/// What comes before the flat vector's bytes in the canonical file.
pub fn header(plan: &Plan) -> Vec<u8> {
    let mut json = serde_json::to_vec(&Header(&plan.parameters)).expect("names and numbers are JSON");
    json.resize(json.len().next_multiple_of(8), b' ');
    let mut header = (json.len() as u64).to_le_bytes().to_vec();
    header.append(&mut json);
    header
}

/// Checks a flat vector: the plan's length, every value finite.
///
/// # Errors
/// [`WeightsError::Length`], [`WeightsError::NotFinite`].
pub fn check(plan: &Plan, weights: &[f32]) -> Result<(), WeightsError> {
    if weights.len() != plan.len {
        return Err(WeightsError::Length {
            found: weights.len(),
            expected: plan.len,
        });
    }
    if let Some(index) = first_not_finite(weights) {
        let at = plan.parameters.partition_point(|parameter| parameter.offset <= index) - 1;
        let parameter = &plan.parameters[at];
        return Err(WeightsError::NotFinite {
            name: parameter.name.clone(),
            index: index - parameter.offset,
        });
    }
    Ok(())
}

/// The header's JSON: name → format, shape, place; in order, which a map type of a library would not keep.
struct Header<'a>(&'a [Parameter]);

#[derive(Serialize)]
struct Entry<'a> {
    dtype: &'static str,
    shape: &'a [usize],
    data_offsets: [u64; 2],
}

impl Serialize for Header<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for parameter in self.0 {
            let range = parameter.range();
            map.serialize_entry(
                &parameter.name,
                &Entry {
                    dtype: "F32",
                    shape: &parameter.shape,
                    data_offsets: [range.start as u64 * 4, range.end as u64 * 4],
                },
            )?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests;
