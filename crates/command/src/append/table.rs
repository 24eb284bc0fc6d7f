//! The stream's contributors by label.

use std::collections::HashMap;
use std::sync::Arc;

use ddsx_client::{CallError, LineChunk, PublishTarget};
use ddsx_types::stream_registry::{AddContributorsArgs, Credit, NewContributor, StreamError, StreamId, limits};

use crate::failure::Failure;

/// The stream's contributors by label.
pub struct Table {
    target: Arc<dyn PublishTarget>,
    stream: StreamId,
    add: bool,
    numbers: HashMap<String, u32>,
}

impl Table {
    pub async fn read(target: Arc<dyn PublishTarget>, stream: StreamId, add: bool) -> Result<Self, Failure> {
        let mut table = Self {
            target,
            stream,
            add,
            numbers: HashMap::new(),
        };
        table.refresh().await?;
        Ok(table)
    }

    async fn refresh(&mut self) -> Result<(), Failure> {
        let contributors = self.target.contributors_of(self.stream).await?;
        self.numbers = contributors.into_iter().map(|one| (one.label, one.number)).collect();
        Ok(())
    }

    /// The stream.
    pub fn stream(&self) -> StreamId {
        self.stream
    }

    /// A contributor's number.
    pub fn number(&self, label: &str) -> Option<u32> {
        self.numbers.get(label).copied()
    }

    /// Labels that are not there; an error if they are not to be entered.
    pub fn missing<'a>(&self, labels: impl Iterator<Item = &'a String>) -> Result<Vec<String>, Failure> {
        let mut missing: Vec<String> = labels
            .filter(|label| !self.numbers.contains_key(*label))
            .cloned()
            .collect();
        missing.sort();
        missing.dedup();
        if missing.is_empty() || self.add {
            return Ok(missing);
        }
        Err(Failure::usage(format!(
            "not in the contributor table of stream {}: {}; enter them first, or give --add-contributors",
            self.stream,
            missing.join(", ")
        )))
    }

    /// Enters the labels that are not there, if that is wanted.
    pub async fn provide<'a>(&mut self, labels: impl Iterator<Item = &'a String>) -> Result<(), Failure> {
        let missing = self.missing(labels)?;
        if missing.is_empty() {
            return Ok(());
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
            match self.target.enter_contributors(&args).await {
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

    /// Who is credited for a chunk.
    pub fn credits(&self, chunk: &LineChunk) -> Result<Vec<Credit>, Failure> {
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
