//! Queries as nodes that lag behind answer them: from the state of some rounds before, with the certificates of then. For tests of clients,
//! which must not take one node's last state for the network's.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use candid::Principal;

use super::Network;
use crate::execution::CanisterMemory;

/// The environment variable that says by how many rounds queries lag. A busy network has a round every few milliseconds, an idle one
/// twenty a second.
const VARIABLE: &str = "DDSX_STALE_QUERIES";
/// More is no lag of a few seconds any more.
const MOST: usize = 10_000;

/// What queries saw after a round.
#[derive(Default)]
pub struct Seen {
    memories: BTreeMap<Principal, CanisterMemory>,
    certificates: BTreeMap<Principal, Arc<Vec<u8>>>,
}

impl Seen {
    /// A canister's memory then; none if there was none.
    pub fn memory(&self, canister: Principal) -> Option<&CanisterMemory> {
        self.memories.get(&canister)
    }

    /// The certificate of a canister's certified data then.
    pub fn certificate(&self, canister: Principal) -> Option<Arc<Vec<u8>>> {
        self.certificates.get(&canister).cloned()
    }
}

/// The rounds that queries lag behind.
pub struct Lag {
    rounds: usize,
    kept: VecDeque<Seen>,
}

impl Lag {
    /// As the environment asks for it; none if it does not.
    pub fn from_environment() -> Option<Self> {
        let rounds = std::env::var(VARIABLE).ok()?.parse().ok()?;
        Self::new(rounds)
    }

    /// By so many rounds, 10,000 at most; none for 0.
    pub fn new(rounds: usize) -> Option<Self> {
        (rounds > 0).then(|| Self {
            rounds: rounds.min(MOST),
            kept: VecDeque::new(),
        })
    }

    /// What queries see now.
    pub fn seen(&self) -> Option<&Seen> {
        self.kept.front()
    }

    fn keep(&mut self, seen: Seen) {
        self.kept.push_back(seen);
        while self.kept.len() > self.rounds + 1 {
            self.kept.pop_front();
        }
    }
}

impl Network {
    /// From now on queries lag behind.
    pub fn set_lag(&mut self, lag: Option<Lag>) {
        self.lag = lag;
    }

    /// Keeps what queries are to see some rounds later.
    pub(super) fn keep_for_queries(&mut self) {
        let Some(mut lag) = self.lag.take() else {
            return;
        };
        let mut seen = Seen::default();
        for subnet in self.subnets.values() {
            for (id, canister) in &subnet.canisters {
                let Some(code) = &canister.code else { continue };
                seen.memories.insert(*id, code.memory.fork());
                if code.module.wants_certificate()
                    && let Some(certificate) = self.certifier.data_certificate(self, *id)
                {
                    seen.certificates.insert(*id, certificate);
                }
            }
        }
        lag.keep(seen);
        self.lag = Some(lag);
    }
}
