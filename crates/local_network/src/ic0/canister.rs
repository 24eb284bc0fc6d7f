//! The canister itself and its surroundings: ids, status, time, timers, certified data, environment variables.

use candid::Principal;
use wasmtime::{Linker, Result};

use super::fault::Fault;
use super::messages::length;
use super::mode::{
    CLEANUP, COMPOSITE_QUERY, EVERYWHERE, INIT, Modes, NOT_START, PRE_UPGRADE, QUERY, REJECT, REPLICATED_QUERY, REPLY,
    TASK, UPDATE,
};
use super::state::{Context, State, copy_out, enter, read};
use crate::execution::metering::system as cost;

/// Longest certified data, in bytes.
const MAX_CERTIFIED_DATA: u32 = 32;
/// Longest name of an environment variable, in bytes.
const MAX_VARIABLE_NAME: u32 = 128;

const ROOT_KEY: Modes = INIT | PRE_UPGRADE | UPDATE | REPLICATED_QUERY | REPLY | REJECT | CLEANUP | TASK;
const CERTIFIED_DATA: Modes = INIT | PRE_UPGRADE | UPDATE | REPLY | REJECT | TASK;
const TIMER: Modes = INIT | PRE_UPGRADE | UPDATE | REPLY | REJECT | CLEANUP | TASK;

pub(super) fn define(l: &mut Linker<State>) -> Result<()> {
    define_identity(l)?;
    define_certification(l)?;
    define_variables(l)?;
    l.func_wrap("ic0", "canister_status", |mut c: Context| -> Result<u32> {
        enter(&mut c, "canister_status", NOT_START, cost::DEFAULT)?;
        Ok(c.data().input.env.canister_status)
    })?;
    l.func_wrap("ic0", "canister_version", |mut c: Context| -> Result<u64> {
        enter(&mut c, "canister_version", NOT_START, cost::DEFAULT)?;
        Ok(c.data().input.env.canister_version)
    })?;
    l.func_wrap("ic0", "time", |mut c: Context| -> Result<u64> {
        enter(&mut c, "time", NOT_START, cost::DEFAULT)?;
        Ok(c.data().input.env.time)
    })?;
    l.func_wrap("ic0", "global_timer_set", |mut c: Context, time: u64| -> Result<u64> {
        enter(&mut c, "global_timer_set", TIMER, cost::DEFAULT)?;
        let state = c.data_mut();
        let before = state.global_timer.unwrap_or(state.input.env.global_timer);
        state.global_timer = Some(time);
        Ok(before)
    })?;
    l.func_wrap(
        "ic0",
        "performance_counter",
        |mut c: Context, counter: u32| -> Result<u64> {
            enter(&mut c, "performance_counter", EVERYWHERE, cost::PERFORMANCE_COUNTER)?;
            let message = c.data().input.instruction_limit.saturating_sub(c.get_fuel()?);
            match counter {
                0 => Ok(message),
                1 => Ok(c.data().input.context_instructions + message),
                _ => Err(Fault::Contract(format!("Error getting performance counter type {counter}")).into()),
            }
        },
    )?;
    l.func_wrap(
        "ic0",
        "is_controller",
        |mut c: Context, src: u32, size: u32| -> Result<u32> {
            enter(&mut c, "is_controller", EVERYWHERE, cost::IS_CONTROLLER)?;
            let bytes = read(&mut c, src, size)?;
            let principal = Principal::try_from_slice(&bytes).map_err(|_| Fault::Principal)?;
            Ok(u32::from(c.data().input.env.controllers.contains(&principal)))
        },
    )?;
    l.func_wrap("ic0", "in_replicated_execution", |mut c: Context| -> Result<u32> {
        enter(&mut c, "in_replicated_execution", EVERYWHERE, cost::DEFAULT)?;
        Ok(u32::from(c.data().input.replicated))
    })?;
    Ok(())
}

