//! `POST …/read_state`: certificates that show parts of the state tree to those who may see them.
//!
//! Interface specification: *Request: Read state*, which lists the paths and who may request them.

use axum::body::Bytes;
use axum::extract::Path as UrlPath;
use axum::response::IntoResponse;
use candid::Principal;
use ic_transport_types::{EnvelopeContent, ReadStateResponse};

use super::reply::{Cbor, HttpError};
use super::{Current, EffectivePath, Targets, Version, authenticate};
use crate::certification::Path;
use crate::execution::Visibility;
use crate::network::{Effective, MessageId, Network};

/// Who asks, where.
pub(super) struct Reader<'a> {
    pub version: Version,
    pub at: Effective,
    pub sender: Principal,
    pub targets: &'a Targets,
}

/// A request at `/canister/<id>`.
pub(super) async fn canister(
    version: Version,
    Current(instance): Current,
    UrlPath(path): UrlPath<EffectivePath>,
    body: Bytes,
) -> Result<impl IntoResponse, HttpError> {
    let id = path.principal()?;
    let at = Effective::Canister(id);
    instance
        .read(move |network| answer(network, version, at, &body))
        .await?
        .map(Cbor)
}

/// A request at `/subnet/<id>`.
pub(super) async fn subnet(
    version: Version,
    Current(instance): Current,
    UrlPath(path): UrlPath<EffectivePath>,
    body: Bytes,
) -> Result<impl IntoResponse, HttpError> {
    let id = path.principal()?;
    let at = Effective::Subnet(id);
    instance
        .read(move |network| answer(network, version, at, &body))
        .await?
        .map(Cbor)
}

fn answer(network: &Network, version: Version, at: Effective, body: &[u8]) -> Result<ReadStateResponse, HttpError> {
    let request = authenticate(body, network.time())?;
    let EnvelopeContent::ReadState { sender, paths, .. } = request.content else {
        return Err(HttpError::bad_request("Only a read_state request can be sent here."));
    };
    let paths: Vec<Path> = paths
        .iter()
        .map(|path| path.iter().map(|label| label.as_bytes().to_vec()).collect())
        .collect();
    let subnet = network
        .subnet_for(at)
        .ok_or_else(|| HttpError::bad_request("No subnet has the id in the URL."))?;
    let reader = Reader {
        version,
        at,
        sender,
        targets: &request.targets,
    };
    check_paths(network, &reader, &paths)?;
    let paths = spell_out(network, version, subnet, paths);
    let certificate = network
        .certifier()
        .certificate(network, subnet, &paths)
        .ok_or_else(|| HttpError::internal("There is no certified state."))?;
    Ok(ReadStateResponse { certificate })
}

/// Whether the reader may request every one of `paths`.
pub(super) fn check_paths(network: &Network, reader: &Reader<'_>, paths: &[Path]) -> Result<(), HttpError> {
    let mut request_ids = paths
        .iter()
        .filter(|path| path.len() > 1 && path[0] == b"request_status")
        .map(|path| &path[1]);
    if let Some(first) = request_ids.next()
        && request_ids.any(|other| other != first)
    {
        return Err(HttpError::bad_request(
            "More than one non-unique request ID exists in request_status paths.",
        ));
    }
    let mut range_subnets = paths
        .iter()
        .filter(|path| path.len() > 1 && path[0] == b"canister_ranges")
        .map(|path| &path[1]);
    if let Some(first) = range_subnets.next()
        && range_subnets.any(|other| other != first)
    {
        return Err(HttpError::bad_request(
            "More than one subnet ID exists in canister_ranges paths.",
        ));
    }
    paths.iter().try_for_each(|path| check_path(network, reader, path))
}

