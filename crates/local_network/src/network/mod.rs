//! Subnets, canisters, messages, rounds, cycles and time: what the interface specification calls *Abstract behaviour*.
//!
//! A [`Network`] is one PocketIC instance. It is driven by one caller at a time (`&mut`), never by the wall clock, and
//! gives the same answers to the same calls in the same order.
//!
//! | module | concern |
//! |---|---|
//! | [`build`] | which subnets an instance has |
//! | [`ids`] | canister ids and their ranges |
//! | [`limits`] | instruction limits, payloads, sizes of subnets |
//! | [`subnet`] | a subnet's record; charging, answering, queueing |
//! | [`canister`] | a canister's record |
//! | [`call`], [`queues`] | calls, call contexts, callbacks, messages that wait |
//! | [`ingress`] | messages from users |
//! | `routing` | which subnet handles a call; messages between subnets |
//! | [`round`] | one round of a subnet |
//! | [`execute`], `callbacks` | one message and its consequences |
//! | [`query`] | nonreplicated and composite queries |
//! | [`reject`] | why calls fail |

pub mod build;
pub mod call;
mod callbacks;
pub mod canister;
pub mod execute;
pub mod ids;
pub mod ingress;
pub mod limits;
pub mod query;
pub mod queues;
pub mod reject;
pub mod round;
mod routing;
pub mod stale;
pub mod subnet;
mod types;
mod view;

#[cfg(test)]
mod tests;

pub use types::*;
pub use view::SubnetView;

use std::collections::BTreeMap;

use candid::Principal;
use pocket_ic::RejectResponse;
use pocket_ic::common::rest::{InstanceConfig, SubnetKind, Topology};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest as _, Sha256};

use self::build::Builder;
use self::call::Message;
use self::query::Query;
use self::reject::Reject;
use self::routing::not_here;
use self::subnet::Subnet;
use crate::certification::Certifier;
use crate::execution::{Cycles, Nanos};
use crate::management;

/// Rounds that are run to see a message answered.
const AWAIT_ROUNDS: usize = 100;
/// How long an ingress message is valid at most, the drift of clocks included.
const INGRESS_TTL: Nanos = 360_000_000_000;

/// One instance: a set of subnets that exchange messages.
pub struct Network {
    subnets: BTreeMap<Principal, Subnet>,
    /// Messages between subnets, for the next round.
    under_way: BTreeMap<Principal, Vec<Message>>,
    root: Principal,
    default_effective: Principal,
    builder: Builder,
    time: Nanos,
    last_round: Nanos,
    version: u64,
    nonce: u64,
    rng: ChaCha20Rng,
    certifier: Certifier,
    /// By what queries lag behind, if they do.
    lag: Option<stale::Lag>,
}

impl Network {
    /// A new instance, as `POST /instances` asks for it.
    ///
    /// # Errors
    /// What is wrong with the configuration, or what of it this network does not have.
    pub fn new(config: &InstanceConfig) -> Result<Self, String> {
        let time = build::initial_time(config)?;
        let (specs, builder) = build::subnets(config)?;
        let made: Vec<Subnet> = specs.into_iter().map(|spec| Subnet::new(spec, time)).collect();
        let preferred = |kinds: &[SubnetKind]| made.iter().find(|subnet| kinds.contains(&subnet.spec.kind));
        let root = preferred(&[SubnetKind::NNS])
            .or(made.first())
            .ok_or("There is no subnet.")?;
        let (root_id, root_key) = (root.id, root.public_key.clone());
        let default = preferred(&[SubnetKind::Application])
            .or_else(|| preferred(&[SubnetKind::VerifiedApplication]))
            .or_else(|| preferred(&[SubnetKind::System]))
            .unwrap_or(root);
        let default_effective = default.spec.allocation.0;
        let mut subnets: BTreeMap<Principal, Subnet> = made.into_iter().map(|subnet| (subnet.id, subnet)).collect();
        for subnet in subnets.values_mut() {
            subnet.root_key.clone_from(&root_key);
        }
        let mut network = Self {
            subnets,
            under_way: BTreeMap::new(),
            root: root_id,
            default_effective,
            builder,
            time,
            last_round: 0,
            version: 0,
            nonce: 0,
            rng: ChaCha20Rng::seed_from_u64(42),
            certifier: Certifier::default(),
            lag: None,
        };
        // So that there is a certified state to query.
        network.tick();
        Ok(network)
    }

    /// The subnets, their ranges and kinds. It grows when a canister is created with an id outside every range.
    pub fn topology(&self) -> Topology {
        Topology {
            subnet_configs: self.subnets.iter().map(|(id, subnet)| (*id, subnet.config())).collect(),
            default_effective_canister_id: self.default_effective.into(),
        }
    }

