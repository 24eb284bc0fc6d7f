//! Rounds' reports.

use ddsx_client::LedgerInfo;
use ddsx_types::federated_aggregator::{Progress, RoundReport};
use serde_json::{Value, json};

use super::words::{amount, finding, finding_json, outcome, percent, score};
use crate::output::table;
use crate::text;
use crate::view::units_text;

pub fn report_json(report: &RoundReport, units: Option<&LedgerInfo>) -> Value {
    json!({
        "task": report.task,
        "round": report.round,
        "outcome": outcome(report.outcome),
        "version": report.version,
        "parent": report.parent,
        "model": report.model.to_string(),
        "parent_model": report.parent_model.to_string(),
        "candidate": report.candidate.map(|hash| hash.to_string()),
        "accuracy": report.evaluated.as_ref().and_then(|evaluated| evaluated.accuracy),
        "loss": report.evaluated.as_ref().map(|evaluated| evaluated.loss),
        "samples": report.evaluated.as_ref().map(|evaluated| evaluated.samples),
        "per_class": report.evaluated.as_ref().map(|evaluated| &evaluated.per_class),
        "clients": report.clients.iter().map(|client| json!({
            "client": client.client.to_text(),
            "samples": client.samples,
            "update": client.update.to_string(),
            "norm": client.norm,
            "staleness": client.staleness,
            "score": client.score,
            "reward_units": units_text(&client.reward),
            "finding": client.finding.as_ref().map(finding_json),
            "lineage": client.lineage.iter().map(|stream| json!({
                "registry": stream.registry.to_text(),
                "stream": stream.stream,
                "size": stream.size,
                "root": stream.root.to_string(),
            })).collect::<Value>(),
        })).collect::<Value>(),
        "seed": report.seed.map(|seed| seed.to_string()),
        "symbol": units.map(|units| &units.symbol),
        "budget_units": units_text(&report.budget),
        "rewarded_units": units_text(&report.rewarded),
        "progress": report.progress.map(|progress| json!({
            "before": progress.before,
            "gain": progress.gain,
            "part_ppm": progress.part_ppm,
        })),
        "scores_later": report.scores_later.unwrap_or(false),
        "opened_at": report.opened_at,
        "published_at": report.published_at,
    })
}

pub fn report_text(report: &RoundReport, units: Option<&LedgerInfo>) -> String {
    let mut lines = vec![format!(
        "round {} of task {}: {}, version {} (before: {})",
        report.round,
        report.task,
        outcome(report.outcome),
        report.version,
        report.parent
    )];
    if let Some(evaluated) = &report.evaluated {
        lines.push(format!(
            "  the candidate on {} samples: accuracy {}, loss {:.4}",
            evaluated.samples,
            percent(evaluated.accuracy),
            evaluated.loss
        ));
    }
    lines.push(format!("  model      {}", report.model));
    lines.push(format!("  published  {}", text::time(report.published_at)));
    if !report.clients.is_empty() {
        let mut rows = vec![
            ["client", "samples", "norm", "score", "reward"]
                .map(String::from)
                .to_vec(),
        ];
        rows.extend(report.clients.iter().map(|client| {
            vec![
                client.client.to_text(),
                client.samples.to_string(),
                format!("{:.3}", client.norm),
                score(client.score),
                amount(&client.reward, units),
            ]
        }));
        lines.push(table(&rows).trim_end().to_owned());
        lines.push(format!(
            "  {} of {} were assigned",
            amount(&report.rewarded, units),
            amount(&report.budget, units)
        ));
        if let Some(progress) = &report.progress {
            lines.push(progress_text(progress));
        }
        if report.scores_later == Some(true) {
            lines.push("  scores and single rewards are published, and paid, when the task ends".into());
        }
        lines.extend(report.clients.iter().filter_map(|client| {
            let found = client.finding.as_ref()?;
            Some(format!("  {}: {}", client.client, finding(found)))
        }));
    }
    lines.join("\n")
}

/// How the part of the budget came about.
fn progress_text(progress: &Progress) -> String {
    let part = percent(Some(f64::from(progress.part_ppm) / 1e6));
    let why = match progress.before {
        Some(before) if progress.gain > 0.0 => format!("the loss fell below {before:.4}, the lowest paid for so far"),
        Some(before) => format!("the loss is not below {before:.4}, the lowest paid for so far"),
        None => "no loss before it was a number".into(),
    };
    format!("  {part} of the budget could be earned: {why}")
}

pub fn rounds_text(reports: &[RoundReport], units: Option<&LedgerInfo>) -> String {
    let mut rows = vec![
        ["round", "outcome", "version", "updates", "accuracy", "loss", "rewarded"]
            .map(String::from)
            .to_vec(),
    ];
    rows.extend(reports.iter().map(|report| {
        let evaluated = report.evaluated.as_ref();
        vec![
            report.round.to_string(),
            outcome(report.outcome).into(),
            report.version.to_string(),
            report.clients.len().to_string(),
            percent(evaluated.and_then(|evaluated| evaluated.accuracy)),
            evaluated.map_or("–".into(), |evaluated| format!("{:.4}", evaluated.loss)),
            amount(&report.rewarded, units),
        ]
    }));
    table(&rows).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candid::{Nat, Principal};
    use ddsx_types::Hash;
    use ddsx_types::federated_aggregator::{ClientReport, Finding, RoundOutcome};

    #[test]
    fn should_say_who_was_named_and_why_and_what_could_be_earned() {
        let client = |number: u8, finding| ClientReport {
            client: Principal::from_slice(&[number]),
            samples: 10,
            update: Hash([number; 32]),
            norm: 1.0,
            staleness: 0,
            score: Some(0.0),
            reward: Nat::from(0_u8),
            lineage: Vec::new(),
            finding,
        };
        let first = Principal::from_slice(&[1]);
        let report = RoundReport {
            task: 1,
            round: 2,
            outcome: RoundOutcome::Accepted,
            version: 2,
            parent: 1,
            model: Hash([5; 32]),
            parent_model: Hash([4; 32]),
            candidate: None,
            evaluated: None,
            clients: vec![client(1, None), client(2, Some(Finding::CopyOfClient(first)))],
            seed: None,
            budget: Nat::from(10_u8),
            rewarded: Nat::from(2_u8),
            opened_at: 0,
            published_at: 1,
            progress: Some(Progress {
                before: Some(0.5),
                gain: 0.02,
                part_ppm: 200_000,
            }),
            scores_later: None,
        };
        let text = report_text(&report, None);
        let second = Principal::from_slice(&[2]);
        assert!(
            text.contains(&format!("{second}: a near copy of {first}'s update")),
            "{text}"
        );
        assert!(
            text.contains("20.00 % of the budget could be earned: the loss fell below 0.5000"),
            "{text}"
        );
        let json = report_json(&report, None);
        assert_eq!(json["clients"][0]["finding"], Value::Null);
        assert_eq!(json["clients"][1]["finding"]["kind"], "copy_of_client");
        assert_eq!(json["clients"][1]["finding"]["of"], first.to_text());
        assert_eq!(json["progress"]["part_ppm"], 200_000);
    }
}
