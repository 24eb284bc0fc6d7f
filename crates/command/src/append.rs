//! `ddsx stream append`: JSON Lines, or whole files, into a stream; nothing is written twice, whatever breaks in between.

mod progress;
mod table;
#[cfg(test)]
mod tests;
mod work;

use std::path::Path;
use std::sync::Arc;

use ddsx_client::{Appender, CreditRule, PublishTarget, SplitLimits};
use ddsx_types::stream_registry::{Credit, Head, NewChunk, StreamId, limits};
use indicatif::ProgressBar;
use serde_bytes::ByteBuf;
use serde_json::json;

use crate::args::AppendArgs;
use crate::balance;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Output;
use table::Table;
use work::Work;

pub async fn run(context: &Context, args: AppendArgs) -> Result<(), Failure> {
    let registry = context.registry().await?;
    balance::show_cost(context, &registry, &args).await?;
    append(context.output, Arc::new(registry), args).await
}

async fn append(output: Output, target: Arc<dyn PublishTarget>, args: AppendArgs) -> Result<(), Failure> {
    if args.raw {
        return append_files(output, target, args).await;
    }
    let [file] = args.files.as_slice() else {
        return Err(Failure::usage(
            "one JSON Lines file at a time; --raw makes each file a chunk",
        ));
    };
    let rule = match (&args.credit, &args.credit_field) {
        (Some(label), _) => CreditRule::All(label.clone()),
        (None, Some(field)) => CreditRule::Field(field.clone()),
        (None, None) => return Err(Failure::usage("who is credited? --credit or --credit-field")),
    };
    let limits = SplitLimits {
        records: args.chunk_records,
        bytes: usize::try_from(args.chunk_bytes)
            .unwrap_or(usize::MAX)
            .min(limits::MAX_APPEND_BYTES),
    };
    let table = Table::read(Arc::clone(&target), args.stream, args.add_contributors).await?;
    let work = Work::new(output, target, table, rule, limits);
    if file != Path::new("-") {
        return work.append_file(file, &args).await;
    }
    if args.resume.is_some() {
        return Err(Failure::usage("--resume needs a file: what came on stdin is gone"));
    }
    work.append_stdin().await
}

/// How often other publishers may be quicker, one time after the other, before this run gives up.
const MOST_OVERTAKEN: u32 = 20;

/// Appends chunks at the end of the stream. Where another publisher was quicker, they go after its own; `moved` hears of each new place before
/// they are sent there.
async fn send(
    appender: &mut Appender,
    chunks: Vec<NewChunk>,
    mut moved: impl FnMut(u64) -> Result<(), Failure>,
) -> Result<Head, Failure> {
    let mut overtaken = 0;
    loop {
        match appender.append(chunks.clone()).await {
            Ok(appended) => return Ok(appended.head),
            Err(failure) if appender.is_overtaken(&failure) && overtaken < MOST_OVERTAKEN => {
                if overtaken > 0 {
                    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
                }
                overtaken += 1;
                appender.go_to_end().await?;
                moved(appender.next_sequence())?;
            }
            Err(failure) => return Err(failure.into()),
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Totals {
    chunks: u64,
    records: u64,
    bytes: u64,
    /// Bytes of the last line that waits for its newline.
    held_back: u64,
    head: Option<Head>,
}

/// Each file as one chunk.
async fn append_files(output: Output, target: Arc<dyn PublishTarget>, args: AppendArgs) -> Result<(), Failure> {
    let label = args
        .credit
        .clone()
        .ok_or_else(|| Failure::usage("--raw needs --credit"))?;
    // All are looked at before the first is published.
    for path in &args.files {
        read_whole(path)?;
    }
    let mut table = Table::read(Arc::clone(&target), args.stream, args.add_contributors).await?;
    table.provide(std::iter::once(&label)).await?;
    let mut appender = Appender::open(target, args.stream).await?;
    let bar: ProgressBar = output.progress(args.files.len() as u64, "files appended");
    let mut totals = Totals::default();
    for path in &args.files {
        let payload = read_whole(path)?;
        totals.chunks += 1;
        totals.records += args.records;
        totals.bytes += payload.len() as u64;
        let credits = table.number(&label).map(|contributor| Credit {
            contributor,
            records: args.records,
        });
        let chunk = NewChunk {
            payload: ByteBuf::from(payload),
            provider_timestamp: ddsx_client::now_ns(),
            credits: credits.into_iter().collect(),
        };
        totals.head = Some(send(&mut appender, vec![chunk], |_| Ok(())).await?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    say(output, args.stream, totals, appender.next_sequence())
}

/// A file that is published byte for byte.
fn read_whole(path: &Path) -> Result<Vec<u8>, Failure> {
    let payload = std::fs::read(path).map_err(|error| Failure::local(format!("{}: {error}", path.display())))?;
    if payload.is_empty() || payload.len() > limits::MAX_APPEND_BYTES {
        return Err(Failure::usage(format!(
            "{} has {} bytes; a chunk has 1 to {}",
            path.display(),
            payload.len(),
            limits::MAX_APPEND_BYTES
        )));
    }
    Ok(payload)
}

fn say(output: Output, stream: StreamId, totals: Totals, next: u64) -> Result<(), Failure> {
    let json = json!({
        "stream": stream,
        "chunks": totals.chunks,
        "records": totals.records,
        "bytes": totals.bytes,
        "held_back": totals.held_back,
        "next_sequence": next,
        "tree_size": totals.head.map(|head| head.tree_size),
        "root": totals.head.map(|head| head.root.to_string()),
    });
    let said = format!(
        "stream {stream}: {} chunks with {} records appended, the next is number {next}",
        totals.chunks, totals.records
    );
    output.result(&json, &said)
}
