//! Operations that change the instance.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use candid::Principal;
use pocket_ic::RejectResponse;
use pocket_ic::common::rest::{
    AutoProgressConfig, RawAddCycles, RawCanisterCall, RawCanisterResult, RawCycles, RawEffectivePrincipal,
    RawMessageId, RawSetStableMemory, RawTickConfigs, RawTime,
};

use super::answer::{Answer, ApiError, Body, principal};
use super::blobs;
use crate::http_interface::Current;
use crate::network::{Effective, IngressCall, MessageId, Network};
use crate::server::Server;

/// The call that a body describes.
pub(super) fn ingress_call(call: RawCanisterCall) -> Result<IngressCall, ApiError> {
    Ok(IngressCall {
        sender: principal(&call.sender)?,
        canister_id: principal(&call.canister_id)?,
        method: call.method,
        arg: call.payload,
        effective: match &call.effective_principal {
            RawEffectivePrincipal::None => Effective::None,
            RawEffectivePrincipal::SubnetId(id) => Effective::Subnet(principal(id)?),
            RawEffectivePrincipal::CanisterId(id) => Effective::Canister(principal(id)?),
        },
    })
}

pub(super) fn message_id(raw: &RawMessageId) -> Result<MessageId, ApiError> {
    raw.message_id
        .as_slice()
        .try_into()
        .map_err(|_| ApiError::bad_request("A message id has 32 bytes."))
}

pub(super) async fn submit_ingress_message(
    Current(instance): Current,
    Body(raw): Body<RawCanisterCall>,
) -> Answer<Result<RawMessageId, RejectResponse>> {
    let effective_principal = raw.effective_principal.clone();
    let call = ingress_call(raw)?;
    let submitted = instance.update(move |network| network.submit_ingress(call)).await?;
    Ok(Json(submitted.map(|id| RawMessageId {
        effective_principal,
        message_id: id.to_vec(),
    })))
}

pub(super) async fn await_ingress_message(
    Current(instance): Current,
    Body(raw): Body<RawMessageId>,
) -> Answer<RawCanisterResult> {
    let id = message_id(&raw)?;
    let result = instance.update(move |network| network.await_ingress(&id)).await?;
    Ok(Json(result.map_err(ApiError::bad_request)?.into()))
}

pub(super) async fn set_time(Current(instance): Current, Body(time): Body<RawTime>) -> Answer<()> {
    let result = instance
        .update(move |network| network.set_time(time.nanos_since_epoch))
        .await?;
    result.map(Json).map_err(ApiError::bad_request)
}

pub(super) async fn set_certified_time(Current(instance): Current, Body(time): Body<RawTime>) -> Answer<()> {
    let result = instance
        .update(move |network| network.set_certified_time(time.nanos_since_epoch))
        .await?;
    result.map(Json).map_err(ApiError::bad_request)
}

pub(super) async fn add_cycles(Current(instance): Current, Body(body): Body<RawAddCycles>) -> Answer<RawCycles> {
    let canister: Principal = principal(&body.canister_id)?;
    let cycles = instance
        .update(move |network| network.add_cycles(canister, body.amount))
        .await?;
    let cycles = cycles.ok_or_else(|| ApiError::bad_request("There is no such canister."))?;
    Ok(Json(RawCycles { cycles }))
}

pub(super) async fn set_stable_memory(
    State(server): State<Arc<Server>>,
    Current(instance): Current,
    Body(body): Body<RawSetStableMemory>,
) -> Answer<()> {
    let canister = principal(&body.canister_id)?;
    let content = blobs::content(&server, &body.blob_id.0)?;
    let result = instance
        .update(move |network| network.set_stable_memory(canister, &content))
        .await?;
    result.map(Json).map_err(ApiError::bad_request)
}

/// One round. Who makes a block matters to node metrics only, which there are none of: `blockmakers` has no effect.
pub(super) async fn tick(Current(instance): Current, Body(_): Body<RawTickConfigs>) -> Answer<()> {
    instance.update(Network::tick).await?;
    Ok(Json(()))
}

pub(super) async fn auto_progress(Current(instance): Current, Body(config): Body<AutoProgressConfig>) -> Answer<()> {
    if instance.makes_progress() {
        return Err(ApiError::bad_request("Auto progress mode has already been enabled."));
    }
    instance
        .start_progress(Duration::from_millis(config.artificial_delay_ms.unwrap_or(0)))
        .await?;
    Ok(Json(()))
}

pub(super) async fn stop_progress(Current(instance): Current) -> Json<()> {
    instance.stop_progress();
    Json(())
}

/// HTTP outcalls and snapshots on disk.
pub(super) async fn not_here() -> ApiError {
    ApiError::bad_request("This local network supports neither HTTP outcalls nor snapshot files.")
}
