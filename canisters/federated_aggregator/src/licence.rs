//! Asking a registry whether a client holds a stream's licence. Only registries that governance lists are asked, once a join, within
//! limits: of questions at once, of questions of one caller, of the answer's bytes and of what decoding it takes.

use std::cell::RefCell;
use std::collections::BTreeMap;

use candid::{DecoderConfig, Principal};
use ddsx_payments::Host;
use ddsx_runtime::{CallOptions, Guards, Runtime};
use ddsx_types::TimestampNs;
use ddsx_types::federated_aggregator::JoinError;
use ddsx_types::stream_registry::{self, Licence, LicencesOfArgs};

use crate::host::Aggregator;
use crate::limits::{
    LICENCES_ASKED, MAX_QUESTIONS, MAX_REGISTRY_ANSWER, QUESTIONS_PER_MINUTE, REGISTRY_ANSWER_QUOTA, REGISTRY_ANSWER_S,
};
use crate::storage;

const MINUTE_NS: u64 = 60_000_000_000;
/// Callers whose questions are counted. Where there are more in a minute, nobody else may ask until it is over.
const MAX_CALLERS: usize = 5_000;

/// The questions of the minute that began then.
#[derive(Default)]
struct Minute {
    began: TimestampNs,
    asked: BTreeMap<Principal, u32>,
}

thread_local! {
    /// Who is being asked about. On the heap: after an upgrade nobody is.
    static ASKING: Guards<Principal> = Guards::new(MAX_QUESTIONS);
    static MINUTE: RefCell<Minute> = RefCell::default();
}

/// Forgets who asked, as an upgrade does.
#[cfg(test)]
pub fn forget() {
    MINUTE.take();
}

fn unavailable(why: impl Into<String>) -> JoinError {
    JoinError::RegistryUnavailable(why.into())
}

/// Counts a question of this caller, if it may ask one more.
fn count(caller: Principal, now: TimestampNs) -> Result<(), JoinError> {
    MINUTE.with_borrow_mut(|minute| {
        if minute.began.saturating_add(MINUTE_NS) <= now {
            minute.began = now;
            minute.asked.clear();
        }
        let known = minute.asked.len();
        let asked = minute.asked.get(&caller).copied();
        if asked.unwrap_or(0) >= QUESTIONS_PER_MINUTE || (asked.is_none() && known >= MAX_CALLERS) {
            return Err(unavailable(
                "it was asked too often in this minute; try again in the next",
            ));
        }
        minute.asked.insert(caller, asked.unwrap_or(0) + 1);
        Ok(())
    })
}

/// Asks the registry for the caller's licence of a stream: an update call, so that its answer is as sure as this canister's own. The caller
/// may say which licence it is; otherwise it must be among its first.
pub async fn check<R: Runtime>(
    host: &Aggregator<R>,
    caller: Principal,
    (registry, stream): (Principal, u64),
    number: Option<u64>,
) -> Result<(), JoinError> {
    if !storage::with(|storage| storage.settings().registries.contains(&registry)) {
        return Err(unavailable(format!("governance has not listed {registry}")));
    }
    count(caller, host.runtime().time())?;
    let guard = ASKING.with(|asking| asking.enter(caller));
    let _guard = guard.map_err(|_| unavailable("the answer to another question is waited for"))?;
    let page = match number {
        Some(number) => stream_registry::Page {
            start_after: number.checked_sub(1),
            limit: Some(1),
        },
        None => stream_registry::Page {
            start_after: None,
            limit: Some(LICENCES_ASKED),
        },
    };
    let question = candid::encode_one(LicencesOfArgs { owner: caller, page });
    let question = question.map_err(|error| unavailable(error.to_string()))?;
    let wait = CallOptions::bounded(REGISTRY_ANSWER_S);
    let answer = host.runtime().call_raw(registry, "licences_of", question, wait).await;
    let licences = decode(&answer.map_err(|error| unavailable(error.to_string()))?)?;
    let now = host.runtime().time();
    let valid = |licence: &Licence| {
        licence.owner.owner == caller
            && licence.stream == stream
            && licence.expires_at.is_none_or(|end| end > now)
            && number.is_none_or(|number| number == licence.id)
    };
    if licences.iter().any(valid) {
        Ok(())
    } else {
        Err(JoinError::NotAllowed)
    }
}

fn decode(answer: &[u8]) -> Result<Vec<Licence>, JoinError> {
    if answer.len() > MAX_REGISTRY_ANSWER {
        return Err(unavailable(format!("its answer has {} bytes", answer.len())));
    }
    let mut config = DecoderConfig::new();
    config
        .set_decoding_quota(REGISTRY_ANSWER_QUOTA)
        .set_skipping_quota(10_000);
    let licences: Vec<Licence> =
        candid::utils::decode_one_with_config(answer, &config).map_err(|error| unavailable(error.to_string()))?;
    if licences.len() > LICENCES_ASKED as usize {
        return Err(unavailable(format!("it answered {} licences", licences.len())));
    }
    Ok(licences)
}
