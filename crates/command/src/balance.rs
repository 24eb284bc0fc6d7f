//! `ddsx balance`: the prepaid balance that pays for what streams store.

use candid::{Nat, Principal};
use ddsx_client::{AllowanceChange, CallError, Ledger, LedgerInfo, Network, NetworkError, Registry, amount, request_id};
use ddsx_types::Account;
use ddsx_types::stream_registry::{PrepaidBalance, StorageQuoteArgs, TopUpError, WithdrawArgs};
use serde_bytes::ByteBuf;
use serde_json::{Value, json};

use crate::args::{self, BalanceCommand};
use crate::context::Context;
use crate::failure::Failure;
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
        "storing this costs about {} until {}, then {} a month; your balance has {}",
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
    let ledger = storage_ledger(context, registry).await?;
    let info = ledger.info().await?;
    let amount = Nat::from(amount::parse(&args.amount, info.decimals, &info.symbol).map_err(Failure::usage)?);
    let needed = amount.clone() + Nat::from(info.fee);
    let payment = Payment::new(registry, &ledger, &info, needed).await?;
    let text = |total: String, fees: String| {
        let amount = tokens(&amount, &info);
        format!("into the balance  {amount} (can be withdrawn)\n  fees            {fees}\n  total           {total}")
    };
    payment.confirm(context, args.yes, text, "Top up?").await?;
    payment.approve(context).await?;
    let call = ddsx_types::stream_registry::TopUpArgs {
        ledger: ledger.id(),
        amount,
        from_subaccount: None,
        request_id: ByteBuf::from(request_id().to_vec()),
    };
    let began = std::time::Instant::now();
    let mut pause = std::time::Duration::from_secs(1);
    let balance = loop {
        match registry.top_up(&call).await {
            Ok(balance) => break balance,
            Err(
                CallError::Refused {
                    error: TopUpError::Pending { .. },
                    ..
                }
                | CallError::Network(NetworkError::OutcomeUnknown { .. }),
            ) if began.elapsed() + pause < args.patience => {}
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(std::time::Duration::from_secs(15));
    };
    context
        .output
        .result(&json_of(&balance, &info, &ledger), &text_of(&balance, &info))
}

/// Money that the registry is to take from the caller's account, and what that costs.
pub struct Payment<'a> {
    ledger: &'a Ledger,
    info: &'a LedgerInfo,
    from: Account,
    spender: Account,
    /// What has to be approved; 0 if nothing is taken.
    needed: Nat,
    /// Whether that is approved already.
    approved: bool,
}

impl<'a> Payment<'a> {
    pub async fn new(
        registry: &Registry,
        ledger: &'a Ledger,
        info: &'a LedgerInfo,
        needed: Nat,
    ) -> Result<Self, Failure> {
        let from = Account::from(registry.network().principal());
        let spender = Account::from(registry.id());
        let approved = needed == Nat::default() || ledger.allowance(from, spender).await?.allowance >= needed;
        Ok(Self {
            ledger,
            info,
            from,
            spender,
            needed,
            approved,
        })
    }

    /// Shows the total that leaves the account and the fees within it, looks whether it is there, and asks.
    pub async fn confirm(
        &self,
        context: &Context,
        yes: bool,
        text: impl FnOnce(String, String) -> String,
        question: &str,
    ) -> Result<(), Failure> {
        let fee = Nat::from(self.info.fee);
        let times = u8::from(!self.approved) + u8::from(self.needed != Nat::default());
        let approval = if self.approved { Nat::default() } else { fee.clone() };
        let total = self.needed.clone() + approval;
        let show = |units: &Nat| tokens(units, self.info);
        context.output.remark(&text(show(&total), show(&(fee * times))));
        name_place(context, self.ledger.network(), self.spender.owner, self.ledger.id());
        let held = self.ledger.balance_of(self.from).await?;
        if held < total {
            return Err(Failure::refused(format!(
                "your account holds {}, and {} are needed; nothing was charged",
                show(&held),
                show(&total)
            )));
        }
        if !yes && !output::confirm(question)? {
            return Err(Failure::usage("nothing was done, nothing was charged"));
        }
        Ok(())
    }

    /// Lets the registry take it.
    pub async fn approve(&self, context: &Context) -> Result<(), Failure> {
        if self.approved {
            return Ok(());
        }
        let change = self
            .ledger
            .ensure_allowance(self.from, self.spender, &self.needed)
            .await?;
        if let AllowanceChange::Raised { block } = change {
            let needed = tokens(&self.needed, self.info);
            context.output.remark(&format!("approved {needed} (block {block})"));
        }
        Ok(())
    }
}

async fn withdraw(context: &Context, registry: &Registry, args: args::WithdrawArgs) -> Result<(), Failure> {
    let ledger = storage_ledger(context, registry).await?;
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
