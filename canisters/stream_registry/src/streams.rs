//! Creating, closing and describing streams.

use candid::Principal;
use ddsx_merkle_log::{ContentType, Head, LogRecord};
use ddsx_types::stream_registry::{
    CreateStreamArgs, LicenceTerms, NewContributor, Page, StreamError, StreamId, StreamInfo, StreamStatus, limits,
};
use ddsx_types::{BASIS_POINTS, TimestampNs};

use crate::assets;
use crate::certification;
use crate::contributors;
use crate::guard;
use crate::limits::{MAX_STREAMS, MAX_STREAMS_PER_OWNER};
use crate::revenue_book;
use crate::schema;
use crate::storage::Storage;
use crate::storage::records::{StreamMeta, StreamState};
use crate::upkeep;
use crate::validate::{invalid, limit, media_type, name, payee, text};

/// Creates a stream with its first contributors. A name that the caller has used is refused with the stream that has it,
/// so that a retry finds what the lost reply said.
pub fn create(
    storage: &mut Storage,
    caller: Principal,
    now: TimestampNs,
    args: CreateStreamArgs,
) -> Result<StreamId, StreamError> {
    let contributors = check_new(storage, caller, &args)?;
    let count = contributors::count(&contributors);
    let upkeep = upkeep::open(storage, caller, now, args.payment.as_ref(), count)?;
    let look_at = upkeep::next_look(&upkeep);
    let state = StreamState {
        owner: caller,
        provider_account: args.provider_account,
        contributors_share_bps: args.contributors_share_bps,
        status: StreamStatus::Open,
        content: content_code(&args.content_type),
        head_timestamp: now,
        records: 0,
        bytes: 0,
        contributors: count,
        total_weight: 0,
        publishers: 0,
        plans: 0,
        free_plans: 0,
        assets: Vec::new(),
        extents: Vec::new(),
        log: LogRecord::default(),
        upkeep: Some(upkeep),
    };
    let meta = StreamMeta {
        name: args.name,
        description: args.description,
        tags: args.tags,
        content_type: args.content_type,
        schema: args.schema,
        licence_terms: args.licence_terms,
        contact: args.contact,
        created_at: now,
    };
    let stream = storage.add_stream(meta, state);
    storage.look_at(look_at, stream);
    contributors::enter(storage, stream, 0, contributors, now);
    certification::set_head(storage, stream, &Head::empty(now));
    Ok(stream)
}

/// All checks of a new stream but whether it can be paid; its contributors, checked.
pub fn check_new(
    storage: &Storage,
    caller: Principal,
    args: &CreateStreamArgs,
) -> Result<Vec<contributors::Checked>, StreamError> {
    guard::may_change(storage, caller)?;
    check(storage, args)?;
    if let Some(stream) = storage.stream_named(caller, &args.name) {
        return Err(StreamError::NameTaken { stream });
    }
    if storage.streams_of(caller) >= MAX_STREAMS_PER_OWNER {
        return Err(limit("streams of an owner", MAX_STREAMS_PER_OWNER));
    }
    if storage.counters().streams >= MAX_STREAMS {
        return Err(limit("streams of the registry", MAX_STREAMS));
    }
    upkeep::check_room(storage, 0)?;
    contributors::check_new(storage, None, &args.contributors)
}

/// The leaves' code of a media type; one that has none is told by the stream's own metadata.
fn content_code(media_type: &str) -> ContentType {
    ContentType::from_media_type(media_type).unwrap_or(ContentType::FIRST_PRIVATE)
}

