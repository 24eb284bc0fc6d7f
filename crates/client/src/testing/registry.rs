//! A registry with a real log, real certificates, and a forger in front of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use candid::{Encode, Principal};
use ddsx_merkle_log as log;
use ddsx_merkle_log::{Hash, Leaf, MerkleMap, VecMapStore, leaf_hash, sha256, stream_label};
use ddsx_types::stream_registry::{
    CertifiedHead, CertifiedLicence, ConsistencyProof, ConsistencyProofArgs, InclusionProof, InclusionProofArgs,
    Licence, PlanKind, ProofError, PullArgs, PullError, Pulled, PulledChunk,
};
use ic_certification::{fork, label, pruned};
use serde_bytes::ByteBuf;

use super::{CANISTER, Keys, Shape, cbor};
use crate::{CallError, NetworkError, StreamSource};

/// Changes a reply on its way.
type Forgery = Box<dyn Fn(&mut Pulled) + Send + Sync>;

/// One second.
const SECOND: u64 = 1_000_000_000;

struct Stream {
    log: log::Log<Vec<Hash>>,
    chunks: Vec<PulledChunk>,
    timestamp: u64,
}

struct State {
    streams: BTreeMap<u64, Stream>,
    licences: BTreeMap<u64, Licence>,
    now: u64,
    forgery: Option<Forgery>,
    /// Chunks in one reply at most.
    page: usize,
    /// Calls that get no answer.
    failures: u32,
    calls: Vec<&'static str>,
}

/// A registry that lives in memory. Clones share it.
#[derive(Clone)]
pub struct ModelRegistry {
    keys: Keys,
    root_key: Vec<u8>,
    state: Arc<Mutex<State>>,
}

impl ModelRegistry {
    /// With one empty stream, number 0, at the time given.
    pub fn new(now: u64) -> Self {
        let keys = Keys::new(1);
        let registry = Self {
            root_key: keys.root_key(),
            keys,
            state: Arc::new(Mutex::new(State {
                streams: BTreeMap::new(),
                licences: BTreeMap::new(),
                now,
                forgery: None,
                page: 1_000,
                failures: 0,
                calls: Vec::new(),
            })),
        };
        registry.create(0);
        registry
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn create(&self, stream: u64) {
        let mut state = self.state();
        let timestamp = state.now;
        let log = log::Log::restore(Vec::new()).unwrap();
        state.streams.insert(
            stream,
            Stream {
                log,
                chunks: Vec::new(),
                timestamp,
            },
        );
    }

    pub fn now(&self) -> u64 {
        self.state().now
    }

    pub fn pass(&self, seconds: u64) {
        self.state().now += seconds * SECOND;
    }

    pub fn set_page(&self, chunks: usize) {
        self.state().page = chunks;
    }

    pub fn forge(&self, forgery: impl Fn(&mut Pulled) + Send + Sync + 'static) {
        self.state().forgery = Some(Box::new(forgery));
    }

    pub fn be_honest(&self) {
        self.state().forgery = None;
    }

    /// The next calls get no answer.
    pub fn go_away(&self, calls: u32) {
        self.state().failures = calls;
    }

    pub fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.state().calls)
    }

    /// Appends chunks whose payload says which they are, two records of contributor 0 and one of contributor 3 each.
    pub fn append(&self, stream: u64, count: u64) {
        self.append_with(stream, count, |sequence| {
            format!("{{\"stream\":{stream},\"chunk\":{sequence}}}\n").into_bytes()
        });
    }

    /// Appends chunks with these payloads, two records of contributor 0 and one of contributor 3 each.
    pub fn append_with(&self, stream: u64, count: u64, payload: impl Fn(u64) -> Vec<u8>) {
        let mut state = self.state();
        state.now += SECOND;
        let now = state.now;
        let own = state.streams.get_mut(&stream).unwrap();
        own.timestamp = now;
        for _ in 0..count {
            let sequence = own.log.size();
            let payload = payload(sequence);
            let credit = |contributor: u32, records| log::Credit {
                contributor,
                label: log::label_hash(&contributor.to_string()),
                records,
            };
            let credits = [credit(0, 2), credit(3, 1)];
            let leaf = Leaf {
                stream,
                sequence,
                provider_time: now - SECOND,
                registry_time: now,
                content_type: log::ContentType::JSON_LINES,
                records: 3,
                verdict: log::Verdict::PARSES,
                credits: log::credits_hash(&credits).unwrap(),
                payload_len: payload.len() as u64,
                payload_hash: sha256(&payload),
                sources: None,
            }
            .encode();
            own.log.append(leaf_hash(&leaf)).unwrap();
            own.chunks.push(PulledChunk {
                leaf: ByteBuf::from(leaf),
                credits: ByteBuf::from(log::encode_credits(&credits).unwrap()),
                payload: ByteBuf::from(payload),
            });
        }
    }

    pub fn grant(&self, id: u64) {
        let mut state = self.state();
        let bought_at = state.now;
        state.licences.insert(
            id,
            Licence {
                id,
                owner: CANISTER.into(),
                stream: 0,
                plan: 0,
                kind: PlanKind::Perpetual,
                terms_hash: Hash([9; 32]),
                ledger: None,
                price: 5u8.into(),
                bought_at,
                expires_at: None,
            },
        );
    }

    /// The licence with its proof, as the canister answers.
    pub fn licence(&self, id: u64) -> CertifiedLicence {
        let state = self.state();
        let licence = state.licences.get(&id).cloned();
        let (heads, licences) = maps(&state);
        let entry = licences.witness(&[&id.to_be_bytes()]).unwrap();
        let witness = fork(label("heads", pruned(heads.root_hash())), label("licences", entry));
        let root = Hash(witness.digest());
        CertifiedLicence {
            encoded: licence.as_ref().map(|licence| ByteBuf::from(Encode!(licence).unwrap())),
            licence,
            certificate: Some(ByteBuf::from(self.keys.certificate(&Shape::new(root, state.now)))),
            witness: ByteBuf::from(cbor(&witness)),
        }
    }

    /// The stream's head with its proof, as the canister answers.
    pub fn head(&self, stream: u64) -> CertifiedHead {
        self.certified(&self.state(), stream)
    }

    fn certified(&self, state: &State, stream: u64) -> CertifiedHead {
        let (heads, licences) = maps(state);
        let entry = heads.witness(&[&stream_label(stream)]).unwrap();
        let witness = fork(label("heads", entry), label("licences", pruned(licences.root_hash())));
        let root = Hash(witness.digest());
        CertifiedHead {
            head: head(&state.streams[&stream]).into(),
            certificate: Some(ByteBuf::from(self.keys.certificate(&Shape::new(root, state.now)))),
            witness: ByteBuf::from(cbor(&witness)),
        }
    }

    fn answer(&self, args: PullArgs) -> Result<Pulled, PullError> {
        let state = self.state();
        let stream = state.streams.get(&args.stream).ok_or(PullError::StreamNotFound)?;
        let size = stream.log.size();
        if args.from > size {
            return Err(PullError::BeyondHead { tree_size: size });
        }
        let from = usize::try_from(args.from).unwrap();
        let to = (from + state.page).min(stream.chunks.len());
        let left = if args.with_left_frontier {
            stream.log.range(0, args.from).unwrap().into_hashes()
        } else {
            Vec::new()
        };
        Ok(Pulled {
            chunks: stream.chunks[from..to].to_vec(),
            left_frontier: left,
            right_frontier: stream.log.range(to as u64, size).unwrap().into_hashes(),
            head: self.certified(&state, args.stream),
            next: to as u64,
        })
    }

    /// An honest reply from the first chunk on, as it is now.
    pub fn raw_pull(&self, stream: u64) -> Pulled {
        let args = PullArgs {
            stream,
            from: 0,
            max_bytes: None,
            licence: None,
            with_left_frontier: false,
        };
        self.answer(args).unwrap()
    }

    /// The right frontier of a reply to stream 0 that would hold no chunk from here on.
    pub fn answer_from(&self, from: u64) -> Vec<Hash> {
        let state = self.state();
        let log = &state.streams[&0].log;
        log.range(from, log.size()).unwrap().into_hashes()
    }

    /// Notes the call; an error if nobody answers.
    fn called(&self, method: &'static str) -> Result<(), NetworkError> {
        let mut state = self.state();
        state.calls.push(method);
        if state.failures == 0 {
            return Ok(());
        }
        state.failures -= 1;
        Err(NetworkError::Unreachable {
            method: method.into(),
            reason: "nobody there".into(),
        })
    }
}

