//! Single facts in words.

use candid::Nat;
use ddsx_client::LedgerInfo;
use ddsx_types::federated_aggregator::{EndReason, RoundOutcome, Stage};

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
        EndReason::Failed(why) => format!("failed: {why}"),
    }
}

pub fn outcome(outcome: RoundOutcome) -> &'static str {
    match outcome {
        RoundOutcome::Accepted => "accepted",
        RoundOutcome::Rejected => "rejected",
        RoundOutcome::Skipped => "skipped",
    }
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
