use candid::Nat;
use ddsx_payments::Failure;
use ddsx_runtime::RejectCode;
use ddsx_types::federated_aggregator::Page;

use super::*;
use crate::storage::{with, with_mut};
use crate::testing::{FEE, GOVERNANCE, LEDGER, OWNER, PER_ROUND, SELF, STAKE, World, client, good, task_args};
use crate::{governance, owner, view};

fn claim_as(world: &World, caller: Principal, args: ClaimArgs) -> Result<Claimed, ClaimError> {
    world.runtime.set_caller(caller);
    let host = world.host.clone();
    let claimed = world.runtime.run(async move { claim(&host, args).await });
    claimed.expect("an answer")
}

/// A task that was stopped while its ledger refused all payments: everybody is owed.
fn owed() -> (World, TaskId) {
    let world = World::new();
    let task = world.start(&task_args());
    for number in 0..2 {
        world.join(task, number).unwrap();
    }
    for _ in 0..3 {
        world.ledger.refuse_next(Failure::TemporarilyUnavailable);
    }
    with_mut(|storage| owner::stop(storage, OWNER, world.now(), task)).unwrap();
    world.wait(60);
    (world, task)
}

#[test]
fn should_pay_a_claim_to_the_payee_alone() {
    let (world, task) = owed();
    let of = |client| ClaimArgs { task, client };
    let first = Some(client(0));
    assert_eq!(
        claim_as(&world, Principal::anonymous(), of(first)),
        Err(ClaimError::Anonymous)
    );
    assert_eq!(claim_as(&world, OWNER, of(first)), Err(ClaimError::NotPayee));
    assert_eq!(claim_as(&world, client(0), of(None)), Err(ClaimError::NotPayee));
    assert_eq!(claim_as(&world, OWNER, of(Some(client(9)))), Err(ClaimError::NotFound));
    let unknown = ClaimArgs {
        task: task + 1,
        client: None,
    };
    assert_eq!(claim_as(&world, OWNER, unknown), Err(ClaimError::NotFound));
    with_mut(|storage| storage.change_settings(|settings| settings.paused = true));
    assert_eq!(claim_as(&world, client(0), of(first)), Err(ClaimError::Paused));
    with_mut(|storage| storage.change_settings(|settings| settings.paused = false));

    let before = world.ledger.balance(client(0).into());
    let claimed = claim_as(&world, client(0), of(first)).unwrap();
    assert_eq!(
        (claimed.amount, claimed.ledger_fee),
        (Nat::from(STAKE - FEE), Nat::from(FEE))
    );
    assert_eq!(world.ledger.balance(client(0).into()), before + STAKE - FEE);
    let nothing = ClaimError::NothingDue {
        due: Nat::from(0_u8),
        ledger_fee: Nat::from(FEE),
    };
    assert_eq!(claim_as(&world, client(0), of(first)), Err(nothing));
    world.ledger.set_down(Some(RejectCode::CanisterError));
    assert_eq!(
        claim_as(&world, client(1), of(Some(client(1)))),
        Err(ClaimError::Pending)
    );
    assert_eq!(
        claim_as(&world, client(1), of(Some(client(1)))),
        Err(ClaimError::Pending)
    );
    world.ledger.set_down(None);
    world.check(task);
    world.wait(7_200);
    world.check(task);
    assert_eq!(world.ledger.balance(SELF.into()), 0);
}

#[test]
fn should_keep_running_sums_of_an_asset() {
    let world = World::new();
    let task = world.start(&task_args());
    for number in 0..3 {
        world.join(task, number).unwrap();
    }
    let sums = || with(|storage| audit(storage, LEDGER)).unwrap();
    let received = 2 * PER_ROUND + 3 * STAKE;
    assert_eq!(
        (sums().received, sums().budget_left, sums().stakes, sums().must_hold),
        (
            Nat::from(received),
            Nat::from(2 * PER_ROUND),
            Nat::from(3 * STAKE),
            Nat::from(received)
        )
    );
    for round in 0..2 {
        for number in 0..3 {
            world
                .send(task, number, &good(1.0 + f32::from(number + round)))
                .unwrap();
        }
        world.wait(60);
        world.check(task);
    }
    world.wait(7_200);
    world.check(task);
    assert_eq!(
        (sums().received, sums().paid, sums().must_hold, sums().conserved),
        (Nat::from(received), Nat::from(received), Nat::from(0_u8), true)
    );
    assert_eq!(with(|storage| audit(storage, OWNER)), None);
}

