use super::*;
use crate::testing::*;
use crate::{assets, governance, plans, streams};
use ddsx_runtime::RejectCode;
use ddsx_runtime::testing::Fate;
use ddsx_types::stream_registry::{Evidence, QuoteArgs, RetirePlanArgs, SettleQuarantinedArgs};
use serde_bytes::ByteBuf;

const PRICE: u128 = 100_000;

/// Far beyond the journal's retries, far below the ledger's window.
const A_WHILE: u64 = 3_600;

#[test]
fn should_grant_one_licence_for_one_payment() {
    let (world, stream, plan) = World::with_plan(PRICE);
    world.fund(10 * PRICE);
    let args = world.buy_args(plan, 1);
    let licence = world.buy(args.clone()).unwrap().unwrap();
    assert_eq!(
        (licence.id, licence.stream, licence.plan, licence.owner),
        (0, stream, plan, BUYER.into())
    );
    assert_eq!(
        (licence.price.clone(), licence.ledger, licence.expires_at),
        (nat(PRICE), Some(LEDGER), None)
    );
    assert_eq!((licence.terms_hash, licence.bought_at), (args.terms_hash, NOW));
    assert_eq!(
        world.buy(args.clone()),
        Some(Ok(licence.clone())),
        "the same request, the same licence"
    );
    let transfers = world.ledger.transfers();
    assert_eq!(transfers.len(), 1);
    assert_eq!(
        (transfers[0].amount, transfers[0].from, transfers[0].to),
        (PRICE, BUYER.into(), REGISTRY.into())
    );
    let certified = world.runtime.certified_data();
    assert_eq!(certified, Some(storage::with(certification::root)));
    world.check();

    let second = world.buy(world.buy_args(plan, 2)).unwrap().unwrap();
    assert_eq!(second.id, 1);
    assert_eq!(world.ledger.transfers().len(), 2);
    world.check();
}

#[test]
fn should_take_time_from_the_moment_of_the_grant() {
    let (world, stream, _) = World::with_plan(PRICE);
    world.fund(10 * PRICE);
    let duration_ns = 3_600_000_000_000;
    let plan = storage::with_mut(|storage| plan(storage, stream, PlanKind::Subscription { duration_ns }, 7));
    let before = world.runtime.time();
    world.next_payment(Fate::normal().taking(std::time::Duration::from_secs(5), std::time::Duration::from_secs(5)));
    let licence = world.buy(world.buy_args(plan, 1)).unwrap().unwrap();
    assert_eq!(licence.bought_at, before + 10_000_000_000);
    assert_eq!(licence.expires_at, Some(licence.bought_at + duration_ns));
    world.check();
}

#[test]
fn should_end_with_licence_and_money_or_with_neither() {
    let table: [(&str, Fate); 8] = [
        ("not sent", Fate::not_sent()),
        (
            "rejected before execution",
            Fate::reject_before(RejectCode::SysTransient),
        ),
        (
            "rejected by a stopped ledger",
            Fate::reject_before(RejectCode::CanisterError),
        ),
        ("reply lost after execution", Fate::reject_after(RejectCode::SysUnknown)),
        (
            "ledger trapped after execution elsewhere",
            Fate::reject_after(RejectCode::CanisterError),
        ),
        ("trap after the await", Fate::trap_after_await()),
        ("reply unreadable", Fate::executed_but_answered(vec![1, 2, 3])),
        ("never answered, executed", Fate::never_answered(true)),
    ];
    for (what, fate) in table {
        for upgrade in [false, true] {
            let (world, _, plan) = World::with_plan(PRICE);
            world.fund(10 * PRICE);
            let args = world.buy_args(plan, 1);
            world.next_payment(fate.clone());
            let first = world.buy(args.clone());
            assert!(
                matches!(first, None | Some(Err(BuyError::Pending { .. }))),
                "{what}: {first:?}"
            );
            assert_eq!(
                world.licences(),
                0,
                "{what}: no licence before the money is known to be here"
            );
            if upgrade {
                world.upgrade();
            }
            world.wait(A_WHILE);
            assert_eq!(world.licences(), 1, "{what}, upgrade: {upgrade}");
            assert_eq!(
                world.buy(args).unwrap().unwrap().id,
                0,
                "{what}: the repeated request gets it"
            );
            let purchases = world
                .ledger
                .transfers()
                .iter()
                .filter(|transfer| transfer.spender.is_some())
                .count();
            assert_eq!(purchases, 1, "{what}: paid once");
            world.check();
        }
    }
}