fn define_identity(l: &mut Linker<State>) -> Result<()> {
    l.func_wrap("ic0", "canister_self_size", |mut c: Context| -> Result<u32> {
        enter(&mut c, "canister_self_size", NOT_START, cost::DEFAULT)?;
        length(c.data().input.env.canister_id.as_slice())
    })?;
    l.func_wrap(
        "ic0",
        "canister_self_copy",
        |mut c: Context, dst: u32, offset: u32, size: u32| -> Result<()> {
            enter(
                &mut c,
                "canister_self_copy",
                NOT_START,
                cost::DEFAULT + cost::BYTE_COPIED * u64::from(size),
            )?;
            copy_out(&mut c, "canister_self_copy", (dst, offset, size), |s| {
                Ok(s.input.env.canister_id.as_slice())
            })
        },
    )?;
    l.func_wrap("ic0", "subnet_self_size", |mut c: Context| -> Result<u32> {
        enter(&mut c, "subnet_self_size", NOT_START, cost::DEFAULT)?;
        length(c.data().input.env.subnet_id.as_slice())
    })?;
    l.func_wrap(
        "ic0",
        "subnet_self_copy",
        |mut c: Context, dst: u32, offset: u32, size: u32| -> Result<()> {
            enter(
                &mut c,
                "subnet_self_copy",
                NOT_START,
                cost::DEFAULT + cost::BYTE_COPIED * u64::from(size),
            )?;
            copy_out(&mut c, "subnet_self_copy", (dst, offset, size), |s| {
                Ok(s.input.env.subnet_id.as_slice())
            })
        },
    )?;
    l.func_wrap("ic0", "subnet_self_node_count", |mut c: Context| -> Result<u32> {
        enter(&mut c, "subnet_self_node_count", NOT_START, cost::DEFAULT)?;
        Ok(c.data().input.env.subnet_nodes)
    })?;
    Ok(())
}

fn define_certification(l: &mut Linker<State>) -> Result<()> {
    l.func_wrap("ic0", "root_key_size", |mut c: Context| -> Result<u32> {
        enter(&mut c, "root_key_size", ROOT_KEY, cost::DEFAULT)?;
        length(&c.data().input.env.root_key)
    })?;
    l.func_wrap(
        "ic0",
        "root_key_copy",
        |mut c: Context, dst: u32, offset: u32, size: u32| -> Result<()> {
            enter(
                &mut c,
                "root_key_copy",
                ROOT_KEY,
                cost::DEFAULT + cost::BYTE_COPIED * u64::from(size),
            )?;
            copy_out(&mut c, "root_key_copy", (dst, offset, size), |s| {
                Ok(&s.input.env.root_key)
            })
        },
    )?;
    l.func_wrap("ic0", "certified_data_set", |mut c: Context, src: u32, size: u32| -> Result<()> {
        let cost = cost::DEFAULT + cost::BYTE_COPIED * u64::from(size);
        enter(&mut c, "certified_data_set", CERTIFIED_DATA, cost)?;
        if size > MAX_CERTIFIED_DATA {
            return Err(Fault::Contract(format!(
                "ic0_certified_data_set failed because the passed data must be no larger than {MAX_CERTIFIED_DATA} bytes. Found {size} bytes"
            ))
            .into());
        }
        let data = read(&mut c, src, size)?;
        c.data_mut().certified_data = Some(data);
        Ok(())
    })?;
    l.func_wrap("ic0", "data_certificate_present", |mut c: Context| -> Result<u32> {
        enter(&mut c, "data_certificate_present", NOT_START, cost::DEFAULT)?;
        let state = c.data();
        let query = state.mode & (QUERY | COMPOSITE_QUERY) != 0;
        Ok(u32::from(query && state.input.data_certificate.is_some()))
    })?;
    l.func_wrap("ic0", "data_certificate_size", |mut c: Context| -> Result<u32> {
        enter(&mut c, "data_certificate_size", QUERY | COMPOSITE_QUERY, cost::DEFAULT)?;
        length(certificate(c.data())?)
    })?;
    l.func_wrap(
        "ic0",
        "data_certificate_copy",
        |mut c: Context, dst: u32, offset: u32, size: u32| -> Result<()> {
            let cost = cost::DEFAULT + cost::BYTE_COPIED * u64::from(size);
            enter(&mut c, "data_certificate_copy", QUERY | COMPOSITE_QUERY, cost)?;
            copy_out(&mut c, "data_certificate_copy", (dst, offset, size), certificate)
        },
    )?;
    Ok(())
}

