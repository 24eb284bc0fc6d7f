//! What storing costs: pure arithmetic, rounded up to the next smallest unit.

use ddsx_revenue::U256;

use crate::limits::{CONTRIBUTOR_BYTES, MONTH_NS, MONTHS_FOR_EVER, STREAM_RECORD_BYTES};
use crate::storage::records::StorageTariff;

/// Bytes stored for ever of a chunk besides leaf and credits: its index entry and two Merkle nodes.
const CHUNK_RECORD_BYTES: u64 = 16 + 64;

/// Bytes that are kept for ever when chunks are appended.
pub fn leaf_bytes(chunks: u64, leaves_and_credits: u64) -> u64 {
    leaves_and_credits.saturating_add(chunks.saturating_mul(CHUNK_RECORD_BYTES))
}

/// Bytes that are kept for ever when a stream is created.
pub fn record_bytes(contributors: u32) -> u64 {
    STREAM_RECORD_BYTES + contributor_bytes(contributors)
}

/// Bytes that are kept for ever of so many contributors.
pub fn contributor_bytes(contributors: u32) -> u64 {
    CONTRIBUTOR_BYTES * u64::from(contributors)
}

/// Bytes for a time in nanoseconds.
pub fn by_time(tariff: &StorageTariff, bytes: u64, time_ns: u64) -> u128 {
    /// A GiB for a month.
    const UNIT: u128 = (1 << 30) * MONTH_NS as u128;
    let amount = U256::from(bytes) * U256::from(time_ns) * U256::from(tariff.gib_month);
    let (whole, rest) = amount.div_mod(UNIT.into());
    // Bytes are below 2^37, times below 2^60 and prices at most 2^100: the quotient is below 2^116.
    whole.low_u128() + u128::from(!rest.is_zero())
}

/// How much of a time is paid where only a part of its cost is: rounded down, all of it where nothing lacks.
pub fn time_for(time_ns: u64, paid: u128, cost: u128) -> u64 {
    if paid >= cost {
        return time_ns;
    }
    let part = U256::from(time_ns) * U256::from(paid) / U256::from(cost);
    // Less than the time itself.
    part.low_u64()
}

/// Bytes for ever.
pub fn once(tariff: &StorageTariff, bytes: u64) -> u128 {
    by_time(tariff, bytes, MONTHS_FOR_EVER * MONTH_NS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_price_bytes_by_time_and_round_up() {
        let tariff = StorageTariff {
            deposit: 0,
            gib_month: 100_000_000,
            accepted: true,
        };
        for (bytes, time, amount) in [
            (0, MONTH_NS, 0),
            (1 << 30, 0, 0),
            (1 << 30, MONTH_NS, 100_000_000),
            (1 << 29, MONTH_NS / 2, 25_000_000),
            (1, 1, 1),
            (3 << 30, MONTH_NS / 3, 100_000_000),
            (100 << 30, 120 * MONTH_NS, 1_200_000_000_000),
        ] {
            assert_eq!(by_time(&tariff, bytes, time), amount, "{bytes} bytes for {time} ns");
        }
        assert_eq!(once(&tariff, 1 << 20), 11_718_750);
        assert_eq!(
            (
                time_for(100, 7, 7),
                time_for(100, 1, 3),
                time_for(100, 0, 3),
                time_for(9, 0, 0)
            ),
            (100, 33, 0, 9)
        );
        let free = StorageTariff { gib_month: 0, ..tariff };
        assert_eq!(by_time(&free, u64::MAX >> 27, MONTH_NS), 0);
    }
}
