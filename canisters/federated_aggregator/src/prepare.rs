//! A task's first model: read from the owner's file or drawn, hashed, evaluated.

use ddsx_nn::score::evaluation::Evaluation;
use ddsx_nn::weights;
use ddsx_types::Hash;
use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::evaluate::{self, EvaluationRun, Subject};
use crate::files;
use crate::storage::Storage;
use crate::storage::extents::Blob;
use crate::storage::records::{Model, TaskRecord};
use crate::work::{Context, Progress};
use crate::{privacy, publish};

/// How far it has come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Prepare {
    /// What weights are drawn from, where they are, and the signs of sketches.
    pub seed: Option<Hash>,
    step: Step,
    blob: Option<Blob>,
    hash: Option<Hash>,
    evaluated: Option<Evaluation>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
enum Step {
    #[default]
    Load,
    Hash(Content),
    Evaluate(EvaluationRun),
}

impl Prepare {
    /// What it holds.
    pub fn blobs(&self) -> Vec<Blob> {
        self.blob.into_iter().collect()
    }
}

/// One step.
pub fn step(storage: &mut Storage, record: &mut TaskRecord, context: &Context, prepare: &mut Prepare) -> Progress {
    match &mut prepare.step {
        Step::Load => load(storage, record, context, prepare),
        Step::Hash(content) => {
            let Some(blob) = prepare.blob else {
                return Progress::Failed("the first weights are lost".to_owned());
            };
            if files::hash_some(storage, &context.plan, &blob, content) {
                prepare.hash = Some(content.hash());
                prepare.step = Step::Evaluate(EvaluationRun::new(&context.plan));
            }
            Progress::More
        }
        Step::Evaluate(run) => {
            let Some(blob) = prepare.blob else {
                return Progress::Failed("the first weights are lost".to_owned());
            };
            match evaluate::step(
                storage,
                record,
                &context.plan,
                Subject::candidate(record.id, 0),
                &blob,
                run,
            ) {
                Ok(false) => Progress::More,
                Ok(true) => {
                    prepare.evaluated = Some(run.sums().clone());
                    Progress::Done
                }
                Err(reason) => Progress::Failed(format!("evaluation set: {reason}")),
            }
        }
    }
}

/// Reads the owner's file, or draws weights: one message does it for the largest model, at about 30 instructions a number.
fn load(storage: &mut Storage, record: &mut TaskRecord, context: &Context, prepare: &mut Prepare) -> Progress {
    let plan = &context.plan;
    // A set that cannot be read is better refused now than after everything else.
    if let Err(reason) = evaluate::Dataset::open(storage, record, plan) {
        return Progress::Failed(format!("evaluation set: {reason}"));
    }
    let Some(seed) = prepare.seed else {
        return Progress::NeedsSeed;
    };
    let numbers = match &record.weights {
        Some(file) => {
            let Some(blob) = file.complete() else {
                return Progress::Failed("the first weights are not complete".to_owned());
            };
            match weights::read(plan, &storage.read(&blob, 0, blob.len())) {
                Ok(numbers) => numbers,
                Err(error) => return Progress::Failed(format!("first weights: {error}")),
            }
        }
        None => weights::init(plan, seed.0),
    };
    let Ok(blob) = storage.take(record.parameters * 4) else {
        return Progress::Failed("stable memory is exhausted".to_owned());
    };
    storage.write_numbers(&blob, 0, &numbers);
    // The file that was uploaded has served.
    if let Some(uploaded) = record.weights.as_mut().and_then(|file| file.blob.take()) {
        storage.give_back(uploaded);
    }
    prepare.blob = Some(blob);
    prepare.step = Step::Hash(Content::new(record.header_bytes + record.parameters * 4));
    Progress::More
}

/// The first model is in force.
pub fn conclude(storage: &mut Storage, record: &mut TaskRecord, context: &Context, prepare: Prepare) {
    let (Some(blob), Some(hash), Some(sums)) = (prepare.blob, prepare.hash, prepare.evaluated) else {
        panic!("a first model that was not made");
    };
    record.best = evaluate::value(&sums);
    record.loss = sums.loss().filter(|loss| loss.is_finite());
    record.paid_loss = record.loss;
    record.sketch_seed = prepare.seed.map(|seed| Hash(privacy::derive(seed, "ddsx sketch")));
    let model = Model {
        version: 0,
        round: 0,
        hash,
        parent: Hash::default(),
        blob,
    };
    publish::put_in_force(storage, record, model);
    evaluate::keep(
        Subject::candidate(record.id, 0),
        Subject::model(record.id, 0),
        context.plan.len,
    );
}
