//! `install_code`, `install_chunked_code`, `uninstall_code`.

use std::sync::Arc;

use candid::{CandidType, Principal};
use ic_management_canister_types::{
    CanisterInstallMode, ChangeDetails, CodeDeploymentMode, CodeDeploymentRecord, InstallChunkedCodeArgs,
    UninstallCodeArgs, UpgradeFlags, WasmMemoryPersistence,
};
use pocket_ic::ErrorCode;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::access::{controlled, controlled_or_own};
use super::errors::{chunk_store, install_failed, install_out_of_cycles, invalid_payload, not_empty};
use super::{Done, NOTHING, change_origin, decode};
use crate::execution::{self, Entry, InstallMode, MessageInput, Module, fees};
use crate::network::call::{Answer, Call};
use crate::network::canister::{Canister, Code, Logs};
use crate::network::limits::PREPAID_INSTRUCTIONS;
use crate::network::reject::{self, Reject};
use crate::network::subnet::Subnet;

/// The custom section of modules that want to keep their heap across upgrades (Motoko).
const KEEPS_HEAP: &str = "enhanced-orthogonal-persistence";

/// The argument of `install_code`, the module as one block of bytes.
#[derive(CandidType, Deserialize)]
struct InstallCodeArgs {
    mode: CanisterInstallMode,
    canister_id: Principal,
    #[serde(with = "serde_bytes")]
    wasm_module: Vec<u8>,
    #[serde(with = "serde_bytes")]
    arg: Vec<u8>,
}

/// What is to be installed where.
struct Installation {
    mode: CanisterInstallMode,
    canister: Principal,
    hash: [u8; 32],
    wasm: Vec<u8>,
    arg: Vec<u8>,
}

/// A failed installation and the instructions that it took.
struct Failure {
    reject: Reject,
    instructions: u64,
}

impl From<Reject> for Failure {
    fn from(reject: Reject) -> Self {
        Self {
            reject,
            instructions: 0,
        }
    }
}

/// `install_code`.
pub fn install_code(subnet: &mut Subnet, call: &Call) -> Done {
    finished(try_install_code(subnet, call))
}

/// `install_chunked_code`.
pub fn install_chunked_code(subnet: &mut Subnet, call: &Call) -> Done {
    finished(try_install_chunked_code(subnet, call))
}

fn finished(result: Result<u64, Failure>) -> Done {
    match result {
        Ok(instructions) => Done {
            answer: Some(Ok(NOTHING.to_vec())),
            taken: 0,
            instructions,
        },
        Err(Failure { reject, instructions }) => Done {
            answer: Some(Err(reject)),
            taken: 0,
            instructions,
        },
    }
}

fn try_install_code(subnet: &mut Subnet, call: &Call) -> Result<u64, Failure> {
    let args: InstallCodeArgs = decode(&call.arg)?;
    install(
        subnet,
        call,
        Installation {
            mode: args.mode,
            canister: args.canister_id,
            hash: Sha256::digest(&args.wasm_module).into(),
            wasm: args.wasm_module,
            arg: args.arg,
        },
    )
}

fn try_install_chunked_code(subnet: &mut Subnet, call: &Call) -> Result<u64, Failure> {
    let args: InstallChunkedCodeArgs = decode(&call.arg)?;
    let caller = call.origin.caller();
    controlled(subnet, args.target_canister, caller)?;
    let store = controlled_or_own(subnet, args.store_canister.unwrap_or(args.target_canister), caller)?;
    let (hash, wasm) = assemble(store, &args)?;
    install(
        subnet,
        call,
        Installation {
            mode: args.mode,
            canister: args.target_canister,
            hash,
            wasm,
            arg: args.arg,
        },
    )
}

/// The module made of the chunks, and its hash.
fn assemble(store: &Canister, args: &InstallChunkedCodeArgs) -> Result<([u8; 32], Vec<u8>), Reject> {
    let expected: [u8; 32] = args
        .wasm_module_hash
        .as_slice()
        .try_into()
        .map_err(|_| invalid_payload(format!("Invalid wasm hash {:?}", args.wasm_module_hash)))?;
    let mut wasm = Vec::new();
    for chunk in &args.chunk_hashes_list {
        let hash: [u8; 32] = chunk
            .hash
            .as_slice()
            .try_into()
            .map_err(|_| chunk_store("Chunk hash is invalid. The length is not 32"))?;
        let bytes = store
            .chunks
            .get(&hash)
            .ok_or_else(|| chunk_store(&format!("Chunk hash {hash:?} was not found")))?;
        wasm.extend_from_slice(bytes);
    }
    let actual: [u8; 32] = Sha256::digest(&wasm).into();
    if actual == expected {
        Ok((actual, wasm))
    } else {
        Err(chunk_store(&format!(
            "Wasm module hash {actual:?} does not match given hash {expected:?}"
        )))
    }
}

fn install(subnet: &mut Subnet, call: &Call, asked: Installation) -> Result<u64, Failure> {
    let canister = controlled(subnet, asked.canister, call.origin.caller())?;
    match (asked.mode, &canister.code) {
        (CanisterInstallMode::Install, Some(_)) => return Err(not_empty(canister.id).into()),
        (CanisterInstallMode::Upgrade(_), None) => return Err(reject::no_module(canister.id).into()),
        _ => {}
    }
    let module =
        execution::compile_hashed(asked.hash, &asked.wasm).map_err(|error| install_failed(asked.canister, &error))?;
    let mode = install_mode(asked.mode, canister.code.as_ref().map(|code| &*code.module), &module)?;
    let Some(mut canister) = subnet.canisters.remove(&asked.canister) else {
        return Ok(0);
    };
    let result = install_module(subnet, &mut canister, mode, &module, asked.arg, call);
    subnet.canisters.insert(canister.id, canister);
    result
}

