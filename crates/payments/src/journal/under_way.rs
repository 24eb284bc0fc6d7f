//! What is being asked of each ledger right now. On the heap only: after an upgrade nothing is.

use candid::Principal;
use ddsx_runtime::{Guard, GuardError, Guards};
use std::collections::BTreeMap;

/// Keys held at each ledger, at most `cap` at each.
pub(crate) struct UnderWay<K: Ord> {
    cap: usize,
    ledgers: BTreeMap<Principal, Guards<K>>,
}

impl<K: Ord + Clone> UnderWay<K> {
    pub(crate) const fn new(cap: usize) -> Self {
        Self {
            cap,
            ledgers: BTreeMap::new(),
        }
    }

    /// Holds a key at a ledger until the guard is dropped.
    pub(crate) fn enter(&mut self, ledger: Principal, key: K) -> Result<Guard<K>, GuardError> {
        self.ledgers.retain(|_, held| !held.is_empty());
        let cap = self.cap;
        self.ledgers
            .entry(ledger)
            .or_insert_with(|| Guards::new(cap))
            .enter(key)
    }

    /// Whether a key is held at a ledger.
    pub(crate) fn holds(&self, ledger: &Principal, key: &K) -> bool {
        self.ledgers.get(ledger).is_some_and(|held| held.holds(key))
    }

    /// Whether a ledger has as many as it may.
    pub(crate) fn is_full(&self, ledger: &Principal) -> bool {
        self.ledgers.get(ledger).is_some_and(|held| held.len() >= self.cap)
    }

    /// How many are held at all ledgers.
    pub(crate) fn len(&self) -> usize {
        self.ledgers.values().map(Guards::len).sum()
    }
}
