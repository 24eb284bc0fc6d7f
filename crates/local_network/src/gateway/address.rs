//! Which canister a request is for.
//!
//! HTTP Gateway Protocol specification: *Canister ID Resolution*, and what the ecosystem's gateways add for local networks.
//! In order: the host's first label, the query's `canisterId`, the referrer's host, the referrer's `canisterId`, the cookie
//! that this gateway sets for the second.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, header};
use candid::Principal;
use url::{Url, form_urlencoded};

/// The query's parameter.
const PARAMETER: &str = "canisterId";
/// The cookie's name.
const COOKIE: &str = "ddsx_gateway_canister_id";

/// The canister that answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// Its id.
    pub canister: Principal,
    /// Whether its answer is passed on as it is (`<id>.raw.<domain>`).
    pub raw: bool,
    /// Whether only the query said it.
    pub from_query: bool,
}

/// `canisterId` is no canister's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InvalidId(pub String);

/// The canister that a request is for, if it names one.
pub(super) fn find(domains: &[String], request: &Request) -> Result<Option<Address>, InvalidId> {
    let headers = request.headers();
    let host = request.uri().host().or_else(|| {
        let host = text(headers, &header::HOST)?;
        Some(host.rsplit_once(':').map_or(host, |(name, _)| name))
    });
    if let Some((canister, raw)) = host.and_then(|host| in_host(domains, host)) {
        return Ok(Some(Address {
            canister,
            raw,
            from_query: false,
        }));
    }
    let address = |canister, from_query| {
        Some(Address {
            canister,
            raw: false,
            from_query,
        })
    };
    if let Some(id) = in_query(request.uri().query().unwrap_or_default()) {
        return match Principal::from_text(&id) {
            Ok(canister) => Ok(address(canister, true)),
            Err(_) => Err(InvalidId(id)),
        };
    }
    Ok(in_referrer(headers)
        .or_else(|| in_cookie(headers))
        .and_then(|canister| address(canister, false)))
}

/// The cookie that keeps a canister's id while the browser runs.
pub(super) fn cookie(id: &str) -> String {
    format!("{COOKIE}={id}; Path=/; SameSite=Lax; HttpOnly")
}

/// The canister of a host, and whether it is a `raw` one.
fn in_host(domains: &[String], host: &str) -> Option<(Principal, bool)> {
    let (first, rest) = host.split_once('.')?;
    let canister = Principal::from_text(first).ok()?;
    let raw = rest
        .strip_prefix("raw.")
        .is_some_and(|rest| domains.iter().any(|domain| domain.eq_ignore_ascii_case(rest)));
    Some((canister, raw))
}

fn in_query(query: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == PARAMETER)
        .map(|(_, id)| id.into_owned())
}

fn in_referrer(headers: &HeaderMap) -> Option<Principal> {
    let url = Url::parse(text(headers, &header::REFERER)?).ok()?;
    let host = url.host_str().and_then(|host| in_host(&[], host)).map(|(id, _)| id);
    host.or_else(|| Principal::from_text(in_query(url.query()?)?).ok())
}

fn in_cookie(headers: &HeaderMap) -> Option<Principal> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .and_then(|(_, id)| Principal::from_text(id).ok())
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
