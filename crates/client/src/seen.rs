//! Reading what was just written. A query may be answered by a node that lags behind the one that took the call by some seconds; whoever
//! reads what it wrote waits until it is there.

use std::future::Future;
use std::time::{Duration, Instant};

/// How long a node is given to catch up. Nodes of a healthy subnet lag by a second or two.
pub const CATCH_UP: Duration = Duration::from_secs(20);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Asks until the answer shows what was written, or `patience` is over; the last answer. Failures are handed over at once.
pub async fn until_seen<T, E, F>(
    patience: Duration,
    mut ask: impl FnMut() -> F,
    shows: impl Fn(&T) -> bool,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let began = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let answer = ask().await?;
        if shows(&answer) || began.elapsed() + pause > patience {
            return Ok(answer);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[tokio::test]
    async fn should_ask_until_what_was_written_is_there_and_not_for_ever() {
        let asked = Cell::new(0);
        let ask = || {
            asked.set(asked.get() + 1);
            let now = asked.get();
            async move { Ok::<_, ()>(now) }
        };
        assert_eq!(until_seen(CATCH_UP, ask, |answer| *answer == 2).await, Ok(2));
        assert_eq!(
            until_seen(Duration::ZERO, ask, |_| false).await,
            Ok(3),
            "once, without patience"
        );
        assert_eq!(
            until_seen(CATCH_UP, || async { Err::<u8, _>(()) }, |_| true).await,
            Err(())
        );
    }
}
