//! What a task costs its owner before it starts: the room that it can come to need, and the instructions that it can come to take, both as upper
//! bounds that its arguments decide.

use ddsx_nn::encoding::encoded_len;
use ddsx_nn::spec::{OutputKind, Plan};
use ddsx_nn::strategies::{Measurement, measure, state_vectors};
use ddsx_types::TimestampNs;
use ddsx_types::federated_aggregator::{
    ComputeCost, CreateTaskArgs, InitialWeights, Scoring, Strategy, UpdateEncoding,
};

use crate::amounts::nat;
use crate::limits::{
    CLASS_BYTES, CLIENT_BYTES, KEPT_SKETCHES, LINEAGE_BYTES, MAX_FREE_SKIPS, MAX_LINEAGE, MONTH_NS, PER_HASHED_BYTE,
    PER_INGRESS_BYTE, PER_NOISE, PER_NUMBER, PER_PAIR, PER_WRITE, SKETCH_BYTES, SLICE_INSTRUCTIONS, TASK_BYTES,
    UPDATE_BYTES,
};
use crate::storage::extents::Blob;
use crate::storage::records::{Fee, Settings};

const BILLION: u64 = 1_000_000_000;
/// What a message costs by itself, in instructions: reading and writing the records of a task.
const PER_SLICE: u64 = 20_000_000;

/// Bytes that a task can come to hold: the model, a candidate, a coalition's model, the strategy's vectors twice, the files, a round's updates (two
/// rounds' where one is combined while the next collects), and the records: clients, reports.
pub fn reserved(args: &CreateTaskArgs, parameters: u64) -> u64 {
    let vector = Blob::reserved(parameters * 4);
    let vectors = 3 + 2 * state_vectors(&args.strategy) as u64;
    let rounds = if matches!(args.strategy, Strategy::FedBuff { .. }) {
        2
    } else {
        1
    };
    let initial = match args.initial {
        InitialWeights::Upload(digest) => Blob::reserved(digest.bytes),
        InitialWeights::Draw => 0,
    };
    let uploads = u64::from(args.rounds.max_updates) * rounds;
    vector * (vectors + uploads) + initial + Blob::reserved(args.evaluation.bytes) + records(args)
}

/// Bytes of the records while a task runs: with the directions kept of each client, and reports twice where scores wait for the end.
fn records(args: &CreateTaskArgs) -> u64 {
    let directions = u64::from(args.max_clients) * KEPT_SKETCHES as u64 * SKETCH_BYTES;
    let waiting = if args.scores_at_end == Some(true) {
        u64::from(args.rounds.rounds) * report(args)
    } else {
        0
    };
    records_after(args) + directions + waiting
}

/// Bytes of the records of a task that has ended.
pub fn records_after(args: &CreateTaskArgs) -> u64 {
    TASK_BYTES + u64::from(args.max_clients) * CLIENT_BYTES + u64::from(args.rounds.rounds) * report(args)
}

fn report(args: &CreateTaskArgs) -> u64 {
    let updates = u64::from(args.rounds.max_updates) * (UPDATE_BYTES + u64::from(MAX_LINEAGE) * LINEAGE_BYTES);
    let classes = match args.model.output {
        OutputKind::Classes(classes) => u64::from(classes) * CLASS_BYTES,
        OutputKind::Regression(_) | OutputKind::Embedding(_) => 0,
    };
    TASK_BYTES + updates + classes
}

/// Instructions by estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Before the first round.
    pub prepare: u64,
    /// Of one round.
    pub round: u64,
}

