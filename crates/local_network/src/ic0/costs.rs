//! What things would cost: `cost_call` and its kin. Nothing is charged by asking.

use candid::CandidType;
use serde::Deserialize;
use wasmtime::{Linker, Result};

use super::fault::Fault;
use super::mode::EVERYWHERE;
use super::state::{Context, State, enter, read, write_u128};
use crate::execution::fees;
use crate::execution::interface::Cycles;
use crate::execution::metering::system as cost;

/// The key's curve or algorithm is not known.
const UNKNOWN_ALGORITHM: u32 = 1;
/// There is no key of that name.
const UNKNOWN_KEY: u32 = 2;
/// Longest name of a key that is looked at, in bytes.
const MAX_KEY_NAME: u32 = 1_024;
/// Longest description of an HTTP outcall, in bytes.
const MAX_HTTP_PARAMETERS: u32 = 4_096;

/// The argument of `cost_http_request_v2`, as far as the price depends on it.
#[derive(CandidType, Deserialize)]
struct HttpParameters {
    request_bytes: u64,
    raw_response_bytes: u64,
}

pub(super) fn define(l: &mut Linker<State>) -> Result<()> {
    l.func_wrap(
        "ic0",
        "cost_call",
        |mut c: Context, method_name_size: u64, payload_size: u64, dst: u32| -> Result<()> {
            enter(&mut c, "cost_call", EVERYWHERE, cost::DEFAULT)?;
            let bytes = method_name_size.saturating_add(payload_size);
            answer(&mut c, dst, |nodes| fees::call_prepayment(bytes, nodes))
        },
    )?;
    l.func_wrap(
        "ic0",
        "cost_create_canister",
        |mut c: Context, dst: u32| -> Result<()> {
            enter(&mut c, "cost_create_canister", EVERYWHERE, cost::DEFAULT)?;
            answer(&mut c, dst, |nodes| fees::scale(fees::CREATE_CANISTER, nodes))
        },
    )?;
    l.func_wrap(
        "ic0",
        "cost_http_request",
        |mut c: Context, request: u64, response: u64, dst: u32| -> Result<()> {
            enter(&mut c, "cost_http_request", EVERYWHERE, cost::DEFAULT)?;
            answer(&mut c, dst, |nodes| fees::http_request(request, response, nodes))
        },
    )?;
    l.func_wrap(
        "ic0",
        "cost_http_request_v2",
        |mut c: Context, src: u32, size: u32, dst: u32| -> Result<()> {
            enter(&mut c, "cost_http_request_v2", EVERYWHERE, cost::COST_HTTP_REQUEST_V2)?;
            if size > MAX_HTTP_PARAMETERS {
                return Err(Fault::Contract("ic0.cost_http_request_v2: the parameters are too long".into()).into());
            }
            let bytes = read(&mut c, src, size)?;
            let parameters: HttpParameters =
                candid::decode_one(&bytes).map_err(|e| Fault::Contract(format!("ic0.cost_http_request_v2: {e}")))?;
            answer(&mut c, dst, |nodes| {
                fees::http_request(parameters.request_bytes, parameters.raw_response_bytes, nodes)
            })
        },
    )?;
    l.func_wrap(
        "ic0",
        "cost_sign_with_ecdsa",
        |mut c: Context, src: u32, size: u32, curve: u32, dst: u32| -> Result<u32> {
            enter(&mut c, "cost_sign_with_ecdsa", EVERYWHERE, cost::DEFAULT)?;
            key(&mut c, (src, size), curve == 0, dst, fees::threshold_signature)
        },
    )?;
    l.func_wrap(
        "ic0",
        "cost_sign_with_schnorr",
        |mut c: Context, src: u32, size: u32, algorithm: u32, dst: u32| -> Result<u32> {
            enter(&mut c, "cost_sign_with_schnorr", EVERYWHERE, cost::DEFAULT)?;
            key(&mut c, (src, size), algorithm <= 1, dst, fees::threshold_signature)
        },
    )?;
    l.func_wrap(
        "ic0",
        "cost_vetkd_derive_key",
        |mut c: Context, src: u32, size: u32, curve: u32, dst: u32| -> Result<u32> {
            enter(&mut c, "cost_vetkd_derive_key", EVERYWHERE, cost::DEFAULT)?;
            key(&mut c, (src, size), curve == 0, dst, fees::vetkd)
        },
    )?;
    Ok(())
}

fn answer(c: &mut Context, dst: u32, price: impl FnOnce(u32) -> Cycles) -> Result<()> {
    let env = &c.data().input.env;
    let price = if env.charges { price(env.subnet_nodes) } else { 0 };
    write_u128(c, dst, price)
}

fn key(
    c: &mut Context,
    (src, size): (u32, u32),
    known: bool,
    dst: u32,
    price: impl FnOnce(&str) -> Option<Cycles>,
) -> Result<u32> {
    if size > MAX_KEY_NAME {
        return Ok(UNKNOWN_KEY);
    }
    let name = read(c, src, size)?;
    if !known {
        return Ok(UNKNOWN_ALGORITHM);
    }
    match std::str::from_utf8(&name).ok().and_then(price) {
        Some(price) => {
            answer(c, dst, |_| price)?;
            Ok(0)
        }
        None => Ok(UNKNOWN_KEY),
    }
}
