//! What a model is made of: layers in order, named as PyTorch would name them, and what may be wrong with such a list.

use candid::CandidType;
use serde::{Deserialize, Serialize};

/// A sequential model. Shapes leave out the batch, which always comes first.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct ModelSpec {
    /// Shape of one input: `[features]`, `[channels, height, width]`, or `[positions]` before an embedding.
    pub input_shape: Vec<u32>,
    /// The layers, first to last.
    pub layers: Vec<NamedLayer>,
    /// What the last layer's numbers mean.
    pub output: OutputKind,
}

/// One layer and its name; the parameters are called `<name>.weight`, `<name>.bias`, ….
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct NamedLayer {
    /// ASCII letters, digits, `_`, with dots between the parts: at most 64 bytes, unique in the model.
    pub name: String,
    /// What it computes.
    pub layer: Layer,
}

/// Height and width.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Along the second axis of `[channels, height, width]`.
    pub height: u32,
    /// Along the third.
    pub width: u32,
}

/// What a layer computes. The meaning of every field is that of PyTorch's module of the same name.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub enum Layer {
    /// `y = x·Wᵀ + b` over the last axis; `weight` is `[outputs, inputs]`.
    Linear {
        /// Length of the last axis that comes in.
        inputs: u32,
        /// Length of the last axis that goes out.
        outputs: u32,
        /// Whether there is a `bias` of `[outputs]`.
        bias: bool,
    },
    /// Cross-correlation; `weight` is `[out_channels, in_channels / groups, height, width]`.
    Conv2d {
        /// Channels that come in.
        in_channels: u32,
        /// Channels that go out.
        out_channels: u32,
        /// Size of the window.
        kernel: Pair,
        /// Step of the window.
        stride: Pair,
        /// Zeros added on each side.
        padding: Pair,
        /// Distance between the window's taps.
        dilation: Pair,
        /// Channels are split into so many independent groups.
        groups: u32,
        /// Whether there is a `bias` of `[out_channels]`.
        bias: bool,
    },
    /// The greatest value of each window.
    MaxPool2d {
        /// Size of the window.
        kernel: Pair,
        /// Step of the window.
        stride: Pair,
        /// Border that never wins; at most half the kernel.
        padding: Pair,
    },
    /// The mean of each window, zeros of the border counted.
    AvgPool2d {
        /// Size of the window.
        kernel: Pair,
        /// Step of the window.
        stride: Pair,
        /// Zeros added on each side; at most half the kernel.
        padding: Pair,
    },
    /// Normalises each channel (the first axis) by its stored `running_mean` and `running_var`, then `weight` and `bias`. While a
    /// client trains, by the batch's own mean and variance, which move the stored ones by a tenth (PyTorch's `train()`).
    BatchNorm {
        /// Length of the first axis.
        features: u32,
        /// Added to the variance.
        epsilon: f32,
    },
    /// Normalises over the last axis, then `weight` and `bias`.
    LayerNorm {
        /// Length of the last axis.
        features: u32,
        /// Added to the variance.
        epsilon: f32,
    },
    /// Looks each input up in `weight`, `[count, dimension]`. Only as the first layer; inputs are whole numbers.
    Embedding {
        /// Number of entries: inputs are below it.
        count: u32,
        /// Length of an entry.
        dimension: u32,
    },
    /// Zeroes values at random while a client trains; nothing otherwise.
    Dropout {
        /// Probability of zero, in [0, 1).
        probability: f32,
    },
    /// `max(x, 0)`.
    Relu,
    /// Gaussian error linear unit, exact form.
    Gelu,
    /// Hyperbolic tangent.
    Tanh,
    /// `1 / (1 + e⁻ˣ)`.
    Sigmoid,
    /// Exponentials over the last axis, divided by their sum.
    Softmax,
    /// All axes become one.
    Flatten,
    /// `layers(x) + shortcut(x)`; an empty shortcut is the identity. Parameters are called `<name>.<inner name>.…`.
    Residual {
        /// The main path.
        layers: Vec<NamedLayer>,
        /// The other path.
        shortcut: Vec<NamedLayer>,
    },
}

/// What the outputs mean; decides loss and metric.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputKind {
    /// So many classes. Logits or log-probabilities up to a constant: cross-entropy applies a softmax itself unless the last layer is one.
    Classes(u32),
    /// So many real targets: mean squared error.
    Regression(u32),
    /// A vector of such a length, not trained against labels.
    Embedding(u32),
}

impl OutputKind {
    /// Number of outputs.
    pub fn width(self) -> u32 {
        match self {
            Self::Classes(width) | Self::Regression(width) | Self::Embedding(width) => width,
        }
    }
}

/// Why a specification is refused; `layer` is the full name of the offender.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// No layer at all.
    #[error("the model has no layers")]
    NoLayers,
    /// More layers than allowed.
    #[error("{found} layers, at most {limit} are allowed")]
    TooManyLayers {
        /// Found, inner ones counted.
        found: u32,
        /// Allowed.
        limit: u32,
    },
    /// Residual blocks inside residual blocks, too deep.
    #[error("layer {layer}: blocks are nested deeper than {limit}")]
    TooDeep {
        /// Where.
        layer: String,
        /// Allowed.
        limit: u32,
    },
    /// A name with other characters, empty, or too long.
    #[error("layer name {name:?}: 1 to 64 of [A-Za-z0-9_], with single dots between parts")]
    BadName {
        /// The name, cut to 64 characters.
        name: String,
    },
    /// Two layers or two parameters would have one name.
    #[error("the name {name} is used twice")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A size, stride, group count or width of zero, or above the limit of a dimension.
    #[error("layer {layer}: {field} is {value}, allowed are 1 to {limit}")]
    BadSize {
        /// Where; `input` for the input's shape, `output` for the output's width.
        layer: String,
        /// Which.
        field: String,
        /// Found.
        value: u32,
        /// Allowed at most.
        limit: u32,
    },
    /// A probability or an epsilon outside its range or not a number.
    #[error("layer {layer}: {field} is out of range")]
    BadNumber {
        /// Where.
        layer: String,
        /// Which.
        field: String,
    },
    /// What comes in does not fit the layer.
    #[error("layer {layer}: expects {expected}, gets {found:?}")]
    ShapeMismatch {
        /// Where; `output` for what leaves the last layer.
        layer: String,
        /// What would fit, in words.
        expected: String,
        /// What comes in.
        found: Vec<u32>,
    },
    /// An embedding that is not the first layer of the model.
    #[error("layer {layer}: an embedding must be the first layer")]
    EmbeddingNotFirst {
        /// Where.
        layer: String,
    },
    /// More parameters than allowed.
    #[error("{found} parameters, at most {limit} are allowed")]
    TooManyParameters {
        /// Found.
        found: u64,
        /// Allowed.
        limit: u64,
    },
    /// An activation of one sample would have more elements than allowed.
    #[error("layer {layer}: {found} activations for one sample, at most {limit} are allowed")]
    TooManyActivations {
        /// Where.
        layer: String,
        /// Found.
        found: u64,
        /// Allowed.
        limit: u64,
    },
    /// One prediction would cost more than allowed.
    #[error("{found} multiply-adds for one sample, at most {limit} are allowed")]
    TooMuchWork {
        /// Found.
        found: u64,
        /// Allowed.
        limit: u64,
    },
}
