//! Plans and licences.

use candid::Principal;
use ddsx_types::Hash;
use ddsx_types::stream_registry::{Licence, Plan, PlanId, PlanKind, Price, StreamId};

use crate::amounts::nat;
use crate::storage::codec::{Malformed, Reader, Record, Writer};

/// What a plan is. Its terms never change; it can only be retired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanRecord {
    /// Its stream.
    pub stream: StreamId,
    /// For buyers.
    pub name: String,
    /// What it sells.
    pub kind: PlanKind,
    /// Ledger and price, one each.
    pub prices: Vec<(Principal, u128)>,
    /// False once retired.
    pub offered: bool,
}

impl PlanRecord {
    /// The price in an asset.
    pub fn price_in(&self, ledger: Principal) -> Option<u128> {
        self.prices
            .iter()
            .find_map(|(listed, amount)| (*listed == ledger).then_some(*amount))
    }

    /// As the interface says it.
    pub fn plan(&self, id: PlanId) -> Plan {
        Plan {
            id,
            stream: self.stream,
            name: self.name.clone(),
            kind: self.kind,
            prices: self
                .prices
                .iter()
                .map(|(ledger, amount)| Price {
                    ledger: *ledger,
                    amount: nat(*amount),
                })
                .collect(),
            offered: self.offered,
        }
    }
}

/// Writes a plan's kind: also the form in which terms are hashed.
pub fn write_kind(to: &mut Writer, kind: PlanKind) {
    match kind {
        PlanKind::Subscription { duration_ns } => to.u8(0).u64(duration_ns),
        PlanKind::Perpetual => to.u8(1),
        PlanKind::Free => to.u8(2),
    };
}

/// Reads what [`write_kind`] wrote.
pub fn read_kind(from: &mut Reader<'_>) -> Result<PlanKind, Malformed> {
    match from.u8()? {
        0 => Ok(PlanKind::Subscription {
            duration_ns: from.u64()?,
        }),
        1 => Ok(PlanKind::Perpetual),
        2 => Ok(PlanKind::Free),
        _ => Err(Malformed),
    }
}

impl Record for PlanRecord {
    const VERSION: u8 = 1;

    fn write(&self, to: &mut Writer) {
        to.u64(self.stream).text(&self.name);
        write_kind(to, self.kind);
        to.list(&self.prices, |to, (ledger, amount)| {
            to.principal(ledger).u128(*amount);
        });
        to.bool(self.offered);
    }

    fn read(_version: u8, from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            stream: from.u64()?,
            name: from.text()?,
            kind: read_kind(from)?,
            prices: from.list(|from| Ok((from.principal()?, from.u128()?)))?,
            offered: from.bool()?,
        })
    }
}

/// A licence, as the Candid bytes whose hash is certified. They are kept as they were written, so that the hash stands
/// whatever the interface's type becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenceRecord {
    /// `Licence` in Candid.
    pub encoded: Vec<u8>,
}

impl LicenceRecord {
    /// Encodes a new licence.
    pub fn new(licence: &Licence) -> Result<Self, candid::Error> {
        Ok(Self {
            encoded: candid::encode_one(licence)?,
        })
    }

    /// The licence.
    pub fn licence(&self) -> Result<Licence, candid::Error> {
        candid::decode_one(&self.encoded)
    }

    /// What is certified under its number.
    pub fn hash(&self) -> Hash {
        ddsx_merkle_log::sha256(&self.encoded)
    }
}

impl Record for LicenceRecord {
    const VERSION: u8 = 1;

    fn write(&self, to: &mut Writer) {
        to.bytes(&self.encoded);
    }

    fn read(_version: u8, from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            encoded: from.bytes()?.to_vec(),
        })
    }
}
