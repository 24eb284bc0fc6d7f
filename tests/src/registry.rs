//! `stream_registry` in the world, beside a ledger in which it sells.

use std::time::Duration;

use candid::utils::ArgumentEncoder;
use candid::{Nat, Principal};
use ddsx_types::stream_registry::{
    AddPlanArgs, AppendArgs, AppendError, Appended, Audit, Balance, BuyArgs, BuyError, ClaimArgs, ClaimError, Claimed,
    ContributorRevenue, ContributorRevenueArgs, CreateStreamArgs, Credit, DayOfIncome, Licence, LicenceTerms, NewChunk,
    NewContributor, Page, Payee, PlanId, PlanKind, PrepaidBalance, Price, PullArgs, PullError, Pulled, Quote,
    QuoteArgs, QuoteError, RegistryArgs, StoragePrice, StreamId, StreamIncomeArgs, StreamInfo, StreamRevenue,
    StreamRevenueArgs, TopUpArgs, TopUpError,
};
use ddsx_types::{Account, AssetListing};
use serde_bytes::ByteBuf;

use crate::ledger::{FEE, Ledger, approve, transfer};
use crate::world::{World, user};

/// Who provides data in the tests.
pub fn provider() -> Principal {
    user(100)
}

/// Who buys.
pub fn buyer() -> Principal {
    user(200)
}

/// Who governs.
pub fn governance() -> Principal {
    user(300)
}

/// Whose account a contributor's is.
pub fn contributor(number: u32) -> Principal {
    user(10_000 + u64::from(number))
}

/// What each user that pays starts with.
pub const START: u64 = 1_000_000_000_000;

/// A registry and the ledger that it lists.
#[derive(Clone, Copy)]
pub struct Market<'w> {
    /// Where both run.
    pub world: &'w World,
    /// The ledger.
    pub ledger: Ledger<'w>,
    /// The registry.
    pub id: Principal,
}

impl<'w> Market<'w> {
    /// A registry governed by [`governance`], a ledger on which [`buyer`] has [`START`], listed.
    pub fn open(world: &'w World) -> Self {
        Self::open_module(world, World::module("stream_registry"))
    }

    /// As [`Market::open`], from the bytes of a registry's module.
    pub fn open_module(world: &'w World, module: Vec<u8>) -> Self {
        let ledger = Ledger::install(world, &[(buyer().into(), START)]);
        let listing = AssetListing {
            ledger: ledger.id,
            symbol: "DST".into(),
            decimals: 8,
            fee: FEE.into(),
            transaction_window_ns: None,
            dedup_first: true,
            payout_threshold: (10 * FEE).into(),
        };
        let args = RegistryArgs {
            governance: Some(governance()),
            storage_prices: Some(vec![storage_price(ledger.id, 0, 0)]),
            assets: Some(vec![listing]),
            ..RegistryArgs::default()
        };
        let id = world.create();
        world.install_module_at(id, module, (Some(args),));
        world.settle();
        Self { world, ledger, id }
    }

    /// As [`Market::open`], where storage costs what it does by default, and [`provider`] has so much in its prepaid balance and as much
    /// again in its account.
    pub fn open_paid(world: &'w World, balance: u64) -> Self {
        let market = Self::open(world);
        let price = storage_price(market.ledger.id, 100_000_000, 100_000_000);
        let () = world.call(governance(), market.id, "set_storage_price", (price,));
        let funds = transfer(provider(), 2 * balance + 2 * FEE);
        market.ledger.transfer(buyer(), funds).unwrap();
        if balance > 0 {
            market.top_up(provider(), balance, 255);
        }
        market
    }

    /// Upgrades the registry to the same module, without an argument.
    pub fn upgrade(&self) {
        self.world
            .upgrade(self.id, "stream_registry", (None::<RegistryArgs>,))
            .unwrap();
        self.world.settle();
    }

    /// Arguments of a stream with so many contributors, all with accounts, which get 70 %.
    pub fn stream_args(name: &str, contributors: u32) -> CreateStreamArgs {
        CreateStreamArgs {
            payment: None,
            name: name.into(),
            description: "For the tests".into(),
            tags: vec!["test".into()],
            content_type: "application/octet-stream".into(),
            schema: None,
            licence_terms: LicenceTerms::Spdx("CC-BY-4.0".into()),
            contact: None,
            provider_account: provider().into(),
            contributors_share_bps: 7_000,
            contributors: new_contributors(0..contributors),
        }
    }

