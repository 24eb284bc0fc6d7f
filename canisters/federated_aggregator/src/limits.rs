//! What tasks may be unless governance says otherwise, and how much is done at a time.
#![allow(missing_docs, reason = "one line stands before each group")]

use ddsx_types::federated_aggregator::Limits;

/// Limits at first.
pub const DEFAULT: Limits = Limits {
    parameters: 50_000_000,
    multiply_adds: 200_000_000,
    clients: 1_000,
    updates: 128,
    attempts: 5,
    faults: 3,
    task_bytes: 16 << 30,
    total_bytes: 100 << 30,
    tasks_per_owner: 20,
    evaluation_bytes: 512 << 20,
};

/// The furthest that governance can raise them: what one message can still do, and what the memory manager can address.
pub const HIGHEST: Limits = Limits {
    parameters: 100_000_000,
    multiply_adds: 400_000_000,
    clients: 10_000,
    updates: 128,
    attempts: 100,
    faults: 100,
    task_bytes: 64 << 30,
    total_bytes: 120 << 30,
    tasks_per_owner: 1_000,
    evaluation_bytes: 1 << 30,
};

/// Bytes of a task's name, description and client configuration.
pub const MAX_NAME_BYTES: usize = 100;
pub const MAX_DESCRIPTION_BYTES: usize = 4_000;
pub const MAX_CONFIG_BYTES: usize = 2_000;
/// Principals on an allow-list.
pub const MAX_ALLOWED: usize = 1_000;
/// Rounds of a task.
pub const MAX_ROUNDS: u32 = 10_000;
/// How long a round may collect, in seconds.
pub const DURATION_S: std::ops::RangeInclusive<u64> = 10..=2_592_000;
/// Updates of a round that is scored by coalitions.
pub const MAX_SCORED: u32 = ddsx_nn::score::shapley::MAX_PLAYERS;
/// Orders of Shapley's players.
pub const MAX_PERMUTATIONS: u32 = 1_000;
/// Streams that an update may declare.
pub const MAX_LINEAGE: u32 = 10;
/// Bytes of the header of a safetensors file.
pub const MAX_HEADER_BYTES: u64 = 1 << 20;
/// Assets ever listed, and their highest number at install.
pub const MAX_ASSETS: usize = 100;
pub const MAX_ASSETS_AT_INSTALL: usize = 20;

