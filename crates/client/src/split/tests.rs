use super::*;

fn split(input: &str, rule: CreditRule, records: u64, bytes: usize) -> Vec<Result<LineChunk, SplitError>> {
    LineSplitter::new(input.as_bytes(), rule, SplitLimits { records, bytes }, 0, 0).collect()
}

fn by_net() -> CreditRule {
    CreditRule::Field("properties.net".into())
}

fn event(net: &str) -> String {
    format!("{{\"properties\":{{\"net\":\"{net}\"}}}}\n")
}

#[test]
fn should_cut_by_records_and_keep_every_byte() {
    let input = [event("uw"), event("mb"), event("uw"), "\n".into(), event("ak")].concat();
    let chunks: Vec<_> = split(&input, by_net(), 2, 10_000)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(chunks.len(), 2);
    assert_eq!(chunks[0].records, BTreeMap::from([("mb".into(), 1), ("uw".into(), 1)]));
    assert_eq!((chunks[0].end.line, chunks[1].end.line), (2, 5));
    assert_eq!(chunks[1].end.offset, input.len() as u64);
    let joined: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.payload.clone()).collect();
    assert_eq!(joined, input.replace("\n\n", "\n").into_bytes());
}

#[test]
fn should_cut_by_bytes_and_give_a_long_line_a_chunk_of_its_own() {
    let long = format!("{{\"properties\":{{\"net\":\"uw\"}},\"x\":\"{}\"}}\n", "y".repeat(200));
    let input = [event("a"), long.clone(), event("b"), event("c")].concat();
    let chunks: Vec<_> = split(&input, by_net(), 100, 80)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let lines: Vec<u64> = chunks.iter().map(|chunk| chunk.records.values().sum()).collect();
    assert_eq!(lines, [1, 1, 2]);
    assert_eq!(chunks[1].payload, long.into_bytes());
}

#[test]
fn should_add_the_line_end_that_the_last_line_lacks() {
    let chunks = split("{}\n{}", CreditRule::All("me".into()), 10, 1000);
    assert_eq!(chunks[0].as_ref().unwrap().payload, b"{}\n{}\n");
}

#[test]
fn should_go_on_from_where_a_chunk_ended() {
    let input = [event("a"), event("b"), event("c")].concat();
    let first = split(&input, by_net(), 1, 1000).remove(0).unwrap();
    let offset = usize::try_from(first.end.offset).unwrap();
    let rest: Vec<_> = LineSplitter::new(
        &input.as_bytes()[offset..],
        by_net(),
        SplitLimits {
            records: 1,
            bytes: 1000,
        },
        first.end.line,
        first.end.offset,
    )
    .map(Result::unwrap)
    .collect();
    assert_eq!(rest.iter().map(|chunk| chunk.end.line).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(rest[1].end.offset, input.len() as u64);
}

#[test]
fn should_name_the_line_that_cannot_be_published() {
    let all = || CreditRule::All("me".into());
    for (input, rule, words) in [
        ("{}\nnot json\n".to_string(), all(), "line 2, column 2 is not JSON"),
        (
            event("a") + "{\"properties\":{}}\n",
            by_net(),
            "line 2: field \"properties.net\"",
        ),
        ("{\"properties\":{\"net\":1.5}}\n".into(), by_net(), "no label"),
        (
            format!("\"{}\"", "x".repeat(2_000_000)),
            all(),
            "the most that can be published",
        ),
    ] {
        let last = split(&input, rule, 1, 1000).pop().unwrap().unwrap_err().to_string();
        assert!(last.contains(words), "{last}");
    }
}

#[test]
fn should_read_labels_by_path_and_by_pointer() {
    let record = serde_json::json!({"a": {"b.c": "x", "n": 7}});
    assert_eq!(CreditRule::Field("/a/b.c".into()).label(&record), Some("x".into()));
    assert_eq!(CreditRule::Field("a.n".into()).label(&record), Some("7".into()));
    assert_eq!(CreditRule::Field("a".into()).label(&record), None);
}

fn hash_of(text: &str) -> Hash {
    Hash(Sha256::digest(text).into())
}

const WIDE: SplitLimits = SplitLimits {
    records: 2,
    bytes: 1_000,
};

fn me() -> CreditRule {
    CreditRule::All("me".into())
}

#[test]
fn should_know_what_it_read_and_go_on_after_it() {
    let text = "{\"a\":1}\r\n\n{\"a\":2}\n{\"a\":3}\n";
    let chunks: Vec<_> = LineSplitter::new(text.as_bytes(), me(), WIDE, 0, 0)
        .map(Result::unwrap)
        .collect();
    let first = chunks[0].end;
    assert_eq!((first.line, first.offset, first.open), (3, 18, false));
    assert_eq!(first.hash, Some(hash_of(&text[..18])));
    assert_eq!(chunks[1].end.hash, Some(hash_of(text)));

    let grown = format!("{text}{{\"a\":4}}\n");
    let rest: Vec<_> = LineSplitter::resume(grown.as_bytes(), me(), WIDE, &first)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].payload, b"{\"a\":3}\n{\"a\":4}\n");
    assert_eq!((rest[0].end.line, rest[0].end.hash), (5, Some(hash_of(&grown))));
}

