//! What the unit tests share: principals, a storage, a stream with contributors and a plan.

use std::time::Duration;

use candid::{Nat, Principal};
use ddsx_payments::testing::ModelLedger;
use ddsx_runtime::testing::{Fate, TestRuntime};
use ddsx_types::stream_registry::{
    AddPlanArgs, AppendArgs, Audit, BuyArgs, BuyError, ClaimArgs, ClaimError, Claimed, CreateStreamArgs, Credit,
    Licence, LicenceTerms, NewChunk, NewContributor, Payee, PlanId, PlanKind, Price, QuoteArgs, RegistryArgs,
    StoragePrice, StreamId,
};
use ddsx_types::{Account, AssetListing};
use ic_stable_structures::DefaultMemoryImpl;
use ic_stable_structures::memory_manager::MemoryManager;
use serde_bytes::ByteBuf;

use crate::host::Registry;
use crate::storage::{self, Storage};
use crate::{assets, lifecycle, log, payout, plans, purchase, revenue_book, streams};

pub const OWNER: Principal = Principal::from_slice(&[1, 1]);
pub const BUYER: Principal = Principal::from_slice(&[2, 1]);
pub const OTHER: Principal = Principal::from_slice(&[3, 1]);
pub const GOVERNANCE: Principal = Principal::from_slice(&[4, 1]);
pub const LEDGER: Principal = Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 9, 1, 1]);
/// A second ledger, where a test lists one.
pub const OTHER_LEDGER: Principal = Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 10, 1, 1]);
pub const NOW: u64 = 1_767_225_600_000_000_000;
pub const FEE: u128 = 10;

/// An account of a principal that is nobody else's.
pub fn holder(number: u8) -> Account {
    Principal::from_slice(&[200, number]).into()
}

/// A storage in fresh memory.
pub fn storage() -> Storage {
    let memory = DefaultMemoryImpl::default();
    let mut storage = Storage::over(memory.clone(), &MemoryManager::init(memory));
    assets::enter(&mut storage, &listing()).expect("a valid listing");
    assets::set_storage_price(&mut storage, &storage_price(0, 0)).expect("a valid price");
    storage
}

/// A listing of [`LEDGER`].
pub fn listing() -> AssetListing {
    AssetListing {
        ledger: LEDGER,
        symbol: "DST".to_owned(),
        decimals: 8,
        fee: Nat::from(FEE),
        transaction_window_ns: None,
        dedup_first: true,
        payout_threshold: Nat::from(100_u32),
    }
}

/// What storing costs in [`LEDGER`]; most tests are not about that and let it cost nothing.
pub fn storage_price(deposit: u128, gib_month: u128) -> StoragePrice {
    StoragePrice {
        ledger: LEDGER,
        deposit: Nat::from(deposit),
        gib_month: Nat::from(gib_month),
        accepted: true,
    }
}

/// Arguments that create a stream named `name` with contributors `a`, `b` (with accounts 0 and 1) and `c` (without).
pub fn create_args(name: &str) -> CreateStreamArgs {
    let contributor = |label: &str, account| NewContributor {
        label: label.to_owned(),
        account,
    };
    CreateStreamArgs {
        name: name.to_owned(),
        description: "What happens".to_owned(),
        tags: vec!["events".to_owned()],
        content_type: "application/octet-stream".to_owned(),
        schema: None,
        licence_terms: LicenceTerms::Spdx("CC-BY-4.0".to_owned()),
        contact: None,
        provider_account: holder(100),
        contributors_share_bps: 7_000,
        contributors: vec![
            contributor("a", Some(holder(0))),
            contributor("b", Some(holder(1))),
            contributor("c", None),
        ],
        payment: None,
    }
}

/// A stream of [`OWNER`].
pub fn stream(storage: &mut Storage, name: &str) -> StreamId {
    streams::create(storage, OWNER, NOW, create_args(name)).expect("a valid stream")
}

