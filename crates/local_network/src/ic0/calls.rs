//! Calls to other canisters. They are sent when the message has succeeded.

use candid::Principal;
use wasmtime::{Linker, Result};

use super::fault::Fault;
use super::mode::{CALLS, COMPOSITE_QUERY, COMPOSITE_REJECT, COMPOSITE_REPLY, Modes, REJECT, REPLY, TASK, UPDATE};
use super::state::{Context, State, enter, heap, read, slice};
use crate::execution::fees;
use crate::execution::interface::{Closure, Cycles, OutgoingCall};
use crate::execution::metering::system as cost;

/// Largest argument of a call: 10 MiB, to a canister of the same subnet. The network rejects calls to other subnets
/// with more than 2 MiB.
const MAX_ARGUMENT: usize = 10 << 20;
/// Longest bounded wait, in seconds.
const MAX_TIMEOUT: u32 = 300;
/// Calls that wait at most for one callee.
const QUEUE: usize = 500;
/// `call_perform`: the call was not performed; trying later may help.
const TRANSIENT: u32 = 2;
/// Where calls carry no cycles and cost none.
const COMPOSITE: Modes = COMPOSITE_QUERY | COMPOSITE_REPLY | COMPOSITE_REJECT;

pub(super) fn define(l: &mut Linker<State>) -> Result<()> {
    l.func_wrap("ic0", "call_new", call_new)?;
    l.func_wrap(
        "ic0",
        "call_on_cleanup",
        |mut c: Context, fun: u32, env: u32| -> Result<()> {
            enter(&mut c, "call_on_cleanup", CALLS, cost::DEFAULT)?;
            let call = building(c.data_mut(), "call_on_cleanup")?;
            if call.on_cleanup.is_some() {
                return Err(Fault::Contract(
                    "ic0.call_on_cleanup can be called at most once between `ic0.call_new` and `ic0.call_perform`"
                        .into(),
                )
                .into());
            }
            call.on_cleanup = Some(Closure { fun, env });
            Ok(())
        },
    )?;
    l.func_wrap("ic0", "call_data_append", |mut c: Context, src: u32, size: u32| -> Result<()> {
        enter(&mut c, "call_data_append", CALLS, cost::DEFAULT + cost::BYTE_SENT * u64::from(size))?;
        building(c.data_mut(), "call_data_append")?;
        if size == 0 {
            return Ok(());
        }
        let (heap, state) = heap(&mut c)?;
        let bytes = slice(heap, src, size)?;
        let call = building(state, "call_data_append")?;
        if call.arg.len() + bytes.len() > MAX_ARGUMENT {
            return Err(Fault::Contract(format!(
                "Request to {}:{} has a payload size of {}, which exceeds the allowed local-subnet limit of {MAX_ARGUMENT}",
                call.callee,
                call.method,
                call.arg.len() + bytes.len(),
            ))
            .into());
        }
        call.arg.extend_from_slice(bytes);
        Ok(())
    })?;
    l.func_wrap(
        "ic0",
        "call_with_best_effort_response",
        |mut c: Context, timeout: u32| -> Result<()> {
            enter(&mut c, "call_with_best_effort_response", CALLS, cost::DEFAULT)?;
            let call = building(c.data_mut(), "call_with_best_effort_response")?;
            if call.timeout_seconds.is_some() {
                return Err(Fault::Contract(
                    "ic0_call_with_best_effort_response failed because a timeout is already set.".into(),
                )
                .into());
            }
            call.timeout_seconds = Some(timeout.min(MAX_TIMEOUT));
            Ok(())
        },
    )?;
    l.func_wrap("ic0", "call_cycles_add", |mut c: Context, amount: u64| -> Result<()> {
        enter(&mut c, "call_cycles_add", UPDATE | REPLY | REJECT | TASK, cost::DEFAULT)?;
        Ok(add_cycles(c.data_mut(), "call_cycles_add", u128::from(amount))?)
    })?;
    l.func_wrap(
        "ic0",
        "call_cycles_add128",
        |mut c: Context, high: u64, low: u64| -> Result<()> {
            enter(
                &mut c,
                "call_cycles_add128",
                UPDATE | REPLY | REJECT | TASK,
                cost::DEFAULT,
            )?;
            Ok(add_cycles(
                c.data_mut(),
                "call_cycles_add128",
                u128::from(high) << 64 | u128::from(low),
            )?)
        },
    )?;
    l.func_wrap("ic0", "call_perform", |mut c: Context| -> Result<u32> {
        enter(&mut c, "call_perform", CALLS, cost::CALL_PERFORM)?;
        Ok(perform(c.data_mut())?)
    })?;
    Ok(())
}

