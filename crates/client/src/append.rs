//! Publishing: appending chunks in order, so that a lost reply or a restart never writes a chunk twice.

use std::time::Duration;

use ddsx_types::stream_registry::{AppendArgs, AppendError, Appended, NewChunk, StreamId, StreamInfo, limits};

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

/// Appends to one stream in order.
#[derive(Clone, Debug)]
pub struct Appender {
    registry: Registry,
    stream: StreamId,
    next: u64,
}

impl Appender {
    /// At the end of the stream as it is now: by the subnet's word, since a node that lags does not know a stream that was just created,
    /// nor the last chunks.
    pub async fn open(registry: Registry, stream: StreamId) -> Result<Self, AppendFailure> {
        let info = registry
            .agreed()
            .stream(stream)
            .await?
            .ok_or(AppendFailure::StreamNotFound(stream))?;
        Ok(Self::at(registry, stream, info.chunks))
    }

    /// At a known sequence number: where a run that ended in the middle of an append began it.
    pub fn at(registry: Registry, stream: StreamId, next: u64) -> Self {
        Self { registry, stream, next }
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
            match self.registry.append(&args).await {
                Err(CallError::Network(NetworkError::OutcomeUnknown { .. } | NetworkError::Unreachable { .. }))
                    if left > 0 =>
                {
                    left -= 1;
                    tokio::time::sleep(PAUSE).await;
                }
                outcome => break outcome?,
            }
        };
        self.next = appended.first_sequence.saturating_add(count);
        Ok(appended)
    }

    /// Waits until a query shows the stream as it was left here, for whoever reads it next; whether one does by now.
    pub async fn until_seen(&self) -> Result<bool, NetworkError> {
        let reached = |info: &Option<StreamInfo>| info.as_ref().is_some_and(|info| info.chunks >= self.next);
        let seen = until_seen(CATCH_UP, || self.registry.stream(self.stream), reached).await?;
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
mod tests {
    use super::*;
    use serde_bytes::ByteBuf;

    fn chunk(bytes: usize) -> NewChunk {
        NewChunk {
            payload: ByteBuf::from(vec![7; bytes]),
            provider_timestamp: 0,
            credits: Vec::new(),
        }
    }

    #[test]
    fn should_fill_batches_up_to_what_one_call_takes() {
        let sizes = |chunks: Vec<NewChunk>| -> Vec<usize> { Appender::batches(chunks).iter().map(Vec::len).collect() };
        assert_eq!(sizes(vec![]), [0; 0]);
        assert_eq!(sizes(vec![chunk(1); 2_001]), [1_000, 1_000, 1]);
        assert_eq!(sizes(vec![chunk(700_000); 5]), [2, 2, 1]);
        assert_eq!(sizes(vec![chunk(limits::MAX_APPEND_BYTES), chunk(1)]), [1, 1]);
    }
}
