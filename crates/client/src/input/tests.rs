use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn utf_16(text: &str) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

/// Everything that is read of these bytes as a file.
fn read(bytes: &[u8]) -> Result<String, InputError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.jsonl");
    std::fs::write(&path, bytes).unwrap();
    let whole = read_text(&path);
    let records = read_records(&path);
    assert_eq!(whole.as_ref().ok(), records.as_ref().ok(), "one way as the other");
    whole
}

#[test]
fn should_read_marks_gzip_and_both_line_ends() {
    let two = "{\"a\":1}\n{\"a\":2}\n";
    let (one, other) = two.split_at(8);
    for (bytes, expected) in [
        (two.as_bytes().to_vec(), two),
        ([UTF_8_MARK, two.as_bytes()].concat(), two),
        (gzip(two.as_bytes()), two),
        ([gzip(one.as_bytes()), gzip(other.as_bytes())].concat(), two),
        (gzip(&[UTF_8_MARK, two.as_bytes()].concat()), two),
        (b"{}\r\n".to_vec(), "{}\r\n"),
        (Vec::new(), ""),
        (UTF_8_MARK.to_vec(), ""),
        ("\u{1f}x".into(), "\u{1f}x"),
        ("ï".into(), "ï"),
    ] {
        assert_eq!(read(&bytes).unwrap(), expected, "{bytes:?}");
    }
}

#[test]
fn should_name_what_cannot_be_read_with_file_and_place() {
    let lines = "{\"a\":1}\n".repeat(1_000);
    let packed = gzip(lines.as_bytes());
    let mut damaged = packed.clone();
    let end = damaged.len();
    damaged[end - 6] ^= 1;
    for (bytes, words) in [
        (packed[..end - 12].to_vec(), "x.jsonl is cut off"),
        (
            packed[..end - 4].to_vec(),
            "x.jsonl is cut off: its gzip data ends after 8000 bytes",
        ),
        (damaged, "x.jsonl is damaged"),
        ([packed, b"{}\n{}\n{}\n{}\n".to_vec()].concat(), "x.jsonl is damaged"),
        (utf_16("{}"), "x.jsonl is written in UTF-16"),
        (vec![0xfe, 0xff, 0, b'{'], "written in UTF-16"),
        (vec![0xff, 0xfe, 0, 0, b'{', 0, 0, 0], "written in UTF-32"),
        (gzip(&utf_16("{}")), "written in UTF-16"),
        (b"{\"a\":1}\n\0\n".to_vec(), "x.jsonl: line 2, column 1: a NUL byte"),
        (b"{\0}\0".to_vec(), "line 1, column 2: a NUL byte"),
        (
            "é\n é".as_bytes()[..5].to_vec(),
            "line 2, column 2: byte 0xc3 is not UTF-8",
        ),
        (b"\"\xff\"\n".to_vec(), "line 1, column 2: byte 0xff is not UTF-8"),
    ] {
        let error = read(&bytes).unwrap_err();
        assert!(error.to_string().contains(words), "{words}: {error}");
        assert!(!error.is_unreadable(), "{error}");
    }
    let missing = read_text(Path::new("/nowhere/x.toml")).unwrap_err();
    assert!(
        missing.is_unreadable() && missing.to_string().contains("/nowhere/x.toml"),
        "{missing}"
    );
}

#[test]
fn should_bound_what_is_read_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.toml.gz");
    let most = usize::try_from(MAX_TEXT_BYTES).unwrap();
    std::fs::write(&path, gzip(&vec![b' '; most])).unwrap();
    assert_eq!(read_text(&path).unwrap().len(), most);
    std::fs::write(&path, gzip(&vec![b' '; most + 1])).unwrap();
    assert!(matches!(read_text(&path), Err(InputError::TooLarge { .. })));
}

#[test]
fn should_unpack_binaries_by_their_name() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, packed) = (
        folder.path().join("a.safetensors"),
        folder.path().join("a.safetensors.gz"),
    );
    // What begins as gzip does, and is none.
    let bytes = [GZIP, &[0; 9]].concat();
    std::fs::write(&plain, &bytes).unwrap();
    std::fs::write(&packed, gzip(&bytes)).unwrap();
    assert_eq!(read_binary(&plain).unwrap(), bytes);
    assert_eq!(read_binary(&packed).unwrap(), bytes);
    std::fs::write(&packed, &gzip(&bytes)[..20]).unwrap();
    assert!(matches!(read_binary(&packed), Err(InputError::Cut { .. })));
}

#[test]
fn should_hand_over_what_is_there_without_waiting_for_more() {
    /// Gives three bytes and would wait for ever for a fourth.
    struct Slow(u8);
    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            assert!(self.0 < 1, "nobody waits");
            self.0 += 1;
            buffer[..3].copy_from_slice(b"{}\n");
            Ok(3)
        }
    }
    let mut line = String::new();
    Input::new("stdin", Slow(0)).unwrap().read_line(&mut line).unwrap();
    assert_eq!(line, "{}\n");
}
