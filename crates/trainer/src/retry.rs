//! Waiting for what time may mend: lost connections, a canister that is being upgraded, a pause by governance.

use std::time::Duration;

use ddsx_client::NetworkError;

/// How often is looked, and how pauses grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Between two looks at the task.
    pub poll: Duration,
    /// The first pause after a failure; it doubles.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(2),
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_mins(1),
        }
    }
}

/// Pauses that grow as long as nothing works.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    pace: Pace,
    next: Duration,
}

impl Backoff {
    /// At the first pause.
    pub fn new(pace: Pace) -> Self {
        Self {
            pace,
            next: pace.first_pause,
        }
    }

    /// Something worked.
    pub fn reset(&mut self) {
        self.next = self.pace.first_pause;
    }

    /// The pause now.
    pub fn pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = (self.next * 2).min(self.pace.longest_pause);
        pause
    }
}

/// Whether time may mend this: nobody answers, the answer got lost (calls here may be repeated), the subnet is busy, or the canister is
/// stopped for an upgrade (IC0508, IC0509).
pub fn is_passing(error: &NetworkError) -> bool {
    match error {
        NetworkError::OutcomeUnknown { .. } => true,
        NetworkError::Rejected { code, message, .. } if !error.is_transient() => {
            ["IC0508", "IC0509"]
                .iter()
                .any(|stopped| code.contains(stopped) || message.contains(stopped))
                || message.contains("is stopped")
                || message.contains("is stopping")
        }
        other => other.is_transient(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_double_pauses_up_to_the_longest() {
        let mut backoff = Backoff::new(Pace::default());
        let pauses: Vec<u64> = (0..8).map(|_| backoff.pause().as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        backoff.reset();
        assert_eq!(backoff.pause().as_secs(), 1);
    }

    #[test]
    fn should_wait_for_what_passes_and_for_nothing_else() {
        let rejected = |code: &str, message: &str| NetworkError::Rejected {
            method: "join".into(),
            code: code.into(),
            message: message.into(),
            transient: false,
        };
        for (error, passing) in [
            (rejected("CanisterError, IC0508", ""), true),
            (rejected("CanisterError", "Canister aaaaa-aa is stopped"), true),
            (rejected("CanisterError, IC0503", "trapped"), false),
            (
                NetworkError::Unreachable {
                    method: "task".into(),
                    reason: "refused".into(),
                },
                true,
            ),
            (
                NetworkError::OutcomeUnknown {
                    method: "join".into(),
                    reason: "lost".into(),
                },
                true,
            ),
            (
                NetworkError::Unproved {
                    method: "join".into(),
                    reason: "signature".into(),
                },
                false,
            ),
        ] {
            assert_eq!(is_passing(&error), passing, "{error}");
        }
    }
}
