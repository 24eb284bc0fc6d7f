use std::sync::Mutex;

use ddsx_types::Hash;
use ddsx_types::stream_registry::Head;
use serde_bytes::ByteBuf;

use super::*;

/// A log as the registry keeps it; the first calls of `lost` are executed and their replies lost.
#[derive(Debug, Default)]
struct Model {
    chunks: Mutex<Vec<NewChunk>>,
    lost: Mutex<u32>,
}

#[async_trait]
impl PublishTarget for Model {
    fn canister(&self) -> Principal {
        Principal::management_canister()
    }

    async fn chunks_of(&self, stream: StreamId) -> Result<Option<u64>, NetworkError> {
        Ok((stream == 0).then(|| self.chunks.lock().unwrap().len() as u64))
    }

    async fn append_batch(&self, args: &AppendArgs) -> Result<Appended, CallError<AppendError>> {
        let refused = |error| CallError::Refused {
            method: "append",
            error,
        };
        let mut chunks = self.chunks.lock().unwrap();
        let size = chunks.len() as u64;
        let first = usize::try_from(args.expected_sequence).unwrap();
        let stored = chunks
            .get(first..)
            .ok_or_else(|| refused(AppendError::WrongSequence { expected: size }))?;
        if let Some(at) = stored.iter().zip(&args.chunks).position(|(stored, new)| stored != new) {
            let sequence = args.expected_sequence + at as u64;
            return Err(refused(AppendError::DifferentChunkStored { sequence }));
        }
        let already_stored = !stored.is_empty();
        if !already_stored {
            chunks.extend(args.chunks.iter().cloned());
        }
        let mut lost = self.lost.lock().unwrap();
        if *lost > 0 {
            *lost -= 1;
            return Err(CallError::Network(NetworkError::OutcomeUnknown {
                method: "append".into(),
                reason: "the reply was lost".into(),
            }));
        }
        Ok(Appended {
            first_sequence: args.expected_sequence,
            head: Head {
                tree_size: chunks.len() as u64,
                root: Hash::default(),
                timestamp: 0,
            },
            already_stored,
        })
    }

    async fn contributors_of(&self, _: StreamId) -> Result<Vec<ContributorInfo>, NetworkError> {
        Ok(Vec::new())
    }

    async fn enter_contributors(&self, _: &AddContributorsArgs) -> Result<ContributorNumber, CallError<StreamError>> {
        Ok(0)
    }
}

async fn appender(model: &Arc<Model>) -> Appender {
    let mut appender = Appender::open(Arc::clone(model), 0).await.unwrap();
    appender.pause = Duration::ZERO;
    appender
}

#[tokio::test]
async fn should_write_once_though_replies_are_lost() {
    let model = Arc::new(Model::default());
    let mut appender = appender(&model).await;
    *model.lost.lock().unwrap() = 2;
    let appended = appender.append(vec![chunk(1), chunk(2)]).await.unwrap();
    assert!(appended.already_stored);
    assert_eq!((appender.next_sequence(), model.chunks.lock().unwrap().len()), (2, 2));
}

#[tokio::test]
async fn should_know_that_another_publisher_was_quicker_and_go_on_after_it() {
    let model = Arc::new(Model::default());
    let mut appender = appender(&model).await;
    model.chunks.lock().unwrap().extend([chunk(7), chunk(8)]);
    let refused = appender.append(vec![chunk(1)]).await.unwrap_err();
    assert!(appender.is_overtaken(&refused), "{refused}");
    appender.go_to_end().await.unwrap();
    appender.append(vec![chunk(1)]).await.unwrap();
    assert_eq!(*model.chunks.lock().unwrap(), [chunk(7), chunk(8), chunk(1)]);

    // The first of the batch is there and the second is another: that is no other publisher.
    let mut earlier = Appender::at(Arc::clone(&model), 0, 0);
    let mixed = earlier.append(vec![chunk(7), chunk(9)]).await.unwrap_err();
    assert!(!earlier.is_overtaken(&mixed), "{mixed}");
    // An end that does not exist.
    let mut ahead = Appender::at(Arc::clone(&model), 0, 9);
    let early = ahead.append(vec![chunk(1)]).await.unwrap_err();
    assert!(ahead.is_overtaken(&early), "{early}");
    assert!(matches!(
        Appender::open(Arc::clone(&model), 1).await,
        Err(AppendFailure::StreamNotFound(1))
    ));
}

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
