//! The layers as Burn modules.
//!
//! An activation always travels as `[batch, values]`; a layer that needs axes reshapes to the ones that the plan inferred for
//! it and back, which moves nothing.

use burn::module::{Module, Param};
use burn::tensor::module::{avg_pool2d, batch_norm, batch_norm_train, conv2d, embedding, layer_norm, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions};
use burn::tensor::{Int, Tensor, activation};

use super::Source;
use super::linear::Linear;
use super::mode::Mode;
use crate::spec::{Layer, Pair, Step};

/// One layer.
#[derive(Module, Debug)]
pub struct Node {
    kind: Kind,
    /// Shape of one sample that comes in.
    input: Vec<usize>,
}

#[derive(Module, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a model has few layers, and each holds its weights elsewhere"
)]
enum Kind {
    Linear(Linear),
    Conv2d(Convolution),
    Pool(Pool),
    BatchNorm(BatchNorm),
    LayerNorm(LayerNorm),
    Embedding(Param<Tensor<2>>),
    Function(Function),
    Residual(Residual),
}

#[derive(Module, Debug)]
struct Convolution {
    weight: Param<Tensor<4>>,
    bias: Option<Param<Tensor<1>>>,
    stride: [usize; 2],
    padding: [usize; 2],
    dilation: [usize; 2],
    groups: usize,
}

#[derive(Module, Debug)]
struct Pool {
    maximum: bool,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
}

#[derive(Module, Debug)]
struct BatchNorm {
    weight: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
    mean: Param<Tensor<1>>,
    variance: Param<Tensor<1>>,
    epsilon: f64,
}

#[derive(Module, Debug)]
struct LayerNorm {
    weight: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
    epsilon: f64,
}

/// A layer without parameters: which, and a number that dropout needs.
#[derive(Module, Debug)]
struct Function {
    #[module(skip)]
    layer: Layer,
}

#[derive(Module, Debug)]
struct Residual {
    layers: Vec<Node>,
    shortcut: Vec<Node>,
}

/// The elements of `tensor`, row by row, behind `flat`.
pub(super) fn append<const D: usize>(flat: &mut Vec<f32>, tensor: Tensor<D>) {
    flat.extend(tensor.into_data().try_to_vec::<f32>().expect("parameters are f32"));
}

fn pair(pair: Pair) -> [usize; 2] {
    [pair.height as usize, pair.width as usize]
}

/// The module of a layer that is no block.
pub(super) fn plain(source: &Source<'_>, step: &Step, layer: &Layer) -> Node {
    let at = step.first_parameter;
    let kind = match layer {
        Layer::Linear { bias, .. } => Kind::Linear(Linear::new(
            source.param(at, source.tensor::<2>(at).transpose()),
            bias.then(|| source.own(at + 1)),
        )),
        Layer::Conv2d {
            stride,
            padding,
            dilation,
            groups,
            bias,
            ..
        } => Kind::Conv2d(Convolution {
            weight: source.own(at),
            bias: bias.then(|| source.own(at + 1)),
            stride: pair(*stride),
            padding: pair(*padding),
            dilation: pair(*dilation),
            groups: *groups as usize,
        }),
        Layer::MaxPool2d {
            kernel,
            stride,
            padding,
        }
        | Layer::AvgPool2d {
            kernel,
            stride,
            padding,
        } => Kind::Pool(Pool {
            maximum: matches!(layer, Layer::MaxPool2d { .. }),
            kernel: pair(*kernel),
            stride: pair(*stride),
            padding: pair(*padding),
        }),
        Layer::BatchNorm { epsilon, .. } => Kind::BatchNorm(BatchNorm {
            weight: source.own(at),
            bias: source.own(at + 1),
            mean: source.own(at + 2),
            variance: source.own(at + 3),
            epsilon: f64::from(*epsilon),
        }),
        Layer::LayerNorm { epsilon, .. } => Kind::LayerNorm(LayerNorm {
            weight: source.own(at),
            bias: source.own(at + 1),
            epsilon: f64::from(*epsilon),
        }),
        Layer::Embedding { .. } => Kind::Embedding(source.own(at)),
        Layer::Dropout { .. }
        | Layer::Relu
        | Layer::Gelu
        | Layer::Tanh
        | Layer::Sigmoid
        | Layer::Softmax
        | Layer::Flatten => Kind::Function(Function { layer: layer.clone() }),
        Layer::Residual { .. } => unreachable!("the plan keeps blocks apart"),
    };
    Node {
        kind,
        input: step.input.clone(),
    }
}

impl Node {
    pub(super) fn residual(layers: Vec<Node>, shortcut: Vec<Node>) -> Self {
        Self {
            kind: Kind::Residual(Residual { layers, shortcut }),
            input: Vec::new(),
        }
    }

    pub(super) fn pack(&mut self) {
        match &mut self.kind {
            Kind::Linear(linear) => linear.pack(),
            Kind::Residual(block) => block.layers.iter_mut().chain(&mut block.shortcut).for_each(Node::pack),
            _ => {}
        }
    }