fn head(stream: &Stream) -> log::Head {
    log::Head {
        tree_size: stream.log.size(),
        root: stream.log.root(),
        timestamp: stream.timestamp,
    }
}

type Map = MerkleMap<VecMapStore>;

fn maps(state: &State) -> (Map, Map) {
    let mut heads = Map::init(VecMapStore::default()).unwrap();
    for (id, stream) in &state.streams {
        heads.insert(&stream_label(*id), head(stream).hash()).unwrap();
    }
    let mut licences = Map::init(VecMapStore::default()).unwrap();
    for (id, licence) in &state.licences {
        let encoded = Encode!(licence).unwrap();
        licences.insert(&id.to_be_bytes(), sha256(&encoded)).unwrap();
    }
    (heads, licences)
}

#[async_trait]
impl StreamSource for ModelRegistry {
    fn canister(&self) -> Principal {
        CANISTER
    }

    fn root_key(&self) -> &[u8] {
        &self.root_key
    }

    async fn pull(&self, args: PullArgs) -> Result<Pulled, CallError<PullError>> {
        self.called("pull")?;
        let mut reply = self
            .answer(args)
            .map_err(|error| CallError::Refused { method: "pull", error })?;
        if let Some(forgery) = &self.state().forgery {
            forgery(&mut reply);
        }
        Ok(reply)
    }

    async fn consistency_proof(&self, args: ConsistencyProofArgs) -> Result<ConsistencyProof, CallError<ProofError>> {
        self.called("consistency_proof")?;
        let state = self.state();
        let log = &state.streams[&args.stream].log;
        let second = args.second.unwrap_or_else(|| log.size());
        let path = log
            .consistency_proof(args.first, second)
            .map_err(|_| CallError::Refused {
                method: "consistency_proof",
                error: ProofError::OutOfRange { tree_size: log.size() },
            })?;
        Ok(ConsistencyProof {
            second,
            path,
            head: self.certified(&state, args.stream),
        })
    }

    async fn inclusion_proof(&self, args: InclusionProofArgs) -> Result<InclusionProof, CallError<ProofError>> {
        self.called("inclusion_proof")?;
        let state = self.state();
        let stream = &state.streams[&args.stream];
        let tree_size = args.tree_size.unwrap_or_else(|| stream.log.size());
        let index = usize::try_from(args.sequence).unwrap();
        Ok(InclusionProof {
            leaf: stream.chunks[index].leaf.clone(),
            tree_size,
            path: stream.log.inclusion_proof(args.sequence, tree_size).unwrap(),
            head: self.certified(&state, args.stream),
        })
    }
}
