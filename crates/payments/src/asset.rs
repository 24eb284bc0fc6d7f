//! What the journal must know of a ledger.

use candid::Principal;
use ddsx_types::AssetListing;
use std::fmt;

/// 24 hours in nanoseconds: how long an ICRC-1 ledger remembers a transaction unless its listing says otherwise.
pub const DEFAULT_WINDOW_NS: u64 = 24 * 3_600 * 1_000_000_000;
/// The shortest window that leaves room for retries: 10 minutes.
const MIN_WINDOW_NS: u64 = 600 * 1_000_000_000;
/// The longest window taken: 30 days.
const MAX_WINDOW_NS: u64 = 30 * DEFAULT_WINDOW_NS;

/// A ledger, as far as payments go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    /// The ledger canister.
    pub ledger: Principal,
    /// Its transfer fee, in its smallest unit.
    pub fee: u128,
    /// How long it deduplicates by `created_at_time` and memo, in nanoseconds.
    pub window_ns: u64,
    /// Whether it deduplicates before it looks at balance and allowance.
    pub dedup_first: bool,
}

/// Why a listing cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListingError {
    /// The ledger is the anonymous principal or the management canister.
    InvalidLedger,
    /// The symbol must have 1 to 10 bytes.
    InvalidSymbol,
    /// More than 38 decimals do not fit 128 bits.
    TooManyDecimals,
    /// The fee does not fit 128 bits.
    FeeTooLarge,
    /// The payout threshold does not fit 128 bits.
    ThresholdTooLarge,
    /// The window must be 10 minutes to 30 days.
    InvalidWindow,
}

impl fmt::Display for ListingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidLedger => "the ledger must be a canister",
            Self::InvalidSymbol => "the symbol must have 1 to 10 bytes",
            Self::TooManyDecimals => "there can be at most 38 decimals",
            Self::FeeTooLarge => "the fee must be below 2^128",
            Self::ThresholdTooLarge => "the payout threshold must be below 2^128",
            Self::InvalidWindow => "the transaction window must be 10 minutes to 30 days",
        })
    }
}

impl std::error::Error for ListingError {}

impl Asset {
    /// Checks a listing and takes from it what payments need.
    ///
    /// # Errors
    /// The first rule of [`ListingError`] that it breaks.
    pub fn from_listing(listing: &AssetListing) -> Result<Self, ListingError> {
        if listing.ledger == Principal::anonymous() || listing.ledger == Principal::management_canister() {
            return Err(ListingError::InvalidLedger);
        }
        if !(1..=10).contains(&listing.symbol.len()) {
            return Err(ListingError::InvalidSymbol);
        }
        if listing.decimals > 38 {
            return Err(ListingError::TooManyDecimals);
        }
        let fee = u128::try_from(listing.fee.0.clone()).map_err(|_| ListingError::FeeTooLarge)?;
        u128::try_from(listing.payout_threshold.0.clone()).map_err(|_| ListingError::ThresholdTooLarge)?;
        let window_ns = listing.transaction_window_ns.unwrap_or(DEFAULT_WINDOW_NS);
        if !(MIN_WINDOW_NS..=MAX_WINDOW_NS).contains(&window_ns) {
            return Err(ListingError::InvalidWindow);
        }
        Ok(Self {
            ledger: listing.ledger,
            fee,
            window_ns,
            dedup_first: listing.dedup_first,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candid::Nat;

    fn listing() -> AssetListing {
        AssetListing {
            ledger: Principal::from_slice(&[1, 2]),
            symbol: "DST".into(),
            decimals: 8,
            fee: Nat::from(10_000_u32),
            transaction_window_ns: None,
            dedup_first: true,
            payout_threshold: Nat::from(100_000_u32),
        }
    }

    #[test]
    fn should_take_a_listing_with_the_default_window() {
        let asset = Asset::from_listing(&listing()).unwrap();
        let expected = Asset {
            ledger: Principal::from_slice(&[1, 2]),
            fee: 10_000,
            window_ns: 86_400_000_000_000,
            dedup_first: true,
        };
        assert_eq!(asset, expected);
    }

    /// Makes a good listing a bad one.
    type Spoil = fn(&mut AssetListing, Nat);

    #[test]
    fn should_refuse_what_cannot_be_used() {
        let huge = Nat::from(u128::MAX) + 1_u8;
        let table: [(Spoil, ListingError); 8] = [
            (|l, _| l.ledger = Principal::anonymous(), ListingError::InvalidLedger),
            (
                |l, _| l.ledger = Principal::management_canister(),
                ListingError::InvalidLedger,
            ),
            (|l, _| l.symbol = String::new(), ListingError::InvalidSymbol),
            (|l, _| l.symbol = "ELEVENBYTES".into(), ListingError::InvalidSymbol),
            (|l, _| l.decimals = 39, ListingError::TooManyDecimals),
            (|l, huge| l.fee = huge, ListingError::FeeTooLarge),
            (|l, huge| l.payout_threshold = huge, ListingError::ThresholdTooLarge),
            (|l, _| l.transaction_window_ns = Some(1), ListingError::InvalidWindow),
        ];
        for (spoil, error) in table {
            let mut spoilt = listing();
            spoil(&mut spoilt, huge.clone());
            assert_eq!(Asset::from_listing(&spoilt), Err(error));
        }
    }
}
