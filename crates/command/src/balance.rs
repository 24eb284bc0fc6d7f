//! `ddsx balance`: the prepaid balance that pays for what streams store.

pub mod aggregator;

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use candid::{Nat, Principal};
use ddsx_client::{CallError, Ledger, LedgerInfo, Network, NetworkError, Payment, Registry, amount, request_id};
use ddsx_types::stream_registry::{PrepaidBalance, StorageQuoteArgs, TopUpError, WithdrawArgs};
use serde_bytes::ByteBuf;
use serde_json::{Value, json};

use crate::args::{self, BalanceCommand};
use crate::context::Context;
use crate::failure::Failure;
use crate::money;
use crate::output;
use crate::text;
use crate::view::{tokens, tokens_json};

pub async fn run(context: &Context, command: Option<BalanceCommand>) -> Result<(), Failure> {
    let registry = context.registry().await?;
    match command {
        None => show(context, &registry).await,
        Some(BalanceCommand::TopUp(args)) => top_up(context, &registry, args).await,
        Some(BalanceCommand::Withdraw(args)) => withdraw(context, &registry, args).await,
    }
}

/// Names the registry, which takes and keeps the balance, and the ledger.
pub fn name_place(context: &Context, network: &Network, registry: Principal, ledger: Principal) {
    context.name_place(network, &[("registry", registry), ("ledger", ledger)]);
}

/// The ledger in which storage is paid: the one given, or the first that the registry takes.
pub async fn storage_ledger(context: &Context, registry: &Registry) -> Result<Ledger, Failure> {
    if let Ok(ledger) = context.ledger_on(registry.network()) {
        return Ok(ledger);
    }
    let prices = registry.parameters().await?.storage_prices.unwrap_or_default();
    let accepted = prices.into_iter().find(|price| price.accepted);
    let accepted = accepted.ok_or_else(|| Failure::refused("the registry takes no asset for storage now"))?;
    Ok(registry.network().ledger(accepted.ledger))
}

/// Says what storing the files costs the stream's owner, as far as their sizes tell: one total, until when that pays them, and what the
/// balance lacks. Nothing is said of what costs nothing, of stdin, and to publishers, who do not pay.
pub async fn show_cost(context: &Context, registry: &Registry, args: &args::AppendArgs) -> Result<(), Failure> {
    let sizes: Option<Vec<u64>> = args
        .files
        .iter()
        .map(|file| Some(std::fs::metadata(file).ok()?.len()))
        .collect();
    let Some(bytes) = sizes.as_ref().map(|sizes| sizes.iter().sum::<u64>()) else {
        // What it costs is not known yet; where it is paid is.
        context.name_place(registry.network(), &[("registry", registry.id())]);
        return Ok(());
    };
    // What is stored is the text itself, which is longer.
    let compressed = !args.raw && args.files.iter().any(|file| is_gzip(file));
    let chunks = if args.raw {
        args.files.len() as u64
    } else {
        bytes.div_ceil(args.chunk_bytes.max(1))
    };
    let asked = StorageQuoteArgs {
        ledger: Principal::management_canister(),
        stream: Some(args.stream),
        contributors: 0,
        chunks,
        bytes,
    };
    // Whatever is wrong with the stream is said by what follows.
    let Ok(quote) = registry.storage_quote(asked).await else {
        return Ok(());
    };
    if quote.total == Nat::default() {
        return Ok(());
    }
    let ledger = registry.network().ledger(quote.ledger);
    let info = ledger.info().await?;
    let show = |units: &Nat| tokens(units, &info);
    name_place(context, registry.network(), registry.id(), quote.ledger);
    context.output.remark(&format!(
        "storing this costs {} {} until {}, then {} a month; your balance has {}",
        if compressed { "at least (compressed)" } else { "about" },
        show(&quote.total),
        text::time(quote.paid_until),
        show(&quote.per_month),
        show(&quote.free)
    ));
    if quote.missing > Nat::default() {
        context.output.remark(&format!(
            "it lacks {} unless the stream's income makes up for it (ddsx balance top-up)",
            show(&quote.missing)
        ));
    }
    Ok(())
}

