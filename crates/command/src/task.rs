//! `ddsx task`: making tasks of federated learning, finding them, taking part, looking at rounds.

mod create;
pub mod view;

use ddsx_client::{Aggregator, LedgerInfo};
use ddsx_trainer::{Membership, StateFolder, definition};
use ddsx_types::federated_aggregator::{
    ExcludeClientArgs, JoinError, KeepTaskArgs, Page, RoundKey, Stage, TaskId, TaskInfo,
};
use serde_json::{Value, json};

use crate::args::{TaskCommand, TaskJoinArgs, TaskListArgs};
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::stake::{self, Consent};
use crate::text;
use view::{Shown, report_json, report_text, task_json, tasks_text};

pub async fn run(context: &Context, command: TaskCommand) -> Result<(), Failure> {
    if matches!(command, TaskCommand::Example) {
        let text = definition::EXAMPLE;
        return context.output.result(&json!({ "definition": text }), text);
    }
    let aggregator = context.aggregator().await?;
    match command {
        TaskCommand::Create(args) => Box::pin(create::run(context, aggregator, args)).await,
        TaskCommand::List(args) => list(context, &aggregator, args).await,
        TaskCommand::Show { task, rounds } => show(context, &aggregator, task, rounds).await,
        TaskCommand::Join(args) => join(context, &aggregator, args).await,
        TaskCommand::Leave { task } => {
            aggregator.leave(task).await?;
            context.output.result(
                &json!({ "task": task, "left": true }),
                &format!("you have left task {task}"),
            )
        }
        TaskCommand::Report { task, round } => report(context, &aggregator, RoundKey { task, round }).await,
        TaskCommand::Stop { task, yes } => {
            confirmed(&aggregator, task, yes, "End").await?;
            aggregator.stop_task(task).await?;
            let said = format!("task {task} ends, at the latest when the round that is being worked on is published");
            context.output.result(&json!({ "task": task, "stopping": true }), &said)
        }
        TaskCommand::Exclude {
            task,
            client,
            reason,
            yes,
        } => {
            confirmed(&aggregator, task, yes, &format!("Exclude {client} from")).await?;
            let args = ExcludeClientArgs { task, client, reason };
            aggregator.exclude_client(&args).await?;
            context.output.result(
                &json!({ "task": task, "client": client.to_text(), "excluded": true }),
                &format!("{client} is excluded from task {task}; its stake goes back, and what it earned is its own"),
            )
        }
        TaskCommand::Keep { task, off } => {
            aggregator.keep_task(&KeepTaskArgs { task, kept: !off }).await?;
            let said = if off {
                format!("task {task} is forgotten when its time is over")
            } else {
                format!("task {task} is kept from your prepaid balance (ddsx balance --of aggregator)")
            };
            context.output.result(&json!({ "task": task, "kept": !off }), &said)
        }
        TaskCommand::Free { task, yes } => {
            confirmed(&aggregator, task, yes, "Forget model and evaluation set of").await?;
            aggregator.free_storage(task).await?;
            let said = format!("the storage of task {task} is free; its reports stay");
            context.output.result(&json!({ "task": task, "freed": true }), &said)
        }
        TaskCommand::Example => Ok(()),
    }
}

/// A task, or the failure that says that there is none.
pub async fn info(aggregator: &Aggregator, task: TaskId) -> Result<TaskInfo, Failure> {
    let found = aggregator.task(task).await?;
    found.ok_or_else(|| Failure::refused(format!("there is no task {task}")))
}

/// The units in which a task pays, if it does.
pub async fn reward_units(aggregator: &Aggregator, info: &TaskInfo) -> Result<Option<LedgerInfo>, Failure> {
    match &info.args.reward {
        Some(reward) => Ok(Some(aggregator.network().ledger(reward.ledger).info().await?)),
        None => Ok(None),
    }
}

/// The same where money follows: the subnet's word.
pub async fn agreed_units(aggregator: &Aggregator, info: &TaskInfo) -> Result<Option<LedgerInfo>, Failure> {
    match &info.args.reward {
        Some(reward) => Ok(Some(aggregator.network().ledger(reward.ledger).agreed().info().await?)),
        None => Ok(None),
    }
}

async fn confirmed(aggregator: &Aggregator, task: TaskId, yes: bool, what: &str) -> Result<(), Failure> {
    let info = info(aggregator, task).await?;
    if yes || output::confirm(&format!("{what} task {task} ({})?", text::one_line(&info.args.name)))? {
        Ok(())
    } else {
        Err(Failure::usage("nothing was done"))
    }
}