#[test]
fn should_count_in_what_a_release_without_sums_left() {
    let (world, first) = owed();
    let second = world.start(&task_args());
    world.join(second, 2).unwrap();
    let expected = with(|storage| audit(storage, LEDGER)).unwrap();
    // As that release left it: no sums; a payment under way settles before all tasks are counted.
    with_mut(Storage::forget_totals);
    world.ledger.set_down(Some(RejectCode::SysTransient));
    world.upgrade();
    world.ledger.set_down(None);
    world.wait(1);
    assert_eq!(with(|storage| audit(storage, LEDGER)).unwrap(), expected);
    with_mut(|storage| {
        storage.forget_totals();
        storage.open_totals();
    });
    let args = ClaimArgs {
        task: first,
        client: Some(client(0)),
    };
    claim_as(&world, client(0), args).unwrap();
    world.upgrade();
    world.wait(7_200);
    let sums = with(|storage| audit(storage, LEDGER)).unwrap();
    assert!(sums.conserved, "{sums:?}");
    assert_eq!(sums.received, expected.received);
    assert_eq!(sums.must_hold, Nat::from(world.ledger.balance(SELF.into())));
}

#[test]
fn should_give_no_entries_where_none_are_asked_for() {
    let (world, task) = owed();
    let page = Page {
        start_after: None,
        limit: Some(0),
    };
    assert_eq!(with(|storage| view::tasks(storage, page)).len(), 0);
    let args = ddsx_types::federated_aggregator::ParticipantsArgs {
        task,
        start_after: None,
        limit: Some(0),
    };
    assert_eq!(with(|storage| view::participants(storage, args)).len(), 0);
    assert_eq!(governance::quarantined(&world.host, page).len(), 0);
}

#[test]
fn should_settle_a_batch_of_quarantined_payments_by_governance() {
    let (world, task) = owed();
    world.ledger.set_down(Some(RejectCode::CanisterError));
    world.wait(3 * 86_400);
    world.ledger.set_down(None);
    let listed = governance::quarantined(&world.host, Page::default());
    assert_eq!(listed.len(), 3, "the owner and two clients");
    let batch: Vec<_> = listed
        .iter()
        .map(|payment| ddsx_types::federated_aggregator::SettleQuarantinedArgs {
            intent: payment.intent,
            evidence: ddsx_types::federated_aggregator::Evidence::NotPaid,
        })
        .collect();
    let action = governance::Action::SettleQuarantinedBatch(batch);
    let text = governance::validate(&world.host, &action).unwrap();
    assert!(
        text.starts_with("Settle 3 payments.\nSettle payment ") && text.lines().count() == 4,
        "{text}"
    );
    world.runtime.set_caller(GOVERNANCE);
    let host = world.host.clone();
    let executed = world
        .runtime
        .run(async move { governance::execute(&host, action).await });
    assert_eq!(executed, Some(Ok(())));
    world.wait(7_200);
    world.check(task);
    assert_eq!(world.ledger.balance(SELF.into()), 0);
}

#[test]
fn should_store_nothing_for_an_owner_or_client_who_cannot_pay() {
    let world = World::new();
    let task = world.start(&task_args());
    let stored = || world.host.with_journal(|journal| journal.totals().next_id);
    let before = stored();
    world.ledger.approve(client(0).into(), SELF, STAKE);
    for request in 0..20 {
        assert!(world.join_with(task, 0, request).is_err());
    }
    world.ledger.set_down(Some(RejectCode::CanisterError));
    assert!(world.join_with(task, 1, 1).is_err());
    world.ledger.set_down(None);
    assert_eq!(stored(), before);
    assert_eq!(world.join_with(task, 1, 1), Ok(()));
    world.check(task);
}
