//! A network and what every test does with it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use candid::utils::ArgumentEncoder;
use candid::{CandidType, Principal};
use pocket_ic::common::rest::{RawEffectivePrincipal, RawMessageId};
use pocket_ic::{PocketIc, PocketIcBuilder, RejectResponse};
use serde::de::DeserializeOwned;

/// What each canister starts with.
const CYCLES: u128 = 100_000_000_000_000;

/// A principal as a key holder has it: 29 bytes, self-authenticating. The same number is always the same user.
pub fn user(number: u64) -> Principal {
    Principal::self_authenticating(number.to_be_bytes())
}

/// A duration in nanoseconds.
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).expect("less than 584 years")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace's root")
        .to_path_buf()
}

/// A binary of the same build: it lies above the folder of the test that asks.
pub fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    test.ancestors().nth(2).unwrap_or(&test).join(name)
}

/// One network with an NNS and an application subnet. Time moves only when a test moves it.
pub struct World {
    /// The client, for what the short forms here do not cover.
    pub pic: PocketIc,
    /// Controls every canister installed here.
    pub controller: Principal,
    /// Ends with the world, if it has a server of its own.
    _server: Option<Server>,
}

/// A server that is no other test's.
struct Server(std::process::Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// A fresh network.
    ///
    /// # Panics
    /// If there is no server to start: the message says how to build one.
    pub fn new() -> Self {
        let mut builder = PocketIcBuilder::new().with_nns_subnet().with_application_subnet();
        if std::env::var_os("POCKET_IC_BIN").is_none() {
            let own = built("local-network");
            assert!(
                own.is_file(),
                "no local network: cargo build --workspace --all-targets, or set POCKET_IC_BIN"
            );
            builder = builder.with_server_binary(own);
        }
        Self {
            pic: builder.build(),
            controller: user(u64::MAX),
            _server: None,
        }
    }

    /// A fresh network on a server of its own whose queries are answered from the state of so many rounds before, as by nodes that lag.
    /// The server ends with the world.
    ///
    /// # Panics
    /// If there is no server to start.
    pub fn lagging(rounds: u32) -> Self {
        let binary = std::env::var_os("POCKET_IC_BIN").map_or_else(|| built("local-network"), PathBuf::from);
        let folder = std::env::temp_dir().join(format!("ddsx-lagging-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for the port file");
        let port_file = folder.join("port");
        // One that an earlier process of this number left.
        let _ = std::fs::remove_file(&port_file);
        let server = std::process::Command::new(binary)
            .arg("--port-file")
            .arg(&port_file)
            .env("DDSX_STALE_QUERIES", rounds.to_string())
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("the local network starts");
        let port = (0..1_000).find_map(|_| {
            std::thread::sleep(Duration::from_millis(20));
            let text = std::fs::read_to_string(&port_file).ok()?;
            text.strip_suffix('\n').map(str::to_owned)
        });
        let port = port.expect("the local network says where it listens");
        let url = format!("http://127.0.0.1:{port}/").parse().expect("a URL");
        let builder = PocketIcBuilder::new().with_nns_subnet().with_application_subnet();
        Self {
            pic: builder.with_server_url(url).build(),
            controller: user(u64::MAX),
            _server: Some(Server(server)),
        }
    }

    /// The canister's module as `scripts/build` made it.
    ///
    /// # Panics
    /// If it has not been built.
    pub fn module(canister: &str) -> Vec<u8> {
        let path = root().join(format!("target/canisters/{canister}.wasm.gz"));
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; run scripts/build", path.display()))
    }

    /// An empty canister with cycles, on the application subnet.
    pub fn create(&self) -> Principal {
        let id = self.pic.create_canister_with_settings(Some(self.controller), None);
        self.pic.add_cycles(id, CYCLES);
        id
    }

    /// Installs a canister of the workspace with this argument; returns its id.
    pub fn install<A: ArgumentEncoder>(&self, canister: &str, args: A) -> Principal {
        let id = self.create();
        self.install_at(id, canister, args);
        id
    }

    /// As [`World::install`], into a canister that [`World::create`] made: for those that must know each other's ids. What the
    /// canister does at once by timers (the ledger fetches the key of its indexes) is done when this returns.
    pub fn install_at<A: ArgumentEncoder>(&self, id: Principal, canister: &str, args: A) {
        self.install_module_at(id, Self::module(canister), args);
    }

    /// As [`World::install_at`], from a module's bytes.
    pub fn install_module_at<A: ArgumentEncoder>(&self, id: Principal, module: Vec<u8>, args: A) {
        let args = candid::encode_args(args).unwrap();
        self.pic.install_canister(id, module, args, Some(self.controller));
        self.settle();
    }

    /// Upgrades a canister to the module that it has already, so that its state passes through an upgrade.
    pub fn upgrade<A: ArgumentEncoder>(&self, id: Principal, canister: &str, args: A) -> Result<(), RejectResponse> {
        self.upgrade_to(id, Self::module(canister), candid::encode_args(args).unwrap())
    }

    /// Upgrades a canister as every deployment does: stopped, so that no reply is on its way to code that is not there any more (ic-cdk
    /// finds what waits for a reply by an address in the heap), and started again, upgraded or not.
    pub fn upgrade_to(&self, id: Principal, module: Vec<u8>, args: Vec<u8>) -> Result<(), RejectResponse> {
        self.pic.stop_canister(id, Some(self.controller))?;
        let upgraded = self.pic.upgrade_canister(id, module, args, Some(self.controller));
        self.pic.start_canister(id, Some(self.controller))?;
        upgraded
    }

    /// Begins to stop a canister, which takes as long as it waits for others; `await_call` says
    /// when it has.
    pub fn begin_stop(&self, id: Principal) -> RawMessageId {
        #[derive(CandidType)]
        struct Stop {
            canister_id: Principal,
        }
        let aaaaa = Principal::management_canister();
        let effective = RawEffectivePrincipal::CanisterId(id.as_slice().to_vec());
        let argument = candid::encode_one(Stop { canister_id: id }).expect("a principal can be encoded");
        self.pic
            .submit_call_with_effective_principal(aaaaa, effective, self.controller, "stop_canister", argument)
            .expect("the controller may stop it")
    }

    /// An update call; its one reply value or why it was rejected.
    pub fn try_call<A: ArgumentEncoder, R: CandidType + DeserializeOwned>(
        &self,
        sender: Principal,
        canister: Principal,
        method: &str,
        args: A,
    ) -> Result<R, RejectResponse> {
        let reply = self
            .pic
            .update_call(canister, sender, method, candid::encode_args(args).unwrap())?;
        Ok(candid::decode_one(&reply).unwrap_or_else(|error| panic!("reply of {method}: {error}")))
    }

    /// An update call that is not rejected.
    pub fn call<A: ArgumentEncoder, R: CandidType + DeserializeOwned>(
        &self,
        sender: Principal,
        canister: Principal,
        method: &str,
        args: A,
    ) -> R {
        self.try_call(sender, canister, method, args)
            .unwrap_or_else(|reject| panic!("{method}: {reject}"))
    }

    /// A query; its one reply value or why it was rejected.
    pub fn try_query<A: ArgumentEncoder, R: CandidType + DeserializeOwned>(
        &self,
        sender: Principal,
        canister: Principal,
        method: &str,
        args: A,
    ) -> Result<R, RejectResponse> {
        let reply = self
            .pic
            .query_call(canister, sender, method, candid::encode_args(args).unwrap())?;
        Ok(candid::decode_one(&reply).unwrap_or_else(|error| panic!("reply of {method}: {error}")))
    }

    /// A query that is not rejected, by the anonymous principal: whatever is public, all may read.
    pub fn query<A: ArgumentEncoder, R: CandidType + DeserializeOwned>(
        &self,
        canister: Principal,
        method: &str,
        args: A,
    ) -> R {
        self.try_query(Principal::anonymous(), canister, method, args)
            .unwrap_or_else(|reject| panic!("{method}: {reject}"))
    }

    /// The network's time, nanoseconds since the epoch.
    pub fn now(&self) -> u64 {
        self.pic.get_time().as_nanos_since_unix_epoch()
    }

    /// Moves time and lets the timers that are due run, with what they start.
    pub fn advance(&self, by: Duration) {
        self.pic.advance_time(by);
        self.settle();
    }

    /// Lets messages under way and timers that are due run, without moving time by more than the rounds take.
    pub fn settle(&self) {
        for _ in 0..10 {
            self.pic.tick();
        }
    }

    /// `GET path` of a canister's `http_request`, as text, with the status.
    pub fn http_get(&self, canister: Principal, path: &str) -> (u16, String) {
        let request = HttpRequest {
            method: "GET".into(),
            url: path.into(),
            headers: vec![],
            body: vec![],
        };
        let response: HttpResponse = self.query(canister, "http_request", (request,));
        (
            response.status_code,
            String::from_utf8(response.body.into_vec()).expect("a text page"),
        )
    }
}

#[derive(CandidType)]
struct HttpRequest {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

#[derive(CandidType, serde::Deserialize)]
struct HttpResponse {
    status_code: u16,
    body: serde_bytes::ByteBuf,
}
