//! What may be stored, and how much is done at a time. The limits of the interface itself are in
//! `ddsx_types::stream_registry::limits`; these are the quotas behind it.

use std::time::Duration;

/// Streams in the registry.
pub const MAX_STREAMS: u64 = 100_000;
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

const SECOND_NS: u64 = 1_000_000_000;
const DAY_NS: u64 = 86_400 * SECOND_NS;

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
