//! Running one message: an instance on a private view of the memory, whose effects are kept or forgotten as a whole.
//!
//! Interface specification: *Abstract behaviour*, from "Call context execution" on: a message that traps leaves no
//! trace but the instructions that it used.

use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::{Extern, Ref, Store, Val};

use super::engine::{self, engine};
use super::heap::{Heap, Written};
use super::instrument;
use super::interface::{Closure, Entry, MessageInput, MessageOutput};
use super::metering::DIRTY_PAGE;
use super::stable::StableMemory;
use super::{CanisterMemory, Module};
use crate::ic0::fault::{Fault, backtrace};
use crate::ic0::mode::{self, Modes};
use crate::ic0::{State, fault};

/// Runs a message and, if it succeeds and is of a kind that changes state, keeps what it did.
///
/// Queries and `inspect_message` never change `memory`; a composite query and its callbacks do: give them a fork.
pub fn run(module: &Arc<Module>, memory: &mut CanisterMemory, input: &MessageInput) -> MessageOutput {
    let keep = !matches!(input.entry, Entry::Query { .. } | Entry::InspectMessage { .. });
    let (mut output, changes) = execute(module, memory, input, keep);
    if let Some(changes) = changes
        && let Err(e) = memory.apply(changes)
    {
        fail(&mut output, input, Fault::Engine(e.to_string()).into_trap(None));
    }
    output
}

/// Runs a message and forgets what it did to the memory.
pub fn run_query(module: &Arc<Module>, memory: &CanisterMemory, input: &MessageInput) -> MessageOutput {
    execute(module, memory, input, false).0
}

/// What a message did to the memory.
pub(super) struct Changes {
    heap: Option<Written>,
    globals: Vec<Val>,
    stable: StableMemory,
}

impl CanisterMemory {
    pub(super) fn apply(&mut self, changes: Changes) -> std::io::Result<()> {
        if let Some(heap) = &changes.heap {
            self.heap.commit(heap)?;
        }
        self.globals = Some(changes.globals);
        self.stable = changes.stable;
        Ok(())
    }
}

/// Runs a message on a view of the memory.
fn execute(
    module: &Module,
    memory: &CanisterMemory,
    input: &MessageInput,
    keep: bool,
) -> (MessageOutput, Option<Changes>) {
    let mode = mode::of(&input.entry, input.replicated);
    match target(module, &input.entry) {
        Ok(Some(target)) => enter(module, memory, input, mode, &target, keep),
        Ok(None) => (unchanged(input, Ok(()), 0), None),
        Err(fault) => (unchanged(input, Err(fault.into_trap(None)), 0), None),
    }
}

/// What is called.
pub(super) enum Target {
    Export(String),
    Closure(Closure),
}

/// What an entry calls; nothing if the module does not export an entry point that it need not export.
fn target(module: &Module, entry: &Entry) -> Result<Option<Target>, Fault> {
    let method = |kind: &'static str, name: &str| {
        let export = format!("canister_{kind} {name}");
        if module.exports(&export) {
            Ok(Some(Target::Export(export)))
        } else {
            Err(Fault::NoMethod(kind, name.to_owned()))
        }
    };
    let optional = |name: &str| Ok(module.exports(name).then(|| Target::Export(name.to_owned())));
    match entry {
        Entry::Init { .. } => optional("canister_init"),
        Entry::PreUpgrade => optional("canister_pre_upgrade"),
        Entry::PostUpgrade { .. } => optional("canister_post_upgrade"),
        Entry::InspectMessage { .. } => optional("canister_inspect_message"),
        Entry::Heartbeat => optional("canister_heartbeat"),
        Entry::GlobalTimer => optional("canister_global_timer"),
        Entry::Update { method: name, .. } => method("update", name),
        Entry::Query { method: name, .. } => method("query", name),
        Entry::CompositeQuery { method: name, .. } => method("composite_query", name),
        Entry::Reply { callback, .. } | Entry::Reject { callback, .. } | Entry::Cleanup { callback, .. } => {
            Ok(Some(Target::Closure(*callback)))
        }
    }
}

/// Enters the module on a stack that is deep enough.
pub(super) fn enter(
    module: &Module,
    memory: &CanisterMemory,
    input: &MessageInput,
    mode: Modes,
    target: &Target,
    keep: bool,
) -> (MessageOutput, Option<Changes>) {
    stacker::maybe_grow(
        engine::NEEDED_STACK,
        engine::NEEDED_STACK + (1 << 20),
        || match enter_here(module, memory, input, mode, target, keep) {
            Ok(result) => result,
            Err(e) => (
                unchanged(input, Err(Fault::Engine(format!("{e:#}")).into_trap(None)), 0),
                None,
            ),
        },
    )
}

