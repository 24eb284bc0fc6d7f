//! What one message has seen and done so far, as the System API works on it.

use wasmtime::{Caller, Memory, ResourceLimiter};

use super::fault::Fault;
use super::mode::{self, Modes};
use crate::execution::interface::{Cycles, Entry, LogLine, MessageInput, Nanos, OutgoingCall, Response};
use crate::execution::stable::{Accesses, StableMemory};

/// Heap that a canister may use unless its settings say otherwise: 3 GiB.
const DEFAULT_HEAP_LIMIT: u64 = 3 << 30;
/// Instructions of one uninterruptible operation.
pub const SLICE: u64 = 2_000_000_000;
/// Longest line kept of what is printed.
const MAX_LINE: usize = 32 << 10;

/// One message's effects, before anybody decides whether to keep them.
pub struct State {
    /// The message.
    pub input: MessageInput,
    /// The kind of entry point.
    pub mode: Modes,
    /// The instance's memory, if it has one.
    pub memory: Option<Memory>,
    /// Stable memory as the message leaves it.
    pub stable: StableMemory,
    /// Pages of it that were read or written.
    pub accesses: Accesses,
    /// Reply data appended so far.
    pub reply: Vec<u8>,
    /// The answer.
    pub response: Option<Response>,
    /// Calls made.
    pub calls: Vec<OutgoingCall>,
    /// The call under construction.
    pub call: Option<OutgoingCall>,
    /// The balance.
    pub balance: Cycles,
    /// Cycles that can still be accepted.
    pub available: Cycles,
    /// Cycles accepted.
    pub accepted: Cycles,
    /// Cycles burnt.
    pub burned: Cycles,
    /// Certified data set.
    pub certified_data: Option<Vec<u8>>,
    /// Timer set.
    pub global_timer: Option<Nanos>,
    /// `accept_message` was called.
    pub accepted_message: bool,
    /// What was printed.
    pub logs: Vec<LogLine>,
}

impl State {
    /// The state in which a message starts.
    pub fn new(input: MessageInput, mode: Modes, stable: StableMemory) -> Self {
        Self {
            mode,
            memory: None,
            stable,
            accesses: Accesses::default(),
            reply: Vec::new(),
            response: None,
            calls: Vec::new(),
            call: None,
            balance: input.balance,
            available: input.cycles_available,
            accepted: 0,
            burned: 0,
            certified_data: None,
            global_timer: None,
            accepted_message: false,
            logs: Vec::new(),
            input,
        }
    }

    /// The argument, or the reply that a reply callback handles.
    pub fn argument(&self) -> &[u8] {
        match &self.input.entry {
            Entry::Init { arg }
            | Entry::PostUpgrade { arg }
            | Entry::InspectMessage { arg, .. }
            | Entry::Update { arg, .. }
            | Entry::Query { arg, .. }
            | Entry::CompositeQuery { arg, .. } => arg,
            Entry::Reply { reply, .. } => reply,
            _ => &[],
        }
    }

    /// Cycles that may be spent: the balance without the freezing threshold.
    pub fn liquid(&self) -> Cycles {
        self.balance.saturating_sub(self.input.env.freezing_threshold_cycles)
    }

    /// Adds a line to what was printed.
    pub fn log(&mut self, content: &[u8]) {
        let content = content[..content.len().min(MAX_LINE)].to_vec();
        self.logs.push(LogLine {
            time: self.input.env.time,
            content,
        });
    }

    /// Bytes of stable memory that the message may access.
    fn stable_access_limit(&self) -> u64 {
        const QUERIES: Modes = mode::QUERY
            | mode::COMPOSITE_QUERY
            | mode::COMPOSITE_REPLY
            | mode::COMPOSITE_REJECT
            | mode::COMPOSITE_CLEANUP
            | mode::INSPECT;
        const INSTALLS: Modes = mode::START | mode::INIT | mode::PRE_UPGRADE;
        match self.mode {
            m if m & QUERIES != 0 => 1 << 30,
            m if m & INSTALLS != 0 => 8 << 30,
            _ => 2 << 30,
        }
    }

