//! Evaluation on the held-out set, batch by batch, and the networks that are kept on the heap between messages.
//!
//! A batch's size depends on the model alone, and batches come in order: the sums are the same wherever slices end.

use std::cell::RefCell;
use std::rc::Rc;

use burn::tensor::Device;
use ddsx_nn::build::Network;
use ddsx_nn::score::evaluation::{Evaluation, Targets};
use ddsx_nn::spec::{OutputKind, Plan};
use ddsx_types::federated_aggregator::TaskId;
use safetensors::Dtype;
use safetensors::tensor::Metadata;
use serde::{Deserialize, Serialize};

use crate::limits::{BATCH_NUMBERS, MAX_BATCH, MAX_HEADER_BYTES, STEP_INSTRUCTIONS};
use crate::storage::Storage;
use crate::storage::extents::Blob;
use crate::storage::records::TaskRecord;

/// Where a held-out set's samples and labels lie in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// How many samples.
    pub samples: u64,
    inputs: u64,
    labels: u64,
    /// Bytes of a label; of all targets of a sample.
    label_bytes: u64,
}

impl Dataset {
    /// Reads the file's header, and checks that it fits the plan.
    pub fn open(storage: &Storage, record: &TaskRecord, plan: &Plan) -> Result<Self, String> {
        let blob = record.evaluation.complete().ok_or("it is not complete")?;
        let length = u64::from_le_bytes(
            storage
                .read(&blob, 0, 8.min(blob.len()))
                .try_into()
                .map_err(|_| "no safetensors file")?,
        );
        if length > MAX_HEADER_BYTES.min(blob.len() - 8) {
            return Err("its header is too long".to_owned());
        }
        let header = storage.read(&blob, 8, length);
        let metadata: Metadata = serde_json::from_slice(&header).map_err(|error| error.to_string())?;
        let data = 8 + length;
        if data + metadata.data_len() as u64 != blob.len() {
            return Err("its length is not what its header says".to_owned());
        }
        let tensor = |name: &str| metadata.info(name).ok_or(format!("tensor {name} is missing"));
        let inputs = tensor("inputs")?;
        let mut expected = vec![inputs.shape.first().copied().unwrap_or(0)];
        expected.extend(&plan.input);
        if inputs.dtype != Dtype::F32 || inputs.shape != expected || expected[0] == 0 {
            return Err(format!("inputs must be F32 of shape [samples, {:?}]", plan.input));
        }
        let samples = expected[0];
        let (labels, label_bytes) = match plan.output {
            OutputKind::Classes(_) => {
                let labels = tensor("labels")?;
                let bytes = match labels.dtype {
                    Dtype::U8 => 1,
                    Dtype::I32 => 4,
                    Dtype::I64 => 8,
                    _ => return Err("labels must be U8, I32 or I64".to_owned()),
                };
                if labels.shape != [samples] {
                    return Err("labels must be one a sample".to_owned());
                }
                (labels, bytes)
            }
            OutputKind::Regression(width) | OutputKind::Embedding(width) => {
                let targets = tensor("targets")?;
                if targets.dtype != Dtype::F32 || targets.shape != [samples, width as usize] {
                    return Err(format!("targets must be F32 of shape [samples, {width}]"));
                }
                (targets, u64::from(width) * 4)
            }
        };
        Ok(Self {
            samples: samples as u64,
            inputs: data + inputs.data_offsets.0 as u64,
            labels: data + labels.data_offsets.0 as u64,
            label_bytes,
        })
    }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect()
}

/// A label; one below zero or too large becomes one that no model has.
fn label(bytes: &[u8]) -> u32 {
    let wide = bytes
        .iter()
        .rev()
        .fold(0_u64, |label, byte| label << 8 | u64::from(*byte));
    u32::try_from(wide).unwrap_or(u32::MAX)
}

/// Samples of a batch: what fits a step, in instructions and in memory.
pub fn batch(plan: &Plan) -> u64 {
    let by_work = STEP_INSTRUCTIONS / plan.cost.sample.max(1);
    let by_memory = BATCH_NUMBERS / plan.cost.numbers.max(1);
    by_work.min(by_memory).clamp(1, MAX_BATCH)
}

/// An evaluation that has come so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EvaluationRun {
    next: u64,
    sums: Evaluation,
}

impl EvaluationRun {
    /// At the first sample.
    pub fn new(plan: &Plan) -> Self {
        Self {
            next: 0,
            sums: Evaluation::new(plan.output),
        }
    }

    /// What has come together.
    pub fn sums(&self) -> &Evaluation {
        &self.sums
    }
}

/// Evaluates one more batch. Says whether it was the last.
pub fn step(
    storage: &Storage,
    record: &TaskRecord,
    plan: &Plan,
    subject: Subject,
    weights: &Blob,
    run: &mut EvaluationRun,
) -> Result<bool, String> {
    let set = Dataset::open(storage, record, plan)?;
    let blob = record.evaluation.complete().ok_or("it is not complete")?;
    let network = candidate(storage, plan, subject, weights)?;
    let (first, end) = (run.next, set.samples.min(run.next + batch(plan)));
    let input_bytes = plan.input_len() as u64 * 4;
    let inputs = storage.read(&blob, set.inputs + first * input_bytes, (end - first) * input_bytes);
    let outputs = network
        .predict(plan, &floats(&inputs), &Device::flex())
        .map_err(|error| error.to_string())?;
    let labels = storage.read(
        &blob,
        set.labels + first * set.label_bytes,
        (end - first) * set.label_bytes,
    );
    let added = if matches!(plan.output, OutputKind::Classes(_)) {
        let width = usize::try_from(set.label_bytes).unwrap_or(1);
        let classes: Vec<u32> = labels.chunks(width).map(label).collect();
        run.sums.add(plan, &outputs, Targets::Classes(&classes))
    } else {
        run.sums.add(plan, &outputs, Targets::Values(&floats(&labels)))
    };
    added.map_err(|error| error.to_string())?;
    run.next = end;
    Ok(end == set.samples)
}

