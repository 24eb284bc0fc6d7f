//! Who sent a request, and whether it may still be taken.
//!
//! Interface specification: *Authentication*, *Request ids*. Error messages begin as the replica's do, since clients
//! read them (agents synchronise their clock on `Invalid request expiry`).

use std::collections::BTreeSet;

use candid::Principal;
use ic_transport_types::{
    Delegation, DelegationPermissions, Envelope, EnvelopeContent, SignedDelegation, to_request_id,
};
use time::OffsetDateTime;

use super::public_key::PublicKey;
use super::reply::HttpError;
use crate::execution::Nanos;

/// A request's `ingress_expiry` lies at most this far (ns) in the future: 5 minutes and 30 seconds of drift.
const MAX_EXPIRY: Nanos = 330_000_000_000;
const MAX_NONCE_BYTES: usize = 32;
const MAX_DELEGATIONS: usize = 20;
const MAX_TARGETS: usize = 1000;
const MAX_PATHS: usize = 1000;
const MAX_LABELS: usize = 127;

/// The canisters that the sender's delegations let the request be about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Targets {
    /// All of them.
    All,
    /// These.
    Only(BTreeSet<Principal>),
}

impl Targets {
    /// Whether `canister` is among them.
    pub fn contains(&self, canister: &Principal) -> bool {
        match self {
            Self::All => true,
            Self::Only(targets) => targets.contains(canister),
        }
    }

    fn narrow(self, to: Option<&Vec<Principal>>) -> Self {
        match (self, to) {
            (targets, None) => targets,
            (Self::All, Some(to)) => Self::Only(to.iter().copied().collect()),
            (Self::Only(targets), Some(to)) => {
                Self::Only(targets.into_iter().filter(|target| to.contains(target)).collect())
            }
        }
    }
}

/// A request whose sender is known.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// What is requested.
    pub content: EnvelopeContent,
    /// The request id: the representation-independent hash of the content.
    pub id: [u8; 32],
    /// What the delegations permit it to be about.
    pub targets: Targets,
}

/// Reads an envelope and checks all that can be checked without looking at any canister: expiry, nonce, signature,
/// delegations and their targets.
///
/// # Errors
/// 400, with the reason.
pub fn authenticate(body: &[u8], now: Nanos) -> Result<Authenticated, HttpError> {
    // Principals inside of tagged content are read from borrowed bytes only, which `serde_cbor` gives.
    let envelope: Envelope<'_> = serde_cbor::from_slice(body)
        .map_err(|error| HttpError::bad_request(format!("Could not parse body as a request envelope: {error}")))?;
    let content = envelope.content.as_ref();
    let id = to_request_id(content).map_err(|error| HttpError::bad_request(format!("Malformed request: {error}")))?;
    check_sizes(content)?;
    check_expiry(content, now)?;
    let signable = id.signable();
    let targets = check_signatures(&envelope, &signable, now).map_err(HttpError::bad_request)?;
    if let EnvelopeContent::Call { canister_id, .. } | EnvelopeContent::Query { canister_id, .. } = content
        && !targets.contains(canister_id)
    {
        return Err(HttpError::bad_request(format!(
            "Canister {canister_id} is not one of the delegation targets."
        )));
    }
    Ok(Authenticated {
        id: *id,
        targets,
        content: envelope.content.into_owned(),
    })
}

fn check_sizes(content: &EnvelopeContent) -> Result<(), HttpError> {
    match content {
        EnvelopeContent::Call { nonce, sender_info, .. } | EnvelopeContent::Query { nonce, sender_info, .. } => {
            if let Some(nonce) = nonce
                && nonce.len() > MAX_NONCE_BYTES
            {
                let received = nonce.len();
                return Err(HttpError::bad_request(format!(
                    "Nonce in request is too big. Got {received} bytes, but at most {MAX_NONCE_BYTES} are allowed."
                )));
            }
            if sender_info.is_some() {
                return Err(HttpError::bad_request(
                    "sender_info needs a canister signature, which this local network does not support.",
                ));
            }
        }
        EnvelopeContent::ReadState { paths, .. } => {
            if paths.len() > MAX_PATHS {
                return Err(HttpError::bad_request(format!(
                    "Too many paths in read state request: at most {MAX_PATHS}."
                )));
            }
            if paths.iter().any(|path| path.len() > MAX_LABELS) {
                return Err(HttpError::bad_request(format!(
                    "A path of a read state request has at most {MAX_LABELS} labels."
                )));
            }
        }
    }
    Ok(())
}

