//! One instance: a network behind a lock, and the task that drives it when it makes progress by itself.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{Mutex as FairMutex, Notify, watch};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::execution::Nanos;
use crate::network::Network;

/// How long an instance that makes progress by itself waits between two rounds in which nothing is to be done but
/// timers and heartbeats.
const IDLE_ROUND: Duration = Duration::from_millis(50);

/// The network panicked: a bug of this program, not of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panicked(pub String);

/// An instance of the network.
///
/// Every operation has the network for itself, in the order in which the operations were asked for.
pub struct Instance {
    network: Arc<FairMutex<Network>>,
    /// Counts changes of the network; whoever waits for one watches it.
    rounds: watch::Sender<u64>,
    /// Rung when there is something to do for the task that makes progress.
    work: Notify,
    progress: Mutex<Option<JoinHandle<()>>>,
}

impl Instance {
    /// An instance that stands still until it is told to move.
    pub fn new(network: Network) -> Arc<Self> {
        Arc::new(Self {
            network: Arc::new(FairMutex::new(network)),
            rounds: watch::Sender::new(0),
            work: Notify::new(),
            progress: Mutex::new(None),
        })
    }

    /// Does something that may change the network, and wakes those who wait for changes.
    ///
    /// # Errors
    /// The network panicked.
    pub async fn update<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Network) -> T + Send + 'static,
    ) -> Result<T, Panicked> {
        let result = self.query(operation).await;
        self.rounds.send_modify(|rounds| *rounds += 1);
        self.work.notify_one();
        result
    }

    /// Does something that needs the network for itself, but changes nothing that others could wait for.
    ///
    /// # Errors
    /// The network panicked.
    pub async fn query<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Network) -> T + Send + 'static,
    ) -> Result<T, Panicked> {
        let mut network = self.network.clone().lock_owned().await;
        spawn_blocking(move || operation(&mut network)).await.map_err(|error| {
            Panicked(match error.try_into_panic() {
                Ok(panic) => panic_message(&*panic),
                Err(error) => error.to_string(),
            })
        })
    }

    /// Reads something from the network.
    ///
    /// # Errors
    /// The network panicked.
    pub async fn read<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&Network) -> T + Send + 'static,
    ) -> Result<T, Panicked> {
        self.query(|network| operation(network)).await
    }

    /// Changes whenever the network has; closed when the instance has been deleted.
    pub fn rounds(&self) -> watch::Receiver<u64> {
        self.rounds.subscribe()
    }

    /// Whether the instance makes progress by itself.
    pub fn makes_progress(&self) -> bool {
        self.progress().is_some()
    }

    /// Lets the instance make progress by itself: its time is the clock's from the moment this returns, and rounds
    /// follow each other for as long as there is anything to do, at least `delay` apart.
    ///
    /// # Errors
    /// The network panicked.
    pub async fn start_progress(self: &Arc<Self>, delay: Duration) -> Result<(), Panicked> {
        if self.makes_progress() {
            return Ok(());
        }
        self.round().await?;
        let instance = self.clone();
        let task = tokio::spawn(async move {
            loop {
                match instance.round().await {
                    Ok(idle) => {
                        tokio::time::sleep(delay).await;
                        if idle {
                            let _ = tokio::time::timeout(IDLE_ROUND, instance.work.notified()).await;
                        }
                    }
                    Err(Panicked(message)) => {
                        eprintln!("A round has panicked, automatic progress stops: {message}");
                        return;
                    }
                }
            }
        });
        if let Some(other) = self.progress().replace(task) {
            other.abort();
        }
        Ok(())
    }

    /// Stops what [`Instance::start_progress`] began. A round that has begun ends first.
    pub fn stop_progress(&self) {
        if let Some(task) = self.progress().take() {
            task.abort();
        }
    }

    /// One round at the clock's time; returns whether there is nothing left to do.
    async fn round(&self) -> Result<bool, Panicked> {
        let result = self
            .query(|network| {
                // The clock may be behind an instance whose time was set into the future: time stands still then.
                let _ = network.set_time(now().max(network.time()));
                network.tick();
                network.is_idle()
            })
            .await;
        self.rounds.send_modify(|rounds| *rounds += 1);
        result
    }

    fn progress(&self) -> std::sync::MutexGuard<'_, Option<JoinHandle<()>>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The clock's time.
pub fn now() -> Nanos {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Nanos::try_from(since.as_nanos()).unwrap_or(Nanos::MAX)
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "the network panicked".into())
}
