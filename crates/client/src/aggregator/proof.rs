//! From the aggregator's certified data to one task's model or one round's report.

use candid::Decode;
use ddsx_merkle_log::{Freshness, Hash, sha256};
use ddsx_types::federated_aggregator::{CertifiedModel, CertifiedReport, ModelVersion, RoundKey, RoundReport, TaskId};
use ic_certification::LookupResult;
use serde_bytes::ByteBuf;

use crate::verification::{Subject, VerificationError};
use crate::witness::{Anchor, check_age};

/// The label of the certified tree under which models lie.
pub const MODELS_LABEL: &[u8] = b"models";
/// The label of the certified tree under which reports lie.
pub const REPORTS_LABEL: &[u8] = b"reports";

impl Anchor<'_> {
    /// Checks a model's certificate, witness and freshness; the version in force, and when it was certified.
    pub fn verify_model(
        &self,
        reply: &CertifiedModel,
        task: TaskId,
        freshness: &Freshness,
    ) -> Result<(ModelVersion, u64), VerificationError> {
        let subject = Subject::Model { task };
        let path = [MODELS_LABEL, task.to_be_bytes().as_slice()].map(<[u8]>::to_vec);
        let proof = (reply.certificate.as_ref(), &reply.witness);
        let certified_at = self.verify_entry(proof, &path, &reply.encoded, subject, freshness)?;
        match Decode!(&reply.encoded, ModelVersion) {
            Ok(proved) if proved == reply.model && proved.task == task => Ok((proved, certified_at)),
            _ => Err(VerificationError::EntryDiffers(subject)),
        }
    }

    /// Checks a report's certificate, witness and freshness; the report, and when it was certified.
    pub fn verify_report(
        &self,
        reply: &CertifiedReport,
        key: RoundKey,
        freshness: &Freshness,
    ) -> Result<(RoundReport, u64), VerificationError> {
        let RoundKey { task, round } = key;
        let subject = Subject::Report { task, round };
        let label = [task.to_be_bytes().as_slice(), &round.to_be_bytes()].concat();
        let path = [REPORTS_LABEL.to_vec(), label];
        let proof = (reply.certificate.as_ref(), &reply.witness);
        let certified_at = self.verify_entry(proof, &path, &reply.report, subject, freshness)?;
        match Decode!(&reply.report, RoundReport) {
            Ok(proved) if proved.task == task && proved.round == round => Ok((proved, certified_at)),
            _ => Err(VerificationError::EntryDiffers(subject)),
        }
    }

    /// Checks that `bytes` are those whose hash is certified at `path`.
    fn verify_entry(
        &self,
        (certificate, witness): (Option<&ByteBuf>, &ByteBuf),
        path: &[Vec<u8>; 2],
        bytes: &[u8],
        subject: Subject,
        freshness: &Freshness,
    ) -> Result<u64, VerificationError> {
        let (certified, tree) = self.open(certificate.map(|bytes| bytes.as_slice()), witness)?;
        check_age(certified.time, freshness)?;
        let LookupResult::Found(entry) = tree.lookup_path(path.iter().map(Vec::as_slice)) else {
            return Err(VerificationError::NotShown(subject));
        };
        let entry = Hash::try_from(entry)
            .map_err(|_| VerificationError::WitnessMalformed(format!("the entry of {subject} is not a hash")))?;
        let given = sha256(bytes);
        if given == entry {
            Ok(certified.time)
        } else {
            Err(VerificationError::EntryAltered {
                subject,
                given,
                certified: entry,
            })
        }
    }
}

#[cfg(test)]
mod tests;