/// A plan of a stream at a price in [`LEDGER`], which is listed if it is not yet.
pub fn plan(storage: &mut Storage, stream: StreamId, kind: PlanKind, price: u128) -> PlanId {
    if storage.asset(LEDGER).is_none() {
        assets::enter(storage, &listing()).expect("a valid listing");
    }
    let prices = if kind == PlanKind::Free {
        vec![]
    } else {
        vec![Price {
            ledger: LEDGER,
            amount: Nat::from(price),
        }]
    };
    let name = format!("plan {}", storage.counters().plans);
    plans::add(
        storage,
        OWNER,
        AddPlanArgs {
            stream,
            name,
            kind,
            prices,
        },
    )
    .expect("a valid plan")
}

/// A chunk credited to contributors.
pub fn chunk(payload: &[u8], credits: &[(u32, u64)]) -> NewChunk {
    NewChunk {
        payload: ByteBuf::from(payload),
        provider_timestamp: NOW,
        credits: credits
            .iter()
            .map(|(contributor, records)| Credit {
                contributor: *contributor,
                records: *records,
            })
            .collect(),
    }
}

/// A batch at a sequence number.
pub fn batch(stream: StreamId, expected_sequence: u64, chunks: Vec<NewChunk>) -> AppendArgs {
    AppendArgs {
        stream,
        expected_sequence,
        chunks,
    }
}

/// Appends so many small chunks, credited to `a`.
pub fn append_some(storage: &mut Storage, stream: StreamId, count: u64) {
    let first = storage.stream(stream).expect("the stream").log.size();
    let chunks = (first..first + count)
        .map(|number| chunk(&number.to_be_bytes(), &[(0, 1)]))
        .collect();
    log::append(storage, OWNER, NOW + first, &batch(stream, first, chunks)).expect("a valid batch");
}

/// A registry that runs, beside a ledger that can err.
pub struct World {
    pub runtime: TestRuntime,
    pub host: Registry<TestRuntime>,
    pub ledger: ModelLedger,
    memory: DefaultMemoryImpl,
}

/// The registry's own id in a [`World`].
pub const REGISTRY: Principal = Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 1, 1, 1]);

#[allow(clippy::unused_self, reason = "the state is the thread's, but it is this world's")]
impl World {
    /// A fresh registry governed by [`GOVERNANCE`], with [`LEDGER`] listed and a protocol fee of 2.5 %.
    pub fn new() -> Self {
        let memory = DefaultMemoryImpl::default();
        storage::open(memory.clone());
        let runtime = TestRuntime::new(REGISTRY);
        runtime.set_caller(GOVERNANCE);
        let ledger = ModelLedger::install(&runtime, LEDGER, FEE, true);
        let host = Registry(runtime.clone());
        let args = RegistryArgs {
            assets: Some(vec![listing()]),
            storage_prices: Some(vec![storage_price(0, 0)]),
            ..RegistryArgs::default()
        };
        lifecycle::init(&host, Some(args)).expect("valid arguments");
        runtime.run_until_stalled();
        Self {
            runtime,
            host,
            ledger,
            memory,
        }
    }

    /// A stream whose records are credited 1 : 2 : 1 to `a`, `b` and `c`, and a perpetual plan at `price`.
    pub fn with_plan(price: u128) -> (Self, StreamId, PlanId) {
        let world = Self::new();
        let (stream, plan) = storage::with_mut(|storage| {
            let id = stream(storage, "quakes");
            let chunks = vec![chunk(b"one", &[(0, 1), (1, 1)]), chunk(b"two", &[(1, 1), (2, 1)])];
            log::append(storage, OWNER, NOW, &batch(id, 0, chunks)).expect("a valid batch");
            (id, plan(storage, id, PlanKind::Perpetual, price))
        });
        (world, stream, plan)
    }

    /// Gives the buyer money, and the registry the right to take it.
    pub fn fund(&self, amount: u128) {
        self.ledger.mint(BUYER.into(), amount);
        self.ledger.approve(BUYER.into(), REGISTRY, amount);
    }

