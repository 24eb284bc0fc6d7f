//! Prepaid balances, the queue of streams whose storage is due, and how much of stable memory is used.

use ddsx_prepaid::Prepaid;
use ddsx_types::TimestampNs;
use ddsx_types::stream_registry::StreamId;
use ic_stable_structures::Memory;

use super::keys::stream_and;
use super::records::StreamState;
use super::{Mem, Storage};

impl Storage {
    /// Prepaid balances, to read.
    pub fn prepaid(&self) -> &Prepaid<Mem> {
        &self.prepaid
    }

    /// Prepaid balances, to change.
    pub fn prepaid_mut(&mut self) -> &mut Prepaid<Mem> {
        &mut self.prepaid
    }

    /// Has the timer look at a stream's storage at a time.
    pub fn look_at(&mut self, at: TimestampNs, stream: StreamId) {
        self.upkeep_queue.insert(stream_and(at, stream), ());
    }

    /// Takes the first stream out of the queue whose time has come.
    pub fn take_due_stream(&mut self, now: TimestampNs) -> Option<StreamId> {
        let (key, ()) = self.upkeep_queue.first_key_value()?;
        if key.u64_at(0) > now {
            return None;
        }
        self.upkeep_queue.remove(&key);
        Some(key.u64_at(8))
    }

    /// Streams in the queue.
    pub fn upkeep_tasks(&self) -> u64 {
        self.upkeep_queue.len()
    }

    /// Bytes of stable memory in use, all memories together.
    pub fn stable_bytes(&self) -> u64 {
        self.memory.size() * 65_536
    }

    /// Whether so many bytes more leave `reserve` bytes of the budget untouched.
    pub fn has_room(&self, bytes: u64, reserve: u64) -> bool {
        self.stable_bytes().saturating_add(bytes).saturating_add(reserve) <= self.budget
    }

    /// Whether a batch of so many bytes goes where payloads were dropped.
    pub fn fits_a_hole(&self, bytes: u64) -> bool {
        self.chunks.fits_a_hole(bytes)
    }

    /// Drops the payloads of some chunks; their leaves stay. Answers how many bytes went.
    pub fn drop_payloads(&mut self, state: &StreamState, from: u64, to: u64) -> u64 {
        let freed = self.chunks.drop_payloads(&state.extents, from, to);
        self.count(|counters| counters.bytes = counters.bytes.saturating_sub(freed));
        freed
    }

    /// Another budget, to see what happens at its end.
    #[cfg(test)]
    pub fn set_budget(&mut self, bytes: u64) {
        self.budget = bytes;
    }
}
