//! What certification needs to know of an instance: the facts that the state trees are made of.
//!
//! Interface specification: *The system state tree*. A trait, so that certificates can be tested on states that no
//! network would be in.

use std::borrow::Cow;

use candid::Principal;

use crate::execution::{CustomSection, Nanos};

/// A subnet's entry in the state trees of all subnets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubnetFacts {
    /// The subnet's id: the self-authenticating principal of its public key.
    pub id: Principal,
    /// The seed of its keys.
    pub seed: [u8; 32],
    /// How many nodes it has.
    pub nodes: usize,
    /// Closed intervals of canister ids.
    pub canister_ranges: Vec<(Principal, Principal)>,
    /// `application`, `system`, `verified_application` or `cloud_engine`: the leaf `/subnet/<id>/type`.
    pub subnet_type: &'static str,
}

/// A canister's entry in its subnet's state tree.
pub struct CanisterFacts<'a> {
    /// The canister's id.
    pub id: Principal,
    /// The controllers, in the order in which they are shown.
    pub controllers: &'a [Principal],
    /// Certified data, at most 32 bytes.
    pub certified_data: &'a [u8],
    /// The SHA-256 of the module, if one is installed.
    pub module_hash: Option<[u8; 32]>,
    /// The module's `icp:` sections.
    pub custom_sections: &'a [CustomSection],
}

/// Where an ingress message is: the leaf `/request_status/<id>/status` and what stands beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestStatus<'a> {
    /// Accepted, execution has not begun.
    Received,
    /// Execution has begun.
    Processing,
    /// Answered with a reply.
    Replied(&'a [u8]),
    /// Answered with a reject.
    Rejected {
        /// 1 to 6.
        code: u64,
        /// Why.
        message: &'a str,
        /// `IC` and four digits.
        error_code: Cow<'a, str>,
    },
    /// Answered, and the answer has been forgotten.
    Done,
}

/// Figures of `/subnet/<id>/metrics`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubnetMetrics {
    /// How many canisters the subnet holds.
    pub num_canisters: u64,
    /// Bytes of all its canisters.
    pub canister_state_bytes: u64,
    /// Cycles consumed since the subnet began.
    pub consumed_cycles_total: u128,
    /// Update messages executed since the subnet began.
    pub update_transactions_total: u64,
}

/// The state of one instance, as certificates show it.
pub trait State {
    /// A number that changes whenever anything changes that a certificate shows.
    fn version(&self) -> u64;
    /// All subnets.
    fn subnets(&self) -> Vec<SubnetFacts>;
    /// The subnet whose key is the root key: the NNS, or the first subnet where there is none.
    fn root_subnet(&self) -> Principal;
    /// The subnet whose canister ranges hold this id.
    fn subnet_of(&self, canister: Principal) -> Option<Principal>;
    /// The time that certificates of `subnet` carry.
    fn certified_time(&self, subnet: Principal) -> Nanos;
    /// The canisters of a subnet.
    fn canisters(&self, subnet: Principal) -> Vec<CanisterFacts<'_>>;
    /// Shows every ingress message that a subnet knows to `visit`.
    fn for_each_request(&self, subnet: Principal, visit: &mut dyn FnMut(&[u8; 32], RequestStatus<'_>));
    /// Figures of a subnet.
    fn metrics(&self, subnet: Principal) -> SubnetMetrics;
}
