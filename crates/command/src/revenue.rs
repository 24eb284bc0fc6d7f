//! `ddsx revenue`: who is paid what.

use ddsx_client::{LedgerInfo, Registry};
use ddsx_types::stream_registry::{ClaimArgs as WireClaim, Payee, StreamId};
use serde_json::json;

use crate::args::{ClaimArgs, RevenueCommand};
use crate::context::Context;
use crate::failure::Failure;
use crate::view::{income_json, income_text, revenue_json, revenue_text, tokens, tokens_json, units_text};

pub async fn run(context: &Context, command: RevenueCommand) -> Result<(), Failure> {
    match command {
        RevenueCommand::Show { stream } => show(context, stream).await,
        RevenueCommand::Days { stream } => days(context, stream).await,
        RevenueCommand::Claim(args) => claim(context, args).await,
    }
}

async fn show(context: &Context, stream: StreamId) -> Result<(), Failure> {
    let registry = context.registry().await?;
    let ledger = context.ledger_on(registry.network())?;
    let info = ledger.info().await?;
    let revenue = registry
        .stream_revenue(stream, ledger.id())
        .await?
        .ok_or_else(|| nothing_earned(stream, &info))?;
    let contributors = registry.all_contributor_revenue(stream, ledger.id()).await?;
    context.output.result(
        &revenue_json(&revenue, &contributors, &info),
        &revenue_text(&revenue, &contributors, &info),
    )
}

async fn days(context: &Context, stream: StreamId) -> Result<(), Failure> {
    let registry = context.registry().await?;
    let ledger = context.ledger_on(registry.network())?;
    let info = ledger.info().await?;
    let days = registry.all_stream_income(stream, ledger.id()).await?;
    if days.is_empty() {
        return Err(nothing_earned(stream, &info));
    }
    context
        .output
        .result(&income_json(&days, &info), &income_text(&days, &info))
}

fn nothing_earned(stream: StreamId, info: &LedgerInfo) -> Failure {
    Failure::refused(format!(
        "stream {stream} is not there, or earned nothing in {} yet",
        info.symbol
    ))
}

async fn claim(context: &Context, args: ClaimArgs) -> Result<(), Failure> {
    let registry = context.registry().await?;
    let ledger = context.ledger_on(registry.network())?;
    let payee = match &args.contributor {
        Some(contributor) => Payee::Contributor(number_of(&registry, args.stream, contributor).await?),
        None => Payee::Provider,
    };
    let info = ledger.info().await?;
    let claimed = registry
        .claim(&WireClaim {
            stream: args.stream,
            ledger: ledger.id(),
            payee,
        })
        .await
        .map_err(|error| Failure::call_in(&error, &info))?;
    let json = json!({
        "block": units_text(&claimed.block),
        "arrived": tokens_json(&claimed.amount, &info),
        "ledger_fee": tokens_json(&claimed.ledger_fee, &info),
    });
    let said = format!(
        "{} arrived in block {}",
        tokens(&claimed.amount, &info),
        claimed.block.0
    );
    context.output.result(&json, &said)
}

/// A contributor by number or label.
async fn number_of(registry: &Registry, stream: StreamId, text: &str) -> Result<u32, Failure> {
    let contributors = registry.all_contributors(stream).await?;
    if let Some(found) = contributors.iter().find(|contributor| contributor.label == text) {
        return Ok(found.number);
    }
    text.parse()
        .map_err(|_| Failure::usage(format!("stream {stream} has no contributor {text:?}")))
}
