//! The state tree of a subnet.
//!
//! Interface specification: *The system state tree*, which names every path built here.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use candid::Principal;
use serde::Serialize;

use super::keys::SubnetKeys;
use super::tree::Tree;
use super::view::{CanisterFacts, RequestStatus, State, SubnetFacts, SubnetMetrics};

/// How many ranges of canister ids stand in one leaf of `/canister_ranges/<subnet>`.
const RANGES_PER_SHARD: usize = 5;

/// Subtrees of `/request_status`, kept from one state to the next: most requests do not change any more.
pub(super) type RequestTrees = HashMap<[u8; 32], (u8, Arc<Tree>)>;

/// Self-described CBOR, as all of the interface's values are.
pub fn self_described_cbor<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut bytes = vec![0xd9, 0xd9, 0xf7];
    ciborium::into_writer(value, &mut bytes).expect("writing CBOR to memory fails for no type serialised here");
    bytes
}

/// The state tree of `subnet`, with every path that a certificate of it can reveal.
pub(super) fn build(
    state: &(impl State + ?Sized),
    subnet: Principal,
    keys: &HashMap<Principal, Arc<SubnetKeys>>,
    known_requests: &mut RequestTrees,
) -> Arc<Tree> {
    let subnets = state.subnets();
    let canisters = state
        .canisters(subnet)
        .into_iter()
        .map(|facts| (facts.id.as_slice().to_vec(), canister_tree(&facts)))
        .collect();
    let ranges = subnets
        .iter()
        .map(|facts| (facts.id.as_slice().to_vec(), sharded_ranges(facts)))
        .collect();
    let own_metrics = state.metrics(subnet);
    let entries = subnets
        .iter()
        .filter_map(|facts| {
            let own = (facts.id == subnet).then_some(&own_metrics);
            Some((
                facts.id.as_slice().to_vec(),
                subnet_tree(facts, keys.get(&facts.id)?, own),
            ))
        })
        .collect();
    node([
        ("api_boundary_nodes", Tree::node(BTreeMap::new())),
        ("canister", Tree::node(canisters)),
        ("canister_ranges", Tree::node(ranges)),
        ("request_status", request_trees(state, subnet, known_requests)),
        ("subnet", Tree::node(entries)),
        ("time", Tree::leaf(leb128(state.certified_time(subnet).into()))),
    ])
}

fn node<const N: usize>(children: [(&str, Arc<Tree>); N]) -> Arc<Tree> {
    Tree::node(
        children
            .into_iter()
            .map(|(label, child)| (label.as_bytes().to_vec(), child))
            .collect(),
    )
}

fn canister_tree(facts: &CanisterFacts<'_>) -> Arc<Tree> {
    let controllers: Vec<&serde_bytes::Bytes> = facts
        .controllers
        .iter()
        .map(|p| serde_bytes::Bytes::new(p.as_slice()))
        .collect();
    let mut children = BTreeMap::from([(b"controllers".to_vec(), Tree::leaf(self_described_cbor(&controllers)))]);
    if let Some(hash) = facts.module_hash {
        let sections = facts
            .custom_sections
            .iter()
            .map(|section| (section.name.as_bytes().to_vec(), Tree::leaf(section.content.clone())))
            .collect();
        children.insert(b"certified_data".to_vec(), Tree::leaf(facts.certified_data));
        children.insert(b"metadata".to_vec(), Tree::node(sections));
        children.insert(b"module_hash".to_vec(), Tree::leaf(hash));
    }
    Tree::node(children)
}

fn encode_ranges(ranges: &[(Principal, Principal)]) -> Vec<u8> {
    let ranges: Vec<(&serde_bytes::Bytes, &serde_bytes::Bytes)> = ranges
        .iter()
        .map(|(low, high)| {
            (
                serde_bytes::Bytes::new(low.as_slice()),
                serde_bytes::Bytes::new(high.as_slice()),
            )
        })
        .collect();
    self_described_cbor(&ranges)
}

fn sorted_ranges(facts: &SubnetFacts) -> Vec<(Principal, Principal)> {
    let mut ranges = facts.canister_ranges.clone();
    ranges.sort_unstable();
    ranges
}

