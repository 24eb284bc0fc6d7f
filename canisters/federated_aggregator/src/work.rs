//! What is done for a task in slices: a record in stable memory that says how far it has come, and the loop that goes on with it.
//!
//! A step is small by its own measure (a range of parameters, a batch of samples) and always the same, however messages and upgrades
//! fall between steps: results do not depend on where a slice ended.

use candid::Principal;
use ddsx_nn::spec::Plan;
use ddsx_types::federated_aggregator::{CreateTaskArgs, EndReason, Stage, TaskId};
use ddsx_types::{Hash, TimestampNs};
use serde::{Deserialize, Serialize};

use crate::combine::{self, RoundWork};
use crate::limits::{CLIENTS_PER_STEP, REPORTS_PER_STEP, SLICE_INSTRUCTIONS};
use crate::prepare::{self, Prepare};
use crate::storage::Storage;
use crate::storage::records::{Payee, TaskRecord, UpdateRecord};
use crate::{create, drafts, join, owner, publish, round, sketches, upkeep};

/// What is being done for a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Work {
    /// Its first model is made.
    Prepare(Prepare),
    /// A round is combined, evaluated, scored.
    Round(Box<RoundWork>),
    /// It is over, and stakes go back.
    Release {
        /// To clients after this one.
        after: Option<Principal>,
    },
    /// Its time is over, and its reports are forgotten.
    Forget,
}

impl Work {
    /// From the beginning.
    pub fn prepare() -> Self {
        Self::Prepare(Prepare::default())
    }

    /// A round whose updates are these, in the order of their acceptance.
    pub fn round(round: u32, opened_at: TimestampNs, updates: Vec<UpdateRecord>) -> Self {
        Self::Round(Box::new(RoundWork::new(round, opened_at, updates)))
    }
}

/// What a step came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to do.
    More,
    /// This work is done.
    Done,
    /// Randomness is needed before it can go on.
    NeedsSeed,
    /// It cannot be done, ever.
    Failed(String),
}

/// What a slice came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slice {
    /// The agenda says when to go on.
    Ended,
    /// Randomness is needed before it can go on.
    NeedsSeed,
}

/// What steps need of a task beside its record.
pub struct Context {
    /// What it was created with.
    pub args: CreateTaskArgs,
    /// Its model's plan.
    pub plan: Plan,
}

impl Context {
    /// Of a task that is there.
    pub fn of(storage: &Storage, task: TaskId) -> Option<Self> {
        let args = storage.arguments(task)?;
        let plan = create::plan_of(&args).ok()?;
        Some(Self { args, plan })
    }
}

/// Goes on with a task for one slice; `instructions` says how many this message has executed.
pub fn run(storage: &mut Storage, task: TaskId, now: TimestampNs, instructions: &dyn Fn() -> u64) -> Slice {
    let (Some(mut record), Some(context)) = (storage.task(task), Context::of(storage, task)) else {
        return Slice::Ended;
    };
    record.failures = 0;
    let Some(mut work) = storage.work(task) else {
        // Nothing but the clock has brought it here.
        if record.stage == Stage::Running {
            round::advance(storage, &mut record, &context.args.rounds, now);
            storage.put_task(record);
        } else {
            drafts::look(storage, record, now);
        }
        return Slice::Ended;
    };
    let mut slice = Slice::Ended;
    loop {
        match step(storage, &mut record, &context, &mut work, now) {
            Progress::More if instructions() < SLICE_INSTRUCTIONS => {}
            Progress::More => {
                storage.put_work(task, Some(work));
                storage.schedule(&mut record, Some(now));
                break;
            }
            Progress::NeedsSeed => {
                storage.put_work(task, Some(work));
                slice = Slice::NeedsSeed;
                break;
            }
            Progress::Done => {
                record.working = false;
                storage.put_work(task, None);
                conclude(storage, &mut record, &context, work, now);
                break;
            }
            Progress::Failed(reason) => {
                give_up(storage, &mut record, Some(work), now, reason);
                break;
            }
        }
    }
    let spent = instructions();
    storage.count(|counters| {
        counters.slices += 1;
        counters.most_instructions = counters.most_instructions.max(spent);
    });
    storage.put_task(record);
    slice
}

