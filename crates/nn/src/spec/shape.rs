//! Shape inference, one layer at a time; also the one place that says which parameters a layer has.

use super::{Checker, Layer, Pair, SpecError};

/// What one exponential, tangent or error function is counted as, in multiply-adds.
const TRANSCENDENTAL: usize = 16;

/// Sizes for an error message.
pub(super) fn narrow(shape: &[usize]) -> Vec<u32> {
    shape
        .iter()
        .map(|&size| u32::try_from(size).unwrap_or(u32::MAX))
        .collect()
}

fn mismatch(layer: &str, expected: String, found: &[usize]) -> SpecError {
    SpecError::ShapeMismatch {
        layer: layer.into(),
        expected,
        found: narrow(found),
    }
}

fn number(layer: &str, field: &str, good: bool) -> Result<(), SpecError> {
    if good {
        return Ok(());
    }
    Err(SpecError::BadNumber {
        layer: layer.into(),
        field: field.into(),
    })
}

fn epsilon(layer: &str, value: f32) -> Result<(), SpecError> {
    number(layer, "epsilon", value > 0.0 && value <= 1.0)
}

/// The window of a convolution or a pool along both axes.
struct Window {
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    dilation: [usize; 2],
}

impl Window {
    /// Windows that fit along `axis` of length `length`; none if the window is longer.
    fn count(&self, axis: usize, length: usize) -> Option<usize> {
        let reach = self.dilation[axis].checked_mul(self.kernel[axis] - 1)?.checked_add(1)?;
        let padded = length.checked_add(self.padding[axis].checked_mul(2)?)?;
        Some(padded.checked_sub(reach)? / self.stride[axis] + 1)
    }

    fn slide(&self, name: &str, shape: &[usize]) -> Result<[usize; 2], SpecError> {
        let &[_, height, width] = shape else {
            return Err(mismatch(name, "[channels, height, width]".into(), shape));
        };
        match (self.count(0, height), self.count(1, width)) {
            (Some(height), Some(width)) => Ok([height, width]),
            _ => Err(mismatch(name, "an image as large as the window".into(), shape)),
        }
    }
}

impl Checker {
    fn pair(&self, layer: &str, field: &str, pair: Pair) -> Result<[usize; 2], SpecError> {
        Ok([
            self.size(layer, field, pair.height)?,
            self.size(layer, field, pair.width)?,
        ])
    }

    /// Zero is a padding too.
    fn padding(&self, layer: &str, pair: Pair) -> Result<[usize; 2], SpecError> {
        let one = |value: u32| {
            if value == 0 {
                Ok(0)
            } else {
                self.size(layer, "padding", value)
            }
        };
        Ok([one(pair.height)?, one(pair.width)?])
    }

    /// Checks one layer that is no block, adds its parameters and its work, and answers the shape it gives.
    pub(super) fn plain(&mut self, name: &str, layer: &Layer, input: &[usize]) -> Result<Vec<usize>, SpecError> {
        match layer {
            Layer::Linear { inputs, outputs, bias } => self.linear(name, *inputs, *outputs, *bias, input),
            Layer::Conv2d { .. } => self.conv2d(name, layer, input),
            Layer::MaxPool2d {
                kernel,
                stride,
                padding,
            }
            | Layer::AvgPool2d {
                kernel,
                stride,
                padding,
            } => self.pool(name, [*kernel, *stride, *padding], input),
            Layer::BatchNorm {
                features,
                epsilon: value,
            } => {
                epsilon(name, *value)?;
                let features = self.size(name, "features", *features)?;
                if input.first() != Some(&features) {
                    return Err(mismatch(name, format!("{features} channels"), input));
                }
                for (field, trainable) in [
                    ("weight", true),
                    ("bias", true),
                    ("running_mean", false),
                    ("running_var", false),
                ] {
                    self.parameter(name, field, &[features], trainable)?;
                }
                Ok(input.to_vec())
            }
            Layer::LayerNorm {
                features,
                epsilon: value,
            } => {
                epsilon(name, *value)?;
                let features = self.size(name, "features", *features)?;
                if input.last() != Some(&features) {
                    return Err(mismatch(name, format!("a last axis of {features}"), input));
                }
                self.parameter(name, "weight", &[features], true)?;
                self.parameter(name, "bias", &[features], true)?;
                Ok(input.to_vec())
            }
            Layer::Embedding { count, dimension } => {
                let count = self.size(name, "count", *count)?;
                let dimension = self.size(name, "dimension", *dimension)?;
                if input.len() != 1 {
                    return Err(mismatch(name, "[positions]".into(), input));
                }
                // Inputs travel as f32, which counts exactly to here.
                if count > 1 << 24 {
                    return Err(mismatch(name, "at most 2^24 entries".into(), &[count]));
                }
                self.parameter(name, "weight", &[count, dimension], true)?;
                Ok(vec![input[0], dimension])
            }
            Layer::Dropout { probability } => {
                number(name, "probability", (0.0..1.0).contains(probability))?;
                Ok(input.to_vec())
            }
            Layer::Flatten => Ok(vec![input.iter().product()]),
            Layer::Relu => Ok(input.to_vec()),
            Layer::Gelu | Layer::Tanh | Layer::Sigmoid | Layer::Softmax => {
                self.work(&[input.iter().product(), TRANSCENDENTAL])?;
                Ok(input.to_vec())
            }
            Layer::Residual { .. } => unreachable!("blocks are walked by Checker::step"),
        }
    }

