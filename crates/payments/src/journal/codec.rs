//! How intents, requests, index keys and counters lie in stable memory. Records begin with a version byte and every version ever
//! written is read for ever; `tests.rs` holds bytes of each.

use super::bytes::{Malformed, Reader, Writer};
use super::counters::Counters;
use super::index::IndexKey;
use crate::intent::{Direction, Failure, Intent, State};
use candid::Principal;
use ddsx_types::Hash;
use ic_stable_structures::Storable;
use ic_stable_structures::storable::Bound;
use std::borrow::Cow;

const VERSION: u8 = 1;
/// Intents are written as those of version 1; that they have this one says that they are counted by
/// ledger.
const INTENT_BY_LEDGER: u8 = 2;

/// Whose request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId {
    pub caller: Principal,
    pub id: Vec<u8>,
}

/// What a request became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub arguments: Hash,
    pub intent: u64,
}

fn put_failure(w: &mut Writer, failure: &Failure) {
    match failure {
        Failure::BadFee { expected_fee } => w.u8(0).u128(*expected_fee),
        Failure::BadBurn { min_burn_amount } => w.u8(1).u128(*min_burn_amount),
        Failure::InsufficientFunds { balance } => w.u8(2).u128(*balance),
        Failure::InsufficientAllowance { allowance } => w.u8(3).u128(*allowance),
        Failure::TooOld => w.u8(4),
        Failure::CreatedInFuture { ledger_time } => w.u8(5).u64(*ledger_time),
        Failure::TemporarilyUnavailable => w.u8(6),
        Failure::Generic { code, message } => w.u8(7).u128(*code).bytes(message.as_bytes()),
        Failure::WindowEnded => w.u8(8),
        Failure::UnpaidByEvidence => w.u8(9),
    };
}

fn get_failure(r: &mut Reader<'_>) -> Result<Failure, Malformed> {
    Ok(match r.u8()? {
        0 => Failure::BadFee {
            expected_fee: r.u128()?,
        },
        1 => Failure::BadBurn {
            min_burn_amount: r.u128()?,
        },
        2 => Failure::InsufficientFunds { balance: r.u128()? },
        3 => Failure::InsufficientAllowance { allowance: r.u128()? },
        4 => Failure::TooOld,
        5 => Failure::CreatedInFuture { ledger_time: r.u64()? },
        6 => Failure::TemporarilyUnavailable,
        7 => Failure::Generic {
            code: r.u128()?,
            message: String::from_utf8_lossy(r.bytes()?).into_owned(),
        },
        8 => Failure::WindowEnded,
        9 => Failure::UnpaidByEvidence,
        _ => return Err(Malformed("unknown failure")),
    })
}

/// An intent's bytes, in the newest version.
pub fn encode_intent(intent: &Intent) -> Vec<u8> {
    let mut w = Writer::default();
    let version = if intent.by_ledger { INTENT_BY_LEDGER } else { VERSION };
    w.u8(version).u64(intent.id);
    w.u8(match intent.direction {
        Direction::Pull => 0,
        Direction::Push => 1,
    });
    w.principal(&intent.ledger).account(&intent.from).account(&intent.to);
    w.u128(intent.amount).u128(intent.fee);
    w.u64(intent.created_at_time)
        .u64(intent.window_ends_at)
        .u8(u8::from(intent.dedup_first));
    w.principal(&intent.caller)
        .bytes(&intent.purpose)
        .bytes(intent.request_id.as_deref().unwrap_or_default());
    w.u32(intent.attempts)
        .u32(intent.doubtful)
        .u64(intent.indexed_at)
        .bytes(&intent.result);
    match &intent.state {
        State::Pending => w.u8(0),
        State::Quarantined { since } => w.u8(1).u64(*since),
        State::Paid { block, at } => w.u8(2).u64(*at).u128(*block),
        State::Failed { failure, at } => {
            w.u8(3).u64(*at);
            put_failure(&mut w, failure);
            &mut w
        }
    }
    .finish()
}

/// Reads an intent of any version.
pub fn decode_intent(bytes: &[u8]) -> Result<Intent, Malformed> {
    let mut r = Reader(bytes);
    let by_ledger = match r.u8()? {
        VERSION => false,
        INTENT_BY_LEDGER => true,
        _ => return Err(Malformed("unknown version")),
    };
    let intent = Intent {
        id: r.u64()?,
        direction: match r.u8()? {
            0 => Direction::Pull,
            1 => Direction::Push,
            _ => return Err(Malformed("unknown direction")),
        },
        ledger: r.principal()?,
        from: r.account()?,
        to: r.account()?,
        amount: r.u128()?,
        fee: r.u128()?,
        created_at_time: r.u64()?,
        window_ends_at: r.u64()?,
        dedup_first: r.bool()?,
        caller: r.principal()?,
        purpose: r.bytes()?.to_vec(),
        request_id: Some(r.bytes()?.to_vec()).filter(|id| !id.is_empty()),
        attempts: r.u32()?,
        doubtful: r.u32()?,
        indexed_at: r.u64()?,
        result: r.bytes()?.to_vec(),
        state: match r.u8()? {
            0 => State::Pending,
            1 => State::Quarantined { since: r.u64()? },
            2 => {
                let at = r.u64()?;
                State::Paid { block: r.u128()?, at }
            }
            3 => {
                let at = r.u64()?;
                State::Failed {
                    failure: get_failure(&mut r)?,
                    at,
                }
            }
            _ => return Err(Malformed("unknown state")),
        },
        by_ledger,
    };
    r.end()?;
    Ok(intent)
}

