//! `ddsx stream pull` and `ddsx stream verify`: verified records, and nothing else, to stdout or files.

use std::path::Path;

use ddsx_client::{
    Cursor, Folder, FollowOptions, Follower, PullOptions, Puller, Registry, VerifiedBatch, VerifiedChunk,
};
use ddsx_types::stream_registry::limits;
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::args::{PullArgs, VerifyArgs};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Output};
use crate::text;

/// Where verified chunks go.
enum Sink {
    /// Payloads as they are.
    Stdout,
    /// A JSON object a chunk.
    JsonLines,
    /// One file a chunk; with `--json`, a line for each on stdout.
    Folder(Folder, Output),
}

impl Sink {
    fn open(context: &Context, out: &Path, registry: &Registry, stream: u64) -> Result<Self, Failure> {
        let output = context.output;
        if out == Path::new("-") {
            return Ok(if output.is_json() {
                Self::JsonLines
            } else {
                Self::Stdout
            });
        }
        Ok(Self::Folder(Folder::open(out, registry, stream)?, output))
    }

    /// Writes what was verified, and returns when it is out of our hands.
    fn write(&self, batch: &VerifiedBatch) -> Result<(), Failure> {
        match self {
            Self::Stdout => {
                for chunk in &batch.chunks {
                    output::bytes(&chunk.payload)?;
                }
            }
            Self::JsonLines => {
                for chunk in &batch.chunks {
                    output::json_line(&chunk_json(chunk, true))?;
                }
            }
            Self::Folder(folder, output) => {
                folder.write(batch)?;
                for chunk in batch.chunks.iter().filter(|_| output.is_json()) {
                    let mut json = chunk_json(chunk, false);
                    json["file"] = folder.payload_file(&chunk.leaf).display().to_string().into();
                    output::json_line(&json)?;
                }
            }
        }
        Ok(())
    }
}

/// A chunk for programs: its payload as text if it is text, else in hexadecimal digits.
fn chunk_json(chunk: &VerifiedChunk, with_payload: bool) -> Value {
    let leaf = &chunk.leaf;
    let mut json = json!({
        "stream": leaf.stream,
        "sequence": leaf.sequence,
        "provider_time": leaf.provider_time,
        "registry_time": leaf.registry_time,
        "content_type": leaf.content_type.media_type(),
        "records": leaf.records,
        "bytes": leaf.payload_len,
        "payload_sha256": leaf.payload_hash.to_string(),
        "credits": chunk.credits.iter().map(|credit| json!({
            "contributor": credit.contributor,
            "records": credit.records,
        })).collect::<Value>(),
    });
    if with_payload {
        match std::str::from_utf8(&chunk.payload) {
            Ok(text) => json["payload"] = text.into(),
            Err(_) => json["payload_hex"] = hex::encode(&chunk.payload).into(),
        }
    }
    json
}

pub async fn pull(context: &Context, args: PullArgs) -> Result<(), Failure> {
    let registry = context.registry().await?;
    let puller = open(&registry, &args)?;
    let sink = Sink::open(context, &args.out, &registry, args.stream)?;
    let pulling = Pulling {
        context,
        sink,
        cursor: args.cursor.as_deref(),
        until: args.until.unwrap_or(u64::MAX),
        bar: context.output.progress(0, "chunks verified"),
    };
    if puller.next_sequence() >= pulling.until {
        return Ok(());
    }
    // What Ctrl-C interrupts is a wait; a batch that came is written, and its cursor saved.
    let stopped = tokio::signal::ctrl_c();
    let work = async {
        if args.follow {
            pulling.follow(puller, &args).await
        } else {
            pulling.to_head(puller).await
        }
    };
    tokio::select! {
        done = work => done,
        _ = stopped => Err(Failure::interrupted()),
    }
}

/// From the cursor, from the chunk asked for, or from the start.
fn open(registry: &Registry, args: &PullArgs) -> Result<Puller, Failure> {
    let cursor = match &args.cursor {
        Some(path) => Cursor::load(path)?,
        None => None,
    };
    let mut puller = match cursor {
        Some(cursor) => Puller::resume(registry.clone(), args.stream, cursor)?,
        None => Puller::new(registry.clone(), args.stream),
    };
    if let Some(from) = args.from {
        puller = puller.starting_at(from);
    }
    Ok(puller.with_options(PullOptions {
        max_bytes: args.max_bytes.map(|bytes| bytes.min(limits::MAX_PULL_BYTES_QUERY)),
        licence: args.licence,
        max_age: args.max_age,
        ..PullOptions::default()
    }))
}

