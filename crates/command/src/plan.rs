//! `ddsx stream plan`: what a stream sells.

use candid::{Nat, Principal};
use ddsx_client::{LedgerInfo, Registry, amount};
use ddsx_types::stream_registry::{AddPlanArgs, Plan, PlanKind, Price, RetirePlanArgs};
use serde_json::{Value, json};

use crate::args::{Kind, PlanAddArgs, PlanCommand};
use crate::context::Context;
use crate::failure::Failure;
use crate::text;
use crate::view::{plan_json, plans_text};

pub async fn run(context: &Context, command: PlanCommand) -> Result<(), Failure> {
    let registry = context.registry().await?;
    match command {
        PlanCommand::Add(args) => add(context, &registry, args).await,
        PlanCommand::List { stream } => {
            let plans = registry.plans(stream).await?;
            let json: Value = plans.iter().map(plan_json).collect();
            let known = known_assets(&registry, &plans).await;
            context.output.result(&json, &plans_text(&plans, &known))
        }
        PlanCommand::Retire { stream, plan } => {
            registry.retire_plan(&RetirePlanArgs { stream, plan }).await?;
            let said = format!("plan {plan} is sold no longer; licences bought stay");
            context.output.result(&json!({ "plan": plan, "offered": false }), &said)
        }
    }
}

/// Symbols and decimals of the plans' assets, as far as their ledgers answer.
pub async fn known_assets(registry: &Registry, plans: &[Plan]) -> Vec<(Principal, LedgerInfo)> {
    let mut known: Vec<(Principal, LedgerInfo)> = Vec::new();
    for price in plans.iter().flat_map(|plan| &plan.prices) {
        if known.iter().any(|(ledger, _)| *ledger == price.ledger) {
            continue;
        }
        if let Ok(info) = registry.network().ledger(price.ledger).info().await {
            known.push((price.ledger, info));
        }
    }
    known
}

async fn add(context: &Context, registry: &Registry, args: PlanAddArgs) -> Result<(), Failure> {
    let kind = kind(&args)?;
    let mut prices = Vec::with_capacity(args.prices.len());
    for text in &args.prices {
        let (amount, ledger) = match text.split_once('@') {
            Some((amount, ledger)) => {
                let id = Principal::from_text(ledger)
                    .map_err(|error| Failure::usage(format!("{ledger:?} is not a ledger canister: {error}")))?;
                (amount, registry.network().ledger(id))
            }
            None => (text.as_str(), context.ledger_on(registry.network())?),
        };
        // Its decimals decide what the plan costs: the subnet's word.
        let info = ledger.agreed().info().await?;
        let units = amount::parse(amount, info.decimals, &info.symbol).map_err(Failure::usage)?;
        prices.push(Price {
            ledger: ledger.id(),
            amount: Nat::from(units),
        });
    }
    let plan = registry
        .add_plan(&AddPlanArgs {
            stream: args.stream,
            name: args.name.clone(),
            kind,
            prices,
        })
        .await?;
    let json = json!({ "plan": plan, "stream": args.stream, "name": args.name });
    context
        .output
        .result(&json, &format!("plan {plan}: {} of stream {}", args.name, args.stream))
}

/// The shortest and the longest subscription that the registry takes.
const DURATIONS_NS: std::ops::RangeInclusive<u64> = 60_000_000_000..=3_650 * 86_400 * 1_000_000_000;

fn duration_ns(duration: std::time::Duration) -> Result<u64, Failure> {
    let ns = u64::try_from(duration.as_nanos()).ok();
    ns.filter(|ns| DURATIONS_NS.contains(ns)).ok_or_else(|| {
        let [least, most] = [DURATIONS_NS.start(), DURATIONS_NS.end()].map(|ns| text::duration(*ns));
        Failure::usage(format!(
            "a subscription lasts {least} to {most}, not {}",
            ns.map_or_else(|| "longer".into(), text::duration)
        ))
    })
}

fn kind(args: &PlanAddArgs) -> Result<PlanKind, Failure> {
    let kind = match (args.kind, args.duration) {
        (Kind::Subscription, Some(duration)) => PlanKind::Subscription {
            duration_ns: duration_ns(duration)?,
        },
        (Kind::Subscription, None) => return Err(Failure::usage("a subscription needs --duration")),
        (_, Some(_)) => return Err(Failure::usage("--duration is for subscriptions")),
        (Kind::Perpetual, None) => PlanKind::Perpetual,
        (Kind::Free, None) => PlanKind::Free,
    };
    match (kind, args.prices.is_empty()) {
        (PlanKind::Free, false) => Err(Failure::usage("a free plan has no price")),
        (PlanKind::Subscription { .. } | PlanKind::Perpetual, true) => {
            Err(Failure::usage("give at least one --price, or --kind free"))
        }
        _ => Ok(kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn should_tell_a_duration_that_is_not_sold_as_it_was_typed() {
        assert_eq!(duration_ns(Duration::from_mins(1)), Ok(60_000_000_000));
        let short = duration_ns(Duration::from_secs(12)).unwrap_err();
        assert_eq!(short.code(), crate::failure::USAGE);
        assert_eq!(short.message(), "a subscription lasts 1m to 3650d, not 12s");
        assert!(duration_ns(Duration::MAX).is_err());
    }
}
