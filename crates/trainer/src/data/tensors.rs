//! Labelled samples as safetensors: `inputs`, samples first, and `labels` or `targets`. What the aggregator evaluates on is such a file.

use ddsx_nn::spec::{OutputKind, Plan};
use ddsx_nn::train::data::{Dataset, Labels};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::{DataError, check};

#[expect(
    clippy::needless_pass_by_value,
    reason = "takes words and errors alike, as they come"
)]
fn malformed(error: impl ToString) -> DataError {
    DataError::Malformed(error.to_string())
}

fn open(bytes: &[u8]) -> Result<SafeTensors<'_>, DataError> {
    SafeTensors::deserialize(bytes).map_err(|error| malformed(format!("not a safetensors file: {error}")))
}

fn tensor<'a>(file: &SafeTensors<'a>, name: &str) -> Result<TensorView<'a>, DataError> {
    file.tensor(name)
        .map_err(|_| malformed(format!("tensor {name} is missing")))
}

/// Numbers of any float format, and bytes (images often are).
fn floats(tensor: &TensorView<'_>) -> Result<Vec<f32>, DataError> {
    let data = tensor.data();
    // The nearest number that there is.
    #[allow(clippy::cast_possible_truncation)]
    let narrow = |wide: f64| wide as f32;
    Ok(match tensor.dtype() {
        Dtype::F32 => data
            .as_chunks()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect(),
        Dtype::F64 => data
            .as_chunks()
            .0
            .iter()
            .map(|bytes| narrow(f64::from_le_bytes(*bytes)))
            .collect(),
        Dtype::F16 => data
            .as_chunks()
            .0
            .iter()
            .map(|bytes| half::f16::from_le_bytes(*bytes).to_f32())
            .collect(),
        Dtype::BF16 => data
            .as_chunks()
            .0
            .iter()
            .map(|bytes| half::bf16::from_le_bytes(*bytes).to_f32())
            .collect(),
        Dtype::U8 => data.iter().map(|byte| f32::from(*byte)).collect(),
        other => {
            return Err(malformed(format!(
                "inputs and targets are F32, F64, F16, BF16 or U8, not {other:?}"
            )));
        }
    })
}

fn classes(tensor: &TensorView<'_>) -> Result<Vec<u32>, DataError> {
    let data = tensor.data();
    let wide: Vec<i64> = match tensor.dtype() {
        Dtype::U8 => data.iter().map(|byte| i64::from(*byte)).collect(),
        Dtype::I32 => data
            .as_chunks()
            .0
            .iter()
            .map(|bytes| i32::from_le_bytes(*bytes).into())
            .collect(),
        Dtype::U32 => data
            .as_chunks()
            .0
            .iter()
            .map(|bytes| u32::from_le_bytes(*bytes).into())
            .collect(),
        Dtype::I64 => data
            .as_chunks()
            .0
            .iter()
            .map(|bytes| i64::from_le_bytes(*bytes))
            .collect(),
        other => return Err(malformed(format!("labels are U8, I32, U32 or I64, not {other:?}"))),
    };
    let class = |(at, label): (usize, &i64)| {
        u32::try_from(*label).map_err(|_| DataError::Label {
            sample: at as u64 + 1,
            reason: format!("{label} is no class"),
        })
    };
    wide.iter().enumerate().map(class).collect()
}

/// Whether a tensor has one entry of this shape for each sample: flat, or dimension by dimension, those of length 1 left out.
fn check_shape(name: &str, tensor: &TensorView<'_>, samples: usize, wanted: &[usize]) -> Result<(), DataError> {
    let squeeze = |shape: &[usize]| -> Vec<usize> { shape.iter().copied().filter(|length| *length != 1).collect() };
    let len: usize = wanted.iter().product();
    let fits = tensor.shape().split_first().is_some_and(|(first, own)| {
        let flat = own.len() <= 1 || wanted.len() == 1;
        *first == samples && own.iter().product::<usize>() == len && (flat || squeeze(own) == squeeze(wanted))
    });
    if fits {
        return Ok(());
    }
    let mut expected = vec![samples];
    expected.extend(wanted);
    Err(malformed(format!(
        "tensor {name} has the shape {:?}, {expected:?} is expected: samples come first, then what the model takes",
        tensor.shape()
    )))
}

/// Inputs and how many samples they are.
fn read_samples(file: &SafeTensors<'_>, plan: &Plan) -> Result<(Vec<f32>, usize), DataError> {
    let inputs = tensor(file, "inputs")?;
    let samples = inputs.shape().first().copied().unwrap_or(0);
    if samples == 0 {
        return Err(DataError::Empty);
    }
    check_shape("inputs", &inputs, samples, &plan.input)?;
    Ok((floats(&inputs)?, samples))
}

/// Reads labelled samples.
///
/// # Errors
/// [`DataError::Malformed`] for tensors of another shape than the model's too, [`DataError::Label`]. What is in them, [`check`] looks at.
pub fn read(bytes: &[u8], plan: &Plan) -> Result<Dataset, DataError> {
    let file = open(bytes)?;
    let (inputs, samples) = read_samples(&file, plan)?;
    let labels = match plan.output {
        OutputKind::Classes(_) => {
            let labels = tensor(&file, "labels")?;
            check_shape("labels", &labels, samples, &[1])?;
            Labels::Classes(classes(&labels)?)
        }
        OutputKind::Regression(_) | OutputKind::Embedding(_) => {
            let targets = tensor(&file, "targets")?;
            check_shape("targets", &targets, samples, &[plan.output_len()])?;
            Labels::Values(floats(&targets)?)
        }
    };
    Ok(Dataset {
        width: plan.input_len(),
        inputs,
        labels,
    })
}

/// Reads inputs alone.
///
/// # Errors
/// [`DataError::Malformed`], [`DataError::Empty`], [`DataError::Sample`] for what the model cannot take.
pub fn read_inputs(bytes: &[u8], plan: &Plan) -> Result<Vec<f32>, DataError> {
    let (inputs, _) = read_samples(&open(bytes)?, plan)?;
    Ok(inputs)
}

/// The file on which the aggregator evaluates a model. The same samples always give the same bytes.
///
/// # Errors
/// If the samples do not fit the model.
pub fn write(data: &Dataset, plan: &Plan) -> Result<Vec<u8>, DataError> {
    check(data, plan)?;
    let samples = data.len();
    let mut shape = vec![samples];
    shape.extend(&plan.input);
    let bytes = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let inputs = bytes(&data.inputs);
    let (name, dtype, label_shape, labels) = match &data.labels {
        Labels::Classes(classes) => {
            let narrow: Result<Vec<u8>, _> = classes.iter().map(|class| u8::try_from(*class)).collect();
            if let Ok(narrow) = narrow {
                ("labels", Dtype::U8, vec![samples], narrow)
            } else {
                let wide = classes.iter().flat_map(|class| i64::from(*class).to_le_bytes());
                ("labels", Dtype::I64, vec![samples], wide.collect())
            }
        }
        Labels::Values(values) => ("targets", Dtype::F32, vec![samples, plan.output_len()], bytes(values)),
    };
    let tensors = [
        (
            "inputs",
            TensorView::new(Dtype::F32, shape, &inputs).map_err(malformed)?,
        ),
        (name, TensorView::new(dtype, label_shape, &labels).map_err(malformed)?),
    ];
    safetensors::serialize(tensors, None).map_err(malformed)
}