fn enter_here(
    module: &Module,
    memory: &CanisterMemory,
    input: &MessageInput,
    mode: Modes,
    target: &Target,
    keep: bool,
) -> wasmtime::Result<(MessageOutput, Option<Changes>)> {
    let mapping = match module.shape().heap {
        Some(_) => Some(Arc::new(Mutex::new(map(&memory.heap)?))),
        None => None,
    };
    let mut store = Store::new(engine(), State::new(input.clone(), mode, memory.stable.clone()));
    store.limiter(|state| state);
    store.set_fuel(input.instruction_limit)?;
    engine::set_next_memory(mapping.clone());
    let instance = module.instance().instantiate(&mut store);
    engine::set_next_memory(None);
    let instance = instance?;
    store.data_mut().memory = instance.get_memory(&mut store, instrument::MEMORY);
    let globals = (0..module.shape().globals)
        .filter_map(|i| instance.get_global(&mut store, &instrument::global_name(i)))
        .collect::<Vec<_>>();
    if let Some(values) = &memory.globals {
        for (global, value) in globals.iter().zip(values) {
            // References live as long as an instance.
            if !matches!(value, Val::FuncRef(_)) {
                global.set(&mut store, *value)?;
            }
        }
    }
    let called = call(&mut store, &instance, target);
    let left = store.get_fuel()?;
    let instructions = input.instruction_limit - left.min(input.instruction_limit);
    let succeeded = called.is_ok();
    let (dirty_heap_pages, heap) = match &mapping {
        Some(mapping) => {
            let mapping = mapping.lock().unwrap_or_else(PoisonError::into_inner);
            mapping.written(keep && succeeded)?
        }
        None => (0, None),
    };
    let values = globals.iter().map(|global| match global.get(&mut store) {
        Val::FuncRef(_) => Val::FuncRef(None),
        value => value,
    });
    let values = values.collect();
    let mut state = store.into_data();
    state.drop_call();
    let charged = instructions
        .saturating_add(dirty_heap_pages * DIRTY_PAGE)
        .min(input.instruction_limit);
    if let Err(error) = called {
        let names = module.shape().names.then(|| backtrace(&error)).flatten();
        let trap = fault::Fault::from_engine(&error, input.instruction_limit).into_trap(names.as_deref());
        let mut output = unchanged(input, Ok(()), charged);
        output.logs = std::mem::take(&mut state.logs);
        output.dirty_heap_pages = dirty_heap_pages;
        output.dirty_stable_pages = state.accesses.written();
        fail(&mut output, input, trap);
        return Ok((output, None));
    }
    let output = MessageOutput {
        result: Ok(()),
        instructions: charged,
        dirty_heap_pages,
        dirty_stable_pages: state.accesses.written(),
        response: state.response,
        calls: state.calls,
        balance: state.balance,
        cycles_accepted: state.accepted,
        cycles_burned: state.burned,
        certified_data: state.certified_data,
        global_timer: state.global_timer,
        accepted: state.accepted_message,
        logs: state.logs,
    };
    let changes = keep.then_some(Changes {
        heap,
        globals: values,
        stable: state.stable,
    });
    Ok((output, changes))
}

fn map(heap: &Heap) -> wasmtime::Result<super::heap::Mapping> {
    heap.map(engine::guard()).map_err(wasmtime::Error::new)
}

/// Calls the target; the error is why the message fails.
fn call(store: &mut Store<State>, instance: &wasmtime::Instance, target: &Target) -> wasmtime::Result<()> {
    match target {
        Target::Export(name) => instance.get_typed_func::<(), ()>(&mut *store, name)?.call(store, ()),
        Target::Closure(closure) => {
            let missing = || Fault::NoFunction(closure.fun);
            let table = instance
                .get_export(&mut *store, instrument::TABLE)
                .and_then(Extern::into_table)
                .ok_or_else(missing)?;
            let Some(Ref::Func(Some(function))) = table.get(&mut *store, u64::from(closure.fun)) else {
                return Err(missing().into());
            };
            let function = function.typed::<u32, ()>(&*store).map_err(|_| {
                Fault::Contract(format!(
                    "function invoked at index {} by the canister has the wrong type: it must take an i32 and return nothing",
                    closure.fun
                ))
            })?;
            function.call(store, closure.env)
        }
    }
}

/// The output of a message that did nothing.
pub(super) fn unchanged(
    input: &MessageInput,
    result: Result<(), super::interface::Trap>,
    instructions: u64,
) -> MessageOutput {
    MessageOutput {
        result,
        instructions,
        dirty_heap_pages: 0,
        dirty_stable_pages: 0,
        response: None,
        calls: Vec::new(),
        balance: input.balance,
        cycles_accepted: 0,
        cycles_burned: 0,
        certified_data: None,
        global_timer: None,
        accepted: false,
        logs: Vec::new(),
    }
}

/// Makes an output that of a failed message.
pub(super) fn fail(output: &mut MessageOutput, input: &MessageInput, trap: super::interface::Trap) {
    let mut logs = std::mem::take(&mut output.logs);
    logs.push(super::interface::LogLine {
        time: input.env.time,
        content: format!("[TRAP]: {}", trap.message).into_bytes(),
    });
    *output = MessageOutput {
        logs,
        dirty_heap_pages: output.dirty_heap_pages,
        dirty_stable_pages: output.dirty_stable_pages,
        ..unchanged(input, Err(trap), output.instructions)
    };
}