    /// What the buyer would send now.
    pub fn buy_args(&self, plan: PlanId, request: u8) -> BuyArgs {
        self.buy_args_in(plan, LEDGER, request)
    }

    /// What the buyer would send now to pay in an asset.
    pub fn buy_args_in(&self, plan: PlanId, ledger: Principal, request: u8) -> BuyArgs {
        let ledger = Some(ledger);
        let quote = storage::with(|storage| plans::quote(storage, QuoteArgs { plan, ledger }));
        let quote = quote.expect("a quote");
        BuyArgs {
            plan,
            ledger,
            from_subaccount: None,
            max_price: quote.price,
            terms_hash: quote.terms_hash,
            recipient: None,
            request_id: ByteBuf::from([request; 16]),
        }
    }

    /// Buys, and lets everything happen that can without time passing. `None` if the call trapped or waits still.
    pub fn buy(&self, args: BuyArgs) -> Option<Result<Licence, BuyError>> {
        self.runtime.set_caller(BUYER);
        let host = self.host.clone();
        self.runtime.run(async move { purchase::buy(&host, args).await })
    }

    /// Claims as somebody.
    pub fn claim(&self, caller: Principal, stream: StreamId, payee: Payee) -> Option<Result<Claimed, ClaimError>> {
        self.runtime.set_caller(caller);
        let host = self.host.clone();
        let args = ClaimArgs {
            stream,
            ledger: LEDGER,
            payee,
        };
        self.runtime.run(async move { payout::claim(&host, args).await })
    }

    /// Replaces the code: heap and timers go, stable memory stays.
    pub fn upgrade(&self) {
        self.runtime.upgrade();
        storage::open(self.memory.clone());
        lifecycle::post_upgrade(&self.host, None).expect("no argument");
        self.runtime.run_until_stalled();
    }

    /// Decides what becomes of the next transfer that is asked of a ledger.
    pub fn next_payment(&self, fate: Fate) {
        self.runtime
            .next_call_to(&["icrc1_transfer", "icrc2_transfer_from"], fate);
    }

    /// Forgets the fates that no call has met yet, so that from now on calls end well.
    pub fn forget_fates(&self) {
        self.runtime.forget_fates();
    }

    /// Lists a second asset, with a ledger of its own in which the buyer has as much.
    pub fn list_other(&self, amount: u128) -> ModelLedger {
        let ledger = ModelLedger::install(&self.runtime, OTHER_LEDGER, FEE, true);
        let listing = AssetListing {
            ledger: OTHER_LEDGER,
            symbol: "ICP".to_owned(),
            ..listing()
        };
        storage::with_mut(|storage| assets::enter(storage, &listing)).expect("a valid listing");
        ledger.mint(BUYER.into(), amount);
        ledger.approve(BUYER.into(), REGISTRY, amount);
        ledger
    }

    /// What is said of the books of an asset.
    pub fn audit(&self, ledger: Principal) -> Audit {
        storage::with(|storage| revenue_book::audit(storage, ledger)).expect("a listed asset")
    }

    /// Lets time pass, timers included.
    pub fn wait(&self, seconds: u64) {
        self.runtime.run_for(Duration::from_secs(seconds));
    }

    /// Licences granted so far.
    pub fn licences(&self) -> u64 {
        storage::with(|storage| storage.counters().licences)
    }

    /// The books balance, the ledger holds what they say, and both stay so over an upgrade.
    pub fn check(&self) {
        for upgraded in [false, true] {
            if upgraded {
                self.upgrade();
            }
            let audit = storage::with(|storage| revenue_book::audit(storage, LEDGER)).expect("a listed asset");
            assert!(audit.conserved, "{audit:?}");
            assert_eq!(
                audit.must_hold,
                Nat::from(self.ledger.balance(REGISTRY.into())),
                "upgraded: {upgraded}"
            );
            assert!(self.ledger.is_conserved());
            storage::with(revenue_book::check_exactly);
        }
    }
}
