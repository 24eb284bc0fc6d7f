//! Where the demo plays: a local network of its own with the canisters deployed.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use anyhow::{Context as _, Result};
use candid::{CandidType, Nat, Principal};
use ddsx_types::dst_ledger::{InitArgs, LedgerArgs};
use ddsx_types::federated_aggregator::{AggregatorArgs, ComputeFee, StorageFee};
use ddsx_types::stream_registry::{RegistryArgs, StoragePrice};
use ddsx_types::web::WebArgs;
use ddsx_types::{Account, AssetListing};
use ic_agent::Identity as _;
use ic_agent::identity::BasicIdentity;
use ic_management_canister_types::EnvironmentVariable;
use pocket_ic::nonblocking::PocketIc;
use pocket_ic::{CanisterSettings, PocketIcBuilder, StartServerParams, start_server};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// The token's fee, in its smallest unit: 0.0001 DST.
pub const LEDGER_FEE: u64 = 10_000;
/// The token's decimal places.
pub const DECIMALS: u8 = 8;
/// The protocol's part of each price, in basis points.
pub const PROTOCOL_FEE_BPS: u16 = 250;
/// Cycles given to each canister: plenty for a demonstration.
const CYCLES: u128 = 100_000_000_000_000;

/// A running network with the canisters.
pub struct Place {
    server: Child,
    network: PocketIc,
    /// The network's HTTPS interface.
    pub url: String,
    /// Its root key, in DER.
    pub root_key: Vec<u8>,
    /// The DST ledger.
    pub ledger: Principal,
    /// The stream registry.
    pub registry: Principal,
    /// The federated aggregator.
    pub aggregator: Principal,
    /// The page, if it has been built.
    pub web: Option<Principal>,
}

/// Who holds which office, and who begins with what.
pub struct Offices {
    /// Controls the canisters and governs registry and aggregator, as the SNS will.
    pub operator: Principal,
    /// Where the protocol fee goes.
    pub treasury: Account,
    /// Who has DST from the start, in the smallest unit.
    pub balances: Vec<(Account, u64)>,
}

/// What the `ddsx` command reads to find this network.
#[derive(Serialize)]
struct Config<'a> {
    network: &'a str,
    root_key: String,
    ledger: String,
    registry: String,
    aggregator: String,
}

/// The key that gives test tokens to whoever uses the page: public on purpose, and for networks on this machine only.
#[derive(Serialize)]
pub struct Faucet {
    /// An Ed25519 seed in hexadecimal digits.
    seed: String,
}

impl Faucet {
    /// The faucet of every demonstration.
    pub fn new() -> Self {
        Self {
            seed: hex::encode(Self::seed()),
        }
    }

    fn seed() -> [u8; 32] {
        Sha256::digest("DDSX demonstration: faucet").into()
    }

    /// Whose account it gives from.
    pub fn account() -> Result<Account> {
        let owner = BasicIdentity::from_raw_key(&Self::seed()).sender();
        Ok(owner.map_err(|error| anyhow::anyhow!(error))?.into())
    }
}

fn variable(name: &str, value: String) -> EnvironmentVariable {
    EnvironmentVariable {
        name: name.to_owned(),
        value,
    }
}

/// Where `scripts/build` leaves a canister's module.
fn module(name: &str) -> PathBuf {
    workspace().join(format!("target/canisters/{name}.wasm.gz"))
}

/// A release that landed earlier: its number in `tests/fixtures`, where its modules lie as they were built then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release(pub u32);

impl Release {
    fn module(self, name: &str) -> PathBuf {
        workspace().join(format!("tests/fixtures/{name}-{}.wasm.gz", self.0))
    }
}

/// What storage costs in the demonstration: nothing, so that its figures are those of its sales. What it costs by default is in
/// `docs/registry.md`.
fn storage_price(ledger: Principal) -> StoragePrice {
    StoragePrice {
        ledger,
        deposit: Nat::from(0_u8),
        gib_month: Nat::from(0_u8),
        accepted: true,
    }
}

fn read_module(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{}: run scripts/build first", path.display()))
}

/// The workspace's root.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap_or_else(|_| PathBuf::from("."))
}

