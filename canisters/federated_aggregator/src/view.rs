//! What everybody may read.

use candid::Principal;
use ddsx_nn::build::InputError;
use ddsx_runtime::Runtime;
use ddsx_types::federated_aggregator::{
    CertifiedModel, CertifiedReport, ModelChunk, ModelChunkArgs, PIECE_BYTES, Page, Participant, ParticipantsArgs,
    PredictArgs, RoundKey, RoundReport, RoundState, RoundView, Stage, TaskAudit, TaskError, TaskId, TaskInfo,
    TaskStage,
};
use serde_bytes::ByteBuf;

use crate::amounts::nat;
use crate::evaluate::{self, Subject};
use crate::limits::{BATCH_NUMBERS, PREDICT_INSTRUCTIONS};
use crate::price::{self, Price};
use crate::storage::Storage;
use crate::storage::records::{ClientRecord, TaskRecord};
use crate::work::{Context, Work};
use crate::{certification, create, files, owner, privacy, publish, standing, upkeep};

const PAGE: u32 = 100;
/// Bytes of arguments after which a page of tasks ends; those of one task are far below an answer's other megabyte.
const PAGE_BYTES: usize = 1 << 20;

fn limit(asked: Option<u32>) -> usize {
    asked.unwrap_or(PAGE).min(PAGE) as usize
}

/// A task.
pub fn task(storage: &Storage, task: TaskId) -> Option<TaskInfo> {
    let record = storage.task(task)?;
    let args = storage.arguments(task)?;
    // A plan that was made once can be made again; figures of a model that cannot are left out.
    let price = create::plan_of(&args)
        .ok()
        .map(|plan| Price::of(&storage.settings().for_task(task), &args, &plan));
    let (fee, cycles) = match (&record.stage, &price) {
        (Stage::Ended(_), _) | (_, None) => price::keeping(storage.settings(), record.storage_bytes),
        (_, Some(price)) => (price.tokens(), price.cycles()),
    };
    Some(TaskInfo {
        id: task,
        owner: record.owner,
        created_at: record.created_at,
        stage: TaskStage {
            stage: record.stage.clone(),
            since: record.since,
        },
        parameters: record.parameters,
        storage_bytes: record.storage_bytes,
        storage_fee: fee.map(nat),
        storage_fee_cycles: nat(cycles),
        storage_paid: record.storage_paid,
        weights: record.weights.as_ref().map(owner::status),
        evaluation: owner::status(&record.evaluation),
        budget: nat(record.books.budget),
        budget_left: nat(record.books.budget_left),
        clients: record.clients,
        version: record.model.as_ref().map_or(0, |model| model.version),
        rounds_held: record.rounds_held,
        collecting: record.collecting.map(|collecting| collecting.round),
        best: record.best,
        privacy: args
            .privacy
            .map(|privacy| privacy::spent(&privacy, record.noised_rounds)),
        expires_at: record.expires_at,
        stopping: Some(record.stopping),
        compute: price.map(|price| price.compute(&record.fee)),
        storage: Some(upkeep::describe(storage, &record)),
        args,
    })
}

/// Tasks by number. A page ends early where it would outgrow an answer: the next begins after its last.
pub fn tasks(storage: &Storage, page: Page) -> Vec<TaskInfo> {
    let mut bytes = 0;
    storage
        .task_ids(page.start_after, limit(page.limit))
        .into_iter()
        .take_while(|id| {
            let fits = bytes < PAGE_BYTES;
            bytes += storage.arguments_len(*id);
            fits
        })
        .filter_map(|id| task(storage, id))
        .collect()
}

fn participant_of(client: Principal, entry: &ClientRecord) -> Participant {
    Participant {
        client,
        account: entry.account,
        joined_at: entry.joined_at,
        stake: nat(entry.stake),
        updates: entry.updates,
        faults: entry.faults,
        score: entry.score,
        // What is published when the task ends is not told before.
        earned: nat(entry.earned.saturating_sub(entry.kept_reward)),
        due: nat(entry.payable.due.saturating_sub(entry.kept_reward)),
        in_flight: nat(entry.payable.in_flight),
        paid: nat(entry.payable.paid),
        active: entry.active,
        standing: Some(standing::standing(entry)),
    }
}

/// A client.
pub fn participant(storage: &Storage, task: TaskId, client: Principal) -> Option<Participant> {
    Some(participant_of(client, &storage.client(task, &client)?))
}

/// Clients of a task.
pub fn participants(storage: &Storage, args: ParticipantsArgs) -> Vec<Participant> {
    storage
        .clients(args.task, args.start_after.as_ref(), limit(args.limit))
        .into_iter()
        .map(|(client, entry)| participant_of(client, &entry))
        .collect()
}

/// The books of a task.
pub fn audit(storage: &Storage, task: TaskId) -> Option<TaskAudit> {
    let record = storage.task(task)?;
    let books = record.books;
    let (mut owed, mut in_flight, mut paid, mut stakes) = (
        record.owner_due.due,
        record.owner_due.in_flight,
        record.owner_due.paid,
        0,
    );
    for (_, entry) in storage.clients(task, None, usize::MAX) {
        owed += entry.payable.due;
        in_flight += entry.payable.in_flight;
        paid += entry.payable.paid;
        stakes += entry.stake;
    }
    let sums = (owed, in_flight, paid, stakes) == (books.owed, books.in_flight, books.paid, books.stakes);
    Some(TaskAudit {
        received: nat(books.received),
        budget_left: nat(books.budget_left),
        stakes: nat(books.stakes),
        owed: nat(books.owed),
        in_flight: nat(books.in_flight),
        paid: nat(books.paid),
        to_treasury: nat(books.to_treasury),
        conserved: books.conserved() && sums,
    })
}

