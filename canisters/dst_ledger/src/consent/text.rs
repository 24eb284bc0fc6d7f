//! Values as people read them.

use std::fmt::Write;

use time::format_description::well_known::Rfc2822;
use time::{OffsetDateTime, UtcOffset};

/// An amount of smallest units in whole tokens, exact, without trailing zeros.
pub(super) fn decimal(amount: u128, decimals: u8) -> String {
    let digits = format!("{amount:0>width$}", width = usize::from(decimals) + 1);
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(decimals));
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

/// Markdown that shows the text as it is. What [`memo_text`], [`decimal`] and the text form of accounts give has no backtick; a
/// token's symbol might.
pub(super) fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'"))
}

/// A memo as text if every character of it is a letter, a digit, a space or printable ASCII but the backtick, and as hexadecimal
/// digits after `0x` if not: nothing in a memo may look like a part of the message around it.
pub(super) fn memo_text(memo: &[u8]) -> String {
    let plain = |c: char| c.is_alphanumeric() || c == ' ' || (c.is_ascii_graphic() && c != '`');
    match str::from_utf8(memo) {
        Ok(text) if text.chars().all(plain) => text.to_owned(),
        _ => memo.iter().fold(String::from("0x"), |mut text, byte| {
            // Writing to a `String` does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        }),
    }
}

/// A time in nanoseconds as date and time of day in the zone that is so many minutes ahead of UTC, and those minutes; in UTC if there
/// is no such zone.
pub(super) fn date(time: u64, utc_offset_minutes: i16) -> (String, i16) {
    let zone = UtcOffset::from_whole_seconds(i32::from(utc_offset_minutes) * 60).ok();
    let (zone, minutes) = zone.map_or((UtcOffset::UTC, 0), |zone| (zone, utc_offset_minutes));
    // The latest time that 64 bits of nanoseconds can say is in the year 2554.
    let date = OffsetDateTime::from_unix_timestamp_nanos(time.into())
        .map(|date| date.to_offset(zone).format(&Rfc2822).unwrap_or_default())
        .unwrap_or_default();
    (date, minutes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn should_write_amounts_exactly() {
        let table = [
            (0, 8, "0"),
            (1, 8, "0.00000001"),
            (10_000, 8, "0.0001"),
            (100_000_000, 8, "1"),
            (123_456_789_012, 8, "1234.56789012"),
            (9_007_199_254_740_993, 8, "90071992.54740993"),
            (70, 0, "70"),
            (u128::MAX, 0, "340282366920938463463374607431768211455"),
            (u128::MAX, 38, "3.40282366920938463463374607431768211455"),
            (5, 38, "0.00000000000000000000000000000000000005"),
        ];
        for (amount, decimals, expected) in table {
            assert_eq!(decimal(amount, decimals), expected);
        }
    }

    #[test]
    fn should_show_a_memo_only_if_it_cannot_be_mistaken_for_the_message() {
        let table: [(&[u8], &str); 8] = [
            (b"", ""),
            (b"invoice 17, please", "invoice 17, please"),
            ("Überweisung 42".as_bytes(), "Überweisung 42"),
            (b"a`b", "0x616062"),
            (b"a\nb", "0x610a62"),
            (b"\xff\x00", "0xff00"),
            ("a\u{202e}b".as_bytes(), "0x61e280ae62"),
            ("\u{200b}".as_bytes(), "0xe2808b"),
        ];
        for (memo, expected) in table {
            assert_eq!(memo_text(memo), expected);
        }
    }

    #[test]
    fn should_write_times_in_the_readers_zone() {
        let time = 1_790_000_000_000_000_000;
        let table = [
            (0, "Mon, 21 Sep 2026 14:13:20 +0000", 0),
            (120, "Mon, 21 Sep 2026 16:13:20 +0200", 120),
            (-570, "Mon, 21 Sep 2026 04:43:20 -0930", -570),
            (845, "Tue, 22 Sep 2026 04:18:20 +1405", 845),
            (i16::MAX, "Mon, 21 Sep 2026 14:13:20 +0000", 0),
            (i16::MIN, "Mon, 21 Sep 2026 14:13:20 +0000", 0),
        ];
        for (offset, expected, used) in table {
            assert_eq!(date(time, offset), (expected.to_owned(), used));
        }
        assert_eq!(date(0, 0).0, "Thu, 01 Jan 1970 00:00:00 +0000");
        assert_eq!(date(u64::MAX, 0).0, "Sun, 21 Jul 2554 23:34:33 +0000");
    }

    proptest! {
        #[test]
        fn should_take_any_time_in_any_zone(time in any::<u64>(), offset in any::<i16>()) {
            prop_assert!(!date(time, offset).0.is_empty());
        }

        #[test]
        fn should_lose_no_unit_of_an_amount(amount in any::<u128>(), decimals in 0..=38_u8) {
            let text = decimal(amount, decimals);
            let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
            let digits = format!("{whole}{fraction:0<width$}", width = usize::from(decimals));
            prop_assert_eq!(digits.parse::<u128>().unwrap(), amount);
        }
    }
}
