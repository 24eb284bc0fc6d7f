//! Exactly-once payments over ICRC-2 and ICRC-1 ledgers.
//!
//! A canister that pulls a buyer's money or pushes a payee's must not lose track when a reply is lost, a callback traps or the
//! code is upgraded in between. So an *intent* is stored before the ledger is called, with everything that the ledger will see;
//! every attempt sends these very arguments, and the ledger's own deduplication makes one transfer of them all. What an answer
//! proves is decided in one pure function, [`verdict`]. An intent that cannot be resolved inside the ledger's window
//! goes into quarantine, until governance gives evidence.
//!
//! The journal lies in five stable memories of the canister. The canister lends it through [`Host`] and is told of each outcome
//! exactly once, in [`Host::settle`], in the message that settled it.
//!
//! # How a canister uses it
//! ```
//! use candid::Principal;
//! use ddsx_payments::{Asset, Host, Journal, Kind, Limits, Memories, Order, Outcome, RequestKey, Settled, Status};
//! use ddsx_runtime::{Runtime, System};
//! use ddsx_types::{Account, Hash};
//! use ic_stable_structures::DefaultMemoryImpl;
//! use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};
//! use std::cell::RefCell;
//!
//! type Memory = VirtualMemory<DefaultMemoryImpl>;
//!
//! struct State { journal: Journal<Memory>, licences: Vec<Vec<u8>> }
//!
//! thread_local! {
//!     static STATE: RefCell<State> = RefCell::new({
//!         let memory = MemoryManager::init(DefaultMemoryImpl::default());
//!         let id = |n| memory.get(MemoryId::new(n));
//!         let memories = Memories { counters: id(0), intents: id(1), index: id(2), requests: id(3), ledgers: id(4) };
//!         State { journal: Journal::init(memories, Limits::default()), licences: Vec::new() }
//!     });
//! }
//!
//! #[derive(Clone, Copy)]
//! struct Shop;
//!
//! impl Host for Shop {
//!     type Runtime = System;
//!     type Memory = Memory;
//!
//!     fn runtime(&self) -> &System { &System }
//!
//!     fn with_journal<T>(&self, work: impl FnOnce(&mut Journal<Memory>) -> T) -> T {
//!         STATE.with_borrow_mut(|state| work(&mut state.journal))
//!     }
//!
//!     fn settle(&self, settled: &Settled) -> Vec<u8> {
//!         match &settled.outcome {
//!             // Exactly once: here and nowhere else the licence comes to be.
//!             Outcome::Paid { .. } => STATE.with_borrow_mut(|state| {
//!                 state.licences.push(settled.intent.purpose.clone());
//!                 (state.licences.len() as u64).to_be_bytes().to_vec()
//!             }),
//!             Outcome::Failed(_) => Vec::new(),
//!         }
//!     }
//! }
//!
//! /// In an update method. `arguments` is the hash of all that the caller gave.
//! async fn buy(asset: Asset, price: u128, request_id: Vec<u8>, arguments: Hash) -> Result<Vec<u8>, String> {
//!     let caller = Shop.runtime().caller();
//!     let request = RequestKey { id: request_id, arguments };
//!     // A repeated request is answered whatever has changed since; so this comes before price and terms are checked.
//!     let known = ddsx_payments::lookup_request(&Shop, caller, &request).map_err(|error| format!("{error:?}"))?;
//!     let status = match known {
//!         Some(status) => status,
//!         None => {
//!             // Whoever cannot pay stores nothing here. (After this `await`, prices and terms are to be read again.)
//!             let from = Account { owner: caller, subaccount: None };
//!             ddsx_payments::look(&Shop, caller, from, &asset, price).await.map_err(|error| error.to_string())?;
//!             let order = Order {
//!                 kind: Kind::Pull { from, to_subaccount: None },
//!                 asset,
//!                 amount: price,
//!                 purpose: b"licence for stream 7".to_vec(),
//!                 caller,
//!             };
//!             ddsx_payments::pay(&Shop, order, Some(request)).await.map_err(|error| format!("{error:?}"))?
//!         }
//!     };
//!     match status {
//!         Status::Paid { result: licence, .. } => Ok(licence),
//!         Status::Pending { id } => Err(format!("pending, ask again: {id}")),
//!         Status::Quarantined { id } => Err(format!("governance settles it: {id}")),
//!         Status::Failed { failure, .. } => Err(format!("not charged: {failure}")),
//!     }
//! }
//!
//! // In `init` and `post_upgrade`:
//! fn start() { ddsx_payments::resume(&Shop); }
//! ```
//!
//! For a payout, take the amount and the ledger's fee from what is due, note it as in flight, and [`begin`] a push in the same
//! message: the timer sends it. In [`Host::settle`] it then leaves the books ([`Outcome::Paid`]) or is due again
//! ([`Outcome::Failed`]). `Failed(BadFee { .. })` tells the canister to ask the ledger for its fee (`icrc1_fee`). The fee in the
//! answer is that of one transfer: a transfer to the minting account, a burn, is answered with 0.
//!
//! # What is promised
//! - A purpose is handed to [`Host::settle`] once, `Paid` if and only if the ledger executed the transfer, provided that the
//!   ledger deduplicates as its listing says and governance's evidence is true.
//! - No work is unbounded, and no wait: pending payments are limited per caller and per ledger, each timer message does a slice of them, and
//!   upgrading copies nothing.
//! - A request id repeated within 24 hours after a failure, or ten years after a payment, is answered with the same outcome;
//!   with other arguments it is refused.

mod asset;
mod engine;
mod facts;
mod intent;
mod journal;
mod ledger;
mod limits;
mod means;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod verdict;

pub use asset::{Asset, DEFAULT_WINDOW_NS, ListingError};
pub use engine::{Host, attempt, begin, lookup_request, pay, resume, settle_quarantined};
pub use facts::{LedgerFacts, Questions, ask, ask_soon};
pub use intent::{
    Direction, Evidence, Failure, Intent, Kind, MAX_PURPOSE_BYTES, MAX_RESULT_BYTES, Order, Outcome, REQUEST_ID_BYTES,
    RequestKey, Settled, State, Status,
};
pub use journal::{BeginError, Begun, Counters, EvidenceError, Journal, Memories, Open};
pub use limits::Limits;
pub use means::{NO_INTENT_YET, NoMeans, look};
pub use verdict::{Answer, Verdict, verdict};
