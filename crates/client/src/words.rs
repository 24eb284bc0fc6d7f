//! Amounts, times, durations and sizes as people read them: the one place that writes them, for the SDK's messages and the command's.

use candid::Nat;

/// Writes an amount given in an asset's smallest unit.
pub type Show<'a> = &'a dyn Fn(&Nat) -> String;

/// An amount whose asset is not known.
pub fn smallest_units(units: &Nat) -> String {
    // Not the number's own text, which has `_` between digits.
    format!("{} of the token's smallest units", units.0)
}

/// Seconds in words, for what is known roughly: `40 seconds`, `7 minutes`, `3 hours`, `2 days`.
pub fn roughly(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7_200 => ((seconds + 30) / 60, "minute"),
        7_200..172_800 => ((seconds + 1_800) / 3_600, "hour"),
        _ => ((seconds + 43_200) / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// Nanoseconds as people say them: `30d`, `12h`, `90s`.
pub fn duration(ns: u64) -> String {
    const SECOND: u64 = 1_000_000_000;
    for (unit, size) in [
        ("d", 86_400 * SECOND),
        ("h", 3_600 * SECOND),
        ("m", 60 * SECOND),
        ("s", SECOND),
    ] {
        if ns >= size && ns.is_multiple_of(size) {
            return format!("{}{unit}", ns / size);
        }
    }
    format!("{}s", crate::amount::plain(ns.into(), 9))
}

/// Bytes as people say them.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576..1_073_741_824 => format!("{}.{} MiB", bytes >> 20, ((bytes >> 10) % 1_024) * 10 / 1_024),
        _ => format!("{}.{} GiB", bytes >> 30, ((bytes >> 20) % 1_024) * 10 / 1_024),
    }
}

/// Nanoseconds since the Unix epoch in UTC to the second (RFC 3339).
pub fn time(ns: u64) -> String {
    let seconds = ns / 1_000_000_000;
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let date = day(days);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{date}T{hour:02}:{minute:02}:{second:02}Z")
}

/// A day counted from 1970-01-01, as a date.
pub fn day(days: u64) -> String {
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Year, month and day of a number of days since 1970-01-01 in the Gregorian calendar. The year is counted from March, so that
/// the leap day is its last; an era is 400 years.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// Whether a character makes a terminal do something, or shows what stands around it in another order: control characters, and the marks
/// that change the direction of writing.
pub fn acts(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

fn escaped(text: &str, kept: Option<char>) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if acts(character) && Some(character) != kept {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    safe
}

/// A text for a terminal: whatever would act on it is written as an escape that can be seen. Newlines are kept: they must be the writer's
/// own, so write other people's texts into it with [`one_line`].
pub fn visible(text: &str) -> String {
    escaped(text, Some('\n'))
}

/// Somebody else's text within a line: as [`visible`], newlines too, so that it cannot look like a line of ours.
pub fn one_line(text: &str) -> String {
    escaped(text, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_show_what_would_act_on_a_terminal() {
        let text = "a\u{1b}[2K\r\tb\nc\u{9b}\u{202e}d\u{2066}\u{200f}\u{61c}é";
        let rest = "c\\u{9b}\\u{202e}d\\u{2066}\\u{200f}\\u{61c}é";
        assert_eq!(visible(text), format!("a\\u{{1b}}[2K\\r\\tb\n{rest}"));
        assert_eq!(one_line(text), format!("a\\u{{1b}}[2K\\r\\tb\\n{rest}"));
        assert_eq!(one_line("quakes – 地震"), "quakes – 地震");
    }

    #[test]
    fn should_write_times_as_the_calendar_has_them() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_799, "2000-02-29T23:59:59Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_517_363_399, "2018-01-31T01:49:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(time(seconds * 1_000_000_000), expected);
        }
    }

    #[test]
    fn should_write_durations_sizes_and_amounts_for_people() {
        assert_eq!(duration(30 * 86_400 * 1_000_000_000), "30d");
        assert_eq!(duration(90 * 1_000_000_000), "90s");
        assert_eq!(duration(1), "0.000000001s");
        assert_eq!(size(1_536 * 1_024), "1.5 MiB");
        assert_eq!(
            smallest_units(&70_000_u32.into()),
            "70000 of the token's smallest units"
        );
        for (seconds, expected) in [
            (1, "1 second"),
            (119, "119 seconds"),
            (120, "2 minutes"),
            (449, "7 minutes"),
            (7_200, "2 hours"),
            (86_400 * 3, "3 days"),
        ] {
            assert_eq!(roughly(seconds), expected);
        }
    }
}
