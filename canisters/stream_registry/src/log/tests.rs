use super::*;
use crate::testing::*;
use ddsx_merkle_log::{ContentType, Log, Verdict, label_hash};
use ddsx_types::stream_registry::{AppendError as E, CreateStreamArgs, SetPublisherArgs};

fn json_stream(storage: &mut Storage) -> StreamId {
    let args = CreateStreamArgs {
        content_type: "application/x-ndjson".to_owned(),
        ..create_args("json")
    };
    crate::streams::create(storage, OWNER, NOW, args).unwrap()
}

fn stored_leaf(storage: &Storage, stream: StreamId, sequence: u64) -> Leaf {
    let state = storage.stream(stream).unwrap();
    Leaf::decode(&storage.leaf(storage.place(&state, sequence).unwrap())).unwrap()
}

#[test]
fn should_store_chunks_and_commit_to_them() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    let chunks = vec![chunk(b"first", &[(0, 3), (2, 1)]), chunk(b"second", &[])];
    let appended = append(&mut storage, OWNER, NOW + 7, &batch(id, 0, chunks)).unwrap();
    assert_eq!((appended.first_sequence, appended.already_stored), (0, false));
    assert_eq!((appended.head.tree_size, appended.head.timestamp), (2, NOW + 7));

    let leaf = stored_leaf(&storage, id, 0);
    let credits = [(0, "a", 3), (2, "c", 1)].map(|(contributor, label, records)| merkle::Credit {
        contributor,
        label: label_hash(label),
        records,
    });
    let expected = Leaf {
        stream: id,
        sequence: 0,
        provider_time: NOW,
        registry_time: NOW + 7,
        content_type: ContentType::OCTET_STREAM,
        records: 4,
        verdict: Verdict::NONE,
        credits: credits_hash(&credits).unwrap(),
        payload_len: 5,
        payload_hash: sha256(b"first"),
        sources: None,
    };
    assert_eq!(leaf, expected);
    let mut reference = Log::restore(Vec::new()).unwrap();
    reference
        .append_batch(&[expected.hash(), stored_leaf(&storage, id, 1).hash()])
        .unwrap();
    assert_eq!(appended.head.root, reference.root());

    let state = storage.stream(id).unwrap();
    assert_eq!((state.records, state.bytes, state.total_weight), (4, 11, 4));
    assert_eq!(storage.contributor(id, 0).unwrap().weight, 3);
    let stored = storage.chunk(storage.place(&state, 1).unwrap());
    assert_eq!(stored.payload, b"second");
    assert_eq!(storage.counters().chunks, 2);
}

#[test]
fn should_answer_a_retry_and_write_nothing_twice() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    let args = batch(id, 0, vec![chunk(b"first", &[(0, 3)]), chunk(b"second", &[(1, 1)])]);
    let appended = append(&mut storage, OWNER, NOW, &args).unwrap();
    let again = append(&mut storage, OWNER, NOW + 9, &args).unwrap();
    assert_eq!(
        again,
        Appended {
            already_stored: true,
            ..appended
        }
    );
    let part = batch(id, 1, vec![chunk(b"second", &[(1, 1)])]);
    assert!(append(&mut storage, OWNER, NOW, &part).unwrap().already_stored);
    let counted = (storage.counters().chunks, storage.stream(id).unwrap().total_weight);
    assert_eq!(counted, (2, 4));
    crate::streams::close(&mut storage, OWNER, id).unwrap();
    assert!(
        append(&mut storage, OWNER, NOW, &args).unwrap().already_stored,
        "closing loses no reply"
    );
}

#[test]
fn should_tell_other_chunks_from_a_retry() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    let first = chunk(b"first", &[(0, 3)]);
    append(
        &mut storage,
        OWNER,
        NOW,
        &batch(id, 0, vec![first.clone(), chunk(b"second", &[])]),
    )
    .unwrap();
    let mut late = first.clone();
    late.provider_timestamp -= 1;
    for other in [
        chunk(b"First", &[(0, 3)]),
        chunk(b"first", &[(0, 4)]),
        chunk(b"first", &[(1, 3)]),
        chunk(b"first", &[]),
        late,
    ] {
        let result = append(&mut storage, OWNER, NOW, &batch(id, 0, vec![other.clone()]));
        assert_eq!(result, Err(E::DifferentChunkStored { sequence: 0 }), "{other:?}");
    }
    let beyond = batch(id, 1, vec![chunk(b"second", &[]), chunk(b"third", &[])]);
    assert_eq!(
        append(&mut storage, OWNER, NOW, &beyond),
        Err(E::WrongSequence { expected: 2 })
    );
    let gap = batch(id, 3, vec![chunk(b"third", &[])]);
    assert_eq!(
        append(&mut storage, OWNER, NOW, &gap),
        Err(E::WrongSequence { expected: 2 })
    );
    assert_eq!(storage.counters().chunks, 2);
}

