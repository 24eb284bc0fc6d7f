//! Whom a join asks, how often, and what of the answer is read.

use std::cell::Cell;
use std::rc::Rc;

use candid::{Nat, Principal};
use ddsx_types::Account;
use ddsx_types::federated_aggregator::{JoinArgs, JoinError, JoinRule, TaskError, TaskId};
use ddsx_types::stream_registry::{Licence, LicencesOfArgs, PlanKind};
use serde_bytes::ByteBuf;

use crate::storage::{with, with_mut};
use crate::testing::{OWNER, World, client, task_args};
use crate::{create, join};

const REGISTRY: Principal = Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 8, 1, 1]);
const STREAM: u64 = 4;

fn licence(id: u64, owner: Principal, stream: u64) -> Licence {
    Licence {
        id,
        owner: Account::from(owner),
        stream,
        plan: 0,
        kind: PlanKind::Perpetual,
        terms_hash: ddsx_types::Hash::default(),
        ledger: None,
        price: Nat::from(0_u8),
        bought_at: 0,
        expires_at: None,
    }
}

/// A registry that answers so; counts how often it was asked.
fn answering(world: &World, answer: impl Fn(LicencesOfArgs) -> Vec<u8> + 'static) -> Rc<Cell<u32>> {
    let asked = Rc::new(Cell::new(0));
    let counted = Rc::clone(&asked);
    world.runtime.install(REGISTRY, move |message| {
        counted.set(counted.get() + 1);
        Ok(answer(candid::decode_one(&message.arguments).unwrap()))
    });
    asked
}

fn list(registries: Vec<Principal>) {
    with_mut(|storage| storage.change_settings(|settings| settings.registries = registries));
}

fn task(world: &World) -> TaskId {
    list(vec![REGISTRY]);
    let mut args = task_args();
    args.join = JoinRule::Licence {
        registry: REGISTRY,
        stream: STREAM,
    };
    args.reward.as_mut().unwrap().stake = Nat::from(0_u8);
    world.start(&args)
}

fn join_with_licence(world: &World, task: TaskId, number: u8, licence: u64) -> Result<(), JoinError> {
    world.runtime.set_caller(client(number));
    let host = world.host.clone();
    let args = JoinArgs {
        task,
        account: None,
        from_subaccount: None,
        request_id: ByteBuf::from([5; 16]),
        licence: Some(licence),
    };
    let joined = world.runtime.run(async move { join::join(&host, args).await });
    joined.expect("an answer")
}

#[test]
fn should_make_no_task_that_asks_a_registry_governance_has_not_listed() {
    let world = World::new();
    let mut args = task_args();
    args.join = JoinRule::Licence {
        registry: REGISTRY,
        stream: STREAM,
    };
    let made = with_mut(|storage| create::create(storage, OWNER, world.now(), &args));
    assert!(
        matches!(&made, Err(TaskError::Invalid { field, reason }) if field == "join" && reason.contains("not listed")),
        "{made:?}"
    );
    list(vec![REGISTRY]);
    assert!(with_mut(|storage| create::create(storage, OWNER, world.now(), &args)).is_ok());
}

#[test]
fn should_ask_a_listed_registry_once_a_join() {
    let world = World::new();
    let task = task(&world);
    // A full page without the stream: there is no second question.
    let asked = answering(&world, |args| {
        let licences: Vec<Licence> = (0..100).map(|id| licence(id, args.owner, STREAM + 1)).collect();
        candid::encode_one(licences).unwrap()
    });
    assert_eq!(world.join(task, 0), Err(JoinError::NotAllowed));
    assert_eq!(asked.get(), 1);
    // Whoever holds more says which licence it is.
    let asked = answering(&world, |args| {
        assert_eq!((args.page.start_after, args.page.limit), (Some(499), Some(1)));
        candid::encode_one(vec![licence(500, args.owner, STREAM)]).unwrap()
    });
    assert_eq!(join_with_licence(&world, task, 0, 500), Ok(()));
    assert_eq!(asked.get(), 1);
    // A licence of somebody else lets nobody in.
    answering(&world, |_| candid::encode_one(vec![licence(1, OWNER, STREAM)]).unwrap());
    assert_eq!(world.join(task, 1), Err(JoinError::NotAllowed));
    // Delisted since: it is not called any more.
    let asked = answering(&world, |_| Vec::new());
    list(Vec::new());
    assert!(matches!(world.join(task, 2), Err(JoinError::RegistryUnavailable(_))));
    assert_eq!(asked.get(), 0);
}

#[test]
fn should_read_no_more_of_an_answer_than_it_can_need() {
    let world = World::new();
    let task = task(&world);
    let large = |args: LicencesOfArgs| {
        let licences: Vec<Licence> = (0..5_000).map(|id| licence(id, args.owner, STREAM)).collect();
        candid::encode_one(licences).unwrap()
    };
    answering(&world, large);
    let refused = world.join(task, 0);
    assert!(
        matches!(&refused, Err(JoinError::RegistryUnavailable(why)) if why.contains("bytes")),
        "{refused:?}"
    );
    // Few bytes that say a great deal: 2^24 nulls where licences should be.
    answering(&world, |_| b"DIDL\x01\x6d\x7f\x01\x00\x80\x80\x80\x08".to_vec());
    assert!(matches!(world.join(task, 1), Err(JoinError::RegistryUnavailable(_))));
    // More than were asked for.
    answering(&world, |args| {
        let licences: Vec<Licence> = (0..101).map(|id| licence(id, args.owner, STREAM)).collect();
        candid::encode_one(licences).unwrap()
    });
    assert!(matches!(world.join(task, 2), Err(JoinError::RegistryUnavailable(_))));
    assert_eq!(with(|storage| storage.task(task)).unwrap().clients, 0);
}

#[test]
fn should_ask_about_one_caller_a_few_times_a_minute() {
    let world = World::new();
    let task = task(&world);
    let asked = answering(&world, |_| candid::encode_one(Vec::<Licence>::new()).unwrap());
    for _ in 0..20 {
        assert!(world.join(task, 0).is_err());
    }
    assert_eq!(asked.get(), 5);
    // Another caller may, and the first one a minute later.
    assert_eq!(world.join(task, 1), Err(JoinError::NotAllowed));
    world.wait(60);
    assert_eq!(world.join(task, 0), Err(JoinError::NotAllowed));
    assert_eq!(asked.get(), 7);
}
