//! What of a canister lives on between messages: heap, mutable globals, stable memory.

use wasmtime::Val;

use super::heap::Heap;
use super::stable::StableMemory;

/// The memory of a canister. Only [`super::run`] and [`super::install`] change it, as a whole or not at all.
#[derive(Clone, Debug)]
pub struct CanisterMemory {
    pub(super) heap: Heap,
    /// Values of the mutable globals; `None`: as the module initialises them.
    pub(super) globals: Option<Vec<Val>>,
    pub(super) stable: StableMemory,
}

impl CanisterMemory {
    pub(super) fn with_heap(heap: Heap) -> Self {
        Self {
            heap,
            globals: None,
            stable: StableMemory::default(),
        }
    }

    /// Bytes of the heap.
    pub fn heap_bytes(&self) -> u64 {
        self.heap.size() as u64
    }

    /// Bytes of stable memory.
    pub fn stable_bytes(&self) -> u64 {
        self.stable.size()
    }

    /// All of stable memory.
    pub fn read_stable(&self) -> Vec<u8> {
        self.stable.to_vec()
    }

    /// Replaces stable memory; its size becomes that of `bytes`, rounded up to 64 KiB.
    pub fn set_stable(&mut self, bytes: &[u8]) {
        self.stable = StableMemory::from_bytes(bytes);
    }

    /// A copy that goes its own way. It costs little, whatever the sizes.
    #[must_use]
    pub fn fork(&self) -> Self {
        self.clone()
    }
}
