//! Witnesses: from a canister's certified data to one stream's head or one licence.

use candid::{Decode, Principal};
use ddsx_merkle_log::{CertifiedHead, Freshness, HEADS_LABEL, Hash, Head, VerifyError, sha256, stream_label};
use ddsx_types::stream_registry::{self as wire, Licence, LicenceId, StreamId};
use ic_certification::{HashTree, LookupResult, SubtreeLookupResult};

use crate::certificate::{Certified, verify_certificate};
use crate::verification::VerificationError;

type Tree = HashTree;

/// The label of the certified tree under which licences lie.
pub const LICENCES_LABEL: &[u8] = b"licences";

/// To whom everything is proved, and about which canister.
#[derive(Clone, Copy, Debug)]
pub struct Anchor<'a> {
    /// The network's root key, in DER.
    pub root_key: &'a [u8],
    /// The canister.
    pub canister: Principal,
}

impl Anchor<'_> {
    /// Checks certificate and witness; the witness's tree, and when it was certified.
    pub(crate) fn open(
        &self,
        certificate: Option<&[u8]>,
        witness: &[u8],
    ) -> Result<(Certified, Tree), VerificationError> {
        let certificate = certificate.ok_or(VerificationError::CertificateMissing)?;
        let certified = verify_certificate(certificate, self.root_key, self.canister)?;
        let tree: Tree =
            serde_cbor::from_slice(witness).map_err(|error| VerificationError::WitnessMalformed(error.to_string()))?;
        let root = Hash(tree.digest());
        if root != certified.data {
            return Err(VerificationError::WitnessRoot {
                root,
                certified: certified.data,
            });
        }
        Ok((certified, tree))
    }

    /// The hash that is certified for a stream's head, and when it was.
    pub fn certified_head_hash(
        &self,
        head: &wire::CertifiedHead,
        stream: StreamId,
    ) -> Result<(Hash, u64), VerificationError> {
        let certificate = head.certificate.as_ref().map(|bytes| bytes.as_slice());
        let (certified, tree) = self.open(certificate, &head.witness)?;
        let label = stream_label(stream);
        match tree.lookup_path([HEADS_LABEL, label.as_slice()]) {
            LookupResult::Found(value) => Hash::try_from(value)
                .map(|hash| (hash, certified.time))
                .map_err(|_| VerificationError::WitnessMalformed("the head's entry is not a hash".into())),
            LookupResult::Absent => Err(VerificationError::NoSuchStream { stream }),
            LookupResult::Unknown | LookupResult::Error => Err(match other_stream(&tree, stream) {
                Some(shown) => VerificationError::WitnessOfOtherStream { stream, shown },
                None => VerificationError::WitnessWithoutHead { stream },
            }),
        }
    }

    /// Checks a head's certificate and witness. Its freshness, and that it continues a head held, is checked by
    /// [`ddsx_merkle_log::verify_head`].
    pub fn verify_head(
        &self,
        head: &wire::CertifiedHead,
        stream: StreamId,
    ) -> Result<CertifiedHead, VerificationError> {
        let (certified, certified_at) = self.certified_head_hash(head, stream)?;
        let given = Head::from(head.head);
        if given.hash() != certified {
            return Err(altered_head(&given, certified));
        }
        Ok(CertifiedHead {
            stream,
            head: given,
            certified_at,
        })
    }

    /// Checks a licence's certificate, witness and freshness; the licence, or `None` if it is certified that there is none.
    pub fn verify_licence(
        &self,
        reply: &wire::CertifiedLicence,
        licence: LicenceId,
        freshness: &Freshness,
    ) -> Result<Option<Licence>, VerificationError> {
        let certificate = reply.certificate.as_ref().map(|bytes| bytes.as_slice());
        let (certified, tree) = self.open(certificate, &reply.witness)?;
        check_age(certified.time, freshness)?;
        let label = licence.to_be_bytes();
        let shown = tree.lookup_path([LICENCES_LABEL, label.as_slice()]);
        let not_shown = |said| VerificationError::LicenceNotShown { licence, said };
        let Some(told) = &reply.licence else {
            return match shown {
                LookupResult::Absent => Ok(None),
                _ => Err(not_shown("there is no such licence")),
            };
        };
        let (LookupResult::Found(entry), Some(encoded)) = (shown, &reply.encoded) else {
            return Err(not_shown("there is such a licence"));
        };
        let entry = Hash::try_from(entry)
            .map_err(|_| VerificationError::WitnessMalformed("the licence's entry is not a hash".into()))?;
        let given = sha256(encoded);
        if given != entry {
            return Err(VerificationError::LicenceAltered {
                licence,
                given,
                certified: entry,
            });
        }
        let proved = Decode!(encoded, Licence).ok();
        match proved {
            Some(proved) if proved == *told && proved.id == licence => Ok(Some(proved)),
            _ => Err(VerificationError::LicenceDiffers { licence }),
        }
    }
}

/// Refuses certificates that are too old or from the future.
pub(crate) fn check_age(certified_at: u64, freshness: &Freshness) -> Result<(), VerifyError> {
    const SECOND: u64 = 1_000_000_000;
    let now = freshness.now;
    if certified_at > now.saturating_add(freshness.max_ahead) {
        return Err(VerifyError::CertificateFromFuture { certified_at, now });
    }
    let age = now.saturating_sub(certified_at);
    if age > freshness.max_age {
        return Err(VerifyError::CertificateTooOld {
            certified_at,
            age_s: age / SECOND,
            max_age_s: freshness.max_age / SECOND,
        });
    }
    Ok(())
}

/// Another stream whose head the witness shows.
fn other_stream(tree: &Tree, asked: StreamId) -> Option<StreamId> {
    let SubtreeLookupResult::Found(heads) = tree.lookup_subtree([HEADS_LABEL]) else {
        return None;
    };
    heads
        .list_paths()
        .iter()
        .filter_map(|path| path.first())
        .filter_map(|label| Some(u64::from_be_bytes(label.as_bytes().try_into().ok()?)))
        .find(|shown| *shown != asked)
}

/// How many sizes are tried to find out whether only the size was altered. Costs a few milliseconds, on a failure only.
const SIZES_TRIED: u64 = 100_000;

/// Names what was altered in a head, as far as the head alone tells.
pub(crate) fn altered_head(given: &Head, certified: Hash) -> VerificationError {
    let near = given.tree_size.saturating_sub(SIZES_TRIED / 2);
    let true_size = (0..SIZES_TRIED)
        .chain(near..near.saturating_add(SIZES_TRIED))
        .find(|size| {
            Head {
                tree_size: *size,
                ..*given
            }
            .hash()
                == certified
        });
    match true_size {
        Some(size) => VerificationError::HeadSize {
            given: given.tree_size,
            certified: size,
        },
        None => VerificationError::HeadAltered {
            given: given.hash(),
            certified,
        },
    }
}

#[cfg(test)]
mod tests;
