//! `ddsx stream append`: JSON Lines, or whole files, into a stream; nothing is written twice, whatever breaks in between.

mod progress;

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use ddsx_client::{Appender, CallError, CreditRule, LineChunk, LineSplitter, Registry, SplitError, SplitLimits};
use ddsx_types::stream_registry::{
    AddContributorsArgs, Credit, Head, NewChunk, NewContributor, StreamError, StreamId, limits,
};
use indicatif::ProgressBar;
use serde_bytes::ByteBuf;
use serde_json::json;

use crate::args::AppendArgs;
use crate::balance;
use crate::context::Context;
use crate::failure::Failure;
use progress::{InFlight, Job, Progress};

pub async fn run(context: &Context, args: AppendArgs) -> Result<(), Failure> {
    let registry = context.registry().await?;
    balance::show_cost(context, &registry, &args).await?;
    if args.raw {
        return append_files(context, registry, args).await;
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
    let table = Table::read(&registry, args.stream, args.add_contributors).await?;
    let work = Work {
        context,
        table,
        rule,
        limits,
        totals: Totals::default(),
    };
    match (file == Path::new("-"), &args.resume) {
        (true, Some(_)) => Err(Failure::usage("--resume needs a file: what came on stdin is gone")),
        (true, None) => work.append_stdin(Appender::open(registry, args.stream).await?).await,
        (false, resume) => work.append_file(registry, args.stream, file, resume.as_deref()).await,
    }
}

/// The stream's contributors by label.
struct Table {
    registry: Registry,
    stream: StreamId,
    add: bool,
    numbers: HashMap<String, u32>,
}

impl Table {
    async fn read(registry: &Registry, stream: StreamId, add: bool) -> Result<Self, Failure> {
        let mut table = Self {
            registry: registry.clone(),
            stream,
            add,
            numbers: HashMap::new(),
        };
        table.refresh().await?;
        Ok(table)
    }

    async fn refresh(&mut self) -> Result<(), Failure> {
        // Who is credited is paid: the subnet's word of who has which number.
        let contributors = self.registry.agreed().all_contributors(self.stream).await?;
        self.numbers = contributors.into_iter().map(|one| (one.label, one.number)).collect();
        Ok(())
    }

    /// Enters the labels that are not there, if that is wanted.
    async fn provide<'a>(&mut self, labels: impl Iterator<Item = &'a String>) -> Result<(), Failure> {
        let mut missing: Vec<String> = labels
            .filter(|label| !self.numbers.contains_key(*label))
            .cloned()
            .collect();
        missing.sort();
        missing.dedup();
        if missing.is_empty() {
            return Ok(());
        }
        if !self.add {
            return Err(Failure::usage(format!(
                "not in the contributor table of stream {}: {}; enter them first, or give --add-contributors",
                self.stream,
                missing.join(", ")
            )));
        }
        for labels in missing.chunks(limits::MAX_CONTRIBUTORS_PER_CALL) {
            let contributors = labels.iter().map(|label| NewContributor {
                label: label.clone(),
                account: None,
            });
            let args = AddContributorsArgs {
                stream: self.stream,
                contributors: contributors.collect(),
            };
            match self.registry.add_contributors(&args).await {
                // Someone else entered one of them meanwhile, or an earlier try did: the table is read again below.
                Ok(_)
                | Err(CallError::Refused {
                    error: StreamError::LabelTaken { .. },
                    ..
                }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.refresh().await?;
        match missing.iter().find(|label| !self.numbers.contains_key(*label)) {
            Some(label) => Err(Failure::refused(format!(
                "contributor {label:?} could not be entered; try again"
            ))),
            None => Ok(()),
        }
    }

    fn credits(&self, chunk: &LineChunk) -> Result<Vec<Credit>, Failure> {
        let mut credits = Vec::with_capacity(chunk.records.len());
        for (label, records) in &chunk.records {
            let contributor = *self
                .numbers
                .get(label)
                .ok_or_else(|| Failure::usage(format!("no contributor {label:?}")))?;
            credits.push(Credit {
                contributor,
                records: *records,
            });
        }
        credits.sort_by_key(|credit| credit.contributor);
        Ok(credits)
    }
}

#[derive(Clone, Copy, Default)]
struct Totals {
    chunks: u64,
    records: u64,
    bytes: u64,
    head: Option<Head>,
}

struct Work<'a> {
    context: &'a Context,
    table: Table,
    rule: CreditRule,
    limits: SplitLimits,
    totals: Totals,
}

impl Work<'_> {
    fn split<R: BufRead>(&self, input: R, line: u64, offset: u64) -> LineSplitter<R> {
        LineSplitter::new(input, self.rule.clone(), self.limits, line, offset)
    }

    /// Each chunk is appended as soon as it is full.
    async fn append_stdin(mut self, mut appender: Appender) -> Result<(), Failure> {
        let bar = self.context.output.progress(0, "chunks appended");
        // Read in a thread of its own: whoever writes to the pipe may take a long time.
        let splitter = self.split(BufReader::new(std::io::stdin()), 0, 0);
        let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
        std::thread::spawn(move || {
            for chunk in splitter {
                if sender.blocking_send(chunk).is_err() {
                    break;
                }
            }
        });
        while let Some(chunk) = receiver.recv().await {
            self.append(&mut appender, vec![chunk?], ddsx_client::now_ns()).await?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        self.say(&appender)
    }

    async fn append_file(
        mut self,
        registry: Registry,
        stream: StreamId,
        path: &Path,
        resume: Option<&Path>,
    ) -> Result<(), Failure> {
        let local = |error: std::io::Error| Failure::local(format!("{}: {error}", path.display()));
        let mut file = File::open(path).map_err(local)?;
        let bar = self
            .context
            .output
            .progress(file.metadata().map_err(local)?.len(), "bytes appended");
        let job = Job::new(&registry, stream, path, &self.rule, self.limits);
        let saved = match resume {
            Some(state) => Progress::load(state, &job)?,
            None => None,
        };
        let (mut appender, mut progress) = if let Some(progress) = saved {
            (Appender::at(registry, stream, progress.next()), progress)
        } else {
            let appender = Appender::open(registry, stream).await?;
            let progress = Progress::start(job, appender.next_sequence());
            (appender, progress)
        };
        // A batch that an earlier run sent, or was about to: the very same bytes and time again.
        if let Some(batch) = progress.in_flight() {
            let (line, offset) = progress.position();
            file.seek(SeekFrom::Start(offset)).map_err(local)?;
            let part = BufReader::new(Read::by_ref(&mut file).take(batch.end_offset.saturating_sub(offset)));
            let chunks: Vec<LineChunk> = self.split(part, line, offset).collect::<Result<_, SplitError>>()?;
            self.append(&mut appender, chunks, batch.provider_timestamp).await?;
            progress.settle(appender.next_sequence());
        }
        let (line, offset) = progress.position();
        file.seek(SeekFrom::Start(offset)).map_err(local)?;
        let mut splitter = self.split(BufReader::new(file), line, offset).peekable();
        while let Some(batch) = next_batch(&mut splitter)? {
            let provider_timestamp = ddsx_client::now_ns();
            if let (Some(state), Some(last)) = (resume, batch.last()) {
                progress.begin(InFlight {
                    provider_timestamp,
                    end_line: last.last_line,
                    end_offset: last.end_offset,
                });
                progress.save(state)?;
            }
            let end = batch.last().map_or(0, |last| last.end_offset);
            self.append(&mut appender, batch, provider_timestamp).await?;
            if let Some(state) = resume {
                progress.settle(appender.next_sequence());
                progress.save(state)?;
            }
            bar.set_position(end);
        }
        bar.finish_and_clear();
        self.say(&appender)
    }

    async fn append(
        &mut self,
        appender: &mut Appender,
        batch: Vec<LineChunk>,
        provider_timestamp: u64,
    ) -> Result<(), Failure> {
        if batch.is_empty() {
            return Ok(());
        }
        self.table
            .provide(batch.iter().flat_map(|chunk| chunk.records.keys()))
            .await?;
        let mut chunks = Vec::with_capacity(batch.len());
        for chunk in batch {
            self.totals.chunks += 1;
            self.totals.records += chunk.records.values().sum::<u64>();
            self.totals.bytes += chunk.payload.len() as u64;
            chunks.push(NewChunk {
                credits: self.table.credits(&chunk)?,
                payload: ByteBuf::from(chunk.payload),
                provider_timestamp,
            });
        }
        self.totals.head = Some(appender.append(chunks).await?.head);
        Ok(())
    }

    fn say(&self, appender: &Appender) -> Result<(), Failure> {
        say(self.context, self.table.stream, self.totals, appender.next_sequence())
    }
}

/// The next chunks that fit into one call.
fn next_batch<R: BufRead>(
    splitter: &mut std::iter::Peekable<LineSplitter<R>>,
) -> Result<Option<Vec<LineChunk>>, SplitError> {
    /// What a chunk takes on the wire besides its payload: its own fields, and each credit.
    fn weight(chunk: &LineChunk) -> usize {
        chunk.payload.len() + 24 + 14 * chunk.records.len()
    }
    let mut batch: Vec<LineChunk> = Vec::new();
    let mut size = 0;
    while batch.len() < limits::MAX_CHUNKS_PER_APPEND {
        let fits = match splitter.peek() {
            None => break,
            Some(Err(_)) => batch.is_empty(),
            Some(Ok(chunk)) => batch.is_empty() || size + weight(chunk) <= limits::MAX_APPEND_BYTES,
        };
        if !fits {
            break;
        }
        if let Some(chunk) = splitter.next().transpose()? {
            size += weight(&chunk);
            batch.push(chunk);
        }
    }
    Ok((!batch.is_empty()).then_some(batch))
}

/// Each file as one chunk.
async fn append_files(context: &Context, registry: Registry, args: AppendArgs) -> Result<(), Failure> {
    let label = args
        .credit
        .clone()
        .ok_or_else(|| Failure::usage("--raw needs --credit"))?;
    let mut table = Table::read(&registry, args.stream, args.add_contributors).await?;
    table.provide(std::iter::once(&label)).await?;
    let mut appender = Appender::open(registry, args.stream).await?;
    let bar: ProgressBar = context.output.progress(args.files.len() as u64, "files appended");
    let mut totals = Totals::default();
    for path in &args.files {
        let payload = std::fs::read(path).map_err(|error| Failure::local(format!("{}: {error}", path.display())))?;
        if payload.is_empty() || payload.len() > limits::MAX_APPEND_BYTES {
            return Err(Failure::usage(format!(
                "{} has {} bytes; a chunk has 1 to {}",
                path.display(),
                payload.len(),
                limits::MAX_APPEND_BYTES
            )));
        }
        totals.chunks += 1;
        totals.records += args.records;
        totals.bytes += payload.len() as u64;
        let credits = table.numbers.get(&label).map(|contributor| Credit {
            contributor: *contributor,
            records: args.records,
        });
        let chunk = NewChunk {
            payload: ByteBuf::from(payload),
            provider_timestamp: ddsx_client::now_ns(),
            credits: credits.into_iter().collect(),
        };
        totals.head = Some(appender.append(vec![chunk]).await?.head);
        bar.inc(1);
    }
    bar.finish_and_clear();
    say(context, args.stream, totals, appender.next_sequence())
}

fn say(context: &Context, stream: StreamId, totals: Totals, next: u64) -> Result<(), Failure> {
    let json = json!({
        "stream": stream,
        "chunks": totals.chunks,
        "records": totals.records,
        "bytes": totals.bytes,
        "next_sequence": next,
        "tree_size": totals.head.map(|head| head.tree_size),
        "root": totals.head.map(|head| head.root.to_string()),
    });
    let said = format!(
        "stream {stream}: {} chunks with {} records appended, the next is number {next}",
        totals.chunks, totals.records
    );
    context.output.result(&json, &said)
}
