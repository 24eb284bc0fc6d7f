//! Updates: what is taken, what is refused, and what that costs.

use candid::Nat;
use ddsx_nn::encoding::{self, encoded_len};
use ddsx_types::Hash;
use ddsx_types::federated_aggregator::{EncodingError, RoundOutcome, UpdateEncoding, UpdateKind, UploadError};

use super::{joined, raw};
use crate::storage::{with, with_mut};
use crate::testing::{FEE, GOVERNANCE, STAKE, World, client, good, task_args};

#[test]
fn should_let_others_in_where_an_upload_stands_still() {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 5);
    let upload = |scale: f32| {
        let bytes = encoding::encode(UpdateEncoding::F32, &good(scale)).unwrap();
        (world.begin_args(task, &bytes, UpdateEncoding::F32), bytes)
    };
    for number in 0..3 {
        world.begin(number, &upload(f32::from(number)).0).unwrap();
    }
    let (args, bytes) = upload(9.0);
    assert_eq!(world.begin(3, &args), Err(UploadError::RoundFull));
    world.wait(121);
    world.send_bytes(3, &args, &bytes).unwrap();
    assert_eq!(world.finish(0, &args), Err(UploadError::NotBegun));
    // Those that go on are not touched.
    let (args, bytes) = upload(1.0);
    world.put(1, &args, 0, &bytes).unwrap();
    assert!(world.begin(4, &upload(7.0).0).is_ok());
    assert_eq!(world.begin(2, &upload(2.0).0), Err(UploadError::RoundFull));
    world.finish(1, &args).unwrap();
}

#[test]
fn should_refuse_what_is_wrong_with_its_reason_and_slash_what_is_false() {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 6);
    let bytes = encoding::encode(UpdateEncoding::F32, &good(1.0)).unwrap();
    let args = world.begin_args(task, &bytes, UpdateEncoding::F32);
    let refused = |change: &dyn Fn(&mut ddsx_types::federated_aggregator::BeginUpdateArgs)| {
        let mut changed = args.clone();
        change(&mut changed);
        world.begin(0, &changed).unwrap_err()
    };
    assert_eq!(
        refused(&|args| args.numbers = 7),
        UploadError::WrongShape { found: 7, expected: 6 }
    );
    assert_eq!(refused(&|args| args.samples = 0), UploadError::NoSamples);
    assert_eq!(
        refused(&|args| args.base_version = 1),
        UploadError::WrongVersion { current: 0 }
    );
    assert_eq!(
        refused(&|args| args.round = 2),
        UploadError::RoundClosed {
            round: 2,
            collecting: Some(1)
        }
    );
    assert_eq!(world.begin(9, &args), Err(UploadError::NotJoined));
    assert_eq!(world.put(0, &args, 0, &bytes), Err(UploadError::NotBegun));
    world.begin(0, &args).unwrap();
    // An F16 of the same numbers has another length.
    assert_eq!(
        world.put(0, &args, 0, &bytes[..12]),
        Err(UploadError::WrongLength { expected: 24 })
    );
    assert_eq!(
        world.put(0, &args, 4, &bytes),
        Err(UploadError::WrongOffset { expected: 0 })
    );
    assert_eq!(
        world.finish(0, &args),
        Err(UploadError::Incomplete { received: 0, bytes: 24 })
    );
    // None of that was provably false.
    assert_eq!(with(|storage| storage.client(task, &client(0))).unwrap().stake, STAKE);
    world.put(0, &args, 0, &bytes).unwrap();
    world.finish(0, &args).unwrap();
    assert_eq!(world.begin(0, &args), Err(UploadError::AlreadyAccepted));
    assert_eq!(world.send_bytes(1, &args, &bytes), Err(UploadError::Duplicate));

    // Nor is another hash than that of all pieces: two machines with one key may have sent them.
    let wrong = raw(&[0.5]);
    let mut args = world.begin_args(task, &wrong, UpdateEncoding::F32);
    args.hash = Hash([1; 32]);
    assert_eq!(world.send_bytes(5, &args, &wrong), Err(UploadError::WrongHash));
    assert_eq!(with(|storage| storage.client(task, &client(5))).unwrap().stake, STAKE);

    let mut faults = 0;
    for (number, false_bytes, expected) in [
        (
            2,
            raw(&[f32::NAN]),
            UploadError::Encoding(EncodingError::NotFinite { index: 3 }),
        ),
        (
            3,
            raw(&[f32::INFINITY]),
            UploadError::Encoding(EncodingError::NotFinite { index: 3 }),
        ),
        (
            4,
            raw(&[2_000.0]),
            UploadError::NormExceeded {
                norm_thousandths: 2_000_000,
            },
        ),
    ] {
        let args = world.begin_args(task, &false_bytes, UpdateEncoding::F32);
        assert_eq!(world.send_bytes(number, &args, &false_bytes), Err(expected));
        faults += 1;
        let entry = with(|storage| storage.client(task, &client(number))).unwrap();
        assert_eq!((entry.stake, entry.faults, entry.active), (0, 1, false));
        assert_eq!(world.begin(number, &args), Err(UploadError::NotJoined));
    }
    world.wait(5);
    world.check(task);
    assert_eq!(
        world.ledger.balance(GOVERNANCE.into()),
        faults * STAKE - FEE * faults.min(1)
    );
    // A stake paid again buys a place again.
    world.join_with(task, 2, 8).unwrap();
    world.send(task, 2, &good(3.0)).unwrap();
    world.check(task);
}