    pub(super) fn forward(&self, x: Tensor<2>, mode: &mut Mode<'_>) -> Tensor<2> {
        let rows = x.dims()[0];
        match &self.kind {
            Kind::Linear(linear) => self.over_rows(x, |x| linear.forward(x)),
            Kind::Conv2d(convolution) => flat(rows, convolution.forward(self.image(x))),
            Kind::Pool(pool) => flat(rows, pool.forward(self.image(x))),
            Kind::BatchNorm(norm) => {
                let channels = self.input[0];
                let x = x.reshape([rows, channels, self.values() / channels]);
                flat(rows, norm.forward(x, mode))
            }
            Kind::LayerNorm(norm) => self.over_rows(x, |x| {
                layer_norm(x, norm.weight.val(), Some(norm.bias.val()), norm.epsilon)
            }),
            Kind::Embedding(weight) => {
                let indices: Tensor<2, Int> = x.int();
                flat(rows, embedding(weight.val(), indices))
            }
            Kind::Function(function) => self.function(&function.layer, x, mode),
            Kind::Residual(block) => {
                let main = block.layers.iter().fold(x.clone(), |x, node| node.forward(x, mode));
                let other = block.shortcut.iter().fold(x, |x, node| node.forward(x, mode));
                main + other
            }
        }
    }

    fn function(&self, layer: &Layer, x: Tensor<2>, mode: &mut Mode<'_>) -> Tensor<2> {
        match layer {
            Layer::Relu => activation::relu(x),
            Layer::Gelu => activation::gelu(x),
            Layer::Tanh => activation::tanh(x),
            Layer::Sigmoid => activation::sigmoid(x),
            Layer::Softmax => self.over_rows(x, |x| activation::softmax(x, 1)),
            Layer::Dropout { probability } => mode.dropout(x, *probability),
            // Activations are flat already.
            _ => x,
        }
    }

    /// Applies `f` to `[batch × leading axes, last axis]`.
    fn over_rows(&self, x: Tensor<2>, f: impl FnOnce(Tensor<2>) -> Tensor<2>) -> Tensor<2> {
        if self.input.len() == 1 {
            return f(x);
        }
        let rows = x.dims()[0];
        let last = self.input[self.input.len() - 1];
        flat(rows, f(x.reshape([rows * (self.values() / last), last])))
    }

    fn image(&self, x: Tensor<2>) -> Tensor<4> {
        let rows = x.dims()[0];
        x.reshape([rows, self.input[0], self.input[1], self.input[2]])
    }

    fn values(&self) -> usize {
        self.input.iter().product()
    }

    /// Parameters in the plan's order.
    pub(super) fn write(&self, out: &mut Vec<f32>) {
        match &self.kind {
            Kind::Linear(linear) => linear.write(out),
            Kind::Conv2d(convolution) => {
                append(out, convolution.weight.val());
                if let Some(bias) = &convolution.bias {
                    append(out, bias.val());
                }
            }
            Kind::BatchNorm(norm) => {
                for parameter in [&norm.weight, &norm.bias, &norm.mean, &norm.variance] {
                    append(out, parameter.val());
                }
            }
            Kind::LayerNorm(norm) => {
                append(out, norm.weight.val());
                append(out, norm.bias.val());
            }
            Kind::Embedding(weight) => append(out, weight.val()),
            Kind::Residual(block) => block
                .layers
                .iter()
                .chain(&block.shortcut)
                .for_each(|node| node.write(out)),
            Kind::Pool(_) | Kind::Function(_) => {}
        }
    }
}

fn flat<const D: usize>(rows: usize, x: Tensor<D>) -> Tensor<2> {
    let values = x.shape().num_elements() / rows;
    x.reshape([rows, values])
}

impl Convolution {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        conv2d(
            x,
            self.weight.val(),
            self.bias.as_ref().map(Param::val),
            ConvOptions::new(self.stride, self.padding, self.dilation, self.groups),
        )
    }
}

impl BatchNorm {
    /// As PyTorch's `eval()` when predicting, as its `train()` when training.
    fn forward(&self, x: Tensor<3>, mode: &mut Mode<'_>) -> Tensor<3> {
        let (weight, bias) = (self.weight.val(), self.bias.val());
        let Mode::Train { statistics, .. } = mode else {
            return batch_norm(x, weight, bias, self.mean.val(), self.variance.val(), self.epsilon);
        };
        let [rows, _, values] = x.dims();
        let seen = batch_norm_train(x, weight, bias, self.epsilon);
        // The batch is normalised by its own variance; what is remembered is the estimate of all samples' variance.
        #[allow(clippy::cast_precision_loss)]
        let count = (rows * values) as f32;
        statistics.note(&self.mean, seen.mean);
        statistics.note(&self.variance, seen.variance.mul_scalar(count / (count - 1.0).max(1.0)));
        seen.output
    }
}

impl Pool {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let padding = self.padding.map(|padding| (padding, padding));
        if self.maximum {
            let mut options = MaxPoolOptions::new(self.kernel);
            options.stride = self.stride;
            options.padding = padding;
            max_pool2d(x, options)
        } else {
            let mut options = AvgPoolOptions::new(self.kernel);
            options.stride = self.stride;
            options.padding = padding;
            avg_pool2d(x, options)
        }
    }
}
