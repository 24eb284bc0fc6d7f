//! The shared test vectors, which other languages read too: both files were made from definitions, not by this library
//! (`tests/vectors/make_*.py`).

use candid::Principal;
use ddsx_merkle_log::{
    CertifiedHead, CompactRange, ContentType, Credit, Freshness, Hash, Head, Held, Leaf, Log, Pulled, ReceivedChunk,
    SourceRange, Verdict, credits_hash, decode_credits, empty_root, encode_credits, encode_sources, label_hash,
    leaf_hash, sources_hash, verify_consistency, verify_inclusion, verify_pull,
};
use serde_json::Value;

const RFC9162: &str = include_str!("vectors/rfc9162.json");
const DDSX: &str = include_str!("vectors/ddsx-log.json");

fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("the vectors are JSON")
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().expect("a list")
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("a string")).expect("hexadecimal")
}

fn hash(value: &Value) -> Hash {
    Hash::try_from(bytes(value).as_slice()).expect("32 bytes")
}

fn hashes(value: &Value) -> Vec<Hash> {
    list(value).iter().map(hash).collect()
}

fn small(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

fn number(value: &Value) -> u64 {
    value
        .as_str()
        .and_then(|digits| digits.parse().ok())
        .expect("a number as a string")
}

#[test]
fn should_pass_every_vector_of_rfc_9162() {
    let vectors = parse(RFC9162);
    let leaves: Vec<_> = list(&vectors["leaves"]).iter().map(bytes).collect();
    let leaf_hashes = hashes(&vectors["leaf_hashes"]);
    let roots = hashes(&vectors["roots"]);
    assert_eq!(hash(&vectors["empty_root"]), empty_root());
    let mut log = Log::restore(Vec::new()).unwrap();
    for ((leaf, expected), root) in leaves.iter().zip(&leaf_hashes).zip(&roots) {
        assert_eq!(leaf_hash(leaf), *expected);
        log.append(*expected).unwrap();
        assert_eq!(log.root(), *root);
    }
    let root = |size: u64| roots[usize::try_from(size).unwrap() - 1];
    let inclusion = list(&vectors["inclusion"]);
    for vector in inclusion {
        let (size, index) = (small(&vector["tree_size"]), small(&vector["leaf_index"]));
        let proof = hashes(&vector["proof"]);
        assert_eq!(log.inclusion_proof(index, size).unwrap(), proof);
        let leaf = &leaf_hashes[usize::try_from(index).unwrap()];
        verify_inclusion(leaf, index, size, &proof, &root(size)).unwrap();
    }
    let consistency = list(&vectors["consistency"]);
    for vector in consistency {
        let (first, second) = (small(&vector["first"]), small(&vector["second"]));
        let proof = hashes(&vector["proof"]);
        assert_eq!(log.consistency_proof(first, second).unwrap(), proof);
        verify_consistency(first, second, &root(first), &root(second), &proof).unwrap();
    }
    assert_eq!((inclusion.len(), consistency.len()), (231, 231));
}

#[test]
fn should_pass_the_vectors_of_labels_credits_and_sources() {
    let vectors = parse(DDSX);
    for vector in list(&vectors["labels"]) {
        assert_eq!(label_hash(vector["label"].as_str().unwrap()), hash(&vector["hash"]));
    }
    for vector in list(&vectors["credits"]) {
        let credits: Vec<_> = list(&vector["list"])
            .iter()
            .map(|credit| Credit {
                contributor: u32::try_from(small(&credit["contributor"])).unwrap(),
                label: label_hash(credit["label"].as_str().unwrap()),
                records: number(&credit["records"]),
            })
            .collect();
        let encoded = bytes(&vector["encoded"]);
        assert_eq!(encode_credits(&credits).unwrap(), encoded);
        assert_eq!(decode_credits(&encoded).unwrap(), credits);
        assert_eq!(credits_hash(&credits).unwrap(), hash(&vector["hash"]));
    }
    for vector in list(&vectors["sources"]) {
        let sources: Vec<_> = list(&vector["list"])
            .iter()
            .map(|source| SourceRange {
                registry: Principal::from_slice(&bytes(&source["registry"])),
                stream: number(&source["stream"]),
                begin: number(&source["begin"]),
                end: number(&source["end"]),
                root: hash(&source["root"]),
            })
            .collect();
        assert_eq!(encode_sources(&sources).unwrap(), bytes(&vector["encoded"]));
        assert_eq!(sources_hash(&sources).unwrap(), hash(&vector["hash"]));
    }
}

#[test]
fn should_pass_the_vectors_of_leaves_and_heads() {
    let vectors = parse(DDSX);
    for vector in list(&vectors["leaves"]) {
        let leaf = Leaf {
            stream: number(&vector["stream"]),
            sequence: number(&vector["sequence"]),
            provider_time: number(&vector["provider_time"]),
            registry_time: number(&vector["registry_time"]),
            content_type: ContentType(u16::try_from(small(&vector["content_type"])).unwrap()),
            records: number(&vector["records"]),
            verdict: Verdict::from_bits(u8::try_from(small(&vector["verdict"])).unwrap()).unwrap(),
            credits: hash(&vector["credits"]),
            payload_len: number(&vector["payload_len"]),
            payload_hash: hash(&vector["payload_hash"]),
            sources: (!vector["sources"].is_null()).then(|| hash(&vector["sources"])),
        };
        let encoded = bytes(&vector["encoded"]);
        assert_eq!(leaf.encode(), encoded);
        assert_eq!(leaf.hash(), hash(&vector["hash"]));
        assert_eq!(Leaf::decode(&encoded), Ok(leaf));
    }
    let heads = list(&vectors["heads"]);
    for vector in heads.iter().chain(list(&vectors["stream"]["heads"])) {
        let head = head(vector);
        let encoded = bytes(&vector["encoded"]);
        assert_eq!(head.encode().as_slice(), encoded);
        assert_eq!(head.hash(), hash(&vector["hash"]));
        assert_eq!(Head::decode(&encoded), Ok(head));
    }
}

fn head(vector: &Value) -> Head {
    Head {
        tree_size: number(&vector["tree_size"]),
        root: hash(&vector["root"]),
        timestamp: number(&vector["timestamp"]),
    }
}

#[test]
fn should_pass_the_vectors_of_compact_ranges_and_pull_the_stream() {
    let vectors = parse(DDSX);
    let stream = &vectors["stream"];
    let mut log = Log::restore(Vec::new()).unwrap();
    log.append_batch(
        &list(&stream["chunks"])
            .iter()
            .map(|chunk| hash(&chunk["leaf_hash"]))
            .collect::<Vec<_>>(),
    )
    .unwrap();
    let ranges = list(&vectors["compact_ranges"]);
    assert_eq!(ranges.len(), 253);
    for vector in ranges {
        let (begin, end) = (small(&vector["begin"]), small(&vector["end"]));
        let range = log.range(begin, end).unwrap();
        assert_eq!(range.hashes(), hashes(&vector["hashes"]));
        assert_eq!(range.encode(), bytes(&vector["encoded"]));
        assert_eq!(CompactRange::new(begin, end, hashes(&vector["hashes"])), Ok(range));
    }
    let chunks: Vec<_> = list(&stream["chunks"])
        .iter()
        .map(|chunk| {
            (
                bytes(&chunk["leaf"]),
                bytes(&chunk["credits"]),
                bytes(&chunk["payload"]),
            )
        })
        .collect();
    let heads = list(&stream["heads"]);
    let mut held: Option<Held> = None;
    for (from, to) in [(0, 4), (4, 5), (5, 16), (16, 21)] {
        let received: Vec<_> = chunks[from..to]
            .iter()
            .map(|(leaf, credits, payload)| ReceivedChunk {
                leaf,
                credits,
                payload: Some(payload),
            })
            .collect();
        let head = CertifiedHead {
            stream: number(&stream["id"]),
            head: head(&heads[to]),
            certified_at: 1_000_000_000_000_000_200,
        };
        let pulled = Pulled {
            from: from as u64,
            chunks: &received,
            left: None,
            right: &[],
            consistency: None,
            allow_missing_payloads: false,
        };
        let fresh = Freshness::at(head.certified_at);
        let verified = verify_pull(held.as_ref(), &head, &pulled, &fresh).unwrap();
        held = Some(verified.held);
    }
    // What a puller keeps goes through a file.
    let held = held.unwrap();
    let text = serde_json::to_string(&held).unwrap();
    assert_eq!(serde_json::from_str::<Held>(&text).unwrap(), held);
    let tampered = text.replace("\"end\":21", "\"end\":23");
    assert!(serde_json::from_str::<Held>(&tampered).is_err());
}
