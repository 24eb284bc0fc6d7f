//! From a [`ModelSpec`] to a [`Plan`]: every shape inferred, every limit checked, every parameter listed in order.
//!
//! A specification comes from a stranger. Nothing is built, and no memory is asked for, before it has passed here.

mod cost;
mod names;
mod shape;

use std::collections::BTreeSet;

pub use ddsx_types::federated_aggregator::{Layer, ModelSpec, NamedLayer, OutputKind, Pair, SpecError};

pub use cost::Cost;
use names::qualified;

/// What a model may cost. The defaults are those of `federated_aggregator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Layers, inner ones counted.
    pub layers: u32,
    /// Residual blocks inside one another.
    pub depth: u32,
    /// Any one size in the specification.
    pub dimension: u32,
    /// Numbers in the model's weights, buffers counted.
    pub parameters: u64,
    /// Numbers in one activation of one sample.
    pub activations: u64,
    /// Multiply-adds of one sample; each exponential, tangent or error function counts as 16.
    pub multiply_adds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            layers: 256,
            depth: 4,
            dimension: 1 << 24,
            parameters: 50_000_000,
            activations: 4_000_000,
            multiply_adds: 2_000_000_000,
        }
    }
}

/// One tensor of the model, in PyTorch's name and layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// As in a PyTorch state dictionary: `fc1.weight`.
    pub name: String,
    /// PyTorch's order of axes: a linear weight is `[outputs, inputs]`.
    pub shape: Vec<usize>,
    /// Where it begins in the flat vector of all weights, in elements.
    pub offset: usize,
    /// Whether training moves it; the statistics of a batch norm are carried along but not trained.
    pub trainable: bool,
}

impl Parameter {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Never true: a size of zero is refused.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its elements' places in the flat vector of all weights.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.len()
    }
}

/// A checked layer: what it computes, its shapes without the batch, and its parameters' places in [`Plan::parameters`].
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Full name: outer block, dot, own name.
    pub name: String,
    /// The layer; for a residual block without its inner layers.
    pub kind: StepKind,
    /// Shape that comes in.
    pub input: Vec<usize>,
    /// Shape that goes out.
    pub output: Vec<usize>,
    /// Index of its first parameter, those that it has follow each other.
    pub first_parameter: usize,
}

/// What a step computes.
#[derive(Clone, Debug, PartialEq)]
pub enum StepKind {
    /// A layer that is not a residual block.
    Plain(Layer),
    /// The sum of two paths.
    Residual {
        /// The main path.
        layers: Vec<Step>,
        /// The other path; empty is the identity.
        shortcut: Vec<Step>,
    },
}

/// A specification that passed every check.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Shape of one input.
    pub input: Vec<usize>,
    /// The layers.
    pub steps: Vec<Step>,
    /// What the outputs mean.
    pub output: OutputKind,
    /// Every tensor, in the order of the flat vector.
    pub parameters: Vec<Parameter>,
    /// Length of the flat vector of all weights.
    pub len: usize,
    /// Multiply-adds of one sample, counted as [`Limits::multiply_adds`] says.
    pub multiply_adds: u64,
    /// What a prediction costs in a canister, every layer counted.
    pub cost: Cost,
    /// Whether the last layer is a softmax, so that outputs are probabilities.
    pub ends_in_softmax: bool,
}

impl Plan {
    /// Checks `spec` against `limits`.
    ///
    /// # Errors
    /// The first thing found wrong, with the layer it is wrong in.
    pub fn new(spec: &ModelSpec, limits: &Limits) -> Result<Self, SpecError> {
        let mut checker = Checker::new(*limits);
        checker.count(&spec.layers, "", 0)?;
        let input = checker.shape("input", &spec.input_shape)?;
        checker.size("output", "width", spec.output.width())?;
        let (steps, output) = checker.path("", &spec.layers, input.clone())?;
        if output != [spec.output.width() as usize] {
            return Err(SpecError::ShapeMismatch {
                layer: "output".into(),
                expected: format!("[{}]", spec.output.width()),
                found: shape::narrow(&output),
            });
        }
        Ok(Self {
            input,
            steps,
            output: spec.output,
            len: checker.len,
            parameters: checker.parameters,
            multiply_adds: checker.multiply_adds,
            cost: checker.cost,
            ends_in_softmax: matches!(spec.layers.last().map(|last| &last.layer), Some(Layer::Softmax)),
        })
    }

