//! What the payments journal asks of this canister: where its state is, and what to do when a payment is settled.

use ddsx_payments::{Failure, Host, Journal, Outcome, Settled};
use ddsx_runtime::{Runtime, System};
use ddsx_types::federated_aggregator::Stage;

use crate::storage::record::decode;
use crate::storage::records::{Payee, Purpose};
use crate::storage::{self, Mem, Storage};
use crate::{assets, balance, fund, join, payout, settlement, timer};

/// The aggregator as it runs over a runtime: the real one, or a test's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Aggregator<R>(pub R);

/// The aggregator on the Internet Computer.
pub const AGGREGATOR: Aggregator<System> = Aggregator(System);

impl<R: Runtime> Host for Aggregator<R> {
    type Runtime = R;
    type Memory = Mem;

    fn runtime(&self) -> &R {
        &self.0
    }

    fn with_journal<T>(&self, work: impl FnOnce(&mut Journal<Mem>) -> T) -> T {
        storage::with_journal(work)
    }

    /// Books what was paid. A purpose that cannot be read was never written by us: the panic undoes the settlement, and the
    /// intent stays where operators see it.
    fn settle(&self, settled: &Settled) -> Vec<u8> {
        let Some(purpose) = decode::<Purpose>(&settled.intent.purpose) else {
            panic!("the purpose of intent {} cannot be read", settled.intent.id);
        };
        let now = self.0.time();
        if matches!(settled.outcome, Outcome::Failed(Failure::BadFee { .. })) {
            assets::ask_soon(self, settled.intent.ledger);
        }
        storage::with_mut(|storage| {
            if matches!(settled.outcome, Outcome::Paid { .. }) {
                settlement::executed(storage, settled.intent.ledger, &purpose);
            }
            match (purpose, &settled.outcome) {
                (Purpose::Payout { payee, due }, Outcome::Paid { .. }) => payout::finish(storage, now, payee, due),
                (Purpose::Payout { payee, due }, Outcome::Failed(_)) => payout::abort(storage, now, payee, due),
                (Purpose::Withdrawal { owner, asset, amount }, outcome) => {
                    let fee = matches!(outcome, Outcome::Paid { .. }).then_some(settled.intent.fee);
                    balance::withdrawn(storage, owner, asset, amount, fee);
                }
                (purpose, Outcome::Paid { .. }) => received(storage, settled.intent.ledger, &purpose, now),
                (Purpose::Storage { task, .. }, Outcome::Failed(_)) => fund::storage_settled(storage, task, false, now),
                (Purpose::Keep { task, .. }, Outcome::Failed(_)) => fund::keep_failed(storage, task),
                (_, Outcome::Failed(_)) => {}
            }
        });
        timer::arm(self);
        Vec::new()
    }
}

/// Money has come in.
fn received(storage: &mut Storage, ledger: candid::Principal, purpose: &Purpose, now: u64) {
    match *purpose {
        Purpose::Storage {
            task,
            amount,
            per_round,
            rounds,
        } => {
            let held = per_round.saturating_mul(rounds.into()).min(amount);
            fund::fee_received(storage, task, ledger, (per_round, held), now);
            balance::to_treasury(storage, ledger, amount - held, now);
        }
        Purpose::Keep { task, amount } => {
            fund::keep(storage, task, now);
            balance::to_treasury(storage, ledger, amount, now);
        }
        Purpose::Budget { task, amount } => {
            let Some(mut record) = storage.task(task) else { return };
            record.books.receive_budget(amount);
            if matches!(record.stage, Stage::Ended(_)) {
                // It came too late: back to the owner.
                record.books.assign(amount);
                record.owner_due.credit(amount);
                storage.ask_payout(now, Payee::Owner(task));
            }
            storage.put_task(record);
        }
        Purpose::Stake {
            task,
            client,
            account,
            amount,
        } => join::enter(storage, task, client, account, amount, now),
        Purpose::TopUp { owner, asset, amount } => balance::topped_up(storage, owner, asset, amount),
        Purpose::Payout { .. } | Purpose::Withdrawal { .. } => {}
    }
}
