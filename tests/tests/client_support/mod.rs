//! A live network with ledger and registry, for the tests of the SDK and the command: what they see is HTTP on a port, as on
//! mainnet.
#![allow(dead_code, reason = "each test file uses a part of this")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what goes wrong here fails the test that asked for it"
)]

pub mod command;

use std::future::Future;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use candid::Principal;
use ddsx_client::identity::{self, KeyKind};
use ddsx_client::{Network, Registry, RootKey};
use ddsx_tests::World;
use ddsx_tests::ledger::{FEE, init_args};
use ddsx_types::dst_ledger::LedgerArgs;
use ddsx_types::federated_aggregator::AggregatorArgs;
use ddsx_types::stream_registry::{
    AddPlanArgs, CreateStreamArgs, LicenceTerms, NewContributor, PlanKind, Price, RegistryArgs,
};
use ddsx_types::{Account, AssetListing};

/// What each person starts with: 1,000 DST.
pub const BALANCE: u64 = 100_000_000_000;
/// The price of the test plan: 10 DST.
pub const PRICE: u64 = 1_000_000_000;

/// A key and whom it makes.
pub struct Person {
    pub pem: String,
    pub principal: Principal,
}

impl Person {
    pub fn new() -> Self {
        let pem = identity::generate(KeyKind::Ed25519).unwrap();
        let principal = identity::parse(pem.as_bytes()).unwrap().sender().unwrap();
        Self { pem, principal }
    }
}

/// A live network with both canisters. Dropping it ends the network.
pub struct Live {
    pub world: World,
    pub url: String,
    pub ledger: Principal,
    pub registry: Principal,
    pub aggregator: Option<Principal>,
    pub treasury: Principal,
    pub provider: Person,
    pub buyer: Person,
}

impl Live {
    pub fn start() -> Self {
        Self::begin(World::new(), false)
    }

    /// With a federated aggregator besides, and queries that are answered from the state of so many rounds before.
    pub fn start_lagging(rounds: u32) -> Self {
        Self::begin(World::lagging(rounds), true)
    }

    /// With a federated aggregator besides.
    pub fn start_federated() -> Self {
        Self::begin(World::new(), true)
    }

    fn begin(mut world: World, federated: bool) -> Self {
        let (provider, buyer) = (Person::new(), Person::new());
        let balances = [&provider, &buyer].map(|person| (Account::from(person.principal), BALANCE));
        let ledger = world.install("dst_ledger", (Some(LedgerArgs::Init(init_args(&balances))),));
        let treasury = ddsx_tests::user(77);
        let listing = AssetListing {
            ledger,
            symbol: "DST".into(),
            decimals: 8,
            fee: FEE.into(),
            transaction_window_ns: None,
            dedup_first: true,
            payout_threshold: (2 * FEE).into(),
        };
        let args = RegistryArgs {
            governance: Some(world.controller),
            treasury: Some(treasury.into()),
            protocol_fee_bps: Some(250),
            assets: Some(vec![listing.clone()]),
            payout_interval_s: Some(1),
        };
        let registry = world.install("stream_registry", (Some(args),));
        let aggregator = federated.then(|| {
            let args = AggregatorArgs {
                governance: Some(world.controller),
                treasury: Some(treasury.into()),
                assets: Some(vec![listing]),
                ..AggregatorArgs::default()
            };
            world.install("federated_aggregator", (Some(args),))
        });
        let url = world.pic.make_live(None).to_string();
        Self {
            world,
            url: url.trim_end_matches('/').to_string(),
            ledger,
            registry,
            aggregator,
            treasury,
            provider,
            buyer,
        }
    }

    /// The registry as a person sees it, at this URL.
    pub async fn registry_at(&self, url: &str, person: &Person) -> Registry {
        let identity = identity::parse(person.pem.as_bytes()).unwrap();
        let network = Network::connect(url, RootKey::FromLoopback, identity).await.unwrap();
        network.registry(self.registry)
    }

    /// The registry as a person sees it.
    pub async fn registry_as(&self, person: &Person) -> Registry {
        self.registry_at(&self.url, person).await
    }

    /// A stream of two contributors with a perpetual plan, by the provider; stream and plan.
    pub async fn stream(&self, accounts: [Principal; 2]) -> (u64, u64) {
        let registry = self.registry_as(&self.provider).await;
        let labels = ["uw", "ak"].into_iter().zip(accounts);
        let stream = registry
            .create_stream(&CreateStreamArgs {
                name: "quakes".into(),
                description: "Earthquakes as they are located".into(),
                tags: vec!["geo".into()],
                content_type: "application/x-ndjson".into(),
                schema: None,
                licence_terms: LicenceTerms::Spdx("CC0-1.0".into()),
                contact: None,
                provider_account: self.provider.principal.into(),
                contributors_share_bps: 7_000,
                contributors: labels
                    .map(|(label, account)| NewContributor {
                        label: label.into(),
                        account: Some(account.into()),
                    })
                    .collect(),
            })
            .await
            .unwrap();
        let plan = registry
            .add_plan(&AddPlanArgs {
                stream,
                name: "for ever".into(),
                kind: PlanKind::Perpetual,
                prices: vec![Price {
                    ledger: self.ledger,
                    amount: PRICE.into(),
                }],
            })
            .await
            .unwrap();
        (stream, plan)
    }
}

/// Runs a test's asynchronous part.
pub fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

/// A proxy that loses replies: the call reaches the network, its reply does not reach the caller.
pub struct LossyProxy {
    pub url: String,
    lose: Arc<AtomicU32>,
    lost: Arc<AtomicU32>,
}

impl LossyProxy {
    pub fn start(upstream: &str) -> Self {
        let upstream = upstream.trim_start_matches("http://").trim_end_matches('/').to_string();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (lose, lost) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let (to_lose, were_lost) = (lose.clone(), lost.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&upstream) else {
                    continue;
                };
                let (lose, lost) = (to_lose.clone(), were_lost.clone());
                std::thread::spawn(move || pass(client, server, &lose, &lost));
            }
        });
        Self { url, lose, lost }
    }

    /// Loses the replies to the next calls.
    pub fn lose(&self, replies: u32) {
        self.lose.store(replies, Ordering::SeqCst);
    }

    /// How many replies were lost so far.
    pub fn lost(&self) -> u32 {
        self.lost.load(Ordering::SeqCst)
    }
}

/// Passes bytes both ways until one side ends, or a reply is to be lost.
fn pass(client: TcpStream, server: TcpStream, lose: &Arc<AtomicU32>, lost: &Arc<AtomicU32>) {
    let calling = Arc::new(AtomicBool::new(false));
    let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let noted = calling.clone();
    std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(read @ 1..) = from_client.read(&mut buffer) {
            let head = &buffer[..read.min(200)];
            if head.starts_with(b"POST ") {
                let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
                noted.store(line.windows(6).any(|part| part == b"/call "), Ordering::SeqCst);
            }
            if to_server.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let (mut from_server, mut to_client) = (server, client);
    let mut buffer = vec![0; 1 << 16];
    while let Ok(read @ 1..) = from_server.read(&mut buffer) {
        let take_one = |left: u32| left.checked_sub(1);
        if calling.load(Ordering::SeqCst) && lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take_one).is_ok() {
            lost.fetch_add(1, Ordering::SeqCst);
            break;
        }
        if to_client.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to_client.shutdown(Shutdown::Both);
    let _ = from_server.shutdown(Shutdown::Both);
}
