//! Writing at an offset of a memory that grows as needed.

use ic_stable_structures::Memory;

const WASM_PAGE_BYTES: u64 = 65_536;

/// Writes `bytes` at `offset`, growing the memory first if it ends before.
///
/// # Panics
/// If the canister's stable memory is exhausted (500 GiB); the message then rolls back.
pub fn write<M: Memory>(memory: &M, offset: u64, bytes: &[u8]) {
    let end = offset + bytes.len() as u64;
    let have = memory.size();
    if end > have * WASM_PAGE_BYTES {
        let pages = end.div_ceil(WASM_PAGE_BYTES) - have;
        assert!(memory.grow(pages) >= 0, "stable memory is exhausted");
    }
    memory.write(offset, bytes);
}

/// Reads `N` bytes at `offset`, which must have been written before.
pub fn read<const N: usize, M: Memory>(memory: &M, offset: u64) -> [u8; N] {
    let mut bytes = [0; N];
    memory.read(offset, &mut bytes);
    bytes
}
