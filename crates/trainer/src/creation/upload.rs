//! The files of a task, piece by piece, from where an earlier run left off.

use ddsx_client::CallError;
use ddsx_client::content::PIECE;
use ddsx_types::federated_aggregator::{File, InitialWeights, PutFileArgs, TaskError, TaskId, TaskInfo};
use serde_bytes::ByteBuf;

use super::{Creation, CreationFailure, Step};

impl Creation {
    pub(super) async fn upload(&self, info: &TaskInfo, tell: &mut impl FnMut(Step)) -> Result<(), CreationFailure> {
        if let (InitialWeights::Upload(_), Some(bytes)) = (info.args.initial, &self.prepared.weights) {
            let received = info.weights.map_or(0, |status| status.received);
            self.put(info.id, File::Weights, bytes, received, tell).await?;
        }
        let received = info.evaluation.received;
        self.put(info.id, File::Evaluation, &self.prepared.evaluation, received, tell)
            .await
    }

    async fn put(
        &self,
        task: TaskId,
        file: File,
        bytes: &[u8],
        mut at: u64,
        tell: &mut impl FnMut(Step),
    ) -> Result<(), CreationFailure> {
        let total = bytes.len() as u64;
        while at < total {
            tell(Step::Uploading {
                file,
                sent: at,
                bytes: total,
            });
            let first = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
            let piece = PutFileArgs {
                task,
                file,
                offset: at,
                bytes: ByteBuf::from(&bytes[first..bytes.len().min(first + PIECE)]),
            };
            at = match self.aggregator.put_file(&piece).await {
                Ok(status) => status.received,
                Err(CallError::Refused {
                    error: TaskError::WrongOffset { expected },
                    ..
                }) if expected != at => expected,
                // The same piece again after a lost reply is not taken in: what is there already says where to go on.
                Err(error) => {
                    let info = self.info().await?;
                    let status = match file {
                        File::Weights => info.weights,
                        File::Evaluation => Some(info.evaluation),
                    };
                    match status.map_or(0, |status| status.received) {
                        received if received > at => received,
                        _ => return Err(error.into()),
                    }
                }
            };
        }
        tell(Step::Uploading {
            file,
            sent: total,
            bytes: total,
        });
        Ok(())
    }
}
