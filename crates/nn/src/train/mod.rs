//! Local training, natively: what a client does between taking the global model and sending its update.
//!
//! Stochastic gradient descent with momentum as PyTorch defines it, mini-batches in an order drawn from a seed, FedProx's proximal term, and
//! class weights for clients who have seen much of one class and little of another.
//! On the CPU the same weights, data, settings and seed give the same result.

pub mod data;
mod loss;
mod sgd;

use burn::tensor::{Device, Tensor, TensorData};
use rand::rngs::ChaCha8Rng;
use rand::{Rng as _, SeedableRng as _};

use crate::build::{InputError, Mode, Network, Statistics, check_inputs};
use crate::score::evaluation::{Evaluation, EvaluationError};
use crate::spec::{Layer, OutputKind, Plan, Step, StepKind};
use crate::weights::{self, WeightsError};
use data::{Dataset, Labels};
pub use loss::ClassWeight;
use loss::Loss;
use sgd::Sgd;

/// How a client trains.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Step size, above zero.
    pub learning_rate: f32,
    /// Memory of past steps, in [0, 1).
    pub momentum: f32,
    /// Samples in a batch, at least one; the last of an epoch may be smaller.
    pub batch: usize,
    /// Passes over the data.
    pub epochs: u32,
    /// FedProx's μ; zero for none.
    pub proximal_mu: f32,
    /// What a sample counts in the loss.
    pub class_weight: ClassWeight,
    /// Decides the order of the batches and what dropout drops.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            learning_rate: 0.05,
            momentum: 0.9,
            batch: 32,
            epochs: 1,
            proximal_mu: 0.0,
            class_weight: ClassWeight::None,
            seed: 0,
        }
    }
}

/// Where the training stands, after each epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Epochs done.
    pub epoch: u32,
    /// Mean loss of the epoch's batches, class weights counted, the proximal term left out.
    pub loss: f64,
}