fn sharded_ranges(facts: &SubnetFacts) -> Arc<Tree> {
    let shards = sorted_ranges(facts)
        .chunks(RANGES_PER_SHARD)
        .map(|shard| (shard[0].0.as_slice().to_vec(), Tree::leaf(encode_ranges(shard))))
        .collect();
    Tree::node(shards)
}

/// Nodes and metrics stand only in the subnet's own tree.
fn subnet_tree(facts: &SubnetFacts, keys: &SubnetKeys, own: Option<&SubnetMetrics>) -> Arc<Tree> {
    let mut children = BTreeMap::from([
        (
            b"canister_ranges".to_vec(),
            Tree::leaf(encode_ranges(&sorted_ranges(facts))),
        ),
        (b"public_key".to_vec(), Tree::leaf(keys.public_key_der())),
        (b"type".to_vec(), Tree::leaf(facts.subnet_type)),
    ]);
    if let Some(metrics) = own {
        let nodes = keys
            .nodes()
            .iter()
            .map(|n| {
                (
                    n.id().as_slice().to_vec(),
                    node([("public_key", Tree::leaf(n.public_key_der()))]),
                )
            })
            .collect();
        children.insert(b"node".to_vec(), Tree::node(nodes));
        children.insert(b"metrics".to_vec(), Tree::leaf(encode_metrics(metrics)));
    }
    Tree::node(children)
}

/// The public types crate knows how the 128-bit figure is split.
fn encode_metrics(metrics: &SubnetMetrics) -> Vec<u8> {
    self_described_cbor(&ic_transport_types::SubnetMetrics {
        num_canisters: metrics.num_canisters,
        canister_state_bytes: metrics.canister_state_bytes,
        consumed_cycles_total: metrics.consumed_cycles_total,
        update_transactions_total: metrics.update_transactions_total,
    })
}

fn request_trees(state: &(impl State + ?Sized), subnet: Principal, known: &mut RequestTrees) -> Arc<Tree> {
    let mut now = RequestTrees::with_capacity(known.len());
    state.for_each_request(subnet, &mut |id, status| {
        let stage = stage(&status);
        let tree = match known.remove(id) {
            Some((then, tree)) if then == stage => tree,
            _ => request_tree(&status),
        };
        now.insert(*id, (stage, tree));
    });
    let children = now.iter().map(|(id, (_, tree))| (id.to_vec(), tree.clone())).collect();
    *known = now;
    Tree::node(children)
}

/// A request passes each stage once, and nothing changes while it stays in one.
fn stage(status: &RequestStatus<'_>) -> u8 {
    match status {
        RequestStatus::Received => 0,
        RequestStatus::Processing => 1,
        RequestStatus::Replied(_) | RequestStatus::Rejected { .. } => 2,
        RequestStatus::Done => 3,
    }
}

fn request_tree(status: &RequestStatus<'_>) -> Arc<Tree> {
    match status {
        RequestStatus::Received => node([("status", Tree::leaf("received"))]),
        RequestStatus::Processing => node([("status", Tree::leaf("processing"))]),
        RequestStatus::Done => node([("status", Tree::leaf("done"))]),
        RequestStatus::Replied(reply) => node([("reply", Tree::leaf(*reply)), ("status", Tree::leaf("replied"))]),
        RequestStatus::Rejected {
            code,
            message,
            error_code,
        } => node([
            ("error_code", Tree::leaf(error_code.as_bytes())),
            ("reject_code", Tree::leaf(leb128((*code).into()))),
            ("reject_message", Tree::leaf(*message)),
            ("status", Tree::leaf("rejected")),
        ]),
    }
}

/// Natural numbers in leaves are unsigned LEB128.
fn leb128(mut value: u128) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_encode_naturals_as_leb128() {
        assert_eq!(leb128(0), [0]);
        assert_eq!(leb128(127), [127]);
        assert_eq!(leb128(624_485), [0xe5, 0x8e, 0x26]);
        assert_eq!(leb128(1_620_328_630_000_000_000).len(), 9);
    }

    #[test]
    fn should_mark_cbor_as_self_described() {
        assert_eq!(
            self_described_cbor(&(1, "a")),
            [0xd9, 0xd9, 0xf7, 0x82, 0x01, 0x61, b'a']
        );
    }
}
