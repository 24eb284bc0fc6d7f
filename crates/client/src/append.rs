//! Publishing: appending chunks in order, so that a lost reply or a restart never writes a chunk twice.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use candid::Principal;
use ddsx_types::stream_registry::{
    AddContributorsArgs, AppendArgs, AppendError, Appended, ContributorInfo, ContributorNumber, NewChunk, StreamError,
    StreamId, limits,
};

use crate::Registry;
use crate::error::{CallError, NetworkError};
use crate::seen::{CATCH_UP, until_seen};

/// How often an append whose outcome is unknown is repeated with the same arguments.
const REPETITIONS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(2);
/// Bytes that a chunk takes on the wire besides its payload, and each of its credits.
const CHUNK_OVERHEAD: usize = 24;
const CREDIT_OVERHEAD: usize = 14;

/// Why nothing more was appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendFailure {
    /// The registry refused, or the network did not answer.
    #[error(transparent)]
    Call(#[from] CallError<AppendError>),
    /// The stream to append to is not there.
    #[error("there is no stream {0}")]
    StreamNotFound(StreamId),
}

impl From<NetworkError> for AppendFailure {
    fn from(error: NetworkError) -> Self {
        Self::Call(error.into())
    }
}

/// What publishing needs of a registry, so that it can be tested without a network.
#[async_trait]
pub trait PublishTarget: std::fmt::Debug + Send + Sync {
    /// The registry canister.
    fn canister(&self) -> Principal;
    /// How many chunks a stream has, by the subnet's word; none if there is no such stream.
    async fn chunks_of(&self, stream: StreamId) -> Result<Option<u64>, NetworkError>;
    /// The same by whichever node answers: one may lag behind.
    async fn chunks_seen(&self, stream: StreamId) -> Result<Option<u64>, NetworkError> {
        self.chunks_of(stream).await
    }
    /// Appends at the sequence number expected. Repeated with the same arguments it writes nothing twice.
    async fn append_batch(&self, args: &AppendArgs) -> Result<Appended, CallError<AppendError>>;
    /// All contributors of a stream.
    async fn contributors_of(&self, stream: StreamId) -> Result<Vec<ContributorInfo>, NetworkError>;
    /// Enters contributors; the first one's number.
    async fn enter_contributors(&self, args: &AddContributorsArgs)
    -> Result<ContributorNumber, CallError<StreamError>>;
}

#[async_trait]
impl PublishTarget for Registry {
    fn canister(&self) -> Principal {
        self.id()
    }

    async fn chunks_of(&self, stream: StreamId) -> Result<Option<u64>, NetworkError> {
        // By the subnet's word: a node that lags does not know a stream that was just created, nor the last chunks.
        Ok(self.agreed().stream(stream).await?.map(|info| info.chunks))
    }

    async fn chunks_seen(&self, stream: StreamId) -> Result<Option<u64>, NetworkError> {
        Ok(self.stream(stream).await?.map(|info| info.chunks))
    }

    async fn append_batch(&self, args: &AppendArgs) -> Result<Appended, CallError<AppendError>> {
        self.append(args).await
    }

    async fn contributors_of(&self, stream: StreamId) -> Result<Vec<ContributorInfo>, NetworkError> {
        // Who is credited is paid: the subnet's word of who has which number.
        self.agreed().all_contributors(stream).await
    }

    async fn enter_contributors(
        &self,
        args: &AddContributorsArgs,
    ) -> Result<ContributorNumber, CallError<StreamError>> {
        self.add_contributors(args).await
    }
}

#[async_trait]
impl<T: PublishTarget + ?Sized> PublishTarget for Arc<T> {
    fn canister(&self) -> Principal {
        (**self).canister()
    }

    async fn chunks_of(&self, stream: StreamId) -> Result<Option<u64>, NetworkError> {
        (**self).chunks_of(stream).await
    }

    async fn chunks_seen(&self, stream: StreamId) -> Result<Option<u64>, NetworkError> {
        (**self).chunks_seen(stream).await
    }

    async fn append_batch(&self, args: &AppendArgs) -> Result<Appended, CallError<AppendError>> {
        (**self).append_batch(args).await
    }

    async fn contributors_of(&self, stream: StreamId) -> Result<Vec<ContributorInfo>, NetworkError> {
        (**self).contributors_of(stream).await
    }

