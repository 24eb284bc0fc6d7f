//! The part that acts: sends attempts, takes their answers, and keeps a timer going while anything is pending.

use crate::intent::{Evidence, Order, RequestKey, Settled, Status};
use crate::journal::{Attempt, BeginError, Begun, Due, EvidenceError, Journal};
use crate::ledger::send;
use candid::Principal;
use ddsx_runtime::Runtime;
use ic_stable_structures::Memory;
use std::time::Duration;

/// The canister around a journal. Implemented on a small handle (a unit struct beside the canister's `thread_local!` state).
pub trait Host: Clone + 'static {
    /// The system.
    type Runtime: Runtime;
    /// Where the journal lies.
    type Memory: Memory;

    /// The system.
    fn runtime(&self) -> &Self::Runtime;

    /// Lends the journal to `work`, which neither waits nor calls back.
    fn with_journal<T>(&self, work: impl FnOnce(&mut Journal<Self::Memory>) -> T) -> T;

    /// A payment has its outcome. Called exactly once for each intent, in the same message that settles it, while the journal is
    /// not lent out, so that it may begin other payments ([`begin`]). It must not trap: a trap undoes the settling as
    /// well, and the payment is asked about again later.
    ///
    /// What it gives back (at most [`crate::MAX_RESULT_BYTES`], for example a licence's number) is kept with the
    /// payment, for whoever asks again.
    fn settle(&self, settled: &Settled) -> Vec<u8>;
}

/// How late a timer may fire before it is taken as lost.
const TIMER_GRACE_NS: u64 = 300 * 1_000_000_000;
/// The least time between two rounds of the timer: what became due meanwhile is worked on together.
const MIN_DELAY: Duration = Duration::from_secs(1);
/// Intents that a round looks at for each that it may go on with: those of a silent ledger must not
/// keep the others waiting.
const LOOKS_PER_ATTEMPT: usize = 5;
/// Settled intents that a round of the timer forgets at most.
const PRUNED_PER_ROUND: usize = 20;

/// Stores the order and makes its first attempt. The answer is the outcome, or `Pending` if that is not known yet: then the
/// timer goes on. A request made before is answered with what is known of it, and nothing is sent.
///
/// # Errors
/// As [`BeginError`]; nothing was stored and nothing is charged.
pub async fn pay<H: Host>(host: &H, order: Order, request: Option<RequestKey>) -> Result<Status, BeginError> {
    let runtime = host.runtime();
    let (now, own) = (runtime.time(), runtime.canister_self());
    let begun = host.with_journal(|journal| {
        // The attempt follows in this message; the timer steps in if it does not end.
        let due = now.saturating_add(journal.limits().first_retry_ns);
        journal.begin(now, own, order, request, due)
    })?;
    match begun {
        Begun::Known(status) => Ok(status),
        Begun::New(id) => {
            arm(host);
            Ok(attempt(host, id).await.unwrap_or(Status::Pending { id }))
        }
    }
}

/// Stores the order and leaves it to the timer, which makes the first attempt in about a second. Does not wait for anything, so
/// that it can be called where the money's owner is debited, also in [`Host::settle`].
///
/// # Errors
/// As [`BeginError`]; nothing was stored and nothing is charged.
pub fn begin<H: Host>(host: &H, order: Order, request: Option<RequestKey>) -> Result<Begun, BeginError> {
    let runtime = host.runtime();
    let (now, own) = (runtime.time(), runtime.canister_self());
    let begun = host.with_journal(|journal| journal.begin(now, own, order, request, now))?;
    arm(host);
    Ok(begun)
}

/// What became of a request of `caller`. Ask this before prices, terms or limits are looked at.
///
/// # Errors
/// [`BeginError::InvalidRequestId`] or [`BeginError::RequestIdReused`].
pub fn lookup_request<H: Host>(
    host: &H,
    caller: Principal,
    request: &RequestKey,
) -> Result<Option<Status>, BeginError> {
    host.with_journal(|journal| journal.lookup(caller, request))
}

