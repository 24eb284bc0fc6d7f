//! Plans.

use ddsx_types::stream_registry::{PlanId, StreamId};

use super::Storage;
use super::codec::Stored;
use super::keys::stream_and;
use super::records::PlanRecord;

impl Storage {
    /// A plan.
    pub fn plan(&self, plan: PlanId) -> Option<PlanRecord> {
        self.plans.get(&plan).map(|stored| stored.0)
    }

    /// Writes a plan back.
    pub fn put_plan(&mut self, plan: PlanId, record: PlanRecord) {
        self.plans.insert(plan, Stored(record));
    }

    /// Enters a new plan and gives its number.
    pub fn add_plan(&mut self, record: PlanRecord) -> PlanId {
        let plan = self.counters().plans;
        self.count(|counters| counters.plans += 1);
        self.plans_of_stream.insert(stream_and(record.stream, plan), ());
        self.put_plan(plan, record);
        plan
    }

    /// A stream's plans: at most `limits::MAX_PLANS`.
    pub fn plans_of(&self, stream: StreamId) -> Vec<(PlanId, PlanRecord)> {
        self.plans_of_stream
            .keys_range(stream_and(stream, 0)..=stream_and(stream, u64::MAX))
            .filter_map(|key| {
                let plan = key.u64_at(8);
                Some((plan, self.plan(plan)?))
            })
            .collect()
    }
}
