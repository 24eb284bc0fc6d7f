//! A subnet's keys: the BLS12-381 key that signs its certificates and the Ed25519 keys of its nodes.
//!
//! Interface specification: *Certification* (signatures, DER encoding of BLS keys), *Request: Query call* (node
//! signatures). A real subnet shares its key among its nodes; one process holds it whole here, and it comes from a
//! seed so that the same instance configuration always gives the same keys, ids and certificates.

use std::sync::OnceLock;

use candid::Principal;
use ic_verify_bls_signature::PrivateKey;
use sha2::{Digest, Sha256};

/// What stands before the 96 bytes of a BLS public key in DER (`SubjectPublicKeyInfo` of OID 1.3.6.1.4.1.44668.5.3.1.2.1
/// on curve 1.3.6.1.4.1.44668.5.3.2.1).
const DER_PREFIX: [u8; 37] = [
    0x30, 0x81, 0x82, 0x30, 0x1d, 0x06, 0x0d, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xdc, 0x7c, 0x05, 0x03, 0x01, 0x02,
    0x01, 0x06, 0x0c, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xdc, 0x7c, 0x05, 0x03, 0x02, 0x01, 0x03, 0x61, 0x00,
];

/// Domain separator of the signature on a state tree's root hash.
const STATE_ROOT_SEPARATOR: &[u8] = b"\x0Dic-state-root";

/// A node and its signing key.
pub struct Node {
    id: Principal,
    key: ic_ed25519::PrivateKey,
    public_key_der: Vec<u8>,
}

impl Node {
    /// The node's principal: self-authenticating from its public key.
    pub fn id(&self) -> Principal {
        self.id
    }

    /// The node's Ed25519 public key, DER encoded as in RFC 8410 (44 bytes).
    pub fn public_key_der(&self) -> &[u8] {
        &self.public_key_der
    }

    /// Signs `message` (domain separator included) with the node's key: 64 bytes.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign_message(message).to_vec()
    }
}

/// The keys of one subnet.
pub struct SubnetKeys {
    secret: PrivateKey,
    public_key_der: Vec<u8>,
    subnet_id: Principal,
    seed: [u8; 32],
    node_count: usize,
    /// Derived when first needed: most tests never ask for a signed query.
    nodes: OnceLock<Vec<Node>>,
}

impl std::fmt::Debug for SubnetKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SubnetKeys({})", self.subnet_id)
    }
}

impl SubnetKeys {
    /// The keys of a subnet of `nodes` nodes, all of them derived from `seed`.
    pub fn from_seed(seed: [u8; 32], nodes: usize) -> Self {
        let secret = bls_key(&seed);
        let mut public_key_der = DER_PREFIX.to_vec();
        public_key_der.extend_from_slice(&secret.public_key().serialize());
        let subnet_id = Principal::self_authenticating(&public_key_der);
        Self {
            secret,
            public_key_der,
            subnet_id,
            seed,
            node_count: nodes,
            nodes: OnceLock::new(),
        }
    }

    /// The subnet's principal: self-authenticating from its public key, as agents assume of the root subnet.
    pub fn subnet_id(&self) -> Principal {
        self.subnet_id
    }

    /// The subnet's BLS public key, DER encoded (133 bytes).
    pub fn public_key_der(&self) -> &[u8] {
        &self.public_key_der
    }

    /// The subnet's nodes.
    pub fn nodes(&self) -> &[Node] {
        self.nodes
            .get_or_init(|| (0..self.node_count).map(|index| node(&self.seed, index)).collect())
    }

    /// The principals of the subnet's nodes.
    pub fn node_ids(&self) -> Vec<Principal> {
        self.nodes().iter().map(Node::id).collect()
    }

    /// Signs the root hash of a state tree: a compressed point of G1, 48 bytes.
    pub fn sign_root_hash(&self, root_hash: &[u8; 32]) -> Vec<u8> {
        let mut message = STATE_ROOT_SEPARATOR.to_vec();
        message.extend_from_slice(root_hash);
        self.secret.sign(&message).serialize().to_vec()
    }
}

fn derive(seed: &[u8; 32], purpose: &[u8], counter: u64) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(purpose);
    hasher.update(seed);
    hasher.update(counter.to_be_bytes());
    hasher.finalize().into()
}

fn bls_key(seed: &[u8; 32]) -> PrivateKey {
    (0..)
        .find_map(|counter| {
            let mut bytes = derive(seed, b"local-network subnet key", counter);
            // The group's order has 255 bits, so that most numbers of 254 bits are below it.
            bytes[0] &= 0x3f;
            PrivateKey::deserialize(&bytes).ok()
        })
        .expect("some number of 254 bits is below the group's order")
}

fn node(seed: &[u8; 32], index: usize) -> Node {
    let key = ic_ed25519::PrivateKey::generate_from_seed(&derive(seed, b"local-network node key", index as u64));
    let public_key_der = key.public_key().serialize_rfc8410_der();
    Node {
        id: Principal::self_authenticating(&public_key_der),
        key,
        public_key_der,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_derive_the_same_keys_from_the_same_seed() {
        let (first, again, other) = (
            SubnetKeys::from_seed([7; 32], 3),
            SubnetKeys::from_seed([7; 32], 3),
            SubnetKeys::from_seed([8; 32], 3),
        );
        assert_eq!(first.public_key_der(), again.public_key_der());
        assert_eq!(first.node_ids(), again.node_ids());
        assert_ne!(first.subnet_id(), other.subnet_id());
        assert_eq!(first.node_ids().len(), 3);
        assert_eq!(first.public_key_der().len(), 133);
        assert_eq!(first.nodes()[0].public_key_der().len(), 44);
    }

    #[test]
    fn should_sign_root_hashes_that_the_public_verifier_accepts() {
        let keys = SubnetKeys::from_seed([1; 32], 1);
        let signature = keys.sign_root_hash(&[5; 32]);
        let message = [STATE_ROOT_SEPARATOR, &[5; 32]].concat();
        let verify = |message: &[u8]| {
            ic_verify_bls_signature::verify_bls_signature(&signature, message, &keys.public_key_der()[37..])
        };
        assert_eq!(verify(&message), Ok(()));
        assert_eq!(verify(&[STATE_ROOT_SEPARATOR, &[6; 32]].concat()), Err(()));
    }
}