fn check_path(network: &Network, reader: &Reader<'_>, path: &Path) -> Result<(), HttpError> {
    let invalid = || HttpError::not_found("Invalid path requested.");
    let at_subnet = matches!(reader.at, Effective::Subnet(_));
    let labels: Vec<&[u8]> = path.iter().map(Vec::as_slice).collect();
    match labels.as_slice() {
        [b"time" | b"api_boundary_nodes" | b"subnet"]
        | [b"api_boundary_nodes" | b"subnet", _]
        | [b"api_boundary_nodes", _, b"domain" | b"ipv4_address" | b"ipv6_address"]
        | [b"subnet", _, b"public_key" | b"type" | b"node"]
        | [b"subnet", _, b"node", _]
        | [b"subnet", _, b"node", _, b"public_key"] => Ok(()),
        [b"canister_ranges", _] if at_subnet => Ok(()),
        [b"subnet", id, b"canister_ranges"] => {
            let flat = reader.version == Version::V2 || *id == network.root_subnet().as_slice();
            if flat { Ok(()) } else { Err(invalid()) }
        }
        [b"subnet", id, b"metrics"] if at_subnet => {
            if reader.at == Effective::Subnet(parse(id)?) {
                Ok(())
            } else {
                Err(mismatch(id))
            }
        }
        [b"request_status", id]
        | [
            b"request_status",
            id,
            b"status" | b"reply" | b"reject_code" | b"reject_message" | b"error_code",
        ] => check_request(network, reader, id),
        [b"canister", id, b"controllers" | b"module_hash"] if !at_subnet => own_canister(reader, id).map(drop),
        [b"canister", id, b"metadata", name] if !at_subnet => {
            let canister = own_canister(reader, id)?;
            check_metadata(network, reader, canister, name)
        }
        _ => Err(invalid()),
    }
}

fn parse(id: &[u8]) -> Result<Principal, HttpError> {
    Principal::try_from_slice(id)
        .map_err(|error| HttpError::bad_request(format!("Could not parse principal ID: {error}.")))
}

fn mismatch(id: &[u8]) -> HttpError {
    let named = Principal::try_from_slice(id).map_or_else(|_| hex::encode(id), |id| id.to_text());
    HttpError::bad_request(format!(
        "Effective principal id in URL does not match requested principal id {named}."
    ))
}

fn own_canister(reader: &Reader<'_>, id: &[u8]) -> Result<Principal, HttpError> {
    let canister = parse(id)?;
    if reader.at == Effective::Canister(canister) {
        Ok(canister)
    } else {
        Err(mismatch(id))
    }
}

/// Only the sender of a message may see what became of it, and only where the message was sent.
fn check_request(network: &Network, reader: &Reader<'_>, id: &[u8]) -> Result<(), HttpError> {
    let id = MessageId::try_from(id).map_err(|_| {
        HttpError::bad_request("Invalid request id in paths. Maybe the request ID is not of 32 bytes in length?!")
    })?;
    let Some(record) = network.ingress_status(&id) else {
        return Ok(());
    };
    if record.sender != reader.sender {
        return Err(HttpError::forbidden(
            "The user tries to access Request ID not signed by the caller.",
        ));
    }
    if !reader.targets.contains(&record.receiver) {
        return Err(HttpError::forbidden(
            "The user tries to access request IDs for canisters not belonging to sender delegation targets.",
        ));
    }
    Ok(())
}

/// Private sections are for controllers.
fn check_metadata(network: &Network, reader: &Reader<'_>, canister: Principal, name: &[u8]) -> Result<(), HttpError> {
    let name = std::str::from_utf8(name)
        .map_err(|error| HttpError::bad_request(format!("Could not parse the custom section name: {error}.")))?;
    let facts = network
        .subnet_of(canister)
        .and_then(|subnet| network.subnet(subnet))
        .and_then(|subnet| subnet.canister(canister));
    let Some(facts) = facts else { return Ok(()) };
    let private = facts
        .custom_sections
        .iter()
        .any(|section| section.name == name && section.visibility == Visibility::Private);
    if private && !facts.controllers.contains(&reader.sender) {
        return Err(HttpError::forbidden(format!(
            "Custom section {name:.100} can only be requested by the controllers of the canister."
        )));
    }
    Ok(())
}

/// From v3 on the flat list of canister ranges is shown for the root subnet only, also where the path requested
/// contains it: such a path becomes the paths of everything else below it.
fn spell_out(network: &Network, version: Version, subnet: Principal, paths: Vec<Path>) -> Vec<Path> {
    if version == Version::V2 {
        return paths;
    }
    let labels = |path: &[&[u8]]| network.certifier().labels(network, subnet, path);
    let root = network.root_subnet();
    let mut spelled_out = Vec::new();
    for path in paths {
        let subnets = match path.as_slice() {
            [first] if first == b"subnet" => labels(&[b"subnet"]),
            [first, id] if first == b"subnet" => vec![id.clone()],
            _ => {
                spelled_out.push(path);
                continue;
            }
        };
        for id in subnets {
            let below = labels(&[b"subnet", &id]);
            if id == root.as_slice() || below.is_empty() {
                spelled_out.push(vec![b"subnet".to_vec(), id]);
                continue;
            }
            let shown = below.into_iter().filter(|label| label != b"canister_ranges");
            spelled_out.extend(shown.map(|label| vec![b"subnet".to_vec(), id.clone(), label]));
        }
    }
    spelled_out
}
