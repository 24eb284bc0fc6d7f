//! Random interleavings: purchases, repeated requests, payouts, lost replies, traps, errors, fee changes, an unreachable ledger,
//! upgrades and the clock, event by event. In the end everything has one outcome, and it is the ledger's.

use super::*;
use crate::Failure;
use ddsx_runtime::RejectCode;
use ddsx_runtime::testing::{Answer, Fate};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Op {
    Buy { buyer: u8, request: u8, price: u128 },
    PayOut { payee: u8, amount: u128 },
    Happen { choice: usize },
    Advance { seconds: u64 },
    Upgrade,
    NextFate(Fate),
    Refuse(Failure),
    Down(Option<RejectCode>),
    Fee { ledger: u128, listed: bool },
    Approve { buyer: u8, amount: u128 },
}

fn fate() -> impl Strategy<Value = Fate> {
    let code = prop_oneof![
        Just(RejectCode::SysTransient),
        Just(RejectCode::DestinationInvalid),
        Just(RejectCode::CanisterError),
        Just(RejectCode::SysUnknown),
    ];
    let honest_code = prop_oneof![Just(RejectCode::CanisterError), Just(RejectCode::SysUnknown)];
    let plain = prop_oneof![
        Just(Fate::normal()),
        Just(Fate::not_sent()),
        code.prop_map(Fate::reject_before),
        honest_code.prop_map(Fate::reject_after),
        any::<bool>().prop_map(Fate::never_answered),
        Just(Fate::trap_after_await()),
        Just(Fate {
            answer: Answer::Trap,
            executed: false,
            ..Fate::normal()
        }),
        Just(Fate::executed_but_answered(vec![0])),
    ];
    (plain, 0..200_u64, 0..200_u64).prop_map(|(fate, before, after)| {
        let seconds = |n: u64| Duration::from_secs(n.saturating_sub(100));
        fate.taking(seconds(before), seconds(after))
    })
}

/// Errors that say nothing of the payer's means: of those, the model has true ones of its own.
fn refusal() -> impl Strategy<Value = Failure> {
    prop_oneof![
        Just(Failure::BadFee { expected_fee: 77 }),
        Just(Failure::TooOld),
        Just(Failure::CreatedInFuture { ledger_time: 0 }),
        Just(Failure::TemporarilyUnavailable),
        Just(Failure::Generic {
            code: 1,
            message: "no".into()
        }),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..3_u8, 0..5_u8, prop_oneof![Just(PRICE), Just(FUNDS - FEE), 1..FUNDS / 3])
            .prop_map(|(buyer, request, price)| Op::Buy { buyer, request, price }),
        3 => (0..3_u8, 1..FUNDS / 4).prop_map(|(payee, amount)| Op::PayOut { payee, amount }),
        16 => any::<usize>().prop_map(|choice| Op::Happen { choice }),
        4 => prop_oneof![4 => 1..100_u64, 1 => 3_600..90_000_u64].prop_map(|seconds| Op::Advance { seconds }),
        1 => Just(Op::Upgrade),
        5 => fate().prop_map(Op::NextFate),
        3 => refusal().prop_map(Op::Refuse),
        1 => prop_oneof![Just(None), Just(Some(RejectCode::CanisterError)), Just(Some(RejectCode::SysTransient))]
            .prop_map(Op::Down),
        1 => (5..20_u128, any::<bool>()).prop_map(|(ledger, listed)| Op::Fee { ledger, listed }),
        1 => (0..3_u8, 0..2 * FUNDS).prop_map(|(buyer, amount)| Op::Approve { buyer, amount }),
    ]
}

fn perform(shop: &Shop, op: Op) {
    match op {
        Op::Buy {
            buyer: n,
            request: m,
            price,
        } => {
            // The arguments of a request are the same whenever it is repeated; the price is the shop's at that time.
            let (host, order) = (shop.clone(), shop.purchase(buyer(n), price));
            shop.rt().spawn(async move {
                let _ = pay(&host, order, Some(request(m))).await;
            });
        }
        Op::PayOut { payee, amount } => {
            shop.pay_out(Principal::from_slice(&[60, payee]), amount);
        }
        Op::Happen { choice } => {
            let events = shop.rt().events();
            if !events.is_empty() {
                shop.rt().happen(events[choice % events.len()]);
            }
        }
        Op::Advance { seconds } => shop.rt().advance(Duration::from_secs(seconds)),
        Op::Upgrade => shop.upgrade(),
        Op::NextFate(fate) => shop.rt().next_call(fate),
        Op::Refuse(failure) => shop.ledger().refuse_next(failure),
        Op::Down(down) => shop.ledger().set_down(down),
        Op::Fee { ledger, listed } => {
            shop.ledger().set_fee(ledger);
            if listed {
                shop.0.fee.set(ledger);
            }
        }
        Op::Approve { buyer: n, amount } => {
            shop.ledger()
                .approve(account(buyer(n)), shop.rt().canister_self(), amount);
        }
    }
}

/// Lets all come to its end: the world is calm, hung calls are ended by an upgrade, the window passes, governance tells the truth.
fn come_to_rest(shop: &Shop) {
    shop.ledger().calm();
    shop.rt().forget_fates();
    shop.rt().run_until_stalled();
    shop.upgrade();
    shop.rt().run_for(2 * DAY);
    shop.settle_all_quarantined();
    let totals = shop.with_journal(|journal| journal.totals());
    assert_eq!((totals.open_pulls, totals.open_pushes, totals.quarantined), (0, 0, 0));
    assert_eq!(shop.rt().next_timer(), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 5_000, ..ProptestConfig::default() })]

    #[test]
    fn should_settle_everything_once_and_as_the_ledger_did(
        dedup_first in any::<bool>(),
        ops in proptest::collection::vec(op(), 1..120),
    ) {
        let limits = Limits { in_flight: 6, slice: 3, pulls_per_caller: 4, ..Limits::default() };
        let shop = Shop::with(dedup_first, limits);
        for op in ops {
            perform(&shop, op);
            shop.check();
        }
        come_to_rest(&shop);
        shop.check();
    }
}
