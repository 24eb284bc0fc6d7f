//! A task, and tasks in a list.

use ddsx_client::LedgerInfo;
use ddsx_types::federated_aggregator::{EndReason, JoinRule, Stage, TaskInfo};
use serde_json::{Value, json};

use super::words::{amount, percent, stage_text};
use crate::output::table;
use crate::text;
use crate::view::units_text;

fn stage_json(stage: &Stage) -> Value {
    match stage {
        Stage::Draft => json!("draft"),
        Stage::Preparing => json!("preparing"),
        Stage::Running => json!("running"),
        Stage::Ended(EndReason::Completed) => json!({ "ended": "completed" }),
        Stage::Ended(EndReason::Stopped) => json!({ "ended": "stopped" }),
        Stage::Ended(EndReason::Failed(why)) => json!({ "ended": "failed", "reason": why }),
    }
}

fn join_text(rule: &JoinRule) -> String {
    match rule {
        JoinRule::Open => "whoever comes".into(),
        JoinRule::AllowList(allowed) => format!("{} principals on a list", allowed.len()),
        JoinRule::Licence { registry, stream } => format!("holders of a licence of stream {stream} of {registry}"),
    }
}

fn join_json(rule: &JoinRule) -> Value {
    match rule {
        JoinRule::Open => json!("open"),
        JoinRule::AllowList(allowed) => {
            json!({ "allow_list": allowed.iter().map(ToString::to_string).collect::<Vec<_>>() })
        }
        JoinRule::Licence { registry, stream } => json!({ "registry": registry.to_text(), "stream": stream }),
    }
}

pub fn task_json(info: &TaskInfo, units: Option<&LedgerInfo>) -> Value {
    json!({
        "task": info.id,
        "name": info.args.name,
        "description": info.args.description,
        "owner": info.owner.to_text(),
        "created_at": info.created_at,
        "stage": stage_json(&info.stage.stage),
        "since": info.stage.since,
        "model": info.args.model,
        "parameters": info.parameters,
        "strategy": info.args.strategy,
        "scoring": info.args.scoring,
        "join": join_json(&info.args.join),
        "rounds": info.args.rounds.rounds,
        "rounds_held": info.rounds_held,
        "collecting": info.collecting,
        "min_updates": info.args.rounds.min_updates,
        "max_updates": info.args.rounds.max_updates,
        "duration_s": info.args.rounds.duration_s,
        "clients": info.clients,
        "max_clients": info.args.max_clients,
        "version": info.version,
        "best": info.best,
        "client_config": info.args.client_config,
        "evaluation_hash": info.args.evaluation.hash.to_string(),
        "reward": info.args.reward.as_ref().map(|reward| json!({
            "ledger": reward.ledger.to_text(),
            "symbol": units.map(|units| &units.symbol),
            "per_round_units": units_text(&reward.per_round),
            "stake_units": units_text(&reward.stake),
            "rule": reward.rule,
        })),
        "budget_units": units_text(&info.budget),
        "budget_left_units": units_text(&info.budget_left),
        "storage_paid": info.storage_paid,
        "expires_at": info.expires_at,
        "stopping": info.stopping,
        "privacy": info.privacy.map(|spent| json!({ "epsilon": spent.epsilon, "delta": spent.delta, "rounds": spent.rounds })),
    })
}

pub fn tasks_text(tasks: &[TaskInfo]) -> String {
    if tasks.is_empty() {
        return "no tasks".into();
    }
    let mut rows = vec![
        ["task", "name", "stage", "rounds", "clients", "parameters", "best"]
            .map(String::from)
            .to_vec(),
    ];
    rows.extend(tasks.iter().map(|info| {
        vec![
            info.id.to_string(),
            text::one_line(&info.args.name),
            stage_text(&info.stage.stage),
            format!("{} of {}", info.rounds_held, info.args.rounds.rounds),
            format!("{} of {}", info.clients, info.args.max_clients),
            info.parameters.to_string(),
            best_text(info),
        ]
    }));
    table(&rows)
}

fn best_text(info: &TaskInfo) -> String {
    match info.best {
        // Accuracy, or loss negated.
        Some(best) if best < 0.0 => format!("loss {:.4}", -best),
        best => percent(best),
    }
}

pub fn task_text(info: &TaskInfo, units: Option<&LedgerInfo>) -> String {
    let rules = &info.args.rounds;
    let mut lines = vec![
        format!(
            "task {}: {} is {}",
            info.id,
            text::one_line(&info.args.name),
            stage_text(&info.stage.stage)
        ),
        format!("  {}", text::one_line(&info.args.description)),
        format!("  owner         {}", info.owner),
        format!("  created       {}", text::time(info.created_at)),
        format!(
            "  kept until    {}",
            match (info.expires_at, &info.stage.stage) {
                (Some(end), _) => text::time(end),
                (None, Stage::Ended(_)) => "its files are forgotten".into(),
                (None, _) => "it has ended, and 30 days more".into(),
            }
        ),
        format!(
            "  model         {} parameters, version {}, best {}",
            info.parameters,
            info.version,
            best_text(info)
        ),
        format!(
            "  strategy      {}",
            serde_json::to_string(&info.args.strategy).unwrap_or_default()
        ),
        format!(
            "  rounds        {} of {}, {} to {} updates each, {} to collect",
            info.rounds_held,
            rules.rounds,
            rules.min_updates,
            rules.max_updates,
            text::duration(rules.duration_s.saturating_mul(1_000_000_000))
        ),
        format!(
            "  clients       {} of {}: {}",
            info.clients,
            info.args.max_clients,
            join_text(&info.args.join)
        ),
    ];
    if let Some(reward) = &info.args.reward {
        lines.push(format!(
            "  reward        {} a round; {} of {} left; stake {}",
            amount(&reward.per_round, units),
            amount(&info.budget_left, units),
            amount(&info.budget, units),
            amount(&reward.stake, units)
        ));
    }
    if !info.args.client_config.is_empty() {
        lines.push(format!("  training      {}", text::one_line(&info.args.client_config)));
    }
    if let Some(spent) = &info.privacy {
        lines.push(format!(
            "  privacy       ε {:.3} at δ {:e} spent in {} rounds",
            spent.epsilon, spent.delta, spent.rounds
        ));
    }
    lines.retain(|line| !line.trim().is_empty());
    lines.join("\n")
}