    /// Numbers in one input.
    pub fn input_len(&self) -> usize {
        self.input.iter().product()
    }

    /// Numbers in one output.
    pub fn output_len(&self) -> usize {
        self.output.width() as usize
    }

    /// How many entries the first layer's table has, where that is an embedding: inputs are whole numbers below it.
    pub fn vocabulary(&self) -> Option<u32> {
        match self.steps.first().map(|step| &step.kind) {
            Some(StepKind::Plain(Layer::Embedding { count, .. })) => Some(*count),
            _ => None,
        }
    }
}

/// Walks the layers, gathering what the plan needs.
struct Checker {
    limits: Limits,
    names: BTreeSet<String>,
    parameters: Vec<Parameter>,
    parameter_names: BTreeSet<String>,
    len: usize,
    multiply_adds: u64,
    cost: Cost,
    /// Whether a layer was met already: an embedding comes first.
    begun: bool,
}

impl Checker {
    fn new(limits: Limits) -> Self {
        Self {
            limits,
            names: BTreeSet::new(),
            parameters: Vec::new(),
            parameter_names: BTreeSet::new(),
            len: 0,
            multiply_adds: 0,
            cost: Cost::default(),
            begun: false,
        }
    }

    /// Counts layers and depth before anything else walks the tree.
    fn count(&self, layers: &[NamedLayer], prefix: &str, depth: u32) -> Result<u32, SpecError> {
        if layers.is_empty() && prefix.is_empty() {
            return Err(SpecError::NoLayers);
        }
        let mut found = u32::try_from(layers.len()).unwrap_or(u32::MAX);
        for named in layers {
            if found > self.limits.layers {
                break;
            }
            if let Layer::Residual { layers, shortcut } = &named.layer {
                let layer = qualified(prefix, &named.name)?;
                if depth >= self.limits.depth {
                    return Err(SpecError::TooDeep {
                        layer,
                        limit: self.limits.depth,
                    });
                }
                found = found.saturating_add(self.count(layers, &layer, depth + 1)?);
                found = found.saturating_add(self.count(shortcut, &layer, depth + 1)?);
            }
        }
        if found > self.limits.layers {
            return Err(SpecError::TooManyLayers {
                found,
                limit: self.limits.layers,
            });
        }
        Ok(found)
    }

    fn path(
        &mut self,
        prefix: &str,
        layers: &[NamedLayer],
        mut shape: Vec<usize>,
    ) -> Result<(Vec<Step>, Vec<usize>), SpecError> {
        let mut steps = Vec::with_capacity(layers.len());
        for named in layers {
            let step = self.step(prefix, named, &shape)?;
            shape.clone_from(&step.output);
            steps.push(step);
        }
        Ok((steps, shape))
    }

