//! A network made of keys and hash trees: certificates as the Internet Computer signs them, and a registry with a real log, so
//! that every forgery can be tried on replies that are right to the last byte but one.

mod registry;

pub use registry::ModelRegistry;

use candid::Principal;
use ddsx_merkle_log::Hash;
use ic_certification::{Certificate, Delegation, HashTree, fork, label, leaf};
use ic_verify_bls_signature::PrivateKey;

use crate::root_key::DER_PREFIX;

/// A canister in the subnet's range.
pub const CANISTER: Principal = Principal::from_slice(&[0, 0, 0, 0, 0, 16, 0, 7, 1, 1]);
/// A canister of another subnet.
pub const OUTSIDE: Principal = Principal::from_slice(&[0, 0, 0, 0, 0, 32, 0, 7, 1, 1]);

const FIRST: Principal = Principal::from_slice(&[0, 0, 0, 0, 0, 16, 0, 0, 1, 1]);
const LAST: Principal = Principal::from_slice(&[0, 0, 0, 0, 0, 31, 255, 255, 1, 1]);

/// What a certificate is to be like.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a way in which a certificate can be wrong"
)]
pub struct Shape {
    pub canister: Principal,
    pub data: Vec<u8>,
    pub time: u64,
    pub ranges: Vec<(Principal, Principal)>,
    /// Ranges in shards, as mainnet has them; else in one list under the subnet.
    pub sharded: bool,
    /// Ranges as a pruned hash: they are there, but not shown.
    pub prune_ranges: bool,
    pub delegated: bool,
    /// The delegation's certificate rests on a delegation again.
    pub nested: bool,
}

impl Shape {
    pub fn new(data: Hash, time: u64) -> Self {
        Self {
            canister: CANISTER,
            data: data.0.to_vec(),
            time,
            ranges: vec![(FIRST, LAST)],
            sharded: true,
            prune_ranges: false,
            delegated: true,
            nested: false,
        }
    }
}

/// The keys of a root subnet and of an application subnet.
#[derive(Clone)]
pub struct Keys {
    root: PrivateKey,
    subnet: PrivateKey,
}

impl Keys {
    pub fn new(seed: u8) -> Self {
        let key = |number: u8| PrivateKey::deserialize(&[number; 32]).unwrap();
        Self {
            root: key(seed),
            subnet: key(seed + 1),
        }
    }

    /// The root key in DER.
    pub fn root_key(&self) -> Vec<u8> {
        der(&self.root)
    }

    pub fn certificate(&self, shape: &Shape) -> Vec<u8> {
        let certified = label("certified_data", leaf(shape.data.clone()));
        let canister = label("canister", label(shape.canister.as_slice(), certified));
        let tree = fork(canister, time(shape.time));
        let signer = if shape.delegated { &self.subnet } else { &self.root };
        let delegation = shape.delegated.then(|| self.delegation(shape, shape.nested));
        cbor(&sign(tree, signer, delegation))
    }

    fn delegation(&self, shape: &Shape, nested: bool) -> Delegation {
        let subnet_id = Principal::self_authenticating(der(&self.subnet));
        let subnet = |content: HashTree| label("subnet", label(subnet_id.as_slice(), content));
        let key = label("public_key", leaf(der(&self.subnet)));
        let list: HashTree = leaf(cbor(&shape.ranges));
        let list = if shape.prune_ranges {
            ic_certification::pruned(list.digest())
        } else {
            list
        };
        let tree = if shape.sharded {
            let shard = label(FIRST.as_slice(), list);
            let ranges = label("canister_ranges", label(subnet_id.as_slice(), shard));
            fork(ranges, fork(subnet(key), time(1)))
        } else {
            fork(subnet(fork(label("canister_ranges", list), key)), time(1))
        };
        let inner = nested.then(|| self.delegation(shape, false));
        Delegation {
            subnet_id: subnet_id.as_slice().to_vec(),
            certificate: cbor(&sign(tree, &self.root, inner)),
        }
    }
}

fn sign(tree: HashTree, key: &PrivateKey, delegation: Option<Delegation>) -> Certificate {
    let message = [b"\x0Dic-state-root".as_slice(), &tree.digest()].concat();
    Certificate {
        signature: key.sign(&message).serialize().to_vec(),
        tree,
        delegation,
    }
}

fn time(mut ns: u64) -> HashTree {
    let mut bytes = Vec::new();
    while ns >= 0x80 {
        bytes.push(u8::try_from(ns & 0x7f).unwrap() | 0x80);
        ns >>= 7;
    }
    bytes.push(u8::try_from(ns).unwrap());
    label("time", leaf(bytes))
}

fn der(key: &PrivateKey) -> Vec<u8> {
    [DER_PREFIX.as_slice(), &key.public_key().serialize()].concat()
}

pub fn cbor(value: &impl serde::Serialize) -> Vec<u8> {
    serde_cbor::to_vec(value).unwrap()
}