/// Instructions after which a slice begins no further step. A step itself stays below [`STEP_INSTRUCTIONS`] by the estimates below, so that a slice is
/// far below the 10 B that a message could take safely.
pub const SLICE_INSTRUCTIONS: u64 = 1_000_000_000;
/// What a step may cost by estimate.
pub const STEP_INSTRUCTIONS: u64 = 1_000_000_000;
/// Estimates, in instructions: reading, decoding and combining one number of one update; one number of one pair of updates
/// measured; one number drawn as noise; one number of the model written; one byte hashed.
pub const PER_NUMBER: u64 = 60;
pub const PER_PAIR: u64 = 6;
pub const PER_NOISE: u64 = 400;
pub const PER_WRITE: u64 = 60;
pub const PER_HASHED_BYTE: u64 = 100;
/// What a byte of an ingress message costs, as instructions: 2,000 cycles, at two an instruction ([`CYCLES_PER_BILLION`]).
pub const PER_INGRESS_BYTE: u64 = 1_000;
/// Ranges of parameters are cut at multiples of this: of the blocks that encodings, sums and noise are made of.
pub const RANGE_UNIT: u64 = 4_096;
/// Pieces hashed in one step.
pub const PIECES_PER_STEP: u64 = 8;
/// What one sample of a model may cost by estimate, every layer counted. A slice that has begun it stays far below 10 B.
pub const SAMPLE_INSTRUCTIONS: u64 = 4_000_000_000;
/// What one `predict` may cost by estimate: a query has 5 B.
pub const PREDICT_INSTRUCTIONS: u64 = 2_000_000_000;
/// Numbers in memory while a batch is evaluated: 256 MiB.
pub const BATCH_NUMBERS: u64 = 1 << 26;
/// Samples of a batch.
pub const MAX_BATCH: u64 = 128;
/// Classes of a model: a report says of each how many samples were recognised.
pub const MAX_CLASSES: u32 = 4_096;
/// Stream registries that governance can list.
pub const MAX_REGISTRIES: usize = 20;
/// Licences that a registry is asked for; bytes of its answer; what decoding it may cost, in candid's units.
pub const LICENCES_ASKED: u32 = 100;
pub const MAX_REGISTRY_ANSWER: usize = 128 << 10;
pub const REGISTRY_ANSWER_QUOTA: usize = 2_000_000;
/// Questions to registries: at once in all, and of one caller in a minute.
pub const MAX_QUESTIONS: usize = 50;
pub const QUESTIONS_PER_MINUTE: u32 = 5;
/// Stable memory that tasks never get: settlements, payouts, reports and certificates have it.
pub const RESERVE_BYTES: u64 = 4 << 30;
/// Drafts that are not paid: of one owner, of all. Where there are as many, the oldest makes room once it is so old.
pub const MAX_UNPAID_OF_OWNER: u64 = 5;
pub const MAX_UNPAID: u64 = 2_000;
pub const UNPAID_MAKES_ROOM_NS: u64 = 600 * SECOND_NS;
/// How long a draft waits to be paid, a paid one to be started, and how long an ended task's files are kept for one payment.
pub const UNPAID_NS: u64 = 3_600 * SECOND_NS;
pub const MONTH_NS: u64 = 30 * 86_400 * SECOND_NS;
/// How far ahead an owner can pay for an ended task's files.
pub const MAX_KEPT_NS: u64 = 120 * MONTH_NS;
/// Tasks of a page that is asked for as an update.
pub const MAX_TASKS_AS_UPDATE: u32 = 20;
/// Reports forgotten in one step, tasks looked at in one step after an upgrade.
pub const REPORTS_PER_STEP: usize = 100;
/// Reports published again in one step when a task ends.
pub const REVEALED_PER_STEP: usize = 20;
pub const TASKS_PER_STEP: usize = 50;
/// Bytes of records, by estimate: of a task, a client, an update in a report, a stream it declares, a class in a report.
pub const TASK_BYTES: u64 = 8_192;
pub const CLIENT_BYTES: u64 = 512;
/// Of a direction that is kept of a client's update.
pub const SKETCH_BYTES: u64 = 8_300;
pub const UPDATE_BYTES: u64 = 256;
pub const LINEAGE_BYTES: u64 = 96;
pub const CLASS_BYTES: u64 = 32;
/// What is asked at first, in cycles: what a MiB costs a canister in 30 days, almost twice; 10^9 instructions, twice.
pub const CYCLES_PER_MIB: u128 = 1_500_000_000;
pub const CYCLES_PER_BILLION: u128 = 2_000_000_000;
/// Clients whose stakes go back in one step.
pub const CLIENTS_PER_STEP: usize = 100;

/// Updates of one round whose cosine is so great are near copies; so is one that is so much like its client's own of an earlier round, or a public
/// step. In models of fewer numbers honest steps point the same way by themselves, and only equal bytes are copies. Measured with shares of the same
/// data (`ddsx_nn::score::sketch`'s tests): honest clients come to 0.989, their own earlier steps to 0.9998 and public steps to 0.997 at most.
pub const COPY_COSINE: f64 = 0.999_9;
pub const REPLAY_COSINE: f64 = 0.999_99;
pub const MIN_COMPARED: u64 = 1_000;
/// Directions kept of a client, that of the round among them.
pub const KEPT_SKETCHES: usize = 5;
/// Below this part of the usual norm an update is next to nothing; beyond so many times the median it is an outlier.
pub const NEGLIGIBLE: f64 = 0.01;
pub const OUTLIER: f64 = 10.0;
/// So many times the median of what a round's clients declare, an update can count for, and no less than such a part of it.
pub const PLAUSIBLE_SAMPLES: u64 = 4;
/// Skipped rounds of a task that are not used up.
pub const MAX_FREE_SKIPS: u32 = 10;
/// A client rests for 2^n rounds at most.
pub const MOST_REST: u32 = 6;
/// How often a file is begun again after its hash was wrong.
pub const MAX_FILE_RESTARTS: u32 = 3;
/// Bytes of the reason for an exclusion.
pub const MAX_REASON_BYTES: usize = 500;
/// Progress that earns the whole budget, at most, in ten-thousandths.
pub const MAX_FULL_BPS: u32 = 1_000_000;