struct Pulling<'a> {
    context: &'a Context,
    sink: Sink,
    cursor: Option<&'a Path>,
    until: u64,
    bar: ProgressBar,
}

impl Pulling<'_> {
    /// All there is now.
    async fn to_head(&self, mut puller: Puller) -> Result<(), Failure> {
        let mut records = 0u64;
        let first = puller.next_sequence();
        loop {
            let batch = puller.pull().await?;
            let done = batch.reaches_head() || batch.next >= self.until;
            records = records.saturating_add(self.take(batch, &puller)?);
            if done {
                break;
            }
        }
        self.bar.finish_and_clear();
        let chunks = puller.next_sequence().min(self.until).saturating_sub(first);
        let said = format!("{chunks} chunks with {records} records, each verified up to the root key");
        self.context.output.remark(&said);
        Ok(())
    }

    /// All there is and all that comes.
    async fn follow(&self, puller: Puller, args: &PullArgs) -> Result<(), Failure> {
        let options = FollowOptions {
            interval: args.interval,
            ..FollowOptions::default()
        };
        let output = self.context.output;
        let mut follower: Follower = puller.follow(options).on_trouble(move |failure, pause| {
            output.remark(&format!("{failure}; trying again in {} s", pause.as_secs_f32().ceil()));
        });
        loop {
            let batch = follower.next().await?;
            let next = batch.next;
            self.take(batch, follower.puller())?;
            if next >= self.until {
                return Ok(());
            }
        }
    }

    /// Writes a batch, then saves where to go on; the records written.
    fn take(&self, mut batch: VerifiedBatch, puller: &Puller) -> Result<u64, Failure> {
        let cut = batch.next > self.until;
        batch.chunks.retain(|chunk| chunk.leaf.sequence < self.until);
        let records = batch.records();
        self.sink.write(&batch)?;
        if let Some(path) = self.cursor {
            if cut {
                // What was verified goes past what was written; the next run goes on where the output ends.
                puller.clone().starting_at(self.until).cursor().save(path)?;
            } else {
                puller.cursor().save(path)?;
            }
        }
        self.bar.inc(batch.chunks.len() as u64);
        Ok(records)
    }
}

pub async fn verify(context: &Context, args: VerifyArgs) -> Result<(), Failure> {
    let registry = context.registry().await?;
    let Some(path) = &args.folder else {
        return verify_stream(context, registry, args.stream).await;
    };
    let report = Folder::open(path, &registry, args.stream)?.verify(&registry).await?;
    let said = format!(
        "{} chunks ({} to {}) with {} records, {}: each is the certified log's, which has {} chunks now",
        report.chunks,
        report.first,
        report.end.saturating_sub(1),
        report.records,
        text::size(report.bytes),
        report.log_size
    );
    let json = serde_json::to_value(report).map_err(|error| Failure::local(error.to_string()))?;
    context.output.result(&json, &said)
}

/// Pulls everything and throws it away.
async fn verify_stream(context: &Context, registry: Registry, stream: u64) -> Result<(), Failure> {
    let total = super::stream::info(&registry, stream).await?.chunks;
    let bar = context.output.progress(total, "verified");
    let mut puller = Puller::new(registry, stream);
    let (mut records, mut bytes) = (0u64, 0u64);
    let head = loop {
        let batch = puller.pull().await?;
        records = records.saturating_add(batch.records());
        bytes = bytes.saturating_add(batch.bytes());
        bar.set_position(batch.next);
        if batch.reaches_head() {
            break batch.head;
        }
    };
    bar.finish_and_clear();
    let json = json!({
        "stream": stream, "chunks": head.tree_size, "records": records, "bytes": bytes, "root": head.root.to_string(),
    });
    let said = format!(
        "stream {stream}: all {} chunks with {records} records, {}, verified up to the root key\n  root {}",
        head.tree_size,
        text::size(bytes),
        head.root
    );
    context.output.result(&json, &said)
}
