//! The main job: publish, buy, follow, verify, share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use ddsx_client::identity::{IdentityFolder, KeyKind};
use ddsx_client::{FollowOptions, Ledger, Network, Puller, Purchase, Registry, RootKey};
use ddsx_types::Account;
use ddsx_types::stream_registry::{LicenceId, PlanId, QuoteArgs, StreamId};

use crate::feed::{self, Event, Networks};
use crate::place::{Faucet, LEDGER_FEE, Offices, PROTOCOL_FEE_BPS, Place, Release, beside, workspace};
use crate::publish::{self, account_of};
use crate::settlement::{PROTOCOL, PROVIDER, Settlement, dst};
use crate::shares::{self, Shares};

/// The price of a month, in DST's smallest unit: one that no share divides evenly.
pub const PRICE: u64 = 9_995_000_000;
/// The contributors' part of what is left after the protocol fee.
pub const CONTRIBUTORS_SHARE_BPS: u16 = 7_000;
/// Events published before anyone buys; the rest arrives live.
pub const PUBLISHED_FIRST: usize = 1_600;
/// What the buyer has at the start: 1,000 DST.
const BUYER_FUNDS: u64 = 100_000_000_000;
/// What the owner of the federated task has at the start: 150 DST.
pub const OWNER_FUNDS: u64 = 15_000_000_000;
/// What the page's faucet has to give: 10,000 DST.
const FAUCET_FUNDS: u64 = 1_000_000_000_000;

/// What the demonstration has set up, for whoever looks around or attacks it.
pub struct Scene {
    /// The network and its canisters.
    pub place: Place,
    /// Folder of the demonstration's files.
    pub folder: PathBuf,
    /// File of the `ddsx` command's settings.
    pub config: PathBuf,
    /// Keys of the provider and the buyer.
    pub identities: IdentityFolder,
    /// The feed.
    pub events: Vec<Event>,
    /// The stream.
    pub stream: StreamId,
    /// The plan sold.
    pub plan: PlanId,
    /// The buyer's licence.
    pub licence: LicenceId,
}

/// Prints a step's heading.
pub fn step(number: u32, text: &str) {
    println!("\n\x1b[1m{number}. {text}\x1b[0m");
}

impl Scene {
    /// The network as one of the cast.
    pub async fn network_as(&self, name: &str) -> Result<Network> {
        connect(&self.place, &self.identities, name).await
    }

    /// The registry as one of the cast.
    pub async fn registry_as(&self, name: &str) -> Result<Registry> {
        Ok(self.network_as(name).await?.registry(self.place.registry))
    }
}

async fn connect(place: &Place, identities: &IdentityFolder, name: &str) -> Result<Network> {
    let identity = identities.load(name)?;
    Ok(Network::connect(&place.url, RootKey::Given(place.root_key.clone()), identity).await?)
}

