use super::*;
use crate::credits::{Credit, credited_records, encode_credits, label_hash};
use crate::hash::{CREDITS, prefixed, sha256};
use crate::leaf::{ContentType, Verdict};
use crate::log::Log;

const NOW: u64 = 1_800_000_000 * NANOS;
const STREAM: u64 = 7;

/// A chunk as the registry stores it.
#[derive(Clone)]
struct Chunk {
    leaf: Vec<u8>,
    credits: Vec<u8>,
    payload: Vec<u8>,
}

impl Chunk {
    fn received(&self) -> ReceivedChunk<'_> {
        ReceivedChunk {
            leaf: &self.leaf,
            credits: &self.credits,
            payload: Some(&self.payload),
        }
    }
}

/// A stream as the registry holds it.
struct Registry {
    log: Log<Vec<Hash>>,
    chunks: Vec<Chunk>,
}

fn chunk(stream: u64, sequence: u64) -> Chunk {
    let payload = format!("payload {sequence} of stream {stream}").into_bytes();
    let mut credits: Vec<_> = (0..=u32::try_from(sequence % 3).unwrap())
        .map(|contributor| Credit {
            contributor,
            label: label_hash(&contributor.to_string()),
            records: sequence + 1,
        })
        .collect();
    let records = credited_records(&credits).unwrap();
    // Every tenth chunk credits nobody for the records that it holds.
    if sequence % 10 == 5 {
        credits.clear();
    }
    let credits = encode_credits(&credits).unwrap();
    let leaf = Leaf {
        stream,
        sequence,
        provider_time: sequence,
        registry_time: sequence + 1,
        content_type: ContentType::TEXT,
        records,
        verdict: Verdict::PARSES,
        credits: prefixed(CREDITS, &credits),
        payload_len: payload.len() as u64,
        payload_hash: sha256(&payload),
        sources: None,
    };
    Chunk {
        leaf: leaf.encode(),
        credits,
        payload,
    }
}

fn registry(size: u64) -> Registry {
    let mut log = Log::restore(Vec::new()).unwrap();
    let chunks: Vec<_> = (0..size).map(|sequence| chunk(STREAM, sequence)).collect();
    for chunk in &chunks {
        log.append(leaf_hash(&chunk.leaf)).unwrap();
    }
    Registry { log, chunks }
}

impl Registry {
    fn head(&self, size: u64) -> CertifiedHead {
        CertifiedHead {
            stream: STREAM,
            head: Head {
                tree_size: size,
                root: self.log.root_at(size).unwrap(),
                timestamp: NOW - 100 + size,
            },
            certified_at: NOW - 10,
        }
    }

    fn reply(&self, from: u64, to: u64, size: u64, with_left: bool) -> Reply {
        let range = |begin, end| self.log.range(begin, end).unwrap().into_hashes();
        Reply {
            from,
            chunks: self.chunks[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()].to_vec(),
            left: with_left.then(|| range(0, from)),
            right: range(to, size),
            consistency: None,
            head: self.head(size),
        }
    }
}

/// A reply that can be tampered with.
#[derive(Clone)]
struct Reply {
    from: u64,
    chunks: Vec<Chunk>,
    left: Option<Vec<Hash>>,
    right: Vec<Hash>,
    consistency: Option<Vec<Hash>>,
    head: CertifiedHead,
}

impl Reply {
    fn verify(&self, held: Option<&Held>) -> Result<Verified, VerifyError> {
        let chunks: Vec<_> = self.chunks.iter().map(Chunk::received).collect();
        let pulled = Pulled {
            from: self.from,
            chunks: &chunks,
            left: self.left.as_deref(),
            right: &self.right,
            consistency: self.consistency.as_deref(),
            allow_missing_payloads: false,
        };
        verify_pull(held, &self.head, &pulled, &Freshness::at(NOW))
    }
}

