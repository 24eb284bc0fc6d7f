//! Licences and their certified map.

use candid::Principal;
use ddsx_merkle_log::{Hash, MapError};
use ddsx_types::stream_registry::{Licence, LicenceId, StreamId};
use ic_certification::HashTree;

use super::Storage;
use super::codec::Stored;
use super::keys::{principal_and, principal_and_hash};
use super::records::{FreeRequest, LicenceRecord};

impl Storage {
    /// A licence as it is stored.
    pub fn licence_record(&self, licence: LicenceId) -> Option<LicenceRecord> {
        self.licences.get(&licence).map(|stored| stored.0)
    }

    /// A licence.
    pub fn licence(&self, licence: LicenceId) -> Option<Licence> {
        self.licence_record(licence)?.licence().ok()
    }

    /// Damages the store, for tests of what is said then.
    #[cfg(test)]
    pub fn lose_licence(&mut self, licence: LicenceId) {
        self.licences.remove(&licence);
    }

    /// Enters a licence under the number it holds, which is the next one.
    pub fn add_licence(&mut self, licence: &Licence, record: LicenceRecord) -> Result<(), MapError> {
        self.licence_map.insert(&licence.id.to_be_bytes(), record.hash())?;
        self.count(|counters| counters.licences = licence.id + 1);
        self.licences_of_owner
            .insert(principal_and(&licence.owner.owner, licence.id), ());
        let best = principal_and(&licence.owner.owner, licence.stream);
        let lasts_longer = |other: LicenceId| match (
            self.licence(other).and_then(|other| other.expires_at),
            licence.expires_at,
        ) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(other), Some(this)) => this > other,
        };
        if self.best_licence.get(&best).is_none_or(lasts_longer) {
            self.best_licence.insert(best, licence.id);
        }
        self.licences.insert(licence.id, Stored(record));
        Ok(())
    }

    /// An owner's licences by number.
    pub fn licences_of(&self, owner: Principal, start_after: Option<u64>, limit: usize) -> Vec<LicenceId> {
        let Some(first) = start_after.map_or(Some(0), |after| after.checked_add(1)) else {
            return Vec::new();
        };
        self.licences_of_owner
            .keys_range(principal_and(&owner, first)..=principal_and(&owner, u64::MAX))
            .take(limit)
            .map(|key| key.u64_at(30))
            .collect()
    }

    /// Of an owner's licences for a stream, the one that lasts longest.
    pub fn best_licence(&self, owner: Principal, stream: StreamId) -> Option<LicenceId> {
        self.best_licence.get(&principal_and(&owner, stream))
    }

    /// Root of the certified licences.
    pub fn licences_root(&self) -> [u8; 32] {
        self.licence_map.root_hash()
    }

    /// Shows a licence's hash, or that there is none, under [`Storage::licences_root`].
    pub fn licence_witness(&self, licence: LicenceId) -> Result<HashTree, MapError> {
        self.licence_map.witness(&[&licence.to_be_bytes()])
    }

    /// The free licence that a request got.
    pub fn free_request(&self, buyer: Principal, request: &Hash) -> Option<FreeRequest> {
        self.free_requests
            .get(&principal_and_hash(&buyer, &request.0))
            .map(|stored| stored.0)
    }

    /// How many free licences a buyer has taken, counted up to `most`.
    pub fn free_requests_of(&self, buyer: Principal, most: u64) -> u64 {
        let range = principal_and_hash(&buyer, &[0; 32])..=principal_and_hash(&buyer, &[0xff; 32]);
        self.free_requests
            .keys_range(range)
            .take(usize::try_from(most).unwrap_or(usize::MAX))
            .count() as u64
    }

    /// Notes the free licence that a request got.
    pub fn put_free_request(&mut self, buyer: Principal, request: &Hash, granted: FreeRequest) {
        self.free_requests
            .insert(principal_and_hash(&buyer, &request.0), Stored(granted));
    }
}