    fn linear(
        &mut self,
        name: &str,
        inputs: u32,
        outputs: u32,
        bias: bool,
        input: &[usize],
    ) -> Result<Vec<usize>, SpecError> {
        let inputs = self.size(name, "inputs", inputs)?;
        let outputs = self.size(name, "outputs", outputs)?;
        let Some((&last, rest)) = input.split_last() else {
            return Err(mismatch(name, format!("a last axis of {inputs}"), input));
        };
        if last != inputs {
            return Err(mismatch(name, format!("a last axis of {inputs}"), input));
        }
        self.parameter(name, "weight", &[outputs, inputs], true)?;
        if bias {
            self.parameter(name, "bias", &[outputs], true)?;
        }
        let rows = rest.iter().product();
        self.work(&[rows, inputs, outputs])?;
        let mut output = rest.to_vec();
        output.push(outputs);
        Ok(output)
    }

    fn conv2d(&mut self, name: &str, layer: &Layer, input: &[usize]) -> Result<Vec<usize>, SpecError> {
        let Layer::Conv2d {
            in_channels,
            out_channels,
            kernel,
            stride,
            padding,
            dilation,
            groups,
            bias,
        } = layer
        else {
            unreachable!("called for convolutions");
        };
        let channels = self.size(name, "in_channels", *in_channels)?;
        let filters = self.size(name, "out_channels", *out_channels)?;
        let groups = self.size(name, "groups", *groups)?;
        let window = Window {
            kernel: self.pair(name, "kernel", *kernel)?,
            stride: self.pair(name, "stride", *stride)?,
            padding: self.padding(name, *padding)?,
            dilation: self.pair(name, "dilation", *dilation)?,
        };
        if !channels.is_multiple_of(groups) || !filters.is_multiple_of(groups) {
            return Err(mismatch(
                name,
                format!("channels that {groups} groups divide"),
                &[channels, filters],
            ));
        }
        if input.first() != Some(&channels) {
            return Err(mismatch(name, format!("{channels} channels"), input));
        }
        let [height, width] = window.slide(name, input)?;
        let depth = channels / groups;
        self.parameter(
            name,
            "weight",
            &[filters, depth, window.kernel[0], window.kernel[1]],
            true,
        )?;
        if *bias {
            self.parameter(name, "bias", &[filters], true)?;
        }
        self.work(&[filters, height, width, depth, window.kernel[0], window.kernel[1]])?;
        Ok(vec![filters, height, width])
    }

    fn pool(
        &mut self,
        name: &str,
        [kernel, stride, padding]: [Pair; 3],
        input: &[usize],
    ) -> Result<Vec<usize>, SpecError> {
        let window = Window {
            kernel: self.pair(name, "kernel", kernel)?,
            stride: self.pair(name, "stride", stride)?,
            padding: self.padding(name, padding)?,
            dilation: [1, 1],
        };
        let half = |axis: usize| window.kernel[axis] / 2;
        if window.padding[0] > half(0) || window.padding[1] > half(1) {
            return Err(mismatch(
                name,
                "a padding of at most half the kernel".into(),
                &window.padding,
            ));
        }
        let [height, width] = window.slide(name, input)?;
        self.work(&[input[0], height, width, window.kernel[0], window.kernel[1]])?;
        Ok(vec![input[0], height, width])
    }
}
