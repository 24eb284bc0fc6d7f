//! Random operations with random fates of the calls, upgrades among them. Whatever happens, the books balance at every step; and when
//! all is quiet again, there is a licence for each payment, each payee has what it is due, and the ledger holds the rest.

use ddsx_runtime::RejectCode;
use ddsx_runtime::testing::Fate;
use ddsx_types::stream_registry::Payee;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::storage;
use crate::testing::*;
use crate::{log, revenue_book};

#[derive(Clone, Debug)]
enum Operation {
    Append(Vec<(u32, u64)>),
    Buy(u8),
    Claim(u8),
    Fate(u8),
    Wait(u64),
    LedgerDown(bool),
    Pause(bool),
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
        Operation::Upgrade => world.upgrade(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn should_keep_money_and_licences_together(price in 1_u128..5_000, operations in vec(operation(), 1..60)) {
        let (world, stream, plan) = World::with_plan(price);
        world.fund(1_000_000);
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
        let bought = world.ledger.transfers().iter().filter(|transfer| transfer.spender.is_some()).count();
        prop_assert_eq!(world.licences(), bought as u64);
        prop_assert_eq!(storage::with(|storage| storage.books().payouts_in_flight()), 0);
        world.check();
        for transfer in world.ledger.transfers().iter().filter(|transfer| transfer.spender.is_none()) {
            prop_assert_eq!(world.ledger.find(&transfer.memo).len(), 1, "each payout was made once");
        }
    }
}
