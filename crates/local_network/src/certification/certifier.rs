//! Certificates: a partial state tree, the subnet's signature on its root hash and, but for the root subnet, the
//! root's delegation to the subnet.
//!
//! Interface specification: *Certification*, *Delegation*. A state is signed once, however many certificates show
//! parts of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candid::Principal;
use ic_certification::{Certificate, Delegation};

use super::keys::SubnetKeys;
use super::state_tree::{self, RequestTrees, self_described_cbor};
use super::tree::{Path, Tree};
use super::view::{State, SubnetFacts};
use crate::execution::Nanos;

/// A delegation is renewed when it is older than this (ns of the instance's time). Clients accept much older ones.
const DELEGATION_MAX_AGE: Nanos = 60_000_000_000;

/// A subnet's state, signed.
struct SignedState {
    version: u64,
    tree: Arc<Tree>,
    signature: Vec<u8>,
    data_certificates: HashMap<Principal, Arc<Vec<u8>>>,
}

struct KnownDelegation {
    time: Nanos,
    ranges: Vec<(Principal, Principal)>,
    certificate: Vec<u8>,
}

#[derive(Default)]
struct Cache {
    keys: HashMap<Principal, Arc<SubnetKeys>>,
    states: HashMap<Principal, SignedState>,
    requests: HashMap<Principal, RequestTrees>,
    delegations: HashMap<Principal, KnownDelegation>,
}

/// Makes the certificates of one instance. Everything it remembers can be derived again from the instance's state.
#[derive(Default)]
pub struct Certifier {
    cache: Mutex<Cache>,
}

impl std::fmt::Debug for Certifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certifier")
    }
}

impl Certifier {
    /// A certificate of `subnet` that reveals what lies below `paths`, and `/time`. `None`: there is no such subnet.
    ///
    /// Whether the asker may see the paths is for the caller to check.
    pub fn certificate(&self, state: &(impl State + ?Sized), subnet: Principal, paths: &[Path]) -> Option<Vec<u8>> {
        let mut cache = self.lock();
        cache.refresh(state, subnet)?;
        cache.certificate(state, subnet, paths)
    }

    /// The certificate that a query of `canister` sees as `data_certificate`: its certified data and the time. `None`:
    /// no subnet has this canister id.
    pub fn data_certificate(&self, state: &(impl State + ?Sized), canister: Principal) -> Option<Arc<Vec<u8>>> {
        let subnet = state.subnet_of(canister)?;
        let mut cache = self.lock();
        cache.refresh(state, subnet)?;
        if let Some(known) = cache.states.get(&subnet)?.data_certificates.get(&canister) {
            return Some(known.clone());
        }
        let path = vec![
            b"canister".to_vec(),
            canister.as_slice().to_vec(),
            b"certified_data".to_vec(),
        ];
        let certificate = Arc::new(cache.certificate(state, subnet, &[path])?);
        cache
            .states
            .get_mut(&subnet)?
            .data_certificates
            .insert(canister, certificate.clone());
        Some(certificate)
    }

    /// The labels below `path` in the state tree of `subnet`, to spell out a request for a subtree.
    pub fn labels(&self, state: &(impl State + ?Sized), subnet: Principal, path: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut cache = self.lock();
        if cache.refresh(state, subnet).is_none() {
            return Vec::new();
        }
        let below = cache.states.get(&subnet).and_then(|signed| signed.tree.get(path));
        below
            .map(|tree| tree.labels().map(<[u8]>::to_vec).collect())
            .unwrap_or_default()
    }

    /// The keys of a subnet. `None`: there is no such subnet.
    pub fn keys(&self, state: &(impl State + ?Sized), subnet: Principal) -> Option<Arc<SubnetKeys>> {
        let mut cache = self.lock();
        if !cache.keys.contains_key(&subnet) {
            cache.derive_keys(&state.subnets());
        }
        cache.keys.get(&subnet).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Cache> {
        // What a thread that panicked has left is a cache still: at worst, something in it is missing.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache {
    fn derive_keys(&mut self, subnets: &[SubnetFacts]) {
        for facts in subnets {
            self.keys
                .entry(facts.id)
                .or_insert_with(|| Arc::new(SubnetKeys::from_seed(facts.seed, facts.nodes)));
        }
    }

    /// Sees to it that the present state of `subnet` is signed.
    fn refresh(&mut self, state: &(impl State + ?Sized), subnet: Principal) -> Option<()> {
        let version = state.version();
        if self.states.get(&subnet).is_some_and(|signed| signed.version == version) {
            return Some(());
        }
        self.derive_keys(&state.subnets());
        let keys = self.keys.get(&subnet)?;
        let tree = state_tree::build(state, subnet, &self.keys, self.requests.entry(subnet).or_default());
        let signature = keys.sign_root_hash(&tree.digest());
        self.states.insert(
            subnet,
            SignedState {
                version,
                tree,
                signature,
                data_certificates: HashMap::new(),
            },
        );
        Some(())
    }

    fn certificate(&mut self, state: &(impl State + ?Sized), subnet: Principal, paths: &[Path]) -> Option<Vec<u8>> {
        // The root subnet needs nobody's word.
        let delegation = if subnet == state.root_subnet() {
            None
        } else {
            Some(Delegation {
                subnet_id: subnet.as_slice().to_vec(),
                certificate: self.delegation(state, subnet)?,
            })
        };
        let signed = self.states.get(&subnet)?;
        Some(signed.certificate(paths, delegation))
    }

    /// The certificate with which the root subnet vouches for the key and the canister ranges of `subnet`.
    fn delegation(&mut self, state: &(impl State + ?Sized), subnet: Principal) -> Option<Vec<u8>> {
        let root = state.root_subnet();
        let time = state.certified_time(root);
        let ranges = state
            .subnets()
            .into_iter()
            .find(|facts| facts.id == subnet)?
            .canister_ranges;
        if let Some(known) = self.delegations.get(&subnet)
            && known.time.abs_diff(time) <= DELEGATION_MAX_AGE
            && known.ranges == ranges
        {
            return Some(known.certificate.clone());
        }
        self.refresh(state, root)?;
        let certificate = self.states.get(&root)?.certificate(&delegation_paths(subnet), None);
        let known = KnownDelegation {
            time,
            ranges,
            certificate: certificate.clone(),
        };
        self.delegations.insert(subnet, known);
        Some(certificate)
    }
}

/// Older clients look for the ranges in one place, newer ones in the other.
fn delegation_paths(subnet: Principal) -> Vec<Path> {
    let id = subnet.as_slice().to_vec();
    vec![
        vec![b"subnet".to_vec(), id.clone(), b"public_key".to_vec()],
        vec![b"subnet".to_vec(), id.clone(), b"canister_ranges".to_vec()],
        vec![b"subnet".to_vec(), id.clone(), b"type".to_vec()],
        vec![b"canister_ranges".to_vec(), id],
    ]
}

impl SignedState {
    fn certificate(&self, paths: &[Path], delegation: Option<Delegation>) -> Vec<u8> {
        let mut paths = paths.to_vec();
        paths.push(vec![b"time".to_vec()]);
        let tree = self.tree.witness(&paths);
        self_described_cbor(&Certificate {
            tree,
            signature: self.signature.clone(),
            delegation,
        })
    }
}
