//! Open addressing inside one page: 255 slots in a ring, linear probing, backward-shift deletion.
//!
//! Slots are numbered 1 to 255, so that slot `s` lies at byte 16·s and the page's header takes the place of slot 0.

use crate::layout::{PAGE_SLOTS, PageNo, offset};
use ic_stable_structures::Memory;

/// A page's bytes on the heap or stack.
pub(crate) type PageBuffer = [u8; 4096];

/// The top bit of a stored value: the slot is taken.
const TAKEN: u64 = 1 << 63;
const SLOT_BYTES: usize = 16;
/// Slots read at a time: at 70 % load an unsuccessful search passes 6 slots on average, so one read usually ends it.
const STRIDE: u16 = 8;
const STRIDE_BYTES: usize = 128;

/// A tag and its value, as a slot holds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub tag: u64,
    pub value: u64,
}

impl Item {
    fn decode(bytes: &[u8], at: usize) -> Option<Self> {
        let value = u64_at(bytes, at + 8);
        (value != 0).then(|| Self {
            tag: u64_at(bytes, at),
            value: value & !TAKEN,
        })
    }

    fn encode(self) -> [u8; SLOT_BYTES] {
        let mut bytes = [0; SLOT_BYTES];
        bytes[..8].copy_from_slice(&self.tag.to_le_bytes());
        bytes[8..].copy_from_slice(&(self.value | TAKEN).to_le_bytes());
        bytes
    }
}

/// Where a search in one page ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    Found {
        slot: u8,
        value: u64,
    },
    /// Not in this page, nor in a later one; the tag's place would be this slot.
    Empty {
        slot: u8,
    },
    /// Not in this page, which is full.
    Full,
}

/// The slot where the search for `tag` starts.
pub(crate) fn home(tag: u64) -> u8 {
    1 + (((tag >> 32) * u64::from(PAGE_SLOTS)) >> 32).to_le_bytes()[0]
}

fn following(slot: u8) -> u8 {
    if slot == u8::MAX { 1 } else { slot + 1 }
}

fn slot_offset(page: PageNo, slot: u8) -> u64 {
    offset(page) + u64::from(slot) * 16
}

/// Calls `visit` with the slots of `page` from `from` on, around the ring, at most `limit` of them, until it breaks.
fn walk<M: Memory, T>(
    memory: &M,
    page: PageNo,
    from: u8,
    limit: u16,
    mut visit: impl FnMut(u8, Option<Item>) -> Option<T>,
) -> Option<T> {
    let mut buffer = [0; STRIDE_BYTES];
    let mut slot = from;
    let mut left = limit;
    while left > 0 {
        let slots = STRIDE.min(left).min(PAGE_SLOTS + 1 - u16::from(slot));
        let bytes = &mut buffer[..usize::from(slots) * SLOT_BYTES];
        memory.read(slot_offset(page, slot), bytes);
        for at in (0..bytes.len()).step_by(SLOT_BYTES) {
            if let Some(done) = visit(slot, Item::decode(bytes, at)) {
                return Some(done);
            }
            slot = following(slot);
        }
        left -= slots;
    }
    None
}

/// Searches `page` for an entry with `tag` whose value satisfies `is_it`.
pub(crate) fn probe<M: Memory>(memory: &M, page: PageNo, tag: u64, is_it: &mut impl FnMut(u64) -> bool) -> Probe {
    walk(memory, page, home(tag), PAGE_SLOTS, |slot, item| match item {
        None => Some(Probe::Empty { slot }),
        Some(item) => (item.tag == tag && is_it(item.value)).then_some(Probe::Found {
            slot,
            value: item.value,
        }),
    })
    .unwrap_or(Probe::Full)
}

pub(crate) fn write_item<M: Memory>(memory: &M, page: PageNo, slot: u8, item: Item) {
    memory.write(slot_offset(page, slot), &item.encode());
}

/// Empties `slot` and closes the gap: entries that probed across it move back. Returns the slot that is empty in the end.
///
/// In a full page the search for entries to move goes around the ring until it comes back to the gap; every move brings an entry
/// nearer to its home, so it ends.
pub(crate) fn clear_slot<M: Memory>(memory: &M, page: PageNo, slot: u8) -> u8 {
    let mut gap = slot;
    loop {
        let moved = walk(memory, page, following(gap), PAGE_SLOTS - 1, |at, item| match item {
            None => Some(None),
            Some(item) => crosses(home(item.tag), gap, at).then_some(Some((at, item))),
        });
        match moved.flatten() {
            Some((at, item)) => {
                write_item(memory, page, gap, item);
                gap = at;
            }
            None => break,
        }
    }
    memory.write(slot_offset(page, gap), &[0; SLOT_BYTES]);
    gap
}

/// Whether a search from `home` reaches `at` only across `gap`.
fn crosses(home: u8, gap: u8, at: u8) -> bool {
    if gap < at {
        home <= gap || home > at
    } else {
        home <= gap && home > at
    }
}

/// The items of a page.
pub(crate) fn items(page: &PageBuffer) -> impl Iterator<Item = (u8, Item)> + '_ {
    (1..=u8::MAX).filter_map(|slot| Item::decode(page, usize::from(slot) * SLOT_BYTES).map(|item| (slot, item)))
}

/// Puts `item` into a page that is not full.
pub(crate) fn place(page: &mut PageBuffer, item: Item) {
    let mut slot = home(item.tag);
    while u64_at(page, usize::from(slot) * SLOT_BYTES + 8) != 0 {
        slot = following(slot);
    }
    let at = usize::from(slot) * SLOT_BYTES;
    page[at..at + SLOT_BYTES].copy_from_slice(&item.encode());
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut value = [0; 8];
    value.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(value)
}
