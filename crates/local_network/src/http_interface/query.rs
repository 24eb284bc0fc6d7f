//! `POST …/query`: an answer of one node, with that node's signature.
//!
//! Interface specification: *Request: Query call*.

use axum::body::Bytes;
use axum::extract::Path;
use axum::response::IntoResponse;
use candid::Principal;
use ic_transport_types::{
    EnvelopeContent, NodeSignature, QueryResponse, RejectResponse as WireReject, ReplyResponse, RequestId,
};

use super::call::wire_reject;
use super::reply::{Cbor, HttpError};
use super::{Current, EffectivePath, authenticate, effective};
use crate::certification::{State, SubnetKeys};
use crate::execution::Nanos;
use crate::network::{Effective, IngressCall, Network};

/// A query at `/canister/<id>`.
pub(super) async fn canister(
    Current(instance): Current,
    Path(path): Path<EffectivePath>,
    body: Bytes,
) -> Result<impl IntoResponse, HttpError> {
    let id = path.principal()?;
    instance
        .read(move |network| answer(network, Effective::Canister(id), &body))
        .await?
        .map(Cbor)
}

/// A query at `/subnet/<id>`: only the management canister's `list_canisters`.
pub(super) async fn subnet(
    Current(instance): Current,
    Path(path): Path<EffectivePath>,
    body: Bytes,
) -> Result<impl IntoResponse, HttpError> {
    let id = path.principal()?;
    instance
        .read(move |network| answer(network, Effective::Subnet(id), &body))
        .await?
        .map(Cbor)
}

fn answer(network: &Network, at: Effective, body: &[u8]) -> Result<QueryResponse, HttpError> {
    let request = authenticate(body, network.time())?;
    let EnvelopeContent::Query {
        sender,
        canister_id,
        method_name,
        arg,
        ..
    } = request.content
    else {
        return Err(HttpError::bad_request("Only a query can be sent here."));
    };
    match at {
        Effective::Canister(id) => effective::check_canister(id, canister_id, &method_name, &arg)?,
        _ if canister_id == Principal::management_canister() && method_name == "list_canisters" => {}
        _ => {
            return Err(HttpError::bad_request(
                "Only list_canisters can be queried at a subnet id.",
            ));
        }
    }
    let subnet = network
        .subnet_for(at)
        .ok_or_else(|| HttpError::bad_request("No subnet has the id in the URL."))?;
    let call = IngressCall {
        sender,
        canister_id,
        method: method_name,
        arg,
        effective: at,
    };
    let result = network.query(&call).map_err(|reject| wire_reject(&reject));
    let keys = network
        .certifier()
        .keys(network, subnet)
        .ok_or_else(|| HttpError::internal("The subnet has no keys."))?;
    Ok(sign(
        &keys,
        RequestId::new(&request.id),
        network.certified_time(subnet),
        &result,
    ))
}

/// One of the subnet's nodes, the same for the same request, answers and signs.
fn sign(
    keys: &SubnetKeys,
    request: RequestId,
    timestamp: Nanos,
    result: &Result<Vec<u8>, WireReject>,
) -> QueryResponse {
    let response = |signatures| match result {
        Ok(reply) => QueryResponse::Replied {
            reply: ReplyResponse { arg: reply.clone() },
            signatures,
        },
        Err(reject) => QueryResponse::Rejected {
            reject: reject.clone(),
            signatures,
        },
    };
    let node = &keys.nodes()[usize::from(request[0]) % keys.nodes().len()];
    let signature = node.sign(&response(Vec::new()).signable(request, timestamp));
    response(vec![NodeSignature {
        timestamp,
        signature,
        identity: node.id(),
    }])
}
