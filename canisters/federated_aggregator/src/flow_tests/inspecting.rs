//! What is refused before it is taken, and what is still told by the method itself.

use candid::{CandidType, Principal};
use ddsx_nn::encoding;
use ddsx_types::federated_aggregator::{File, PIECE_BYTES, PutFileArgs, PutUpdateArgs, UpdateEncoding};
use serde_bytes::ByteBuf;

use super::joined;
use crate::inspect::may_succeed;
use crate::storage::{with, with_mut};
use crate::testing::{GOVERNANCE, OWNER, World, client, good, task_args};

fn takes(caller: Principal, method: &str, argument: &[u8]) -> bool {
    with(|storage| may_succeed(storage, caller, method, argument))
}

fn encoded<T: CandidType>(value: T) -> Vec<u8> {
    candid::encode_one(value).unwrap()
}

fn whole_piece() -> ByteBuf {
    ByteBuf::from(vec![0; usize::try_from(PIECE_BYTES).unwrap()])
}

#[test]
fn should_take_pieces_only_from_whom_they_are_wanted() {
    let world = World::new();
    let draft = world.draft(&task_args());
    let file = |task| {
        encoded(PutFileArgs {
            task,
            file: File::Evaluation,
            offset: 0,
            bytes: whole_piece(),
        })
    };
    assert!(takes(OWNER, "put_file", &file(draft)));
    for (caller, task) in [(client(0), draft), (Principal::anonymous(), draft), (OWNER, draft + 1)] {
        assert!(!takes(caller, "put_file", &file(task)), "{caller} {task}");
    }
    let task = world.start(&task_args());
    assert!(!takes(OWNER, "put_file", &file(task)), "it is no draft any more");
    joined(&world, task, 3);
    let update = |round| {
        encoded(PutUpdateArgs {
            task,
            round,
            offset: 0,
            bytes: whole_piece(),
            update: None,
        })
    };
    assert!(!takes(client(0), "put_update", &update(1)), "nothing is begun");
    let bytes = encoding::encode(UpdateEncoding::F32, &good(1.0)).unwrap();
    world
        .begin(0, &world.begin_args(task, &bytes, UpdateEncoding::F32))
        .unwrap();
    assert!(takes(client(0), "put_update", &update(1)));
    assert!(!takes(client(0), "put_update", &update(2)));
    assert!(!takes(client(1), "put_update", &update(1)));
    assert!(!takes(client(9), "put_update", &update(1)));
    with_mut(|storage| storage.set_banned(client(0), true));
    assert!(!takes(client(0), "put_update", &update(1)));
    with_mut(|storage| storage.set_banned(client(0), false));
    with_mut(|storage| storage.change_settings(|settings| settings.paused = true));
    assert!(!takes(client(0), "put_update", &update(1)));
}

#[test]
fn should_take_nothing_that_is_too_large_unknown_or_anothers_to_say() {
    let world = World::new();
    let task = world.draft(&task_args());
    let (two_mib, small) = (vec![0; 2 << 20], encoded(task));
    for method in [
        "put_file",
        "put_update",
        "create_task",
        "join",
        "set_paused",
        "task",
        "nothing",
    ] {
        for caller in [OWNER, GOVERNANCE, client(0)] {
            assert!(!takes(caller, method, &two_mib), "{method}");
        }
    }
    for (caller, method, expected) in [
        (OWNER, "stop_task", true),
        // The method says what is wrong.
        (client(0), "stop_task", true),
        (Principal::anonymous(), "stop_task", false),
        (GOVERNANCE, "end_task", true),
        (OWNER, "end_task", false),
        (OWNER, "task", true),
        // What an owner decides on; few at a time.
        (OWNER, "tasks", true),
        (Principal::anonymous(), "task", true),
        // Dear, and as an update nobody would pay for it.
        (OWNER, "model_chunk", false),
        (OWNER, "predict", false),
        (OWNER, "report", false),
        (OWNER, "http_request", false),
        (OWNER, "no_such_method", false),
    ] {
        assert_eq!(takes(caller, method, &small), expected, "{caller} {method}");
    }
}

#[test]
fn should_know_every_method_of_the_interface() {
    let _world = World::new();
    let interface = include_str!("../../../../candid/federated_aggregator.did");
    let service = interface.split("service : ").nth(1).unwrap();
    let mut updates = 0;
    for line in service.lines().skip(1).filter(|line| line.contains(" -> ")) {
        let name = line.trim().split(' ').next().unwrap();
        let is_query = line.contains(" query");
        if is_query {
            continue;
        }
        updates += 1;
        let caller = if takes(GOVERNANCE, name, &[]) {
            GOVERNANCE
        } else {
            OWNER
        };
        assert!(takes(caller, name, &[]), "{name} is refused to everybody");
    }
    assert_eq!(updates, 30);
}