/// A stored report.
///
/// Panics if it cannot be read: we wrote it, and a report that is lost is not a round that never was.
fn decoded(key: RoundKey, report: &[u8]) -> RoundReport {
    match candid::decode_one(report) {
        Ok(report) => report,
        Err(error) => panic!("the report of round {} of task {}: {error}", key.round, key.task),
    }
}

/// A round, going on or over.
pub fn round(storage: &Storage, key: RoundKey) -> Option<RoundView> {
    if let Some(report) = storage.report(key.task, key.round) {
        return Some(RoundView::Over(Box::new(decoded(key, &report))));
    }
    let record = storage.task(key.task)?;
    let version = record.model.as_ref().map_or(0, |model| model.version);
    if let Some(collecting) = record.collecting.filter(|collecting| collecting.round == key.round) {
        return Some(RoundView::Open {
            state: RoundState::Collecting {
                deadline: collecting.deadline,
                extended: collecting.extended,
            },
            updates: collecting.accepted,
            version,
            opened_at: collecting.opened_at,
        });
    }
    match storage.work(key.task)? {
        Work::Round(work) if work.round == key.round => Some(RoundView::Open {
            state: work.state(),
            updates: u32::try_from(work.updates.len()).unwrap_or(u32::MAX),
            version,
            opened_at: work.opened_at,
        }),
        _ => None,
    }
}

/// A round's report with its proof.
pub fn report(storage: &Storage, runtime: &impl Runtime, key: RoundKey) -> Option<CertifiedReport> {
    let report = storage.report(key.task, key.round)?;
    Some(CertifiedReport {
        report: ByteBuf::from(report),
        certificate: runtime.data_certificate().map(ByteBuf::from),
        witness: certification::report_witness(storage, key.task, key.round),
    })
}

/// The model in force with its proof.
pub fn model_info(storage: &Storage, runtime: &impl Runtime, task: TaskId) -> Option<CertifiedModel> {
    let record = storage.task(task)?;
    let model = record.model.as_ref()?;
    Some(CertifiedModel {
        model: publish::version(&record, model),
        encoded: ByteBuf::from(publish::version_bytes(&record, model)),
        certificate: runtime.data_certificate().map(ByteBuf::from),
        witness: certification::model_witness(storage, task),
    })
}

fn with_model(storage: &Storage, task: TaskId) -> Result<(TaskRecord, Context), TaskError> {
    let record = storage.task(task).ok_or(TaskError::NotFound)?;
    let context = Context::of(storage, task).ok_or(TaskError::NotFound)?;
    Ok((record, context))
}

/// A piece of the model in force.
pub fn model_chunk(storage: &Storage, args: ModelChunkArgs) -> Result<ModelChunk, TaskError> {
    let (record, context) = with_model(storage, args.task)?;
    let model = record.model.as_ref().ok_or(TaskError::WrongStage)?;
    if model.version != args.version {
        return Err(TaskError::VersionGone { current: model.version });
    }
    let total = files::bytes(&context.plan, &model.blob);
    let length = piece_len(args.offset, total)?;
    Ok(ModelChunk {
        bytes: ByteBuf::from(files::read(storage, &context.plan, &model.blob, args.offset, length)),
        total,
    })
}

fn piece_len(offset: u64, total: u64) -> Result<u64, TaskError> {
    if offset >= total || !offset.is_multiple_of(PIECE_BYTES) {
        return Err(TaskError::Invalid {
            field: "offset".to_owned(),
            reason: format!("a multiple of {PIECE_BYTES} below {total}"),
        });
    }
    Ok(PIECE_BYTES.min(total - offset))
}

/// A piece of the evaluation set of a task that has ended.
pub fn evaluation_chunk(storage: &Storage, task: TaskId, offset: u64) -> Result<ModelChunk, TaskError> {
    let record = storage.task(task).ok_or(TaskError::NotFound)?;
    if !matches!(record.stage, Stage::Ended(_)) {
        return Err(TaskError::WrongStage);
    }
    let blob = record.evaluation.complete().ok_or(TaskError::Incomplete)?;
    let length = piece_len(offset, blob.len())?;
    Ok(ModelChunk {
        bytes: ByteBuf::from(storage.read(&blob, offset, length)),
        total: blob.len(),
    })
}

/// What the model in force makes of some samples.
pub fn predict(storage: &Storage, args: &PredictArgs) -> Result<Vec<f32>, TaskError> {
    let (record, context) = with_model(storage, args.task)?;
    let model = record.model.as_ref().ok_or(TaskError::WrongStage)?;
    let plan = &context.plan;
    let samples = args.inputs.len() as u64 / plan.input_len().max(1) as u64;
    let most = (PREDICT_INSTRUCTIONS / plan.cost.sample.max(1)).min(BATCH_NUMBERS / plan.cost.numbers.max(1));
    let most = most.max(1);
    if samples > most {
        return Err(TaskError::TooMany {
            what: "samples of a prediction".to_owned(),
            limit: most,
        });
    }
    let refused = |error: InputError| TaskError::Input(error.to_string());
    ddsx_nn::build::check_inputs(plan, &args.inputs).map_err(refused)?;
    let subject = Subject::model(args.task, model.version);
    let network = evaluate::model(storage, plan, subject, &model.blob).map_err(TaskError::Input)?;
    network
        .predict(plan, &args.inputs, &burn::tensor::Device::flex())
        .map_err(refused)
}
