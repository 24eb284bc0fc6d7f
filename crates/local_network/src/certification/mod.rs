//! Certification: state trees, subnet keys, certificates and delegations.
//!
//! Interface specification: *The system state tree*, *Certification*, *Certified data*. The root key is the NNS
//! subnet's where there is one, else the first subnet's; certificates of all others carry the root's delegation with
//! their canister ranges, so that clients go through the whole of verification as they would on mainnet.

mod certifier;
mod keys;
mod network;
mod state_tree;
#[cfg(test)]
mod tests;
mod tree;
mod view;

pub use certifier::Certifier;
pub use keys::{Node, SubnetKeys};
pub use state_tree::self_described_cbor;
pub use tree::{Path, Tree};
pub use view::{CanisterFacts, RequestStatus, State, SubnetFacts, SubnetMetrics};

/// The DER-encoded BLS public key of the subnet with this seed (133 bytes); its self-authenticating principal is the
/// subnet's id.
pub fn public_key_der(seed: &[u8; 32]) -> Vec<u8> {
    SubnetKeys::from_seed(*seed, 0).public_key_der().to_vec()
}