/// Anonymous queries and `read_state` requests prove nothing and change nothing, so that they need not expire.
fn check_expiry(content: &EnvelopeContent, now: Nanos) -> Result<(), HttpError> {
    let harmless = !matches!(content, EnvelopeContent::Call { .. }) && *content.sender() == Principal::anonymous();
    let expiry = content.ingress_expiry();
    let latest = now.saturating_add(MAX_EXPIRY);
    if harmless || (now..=latest).contains(&expiry) {
        return Ok(());
    }
    Err(HttpError::bad_request(format!(
        "Invalid request expiry: Specified ingress_expiry not within expected range: Minimum allowed expiry: {}, Maximum \
         allowed expiry: {}, Provided expiry:        {}",
        date(now),
        date(latest),
        date(expiry)
    )))
}

fn check_signatures(envelope: &Envelope<'_>, signable: &[u8], now: Nanos) -> Result<Targets, String> {
    let content = envelope.content.as_ref();
    let sender = content.sender();
    if *sender == Principal::anonymous() {
        let signed =
            envelope.sender_pubkey.is_some() || envelope.sender_sig.is_some() || envelope.sender_delegation.is_some();
        return if signed {
            Err("Signature is not allowed for the anonymous user.".into())
        } else {
            Ok(Targets::All)
        };
    }
    let (Some(key), Some(signature)) = (&envelope.sender_pubkey, &envelope.sender_sig) else {
        return Err(format!("Missing signature from user: {sender}"));
    };
    if Principal::self_authenticating(key) != *sender {
        return Err(format!(
            "The user id {sender} does not match the public key {}",
            hex::encode(key)
        ));
    }
    let delegations = envelope.sender_delegation.as_deref().unwrap_or_default();
    let (key, targets) = follow_delegations(key, delegations, content, now)?;
    if !parse_key(key)?.verify(signable, signature) {
        return Err("Invalid signature: Invalid basic signature: the signature does not verify.".into());
    }
    Ok(targets)
}

fn parse_key(der: &[u8]) -> Result<PublicKey, String> {
    PublicKey::from_der(der).map_err(|error| format!("Invalid signature: Invalid public key: {error}"))
}

/// The key at the end of the chain that begins with `key`, and what the chain permits.
fn follow_delegations<'a>(
    mut key: &'a [u8],
    delegations: &'a [SignedDelegation],
    content: &EnvelopeContent,
    now: Nanos,
) -> Result<(&'a [u8], Targets), String> {
    if delegations.len() > MAX_DELEGATIONS {
        let length = delegations.len();
        return Err(format!(
            "Chain of delegations is too long: got {length} delegations, but at most {MAX_DELEGATIONS} are allowed."
        ));
    }
    let mut seen = BTreeSet::from([key]);
    let mut targets = Targets::All;
    for SignedDelegation { delegation, signature } in delegations {
        check_delegation(delegation, content, now)?;
        if !seen.insert(&delegation.pubkey) {
            return Err(format!(
                "Invalid delegation: Chain of delegations contains at least one cycle: key {}",
                hex::encode(&delegation.pubkey)
            ));
        }
        if !parse_key(key)?.verify(&delegation.signable(), signature) {
            return Err("Invalid delegation: Invalid basic signature: the signature does not verify.".into());
        }
        targets = targets.narrow(delegation.targets.as_ref());
        key = &delegation.pubkey;
    }
    Ok((key, targets))
}

fn check_delegation(delegation: &Delegation, content: &EnvelopeContent, now: Nanos) -> Result<(), String> {
    if delegation.expiration < now {
        return Err(format!(
            "Invalid delegation expiry: Specified sender delegation has expired: Provided expiry: {}, Local replica time: {}",
            date(delegation.expiration),
            date(now)
        ));
    }
    if delegation
        .targets
        .as_ref()
        .is_some_and(|targets| targets.len() > MAX_TARGETS)
    {
        return Err(format!(
            "Invalid delegation: a delegation has at most {MAX_TARGETS} targets."
        ));
    }
    if delegation.permissions == Some(DelegationPermissions::Queries) && matches!(content, EnvelopeContent::Call { .. })
    {
        return Err("Invalid delegation: the delegation permits queries only.".into());
    }
    Ok(())
}

/// A time as the replica's messages show it.
fn date(nanos: Nanos) -> String {
    let Ok(date) = OffsetDateTime::from_unix_timestamp_nanos(nanos.into()) else {
        return nanos.to_string();
    };
    let (year, month, day) = date.to_calendar_date();
    let (hour, minute, second, nano) = date.to_hms_nano();
    format!(
        "{year:04}-{:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{nano:09} UTC",
        u8::from(month)
    )
}
