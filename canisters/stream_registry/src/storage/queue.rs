//! Whom the payout timer has to look at, by time.

use std::ops::Bound;

use ic_stable_structures::StableBTreeMap;

use super::Mem;
use super::codec::{Malformed, Reader};
use super::keys::{Key, key};
use super::records::{PAYEE_LEN, PayeeKey};

/// Something for the payout timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Look whether a payee is due enough, and pay it.
    Pay(PayeeKey),
    /// Go through a stream's contributors.
    Sweep {
        /// The stream.
        stream: u64,
        /// The asset.
        asset: u32,
    },
}

/// Where a task stands in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Not to be done before this time.
    pub not_before: u64,
    /// What is to be done.
    pub task: Task,
}

impl Place {
    fn key(self) -> Key<LEN> {
        self.task.key(self.not_before)
    }
}

const PAY: u8 = 0;
const SWEEP: u8 = 1;
const LEN: usize = 8 + 1 + PAYEE_LEN;

impl Task {
    fn key(self, not_before: u64) -> Key<LEN> {
        let (kind, payee) = match self {
            Self::Pay(payee) => (PAY, payee),
            Self::Sweep { stream, asset } => (SWEEP, PayeeKey::Provider { stream, asset }),
        };
        key(&[&not_before.to_be_bytes(), &[kind], &payee.encode()])
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader::new(bytes);
        let kind = from.u8()?;
        match (kind, PayeeKey::decode(from.raw(PAYEE_LEN)?)?) {
            (PAY, payee) => Ok(Self::Pay(payee)),
            (SWEEP, PayeeKey::Provider { stream, asset }) => Ok(Self::Sweep { stream, asset }),
            _ => Err(Malformed),
        }
    }
}

/// The queue. A task enters once for a time, however often it is asked for.
pub struct PayoutQueue {
    /// (not before, task) → where a sweep goes on.
    tasks: StableBTreeMap<Key<LEN>, u32, Mem>,
}

impl PayoutQueue {
    /// Opens the queue.
    pub fn open(memory: Mem) -> Self {
        Self {
            tasks: StableBTreeMap::init(memory),
        }
    }

    /// Asks for a task, to be done at or after a time (0: as soon as may be). A sweep that goes on is not begun anew.
    pub fn ask(&mut self, not_before: u64, task: Task) {
        let key = task.key(not_before);
        if !self.tasks.contains_key(&key) {
            self.tasks.insert(key, 0);
        }
    }

    /// The next task that may be done and where a sweep goes on: the first one behind a place, or
    /// else the first one of all. So whoever goes on behind what was served last serves all in
    /// turn.
    pub fn next(&self, now: u64, behind: Option<Place>) -> Option<(Place, u32)> {
        let read = |key: Key<LEN>, cursor| {
            let not_before = key.u64_at(0);
            // A key that cannot be read was never written; should it be there, it ends the queue
            // rather than the canister.
            let task = Task::decode(&key.0[8..]).ok()?;
            (not_before <= now).then_some((Place { not_before, task }, cursor))
        };
        let after = behind.and_then(|place| {
            let bounds = (Bound::Excluded(place.key()), Bound::Unbounded);
            let entry = self.tasks.range(bounds).next()?;
            read(*entry.key(), entry.value())
        });
        after.or_else(|| {
            let (key, cursor) = self.tasks.first_key_value()?;
            read(key, cursor)
        })
    }

    /// A sweep goes on from a contributor next time.
    pub fn go_on(&mut self, place: Place, cursor: u32) {
        self.tasks.insert(place.key(), cursor);
    }

    /// A task is done.
    pub fn done(&mut self, place: Place) {
        self.tasks.remove(&place.key());
    }

    /// Tasks that wait.
    pub fn len(&self) -> u64 {
        self.tasks.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ic_stable_structures::DefaultMemoryImpl;
    use ic_stable_structures::memory_manager::{MemoryId, MemoryManager};

    #[test]
    fn should_give_tasks_out_in_time_and_once() {
        let manager = MemoryManager::init(DefaultMemoryImpl::default());
        let mut queue = PayoutQueue::open(manager.get(MemoryId::new(0)));
        let later = Task::Pay(PayeeKey::Contributor {
            stream: 1,
            asset: 2,
            number: 3,
        });
        let sweep = Task::Sweep { stream: 9, asset: 8 };
        queue.ask(50, later);
        queue.ask(0, sweep);
        let at = |not_before, task| Place { not_before, task };
        queue.go_on(at(0, sweep), 77);
        queue.ask(0, sweep);
        assert_eq!(queue.len(), 2);
        assert_eq!(queue.next(10, None), Some((at(0, sweep), 77)));
        queue.done(at(0, sweep));
        assert_eq!(queue.next(49, None), None);
        assert_eq!(queue.next(50, None), Some((at(50, later), 0)));
    }

    #[test]
    fn should_serve_all_in_turn() {
        let manager = MemoryManager::init(DefaultMemoryImpl::default());
        let mut queue = PayoutQueue::open(manager.get(MemoryId::new(0)));
        let sweep = |stream| Task::Sweep { stream, asset: 0 };
        for (not_before, stream) in [(0, 1), (0, 2), (7, 3), (99, 4)] {
            queue.ask(not_before, sweep(stream));
        }
        let mut last = None;
        let mut served = Vec::new();
        for _ in 0..7 {
            let (place, cursor) = queue.next(10, last).unwrap();
            queue.go_on(place, cursor + 1);
            served.push((place.task, cursor));
            last = Some(place);
        }
        let expected = [(1, 0), (2, 0), (3, 0), (1, 1), (2, 1), (3, 1), (1, 2)];
        assert_eq!(served, expected.map(|(stream, cursor)| (sweep(stream), cursor)));
    }
}
