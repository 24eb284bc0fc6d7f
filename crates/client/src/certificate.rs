//! Certificates, from bytes to the canister's certified data. (IC interface specification, "Certification".)
//!
//! Stricter than the specification's sample in one point: a delegation must *show* the range that covers the canister. A
//! pruned list of ranges proves nothing and is refused.

use candid::Principal;
use ddsx_merkle_log::Hash;
use ic_certification::{Certificate, Delegation, HashTree, HashTreeNode, LookupResult, SubtreeLookupResult};
use ic_verify_bls_signature::Signature;

use crate::root_key::DER_PREFIX;
use crate::verification::VerificationError;

type Tree = HashTree;
type Ranges = Vec<(Principal, Principal)>;

const SIGNATURE_DOMAIN: &[u8; 14] = b"\x0Dic-state-root";

/// What a certificate was found to say of a canister.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certified {
    /// The canister's certified data: a hash tree's root.
    pub data: Hash,
    /// When it was certified, ns since the Unix epoch.
    pub time: u64,
}

/// Checks a certificate's signature up to `root_key` (DER), its delegation with the canister ranges, and that it is about
/// `canister`. Its age is checked by whoever uses it.
pub fn verify_certificate(
    certificate: &[u8],
    root_key: &[u8],
    canister: Principal,
) -> Result<Certified, VerificationError> {
    let certificate: Certificate = serde_cbor::from_slice(certificate)
        .map_err(|error| VerificationError::CertificateMalformed(error.to_string()))?;
    let root_key = bls_key(root_key).map_err(VerificationError::RootKey)?;
    let key = match &certificate.delegation {
        None => root_key,
        Some(delegation) => subnet_key(delegation, &root_key, canister)?,
    };
    check_signature(&certificate, &key).map_err(|flaw| match flaw {
        SignatureFlaw::Malformed => VerificationError::CertificateSignatureMalformed,
        SignatureFlaw::Wrong if certificate.delegation.is_none() => VerificationError::DelegationMissing,
        SignatureFlaw::Wrong => VerificationError::CertificateSignature,
    })?;
    let path = [b"canister".as_slice(), canister.as_slice(), b"certified_data"];
    let LookupResult::Found(data) = certificate.tree.lookup_path(path) else {
        return Err(VerificationError::CertificateOfOtherCanister { canister });
    };
    Ok(Certified {
        data: Hash::try_from(data).map_err(|_| VerificationError::CertifiedDataLength(data.len()))?,
        time: time_of(&certificate.tree)?,
    })
}

/// The certificate's time, ns since the Unix epoch.
fn time_of(tree: &Tree) -> Result<u64, VerificationError> {
    let LookupResult::Found(bytes) = tree.lookup_path([b"time"]) else {
        return Err(VerificationError::TimeMissing);
    };
    leb128(bytes).ok_or(VerificationError::TimeMissing)
}

/// An unsigned LEB128 number of at most 64 bits, with nothing after it.
fn leb128(bytes: &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().enumerate() {
        let bits = u64::from(byte & 0x7f);
        let shift = u32::try_from(index * 7).ok()?;
        let shifted = bits.checked_shl(shift)?;
        if shifted >> shift != bits {
            return None;
        }
        value |= shifted;
        if byte & 0x80 == 0 {
            return (index + 1 == bytes.len()).then_some(value);
        }
    }
    None
}

/// The 96 bytes of a BLS12-381 public key in DER.
fn bls_key(der: &[u8]) -> Result<Vec<u8>, String> {
    match der.strip_prefix(DER_PREFIX.as_slice()) {
        Some(key) if key.len() == 96 => Ok(key.to_vec()),
        _ => Err(format!(
            "{} bytes that are not a BLS12-381 public key in DER",
            der.len()
        )),
    }
}

/// What is wrong with a signature.
enum SignatureFlaw {
    /// No key can have made it.
    Malformed,
    /// Another key made it, or for other content.
    Wrong,
}

fn check_signature(certificate: &Certificate, key: &[u8]) -> Result<(), SignatureFlaw> {
    let message = [SIGNATURE_DOMAIN.as_slice(), &certificate.tree.digest()].concat();
    ic_verify_bls_signature::verify_bls_signature(&certificate.signature, &message, key).map_err(|()| {
        match Signature::deserialize(&certificate.signature) {
            Ok(_) => SignatureFlaw::Wrong,
            Err(_) => SignatureFlaw::Malformed,
        }
    })
}

/// The public key of the subnet to which the root key delegated, if it may speak for the canister.
fn subnet_key(delegation: &Delegation, root_key: &[u8], canister: Principal) -> Result<Vec<u8>, VerificationError> {
    let certificate: Certificate = serde_cbor::from_slice(&delegation.certificate)
        .map_err(|error| VerificationError::DelegationMalformed(error.to_string()))?;
    if certificate.delegation.is_some() {
        return Err(VerificationError::DelegationNested);
    }
    check_signature(&certificate, root_key).map_err(|flaw| match flaw {
        SignatureFlaw::Malformed => VerificationError::DelegationSignatureMalformed,
        SignatureFlaw::Wrong => VerificationError::DelegationSignature,
    })?;
    let subnet = Principal::try_from_slice(&delegation.subnet_id)
        .map_err(|error| VerificationError::DelegationMalformed(error.to_string()))?;
    let ranges = canister_ranges(&certificate.tree, subnet)?;
    if !ranges.iter().any(|(first, last)| (*first..=*last).contains(&canister)) {
        return Err(VerificationError::DelegationRange { canister, subnet });
    }
    let path = [b"subnet".as_slice(), subnet.as_slice(), b"public_key"];
    let bad_key = |reason: String| VerificationError::SubnetKey { subnet, reason };
    let LookupResult::Found(der) = certificate.tree.lookup_path(path) else {
        return Err(bad_key("it is not there".into()));
    };
    bls_key(der).map_err(bad_key)
}

/// The ranges shown, either in shards under `canister_ranges`/<subnet> or, as until 2025, in one list.
fn canister_ranges(tree: &Tree, subnet: Principal) -> Result<Ranges, VerificationError> {
    let missing = || VerificationError::DelegationRangesMissing { subnet };
    let sharded = [b"canister_ranges".as_slice(), subnet.as_slice()];
    let mut lists = Vec::new();
    if let SubtreeLookupResult::Found(shards) = tree.lookup_subtree(sharded) {
        leaves(shards.as_ref(), &mut lists);
    }
    let path = [b"subnet".as_slice(), subnet.as_slice(), b"canister_ranges"];
    if lists.is_empty()
        && let LookupResult::Found(list) = tree.lookup_path(path)
    {
        lists.push(list.to_vec());
    }
    if lists.is_empty() {
        return Err(missing());
    }
    let mut ranges = Ranges::new();
    for list in lists {
        let part: Ranges =
            serde_cbor::from_slice(&list).map_err(|error| VerificationError::DelegationMalformed(error.to_string()))?;
        ranges.extend(part);
    }
    Ok(ranges)
}

/// The contents of all leaves that are not pruned.
fn leaves(node: &HashTreeNode, found: &mut Vec<Vec<u8>>) {
    match node {
        HashTreeNode::Fork(pair) => {
            leaves(&pair.0, found);
            leaves(&pair.1, found);
        }
        HashTreeNode::Labeled(_, below) => leaves(below, found),
        HashTreeNode::Leaf(content) => found.push(content.clone()),
        HashTreeNode::Empty() | HashTreeNode::Pruned(_) => {}
    }
}

#[cfg(test)]
mod tests;