/// Makes one attempt, unless one is under way or the intent has left `Pending`; if its window is over, acts on that instead.
/// Answers what is known of it then; `None` if there is no such intent.
pub async fn attempt<H: Host>(host: &H, id: u64) -> Option<Status> {
    let runtime = host.runtime();
    let now = runtime.time();
    let settled = match host.with_journal(|journal| journal.start(id, now)) {
        // The guard is held until the answer is taken, and goes with the future if that traps.
        Some(Attempt {
            intent,
            number,
            guard: _guard,
        }) => {
            let answer = send(runtime, &intent).await;
            let now = runtime.time();
            host.with_journal(|journal| journal.conclude(id, number, answer, now))
        }
        None => host.with_journal(|journal| journal.end_window(id, now)),
    };
    hand_over(host, settled);
    arm(host);
    host.with_journal(|journal| journal.status(id))
}

/// Sets the timer if anything is pending. Call it in `init` and `post_upgrade`; everything else here calls it by itself.
pub fn resume<H: Host>(host: &H) {
    arm(host);
}

/// Settles a quarantined payment by what governance found out. The caller's rights are for the endpoint to check.
///
/// # Errors
/// As [`EvidenceError`]; nothing changed.
pub fn settle_quarantined<H: Host>(host: &H, id: u64, evidence: Evidence) -> Result<Status, EvidenceError> {
    let now = host.runtime().time();
    let settled = host.with_journal(|journal| journal.settle_by_evidence(id, evidence, now))?;
    hand_over(host, Some(settled));
    host.with_journal(|journal| journal.status(id))
        .ok_or(EvidenceError::NotFound)
}

fn hand_over<H: Host>(host: &H, settled: Option<Settled>) {
    if let Some(settled) = settled {
        let result = host.settle(&settled);
        host.with_journal(|journal| journal.keep_result(settled.intent.id, result));
    }
}

/// Makes sure that the timer fires when the next intent is due, and not before it is worth it.
fn arm<H: Host>(host: &H) {
    let runtime = host.runtime();
    let now = runtime.time();
    let (due, armed) = host.with_journal(|journal| (journal.next_due(), journal.armed));
    let Some(due) = due else {
        if let Some((_, timer)) = armed {
            runtime.clear_timer(timer);
            host.with_journal(|journal| journal.armed = None);
        }
        return;
    };
    let due = due.max(now.saturating_add(u64::try_from(MIN_DELAY.as_nanos()).unwrap_or(u64::MAX)));
    if let Some((at, timer)) = armed {
        // A timer that should have fired long ago was lost with the message that it ran in.
        if at <= due && now <= at.saturating_add(TIMER_GRACE_NS) {
            return;
        }
        runtime.clear_timer(timer);
    }
    let work = host.clone();
    let timer = runtime.set_timer(Duration::from_nanos(due - now), async move { tick(&work) });
    host.with_journal(|journal| journal.armed = Some((due, timer)));
}

/// One round: whatever is due, up to a slice. Each intent is gone on with in a message of its own, so that one whose handler traps or
/// whose ledger never answers holds up no other; this message calls nothing that could trap.
fn tick<H: Host>(host: &H) {
    let now = host.runtime().time();
    let mut slice = host.with_journal(|journal| {
        journal.armed = None;
        journal.prune(now, PRUNED_PER_ROUND);
        journal.limits().slice
    });
    for _ in 0..slice.saturating_mul(LOOKS_PER_ATTEMPT) {
        if slice == 0 {
            break;
        }
        match host.with_journal(|journal| journal.take_due(now)) {
            Due::Nothing => break,
            Due::LookedAfter => {}
            Due::GoOn(id) => {
                slice -= 1;
                let work = host.clone();
                host.runtime().set_timer(Duration::ZERO, async move {
                    attempt(&work, id).await;
                });
            }
        }
    }
    arm(host);
}
