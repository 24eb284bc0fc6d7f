//! Payments that no ledger could answer, settled by governance.

use std::time::Duration;

use candid::Nat;
use ddsx_tests::World;
use ddsx_tests::federated::{Federation, governance, owner};
use ddsx_tests::silent_ledger::{self, Transfers};
use ddsx_types::federated_aggregator::{
    Evidence, File, Page, QuarantinedPayment, SettleQuarantinedArgs, Stage, TaskError,
};

use crate::governed::{Row, assert_trapped, call, encoded, go_through, validate};
use crate::support::{NUMBERS, PER_ROUND, evaluation_file, task_args, weights_file};

#[test]
fn should_settle_by_evidence_what_no_ledger_could_answer() {
    let world = World::new();
    let federation = Federation::open(&world, 1);
    let mut args = task_args(federation.ledger.id);
    args.rounds.rounds = 1;
    let task = federation.create(&args).unwrap();
    federation
        .put_file(task, File::Weights, &weights_file(&[0.0; NUMBERS]))
        .unwrap();
    federation.put_file(task, File::Evaluation, &evaluation_file()).unwrap();
    let settle = |intent, evidence| SettleQuarantinedArgs { intent, evidence };

    // For longer than it would remember a transfer the ledger answers questions and traps in every transfer, which proves nothing.
    let controller = Some(world.controller);
    world.pic.stop_canister(federation.ledger.id, controller).unwrap();
    let down = silent_ledger::module(Transfers::Trap);
    let upgraded = world
        .pic
        .upgrade_canister(federation.ledger.id, down, vec![], controller);
    upgraded.unwrap();
    world.pic.start_canister(federation.ledger.id, controller).unwrap();
    let Err(TaskError::Pending { intent }) = federation.fund(task, PER_ROUND, 1) else {
        panic!("a ledger that is down has answered")
    };
    let early = encoded(settle(intent, Evidence::NotPaid));
    assert!(
        validate(&federation, "settle_quarantined", &early)
            .unwrap_err()
            .contains("NotQuarantined")
    );
    federation.wait(Duration::from_hours(26));
    federation.ledger.upgrade();
    federation.wait(Duration::from_hours(1));
    let waiting: Vec<QuarantinedPayment> = world.query(federation.id, "quarantined_payments", (Page::default(),));
    assert_eq!(waiting.len(), 1);
    assert_eq!(
        (waiting[0].intent, waiting[0].ledger, &waiting[0].amount),
        (intent, federation.ledger.id, &PER_ROUND.into())
    );
    assert_eq!((waiting[0].from, waiting[0].to), (owner().into(), federation.id.into()));
    assert_eq!(federation.fund(task, PER_ROUND, 1), Err(TaskError::Pending { intent }));

    let what = format!(
        "{} of ledger {} from {} to {}",
        PER_ROUND, federation.ledger.id, waiting[0].from, waiting[0].to
    );
    let paid = federation.validate("settle_quarantined", settle(intent, Evidence::PaidAt(7_u8.into())));
    assert_eq!(
        paid,
        Ok(format!("Settle payment {intent} ({what}) as executed in block 7."))
    );
    let row = Row {
        method: "settle_quarantined",
        good: encoded(settle(intent, Evidence::NotPaid)),
        text: format!("Settle payment {intent} ({what}) as never executed."),
        bad: vec![
            (encoded(settle(intent + 1, Evidence::NotPaid)), "NotFound"),
            (
                encoded(settle(intent, Evidence::PaidAt(Nat::from(u128::MAX) + 1_u8))),
                "block number",
            ),
        ],
    };
    go_through(&federation, &row, |_| ());
    assert_trapped(
        call(&federation, governance(), row.method, &row.good),
        row.method,
        "NotQuarantined",
    );
    let waiting: Vec<QuarantinedPayment> = world.query(federation.id, "quarantined_payments", (Page::default(),));
    assert!(waiting.is_empty(), "{waiting:?}");
    assert_eq!(federation.ledger.balance(federation.id), 0_u8);
    assert!(matches!(
        federation.fund(task, PER_ROUND, 1),
        Err(TaskError::PaymentRefused(_))
    ));
    assert_eq!(federation.fund(task, PER_ROUND, 2), Ok(PER_ROUND.into()));
    federation.own("start_task", task).unwrap();
    federation.wait(Duration::from_secs(5));
    assert_eq!(federation.task(task).stage.stage, Stage::Running);
    federation.own("stop_task", task).unwrap();
    federation.wait(Duration::from_mins(2));
    federation.check_paid(task, 1, &[]);
}
