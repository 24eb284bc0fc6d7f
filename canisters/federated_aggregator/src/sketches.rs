//! Directions of updates, kept when the updates are gone: each client's last few, and the last few public steps.
//!
//! A sketch is made piece by piece while an update arrives, from a seed that the task drew once and nobody is told.

use candid::Principal;
use ddsx_nn::score::sketch::Sketch;
use ddsx_types::federated_aggregator::TaskId;
use serde::{Deserialize, Serialize};

use crate::limits::KEPT_SKETCHES;
use crate::storage::Storage;
use crate::storage::records::{Collecting, TaskRecord};

/// The direction of an update, or of a public step.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Direction {
    /// The version that the update was made from; that to which the step led.
    pub version: u32,
    /// Where it points.
    pub sketch: Sketch,
}

/// Whose directions public steps are: nobody's.
pub const PUBLIC: Principal = Principal::management_canister();

/// Adds a range of an update that arrives.
pub fn add(
    storage: &mut Storage,
    record: &TaskRecord,
    (client, round, version): (Principal, u32, u32),
    first: u64,
    values: &[f32],
) {
    let Some(seed) = record.sketch_seed else { return };
    let mut direction = match storage.direction(record.id, &client, round) {
        Some(direction) if first > 0 => direction,
        _ => Direction::default(),
    };
    direction.version = version;
    direction.sketch.add(seed.0, first, values);
    storage.put_direction(record.id, &client, round, &direction);
}

/// Forgets all but the last few of a client, or of the public steps.
pub fn prune(storage: &mut Storage, task: TaskId, client: &Principal) {
    let rounds = storage.directions_of(task, client);
    for round in rounds.iter().rev().skip(KEPT_SKETCHES) {
        storage.remove_direction(task, client, *round);
    }
}

/// Forgets all of a client that goes, unless an update of it is in a round that is not over: what is kept then goes with the task.
pub fn forget_gone(storage: &mut Storage, record: &TaskRecord, client: &Principal) {
    let is_in = |collecting: &Collecting| storage.update(record.id, collecting.round, client).is_some();
    if !record.working && !record.collecting.as_ref().is_some_and(is_in) {
        forget(storage, record.id, client);
    }
}

/// Forgets all of a client.
pub fn forget(storage: &mut Storage, task: TaskId, client: &Principal) {
    for round in storage.directions_of(task, client) {
        storage.remove_direction(task, client, round);
    }
}
