//! Following a stream while it grows: polling at an interval, backing off while the network is away.

use std::time::{Duration, Instant};

use crate::puller::{PullFailure, Puller, VerifiedBatch};
use crate::{Registry, StreamSource};

/// How to follow.
#[derive(Clone, Debug)]
pub struct FollowOptions {
    /// The pause between polls once the head is reached. 2 seconds.
    pub interval: Duration,
    /// The longest pause while the network does not answer; it starts at the interval and doubles. 1 minute.
    pub longest_pause: Duration,
    /// How long the network may stay away before the failure is handed over; for ever if absent.
    pub give_up_after: Option<Duration>,
}

impl Default for FollowOptions {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(2),
            longest_pause: Duration::from_mins(1),
            give_up_after: None,
        }
    }
}

type Observer = Box<dyn FnMut(&PullFailure, Duration) + Send>;

/// Hands over batch after batch of a growing stream.
pub struct Follower<S = Registry> {
    puller: Puller<S>,
    options: FollowOptions,
    at_head: bool,
    away_since: Option<Instant>,
    pause: Duration,
    observer: Option<Observer>,
}

impl<S: StreamSource> Follower<S> {
    pub(crate) fn new(puller: Puller<S>, options: FollowOptions) -> Self {
        Self {
            pause: options.interval,
            puller,
            options,
            at_head: false,
            away_since: None,
            observer: None,
        }
    }

    /// Calls back with every failure that is waited out, and with the pause before the next try.
    #[must_use]
    pub fn on_trouble(mut self, observer: impl FnMut(&PullFailure, Duration) + Send + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// The puller, with what is proved so far.
    pub fn puller(&self) -> &Puller<S> {
        &self.puller
    }

    /// Waits for the next chunks. Network failures are waited out; a refusal or a failed verification is handed over.
    ///
    /// Cancelling this future loses nothing: what was not handed over is pulled again.
    pub async fn next(&mut self) -> Result<VerifiedBatch, PullFailure> {
        loop {
            if self.at_head {
                tokio::time::sleep(self.options.interval).await;
            }
            match self.puller.pull().await {
                Ok(batch) => {
                    self.away_since = None;
                    self.pause = self.options.interval;
                    self.at_head = batch.reaches_head();
                    if !batch.chunks.is_empty() {
                        return Ok(batch);
                    }
                }
                Err(failure) => self.wait_out(failure).await?,
            }
        }
    }

    async fn wait_out(&mut self, failure: PullFailure) -> Result<(), PullFailure> {
        let away = self.away_since.get_or_insert_with(Instant::now).elapsed();
        if !failure.is_transient() || self.options.give_up_after.is_some_and(|limit| away >= limit) {
            return Err(failure);
        }
        if let Some(observer) = &mut self.observer {
            observer(&failure, self.pause);
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(self.options.longest_pause.max(self.options.interval));
        Ok(())
    }
}