#[test]
fn should_follow_a_growing_stream_without_any_proof_bytes() {
    let registry = registry(120);
    let mut held: Option<Held> = None;
    for (to, size) in [(5, 5), (5, 5), (64, 64), (65, 65), (120, 120)] {
        let from = held.as_ref().map_or(0, Held::next);
        let reply = registry.reply(from, to, size, false);
        assert!(reply.right.is_empty());
        let verified = reply.verify(held.as_ref()).unwrap();
        assert_eq!(verified.leaves.len() as u64, to - from);
        assert_eq!(verified.held.head, registry.head(size).head);
        held = Some(verified.held);
    }
    assert_eq!(held.unwrap().next(), 120);
}

#[test]
fn should_pull_any_part_of_any_stream_from_any_state() {
    let registry = registry(33);
    for size in 0..=33 {
        for from in 0..=size {
            for to in [from, (from + 1).min(size), (from + 5).min(size), size] {
                let first = registry.reply(from, to, size, true).verify(None).unwrap();
                assert_eq!(first.held.next(), to);
                let rest = registry.reply(to, size, size, false);
                let all = rest.verify(Some(&first.held)).unwrap();
                assert_eq!(all.held.range, registry.log.range(0, size).unwrap());
            }
        }
    }
}

#[test]
fn should_ask_for_a_consistency_proof_only_when_the_chunks_do_not_show_it() {
    let registry = registry(100);
    // Stopped short: the state ends at 20, the head held has 50 chunks, the new one 100.
    let held = registry.reply(0, 20, 50, false).verify(None).unwrap().held;
    let mut short = registry.reply(20, 40, 100, false);
    assert_eq!(
        short.verify(Some(&held)),
        Err(VerifyError::ConsistencyMissing { held: 50, got: 100 })
    );
    short.consistency = Some(registry.log.consistency_proof(50, 100).unwrap());
    assert_eq!(short.verify(Some(&held)).unwrap().held.next(), 40);
    // Chunks that reach or pass the size held show it by themselves.
    for to in [50, 51, 100] {
        let reply = registry.reply(20, to, 100, false);
        assert_eq!(reply.verify(Some(&held)).unwrap().held.next(), to);
    }
    // Jumping ahead with a left frontier does not.
    let mut ahead = registry.reply(60, 80, 100, true);
    assert_eq!(
        ahead.verify(Some(&held)),
        Err(VerifyError::ConsistencyMissing { held: 50, got: 100 })
    );
    ahead.consistency = Some(registry.log.consistency_proof(50, 100).unwrap());
    ahead.verify(Some(&held)).unwrap();
}

#[test]
fn should_refuse_a_rewritten_history() {
    let honest = registry(50);
    let held = honest.reply(0, 20, 50, false).verify(None).unwrap().held;
    // The canister now certifies another history: chunk 30 is another one.
    let mut other = registry(0);
    for sequence in 0..100 {
        let mut chunk = chunk(STREAM, sequence);
        if sequence == 30 {
            chunk.leaf[20] ^= 1;
        }
        other.log.append(leaf_hash(&chunk.leaf)).unwrap();
        other.chunks.push(chunk);
    }
    let passing = other.reply(20, 60, 100, false);
    assert_eq!(
        passing.verify(Some(&held)),
        Err(VerifyError::HistoryRewritten {
            size: 50,
            held: honest.log.root(),
            got: other.log.root_at(50).unwrap(),
        })
    );
    let mut short = other.reply(20, 25, 100, false);
    short.consistency = Some(other.log.consistency_proof(50, 100).unwrap());
    assert_eq!(
        short.verify(Some(&held)),
        Err(VerifyError::Consistency {
            held: 50,
            got: 100,
            reason: crate::ProofError::Root(50)
        })
    );
    // With a proof of its own that leads to the wrong root, passing by is refused too.
    assert_eq!(
        verify_head(
            Some(&held),
            &other.head(100),
            short.consistency.as_deref(),
            &Freshness::at(NOW)
        ),
        short.verify(Some(&held)).map(drop)
    );
    assert_eq!(
        verify_head(Some(&held), &other.head(50), None, &Freshness::at(NOW)),
        Err(VerifyError::HeadForked {
            size: 50,
            held: honest.log.root(),
            got: other.log.root_at(50).unwrap(),
        })
    );
}

