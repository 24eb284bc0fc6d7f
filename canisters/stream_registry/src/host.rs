//! What the payments journal asks of this canister: where its state is, and what to do when a payment is settled.

use ddsx_payments::{Failure, Host, Journal, Outcome, Settled};
use ddsx_runtime::{Runtime, System};

use crate::certification;
use crate::storage::codec::Record;
use crate::storage::records::Purpose;
use crate::storage::{self, Mem};
use crate::{assets, balance, payout, purchase};

/// The registry as it runs over a runtime: the real one, or a test's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Registry<R>(pub R);

/// The registry on the Internet Computer.
pub const REGISTRY: Registry<System> = Registry(System);

impl<R: Runtime> Host for Registry<R> {
    type Runtime = R;
    type Memory = Mem;

    fn runtime(&self) -> &R {
        &self.0
    }

    fn with_journal<T>(&self, f: impl FnOnce(&mut Journal<Mem>) -> T) -> T {
        storage::with_journal(f)
    }

    /// Grants the licence, or books the payout. A purpose that cannot be read was never written by us: the panic undoes
    /// the settlement, and the intent stays where operators see it.
    fn settle(&self, settled: &Settled) -> Vec<u8> {
        let Ok(purpose) = Purpose::decode(&settled.intent.purpose) else {
            panic!("the purpose of intent {} cannot be read", settled.intent.id);
        };
        let now = self.0.time();
        if matches!(settled.outcome, Outcome::Failed(Failure::BadFee { .. })) {
            assets::ask_soon(self, settled.intent.ledger);
        }
        storage::with_mut(|storage| match (purpose, &settled.outcome) {
            (Purpose::Purchase(purchase), Outcome::Paid { .. }) => {
                let licence = purchase::grant(storage, now, &purchase);
                certification::publish(storage, &self.0);
                licence.to_be_bytes().to_vec()
            }
            (Purpose::Purchase(_) | Purpose::TopUp { .. }, Outcome::Failed(_)) => Vec::new(),
            (Purpose::Payout { payee, due }, Outcome::Paid { .. }) => {
                payout::finish(storage, payee, due, settled.intent.fee);
                Vec::new()
            }
            (Purpose::Payout { payee, due }, Outcome::Failed(_)) => {
                payout::abort(storage, now, payee, due);
                Vec::new()
            }
            (Purpose::TopUp { owner, asset }, Outcome::Paid { .. }) => {
                balance::topped_up(storage, owner, asset, settled.intent.amount);
                Vec::new()
            }
            (Purpose::Withdrawal { owner, asset, amount }, outcome) => {
                let fee = matches!(outcome, Outcome::Paid { .. }).then_some(settled.intent.fee);
                balance::withdrawn(storage, owner, asset, amount, fee);
                Vec::new()
            }
        })
    }
}
