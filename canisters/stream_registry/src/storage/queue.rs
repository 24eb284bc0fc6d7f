//! Whom the payout timer has to look at, by time.

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

    /// The first task that may be done, its time and where a sweep goes on.
    pub fn first(&self, now: u64) -> Option<(u64, Task, u32)> {
        let (key, cursor) = self.tasks.first_key_value()?;
        let not_before = key.u64_at(0);
        // A key that cannot be read was never written; should it be there, it ends the queue rather than the canister.
        let task = Task::decode(&key.0[8..]).ok()?;
        (not_before <= now).then_some((not_before, task, cursor))
    }

    /// A sweep goes on from a contributor next time.
    pub fn go_on(&mut self, not_before: u64, task: Task, cursor: u32) {
        self.tasks.insert(task.key(not_before), cursor);
    }

    /// A task is done.
    pub fn done(&mut self, not_before: u64, task: Task) {
        self.tasks.remove(&task.key(not_before));
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
        queue.go_on(0, sweep, 77);
        queue.ask(0, sweep);
        assert_eq!(queue.len(), 2);
        assert_eq!(queue.first(10), Some((0, sweep, 77)));
        queue.done(0, sweep);
        assert_eq!(queue.first(49), None);
        assert_eq!(queue.first(50), Some((50, later, 0)));
    }
}