fn certificate(state: &State) -> Result<&[u8], Fault> {
    match &state.input.data_certificate {
        Some(certificate) => Ok(certificate),
        None => Err(Fault::Contract(
            "ic0.data_certificate: no data certificate is present".into(),
        )),
    }
}

fn define_variables(l: &mut Linker<State>) -> Result<()> {
    l.func_wrap("ic0", "env_var_count", |mut c: Context| -> Result<u32> {
        enter(&mut c, "env_var_count", EVERYWHERE, cost::DEFAULT)?;
        Ok(u32::try_from(c.data().input.env.env_vars.len()).unwrap_or(u32::MAX))
    })?;
    l.func_wrap(
        "ic0",
        "env_var_name_size",
        |mut c: Context, index: u32| -> Result<u32> {
            enter(&mut c, "env_var_name_size", EVERYWHERE, cost::DEFAULT)?;
            length(variable_name(c.data(), index)?)
        },
    )?;
    l.func_wrap(
        "ic0",
        "env_var_name_copy",
        |mut c: Context, index: u32, dst: u32, offset: u32, size: u32| -> Result<()> {
            enter(
                &mut c,
                "env_var_name_copy",
                EVERYWHERE,
                cost::DEFAULT + cost::BYTE_COPIED * u64::from(size),
            )?;
            copy_out(&mut c, "env_var_name_copy", (dst, offset, size), |s| {
                variable_name(s, index)
            })
        },
    )?;
    l.func_wrap(
        "ic0",
        "env_var_name_exists",
        |mut c: Context, src: u32, size: u32| -> Result<u32> {
            enter(
                &mut c,
                "env_var_name_exists",
                EVERYWHERE,
                cost::DEFAULT + cost::BYTE_COPIED * u64::from(size),
            )?;
            let name = read_name(&mut c, src, size)?;
            Ok(u32::from(c.data().input.env.env_vars.iter().any(|(n, _)| *n == name)))
        },
    )?;
    l.func_wrap(
        "ic0",
        "env_var_value_size",
        |mut c: Context, src: u32, size: u32| -> Result<u32> {
            enter(
                &mut c,
                "env_var_value_size",
                EVERYWHERE,
                cost::DEFAULT + cost::BYTE_COPIED * u64::from(size),
            )?;
            let name = read_name(&mut c, src, size)?;
            length(variable_value(c.data(), &name)?)
        },
    )?;
    l.func_wrap(
        "ic0",
        "env_var_value_copy",
        |mut c: Context, src: u32, name_size: u32, dst: u32, offset: u32, size: u32| -> Result<()> {
            let bytes = u64::from(name_size) + u64::from(size);
            enter(
                &mut c,
                "env_var_value_copy",
                EVERYWHERE,
                cost::DEFAULT + cost::BYTE_COPIED * bytes,
            )?;
            let name = read_name(&mut c, src, name_size)?;
            copy_out(&mut c, "env_var_value_copy", (dst, offset, size), |s| {
                variable_value(s, &name)
            })
        },
    )?;
    Ok(())
}

fn read_name(c: &mut Context, src: u32, size: u32) -> Result<String> {
    if size > MAX_VARIABLE_NAME {
        return Err(Fault::Contract(format!(
            "ic0.env_var: the name has {size} bytes, more than {MAX_VARIABLE_NAME}"
        ))
        .into());
    }
    let name = read(c, src, size)?;
    String::from_utf8(name).map_err(|e| Fault::Contract(format!("ic0.env_var: the name is not UTF-8: {e}")).into())
}

fn variable_name(state: &State, index: u32) -> Result<&[u8], Fault> {
    let variables = &state.input.env.env_vars;
    match variables.get(index as usize) {
        Some((name, _)) => Ok(name.as_bytes()),
        None => Err(Fault::Contract(format!(
            "Environment variable index {index} is out of bounds. The number of environment variables is {}.",
            variables.len()
        ))),
    }
}

fn variable_value<'a>(state: &'a State, name: &str) -> Result<&'a [u8], Fault> {
    match state.input.env.env_vars.iter().find(|(n, _)| n == name) {
        Some((_, value)) => Ok(value.as_bytes()),
        None => Err(Fault::Contract(format!("Environment variable {name} not found."))),
    }
}
