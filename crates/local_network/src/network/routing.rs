//! Which subnet handles a call, and messages from one subnet to another.

use std::collections::BTreeMap;

use candid::Principal;
use pocket_ic::ErrorCode;
use pocket_ic::common::rest::SubnetKind;
use rand_chacha::rand_core::RngCore;

use super::call::{self, Message, Origin};
use super::limits::XNET_PAYLOAD;
use super::reject::Reject;
use super::subnet::Subnet;
use super::types::{Effective, IngressCall};
use super::{Network, ids};
use crate::management;

impl Network {
    /// Hands the messages that leave their subnets on.
    pub(super) fn exchange(&mut self) {
        let leaving: Vec<(Principal, Message)> = self
            .subnets
            .iter_mut()
            .flat_map(|(id, subnet)| subnet.outbox.drain(..).map(|message| (*id, message)))
            .collect();
        for (from, message) in leaving {
            let (to, message) = match (self.destination(&message), oversized(&message)) {
                (Some(to), None) => (to, message),
                (to, reject) => {
                    let reject = reject.unwrap_or_else(|| no_route(message.receiver()));
                    let Some(answer) = rejected(message, reject, &mut self.subnets, from) else {
                        continue;
                    };
                    let back = self.destination(&answer).or(to).unwrap_or(from);
                    (back, answer)
                }
            };
            self.under_way.entry(to).or_default().push(message);
        }
    }

    fn destination(&self, message: &Message) -> Option<Principal> {
        let receiver = match message {
            Message::Call(call) if call.callee == Principal::management_canister() => {
                management::target(&call.method, &call.arg)?
            }
            message => message.receiver(),
        };
        if self.subnets.contains_key(&receiver) {
            Some(receiver)
        } else {
            self.subnet_of(receiver)
        }
    }

    /// The subnet for a call; a new one if a canister is to be created with an id of a mainnet subnet that is not here.
    pub(super) fn route(&mut self, call: &IngressCall) -> Result<Principal, Reject> {
        if call.canister_id != Principal::management_canister() {
            return self
                .subnet_of(call.canister_id)
                .ok_or_else(|| not_here(call.canister_id));
        }
        let creates = call.method == "provisional_create_canister_with_cycles";
        match call.effective {
            Effective::None => Ok(self.any_subnet()),
            Effective::Subnet(id) if self.subnets.contains_key(&id) => Ok(id),
            Effective::Subnet(id) => Err(Reject::new(
                ErrorCode::SubnetNotFound,
                format!("Subnet with ID {id} does not exist."),
            )),
            Effective::Canister(id) => match self.subnet_of(id) {
                Some(subnet) => Ok(subnet),
                None if creates && id == Principal::management_canister() => Ok(self.any_subnet()),
                None if creates => self.add_mainnet_subnet(id).ok_or_else(|| not_here(id)),
                None => Err(not_here(id)),
            },
        }
    }

    /// The subnet on which a canister is created when the user does not care.
    fn any_subnet(&mut self) -> Principal {
        for kind in [
            SubnetKind::Application,
            SubnetKind::VerifiedApplication,
            SubnetKind::System,
        ] {
            let of_kind: Vec<Principal> = self
                .subnets
                .values()
                .filter(|subnet| subnet.spec.kind == kind)
                .map(|subnet| subnet.id)
                .collect();
            if let Some(count) = std::num::NonZeroU64::new(of_kind.len() as u64) {
                let index = self.rng.next_u64() % count;
                return of_kind
                    .get(usize::try_from(index).unwrap_or_default())
                    .copied()
                    .unwrap_or(self.root);
            }
        }
        self.root
    }

    /// Adds the mainnet subnet that has this canister id, as far as its ranges are known.
    fn add_mainnet_subnet(&mut self, canister: Principal) -> Option<Principal> {
        let kind = ids::mainnet_kind(canister);
        // The root key must not change while canisters may have seen it.
        if kind == SubnetKind::NNS {
            return None;
        }
        let mut spec = self.builder.next(kind, &pocket_ic::common::rest::SubnetSpec::default());
        if spec.named.is_empty() {
            spec.named.push(ids::block_around(canister)?);
        }
        let mut subnet = Subnet::new(spec, self.last_round);
        subnet.root_key.clone_from(&self.subnets.get(&self.root)?.public_key);
        let id = subnet.id;
        self.subnets.insert(id, subnet);
        self.version += 1;
        Some(id)
    }

    /// The subnet whose ranges hold the canister id, whether the canister exists or not.
    pub fn subnet_of(&self, canister: Principal) -> Option<Principal> {
        self.subnets
            .values()
            .find(|subnet| ids::contains(&subnet.ranges, canister))
            .map(|subnet| subnet.id)
    }

    /// The subnet that handles a call, for certificates and `read_state`.
    pub fn subnet_for(&self, effective: Effective) -> Option<Principal> {
        match effective {
            Effective::None => self.subnet_of(self.default_effective),
            Effective::Subnet(id) => self.subnets.contains_key(&id).then_some(id),
            Effective::Canister(id) => self.subnet_of(id),
        }
    }
}

/// No subnet has the canister id.
pub(super) fn not_here(canister: Principal) -> Reject {
    Reject::new(
        ErrorCode::CanisterNotFound,
        format!("No subnet contains canister {canister}."),
    )
}

fn no_route(receiver: Principal) -> Reject {
    Reject::verbatim(ErrorCode::CanisterNotFound, format!("No route to canister {receiver}"))
}

/// Why a message is too large to leave its subnet, if it is.
fn oversized(message: &Message) -> Option<Reject> {
    let size = match message {
        Message::Call(call) => call.arg.len() + call.method.len(),
        // Answers are limited where they are made.
        Message::Response(_) | Message::Refund { .. } => 0,
    };
    (size > XNET_PAYLOAD).then(|| {
        Reject::verbatim(
            ErrorCode::CanisterContractViolation,
            format!("A call to another subnet has {size} bytes; at most {XNET_PAYLOAD} are allowed"),
        )
    })
}

/// The answer to a call that cannot be delivered. Cycles of other messages are lost with them.
fn rejected(
    message: Message,
    reject: Reject,
    subnets: &mut BTreeMap<Principal, Subnet>,
    from: Principal,
) -> Option<Message> {
    let lost = message.cycles();
    if let Message::Call(call) = message
        && let Origin::Canister { caller, callback } = call.origin
    {
        return Some(Message::Response(call::Response {
            caller,
            callback,
            refund: lost,
            answer: Err(reject),
        }));
    }
    if let Some(subnet) = subnets.get_mut(&from) {
        subnet.consumed += lost;
    }
    None
}
