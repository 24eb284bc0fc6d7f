//! `update_settings`, and the check of settings wherever they are given.

use candid::Nat;
use ic_management_canister_types::{
    CanisterSettings, ChangeDetails, ControllersChangeRecord, EnvironmentVariable, UpdateSettingsArgs,
};
use pocket_ic::ErrorCode;
use sha2::{Digest, Sha256};

use super::access::controlled;
use super::errors::{invalid_payload, invalid_setting};
use super::{NOTHING, change_origin, decode};
use crate::network::call::{Answer, Call};
use crate::network::canister::Settings;
use crate::network::reject::Reject;
use crate::network::subnet::Subnet;

/// Controllers of a canister.
const CONTROLLERS: usize = 10;
/// Principals that may read its logs.
const LOG_VIEWERS: usize = 10;
/// Environment variables of a canister.
const VARIABLES: usize = 20;
/// Bytes of a variable's name, and of its value.
const VARIABLE_BYTES: usize = 128;
/// Largest memory allocation and heap limit, in bytes.
const MEMORY: u64 = 1 << 48;

/// `update_settings`.
pub fn update(subnet: &mut Subnet, call: &Call) -> Answer {
    let arg: UpdateSettingsArgs = decode(&call.arg)?;
    let canister = controlled(subnet, arg.canister_id, call.origin.caller())?;
    let mut settings = canister.settings.clone();
    apply(&mut settings, arg.settings)?;
    let (now, origin) = (subnet.time, change_origin(call));
    let Some(mut canister) = subnet.canisters.remove(&arg.canister_id) else {
        return Ok(NOTHING.to_vec());
    };
    let old = std::mem::replace(&mut canister.settings, settings);
    let checked = affordable(subnet, &canister, &old);
    if checked.is_ok() {
        canister.version += 1;
        if canister.settings.controllers != old.controllers {
            let controllers = canister.settings.controllers.clone();
            canister.record_change(
                now,
                origin,
                ChangeDetails::ControllersChange(ControllersChangeRecord { controllers }),
            );
        }
    } else {
        canister.settings = old;
    }
    subnet.canisters.insert(canister.id, canister);
    checked.map(|()| NOTHING.to_vec())
}

/// A canister that asks for more must be able to pay for it up to its freezing threshold.
fn affordable(subnet: &Subnet, canister: &crate::network::canister::Canister, old: &Settings) -> Result<(), Reject> {
    let new = &canister.settings;
    let needed = subnet.freezing_cycles(canister);
    if canister.balance >= needed {
        return Ok(());
    }
    let missing = needed - canister.balance;
    if new.compute_allocation > old.compute_allocation {
        return Err(Reject::with_help(
            ErrorCode::InsufficientCyclesInComputeAllocation,
            &format!(
                "Cannot increase compute allocation to {}% due to insufficient cycles. At least {missing} additional \
                 cycles are required.",
                new.compute_allocation
            ),
            "Top up the canister with more cycles.",
            "insufficient-cycles-in-compute-allocation",
        ));
    }
    if new.memory_allocation > old.memory_allocation {
        return Err(Reject::with_help(
            ErrorCode::InsufficientCyclesInMemoryAllocation,
            &format!(
                "Cannot increase memory allocation to {} due to insufficient cycles. At least {missing} additional \
                 cycles are required.",
                new.memory_allocation
            ),
            "Top up the canister with more cycles.",
            "insufficient-cycles-in-memory-allocation",
        ));
    }
    Ok(())
}

