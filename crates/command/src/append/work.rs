//! One append of JSON Lines: looked at whole where that is possible, then sent batch by batch.

use std::collections::BTreeSet;
use std::io::{BufRead, Read};
use std::path::Path;
use std::sync::Arc;

use ddsx_client::input::{Input, InputError};
use ddsx_client::{Appender, CreditRule, LineChunk, LineSplitter, PublishTarget, ReadSoFar, SplitError, SplitLimits};
use ddsx_types::stream_registry::{NewChunk, limits};
use serde_bytes::ByteBuf;

use super::progress::{InFlight, Job, Kept, Progress};
use super::{Table, Totals, say, send};
use crate::args::AppendArgs;
use crate::failure::Failure;
use crate::output::Output;

/// What standard input is called in messages.
const STDIN: &str = "standard input";

pub struct Work {
    output: Output,
    target: Arc<dyn PublishTarget>,
    table: Table,
    rule: CreditRule,
    limits: SplitLimits,
    totals: Totals,
    /// Whether it was said that others publish too.
    said_others: bool,
}

/// A failure of reading `file`.
fn named(file: &str, error: SplitError) -> Failure {
    match error {
        SplitError::Read { error, .. } => InputError::from_io(file, error).into(),
        SplitError::Shorter { .. } | SplitError::Changed(_) => Failure::usage(format!(
            "{file}: {error}. Nothing was appended. If what was read lies in another file now, finish that one first, with the same --resume; \
             then give --new-file to begin this one at its start"
        )),
        error => Failure::usage(format!("{file}: {error}")),
    }
}

impl Work {
    pub fn new(
        output: Output,
        target: Arc<dyn PublishTarget>,
        table: Table,
        rule: CreditRule,
        limits: SplitLimits,
    ) -> Self {
        Self {
            output,
            target,
            table,
            rule,
            limits,
            totals: Totals::default(),
            said_others: false,
        }
    }

    fn resume<R: BufRead>(&self, input: R, read: &ReadSoFar) -> Result<LineSplitter<R>, SplitError> {
        LineSplitter::resume(input, self.rule.clone(), self.limits, read)
    }

    /// Each chunk is appended as soon as it is full.
    pub async fn append_stdin(self) -> Result<(), Failure> {
        self.append_once(STDIN, |file| Input::new(file, std::io::stdin())).await
    }

