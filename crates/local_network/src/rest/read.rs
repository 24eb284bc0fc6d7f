//! Operations that change nothing.

use axum::Json;
use axum::response::IntoResponse;
use pocket_ic::common::rest::{
    RawCanisterCall, RawCanisterHttpRequest, RawCanisterId, RawCanisterResult, RawCycles, RawIngressStatusArgs,
    RawPrincipalId, RawStableMemory, RawSubnetId, RawTime, RawVerifyCanisterSigArg, Topology,
};

use super::answer::{Answer, ApiError, Body, principal};
use super::update::{ingress_call, message_id};
use crate::http_interface::{Current, HttpError};
use crate::network::{IngressStatus, Network};

/// The subnets and their canister ranges.
///
/// # Errors
/// The network panicked.
pub async fn topology(Current(instance): Current) -> Result<impl IntoResponse, HttpError> {
    let topology: Topology = instance.read(Network::topology).await?;
    Ok(Json(topology))
}

pub(super) async fn get_time(Current(instance): Current) -> Answer<RawTime> {
    let nanos_since_epoch = instance.read(Network::time).await?;
    Ok(Json(RawTime { nanos_since_epoch }))
}

pub(super) async fn auto_progress(Current(instance): Current) -> Json<bool> {
    Json(instance.makes_progress())
}

/// HTTP outcalls of canisters are not supported, so that none is ever pending.
pub(super) async fn get_canister_http(Current(_): Current) -> Json<Vec<RawCanisterHttpRequest>> {
    Json(Vec::new())
}

pub(super) async fn query(Current(instance): Current, Body(call): Body<RawCanisterCall>) -> Answer<RawCanisterResult> {
    let call = ingress_call(call)?;
    let result = instance.read(move |network| network.query(&call)).await?;
    Ok(Json(result.into()))
}

pub(super) async fn ingress_status(
    Current(instance): Current,
    Body(args): Body<RawIngressStatusArgs>,
) -> Answer<Option<RawCanisterResult>> {
    let id = message_id(&args.raw_message_id)?;
    let caller = args
        .raw_caller
        .map(|caller| principal(&caller.principal_id))
        .transpose()?;
    let record = instance
        .read(move |network| network.ingress_status(&id).cloned())
        .await?;
    let Some(record) = record else { return Ok(Json(None)) };
    if caller.is_some_and(|caller| caller != record.sender) {
        return Err(ApiError::forbidden(
            "The user tries to access Request ID not signed by the caller.",
        ));
    }
    Ok(Json(match record.status {
        IngressStatus::Replied(reply) => Some(RawCanisterResult::Ok(reply)),
        IngressStatus::Rejected(reject) => Some(RawCanisterResult::Err(reject)),
        IngressStatus::Received | IngressStatus::Processing | IngressStatus::Done => None,
    }))
}

fn no_canister() -> ApiError {
    ApiError::bad_request("There is no such canister.")
}

pub(super) async fn get_cycles(Current(instance): Current, Body(body): Body<RawCanisterId>) -> Answer<RawCycles> {
    let canister = principal(&body.canister_id)?;
    let cycles = instance
        .read(move |network| network.cycles(canister))
        .await?
        .ok_or_else(no_canister)?;
    Ok(Json(RawCycles { cycles }))
}

pub(super) async fn get_stable_memory(
    Current(instance): Current,
    Body(body): Body<RawCanisterId>,
) -> Answer<RawStableMemory> {
    let canister = principal(&body.canister_id)?;
    let blob = instance
        .read(move |network| network.stable_memory(canister))
        .await?
        .ok_or_else(no_canister)?;
    Ok(Json(RawStableMemory { blob }))
}

pub(super) async fn get_controllers(
    Current(instance): Current,
    Body(body): Body<RawCanisterId>,
) -> Answer<Vec<RawPrincipalId>> {
    let canister = principal(&body.canister_id)?;
    let controllers = instance
        .read(move |network| network.controllers(canister))
        .await?
        .ok_or_else(no_canister)?;
    Ok(Json(controllers.into_iter().map(RawPrincipalId::from).collect()))
}

pub(super) async fn get_subnet(
    Current(instance): Current,
    Body(body): Body<RawCanisterId>,
) -> Answer<Option<RawSubnetId>> {
    let canister = principal(&body.canister_id)?;
    let subnet = instance
        .read(move |network| network.subnet_of(canister).filter(|_| network.has_canister(canister)))
        .await?;
    Ok(Json(subnet.map(RawSubnetId::from)))
}

pub(super) async fn pub_key(Current(instance): Current, Body(body): Body<RawSubnetId>) -> Answer<Vec<u8>> {
    let subnet = principal(&body.subnet_id)?;
    let key = instance.read(move |network| network.public_key(subnet)).await?;
    key.map(Json)
        .ok_or_else(|| ApiError::bad_request(format!("Subnet {subnet} not found.")))
}

/// Canister signatures are not supported yet.
pub(super) async fn verify_signature(Body(_): Body<RawVerifyCanisterSigArg>) -> Json<Result<(), String>> {
    Json(Err("this local network does not verify canister signatures".into()))
}
