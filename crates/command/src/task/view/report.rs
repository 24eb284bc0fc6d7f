//! Rounds' reports.

use ddsx_client::LedgerInfo;
use ddsx_types::federated_aggregator::RoundReport;
use serde_json::{Value, json};

use super::words::{amount, outcome, percent, score};
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
    }
    lines.join("\n")
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
