//! `ddsx balance --of aggregator`: the prepaid balance that pays for tasks.

use std::time::Duration;

use candid::{Nat, Principal};
use ddsx_client::{Aggregator, CallError, Ledger, LedgerInfo, Payment, amount, request_id};
use ddsx_types::federated_aggregator::{PrepaidBalance, TopUpArgs, TopUpError, WithdrawArgs};
use serde_bytes::ByteBuf;
use serde_json::{Value, json};

use super::{ask, fees, is_unsettled, json_of, look_first, same_units};
use crate::args::{self, BalanceCommand};
use crate::context::Context;
use crate::failure::Failure;
use crate::money;
use crate::view::{tokens, tokens_json};

pub async fn run(context: &Context, command: Option<BalanceCommand>) -> Result<(), Failure> {
    let aggregator = context.aggregator().await?;
    match command {
        None => show(context, &aggregator).await,
        Some(BalanceCommand::TopUp(args)) => top_up(context, &aggregator, args).await,
        Some(BalanceCommand::Withdraw(args)) => withdraw(context, &aggregator, args).await,
    }
}

fn text_of(balance: &PrepaidBalance, info: &LedgerInfo) -> String {
    let show = |units: &Nat| tokens(units, info);
    let mut lines = vec![
        format!("{} free", show(&balance.free)),
        format!(
            "  set aside  {} (deposits of drafts, and rounds that are still to be worked on)",
            show(&balance.set_aside)
        ),
        format!("  spent      {}", show(&balance.charged)),
        format!("  withdrawn  {}", show(&balance.withdrawn)),
        format!("  topped up  {}", show(&balance.topped_up)),
    ];
    if balance.withdrawing > Nat::default() {
        lines.push(format!("  on its way {}", show(&balance.withdrawing)));
    }
    lines.join("\n")
}

fn name_place(context: &Context, aggregator: &Aggregator, ledger: Principal) {
    let places = [("aggregator", aggregator.id()), ("ledger", ledger)];
    context.name_place(aggregator.network(), &places);
}

/// The ledger given, or the one in which tasks are paid.
async fn paying_ledger(context: &Context, aggregator: &Aggregator) -> Result<Ledger, Failure> {
    let network = aggregator.network();
    if let Ok(ledger) = context.ledger_on(network) {
        return Ok(ledger);
    }
    let fee = aggregator.parameters().await?.storage_fee.ledger;
    let fee = fee.ok_or_else(|| Failure::refused("tasks cost no tokens here; name the asset with --ledger"))?;
    Ok(network.ledger(fee))
}

async fn show(context: &Context, aggregator: &Aggregator) -> Result<(), Failure> {
    let chosen = context.ledger_given();
    let (mut json, mut text) = (Vec::new(), Vec::new());
    for asset in aggregator.parameters().await?.assets {
        if chosen.is_some_and(|chosen| chosen != asset.ledger) {
            continue;
        }
        let balance = aggregator.balance(asset.ledger).await?;
        if balance == PrepaidBalance::default() && chosen.is_none() {
            continue;
        }
        let ledger = aggregator.network().ledger(asset.ledger);
        let info = ledger.info().await?;
        json.push(json_of(&balance, &info, &ledger));
        text.push(text_of(&balance, &info));
    }
    if text.is_empty() {
        text.push("nothing; `ddsx balance top-up AMOUNT --of aggregator` puts something in".into());
    }
    context.output.result(&Value::from(json), &text.join("\n"))
}

async fn top_up(context: &Context, aggregator: &Aggregator, args: args::TopUpArgs) -> Result<(), Failure> {
    Context::somebody(aggregator.network())?;
    let aggregator = &aggregator.agreed();
    let ledger = paying_ledger(context, aggregator).await?.agreed();
    let info = ledger.info().await?;
    let amount = Nat::from(amount::parse(&args.amount, info.decimals, &info.symbol).map_err(Failure::usage)?);
    let payment = Payment::look(ledger.clone(), aggregator.id(), &amount).await?;
    same_units(&info, &payment.info)?;
    let show = |units: &Nat| tokens(units, &info);
    name_place(context, aggregator, ledger.id());
    context.output.remark(&format!(
        "into the balance  {} (can be withdrawn)\n  fees            {}\n  total           {}",
        show(&amount),
        show(&fees(&payment)),
        show(&payment.total())
    ));
    payment.check_funds().map_err(Failure::refused)?;
    ask(args.yes, "Top up?")?;
    let approved = money::approve(context, &payment).await?;
    let call = TopUpArgs {
        ledger: ledger.id(),
        amount,
        from_subaccount: None,
        request_id: ByteBuf::from(request_id().to_vec()),
    };
    match repeat(aggregator, &call, args.patience).await {
        Ok(balance) => context
            .output
            .result(&json_of(&balance, &info, &ledger), &text_of(&balance, &info)),
        Err(error) if is_unsettled(&error) => {
            Err(Failure::call_in(&error, &info).and(&look_first("ddsx balance --of aggregator")))
        }
        Err(error @ CallError::Refused { .. }) if approved => {
            Err(Failure::call_in(&error, &info).and(&payment.take_back().await))
        }
        Err(error) => Err(Failure::call_in(&error, &info)),
    }
}

/// Calls again while the payment's outcome is not known: the same call never takes twice.
async fn repeat(
    aggregator: &Aggregator,
    call: &TopUpArgs,
    patience: Duration,
) -> Result<PrepaidBalance, CallError<TopUpError>> {
    let began = std::time::Instant::now();
    let mut pause = Duration::from_secs(1);
    loop {
        match aggregator.top_up(call).await {
            // Of what governance has to find out, another call knows no more.
            Err(error) if matches!(error.refusal(), Some(TopUpError::Quarantined { .. })) => return Err(error),
            Err(error) if is_unsettled(&error) && began.elapsed() + pause < patience => {}
            done => return done,
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(15));
    }
}

async fn withdraw(context: &Context, aggregator: &Aggregator, args: args::WithdrawArgs) -> Result<(), Failure> {
    Context::somebody(aggregator.network())?;
    let aggregator = &aggregator.agreed();
    let ledger = paying_ledger(context, aggregator).await?.agreed();
    let info = ledger.info().await?;
    let amount = match &args.amount {
        Some(text) => Some(Nat::from(
            amount::parse(text, info.decimals, &info.symbol).map_err(Failure::usage)?,
        )),
        None => None,
    };
    let free = aggregator.balance(ledger.id()).await?.free;
    let leaves = amount.clone().unwrap_or_else(|| free.clone());
    let show = |units: &Nat| tokens(units, &info);
    if leaves > free || leaves <= info.fee {
        return Err(Failure::refused(format!(
            "{} are free, and the ledger's fee is {}; nothing was withdrawn",
            show(&free),
            show(&info.fee.into())
        )));
    }
    name_place(context, aggregator, ledger.id());
    let question = format!(
        "Withdraw {}, the ledger's fee of {} within it?",
        show(&leaves),
        show(&info.fee.into())
    );
    ask(args.yes, &question)?;
    let call = WithdrawArgs {
        ledger: ledger.id(),
        amount,
        to_subaccount: None,
    };
    let paid = aggregator.withdraw(&call).await?;
    let json = json!({
        "block": paid.block.0.to_string(), "arrived": tokens_json(&paid.amount, &info),
        "ledger_fee": tokens_json(&paid.ledger_fee, &info),
    });
    let said = format!("{} arrived in your account (block {})", show(&paid.amount), paid.block);
    context.output.result(&json, &said)
}
