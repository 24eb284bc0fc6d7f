//! What people type: accounts, durations, sizes, percentages. What they read is written by `ddsx_client::words`.

use std::str::FromStr;
use std::time::Duration;

use candid::Principal;
use ddsx_client::amount;
pub use ddsx_client::words::{day, duration, one_line, size, time};
use ddsx_types::{Account, BASIS_POINTS};

/// An ICRC-1 account: a principal, or the standard's text with a subaccount.
pub fn parse_account(text: &str) -> Result<Account, String> {
    if let Ok(owner) = Principal::from_text(text) {
        return Ok(owner.into());
    }
    Account::from_str(text).map_err(|error| format!("not a principal or ICRC-1 account: {error}"))
}

/// `LABEL` or `LABEL=ACCOUNT`. A label may hold `=` if what follows the last one is no account.
pub fn parse_contributor(text: &str) -> (String, Option<Account>) {
    if let Some((label, account)) = text.rsplit_once('=')
        && let Ok(account) = parse_account(account)
    {
        return (label.to_string(), Some(account));
    }
    (text.to_string(), None)
}

/// `NUMBER=ACCOUNT`.
pub fn parse_binding(text: &str) -> Result<(u32, Account), String> {
    let (number, account) = text.split_once('=').ok_or("NUMBER=ACCOUNT expected")?;
    let number = number
        .parse()
        .map_err(|_| format!("{number:?} is not the number of a contributor"))?;
    Ok((number, parse_account(account)?))
}

/// `90s`, `15m`, `12h`, `30d`, `2w`, `1y` (365 days), `500ms`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let bad = || format!("{text:?} is not a duration; write for example 90s, 15m, 12h or 30d");
    let number: u64 = number.parse().map_err(|_| bad())?;
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 7 * 86_400_000,
        "y" => 365 * 86_400_000,
        _ => return Err(bad()),
    };
    number.checked_mul(millis).map(Duration::from_millis).ok_or_else(bad)
}

/// `65536`, `64KiB`, `1MiB`, `64kB`, `1MB`.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let bad = || format!("{text:?} is not a size; write for example 64KiB");
    let number: u64 = number.parse().map_err(|_| bad())?;
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "kb" => 1_000,
        "mb" => 1_000_000,
        _ => return Err(bad()),
    };
    match number.checked_mul(factor) {
        Some(0) | None => Err(bad()),
        Some(bytes) => Ok(bytes),
    }
}

/// `70%`, `70` or `33.33%` in basis points.
pub fn parse_share(text: &str) -> Result<u16, String> {
    let number = text.trim().trim_end_matches('%').trim();
    amount::parse(number, 2, "%")
        .ok()
        .and_then(|bps| u16::try_from(bps).ok())
        .filter(|bps| *bps <= BASIS_POINTS)
        .ok_or_else(|| format!("{text:?} is not a share between 0% and 100% with at most two decimals"))
}

/// Basis points as a percentage.
pub fn share(bps: u16) -> String {
    format!("{}%", amount::plain(bps.into(), 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_read_durations_and_sizes() {
        assert_eq!(parse_duration("90s").unwrap(), Duration::from_secs(90));
        assert_eq!(parse_duration("30d").unwrap(), Duration::from_hours(720));
        assert_eq!(parse_duration("500ms").unwrap(), Duration::from_millis(500));
        for text in ["", "5", "d", "-1s", "1.5h", "1 parsec", "99999999999999999999d"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert_eq!(parse_bytes("64KiB"), Ok(65_536));
        assert_eq!(parse_bytes("1MB"), Ok(1_000_000));
        for text in ["", "0", "KiB", "1TB", "-5"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn should_read_shares_in_basis_points() {
        for (text, bps) in [
            ("70%", 7_000),
            ("70", 7_000),
            ("33.33%", 3_333),
            ("0", 0),
            ("100%", 10_000),
        ] {
            assert_eq!(parse_share(text), Ok(bps), "{text}");
            assert_eq!(parse_share(&share(bps)), Ok(bps));
        }
        for text in ["101%", "33.333%", "-1%", "", "%"] {
            assert!(parse_share(text).is_err(), "{text}");
        }
    }

    #[test]
    fn should_read_contributors_with_and_without_account() {
        let id = "ryjl3-tyaaa-aaaaa-aaaba-cai";
        let account = parse_account(id).unwrap();
        assert_eq!(parse_contributor("uw"), ("uw".into(), None));
        assert_eq!(parse_contributor(&format!("a=b={id}")), ("a=b".into(), Some(account)));
        assert_eq!(parse_contributor("a=b"), ("a=b".into(), None));
        assert_eq!(parse_binding(&format!("3={id}")), Ok((3, account)));
        assert!(parse_binding("x=y").is_err());
        let with_subaccount = Account {
            subaccount: Some([7; 32]),
            ..account
        };
        assert_eq!(parse_account(&with_subaccount.to_string()), Ok(with_subaccount));
    }
}