/// What decides acceptance, higher is better: accuracy, or loss negated. None if it is not a number.
pub fn value(sums: &Evaluation) -> Option<f64> {
    sums.loss().filter(|loss| loss.is_finite())?;
    sums.accuracy().or_else(|| sums.loss().map(|loss| -loss))
}

/// Names weights whose bits never change under this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    task: TaskId,
    number: u32,
    kind: u8,
    members: u64,
}

impl Subject {
    /// The candidate of a round; of round 0 the first model.
    pub fn candidate(task: TaskId, round: u32) -> Self {
        Self {
            task,
            number: round,
            kind: 0,
            members: 0,
        }
    }

    /// A coalition of a round's clients.
    pub fn coalition(task: TaskId, round: u32, members: u64) -> Self {
        Self {
            task,
            number: round,
            kind: 1,
            members,
        }
    }

    /// A version in force.
    pub fn model(task: TaskId, version: u32) -> Self {
        Self {
            task,
            number: version,
            kind: 2,
            members: 0,
        }
    }
}

/// Numbers in the models that are kept for predictions.
const KEPT_NUMBERS: usize = 60_000_000;

struct Kept {
    subject: Subject,
    numbers: usize,
    network: Rc<Network>,
}

thread_local! {
    /// The network that is being evaluated. An upgrade forgets it, and it is built again.
    static EVALUATED: RefCell<Option<(Subject, Rc<Network>)>> = const { RefCell::new(None) };
    /// Models in force, those used last at the end.
    static MODELS: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

fn build(storage: &Storage, plan: &Plan, weights: &Blob) -> Result<Rc<Network>, String> {
    let numbers = storage.read_numbers(weights, 0, weights.len() / 4);
    let network = Network::new(plan, &numbers, &Device::flex()).map_err(|error| error.to_string())?;
    Ok(Rc::new(network.pack()))
}

fn candidate(storage: &Storage, plan: &Plan, subject: Subject, weights: &Blob) -> Result<Rc<Network>, String> {
    let kept = EVALUATED.with_borrow(|kept| {
        kept.as_ref()
            .filter(|(name, _)| *name == subject)
            .map(|(_, network)| Rc::clone(network))
    });
    if let Some(network) = kept {
        return Ok(network);
    }
    // Two at once might not fit the heap.
    EVALUATED.set(None);
    let network = build(storage, plan, weights)?;
    EVALUATED.set(Some((subject, Rc::clone(&network))));
    Ok(network)
}

/// A candidate that was accepted is a model now: keep its network for predictions, if it is still here.
pub fn keep(candidate: Subject, model: Subject, numbers: usize) {
    let found = EVALUATED.with_borrow(|kept| {
        kept.as_ref()
            .filter(|(name, _)| *name == candidate)
            .map(|(_, network)| Rc::clone(network))
    });
    if let Some(network) = found {
        remember(model, numbers, network);
    }
}

fn remember(subject: Subject, numbers: usize, network: Rc<Network>) {
    MODELS.with_borrow_mut(|models| {
        models.retain(|kept| kept.subject.task != subject.task);
        models.push(Kept {
            subject,
            numbers,
            network,
        });
        while models.len() > 1 && models.iter().map(|kept| kept.numbers).sum::<usize>() > KEPT_NUMBERS {
            models.remove(0);
        }
    });
}

/// The network of the version in force: kept, or built for this call.
pub fn model(storage: &Storage, plan: &Plan, subject: Subject, weights: &Blob) -> Result<Rc<Network>, String> {
    let kept = MODELS.with_borrow(|models| {
        models
            .iter()
            .find(|kept| kept.subject == subject)
            .map(|kept| Rc::clone(&kept.network))
    });
    match kept {
        Some(network) => Ok(network),
        None => build(storage, plan, weights),
    }
}

/// Keeps the network of the version in force, so that predictions need not build it.
pub fn warm(storage: &Storage, plan: &Plan, subject: Subject, weights: &Blob) {
    let there = MODELS.with_borrow(|models| models.iter().any(|kept| kept.subject == subject));
    if !there
        && plan.len <= KEPT_NUMBERS
        && let Ok(network) = build(storage, plan, weights)
    {
        remember(subject, plan.len, network);
    }
}

/// Forgets all networks, as an upgrade does.
#[cfg(test)]
pub fn forget() {
    EVALUATED.set(None);
    MODELS.set(Vec::new());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_read_labels_of_every_width() {
        for (bytes, expected) in [
            (vec![7], 7),
            (7_i32.to_le_bytes().to_vec(), 7),
            ((-1_i32).to_le_bytes().to_vec(), u32::MAX),
            (300_i64.to_le_bytes().to_vec(), 300),
            ((-1_i64).to_le_bytes().to_vec(), u32::MAX),
        ] {
            assert_eq!(label(&bytes), expected, "{bytes:?}");
        }
    }
}
