use super::*;
use crate::testing::*;
use crate::{log, plans};
use ddsx_merkle_log::empty_root;
use ddsx_types::stream_registry::{AppendError, PlanKind};

#[test]
fn should_create_a_stream_and_describe_it() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    let info = info(&storage, id).unwrap();
    assert_eq!(
        (info.id, info.owner, info.name.as_str(), info.contributors),
        (0, OWNER, "quakes", 3)
    );
    assert_eq!(
        (info.chunks, info.records, info.bytes, info.last_append_at),
        (0, 0, 0, None)
    );
    assert_eq!(
        (info.root, info.status, info.open_to_everyone),
        (empty_root(), StreamStatus::Open, false)
    );
    assert_eq!(super::info(&storage, 1), None);
}

#[test]
fn should_answer_a_retry_with_the_stream_that_has_the_name() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    assert_eq!(
        create(&mut storage, OWNER, NOW, create_args("quakes")),
        Err(StreamError::NameTaken { stream: id })
    );
    assert_eq!(
        create(&mut storage, OTHER, NOW, create_args("quakes")),
        Ok(1),
        "names are the owner's"
    );
    assert_eq!(storage.counters().streams, 2);
}

#[test]
fn should_refuse_bad_fields_and_store_nothing() {
    type Spoil = fn(&mut CreateStreamArgs);
    let table: [(&str, Spoil); 12] = [
        ("name", |args| args.name = String::new()),
        ("name", |args| args.name = "x".repeat(101)),
        ("description", |args| args.description = "x".repeat(8_001)),
        ("tags", |args| args.tags = vec!["t".to_owned(); 11]),
        ("tags", |args| args.tags = vec![String::new()]),
        ("content_type", |args| args.content_type = "json".to_owned()),
        ("schema", |args| args.schema = Some(" ".repeat(64 * 1024 + 1))),
        ("licence_terms", |args| {
            args.licence_terms = LicenceTerms::Spdx("a\"b".to_owned());
        }),
        ("licence_terms", |args| {
            args.licence_terms = LicenceTerms::Text(String::new());
        }),
        ("provider_account", |args| {
            args.provider_account = Principal::anonymous().into();
        }),
        ("contributors_share_bps", |args| args.contributors_share_bps = 10_001),
        ("label", |args| args.contributors[0].label = "\n".to_owned()),
    ];
    let mut storage = storage();
    for (field, spoil) in table {
        let mut args = create_args("quakes");
        spoil(&mut args);
        match create(&mut storage, OWNER, NOW, args) {
            Err(StreamError::InvalidField { field: named, .. }) => assert_eq!(named, field),
            other => panic!("{field}: {other:?}"),
        }
    }
    let mut args = create_args("quakes");
    args.schema = Some("{\"type\":\"nonsense\"}".to_owned());
    assert!(matches!(
        create(&mut storage, OWNER, NOW, args),
        Err(StreamError::MalformedSchema { .. })
    ));
    let mut args = create_args("quakes");
    args.contributors[2].label = "a".to_owned();
    assert_eq!(
        create(&mut storage, OWNER, NOW, args),
        Err(StreamError::LabelTaken { contributor: 0 })
    );
    assert_eq!(
        create(&mut storage, Principal::anonymous(), NOW, create_args("q")),
        Err(StreamError::AnonymousCaller)
    );
    storage.change_settings(|settings| settings.paused = true);
    assert_eq!(
        create(&mut storage, OWNER, NOW, create_args("q")),
        Err(StreamError::Paused)
    );
    assert_eq!(storage.counters().streams, 0);
}

#[test]
fn should_limit_the_streams_of_an_owner() {
    let mut storage = storage();
    for number in 0..MAX_STREAMS_PER_OWNER {
        stream(&mut storage, &format!("stream {number}"));
    }
    let reached = StreamError::LimitReached {
        limit: "streams of an owner".to_owned(),
        max: MAX_STREAMS_PER_OWNER,
    };
    assert_eq!(create(&mut storage, OWNER, NOW, create_args("one more")), Err(reached));
    assert_eq!(
        create(&mut storage, OTHER, NOW, create_args("one more")),
        Ok(MAX_STREAMS_PER_OWNER)
    );
}

#[test]
fn should_close_a_stream_for_good() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    let plan = plan(&mut storage, id, PlanKind::Perpetual, 5);
    append_some(&mut storage, id, 1);
    assert_eq!(close(&mut storage, OTHER, id), Err(StreamError::NotOwner));
    assert_eq!(close(&mut storage, OWNER, 7), Err(StreamError::StreamNotFound));
    assert_eq!(close(&mut storage, OWNER, id), Ok(()));
    assert_eq!(close(&mut storage, OWNER, id), Ok(()), "again is no error");
    let more = batch(id, 1, vec![chunk(b"x", &[])]);
    assert_eq!(
        log::append(&mut storage, OWNER, NOW, &more),
        Err(AppendError::StreamClosed)
    );
    assert!(plans::offer(&storage, plan, Some(LEDGER)).is_err());
    assert_eq!(info(&storage, id).unwrap().status, StreamStatus::Closed);
}

#[test]
fn should_page_through_streams_and_keep_replies_small() {
    let mut storage = storage();
    for number in 0..30 {
        let mut args = create_args(&format!("stream {number}"));
        args.schema = Some(format!("{{\"$comment\":\"{}\"}}", "x".repeat(65_000)));
        create(&mut storage, OWNER, NOW, args).unwrap();
    }
    let mut seen = Vec::new();
    let mut page = Page::default();
    loop {
        let list = list(&storage, page);
        let Some(last) = list.last() else { break };
        let bytes: usize = list
            .iter()
            .map(|info| info.schema.as_ref().map_or(0, String::len))
            .sum();
        assert!(bytes < 1_500_000, "{bytes} bytes in a page");
        page.start_after = Some(last.id);
        seen.extend(list.iter().map(|info| info.id));
    }
    assert_eq!(seen, (0..30).collect::<Vec<_>>());
    assert_eq!(
        super::list(
            &storage,
            Page {
                start_after: Some(3),
                limit: Some(2)
            }
        )
        .len(),
        2
    );
    assert_eq!(
        super::list(
            &storage,
            Page {
                start_after: Some(u64::MAX),
                limit: None
            }
        ),
        []
    );
}
