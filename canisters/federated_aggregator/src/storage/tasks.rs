//! Tasks and what belongs to them: clients, updates, work, reports, agenda.

use candid::Principal;
use ddsx_types::TimestampNs;
use ddsx_types::federated_aggregator::{CreateTaskArgs, TaskId};

use super::Storage;
use super::record::{Key, Stored, key_principal, principal_key};
use super::records::{ClientRecord, Payee, TaskRecord, UpdateRecord};
use crate::sketches::Direction;
use crate::work::Work;

fn client_key(task: TaskId, client: &Principal) -> Key<38> {
    Key::of(&[&task.to_be_bytes(), &principal_key(client)])
}

fn update_key(task: TaskId, round: u32, client: &Principal) -> Key<42> {
    Key::of(&[&task.to_be_bytes(), &round.to_be_bytes(), &principal_key(client)])
}

fn report_key(task: TaskId, round: u32) -> Key<12> {
    Key::of(&[&task.to_be_bytes(), &round.to_be_bytes()])
}

fn direction_key(task: TaskId, client: &Principal, round: u32) -> Key<42> {
    Key::of(&[&task.to_be_bytes(), &principal_key(client), &round.to_be_bytes()])
}

impl Storage {
    /// The direction of a client's update in a round.
    pub fn direction(&self, task: TaskId, client: &Principal, round: u32) -> Option<Direction> {
        self.directions
            .get(&direction_key(task, client, round))
            .map(|stored| stored.0)
    }

    /// Stores the direction of a client's update.
    pub fn put_direction(&mut self, task: TaskId, client: &Principal, round: u32, direction: &Direction) {
        self.directions
            .insert(direction_key(task, client, round), Stored(direction.clone()));
    }

    /// Forgets the direction of a client's update.
    pub fn remove_direction(&mut self, task: TaskId, client: &Principal, round: u32) {
        self.directions.remove(&direction_key(task, client, round));
    }

    /// The rounds of which directions of a client are kept, ascending; a few.
    pub fn directions_of(&self, task: TaskId, client: &Principal) -> Vec<u32> {
        self.directions
            .keys_range(direction_key(task, client, 0)..=direction_key(task, client, u32::MAX))
            .map(|key| u32::try_from(number(&key.0[38..])).unwrap_or(u32::MAX))
            .collect()
    }

    /// Keeps a round's report until the task ends.
    pub fn keep_report(&mut self, task: TaskId, round: u32, report: Vec<u8>) {
        self.kept_reports.insert(report_key(task, round), report);
    }

    /// Takes the first reports that are kept of a task, at most so many.
    pub fn take_kept_reports(&mut self, task: TaskId, limit: usize) -> Vec<(u32, Vec<u8>)> {
        let kept: Vec<(Key<12>, Vec<u8>)> = self
            .kept_reports
            .range(report_key(task, 0)..=report_key(task, u32::MAX))
            .take(limit)
            .map(|entry| (*entry.key(), entry.value()))
            .collect();
        for (key, _) in &kept {
            self.kept_reports.remove(key);
        }
        kept.into_iter()
            .map(|(key, report)| (u32::try_from(number(&key.0[8..])).unwrap_or(u32::MAX), report))
            .collect()
    }

    /// What a task was created with.
    ///
    /// Panics if it cannot be read: we wrote it, and the message is undone.
    pub fn arguments(&self, task: TaskId) -> Option<CreateTaskArgs> {
        let stored = self.arguments.get(&task)?;
        match candid::decode_one(&stored) {
            Ok(arguments) => Some(arguments),
            Err(error) => panic!("the arguments of task {task} cannot be read: {error}"),
        }
    }

    /// Bytes of what a task was created with.
    pub fn arguments_len(&self, task: TaskId) -> usize {
        self.arguments.get(&task).map_or(0, |arguments| arguments.len())
    }

    /// A task.
    pub fn task(&self, task: TaskId) -> Option<TaskRecord> {
        self.tasks.get(&task).map(|stored| stored.0)
    }

    /// Enters a new task, whose arguments are these in Candid.
    pub fn enter_task(&mut self, record: TaskRecord, arguments: Vec<u8>) {
        self.arguments.insert(record.id, arguments);
        self.tasks_of_owner.insert(owner_key(&record.owner, record.id), ());
        if !record.storage_paid {
            self.unpaid.insert(owner_key(&record.owner, record.id), ());
        }
        self.put_task(record);
    }

    /// Forgets a draft for which nothing was ever paid, and which nobody has joined.
    pub fn forget_draft(&mut self, record: &TaskRecord) {
        self.tasks.remove(&record.id);
        self.arguments.remove(&record.id);
        self.booked.remove(&record.id);
        self.task_ended(&record.owner, record.id);
    }

    /// The draft is paid, or it is none any more.
    pub fn draft_paid(&mut self, owner: &Principal, task: TaskId) {
        self.unpaid.remove(&owner_key(owner, task));
    }

    /// Drafts that are not paid.
    pub fn unpaid_drafts(&self) -> u64 {
        self.unpaid.len()
    }

