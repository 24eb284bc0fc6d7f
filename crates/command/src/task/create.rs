//! `ddsx task create`.

use std::path::Path;

use candid::{Nat, Principal};
use ddsx_client::{Aggregator, LedgerInfo};
use ddsx_trainer::definition::Definition;
use ddsx_trainer::{Creation, Outlay, Step};
use ddsx_types::federated_aggregator::{File, TaskInfo};
use serde_json::{Value, json};

use super::view::{stage_text, task_json};
use crate::args::TaskCreateArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::view::{tokens, tokens_json};

pub async fn run(context: &Context, aggregator: Aggregator, args: TaskCreateArgs) -> Result<(), Failure> {
    let definition = Definition::read(&args.definition)?;
    let network = aggregator.network().clone();
    let reward = match definition.pays() {
        None => None,
        Some(Some(id)) => Some((id, network.ledger(id).info().await?)),
        Some(None) => {
            let ledger = context.ledger_on(&network)?;
            Some((ledger.id(), ledger.info().await?))
        }
    };
    let registry = context.registry_on(&network).ok().map(|registry| registry.id());
    let base = args.definition.parent().unwrap_or(Path::new(""));
    let units = reward.as_ref().map(|(id, info)| (*id, info));
    let prepared = definition.prepare(base, units, registry)?;
    for remark in &prepared.remarks {
        context.output.remark(remark);
    }

    let note = Creation::note_path(&context.folders.tasks, &aggregator, &args.definition);
    let mut creation = Creation::open(aggregator, prepared, &note, args.patience)?;
    let again = |failure: Failure| {
        if note.exists() {
            let said =
                "What was done is written down. Type the same command again: it goes on, and pays nothing twice.";
            context.output.remark(said);
        }
        failure
    };
    let bar = context.output.progress(0, "");
    let tell = |step: Step| match step {
        Step::Uploading { file, sent, bytes } => {
            let what = match file {
                File::Weights => "weights",
                File::Evaluation => "evaluation set",
            };
            bar.set_length(bytes);
            bar.set_message(format!("{what}: bytes uploaded of {bytes}:"));
            bar.set_position(sent);
        }
        Step::Created { task, found: true } => context.output.remark(&format!("going on with task {task}")),
        Step::Created { task, found: false } => context.output.remark(&format!("task {task} is created")),
        Step::StoragePaid(_) => context.output.remark("its storage is paid"),
        Step::Funded(_) => context.output.remark("its budget is paid in"),
        Step::Started => context
            .output
            .remark("started; the aggregator checks the files and evaluates the first model"),
    };
    let info = creation.create(tell).await.map_err(Into::into).map_err(again)?;
    let costs = Costs::of(&network, creation.outlay(&info).await?, reward.as_ref()).await?;
    if !costs.is_nothing() {
        context.output.remark(&costs.text());
        if !args.yes && !output::confirm("Pay?")? {
            return Err(Failure::usage(format!(
                "not paid; task {} stays a draft, and the same command goes on with it",
                info.id
            )));
        }
    }
    let info = creation.complete(tell).await.map_err(Into::into).map_err(again)?;
    bar.finish_and_clear();
    say(context, &info, &costs, reward.as_ref().map(|(_, info)| info))
}

fn say(context: &Context, info: &TaskInfo, costs: &Costs, units: Option<&LedgerInfo>) -> Result<(), Failure> {
    let mut json = task_json(info, units);
    json["cost"] = costs.json();
    let said = format!(
        "task {}: {} is {}\n  clients join and train with: ddsx train {} --data FILE",
        info.id,
        info.args.name,
        stage_text(&info.stage.stage),
        info.id
    );
    context.output.result(&json, &said)
}

/// What leaves the owner's account.
struct Costs {
    storage: Option<(Nat, LedgerInfo)>,
    budget: Option<(Nat, LedgerInfo)>,
}

impl Costs {
    async fn of(
        network: &ddsx_client::Network,
        outlay: Outlay,
        reward: Option<&(Principal, LedgerInfo)>,
    ) -> Result<Self, Failure> {
        let storage = match outlay.storage {
            Some((ledger, fee)) => Some((fee, network.ledger(ledger).info().await?)),
            None => None,
        };
        let budget = match (outlay.budget, reward) {
            (Some((_, amount)), Some((_, info))) => Some((amount, info.clone())),
            _ => None,
        };
        Ok(Self { storage, budget })
    }

    fn is_nothing(&self) -> bool {
        self.storage.is_none() && self.budget.is_none()
    }

    fn text(&self) -> String {
        let row = |what: &str, part: &Option<(Nat, LedgerInfo)>| {
            part.as_ref().map(|(amount, info)| {
                let fees = Nat::from(info.fee) + Nat::from(info.fee);
                format!(
                    "  {what}  {}, and at most {} to the ledger",
                    tokens(amount, info),
                    tokens(&fees, info)
                )
            })
        };
        let rows = [row("storage", &self.storage), row("budget ", &self.budget)];
        rows.into_iter().flatten().collect::<Vec<_>>().join("\n")
    }

    fn json(&self) -> Value {
        let part = |part: &Option<(Nat, LedgerInfo)>| part.as_ref().map(|(amount, info)| tokens_json(amount, info));
        json!({ "storage": part(&self.storage), "budget": part(&self.budget) })
    }
}