    /// A stream of [`provider`].
    pub fn create_stream(&self, name: &str, contributors: u32) -> StreamId {
        self.create_stream_with(Self::stream_args(name, contributors))
    }

    /// A stream of [`provider`].
    pub fn create_stream_with(&self, args: CreateStreamArgs) -> StreamId {
        let created: Result<StreamId, ddsx_types::stream_registry::StreamError> =
            self.world.call(provider(), self.id, "create_stream", (args,));
        created.unwrap()
    }

    /// `append`.
    pub fn append(&self, caller: Principal, args: AppendArgs) -> Result<Appended, AppendError> {
        self.world.call(caller, self.id, "append", (args,))
    }

    /// A call that is not even taken in, and what it is told.
    pub fn refused_at_the_door<A: ArgumentEncoder>(&self, caller: Principal, method: &str, args: A, words: &str) {
        let refused = self
            .world
            .try_call::<A, candid::Reserved>(caller, self.id, method, args);
        let refused = refused.map(|_| ()).expect_err(method);
        assert!(refused.reject_message.contains(words), "{method}: {refused}");
    }

    /// `top_up` by somebody who approves it.
    pub fn top_up(&self, who: Principal, amount: u64, request: u8) -> PrepaidBalance {
        self.ledger.approve(who, approve(self.id, amount + FEE)).unwrap();
        let args = TopUpArgs {
            ledger: self.ledger.id,
            amount: amount.into(),
            from_subaccount: None,
            request_id: ByteBuf::from([request; 16]),
        };
        let balance: Result<PrepaidBalance, TopUpError> = self.world.call(who, self.id, "top_up", (args,));
        balance.unwrap()
    }

    /// `balance` of somebody.
    pub fn balance(&self, who: Principal) -> PrepaidBalance {
        self.world
            .try_query(who, self.id, "balance", (self.ledger.id,))
            .unwrap()
    }

    /// Appends chunks of [`provider`] at the sequence number that is next.
    pub fn append_next(&self, stream: StreamId, chunks: Vec<NewChunk>) -> Appended {
        let expected_sequence = self.stream(stream).chunks;
        let args = AppendArgs {
            stream,
            expected_sequence,
            chunks,
        };
        self.append(provider(), args).unwrap()
    }

    /// A chunk made now, credited as said.
    pub fn chunk(&self, payload: &[u8], credits: &[(u32, u64)]) -> NewChunk {
        NewChunk {
            payload: ByteBuf::from(payload),
            provider_timestamp: self.world.now(),
            credits: credits
                .iter()
                .map(|(contributor, records)| Credit {
                    contributor: *contributor,
                    records: *records,
                })
                .collect(),
        }
    }

    /// A plan at a price in the ledger; free if the price is 0.
    pub fn add_plan(&self, stream: StreamId, kind: PlanKind, price: u64) -> PlanId {
        let prices = if price == 0 {
            vec![]
        } else {
            vec![Price {
                ledger: self.ledger.id,
                amount: price.into(),
            }]
        };
        let args = AddPlanArgs {
            stream,
            name: format!("{kind:?} {price}"),
            kind,
            prices,
        };
        let added: Result<PlanId, ddsx_types::stream_registry::StreamError> =
            self.world.call(provider(), self.id, "add_plan", (args,));
        added.unwrap()
    }

    /// `stream`, of one that is there.
    pub fn stream(&self, stream: StreamId) -> StreamInfo {
        let info: Option<StreamInfo> = self.world.query(self.id, "stream", (stream,));
        info.unwrap()
    }

    /// `quote` in the ledger.
    pub fn quote(&self, plan: PlanId) -> Result<Quote, QuoteError> {
        let args = QuoteArgs {
            plan,
            ledger: Some(self.ledger.id),
        };
        self.world.query(self.id, "quote", (args,))
    }

    /// What [`buyer`] sends to buy a plan as quoted now.
    pub fn buy_args(&self, plan: PlanId, request: u8) -> BuyArgs {
        let quote = self.quote(plan).unwrap();
        BuyArgs {
            plan,
            ledger: Some(self.ledger.id),
            from_subaccount: None,
            max_price: quote.price,
            terms_hash: quote.terms_hash,
            recipient: None,
            request_id: ByteBuf::from([request; 16]),
        }
    }

    /// Lets the registry take so much from [`buyer`].
    pub fn approve(&self, amount: impl Into<Nat>) {
        self.ledger.approve(buyer(), approve(self.id, amount)).unwrap();
    }

    /// `buy` by [`buyer`].
    pub fn buy(&self, args: BuyArgs) -> Result<Licence, BuyError> {
        self.world.call(buyer(), self.id, "buy", (args,))
    }

