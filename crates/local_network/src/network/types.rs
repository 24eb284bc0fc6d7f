//! The types that cross the border between the network and those who drive or certify it.

use candid::Principal;
use pocket_ic::RejectResponse;

use crate::execution::{CustomSection, Nanos};

/// The id of an ingress message. Of one that came signed it is the representation-independent hash of its content.
///
/// Interface specification: *Request ids*.
pub type MessageId = [u8; 32];

/// Where a call to the management canister is to be handled; for other calls it plays no part.
///
/// Interface specification: *Effective canister id*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effective {
    /// Any subnet.
    None,
    /// The subnet of this id.
    Subnet(Principal),
    /// The subnet that hosts, or would host, the canister of this id.
    Canister(Principal),
}

/// A call from outside the network, its signature already checked.
#[derive(Clone, Debug)]
pub struct IngressCall {
    /// Who calls.
    pub sender: Principal,
    /// Who is called; `aaaaa-aa` for the management canister.
    pub canister_id: Principal,
    /// The method.
    pub method: String,
    /// The argument.
    pub arg: Vec<u8>,
    /// Where a call to the management canister goes.
    pub effective: Effective,
}

/// What is known of an ingress message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IngressStatus {
    /// Accepted, not yet begun.
    Received,
    /// Begun, not yet answered.
    Processing,
    /// Answered with a reply.
    Replied(Vec<u8>),
    /// Answered with a reject; [`RejectResponse::certified`] is true.
    Rejected(RejectResponse),
    /// Answered so long ago (five minutes) that the answer has been forgotten.
    Done,
}

/// An ingress message as the network remembers it.
#[derive(Clone, Debug)]
pub struct IngressRecord {
    /// Who sent it.
    pub sender: Principal,
    /// Whom it calls.
    pub receiver: Principal,
    /// The canister that a `read_state` request for it must name in its path: the callee, or the effective canister id
    /// of a call to the management canister (`aaaaa-aa` where there is none).
    pub effective_canister: Principal,
    /// Its state.
    pub status: IngressStatus,
    /// When it was accepted or, once it is answered, when that was.
    pub time: Nanos,
    /// Until when the same message could be sent again.
    pub expiry: Nanos,
}

/// What a certificate says about a canister.
#[derive(Clone, Copy, Debug)]
pub struct CanisterView<'a> {
    /// The canister's id.
    pub id: Principal,
    /// Its certified data, at most 32 bytes.
    pub certified_data: &'a [u8],
    /// Its controllers, sorted.
    pub controllers: &'a [Principal],
    /// The hash of its module; `None` when it is empty.
    pub module_hash: Option<[u8; 32]>,
    /// The module's public and private custom sections.
    pub custom_sections: &'a [CustomSection],
}
