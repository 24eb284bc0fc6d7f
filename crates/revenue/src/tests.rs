//! The split against a naive model in exact rational numbers, and the records' bytes.

use std::collections::BTreeMap;

use num_bigint::BigUint;
use proptest::prelude::*;

use crate::book::PayeeName;
use crate::{
    Book, BookStore, Broken, ContributorNumber, POOL_LEN, POSITION_LEN, Payable, Payee, Pool, Position, RecordError,
    RevenueError, Split, StreamId, U256,
};

const STREAM: StreamId = 3;
const CONTRIBUTORS: u32 = 5;
const ASSETS: u8 = 2;

#[derive(Debug, Default)]
struct Memory {
    pools: BTreeMap<u8, Pool>,
    positions: BTreeMap<(ContributorNumber, u8), Vec<u8>>,
    weights: BTreeMap<ContributorNumber, u64>,
    total: u64,
}

impl BookStore for Memory {
    type Asset = u8;

    fn assets(&self, _: StreamId) -> Vec<u8> {
        self.pools.keys().copied().collect()
    }
    fn total_weight(&self, _: StreamId) -> u64 {
        self.total
    }
    fn set_total_weight(&mut self, _: StreamId, total: u64) {
        self.total = total;
    }
    fn weight(&self, _: StreamId, contributor: ContributorNumber) -> u64 {
        self.weights.get(&contributor).copied().unwrap_or_default()
    }
    fn set_weight(&mut self, _: StreamId, contributor: ContributorNumber, weight: u64) {
        self.weights.insert(contributor, weight);
    }
    fn pool(&self, _: StreamId, asset: u8) -> Pool {
        self.pools.get(&asset).copied().unwrap_or_default()
    }
    fn set_pool(&mut self, _: StreamId, asset: u8, pool: &Pool) {
        // Through its bytes, as in stable memory.
        self.pools.insert(asset, Pool::decode(&pool.encode()).unwrap());
    }
    fn position(&self, _: StreamId, contributor: ContributorNumber, asset: u8) -> Position {
        self.positions
            .get(&(contributor, asset))
            .map(|bytes| Position::decode(bytes).unwrap())
            .unwrap_or_default()
    }
    fn set_position(&mut self, _: StreamId, contributor: ContributorNumber, asset: u8, position: &Position) {
        self.positions.insert((contributor, asset), position.encode());
    }
}

/// A non-negative rational number.
#[derive(Clone, Debug)]
struct Rational(BigUint, BigUint);

impl Rational {
    fn new(number: impl Into<BigUint>) -> Self {
        Self(number.into(), 1_u8.into())
    }

    fn plus_share(&self, amount: &Self, weight: u64, total: u64) -> Self {
        let (number, below) = (&amount.0 * weight, &amount.1 * total);
        Self(&self.0 * &below + number * &self.1, &self.1 * below)
    }
}

/// What everybody has earned, naively: every distribution is divided among all, exactly.
#[derive(Debug)]
struct Model {
    earned: BTreeMap<(ContributorNumber, u8), Rational>,
    held: BTreeMap<u8, BigUint>,
    weights: BTreeMap<ContributorNumber, u64>,
}