    /// A number that grows with every change of what certificates show, for caching them.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// What makes this instance's certificates.
    pub fn certifier(&self) -> &Certifier {
        &self.certifier
    }

    /// The current time, which the next round will see.
    pub fn time(&self) -> Nanos {
        self.time
    }

    /// Sets the time that the next round will see.
    ///
    /// # Errors
    /// Time does not run backwards.
    pub fn set_time(&mut self, time: Nanos) -> Result<(), String> {
        if time < self.time {
            return Err(format!("SettingTimeIntoPast(({}, {time}))", self.time));
        }
        self.time = time;
        self.version += 1;
        Ok(())
    }

    /// Sets the time that queries and certificates see, too.
    ///
    /// # Errors
    /// Time does not run backwards.
    pub fn set_certified_time(&mut self, time: Nanos) -> Result<(), String> {
        self.set_time(time)?;
        self.last_round = time;
        for subnet in self.subnets.values_mut() {
            subnet.time = time;
        }
        Ok(())
    }

    /// One round on every subnet. Each sees the time of the network, or one nanosecond more than its last round.
    pub fn tick(&mut self) {
        if self.time <= self.last_round {
            self.time = self.last_round + 1;
        }
        self.last_round = self.time;
        let mut inbound = std::mem::take(&mut self.under_way);
        for (id, subnet) in &mut self.subnets {
            subnet.round(self.time, inbound.remove(id).unwrap_or_default());
        }
        self.exchange();
        self.version += 1;
        self.keep_for_queries();
    }

    /// Whether nothing waits for a round; timers and heartbeats do not count.
    pub fn is_idle(&self) -> bool {
        self.under_way.values().all(Vec::is_empty) && self.subnets.values().all(Subnet::is_idle)
    }

    /// Accepts an ingress message as PocketIC's REST interface gives it: the network makes up expiry and nonce.
    ///
    /// # Errors
    /// Why the message was not accepted ([`RejectResponse::certified`] is false).
    pub fn submit_ingress(&mut self, call: IngressCall) -> Result<MessageId, RejectResponse> {
        self.nonce += 1;
        // Only the interface that takes signed calls owes them the hash of their content; this one may call a message what it likes.
        let id = Sha256::digest([&b"PocketIC ingress message "[..], &self.nonce.to_be_bytes()].concat()).into();
        self.submit_ingress_with_id(id, call)?;
        Ok(id)
    }

    /// Accepts an ingress message whose id is known (HTTPS interface; expiry and signatures have been checked). A
    /// message that is known already is accepted and not run twice; it is known until it could not be sent again.
    ///
    /// # Errors
    /// Why the message was not accepted ([`RejectResponse::certified`] is false).
    pub fn submit_ingress_with_id(&mut self, id: MessageId, call: IngressCall) -> Result<(), RejectResponse> {
        let subnet = self.route(&call).map_err(|reject| reject.into_response(false))?;
        let expiry = self.time + INGRESS_TTL;
        // The route leads to a subnet that exists.
        let Some(target) = self.subnets.get_mut(&subnet) else {
            return Ok(());
        };
        target
            .submit(id, call, expiry)
            .map_err(|reject| reject.into_response(false))?;
        self.version += 1;
        Ok(())
    }

    /// What is known of an ingress message.
    pub fn ingress_status(&self, id: &MessageId) -> Option<&IngressRecord> {
        self.subnets.values().find_map(|subnet| subnet.ingress.get(id))
    }

    /// Runs rounds, at most 100, until the message is answered.
    ///
    /// # Errors
    /// The outer error: the message is unknown or was not answered. The inner one: it was rejected.
    pub fn await_ingress(&mut self, id: &MessageId) -> Result<Result<Vec<u8>, RejectResponse>, String> {
        for round in 0..=AWAIT_ROUNDS {
            match self.ingress_status(id).map(|record| &record.status) {
                None | Some(IngressStatus::Done) => return Err("The message is unknown.".to_owned()),
                Some(IngressStatus::Replied(reply)) => return Ok(Ok(reply.clone())),
                Some(IngressStatus::Rejected(reject)) => return Ok(Err(reject.clone())),
                Some(IngressStatus::Received | IngressStatus::Processing) if round < AWAIT_ROUNDS => self.tick(),
                Some(IngressStatus::Received | IngressStatus::Processing) => {}
            }
        }
        Err(format!(
            "Failed to answer to ingress 0x{} after {AWAIT_ROUNDS} rounds.",
            hex::encode(id)
        ))
    }

    /// Answers a query (also a composite one, or one of the management canister) from the state after the last round.
    ///
    /// # Errors
    /// The reject.
    pub fn query(&self, call: &IngressCall) -> Result<Vec<u8>, RejectResponse> {
        self.answer_query(call).map_err(|reject| reject.into_response(false))
    }

