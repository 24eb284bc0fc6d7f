//! Single facts in words.

use candid::Nat;
use ddsx_client::LedgerInfo;
use ddsx_types::federated_aggregator::{EndReason, Finding, RoundOutcome, Stage};

use crate::view::{tokens, units_text};

pub fn stage_text(stage: &Stage) -> String {
    match stage {
        Stage::Draft => "a draft".into(),
        Stage::Preparing => "being prepared".into(),
        Stage::Running => "running".into(),
        Stage::Ended(reason) => format!("over: {}", end_text(reason)),
    }
}

pub fn end_text(reason: &EndReason) -> String {
    match reason {
        EndReason::Completed => "all rounds were held".into(),
        EndReason::Stopped => "stopped by its owner".into(),
        EndReason::Failed(why) => format!("failed: {}", crate::text::one_line(why)),
    }
}

pub fn outcome(outcome: RoundOutcome) -> &'static str {
    match outcome {
        RoundOutcome::Accepted => "accepted",
        RoundOutcome::Rejected => "rejected",
        RoundOutcome::Skipped => "skipped",
    }
}

/// What a report finds about an update, for people.
pub fn finding(finding: &Finding) -> String {
    match finding {
        Finding::CopyOfClient(client) => format!("a near copy of {client}'s update"),
        Finding::CopyOfRound(round) => format!("a near copy of its own update of round {round}"),
        Finding::CopyOfStep(version) => format!("a near copy of the public step to version {version}"),
        Finding::Negligible => "next to no step at all".into(),
        Finding::Outlier => "an outlier, far longer than the others".into(),
        Finding::LeftOut => "left out by the strategy".into(),
        Finding::Spoilt => "the round was rejected because of it".into(),
    }
}

/// The same, for programs: its kind, and what it is a copy of.
pub fn finding_json(finding: &Finding) -> serde_json::Value {
    let (kind, of) = match finding {
        Finding::CopyOfClient(client) => ("copy_of_client", Some(client.to_text())),
        Finding::CopyOfRound(round) => ("copy_of_round", Some(round.to_string())),
        Finding::CopyOfStep(version) => ("copy_of_step", Some(version.to_string())),
        Finding::Negligible => ("negligible", None),
        Finding::Outlier => ("outlier", None),
        Finding::LeftOut => ("left_out", None),
        Finding::Spoilt => ("spoilt", None),
    };
    serde_json::json!({ "kind": kind, "of": of })
}

/// A part as a percentage.
pub fn percent(part: Option<f64>) -> String {
    part.map_or("–".into(), |part| format!("{:.2} %", part * 100.0))
}

pub fn amount(units: &Nat, info: Option<&LedgerInfo>) -> String {
    match info {
        Some(info) => tokens(units, info),
        None => units_text(units),
    }
}

pub fn score(score: Option<f64>) -> String {
    score.map_or("–".into(), |score| format!("{score:.5}"))
}