    /// The oldest of them. Task numbers rise with time.
    pub fn oldest_unpaid(&self) -> Option<TaskId> {
        self.unpaid.keys().map(|key| number(&key.0[30..])).min()
    }

    /// Those of one owner.
    pub fn unpaid_of(&self, owner: &Principal) -> u64 {
        let key = principal_key(owner);
        self.unpaid.keys_range(Key::of(&[&key])..=Key::last_of(&[&key])).count() as u64
    }

    /// Stores a task. Its assets' totals follow.
    pub fn put_task(&mut self, record: TaskRecord) {
        self.count_books(&record);
        self.count_fee(&record);
        self.tasks.insert(record.id, Stored(record));
    }

    /// Releases before this one asked no fee for computing, so that what is stored was counted.
    fn count_fee(&mut self, record: &TaskRecord) {
        let Some(ledger) = record.fee.ledger else { return };
        let before = self.task(record.id).map(|stored| stored.fee).unwrap_or_default();
        if before != record.fee {
            self.change_totals(ledger, |totals| totals.replace_fee(&before, &record.fee));
        }
    }

    fn count_books(&mut self, record: &TaskRecord) {
        let Some(ledger) = record.ledger else { return };
        let before = self.booked.get(&record.id).map(|stored| stored.0);
        if before == Some(record.books) {
            return;
        }
        // A task that is not in the map yet is a new one, or one of a release that kept no totals:
        // what it is stored with came in uncounted then.
        let stored = if before.is_none() { self.task(record.id) } else { None };
        self.change_totals(ledger, |totals| {
            if let Some(stored) = &stored {
                totals.enter(&stored.books);
            }
            totals.replace(&before.unwrap_or_default(), &record.books);
        });
        self.booked.insert(record.id, Stored(record.books));
    }

    /// Counts a task's books in its asset's totals, if they are not.
    pub fn count_in(&mut self, task: TaskId) {
        if self.booked.contains_key(&task) {
            return;
        }
        if let Some(record) = self.task(task) {
            self.count_books(&record);
        }
    }

    /// The task does not count against its owner any more.
    pub fn task_ended(&mut self, owner: &Principal, task: TaskId) {
        self.draft_paid(owner, task);
        self.tasks_of_owner.remove(&owner_key(owner, task));
    }

    /// Tasks of an owner that have not ended.
    pub fn tasks_of(&self, owner: &Principal) -> u64 {
        let key = principal_key(owner);
        self.tasks_of_owner
            .keys_range(Key::of(&[&key])..=Key::last_of(&[&key]))
            .count() as u64
    }

    /// Their numbers.
    pub fn task_ids_of(&self, owner: &Principal) -> Vec<TaskId> {
        let key = principal_key(owner);
        self.tasks_of_owner
            .keys_range(Key::of(&[&key])..=Key::last_of(&[&key]))
            .map(|key| number(&key.0[30..]))
            .collect()
    }

    /// Task numbers after one, at most so many.
    pub fn task_ids(&self, after: Option<TaskId>, limit: usize) -> Vec<TaskId> {
        let Some(first) = after.map_or(Some(0), |after| after.checked_add(1)) else {
            return Vec::new();
        };
        self.tasks.keys_range(first..).take(limit).collect()
    }

    /// A client of a task.
    pub fn client(&self, task: TaskId, client: &Principal) -> Option<ClientRecord> {
        self.clients.get(&client_key(task, client)).map(|stored| stored.0)
    }

    /// Stores a client.
    pub fn put_client(&mut self, task: TaskId, client: &Principal, record: ClientRecord) {
        self.clients.insert(client_key(task, client), Stored(record));
    }

    /// Clients of a task after one, at most so many.
    pub fn clients(&self, task: TaskId, after: Option<&Principal>, limit: usize) -> Vec<(Principal, ClientRecord)> {
        let task = task.to_be_bytes();
        let first = after.map_or(Key::of(&[&task]), |after| Key::of(&[&task, &principal_key(after)]));
        self.clients
            .range(first..=Key::last_of(&[&task]))
            .map(|entry| (key_principal(&entry.key().0[8..]), entry.value().0))
            .filter(|(client, _)| Some(client) != after)
            .take(limit)
            .collect()
    }

    /// A client's update in a round.
    pub fn update(&self, task: TaskId, round: u32, client: &Principal) -> Option<UpdateRecord> {
        self.updates
            .get(&update_key(task, round, client))
            .map(|stored| stored.0)
    }

    /// Stores an update.
    pub fn put_update(&mut self, task: TaskId, round: u32, record: UpdateRecord) {
        self.updates
            .insert(update_key(task, round, &record.client), Stored(record));
    }

    /// Forgets an update; its blob is the caller's to give back.
    pub fn remove_update(&mut self, task: TaskId, round: u32, client: &Principal) -> Option<UpdateRecord> {
        self.updates
            .remove(&update_key(task, round, client))
            .map(|stored| stored.0)
    }

    /// All updates of a round, accepted or not.
    pub fn updates(&self, task: TaskId, round: u32) -> Vec<UpdateRecord> {
        let (task, round) = (task.to_be_bytes(), round.to_be_bytes());
        self.updates
            .range(Key::of(&[&task, &round])..=Key::last_of(&[&task, &round]))
            .map(|entry| entry.value().0)
            .collect()
    }

