use super::*;
use crate::testing::*;
use crate::{assets, contributors, log, revenue_book};
use ddsx_runtime::RejectCode;
use ddsx_runtime::testing::Fate;
use ddsx_types::stream_registry::{ContributorAccountArgs, ContributorRevenueArgs, Page, StreamRevenueArgs};

/// 2.5 % to the protocol; of the rest 30 % to the provider, 70 % to a, b, c in 1 : 2 : 1.
const PRICE: u128 = 100_000;
const TREASURY_PART: u128 = 2_500;
const PROVIDER_PART: u128 = 29_250;
const A: u128 = 17_062;
const B: u128 = 34_125;
const WEEK: u64 = 7 * 86_400;

fn sold() -> (World, StreamId, u64) {
    let (world, stream, plan) = World::with_plan(PRICE);
    world.fund(100 * PRICE);
    world.buy(world.buy_args(plan, 1)).expect("answered").expect("bought");
    (world, stream, plan)
}

fn got(world: &World, account: Account) -> u128 {
    world.ledger.balance(account)
}

#[test]
fn should_pay_everyone_by_itself() {
    let (world, stream, _) = sold();
    world.check();
    world.wait(200);
    assert_eq!(got(&world, holder(100)), PROVIDER_PART - FEE);
    assert_eq!(
        got(&world, GOVERNANCE.into()),
        TREASURY_PART - FEE,
        "the treasury is governance's account by default"
    );
    assert_eq!(got(&world, holder(0)), A - FEE);
    assert_eq!(got(&world, holder(1)), B - FEE);
    world.check();
    let revenue = storage::with(|storage| {
        revenue_book::stream_revenue(storage, StreamRevenueArgs { stream, ledger: LEDGER }).unwrap()
    });
    assert_eq!(
        (revenue.received.clone(), revenue.protocol_fee.clone()),
        (nat(PRICE), nat(TREASURY_PART))
    );
    assert_eq!(
        (revenue.provider.paid, revenue.provider.ledger_fees),
        (nat(PROVIDER_PART - FEE), nat(FEE))
    );
    assert_eq!(revenue.contributors.paid, nat(A + B - 2 * FEE));
    let all = storage::with(|storage| {
        revenue_book::contributor_revenue(
            storage,
            ContributorRevenueArgs {
                stream,
                ledger: LEDGER,
                page: Page::default(),
            },
        )
    });
    let due: Vec<_> = all
        .iter()
        .map(|one| (one.label.as_str(), one.weight, one.balance.due.clone()))
        .collect();
    assert_eq!(
        due,
        [("a", 1, nat(0)), ("b", 2, nat(0)), ("c", 1, nat(A))],
        "c has no account yet"
    );
    assert_eq!(storage::with(|storage| storage.books().payouts_in_flight()), 0);
    assert!(storage::with(|storage| storage.queue().is_empty()));
}

#[test]
fn should_let_wait_what_is_below_the_threshold() {
    let (world, stream, plan) = World::with_plan(200);
    world.fund(PRICE);
    world.buy(world.buy_args(plan, 1)).unwrap().unwrap();
    world.wait(200);
    let sent = |world: &World| world.ledger.transfers().iter().filter(|t| t.spender.is_none()).count();
    assert_eq!(sent(&world), 0, "shares of 5, 58, 34, 68 and 34 wait for 100");
    assert!(matches!(
        world.claim(holder(0).owner, stream, Payee::Contributor(0)),
        Some(Ok(Claimed { ref amount, .. })) if *amount == nat(34 - FEE)
    ));
    for request in 2..6 {
        world.buy(world.buy_args(plan, request)).unwrap().unwrap();
    }
    world.wait(200);
    assert!(got(&world, holder(1)) >= 100 - FEE, "b has come above it");
    assert!(got(&world, holder(100)) >= 100 - FEE);
    world.check();
}

#[test]
fn should_pay_what_was_bound_late_after_seven_days() {
    let (world, stream, _) = sold();
    world.wait(200);
    let bind = ContributorAccountArgs {
        stream,
        contributor: 2,
        account: holder(2),
    };
    let now = world.runtime.time();
    storage::with_mut(|storage| contributors::bind_account(storage, OWNER, now, &bind)).unwrap();
    let claimed = world.claim(holder(2).owner, stream, Payee::Contributor(2)).unwrap();
    assert_eq!(
        claimed,
        Err(ClaimError::NotPayableYet {
            payable_from: now + WEEK * 1_000_000_000
        })
    );
    world.upgrade();
    world.wait(WEEK - 60);
    assert_eq!(got(&world, holder(2)), 0);
    world.wait(200);
    assert_eq!(got(&world, holder(2)), A - FEE);
    world.check();
}