fn step(
    storage: &mut Storage,
    record: &mut TaskRecord,
    context: &Context,
    work: &mut Work,
    now: TimestampNs,
) -> Progress {
    match work {
        Work::Prepare(prepare) => prepare::step(storage, record, context, prepare),
        Work::Round(round) => combine::step(storage, record, context, round),
        Work::Release { after } => release(storage, record, after, now),
        Work::Forget if storage.forget_reports(record.id, REPORTS_PER_STEP) => Progress::More,
        Work::Forget => Progress::Done,
    }
}

fn conclude(storage: &mut Storage, record: &mut TaskRecord, context: &Context, work: Work, now: TimestampNs) {
    let rules = &context.args.rounds;
    match work {
        Work::Prepare(prepare) => {
            prepare::conclude(storage, record, context, prepare);
            record.stage = Stage::Running;
            record.since = now;
        }
        Work::Round(work) => publish::conclude(storage, record, context, *work, now),
        Work::Release { .. } => {
            owner::shrink(storage, record, &context.args);
            let due = upkeep::next_look(storage, record, now);
            storage.schedule(record, due);
            return;
        }
        Work::Forget => {
            storage.schedule(record, None);
            return;
        }
    }
    if record.stopping {
        round::wind_up(storage, record, &context.args, now);
        return;
    }
    round::open(storage, record, rules, now);
    if record.stage == Stage::Running {
        round::advance(storage, record, rules, now);
    }
}

/// Gives a task up: its money goes back, its room too.
pub fn give_up(storage: &mut Storage, record: &mut TaskRecord, work: Option<Work>, now: TimestampNs, reason: String) {
    let blobs = match work {
        Some(Work::Prepare(prepare)) => prepare.blobs(),
        Some(Work::Round(round)) => {
            publish::earn_fee(storage, record, now);
            round.blobs()
        }
        // It has ended, and ends no second time: its stakes wait for governance, or its reports stay.
        Some(Work::Release { .. } | Work::Forget) => {
            record.failures = 0;
            storage.schedule(record, None);
            return;
        }
        None => Vec::new(),
    };
    for blob in blobs {
        storage.give_back(blob);
    }
    record.working = false;
    record.failures = 0;
    round::end(storage, record, now, EndReason::Failed(reason));
}

/// What was kept back is published; stakes of some more clients go back.
fn release(
    storage: &mut Storage,
    record: &mut TaskRecord,
    after: &mut Option<Principal>,
    now: TimestampNs,
) -> Progress {
    if !publish::reveal(storage, record) {
        return Progress::More;
    }
    sketches::forget(storage, record.id, &sketches::PUBLIC);
    let clients = storage.clients(record.id, after.as_ref(), CLIENTS_PER_STEP);
    let Some((last, _)) = clients.last() else {
        return Progress::Done;
    };
    *after = Some(*last);
    for (client, mut entry) in clients {
        join::release_stake(storage, record, &client, &mut entry, now);
        entry.active = false;
        entry.score += std::mem::take(&mut entry.kept_score);
        entry.marks = entry.marks.saturating_sub(std::mem::take(&mut entry.kept_marks));
        if std::mem::take(&mut entry.kept_reward) > 0 {
            storage.ask_payout(now, Payee::Client(record.id, client));
        }
        sketches::forget(storage, record.id, &client);
        storage.put_client(record.id, &client, entry);
    }
    record.clients = 0;
    Progress::More
}

/// Gives the work that waits for it its seed.
pub fn set_seed(storage: &mut Storage, task: TaskId, now: TimestampNs, seed: Hash) {
    let (Some(mut record), Some(mut work)) = (storage.task(task), storage.work(task)) else {
        return;
    };
    let slot = match &mut work {
        Work::Prepare(prepare) => &mut prepare.seed,
        Work::Round(round) => &mut round.seed,
        Work::Release { .. } | Work::Forget => return,
    };
    // The first answer counts: a seed that was used once does not change.
    slot.get_or_insert(seed);
    storage.put_work(task, Some(work));
    storage.schedule(&mut record, Some(now));
    storage.put_task(record);
}
