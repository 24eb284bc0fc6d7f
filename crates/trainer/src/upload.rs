//! Sending an update: begun, piece by piece, finished; taken up where it stopped.
//!
//! The aggregator keeps one upload a client and round. Two runs of one identity would mix their pieces, and the sum of both is neither's hash: a
//! provable falsehood that costs the stake. So a run goes on only with bytes that it sent itself, and looks again before it finishes.

use std::future::Future;

use ddsx_client::content::PIECE;
use ddsx_client::{Aggregator, CallError};
use ddsx_types::federated_aggregator::{
    BeginUpdateArgs, PutUpdateArgs, RoundKey, UpdateReceipt, UploadError, UploadStatus,
};
use serde_bytes::ByteBuf;

use crate::TrainerError;
use crate::state::StateFolder;

type Answer<T> = Result<T, CallError<UploadError>>;

/// Where updates go.
pub trait UpdateTarget: Sync {
    /// Begins an upload, or says how far the same one has come; takes the place of another one of the same client.
    fn begin(&self, args: &BeginUpdateArgs) -> impl Future<Output = Answer<UploadStatus>> + Send;
    /// Sends a piece.
    fn put(&self, piece: &PutUpdateArgs) -> impl Future<Output = Answer<UploadStatus>> + Send;
    /// Finishes.
    fn finish(&self, key: RoundKey) -> impl Future<Output = Answer<UpdateReceipt>> + Send;
}

impl UpdateTarget for Aggregator {
    async fn begin(&self, args: &BeginUpdateArgs) -> Answer<UploadStatus> {
        self.begin_update(args).await
    }

    async fn put(&self, piece: &PutUpdateArgs) -> Answer<UploadStatus> {
        self.put_update(piece).await
    }

    async fn finish(&self, key: RoundKey) -> Answer<UpdateReceipt> {
        self.finish_update(key).await
    }
}

/// How an upload ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Sent {
    /// The update is in.
    Accepted(UpdateReceipt),
    /// It was in already: an earlier run's reply was lost.
    AlreadyIn,
    /// The round goes on without it.
    Missed(String),
    /// It was trained from a version that is not in force any more.
    Stale,
    /// Not now; perhaps soon.
    Later(String),
    /// The client takes part no longer.
    Out(String),
    /// Another run of the same identity uploads too.
    Elsewhere,
}

/// What an error of the aggregator means for the upload.
#[derive(Clone, Debug, PartialEq)]
enum Meaning {
    Ends(Sent),
    /// The aggregator has other bytes than were sent: somebody else sends.
    Elsewhere,
    /// Begin again.
    Begin,
    /// Nothing helps.
    Fatal,
}

fn meaning(error: &UploadError) -> Meaning {
    let said = error.to_string();
    match error {
        UploadError::AlreadyAccepted => Meaning::Ends(Sent::AlreadyIn),
        UploadError::RoundClosed { .. } | UploadError::Duplicate | UploadError::TooManyAttempts { .. } => {
            Meaning::Ends(Sent::Missed(said))
        }
        UploadError::WrongVersion { .. } => Meaning::Ends(Sent::Stale),
        UploadError::RoundFull | UploadError::NoStorage | UploadError::Paused => Meaning::Ends(Sent::Later(said)),
        UploadError::NotFound | UploadError::NotJoined | UploadError::Banned => Meaning::Ends(Sent::Out(said)),
        UploadError::NotBegun => Meaning::Begin,
        UploadError::WrongOffset { .. } | UploadError::Incomplete { .. } => Meaning::Elsewhere,
        UploadError::DeltaOnly
        | UploadError::WrongShape { .. }
        | UploadError::NoSamples
        | UploadError::TooManyStreams { .. }
        | UploadError::WrongLength { .. }
        | UploadError::Encoding(_)
        | UploadError::WrongHash
        | UploadError::NormExceeded { .. } => Meaning::Fatal,
    }
}

/// How often an upload that was forgotten is begun again.
const BEGINNINGS: u32 = 3;

/// Sends an update, or what of it is missing. `state` knows what its own runs sent of it; `progress` hears how many bytes the aggregator has.
///
/// # Errors
/// [`TrainerError::Upload`], [`TrainerError::State`].
pub async fn send(
    target: &impl UpdateTarget,
    args: &BeginUpdateArgs,
    bytes: &[u8],
    state: &mut StateFolder,
    mut progress: impl FnMut(u64),
) -> Result<Sent, TrainerError> {
    let key = RoundKey {
        task: args.task,
        round: args.round,
    };
    let mut beginnings = 0;
    'begin: loop {
        beginnings += 1;
        let status = match target.begin(args).await {
            Ok(status) => status,
            Err(error) => return ended(error),
        };
        if status.finished {
            return Ok(Sent::AlreadyIn);
        }
        let mut at = status.received;
        if state.sent().is_some_and(|sent| at > sent) {
            return Ok(Sent::Elsewhere);
        }
        loop {
            progress(at);
            let first = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
            let failure = if first < bytes.len() {
                let end = bytes.len().min(first + PIECE);
                let piece = PutUpdateArgs {
                    task: args.task,
                    round: args.round,
                    offset: at,
                    bytes: ByteBuf::from(&bytes[first..end]),
                    update: Some(args.hash),
                };
                // Written down before: its reply may be lost.
                state.set_sent(end as u64)?;
                match target.put(&piece).await {
                    Ok(status) => {
                        at = status.received;
                        if at != end as u64 {
                            return Ok(Sent::Elsewhere);
                        }
                        continue;
                    }
                    Err(failure) => {
                        if failure.refusal().is_some() {
                            state.set_sent(at)?;
                        }
                        failure
                    }
                }
            } else {
                // Whether it is this upload still: another one would have taken its place, and begun with nothing.
                match target.begin(args).await {
                    Ok(status) if status.finished => return Ok(Sent::AlreadyIn),
                    Ok(status) if status.received != at => return Ok(Sent::Elsewhere),
                    Ok(_) => match target.finish(key).await {
                        Ok(receipt) => return Ok(Sent::Accepted(receipt)),
                        Err(failure) => failure,
                    },
                    Err(failure) => failure,
                }
            };
            match said(&failure) {
                Some(Meaning::Begin) if beginnings < BEGINNINGS => {
                    state.set_sent(0)?;
                    continue 'begin;
                }
                _ => return ended(failure),
            }
        }
    }
}

/// What a failure that is not mended here means for whoever sends.
fn ended(failure: CallError<UploadError>) -> Result<Sent, TrainerError> {
    match said(&failure) {
        Some(Meaning::Ends(sent)) => Ok(sent),
        Some(Meaning::Elsewhere) => Ok(Sent::Elsewhere),
        _ => Err(TrainerError::Upload(failure)),
    }
}

fn said(failure: &CallError<UploadError>) -> Option<Meaning> {
    failure.refusal().map(meaning)
}

#[cfg(test)]
mod tests;
