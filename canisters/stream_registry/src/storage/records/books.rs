//! The books: a stream's income in one asset, an asset's totals, and who is paid.

use candid::Nat;
use ddsx_revenue::{Pool, U256};

use crate::amounts::nat;
use crate::storage::codec::{Malformed, Reader, Record, Writer};

/// A stream's income in one asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamBook {
    /// Who is owed what.
    pub pool: Pool,
    /// What was distributed to contributors since the payout timer last went through them.
    pub unswept: u128,
}

impl Record for StreamBook {
    const VERSION: u8 = 1;

    fn write(&self, to: &mut Writer) {
        to.bytes(&self.pool.encode()).u128(self.unswept);
    }

    fn read(_version: u8, from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            pool: Pool::decode(from.bytes()?).map_err(|_| Malformed)?,
            unswept: from.u128()?,
        })
    }
}

/// What the pools of an asset owe, together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Owed and not on its way.
    pub due: u128,
    /// On its way.
    pub in_flight: u128,
    /// Held for streams without weight.
    pub held: u128,
    /// Distributed and not yet due to anybody as whole units.
    pub carried: u128,
}

impl Standing {
    /// Of one pool.
    pub fn of(pool: &Pool) -> Self {
        let payables = [pool.protocol(), pool.provider(), pool.contributors()];
        Self {
            due: payables.iter().map(|payable| payable.due()).sum(),
            in_flight: payables.iter().map(|payable| payable.in_flight()).sum(),
            held: pool.held(),
            carried: pool.carried(),
        }
    }

    /// Replaces one pool's part.
    pub fn replace(&mut self, before: Self, after: Self) {
        let replace = |sum: &mut u128, before: u128, after: u128| *sum = *sum - before + after;
        replace(&mut self.due, before.due, after.due);
        replace(&mut self.in_flight, before.in_flight, after.in_flight);
        replace(&mut self.held, before.held, after.held);
        replace(&mut self.carried, before.carried, after.carried);
    }

    /// All of it: what the registry's account at the ledger must hold at least.
    pub fn total(&self) -> u128 {
        self.due + self.in_flight + self.held + self.carried
    }
}

/// An asset's totals over all streams. `received`, `paid_out` and `ledger_fees` are counted where the ledger's answers come
/// in, `standing` where the pools change: that they agree is a check of one against the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AssetBook {
    /// All prices received.
    pub received: U256,
    /// Paid to providers, contributors and the treasury.
    pub paid_out: U256,
    /// Taken by the ledger for that.
    pub ledger_fees: U256,
    /// What all pools, the treasury's included, owe.
    pub standing: Standing,
    /// The treasury: a pool of which all is the protocol's.
    pub treasury: Pool,
}

impl AssetBook {
    /// Whether what came in is where it must be.
    pub fn conserved(&self) -> bool {
        self.paid_out
            .checked_add(self.ledger_fees)
            .and_then(|sum| sum.checked_add(U256::from(self.standing.total())))
            == Some(self.received)
    }
}

impl Record for AssetBook {
    const VERSION: u8 = 1;

    fn write(&self, to: &mut Writer) {
        for total in [self.received, self.paid_out, self.ledger_fees] {
            write_wide(to, total);
        }
        let Standing {
            due,
            in_flight,
            held,
            carried,
        } = self.standing;
        to.u128(due)
            .u128(in_flight)
            .u128(held)
            .u128(carried)
            .bytes(&self.treasury.encode());
    }

    fn read(_version: u8, from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (received, paid_out, ledger_fees) = (read_wide(from)?, read_wide(from)?, read_wide(from)?);
        Ok(Self {
            received,
            paid_out,
            ledger_fees,
            standing: Standing {
                due: from.u128()?,
                in_flight: from.u128()?,
                held: from.u128()?,
                carried: from.u128()?,
            },
            treasury: Pool::decode(from.bytes()?).map_err(|_| Malformed)?,
        })
    }
}

/// 256 bits for the wire.
pub fn wide_nat(total: U256) -> Nat {
    let (high, low) = ((total >> 128).low_u128(), total.low_u128());
    if high == 0 {
        return nat(low);
    }
    nat(high) * nat(1 << 127) * 2_u8 + nat(low)
}

/// What a stream took in on one day in one asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayBook {
    /// Licences sold.
    pub licences: u64,
    /// Prices paid for them.
    pub received: U256,
}

impl Record for DayBook {
    const VERSION: u8 = 1;

    fn write(&self, to: &mut Writer) {
        to.u64(self.licences);
        write_wide(to, self.received);
    }

    fn read(_version: u8, from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            licences: from.u64()?,
            received: read_wide(from)?,
        })
    }
}

fn write_wide(to: &mut Writer, total: U256) {
    to.u128((total >> 128).low_u128()).u128(total.low_u128());
}

fn read_wide(from: &mut Reader<'_>) -> Result<U256, Malformed> {
    Ok((U256::from(from.u128()?) << 128) + U256::from(from.u128()?))
}

/// Somebody who is paid in an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PayeeKey {
    /// The treasury.
    Treasury {
        /// The asset.
        asset: u32,
    },
    /// A stream's provider.
    Provider {
        /// The stream.
        stream: u64,
        /// The asset.
        asset: u32,
    },
    /// A contributor.
    Contributor {
        /// The stream.
        stream: u64,
        /// The asset.
        asset: u32,
        /// Its number.
        number: u32,
    },
}

/// Bytes of an encoded [`PayeeKey`].
pub const PAYEE_LEN: usize = 17;

impl PayeeKey {
    /// In which asset.
    pub fn asset(self) -> u32 {
        match self {
            Self::Treasury { asset } | Self::Provider { asset, .. } | Self::Contributor { asset, .. } => asset,
        }
    }

    /// Kind, stream, asset, contributor.
    pub fn encode(self) -> [u8; PAYEE_LEN] {
        let (kind, stream, asset, number) = match self {
            Self::Treasury { asset } => (0, 0, asset, 0),
            Self::Provider { stream, asset } => (1, stream, asset, 0),
            Self::Contributor { stream, asset, number } => (2, stream, asset, number),
        };
        let mut bytes = [kind; PAYEE_LEN];
        bytes[1..9].copy_from_slice(&stream.to_be_bytes());
        bytes[9..13].copy_from_slice(&asset.to_be_bytes());
        bytes[13..].copy_from_slice(&number.to_be_bytes());
        bytes
    }

    /// Reads what [`PayeeKey::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader::new(bytes);
        let (kind, stream, asset, number) = (from.u8()?, from.u64()?, from.u32()?, from.u32()?);
        from.end()?;
        match kind {
            0 => Ok(Self::Treasury { asset }),
            1 => Ok(Self::Provider { stream, asset }),
            2 => Ok(Self::Contributor { stream, asset, number }),
            _ => Err(Malformed),
        }
    }
}
