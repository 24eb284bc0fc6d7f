//! What can be asked about a canister: `canister_status`, `canister_info`, `canister_metadata`, `fetch_canister_logs`.

use candid::{Nat, Principal};
use ic_management_canister_types::{
    CanisterIdRecord, CanisterInfoArgs, CanisterInfoResult, CanisterLogRecord, CanisterMetadataArgs,
    CanisterMetadataResult, CanisterStatusResult, CanisterStatusType, Change, DefiniteCanisterSettings,
    EnvironmentVariable, FetchCanisterLogsResult, LogVisibility, MemoryMetrics, QueryStats,
};
use pocket_ic::ErrorCode;

use super::access::{controlled_or_own, may_manage};
use super::{decode, reply};
use crate::execution::Visibility;
use crate::network::call::Answer;
use crate::network::canister::{Canister, Settings, Status};
use crate::network::reject::Reject;
use crate::network::subnet::Subnet;

/// Nanoseconds of a day.
const DAY: u64 = 86_400_000_000_000;

/// `canister_status`, for controllers and the canister itself.
pub fn canister_status(subnet: &Subnet, caller: Principal, arg: &[u8]) -> Answer {
    let CanisterIdRecord { canister_id } = decode(arg)?;
    let canister = controlled_or_own(subnet, canister_id, caller)?;
    reply((CanisterStatusResult {
        status: match canister.status {
            Status::Running => CanisterStatusType::Running,
            Status::Stopping(_) => CanisterStatusType::Stopping,
            Status::Stopped => CanisterStatusType::Stopped,
        },
        ready_for_migration: matches!(canister.status, Status::Stopped) && canister.inputs.is_empty(),
        version: canister.version,
        settings: definite(&canister.settings),
        module_hash: module_hash(canister),
        memory_size: Nat::from(canister.memory_bytes()),
        memory_metrics: memory_metrics(canister),
        cycles: Nat::from(canister.balance),
        reserved_cycles: Nat::from(0_u8),
        idle_cycles_burned_per_day: Nat::from(subnet.upkeep(canister, DAY)),
        // Queries are answered from a state that nobody changes, so they are not counted.
        query_stats: QueryStats {
            num_calls_total: Nat::from(0_u8),
            num_instructions_total: Nat::from(0_u8),
            request_payload_bytes_total: Nat::from(0_u8),
            response_payload_bytes_total: Nat::from(0_u8),
        },
    },))
}

fn definite(settings: &Settings) -> DefiniteCanisterSettings {
    DefiniteCanisterSettings {
        controllers: settings.controllers.clone(),
        compute_allocation: Nat::from(settings.compute_allocation),
        memory_allocation: Nat::from(settings.memory_allocation),
        freezing_threshold: Nat::from(settings.freezing_threshold),
        reserved_cycles_limit: Nat::from(settings.reserved_cycles_limit),
        log_visibility: settings.log_visibility.clone(),
        wasm_memory_limit: Nat::from(settings.wasm_memory_limit),
        wasm_memory_threshold: Nat::from(settings.wasm_memory_threshold),
        environment_variables: settings
            .environment_variables
            .iter()
            .map(|(name, value)| EnvironmentVariable {
                name: name.clone(),
                value: value.clone(),
            })
            .collect(),
    }
}

fn module_hash(canister: &Canister) -> Option<Vec<u8>> {
    canister.code.as_ref().map(|code| code.module.hash().to_vec())
}

fn memory_metrics(canister: &Canister) -> MemoryMetrics {
    let code = canister.code.as_ref();
    let sections: usize = code.map_or(0, |code| {
        code.module
            .custom_sections()
            .iter()
            .map(|section| section.name.len() + section.content.len())
            .sum()
    });
    MemoryMetrics {
        wasm_memory_size: Nat::from(code.map_or(0, |code| code.memory.heap_bytes())),
        stable_memory_size: Nat::from(code.map_or(0, |code| code.memory.stable_bytes())),
        global_memory_size: Nat::from(0_u8),
        wasm_binary_size: Nat::from(code.map_or(0, |code| code.module.size())),
        custom_sections_size: Nat::from(sections),
        canister_history_size: Nat::from(0_u8),
        wasm_chunk_store_size: Nat::from(canister.chunk_bytes()),
        snapshots_size: Nat::from(0_u8),
    }
}

/// `canister_info`, for every canister.
pub fn canister_info(subnet: &Subnet, arg: &[u8]) -> Answer {
    let arg: CanisterInfoArgs = decode(arg)?;
    let canister = subnet.canister(arg.canister_id)?;
    let asked = usize::try_from(arg.num_requested_changes.unwrap_or(0)).unwrap_or(usize::MAX);
    let skipped = canister.history.recent.len().saturating_sub(asked);
    let recent_changes: Vec<Change> = canister.history.recent.iter().skip(skipped).cloned().collect();
    reply((CanisterInfoResult {
        total_num_changes: canister.history.total,
        recent_changes,
        module_hash: module_hash(canister),
        controllers: canister.settings.controllers.clone(),
    },))
}

/// `canister_metadata`: a custom section of the module; private ones for controllers.
pub fn canister_metadata(subnet: &Subnet, caller: Principal, arg: &[u8]) -> Answer {
    let arg: CanisterMetadataArgs = decode(arg)?;
    let canister = subnet.canister(arg.canister_id)?;
    let section = canister
        .code
        .as_ref()
        .and_then(|code| {
            code.module
                .custom_sections()
                .iter()
                .find(|section| section.name == arg.name)
        })
        .filter(|section| section.visibility == Visibility::Public || may_manage(subnet, canister, caller));
    match section {
        Some(section) => reply((CanisterMetadataResult {
            value: section.content.clone(),
        },)),
        None => Err(Reject::new(
            ErrorCode::CanisterRejectedMessage,
            format!(
                "Canister {} has no metadata section '{}' that the caller may read",
                canister.id, arg.name
            ),
        )),
    }
}

/// `fetch_canister_logs`.
pub fn fetch_logs(subnet: &Subnet, caller: Principal, arg: &[u8]) -> Answer {
    let CanisterIdRecord { canister_id } = decode(arg)?;
    let canister = subnet.canister(canister_id)?;
    let allowed = may_manage(subnet, canister, caller)
        || match &canister.settings.log_visibility {
            LogVisibility::Public => true,
            LogVisibility::Controllers => false,
            LogVisibility::AllowedViewers(viewers) => viewers.contains(&caller),
        };
    if !allowed {
        return Err(Reject::new(
            ErrorCode::CanisterRejectedMessage,
            format!("Caller {caller} is not allowed to access canister logs"),
        ));
    }
    let canister_log_records = canister
        .logs
        .records
        .iter()
        .map(|(idx, line)| CanisterLogRecord {
            idx: *idx,
            timestamp_nanos: line.time,
            content: line.content.clone(),
        })
        .collect();
    reply((FetchCanisterLogsResult { canister_log_records },))
}
