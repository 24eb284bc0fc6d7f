//! What is refused before it is taken, and what is still told by the method itself.

use candid::{CandidType, Principal};
use ddsx_nn::encoding;
use ddsx_types::federated_aggregator::{
    CreateTaskArgs, File, PIECE_BYTES, PutFileArgs, PutUpdateArgs, TaskError, UpdateEncoding, UploadError,
};
use serde_bytes::ByteBuf;

use super::fairness::{deep_args, deep_weights, honest};
use super::joined;
use crate::inspect::may_succeed;
use crate::storage::{with, with_mut};
use crate::testing::{GOVERNANCE, OWNER, World, client, digest, task_args};
use crate::{create, owner};

fn takes(caller: Principal, method: &str, argument: &[u8]) -> bool {
    with(|storage| may_succeed(storage, caller, method, argument))
}

fn encoded<T: CandidType>(value: T) -> Vec<u8> {
    candid::encode_one(value).unwrap()
}

fn whole_piece() -> ByteBuf {
    ByteBuf::from(vec![0; usize::try_from(PIECE_BYTES).unwrap()])
}

/// A task whose evaluation set would have three pieces of nothing.
fn large() -> CreateTaskArgs {
    let mut args = task_args();
    args.evaluation = digest(&vec![0; 3 * usize::try_from(PIECE_BYTES).unwrap()]);
    args
}

fn file_piece(task: u64, file: File, offset: u64) -> PutFileArgs {
    PutFileArgs {
        task,
        file,
        offset,
        bytes: whole_piece(),
    }
}

#[test]
fn should_take_pieces_only_from_whom_they_are_wanted() {
    let world = World::new();
    let draft = with_mut(|storage| create::create(storage, OWNER, world.now(), &large())).unwrap();
    let file = |task| encoded(file_piece(task, File::Evaluation, 0));
    assert!(takes(OWNER, "put_file", &file(draft)));
    for (caller, task) in [(client(0), draft), (Principal::anonymous(), draft), (OWNER, draft + 1)] {
        assert!(!takes(caller, "put_file", &file(task)), "{caller} {task}");
    }
    let task = world.start_from(&deep_args(), &deep_weights());
    assert!(!takes(OWNER, "put_file", &file(task)), "it is no draft any more");
    joined(&world, task, 3);
    let bytes = encoding::encode(UpdateEncoding::F32, &honest(1.0, 1)).unwrap();
    let update = |round| {
        encoded(PutUpdateArgs {
            task,
            round,
            offset: 0,
            bytes: ByteBuf::from(bytes.clone()),
            update: None,
        })
    };
    assert!(update(1).len() > crate::inspect::SMALL);
    assert!(!takes(client(0), "put_update", &update(1)), "nothing is begun");
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
fn should_take_only_the_next_piece_and_no_file_that_was_wrong_too_often() {
    let world = World::new();
    let draft = with_mut(|storage| create::create(storage, OWNER, world.now(), &large())).unwrap();
    let takes_at = |offset| takes(OWNER, "put_file", &encoded(file_piece(draft, File::Evaluation, offset)));
    let put = |offset, last: bool| {
        let mut piece = file_piece(draft, File::Evaluation, offset);
        piece.bytes[0] = u8::from(last);
        with_mut(|storage| owner::put_file(storage, OWNER, &piece))
    };
    for time in 0..=3 {
        assert!(takes_at(0) && !takes_at(PIECE_BYTES), "beginning {time}");
        assert!(!takes(OWNER, "put_file", &encoded(file_piece(draft, File::Weights, 0))));
        put(0, false).unwrap();
        assert!(!takes_at(0) && takes_at(PIECE_BYTES));
        put(PIECE_BYTES, false).unwrap();
        assert_eq!(put(2 * PIECE_BYTES, true), Err(TaskError::WrongHash));
    }
    assert!(!takes_at(0));
    assert!(matches!(put(0, false), Err(TaskError::TooMany { limit: 3, .. })));
    assert_eq!(with(|storage| storage.usage().0), 0);
}

#[test]
fn should_tell_a_client_once_that_a_piece_is_not_wanted() {
    let world = World::new();
    let task = world.start_from(&deep_args(), &deep_weights());
    joined(&world, task, 2);
    let bytes = encoding::encode(UpdateEncoding::F32, &honest(1.0, 1)).unwrap();
    let args = world.begin_args(task, &bytes, UpdateEncoding::F32);
    let piece = |round, update| {
        encoded(PutUpdateArgs {
            task,
            round,
            offset: 0,
            bytes: ByteBuf::from(bytes.clone()),
            update,
        })
    };
    world.begin(0, &args).unwrap();
    world.put(0, &args, 0, &bytes).unwrap();
    // Its reply was lost: the client hears how far it has come, and is not listened to a second time.
    assert!(takes(client(0), "put_update", &piece(1, Some(args.hash))));
    assert!(matches!(
        world.put(0, &args, 0, &bytes),
        Err(UploadError::WrongOffset { .. })
    ));
    assert!(!takes(client(0), "put_update", &piece(1, Some(args.hash))));
    world.finish(0, &args).unwrap();
    assert!(!takes(client(0), "put_update", &piece(1, None)));
    // So it is where the round is over.
    let late = encoding::encode(UpdateEncoding::F32, &honest(1.0, 2)).unwrap();
    world
        .begin(1, &world.begin_args(task, &late, UpdateEncoding::F32))
        .unwrap();
    world.wait(1_300);
    assert_ne!(world.info(task).collecting, Some(1));
    assert!(takes(client(1), "put_update", &piece(1, None)));
    let closed = world.put(1, &args, 0, &bytes);
    assert!(matches!(closed, Err(UploadError::RoundClosed { .. })), "{closed:?}");
    assert!(!takes(client(1), "put_update", &piece(1, None)));
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
fn should_say_why_a_message_is_turned_away() {
    let _world = World::new();
    let said = |caller, method: &str, argument: &[u8]| {
        let message = ddsx_runtime::inspect::Inspected {
            method: method.to_owned(),
            argument_bytes: argument.len(),
            caller,
        };
        with(|storage| crate::inspect::refusal(storage, &message, argument))
    };
    let large = vec![0; crate::inspect::SMALL + 1];
    assert_eq!(said(OWNER, "fund", &[]), None);
    for (caller, method, argument, reason) in [
        (OWNER, "predict", &[][..], "call it as one"),
        (OWNER, "set_paused", &[], "only governance"),
        (Principal::anonymous(), "fund", &[], "sign in first"),
        (OWNER, "put_update", &large, "this piece is not wanted"),
        (OWNER, "fund", &large, "larger than it can be"),
    ] {
        let text = said(caller, method, argument).unwrap();
        assert!(text.contains(reason), "{method}: {text}");
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
    assert_eq!(updates, 35);
}
