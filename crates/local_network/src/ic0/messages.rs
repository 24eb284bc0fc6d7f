//! The message that runs: argument, caller, answer, deadline; printing and trapping.

use wasmtime::{Linker, Result};

use super::fault::Fault;
use super::mode::{
    ANSWERS, CLEANUP, COMPOSITE_CLEANUP, COMPOSITE_QUERY, COMPOSITE_REJECT, COMPOSITE_REPLY, EVERYWHERE, INIT, INSPECT,
    Modes, NOT_START, QUERY, REJECT, REPLICATED_QUERY, REPLY, UPDATE,
};
use super::state::{Context, State, charge, copy_out, enter, heap, read, slice};
use crate::execution::interface::{Entry, Response};
use crate::execution::metering::system as cost;

/// Largest reply in replicated mode: 2 MiB.
const MAX_REPLY: usize = 2 << 20;
/// Largest reply of a nonreplicated query: 3 MiB.
const MAX_QUERY_REPLY: usize = 3 << 20;

const ARGUMENT: Modes = INIT | UPDATE | REPLICATED_QUERY | QUERY | COMPOSITE_QUERY | REPLY | COMPOSITE_REPLY | INSPECT;
const REJECT_CODE: Modes = REPLY | REJECT | COMPOSITE_REPLY | COMPOSITE_REJECT | CLEANUP | COMPOSITE_CLEANUP;

pub(super) fn define(l: &mut Linker<State>) -> Result<()> {
    l.func_wrap("ic0", "msg_arg_data_size", |mut c: Context| -> Result<u32> {
        enter(&mut c, "msg_arg_data_size", ARGUMENT, cost::DEFAULT)?;
        length(c.data().argument())
    })?;
    l.func_wrap(
        "ic0",
        "msg_arg_data_copy",
        |mut c: Context, dst: u32, offset: u32, size: u32| -> Result<()> {
            enter(
                &mut c,
                "msg_arg_data_copy",
                ARGUMENT,
                cost::DEFAULT + cost::BYTE_COPIED * u64::from(size),
            )?;
            copy_out(&mut c, "msg_arg_data_copy", (dst, offset, size), |s| Ok(s.argument()))
        },
    )?;
    l.func_wrap("ic0", "msg_caller_size", |mut c: Context| -> Result<u32> {
        enter(&mut c, "msg_caller_size", NOT_START, cost::DEFAULT)?;
        length(c.data().input.caller.as_slice())
    })?;
    l.func_wrap(
        "ic0",
        "msg_caller_copy",
        |mut c: Context, dst: u32, offset: u32, size: u32| -> Result<()> {
            enter(
                &mut c,
                "msg_caller_copy",
                NOT_START,
                cost::DEFAULT + cost::BYTE_COPIED * u64::from(size),
            )?;
            copy_out(&mut c, "msg_caller_copy", (dst, offset, size), |s| {
                Ok(s.input.caller.as_slice())
            })
        },
    )?;
    // Sender information is signed by identity providers of a kind that this network does not check: always empty.
    l.func_wrap("ic0", "msg_caller_info_data_size", |mut c: Context| -> Result<u32> {
        enter(&mut c, "msg_caller_info_data_size", NOT_START, cost::DEFAULT)?;
        Ok(0)
    })?;
    l.func_wrap(
        "ic0",
        "msg_caller_info_data_copy",
        |mut c: Context, dst: u32, offset: u32, size: u32| -> Result<()> {
            enter(
                &mut c,
                "msg_caller_info_data_copy",
                NOT_START,
                cost::DEFAULT + cost::BYTE_COPIED * u64::from(size),
            )?;
            copy_out(&mut c, "msg_caller_info_data_copy", (dst, offset, size), |_| Ok(&[]))
        },
    )?;
    l.func_wrap("ic0", "msg_caller_info_signer_size", |mut c: Context| -> Result<u32> {
        enter(&mut c, "msg_caller_info_signer_size", NOT_START, cost::DEFAULT)?;
        Ok(0)
    })?;
    l.func_wrap(
        "ic0",
        "msg_caller_info_signer_copy",
        |mut c: Context, dst: u32, offset: u32, size: u32| -> Result<()> {
            enter(
                &mut c,
                "msg_caller_info_signer_copy",
                NOT_START,
                cost::DEFAULT + cost::BYTE_COPIED * u64::from(size),
            )?;
            copy_out(&mut c, "msg_caller_info_signer_copy", (dst, offset, size), |_| Ok(&[]))
        },
    )?;
    l.func_wrap("ic0", "msg_reject_code", |mut c: Context| -> Result<u32> {
        enter(&mut c, "msg_reject_code", REJECT_CODE, cost::DEFAULT)?;
        Ok(match c.data().input.entry {
            Entry::Reject { code, .. } | Entry::Cleanup { code, .. } => code,
            _ => 0,
        })
    })?;
    l.func_wrap("ic0", "msg_reject_msg_size", |mut c: Context| -> Result<u32> {
        enter(&mut c, "msg_reject_msg_size", REJECT | COMPOSITE_REJECT, cost::DEFAULT)?;
        length(reject_message(c.data()))
    })?;
    l.func_wrap(
        "ic0",
        "msg_reject_msg_copy",
        |mut c: Context, dst: u32, offset: u32, size: u32| -> Result<()> {
            let cost = cost::DEFAULT + cost::BYTE_COPIED * u64::from(size);
            enter(&mut c, "msg_reject_msg_copy", REJECT | COMPOSITE_REJECT, cost)?;
            copy_out(&mut c, "msg_reject_msg_copy", (dst, offset, size), |s| {
                Ok(reject_message(s))
            })
        },
    )?;
    l.func_wrap("ic0", "msg_deadline", |mut c: Context| -> Result<u64> {
        enter(&mut c, "msg_deadline", ANSWERS, cost::DEFAULT)?;
        Ok(c.data().input.deadline)
    })?;
    l.func_wrap("ic0", "msg_method_name_size", |mut c: Context| -> Result<u32> {
        enter(&mut c, "msg_method_name_size", INSPECT, cost::DEFAULT)?;
        length(inspected_method(c.data()))
    })?;
    l.func_wrap(
        "ic0",
        "msg_method_name_copy",
        |mut c: Context, dst: u32, offset: u32, size: u32| -> Result<()> {
            enter(
                &mut c,
                "msg_method_name_copy",
                INSPECT,
                cost::DEFAULT + cost::BYTE_COPIED * u64::from(size),
            )?;
            copy_out(&mut c, "msg_method_name_copy", (dst, offset, size), |s| {
                Ok(inspected_method(s))
            })
        },
    )?;
    l.func_wrap("ic0", "accept_message", |mut c: Context| -> Result<()> {
        enter(&mut c, "accept_message", INSPECT, cost::DEFAULT)?;
        if std::mem::replace(&mut c.data_mut().accepted_message, true) {
            return Err(Fault::Contract("ic0.accept_message: the function was already called.".into()).into());
        }
        Ok(())
    })?;
    define_answers(l)?;
    l.func_wrap(
        "ic0",
        "debug_print",
        |mut c: Context, src: u32, size: u32| -> Result<()> {
            enter(
                &mut c,
                "debug_print",
                EVERYWHERE,
                cost::DEBUG_PRINT + cost::BYTE_SENT * u64::from(size),
            )?;
            if size == 0 && c.data().memory.is_none() {
                c.data_mut().log(&[]);
                return Ok(());
            }
            let (heap, state) = heap(&mut c)?;
            state.log(slice(heap, src, size)?);
            Ok(())
        },
    )?;
    l.func_wrap("ic0", "trap", |mut c: Context, src: u32, size: u32| -> Result<()> {
        enter(&mut c, "trap", EVERYWHERE, cost::DEFAULT)?;
        let message = read(&mut c, src, size)?;
        Err(Fault::Called(String::from_utf8_lossy(&message).into_owned()).into())
    })?;
    Ok(())
}