/// Whether a file begins as gzip does.
fn is_gzip(path: &Path) -> bool {
    let mut start = [0_u8; 2];
    std::fs::File::open(path).is_ok_and(|mut file| file.read_exact(&mut start).is_ok()) && start == [0x1f, 0x8b]
}

fn json_of(balance: &PrepaidBalance, info: &LedgerInfo, ledger: &Ledger) -> Value {
    json!({
        "ledger": ledger.id().to_text(),
        "topped_up": tokens_json(&balance.topped_up, info),
        "free": tokens_json(&balance.free, info),
        "deposits": tokens_json(&balance.set_aside, info),
        "spent": tokens_json(&balance.charged, info),
        "withdrawing": tokens_json(&balance.withdrawing, info),
        "withdrawn": tokens_json(&balance.withdrawn, info),
    })
}

fn text_of(balance: &PrepaidBalance, info: &LedgerInfo) -> String {
    let show = |units: &Nat| tokens(units, info);
    let mut lines = vec![
        format!("{} free", show(&balance.free)),
        format!(
            "  deposits   {} (come back when streams are closed)",
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

async fn show(context: &Context, registry: &Registry) -> Result<(), Failure> {
    let assets = registry.parameters().await?.assets;
    let chosen = context.ledger_given();
    let (mut json, mut text) = (Vec::new(), Vec::new());
    for asset in assets {
        if chosen.is_some_and(|chosen| chosen != asset.ledger) {
            continue;
        }
        let balance = registry.balance(asset.ledger).await?;
        if balance == PrepaidBalance::default() && chosen.is_none() {
            continue;
        }
        let ledger = registry.network().ledger(asset.ledger);
        let info = ledger.info().await?;
        json.push(json_of(&balance, &info, &ledger));
        text.push(text_of(&balance, &info));
    }
    if text.is_empty() {
        text.push("nothing; `ddsx balance top-up AMOUNT` puts something in".into());
    }
    context.output.result(&Value::from(json), &text.join("\n"))
}

async fn top_up(context: &Context, registry: &Registry, args: args::TopUpArgs) -> Result<(), Failure> {
    Context::somebody(registry.network())?;
    let registry = &registry.agreed();
    let ledger = storage_ledger(context, registry).await?.agreed();
    let info = ledger.info().await?;
    let amount = Nat::from(amount::parse(&args.amount, info.decimals, &info.symbol).map_err(Failure::usage)?);
    let payment = Payment::look(ledger.clone(), registry.id(), &amount).await?;
    same_units(&info, &payment.info)?;
    let show = |units: &Nat| tokens(units, &info);
    let text = format!(
        "into the balance  {} (can be withdrawn)\n  fees            {}\n  total           {}",
        show(&amount),
        show(&fees(&payment)),
        show(&payment.total())
    );
    confirm(context, registry, &payment, &text, args.yes, "Top up?")?;
    let approved = money::approve(context, &payment).await?;
    let call = ddsx_types::stream_registry::TopUpArgs {
        ledger: ledger.id(),
        amount,
        from_subaccount: None,
        request_id: ByteBuf::from(request_id().to_vec()),
    };
    match repeat_top_up(registry, &call, args.patience).await {
        Ok(balance) => context
            .output
            .result(&json_of(&balance, &info, &ledger), &text_of(&balance, &info)),
        Err(error) if is_unsettled(&error) => Err(Failure::call_in(&error, &info).and(&look_first("ddsx balance"))),
        Err(error @ CallError::Refused { .. }) if approved => {
            Err(Failure::call_in(&error, &info).and(&payment.take_back().await))
        }
        Err(error) => Err(Failure::call_in(&error, &info)),
    }
}

/// Calls again while the payment's outcome is not known: the same call never takes twice.
async fn repeat_top_up(
    registry: &Registry,
    call: &ddsx_types::stream_registry::TopUpArgs,
    patience: Duration,
) -> Result<PrepaidBalance, CallError<TopUpError>> {
    let began = std::time::Instant::now();
    let mut pause = Duration::from_secs(1);
    loop {
        match registry.top_up(call).await {
            // Of what governance has to find out, another call knows no more.
            Err(error) if matches!(error.refusal(), Some(TopUpError::Quarantined { .. })) => return Err(error),
            Err(error) if is_unsettled(&error) && began.elapsed() + pause < patience => {}
            done => return done,
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(15));
    }
}

/// Whether it is not known what became of the payment.
fn is_unsettled(error: &CallError<TopUpError>) -> bool {
    matches!(
        error,
        CallError::Refused {
            error: TopUpError::Pending { .. } | TopUpError::Quarantined { .. },
            ..
        } | CallError::Network(NetworkError::OutcomeUnknown { .. })
    )
}

/// What to do after a payment whose outcome is not known, and that another run would make anew.
pub fn look_first(command: &str) -> String {
    format!("it may have been paid: look with `{command}` before you repeat it, since the same command pays again")
}

/// Two looks at a ledger must find the same: what was typed is read with the first, and paid with the second.
pub fn same_units(first: &LedgerInfo, second: &LedgerInfo) -> Result<(), Failure> {
    if first == second {
        return Ok(());
    }
    Err(Failure::refused(
        "the ledger's symbol, decimals or fee changed just now; try again, nothing was charged",
    ))
}

/// Names where it is paid, shows what leaves the account, looks whether it is there, and asks.
pub fn confirm(
    context: &Context,
    registry: &Registry,
    payment: &Payment,
    text: &str,
    yes: bool,
    question: &str,
) -> Result<(), Failure> {
    name_place(context, registry.network(), registry.id(), payment.ledger());
    context.output.remark(text);
    payment.check_funds().map_err(Failure::refused)?;
    ask(yes, question)
}

/// Asks, unless told not to.
pub fn ask(yes: bool, question: &str) -> Result<(), Failure> {
    if yes || output::confirm(question)? {
        Ok(())
    } else {
        Err(Failure::usage("nothing was done, nothing was charged"))
    }
}

/// The fees within a payment's total.
pub fn fees(payment: &Payment) -> Nat {
    payment.approval_fee().clone() + Nat::from(payment.info.fee)
}

async fn withdraw(context: &Context, registry: &Registry, args: args::WithdrawArgs) -> Result<(), Failure> {
    Context::somebody(registry.network())?;
    let registry = &registry.agreed();
    let ledger = storage_ledger(context, registry).await?.agreed();
    let info = ledger.info().await?;
    let amount = match &args.amount {
        Some(text) => Some(Nat::from(
            amount::parse(text, info.decimals, &info.symbol).map_err(Failure::usage)?,
        )),
        None => None,
    };
    let free = registry.balance(ledger.id()).await?.free;
    let leaves = amount.clone().unwrap_or_else(|| free.clone());
    if leaves > free || leaves <= info.fee {
        return Err(Failure::refused(format!(
            "{} are free, and the ledger's fee is {}; nothing was withdrawn",
            tokens(&free, &info),
            tokens(&info.fee.into(), &info)
        )));
    }
    name_place(context, registry.network(), registry.id(), ledger.id());
    let question = format!(
        "Withdraw {}, the ledger's fee of {} within it?",
        tokens(&leaves, &info),
        tokens(&info.fee.into(), &info)
    );
    if !args.yes && !output::confirm(&question)? {
        return Err(Failure::usage("nothing was withdrawn"));
    }
    let call = WithdrawArgs {
        ledger: ledger.id(),
        amount,
        to_subaccount: None,
    };
    let paid = registry.withdraw(&call).await?;
    let json = json!({
        "block": paid.block.0.to_string(), "arrived": tokens_json(&paid.amount, &info),
        "ledger_fee": tokens_json(&paid.ledger_fee, &info),
    });
    let said = format!(
        "{} arrived in your account (block {})",
        tokens(&paid.amount, &info),
        paid.block
    );
    context.output.result(&json, &said)
}