#[test]
fn should_claim_at_once_and_only_by_whom_it_concerns() {
    let (world, stream, _) = sold();
    assert_eq!(
        world.claim(BUYER, stream, Payee::Contributor(0)),
        Some(Err(ClaimError::NotPayee))
    );
    assert_eq!(
        world.claim(Principal::anonymous(), stream, Payee::Provider),
        Some(Err(ClaimError::AnonymousCaller))
    );
    assert_eq!(
        world.claim(OWNER, 9, Payee::Provider),
        Some(Err(ClaimError::StreamNotFound))
    );
    assert_eq!(
        world.claim(OWNER, stream, Payee::Contributor(9)),
        Some(Err(ClaimError::ContributorNotFound))
    );
    assert_eq!(
        world.claim(OWNER, stream, Payee::Contributor(2)),
        Some(Err(ClaimError::NoAccount))
    );
    let claimed = world
        .claim(holder(1).owner, stream, Payee::Contributor(1))
        .unwrap()
        .unwrap();
    assert_eq!(
        (claimed.amount, claimed.ledger_fee, claimed.block),
        (nat(B - FEE), nat(FEE), nat(1))
    );
    let nothing = ClaimError::NothingDue {
        due: nat(0),
        ledger_fee: nat(FEE),
    };
    assert_eq!(
        world.claim(holder(1).owner, stream, Payee::Contributor(1)),
        Some(Err(nothing))
    );
    assert!(
        world.claim(OWNER, stream, Payee::Provider).unwrap().is_ok(),
        "the owner claims for the provider"
    );
    storage::with_mut(|storage| storage.change_settings(|settings| settings.paused = true));
    assert_eq!(
        world.claim(OWNER, stream, Payee::Contributor(0)),
        Some(Err(ClaimError::Paused))
    );
    world.wait(600);
    assert_eq!(got(&world, holder(0)), 0, "the timer is paused too");
    storage::with_mut(|storage| storage.change_settings(|settings| settings.paused = false));
    world.wait(200);
    assert_eq!(got(&world, holder(0)), A - FEE);
    assert_eq!(got(&world, holder(1)), B - FEE, "not paid twice");
    world.check();
}

#[test]
fn should_pay_each_once_whatever_becomes_of_the_calls() {
    let fates = [
        Fate::not_sent(),
        Fate::reject_before(RejectCode::SysTransient),
        Fate::reject_after(RejectCode::SysUnknown),
        Fate::trap_after_await(),
        Fate::executed_but_answered(vec![9]),
        Fate::never_answered(true),
        Fate::never_answered(false),
    ];
    for fate in fates {
        let (world, stream, _) = sold();
        world.runtime.next_call(fate.clone());
        let claimed = world.claim(holder(0).owner, stream, Payee::Contributor(0));
        assert!(
            matches!(claimed, None | Some(Err(ClaimError::Pending { .. }))),
            "{fate:?}: {claimed:?}"
        );
        let again = world.claim(holder(0).owner, stream, Payee::Contributor(0));
        assert!(
            matches!(again, Some(Err(ClaimError::Pending { .. }))),
            "{fate:?}: {again:?}"
        );
        world.upgrade();
        world.wait(3_600);
        assert_eq!(got(&world, holder(0)), A - FEE, "{fate:?}");
        world.check();
    }
}

#[test]
fn should_owe_again_what_a_ledger_refuses_and_try_later() {
    let (world, stream, _) = sold();
    world.ledger.refuse_next(Failure::Generic {
        code: 1,
        message: "no".to_owned(),
    });
    let claimed = world.claim(holder(0).owner, stream, Payee::Contributor(0));
    assert!(
        matches!(claimed, Some(Err(ClaimError::PaymentRefused { .. }))),
        "{claimed:?}"
    );
    world.check();
    world.ledger.set_fee(30);
    world.wait(2_000);
    assert_eq!(got(&world, holder(0)), A - 30, "the new fee was learnt from a refusal");
    assert_eq!(got(&world, holder(100)), PROVIDER_PART - 30);
    world.check();
}

