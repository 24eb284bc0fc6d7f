use super::*;
use proptest::prelude::*;

fn hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash)
}

prop_compose! {
    fn any_leaf()(
        numbers in any::<[u64; 6]>(),
        content_type in any::<u16>(),
        verdict in 0..16_u8,
        credits in hash(),
        payload_hash in hash(),
        sources in proptest::option::of(hash()),
    ) -> Leaf {
        let [stream, sequence, provider_time, registry_time, records, payload_len] = numbers;
        Leaf {
            stream,
            sequence,
            provider_time,
            registry_time,
            content_type: ContentType(content_type),
            records,
            verdict: Verdict::from_bits(verdict).unwrap(),
            credits,
            payload_len,
            payload_hash,
            sources,
        }
    }
}

proptest! {
    #[test]
    fn should_read_back_every_leaf(leaf in any_leaf()) {
        let bytes = leaf.encode();
        prop_assert_eq!(bytes.len(), if leaf.sources.is_some() { DERIVED_LEAF_LEN } else { LEAF_LEN });
        prop_assert_eq!(Leaf::decode(&bytes), Ok(leaf));
    }

    #[test]
    fn should_decode_only_what_encodes_to_the_same_bytes(
        leaf in any_leaf(),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let mut bytes = leaf.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(other) = Leaf::decode(&bytes) {
            prop_assert_ne!(&other, &leaf);
            prop_assert_eq!(other.encode(), bytes);
        }
    }

    #[test]
    fn should_refuse_every_other_length(leaf in any_leaf(), extra in 1..40_usize) {
        let bytes = leaf.encode();
        for end in 0..bytes.len() {
            prop_assert_eq!(Leaf::decode(&bytes[..end]), Err(LeafError::Truncated(end)));
        }
        let longer = [bytes, vec![0; extra]].concat();
        prop_assert_eq!(Leaf::decode(&longer), Err(LeafError::Trailing(extra)));
    }
}

fn plain() -> Leaf {
    Leaf {
        stream: 1,
        sequence: 2,
        provider_time: 3,
        registry_time: 4,
        content_type: ContentType::JSON_LINES,
        records: 5,
        verdict: Verdict::PARSES.with(Verdict::UNIQUE),
        credits: Hash([6; 32]),
        payload_len: 7,
        payload_hash: Hash([8; 32]),
        sources: None,
    }
}

#[test]
fn should_refuse_what_it_does_not_know() {
    let cases = [
        (0, 2, LeafError::Version(2)),
        (1, 2, LeafError::Flags(2)),
        (44, 0x10, LeafError::Verdict(0x10)),
        // A flag that promises sources which are not there, and sources without the flag.
        (1, 1, LeafError::Truncated(LEAF_LEN)),
    ];
    for (at, value, error) in cases {
        let mut bytes = plain().encode();
        bytes[at] = value;
        assert_eq!(Leaf::decode(&bytes), Err(error));
    }
    let mut bytes = Leaf {
        sources: Some(Hash([9; 32])),
        ..plain()
    }
    .encode();
    bytes[1] = 0;
    assert_eq!(Leaf::decode(&bytes), Err(LeafError::Trailing(32)));
}

#[test]
fn should_put_each_field_at_its_offset() {
    let mut bytes = vec![1, 0];
    for number in [1_u64, 2, 3, 4] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes.extend_from_slice(&[0, 2, 0, 0, 0, 0, 0, 0, 0, 5, 0b101]);
    bytes.extend_from_slice(&[6; 32]);
    bytes.extend_from_slice(&7_u64.to_be_bytes());
    bytes.extend_from_slice(&[8; 32]);
    assert_eq!(plain().encode(), bytes);
}

#[test]
fn should_know_media_types_whatever_their_case_and_parameters() {
    let cases = [
        ("application/json", Some(ContentType::JSON)),
        ("Application/JSON; charset=utf-8", Some(ContentType::JSON)),
        ("application/x-ndjson", Some(ContentType::JSON_LINES)),
        ("text/csv", Some(ContentType::CSV)),
        ("text/plain; charset=utf-8", Some(ContentType::TEXT)),
        ("application/vnd.apache.parquet", Some(ContentType::PARQUET)),
        ("video/mp4", None),
        ("", None),
    ];
    for (text, code) in cases {
        assert_eq!(ContentType::from_media_type(text), code, "{text}");
    }
    for code in 0..8 {
        let code = ContentType(code);
        assert_eq!(ContentType::from_media_type(code.media_type().unwrap()), Some(code));
    }
    assert_eq!(ContentType::FIRST_PRIVATE.media_type(), None);
}

#[test]
fn should_combine_verdicts_as_sets() {
    let both = Verdict::PARSES.with(Verdict::SCHEMA);
    assert!(both.contains(Verdict::SCHEMA) && both.contains(Verdict::NONE));
    assert!(!both.contains(Verdict::TIMES));
    assert_eq!(Verdict::from_bits(0b11), Some(both));
    assert_eq!(Verdict::from_bits(0b1_0000), None);
}