    fn step(&mut self, prefix: &str, named: &NamedLayer, input: &[usize]) -> Result<Step, SpecError> {
        let name = qualified(prefix, &named.name)?;
        if !self.names.insert(name.clone()) {
            return Err(SpecError::DuplicateName { name });
        }
        let first = !std::mem::replace(&mut self.begun, true);
        let (first_parameter, before) = (self.parameters.len(), self.multiply_adds);
        let (kind, output) = if let Layer::Residual { layers, shortcut } = &named.layer {
            let (layers, output) = self.path(&name, layers, input.to_vec())?;
            let (shortcut, other) = self.path(&name, shortcut, input.to_vec())?;
            if output != other {
                return Err(SpecError::ShapeMismatch {
                    layer: name,
                    expected: format!("the shortcut to give {output:?}"),
                    found: shape::narrow(&other),
                });
            }
            // The sum of both paths, beside the input that waited for the second.
            let numbers = |shape: &[usize]| shape.iter().product::<usize>();
            let sum = numbers(input) + 2 * numbers(&output);
            self.cost = self.cost.then(Cost::of(&named.layer, &[sum], &output, 0));
            (StepKind::Residual { layers, shortcut }, output)
        } else {
            if matches!(named.layer, Layer::Embedding { .. }) && !(first && prefix.is_empty()) {
                return Err(SpecError::EmbeddingNotFirst { layer: name });
            }
            let output = self.plain(&name, &named.layer, input)?;
            let own = self.multiply_adds - before;
            self.cost = self.cost.then(Cost::of(&named.layer, input, &output, own));
            (StepKind::Plain(named.layer.clone()), output)
        };
        self.activations(&name, &output)?;
        Ok(Step {
            name,
            kind,
            input: input.to_vec(),
            output,
            first_parameter,
        })
    }

    /// Adds `<layer>.<field>` of `shape`.
    fn parameter(&mut self, layer: &str, field: &str, shape: &[usize], trainable: bool) -> Result<(), SpecError> {
        let name = format!("{layer}.{field}");
        if !self.parameter_names.insert(name.clone()) {
            return Err(SpecError::DuplicateName { name });
        }
        let count = shape
            .iter()
            .fold(1_u64, |product, &size| product.saturating_mul(size as u64));
        let found = count.saturating_add(self.len as u64);
        let len = match usize::try_from(found) {
            Ok(len) if found <= self.limits.parameters => len,
            _ => {
                return Err(SpecError::TooManyParameters {
                    found,
                    limit: self.limits.parameters,
                });
            }
        };
        self.parameters.push(Parameter {
            name,
            shape: shape.to_vec(),
            offset: self.len,
            trainable,
        });
        self.len = len;
        Ok(())
    }

    /// Adds to the cost of a sample.
    fn work(&mut self, factors: &[usize]) -> Result<(), SpecError> {
        let work = factors
            .iter()
            .fold(1_u64, |product, &size| product.saturating_mul(size as u64));
        self.multiply_adds = self.multiply_adds.saturating_add(work);
        if self.multiply_adds > self.limits.multiply_adds {
            return Err(SpecError::TooMuchWork {
                found: self.multiply_adds,
                limit: self.limits.multiply_adds,
            });
        }
        Ok(())
    }

    fn activations(&self, layer: &str, shape: &[usize]) -> Result<(), SpecError> {
        let found = shape
            .iter()
            .fold(1_u64, |product, &size| product.saturating_mul(size as u64));
        if found > self.limits.activations {
            return Err(SpecError::TooManyActivations {
                layer: layer.into(),
                found,
                limit: self.limits.activations,
            });
        }
        Ok(())
    }

    /// A size from the specification: 1 to the limit.
    fn size(&self, layer: &str, field: &str, value: u32) -> Result<usize, SpecError> {
        if (1..=self.limits.dimension).contains(&value) {
            Ok(value as usize)
        } else {
            Err(SpecError::BadSize {
                layer: layer.into(),
                field: field.into(),
                value,
                limit: self.limits.dimension,
            })
        }
    }

    fn shape(&self, layer: &str, sizes: &[u32]) -> Result<Vec<usize>, SpecError> {
        if !(1..=3).contains(&sizes.len()) {
            return Err(SpecError::ShapeMismatch {
                layer: layer.into(),
                expected: "one to three axes".into(),
                found: sizes.iter().copied().take(8).collect(),
            });
        }
        let shape = sizes
            .iter()
            .map(|&size| self.size(layer, "size", size))
            .collect::<Result<Vec<_>, _>>()?;
        self.activations(layer, &shape)?;
        Ok(shape)
    }
}

#[cfg(test)]
mod tests;