/// Changes those settings that are given.
///
/// # Errors
/// One of them is out of its range; nothing is to be kept then.
pub fn apply(settings: &mut Settings, asked: CanisterSettings) -> Result<(), Reject> {
    if let Some(mut controllers) = asked.controllers {
        if controllers.len() > CONTROLLERS {
            return Err(invalid_payload(format!(
                "Error decoding candid: The number of elements exceeds maximum allowed {CONTROLLERS}"
            )));
        }
        controllers.sort_unstable();
        controllers.dedup();
        settings.controllers = controllers;
    }
    if let Some(percent) = asked.compute_allocation {
        settings.compute_allocation = at_most(&percent, 100).ok_or_else(|| {
            invalid_setting(&format!(
                "ComputeAllocation expected to be in the range [0..100], got {percent}"
            ))
        })?;
    }
    if let Some(bytes) = asked.memory_allocation {
        settings.memory_allocation = at_most(&bytes, MEMORY).ok_or_else(|| {
            invalid_setting(&format!(
                "MemoryAllocation expected to be in the range [0..{MEMORY}], got {bytes}"
            ))
        })?;
    }
    if let Some(seconds) = asked.freezing_threshold {
        settings.freezing_threshold = at_most(&seconds, u64::MAX).ok_or_else(|| {
            invalid_setting(&format!(
                "Freezing threshold expected to be in the range of [0..2^64-1], got {seconds}"
            ))
        })?;
    }
    if let Some(limit) = asked.reserved_cycles_limit {
        settings.reserved_cycles_limit = u128::try_from(limit.0.clone()).map_err(|_| {
            invalid_setting(&format!(
                "Reserved cycles limit expected to be in the range of [0..2^128-1], got {limit}"
            ))
        })?;
    }
    if let Some(visibility) = asked.log_visibility {
        if let ic_management_canister_types::LogVisibility::AllowedViewers(viewers) = &visibility
            && viewers.len() > LOG_VIEWERS
        {
            return Err(invalid_payload(format!(
                "Error decoding candid: The number of elements exceeds maximum allowed {LOG_VIEWERS}"
            )));
        }
        settings.log_visibility = visibility;
    }
    if let Some(limit) = asked.wasm_memory_limit {
        settings.wasm_memory_limit = at_most(&limit, MEMORY).ok_or_else(|| {
            invalid_setting(&format!(
                "Wasm memory limit expected to be in the range of [0..2^48], got {limit}"
            ))
        })?;
    }
    if let Some(threshold) = asked.wasm_memory_threshold {
        settings.wasm_memory_threshold = at_most(&threshold, u64::MAX).ok_or_else(|| {
            invalid_setting(&format!(
                "Wasm memory threshold expected to be in the range of [0..2^64-1], got {threshold}"
            ))
        })?;
    }
    if let Some(variables) = asked.environment_variables {
        settings.environment_variables = checked_variables(variables)?;
    }
    Ok(())
}

fn at_most(value: &Nat, limit: u64) -> Option<u64> {
    u64::try_from(value.0.clone()).ok().filter(|value| *value <= limit)
}

fn checked_variables(variables: Vec<EnvironmentVariable>) -> Result<Vec<(String, String)>, Reject> {
    if variables.len() > VARIABLES {
        return Err(invalid_payload(format!(
            "Too many environment variables: {} (max: {VARIABLES})",
            variables.len()
        )));
    }
    let mut pairs = Vec::with_capacity(variables.len());
    for EnvironmentVariable { name, value } in variables {
        if name.len() > VARIABLE_BYTES {
            return Err(invalid_payload(format!(
                "Environment variable name \"{name}\" exceeds the maximum allowed length of {VARIABLE_BYTES}."
            )));
        }
        if value.len() > VARIABLE_BYTES {
            return Err(invalid_payload(format!(
                "Environment variable value \"{value}\" exceeds the maximum allowed length of {VARIABLE_BYTES}."
            )));
        }
        pairs.push((name, value));
    }
    pairs.sort();
    if pairs.windows(2).any(|pair| matches!(pair, [(a, _), (b, _)] if a == b)) {
        return Err(invalid_payload("Environment variables must have distinct names."));
    }
    Ok(pairs)
}

/// The hash of the environment variables that the canister history shows; `None` if there are none.
pub fn variables_hash(settings: &Settings) -> Option<Vec<u8>> {
    if settings.environment_variables.is_empty() {
        return None;
    }
    let mut pairs: Vec<Vec<u8>> = settings
        .environment_variables
        .iter()
        .map(|(name, value)| [Sha256::digest(name), Sha256::digest(value)].concat())
        .collect();
    pairs.sort_unstable();
    Some(Sha256::digest(pairs.concat()).to_vec())
}
