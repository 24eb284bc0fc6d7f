//! The provider's side: the stream, its first chunks at once, the rest as they happen.

use std::time::Duration;

use anyhow::{Result, ensure};
use candid::{Nat, Principal};
use ddsx_client::Registry;
use ddsx_types::Account;
use ddsx_types::stream_registry::{
    AddPlanArgs, AppendArgs, CreateStreamArgs, LicenceTerms, NewChunk, NewContributor, PlanId, PlanKind, Price,
    StreamId,
};

use crate::feed::{self, Event, Networks};

/// Events in a chunk published at once.
pub const EVENTS_PER_CHUNK: usize = 20;
/// Events in a chunk published live.
pub const EVENTS_PER_LIVE_CHUNK: usize = 4;

/// The account of a seismic network: derived from its name, so that the demo can say beforehand where its share must arrive.
pub fn account_of(network: &str) -> Account {
    Principal::self_authenticating(format!("the seismic network {network}")).into()
}

/// The stream of the feed, with one contributor for each network.
pub fn stream_args(networks: &Networks, provider: Account, contributors_share_bps: u16) -> CreateStreamArgs {
    CreateStreamArgs {
        payment: None,
        name: "USGS earthquakes".into(),
        description:
            "All earthquakes worldwide as USGS reports them, one GeoJSON Feature a line; each is credited to the \
                      seismic network that contributed it."
                .into(),
        tags: vec!["earthquakes".into(), "geojson".into(), "live".into()],
        content_type: "application/x-ndjson".into(),
        schema: Some(r#"{"type":"object","required":["type","properties","geometry","id"]}"#.into()),
        licence_terms: LicenceTerms::Spdx("CC0-1.0".into()),
        contact: Some("https://earthquake.usgs.gov".into()),
        provider_account: provider,
        contributors_share_bps,
        contributors: networks
            .names()
            .iter()
            .map(|name| NewContributor {
                label: name.clone(),
                account: Some(account_of(name)),
            })
            .collect(),
    }
}

/// A month's subscription at this price.
pub fn month_plan(stream: StreamId, ledger: Principal, price: u64) -> AddPlanArgs {
    AddPlanArgs {
        stream,
        name: "one month".into(),
        kind: PlanKind::Subscription {
            duration_ns: 30 * 24 * 3_600 * 1_000_000_000,
        },
        prices: vec![Price {
            ledger,
            amount: Nat::from(price),
        }],
    }
}

/// Creates the stream and its plan.
pub async fn create(
    registry: &Registry,
    networks: &Networks,
    provider: Account,
    contributors_share_bps: u16,
    ledger: Principal,
    price: u64,
) -> Result<(StreamId, PlanId)> {
    let stream = registry
        .create_stream(&stream_args(networks, provider, contributors_share_bps))
        .await?;
    let plan = registry.add_plan(&month_plan(stream, ledger, price)).await?;
    Ok((stream, plan))
}

/// Appends events in chunks of `size`, one batch; answers the log's size after it.
pub async fn append(
    registry: &Registry,
    stream: StreamId,
    networks: &Networks,
    at: u64,
    events: &[Event],
    size: usize,
) -> Result<u64> {
    let chunks = events
        .chunks(size)
        .map(|events| {
            Ok(NewChunk {
                payload: feed::payload(events).into(),
                provider_timestamp: events.last().map_or(0, |event| event.time_ms * 1_000_000),
                credits: networks.credits(events)?,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let count = u64::try_from(chunks.len())?;
    let appended = registry
        .append(&AppendArgs {
            stream,
            expected_sequence: at,
            chunks,
        })
        .await?;
    ensure!(
        appended.first_sequence == at && !appended.already_stored,
        "the batch went elsewhere: {appended:?}"
    );
    ensure!(
        appended.head.tree_size == at + count,
        "the log has another size: {:?}",
        appended.head
    );
    Ok(appended.head.tree_size)
}

/// Publishes the rest as it happened, compressed into about `duration`: chunk after chunk, with pauses in proportion to the real ones.
pub async fn live(
    registry: &Registry,
    stream: StreamId,
    networks: &Networks,
    at: u64,
    events: &[Event],
    duration: Duration,
) -> Result<u64> {
    let span = match (events.first(), events.last()) {
        (Some(first), Some(last)) => (last.time_ms - first.time_ms).max(1),
        _ => return Ok(at),
    };
    let mut next = at;
    let mut before = events[0].time_ms;
    for chunk in events.chunks(EVENTS_PER_LIVE_CHUNK) {
        let now = chunk.last().map_or(before, |event| event.time_ms);
        #[allow(clippy::cast_precision_loss, reason = "a pause needs no exactness")]
        let part = (now - before) as f64 / span as f64;
        tokio::time::sleep(duration.mul_f64(part)).await;
        before = now;
        next = append(registry, stream, networks, next, chunk, EVENTS_PER_LIVE_CHUNK).await?;
    }
    Ok(next)
}
