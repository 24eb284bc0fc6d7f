//! What stands open at each ledger, and of each caller there, counted as it changes.

use super::bytes::{Malformed, Reader, Writer};
use crate::intent::{Direction, Intent, State};
use candid::Principal;
use ic_stable_structures::Storable;
use ic_stable_structures::storable::Bound;
use std::borrow::Cow;

const VERSION: u8 = 1;

/// Whose payments are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Whose {
    /// Those of this ledger.
    pub ledger: Principal,
    /// Of this caller alone: pending pulls.
    pub caller: Option<Principal>,
}

/// Payments without an outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// Pulls whose outcome may still come by itself.
    pub pulls: u64,
    /// Pushes whose outcome may still come by itself.
    pub pushes: u64,
    /// Payments that wait for governance.
    pub quarantined: u64,
}

/// Where an intent is counted. A settled one nowhere; nor one that a release before this one
/// stored, which did not count so.
pub(super) fn counted(intent: &Intent) -> [Option<(Whose, Open)>; 2] {
    if !intent.by_ledger {
        return [None, None];
    }
    let of_ledger = |open| {
        let ledger = intent.ledger;
        Some((Whose { ledger, caller: None }, open))
    };
    let pull = Open {
        pulls: 1,
        ..Open::default()
    };
    match (&intent.state, intent.direction) {
        (State::Pending, Direction::Pull) => {
            let of_caller = Whose {
                ledger: intent.ledger,
                caller: Some(intent.caller),
            };
            [of_ledger(pull), Some((of_caller, pull))]
        }
        (State::Pending, Direction::Push) => {
            let push = Open {
                pushes: 1,
                ..Open::default()
            };
            [of_ledger(push), None]
        }
        (State::Quarantined { .. }, _) => {
            let quarantined = Open {
                quarantined: 1,
                ..Open::default()
            };
            [of_ledger(quarantined), None]
        }
        (State::Paid { .. } | State::Failed { .. }, _) => [None, None],
    }
}

impl Open {
    /// With others more.
    pub(super) const fn plus(self, other: Self) -> Self {
        Self {
            pulls: self.pulls.saturating_add(other.pulls),
            pushes: self.pushes.saturating_add(other.pushes),
            quarantined: self.quarantined.saturating_add(other.quarantined),
        }
    }

    /// Without others, which were added before.
    pub(super) const fn minus(self, other: Self) -> Self {
        Self {
            pulls: self.pulls.saturating_sub(other.pulls),
            pushes: self.pushes.saturating_sub(other.pushes),
            quarantined: self.quarantined.saturating_sub(other.quarantined),
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        Writer::default()
            .u8(VERSION)
            .u64(self.pulls)
            .u64(self.pushes)
            .u64(self.quarantined)
            .finish()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader(bytes);
        if r.u8()? != VERSION {
            return Err(Malformed("unknown version"));
        }
        let open = Self {
            pulls: r.u64()?,
            pushes: r.u64()?,
            quarantined: r.u64()?,
        };
        r.end()?;
        Ok(open)
    }
}

impl Whose {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Writer::default();
        bytes.principal(&self.ledger);
        if let Some(caller) = &self.caller {
            bytes.principal(caller);
        }
        bytes.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader(bytes);
        let ledger = r.principal()?;
        let caller = if r.0.is_empty() { None } else { Some(r.principal()?) };
        r.end()?;
        Ok(Self { ledger, caller })
    }
}

impl Storable for Whose {
    const BOUND: Bound = Bound::Bounded {
        max_size: 2 * (2 + 29),
        is_fixed_size: false,
    };

    fn to_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.encode())
    }

    fn into_bytes(self) -> Vec<u8> {
        self.encode()
    }

    /// Panics on bytes that this code never wrote: going on would lose count of money.
    fn from_bytes(bytes: Cow<'_, [u8]>) -> Self {
        match Self::decode(&bytes) {
            Ok(whose) => whose,
            Err(Malformed(why)) => panic!("whose counts are stored cannot be read: {why}"),
        }
    }
}

impl Storable for Open {
    const BOUND: Bound = Bound::Unbounded;

    fn to_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.encode())
    }

    fn into_bytes(self) -> Vec<u8> {
        self.encode()
    }

    /// Panics on bytes that this code never wrote: going on would lose count of money.
    fn from_bytes(bytes: Cow<'_, [u8]>) -> Self {
        match Self::decode(&bytes) {
            Ok(open) => open,
            Err(Malformed(why)) => panic!("the stored counts of a ledger cannot be read: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_read_and_write_version_1() {
        let open = Open {
            pulls: 1,
            pushes: 2,
            quarantined: 3,
        };
        let bytes = hex::decode("01000000000000000100000000000000020000000000000003").unwrap();
        assert_eq!((Open::decode(&bytes), open.encode()), (Ok(open), bytes));
        let ledger = Principal::from_slice(&[1, 2]);
        for (bytes, caller) in [
            ("00020102", None),
            ("0002010200010a", Some(Principal::from_slice(&[10]))),
        ] {
            let (bytes, whose) = (hex::decode(bytes).unwrap(), Whose { ledger, caller });
            assert_eq!((Whose::decode(&bytes), whose.encode()), (Ok(whose), bytes));
        }
    }
}