/// Why a client cannot train.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TrainError {
    /// A setting outside its range.
    #[error("setting {0} is out of range")]
    Setting(&'static str),
    /// No samples.
    #[error("there is nothing to train on")]
    NoSamples,
    /// A batch norm has one value a channel in a batch of one sample, and no spread to normalise by.
    #[error("the model's batch norms need batches of two samples at least, and two samples")]
    OneOfABatch,
    /// An embedding model has no loss.
    #[error("a model whose output is an embedding is not trained against labels")]
    NoTargets,
    /// Global weights that do not fit the model.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// Inputs that do not fit the model.
    #[error(transparent)]
    Input(#[from] InputError),
    /// Labels that do not fit the model.
    #[error(transparent)]
    Labels(#[from] EvaluationError),
    /// The loss or a weight is no number any more: a smaller learning rate may help.
    #[error("training diverged in epoch {0}")]
    Diverged(u32),
}

/// Trains `global` on `data`; answers the new weights. `progress` hears of every epoch.
///
/// # Errors
/// See [`TrainError`].
pub fn train(
    plan: &Plan,
    global: &[f32],
    data: &Dataset,
    settings: &Settings,
    device: &Device,
    mut progress: impl FnMut(Progress),
) -> Result<Vec<f32>, TrainError> {
    check(plan, data, settings)?;
    let fewest = fewest_rows(plan);
    if fewest > data.len() || fewest > settings.batch {
        return Err(TrainError::OneOfABatch);
    }
    let device = device.clone().autodiff();
    let mut network = Network::new(plan, global, &device)?;
    let mut sgd = Sgd::new(settings.learning_rate, settings.momentum, settings.proximal_mu);
    let loss = Loss::new(plan, &data.labels, settings.class_weight);
    let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
    let mut order: Vec<usize> = (0..data.len()).collect();
    for epoch in 1..=settings.epochs {
        data::shuffle(&mut order, &mut random);
        let mut sum = 0.0;
        for batch in batches(&order, settings.batch, fewest) {
            let samples = data.select(batch);
            let inputs = Tensor::<2>::from_data(
                TensorData::new(samples.inputs, [batch.len(), plan.input_len()]),
                &device,
            );
            let mut draw = |count: usize| (0..count).map(|_| uniform(&mut random)).collect();
            let mut statistics = Statistics::default();
            let mut mode = Mode::Train {
                draw: &mut draw,
                statistics: &mut statistics,
            };
            let outputs = network.forward(inputs, &mut mode);
            let loss = loss.of(outputs, samples.labels, &device);
            #[allow(clippy::cast_precision_loss)]
            let size = batch.len() as f64;
            sum += f64::from(loss.clone().into_scalar::<f32>()) * size;
            network = sgd.step(network, loss.backward()).with_statistics(statistics);
        }
        #[allow(clippy::cast_precision_loss)]
        let mean = sum / data.len() as f64;
        if !mean.is_finite() {
            return Err(TrainError::Diverged(epoch));
        }
        progress(Progress { epoch, loss: mean });
    }
    let trained = network.weights();
    weights::check(plan, &trained).map_err(|_| TrainError::Diverged(settings.epochs))?;
    Ok(trained)
}

/// Samples that a batch needs: two where a batch norm has one value a channel, since it normalises by their spread.
fn fewest_rows(plan: &Plan) -> usize {
    fn alone(step: &Step) -> bool {
        match &step.kind {
            StepKind::Plain(Layer::BatchNorm { .. }) => step.input.iter().skip(1).product::<usize>() == 1,
            StepKind::Plain(_) => false,
            StepKind::Residual { layers, shortcut } => layers.iter().chain(shortcut).any(alone),
        }
    }
    1 + usize::from(plan.steps.iter().any(alone))
}

/// An epoch's batches. What is left at the end and too small for one goes to the batch before.
fn batches(order: &[usize], size: usize, fewest: usize) -> impl Iterator<Item = &[usize]> {
    let rest = order.len() % size;
    let merged = rest > 0 && rest < fewest && order.len() > size;
    let count = order.len().div_ceil(size) - usize::from(merged);
    (0..count).map(move |number| {
        let end = if number + 1 == count {
            order.len()
        } else {
            (number + 1) * size
        };
        &order[number * size..end]
    })
}

/// Evaluates weights on `data`, `batch` samples at a time.
///
/// # Errors
/// If weights or data do not fit the model.
pub fn evaluate(
    plan: &Plan,
    flat: &[f32],
    data: &Dataset,
    batch: usize,
    device: &Device,
) -> Result<Evaluation, TrainError> {
    let network = Network::new(plan, flat, device)?.pack();
    let mut evaluation = Evaluation::new(plan.output);
    let all: Vec<usize> = (0..data.len()).collect();
    for batch in all.chunks(batch.max(1)) {
        let samples = data.select(batch);
        let outputs = network.predict(plan, &samples.inputs, device)?;
        evaluation.add(plan, &outputs, samples.labels.as_targets())?;
    }
    Ok(evaluation)
}

fn check(plan: &Plan, data: &Dataset, settings: &Settings) -> Result<(), TrainError> {
    let good = [
        (
            "learning_rate",
            settings.learning_rate > 0.0 && settings.learning_rate.is_finite(),
        ),
        ("momentum", (0.0..1.0).contains(&settings.momentum)),
        ("batch", settings.batch > 0),
        (
            "proximal_mu",
            settings.proximal_mu >= 0.0 && settings.proximal_mu.is_finite(),
        ),
        (
            "class_weight",
            settings.class_weight == ClassWeight::None || matches!(data.labels, Labels::Classes(_)),
        ),
    ];
    if let Some((name, _)) = good.iter().find(|(_, good)| !good) {
        return Err(TrainError::Setting(name));
    }
    if data.is_empty() {
        return Err(TrainError::NoSamples);
    }
    if matches!(plan.output, OutputKind::Embedding(_)) {
        return Err(TrainError::NoTargets);
    }
    check_inputs(plan, &data.inputs)?;
    let samples = data.inputs.len() / plan.input_len();
    // Outputs of zero: only whether the labels fit is of interest.
    let zeros = vec![0.0; samples * plan.output_len()];
    Evaluation::new(plan.output).add(plan, &zeros, data.labels.as_targets())?;
    Ok(())
}

/// In [0, 1), of 24 bits.
fn uniform(random: &mut ChaCha8Rng) -> f32 {
    #[allow(clippy::cast_precision_loss)]
    let bits = (random.next_u32() >> 8) as f32;
    bits / 16_777_216.0
}

#[cfg(test)]
mod tests;