async fn list(context: &Context, aggregator: &Aggregator, args: TaskListArgs) -> Result<(), Failure> {
    let text = args.search.as_ref().map(|text| text.to_lowercase());
    let wanted = |info: &TaskInfo| {
        let has = |field: &str, text: &str| field.to_lowercase().contains(text);
        let found = text
            .as_deref()
            .is_none_or(|text| has(&info.args.name, text) || has(&info.args.description, text));
        found && !(args.open && matches!(info.stage.stage, Stage::Ended(_)))
    };
    let mut tasks: Vec<TaskInfo> = Vec::new();
    let mut start_after = args.after;
    while tasks.len() < args.limit {
        let page = Page {
            start_after,
            limit: None,
        };
        let found = aggregator.tasks(page).await?;
        let last = found.last().map(|info| info.id);
        let Some(last) = last.filter(|last| start_after.is_none_or(|after| *last > after)) else {
            break;
        };
        start_after = Some(last);
        tasks.extend(found.into_iter().filter(|info| wanted(info)));
    }
    tasks.truncate(args.limit);
    let json: Value = tasks.iter().map(|info| task_json(info, None)).collect();
    context.output.result(&json, &tasks_text(&tasks))
}

async fn show(context: &Context, aggregator: &Aggregator, task: TaskId, rounds: u32) -> Result<(), Failure> {
    let info = info(aggregator, task).await?;
    let units = reward_units(aggregator, &info).await?;
    let mut reports = Vec::new();
    for round in info.rounds_held.saturating_sub(rounds) + 1..=info.rounds_held {
        reports.push(aggregator.verified_report(RoundKey { task, round }).await?.report);
    }
    let open = match info.collecting {
        Some(round) => aggregator.round(RoundKey { task, round }).await?,
        None => None,
    };
    let shown = Shown {
        clients: aggregator.all_participants(task).await?,
        audit: aggregator.audit(task).await?,
        info,
        units,
        reports,
        open,
    };
    context.output.result(&shown.json(), &shown.text())
}

async fn join(context: &Context, aggregator: &Aggregator, args: TaskJoinArgs) -> Result<(), Failure> {
    let sure = aggregator.agreed();
    let info = info(&sure, args.task).await?;
    if matches!(info.stage.stage, Stage::Ended(_)) {
        return Err(Failure::refused(JoinError::Ended));
    }
    let me = aggregator.network().principal();
    let known = sure.participant(args.task, me).await?;
    let path = args.state.clone();
    let path = path.unwrap_or_else(|| state_path(context, aggregator, &info));
    let mut folder = StateFolder::open(&path, Membership::new(aggregator, &info), None)?;
    let already = known.as_ref().is_some_and(|known| known.active);
    if !already {
        let units = agreed_units(aggregator, &info).await?;
        let consent = Consent {
            joining: 1,
            simulated: false,
            yes: args.yes,
            max_stake: args.max_stake.as_deref(),
        };
        let most = stake::ask(context, aggregator, &info, units.as_ref(), consent).await?;
        if known.is_some() {
            // It took part before: that request is spent.
            folder.renew_join_request()?;
        }
        ddsx_trainer::join(aggregator, &info, args.account, Some(&most), &mut folder).await?;
    }
    let json = json!({ "task": args.task, "client": me.to_text(), "already": already });
    let said = if already { "already" } else { "now" };
    context
        .output
        .result(&json, &format!("{me} takes part in task {} {said}", args.task))
}

/// Where one client's state lies unless told.
pub fn state_path(context: &Context, aggregator: &Aggregator, task: &TaskInfo) -> std::path::PathBuf {
    let (aggregator, me) = (aggregator.id(), aggregator.network().principal());
    let name = format!("{aggregator}-{}-{}-{me}", task.id, task.created_at / 1_000_000_000);
    context.folders.training.join(name)
}

async fn report(context: &Context, aggregator: &Aggregator, key: RoundKey) -> Result<(), Failure> {
    let info = info(aggregator, key.task).await?;
    let units = reward_units(aggregator, &info).await?;
    let verified = aggregator.verified_report(key).await?;
    let mut json = report_json(&verified.report, units.as_ref());
    json["certified_at"] = verified.certified_at.into();
    context
        .output
        .result(&json, &report_text(&verified.report, units.as_ref()))
}
