//! Streams, contributors, publishers and their logs.

use candid::Principal;
use ddsx_merkle_log::{ArenaNodes, Hash, Log, LogError, LogRecord, MapError, sha256, stream_label};
use ddsx_types::stream_registry::StreamId;
use ic_certification::HashTree;

use super::chunks::{Exhausted, Parts, Place, StoredChunk};
use super::codec::Stored;
use super::keys::{principal_and_hash, principal_of, stream_and, stream_and_hash, stream_and_principal};
use super::records::{ContributorRecord, PublisherRecord, StreamMeta, StreamState};
use super::{Mem, Storage};

impl Storage {
    /// What grows of a stream.
    pub fn stream(&self, stream: StreamId) -> Option<StreamState> {
        self.stream_states.get(&stream).map(|stored| stored.0)
    }

    /// Writes it back.
    pub fn put_stream(&mut self, stream: StreamId, state: StreamState) {
        self.stream_states.insert(stream, Stored(state));
    }

    /// What was said of a stream.
    pub fn meta(&self, stream: StreamId) -> Option<StreamMeta> {
        self.stream_metas.get(&stream).map(|stored| stored.0)
    }

    /// The owner's stream of this name.
    pub fn stream_named(&self, owner: Principal, name: &str) -> Option<StreamId> {
        self.stream_names
            .get(&principal_and_hash(&owner, &sha256(name.as_bytes()).0))
    }

    /// How many streams an owner has; counted, since they are few.
    pub fn streams_of(&self, owner: Principal) -> u64 {
        let range = principal_and_hash(&owner, &[0; 32])..=principal_and_hash(&owner, &[0xff; 32]);
        self.stream_names.keys_range(range).count() as u64
    }

    /// Enters a new stream and gives its number. The caller has checked that the name is free.
    pub fn add_stream(&mut self, meta: StreamMeta, state: StreamState) -> StreamId {
        let stream = self.counters().streams;
        self.count(|counters| counters.streams += 1);
        self.stream_names.insert(
            principal_and_hash(&state.owner, &sha256(meta.name.as_bytes()).0),
            stream,
        );
        self.stream_metas.insert(stream, Stored(meta));
        self.put_stream(stream, state);
        stream
    }

    /// Streams by number.
    pub fn streams_after(&self, start_after: Option<u64>, limit: usize) -> Vec<(StreamId, StreamMeta, StreamState)> {
        let first = start_after.map_or(Some(0), |after| after.checked_add(1));
        let Some(first) = first else { return Vec::new() };
        self.stream_metas
            .range(first..)
            .take(limit)
            .filter_map(|entry| {
                let stream = *entry.key();
                Some((stream, entry.value().0, self.stream(stream)?))
            })
            .collect()
    }

    /// A contributor.
    pub fn contributor(&self, stream: StreamId, number: u32) -> Option<ContributorRecord> {
        self.contributors
            .get(&stream_and(stream, number.into()))
            .map(|stored| stored.0)
    }

    /// Writes a contributor back.
    pub fn put_contributor(&mut self, stream: StreamId, number: u32, contributor: ContributorRecord) {
        self.contributors
            .insert(stream_and(stream, number.into()), Stored(contributor));
    }

    /// Enters a new contributor under its label.
    pub fn add_contributor(&mut self, stream: StreamId, number: u32, contributor: ContributorRecord) {
        self.labels
            .insert(stream_and_hash(stream, &contributor.label_hash.0), number);
        self.put_contributor(stream, number, contributor);
    }

    /// The contributor whose label has this hash.
    pub fn labelled(&self, stream: StreamId, label: &Hash) -> Option<u32> {
        self.labels.get(&stream_and_hash(stream, &label.0))
    }

    /// Contributors from a number on.
    pub fn contributors_from(&self, stream: StreamId, first: u64, limit: usize) -> Vec<(u32, ContributorRecord)> {
        self.contributors
            .range(stream_and(stream, first)..=stream_and(stream, u64::MAX))
            .take(limit)
            .map(|entry| (entry.key().u32_at(12), entry.value().0))
            .collect()
    }

    /// Whether and until when a principal may append.
    pub fn publisher(&self, stream: StreamId, principal: Principal) -> Option<PublisherRecord> {
        self.publishers
            .get(&stream_and_principal(stream, &principal))
            .map(|stored| stored.0)
    }

    /// Enters a publisher or changes its expiry; says whether it is new.
    pub fn put_publisher(&mut self, stream: StreamId, principal: Principal, publisher: PublisherRecord) -> bool {
        self.publishers
            .insert(stream_and_principal(stream, &principal), Stored(publisher))
            .is_none()
    }

    /// Strikes a publisher off; says whether it was there.
    pub fn remove_publisher(&mut self, stream: StreamId, principal: Principal) -> bool {
        self.publishers
            .remove(&stream_and_principal(stream, &principal))
            .is_some()
    }

    /// A stream's publishers: at most `limits::MAX_PUBLISHERS`.
    pub fn publishers(&self, stream: StreamId) -> Vec<(Principal, PublisherRecord)> {
        let first = super::keys::key::<38>(&[&stream.to_be_bytes(), &[0; 30]]);
        let last = super::keys::key::<38>(&[&stream.to_be_bytes(), &[0xff; 30]]);
        self.publishers
            .range(first..=last)
            .filter_map(|entry| {
                let principal = entry.key().0[8..].try_into().ok()?;
                Some((principal_of(principal), entry.value().0))
            })
            .collect()
    }

    /// Adds a batch to a stream's log and to the chunk store; changes `state`, which the caller writes back. An error
    /// means that stable memory is full; the caller must then trap or give up the whole message's changes.
    pub fn append_chunks(
        &mut self,
        state: &mut StreamState,
        parts: &[Parts<'_>],
        leaf_hashes: &[Hash],
    ) -> Result<(), Exhausted> {
        let first = state.log.size();
        let extents = state.extents.clone();
        self.chunks.append(&mut state.extents, first, parts)?;
        if self.nodes.append_batch(&mut state.log, leaf_hashes).is_err() {
            // The bytes just written lie behind the log's end, where nothing reads them.
            state.extents = extents;
            return Err(Exhausted);
        }
        Ok(())
    }

    /// The log of a stream, for proofs.
    pub fn log<'a>(&'a self, record: &'a LogRecord) -> Result<Log<ArenaNodes<'a, Mem>>, LogError> {
        self.nodes.log(record)
    }

    /// Where a chunk lies.
    pub fn place(&self, state: &StreamState, sequence: u64) -> Option<Place> {
        if sequence < state.log.size() {
            self.chunks.place(&state.extents, sequence)
        } else {
            None
        }
    }

    /// A chunk.
    pub fn chunk(&self, place: Place) -> StoredChunk {
        self.chunks.chunk(place)
    }

    /// A chunk's leaf.
    pub fn leaf(&self, place: Place) -> Vec<u8> {
        self.chunks.leaf(place)
    }

    /// Sets what is certified of a stream.
    pub fn set_head(&mut self, stream: StreamId, hash: Hash) -> Result<(), MapError> {
        self.heads.insert(&stream_label(stream), hash).map(|_| ())
    }

    /// Root of the certified heads.
    pub fn heads_root(&self) -> [u8; 32] {
        self.heads.root_hash()
    }

    /// Shows a stream's head, or its absence, under [`Storage::heads_root`].
    pub fn head_witness(&self, stream: StreamId) -> Result<HashTree, MapError> {
        self.heads.witness(&[&stream_label(stream)])
    }
}