#[test]
fn should_refuse_stale_and_shrunken_heads() {
    let registry = registry(10);
    let held = registry.reply(0, 10, 10, false).verify(None).unwrap().held;
    let head = registry.head(10);
    let with = |change: &dyn Fn(&mut CertifiedHead)| {
        let mut head = head;
        change(&mut head);
        verify_head(Some(&held), &head, None, &Freshness::at(NOW)).unwrap_err()
    };
    assert_eq!(
        with(&|head| head.certified_at = NOW - DEFAULT_MAX_AGE - 1),
        VerifyError::CertificateTooOld {
            certified_at: NOW - DEFAULT_MAX_AGE - 1,
            age_s: 300,
            max_age_s: 300
        }
    );
    assert_eq!(
        with(&|head| head.certified_at = NOW + DEFAULT_MAX_AHEAD + 1),
        VerifyError::CertificateFromFuture {
            certified_at: NOW + DEFAULT_MAX_AHEAD + 1,
            now: NOW
        }
    );
    assert_eq!(
        with(&|head| head.certified_at = held.certified_at - 1),
        VerifyError::CertificateOlderThanHeld {
            certified_at: held.certified_at - 1,
            held: held.certified_at
        }
    );
    assert_eq!(
        with(&|head| *head = registry.head(9)),
        VerifyError::HeadShrank { held: 10, got: 9 }
    );
    assert_eq!(
        with(&|head| head.head.timestamp -= 1),
        VerifyError::HeadTimeWentBack {
            held: held.head.timestamp,
            got: held.head.timestamp - 1
        }
    );
    assert_eq!(
        with(&|head| head.stream = 8),
        VerifyError::HeadOfOtherStream { expected: 7, got: 8 }
    );
    // At the very limits it is accepted.
    let mut limit = head;
    limit.certified_at = NOW + DEFAULT_MAX_AHEAD;
    verify_head(Some(&held), &limit, None, &Freshness::at(NOW)).unwrap();
    let late = Freshness::at(head.certified_at + DEFAULT_MAX_AGE);
    verify_head(Some(&held), &head, None, &late).unwrap();
}

/// The discriminant's name: the first word of the debug text.
fn name(error: &VerifyError) -> String {
    let text = format!("{error:?}");
    text.split([' ', '{', '(']).next().unwrap().to_owned()
}

type Forge<'a> = &'a dyn Fn(&mut Reply);