/// A binary of the same build: it lies beside this one.
pub fn beside(name: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap_or_default();
    this.with_file_name(name)
}

impl Place {
    /// Starts a network (`POCKET_IC_BIN`, or the workspace's own) whose application subnet is certified through a root subnet, as on mainnet.
    pub async fn start() -> Result<Self> {
        let binary = std::env::var_os("POCKET_IC_BIN").map_or_else(|| beside("local-network"), PathBuf::from);
        // No hard time limit: the network stays up for whoever looks around.
        let (server, server_url) = start_server(StartServerParams {
            server_binary: Some(binary),
            ttl: Some(Duration::from_hours(1)),
            ..Default::default()
        })
        .await;
        let mut network = PocketIcBuilder::new()
            .with_server_url(server_url)
            .with_nns_subnet()
            .with_application_subnet()
            .build_async()
            .await;
        let root_key = network.root_key().await.context("the network has no root subnet")?;
        let url = network
            .make_live(None)
            .await
            .to_string()
            .trim_end_matches('/')
            .to_owned();
        let place = Self {
            server,
            network,
            url,
            root_key,
            ledger: Principal::anonymous(),
            registry: Principal::anonymous(),
            aggregator: Principal::anonymous(),
            web: None,
        };
        Ok(place)
    }

    /// Creates and installs the canisters: the ledger first, since the registry lists it; the page last, since it is told where
    /// the others are. All but the page are those of `release`, if one is given.
    pub async fn deploy(&mut self, offices: &Offices, faucet: &Faucet, release: Option<Release>) -> Result<()> {
        let module_of = |name: &str| release.map_or_else(|| module(name), |release| release.module(name));
        let ledger_args = LedgerArgs::Init(InitArgs {
            name: "Data Stream Token".into(),
            symbol: "DST".into(),
            decimals: Some(DECIMALS),
            fee: Nat::from(LEDGER_FEE),
            minting_account: Account {
                owner: offices.operator,
                subaccount: Some([1; 32]),
            },
            initial_balances: offices
                .balances
                .iter()
                .map(|(account, amount)| (*account, Nat::from(*amount)))
                .collect(),
            max_supply: Nat::from(100_000_000_000_000_000_u64),
            max_memo_length: None,
            logo: None,
            governance: None,
        });
        self.ledger = self
            .install(
                &module_of("dst_ledger"),
                offices.operator,
                candid::encode_one(Some(ledger_args))?,
                vec![],
            )
            .await?;
        self.wait_for_balances(offices).await?;

        let listing = AssetListing {
            ledger: self.ledger,
            symbol: "DST".into(),
            decimals: DECIMALS,
            fee: Nat::from(LEDGER_FEE),
            transaction_window_ns: None,
            dedup_first: true,
            payout_threshold: Nat::from(2 * LEDGER_FEE),
        };
        let registry_args = RegistryArgs {
            governance: Some(offices.operator),
            treasury: Some(offices.treasury),
            protocol_fee_bps: Some(PROTOCOL_FEE_BPS),
            assets: Some(vec![listing.clone()]),
            payout_interval_s: Some(1),
            storage_prices: Some(vec![storage_price(self.ledger)]),
        };
        self.registry = self
            .install(
                &module_of("stream_registry"),
                offices.operator,
                candid::encode_one(Some(registry_args))?,
                vec![],
            )
            .await?;
        let aggregator_args = AggregatorArgs {
            governance: Some(offices.operator),
            treasury: Some(offices.treasury),
            assets: Some(vec![listing]),
            registries: Some(vec![self.registry]),
            // The table of the demonstration sums to what the task's owner paid in: its budget.
            storage_fee: Some(StorageFee::default()),
            ..AggregatorArgs::default()
        };
        self.aggregator = self
            .install(
                &module_of("federated_aggregator"),
                offices.operator,
                candid::encode_one(Some(aggregator_args))?,
                vec![],
            )
            .await?;
        if module("web").is_file() {
            let variables = vec![
                variable("PUBLIC_CANISTER_ID:dst_ledger", self.ledger.to_text()),
                variable("PUBLIC_CANISTER_ID:stream_registry", self.registry.to_text()),
                variable("PUBLIC_CANISTER_ID:federated_aggregator", self.aggregator.to_text()),
                variable("PUBLIC_FAUCET_SEED", faucet.seed.clone()),
            ];
            let arguments = candid::encode_one(None::<WebArgs>)?;
            self.web = Some(
                self.install(&module("web"), offices.operator, arguments, variables)
                    .await?,
            );
        }
        Ok(())
    }

