//! The Wasm engine, set up once for the whole process, and the memories that it is given.
#![allow(
    unsafe_code,
    reason = "wasmtime takes memories of the embedder through unsafe traits"
)]

use std::cell::RefCell;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use wasmtime::{Config, Engine, LinearMemory, MemoryCreator, MemoryType, OptLevel, WasmFeatures};

use super::heap::Mapping;
use super::metering;

/// Stack that canister code may use, in bytes.
pub(super) const WASM_STACK: usize = 4 << 20;
/// Stack that has to be left when a message starts: the canister's and the host's own.
pub(super) const NEEDED_STACK: usize = WASM_STACK + (1 << 20);
/// Address space kept for a heap, and inaccessible space after it.
const RESERVATION: u64 = 4 << 30;
const GUARD: u64 = 32 << 20;

/// The engine.
///
/// # Panics
/// This machine cannot run wasmtime at all.
pub(crate) fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let mut config = Config::new();
        config
            .wasm_features(WasmFeatures::all(), false)
            .wasm_features(features(), true)
            .cranelift_nan_canonicalization(true)
            .cranelift_opt_level(OptLevel::Speed)
            .consume_fuel(true)
            .operator_cost(metering::operator_cost())
            // Nothing runs asynchronously here, but the engine wants that stack to be the larger one.
            .async_stack_size(NEEDED_STACK)
            .max_wasm_stack(WASM_STACK)
            .memory_init_cow(false)
            .memory_may_move(false)
            .memory_reservation(RESERVATION)
            .memory_guard_size(GUARD)
            .native_unwind_info(false)
            .with_host_memory(Arc::new(Creator));
        Engine::new(&config).expect("wasmtime supports this machine")
    })
}

/// The Wasm features that a canister may use.
pub(super) fn features() -> WasmFeatures {
    // References to functions are all that a canister has a use for; others would need a garbage collector.
    (WasmFeatures::WASM2 | WasmFeatures::TAIL_CALL | WasmFeatures::EXTENDED_CONST).difference(WasmFeatures::GC_TYPES)
}

thread_local! {
    /// The mapping that the next instance of this thread gets as its memory.
    static NEXT: RefCell<Option<Arc<Mutex<Mapping>>>> = const { RefCell::new(None) };
}

/// Sets the mapping that the next instance created by this thread gets as its memory.
pub(super) fn set_next_memory(mapping: Option<Arc<Mutex<Mapping>>>) {
    NEXT.with_borrow_mut(|next| *next = mapping);
}

struct Creator;

// SAFETY: a mapping reserves what it is asked for, never moves, is zero where nothing was written, and is only
// written through wasmtime while the instance lives.
unsafe impl MemoryCreator for Creator {
    fn new_memory(
        &self,
        _ty: MemoryType,
        minimum: usize,
        _maximum: Option<usize>,
        reserved_size_in_bytes: Option<usize>,
        guard_size_in_bytes: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        let mapping = NEXT
            .with_borrow_mut(Option::take)
            .ok_or("no memory was prepared for the instance")?;
        {
            let mapping = mapping.lock().unwrap_or_else(PoisonError::into_inner);
            if mapping.size() < minimum {
                return Err("the canister's heap is smaller than its module says".into());
            }
            if !mapping.reserves(reserved_size_in_bytes.unwrap_or(0) + guard_size_in_bytes) {
                return Err("the reservation is too small".into());
            }
        }
        Ok(Box::new(Linear(mapping)))
    }
}

/// Space that a mapping reserves beyond the heap's 4 GiB.
pub(super) const fn guard() -> usize {
    #[allow(clippy::cast_possible_truncation, reason = "usize has 64 bits wherever this runs")]
    {
        GUARD as usize
    }
}

struct Linear(Arc<Mutex<Mapping>>);

// SAFETY: see `Creator`.
unsafe impl LinearMemory for Linear {
    fn byte_size(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).size()
    }

    fn byte_capacity(&self) -> usize {
        super::heap::MAX_HEAP
    }

    fn grow_to(&mut self, new_size: usize) -> wasmtime::Result<()> {
        let mut mapping = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        mapping.grow_to(new_size).map_err(wasmtime::Error::new)
    }

    fn as_ptr(&self) -> *mut u8 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).base()
    }
}