/// Slices that are begun for a task before one has ended well; then the task is given up.
pub const MAX_FAILURES: u32 = 5;
/// How long a slice may take before another is begun in its place.
pub const SLICE_TIMEOUT_NS: u64 = 30 * SECOND_NS;
/// Tasks whose slices one tick begins, and payments that it begins.
pub const TASKS_PER_TICK: usize = 4;
pub const PAYOUTS_PER_TICK: usize = 20;
/// When a payment that a ledger refused is tried again.
pub const PAYOUT_RETRY_NS: u64 = 600 * SECOND_NS;
/// Payouts on their way at once at one ledger, and when one beyond is tried.
pub const MAX_PAYOUTS_IN_FLIGHT: u64 = 100;
pub const PAYOUT_BUSY_NS: u64 = 60 * SECOND_NS;
/// How often ledgers are asked for their fee, decimals and minting account.
pub const REFRESH_INTERVAL: std::time::Duration = std::time::Duration::from_hours(24);
/// Tasks that are counted in an asset's totals in one message after an upgrade.
pub const TASKS_COUNTED_PER_SLICE: usize = 100;
/// After so long without a piece, an upload makes room for another client's where a round is full.
pub const IDLE_UPLOAD_NS: u64 = 120 * SECOND_NS;
/// … and so does one that takes longer than this for a piece on the whole, two minutes from its beginning not counted.
pub const SLOW_PIECE_NS: u64 = 30 * SECOND_NS;
/// What a change of a balance can come to take of stable memory.
pub const CHANGE_BYTES: u64 = 64 << 10;
/// How long before its end a task's time is extended, how long the owner has notice at least, and when a balance that lacked it is looked at again.
pub const UPKEEP_NOTICE_NS: u64 = 7 * 86_400 * SECOND_NS;
pub const UPKEEP_RETRY_NS: u64 = 86_400 * SECOND_NS;
/// Transfer fees that are set aside for a draft unless told otherwise.
pub const DRAFT_DEPOSIT_FEES: u128 = 100;
/// So many times the fee that governance listed it with a ledger's fee may be; beyond, payments in it wait.
pub const MAX_FEE_RISE: u128 = 100;
/// How long a registry may take to answer, in seconds.
pub const REGISTRY_ANSWER_S: u32 = 60;

const SECOND_NS: u64 = 1_000_000_000;

/// Numbers of a range so that a step with so many instructions a number stays within its bound; a multiple of [`RANGE_UNIT`].
pub fn range(instructions_per_number: u64) -> u64 {
    let numbers = STEP_INSTRUCTIONS / instructions_per_number.max(1);
    // More would not fit a heap of 4 GiB beside everything else.
    (numbers.min(1 << 24) / RANGE_UNIT).max(1) * RANGE_UNIT
}

/// What the payments journal takes on.
pub fn journal() -> ddsx_payments::Limits {
    ddsx_payments::Limits::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_cut_ranges_that_stay_within_a_step() {
        for per_number in [1, 60, 1_200, 50_000, 10_000_000_000] {
            let range = range(per_number);
            assert_eq!(range % RANGE_UNIT, 0);
            assert!(range == RANGE_UNIT || range * per_number <= STEP_INSTRUCTIONS);
        }
    }
}
