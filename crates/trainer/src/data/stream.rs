//! A licensed stream as data: every record verified up to the root key before it is looked at.

use ddsx_client::input::check_text;
use ddsx_client::{PullFailure, Puller, Registry};
use ddsx_merkle_log::ContentType;
use ddsx_nn::spec::Plan;
use ddsx_nn::train::data::Dataset;
use ddsx_types::federated_aggregator::LineageStream;

use super::{Columns, DataError, FromFile, Rows, Table, check};

/// Why a stream cannot be trained on.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// It could not be pulled, or is not proved.
    #[error(transparent)]
    Pull(#[from] PullFailure),
    /// Its records are no samples of the model.
    #[error("stream {stream}: {error}")]
    Data {
        /// Which.
        stream: u64,
        /// Why.
        error: DataError,
    },
}

/// Pulls a stream up to its head, chunks of CSV or JSON records. Answers the samples with what was decided about
/// columns, and what to declare as their origin. `progress` hears how
/// many chunks of how many are here.
///
/// # Errors
/// See [`StreamError`].
pub async fn read(
    registry: &Registry,
    stream: u64,
    plan: &Plan,
    columns: &Columns,
    mut progress: impl FnMut(u64, u64),
) -> Result<(FromFile<Dataset>, LineageStream), StreamError> {
    let refuse = |error| StreamError::Data { stream, error };
    let mut table = Table::default();
    let mut puller = Puller::new(registry.clone(), stream);
    let head = loop {
        let batch = puller.pull().await?;
        for chunk in &batch.chunks {
            let kind = kind(chunk.leaf.content_type).map_err(refuse)?;
            let number = chunk.leaf.sequence;
            // A mark may be in each chunk, where whole files were appended.
            let payload = chunk
                .payload
                .strip_prefix("\u{feff}".as_bytes())
                .unwrap_or(&chunk.payload);
            let text = check_text(1, payload)
                .map_err(|misplaced| refuse(DataError::Malformed(format!("chunk {number}, {misplaced}"))))?;
            table.extend(kind, text, columns.header, Some(number)).map_err(refuse)?;
        }
        progress(batch.next, batch.head.tree_size);
        if batch.reaches_head() {
            break batch.head;
        }
    };
    let (data, remarks) = table.samples(plan, columns).map_err(refuse)?;
    check(&data, plan).map_err(refuse)?;
    let remarks = remarks
        .iter()
        .map(|remark| format!("stream {stream}: {remark}"))
        .collect();
    let lineage = LineageStream {
        registry: registry.id(),
        stream,
        size: head.tree_size,
        root: head.root,
    };
    Ok((FromFile { data, remarks }, lineage))
}

fn kind(content: ContentType) -> Result<Rows, DataError> {
    match content {
        ContentType::CSV => Ok(Rows::Csv),
        ContentType::JSON | ContentType::JSON_LINES => Ok(Rows::Json),
        other => Err(DataError::Malformed(format!(
            "a chunk is {}; CSV and JSON records can be trained on",
            other.media_type().unwrap_or("of the stream's own type")
        ))),
    }
}
