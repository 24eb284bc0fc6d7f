//! The terms that a buyer accepts, as the bytes whose SHA-256 is the `terms_hash` of a quote, a purchase and a licence.
//!
//! The registry and its clients share this, so that a client hashes what it shows to a person and buys that, or nothing.

use super::{LicenceTerms, PlanId, PlanKind, StreamId};
use candid::Principal;

/// What begins the bytes.
const DOMAIN: &[u8] = b"ddsx-terms-v1";

/// Everything that a buyer accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms<'a> {
    /// The stream.
    pub stream: StreamId,
    /// Who provides it.
    pub owner: Principal,
    /// The plan.
    pub plan: PlanId,
    /// What the plan sells.
    pub kind: PlanKind,
    /// The stream's terms of use.
    pub terms_of_use: &'a LicenceTerms,
    /// The asset's ledger and the price in its smallest unit; absent for a free plan.
    pub price: Option<(Principal, u128)>,
}

impl Terms<'_> {
    /// The bytes to hash: `docs/registry.md`, *Terms*. Integers are big-endian. The layout never changes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = DOMAIN.to_vec();
        bytes.extend(self.stream.to_be_bytes());
        put_principal(&mut bytes, &self.owner);
        bytes.extend(self.plan.to_be_bytes());
        match self.kind {
            PlanKind::Subscription { duration_ns } => {
                bytes.push(0);
                bytes.extend(duration_ns.to_be_bytes());
            }
            PlanKind::Perpetual => bytes.push(1),
            PlanKind::Free => bytes.push(2),
        }
        let (form, text) = match self.terms_of_use {
            LicenceTerms::Spdx(id) => (0, id),
            LicenceTerms::Text(text) => (1, text),
        };
        bytes.push(form);
        // At most 8,000 bytes are stored; a longer text, which no registry has, gets a length that no registry writes.
        bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(text.as_bytes());
        match &self.price {
            None => bytes.push(0),
            Some((ledger, amount)) => {
                bytes.push(1);
                put_principal(&mut bytes, ledger);
                bytes.extend(amount.to_be_bytes());
            }
        }
        bytes
    }
}

/// One byte of length, then the at most 29 bytes.
fn put_principal(bytes: &mut Vec<u8>, principal: &Principal) {
    let raw = principal.as_slice();
    bytes.push(u8::try_from(raw.len()).unwrap_or(u8::MAX));
    bytes.extend(raw);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_lay_the_terms_out_as_documented() {
        let (owner, ledger) = (Principal::from_slice(&[1]), Principal::from_slice(&[2, 3]));
        let terms = Terms {
            stream: 7,
            owner,
            plan: 9,
            kind: PlanKind::Subscription { duration_ns: 5 },
            terms_of_use: &LicenceTerms::Text("ab".into()),
            price: Some((ledger, 258)),
        };
        let expected = [
            b"ddsx-terms-v1".as_slice(),
            &[0, 0, 0, 0, 0, 0, 0, 7],
            &[1, 1],
            &[0, 0, 0, 0, 0, 0, 0, 9],
            &[0, 0, 0, 0, 0, 0, 0, 0, 5],
            &[1, 0, 0, 0, 2, b'a', b'b'],
            &[1, 2, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2],
        ]
        .concat();
        assert_eq!(terms.encode(), expected);

        let free = Terms {
            kind: PlanKind::Free,
            terms_of_use: &LicenceTerms::Spdx("X".into()),
            price: None,
            ..terms
        };
        assert_eq!(free.encode()[13 + 8 + 2 + 8..], [2, 0, 0, 0, 0, 1, b'X', 0]);
    }
}
