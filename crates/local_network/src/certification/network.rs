//! The network as certification sees it.

use std::borrow::Cow;

use candid::Principal;
use pocket_ic::common::rest::SubnetKind;

use super::view::{CanisterFacts, RequestStatus, State, SubnetFacts, SubnetMetrics};
use crate::execution::Nanos;
use crate::network::{IngressStatus, Network};

impl State for Network {
    fn version(&self) -> u64 {
        Network::version(self)
    }

    fn subnets(&self) -> Vec<SubnetFacts> {
        Network::subnets(self)
            .into_iter()
            .map(|subnet| SubnetFacts {
                id: subnet.id(),
                seed: subnet.seed(),
                nodes: subnet.node_count() as usize,
                canister_ranges: subnet.canister_ranges().to_vec(),
                subnet_type: subnet_type(subnet.kind()),
            })
            .collect()
    }

    fn root_subnet(&self) -> Principal {
        Network::root_subnet(self)
    }

    fn subnet_of(&self, canister: Principal) -> Option<Principal> {
        Network::subnet_of(self, canister)
    }

    fn certified_time(&self, subnet: Principal) -> Nanos {
        self.subnet(subnet).map_or(0, |subnet| subnet.certified_time())
    }

    fn canisters(&self, subnet: Principal) -> Vec<CanisterFacts<'_>> {
        let Some(subnet) = self.subnet(subnet) else {
            return Vec::new();
        };
        let facts = subnet.canisters().into_iter().map(|canister| CanisterFacts {
            id: canister.id,
            controllers: canister.controllers,
            certified_data: canister.certified_data,
            module_hash: canister.module_hash,
            custom_sections: canister.custom_sections,
        });
        facts.collect()
    }

    fn for_each_request(&self, subnet: Principal, visit: &mut dyn FnMut(&[u8; 32], RequestStatus<'_>)) {
        let Some(subnet) = self.subnet(subnet) else { return };
        for (id, record) in subnet.ingress() {
            visit(id, request_status(&record.status));
        }
    }

    fn metrics(&self, subnet: Principal) -> SubnetMetrics {
        self.subnet(subnet).map(|subnet| subnet.metrics()).unwrap_or_default()
    }
}

fn request_status(status: &IngressStatus) -> RequestStatus<'_> {
    match status {
        IngressStatus::Received => RequestStatus::Received,
        IngressStatus::Processing => RequestStatus::Processing,
        IngressStatus::Replied(reply) => RequestStatus::Replied(reply),
        IngressStatus::Rejected(reject) => RequestStatus::Rejected {
            code: reject.reject_code as u64,
            message: &reject.reject_message,
            error_code: Cow::Owned(reject.error_code.to_string()),
        },
        IngressStatus::Done => RequestStatus::Done,
    }
}

fn subnet_type(kind: SubnetKind) -> &'static str {
    match kind {
        SubnetKind::Application | SubnetKind::Fiduciary | SubnetKind::SNS => "application",
        SubnetKind::Bitcoin | SubnetKind::II | SubnetKind::NNS | SubnetKind::System => "system",
        SubnetKind::CloudEngine => "cloud_engine",
        SubnetKind::VerifiedApplication => "verified_application",
    }
}