    /// Approves what it costs, and buys.
    pub fn purchase(&self, plan: PlanId, request: u8) -> Licence {
        self.approve(self.quote(plan).unwrap().allowance);
        self.buy(self.buy_args(plan, request)).unwrap()
    }

    /// `claim`.
    pub fn claim(&self, caller: Principal, stream: StreamId, payee: Payee) -> Result<Claimed, ClaimError> {
        let args = ClaimArgs {
            stream,
            ledger: self.ledger.id,
            payee,
        };
        self.world.call(caller, self.id, "claim", (args,))
    }

    /// `pull` as a query.
    pub fn pull(&self, caller: Principal, args: PullArgs) -> Result<Pulled, PullError> {
        self.world.try_query(caller, self.id, "pull", (args,)).unwrap()
    }

    /// `stream_revenue`.
    pub fn stream_revenue(&self, stream: StreamId) -> Option<StreamRevenue> {
        let ledger = self.ledger.id;
        self.world
            .query(self.id, "stream_revenue", (StreamRevenueArgs { stream, ledger },))
    }

    /// `stream_income`, the first 100 days.
    pub fn stream_income(&self, stream: StreamId) -> Vec<DayOfIncome> {
        let args = StreamIncomeArgs {
            stream,
            ledger: self.ledger.id,
            page: Page::default(),
        };
        self.world.query(self.id, "stream_income", (args,))
    }

    /// `contributor_revenue`, the first 100.
    pub fn contributor_revenue(&self, stream: StreamId) -> Vec<ContributorRevenue> {
        let args = ContributorRevenueArgs {
            stream,
            ledger: self.ledger.id,
            page: Page::default(),
        };
        self.world.query(self.id, "contributor_revenue", (args,))
    }

    /// `treasury_balance`.
    pub fn treasury(&self) -> Balance {
        self.world.query(self.id, "treasury_balance", (self.ledger.id,))
    }

    /// A figure of `/metrics`.
    pub fn metric(&self, name: &str) -> u64 {
        let (status, text) = self.world.http_get(self.id, "/metrics");
        assert_eq!(status, 200);
        let prefix = format!("registry_{name} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&prefix));
        let sample = line.unwrap_or_else(|| panic!("no figure {name}"));
        // A value, then the time.
        sample.split(' ').next().unwrap_or_default().parse().unwrap()
    }

    /// Lets time pass in steps, so that timers set by timers run too.
    pub fn wait(&self, by: Duration) {
        let step = by / 10;
        for _ in 0..10 {
            self.world.advance(step);
        }
    }

    /// The books balance and the ledger holds what they say: now, and after an upgrade.
    pub fn check(&self) {
        for upgraded in [false, true] {
            if upgraded {
                self.upgrade();
            }
            let audit: Option<Audit> = self.world.query(self.id, "audit", (self.ledger.id,));
            let audit = audit.unwrap();
            assert!(audit.conserved, "upgraded: {upgraded}: {audit:?}");
            let sum = audit.paid_out.clone()
                + audit.ledger_fees.clone()
                + audit.in_flight.clone()
                + audit.owed.clone()
                + audit.held.clone()
                + audit.carried.clone();
            assert_eq!(audit.received, sum, "upgraded: {upgraded}");
            assert_eq!(audit.must_hold, self.ledger.balance(self.id), "upgraded: {upgraded}");
            let totals = self.ledger.totals();
            assert_eq!(totals.minted, totals.total_supply + totals.burnt + totals.fees_burnt);
        }
    }
}

/// What storing costs in a ledger. A [`Market`] lets it cost nothing, for tests that are about something else.
pub fn storage_price(ledger: Principal, deposit: u64, gib_month: u64) -> StoragePrice {
    StoragePrice {
        ledger,
        deposit: deposit.into(),
        gib_month: gib_month.into(),
        accepted: true,
    }
}

/// Contributors labelled by their numbers, each with the account of [`contributor`].
pub fn new_contributors(numbers: std::ops::Range<u32>) -> Vec<NewContributor> {
    numbers
        .map(|number| NewContributor {
            label: format!("contributor {number}"),
            account: Some(Account::from(contributor(number))),
        })
        .collect()
}

/// Arguments that pull a stream from a chunk on.
pub fn pull_args(stream: StreamId, from: u64) -> PullArgs {
    PullArgs {
        stream,
        from,
        max_bytes: None,
        licence: None,
        with_left_frontier: true,
    }
}