    fn answer_query(&self, call: &IngressCall) -> Result<Vec<u8>, Reject> {
        if call.canister_id == Principal::management_canister() {
            let target = management::target(&call.method, &call.arg);
            let subnet = target
                .and_then(|target| self.subnet_of(target))
                .or_else(|| self.subnet_for(call.effective))
                .and_then(|id| self.subnets.get(&id))
                .ok_or_else(|| not_here(target.unwrap_or(call.canister_id)))?;
            return management::query(subnet, call);
        }
        let subnet = self.subnet_of(call.canister_id).and_then(|id| self.subnets.get(&id));
        let subnet = subnet.ok_or_else(|| not_here(call.canister_id))?;
        let seen = self.lag.as_ref().and_then(stale::Lag::seen);
        let certificates = |canister| match seen.and_then(|seen| seen.certificate(canister)) {
            Some(certificate) => Some(certificate),
            None => self.certifier.data_certificate(self, canister),
        };
        Query::new(subnet, &certificates).seeing(seen).answer(
            call.sender,
            call.canister_id,
            &call.method,
            call.arg.clone(),
        )
    }

    fn record(&self, canister: Principal) -> Option<&canister::Canister> {
        self.subnets.get(&self.subnet_of(canister)?)?.canister(canister).ok()
    }

    /// Whether the canister exists.
    pub fn has_canister(&self, canister: Principal) -> bool {
        self.record(canister).is_some()
    }

    /// A canister's balance; `None` if there is no such canister.
    pub fn cycles(&self, canister: Principal) -> Option<Cycles> {
        self.record(canister).map(|canister| canister.balance)
    }

    /// Adds to a canister's balance out of nothing and returns the new balance; `None` if there is no such canister.
    pub fn add_cycles(&mut self, canister: Principal, amount: Cycles) -> Option<Cycles> {
        let subnet = self.subnets.get_mut(&self.subnet_of(canister)?)?;
        let record = subnet.canister_mut(canister).ok()?;
        let added = amount.min(Cycles::MAX - record.balance);
        record.balance += added;
        let balance = record.balance;
        subnet.created = subnet.created.saturating_add(added);
        Some(balance)
    }

    /// A canister's stable memory; `None` if there is no such canister or it is empty.
    pub fn stable_memory(&self, canister: Principal) -> Option<Vec<u8>> {
        self.record(canister)?
            .code
            .as_ref()
            .map(|code| code.memory.read_stable())
    }

    /// Replaces a canister's stable memory.
    ///
    /// # Errors
    /// There is no such canister, or it has no module.
    pub fn set_stable_memory(&mut self, canister: Principal, bytes: &[u8]) -> Result<(), String> {
        let subnet = self.subnet_of(canister).and_then(|id| self.subnets.get_mut(&id));
        let record = subnet.and_then(|subnet| subnet.canister_mut(canister).ok());
        let record = record.ok_or_else(|| format!("Canister {canister} not found"))?;
        let code = record
            .code
            .as_mut()
            .ok_or_else(|| format!("Canister {canister} has no Wasm module"))?;
        code.memory.set_stable(bytes);
        Ok(())
    }

    /// A canister's controllers, sorted; `None` if there is no such canister.
    pub fn controllers(&self, canister: Principal) -> Option<Vec<Principal>> {
        self.record(canister)
            .map(|canister| canister.settings.controllers.clone())
    }

    /// The DER-encoded public key of a subnet.
    pub fn public_key(&self, subnet: Principal) -> Option<Vec<u8>> {
        self.subnets.get(&subnet).map(|subnet| subnet.public_key.clone())
    }

    /// The subnet whose key is the root key: the NNS, or else the first.
    pub fn root_subnet(&self) -> Principal {
        self.root
    }

    /// All subnets, sorted by id.
    pub fn subnets(&self) -> Vec<SubnetView<'_>> {
        self.subnets
            .values()
            .map(|subnet| SubnetView::new(self.root, subnet))
            .collect()
    }

    /// One subnet.
    pub fn subnet(&self, id: Principal) -> Option<SubnetView<'_>> {
        self.subnets.get(&id).map(|subnet| SubnetView::new(self.root, subnet))
    }

    /// Cycles that there are, that came into being, and that were burnt; the first is the difference of the others.
    pub fn audit(&self) -> (Cycles, Cycles, Cycles) {
        let under_way: Cycles = self.under_way.values().flatten().map(Message::cycles).sum();
        self.subnets
            .values()
            .fold((under_way, 0, 0), |(all, created, consumed), subnet| {
                (
                    all + subnet.all_cycles(),
                    created + subnet.created,
                    consumed + subnet.consumed,
                )
            })
    }
}