#[test]
fn should_refuse_bad_batches_whole() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    let good = chunk(b"good", &[(0, 1)]);
    let many = vec![good.clone(); limits::MAX_CHUNKS_PER_APPEND + 1];
    let large = vec![chunk(&vec![1; limits::MAX_APPEND_BYTES / 2 + 1], &[]); 2];
    assert_eq!(
        append(&mut storage, OWNER, NOW, &batch(id, 0, vec![])),
        Err(E::EmptyBatch)
    );
    assert_eq!(
        append(&mut storage, OWNER, NOW, &batch(id, 0, many)),
        Err(E::TooManyChunks { max: 1_000 })
    );
    assert!(matches!(
        append(&mut storage, OWNER, NOW, &batch(id, 0, large)),
        Err(E::BatchTooLarge { .. })
    ));

    let mut early = good.clone();
    early.provider_timestamp = NOW + MAX_AHEAD_NS + 1;
    for bad in [
        chunk(b"", &[]),
        early,
        chunk(b"x", &[(0, 0)]),
        chunk(b"x", &[(1, 1), (0, 1)]),
        chunk(b"x", &[(1, 1), (1, 1)]),
        chunk(b"x", &[(0, u64::MAX)]),
        chunk(b"x", &[(0, u64::MAX), (1, u64::MAX)]),
    ] {
        let result = append(&mut storage, OWNER, NOW, &batch(id, 0, vec![good.clone(), bad.clone()]));
        assert!(
            matches!(result, Err(E::InvalidChunk { index: 1, .. })),
            "{bad:?}: {result:?}"
        );
    }
    let unknown = batch(id, 0, vec![good.clone(), chunk(b"x", &[(3, 1)])]);
    let result = append(&mut storage, OWNER, NOW, &unknown);
    assert_eq!(
        result,
        Err(E::UnknownContributor {
            index: 1,
            contributor: 3
        })
    );
    assert_eq!(storage.stream(id).unwrap().log.size(), 0);
}

/// One publisher with one chunk of 10^15 records would leave nothing to anybody else, and nobody could append any more.
#[test]
fn should_bound_records_by_the_bytes_that_hold_them() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    for credits in [&[(0, 5)][..], &[(0, 3), (1, 2)], &[(1, MAX_RECORDS)]] {
        let result = append(&mut storage, OWNER, NOW, &batch(id, 0, vec![chunk(b"four", credits)]));
        assert!(matches!(result, Err(E::InvalidChunk { index: 0, .. })), "{result:?}");
    }
    let most = batch(id, 0, vec![chunk(b"four", &[(0, 3), (1, 1)])]);
    append(&mut storage, OWNER, NOW, &most).unwrap();
    assert_eq!(storage.contributor(id, 0).unwrap().weight, 3);
    // Records up to the limit of a stream are still counted.
    let mut state = storage.stream(id).unwrap();
    state.records = MAX_RECORDS;
    storage.put_stream(id, state);
    let result = append(&mut storage, OWNER, NOW, &batch(id, 1, vec![chunk(b"x", &[(0, 1)])]));
    assert!(
        matches!(result, Err(E::LimitReached { max: MAX_RECORDS, .. })),
        "{result:?}"
    );
}

