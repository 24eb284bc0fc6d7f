//! What a ledger says of itself. Its word on its fee is the one that counts: what it expects of one
//! transfer may be another (0 of a burn), and whoever chooses a transfer's recipient would choose
//! the fee for everybody.

use crate::engine::Host;
use crate::ledger::WAIT;
use candid::{CandidType, Nat, Principal};
use ddsx_runtime::{CallError, Runtime, join};
use ddsx_types::{Account, TimestampNs};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// The shortest time between two questions to a ledger: 60 s.
const BETWEEN_QUESTIONS_NS: u64 = 60 * 1_000_000_000;

/// What a ledger says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerFacts {
    /// Its transfer fee, in its smallest unit (`icrc1_fee`).
    pub fee: Nat,
    /// Its decimal places.
    pub decimals: u8,
    /// Whether it names ICRC-2 among the standards it supports.
    pub has_icrc2: bool,
    /// The account to which a transfer burns and from which it mints.
    pub minting_account: Option<Account>,
}

/// A standard that a ledger names (ICRC-1, `icrc1_supported_standards`).
#[derive(CandidType, Deserialize)]
struct Standard {
    name: String,
}

/// Asks a ledger about itself; it has a bounded time to answer.
///
/// # Errors
/// As [`CallError`], if it does not answer one of the questions.
pub async fn ask<R: Runtime>(runtime: &R, ledger: Principal) -> Result<LedgerFacts, CallError> {
    let numbers = join(
        runtime.call(ledger, "icrc1_fee", (), WAIT),
        runtime.call(ledger, "icrc1_decimals", (), WAIT),
    );
    let others = join(
        runtime.call::<_, Vec<Standard>>(ledger, "icrc1_supported_standards", (), WAIT),
        runtime.call(ledger, "icrc1_minting_account", (), WAIT),
    );
    let ((fee, decimals), (standards, minting_account)) = join(numbers, others).await;
    Ok(LedgerFacts {
        fee: fee?,
        decimals: decimals?,
        has_icrc2: standards?.iter().any(|standard| standard.name == "ICRC-2"),
        minting_account: minting_account?,
    })
}

/// When each ledger was asked last, or will be. On the heap: after an upgrade every ledger is asked
/// anew.
#[derive(Debug, Default)]
pub struct Questions(BTreeMap<Principal, TimestampNs>);

impl Questions {
    /// None asked.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// How long to wait before `ledger` is asked; `None` if it will be asked anyway. Whoever calls
    /// this asks then.
    pub fn plan(&mut self, ledger: Principal, now: TimestampNs) -> Option<Duration> {
        let at = match self.0.get(&ledger) {
            Some(at) if *at > now => return None,
            Some(at) => at.saturating_add(BETWEEN_QUESTIONS_NS).max(now),
            None => now,
        };
        self.0.insert(ledger, at);
        Some(Duration::from_nanos(at - now))
    }
}

/// Asks a ledger in a message of its own and hands what it says to `learn`, unless it is to be
/// asked anyway. At most once a minute: whoever makes payments fail does not make questions. A
/// ledger that does not answer is asked again when there is a reason.
pub fn ask_soon<H: Host>(
    host: &H,
    questions: &mut Questions,
    ledger: Principal,
    learn: impl FnOnce(&LedgerFacts) + 'static,
) {
    let Some(delay) = questions.plan(ledger, host.runtime().time()) else {
        return;
    };
    let runtime = host.runtime().clone();
    host.runtime().set_timer(delay, async move {
        if let Ok(facts) = ask(&runtime, ledger).await {
            learn(&facts);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_ask_a_ledger_once_a_minute_at_most() {
        let mut questions = Questions::new();
        let (one, other) = (Principal::from_slice(&[1]), Principal::from_slice(&[2]));
        let second = 1_000_000_000;
        assert_eq!(questions.plan(one, 0), Some(Duration::ZERO));
        assert_eq!(questions.plan(other, second), Some(Duration::ZERO));
        assert_eq!(questions.plan(one, 10 * second), Some(Duration::from_secs(50)));
        assert_eq!(questions.plan(one, 59 * second), None, "it will be asked anyway");
        assert_eq!(questions.plan(one, 61 * second), Some(Duration::from_secs(59)));
        assert_eq!(questions.plan(one, 1_000 * second), Some(Duration::ZERO));
    }
}