/// What a task's computing takes at most, the bytes that come in counted as instructions.
pub fn work(args: &CreateTaskArgs, plan: &Plan) -> Work {
    let (parameters, updates) = (plan.len as u64, u64::from(args.rounds.max_updates));
    let hash = parameters.saturating_mul(4 * PER_HASHED_BYTE);
    let evaluation = evaluation(args, plan);
    // Reading or drawing, checking, writing; the file was hashed piece by piece as it came.
    let prepare = parameters
        .saturating_mul(2 * PER_NUMBER + PER_WRITE)
        .saturating_add(hash)
        .saturating_add(evaluation);
    let pairs = match measure(&args.strategy) {
        Measurement::Distances => updates * updates.saturating_sub(1) / 2 * PER_PAIR + updates * PER_NUMBER,
        Measurement::None | Measurement::Norms => 0,
    };
    let sorted = match args.strategy {
        Strategy::FedMedian | Strategy::TrimmedMean { .. } | Strategy::Bulyan { .. } => 8 * updates * updates,
        _ => 0,
    };
    let noise = if args.privacy.is_some() { PER_NOISE } else { 0 };
    let combine = updates * PER_NUMBER + sorted + noise + PER_WRITE * (2 + state_vectors(&args.strategy) as u64);
    // A coalition is combined by the task's own rule. What finds who spoilt a rejected round asks for no more coalitions than an accepted one's scoring.
    let coalition = parameters.saturating_mul(combine).saturating_add(evaluation);
    let scoring = match args.scoring {
        Scoring::LeaveOneOut => coalition.saturating_mul(updates + 1),
        // Nobody, everybody, and each step of each order; never more than there are coalitions.
        Scoring::Shapley { permutations, .. } => {
            let steps = u64::from(permutations) * updates + 2;
            coalition.saturating_mul(
                steps.min(
                    1_u64
                        .checked_shl(u32::try_from(updates).unwrap_or(64))
                        .unwrap_or(u64::MAX),
                ),
            )
        }
        Scoring::Proxy => parameters.saturating_mul(updates * PER_NUMBER + 2 * PER_WRITE),
    };
    // Every update is decoded and checked as it comes.
    let uploads = parameters.saturating_mul(updates * (PER_NUMBER + 4 * PER_HASHED_BYTE));
    let round = uploads
        .saturating_add(parameters.saturating_mul(pairs + combine))
        .saturating_add(hash)
        .saturating_add(evaluation)
        .saturating_add(scoring);
    let whole = |work: u64| work.saturating_add((work / SLICE_INSTRUCTIONS + 4).saturating_mul(PER_SLICE));
    let initial = match args.initial {
        InitialWeights::Upload(digest) => digest.bytes,
        InitialWeights::Draw => 0,
    };
    // Bytes in any encoding are no more than in `F32`.
    let ingress = |bytes: u64| bytes.saturating_mul(PER_INGRESS_BYTE);
    let updates = encoded_len(UpdateEncoding::F32, parameters).saturating_mul(updates);
    Work {
        prepare: whole(prepare).saturating_add(ingress(initial.saturating_add(args.evaluation.bytes))),
        round: whole(round).saturating_add(ingress(updates)),
    }
}

/// One evaluation: a network is built, and every sample that the set can hold is predicted.
fn evaluation(args: &CreateTaskArgs, plan: &Plan) -> u64 {
    let bytes = (plan.input_len() as u64 * 4).saturating_add(match plan.output {
        OutputKind::Classes(_) => 1,
        OutputKind::Regression(width) | OutputKind::Embedding(width) => u64::from(width) * 4,
    });
    let samples = args.evaluation.bytes / bytes;
    let batches = samples / crate::evaluate::batch(plan) + 1;
    // Reading a number, comparing an output: some instructions each.
    let around = (plan.input_len() as u64).saturating_mul(20) + (plan.output_len() as u64).saturating_mul(600);
    let build = (plan.len as u64).saturating_mul(PER_NUMBER);
    build
        .saturating_add(samples.saturating_mul(plan.cost.sample.saturating_add(around)))
        .saturating_add(batches.saturating_mul(plan.cost.fixed))
}

/// What a task costs, by the settings of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    work: Work,
    rounds: u32,
    storage: u128,
    storage_cycles: u128,
    per_round: u128,
    per_round_cycles: u128,
    prepare: u128,
    prepare_cycles: u128,
    in_tokens: bool,
    months: u64,
}

