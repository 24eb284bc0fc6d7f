//! Clients of a task.

use ddsx_client::LedgerInfo;
use ddsx_types::federated_aggregator::Participant;
use serde_json::{Value, json};

use super::words::{amount, score};
use crate::output::table;
use crate::view::units_text;

pub fn participant_json(participant: &Participant) -> Value {
    json!({
        "client": participant.client.to_text(),
        "account": participant.account.to_string(),
        "active": participant.active,
        "joined_at": participant.joined_at,
        "updates": participant.updates,
        "faults": participant.faults,
        "score": participant.score,
        "stake_units": units_text(&participant.stake),
        "earned_units": units_text(&participant.earned),
        "due_units": units_text(&participant.due),
        "in_flight_units": units_text(&participant.in_flight),
        "paid_units": units_text(&participant.paid),
    })
}

/// Clients in rows; when a task is over, nobody takes part any more, and it is not said of each.
pub fn participants_text(participants: &[Participant], units: Option<&LedgerInfo>, over: bool) -> String {
    let mut rows = vec![
        ["client", "updates", "score", "earned", "paid", ""]
            .map(String::from)
            .to_vec(),
    ];
    rows.extend(participants.iter().map(|one| {
        let state = match (one.active, one.faults) {
            (_, faults @ 1..) => format!("{faults} faults"),
            (false, 0) if !over => "left".into(),
            (_, 0) => String::new(),
        };
        vec![
            one.client.to_text(),
            one.updates.to_string(),
            score(Some(one.score)),
            amount(&one.earned, units),
            amount(&one.paid, units),
            state,
        ]
    }));
    table(&rows)
}