#[allow(clippy::too_many_arguments, reason = "the interface has so many")]
fn call_new(
    mut c: Context,
    callee_src: u32,
    callee_size: u32,
    name_src: u32,
    name_size: u32,
    reply_fun: u32,
    reply_env: u32,
    reject_fun: u32,
    reject_env: u32,
) -> Result<()> {
    enter(&mut c, "call_new", CALLS, cost::CALL_NEW)?;
    c.data_mut().drop_call();
    let callee = read(&mut c, callee_src, callee_size)?;
    let callee = Principal::try_from_slice(&callee).map_err(|_| Fault::Principal)?;
    if name_size as usize > MAX_ARGUMENT {
        return Err(Fault::Contract("ic0.call_new: the method's name is too long".into()).into());
    }
    let method = read(&mut c, name_src, name_size)?;
    let method = String::from_utf8(method)
        .map_err(|e| Fault::Contract(format!("ic0.call_new: Method name decoding failed: {e}")))?;
    c.data_mut().call = Some(OutgoingCall {
        callee,
        method,
        arg: Vec::new(),
        cycles: 0,
        prepaid: 0,
        timeout_seconds: None,
        on_reply: Closure {
            fun: reply_fun,
            env: reply_env,
        },
        on_reject: Closure {
            fun: reject_fun,
            env: reject_env,
        },
        on_cleanup: None,
    });
    Ok(())
}

fn building<'a>(state: &'a mut State, function: &str) -> Result<&'a mut OutgoingCall, Fault> {
    state
        .call
        .as_mut()
        .ok_or_else(|| Fault::Contract(format!("ic0.{function} called when no call is under construction.")))
}

fn add_cycles(state: &mut State, function: &str, amount: Cycles) -> Result<(), Fault> {
    let liquid = state.liquid();
    let id = state.input.env.canister_id;
    let call = building(state, function)?;
    if amount > liquid {
        return Err(Fault::Cycles(format!(
            "Canister {id} is out of cycles: please top up the canister with at least {} additional cycles",
            amount - liquid
        )));
    }
    call.cycles += amount;
    state.balance -= amount;
    Ok(())
}

fn perform(state: &mut State) -> Result<u32, Fault> {
    building(state, "call_perform")?;
    let Some(mut call) = state.call.take() else {
        return Ok(TRANSIENT);
    };
    if state.mode & COMPOSITE == 0 {
        let env = &state.input.env;
        let bytes = (call.arg.len() + call.method.len()) as u64;
        let fee = if env.charges {
            fees::call_prepayment(bytes, env.subnet_nodes)
        } else {
            0
        };
        let queued = state.calls.iter().filter(|other| other.callee == call.callee).count();
        let room = state
            .input
            .queue_room
            .as_ref()
            .and_then(|room| room.get(&call.callee))
            .copied()
            .unwrap_or(QUEUE);
        if queued >= room || state.liquid() < fee {
            state.balance += call.cycles;
            return Ok(TRANSIENT);
        }
        call.prepaid = fee;
        state.balance -= fee;
    }
    state.calls.push(call);
    Ok(0)
}
