//! Income and weights: what comes in is divided here, what is owed is looked up here.

use std::collections::BTreeMap;

use candid::{Nat, Principal};
use ddsx_revenue::{Book, BookStore, Payable, Payee, Pool, Position, Split};
use ddsx_types::stream_registry::{
    Audit, Balance, ContributorNumber, ContributorRevenue, ContributorRevenueArgs, DayOfIncome, Page, StreamId,
    StreamIncomeArgs, StreamRevenue, StreamRevenueArgs, StreamStatus,
};
use ddsx_types::{BASIS_POINTS, TimestampNs};

use crate::amounts::nat;
use crate::balance;
use crate::payout;
use crate::storage::Storage;
use crate::storage::records::{ContributorRecord, PayeeKey, StreamState, wide_nat};
use crate::streams::page_limit;

/// The book of one stream while its state and the contributors concerned are in hand.
struct InHand<'a> {
    storage: &'a mut Storage,
    state: &'a mut StreamState,
    contributors: &'a mut BTreeMap<ContributorNumber, ContributorRecord>,
}

impl BookStore for InHand<'_> {
    type Asset = u32;

    fn assets(&self, _stream: StreamId) -> Vec<u32> {
        self.state.assets.clone()
    }

    fn total_weight(&self, _stream: StreamId) -> u64 {
        self.state.total_weight
    }

    fn set_total_weight(&mut self, _stream: StreamId, total: u64) {
        self.state.total_weight = total;
    }

    fn weight(&self, _stream: StreamId, contributor: ContributorNumber) -> u64 {
        self.contributors
            .get(&contributor)
            .map_or(0, |contributor| contributor.weight)
    }

    fn set_weight(&mut self, _stream: StreamId, contributor: ContributorNumber, weight: u64) {
        if let Some(contributor) = self.contributors.get_mut(&contributor) {
            contributor.weight = weight;
        }
    }

    fn pool(&self, stream: StreamId, asset: u32) -> Pool {
        self.storage.books().stream(stream, asset).pool
    }

    fn set_pool(&mut self, stream: StreamId, asset: u32, pool: &Pool) {
        self.storage.books_mut().put(stream, asset, *pool);
    }

    fn position(&self, stream: StreamId, contributor: ContributorNumber, asset: u32) -> Position {
        self.storage.books().position(stream, asset, contributor)
    }

    fn set_position(&mut self, stream: StreamId, contributor: ContributorNumber, asset: u32, position: &Position) {
        self.storage
            .books_mut()
            .put_position(stream, asset, contributor, *position);
    }
}

/// Adds to contributors' weights: each is settled once in each asset. `contributors` holds every one that is named; their
/// records are written back.
///
/// Panics if the weights would overflow, which the limit on a stream's records excludes, or the books are damaged: the
/// message is then undone.
pub fn add_weights(
    storage: &mut Storage,
    stream: StreamId,
    state: &mut StreamState,
    mut contributors: BTreeMap<ContributorNumber, ContributorRecord>,
    added: impl IntoIterator<Item = (ContributorNumber, u64)>,
) {
    let in_hand = InHand {
        storage: &mut *storage,
        state: &mut *state,
        contributors: &mut contributors,
    };
    if let Err(error) = Book::new(in_hand).add_weights(stream, added) {
        panic!("weights of stream {stream}: {error}");
    }
    for (number, contributor) in contributors {
        storage.put_contributor(stream, number, contributor);
    }
    for asset in state.assets.clone() {
        payout::ask_for_sweep(storage, stream, asset, state.contributors);
    }
}

/// Gives what is held of a closed stream's income to its provider, if nobody was credited with a
/// record: there will be no weight any more. (A provider who credited none could as well have
/// credited itself.)
///
/// Panics if the books are damaged; the message is then undone.
pub fn release_to_provider(storage: &mut Storage, stream: StreamId, state: &StreamState) {
    if state.status != StreamStatus::Closed || state.total_weight > 0 {
        return;
    }
    for asset in state.assets.clone() {
        let mut pool = storage.books().stream(stream, asset).pool;
        match pool.release_held_to_provider() {
            Ok(0) => {}
            Ok(_) => {
                storage.books_mut().put(stream, asset, pool);
                payout::ask_if_due(storage, PayeeKey::Provider { stream, asset });
            }
            Err(error) => panic!("what is held of stream {stream} cannot be released: {error}"),
        }
    }
}

