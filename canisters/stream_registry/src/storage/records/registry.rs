//! The registry's own records: settings, counters, assets.

use candid::Principal;
use ddsx_types::{Account, AssetListing};

use crate::amounts::{nat, u128_of};
use crate::storage::codec::{Malformed, Reader, Record, Writer};

/// What governance sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Who governs.
    pub governance: Principal,
    /// Where the protocol fee goes.
    pub treasury: Account,
    /// The protocol's part of each price, in basis points.
    pub protocol_fee_bps: u16,
    /// True while money and writes are stopped.
    pub paused: bool,
    /// Seconds between two runs of the payout timer.
    pub payout_interval_s: u64,
    /// Streams of the first release: until when they count as paid. 0 before the upgrade from it; then a time that passes.
    pub legacy_paid_until: u64,
    /// The next of them to be taken over by the timer.
    pub legacy_next: u64,
    /// Where they end.
    pub legacy_end: u64,
}

impl Default for Settings {
    /// What a memory holds before `init` has set it: nobody governs.
    fn default() -> Self {
        let nobody = Principal::management_canister();
        Self {
            governance: nobody,
            treasury: nobody.into(),
            protocol_fee_bps: crate::limits::DEFAULT_PROTOCOL_FEE_BPS,
            paused: false,
            payout_interval_s: crate::limits::DEFAULT_PAYOUT_INTERVAL_S,
            legacy_paid_until: 0,
            legacy_next: 0,
            legacy_end: 0,
        }
    }
}

impl Record for Settings {
    /// 2 added what is known of streams of the first release.
    const VERSION: u8 = 2;

    fn write(&self, to: &mut Writer) {
        to.principal(&self.governance)
            .account(&self.treasury)
            .u16(self.protocol_fee_bps)
            .bool(self.paused)
            .u64(self.payout_interval_s)
            .u64(self.legacy_paid_until)
            .u64(self.legacy_next)
            .u64(self.legacy_end);
    }

    fn read(version: u8, from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut settings = Self {
            governance: from.principal()?,
            treasury: from.account()?,
            protocol_fee_bps: from.u16()?,
            paused: from.bool()?,
            payout_interval_s: from.u64()?,
            legacy_paid_until: 0,
            legacy_next: 0,
            legacy_end: 0,
        };
        if version >= 2 {
            settings.legacy_paid_until = from.u64()?;
            settings.legacy_next = from.u64()?;
            settings.legacy_end = from.u64()?;
        }
        Ok(settings)
    }
}

/// Numbers given out, and totals for limits and metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Streams created: the next stream's number.
    pub streams: u64,
    /// Plans made: the next plan's number.
    pub plans: u64,
    /// Licences granted: the next licence's number.
    pub licences: u64,
    /// Assets ever listed: the next asset's number.
    pub assets: u32,
    /// Chunks in all logs.
    pub chunks: u64,
    /// Bytes stored of them: leaves, credits and payloads.
    pub bytes: u64,
}

impl Record for Counters {
    const VERSION: u8 = 1;

    fn write(&self, to: &mut Writer) {
        to.u64(self.streams)
            .u64(self.plans)
            .u64(self.licences)
            .u32(self.assets)
            .u64(self.chunks)
            .u64(self.bytes);
    }

    fn read(_version: u8, from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            streams: from.u64()?,
            plans: from.u64()?,
            licences: from.u64()?,
            assets: from.u32()?,
            chunks: from.u64()?,
            bytes: from.u64()?,
        })
    }
}

/// What storing costs in an asset, in its smallest unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageTariff {
    /// Held for each stream.
    pub deposit: u128,
    /// For each GiB and month.
    pub gib_month: u128,
    /// Whether new streams may pay in it.
    pub accepted: bool,
}

impl StorageTariff {
    /// What a listing has until governance says otherwise: the exchange's own token a price, others none.
    fn default_of(symbol: &str, decimals: u8) -> Option<Self> {
        (symbol == "DST" && decimals == 8).then_some(Self {
            deposit: crate::limits::DEFAULT_DEPOSIT_DST,
            gib_month: crate::limits::DEFAULT_GIB_MONTH_DST,
            accepted: true,
        })
    }
}

