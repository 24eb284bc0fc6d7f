//! What a payment is for: stored with its intent, read when it settles.

use candid::Principal;
use ddsx_types::stream_registry::{PlanId, PlanKind, StreamId};
use ddsx_types::{Account, Hash};

use super::books::PayeeKey;
use super::plans::{read_kind, write_kind};
use crate::storage::codec::{Malformed, Reader, Record, Writer};

/// A purchase as it was accepted: what is granted when the money is here, whatever has changed meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchase {
    /// Who shall own the licence.
    pub recipient: Account,
    /// The stream.
    pub stream: StreamId,
    /// The plan.
    pub plan: PlanId,
    /// What it sells.
    pub kind: PlanKind,
    /// The terms accepted.
    pub terms_hash: Hash,
    /// Ledger, asset number and price; absent for a free plan.
    pub payment: Option<(Principal, u32, u128)>,
    /// The protocol's part, in basis points, when the purchase was accepted.
    pub protocol_fee_bps: u16,
}

/// What a payment is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A licence.
    Purchase(Purchase),
    /// Somebody's share.
    Payout {
        /// Whose.
        payee: PayeeKey,
        /// What left its due: the amount sent and the ledger's fee.
        due: u128,
    },
    /// Money for somebody's prepaid balance.
    TopUp {
        /// Whose.
        owner: Principal,
        /// The asset's number.
        asset: u32,
    },
    /// What somebody takes out of a prepaid balance.
    Withdrawal {
        /// Whose.
        owner: Principal,
        /// The asset's number.
        asset: u32,
        /// What left the balance: the amount sent and the ledger's fee.
        amount: u128,
    },
}

impl Record for Purpose {
    const VERSION: u8 = 1;

    fn write(&self, to: &mut Writer) {
        match self {
            Self::Purchase(purchase) => {
                to.u8(0)
                    .account(&purchase.recipient)
                    .u64(purchase.stream)
                    .u64(purchase.plan);
                write_kind(to, purchase.kind);
                to.raw(&purchase.terms_hash.0);
                to.option(purchase.payment, |to, (ledger, asset, price)| {
                    to.principal(&ledger).u32(asset).u128(price);
                });
                to.u16(purchase.protocol_fee_bps);
            }
            Self::Payout { payee, due } => {
                to.u8(1).raw(&payee.encode()).u128(*due);
            }
            Self::TopUp { owner, asset } => {
                to.u8(2).principal(owner).u32(*asset);
            }
            Self::Withdrawal { owner, asset, amount } => {
                to.u8(3).principal(owner).u32(*asset).u128(*amount);
            }
        }
    }

    fn read(_version: u8, from: &mut Reader<'_>) -> Result<Self, Malformed> {
        match from.u8()? {
            0 => Ok(Self::Purchase(Purchase {
                recipient: from.account()?,
                stream: from.u64()?,
                plan: from.u64()?,
                kind: read_kind(from)?,
                terms_hash: from.hash()?,
                payment: from.option(|from| Ok((from.principal()?, from.u32()?, from.u128()?)))?,
                protocol_fee_bps: from.u16()?,
            })),
            1 => Ok(Self::Payout {
                payee: PayeeKey::decode(from.raw(super::books::PAYEE_LEN)?)?,
                due: from.u128()?,
            }),
            2 => Ok(Self::TopUp {
                owner: from.principal()?,
                asset: from.u32()?,
            }),
            3 => Ok(Self::Withdrawal {
                owner: from.principal()?,
                asset: from.u32()?,
                amount: from.u128()?,
            }),
            _ => Err(Malformed),
        }
    }
}

/// A free licence that was granted for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreeRequest {
    /// Hash of the request's arguments.
    pub arguments: Hash,
    /// The licence.
    pub licence: u64,
}

impl Record for FreeRequest {
    const VERSION: u8 = 1;

    fn write(&self, to: &mut Writer) {
        to.raw(&self.arguments.0).u64(self.licence);
    }

    fn read(_version: u8, from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            arguments: from.hash()?,
            licence: from.u64()?,
        })
    }
}
