//! Sending an update: begun, piece by piece, finished; taken up where it stopped.

use ddsx_client::content::PIECE;
use ddsx_client::{Aggregator, CallError};
use ddsx_types::federated_aggregator::{BeginUpdateArgs, PutUpdateArgs, RoundKey, UpdateReceipt, UploadError};
use serde_bytes::ByteBuf;

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
}

/// What an error of the aggregator means for the upload.
#[derive(Clone, Debug, PartialEq)]
enum Meaning {
    Ends(Sent),
    /// Go on from this byte.
    From(u64),
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
        UploadError::WrongOffset { expected } => Meaning::From(*expected),
        UploadError::Incomplete { received, .. } => Meaning::From(*received),
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

/// Sends an update, or what of it is missing. `progress` hears how many bytes the aggregator has.
pub async fn send(
    aggregator: &Aggregator,
    args: &BeginUpdateArgs,
    bytes: &[u8],
    mut progress: impl FnMut(u64),
) -> Result<Sent, CallError<UploadError>> {
    let key = RoundKey {
        task: args.task,
        round: args.round,
    };
    let mut beginnings = 0;
    'begin: loop {
        beginnings += 1;
        let status = match aggregator.begin_update(args).await {
            Ok(status) => status,
            Err(error) => match said(&error) {
                Some(Meaning::Ends(sent)) => return Ok(sent),
                _ => return Err(error),
            },
        };
        if status.finished {
            return Ok(Sent::AlreadyIn);
        }
        let mut at = status.received;
        loop {
            progress(at);
            let first = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
            let failure = if first < bytes.len() {
                let piece = PutUpdateArgs {
                    task: args.task,
                    round: args.round,
                    offset: at,
                    bytes: ByteBuf::from(&bytes[first..bytes.len().min(first + PIECE)]),
                    update: Some(args.hash),
                };
                match aggregator.put_update(&piece).await {
                    Ok(status) => {
                        at = status.received;
                        continue;
                    }
                    Err(failure) => failure,
                }
            } else {
                match aggregator.finish_update(key).await {
                    Ok(receipt) => return Ok(Sent::Accepted(receipt)),
                    Err(failure) => failure,
                }
            };
            match said(&failure) {
                Some(Meaning::Ends(sent)) => return Ok(sent),
                // Another run of the same client sends too, or a reply was lost: pieces come one by one either way.
                Some(Meaning::From(expected)) if expected != at => at = expected,
                Some(Meaning::Begin) if beginnings < BEGINNINGS => continue 'begin,
                _ => return Err(failure),
            }
        }
    }
}

fn said(failure: &CallError<UploadError>) -> Option<Meaning> {
    failure.refusal().map(meaning)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ddsx_types::federated_aggregator::EncodingError;

    #[test]
    fn should_know_what_every_refusal_means() {
        let closed = UploadError::RoundClosed {
            round: 3,
            collecting: Some(4),
        };
        let short = UploadError::Incomplete { received: 5, bytes: 9 };
        let junk = UploadError::Encoding(EncodingError::NotFinite { index: 0 });
        for (error, expected) in [
            (UploadError::AlreadyAccepted, Meaning::Ends(Sent::AlreadyIn)),
            (
                closed.clone(),
                Meaning::Ends(Sent::Missed("round 3 does not collect".into())),
            ),
            (UploadError::WrongVersion { current: 4 }, Meaning::Ends(Sent::Stale)),
            (
                UploadError::Paused,
                Meaning::Ends(Sent::Later("the aggregator is paused".into())),
            ),
            (
                UploadError::NotJoined,
                Meaning::Ends(Sent::Out("the caller does not take part".into())),
            ),
            (UploadError::NotBegun, Meaning::Begin),
            (UploadError::WrongOffset { expected: 7 }, Meaning::From(7)),
            (short, Meaning::From(5)),
            (UploadError::WrongHash, Meaning::Fatal),
            (junk, Meaning::Fatal),
        ] {
            assert_eq!(meaning(&error), expected, "{error}");
        }
    }
}
