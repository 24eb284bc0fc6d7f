use super::*;
use crate::testing::*;
use crate::{assets, contributors, log, revenue_book};
use ddsx_payments::Failure;
use ddsx_payments::testing::MINTER;
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
    assert_eq!(
        world.claim(OWNER, stream, Payee::Contributor(1)),
        Some(Err(ClaimError::NotPayee)),
        "a fee for each claim would be the contributor's to pay"
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
        world.next_payment(fate.clone());
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
    assert!(timer::run_slice(&world.host), "one slice is not enough");
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

fn fee() -> u128 {
    storage::with(|storage| storage.asset(LEDGER).unwrap().fee)
}

/// What was played on a running network: a payout to the minting account is a burn, whose fee is 0.
#[test]
fn should_not_learn_the_fee_from_whom_a_payout_is_for() {
    let (world, _, plan) = sold();
    let (attacker, attack) = storage::with_mut(|storage| {
        let id = stream(storage, "attack");
        // As a release stored it that did not look.
        let mut state = storage.stream(id).unwrap();
        state.provider_account = MINTER.into();
        storage.put_stream(id, state);
        (
            id,
            crate::testing::plan(storage, id, ddsx_types::stream_registry::PlanKind::Perpetual, 13_000),
        )
    });
    world.buy(world.buy_args(attack, 2)).unwrap().unwrap();
    let sent = world.runtime.sent().len();
    let refused = world.claim(OWNER, attacker, Payee::Provider);
    assert!(
        matches!(refused, Some(Err(ClaimError::PaymentRefused { .. }))),
        "{refused:?}"
    );
    assert_eq!(world.runtime.sent().len(), sent, "no ledger is called");
    // And if the ledger could not be asked for its minting account yet.
    storage::with_mut(|storage| {
        let mut asset = storage.asset(LEDGER).unwrap();
        asset.minting_account = None;
        storage.put_asset(asset);
    });
    let refused = world.claim(OWNER, attacker, Payee::Provider);
    assert!(
        matches!(refused, Some(Err(ClaimError::PaymentRefused { .. }))),
        "{refused:?}"
    );
    world.wait(70);
    assert_eq!(fee(), FEE, "the ledger's fee is what icrc1_fee says");
    let minting = storage::with(|storage| storage.asset(LEDGER).unwrap().minting_account);
    assert_eq!(minting, Some(MINTER.into()), "it was asked");
    world.buy(world.buy_args(plan, 3)).unwrap().unwrap();
    world.wait(3_600);
    assert_eq!(fee(), FEE);
    let balance = storage::with(|storage| {
        let ledger = LEDGER;
        revenue_book::stream_revenue(
            storage,
            StreamRevenueArgs {
                stream: attacker,
                ledger,
            },
        )
    });
    assert!(balance.unwrap().provider.due > nat(0), "it waits and does no harm");
    assert_eq!(storage::with(|storage| storage.books().payouts_in_flight()), 0);
    world.check();
}

#[test]
fn should_ask_a_ledger_for_its_fee_once_a_minute_however_many_payments_fail() {
    let (world, stream, plan) = sold();
    let asked = |world: &World| {
        let sent = world.runtime.sent();
        sent.iter().filter(|sent| sent.method == "icrc1_fee").count()
    };
    world.wait(100);
    let before = asked(&world);
    for request in 10..40 {
        world.ledger.refuse_next(Failure::BadFee { expected_fee: 0 });
        assert!(world.buy(world.buy_args(plan, request)).unwrap().is_err());
    }
    assert_eq!((asked(&world), fee()), (before + 1, FEE));
    world.wait(59);
    assert_eq!(asked(&world), before + 1);
    world.wait(10);
    assert_eq!(asked(&world), before + 2, "once more, for those that failed since");
    let _ = stream;
    world.check();
}

#[test]
fn should_pay_nobody_at_a_minting_account() {
    let (world, stream, _) = sold();
    let minting: Account = MINTER.into();
    let now = world.runtime.time();
    let refused = |result: Result<(), ddsx_types::stream_registry::StreamError>| {
        assert!(
            matches!(
                result,
                Err(ddsx_types::stream_registry::StreamError::InvalidField { .. })
            ),
            "{result:?}"
        );
    };
    storage::with_mut(|storage| {
        let mut args = create_args("minting");
        args.provider_account = minting;
        refused(crate::streams::create(storage, OWNER, now, args).map(|_| ()));
        let mut args = create_args("minting");
        args.contributors[0].account = Some(minting);
        refused(crate::streams::create(storage, OWNER, now, args).map(|_| ()));
        let bind = ContributorAccountArgs {
            stream,
            contributor: 2,
            account: minting,
        };
        refused(contributors::bind_account(storage, OWNER, now, &bind));
        let change = ContributorAccountArgs { contributor: 0, ..bind };
        refused(contributors::change_account(storage, holder(0).owner, now, &change));
    });
    // One that becomes a minting account later waits until it is changed.
    world.ledger.set_minting_account(Some(holder(0)));
    world.upgrade();
    world.wait(200);
    assert_eq!(got(&world, holder(0)), 0);
    assert_eq!(got(&world, holder(1)), B - FEE);
    let change = ContributorAccountArgs {
        stream,
        contributor: 0,
        account: holder(50),
    };
    storage::with_mut(|storage| contributors::change_account(storage, holder(0).owner, now, &change)).unwrap();
    world.wait(200);
    assert_eq!(got(&world, holder(50)), A - FEE);
    world.check();
}

/// A stream with so many contributors, each with an account and one record, and its plan.
fn wide_stream(name: &str, mark: u8, count: u32) -> (StreamId, u64) {
    storage::with_mut(|storage| {
        let mut args = create_args(name);
        args.contributors = (0..count)
            .map(|number| ddsx_types::stream_registry::NewContributor {
                label: format!("n{number}"),
                account: Some(nth(mark, number)),
            })
            .collect();
        let id = crate::streams::create(storage, OWNER, NOW, args).unwrap();
        let credits: Vec<_> = (0..count).map(|number| (number, 1)).collect();
        log::append(
            storage,
            OWNER,
            NOW,
            &batch(id, 0, vec![chunk(&vec![b'x'; count as usize], &credits)]),
        )
        .unwrap();
        let kind = ddsx_types::stream_registry::PlanKind::Perpetual;
        (id, plan(storage, id, kind, 100 * PRICE))
    })
}

fn nth(mark: u8, number: u32) -> Account {
    let mut subaccount = [mark; 32];
    subaccount[..4].copy_from_slice(&number.to_be_bytes());
    Account {
        owner: OTHER,
        subaccount: Some(subaccount),
    }
}

#[test]
fn should_serve_a_small_stream_beside_an_early_large_one() {
    let world = World::new();
    let (_, large) = wide_stream("large", 1, 900);
    let (_, small) = wide_stream("small", 2, 2);
    world.fund(1_000 * PRICE);
    world.buy(world.buy_args(large, 1)).unwrap().unwrap();
    world.buy(world.buy_args(small, 2)).unwrap().unwrap();
    assert!(timer::run_slice(&world.host));
    world.runtime.run_for(std::time::Duration::from_secs(5));
    assert!(got(&world, nth(2, 0)) > 0 && got(&world, nth(2, 1)) > 0);
    assert_eq!(got(&world, nth(1, 899)), 0, "the large one is far from its end");
    world.wait(1_200);
    assert!(got(&world, nth(1, 899)) > 0);
    world.check();
}

#[test]
fn should_run_one_chain_of_slices_at_a_time() {
    let world = World::new();
    let (_, plan) = wide_stream("large", 1, 900);
    storage::with_mut(|storage| storage.change_settings(|settings| settings.payout_interval_s = 1));
    rearm(&world.host);
    world.fund(1_000 * PRICE);
    world.buy(world.buy_args(plan, 1)).unwrap().unwrap();
    let seconds = 20;
    world.wait(seconds);
    let paid = world.ledger.transfers().len() as u64 - 1;
    assert!(
        paid > 0 && paid <= (seconds + 1) * u64::from(crate::limits::PAYMENTS_PER_SLICE),
        "{paid}"
    );
    world.check();
}

/// Lets timers fire until a slice after this one is about to run; gives its number.
fn until_a_slice_after(world: &World, last: u64) -> u64 {
    for _ in 0..1_000 {
        if timer::running() > last {
            return timer::running();
        }
        let event = world.runtime.events().first().copied();
        match event {
            Some(event) => world.runtime.happen(event),
            None => world
                .runtime
                .set_time(world.runtime.next_timer().expect("the clock runs")),
        }
    }
    panic!("no slice begins");
}

#[test]
fn should_go_on_after_a_slice_that_trapped_and_put_off_the_task_that_did() {
    let (world, _, _) = sold();
    let first = until_a_slice_after(&world, 0);
    timer::lose_slice(&world.host);
    // From here on the tasks are tried one by one; the first of them traps again.
    until_a_slice_after(&world, first);
    timer::lose_slice(&world.host);
    world.wait(300);
    let paid = |world: &World| {
        let treasury = got(world, GOVERNANCE.into()) > 0;
        let others = [holder(100), holder(0), holder(1)].map(|account| got(world, account) > 0);
        (treasury, others)
    };
    assert_eq!(paid(&world), (false, [true; 3]), "the treasury's was the first task");
    world.wait(3_700);
    assert_eq!(paid(&world), (true, [true; 3]));
    world.check();
}

#[test]
fn should_pay_in_other_assets_while_one_ledger_is_silent() {
    let world = World::new();
    let other = world.list_other(1_000 * PRICE);
    let (stream, plan) = wide_stream("large", 1, 300);
    let (_, second) = storage::with_mut(|storage| {
        let args = ddsx_types::stream_registry::AddPlanArgs {
            stream,
            name: "other".to_owned(),
            kind: ddsx_types::stream_registry::PlanKind::Perpetual,
            prices: vec![ddsx_types::stream_registry::Price {
                ledger: OTHER_LEDGER,
                amount: nat(100 * PRICE),
            }],
        };
        (stream, crate::plans::add(storage, OWNER, args).unwrap())
    });
    world.fund(1_000 * PRICE);
    world.buy(world.buy_args_in(second, OTHER_LEDGER, 1)).unwrap().unwrap();
    // The other ledger falls silent for good, with as many payouts under way as it may have.
    other.set_down(Some(RejectCode::SysUnknown));
    world.wait(3 * 86_400);
    let open = world.host.with_journal(|journal| journal.open_at(OTHER_LEDGER));
    assert!(open.quarantined > 0, "{open:?}");
    world.buy(world.buy_args(plan, 2)).unwrap().unwrap();
    world.wait(1_200);
    for number in 0..300 {
        assert!(got(&world, nth(1, number)) > 0, "contributor {number}");
    }
    assert!(matches!(world.buy(world.buy_args(plan, 3)), Some(Ok(_))));
    assert!(world.audit(OTHER_LEDGER).conserved);
}

/// A stream without any credited record, and its plan.
fn without_weight() -> (World, StreamId, u64) {
    let world = World::new();
    let (stream, plan) = storage::with_mut(|storage| {
        let id = stream(storage, "quakes");
        let kind = ddsx_types::stream_registry::PlanKind::Perpetual;
        (id, plan(storage, id, kind, PRICE))
    });
    world.fund(10 * PRICE);
    (world, stream, plan)
}

fn close(stream: StreamId) {
    storage::with_mut(|storage| crate::streams::close(storage, OWNER, stream)).unwrap();
}

#[test]
fn should_give_what_is_held_to_the_provider_when_a_stream_closes_without_weight() {
    let (world, stream, plan) = without_weight();
    world.buy(world.buy_args(plan, 1)).unwrap().unwrap();
    world.wait(200);
    assert_eq!(got(&world, holder(100)), PROVIDER_PART - FEE);
    let held = PRICE - TREASURY_PART - PROVIDER_PART;
    assert_eq!(world.audit(LEDGER).held, nat(held));
    close(stream);
    assert_eq!(
        (world.audit(LEDGER).held, world.audit(LEDGER).owed),
        (nat(0), nat(held))
    );
    world.check();
    close(stream);
    world.wait(200);
    assert_eq!(got(&world, holder(100)), PROVIDER_PART + held - 2 * FEE, "to the unit");
    assert_eq!(world.audit(LEDGER).must_hold, nat(0));
    world.check();
}

#[test]
fn should_give_a_sale_that_settles_after_the_closing_to_the_provider() {
    let (world, stream, plan) = without_weight();
    world.next_payment(Fate::reject_after(RejectCode::SysUnknown));
    let bought = world.buy(world.buy_args(plan, 1));
    assert!(
        matches!(bought, Some(Err(ddsx_types::stream_registry::BuyError::Pending { .. }))),
        "{bought:?}"
    );
    close(stream);
    world.wait(400);
    assert_eq!(world.licences(), 1);
    assert_eq!(got(&world, holder(100)), PRICE - TREASURY_PART - FEE);
    assert_eq!(world.audit(LEDGER).must_hold, nat(0));
    world.check();
}

#[test]
fn should_release_what_an_earlier_release_left_held_when_it_is_closed_again() {
    let (world, stream, plan) = without_weight();
    world.buy(world.buy_args(plan, 1)).unwrap().unwrap();
    storage::with_mut(|storage| {
        let mut state = storage.stream(stream).unwrap();
        state.status = ddsx_types::stream_registry::StreamStatus::Closed;
        storage.put_stream(stream, state);
    });
    assert!(world.audit(LEDGER).held > nat(0));
    close(stream);
    world.wait(200);
    assert_eq!(got(&world, holder(100)), PRICE - TREASURY_PART - FEE);
    world.check();
}

#[test]
fn should_leave_with_the_contributors_what_is_theirs_when_a_stream_closes() {
    let (world, stream, _) = sold();
    close(stream);
    world.wait(200);
    assert_eq!(
        (got(&world, holder(0)), got(&world, holder(1)), got(&world, holder(100))),
        (A - FEE, B - FEE, PROVIDER_PART - FEE)
    );
    assert_eq!(world.audit(LEDGER).must_hold, nat(A + 1), "c's, and a rest");
    world.check();
}
