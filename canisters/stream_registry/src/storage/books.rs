//! Pools, positions and totals. A pool is only ever written through [`Books::put`], which keeps the asset's totals in step.

use ddsx_revenue::{Pool, Position, U256};
use ic_stable_structures::StableBTreeMap;

use super::Mem;
use super::codec::Stored;
use super::keys::{Key, position, stream_and_asset, stream_asset_and_day};
use super::records::{AssetBook, DayBook, PayeeKey, Standing, StreamBook};

type Map<K, V> = StableBTreeMap<K, V, Mem>;

/// The books of all streams.
pub struct Books {
    streams: Map<Key<12>, Stored<StreamBook>>,
    positions: Map<Key<16>, Position>,
    assets: Map<u32, Stored<AssetBook>>,
    /// Payouts on their way: one a payee.
    in_flight: Map<Key<17>, u64>,
    /// Sales by day: one record a stream, asset and day on which anything was sold.
    days: Map<Key<16>, Stored<DayBook>>,
}

impl Books {
    /// Opens the books.
    pub fn open(streams: Mem, positions: Mem, assets: Mem, in_flight: Mem, days: Mem) -> Self {
        Self {
            streams: Map::init(streams),
            positions: Map::init(positions),
            assets: Map::init(assets),
            in_flight: Map::init(in_flight),
            days: Map::init(days),
        }
    }

    /// A stream's book in an asset; an empty one if it never had income in it.
    pub fn stream(&self, stream: u64, asset: u32) -> StreamBook {
        self.streams
            .get(&stream_and_asset(stream, asset))
            .map(|stored| stored.0)
            .unwrap_or_default()
    }

    /// Writes a stream's pool. What became distributed to contributors counts as unswept.
    pub fn put(&mut self, stream: u64, asset: u32, pool: Pool) {
        let mut book = self.stream(stream, asset);
        let before = Standing::of(&book.pool);
        let distributed = distributed(&pool).saturating_sub(distributed(&book.pool)).low_u128();
        book.unswept = book.unswept.saturating_add(distributed);
        book.pool = pool;
        self.streams.insert(stream_and_asset(stream, asset), Stored(book));
        let mut totals = self.asset(asset);
        totals.standing.replace(before, Standing::of(&pool));
        self.put_asset(asset, &totals);
    }

    /// Counts a sale of a day, numbered from 1970-01-01.
    pub fn sold(&mut self, stream: u64, asset: u32, day: u32, price: u128) {
        let key = stream_asset_and_day(stream, asset, day);
        let mut book = self.days.get(&key).map(|stored| stored.0).unwrap_or_default();
        book.licences += 1;
        book.received += price.into();
        self.days.insert(key, Stored(book));
    }

    /// Days on which a stream sold anything in an asset, from one on, the first `limit` of them.
    pub fn days_from(&self, stream: u64, asset: u32, first: u32, limit: usize) -> Vec<(u32, DayBook)> {
        let range = stream_asset_and_day(stream, asset, first)..=stream_asset_and_day(stream, asset, u32::MAX);
        self.days
            .range(range)
            .take(limit)
            .map(|entry| (entry.key().u32_at(12), entry.value().0))
            .collect()
    }

    /// The payout timer begins to go through a stream's contributors.
    pub fn swept(&mut self, stream: u64, asset: u32) {
        let mut book = self.stream(stream, asset);
        book.unswept = 0;
        self.streams.insert(stream_and_asset(stream, asset), Stored(book));
    }

    /// A contributor's position.
    pub fn position(&self, stream: u64, asset: u32, contributor: u32) -> Position {
        self.positions
            .get(&position(stream, asset, contributor))
            .unwrap_or_default()
    }

    /// Writes a contributor's position.
    pub fn put_position(&mut self, stream: u64, asset: u32, contributor: u32, value: Position) {
        self.positions.insert(position(stream, asset, contributor), value);
    }

    /// An asset's totals and the treasury.
    pub fn asset(&self, asset: u32) -> AssetBook {
        self.assets.get(&asset).map(|stored| stored.0).unwrap_or_default()
    }

    fn put_asset(&mut self, asset: u32, book: &AssetBook) {
        self.assets.insert(asset, Stored(*book));
    }

    /// Changes an asset's totals.
    pub fn change_asset(&mut self, asset: u32, change: impl FnOnce(&mut AssetBook)) {
        let mut book = self.asset(asset);
        change(&mut book);
        self.put_asset(asset, &book);
    }

    /// Writes the treasury's pool.
    pub fn put_treasury(&mut self, asset: u32, treasury: Pool) {
        self.change_asset(asset, |book| {
            book.standing
                .replace(Standing::of(&book.treasury), Standing::of(&treasury));
            book.treasury = treasury;
        });
    }

    /// The payment intent under way to a payee.
    pub fn payout_to(&self, payee: PayeeKey) -> Option<u64> {
        self.in_flight.get(&Key(payee.encode()))
    }

    /// Notes that a payout is under way.
    pub fn payout_begun(&mut self, payee: PayeeKey, intent: u64) {
        self.in_flight.insert(Key(payee.encode()), intent);
    }

    /// Notes that it ended.
    pub fn payout_ended(&mut self, payee: PayeeKey) {
        self.in_flight.remove(&Key(payee.encode()));
    }

    /// Payouts under way.
    pub fn payouts_in_flight(&self) -> u64 {
        self.in_flight.len()
    }
}

/// All that ever went from a pool's income towards its contributors.
fn distributed(pool: &Pool) -> U256 {
    pool.contributors().total() + U256::from(pool.carried())
}