/// A ledger that is or was listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetRecord {
    /// Its number in the books, never reused.
    pub number: u32,
    /// The ledger canister.
    pub ledger: Principal,
    /// Whether licences are sold for it now. What is owed in it is paid in any case.
    pub listed: bool,
    /// The name of a unit.
    pub symbol: String,
    /// Decimal places.
    pub decimals: u8,
    /// The ledger's transfer fee.
    pub fee: u128,
    /// How long the ledger deduplicates, in nanoseconds.
    pub transaction_window_ns: Option<u64>,
    /// Whether it deduplicates before it checks balance and allowance.
    pub dedup_first: bool,
    /// What is due below this waits.
    pub payout_threshold: u128,
    /// Where a transfer burns: nobody is paid there. Unknown until the ledger was asked; some
    /// ledgers have none.
    pub minting_account: Option<Account>,
    /// What storing costs in it; absent where it pays for none.
    pub storage: Option<StorageTariff>,
}

impl AssetRecord {
    /// A new entry for a listing. `None` if an amount is above `u128::MAX`.
    pub fn new(number: u32, listing: &AssetListing) -> Option<Self> {
        Some(Self {
            number,
            ledger: listing.ledger,
            listed: true,
            symbol: listing.symbol.clone(),
            decimals: listing.decimals,
            fee: u128_of(&listing.fee)?,
            transaction_window_ns: listing.transaction_window_ns,
            dedup_first: listing.dedup_first,
            payout_threshold: u128_of(&listing.payout_threshold)?,
            minting_account: None,
            storage: StorageTariff::default_of(&listing.symbol, listing.decimals),
        })
    }

    /// Whether a transfer to this account would burn, and one from it would mint.
    pub fn is_minting(&self, account: &Account) -> bool {
        self.minting_account.as_ref() == Some(account)
    }

    /// As the interface says it.
    pub fn listing(&self) -> AssetListing {
        AssetListing {
            ledger: self.ledger,
            symbol: self.symbol.clone(),
            decimals: self.decimals,
            fee: nat(self.fee),
            transaction_window_ns: self.transaction_window_ns,
            dedup_first: self.dedup_first,
            payout_threshold: nat(self.payout_threshold),
        }
    }

    /// The least that a timer pays out: below the threshold, or below twice the fee, it waits.
    pub fn least_payout(&self) -> u128 {
        self.payout_threshold.max(self.fee.saturating_mul(2))
    }
}

impl Record for AssetRecord {
    /// 2 added the minting account and the storage price. An asset of version 1 has the price it would have if listed now.
    const VERSION: u8 = 2;

    fn write(&self, to: &mut Writer) {
        to.u32(self.number)
            .principal(&self.ledger)
            .bool(self.listed)
            .text(&self.symbol)
            .u8(self.decimals)
            .u128(self.fee)
            .option(self.transaction_window_ns, |to, window| {
                to.u64(window);
            })
            .bool(self.dedup_first)
            .u128(self.payout_threshold)
            .option(self.minting_account.as_ref(), |to, account| {
                to.account(account);
            })
            .option(self.storage, |to, tariff| {
                to.u128(tariff.deposit).u128(tariff.gib_month).bool(tariff.accepted);
            });
    }

    fn read(version: u8, from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut asset = Self {
            number: from.u32()?,
            ledger: from.principal()?,
            listed: from.bool()?,
            symbol: from.text()?,
            decimals: from.u8()?,
            fee: from.u128()?,
            transaction_window_ns: from.option(Reader::u64)?,
            dedup_first: from.bool()?,
            payout_threshold: from.u128()?,
            // Version 1 did not ask for it.
            minting_account: if version >= 2 {
                from.option(Reader::account)?
            } else {
                None
            },
            storage: None,
        };
        asset.storage = if version >= 2 {
            from.option(|from| {
                Ok(StorageTariff {
                    deposit: from.u128()?,
                    gib_month: from.u128()?,
                    accepted: from.bool()?,
                })
            })?
        } else {
            StorageTariff::default_of(&asset.symbol, asset.decimals)
        };
        Ok(asset)
    }
}
