//! `POST …/call`: ingress messages, answered at once (v2) or when they have been executed (v3, v4).
//!
//! Interface specification: *Request: Call*, *Request: Asynchronous Call*, *Overview of canister calling*.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ic_transport_types::{EnvelopeContent, RejectCode, RejectResponse as WireReject, TransportCallResponse};
use pocket_ic::RejectResponse;

use super::reply::{Cbor, HttpError};
use super::{Current, EffectivePath, authenticate, effective};
use crate::network::{Effective, IngressCall, IngressStatus, MessageId, Network, SubnetView};
use crate::server::Instance;

/// How long a synchronous call waits for its answer before it tells the client to poll.
const SYNCHRONOUS_CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// What became of a request to call.
enum Submitted {
    Accepted(MessageId),
    Rejected(WireReject),
}

/// v2: 202 as soon as the message is accepted.
pub(super) async fn asynchronous(
    Current(instance): Current,
    Path(path): Path<EffectivePath>,
    body: Bytes,
) -> Result<Response, HttpError> {
    Ok(
        match submit(&instance, Effective::Canister(path.principal()?), body).await? {
            Submitted::Accepted(_) => StatusCode::ACCEPTED.into_response(),
            Submitted::Rejected(reject) => Cbor(reject).into_response(),
        },
    )
}

/// v3 and v4: a certificate of the answer, or 202 when it takes too long.
pub(super) async fn synchronous(
    Current(instance): Current,
    Path(path): Path<EffectivePath>,
    body: Bytes,
) -> Result<Response, HttpError> {
    submit_and_wait(&instance, Effective::Canister(path.principal()?), body).await
}

/// v4 at a subnet id, for the creation of canisters.
pub(super) async fn synchronous_on_subnet(
    Current(instance): Current,
    Path(path): Path<EffectivePath>,
    body: Bytes,
) -> Result<Response, HttpError> {
    submit_and_wait(&instance, Effective::Subnet(path.principal()?), body).await
}

async fn submit_and_wait(instance: &Instance, at: Effective, body: Bytes) -> Result<Response, HttpError> {
    // Seen before the message is submitted, so that no round is missed.
    let mut rounds = instance.rounds();
    let id = match submit(instance, at, body).await? {
        Submitted::Accepted(id) => id,
        Submitted::Rejected(reject) => {
            return Ok(Cbor(TransportCallResponse::NonReplicatedRejection(reject)).into_response());
        }
    };
    let answered = async {
        loop {
            rounds.borrow_and_update();
            let answer = instance
                .read(move |network| certify_if_answered(network, at, &id))
                .await?;
            if let Some(certificate) = answer {
                return Ok(Cbor(TransportCallResponse::Replied { certificate }).into_response());
            }
            rounds
                .changed()
                .await
                .map_err(|_| HttpError::not_found("The instance was deleted."))?;
        }
    };
    tokio::time::timeout(SYNCHRONOUS_CALL_TIMEOUT, answered)
        .await
        .unwrap_or_else(|_| Ok(StatusCode::ACCEPTED.into_response()))
}

async fn submit(instance: &Instance, at: Effective, body: Bytes) -> Result<Submitted, HttpError> {
    instance.update(move |network| accept(network, at, &body)).await?
}

fn accept(network: &mut Network, at: Effective, body: &[u8]) -> Result<Submitted, HttpError> {
    let request = authenticate(body, network.time())?;
    let EnvelopeContent::Call {
        sender,
        canister_id,
        method_name,
        arg,
        ..
    } = request.content
    else {
        return Err(HttpError::bad_request("Only a call can be sent here."));
    };
    match at {
        Effective::Canister(id) => effective::check_canister(id, canister_id, &method_name, &arg)?,
        _ => effective::check_subnet_call(canister_id, &method_name)?,
    }
    let call = IngressCall {
        sender,
        canister_id,
        method: method_name,
        arg,
        effective: at,
    };
    Ok(match network.submit_ingress_with_id(request.id, call) {
        Ok(()) => Submitted::Accepted(request.id),
        Err(reject) => Submitted::Rejected(wire_reject(&reject)),
    })
}

fn certify_if_answered(network: &Network, at: Effective, id: &MessageId) -> Option<Vec<u8>> {
    let record = network.ingress_status(id)?;
    if matches!(record.status, IngressStatus::Received | IngressStatus::Processing) {
        return None;
    }
    let knows = |subnet: &SubnetView<'_>| subnet.ingress().any(|(known, _)| known == id);
    let subnet = network
        .subnet_for(at)
        // A canister may be created at an id that no subnet has; the message is on some subnet then.
        .or_else(|| network.subnets().into_iter().find(knows).map(|subnet| subnet.id()))?;
    network
        .certifier()
        .certificate(network, subnet, &[vec![b"request_status".to_vec(), id.to_vec()]])
}

/// A reject as agents read it.
pub(super) fn wire_reject(reject: &RejectResponse) -> WireReject {
    WireReject {
        // Ingress messages have unbounded waits, so that `SysUnknown`, for which the type has no name, does not occur.
        reject_code: RejectCode::try_from(reject.reject_code as u64).unwrap_or(RejectCode::SysTransient),
        reject_message: reject.reject_message.clone(),
        error_code: Some(reject.error_code.to_string()),
    }
}