    /// Fails once more stable memory was accessed than one message may.
    pub fn check_accesses(&self) -> Result<(), Fault> {
        let limit = self.stable_access_limit();
        if self.accesses.bytes() > limit {
            Err(Fault::StableAccess(limit))
        } else {
            Ok(())
        }
    }

    /// Gives back the cycles of a call that was not performed.
    pub fn drop_call(&mut self) {
        if let Some(call) = self.call.take() {
            self.balance += call.cycles;
        }
    }
}

impl ResourceLimiter for State {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        const LIMITED: Modes = mode::START | mode::INIT | mode::UPDATE | mode::TASK;
        // `current` is 0 when the instance is made: nothing grows then.
        if current == 0 || self.mode & LIMITED == 0 {
            return Ok(true);
        }
        let limit = match self.input.env.wasm_memory_limit {
            0 => DEFAULT_HEAP_LIMIT,
            limit => limit,
        };
        if desired as u64 > limit {
            return Err(Fault::HeapLimit(limit, desired as u64).into());
        }
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= 10_000_000)
    }
}

/// What a System API function works with.
pub type Context<'a> = Caller<'a, State>;

/// Begins a System API function: is it allowed here, and what does it cost.
pub fn enter(c: &mut Context, function: &'static str, allowed: Modes, cost: u64) -> wasmtime::Result<()> {
    let mode = c.data().mode;
    if mode & allowed == 0 {
        return Err(Fault::Mode(function, mode::name(mode)).into());
    }
    charge(c, cost)
}

/// Charges instructions.
pub fn charge(c: &mut Context, instructions: u64) -> wasmtime::Result<()> {
    let limit = c.data().input.instruction_limit;
    // Benchmarking subnets have no limit to speak of, and no slices.
    if instructions > SLICE && limit <= 300_000_000_000 {
        return Err(Fault::Slice(instructions).into());
    }
    let left = c.get_fuel()?;
    if let Some(left) = left.checked_sub(instructions) {
        return c.set_fuel(left);
    }
    c.set_fuel(0)?;
    Err(Fault::Instructions(limit).into())
}

/// The heap and the state, together.
pub fn heap<'a>(c: &'a mut Context) -> wasmtime::Result<(&'a mut [u8], &'a mut State)> {
    let memory = c.data().memory.ok_or(Fault::HEAP)?;
    Ok(memory.data_and_store_mut(c))
}

/// A part of the heap.
pub fn slice(heap: &[u8], at: u32, size: u32) -> Result<&[u8], Fault> {
    let at = at as usize;
    heap.get(at..at + size as usize).ok_or(Fault::HEAP)
}

/// A part of the heap, to write.
pub fn slice_mut(heap: &mut [u8], at: u32, size: usize) -> Result<&mut [u8], Fault> {
    let at = at as usize;
    heap.get_mut(at..at + size).ok_or(Fault::HEAP)
}

/// Copies out of the heap.
pub fn read(c: &mut Context, at: u32, size: u32) -> wasmtime::Result<Vec<u8>> {
    if size == 0 && c.data().memory.is_none() {
        return Ok(Vec::new());
    }
    let (heap, _) = heap(c)?;
    Ok(slice(heap, at, size)?.to_vec())
}

/// Writes 128 bits, little-endian.
pub fn write_u128(c: &mut Context, at: u32, value: u128) -> wasmtime::Result<()> {
    let (heap, _) = heap(c)?;
    slice_mut(heap, at, 16)?.copy_from_slice(&value.to_le_bytes());
    Ok(())
}

/// Copies a part of something that the state holds into the heap, as all `…_copy` functions do.
pub fn copy_out(
    c: &mut Context,
    function: &'static str,
    (dst, offset, size): (u32, u32, u32),
    source: impl FnOnce(&State) -> Result<&[u8], Fault>,
) -> wasmtime::Result<()> {
    let (heap, state) = heap(c)?;
    let source = source(state)?;
    let (offset, size) = (offset as usize, size as usize);
    let part = source.get(offset..offset + size).ok_or_else(|| {
        Fault::Contract(format!(
            "ic0.{function} payload: src={offset} + length={size} exceeds the slice size={}",
            source.len()
        ))
    })?;
    slice_mut(heap, dst, size)?.copy_from_slice(part);
    Ok(())
}