/// Plays the whole job and checks every step; fails at the first thing that is not so.
///
/// With a `release` that landed earlier, its canisters begin, and are upgraded once a licence is sold: what they hold then goes on, and
/// every figure is the same.
pub async fn play(live_for: Duration, release: Option<Release>) -> Result<Scene> {
    let folder = workspace().join("target/local");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    let events = feed::read(&workspace().join("data/usgs-earthquakes-2018-w05.jsonl.gz"))?;
    let networks = Networks::of(&events);

    step(1, "A local network, with the canisters deployed");
    let identities = IdentityFolder::new(folder.join("identities"));
    for name in ["operator", "provider", "buyer", "owner"] {
        identities.create(name, KeyKind::Ed25519)?;
    }
    let mut place = Place::start().await?;
    let operator = connect(&place, &identities, "operator").await?.principal();
    let provider = connect(&place, &identities, "provider").await?;
    let buyer = connect(&place, &identities, "buyer").await?;
    let treasury = Account {
        owner: operator,
        subaccount: Some([9; 32]),
    };
    let faucet = Faucet::new();
    let owner = connect(&place, &identities, "owner").await?;
    let balances = vec![
        (buyer.principal().into(), BUYER_FUNDS),
        (owner.principal().into(), OWNER_FUNDS),
        (Faucet::account()?, FAUCET_FUNDS),
    ];
    let offices = Offices {
        operator,
        treasury,
        balances,
    };
    place.deploy(&offices, &faucet, release).await?;
    let config = place.write_config(&folder, &faucet)?;
    let (ledger, registry) = (buyer.ledger(place.ledger), provider.registry(place.registry));
    println!("   network    {}", place.url);
    println!("   root key   {}…", &hex::encode(&place.root_key)[..40]);
    println!("   ledger     {}", place.ledger);
    println!("   registry   {}", place.registry);
    println!("   aggregator {}", place.aggregator);
    match place.page() {
        Some(page) => println!("   page       {page}"),
        None => println!("   page       not built: scripts/build needs Node.js with npm for it"),
    }

    step(
        2,
        "A provider publishes the first 1,600 earthquakes, each credited to its seismic network",
    );
    let provider_account = Account::from(provider.principal());
    let (stream, plan) = publish::create(
        &registry,
        &networks,
        provider_account,
        CONTRIBUTORS_SHARE_BPS,
        place.ledger,
        PRICE,
    )
    .await?;
    let (first, rest) = events.split_at(PUBLISHED_FIRST);
    let size = publish::append(&registry, stream, &networks, 0, first, publish::EVENTS_PER_CHUNK).await?;
    println!(
        "   stream {stream}: {} records of {} networks in {size} chunks",
        first.len(),
        feed::count_by_network(first).len()
    );
    println!("   plan {plan}: one month for {} DST", dst(PRICE.into()));

    step(3, "A buyer approves the price and buys a licence");
    let as_buyer = buyer.registry(place.registry);
    let licence = buy(&ledger, &as_buyer, plan).await?;
    println!("   licence {licence}, certified and verified to the root key");
    if release.is_some() {
        place.upgrade(operator).await?;
        as_buyer.verified_licence(licence).await?;
        println!("   ledger, registry and aggregator upgraded to this release; the licence is certified as before");
    }

    step(
        4,
        "The rest arrives live while the buyer follows, and every record is verified to the root key",
    );
    let publishing = {
        let (registry, networks, rest) = (registry.clone(), networks.clone(), rest.to_vec());
        tokio::spawn(async move { publish::live(&registry, stream, &networks, size, &rest, live_for).await })
    };
    follow(&as_buyer, stream, &events).await?;
    publishing.await??;

    step(5, "Each network's share of the fee is in its account");
    let records = feed::count_by_network(first);
    let shares = shares::split(PRICE, PROTOCOL_FEE_BPS, CONTRIBUTORS_SHARE_BPS, &records);
    ensure!(
        shares.total() == u128::from(PRICE),
        "the expected shares do not sum to the price"
    );
    let settlement = settle(&ledger, &shares, &records, provider_account, treasury).await?;
    print!("{}", settlement.table());
    settlement.check()?;
    check_books(&as_buyer, &ledger, &settlement).await?;
    println!("   expected shares come from the raw file; they arrived to the last unit");

    Ok(Scene {
        place,
        folder,
        config,
        identities,
        events,
        stream,
        plan,
        licence,
    })
}

async fn buy(ledger: &Ledger, registry: &Registry, plan: PlanId) -> Result<LicenceId> {
    let quote = registry
        .quote(QuoteArgs {
            plan,
            ledger: Some(ledger.id()),
        })
        .await?;
    println!(
        "   price {} DST + ledger fees {} DST (transfer) and {} DST (approval)",
        dst(PRICE.into()),
        dst(LEDGER_FEE.into()),
        dst(LEDGER_FEE.into())
    );
    let buyer = Account::from(registry.network().principal());
    ledger
        .ensure_allowance(buyer, registry.id().into(), &quote.allowance)
        .await?;
    let purchase = Purchase::new(registry, &quote, None, None);
    let licence = purchase.complete(registry, Duration::from_secs(30)).await?;
    // The same request again must be the same licence, and must not be charged.
    let again = purchase.complete(registry, Duration::from_secs(30)).await?;
    ensure!(again == licence, "a repeated purchase gave another licence: {again:?}");
    let left = balance(ledger, buyer).await?;
    let expected = u128::from(BUYER_FUNDS - PRICE - 2 * LEDGER_FEE);
    ensure!(
        left == expected,
        "the buyer should have {expected} left, and has {left}"
    );
    registry.verified_licence(licence.id).await?;
    Ok(licence.id)
}

/// Follows the stream from its beginning until all events came, and compares each with the raw file.
async fn follow(registry: &Registry, stream: StreamId, events: &[Event]) -> Result<()> {
    let options = FollowOptions {
        interval: Duration::from_millis(200),
        ..FollowOptions::default()
    };
    let mut follower = Puller::new(registry.clone(), stream).follow(options);
    let began = Instant::now();
    let mut received = 0;
    let mut pulls = 0;
    while received < events.len() {
        let batch = tokio::time::timeout(Duration::from_mins(1), follower.next())
            .await
            .context("the live stream stands still")??;
        pulls += 1;
        for chunk in &batch.chunks {
            for line in std::str::from_utf8(&chunk.payload)?.lines() {
                let Some(event) = events.get(received) else {
                    bail!("more records than the feed has")
                };
                ensure!(event.line == line, "record {received} is not the feed's");
                received += 1;
            }
        }
        println!(
            "   {:>5.1} s  {received:>5} records verified; head: {} chunks, root {}…",
            began.elapsed().as_secs_f64(),
            batch.head.tree_size,
            &batch.head.root.to_string()[..16]
        );
    }
    println!("   {received} records in {pulls} pulls, each equal to the published line");
    Ok(())
}

