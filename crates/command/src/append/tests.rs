use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;

use async_trait::async_trait;
use candid::Principal;
use ddsx_client::{CallError, NetworkError};
use ddsx_types::Hash;
use ddsx_types::stream_registry::{
    AddContributorsArgs, AppendArgs as Asked, AppendError, Appended, ContributorInfo, StreamError,
};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::failure::USAGE;

/// What happens to a call.
#[derive(Clone, Debug)]
enum Fate {
    /// It is executed, and the run is killed before it hears of it.
    KilledAfter,
    /// The run is killed before it is sent.
    KilledBefore,
    /// Another publisher appends just before.
    Overtaken,
}

/// A stream with a contributor `me`, number 0.
#[derive(Debug, Default)]
struct Model {
    chunks: Mutex<Vec<NewChunk>>,
    /// Of the next calls.
    fates: Mutex<Vec<Fate>>,
}

const OTHERS: &[u8] = b"\"of another publisher\"\n";

impl Model {
    fn overtake(&self) {
        self.chunks.lock().unwrap().push(NewChunk {
            payload: ByteBuf::from(OTHERS),
            provider_timestamp: 1,
            credits: Vec::new(),
        });
    }

    fn will(&self, fates: &[Fate]) {
        self.fates.lock().unwrap().extend_from_slice(fates);
    }

    /// All that was appended by the runs that are tested.
    fn text(&self) -> String {
        let chunks = self.chunks.lock().unwrap();
        let own = chunks.iter().filter(|chunk| chunk.payload.as_slice() != OTHERS);
        let bytes: Vec<u8> = own.flat_map(|chunk| chunk.payload.to_vec()).collect();
        String::from_utf8(bytes).unwrap()
    }
}

#[async_trait]
impl PublishTarget for Model {
    fn canister(&self) -> Principal {
        Principal::management_canister()
    }

    async fn chunks_of(&self, stream: StreamId) -> Result<Option<u64>, NetworkError> {
        Ok((stream == 0).then(|| self.chunks.lock().unwrap().len() as u64))
    }

    async fn append_batch(&self, args: &Asked) -> Result<Appended, CallError<AppendError>> {
        let refused = |error| CallError::Refused {
            method: "append",
            error,
        };
        let killed = || {
            CallError::Network(NetworkError::Rejected {
                method: "append".into(),
                code: "test".into(),
                message: "killed".into(),
                transient: false,
            })
        };
        let fate = self.fates.lock().unwrap().pop();
        match fate {
            Some(Fate::KilledBefore) => return Err(killed()),
            Some(Fate::Overtaken) => self.overtake(),
            _ => {}
        }
        let mut chunks = self.chunks.lock().unwrap();
        let first = usize::try_from(args.expected_sequence).unwrap();
        let expected = chunks.len() as u64;
        let stored = chunks
            .get(first..)
            .ok_or_else(|| refused(AppendError::WrongSequence { expected }))?;
        if let Some(at) = stored.iter().zip(&args.chunks).position(|(stored, new)| stored != new) {
            let sequence = args.expected_sequence + at as u64;
            return Err(refused(AppendError::DifferentChunkStored { sequence }));
        }
        let already_stored = !stored.is_empty();
        if !already_stored {
            chunks.extend(args.chunks.iter().cloned());
        }
        if matches!(fate, Some(Fate::KilledAfter)) {
            return Err(killed());
        }
        Ok(Appended {
            first_sequence: args.expected_sequence,
            head: Head {
                tree_size: chunks.len() as u64,
                root: Hash::default(),
                timestamp: 0,
            },
            already_stored,
        })
    }

    async fn contributors_of(&self, _: StreamId) -> Result<Vec<ContributorInfo>, NetworkError> {
        Ok(vec![ContributorInfo {
            number: 0,
            label: "me".into(),
            account: None,
            weight: 0,
        }])
    }