#[test]
fn should_not_go_on_in_another_input() {
    let text = "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n";
    let first = split(text, me(), 2, 1_000).remove(0).unwrap().end;
    let resume = |input: &str, read: &ReadSoFar| {
        let resumed = LineSplitter::resume(input.as_bytes(), me(), WIDE, read);
        resumed.map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(resume(text, &first), Ok(()));
    let unknown = ReadSoFar { hash: None, ..first };
    for (input, read, words) in [
        ("{\"a\":1}\n", &first, "it has 8 bytes of text now, and 16 were read"),
        (
            "{\"b\":1}\n{\"a\":2}\n{\"a\":3}\n",
            &first,
            "its first 16 bytes of text are not those",
        ),
        ("", &unknown, "it has 0 bytes"),
        ("{\"aaaaaaa\":1}\n{\"a\":2}\n", &unknown, "its first 16 bytes"),
    ] {
        let said = resume(input, read).unwrap_err();
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(
        resume("{\"b\":1}\n{\"b\":2}\n", &unknown),
        Ok(()),
        "lines, as far as an older version knew"
    );
}

#[test]
fn should_hold_back_a_line_that_has_no_end_yet() {
    let text = "{\"a\":1}\n12";
    let mut splitter = LineSplitter::new(text.as_bytes(), me(), WIDE, 0, 0).hold_back_open_line();
    let chunk = splitter.next().unwrap().unwrap();
    assert!(splitter.next().is_none());
    assert_eq!(
        (chunk.payload.as_slice(), splitter.held_back()),
        (b"{\"a\":1}\n".as_slice(), 2)
    );
    assert_eq!((chunk.end.offset, chunk.end.open), (8, false));

    // Read nevertheless, it may get its newline later, and nothing else.
    let end = split(text, me(), 9, 1_000).remove(0).unwrap().end;
    assert_eq!((end.line, end.offset, end.open), (2, 10, true));
    let lines = |input: &str| -> Result<Vec<u64>, SplitError> {
        let rest = LineSplitter::resume(input.as_bytes(), me(), WIDE, &end)?;
        rest.map(|chunk| chunk.map(|chunk| chunk.end.line)).collect()
    };
    assert_eq!(lines("{\"a\":1}\n12").unwrap(), [0; 0]);
    assert_eq!(lines("{\"a\":1}\n12\r\n7\n").unwrap(), [3]);
    let went_on = lines("{\"a\":1}\n123\n").unwrap_err();
    assert!(matches!(went_on, SplitError::LineWentOn(2)), "{went_on}");
}

#[test]
fn should_tell_the_true_length_and_place_of_what_is_wrong() {
    let long = format!("{{}}\n{{\"a\":\"{}\"}}\n{{}}\n", "x".repeat(3_000_000));
    for (input, words) in [
        (long.as_bytes(), "line 2 has 3000009 bytes"),
        (
            long.trim_end_matches("{}\n").trim_end().as_bytes(),
            "line 2 has 3000008 bytes",
        ),
        (b"{}\n{}\n\0\n", "line 3, column 1: a NUL byte"),
        (b"{}\n\"a\xff\"\n", "line 2, column 3: byte 0xff is not UTF-8"),
        (b"\"\\ud800\"\n", "line 1, column 8 is not JSON: "),
        (b"{}\n{\"a\":NaN}\n", "line 2, column 6 is not JSON: expected value"),
        (b"{}\n{\"a\":", "perhaps it is still being written"),
    ] {
        let chunks: Vec<_> = LineSplitter::new(input, me(), WIDE, 0, 0).collect();
        let said = chunks.last().unwrap().as_ref().unwrap_err().to_string();
        assert!(said.contains(words), "{words}: {said}");
        assert!(said.len() < 300, "{said}");
    }
}
