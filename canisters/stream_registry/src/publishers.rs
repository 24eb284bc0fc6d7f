//! Who besides the owner may append.

use candid::Principal;
use ddsx_types::TimestampNs;
use ddsx_types::stream_registry::{
    AppendError, Publisher, PublisherQuota, RemovePublisherArgs, SetPublisherArgs, StreamError, StreamId, limits,
};

use crate::guard;
use crate::limits::{CHANGE_BYTES, DAY_NS, DEFAULT_PUBLISHER_QUOTA};
use crate::storage::Storage;
use crate::storage::records::{PublisherRecord, StreamState};
use crate::upkeep;
use crate::validate::{invalid, limit};

/// Adds a publisher, or changes its expiry and quota. What it has used today counts on.
pub fn set(
    storage: &mut Storage,
    caller: Principal,
    now: TimestampNs,
    args: &SetPublisherArgs,
) -> Result<(), StreamError> {
    let mut state = guard::owned_and_open(storage, caller, args.stream)?;
    let Publisher {
        principal,
        expires_at,
        quota,
    } = args.publisher;
    if principal == Principal::anonymous() || principal == Principal::management_canister() {
        return Err(invalid("principal", "nobody signs as this principal"));
    }
    if expires_at.is_some_and(|at| at <= now) {
        return Err(invalid("expires_at", "in the future"));
    }
    upkeep::check_room(storage, CHANGE_BYTES)?;
    let known = storage.publisher(args.stream, principal);
    let is_new = known.is_none();
    if is_new && state.publishers as usize >= limits::MAX_PUBLISHERS {
        return Err(limit("publishers of a stream", limits::MAX_PUBLISHERS as u64));
    }
    let quota = quota.unwrap_or(DEFAULT_PUBLISHER_QUOTA);
    let fresh = PublisherRecord::new(expires_at, quota.bytes, quota.records);
    let used = known.unwrap_or(fresh);
    let record = PublisherRecord {
        day: used.day,
        used_bytes: used.used_bytes,
        used_records: used.used_records,
        ..fresh
    };
    storage.put_publisher(args.stream, principal, record);
    if is_new {
        state.publishers += 1;
        storage.put_stream(args.stream, state);
    }
    Ok(())
}

/// Strikes a publisher off.
pub fn remove(storage: &mut Storage, caller: Principal, args: &RemovePublisherArgs) -> Result<(), StreamError> {
    let mut state = guard::owned(storage, caller, args.stream)?;
    if !storage.remove_publisher(args.stream, args.principal) {
        return Err(StreamError::PublisherNotFound);
    }
    state.publishers = state.publishers.saturating_sub(1);
    storage.put_stream(args.stream, state);
    Ok(())
}

/// All of a stream's publishers; there are at most 50.
pub fn list(storage: &Storage, stream: StreamId) -> Vec<Publisher> {
    storage
        .publishers(stream)
        .into_iter()
        .map(|(principal, publisher)| Publisher {
            principal,
            expires_at: publisher.expires_at,
            quota: Some(PublisherQuota {
                bytes: publisher.quota_bytes,
                records: publisher.quota_records,
            }),
        })
        .collect()
}

/// Somebody who may append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// The owner, who has no quota.
    Owner,
    /// A publisher whose time has not run out.
    Publisher(PublisherRecord),
}

/// As what a principal may append now, if it may.
pub fn writer(
    storage: &Storage,
    stream: StreamId,
    state: &StreamState,
    who: Principal,
    now: TimestampNs,
) -> Option<Writer> {
    if state.owner == who {
        return Some(Writer::Owner);
    }
    let in_time = |publisher: &PublisherRecord| publisher.expires_at.is_none_or(|at| now < at);
    storage.publisher(stream, who).filter(in_time).map(Writer::Publisher)
}

impl Writer {
    /// Counts what is to be appended against the day's quota; the publisher's record then, to be written back.
    pub fn count(self, now: TimestampNs, bytes: u64, records: u64) -> Result<Option<PublisherRecord>, AppendError> {
        let Self::Publisher(mut publisher) = self else {
            return Ok(None);
        };
        // Far below `u32::MAX`: nanoseconds in a u64 end in 2554.
        let day = u32::try_from(now / DAY_NS).unwrap_or(u32::MAX);
        if publisher.day != day {
            publisher.day = day;
            (publisher.used_bytes, publisher.used_records) = (0, 0);
        }
        let within = |used: &mut u64, more: u64, max: u64, limit: &str| {
            *used = used.saturating_add(more);
            if *used <= max {
                return Ok(());
            }
            Err(AppendError::LimitReached {
                limit: limit.to_owned(),
                max,
            })
        };
        let PublisherRecord {
            quota_bytes,
            quota_records,
            ..
        } = publisher;
        within(
            &mut publisher.used_bytes,
            bytes,
            quota_bytes,
            "payload bytes of a publisher a day",
        )?;
        within(
            &mut publisher.used_records,
            records,
            quota_records,
            "records of a publisher a day",
        )?;
        Ok(Some(publisher))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_hold_a_publisher_to_its_day() {
        let mut record = PublisherRecord::new(None, 100, 10);
        let append = |record, now, bytes, records| Writer::Publisher(record).count(now, bytes, records);
        record = append(record, 5, 60, 4).unwrap().unwrap();
        record = append(record, 6, 40, 6).unwrap().unwrap();
        let reached = |limit: &str, max| {
            Err(AppendError::LimitReached {
                limit: limit.to_owned(),
                max,
            })
        };
        assert_eq!(
            append(record, 7, 1, 0),
            reached("payload bytes of a publisher a day", 100)
        );
        assert_eq!(append(record, 7, 0, 1), reached("records of a publisher a day", 10));
        let next_day = append(record, DAY_NS, 100, 10).unwrap().unwrap();
        assert_eq!((next_day.day, next_day.used_bytes, next_day.used_records), (1, 100, 10));
        assert_eq!(
            append(next_day, 2 * DAY_NS, u64::MAX, 0),
            reached("payload bytes of a publisher a day", 100)
        );
        assert_eq!(Writer::Owner.count(7, u64::MAX, u64::MAX), Ok(None));
    }
}