    /// What can be read once only.
    async fn append_once(
        mut self,
        file: &str,
        open: impl FnOnce(&str) -> Result<Input, InputError> + Send + 'static,
    ) -> Result<(), Failure> {
        let mut appender = Appender::open(Arc::clone(&self.target), self.table.stream()).await?;
        let bar = self.output.progress(0, "chunks appended");
        // Read in a thread of its own: whoever writes to the pipe may take a long time.
        let (name, rule, limits) = (file.to_owned(), self.rule.clone(), self.limits);
        let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
        std::thread::spawn(move || {
            let chunks = match open(&name) {
                Ok(input) => LineSplitter::new(input, rule, limits, 0, 0),
                Err(error) => {
                    let _ = sender.blocking_send(Err(Failure::from(error)));
                    return;
                }
            };
            for chunk in chunks {
                if sender
                    .blocking_send(chunk.map_err(|error| named(&name, error)))
                    .is_err()
                {
                    break;
                }
            }
        });
        while let Some(chunk) = receiver.recv().await {
            self.append(&mut appender, vec![chunk?], ddsx_client::now_ns(), None)
                .await?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        say(self.output, self.table.stream(), self.totals, appender.next_sequence())
    }

    /// A file: nothing of it is appended before all of it was read and found to be right.
    pub async fn append_file(mut self, path: &Path, args: &AppendArgs) -> Result<(), Failure> {
        let file = path.display().to_string();
        let metadata = std::fs::metadata(path).map_err(|error| InputError::from_io(&file, error))?;
        if !metadata.is_file() {
            if args.resume.is_some() {
                return Err(Failure::usage(format!("{file} is a pipe; --resume needs a file")));
            }
            let path = path.to_path_buf();
            return self.append_once(&file, move |_| Input::open(&path)).await;
        }
        let job = Job::new(self.target.canister(), self.table.stream(), &self.rule, self.limits);
        let mut kept = match &args.resume {
            Some(state) => Some(Kept::open(state)?),
            None => None,
        };
        let saved = match &kept {
            Some(kept) => kept.load(&job, path, args.new_file)?,
            None => None,
        };
        let stream = self.table.stream();
        let mut begun = saved.is_some();
        let (mut appender, mut progress) = if let Some(progress) = saved {
            let appender = Appender::at(Arc::clone(&self.target), stream, progress.next());
            (appender, progress)
        } else {
            let appender = Appender::open(Arc::clone(&self.target), stream).await?;
            let progress = Progress::start(job.clone(), path, appender.next_sequence());
            (appender, progress)
        };
        let hold_back = kept.is_some() && !args.finished;
        let fail = |error| named(&file, error);
        let mut looked = self.look(path, &progress, hold_back);
        if args.new_file && matches!(&looked, Err(Looked::Other(_))) && !self.begins_as_read(path, &progress)? {
            self.output.remark(&progress.farewell());
            appender.go_to_end().await?;
            progress = Progress::start(job, path, appender.next_sequence());
            begun = false;
            looked = self.look(path, &progress, hold_back);
        }
        let bytes = looked.map_err(|error| match error {
            Looked::Split(error) | Looked::Other(error) => fail(error),
            Looked::Failed(failure) => failure,
        })?;
        let bar = self.output.progress(bytes, "bytes appended");
        // A batch that an earlier run sent, or was about to: the very same bytes and time again.
        if let Some(batch) = progress.in_flight() {
            let part = Input::open(path)?.take(batch.end.offset);
            let chunks = self.resume(part, &progress.read()).and_then(Iterator::collect);
            let keep = kept.as_mut().map(|kept| (kept, &mut progress));
            self.append(&mut appender, chunks.map_err(fail)?, batch.provider_timestamp, keep)
                .await?;
        } else if begun {
            appender.go_to_end().await?;
        }
        let mut chunks = self.resume(Input::open(path)?, &progress.read()).map_err(fail)?;
        if hold_back {
            chunks = chunks.hold_back_open_line();
        }
        let mut waiting = None;
        while let Some(batch) = next_batch(&mut chunks, &mut waiting).map_err(fail)? {
            let provider_timestamp = ddsx_client::now_ns();
            if let (Some(kept), Some(last)) = (&kept, batch.last()) {
                progress.begin(
                    appender.next_sequence(),
                    InFlight {
                        provider_timestamp,
                        end: last.end,
                    },
                );
                kept.save(&progress)?;
            }
            let end = batch.last().map_or(0, |last| last.end.offset);
            let keep = kept.as_mut().map(|kept| (kept, &mut progress));
            self.append(&mut appender, batch, provider_timestamp, keep).await?;
            bar.set_position(end);
        }
        bar.finish_and_clear();
        self.totals.held_back = chunks.held_back();
        if self.totals.held_back > 0 {
            self.output.remark(&format!(
                "{file}: the last line ({} bytes) has no newline yet and is left for the next run; --finished appends it too",
                self.totals.held_back
            ));
        }
        say(self.output, stream, self.totals, appender.next_sequence())
    }

    /// Whether a file begins with what was read and appended for sure, however it goes on.
    fn begins_as_read(&self, path: &Path, progress: &Progress) -> Result<bool, Failure> {
        Ok(progress.read().offset > 0 && self.resume(Input::open(path)?, &progress.read()).is_ok())
    }

    /// Reads everything that is to be appended, so that what is wrong is known before the first chunk is; how many bytes of text there are.
    fn look(&self, path: &Path, progress: &Progress, hold_back: bool) -> Result<u64, Looked> {
        let from = progress.in_flight().map_or(progress.read(), |batch| batch.end);
        let input = Input::open(path).map_err(|error| Looked::Failed(error.into()))?;
        let mut chunks = self.resume(input, &from)?;
        if hold_back {
            chunks = chunks.hold_back_open_line();
        }
        let (mut bytes, mut labels) = (from.offset, BTreeSet::new());
        for chunk in chunks {
            let chunk = chunk?;
            bytes = chunk.end.offset;
            labels.extend(chunk.records.into_keys());
        }
        self.table.missing(labels.iter()).map_err(Looked::Failed)?;
        Ok(bytes)
    }

    async fn append(
        &mut self,
        appender: &mut Appender,
        batch: Vec<LineChunk>,
        provider_timestamp: u64,
        mut keep: Option<(&mut Kept, &mut Progress)>,
    ) -> Result<(), Failure> {
        if batch.is_empty() {
            return Ok(());
        }
        self.table
            .provide(batch.iter().flat_map(|chunk| chunk.records.keys()))
            .await?;
        let mut chunks = Vec::with_capacity(batch.len());
        let mut totals = self.totals;
        for chunk in batch {
            totals.chunks += 1;
            totals.records += chunk.records.values().sum::<u64>();
            totals.bytes += chunk.payload.len() as u64;
            chunks.push(NewChunk {
                credits: self.table.credits(&chunk)?,
                payload: ByteBuf::from(chunk.payload),
                provider_timestamp,
            });
        }
        let (output, said, stream) = (self.output, &mut self.said_others, self.table.stream());
        let moved = |next| {
            if !std::mem::replace(said, true) {
                output.remark(&format!(
                    "somebody else appends to stream {stream} too; going on after their chunks"
                ));
            }
            match &mut keep {
                Some((kept, progress)) => {
                    progress.move_to(next);
                    kept.save(progress)
                }
                None => Ok(()),
            }
        };
        totals.head = Some(send(appender, chunks, moved).await?);
        self.totals = totals;
        if let Some((kept, progress)) = keep {
            progress.settle(appender.next_sequence());
            kept.save(progress)?;
        }
        Ok(())
    }
}

/// What looking at a file found.
enum Looked {
    /// Something that cannot be appended.
    Split(SplitError),
    /// It is not the file that was read.
    Other(SplitError),
    Failed(Failure),
}

impl From<SplitError> for Looked {
    fn from(error: SplitError) -> Self {
        match error {
            SplitError::Shorter { .. } | SplitError::Changed(_) | SplitError::LineWentOn(_) => Self::Other(error),
            _ => Self::Split(error),
        }
    }
}

/// The next chunks that fit into one call; `waiting` is one that did not.
fn next_batch<R: BufRead>(
    splitter: &mut LineSplitter<R>,
    waiting: &mut Option<LineChunk>,
) -> Result<Option<Vec<LineChunk>>, SplitError> {
    /// What a chunk takes on the wire besides its payload: its own fields, and each credit.
    fn weight(chunk: &LineChunk) -> usize {
        chunk.payload.len() + 24 + 14 * chunk.records.len()
    }
    let mut batch: Vec<LineChunk> = Vec::new();
    let mut size = 0;
    while batch.len() < limits::MAX_CHUNKS_PER_APPEND {
        let Some(chunk) = waiting
            .take()
            .map_or_else(|| splitter.next().transpose(), |chunk| Ok(Some(chunk)))?
        else {
            break;
        };
        if !batch.is_empty() && size + weight(&chunk) > limits::MAX_APPEND_BYTES {
            *waiting = Some(chunk);
            break;
        }
        size += weight(&chunk);
        batch.push(chunk);
    }
    Ok((!batch.is_empty()).then_some(batch))
}