fn define_answers(l: &mut Linker<State>) -> Result<()> {
    l.func_wrap(
        "ic0",
        "msg_reply_data_append",
        |mut c: Context, src: u32, size: u32| -> Result<()> {
            enter(
                &mut c,
                "msg_reply_data_append",
                ANSWERS,
                cost::DEFAULT + cost::BYTE_SENT * u64::from(size),
            )?;
            open(c.data(), "msg_reply_data_append")?;
            if size == 0 {
                return Ok(());
            }
            let (heap, state) = heap(&mut c)?;
            let bytes = slice(heap, src, size)?;
            let limit = if state.input.replicated {
                MAX_REPLY
            } else {
                MAX_QUERY_REPLY
            };
            let total = state.reply.len() + bytes.len();
            if total > limit {
                return Err(Fault::Contract(format!(
                    "ic0.msg_reply_data_append: application payload size ({total}) cannot be larger than {limit}."
                ))
                .into());
            }
            state.reply.extend_from_slice(bytes);
            Ok(())
        },
    )?;
    l.func_wrap("ic0", "msg_reply", |mut c: Context| -> Result<()> {
        enter(&mut c, "msg_reply", ANSWERS, cost::DEFAULT)?;
        open(c.data(), "msg_reply")?;
        let state = c.data_mut();
        state.response = Some(Response::Reply(std::mem::take(&mut state.reply)));
        Ok(())
    })?;
    l.func_wrap(
        "ic0",
        "msg_reject",
        |mut c: Context, src: u32, size: u32| -> Result<()> {
            enter(&mut c, "msg_reject", ANSWERS, cost::DEFAULT)?;
            charge(&mut c, cost::BYTE_SENT * u64::from(size))?;
            open(c.data(), "msg_reject")?;
            if size as usize > MAX_REPLY {
                return Err(Fault::Contract(format!(
                    "ic0.msg_reject: application payload size ({size}) cannot be larger than {MAX_REPLY}."
                ))
                .into());
            }
            let message = read(&mut c, src, size)?;
            let message = String::from_utf8(message)
                .map_err(|_| Fault::Contract("ic0.msg_reject: invalid UTF-8 string provided".into()))?;
            c.data_mut().response = Some(Response::Reject(message));
            Ok(())
        },
    )?;
    Ok(())
}

/// Fails if the call has been answered already.
fn open(state: &State, function: &str) -> Result<(), Fault> {
    if state.response.is_some() || state.input.already_responded {
        return Err(Fault::Contract(format!("ic0.{function}: the call is already replied")));
    }
    Ok(())
}

fn reject_message(state: &State) -> &[u8] {
    match &state.input.entry {
        Entry::Reject { message, .. } => message.as_bytes(),
        _ => &[],
    }
}

fn inspected_method(state: &State) -> &[u8] {
    match &state.input.entry {
        Entry::InspectMessage { method, .. } => method.as_bytes(),
        _ => &[],
    }
}

/// A length as the System API gives it.
pub(super) fn length(bytes: &[u8]) -> Result<u32> {
    Ok(u32::try_from(bytes.len()).map_err(|_| Fault::HEAP)?)
}
