//! Tasks before they run, who gets in, and how they are listed.

use candid::Principal;
use ddsx_types::federated_aggregator::{EndReason, InitialWeights, JoinError, JoinRule, Page, Stage, TaskError};

use super::joined;
use crate::storage::{with, with_mut};
use crate::testing::{FEE, OWNER, SELF, STAKE, START, World, client, digest, task_args, weights_file};
use crate::{create, owner, view};

#[test]
fn should_end_a_task_whose_files_are_wrong_and_give_its_budget_back() {
    let world = World::new();
    let mut args = task_args();
    // The model wants three classes of evidence that the set does not have: labels are fine, inputs are not.
    args.model.input_shape = vec![3];
    let ddsx_types::federated_aggregator::Layer::Linear { inputs, .. } = &mut args.model.layers[0].layer else {
        panic!("a linear layer")
    };
    *inputs = 3;
    args.initial = InitialWeights::Draw;
    let task = world.start(&args);
    world.wait(60);
    let Stage::Ended(EndReason::Failed(reason)) = world.stage(task) else {
        panic!("{:?}", world.stage(task))
    };
    assert!(reason.contains("inputs must be F32"), "{reason}");
    world.check(task);
    assert_eq!(world.ledger.balance(SELF.into()), 0);
}

#[test]
fn should_check_files_and_stages_of_a_draft() {
    let world = World::new();
    let mut args = task_args();
    args.initial = InitialWeights::Upload(digest(b"something else"));
    let task = with_mut(|storage| create::create(storage, OWNER, world.now(), &args)).unwrap();
    let put = |bytes: &[u8]| {
        let args = ddsx_types::federated_aggregator::PutFileArgs {
            task,
            file: ddsx_types::federated_aggregator::File::Weights,
            offset: 0,
            bytes: bytes.to_vec().into(),
        };
        with_mut(|storage| owner::put_file(storage, OWNER, &args))
    };
    assert_eq!(put(&weights_file()), Err(TaskError::WrongLength { expected: 14 }));
    assert_eq!(put(b"something els3"), Err(TaskError::WrongHash));
    assert_eq!(with(|storage| storage.usage().0), 0);
    assert!(put(b"something else").is_ok());
    let start = || with_mut(|storage| owner::start(storage, OWNER, world.now(), task));
    assert_eq!(start(), Err(TaskError::Incomplete));
    with_mut(|storage| owner::stop(storage, OWNER, world.now(), task)).unwrap();
    assert_eq!(start(), Err(TaskError::WrongStage));
}

#[test]
fn should_let_in_whom_the_rule_allows() {
    let world = World::new();
    let mut args = task_args();
    args.join = JoinRule::AllowList(vec![client(0), client(1)]);
    args.max_clients = 2;
    let task = world.start(&args);
    assert_eq!(world.join(task, 5), Err(JoinError::NotAllowed));
    joined(&world, task, 2);
    // Asked again with the same request, nobody pays twice.
    world.join(task, 1).unwrap();
    assert_eq!(world.ledger.balance(client(1).into()), START - STAKE - FEE);
    // With another, the client is in already and pays nothing.
    world.join_with(task, 1, 9).unwrap();
    assert_eq!(world.ledger.balance(client(1).into()), START - STAKE - FEE);
    with_mut(|storage| crate::join::leave(storage, client(1), world.now(), task)).unwrap();
    world.wait(5);
    assert_eq!(world.ledger.balance(client(1).into()), START - 2 * FEE);
    world.check(task);
}

#[test]
fn should_end_a_page_of_tasks_before_it_outgrows_an_answer() {
    let world = World::new();
    let mut args = task_args();
    let allowed: Vec<Principal> = (0..1_000_u32)
        .map(|number| Principal::from_slice(&[&[0x10; 25][..], &number.to_be_bytes()].concat()))
        .collect();
    args.join = JoinRule::AllowList(allowed);
    with_mut(|storage| storage.change_settings(|settings| settings.limits.tasks_per_owner = 60));
    for _ in 0..60 {
        with_mut(|storage| create::create(storage, OWNER, world.now(), &args)).unwrap();
    }
    let mut seen = Vec::new();
    loop {
        let page = Page {
            start_after: seen.last().copied(),
            limit: None,
        };
        let tasks = with(|storage| view::tasks(storage, page));
        let bytes = candid::encode_one(&tasks).unwrap().len();
        assert!(bytes < 2_000_000, "{bytes} bytes");
        if tasks.is_empty() {
            break;
        }
        seen.extend(tasks.iter().map(|task| task.id));
    }
    assert_eq!(seen, (0..60).collect::<Vec<_>>());
}
