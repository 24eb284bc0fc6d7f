//! What may be stored, and how much is done at a time. The limits of the interface itself are in
//! `ddsx_types::stream_registry::limits`; these are the quotas behind it.

use std::time::Duration;

use ddsx_types::stream_registry::PublisherQuota;

/// Streams ever made: what each keeps for ever is paid, and room ends before numbers do.
pub const MAX_STREAMS: u64 = 1_000_000;
/// Streams of one owner.
pub const MAX_STREAMS_PER_OWNER: u64 = 100;
/// Contributors of a stream.
pub const MAX_CONTRIBUTORS: u32 = 1_000_000;
/// Bytes stored of one stream: leaves, credits and payloads.
pub const MAX_STREAM_BYTES: u64 = 16 << 30;
/// Bytes stored of all streams, below what the memory manager can address (128 GiB).
pub const MAX_TOTAL_BYTES: u64 = 100 << 30;
/// Records of a stream: far above any real feed, far below where weights would overflow.
pub const MAX_RECORDS: u64 = 1_000_000_000_000_000;
/// Free licences that one caller may take: they cost nothing to grant and are stored for ever.
pub const MAX_FREE_LICENCES_PER_CALLER: u64 = 100;
/// Assets ever listed.
pub const MAX_ASSETS: u32 = 100;
/// Assets listed by the install argument.
pub const MAX_ASSETS_AT_INSTALL: usize = 20;
/// Bytes of an asset's symbol.
pub const MAX_SYMBOL_BYTES: usize = 10;
/// Decimal places of an asset.
pub const MAX_DECIMALS: u8 = 38;
/// Prices of a plan.
pub const MAX_PRICES: usize = 20;

/// The protocol's part unless governance says otherwise.
pub const DEFAULT_PROTOCOL_FEE_BPS: u16 = 250;
/// The most that governance can set.
pub const MAX_PROTOCOL_FEE_BPS: u16 = 2_000;
/// Seconds between payout runs unless governance says otherwise.
pub const DEFAULT_PAYOUT_INTERVAL_S: u64 = 60;
/// The longest that governance can set.
pub const MAX_PAYOUT_INTERVAL_S: u64 = 86_400;

/// Bytes of stable memory that may be used, all memories together: below the 128 GiB that the memory manager addresses.
pub const MAX_STABLE_BYTES: u64 = 120 << 30;
/// Of them, what new streams, chunks, contributors and plans leave to sales and payouts.
pub const RESERVE_FOR_SALES: u64 = 18 << 30;
/// Of them, what new sales leave to the settling of those under way, and to payouts.
pub const RESERVE_FOR_PAYOUTS: u64 = 2 << 30;

/// Held for each stream where DST is listed: 1 DST.
pub const DEFAULT_DEPOSIT_DST: u128 = 100_000_000;
/// For each GiB and month: 1 DST.
pub const DEFAULT_GIB_MONTH_DST: u128 = 100_000_000;
/// The highest price or deposit that governance can set.
pub const MAX_STORAGE_PRICE: u128 = 1 << 100;
/// What stays for ever is paid once, as so many months of storage.
pub const MONTHS_FOR_EVER: u64 = 120;
/// A month of storage.
pub const MONTH_NS: u64 = 30 * DAY_NS;
/// Payloads are paid for such a period at a time …
pub const UPKEEP_PERIOD_NS: u64 = MONTH_NS;
/// … or, where a balance does not reach so far, for such a one.
pub const UPKEEP_SHORT_PERIOD_NS: u64 = DAY_NS;
/// How long before its end the next period is taken: the notice that an owner has.
pub const UPKEEP_NOTICE_NS: u64 = 14 * DAY_NS;
/// How often a period that could not be taken is tried again.
pub const UPKEEP_RETRY_NS: u64 = DAY_NS;
/// How long a sale of a perpetual licence pays the stream's storage ahead.
pub const PERPETUAL_COVER_NS: u64 = 365 * DAY_NS;
/// How far ahead an owner may pay.
pub const MAX_PAID_AHEAD_NS: u64 = 3_653 * DAY_NS;
/// Until when streams of the first release count as paid, from the upgrade on.
pub const LEGACY_GRACE_NS: u64 = 90 * DAY_NS;
/// Bytes up to which a stream of the first release grows for nothing in that time, leaves counted.
pub const GRACE_BYTES: u64 = 1 << 30;
/// Bytes stored of a chunk besides its payload: leaf, short credits, index entry, two nodes.
pub const LEAF_OVERHEAD: u64 = 117 + 49 + 16 + 64;
/// Bytes that a stream's record, its plans, publishers and texts count for.
pub const STREAM_RECORD_BYTES: u64 = 128 << 10;
/// Bytes that a contributor counts for.
pub const CONTRIBUTOR_BYTES: u64 = 320;
/// Free licences of a stream: its record counts for them.
pub const MAX_FREE_LICENCES_PER_STREAM: u32 = 200;
/// How much a publisher may append each day unless the owner says otherwise.
pub const DEFAULT_PUBLISHER_QUOTA: PublisherQuota = PublisherQuota {
    bytes: 1 << 30,
    records: 10_000_000,
};
/// How often the timer looks for streams whose storage is due.
pub const UPKEEP_INTERVAL: Duration = Duration::from_mins(1);
/// Streams that one message of it looks at, about 300 k instructions each.
pub const STREAMS_PER_SLICE: u32 = 100;
/// Chunks whose payloads one message drops, about 100 k instructions each.
pub const DROPPED_PER_SLICE: u64 = 2_000;
/// Bytes that a caller-driven change of the tables may take at most (contributors, a plan, a publisher).
pub const CHANGE_BYTES: u64 = 1 << 20;