/// Nanoseconds of a day.
const DAY_NS: TimestampNs = 86_400_000_000_000;

/// Books a price that has arrived, on the day of `now`. O(1), whatever the number of contributors.
///
/// Panics if the pool would owe more than 2^128 - 1, more than any ledger can hold; the payment then stays unsettled.
pub fn receive(
    storage: &mut Storage,
    now: TimestampNs,
    stream: StreamId,
    asset: u32,
    price: u128,
    protocol_fee_bps: u16,
) {
    let Some(mut state) = storage.stream(stream) else {
        panic!("income for stream {stream}, which is not there")
    };
    if !state.assets.contains(&asset) {
        state.assets.push(asset);
        storage.put_stream(stream, state.clone());
    }
    let provider_bps = BASIS_POINTS.saturating_sub(state.contributors_share_bps);
    let mut pool = storage.books().stream(stream, asset).pool;
    let mut treasury = storage.books().asset(asset).treasury;
    let booked = Split::new(protocol_fee_bps, provider_bps).and_then(|split| {
        let parts = pool.receive(&split, price, state.total_weight)?;
        if state.status == StreamStatus::Closed && state.total_weight == 0 {
            // Accepted before the stream was closed: nobody will ever have weight.
            pool.release_held_to_provider()?;
        }
        // The protocol's part goes over to the treasury's pool, in which everything is the protocol's.
        pool.begin_payout(Payee::Protocol, parts.protocol)?;
        pool.finish_payout(Payee::Protocol, parts.protocol, 0)?;
        treasury.receive(&Split::new(BASIS_POINTS, 0)?, parts.protocol, 0)
    });
    if let Err(error) = booked {
        panic!("income of stream {stream} cannot be booked: {error}");
    }
    storage
        .books_mut()
        .change_asset(asset, |book| book.received += price.into());
    storage.books_mut().put(stream, asset, pool);
    storage.books_mut().put_treasury(asset, treasury);
    // Far below `u32::MAX`: nanoseconds in a u64 end in 2554.
    let day = u32::try_from(now / DAY_NS).unwrap_or(u32::MAX);
    storage.books_mut().sold(stream, asset, day, price);
    payout::ask_after_income(storage, stream, asset, state.contributors);
}

/// As the interface says it.
fn balance(payable: &Payable) -> Balance {
    Balance {
        due: nat(payable.due()),
        in_flight: nat(payable.in_flight()),
        paid: wide_nat(payable.paid()),
        ledger_fees: wide_nat(payable.fees()),
    }
}

/// A stream's income in an asset; none if it never had any.
pub fn stream_revenue(storage: &Storage, args: StreamRevenueArgs) -> Option<StreamRevenue> {
    let asset = storage.asset(args.ledger)?.number;
    let state = storage.stream(args.stream)?;
    let pool = storage.books().stream(args.stream, asset).pool;
    state.assets.contains(&asset).then(|| StreamRevenue {
        received: wide_nat(pool.received()),
        protocol_fee: wide_nat(pool.protocol().total()),
        provider: balance(pool.provider()),
        contributors: balance(pool.contributors()),
        held: nat(pool.held()),
        carried: nat(pool.carried()),
    })
}

/// A stream's income in an asset day by day; nothing if it never had any.
pub fn stream_income(storage: &Storage, args: StreamIncomeArgs) -> Vec<DayOfIncome> {
    let Some(asset) = storage.asset(args.ledger).map(|asset| asset.number) else {
        return Vec::new();
    };
    let Some(first) = first_of(args.page).and_then(|first| u32::try_from(first).ok()) else {
        return Vec::new();
    };
    storage
        .books()
        .days_from(args.stream, asset, first, page_limit(args.page))
        .into_iter()
        .map(|(day, book)| DayOfIncome {
            day: day.into(),
            licences: book.licences,
            received: wide_nat(book.received),
        })
        .collect()
}

