//! `ddsx task create`.

use std::path::Path;

use candid::{Nat, Principal};
use ddsx_client::{Aggregator, LedgerInfo, Network, Short};
use ddsx_trainer::definition::Definition;
use ddsx_trainer::{Creation, Outlay, Step};
use ddsx_types::federated_aggregator::{File, TaskId, TaskInfo, TaskTotal};
use serde_json::{Value, json};

use super::view::{stage_text, task_json};
use crate::args::TaskCreateArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::text::one_line;
use crate::view::tokens_json;

pub async fn run(context: &Context, aggregator: Aggregator, args: TaskCreateArgs) -> Result<(), Failure> {
    let definition = Definition::read(&args.definition)?;
    let network = aggregator.network().clone();
    Context::somebody(&network)?;
    let spender = aggregator.id();
    let reward = match definition.pays() {
        None => None,
        Some(Some(id)) => Some((id, network.ledger(id).agreed().info().await?)),
        Some(None) => {
            let ledger = context.ledger_on(&network)?.agreed();
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
    // Nothing is made before it is known whether it can be paid, and wanted.
    let new = !creation.is_begun();
    let foreseen = if new {
        Some(Box::pin(Costs::of(&network, creation.foreseen().await?)).await?)
    } else {
        None
    };
    if let Some(costs) = &foreseen {
        costs.check_funds()?;
        if !costs.is_nothing() {
            context.name_place(&network, &costs.places(spender));
            context.output.remark(&costs.text(true));
        }
        if !args.yes && !costs.is_nothing() && !output::confirm("Make the task and pay?")? {
            return Err(Failure::usage("no task was made, nothing was charged"));
        }
    }
    let info = creation.create(tell).await.map_err(Into::into).map_err(again)?;
    let costs = Box::pin(Costs::of(&network, creation.outlay(&info).await?)).await?;
    let agreed_to = foreseen.as_ref().is_some_and(|foreseen| foreseen.covers(&costs));
    let paid_at_once = foreseen.filter(|foreseen| foreseen.once.is_some());
    if !agreed_to && !costs.is_nothing() {
        context.name_place(&network, &costs.places(spender));
        context.output.remark(&costs.text(false));
    }
    let wanted = match costs.check_funds() {
        Ok(()) => agreed_to || costs.is_nothing() || args.yes || output::confirm("Pay?")?,
        Err(failure) if new => return Err(failure.and(&withdraw(creation, info.id).await)),
        Err(failure) => return Err(failure.and(&format!("task {} stays a draft", info.id))),
    };
    if !wanted && new {
        return Err(Failure::usage("not paid").and(&withdraw(creation, info.id).await));
    }
    if !wanted {
        return Err(Failure::usage(format!(
            "not paid; task {} stays a draft, and the same command goes on with it",
            info.id
        )));
    }
    let info = creation.complete(tell).await.map_err(Into::into).map_err(again)?;
    bar.finish_and_clear();
    let costs = paid_at_once.unwrap_or(costs);
    say(context, &info, &costs, reward.as_ref().map(|(_, info)| info))
}

/// Gives up a task that this run made and that is not to be paid; what became of it.
async fn withdraw(creation: Creation, task: TaskId) -> String {
    match creation.withdraw().await {
        Ok(()) => format!("the draft, task {task}, was given up"),
        Err(error) => format!("task {task} stays a draft ({error}); end it with `ddsx task stop {task}`"),
    }
}

fn say(context: &Context, info: &TaskInfo, costs: &Costs, units: Option<&LedgerInfo>) -> Result<(), Failure> {
    let mut json = task_json(info, units);
    json["cost"] = costs.json();
    let said = format!(
        "task {}: {} is {}\n  clients join and train with: ddsx train {} --data FILE",
        info.id,
        one_line(&info.args.name),
        stage_text(&info.stage.stage),
        info.id
    );
    context.output.result(&json, &said)
}

/// What leaves the owner's account, as the whole subnet tells it.
#[derive(Clone, Debug, PartialEq)]
struct Costs {
    storage: Option<Cost>,
    budget: Option<Cost>,
    /// What one call pays of a total: what the balance lacks leaves the account.
    once: Option<(TaskTotal, Cost)>,
}

/// One payment, and what its payer holds.
#[derive(Clone, Debug, PartialEq)]
struct Cost {
    ledger: Principal,
    amount: Nat,
    info: LedgerInfo,
    balance: Nat,
}

impl Cost {
    async fn of(network: &Network, part: Option<(Principal, Nat)>) -> Result<Option<Self>, Failure> {
        let Some((ledger, amount)) = part else {
            return Ok(None);
        };
        let at = network.ledger(ledger).agreed();
        let (info, balance) = tokio::try_join!(at.info(), at.balance_of(network.principal().into()))?;
        Ok(Some(Self {
            ledger,
            amount,
            info,
            balance,
        }))
    }

    /// For the approval and for the transfer.
    fn fees(&self) -> Nat {
        Nat::from(self.info.fee) + Nat::from(self.info.fee)
    }

    fn total(&self) -> Nat {
        if self.amount == 0_u8 {
            return Nat::default();
        }
        self.amount.clone() + self.fees()
    }
}

impl Costs {
    async fn of(network: &Network, outlay: Outlay) -> Result<Self, Failure> {
        let Outlay { storage, budget, total } = outlay;
        let missing = total.as_ref().map(|total| (total.ledger, total.missing.clone()));
        let (storage, budget, missing) = tokio::try_join!(
            Cost::of(network, storage),
            Cost::of(network, budget),
            Cost::of(network, missing)
        )?;
        let once = total.zip(missing);
        Ok(Self { storage, budget, once })
    }

    fn is_nothing(&self) -> bool {
        self.storage.is_none() && self.budget.is_none() && self.once.is_none()
    }

    fn parts(&self) -> impl Iterator<Item = &Cost> {
        let once = self.once.iter().map(|(_, missing)| missing);
        self.storage.iter().chain(&self.budget).chain(once)
    }

    /// The aggregator, which takes it, and the ledgers.
    fn places(&self, spender: Principal) -> Vec<(&'static str, Principal)> {
        let mut places = vec![("aggregator", spender)];
        for part in self.parts() {
            let place = ("ledger", part.ledger);
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places
    }

    /// What leaves the account at one ledger.
    fn total_at(&self, ledger: Principal) -> Nat {
        let parts = self.parts().filter(|part| part.ledger == ledger);
        parts.map(Cost::total).fold(Nat::default(), |sum, part| sum + part)
    }

    fn check_funds(&self) -> Result<(), Failure> {
        for part in self.parts() {
            Short::check(&part.info, &part.balance, &self.total_at(part.ledger)).map_err(Failure::refused)?;
        }
        Ok(())
    }

    /// Whether whoever agreed to this agreed to that too.
    fn covers(&self, other: &Self) -> bool {
        other
            .parts()
            .all(|part| other.total_at(part.ledger) <= self.total_at(part.ledger))
    }

    fn text(&self, foreseen: bool) -> String {
        let row = |what: &str, least: &str, part: &Option<Cost>| {
            part.as_ref().map(|part| {
                let (amount, fees) = (part.info.show(&part.amount), part.info.show(&part.fees()));
                format!("  {what}  {least}{amount}, and at most {fees} to the ledger")
            })
        };
        let least = if foreseen { "at least " } else { "" };
        let rows = [row("storage", least, &self.storage), row("budget ", "", &self.budget)];
        let once = self.once.iter().map(|(total, missing)| once_text(total, missing));
        rows.into_iter().flatten().chain(once).collect::<Vec<_>>().join("\n")
    }

    fn json(&self) -> Value {
        let part = |part: &Option<Cost>| part.as_ref().map(|part| tokens_json(&part.amount, &part.info));
        let mut said = json!({ "storage": part(&self.storage), "budget": part(&self.budget) });
        if let Some((total, missing)) = &self.once {
            let tokens = |units: &Nat| tokens_json(units, &missing.info);
            said["storage"] = tokens(&total.fee);
            if total.budget > 0_u8 {
                said["budget"] = tokens(&total.budget);
            }
            said["total"] = tokens(&total.total);
            said["comes_back_at_most"] = tokens(&total.comes_back);
            said["from_balance"] = tokens(&total.from_balance);
            said["from_account"] = tokens(&total.missing);
        }
        said
    }
}

/// One total, its parts, what of it comes back, and where it comes from.
fn once_text(total: &TaskTotal, missing: &Cost) -> String {
    let show = |units: &Nat| missing.info.show(units);
    let mut rows = Vec::new();
    if total.fee > 0_u8 {
        rows.push(format!("  storage  {}, its computing within it", show(&total.fee)));
    }
    if total.budget > 0_u8 {
        rows.push(format!("  budget   {}", show(&total.budget)));
    }
    rows.push(format!("  total    {}", show(&total.total)));
    rows.push(format!(
        "  back     at most {}: of rounds that are not worked on, and of what is not earned",
        show(&total.comes_back)
    ));
    if total.from_balance > 0_u8 {
        rows.push(format!(
            "  balance  {} of your prepaid balance pay for it",
            show(&total.from_balance)
        ));
    }
    if total.missing > 0_u8 {
        rows.push(format!(
            "  account  {}, and at most {} to the ledger, leave your account",
            show(&total.missing),
            show(&missing.fees())
        ));
    }
    rows.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(ledger: u8, amount: u32, balance: u32) -> Cost {
        Cost {
            ledger: Principal::from_slice(&[ledger]),
            amount: amount.into(),
            info: LedgerInfo {
                symbol: "DST".into(),
                decimals: 2,
                fee: 10,
            },
            balance: balance.into(),
        }
    }

    #[test]
    fn should_count_all_that_leaves_one_account_together() {
        let both = |balance| Costs {
            storage: Some(cost(1, 100, balance)),
            budget: Some(cost(1, 300, balance)),
            once: None,
        };
        assert_eq!(both(440).check_funds(), Ok(()));
        let short = both(439).check_funds().unwrap_err();
        assert_eq!(
            short.message(),
            "the account holds 4.39 DST, and 4.4 DST is needed, fees included; nothing was charged"
        );
        let apart = Costs {
            storage: Some(cost(1, 100, 120)),
            budget: Some(cost(2, 300, 320)),
            once: None,
        };
        assert_eq!(apart.check_funds(), Ok(()));
    }

    #[test]
    fn should_show_one_total_and_what_comes_back_and_take_from_the_account_what_the_balance_lacks() {
        let nat = |units: u32| Nat::from(units);
        let total = |free: u32| TaskTotal {
            ledger: Principal::from_slice(&[1]),
            fee: nat(100),
            budget: nat(300),
            total: nat(400),
            comes_back: nat(350),
            draft_deposit: nat(7),
            free: nat(free),
            from_balance: nat(free),
            missing: nat(400 - free),
            ledger_fee: nat(10),
        };
        let costs = |free: u32, holds| Costs {
            storage: None,
            budget: None,
            once: Some((total(free), cost(1, 400 - free, holds))),
        };
        assert_eq!(costs(150, 270).check_funds(), Ok(()));
        assert!(costs(150, 269).check_funds().is_err());
        assert_eq!(costs(400, 0).check_funds(), Ok(()), "the balance has all");
        let text = costs(150, 270).text(true);
        for words in [
            "storage  1 DST",
            "budget   3 DST",
            "total    4 DST",
            "at most 3.5 DST",
            "1.5 DST of your prepaid balance",
            "account  2.5 DST, and at most 0.2 DST",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert_eq!(costs(150, 270).json()["total"]["units"], "400");
    }

    #[test]
    fn should_ask_again_when_it_costs_more_than_was_foreseen() {
        let costs = |storage, budget| Costs {
            storage: Some(cost(1, storage, 0)),
            budget: Some(cost(2, budget, 0)),
            once: None,
        };
        assert!(costs(100, 300).covers(&costs(100, 300)));
        assert!(costs(100, 300).covers(&costs(90, 300)));
        assert!(!costs(100, 300).covers(&costs(101, 300)));
        let nothing = Costs {
            storage: None,
            budget: None,
            once: None,
        };
        assert!(nothing.covers(&nothing));
        assert!(!nothing.covers(&costs(1, 1)));
    }
}