impl Model {
    fn distribute(&mut self, asset: u8) {
        let total: u64 = self.weights.values().sum();
        if total == 0 {
            return;
        }
        let amount = Rational::new(self.held.remove(&asset).unwrap_or_default());
        for (contributor, weight) in &self.weights {
            let earned = self
                .earned
                .entry((*contributor, asset))
                .or_insert_with(|| Rational::new(0_u8));
            *earned = earned.plus_share(&amount, *weight, total);
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Receive(u8, u128),
    Weights(Vec<(ContributorNumber, u64)>),
    SetWeight(ContributorNumber, u64),
    Settle(ContributorNumber, u8),
    Pay(u8, Option<ContributorNumber>, u8, bool),
}

fn amount() -> impl Strategy<Value = u128> {
    prop_oneof![
        Just(0),
        1..1_000_u128,
        any::<u64>().prop_map(u128::from),
        (0..100_u32).prop_map(|bits| u128::MAX >> (28 + bits)),
    ]
}

fn weight() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        1..10_u64,
        any::<u32>().prop_map(u64::from),
        any::<u64>().prop_map(|weight| weight >> 9),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let contributor = || 0..CONTRIBUTORS;
    let asset = || 0..ASSETS;
    prop_oneof![
        4 => (asset(), amount()).prop_map(|(asset, amount)| Step::Receive(asset, amount)),
        3 => prop::collection::vec((contributor(), weight()), 1..6).prop_map(Step::Weights),
        1 => (contributor(), weight()).prop_map(|(who, weight)| Step::SetWeight(who, weight)),
        2 => (contributor(), asset()).prop_map(|(who, asset)| Step::Settle(who, asset)),
        3 => (asset(), prop::option::of(contributor()), any::<u8>(), any::<bool>())
            .prop_map(|(asset, who, part, ok)| Step::Pay(asset, who, part, ok)),
    ]
}

fn to_big(number: U256) -> BigUint {
    BigUint::from_bytes_be(&number.to_big_endian())
}

/// Ours is the exact amount, rounded down, give or take the rest that was carried (far below a unit).
fn assert_close(ours: u128, exact: &Rational) {
    let ours = BigUint::from(ours);
    assert!(&ours * &exact.1 <= &exact.0 + &exact.1, "{ours} is too much");
    assert!((&ours + 2_u8) * &exact.1 > exact.0, "{ours} is too little");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn should_agree_with_exact_rational_numbers(
        steps in prop::collection::vec(step(), 1..40),
        protocol_bps in 0..=10_000_u16,
        provider_bps in prop_oneof![Just(0), 0..=10_000_u16],
    ) {
        let split = Split::new(protocol_bps, provider_bps).unwrap();
        let mut book = Book::new(Memory::default());
        let mut model = Model { earned: BTreeMap::new(), held: BTreeMap::new(), weights: BTreeMap::new() };
        for step in steps {
            match step {
                Step::Receive(asset, amount) => {
                    let parts = book.receive(STREAM, asset, &split, amount).unwrap();
                    prop_assert_eq!(parts.protocol + parts.provider + parts.contributors, amount);
                    *model.held.entry(asset).or_default() += parts.contributors;
                    model.distribute(asset);
                }
                Step::Weights(added) => {
                    book.add_weights(STREAM, added.iter().copied()).unwrap();
                    for (contributor, weight) in added {
                        *model.weights.entry(contributor).or_default() += weight;
                    }
                    (0..ASSETS).for_each(|asset| model.distribute(asset));
                }
                Step::SetWeight(contributor, weight) => {
                    book.set_weight(STREAM, contributor, weight).unwrap();
                    model.weights.insert(contributor, weight);
                    (0..ASSETS).for_each(|asset| model.distribute(asset));
                }
                Step::Settle(contributor, asset) => {
                    let before = *book.store().position(STREAM, contributor, asset).payable();
                    let due = book.settle(STREAM, contributor, asset).unwrap();
                    prop_assert!(due >= before.due());
                    prop_assert_eq!(book.settle(STREAM, contributor, asset).unwrap(), due);
                }
                Step::Pay(asset, who, part, executed) => pay(&mut book, asset, who, part, executed),
            }
            for asset in 0..ASSETS {
                book.invariant(STREAM, asset, 0..CONTRIBUTORS).unwrap();
            }
        }
        for asset in 0..ASSETS {
            for contributor in 0..CONTRIBUTORS {
                book.settle(STREAM, contributor, asset).unwrap();
                let position = book.store().position(STREAM, contributor, asset);
                let zero = Rational::new(0_u8);
                let exact = model.earned.get(&(contributor, asset)).unwrap_or(&zero);
                assert_close(position.payable().total().low_u128(), exact);
            }
            let pool = book.store().pool(STREAM, asset);
            pool.invariant().unwrap();
            // With all settled, less than a unit for each contributor is carried.
            prop_assert!(pool.carried() <= u128::from(CONTRIBUTORS));
            let held = model.held.get(&asset).cloned().unwrap_or_default();
            prop_assert_eq!(BigUint::from(pool.held()), held);
        }
    }
}

fn pay(book: &mut Book<Memory>, asset: u8, who: Option<u32>, part: u8, executed: bool) {
    let name = match who {
        Some(contributor) => PayeeName::Contributor(contributor),
        None if part.is_multiple_of(2) => PayeeName::Protocol,
        None => PayeeName::Provider,
    };
    let due = |book: &Book<Memory>| match name {
        PayeeName::Protocol => book.store().pool(STREAM, asset).protocol().due(),
        PayeeName::Provider => book.store().pool(STREAM, asset).provider().due(),
        PayeeName::Contributor(who) => book.store().position(STREAM, who, asset).payable().due(),
    };
    let before = due(book);
    let amount = before / 256 * u128::from(part) + before % 256;
    let too_much = before + 1;
    assert_eq!(
        book.begin_payout(STREAM, asset, name, too_much),
        Err(RevenueError::NotDue {
            asked: too_much,
            due: before
        })
    );
    book.begin_payout(STREAM, asset, name, amount).unwrap();
    assert_eq!(due(book), before - amount);
    if executed {
        book.finish_payout(STREAM, asset, name, amount, amount / 3).unwrap();
    } else {
        book.abort_payout(STREAM, asset, name, amount).unwrap();
        assert_eq!(due(book), before);
    }
    assert_eq!(
        book.abort_payout(STREAM, asset, name, 1),
        Err(RevenueError::NotInFlight { asked: 1, in_flight: 0 })
    );
}

const ALL_TO_CONTRIBUTORS: (u16, u16) = (0, 0);

fn all() -> Split {
    Split::new(ALL_TO_CONTRIBUTORS.0, ALL_TO_CONTRIBUTORS.1).unwrap()
}

#[test]
fn should_hold_income_until_the_first_weight_and_then_share_it() {
    let mut book = Book::new(Memory::default());
    book.receive(STREAM, 0, &all(), 100).unwrap();
    assert_eq!(book.store().pool(STREAM, 0).held(), 100);
    assert_eq!(book.settle(STREAM, 1, 0), Ok(0));
    book.add_weights(STREAM, [(1, 1), (2, 2), (1, 0)]).unwrap();
    assert_eq!(book.store().pool(STREAM, 0).held(), 0);
    assert_eq!(book.settle(STREAM, 1, 0), Ok(33));
    assert_eq!(book.settle(STREAM, 2, 0), Ok(66));
    assert_eq!(book.store().pool(STREAM, 0).carried(), 1);
    // The fractions were kept: two thirds more each time make whole units.
    book.receive(STREAM, 0, &all(), 1).unwrap();
    assert_eq!(book.settle(STREAM, 1, 0), Ok(33));
    assert_eq!(book.settle(STREAM, 2, 0), Ok(67));
    book.receive(STREAM, 0, &all(), 1).unwrap();
    book.receive(STREAM, 0, &all(), 1).unwrap();
    book.receive(STREAM, 0, &all(), 1).unwrap();
    assert_eq!(book.settle(STREAM, 2, 0), Ok(69));
    book.invariant(STREAM, 0, 0..3).unwrap();
}

#[test]
fn should_count_weight_changes_from_then_on() {
    let mut book = Book::new(Memory::default());
    book.add_weights(STREAM, [(1, 1)]).unwrap();
    book.receive(STREAM, 0, &all(), 90).unwrap();
    book.add_weights(STREAM, [(2, 2)]).unwrap();
    book.receive(STREAM, 0, &all(), 90).unwrap();
    book.set_weight(STREAM, 1, 0).unwrap();
    book.receive(STREAM, 0, &all(), 90).unwrap();
    // 90 + 30 − the fractions below a unit that are carried.
    let due = (book.settle(STREAM, 1, 0).unwrap(), book.settle(STREAM, 2, 0).unwrap());
    assert!(due == (120, 150) || due == (119, 149), "{due:?}");
    let carried = book.store().pool(STREAM, 0).carried();
    assert_eq!(due.0 + due.1 + carried, 270);
    book.invariant(STREAM, 0, 0..3).unwrap();
}

#[test]
fn should_take_the_largest_amounts_and_weights() {
    let mut book = Book::new(Memory::default());
    book.add_weights(STREAM, [(0, u64::MAX - 1), (1, 1)]).unwrap();
    book.receive(STREAM, 0, &all(), u128::MAX).unwrap();
    book.invariant(STREAM, 0, 0..2).unwrap();
    // The pool owes all that an amount can say: no more fits until something is paid.
    assert_eq!(book.receive(STREAM, 0, &all(), 1), Err(RevenueError::TooMuchOwed));
    let due = book.settle(STREAM, 0, 0).unwrap();
    assert!(due > u128::MAX - (u128::MAX >> 63));
    // Thousands of times more than 128 bits pass through one pool; the accumulator wraps, and nothing is lost.
    for _ in 0..3_000 {
        let due = book.settle(STREAM, 0, 0).unwrap();
        let name = PayeeName::Contributor(0);
        book.begin_payout(STREAM, 0, name, due).unwrap();
        book.finish_payout(STREAM, 0, name, due, 0).unwrap();
        let room = u128::MAX - book.store().pool(STREAM, 0).owed();
        book.receive(STREAM, 0, &all(), room).unwrap();
        book.set_weight(STREAM, 0, u64::MAX - 1).unwrap();
    }
    book.invariant(STREAM, 0, 0..2).unwrap();
    assert!(book.store().pool(STREAM, 0).received() > U256::from(u128::MAX) * 2_900);
    assert_eq!(book.add_weights(STREAM, [(1, 1)]), Err(RevenueError::TooMuchWeight));
    assert_eq!(
        book.add_weights(STREAM, [(2, u64::MAX), (2, 1)]),
        Err(RevenueError::TooMuchWeight)
    );
    book.invariant(STREAM, 0, 0..2).unwrap();
}

#[test]
fn should_be_exact_when_the_accumulator_wraps_while_a_contributor_sleeps() {
    // The only weight is 1, so that the accumulator moves by the whole amount, 2²⁵⁶ − 2¹²⁸, each time.
    let mut book = Book::new(Memory::default());
    book.add_weights(STREAM, [(0, 1)]).unwrap();
    book.settle(STREAM, 1, 0).unwrap();
    for _ in 0..5 {
        book.receive(STREAM, 0, &all(), u128::MAX).unwrap();
        let name = PayeeName::Contributor(0);
        assert_eq!(book.settle(STREAM, 0, 0), Ok(u128::MAX));
        book.begin_payout(STREAM, 0, name, u128::MAX).unwrap();
        book.finish_payout(STREAM, 0, name, u128::MAX, 0).unwrap();
    }
    // Contributor 1 slept through it, without weight, and starts now.
    book.add_weights(STREAM, [(1, 3)]).unwrap();
    book.receive(STREAM, 0, &all(), 8).unwrap();
    assert_eq!(book.settle(STREAM, 1, 0), Ok(6));
    assert_eq!(book.settle(STREAM, 0, 0), Ok(2));
    book.invariant(STREAM, 0, 0..2).unwrap();
}

#[test]
fn should_settle_without_knowing_the_weight_only_up_to_what_there_is() {
    let mut pool = Pool::default();
    pool.receive(&all(), 100, 4).unwrap();
    let mut position = Position::default();
    let before = pool;
    assert_eq!(pool.settle(&mut position, 5), Err(RevenueError::Weights));
    assert_eq!((pool, position), (before, Position::default()));
    assert_eq!(pool.due_now(&position, 3), Ok(75));
    assert_eq!(pool, before);
    assert_eq!(pool.settle(&mut position, 4), Ok(100));
    assert_eq!(pool.settle(&mut Position::default(), 1), Err(RevenueError::Weights));
}

#[test]
fn should_refuse_a_fee_above_the_payout() {
    let mut pool = Pool::default();
    pool.receive(&Split::new(10_000, 0).unwrap(), 100, 0).unwrap();
    pool.begin_payout(Payee::Protocol, 10).unwrap();
    assert_eq!(
        pool.finish_payout(Payee::Protocol, 10, 11),
        Err(RevenueError::FeeAboveAmount { amount: 10, fee: 11 })
    );
    pool.finish_payout(Payee::Protocol, 10, 10).unwrap();
    assert_eq!(pool.protocol().paid(), U256::zero());
    assert_eq!(pool.protocol().fees(), U256::from(10));
    assert_eq!((pool.protocol().due(), pool.owed()), (90, 90));
}

#[test]
fn should_find_what_is_broken() {
    let mut book = Book::new(Memory::default());
    book.add_weights(STREAM, [(1, 1), (2, 2)]).unwrap();
    book.receive(STREAM, 0, &Split::new(1_000, 1_000).unwrap(), 1_000)
        .unwrap();
    book.settle(STREAM, 1, 0).unwrap();
    book.invariant(STREAM, 0, 0..3).unwrap();
    let pool = book.store().pool(STREAM, 0);
    let position = |who| book.store().position(STREAM, who, 0);
    let (one, two) = (position(1), position(2));
    assert!(matches!(
        pool.invariant_with([(&one, 1), (&two, 1)]),
        Err(Broken::Carried { .. })
    ));
    assert!(matches!(pool.invariant_with([(&one, 1)]), Err(Broken::Carried { .. })));
    assert_eq!(
        book.invariant(STREAM, 0, 0..2),
        Err(Broken::Weights { sum: 1, total: 3 })
    );
    // Each amount of the record, one unit off (accumulator and remainder show in the shares).
    for (at, length) in [(1, 32), (33, 8), (41, 16), (57, 16), (73, 32)]
        .into_iter()
        .chain((0..3).flat_map(|payable| {
            let start = 105 + payable * 96;
            [(start, 16), (start + 16, 16), (start + 32, 32), (start + 64, 32)]
        }))
    {
        let mut bytes = pool.encode();
        bytes[at + length - 1] ^= 1;
        let broken = Pool::decode(&bytes).unwrap();
        assert!(broken.invariant_with([(&one, 1), (&two, 2)]).is_err(), "{at}");
    }
}

#[test]
fn should_keep_reading_the_bytes_of_version_1() {
    let mut pool = Pool::default();
    let mut position = Position::default();
    pool.receive(&Split::new(250, 3_000).unwrap(), 1_000_000, 7).unwrap();
    pool.settle(&mut position, 3).unwrap();
    pool.begin_payout(Payee::Contributor(&mut position), 1_000).unwrap();
    pool.finish_payout(Payee::Contributor(&mut position), 1_000, 10)
        .unwrap();
    let old_pool = include_str!("../tests/records/pool-v1.hex").trim();
    let old_position = include_str!("../tests/records/position-v1.hex").trim();
    assert_eq!(hex::encode(pool.encode()), old_pool);
    assert_eq!(hex::encode(position.encode()), old_position);
    let bytes = hex::decode(old_pool).unwrap();
    assert_eq!((bytes.len(), Pool::decode(&bytes)), (POOL_LEN, Ok(pool)));
    let bytes = hex::decode(old_position).unwrap();
    assert_eq!((bytes.len(), Position::decode(&bytes)), (POSITION_LEN, Ok(position)));
    let payable = *position.payable();
    assert_eq!(Payable::decode(&payable.encode()), Ok(payable));
    assert_eq!(to_big(payable.paid()), BigUint::from(990_u16));
}

#[test]
fn should_refuse_bytes_that_are_no_record() {
    let pool = Pool::default().encode();
    assert_eq!(Pool::decode(&[]), Err(RecordError::Empty));
    assert_eq!(
        Pool::decode(&pool[..POOL_LEN - 1]),
        Err(RecordError::Length {
            version: 1,
            expected: POOL_LEN,
            got: POOL_LEN - 1
        })
    );
    let mut other = pool;
    other[0] = 9;
    assert_eq!(Pool::decode(&other), Err(RecordError::Version(9)));
    assert_eq!(
        Position::decode(&[1, 2]),
        Err(RecordError::Length {
            version: 1,
            expected: POSITION_LEN,
            got: 2
        })
    );
    assert_eq!(Payable::decode(&[2]), Err(RecordError::Version(2)));
}
