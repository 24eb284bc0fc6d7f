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
        "locked_units": participant.standing.as_ref().map(|standing| units_text(&standing.locked)),
        "unfinished": participant.standing.as_ref().map(|standing| standing.unfinished),
        "findings": participant.standing.as_ref().map(|standing| standing.findings),
        "marks": participant.standing.as_ref().map(|standing| standing.marks),
        "rests_until": participant.standing.as_ref().map(|standing| standing.rests_until),
        "excluded": participant.standing.as_ref().and_then(|standing| standing.excluded.as_ref()).map(|excluded| json!({
            "at": excluded.at,
            "reason": excluded.reason,
        })),
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
        let state = state(one, over);
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

/// What is to be said of a client beside its money.
fn state(one: &Participant, over: bool) -> String {
    let standing = one.standing.as_ref();
    if let Some(excluded) = standing.and_then(|standing| standing.excluded.as_ref()) {
        return format!("excluded: {}", crate::text::one_line(&excluded.reason));
    }
    let counted = |count: u32, what: &str| (count > 0).then(|| format!("{count} {what}"));
    let parts: Vec<String> = [
        counted(one.faults, "faults"),
        counted(
            standing.map_or(0, |standing| standing.unfinished),
            "uploads not finished",
        ),
        counted(standing.map_or(0, |standing| standing.findings), "findings"),
    ]
    .into_iter()
    .flatten()
    .collect();
    match (one.active, parts.is_empty()) {
        (false, true) if !over => "left".into(),
        _ => parts.join(", "),
    }
}
