//! Looking licences up.

use ddsx_runtime::Runtime;
use ddsx_types::stream_registry::{CertifiedLicence, Licence, LicenceId, LicencesOfArgs};
use serde_bytes::ByteBuf;

use crate::certification;
use crate::storage::Storage;
use crate::streams::page_limit;

/// A licence with its proof, or the proof that there is none of this number.
///
/// Panics if stable memory is damaged: there is no proof then, and an empty one must not pass for
/// one.
pub fn certified(storage: &Storage, runtime: &impl Runtime, id: LicenceId) -> CertifiedLicence {
    let record = storage.licence_record(id);
    let witness = match certification::licence_witness(storage, id) {
        Ok(witness) => witness,
        Err(error) => panic!("licence {id} cannot be witnessed: {error}"),
    };
    CertifiedLicence {
        licence: record.as_ref().and_then(|record| record.licence().ok()),
        encoded: record.map(|record| ByteBuf::from(record.encoded)),
        certificate: runtime.data_certificate().map(ByteBuf::from),
        witness,
    }
}

/// An owner's licences by number.
pub fn of(storage: &Storage, args: &LicencesOfArgs) -> Vec<Licence> {
    storage
        .licences_of(args.owner, args.page.start_after, page_limit(args.page))
        .into_iter()
        .filter_map(|id| storage.licence(id))
        .collect()
}
