use std::sync::Mutex;

use candid::Principal;
use ddsx_client::{NetworkError, content};
use ddsx_types::federated_aggregator::{EncodingError, UpdateEncoding, UpdateKind};

use super::*;
use crate::state::Membership;

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
        (UploadError::WrongOffset { expected: 7 }, Meaning::Elsewhere),
        (short, Meaning::Elsewhere),
        (UploadError::WrongHash, Meaning::Fatal),
        (junk, Meaning::Fatal),
    ] {
        assert_eq!(meaning(&error), expected, "{error}");
    }
}

/// The aggregator's place for the upload of one client in one round.
#[derive(Default)]
struct Place {
    upload: Option<(BeginUpdateArgs, Vec<u8>)>,
    accepted: bool,
    /// Finished with bytes that are not those declared: the stake is lost.
    faults: u32,
    /// Calls whose reply is lost after they were executed, counted from now.
    lost: Vec<bool>,
    /// What another run of the same identity does before each call, counted from now.
    other: Vec<Option<Other>>,
}

#[derive(Clone, Copy)]
enum Other {
    Begins,
    Puts,
}

#[derive(Default)]
struct Model(Mutex<Place>);

const LEN: usize = PIECE * 2 + 9;

impl Place {
    fn begin(&mut self, args: &BeginUpdateArgs) -> Answer<UploadStatus> {
        if self.upload.as_ref().is_none_or(|(before, _)| before.hash != args.hash) {
            self.upload = Some((args.clone(), Vec::new()));
        }
        self.status()
    }

    fn status(&self) -> Answer<UploadStatus> {
        let (_, bytes) = self.upload.as_ref().ok_or_else(|| refused(UploadError::NotBegun))?;
        Ok(UploadStatus {
            received: bytes.len() as u64,
            bytes: LEN as u64,
            finished: self.accepted,
        })
    }

    fn put(&mut self, offset: u64, piece: &[u8]) -> Answer<UploadStatus> {
        let (_, bytes) = self.upload.as_mut().ok_or_else(|| refused(UploadError::NotBegun))?;
        let expected = bytes.len() as u64;
        if offset != expected {
            return Err(refused(UploadError::WrongOffset { expected }));
        }
        bytes.extend_from_slice(piece);
        self.status()
    }

    fn finish(&mut self) -> Answer<UpdateReceipt> {
        let (args, bytes) = self.upload.as_ref().ok_or_else(|| refused(UploadError::NotBegun))?;
        if bytes.len() < LEN {
            return Err(refused(UploadError::Incomplete {
                received: bytes.len() as u64,
                bytes: LEN as u64,
            }));
        }
        if content::content_hash(bytes) != args.hash {
            self.faults += 1;
            return Err(refused(UploadError::WrongHash));
        }
        self.accepted = true;
        Ok(UpdateReceipt {
            place: 0,
            updates: 1,
            norm: 1.0,
            staleness: 0,
        })
    }

    /// The other run's turn, then whether this call's reply is lost.
    fn turn(&mut self) -> bool {
        match self.other.pop().flatten() {
            Some(Other::Begins) => {
                let _ = self.begin(&args(7));
            }
            Some(Other::Puts) => {
                let at = self.upload.as_ref().map_or(0, |(_, bytes)| bytes.len());
                let _ = self.put(at as u64, &update(7)[at..LEN.min(at + PIECE)]);
            }
            None => {}
        }
        self.lost.pop().unwrap_or(false)
    }
}

fn refused(error: UploadError) -> CallError<UploadError> {
    CallError::Refused {
        method: "upload",
        error,
    }
}

fn answer<T>(lost: bool, answer: Answer<T>) -> Answer<T> {
    if lost {
        return Err(CallError::Network(NetworkError::OutcomeUnknown {
            method: "upload".into(),
            reason: "lost".into(),
        }));
    }
    answer
}

impl UpdateTarget for Model {
    async fn begin(&self, args: &BeginUpdateArgs) -> Answer<UploadStatus> {
        let mut place = self.0.lock().unwrap();
        let lost = place.turn();
        answer(lost, place.begin(args))
    }

    async fn put(&self, piece: &PutUpdateArgs) -> Answer<UploadStatus> {
        let mut place = self.0.lock().unwrap();
        let lost = place.turn();
        answer(lost, place.put(piece.offset, &piece.bytes))
    }

    async fn finish(&self, _: RoundKey) -> Answer<UpdateReceipt> {
        let mut place = self.0.lock().unwrap();
        let lost = place.turn();
        answer(lost, place.finish())
    }
}

fn update(run: u8) -> Vec<u8> {
    vec![run; LEN]
}

fn args(run: u8) -> BeginUpdateArgs {
    BeginUpdateArgs {
        task: 1,
        round: 1,
        base_version: 0,
        kind: UpdateKind::Delta,
        encoding: UpdateEncoding::F32,
        numbers: 1,
        samples: 1,
        hash: content::content_hash(&update(run)),
        lineage: Vec::new(),
    }
}

fn state(folder: &tempfile::TempDir) -> StateFolder {
    let of = Membership {
        aggregator: Principal::management_canister(),
        task: 1,
        created_at: 1,
        client: Principal::anonymous(),
    };
    let mut state = StateFolder::open(folder.path(), of, Some(1)).unwrap();
    state.begin(args(1), &update(1)).unwrap();
    state
}

async fn run(model: &Model, state: &mut StateFolder) -> Result<Sent, TrainerError> {
    send(model, &args(1), &update(1), state, |_| ()).await
}

#[tokio::test]
async fn should_send_once_wherever_a_reply_is_lost() {
    // Begin, three pieces, begin again, finish.
    for lost in 0..6 {
        let folder = tempfile::tempdir().unwrap();
        let (model, mut state) = (Model::default(), state(&folder));
        let mut replies = vec![false; lost];
        replies.insert(0, true);
        model.0.lock().unwrap().lost = replies;
        assert!(
            matches!(run(&model, &mut state).await, Err(TrainerError::Upload(_))),
            "{lost}"
        );
        let again = run(&model, &mut state).await.unwrap();
        assert!(
            matches!(again, Sent::Accepted(_) | Sent::AlreadyIn),
            "{lost}: {again:?}"
        );
        let place = model.0.lock().unwrap();
        assert!(place.accepted && place.faults == 0, "{lost}");
    }
}

#[tokio::test]
async fn should_stop_before_another_run_of_the_identity_makes_it_say_something_false() {
    // The other run begins before one of our six calls, and puts as many pieces as it can before others.
    for begins in 0..6 {
        for puts in 0..=3 {
            let folder = tempfile::tempdir().unwrap();
            let (model, mut state) = (Model::default(), state(&folder));
            let mut other: Vec<Option<Other>> = vec![None; begins];
            other.push(Some(Other::Begins));
            other.extend(vec![Some(Other::Puts); puts]);
            other.reverse();
            model.0.lock().unwrap().other = other;
            let sent = run(&model, &mut state).await.unwrap();
            let place = model.0.lock().unwrap();
            assert_eq!(place.faults, 0, "begins before call {begins}, then {puts} pieces");
            assert!(
                matches!(sent, Sent::Elsewhere | Sent::AlreadyIn | Sent::Accepted(_)),
                "{begins} {puts}: {sent:?}"
            );
            if let Sent::Accepted(_) = sent {
                assert!(place.accepted);
            }
        }
    }
}