#[test]
fn should_bound_junk_of_one_caller() {
    let world = World::new();
    let mut args = task_args();
    args.reward.as_mut().unwrap().stake = Nat::from(0_u8);
    let task = world.start(&args);
    joined(&world, task, 1);
    let used = with(|storage| storage.usage().0);
    let mut refused = 0;
    for number in 0..10_000_u32 {
        let bytes: Vec<u8> = number.to_be_bytes().repeat(6);
        let args = world.begin_args(task, &bytes, UpdateEncoding::F32);
        refused += u32::from(world.begin(0, &args).is_err());
    }
    // One is under way, and no other takes its place while it is fresh.
    assert_eq!(refused, 10_000 - 1);
    for number in 1..5_u32 {
        world.wait(121);
        let bytes: Vec<u8> = number.to_be_bytes().repeat(6);
        world
            .begin(0, &world.begin_args(task, &bytes, UpdateEncoding::F32))
            .unwrap();
    }
    world.wait(121);
    assert!(with(|storage| storage.usage().0) <= used + 65_536);
    assert!(matches!(
        world.begin(0, &world.begin_args(task, b"more", UpdateEncoding::F32)),
        Err(UploadError::TooManyAttempts { limit: 5 })
    ));
}

#[test]
fn should_throw_nobody_out_for_an_upload_that_finds_no_room() {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 4);
    let begin_args = |scale: f32| {
        let bytes = encoding::encode(UpdateEncoding::F32, &good(scale)).unwrap();
        world.begin_args(task, &bytes, UpdateEncoding::F32)
    };
    for number in 0..3 {
        world.begin(number, &begin_args(f32::from(number) + 1.0)).unwrap();
    }
    world.wait(121);
    let record = with(|storage| storage.task(task)).unwrap();
    let mut args = begin_args(9.0);
    // A model larger than all memory that there is.
    args.numbers = 1 << 50;
    let mut larger = record.clone();
    larger.parameters = args.numbers;
    with_mut(|storage| storage.put_task(larger));
    assert_eq!(world.begin(3, &args), Err(UploadError::NoStorage));
    with_mut(|storage| storage.put_task(record));
    for number in 0..3 {
        let standing = world.participant(task, number).standing.unwrap();
        assert_eq!((standing.unfinished, standing.locked), (0, (STAKE / 10).into()));
    }
    assert_eq!(with(|storage| storage.updates(task, 1).len()), 3);
    world.check(task);
    // Where there is room, one makes place.
    world.begin(3, &begin_args(9.0)).unwrap();
    assert_eq!(world.participant(task, 0).standing.unwrap().unfinished, 1);
    world.check(task);
}