#[test]
fn should_charge_nothing_when_the_ledger_refuses() {
    let needed = nat(PRICE + FEE);
    let (world, _, plan) = World::with_plan(PRICE);
    let buy = |request| world.buy(world.buy_args(plan, request)).unwrap();
    let allowance = nat(0);
    assert_eq!(
        buy(1),
        Err(BuyError::InsufficientAllowance {
            allowance,
            needed: needed.clone()
        })
    );
    world.ledger.approve(BUYER.into(), REGISTRY, PRICE + FEE - 1);
    let allowance = nat(PRICE + FEE - 1);
    let refused = Err(BuyError::InsufficientAllowance {
        allowance,
        needed: needed.clone(),
    });
    assert_eq!(buy(2), refused);
    assert_eq!(buy(2), refused, "the same request, the same answer");
    world.ledger.approve(BUYER.into(), REGISTRY, 10 * PRICE);
    world.ledger.mint(BUYER.into(), PRICE);
    assert_eq!(
        buy(3),
        Err(BuyError::InsufficientFunds {
            balance: nat(PRICE),
            needed
        })
    );
    world.ledger.mint(BUYER.into(), PRICE);
    world.ledger.refuse_next(Failure::Generic {
        code: 7,
        message: "not today".to_owned(),
    });
    match buy(4) {
        Err(BuyError::PaymentRefused { reason }) => assert!(reason.contains("not today"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert_eq!((world.licences(), world.ledger.transfers().len()), (0, 0));
    world.check();
}

#[test]
fn should_learn_the_fee_from_a_ledger_that_refuses_the_old_one() {
    let (world, _, plan) = World::with_plan(PRICE);
    world.fund(10 * PRICE);
    world.ledger.set_fee(25);
    assert!(matches!(
        world.buy(world.buy_args(plan, 1)),
        Some(Err(BuyError::PaymentRefused { .. }))
    ));
    // The ledger was asked when the registry was installed, and is asked once a minute at most.
    world.wait(60);
    let quote = storage::with(|storage| {
        plans::quote(
            storage,
            QuoteArgs {
                plan,
                ledger: Some(LEDGER),
            },
        )
    })
    .unwrap();
    assert_eq!(quote.ledger_fee, nat(25));
    assert!(world.buy(world.buy_args(plan, 2)).unwrap().is_ok());
    world.check();
}

#[test]
fn should_grant_what_was_accepted_whatever_changes_meanwhile() {
    type Change = fn(&World, u64, u64);
    let table: [(&str, Change); 5] = [
        ("plan retired", |_, stream, plan| {
            storage::with_mut(|storage| plans::retire(storage, OWNER, RetirePlanArgs { stream, plan }).unwrap());
        }),
        ("stream closed", |_, stream, _| {
            storage::with_mut(|storage| streams::close(storage, OWNER, stream).unwrap());
        }),
        ("asset delisted", |_, _, _| {
            storage::with_mut(|storage| assets::delist(storage, LEDGER).unwrap());
        }),
        ("paused", |_, _, _| {
            storage::with_mut(|storage| storage.change_settings(|settings| settings.paused = true));
        }),
        ("protocol fee changed", |_, _, _| {
            storage::with_mut(|storage| storage.change_settings(|settings| settings.protocol_fee_bps = 2_000));
        }),
    ];
    for (what, change) in table {
        let (world, stream, plan) = World::with_plan(PRICE);
        world.fund(10 * PRICE);
        let args = world.buy_args(plan, 1);
        // The reply is lost; before the journal asks again, something changes.
        world.next_payment(Fate::reject_after(RejectCode::SysUnknown));
        assert!(
            matches!(world.buy(args.clone()), Some(Err(BuyError::Pending { .. }))),
            "{what}"
        );
        change(&world, stream, plan);
        world.upgrade();
        world.wait(A_WHILE);
        let licence = world.buy(args.clone()).unwrap().unwrap();
        assert_eq!(
            (licence.kind, licence.terms_hash),
            (PlanKind::Perpetual, args.terms_hash),
            "{what}"
        );
        let treasury = storage::with(|storage| revenue_book::treasury_balance(storage, LEDGER));
        let fee = treasury.due + treasury.in_flight + treasury.paid + treasury.ledger_fees;
        assert_eq!(fee, nat(PRICE / 40), "{what}: the fee is the one accepted");
        world.check();
    }
}

#[test]
fn should_refuse_before_any_payment_begins() {
    type Spoil = fn(&mut BuyArgs);
    let table: [(BuyError, Spoil); 9] = [
        (BuyError::InvalidRequestId, |args| {
            args.request_id = ByteBuf::from([0; 15]);
        }),
        (BuyError::InvalidRequestId, |args| {
            args.request_id = ByteBuf::from([0; 33]);
        }),
        (BuyError::PlanNotFound, |args| args.plan = 99),
        (BuyError::AssetNotAccepted, |args| args.ledger = None),
        (BuyError::AssetNotAccepted, |args| args.ledger = Some(OTHER)),
        (BuyError::PriceAboveMax { price: nat(PRICE) }, |args| {
            args.max_price = nat(PRICE - 1);
        }),
        (BuyError::PriceAboveMax { price: nat(PRICE) }, |args| {
            args.max_price = nat(0);
        }),
        (BuyError::InvalidRecipient, |args| {
            args.recipient = Some(Principal::anonymous().into());
        }),
        (
            BuyError::TermsChanged {
                terms_hash: ddsx_merkle_log::Hash::default(),
            },
            |args| args.terms_hash = sha256(b"other"),
        ),
    ];
    let (world, stream, plan) = World::with_plan(PRICE);
    world.fund(10 * PRICE);
    let terms = world.buy_args(plan, 1).terms_hash;
    let asked = world.runtime.sent().len();
    for (expected, spoil) in table {
        let mut args = world.buy_args(plan, 1);
        spoil(&mut args);
        let expected = match expected {
            BuyError::TermsChanged { .. } => BuyError::TermsChanged { terms_hash: terms },
            expected => expected,
        };
        assert_eq!(world.buy(args), Some(Err(expected)));
    }
    let args = world.buy_args(plan, 1);
    storage::with_mut(|storage| storage.change_settings(|settings| settings.paused = true));
    assert_eq!(world.buy(args.clone()), Some(Err(BuyError::Paused)));
    storage::with_mut(|storage| storage.change_settings(|settings| settings.paused = false));
    storage::with_mut(|storage| streams::close(storage, OWNER, stream)).unwrap();
    assert_eq!(world.buy(args.clone()), Some(Err(BuyError::PlanNotOffered)));
    world.runtime.set_caller(Principal::anonymous());
    let host = world.host.clone();
    let anonymous = world.runtime.run(async move { buy(&host, args).await });
    assert_eq!(anonymous, Some(Err(BuyError::AnonymousCaller)));
    assert_eq!(
        (
            world.licences(),
            world.ledger.transfers().len(),
            world.runtime.sent().len()
        ),
        (0, 0, asked)
    );
    world.check();
}

#[test]
fn should_refuse_a_request_id_with_other_arguments() {
    let (world, stream, plan) = World::with_plan(PRICE);
    world.fund(10 * PRICE);
    let free = storage::with_mut(|storage| crate::testing::plan(storage, stream, PlanKind::Free, 0));
    let paid = world.buy_args(plan, 1);
    world.buy(paid.clone()).unwrap().unwrap();
    let other = BuyArgs {
        recipient: Some(OTHER.into()),
        ..paid.clone()
    };
    assert_eq!(world.buy(other), Some(Err(BuyError::RequestIdReused)));
    let quote = storage::with(|storage| {
        plans::quote(
            storage,
            QuoteArgs {
                plan: free,
                ledger: None,
            },
        )
    })
    .unwrap();
    let for_free = BuyArgs {
        plan: free,
        ledger: None,
        max_price: nat(0),
        terms_hash: quote.terms_hash,
        ..paid.clone()
    };
    assert_eq!(
        world.buy(for_free.clone()),
        Some(Err(BuyError::RequestIdReused)),
        "used for a paid one"
    );
    let second = BuyArgs {
        request_id: ByteBuf::from([2; 16]),
        ..for_free
    };
    let licence = world.buy(second.clone()).unwrap().unwrap();
    assert_eq!(
        (licence.kind, licence.price.clone(), licence.ledger),
        (PlanKind::Free, nat(0), None)
    );
    assert_eq!(world.buy(second), Some(Ok(licence)), "free ones are granted once too");
    let reused = BuyArgs {
        request_id: ByteBuf::from([2; 16]),
        ..paid
    };
    assert_eq!(
        world.buy(reused),
        Some(Err(BuyError::RequestIdReused)),
        "used for a free one"
    );
    assert_eq!(world.licences(), 2);
    world.check();
}

#[test]
fn should_limit_what_a_caller_takes_for_free_and_has_pending() {
    let (world, stream, plan) = World::with_plan(PRICE);
    let free = storage::with_mut(|storage| crate::testing::plan(storage, stream, PlanKind::Free, 0));
    let quote = storage::with(|storage| {
        plans::quote(
            storage,
            QuoteArgs {
                plan: free,
                ledger: None,
            },
        )
    })
    .unwrap();
    let args = |request: u8| BuyArgs {
        plan: free,
        ledger: None,
        from_subaccount: None,
        max_price: nat(0),
        terms_hash: quote.terms_hash,
        recipient: None,
        request_id: ByteBuf::from([request; 32]),
    };
    for request in 0..100 {
        assert!(world.buy(args(request)).unwrap().is_ok());
    }
    assert!(matches!(
        world.buy(args(100)),
        Some(Err(BuyError::LimitReached { max: 100, .. }))
    ));

    world.fund(100 * PRICE);
    for request in 0..10 {
        world.next_payment(Fate::never_answered(false));
        assert_eq!(world.buy(world.buy_args(plan, request)), None);
    }
    assert_eq!(
        world.buy(world.buy_args(plan, 10)),
        Some(Err(BuyError::TooManyPending { max: 10 }))
    );
    assert_eq!(world.licences(), 100);
}

#[test]
fn should_let_governance_settle_what_nobody_can_know() {
    for paid in [true, false] {
        let (world, _, plan) = World::with_plan(PRICE);
        world.fund(10 * PRICE);
        let args = world.buy_args(plan, 1);
        let fate = if paid {
            Fate::reject_after(RejectCode::SysUnknown)
        } else {
            Fate::reject_before(RejectCode::CanisterError)
        };
        world.next_payment(fate);
        assert!(matches!(world.buy(args.clone()), Some(Err(BuyError::Pending { .. }))));
        world.ledger.set_down(Some(RejectCode::CanisterError));
        world.wait(2 * 86_400);
        let Some(Err(BuyError::Quarantined { intent })) = world.buy(args.clone()) else {
            panic!("not quarantined")
        };
        world.ledger.set_down(None);
        let listed = governance::quarantined(&world.host, ddsx_types::stream_registry::Page::default());
        assert_eq!(
            listed
                .iter()
                .map(|payment| (payment.intent, payment.amount.clone()))
                .collect::<Vec<_>>(),
            [(intent, nat(PRICE))]
        );

        let evidence = if paid {
            Evidence::PaidAt(nat(0))
        } else {
            Evidence::NotPaid
        };
        let action = governance::Action::SettleQuarantined(SettleQuarantinedArgs { intent, evidence });
        assert!(
            governance::validate(&world.host, &action)
                .unwrap()
                .contains(&format!("payment {intent}"))
        );
        let execute = |caller| {
            world.runtime.set_caller(caller);
            let (host, action) = (world.host.clone(), action.clone());
            world
                .runtime
                .run(async move { governance::execute(&host, action).await })
                .unwrap()
        };
        assert!(execute(BUYER).is_err(), "only governance");
        assert_eq!(execute(GOVERNANCE), Ok(()));
        assert!(execute(GOVERNANCE).is_err(), "once");
        assert_eq!(world.licences(), u64::from(paid));
        match world.buy(args).unwrap() {
            Ok(licence) => assert!(paid && licence.id == 0),
            Err(error) => assert!(!paid && matches!(error, BuyError::PaymentRefused { .. }), "{error:?}"),
        }
        world.check();
    }
}

#[test]
fn should_store_nothing_for_a_buyer_who_cannot_pay() {
    let (world, _, plan) = World::with_plan(PRICE);
    let stored = || world.host.with_journal(|journal| journal.totals());
    let before = stored();
    for request in 0..50 {
        let refused = world.buy(world.buy_args(plan, request)).unwrap();
        assert!(
            matches!(refused, Err(BuyError::InsufficientAllowance { .. })),
            "{refused:?}"
        );
    }
    world.ledger.approve(BUYER.into(), REGISTRY, 10 * PRICE);
    let refused = world.buy(world.buy_args(plan, 1)).unwrap();
    assert!(
        matches!(refused, Err(BuyError::InsufficientFunds { .. })),
        "{refused:?}"
    );
    world.ledger.mint(BUYER.into(), 10 * PRICE);
    world.ledger.set_down(Some(RejectCode::CanisterError));
    match world.buy(world.buy_args(plan, 1)).unwrap() {
        Err(BuyError::PaymentRefused { reason }) => assert!(reason.contains("nothing was charged"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(stored(), before);
    world.ledger.set_down(None);
    assert!(
        world.buy(world.buy_args(plan, 1)).unwrap().is_ok(),
        "the request id is free"
    );
    world.check();
}

#[test]
fn should_buy_once_though_a_request_is_repeated_while_the_ledger_is_asked() {
    let (world, _, plan) = World::with_plan(PRICE);
    world.fund(10 * PRICE);
    let args = world.buy_args(plan, 1);
    world.runtime.set_caller(BUYER);
    let answers = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    for _ in 0..2 {
        let (host, args) = (world.host.clone(), args.clone());
        let answers = std::rc::Rc::clone(&answers);
        world.runtime.spawn(async move {
            let answer = buy(&host, args).await;
            answers.borrow_mut().push(answer);
        });
    }
    // Whoever repeats a request that may still be charged must not be told that it was not.
    let intent = payments::NO_INTENT_YET;
    assert_eq!(*answers.borrow(), [Err(BuyError::Pending { intent })]);
    world.runtime.run_until_stalled();
    assert!(world.buy(args).unwrap().is_ok());
    assert_eq!((world.licences(), world.ledger.transfers().len()), (1, 1));
    world.check();
}

#[test]
fn should_accept_anew_what_has_changed_while_the_ledger_was_asked() {
    let (world, stream, plan) = World::with_plan(PRICE);
    world.fund(10 * PRICE);
    let args = world.buy_args(plan, 1);
    world.runtime.set_caller(BUYER);
    let answer = std::rc::Rc::new(std::cell::RefCell::new(None));
    let (host, slot) = (world.host.clone(), std::rc::Rc::clone(&answer));
    world.runtime.spawn(async move {
        let bought = buy(&host, args).await;
        *slot.borrow_mut() = Some(bought);
    });
    storage::with_mut(|storage| streams::close(storage, OWNER, stream)).unwrap();
    world.runtime.run_until_stalled();
    assert_eq!(*answer.borrow(), Some(Err(BuyError::PlanNotOffered)));
    assert_eq!(world.ledger.transfers().len(), 0);
    world.check();
}

#[test]
fn should_take_nothing_from_a_minting_account() {
    let (world, _, plan) = World::with_plan(PRICE);
    world.fund(10 * PRICE);
    world.ledger.set_minting_account(Some(BUYER.into()));
    world.upgrade();
    let sent = world.runtime.sent().len();
    let refused = world.buy(world.buy_args(plan, 1)).unwrap();
    assert!(matches!(refused, Err(BuyError::PaymentRefused { .. })), "{refused:?}");
    assert_eq!(world.runtime.sent().len(), sent);
}

#[test]
fn should_settle_a_batch_of_quarantined_payments_whole_or_not_at_all() {
    let (world, _, plan) = World::with_plan(PRICE);
    world.fund(10 * PRICE);
    for request in 0..3 {
        let fate = if request == 1 {
            Fate::reject_before(RejectCode::CanisterError)
        } else {
            Fate::reject_after(RejectCode::SysUnknown)
        };
        world.next_payment(fate);
        let pending = world.buy(world.buy_args(plan, request));
        assert!(matches!(pending, Some(Err(BuyError::Pending { .. }))), "{pending:?}");
    }
    world.ledger.set_down(Some(RejectCode::CanisterError));
    world.wait(2 * 86_400);
    world.ledger.set_down(None);
    let listed = governance::quarantined(&world.host, ddsx_types::stream_registry::Page::default());
    assert_eq!(listed.len(), 3);
    let batch: Vec<_> = listed
        .iter()
        .map(|payment| {
            let evidence = match world.ledger.find(&payment.intent.to_be_bytes())[..] {
                [block] => Evidence::PaidAt(nat(block)),
                _ => Evidence::NotPaid,
            };
            SettleQuarantinedArgs {
                intent: payment.intent,
                evidence,
            }
        })
        .collect();
    let action = |batch: &[SettleQuarantinedArgs]| governance::Action::SettleQuarantinedBatch(batch.to_vec());
    let text = governance::validate(&world.host, &action(&batch)).unwrap();
    assert_eq!(text.lines().count(), 4);
    assert!(text.starts_with("Settle 3 payments.\nSettle payment "), "{text}");
    let twice = [batch[0].clone(), batch[0].clone()];
    assert!(governance::validate(&world.host, &action(&twice)).is_err());
    let mut unknown = batch.clone();
    unknown[2].intent = 99;
    assert!(governance::validate(&world.host, &action(&unknown)).is_err());
    let execute = |caller, batch: &[SettleQuarantinedArgs]| {
        world.runtime.set_caller(caller);
        let (host, action) = (world.host.clone(), action(batch));
        let executed = world
            .runtime
            .run(async move { governance::execute(&host, action).await });
        executed.unwrap()
    };
    assert!(execute(GOVERNANCE, &unknown).is_err());
    assert_eq!(world.licences(), 0, "one that cannot be settled keeps all from it");
    assert!(execute(BUYER, &batch).is_err());
    assert_eq!(execute(GOVERNANCE, &batch), Ok(()));
    assert_eq!(world.licences(), 2);
    world.check();
}

#[test]
fn should_never_say_not_charged_of_a_licence_that_was_paid_and_cannot_be_read() {
    let (world, _, plan) = World::with_plan(PRICE);
    world.fund(10 * PRICE);
    let args = world.buy_args(plan, 1);
    let licence = world.buy(args.clone()).unwrap().unwrap();
    storage::with_mut(|storage| storage.lose_licence(licence.id));
    // Every other refusal means that nothing was charged.
    assert_eq!(world.buy(args), Some(Err(BuyError::Pending { intent: 0 })));
}

#[test]
#[should_panic(expected = "licence 0 was granted and cannot be read")]
fn should_trap_rather_than_refuse_a_free_licence_that_cannot_be_read() {
    let (world, stream, _) = World::with_plan(PRICE);
    let free = storage::with_mut(|storage| crate::testing::plan(storage, stream, PlanKind::Free, 0));
    let ledger = None;
    let quote = storage::with(|storage| plans::quote(storage, QuoteArgs { plan: free, ledger })).unwrap();
    let args = BuyArgs {
        plan: free,
        ledger,
        from_subaccount: None,
        max_price: nat(0),
        terms_hash: quote.terms_hash,
        recipient: None,
        request_id: ByteBuf::from([1; 16]),
    };
    world.buy(args.clone()).unwrap().unwrap();
    storage::with_mut(|storage| storage.lose_licence(0));
    let _ = world.buy(args);
}
