//! A subnet as certification sees it.

use candid::Principal;
use pocket_ic::common::rest::SubnetKind;

use super::ids::Range;
use super::subnet::Subnet;
use super::types::{CanisterView, IngressRecord, MessageId};
use crate::certification::SubnetMetrics;
use crate::execution::Nanos;

/// Read-only access to a subnet.
#[derive(Clone, Copy)]
pub struct SubnetView<'a> {
    root: Principal,
    subnet: &'a Subnet,
}

impl<'a> SubnetView<'a> {
    pub(super) fn new(root: Principal, subnet: &'a Subnet) -> Self {
        Self { root, subnet }
    }

    /// The subnet's id: the self-authenticating principal of its public key.
    pub fn id(&self) -> Principal {
        self.subnet.id
    }

    /// The subnet's kind.
    pub fn kind(&self) -> SubnetKind {
        self.subnet.spec.kind
    }

    /// The seed of the subnet's and its nodes' keys.
    pub fn seed(&self) -> [u8; 32] {
        self.subnet.spec.seed
    }

    /// Whether its key is the root key.
    pub fn is_root(&self) -> bool {
        self.subnet.id == self.root
    }

    /// How many nodes it has.
    pub fn node_count(&self) -> u32 {
        self.subnet.nodes
    }

    /// The time of the last round: what queries and certificates show.
    pub fn certified_time(&self) -> Nanos {
        self.subnet.time
    }

    /// Both ends, inclusive, of each range of canister ids.
    pub fn canister_ranges(&self) -> &'a [Range] {
        &self.subnet.ranges
    }

    /// The canisters, sorted by id.
    pub fn canisters(&self) -> Vec<CanisterView<'a>> {
        self.subnet
            .canisters
            .keys()
            .filter_map(|id| self.canister(*id))
            .collect()
    }

    /// One canister.
    pub fn canister(&self, id: Principal) -> Option<CanisterView<'a>> {
        let canister = self.subnet.canisters.get(&id)?;
        let module = canister.code.as_ref().map(|code| &code.module);
        Some(CanisterView {
            id,
            certified_data: &canister.certified_data,
            controllers: &canister.settings.controllers,
            module_hash: module.map(|module| module.hash()),
            custom_sections: module.map_or(&[], |module| module.custom_sections()),
        })
    }

    /// The ingress messages remembered, sorted by id.
    pub fn ingress(&self) -> impl Iterator<Item = (&'a MessageId, &'a IngressRecord)> + use<'a> {
        self.subnet.ingress.iter()
    }

    /// Figures that the state tree shows of it.
    pub fn metrics(&self) -> SubnetMetrics {
        SubnetMetrics {
            num_canisters: self.subnet.canisters.len() as u64,
            canister_state_bytes: self
                .subnet
                .canisters
                .values()
                .map(|canister| canister.memory_bytes())
                .sum(),
            consumed_cycles_total: self.subnet.consumed,
            update_transactions_total: self.subnet.updates,
        }
    }
}