    /// What is being done for a task.
    pub fn work(&self, task: TaskId) -> Option<Work> {
        self.work.get(&task).map(|stored| stored.0)
    }

    /// Sets what is being done for a task.
    pub fn put_work(&mut self, task: TaskId, work: Option<Work>) {
        match work {
            Some(work) => self.work.insert(task, Stored(work)).map(|_| ()),
            None => self.work.remove(&task).map(|_| ()),
        };
    }

    /// A round's report in Candid.
    pub fn report(&self, task: TaskId, round: u32) -> Option<Vec<u8>> {
        self.reports.get(&report_key(task, round))
    }

    /// Stores a round's report.
    pub fn put_report(&mut self, task: TaskId, round: u32, report: Vec<u8>) {
        self.reports.insert(report_key(task, round), report);
    }

    /// Forgets some reports of a task; what is certified of them stays. Says whether there were any.
    pub fn forget_reports(&mut self, task: TaskId, limit: usize) -> bool {
        let keys: Vec<_> = self
            .reports
            .keys_range(report_key(task, 0)..=report_key(task, u32::MAX))
            .take(limit)
            .collect();
        for key in &keys {
            self.reports.remove(key);
        }
        !keys.is_empty()
    }

    /// Sets when a task is to be looked at next; the record is changed with the agenda.
    pub fn schedule(&mut self, record: &mut TaskRecord, due: Option<TimestampNs>) {
        let key = |due: TimestampNs| Key::of(&[&due.to_be_bytes(), &record.id.to_be_bytes()]);
        if let Some(before) = record.due {
            self.agenda.remove(&key(before));
        }
        if let Some(due) = due {
            self.agenda.insert(key(due), ());
        }
        record.due = due;
    }

    /// The first task on the agenda, and when.
    pub fn next_task(&self) -> Option<(TimestampNs, TaskId)> {
        self.agenda
            .first_key_value()
            .map(|(key, ())| (number(&key.0[..8]), number(&key.0[8..])))
    }

    /// Tasks that are looked at until then.
    pub fn tasks_until(&self, until: TimestampNs) -> Vec<TaskId> {
        let end = Key::of(&[&until.to_be_bytes(), &u64::MAX.to_be_bytes()]);
        self.agenda.keys_range(..=end).map(|key| number(&key.0[8..])).collect()
    }

    /// A payee is to be looked at.
    pub fn ask_payout(&mut self, when: TimestampNs, payee: Payee) {
        self.payouts.insert(payout_key(when, payee), ());
    }

    /// The first payee in the queue, and when.
    pub fn next_payout(&self) -> Option<(TimestampNs, Payee)> {
        self.payouts.first_key_value().map(|(key, ())| {
            let (task, principal) = (number(&key.0[9..17]), key_principal(&key.0[17..]));
            let payee = match key.0[8] {
                0 => Payee::Owner(task),
                1 => Payee::Client(task, principal),
                2 => Payee::Treasury(principal),
                _ => Payee::Fee(task),
            };
            (number(&key.0[..8]), payee)
        })
    }

    /// A payee was looked at.
    pub fn payout_seen(&mut self, when: TimestampNs, payee: Payee) {
        self.payouts.remove(&payout_key(when, payee));
    }

    /// Payees in the queue.
    pub fn payouts_waiting(&self) -> u64 {
        self.payouts.len()
    }
}

fn owner_key(owner: &Principal, task: TaskId) -> Key<38> {
    Key::of(&[&principal_key(owner), &task.to_be_bytes()])
}

fn payout_key(when: TimestampNs, payee: Payee) -> Key<47> {
    let (kind, task, principal) = match payee {
        Payee::Owner(task) => (0, task, Principal::management_canister()),
        Payee::Client(task, client) => (1, task, client),
        Payee::Treasury(ledger) => (2, 0, ledger),
        Payee::Fee(task) => (3, task, Principal::management_canister()),
    };
    Key::of(&[
        &when.to_be_bytes(),
        &[kind],
        &task.to_be_bytes(),
        &principal_key(&principal),
    ])
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use crate::storage::{with, with_mut};
    use crate::testing::{OWNER, World, task_args};

    #[test]
    fn should_keep_nothing_of_a_draft_that_is_forgotten() {
        let world = World::new();
        with_mut(|storage| {
            storage.change_settings(|settings| settings.fee_cycles_per_mib = 7);
            let before = (storage.booked.len(), storage.tasks.len(), storage.arguments.len());
            let task = crate::create::create(storage, OWNER, world.now(), &task_args()).unwrap();
            assert!(storage.booked.contains_key(&task));
            crate::owner::stop(storage, OWNER, world.now(), task).unwrap();
            assert_eq!(
                (storage.booked.len(), storage.tasks.len(), storage.arguments.len()),
                before
            );
        });
        let audit = with(|storage| crate::settlement::audit(storage, crate::testing::LEDGER)).unwrap();
        assert!(audit.conserved, "{audit:?}");
    }
}
