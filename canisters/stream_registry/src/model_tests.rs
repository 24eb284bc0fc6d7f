//! Random operations with random fates of the calls, upgrades among them. Whatever happens, the books balance at every step; and when
//! all is quiet again, there is a licence for each payment, each payee has what it is due, and the ledger holds the rest.

use ddsx_runtime::RejectCode;
use ddsx_runtime::testing::Fate;
use ddsx_types::Account;
use ddsx_types::stream_registry::{Payee, TopUpArgs, WithdrawArgs};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_bytes::ByteBuf;

use crate::storage;
use crate::testing::*;
use crate::{assets, balance, log, revenue_book};

#[derive(Clone, Debug)]
enum Operation {
    Append(Vec<(u32, u64)>),
    Buy(u8),
    Claim(u8),
    Fate(u8),
    Wait(u64),
    LedgerDown(bool),
    Pause(bool),
    TopUp(u8),
    Withdraw(u128),
    Upgrade,
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        3 => (1_u64..50, 0_u64..50, 0_u64..3).prop_map(|(a, b, c)| {
            let credits = [(0, a), (1, b), (2, c)];
            Operation::Append(credits.into_iter().filter(|(_, records)| *records > 0).collect())
        }),
        4 => (0_u8..20).prop_map(Operation::Buy),
        2 => (0_u8..4).prop_map(Operation::Claim),
        3 => (0_u8..8).prop_map(Operation::Fate),
        3 => (1_u64..400).prop_map(Operation::Wait),
        1 => any::<bool>().prop_map(Operation::LedgerDown),
        1 => any::<bool>().prop_map(Operation::Pause),
        2 => (0_u8..20).prop_map(Operation::TopUp),
        1 => (1_u128..2_000).prop_map(Operation::Withdraw),
        1 => Just(Operation::Upgrade),
    ]
}

fn fate(number: u8) -> Fate {
    match number {
        0 => Fate::not_sent(),
        1 => Fate::reject_before(RejectCode::SysTransient),
        2 => Fate::reject_before(RejectCode::CanisterError),
        3 => Fate::reject_after(RejectCode::SysUnknown),
        4 => Fate::trap_after_await(),
        5 => Fate::executed_but_answered(vec![1]),
        6 => Fate::never_answered(true),
        _ => Fate::never_answered(false),
    }
}

fn set_paused(paused: bool) {
    storage::with_mut(|storage| storage.change_settings(|settings| settings.paused = paused));
}

fn perform(world: &World, stream: u64, plan: u64, operation: Operation) {
    match operation {
        Operation::Append(credits) => storage::with_mut(|storage| {
            let size = storage.stream(stream).expect("the stream").log.size();
            let args = batch(stream, size, vec![chunk(&[size.to_be_bytes(); 16].concat(), &credits)]);
            // Refused while paused.
            let _ = log::append(storage, OWNER, NOW, &args);
        }),
        Operation::Buy(request) => {
            world.buy(world.buy_args(plan, request));
        }
        Operation::Claim(payee) => {
            let (caller, payee) = if payee == 3 {
                (OWNER, Payee::Provider)
            } else {
                (holder(payee).owner, Payee::Contributor(payee.into()))
            };
            world.claim(caller, stream, payee);
        }
        Operation::Fate(number) => world.next_payment(fate(number)),
        Operation::Wait(seconds) => world.wait(seconds),
        Operation::LedgerDown(down) => world.ledger.set_down(down.then_some(RejectCode::CanisterError)),
        Operation::Pause(paused) => set_paused(paused),
        Operation::TopUp(request) => {
            world.runtime.set_caller(OWNER);
            let host = world.host.clone();
            let args = TopUpArgs {
                ledger: LEDGER,
                amount: (100 * u128::from(request) + 1).into(),
                from_subaccount: None,
                request_id: ByteBuf::from([request; 16]),
            };
            world.runtime.run(async move { balance::top_up(&host, args).await });
        }
        Operation::Withdraw(amount) => {
            world.runtime.set_caller(OWNER);
            let host = world.host.clone();
            let args = WithdrawArgs {
                ledger: LEDGER,
                amount: Some(amount.into()),
                to_subaccount: None,
            };
            world.runtime.run(async move { balance::withdraw(&host, args).await });
        }
        Operation::Upgrade => world.upgrade(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn should_keep_money_and_licences_together(
        price in 1_u128..5_000,
        storage_costs in any::<bool>(),
        operations in vec(operation(), 1..60),
    ) {
        let (world, stream, plan) = World::with_plan(price);
        world.fund(1_000_000);
        world.ledger.mint(OWNER.into(), 1_000_000);
        world.ledger.approve(OWNER.into(), REGISTRY, 1_000_000);
        if storage_costs {
            let tariff = storage_price(0, 1 << 24);
            storage::with_mut(|storage| assets::set_storage_price(storage, &tariff)).expect("a valid price");
        }
        for operation in operations {
            perform(&world, stream, plan, operation);
            let audit = storage::with(|storage| revenue_book::audit(storage, LEDGER)).expect("listed");
            prop_assert!(audit.conserved, "{audit:?}");
        }
        world.ledger.calm();
        world.forget_fates();
        set_paused(false);
        world.upgrade();
        world.wait(2 * 3_600);
        let pulls_from = |who: Account| {
            let transfers = world.ledger.transfers();
            transfers.into_iter().filter(|transfer| transfer.spender.is_some() && transfer.from == who).collect::<Vec<_>>()
        };
        let bought = pulls_from(BUYER.into()).len();
        let prepaid = storage::with(|storage| storage.prepaid().totals(0).0);
        let topped_up: u128 = pulls_from(OWNER.into()).iter().map(|transfer| transfer.amount).sum();
        prop_assert_eq!((prepaid.topped_up, prepaid.withdrawing), (topped_up, 0));
        prop_assert_eq!(world.licences(), bought as u64);
        prop_assert_eq!(storage::with(|storage| storage.books().payouts_in_flight()), 0);
        world.check();
        for transfer in world.ledger.transfers().iter().filter(|transfer| transfer.spender.is_none()) {
            prop_assert_eq!(world.ledger.find(&transfer.memo).len(), 1, "each payout was made once");
        }
    }
}