#[test]
fn should_not_take_the_same_bytes_declared_again_for_progress() {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 4);
    let bytes = encoding::encode(UpdateEncoding::F32, &good(1.0)).unwrap();
    for number in 0..3 {
        let mut args = world.begin_args(task, &bytes, UpdateEncoding::F32);
        args.hash = Hash([number; 32]);
        world.begin(number, &args).unwrap();
    }
    let mut again = world.begin_args(task, &bytes, UpdateEncoding::F32);
    again.hash = Hash([0; 32]);
    for encoding in [UpdateEncoding::F16, UpdateEncoding::Int8] {
        world.wait(60);
        again.encoding = encoding;
        world.begin(0, &again).unwrap();
    }
    world.wait(1);
    // It has stood still since it was begun.
    assert_eq!(
        world
            .begin(3, &world.begin_args(task, &bytes, UpdateEncoding::F32))
            .map(|_| ()),
        Ok(())
    );
    assert_eq!(world.participant(task, 0).standing.unwrap().unfinished, 1);
    world.check(task);
}

#[test]
fn should_resume_an_upload_and_take_weights_and_other_encodings() {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 3);
    for (number, encoding) in [(0, UpdateEncoding::F16), (1, UpdateEncoding::Int8)] {
        let bytes = encoding::encode(encoding, &good(1.0 + f32::from(number))).unwrap();
        assert_eq!(bytes.len() as u64, encoded_len(encoding, 6));
        let args = world.begin_args(task, &bytes, encoding);
        world.begin(number, &args).unwrap();
        world.upgrade();
        // The same call again says where to go on.
        assert_eq!(world.begin(number, &args).unwrap().received, 0);
        world.put(number, &args, 0, &bytes).unwrap();
        assert_eq!(world.begin(number, &args).unwrap().received, bytes.len() as u64);
        world.finish(number, &args).unwrap();
    }
    let bytes = encoding::encode(UpdateEncoding::F32, &good(3.0)).unwrap();
    let mut args = world.begin_args(task, &bytes, UpdateEncoding::F32);
    args.kind = UpdateKind::Weights;
    world.send_bytes(2, &args, &bytes).unwrap();
    world.wait(30);
    assert_eq!(world.report(task, 1).outcome, RoundOutcome::Accepted);
}

/// Every piece of a slow upload comes before it has stood still for two minutes; on the whole it is too slow all the same.
#[test]
fn should_give_the_place_of_a_slow_upload_to_another_client() {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 4);
    let bytes = |number: u8| encoding::encode(UpdateEncoding::F32, &good(f32::from(number) + 1.0)).unwrap();
    for number in 0..3 {
        world
            .begin(number, &world.begin_args(task, &bytes(number), UpdateEncoding::F32))
            .unwrap();
    }
    let touch = || {
        let mut update = with(|storage| storage.update(task, 1, &client(0))).unwrap();
        update.touched_at = world.now();
        with_mut(|storage| storage.put_update(task, 1, update));
    };
    world.wait(100);
    touch();
    for number in [1, 2] {
        world.send(task, number, &good(f32::from(number) + 1.0)).unwrap();
    }
    let late = world.begin_args(task, &bytes(9), UpdateEncoding::F32);
    assert_eq!(world.begin(3, &late), Err(UploadError::RoundFull));
    world.wait(30);
    touch();
    world.begin(3, &late).unwrap();
    let standing = world.participant(task, 0).standing.unwrap();
    assert_eq!((standing.unfinished, standing.marks), (1, 1));
    assert_eq!(
        with(|storage| storage.client(task, &client(0))).unwrap().stake,
        STAKE - STAKE / 10
    );
    world.check(task);
}
