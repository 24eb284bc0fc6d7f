//! A subnet: its canisters, what waits for them, and what leaves it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use candid::Principal;
use pocket_ic::ErrorCode;
use pocket_ic::common::rest::{
    CanisterCyclesCostSchedule, CanisterIdRange, SubnetConfig, SubnetInstructionConfig, SubnetKind,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::call::{Answer, Call, Message, Origin, Response};
use super::canister::Canister;
use super::ids::{self, Range};
use super::limits::{self, Instructions};
use super::queues::Input;
use super::reject::{Reject, canister_not_found};
use super::types::{IngressRecord, IngressStatus, MessageId};
use crate::certification;
use crate::execution::{Cycles, Environment, Nanos, fees};

/// How a subnet is made.
#[derive(Clone, Debug)]
pub struct SubnetSpec {
    /// Its kind.
    pub kind: SubnetKind,
    /// From which its keys, its id and its randomness come.
    pub seed: [u8; 32],
    /// Its id if it is not that of its key (the NNS with mainnet's id).
    pub fixed_id: Option<Principal>,
    /// Its instruction limits.
    pub instructions: SubnetInstructionConfig,
    /// Whether its canisters pay.
    pub cost_schedule: CanisterCyclesCostSchedule,
    /// Principals that may manage all its canisters (free cost schedule only).
    pub admins: Option<Vec<Principal>>,
    /// Ranges from which ids can be asked for by name.
    pub named: Vec<Range>,
    /// Range from which ids are given.
    pub allocation: Range,
}

/// A subnet.
pub struct Subnet {
    /// Its id.
    pub id: Principal,
    /// How it was made.
    pub spec: SubnetSpec,
    /// Instructions that messages may execute.
    pub limits: Instructions,
    /// Number of nodes.
    pub nodes: u32,
    /// Its public key, DER encoded.
    pub public_key: Vec<u8>,
    /// The root key, DER encoded.
    pub root_key: Vec<u8>,
    /// All its ranges, sorted as they were made.
    pub ranges: Vec<Range>,
    /// Its canisters.
    pub canisters: BTreeMap<Principal, Box<Canister>>,
    /// Canisters with something to execute.
    pub active: BTreeSet<Principal>,
    /// Ingress messages and what became of them.
    pub ingress: BTreeMap<MessageId, IngressRecord>,
    /// Answered ingress messages, oldest first.
    pub answered: VecDeque<(Nanos, MessageId)>,
    /// Ingress messages for the next round.
    pub received: VecDeque<(MessageId, Call)>,
    /// Calls to this subnet's management canister.
    pub management: VecDeque<Call>,
    /// Messages of its canisters that have not been routed.
    pub outbox: Vec<Message>,
    /// The time of the round that runs or ran last.
    pub time: Nanos,
    /// Randomness of `raw_rand`.
    pub rng: ChaCha20Rng,
    /// Cycles that came into being: provisional creation and top-up, `add_cycles`.
    pub created: Cycles,
    /// Cycles that were burnt, as fees or otherwise.
    pub consumed: Cycles,
    /// Updates executed.
    pub updates: u64,
    next_id: u64,
}

impl Subnet {
    /// A new subnet; `time` is that of the network. The root key is its own until it is told another.
    pub fn new(spec: SubnetSpec, time: Nanos) -> Self {
        let public_key = certification::public_key_der(&spec.seed);
        let id = spec
            .fixed_id
            .unwrap_or_else(|| Principal::self_authenticating(&public_key));
        let mut ranges = spec.named.clone();
        ranges.push(spec.allocation);
        // An allocation range is made from canister ids only.
        let next_id = ids::number(spec.allocation.0).unwrap_or_default();
        Self {
            id,
            limits: Instructions::new(&spec.instructions),
            nodes: limits::nodes(spec.kind),
            root_key: public_key.clone(),
            public_key,
            ranges,
            canisters: BTreeMap::new(),
            active: BTreeSet::new(),
            ingress: BTreeMap::new(),
            answered: VecDeque::new(),
            received: VecDeque::new(),
            management: VecDeque::new(),
            outbox: Vec::new(),
            time,
            rng: ChaCha20Rng::from_seed(spec.seed),
            created: 0,
            consumed: 0,
            updates: 0,
            next_id,
            spec,
        }
    }

    /// As the topology shows it.
    pub fn config(&self) -> SubnetConfig {
        let range = |(start, end): &Range| CanisterIdRange {
            start: (*start).into(),
            end: (*end).into(),
        };
        SubnetConfig {
            subnet_kind: self.spec.kind,
            subnet_admins: self
                .spec
                .admins
                .as_ref()
                .map(|admins| admins.iter().map(|admin| (*admin).into()).collect()),
            cost_schedule: self.spec.cost_schedule,
            subnet_seed: self.spec.seed,
            instruction_config: self.spec.instructions.clone(),
            canister_ranges: self.ranges.iter().map(range).collect(),
        }
    }

    /// Whether canisters pay here.
    pub fn charges(&self) -> bool {
        !limits::is_system(self.spec.kind) && self.spec.cost_schedule == CanisterCyclesCostSchedule::Normal
    }

    /// A price where canisters pay, else 0.
    pub fn price(&self, price: impl FnOnce(u32) -> Cycles) -> Cycles {
        if self.charges() { price(self.nodes) } else { 0 }
    }

    /// A canister id that no canister has had.
    pub fn next_canister_id(&mut self) -> Option<Principal> {
        loop {
            let id = ids::canister_id(self.next_id);
            if id > self.spec.allocation.1 {
                return None;
            }
            self.next_id += 1;
            if !self.canisters.contains_key(&id) {
                return Some(id);
            }
        }
    }

    /// 32 random bytes.
    pub fn random(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    /// The canister, or the reject that says that there is none.
    pub fn canister(&self, id: Principal) -> Result<&Canister, Reject> {
        self.canisters
            .get(&id)
            .map(AsRef::as_ref)
            .ok_or_else(|| canister_not_found(id))
    }

    /// See [`Self::canister`].
    pub fn canister_mut(&mut self, id: Principal) -> Result<&mut Canister, Reject> {
        self.canisters
            .get_mut(&id)
            .map(AsMut::as_mut)
            .ok_or_else(|| canister_not_found(id))
    }

    /// What the canister's storage and compute allocation cost in `nanos`.
    pub fn upkeep(&self, canister: &Canister, nanos: Nanos) -> Cycles {
        let bytes = canister.memory_bytes().max(canister.settings.memory_allocation);
        let compute = u128::from(canister.settings.compute_allocation) * 10_000_000;
        self.price(|nodes| {
            fees::storage(bytes, nanos, nodes)
                + fees::scale(compute, nodes).saturating_mul(u128::from(nanos)) / 1_000_000_000
        })
    }

    /// Cycles that the canister must keep for its upkeep.
    pub fn freezing_cycles(&self, canister: &Canister) -> Cycles {
        // Per second and then multiplied, since the threshold in nanoseconds may not fit.
        self.upkeep(canister, 1_000_000_000_000) * u128::from(canister.settings.freezing_threshold) / 1_000
    }

    /// Takes cycles above the freezing threshold from the canister's balance and burns them.
    ///
    /// # Errors
    /// The canister has not enough.
    pub fn charge(&mut self, canister: &mut Canister, amount: Cycles) -> Result<(), Reject> {
        let needed = amount.saturating_add(self.freezing_cycles(canister));
        if amount > 0 && canister.balance < needed {
            return Err(super::reject::out_of_cycles(canister.id, needed - canister.balance));
        }
        canister.balance -= amount;
        self.consumed += amount;
        Ok(())
    }

    /// What a message of the canister is told about it.
    pub fn environment(&self, canister: &Canister) -> Arc<Environment> {
        Arc::new(Environment {
            canister_id: canister.id,
            controllers: canister.settings.controllers.clone(),
            canister_version: canister.version,
            canister_status: canister.status_number(),
            env_vars: canister.settings.environment_variables.clone(),
            subnet_id: self.id,
            subnet_nodes: self.nodes,
            root_key: self.root_key.clone(),
            time: self.time,
            global_timer: canister.global_timer,
            wasm_memory_limit: match canister.settings.wasm_memory_limit {
                0 => u64::MAX,
                limit => limit,
            },
            freezing_threshold_cycles: self.freezing_cycles(canister),
            charges: self.charges(),
        })
    }

    /// Answers a call.
    pub fn respond(&mut self, origin: &Origin, refund: Cycles, answer: Answer) {
        match origin {
            Origin::Ingress { id, .. } => self.answer_ingress(*id, answer),
            Origin::Canister { caller, callback } => {
                let response = Response {
                    caller: *caller,
                    callback: *callback,
                    refund,
                    answer,
                };
                self.outbox.push(Message::Response(response));
            }
            Origin::System => self.consumed += refund,
        }
    }

    /// Sets the final state of an ingress message.
    pub fn answer_ingress(&mut self, id: MessageId, answer: Answer) {
        if let Some(record) = self.ingress.get_mut(&id) {
            record.status = match answer {
                Ok(reply) => IngressStatus::Replied(reply),
                Err(reject) => IngressStatus::Rejected(reject.into_response(true)),
            };
            record.time = self.time;
            self.answered.push_back((self.time, id));
        }
    }

    /// Puts a message from a canister into the queue of the canister that it is for. Calls that cannot be put there
    /// are rejected; answers to canisters that are gone are dropped with their cycles.
    pub fn induct(&mut self, message: Message) {
        let receiver = message.receiver();
        let Some(canister) = self.canisters.get_mut(&receiver) else {
            match message {
                Message::Call(call) => self.respond(&call.origin, call.cycles, Err(canister_not_found(receiver))),
                Message::Response(_) | Message::Refund { .. } => self.consumed += message.cycles(),
            }
            return;
        };
        match message {
            Message::Refund { amount, .. } => canister.balance += amount,
            Message::Response(response) => match canister.callbacks.get(&response.callback) {
                // The call has timed out before: its cycles come back, nobody hears the answer.
                None => canister.balance += response.refund,
                Some(callback) => {
                    let sender = callback.callee;
                    canister.inputs.push(sender, Input::Response(response));
                    self.active.insert(receiver);
                }
            },
            Message::Call(call) => {
                if let Some(reject) = not_running(canister) {
                    self.respond(&call.origin, call.cycles, Err(reject));
                } else {
                    canister.inputs.push(call.origin.caller(), Input::Call(call));
                    self.active.insert(receiver);
                }
            }
        }
    }

    /// All cycles of its canisters and under way from them.
    pub fn all_cycles(&self) -> Cycles {
        let canisters: Cycles = self.canisters.values().map(|canister| canister.all_cycles()).sum();
        let management: Cycles = self.management.iter().map(|call| call.cycles).sum();
        let outbox: Cycles = self.outbox.iter().map(Message::cycles).sum();
        canisters + management + outbox
    }
}

/// Why the canister takes no calls, if it does not.
pub fn not_running(canister: &Canister) -> Option<Reject> {
    let id = canister.id;
    match canister.status_number() {
        1 => None,
        2 => Some(Reject::new(
            ErrorCode::CanisterStopping,
            format!("Canister {id} is stopping"),
        )),
        _ => Some(Reject::new(
            ErrorCode::CanisterStopped,
            format!("Canister {id} is stopped"),
        )),
    }
}
