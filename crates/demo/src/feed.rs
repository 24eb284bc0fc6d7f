//! The real feed: what USGS published, and which network contributed each event.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use ddsx_types::stream_registry::{ContributorNumber, Credit};
use flate2::read::GzDecoder;
use serde::Deserialize;

/// One event of the feed: its line as published, and who contributed it.
#[derive(Clone, Debug)]
pub struct Event {
    /// The GeoJSON Feature, without the line's end.
    pub line: String,
    /// The seismic network, `properties.net`.
    pub network: String,
    /// When it happened, in milliseconds since the epoch.
    pub time_ms: u64,
}

/// The networks of a feed, numbered as the stream's contributor table numbers them: in order of their names.
#[derive(Clone, Debug)]
pub struct Networks(Vec<String>);

#[derive(Deserialize)]
struct Feature {
    properties: Properties,
}

#[derive(Deserialize)]
struct Properties {
    net: String,
    time: u64,
}

/// Reads a gzip of JSON Lines.
pub fn read(path: &Path) -> Result<Vec<Event>> {
    let mut text = String::new();
    let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
    GzDecoder::new(file).read_to_string(&mut text)?;
    text.lines()
        .enumerate()
        .map(|(number, line)| {
            let feature: Feature = serde_json::from_str(line).with_context(|| format!("line {}", number + 1))?;
            let Properties { net, time } = feature.properties;
            Ok(Event {
                line: line.to_owned(),
                network: net,
                time_ms: time,
            })
        })
        .collect()
}

/// How many events each network contributed.
pub fn count_by_network(events: &[Event]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for event in events {
        *counts.entry(event.network.clone()).or_insert(0) += 1;
    }
    counts
}

impl Networks {
    /// Of all these events.
    pub fn of(events: &[Event]) -> Self {
        Self(count_by_network(events).into_keys().collect())
    }

    /// Their names, by number.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// Credits for a chunk of events, as `append` takes them.
    pub fn credits(&self, events: &[Event]) -> Result<Vec<Credit>> {
        count_by_network(events)
            .into_iter()
            .map(|(network, records)| {
                let number = self
                    .0
                    .binary_search(&network)
                    .ok()
                    .with_context(|| format!("no network {network:?}"))?;
                Ok(Credit {
                    contributor: ContributorNumber::try_from(number)?,
                    records,
                })
            })
            .collect()
    }
}

/// The events as one payload: JSON Lines.
pub fn payload(events: &[Event]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for event in events {
        bytes.extend_from_slice(event.line.as_bytes());
        bytes.push(b'\n');
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed() -> Vec<Event> {
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/usgs-earthquakes-2018-w05.jsonl.gz")).unwrap()
    }

    #[test]
    fn should_read_every_event_of_the_feed_with_its_network() {
        let events = feed();
        assert_eq!(events.len(), 1_707);
        let counts = count_by_network(&events);
        assert_eq!(
            (counts.len(), counts["ci"], counts["nc"], counts["se"]),
            (12, 386, 370, 1)
        );
        assert_eq!(events.iter().position(|event| event.network == "se"), Some(1_508));
        assert!(events.is_sorted_by_key(|event| event.time_ms));
    }

    #[test]
    fn should_credit_each_event_of_a_chunk_once_in_ascending_order() {
        let events = feed();
        let networks = Networks::of(&events);
        let credits = networks.credits(&events[1_500..1_520]).unwrap();
        assert!(credits.is_sorted_by(|a, b| a.contributor < b.contributor));
        assert_eq!(credits.iter().map(|credit| credit.records).sum::<u64>(), 20);
    }

    #[test]
    fn should_keep_each_line_as_published() {
        let events = feed();
        assert_eq!(
            payload(&events[..2]),
            format!("{}\n{}\n", events[0].line, events[1].line).into_bytes()
        );
    }
}