    /// Upgrades the canisters of an earlier release to the workspace's, with what they hold; and has governance set the prices that they
    /// did not know.
    pub async fn upgrade(&self, operator: Principal) -> Result<()> {
        for (canister, name, argument) in [
            (self.ledger, "dst_ledger", candid::encode_one(None::<LedgerArgs>)?),
            (
                self.registry,
                "stream_registry",
                candid::encode_one(None::<RegistryArgs>)?,
            ),
            (
                self.aggregator,
                "federated_aggregator",
                candid::encode_one(None::<AggregatorArgs>)?,
            ),
        ] {
            self.network
                .upgrade_canister(canister, read_module(&module(name))?, argument, Some(operator))
                .await
                .map_err(|reject| anyhow::anyhow!("{name} cannot be upgraded: {reject}"))?;
        }
        self.govern(
            operator,
            self.registry,
            "set_storage_price",
            &storage_price(self.ledger),
        )
        .await?;
        self.govern(operator, self.aggregator, "set_storage_fee", &StorageFee::default())
            .await?;
        self.govern(operator, self.aggregator, "set_compute_fee", &ComputeFee::default())
            .await
    }

    /// A governed act: it traps if it is refused.
    async fn govern(
        &self,
        operator: Principal,
        canister: Principal,
        method: &str,
        argument: &impl CandidType,
    ) -> Result<()> {
        self.network
            .update_call(canister, operator, method, candid::encode_one(argument)?)
            .await
            .map_err(|reject| anyhow::anyhow!("{method}: {reject}"))?;
        Ok(())
    }

    /// Where browsers find the page.
    pub fn page(&self) -> Option<String> {
        let (_, port) = self.url.rsplit_once(':')?;
        Some(format!("http://{}.localhost:{port}/", self.web?))
    }

    /// The ledger enters its initial balances when the randomness that keys its indexes has arrived, a few rounds later.
    async fn wait_for_balances(&self, offices: &Offices) -> Result<()> {
        let expected: u64 = offices.balances.iter().map(|(_, amount)| *amount).sum();
        for _ in 0..100 {
            let reply = self
                .network
                .query_call(
                    self.ledger,
                    Principal::anonymous(),
                    "icrc1_total_supply",
                    candid::encode_args(())?,
                )
                .await
                .map_err(|reject| anyhow::anyhow!("icrc1_total_supply: {reject}"))?;
            if candid::decode_one::<Nat>(&reply)? == expected {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!("the ledger has not entered its initial balances after 10 s")
    }

    async fn install(
        &self,
        module: &Path,
        controller: Principal,
        argument: Vec<u8>,
        variables: Vec<EnvironmentVariable>,
    ) -> Result<Principal> {
        let wasm = read_module(module)?;
        let settings = CanisterSettings {
            environment_variables: Some(variables),
            ..CanisterSettings::default()
        };
        let canister = self
            .network
            .create_canister_with_settings(Some(controller), Some(settings))
            .await;
        self.network.add_cycles(canister, CYCLES).await;
        self.network
            .install_canister(canister, wasm, argument, Some(controller))
            .await;
        Ok(canister)
    }

    /// Writes where everything is, for the `ddsx` command and for `npm run dev`; answers the command's file.
    pub fn write_config(&self, folder: &Path, faucet: &Faucet) -> Result<PathBuf> {
        std::fs::write(folder.join("faucet.json"), serde_json::to_vec_pretty(faucet)?)?;
        let config = Config {
            network: &self.url,
            root_key: hex::encode(&self.root_key),
            ledger: self.ledger.to_text(),
            registry: self.registry.to_text(),
            aggregator: self.aggregator.to_text(),
        };
        let path = folder.join("ddsx.json");
        std::fs::write(&path, serde_json::to_vec_pretty(&config)?)?;
        Ok(path)
    }
}

impl Drop for Place {
    /// Ends the network, also when a step failed.
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