    async fn enter_contributors(
        &self,
        args: &AddContributorsArgs,
    ) -> Result<ContributorNumber, CallError<StreamError>> {
        (**self).enter_contributors(args).await
    }
}

/// Appends to one stream in order.
#[derive(Clone, Debug)]
pub struct Appender {
    target: Arc<dyn PublishTarget>,
    stream: StreamId,
    next: u64,
    pause: Duration,
}

impl Appender {
    /// At the end of the stream as it is now.
    pub async fn open(target: impl PublishTarget + 'static, stream: StreamId) -> Result<Self, AppendFailure> {
        let mut appender = Self::at(target, stream, 0);
        appender.go_to_end().await?;
        Ok(appender)
    }

    /// At a known sequence number: where a run that ended in the middle of an append began it.
    pub fn at(target: impl PublishTarget + 'static, stream: StreamId, next: u64) -> Self {
        Self {
            target: Arc::new(target),
            stream,
            next,
            pause: PAUSE,
        }
    }

    /// Goes to the end of the stream as it is now, after what others appended.
    pub async fn go_to_end(&mut self) -> Result<(), AppendFailure> {
        let found = self.target.chunks_of(self.stream).await?;
        self.next = found.ok_or(AppendFailure::StreamNotFound(self.stream))?;
        Ok(())
    }

    /// Whether a refusal of [`Appender::append`] says that another publisher appended first. It proves that the batch is not in the log: it could
    /// only have been stored at the number that it was sent for. So it may be sent again after [`Appender::go_to_end`].
    pub fn is_overtaken(&self, failure: &AppendFailure) -> bool {
        let AppendFailure::Call(CallError::Refused { error, .. }) = failure else {
            return false;
        };
        match error {
            AppendError::DifferentChunkStored { sequence } => *sequence == self.next,
            // The end was asked for, and a node that lags or runs ahead answered.
            AppendError::WrongSequence { expected } => *expected < self.next,
            _ => false,
        }
    }

    /// The sequence number of the next chunk.
    pub fn next_sequence(&self) -> u64 {
        self.next
    }

    /// Appends one batch (see [`Appender::batches`] for what fits). When it is not known whether a call was executed, the same
    /// chunks are sent for the same sequence number again: the registry answers with what is there, and never writes twice.
    pub async fn append(&mut self, chunks: Vec<NewChunk>) -> Result<Appended, AppendFailure> {
        let count = chunks.len() as u64;
        let args = AppendArgs {
            stream: self.stream,
            expected_sequence: self.next,
            chunks,
        };
        let mut left = REPETITIONS;
        let appended = loop {
            match self.target.append_batch(&args).await {
                Err(CallError::Network(NetworkError::OutcomeUnknown { .. } | NetworkError::Unreachable { .. }))
                    if left > 0 =>
                {
                    left -= 1;
                    tokio::time::sleep(self.pause).await;
                }
                outcome => break outcome?,
            }
        };
        self.next = appended.first_sequence.saturating_add(count);
        Ok(appended)
    }

    /// Waits until a query shows the stream as it was left here, for whoever reads it next; whether one does by now.
    pub async fn until_seen(&self) -> Result<bool, NetworkError> {
        let reached = |chunks: &Option<u64>| chunks.is_some_and(|chunks| chunks >= self.next);
        let seen = until_seen(CATCH_UP, || self.target.chunks_seen(self.stream), reached).await?;
        Ok(reached(&seen))
    }

    /// Cuts chunks into batches that fit into one call each, in their order.
    pub fn batches(chunks: impl IntoIterator<Item = NewChunk>) -> Vec<Vec<NewChunk>> {
        let mut batches: Vec<Vec<NewChunk>> = Vec::new();
        let mut size = 0;
        for chunk in chunks {
            let weight = chunk.payload.len() + CHUNK_OVERHEAD + CREDIT_OVERHEAD * chunk.credits.len();
            match batches.last_mut() {
                Some(batch)
                    if batch.len() < limits::MAX_CHUNKS_PER_APPEND && size + weight <= limits::MAX_APPEND_BYTES =>
                {
                    batch.push(chunk);
                    size += weight;
                }
                _ => {
                    batches.push(vec![chunk]);
                    size = weight;
                }
            }
        }
        batches
    }
}

#[cfg(test)]
mod tests;