/// How the module is installed; the heap is kept only between modules that are made for it.
fn install_mode(mode: CanisterInstallMode, old: Option<&Module>, new: &Module) -> Result<InstallMode, Reject> {
    let keeps = |module: &Module| {
        module
            .custom_sections()
            .iter()
            .any(|section| section.name == KEEPS_HEAP)
    };
    let CanisterInstallMode::Upgrade(flags) = mode else {
        return Ok(if mode == CanisterInstallMode::Install {
            InstallMode::Install
        } else {
            InstallMode::Reinstall
        });
    };
    let UpgradeFlags {
        skip_pre_upgrade,
        wasm_memory_persistence,
    } = flags.unwrap_or_default();
    match wasm_memory_persistence {
        None if old.is_some_and(keeps) => Err(Reject::new(
            ErrorCode::CanisterContractViolation,
            "Missing upgrade option: Enhanced orthogonal persistence requires the `wasm_memory_persistence` upgrade option.",
        )),
        Some(WasmMemoryPersistence::Keep) if !keeps(new) => Err(Reject::new(
            ErrorCode::CanisterContractViolation,
            "Invalid upgrade option: The `wasm_memory_persistence: opt Keep` upgrade option requires that the new \
             canister module supports enhanced orthogonal persistence.",
        )),
        persistence => Ok(InstallMode::Upgrade {
            skip_pre_upgrade: skip_pre_upgrade == Some(true),
            keep_main_memory: persistence == Some(WasmMemoryPersistence::Keep),
        }),
    }
}

fn install_module(
    subnet: &mut Subnet,
    canister: &mut Canister,
    mode: InstallMode,
    module: &Arc<Module>,
    arg: Vec<u8>,
    call: &Call,
) -> Result<u64, Failure> {
    let prepaid = subnet.price(|nodes| fees::execution(subnet.limits.install.min(PREPAID_INSTRUCTIONS), nodes));
    let needed = prepaid.saturating_add(subnet.freezing_cycles(canister));
    if prepaid > 0 && canister.balance < needed {
        let reject = reject::out_of_cycles(canister.id, needed - canister.balance);
        return Err(install_out_of_cycles(&reject).into());
    }
    canister.balance -= prepaid;
    let input = MessageInput {
        entry: Entry::PreUpgrade,
        caller: call.origin.caller(),
        env: subnet.environment(canister),
        replicated: true,
        balance: canister.balance,
        cycles_available: 0,
        deadline: 0,
        already_responded: false,
        instruction_limit: subnet.limits.install,
        context_instructions: 0,
        data_certificate: None,
        queue_room: None,
    };
    let old = canister.code.as_ref().map(|code| (&code.module, &code.memory));
    let (output, memory) = execution::install(mode, old, module, arg, &input);
    let instructions = output.instructions;
    let cost = subnet.price(|nodes| fees::execution(instructions, nodes)).min(prepaid);
    canister.balance = output.balance + (prepaid - cost);
    subnet.consumed += cost;
    canister.logs.append(output.logs);
    let memory = match (output.result, memory) {
        (Ok(()), Some(memory)) => memory,
        (Err(trap), _) => {
            return Err(Failure {
                reject: Reject::trap(canister.id, &trap),
                instructions,
            });
        }
        // Not reached: an installation that succeeds has a memory.
        (Ok(()), None) => return Ok(instructions),
    };
    subnet.consumed += output.cycles_burned;
    canister.code = Some(Code {
        module: Arc::clone(module),
        memory,
    });
    canister.global_timer = output.global_timer.unwrap_or(0);
    if !matches!(mode, InstallMode::Upgrade { .. }) {
        canister.certified_data.clear();
    }
    if let Some(data) = output.certified_data {
        canister.certified_data = data;
    }
    canister.version += 1;
    let mode = match mode {
        InstallMode::Install => CodeDeploymentMode::Install,
        InstallMode::Reinstall => CodeDeploymentMode::Reinstall,
        InstallMode::Upgrade { .. } => CodeDeploymentMode::Upgrade,
    };
    let record = CodeDeploymentRecord {
        mode,
        module_hash: module.hash().to_vec(),
    };
    canister.record_change(subnet.time, change_origin(call), ChangeDetails::CodeDeployment(record));
    Ok(instructions)
}

/// `uninstall_code`.
pub fn uninstall_code(subnet: &mut Subnet, call: &Call) -> Answer {
    let UninstallCodeArgs { canister_id, .. } = decode(&call.arg)?;
    controlled(subnet, canister_id, call.origin.caller())?;
    uninstall(subnet, canister_id);
    let (now, origin) = (subnet.time, change_origin(call));
    subnet
        .canister_mut(canister_id)?
        .record_change(now, origin, ChangeDetails::CodeUninstall);
    Ok(NOTHING.to_vec())
}

/// Takes a canister's code and state away. Who waits for it is rejected; answers to its calls will not be heard.
pub fn uninstall(subnet: &mut Subnet, id: Principal) {
    let Some(mut canister) = subnet.canisters.remove(&id) else {
        return;
    };
    canister.code = None;
    canister.certified_data.clear();
    canister.chunks.clear();
    canister.global_timer = 0;
    canister.logs = Logs::default();
    canister.version += 1;
    for context in canister.contexts.values_mut() {
        context.deleted = true;
        if !context.responded {
            context.responded = true;
            let refund = std::mem::take(&mut context.available);
            let reject = Reject::verbatim(ErrorCode::CanisterRejectedMessage, "Canister has been uninstalled.");
            subnet.respond(&context.origin, refund, Err(reject));
        }
    }
    canister.contexts.retain(|_, context| context.outstanding > 0);
    subnet.canisters.insert(id, canister);
}