/// The first key of a page; none if it would lie behind the last there can be.
fn first_of(page: Page) -> Option<u64> {
    page.start_after.map_or(Some(0), |after| after.checked_add(1))
}

/// Contributors' income in an asset, what is not settled yet included.
pub fn contributor_revenue(storage: &Storage, args: ContributorRevenueArgs) -> Vec<ContributorRevenue> {
    let Some(asset) = storage.asset(args.ledger).map(|asset| asset.number) else {
        return Vec::new();
    };
    let Some(first) = first_of(args.page) else {
        return Vec::new();
    };
    let pool = storage.books().stream(args.stream, asset).pool;
    storage
        .contributors_from(args.stream, first, page_limit(args.page))
        .into_iter()
        .map(|(number, contributor)| {
            let position = storage.books().position(args.stream, asset, number);
            let due = pool
                .due_now(&position, contributor.weight)
                .unwrap_or(position.payable().due());
            ContributorRevenue {
                number,
                label: contributor.label,
                weight: contributor.weight,
                account: contributor.account.map(|bound| bound.account),
                balance: Balance {
                    due: nat(due),
                    ..balance(position.payable())
                },
            }
        })
        .collect()
}

/// The treasury's balance in an asset.
pub fn treasury_balance(storage: &Storage, ledger: Principal) -> Balance {
    storage
        .asset(ledger)
        .map(|asset| balance(storage.books().asset(asset.number).treasury.protocol()))
        .unwrap_or_default()
}

/// The books of an asset over all streams.
pub fn audit(storage: &Storage, ledger: Principal) -> Option<Audit> {
    let asset = storage.asset(ledger)?;
    let book = storage.books().asset(asset.number);
    let standing = book.standing;
    let prepaid = storage.prepaid().totals(asset.number).0;
    Some(Audit {
        received: wide_nat(book.received),
        paid_out: wide_nat(book.paid_out),
        ledger_fees: wide_nat(book.ledger_fees),
        in_flight: nat(standing.in_flight),
        owed: nat(standing.due),
        held: nat(standing.held),
        carried: nat(standing.carried),
        conserved: book.conserved() && prepaid.conserved(),
        must_hold: Nat::from(standing.total()) + Nat::from(prepaid.held()),
        prepaid: Some(balance::audit(storage, asset.number)),
    })
}

/// Every pool is exact over all its contributors, and the pools sum to the assets' totals: too much work for a canister.
#[cfg(test)]
pub fn check_exactly(storage: &Storage) {
    for asset in storage.assets() {
        let book = storage.books().asset(asset.number);
        let mut sum = crate::storage::records::Standing::of(&book.treasury);
        for stream in 0..storage.counters().streams {
            let state = storage.stream(stream).expect("streams are never removed");
            let pool = storage.books().stream(stream, asset.number).pool;
            let positions: Vec<_> = storage
                .contributors_from(stream, 0, usize::MAX)
                .into_iter()
                .map(|(number, contributor)| {
                    (
                        storage.books().position(stream, asset.number, number),
                        contributor.weight,
                    )
                })
                .collect();
            assert_eq!(
                positions.iter().map(|(_, weight)| weight).sum::<u64>(),
                state.total_weight
            );
            assert_eq!(
                pool.invariant_with(positions.iter().map(|(position, weight)| (position, *weight))),
                Ok(())
            );
            let days = storage.books().days_from(stream, asset.number, 0, usize::MAX);
            assert_eq!(
                days.into_iter()
                    .fold(ddsx_revenue::U256::default(), |sum, (_, day)| sum + day.received),
                pool.received(),
                "the days of stream {stream} sum to all it received"
            );
            sum.replace(
                crate::storage::records::Standing::default(),
                crate::storage::records::Standing::of(&pool),
            );
        }
        assert_eq!(sum, book.standing, "asset {}", asset.number);
    }
}

#[cfg(test)]
mod tests;