fn encode_request(request: &Request) -> Vec<u8> {
    Writer::default()
        .u8(VERSION)
        .raw(request.arguments.as_bytes())
        .u64(request.intent)
        .finish()
}

fn decode_request(bytes: &[u8]) -> Result<Request, Malformed> {
    let mut r = Reader(bytes);
    if r.u8()? != VERSION {
        return Err(Malformed("unknown version"));
    }
    let request = Request {
        arguments: Hash(r.array()?),
        intent: r.u64()?,
    };
    r.end()?;
    Ok(request)
}

fn encode_request_id(key: &RequestId) -> Vec<u8> {
    Writer::default().principal(&key.caller).bytes(&key.id).finish()
}

fn decode_request_id(bytes: &[u8]) -> Result<RequestId, Malformed> {
    let mut r = Reader(bytes);
    let key = RequestId {
        caller: r.principal()?,
        id: r.bytes()?.to_vec(),
    };
    r.end()?;
    Ok(key)
}

fn encode_index_key(key: &IndexKey) -> Vec<u8> {
    let mut w = Writer::default();
    match key {
        IndexKey::Due { at, id } => w.u8(0).u64(*at).u64(*id),
        IndexKey::Quarantined { id } => w.u8(1).u64(*id),
        IndexKey::PruneFailed { at, id } => w.u8(2).u64(*at).u64(*id),
        IndexKey::PrunePaid { at, id } => w.u8(3).u64(*at).u64(*id),
        IndexKey::Open { caller, id } => w.u8(4).principal(caller).u64(*id),
    }
    .finish()
}

fn decode_index_key(bytes: &[u8]) -> Result<IndexKey, Malformed> {
    let mut r = Reader(bytes);
    let key = match r.u8()? {
        0 => IndexKey::Due {
            at: r.u64()?,
            id: r.u64()?,
        },
        1 => IndexKey::Quarantined { id: r.u64()? },
        2 => IndexKey::PruneFailed {
            at: r.u64()?,
            id: r.u64()?,
        },
        3 => IndexKey::PrunePaid {
            at: r.u64()?,
            id: r.u64()?,
        },
        4 => IndexKey::Open {
            caller: r.principal()?,
            id: r.u64()?,
        },
        _ => return Err(Malformed("unknown index")),
    };
    r.end()?;
    Ok(key)
}

fn encode_counters(counters: &Counters) -> Vec<u8> {
    let mut w = Writer::default();
    w.u8(VERSION);
    for value in counters.to_array() {
        w.u64(value);
    }
    w.finish()
}

fn decode_counters(bytes: &[u8]) -> Result<Counters, Malformed> {
    let mut r = Reader(bytes);
    if r.u8()? != VERSION {
        return Err(Malformed("unknown version"));
    }
    let mut values = [0; Counters::FIELDS];
    for value in &mut values {
        *value = r.u64()?;
    }
    r.end()?;
    Ok(Counters::from_array(values))
}

/// Only this crate writes these records, so that bytes which cannot be read mean corrupted memory: going on would lose money.
macro_rules! storable {
    ($type:ty, $encode:path, $decode:path, $bound:expr) => {
        impl Storable for $type {
            const BOUND: Bound = $bound;

            fn to_bytes(&self) -> Cow<'_, [u8]> {
                Cow::Owned($encode(self))
            }

            fn into_bytes(self) -> Vec<u8> {
                $encode(&self)
            }

            fn from_bytes(bytes: Cow<'_, [u8]>) -> Self {
                match $decode(&bytes) {
                    Ok(value) => value,
                    Err(Malformed(why)) => {
                        panic!(concat!("stored ", stringify!($type), " cannot be read: {}"), why)
                    }
                }
            }
        }
    };
}

const fn at_most(max_size: u32) -> Bound {
    Bound::Bounded {
        max_size,
        is_fixed_size: false,
    }
}

storable!(Intent, encode_intent, decode_intent, Bound::Unbounded);
storable!(Request, encode_request, decode_request, at_most(41));
storable!(
    RequestId,
    encode_request_id,
    decode_request_id,
    at_most(2 + 29 + 2 + 32)
);
storable!(IndexKey, encode_index_key, decode_index_key, at_most(1 + 2 + 29 + 8));
storable!(Counters, encode_counters, decode_counters, Bound::Unbounded);

#[cfg(test)]
mod tests;