async fn balance(ledger: &Ledger, account: Account) -> Result<u128> {
    Ok(u128::try_from(ledger.balance_of(account).await?.0)?)
}

/// Waits until the registry's timer has paid everyone.
async fn settle(
    ledger: &Ledger,
    shares: &Shares,
    records: &BTreeMap<String, u64>,
    provider: Account,
    treasury: Account,
) -> Result<Settlement> {
    let mut payees: BTreeMap<String, Account> = shares
        .contributors
        .keys()
        .map(|name| (name.clone(), account_of(name)))
        .collect();
    payees.insert(PROVIDER.to_owned(), provider);
    payees.insert(PROTOCOL.to_owned(), treasury);
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let mut arrived = BTreeMap::new();
        for (name, account) in &payees {
            arrived.insert(name.clone(), balance(ledger, *account).await?);
        }
        let complete = arrived.values().all(|amount| *amount > 0);
        if complete || Instant::now() > deadline {
            return Ok(Settlement::new(
                PRICE.into(),
                LEDGER_FEE.into(),
                shares,
                records,
                &arrived,
            ));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// The registry's own books must say the same, and its account at the ledger must hold what is carried and no more.
async fn check_books(registry: &Registry, ledger: &Ledger, settlement: &Settlement) -> Result<()> {
    let audit = registry
        .audit(ledger.id())
        .await?
        .context("the registry keeps no books of DST")?;
    ensure!(audit.conserved, "the registry's books do not balance: {audit:?}");
    ensure!(
        audit.received == settlement.price && audit.ledger_fees == settlement.ledger_fees(),
        "{audit:?}"
    );
    let held = balance(ledger, registry.id().into()).await?;
    ensure!(
        audit.must_hold == held,
        "the registry must hold {}, and holds {held}",
        audit.must_hold
    );
    ensure!(
        held == settlement.carried,
        "the registry holds {held}, carried is {}",
        settlement.carried
    );
    Ok(())
}

/// Says how to look around.
pub fn tour(scene: &Scene) -> String {
    let shown = |path: &Path| {
        let here = std::env::current_dir().unwrap_or_default();
        path.strip_prefix(&here).unwrap_or(path).display().to_string()
    };
    let command = shown(&beside("ddsx"));
    let folder = shown(&scene.folder);
    let (stream, plan, licence) = (scene.stream, scene.plan, scene.licence);
    format!(
        "The network stays up at {url}; Ctrl-C ends it. In another terminal, from this folder:

{page}  export DDSX_CONFIG={config}
  {command} stream list
  {command} stream show {stream}
  {command} --identity {folder}/identities/buyer.pem token balance
  {command} --identity {folder}/identities/buyer.pem licence list
  {command} licence show {licence}
  {command} --identity {folder}/identities/buyer.pem stream pull {stream} --out -
  {command} --identity {folder}/identities/buyer.pem stream pull {stream} --follow --cursor {folder}/quakes.cursor --out {folder}/quakes
  {command} revenue show {stream}
  {command} --identity {folder}/identities/buyer.pem licence buy {plan}
  {command} task show 0
  {command} task report 0 1
  {command} predict 0 --input {folder}/federated/test.csv --verified
  {command} --identity {folder}/identities/owner.pem task create {folder}/federated/again.toml
  {command} train 1 --data {folder}/federated/all.csv --clients 3 --dirichlet 0.5 --interval 200ms

Plain Candid, with dfx (its identity is anonymous to the registry, which may read what is public):

  dfx canister --network {url} call --query --candid candid/stream_registry.did {registry} stream_head '({stream} : nat64)'
  dfx canister --network {url} call --query --candid candid/dst_ledger.did {ledger} icrc1_total_supply '()'
",
        url = scene.place.url,
        page = scene
            .place
            .page()
            .map_or_else(String::new, |page| format!("  {page}   (in a browser; it has a faucet for test tokens)\n\n")),
        config = shown(&scene.config),
        registry = scene.place.registry,
        ledger = scene.place.ledger,
    )
}
