//! What appending and buying cost, measured from outside: the canister's cycles before and after, less what messages cost
//! whatever the canister does (on a subnet of 13 nodes: 1.2 M and 2,000 a byte for an ingress message, 5 M an execution).
//!
//! The figures are printed: `cargo nextest run -p ddsx-tests --test registry_cost --no-capture`.
#![allow(clippy::unwrap_used, reason = "test code")]

use candid::Principal;
use ddsx_tests::World;
use ddsx_tests::registry::{Market, buyer, new_contributors, provider};
use ddsx_types::stream_registry::{
    AddContributorsArgs, AppendArgs, AppendError, Appended, BuyError, ContributorNumber, Licence, NewChunk, PlanId,
    PlanKind, StreamError, StreamId, limits,
};

const INGRESS: u128 = 1_200_000;
const INGRESS_BYTE: u128 = 2_000;
const EXECUTION: u128 = 5_000_000;

/// Cycles that an update call takes, and the bytes of its argument.
fn cycles(market: &Market<'_>, caller: Principal, method: &str, args: Vec<u8>) -> (u128, Vec<u8>) {
    let pic = &market.world.pic;
    let before = pic.cycle_balance(market.id);
    let reply = pic.update_call(market.id, caller, method, args).unwrap();
    (before - pic.cycle_balance(market.id), reply)
}

/// Instructions of an append: its cycles less the message's own.
fn append_cost(market: &Market<'_>, stream: StreamId, chunks: Vec<NewChunk>) -> u128 {
    let expected_sequence = market.stream(stream).chunks;
    let args = AppendArgs {
        stream,
        expected_sequence,
        chunks,
    };
    let args = candid::encode_one(args).unwrap();
    let message = INGRESS + INGRESS_BYTE * (args.len() as u128 + 6) + EXECUTION;
    let (cycles, reply) = cycles(market, provider(), "append", args);
    let appended: Result<Appended, AppendError> = candid::decode_one(&reply).unwrap();
    appended.unwrap();
    cycles.saturating_sub(message)
}

fn payload(length: usize, seed: u8) -> Vec<u8> {
    (0..length)
        .map(|at| u8::try_from(at % 251).unwrap_or_default() ^ seed)
        .collect()
}

#[test]
fn should_append_small_chunks_cheaply_at_any_size() {
    let world = World::new();
    // Each batch is paid for.
    let market = Market::open_paid(&world, 1_000_000_000);
    let stream = market.create_stream("events", 12);
    let batch = || -> Vec<NewChunk> {
        (0..1_000_u32)
            .map(|number| market.chunk(&payload(100, (number % 200) as u8), &[(number % 12, 1)]))
            .collect()
    };
    let first = append_cost(&market, stream, batch()) / 1_000;
    for _ in 0..18 {
        market.append_next(stream, batch());
    }
    let later = append_cost(&market, stream, batch()) / 1_000;
    println!("append of 1,000 chunks of 100 bytes: {first} instructions a chunk at first, {later} after 19,000");
    assert!(first <= 60_000, "{first}");
    assert!(later <= 60_000, "{later}");
    market.check();
}

#[test]
fn should_append_large_chunks_at_little_more_than_their_hash() {
    const HASH_BYTE: u128 = 82;
    let world = World::new();
    let market = Market::open_paid(&world, 1_000_000_000);
    let stream = market.create_stream("events", 1);
    market.append_next(stream, vec![market.chunk(b"warm", &[(0, 1)])]);
    let chunks = (0..16)
        .map(|number| market.chunk(&payload(64 * 1024, number), &[(0, 1)]))
        .collect();
    let cost = append_cost(&market, stream, chunks);
    let hash = HASH_BYTE * 1024 * 1024;
    println!(
        "append of 1 MiB in 64 KiB chunks: {cost} instructions, {} % of hashing it",
        cost * 100 / hash
    );
    assert!(cost * 100 <= hash * 125, "{cost} against {hash}");
    let largest = vec![market.chunk(&payload(limits::MAX_APPEND_BYTES, 3), &[(0, 1)])];
    let cost = append_cost(&market, stream, largest);
    println!("append of the largest batch: {cost} instructions");
    market.check();
}

/// A stream with so many contributors, each credited once.
fn stream_of(market: &Market<'_>, contributors: u32) -> StreamId {
    let stream = market.create_stream(&format!("{contributors} contributors"), contributors.min(1_000));
    for first in (1_000..contributors).step_by(1_000) {
        let args = AddContributorsArgs {
            stream,
            contributors: new_contributors(first..first + 1_000),
        };
        let added: Result<ContributorNumber, StreamError> =
            market.world.call(provider(), market.id, "add_contributors", (args,));
        assert_eq!(added, Ok(first));
    }
    for first in (0..contributors).step_by(1_000) {
        let credits: Vec<(u32, u64)> = (first..contributors.min(first + 1_000))
            .map(|number| (number, 1))
            .collect();
        market.append_next(stream, vec![market.chunk(&payload(1_000, 1), &credits)]);
    }
    stream
}

/// Cycles of a purchase, less its messages' own: the call to the ledger, which is the same for all, remains in it.
fn buy_cost(market: &Market<'_>, plan: PlanId, request: u8) -> u128 {
    let args = candid::encode_one(market.buy_args(plan, request)).unwrap();
    let message = INGRESS + INGRESS_BYTE * (args.len() as u128 + 3) + 2 * EXECUTION;
    let (cycles, reply) = cycles(market, buyer(), "buy", args);
    let bought: Result<Licence, BuyError> = candid::decode_one(&reply).unwrap();
    bought.unwrap();
    cycles.saturating_sub(message)
}

#[test]
fn should_buy_at_the_same_cost_with_ten_or_ten_thousand_contributors() {
    const ROUNDS: u8 = 12;
    let world = World::new();
    let market = Market::open(&world);
    market.approve(10_000_000_000_u64);
    let plans = [10, 10_000].map(|contributors| {
        let stream = stream_of(&market, contributors);
        market.add_plan(stream, PlanKind::Perpetual, 1_000_000)
    });
    // In turns, since what is stored grows a little with every licence; the first of each opens the stream's books.
    let mut costs = [0, 0];
    for round in 0..=ROUNDS {
        for (number, plan) in (0..).zip(plans) {
            let cost = buy_cost(&market, plan, 2 * round + number);
            if round > 0 {
                costs[usize::from(number)] += cost / u128::from(ROUNDS);
            }
        }
    }
    let [ten, many] = costs;
    println!("buying, the call to the ledger included: {ten} cycles with 10 contributors, {many} with 10,000");
    assert!(
        ten.abs_diff(many) * 20 <= ten.min(many),
        "{ten} and {many} differ by more than 5 %"
    );
    market.check();
}