#[test]
fn should_go_on_paying_in_an_asset_that_is_delisted() {
    let (world, _, plan) = sold();
    let args = world.buy_args(plan, 9);
    storage::with_mut(|storage| assets::delist(storage, LEDGER)).unwrap();
    let refused = ddsx_types::stream_registry::BuyError::AssetNotAccepted;
    assert_eq!(world.buy(args), Some(Err(refused)));
    world.wait(200);
    assert_eq!(got(&world, holder(1)), B - FEE);
    world.check();
}

#[test]
fn should_hold_income_until_there_is_weight() {
    let world = World::new();
    let (stream, plan) = storage::with_mut(|storage| {
        let id = stream(storage, "quakes");
        (
            id,
            plan(storage, id, ddsx_types::stream_registry::PlanKind::Perpetual, PRICE),
        )
    });
    world.fund(10 * PRICE);
    world.buy(world.buy_args(plan, 1)).unwrap().unwrap();
    world.wait(200);
    let revenue = |ledger| {
        storage::with(|storage| revenue_book::stream_revenue(storage, StreamRevenueArgs { stream, ledger })).unwrap()
    };
    assert_eq!(revenue(LEDGER).held, nat(PRICE - TREASURY_PART - PROVIDER_PART));
    world.check();
    let first = batch(stream, 0, vec![chunk(b"xxxxx", &[(1, 5)])]);
    storage::with_mut(|storage| log::append(storage, OWNER, NOW, &first)).unwrap();
    assert_eq!(revenue(LEDGER).held, nat(0));
    world.wait(200);
    assert_eq!(got(&world, holder(1)), PRICE - TREASURY_PART - PROVIDER_PART - FEE);
    world.check();
}

#[test]
fn should_count_weights_from_when_they_change() {
    let (world, stream, plan) = sold();
    let more = batch(stream, 2, vec![chunk(b"three", &[(0, 4)])]);
    storage::with_mut(|storage| log::append(storage, OWNER, NOW, &more)).unwrap();
    world.check();
    world.buy(world.buy_args(plan, 2)).unwrap().unwrap();
    world.check();
    world.wait(200);
    // a: 1/4 of the first sale, 5/8 of the second.
    let part = PRICE - TREASURY_PART - PROVIDER_PART;
    assert_eq!(
        got(&world, holder(0)),
        (part * 2 + part * 5) / 8 - FEE,
        "fractions add up"
    );
    world.check();
}

#[test]
fn should_work_a_long_queue_off_in_slices() {
    let world = World::new();
    let count = 250_u32;
    let (stream, plan) = storage::with_mut(|storage| {
        let mut args = create_args("many");
        args.contributors = (0..count)
            .map(|number| ddsx_types::stream_registry::NewContributor {
                label: format!("n{number}"),
                account: Some(Account {
                    owner: OTHER,
                    subaccount: Some([u8::try_from(number).unwrap(); 32]),
                }),
            })
            .collect();
        let id = crate::streams::create(storage, OWNER, NOW, args).unwrap();
        let credits: Vec<_> = (0..count).map(|number| (number, 1)).collect();
        log::append(storage, OWNER, NOW, &batch(id, 0, vec![chunk(&[7; 1_000], &credits)])).unwrap();
        (
            id,
            plan(
                storage,
                id,
                ddsx_types::stream_registry::PlanKind::Perpetual,
                100 * PRICE,
            ),
        )
    });
    world.fund(200 * PRICE);
    world.buy(world.buy_args(plan, 1)).unwrap().unwrap();
    assert!(run_slice(&world.host), "one slice is not enough");
    assert!(storage::with(|storage| storage.books().payouts_in_flight()) <= 20);
    world.upgrade();
    world.wait(600);
    let each = (100 * PRICE - 100 * TREASURY_PART) * 7 / 10 / u128::from(count);
    for number in 0..count {
        let account = Account {
            owner: OTHER,
            subaccount: Some([u8::try_from(number).unwrap(); 32]),
        };
        assert_eq!(got(&world, account), each - FEE, "contributor {number}");
    }
    let _ = stream;
    world.check();
}