#[test]
fn should_hold_a_publisher_to_its_quota_and_the_owner_to_none() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    let quota = ddsx_types::stream_registry::PublisherQuota { bytes: 10, records: 3 };
    let publisher = ddsx_types::stream_registry::Publisher {
        quota: Some(quota),
        principal: OTHER,
        expires_at: None,
    };
    let set = SetPublisherArgs { stream: id, publisher };
    publishers::set(&mut storage, OWNER, NOW, &set).unwrap();
    let one = |sequence| batch(id, sequence, vec![chunk(b"12345", &[(0, 1)])]);
    append(&mut storage, OTHER, NOW, &one(0)).unwrap();
    append(&mut storage, OTHER, NOW, &one(1)).unwrap();
    let full = E::LimitReached {
        limit: "payload bytes of a publisher a day".to_owned(),
        max: 10,
    };
    assert_eq!(append(&mut storage, OTHER, NOW, &one(2)), Err(full.clone()));
    publishers::set(&mut storage, OWNER, NOW, &set).unwrap();
    assert_eq!(
        append(&mut storage, OTHER, NOW, &one(2)),
        Err(full),
        "set again, it has used what it has"
    );
    append(&mut storage, OWNER, NOW, &one(2)).unwrap();
    append(&mut storage, OTHER, NOW + crate::limits::DAY_NS, &one(3)).unwrap();
    assert_eq!(publishers::list(&storage, id)[0].quota, Some(quota));
}

#[test]
fn should_let_the_owner_and_publishers_write() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    let one = |sequence| batch(id, sequence, vec![chunk(b"x", &[])]);
    assert_eq!(append(&mut storage, OTHER, NOW, &one(0)), Err(E::NotAPublisher));
    let publisher = ddsx_types::stream_registry::Publisher {
        quota: None,
        principal: OTHER,
        expires_at: Some(NOW + 100),
    };
    publishers::set(&mut storage, OWNER, NOW, &SetPublisherArgs { stream: id, publisher }).unwrap();
    assert!(append(&mut storage, OTHER, NOW + 99, &one(0)).is_ok());
    assert_eq!(
        append(&mut storage, OTHER, NOW + 100, &one(1)),
        Err(E::NotAPublisher),
        "its time is over"
    );
    assert_eq!(
        append(&mut storage, Principal::anonymous(), NOW, &one(1)),
        Err(E::AnonymousCaller)
    );
    assert_eq!(
        append(&mut storage, OWNER, NOW, &batch(9, 0, vec![chunk(b"x", &[])])),
        Err(E::StreamNotFound)
    );
    storage.change_settings(|settings| settings.paused = true);
    assert_eq!(append(&mut storage, OWNER, NOW, &one(1)), Err(E::Paused));
}

#[test]
fn should_check_json_lines_and_say_so_in_the_leaf() {
    let mut storage = storage();
    let id = json_stream(&mut storage);
    let lines = b"{\"mag\":1}\n{\"mag\":2}\n";
    append(
        &mut storage,
        OWNER,
        NOW,
        &batch(id, 0, vec![chunk(lines, &[(0, 1), (1, 1)]), chunk(b"7", &[])]),
    )
    .unwrap();
    let leaf = stored_leaf(&storage, id, 0);
    assert_eq!(
        (leaf.content_type, leaf.verdict, leaf.records),
        (ContentType::JSON_LINES, Verdict::PARSES, 2)
    );
    assert_eq!(
        stored_leaf(&storage, id, 1).records,
        1,
        "counted, and credited to nobody"
    );
    for (payload, credits) in [
        (&lines[..], &[(0, 3)][..]),
        (b"{\"mag\":", &[(0, 1)]),
        (b"1\n\n2", &[(0, 2)]),
    ] {
        let result = append(&mut storage, OWNER, NOW, &batch(id, 2, vec![chunk(payload, credits)]));
        assert!(matches!(result, Err(E::InvalidChunk { index: 0, .. })), "{result:?}");
    }
}

#[test]
fn should_keep_many_batches_and_streams_apart() {
    let mut storage = storage();
    let streams = [stream(&mut storage, "one"), stream(&mut storage, "two")];
    for count in [1, 60, 5, 200, 3] {
        for id in streams {
            crate::testing::append_some(&mut storage, id, count);
        }
    }
    for id in streams {
        let state = storage.stream(id).unwrap();
        assert_eq!(state.log.size(), 269);
        for sequence in [0, 63, 64, 191, 268] {
            assert_eq!(
                storage.chunk(storage.place(&state, sequence).unwrap()).payload,
                sequence.to_be_bytes()
            );
            assert_eq!(stored_leaf(&storage, id, sequence).stream, id);
        }
        assert_eq!(storage.place(&state, 269), None);
    }
}
