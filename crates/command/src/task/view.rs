//! Tasks, rounds and clients as JSON for programs and as text for people.

use candid::Nat;
use ddsx_client::LedgerInfo;
use ddsx_types::federated_aggregator::{
    EndReason, JoinRule, Participant, RoundOutcome, RoundReport, RoundState, RoundView, Stage, TaskAudit, TaskInfo,
};
use serde_json::{Value, json};

use crate::output::table;
use crate::text;
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
            info.args.name.clone(),
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
            info.args.name,
            stage_text(&info.stage.stage)
        ),
        format!("  {}", info.args.description),
        format!("  owner         {}", info.owner),
        format!("  created       {}", text::time(info.created_at)),
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
        lines.push(format!("  training      {}", info.args.client_config));
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

fn score(score: Option<f64>) -> String {
    score.map_or("–".into(), |score| format!("{score:.5}"))
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

fn rounds_text(reports: &[RoundReport], units: Option<&LedgerInfo>) -> String {
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
