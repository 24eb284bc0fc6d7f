//! Whether this machine's clock is the network's. Signed messages and certificates are good for minutes only, so that a clock that
//! is off by more makes every call fail, in ways that do not name the cause.

use std::time::Duration;

use ic_agent::AgentError;
use ic_agent::export::reqwest;

use crate::ledger::now_ns;

/// A difference up to this, in seconds, is not what makes a call fail.
const TOLERATED_S: i64 = 60;
/// How long the network is waited for when it is asked for its time.
const PATIENCE: Duration = Duration::from_secs(5);

/// By how many seconds this machine's clock is ahead of the network's (negative: behind it), if a refusal says that it is off.
pub(crate) async fn off_by(client: &reqwest::Client, url: &str, error: &AgentError) -> Option<i64> {
    let seconds = match error {
        AgentError::HttpError(http) if http.status == 400 => {
            let text = String::from_utf8_lossy(&http.content);
            if !text.contains("expiry") {
                return None;
            }
            match network_time(&text) {
                Some(seconds) => seconds,
                None => asked(client, url).await?,
            }
        }
        AgentError::CertificateOutdated(_) => asked(client, url).await?,
        _ => return None,
    };
    let ahead = i64::try_from(now_ns() / 1_000_000_000).ok()?.checked_sub(seconds)?;
    (ahead.abs() > TOLERATED_S).then_some(ahead)
}

/// What is said of a clock that is off by so many seconds.
pub(crate) fn words(ahead_s: i64) -> String {
    let by = crate::words::roughly(ahead_s.unsigned_abs());
    let side = if ahead_s < 0 { "behind" } else { "ahead of" };
    format!("this machine's clock is off: it is {by} {side} the network's. Set it right and try again")
}

/// The network's time in a replica's refusal of a message's expiry, seconds since the Unix epoch: the least expiry that it allows.
fn network_time(refusal: &str) -> Option<i64> {
    let (_, least) = refusal.split_once("Minimum allowed expiry: ")?;
    let (date, rest) = least.split_once(' ')?;
    let mut date = date.split('-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    seconds((year, month, day), rest.get(..8)?)
}

/// The time that the network's HTTP server tells with a reply; whoever answers there, it is used for the words of a failure alone.
async fn asked(client: &reqwest::Client, url: &str) -> Option<i64> {
    let url = format!("{}/api/v2/status", url.trim_end_matches('/'));
    let reply = client.get(url).timeout(PATIENCE).send().await.ok()?;
    http_date(reply.headers().get("date")?.to_str().ok()?)
}

/// `Mon, 30 Nov 2026 21:00:23 GMT` (RFC 9110) in seconds since the Unix epoch.
fn http_date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let mut words = text.split(' ').skip(1);
    let day = words.next()?.parse().ok()?;
    let month = words.next()?;
    let month = 1 + i64::try_from(MONTHS.iter().position(|name| *name == month)?).ok()?;
    let year = words.next()?.parse().ok()?;
    seconds((year, month, day), words.next()?)
}

/// Seconds since the Unix epoch of a day of the Gregorian calendar from 1970 on, and a time of the form `21:00:23`.
fn seconds((year, month, day): (i64, i64, i64), time: &str) -> Option<i64> {
    if !(1970..10_000).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years counted from March, so that the leap day is the last of them.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    let mut time = time.split(':').map(|part| part.parse::<u8>().map(i64::from));
    let (hours, minutes, seconds) = (time.next()?.ok()?, time.next()?.ok()?, time.next()?.ok()?);
    Some(days * 86_400 + hours * 3_600 + minutes * 60 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_read_the_networks_time_from_a_refusal_and_from_http() {
        let refusal = "Invalid request expiry: Specified ingress_expiry not within expected range: Minimum allowed expiry: \
                       2026-11-30 09:34:31.772289705 UTC, Maximum allowed expiry: 2026-11-30 09:40:01.772289705 UTC, Provided \
                       expiry:        2026-11-30 09:55:00 UTC";
        assert_eq!(network_time(refusal), Some(1_796_031_271));
        assert_eq!(network_time("Minimum allowed expiry: soon"), None);
        assert_eq!(network_time("Minimum allowed expiry: 2026-11-30 ä"), None);
        for (text, expected) in [
            ("Mon, 30 Nov 2026 09:34:31 GMT", Some(1_796_031_271)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Tue, 29 Feb 2000 23:59:59 GMT", Some(951_868_799)),
            ("Wed, 01 Mar 2000 00:00:00 GMT", Some(951_868_800)),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(http_date(text), expected, "{text}");
        }
    }

    #[test]
    fn should_say_by_how_much_and_to_which_side() {
        assert_eq!(
            words(420),
            "this machine's clock is off: it is 7 minutes ahead of the network's. Set it right and try again"
        );
        assert!(words(-7_200).contains("2 hours behind the network's"));
    }
}
