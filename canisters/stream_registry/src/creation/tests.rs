use super::*;
use crate::assets;
use crate::testing::*;
use ddsx_runtime::RejectCode;
use ddsx_runtime::testing::Fate;
use ddsx_types::stream_registry::StreamPayment;
use serde_bytes::ByteBuf;

const COST: u128 = 1_000 + ((128 << 10) + 3 * 320) * 120;

fn world() -> World {
    let world = World::new();
    storage::with_mut(|storage| assets::set_storage_price(storage, &storage_price(1_000, 1 << 30))).unwrap();
    world
}

fn args(max: u128, prepay: Option<u128>) -> CreateStreamArgs {
    CreateStreamArgs {
        payment: Some(StreamPayment {
            ledger: LEDGER,
            max: nat(max),
            prepay: prepay.map(nat),
            request_id: ByteBuf::from([7; 16]),
            from_subaccount: None,
        }),
        ..create_args("quakes")
    }
}

fn create(world: &World, args: CreateStreamArgs) -> Option<Result<StreamId, StreamError>> {
    world.runtime.set_caller(BUYER);
    let host = world.host.clone();
    world.runtime.run(async move { super::create(&host, args).await })
}

#[test]
fn should_let_a_newcomer_create_a_stream_in_one_call() {
    let world = world();
    world.fund(COST + 500 + FEE);
    assert_eq!(create(&world, args(COST + 500, Some(500))), Some(Ok(0)));
    let account = storage::with(|storage| storage.prepaid().account(BUYER, 0));
    assert_eq!((account.free, account.set_aside), (500, 1_000));
    assert_eq!(world.ledger.balance(BUYER.into()), 0);
    assert_eq!(
        create(&world, args(COST + 500, Some(500))),
        Some(Err(StreamError::NameTaken { stream: 0 })),
        "a retry finds it, and pays nothing"
    );
    world.check();
}

#[test]
fn should_look_at_everything_before_it_takes_money() {
    let world = world();
    world.fund(1 << 40);
    let before = world.ledger.balance(BUYER.into());
    let dear = create(&world, args(COST - 1, None)).unwrap();
    assert_eq!(
        dear,
        Err(StreamError::Payment(TopUpError::PriceAboveMax { price: nat(COST) }))
    );
    let mut bad = args(COST, None);
    bad.content_type = "json".to_owned();
    assert!(matches!(
        create(&world, bad).unwrap(),
        Err(StreamError::InvalidField { .. })
    ));
    let mut unlisted = args(COST, None);
    unlisted.payment.as_mut().unwrap().ledger = OTHER;
    let refused = create(&world, unlisted).unwrap();
    assert_eq!(refused, Err(StreamError::AssetNotListed { ledger: OTHER }));
    assert_eq!(world.ledger.balance(BUYER.into()), before);
}

#[test]
fn should_take_once_when_a_reply_is_lost() {
    let world = world();
    world.fund(1 << 40);
    world.next_payment(Fate::reject_after(RejectCode::SysUnknown));
    let first = create(&world, args(COST, None)).unwrap();
    assert!(
        matches!(first, Err(StreamError::Payment(TopUpError::Pending { .. }))),
        "{first:?}"
    );
    world.wait(3_600);
    assert_eq!(create(&world, args(COST, None)), Some(Ok(0)));
    assert_eq!(world.ledger.balance(BUYER.into()), (1 << 40) - COST - FEE);
    world.check();
}

#[test]
fn should_pull_only_what_the_balance_lacks() {
    let world = world();
    world.fund(1 << 40);
    storage::with_mut(|storage| {
        // As a top-up has left it.
        storage.prepaid_mut().top_up(BUYER, 0, 5).unwrap();
    });
    let before = world.ledger.balance(BUYER.into());
    assert_eq!(create(&world, args(COST, None)), Some(Ok(0)));
    assert_eq!(before - world.ledger.balance(BUYER.into()), COST - 5 + FEE);
}