fn check(storage: &Storage, args: &CreateStreamArgs) -> Result<(), StreamError> {
    name("name", &args.name)?;
    text("description", &args.description, limits::MAX_TEXT_BYTES)?;
    if args.tags.len() > limits::MAX_TAGS {
        return Err(invalid("tags", format!("at most {}", limits::MAX_TAGS)));
    }
    args.tags.iter().try_for_each(|tag| name("tags", tag))?;
    media_type("content_type", &args.content_type)?;
    if let Some(schema) = &args.schema {
        text("schema", schema, limits::MAX_SCHEMA_BYTES)?;
        schema::check(schema).map_err(|reason| StreamError::MalformedSchema { reason })?;
    }
    match &args.licence_terms {
        LicenceTerms::Spdx(id) => {
            name("licence_terms", id)?;
            if !id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-.+() ".contains(&byte))
            {
                return Err(invalid("licence_terms", "an SPDX licence identifier or expression"));
            }
        }
        LicenceTerms::Text(terms) => {
            text("licence_terms", terms, limits::MAX_TEXT_BYTES)?;
            if terms.trim().is_empty() {
                return Err(invalid("licence_terms", "not empty"));
            }
        }
    }
    if let Some(contact) = &args.contact {
        name("contact", contact)?;
    }
    payee(
        "provider_account",
        &args.provider_account,
        &assets::minting_accounts(storage),
    )?;
    if args.contributors_share_bps > BASIS_POINTS {
        return Err(invalid("contributors_share_bps", format!("0 to {BASIS_POINTS}")));
    }
    check_contributor_count(&args.contributors)
}

fn check_contributor_count(contributors: &[NewContributor]) -> Result<(), StreamError> {
    let max = limits::MAX_CONTRIBUTORS_PER_CALL;
    if contributors.len() > max {
        return Err(invalid(
            "contributors",
            format!("at most {max} in a call; add_contributors takes more"),
        ));
    }
    Ok(())
}

/// Closes a stream for good: nothing is added or sold any more; what was bought can be pulled, as
/// long as it is paid. If nobody was credited with a record, nobody ever will be: what was held for
/// contributors goes to the provider. The deposit comes back at once if no payload is stored, else
/// when they are gone. Again is no error.
pub fn close(storage: &mut Storage, caller: Principal, stream: StreamId) -> Result<(), StreamError> {
    let mut state = guard::owned(storage, caller, stream)?;
    if state.status != StreamStatus::Closed {
        state.status = StreamStatus::Closed;
        upkeep::release_deposit(storage, stream, &mut state);
        storage.put_stream(stream, state.clone());
    }
    revenue_book::release_to_provider(storage, stream, &state);
    Ok(())
}

/// A stream.
pub fn info(storage: &Storage, stream: StreamId) -> Option<StreamInfo> {
    Some(describe(
        storage,
        stream,
        storage.meta(stream)?,
        &storage.stream(stream)?,
    ))
}

/// Streams by number. A page ends early when it grows large: descriptions and schemas are big, and a reply is limited.
pub fn list(storage: &Storage, page: Page) -> Vec<StreamInfo> {
    /// Leaves room below the 2 MiB of a replicated reply.
    const MAX_REPLY_BYTES: usize = 1_500_000;
    let mut bytes = 0;
    let mut list = Vec::new();
    let mut after = page.start_after;
    // In steps, so that no more than a step of large records is read in vain.
    while list.len() < page_limit(page) {
        let step = (page_limit(page) - list.len()).min(10);
        let read = storage.streams_after(after, step);
        let all_read = read.len() < step;
        for (stream, meta, state) in read {
            bytes += meta.schema.as_ref().map_or(0, String::len) + meta.description.len() + 9_500;
            if bytes > MAX_REPLY_BYTES {
                return list;
            }
            after = Some(stream);
            list.push(describe(storage, stream, meta, &state));
        }
        if all_read {
            break;
        }
    }
    list
}

/// How many entries a page asks for.
pub fn page_limit(page: Page) -> usize {
    page.limit.unwrap_or(limits::MAX_PAGE).min(limits::MAX_PAGE) as usize
}

fn describe(storage: &Storage, id: StreamId, meta: StreamMeta, state: &StreamState) -> StreamInfo {
    let head = state.head();
    StreamInfo {
        id,
        owner: state.owner,
        name: meta.name,
        description: meta.description,
        tags: meta.tags,
        content_type: meta.content_type,
        schema: meta.schema,
        licence_terms: meta.licence_terms,
        contact: meta.contact,
        provider_account: state.provider_account,
        contributors_share_bps: state.contributors_share_bps,
        status: state.status,
        created_at: meta.created_at,
        last_append_at: (head.tree_size > 0).then_some(head.timestamp),
        chunks: head.tree_size,
        records: state.records,
        bytes: state.bytes,
        contributors: state.contributors,
        root: head.root,
        open_to_everyone: state.open_to_everyone(),
        storage: upkeep::describe(storage, state),
    }
}

#[cfg(test)]
mod tests;