    async fn enter_contributors(&self, _: &AddContributorsArgs) -> Result<u32, CallError<StreamError>> {
        Ok(0)
    }
}

struct Setting {
    folder: tempfile::TempDir,
    model: Arc<Model>,
}

impl Setting {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            model: Arc::new(Model::default()),
        }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    fn write(&self, file: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(file), bytes).unwrap();
    }

    fn args(&self, file: &str) -> AppendArgs {
        AppendArgs {
            stream: 0,
            files: vec![self.path(file)],
            credit: Some("me".into()),
            credit_field: None,
            add_contributors: false,
            chunk_records: 2,
            chunk_bytes: 64,
            resume: Some(self.path("state.json")),
            new_file: false,
            finished: false,
            raw: false,
            records: 1,
        }
    }

    async fn run(&self, args: AppendArgs) -> Result<(), Failure> {
        let target: Arc<dyn PublishTarget> = Arc::clone(&self.model) as _;
        append(Output::new(true, true), target, args).await
    }

    async fn append(&self, file: &str) -> Result<(), Failure> {
        self.run(self.args(file)).await
    }

    fn text(&self) -> String {
        self.model.text()
    }
}

fn events(range: std::ops::Range<u32>) -> String {
    let lines = range.map(|number| format!("{{\"event\":{number}}}\n"));
    lines.collect::<Vec<_>>().concat()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn should_append_what_a_file_grew_by_and_nothing_twice() {
    let setting = Setting::new();
    for end in [0, 5, 5, 11] {
        setting.write("a.jsonl", events(0..end));
        setting.append("a.jsonl").await.unwrap();
        assert_eq!(setting.text(), events(0..end));
    }
}

#[tokio::test]
async fn should_go_on_after_another_publisher_at_any_moment() {
    let setting = Setting::new();
    setting.write("a.jsonl", events(0..10));
    // In the middle of a run, before its first call and again when it moves.
    setting.model.will(&[Fate::Overtaken, Fate::Overtaken]);
    setting.append("a.jsonl").await.unwrap();
    assert_eq!(setting.text(), events(0..10));
    // Between two runs.
    setting.model.overtake();
    setting.write("a.jsonl", events(0..20));
    setting.append("a.jsonl").await.unwrap();
    assert_eq!(setting.text(), events(0..20));
    assert_eq!(setting.model.chunks.lock().unwrap().len(), 3 + 10);
}

#[tokio::test]
async fn should_lose_and_repeat_nothing_wherever_it_is_killed() {
    for fate in [Fate::KilledAfter, Fate::KilledBefore] {
        for others in [false, true] {
            let setting = Setting::new();
            setting.write("a.jsonl", events(0..4));
            setting.append("a.jsonl").await.unwrap();
            setting.write("a.jsonl", events(0..10));
            setting.model.will(std::slice::from_ref(&fate));
            let killed = setting.append("a.jsonl").await.unwrap_err();
            assert!(killed.message().contains("killed"), "{}", killed.message());
            // Meanwhile.
            if others {
                setting.model.overtake();
            }
            setting.write("a.jsonl", events(0..15));
            setting.append("a.jsonl").await.unwrap();
            assert_eq!(setting.text(), events(0..15), "{fate:?}, others: {others}");
        }
    }
}

#[tokio::test]
async fn should_be_killed_while_it_moves_behind_another_publisher() {
    let setting = Setting::new();
    setting.write("a.jsonl", events(0..4));
    // Taken from the end: overtaken, then executed for its new place and killed.
    setting.model.will(&[Fate::KilledAfter, Fate::Overtaken]);
    setting.append("a.jsonl").await.unwrap_err();
    setting.model.overtake();
    setting.append("a.jsonl").await.unwrap();
    assert_eq!(setting.text(), events(0..4));
}

#[tokio::test]
async fn should_refuse_a_rotated_truncated_or_replaced_file_and_begin_it_when_told() {
    let new: String = events(0..30).replace("event", "other");
    for (replaced, words) in [
        (new.clone(), "are not those that were read"),
        (events(0..2), "it has 24 bytes of text now"),
        (events(1..30), "are not those that were read"),
        (String::new(), "it has 0 bytes of text now"),
    ] {
        let setting = Setting::new();
        setting.write("a.jsonl", events(0..10));
        setting.append("a.jsonl").await.unwrap();
        setting.write("a.jsonl", &replaced);
        let failure = setting.append("a.jsonl").await.unwrap_err();
        assert_eq!(failure.code(), USAGE);
        for word in [words, "a.jsonl", "--new-file"] {
            assert!(failure.message().contains(word), "{word}: {}", failure.message());
        }
        assert_eq!(setting.text(), events(0..10), "nothing was appended");
        // Told so it begins; told again, it goes on.
        for _ in 0..2 {
            let mut args = setting.args("a.jsonl");
            args.new_file = true;
            setting.run(args).await.unwrap();
            assert_eq!(setting.text(), format!("{}{replaced}", events(0..10)));
        }
    }
}

#[tokio::test]
async fn should_finish_a_rotated_log_under_its_new_name_and_begin_the_next() {
    let setting = Setting::new();
    setting.write("a.jsonl", events(0..10));
    setting.append("a.jsonl").await.unwrap();
    // It grew, was rotated and compressed; a new one grows.
    setting.write("a.jsonl.1.gz", gzip(&events(0..14)));
    setting.write("a.jsonl", events(14..20));
    setting.append("a.jsonl").await.unwrap_err();
    setting.append("a.jsonl.1.gz").await.unwrap();
    let mut args = setting.args("a.jsonl");
    args.new_file = true;
    setting.model.will(&[Fate::KilledAfter]);
    setting.run(args.clone()).await.unwrap_err();
    setting.run(args).await.unwrap();
    setting.append("a.jsonl").await.unwrap();
    assert_eq!(setting.text(), events(0..20));
}

#[tokio::test]
async fn should_not_take_a_changed_batch_for_one_that_may_be_under_way() {
    let setting = Setting::new();
    setting.write("a.jsonl", events(0..4));
    setting.append("a.jsonl").await.unwrap();
    setting.write("a.jsonl", events(0..8));
    setting.model.will(&[Fate::KilledAfter]);
    setting.append("a.jsonl").await.unwrap_err();
    let changed = events(0..4) + &events(4..8).replace("event", "other");
    setting.write("a.jsonl", &changed);
    for new_file in [false, true] {
        let mut args = setting.args("a.jsonl");
        args.new_file = new_file;
        let failure = setting.run(args).await.unwrap_err();
        assert_eq!(failure.code(), USAGE, "{}", failure.message());
    }
    assert_eq!(setting.text(), events(0..8));
}

#[tokio::test]
async fn should_leave_a_half_line_until_its_newline_comes() {
    let setting = Setting::new();
    let whole = events(0..4);
    setting.write("a.jsonl", &whole[..whole.len() - 3]);
    setting.append("a.jsonl").await.unwrap();
    assert_eq!(setting.text(), events(0..3));
    // A record that looks whole and is not.
    setting.write("a.jsonl", events(0..3) + "12");
    setting.append("a.jsonl").await.unwrap();
    assert_eq!(setting.text(), events(0..3));
    setting.write("a.jsonl", events(0..3) + "123\n45");
    setting.append("a.jsonl").await.unwrap();
    assert_eq!(setting.text(), events(0..3) + "123\n");

    let mut args = setting.args("a.jsonl");
    args.finished = true;
    setting.run(args).await.unwrap();
    assert_eq!(setting.text(), events(0..3) + "123\n45\n");
    // It was not finished.
    setting.write("a.jsonl", events(0..3) + "123\n456\n");
    let failure = setting.append("a.jsonl").await.unwrap_err();
    assert!(
        failure.message().contains("line 5 was read before its end"),
        "{}",
        failure.message()
    );
    setting.write("a.jsonl", events(0..3) + "123\n45\n6\n");
    setting.append("a.jsonl").await.unwrap();
    assert_eq!(setting.text(), events(0..3) + "123\n45\n6\n");
}

#[tokio::test]
async fn should_read_files_as_people_have_them() {
    let two = "{\"a\":1}\n{\"a\":2}\n";
    let windows = two.replace('\n', "\r\n");
    for (name, bytes, expected) in [
        ("bom.jsonl", format!("\u{feff}{two}").into_bytes(), two),
        ("crlf.jsonl", windows.clone().into_bytes(), windows.as_str()),
        ("two.jsonl.gz", [gzip(&two[..8]), gzip(&two[8..])].concat(), two),
        ("marked.jsonl.gz", gzip(&format!("\u{feff}{two}")), two),
        ("unpacked.jsonl.gz", two.into(), two),
        ("last.jsonl", two.trim_end().into(), two),
    ] {
        let setting = Setting::new();
        setting.write(name, &bytes);
        let mut args = setting.args(name);
        args.resume = None;
        setting.run(args).await.unwrap();
        assert_eq!(setting.text(), expected, "{name}");
    }
}

#[tokio::test]
async fn should_append_nothing_of_a_file_that_cannot_be_read_to_its_end() {
    let good = events(0..1_000);
    let utf_16: Vec<u8> = "\u{feff}{}\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let packed = gzip(&good);
    let long = format!("{{\"a\":\"{}\"}}\n", "x".repeat(3_000_000));
    for (name, bytes, words) in [
        (
            "nan.jsonl",
            format!("{good}{{\"a\":NaN}}\n").into_bytes(),
            "line 1001, column 6 is not JSON",
        ),
        ("utf16.jsonl", utf_16, "UTF-16"),
        (
            "nul.jsonl",
            b"{\"a\":1}\n\x00\n".to_vec(),
            "line 2, column 1: a NUL byte",
        ),
        (
            "bad8.jsonl",
            b"\"\xff\"\n".to_vec(),
            "line 1, column 2: byte 0xff is not UTF-8",
        ),
        ("sur.jsonl", b"\"\\ud800\"\n".to_vec(), "line 1, column 8 is not JSON"),
        (
            "long.jsonl",
            (good.clone() + &long).into_bytes(),
            "line 1001 has 3000009 bytes",
        ),
        ("cut.jsonl.gz", packed[..packed.len() - 12].to_vec(), "is cut off"),
    ] {
        for resumed in [false, true] {
            let setting = Setting::new();
            setting.write(name, &bytes);
            let mut args = setting.args(name);
            args.resume = args.resume.filter(|_| resumed);
            let failure = setting.run(args).await.unwrap_err();
            assert_eq!(failure.code(), USAGE, "{}", failure.message());
            for word in [words, name] {
                assert!(failure.message().contains(word), "{word}: {}", failure.message());
            }
            assert_eq!(setting.text(), "", "{name}");
        }
    }
}

#[tokio::test]
async fn should_look_at_every_label_and_file_before_the_first_chunk() {
    let setting = Setting::new();
    setting.write("a.jsonl", "{\"by\":\"me\"}\n".repeat(50) + "{\"by\":\"you\"}\n");
    let mut args = setting.args("a.jsonl");
    (args.credit, args.credit_field) = (None, Some("by".into()));
    let failure = setting.run(args).await.unwrap_err();
    assert!(failure.message().contains("you"), "{}", failure.message());
    setting.write("empty.bin", "");
    let mut args = setting.args("a.jsonl");
    args.files.push(setting.path("empty.bin"));
    (args.raw, args.resume) = (true, None);
    let failure = setting.run(args).await.unwrap_err();
    assert!(
        failure.message().contains("empty.bin has 0 bytes"),
        "{}",
        failure.message()
    );
    assert_eq!(setting.text(), "");
}