#[test]
fn should_refuse_each_forgery_with_an_error_of_its_own() {
    let registry = registry(40);
    let leaf = |reply: &mut Reply, change: &dyn Fn(&mut Leaf)| {
        let mut leaf = Leaf::decode(&reply.chunks[2].leaf).unwrap();
        change(&mut leaf);
        reply.chunks[2].leaf = leaf.encode();
    };
    let table: &[(&str, Forge<'_>)] = &[
        ("PayloadHash", &|r| r.chunks[2].payload[0] ^= 1),
        ("PayloadLength", &|r| r.chunks[2].payload.push(0)),
        ("LeafOfOtherStream", &|r| leaf(r, &|l| l.stream = 8)),
        ("LeafOutOfSequence", &|r| leaf(r, &|l| l.sequence += 1)),
        ("FrontierRoot", &|r| leaf(r, &|l| l.provider_time += 1)),
        ("FrontierRoot", &|r| leaf(r, &|l| l.registry_time += 1)),
        ("FrontierRoot", &|r| {
            leaf(r, &|l| l.content_type = ContentType::JSON);
        }),
        ("FrontierRoot", &|r| leaf(r, &|l| l.verdict = Verdict::NONE)),
        ("FrontierRoot", &|r| {
            leaf(r, &|l| l.sources = Some(Hash([1; 32])));
        }),
        ("CreditsSum", &|r| leaf(r, &|l| l.records += 1)),
        ("CreditsHash", &|r| leaf(r, &|l| l.credits.0[0] ^= 1)),
        ("PayloadLength", &|r| leaf(r, &|l| l.payload_len += 1)),
        ("PayloadHash", &|r| leaf(r, &|l| l.payload_hash.0[0] ^= 1)),
        ("LeafMalformed", &|r| r.chunks[2].leaf.push(0)),
        ("CreditsMalformed", &|r| r.chunks[2].credits.push(0)),
        ("CreditsHash", &|r| {
            let last = r.chunks[2].credits.len() - 1;
            r.chunks[2].credits[last] ^= 1;
        }),
        ("LeafOutOfSequence", &|r| drop(r.chunks.remove(2))),
        ("LeafOutOfSequence", &|r| r.chunks.swap(2, 3)),
        ("LeafOutOfSequence", &|r| {
            r.chunks.insert(2, r.chunks[2].clone());
        }),
        ("RightFrontierLength", &|r| drop(r.chunks.pop())),
        ("BeyondHead", &|r| {
            for _ in 0..40 {
                r.chunks.push(r.chunks[0].clone());
            }
        }),
        ("FrontierRoot", &|r| r.right[0].0[31] ^= 1),
        ("FrontierRoot", &|r| {
            r.left.as_mut().unwrap()[0].0[0] ^= 0x80;
        }),
        ("RightFrontierLength", &|r| r.right.truncate(2)),
        ("LeftFrontierLength", &|r| {
            r.left.as_mut().unwrap().push(Hash([0; 32]));
        }),
        ("LeftFrontierMissing", &|r| r.left = None),
        ("FrontierRoot", &|r| r.head.head.root.0[5] ^= 1),
        ("RightFrontierLength", &|r| r.head.head.tree_size += 1),
        ("LeafOfOtherStream", &|r| r.head.stream = 8),
        ("LeafOutOfSequence", &|r| {
            r.from += 1;
            r.left = Some(self::registry(11).log.range(0, 11).unwrap().into_hashes());
            r.right = self::registry(40).log.range(21, 40).unwrap().into_hashes();
        }),
    ];
    for (number, (expected, forge)) in table.iter().enumerate() {
        let mut reply = registry.reply(10, 20, 40, true);
        reply.verify(None).unwrap();
        forge(&mut reply);
        let error = reply.verify(None).unwrap_err();
        assert_eq!(name(&error), *expected, "forgery {number}: {error}");
        assert!(!error.to_string().is_empty());
    }
}

#[test]
fn should_tell_altered_leaves_from_altered_frontiers() {
    let registry = registry(20);
    let held = registry.reply(0, 10, 10, false).verify(None).unwrap().held;
    let mut reply = registry.reply(10, 20, 20, false);
    reply.chunks[3].leaf[20] ^= 1;
    assert_eq!(name(&reply.verify(Some(&held)).unwrap_err()), "ChunksRoot");
    // A state that was tampered with on the puller's disk.
    let mut hashes = held.range.hashes().to_vec();
    hashes[0].0[0] ^= 1;
    let tampered = Held {
        range: CompactRange::new(0, 10, hashes).unwrap(),
        ..held
    };
    let nothing_new = registry.reply(10, 10, 10, false);
    assert_eq!(name(&nothing_new.verify(Some(&tampered)).unwrap_err()), "HeldRoot");
}

#[test]
fn should_not_use_a_state_that_does_not_begin_at_0() {
    let registry = registry(20);
    let held = registry.reply(0, 10, 10, false).verify(None).unwrap().held;
    let tampered = Held {
        range: registry.log.range(4, 10).unwrap(),
        ..held
    };
    assert_eq!(
        registry.reply(10, 20, 20, false).verify(Some(&tampered)),
        Err(VerifyError::LeftFrontierMissing { from: 10, held: 0 })
    );
}

#[test]
fn should_refuse_another_streams_valid_reply() {
    let registry = registry(20);
    let mut held = registry.reply(0, 5, 5, false).verify(None).unwrap().held;
    held.stream = 8;
    assert_eq!(
        registry.reply(5, 20, 20, false).verify(Some(&held)),
        Err(VerifyError::HeadOfOtherStream {
            expected: 8,
            got: STREAM
        })
    );
}

#[test]
fn should_go_without_a_payload_only_when_told_to() {
    let registry = registry(4);
    let head = registry.head(4);
    let mut chunks: Vec<_> = registry.chunks.iter().map(Chunk::received).collect();
    chunks[1].payload = None;
    let mut pulled = Pulled {
        from: 0,
        chunks: &chunks,
        left: None,
        right: &[],
        consistency: None,
        allow_missing_payloads: false,
    };
    assert_eq!(
        verify_pull(None, &head, &pulled, &Freshness::at(NOW)),
        Err(VerifyError::PayloadMissing { sequence: 1 })
    );
    pulled.allow_missing_payloads = true;
    let verified = verify_pull(None, &head, &pulled, &Freshness::at(NOW)).unwrap();
    assert_eq!(verified.leaves.len(), 4);
}

#[test]
fn should_verify_a_single_chunk_by_its_inclusion_proof() {
    let registry = registry(13);
    let head = registry.head(13);
    for sequence in 0..13 {
        let chunk = &registry.chunks[usize::try_from(sequence).unwrap()];
        let proof = registry.log.inclusion_proof(sequence, 13).unwrap();
        let fresh = Freshness::at(NOW);
        let leaf = verify_chunk(&head, sequence, &chunk.received(), &proof, &fresh).unwrap();
        assert_eq!(leaf.sequence, sequence);
        let mut altered = chunk.clone();
        altered.leaf[20] ^= 1;
        let error = verify_chunk(&head, sequence, &altered.received(), &proof, &fresh).unwrap_err();
        assert_eq!(name(&error), "Inclusion");
    }
}

#[test]
fn should_refuse_every_flipped_bit_of_a_reply() {
    let registry = registry(23);
    let reply = registry.reply(5, 9, 23, true);
    let refused = |reply: &Reply| reply.verify(None).is_err();
    for (number, chunk) in reply.chunks.iter().enumerate() {
        for (part, length) in [chunk.leaf.len(), chunk.credits.len(), chunk.payload.len()]
            .into_iter()
            .enumerate()
        {
            for bit in 0..length * 8 {
                let mut forged = reply.clone();
                let chunk = &mut forged.chunks[number];
                let bytes = [&mut chunk.leaf, &mut chunk.credits, &mut chunk.payload];
                bytes[part][bit / 8] ^= 1 << (bit % 8);
                assert!(refused(&forged), "chunk {number} part {part} bit {bit}");
            }
        }
    }
    for bit in 0..256 {
        for index in 0..reply.left.as_ref().unwrap().len() {
            let mut forged = reply.clone();
            forged.left.as_mut().unwrap()[index].0[bit / 8] ^= 1 << (bit % 8);
            assert!(refused(&forged));
        }
        for index in 0..reply.right.len() {
            let mut forged = reply.clone();
            forged.right[index].0[bit / 8] ^= 1 << (bit % 8);
            assert!(refused(&forged));
        }
        let mut forged = reply.clone();
        forged.head.head.root.0[bit / 8] ^= 1 << (bit % 8);
        assert!(refused(&forged));
    }
}

#[test]
fn should_say_how_far_times_are_apart_and_no_nanoseconds() {
    const SECOND: u64 = 1_000_000_000;
    for (error, expected) in [
        (
            VerifyError::CertificateTooOld {
                certified_at: NOW - 400 * SECOND,
                age_s: 400,
                max_age_s: 300,
            },
            "certificate too old: it was made 400 s ago; at most 300 s are accepted",
        ),
        (
            VerifyError::CertificateFromFuture {
                certified_at: NOW + 90 * SECOND,
                now: NOW,
            },
            "certificate from the future: its time is 90 s ahead of the clock here",
        ),
        (
            VerifyError::CertificateOlderThanHeld {
                certified_at: NOW,
                held: NOW + 1,
            },
            "old reply: a certificate made 1 s later was already seen",
        ),
        (
            VerifyError::HeadTimeWentBack {
                held: NOW,
                got: NOW - 2 * SECOND,
            },
            "the head's timestamp went back by 2 s",
        ),
    ] {
        assert_eq!(error.to_string(), expected);
    }
}