/// For so many MiB and months.
fn storage(bytes: u64, months: u64, per_mib: u128) -> u128 {
    u128::from(bytes.div_ceil(1 << 20)) * u128::from(months) * per_mib
}

fn computing(instructions: u64, per_billion: u128) -> u128 {
    (u128::from(instructions) * per_billion).div_ceil(u128::from(BILLION))
}

impl Price {
    /// Of a task with these arguments.
    pub fn of(settings: &Settings, args: &CreateTaskArgs, plan: &Plan) -> Self {
        let (work, bytes) = (work(args, plan), reserved(args, plan.len as u64));
        let months = months(args);
        Self {
            work,
            rounds: args.rounds.rounds,
            storage: storage(bytes, months, settings.fee_per_mib),
            storage_cycles: storage(bytes, months, settings.fee_cycles_per_mib),
            per_round: computing(work.round, settings.fee_per_billion),
            per_round_cycles: computing(work.round, settings.fee_cycles_per_billion),
            prepare: computing(work.prepare, settings.fee_per_billion),
            prepare_cycles: computing(work.prepare, settings.fee_cycles_per_billion),
            in_tokens: settings.fee_ledger.is_some(),
            months,
        }
    }

    /// In the fee's asset, if it can be paid so.
    pub fn tokens(&self) -> Option<u128> {
        let total = self.storage + self.prepare + self.per_round * u128::from(self.rounds);
        Some(total).filter(|total| self.in_tokens && *total > 0)
    }

    /// In cycles; zero if it cannot be paid so.
    pub fn cycles(&self) -> u128 {
        self.storage_cycles + self.prepare_cycles + self.per_round_cycles * u128::from(self.rounds)
    }

    /// Until when it pays a task that runs, if it is paid now: 30 days after the task's end are paid too.
    pub fn paid_until(&self, now: TimestampNs) -> TimestampNs {
        now.saturating_add(self.months.saturating_sub(1).saturating_mul(MONTH_NS))
    }

    /// Whether nothing is asked.
    pub fn is_nothing(&self) -> bool {
        self.tokens().is_none() && self.cycles() == 0
    }

    /// What a round costs in the fee's asset, and how many there are.
    pub fn by_round(&self) -> (u128, u32) {
        (self.per_round, self.rounds)
    }

    /// The same in cycles.
    pub fn cycles_by_round(&self) -> (u128, u32) {
        (self.per_round_cycles, self.rounds)
    }

    /// As the interface says it; what was paid counts where something was.
    pub fn compute(&self, fee: &Fee) -> ComputeCost {
        let back = |payable: &crate::books::Payable| nat(payable.due + payable.in_flight + payable.paid);
        ComputeCost {
            prepare_instructions: self.work.prepare,
            round_instructions: self.work.round,
            per_round: nat(self.per_round),
            total: nat(self.prepare + self.per_round * u128::from(self.rounds)),
            per_round_cycles: nat(self.per_round_cycles),
            total_cycles: nat(self.prepare_cycles + self.per_round_cycles * u128::from(self.rounds)),
            returned: nat(fee.returned) + back(&fee.back),
            returned_cycles: back(&fee.cycles_back),
        }
    }
}

/// Months that a task can take: as a draft one, every round extended once and as many skipped as are not used up, one after its end.
fn months(args: &CreateTaskArgs) -> u64 {
    let rounds = u64::from(args.rounds.rounds) + u64::from(MAX_FREE_SKIPS);
    let seconds = rounds.saturating_mul(2 * args.rounds.duration_s);
    seconds.div_ceil(MONTH_NS / BILLION) + 2
}

/// What 30 days more cost for so many bytes, in the fee's asset and in cycles.
pub fn keeping(settings: &Settings, bytes: u64) -> (Option<u128>, u128) {
    let tokens = settings.fee_ledger.map(|_| storage(bytes, 1, settings.fee_per_mib));
    (
        tokens.filter(|fee| *fee > 0),
        storage(bytes, 1, settings.fee_cycles_per_mib),
    )
}
