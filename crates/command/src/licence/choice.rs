//! Which plan is meant, where people have a stream's number more often than a plan's.

use ddsx_client::{CallError, OfferFailure, Registry};
use ddsx_types::stream_registry::{Plan, PlanId, QuoteError, StreamId};

use crate::args::PlanChoice;
use crate::failure::Failure;
use crate::plan::known_assets;
use crate::stream;
use crate::text::one_line;
use crate::view::plans_text;

/// The number of the plan that is meant.
pub async fn plan(registry: &Registry, choice: &PlanChoice) -> Result<PlanId, Failure> {
    let Some(stream) = choice.stream else {
        return choice
            .number
            .ok_or_else(|| Failure::usage("which plan? Its number, or --stream"));
    };
    stream::info(registry, stream).await?;
    let plans: Vec<Plan> = registry
        .plans(stream)
        .await?
        .into_iter()
        .filter(|plan| plan.offered)
        .collect();
    match pick(&plans, choice.plan.as_deref()) {
        Some(plan) => Ok(plan),
        None => Err(choose(registry, stream, &plans).await),
    }
}

/// The plan of this name or number, or the only one.
fn pick(plans: &[Plan], wanted: Option<&str>) -> Option<PlanId> {
    match (wanted, plans) {
        (None, [only]) => Some(only.id),
        (None, _) => None,
        (Some(wanted), _) => {
            let named = plans.iter().find(|plan| plan.name == wanted);
            let numbered = || plans.iter().find(|plan| plan.id.to_string() == wanted);
            named.or_else(numbered).map(|plan| plan.id)
        }
    }
}

async fn choose(registry: &Registry, stream: StreamId, plans: &[Plan]) -> Failure {
    if plans.is_empty() {
        return Failure::refused(format!("stream {stream} offers no plan"));
    }
    let known = known_assets(registry, plans).await;
    Failure::usage(format!(
        "which plan of stream {stream}? Choose with --plan:\n{}",
        plans_text(plans, &known).trim_end()
    ))
}

/// A failure to make an offer; where a stream's number was given for a plan's, with that stream's plans.
pub async fn explained(registry: &Registry, plan: PlanId, failure: OfferFailure) -> Failure {
    let missing = matches!(
        &failure,
        OfferFailure::Call(CallError::Refused {
            error: QuoteError::PlanNotFound,
            ..
        })
    );
    if !missing {
        return failure.into();
    }
    let said = Failure::refused(format!("there is no plan {plan}"));
    let Ok(Some(stream)) = registry.stream(plan).await else {
        return said.and("`ddsx stream list` shows streams, `ddsx stream show` their plans");
    };
    let plans: Vec<Plan> = registry.plans(stream.id).await.unwrap_or_default();
    let plans: Vec<Plan> = plans.into_iter().filter(|plan| plan.offered).collect();
    let Some(first) = plans.first() else {
        return said.and(&format!("stream {plan} ({}) offers none", one_line(&stream.name)));
    };
    let known = known_assets(registry, &plans).await;
    said.and(&format!(
        "if you mean stream {plan} ({}), it sells:\n{}buy with: ddsx licence buy {}",
        one_line(&stream.name),
        plans_text(&plans, &known),
        first.id
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ddsx_types::stream_registry::PlanKind;

    fn plan(id: PlanId, name: &str) -> Plan {
        Plan {
            id,
            stream: 2,
            name: name.into(),
            kind: PlanKind::Perpetual,
            prices: Vec::new(),
            offered: true,
        }
    }

    #[test]
    fn should_pick_by_name_then_by_number_and_alone_the_only_one() {
        let two = [plan(4, "monthly"), plan(5, "4")];
        for (plans, wanted, expected) in [
            (&two[..], Some("monthly"), Some(4)),
            (&two[..], Some("4"), Some(5)),
            (&two[..], Some("5"), Some(5)),
            (&two[..], Some("yearly"), None),
            (&two[..], None, None),
            (&two[..1], None, Some(4)),
            (&two[..0], None, None),
        ] {
            assert_eq!(pick(plans, wanted), expected, "{wanted:?}");
        }
    }
}