const SECOND_NS: u64 = 1_000_000_000;
/// A day.
pub const DAY_NS: u64 = 86_400 * SECOND_NS;

/// How far a provider's clock may be ahead of the registry's.
pub const MAX_AHEAD_NS: u64 = 120 * SECOND_NS;
/// How long an account bound late is public before it is paid.
pub const BINDING_NOTICE_NS: u64 = 7 * DAY_NS;
/// Shortest subscription.
pub const MIN_DURATION_NS: u64 = 60 * SECOND_NS;
/// Longest subscription.
pub const MAX_DURATION_NS: u64 = 3_653 * DAY_NS;
/// Shortest and longest deduplication window that a listing may state.
pub const TRANSACTION_WINDOW_NS: std::ops::RangeInclusive<u64> = (600 * SECOND_NS)..=(30 * DAY_NS);

/// Payees looked at in one slice of the payout timer: about 100 k instructions each.
pub const PAYEES_PER_SLICE: u32 = 500;
/// Payments started in one slice.
pub const PAYMENTS_PER_SLICE: u32 = 20;
/// Of both, the part of one task of the queue before the next one's turn.
pub const PAYEES_PER_VISIT: u32 = 100;
/// See [`PAYEES_PER_VISIT`].
pub const PAYMENTS_PER_VISIT: u32 = 5;
/// Payouts on their way at once at one ledger.
pub const MAX_PAYOUTS_IN_FLIGHT: u64 = 100;
/// How long the timer leaves a payee alone whose ledger has as many payouts on their way as it may.
pub const PAYOUT_BUSY_NS: u64 = 60 * SECOND_NS;
/// How long the timer leaves a task alone that trapped.
pub const PAYOUT_TRAPPED_NS: u64 = 3_600 * SECOND_NS;
/// When it is looked whether a slice has ended.
pub const SLICE_WATCH: Duration = Duration::from_secs(30);
/// How long the timer leaves a payee alone whose payout a ledger has refused.
pub const PAYOUT_RETRY_NS: u64 = 600 * SECOND_NS;
/// Pause between two slices when there is more to do.
pub const BETWEEN_SLICES: Duration = Duration::from_secs(1);

/// Deepest nesting of a JSON Schema.
pub const MAX_SCHEMA_DEPTH: u32 = 64;

/// The largest ledger fee and payout threshold that a listing may state: far above any real one, far below where sums overflow.
pub const MAX_LEDGER_FEE: u128 = 1 << 100;
/// How often ledgers are asked for their fee and decimals.
pub const REFRESH_INTERVAL: Duration = Duration::from_hours(24);

/// What the payments journal takes on: its defaults, which are 10 pending purchases of a caller and
/// 2,000 in all at each ledger.
pub fn journal() -> ddsx_payments::Limits {
    ddsx_payments::Limits::default()
}
