//! Tasks, rounds and clients as JSON for programs and as text for people.

mod client;
mod report;
mod task;
mod words;

use ddsx_client::LedgerInfo;
use ddsx_types::federated_aggregator::{Participant, RoundReport, RoundState, RoundView, Stage, TaskAudit, TaskInfo};
use serde_json::{Value, json};

use crate::text;
use crate::view::units_text;
pub use client::{participant_json, participants_text};
use report::rounds_text;
pub use report::{report_json, report_text};
use task::task_text;
pub use task::{task_json, tasks_text};
pub use words::{amount, end_text, outcome, percent, stage_text};

/// All that `ddsx task show` shows.
pub struct Shown {
    pub info: TaskInfo,
    pub units: Option<LedgerInfo>,
    pub reports: Vec<RoundReport>,
    pub open: Option<RoundView>,
    pub clients: Vec<Participant>,
    pub audit: Option<TaskAudit>,
}

impl Shown {
    pub fn json(&self) -> Value {
        let units = self.units.as_ref();
        let mut json = task_json(&self.info, units);
        json["reports"] = self.reports.iter().map(|report| report_json(report, units)).collect();
        json["participants"] = self.clients.iter().map(participant_json).collect();
        json["open_round"] = match &self.open {
            Some(RoundView::Open {
                state,
                updates,
                version,
                opened_at,
            }) => json!({
                "round": self.info.collecting, "state": state_text(state), "updates": updates, "version": version,
                "opened_at": opened_at,
            }),
            _ => Value::Null,
        };
        json["audit"] = match &self.audit {
            Some(audit) => json!({
                "received_units": units_text(&audit.received),
                "budget_left_units": units_text(&audit.budget_left),
                "stakes_units": units_text(&audit.stakes),
                "owed_units": units_text(&audit.owed),
                "in_flight_units": units_text(&audit.in_flight),
                "paid_units": units_text(&audit.paid),
                "to_treasury_units": units_text(&audit.to_treasury),
                "conserved": audit.conserved,
            }),
            None => Value::Null,
        };
        json
    }

    pub fn text(&self) -> String {
        let units = self.units.as_ref();
        let mut parts = vec![task_text(&self.info, units)];
        if let (Some(RoundView::Open { state, updates, .. }), Some(round)) = (&self.open, self.info.collecting) {
            parts.push(format!(
                "  round {round}: {}, {updates} updates are in",
                state_text(state)
            ));
        }
        if !self.reports.is_empty() {
            parts.push(rounds_text(&self.reports, units));
        }
        let over = matches!(self.info.stage.stage, Stage::Ended(_));
        if !self.clients.is_empty() {
            parts.push(participants_text(&self.clients, units, over).trim_end().to_owned());
        }
        if let Some(audit) = self.audit.as_ref().filter(|_| self.info.args.reward.is_some()) {
            let sum = "budget left + stakes + owed + on its way + paid + to the treasury";
            parts.push(format!(
                "received {} = {sum}: {}",
                amount(&audit.received, units),
                if audit.conserved { "yes" } else { "NO" }
            ));
        }
        parts.join("\n")
    }
}

fn state_text(state: &RoundState) -> String {
    match state {
        RoundState::Collecting { deadline, extended } => format!(
            "collecting until {}{}",
            text::time(*deadline),
            if *extended { " (extended)" } else { "" }
        ),
        RoundState::Measuring => "measuring".into(),
        RoundState::Combining => "combining".into(),
        RoundState::Hashing => "hashing".into(),
        RoundState::Evaluating => "evaluating".into(),
        RoundState::Scoring => "scoring".into(),
    }
}
