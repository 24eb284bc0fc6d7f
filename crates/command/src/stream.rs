//! `ddsx stream`: creating streams and looking at them.

use std::time::Duration;

use candid::{Nat, Principal};
use ddsx_client::{CallError, LedgerInfo, NetworkError, NewStream, Payment, Registry, all_pages, amount};
use ddsx_types::Account;
use ddsx_types::stream_registry::{
    AddContributorsArgs, ContributorAccountArgs, CreateStreamArgs, ExtendStorageArgs, NewContributor, Page, Publisher,
    PublisherQuota, RemovePublisherArgs, SetPublisherArgs, StreamError, StreamId, StreamInfo, StreamStorage,
    TopUpError, limits,
};
use serde_json::{Value, json};

use crate::args::{ContributorsArgs, CreateArgs, ExtendArgs, ListArgs, PublishersArgs, StreamCommand};
use crate::balance;
use crate::context::Context;
use crate::definition;
use crate::failure::Failure;
use crate::money;
use crate::output;
use crate::plan::known_assets;
use crate::text::{self, parse_binding, parse_contributor};
use crate::view::{
    contributors_json, contributors_text, head_json, plan_json, plans_text, publishers_json, stream_json, stream_text,
    streams_text, tokens,
};

/// The commands that need no module of their own.
pub async fn run(context: &Context, command: StreamCommand) -> Result<(), Failure> {
    let registry = context.registry().await?;
    match command {
        StreamCommand::Create(args) => create(context, &registry, args).await,
        StreamCommand::List(args) => list(context, &registry, args).await,
        StreamCommand::Show { stream } => show(context, &registry, stream).await,
        StreamCommand::Head { stream } => head(context, &registry, stream).await,
        StreamCommand::Contributors(args) => contributors(context, &registry, args).await,
        StreamCommand::Publishers(args) => publishers(context, &registry, args).await,
        StreamCommand::Extend(args) => extend(context, &registry, args).await,
        StreamCommand::Drop { stream, yes } => drop_payloads(context, &registry, stream, yes).await,
        StreamCommand::Close { stream, yes } => close(context, &registry, stream, yes).await,
        StreamCommand::Append(_) | StreamCommand::Pull(_) | StreamCommand::Verify(_) | StreamCommand::Plan { .. } => {
            Err(Failure::usage("this command is dispatched elsewhere"))
        }
    }
}

async fn create(context: &Context, registry: &Registry, args: CreateArgs) -> Result<(), Failure> {
    let me = registry.network().principal();
    let definition = definition::stream(&args, Account::from(me))?;
    Context::somebody(registry.network())?;
    let (name, exist_ok) = (definition.name.clone(), args.exist_ok);
    let there = if exist_ok {
        find(registry, me, &name).await?
    } else {
        None
    };
    let (stream, existed) = match there {
        Some(stream) => (stream, true),
        None => match pay_and_create(context, registry, definition, args).await? {
            Ok(stream) => (stream, false),
            Err(CallError::Refused {
                error: StreamError::NameTaken { stream },
                ..
            }) if exist_ok => (stream, true),
            Err(error) => return Err(error.into()),
        },
    };
    let json = json!({ "stream": stream, "name": name, "existed": existed });
    let said = if existed { "there already" } else { "created" };
    context.output.result(&json, &format!("stream {stream}: {name} {said}"))
}

/// The owner's stream of this name, if there is one. A node may hide one from the list: then the registry says that its name is taken.
async fn find(registry: &Registry, owner: Principal, name: &str) -> Result<Option<StreamId>, Failure> {
    let is_it = |info: &StreamInfo| info.owner == owner && info.name == name;
    let listed = all_pages(|page| registry.list_streams(page), |info: &StreamInfo| info.id).await?;
    let Some(listed) = listed.iter().find(|info| is_it(info)) else {
        return Ok(None);
    };
    // What a script goes on with is the subnet's word.
    let told = registry.agreed().stream(listed.id).await?;
    Ok(told.filter(is_it).map(|info| info.id))
}

/// Shows what a stream costs and what of it comes back, asks, approves what the balance lacks, and creates it.
async fn pay_and_create(
    context: &Context,
    registry: &Registry,
    definition: CreateStreamArgs,
    args: CreateArgs,
) -> Result<Result<StreamId, CallError<StreamError>>, Failure> {
    let registry = &registry.agreed();
    let ledger = balance::storage_ledger(context, registry).await?.agreed();
    let info = ledger.info().await?;
    let prepay = match &args.prepay {
        Some(text) => amount::parse(text, info.decimals, &info.symbol).map_err(Failure::usage)?,
        None => 0,
    };
    let prepay = Nat::from(prepay);
    let new = NewStream::prepare(registry, definition, ledger.id(), prepay).await?;
    let quote = new.quote();
    let price = quote.total.clone() + new.prepay().clone();
    check_price(context, &price, args.max_price.as_deref(), &info)?;
    let payment = if new.to_pull() > Nat::default() {
        let payment = Payment::look(ledger.clone(), registry.id(), &new.to_pull()).await?;
        balance::same_units(&info, &payment.info)?;
        Some(payment)
    } else {
        None
    };
    let text = cost_text(&new, payment.as_ref(), &info);
    match &payment {
        Some(payment) => balance::confirm(context, registry, payment, &text, args.yes, "Create?")?,
        None if price > Nat::default() => {
            balance::name_place(context, registry.network(), registry.id(), ledger.id());
            context.output.remark(&text);
            balance::ask(args.yes, "Create?")?;
        }
        None => {}
    }
    let mut approved = false;
    if let Some(payment) = &payment {
        if let Some(outcome) = new.without_payment(registry).await {
            // The approval costs a fee: it is not paid for what is refused anyway, nor for what is there already.
            return Ok(outcome);
        }
        approved = money::approve(context, payment).await?;
    }
    let patience = args.patience.unwrap_or(Duration::from_secs(120));
    match (new.create(registry, patience).await, &payment) {
        (Err(error), Some(_)) if is_unsettled(&error) => {
            Err(Failure::call_in(&error, &info).and(&balance::look_first("ddsx balance` and `ddsx stream list")))
        }
        // A stream of this name has come meanwhile, or the registry has changed its mind.
        (Err(error @ CallError::Refused { .. }), Some(payment)) if approved => {
            let said = payment.take_back().await;
            if matches!(error.refusal(), Some(StreamError::NameTaken { .. })) {
                context.output.remark(&said);
                return Ok(Err(error));
            }
            let said = format!("{said}; what was taken and not used is in `ddsx balance`");
            Err(Failure::call_in(&error, &info).and(&said))
        }
        (outcome, _) => Ok(outcome),
    }
}

/// Refuses a price above the limit given.
fn check_price(context: &Context, price: &Nat, max_price: Option<&str>, info: &LedgerInfo) -> Result<(), Failure> {
    let Some(text) = max_price else { return Ok(()) };
    if *price > money::most("--max-price", text, info, context.ledger_given().is_some())? {
        return Err(Failure::refused(format!(
            "it costs {}, above --max-price {text}; nothing was charged",
            tokens(price, info)
        )));
    }
    Ok(())
}

/// Whether it is not known what became of the payment.
fn is_unsettled(error: &CallError<StreamError>) -> bool {
    matches!(
        error,
        CallError::Refused {
            error: StreamError::Payment(TopUpError::Pending { .. } | TopUpError::Quarantined { .. }),
            ..
        } | CallError::Network(NetworkError::OutcomeUnknown { .. })
    )
}

/// What a new stream costs, and what of it comes back.
fn cost_text(new: &NewStream, payment: Option<&Payment>, info: &LedgerInfo) -> String {
    let quote = new.quote();
    let show = |units: &Nat| tokens(units, info);
    let from_balance = quote.total.clone() - quote.missing.clone();
    let (fees, total) = match payment {
        Some(payment) => (balance::fees(payment), payment.total()),
        None => (Nat::default(), Nat::default()),
    };
    format!(
        "a stream\n  deposit         {} (comes back when the stream is closed and its payloads are gone)\n  \
         kept for ever   {}\n  for storage     {} (stays in your balance until it is used)\n  fees            {}\n  \
         from balance    {}\n  total           {} from your account; {} of all come back",
        show(&quote.deposit),
        show(&quote.once),
        show(new.prepay()),
        show(&fees),
        show(&from_balance),
        show(&total),
        show(&quote.comes_back),
    )
}

async fn extend(context: &Context, registry: &Registry, args: ExtendArgs) -> Result<(), Failure> {
    Context::somebody(registry.network())?;
    let stream = args.stream;
    let time = u64::try_from(args.time.as_nanos()).unwrap_or(u64::MAX);
    let until = ddsx_client::now_ns().saturating_add(time);
    let sure = registry.agreed();
    match info(&sure, stream).await?.storage {
        Some(storage) => agree_to_extension(context, &sure, &storage, &args, until).await?,
        // A stream from before storage had a price; the registry enters it with this call.
        None if args.max_price.is_some() => {
            return Err(Failure::refused(format!(
                "stream {stream} pays for no storage yet, so its price is not known: leave --max-price out; nothing was charged"
            )));
        }
        None => {
            context.name_place(registry.network(), &[("registry", registry.id())]);
            let question = format!("Stream {stream} pays for no storage yet, so its price is not known. Pay it?");
            balance::ask(args.yes, &question)?;
        }
    }
    registry.extend_storage(&ExtendStorageArgs { stream, until }).await?;
    show(context, registry, stream).await
}

/// Shows what an extension costs, holds it to the limit given, and asks. Nothing is asked if it is paid already.
async fn agree_to_extension(
    context: &Context,
    registry: &Registry,
    storage: &StreamStorage,
    args: &ExtendArgs,
    until: u64,
) -> Result<(), Failure> {
    let price = extension_price(storage, until);
    if price == Nat::default() {
        return Ok(());
    }
    let units = registry.network().ledger(storage.ledger).agreed().info().await?;
    check_price(context, &price, args.max_price.as_deref(), &units)?;
    let free = registry.balance(storage.ledger).await?.free;
    balance::name_place(context, registry.network(), registry.id(), storage.ledger);
    context.output.remark(&format!(
        "paying stream {} until {} (now until {}) costs at most {}; your balance has {}",
        args.stream,
        text::time(until),
        text::time(storage.paid_until),
        tokens(&price, &units),
        tokens(&free, &units)
    ));
    balance::ask(args.yes, "Pay it?")
}

/// What paying a stream's payloads until then costs at most, at the prices of now; nothing if they are paid until then.
fn extension_price(storage: &StreamStorage, until: u64) -> Nat {
    const MONTH_NS: u64 = 30 * 86_400 * 1_000_000_000;
    let time = Nat::from(until.saturating_sub(storage.paid_until));
    (storage.per_month.clone() * time + Nat::from(MONTH_NS - 1)) / Nat::from(MONTH_NS)
}

async fn drop_payloads(context: &Context, registry: &Registry, stream: StreamId, yes: bool) -> Result<(), Failure> {
    if !yes && !output::confirm(&format!("Drop the payloads of stream {stream} for good?"))? {
        return Err(Failure::usage("nothing was dropped"));
    }
    registry.drop_payloads(stream).await?;
    let json = json!({ "stream": stream, "dropping": true });
    context
        .output
        .result(&json, &format!("stream {stream}: its payloads go, its proofs stay"))
}

async fn list(context: &Context, registry: &Registry, args: ListArgs) -> Result<(), Failure> {
    let wanted = |info: &StreamInfo| {
        let Some(text) = args.search.as_ref().map(|text| text.to_lowercase()) else {
            return true;
        };
        let has = |field: &str| field.to_lowercase().contains(&text);
        has(&info.name) || has(&info.description) || info.tags.iter().any(|tag| has(tag))
    };
    let mut streams: Vec<StreamInfo> = Vec::new();
    let mut start_after = args.after;
    while streams.len() < args.limit {
        let page = Page {
            start_after,
            limit: Some(limits::MAX_PAGE),
        };
        let found = registry.list_streams(page).await?;
        let Some(last) = found
            .last()
            .map(|info| info.id)
            .filter(|last| start_after.is_none_or(|after| *last > after))
        else {
            break;
        };
        start_after = Some(last);
        streams.extend(found.into_iter().filter(|info| wanted(info)));
    }
    streams.truncate(args.limit);
    let json: Value = streams.iter().map(stream_json).collect();
    context.output.result(&json, &streams_text(&streams))
}

pub async fn info(registry: &Registry, stream: StreamId) -> Result<StreamInfo, Failure> {
    let found = registry.stream(stream).await?;
    found.ok_or_else(|| Failure::refused(format!("there is no stream {stream}")))
}

async fn show(context: &Context, registry: &Registry, stream: StreamId) -> Result<(), Failure> {
    let info = info(registry, stream).await?;
    let plans = registry.plans(stream).await?;
    let mut json = stream_json(&info);
    json["plans"] = plans.iter().map(plan_json).collect();
    let mut text = stream_text(&info);
    if !plans.is_empty() && !context.output.is_json() {
        let known = known_assets(registry, &plans).await;
        text = format!("{text}\n\n{}", plans_text(&plans, &known));
    }
    context.output.result(&json, &text)
}

async fn head(context: &Context, registry: &Registry, stream: StreamId) -> Result<(), Failure> {
    let verified = registry.verified_head(stream).await?;
    let head = verified.head.into();
    let json = head_json(stream, &head, verified.certified_at);
    let said = format!(
        "stream {stream}: {} chunks, root {}\n  last chunk at {}, certified at {}, verified up to the root key",
        head.tree_size,
        head.root,
        text::time(head.timestamp),
        text::time(verified.certified_at)
    );
    context.output.result(&json, &said)
}

async fn contributors(context: &Context, registry: &Registry, args: ContributorsArgs) -> Result<(), Failure> {
    let stream = args.stream;
    if !args.add.is_empty() {
        let contributors = args.add.iter().map(|text| parse_contributor(text));
        let contributors: Vec<NewContributor> = contributors
            .map(|(label, account)| NewContributor { label, account })
            .collect();
        let count = contributors.len();
        let first = registry
            .add_contributors(&AddContributorsArgs { stream, contributors })
            .await?;
        context
            .output
            .remark(&format!("{count} contributors entered, the first with number {first}"));
    }
    let account_args = |text: &str| {
        let (contributor, account) = parse_binding(text).map_err(Failure::usage)?;
        Ok::<_, Failure>(ContributorAccountArgs {
            stream,
            contributor,
            account,
        })
    };
    if let Some(text) = &args.bind {
        registry.bind_contributor_account(&account_args(text)?).await?;
    }
    if let Some(text) = &args.change {
        registry.change_contributor_account(&account_args(text)?).await?;
    }
    let contributors = registry.all_contributors(stream).await?;
    context
        .output
        .result(&contributors_json(&contributors), &contributors_text(&contributors))
}

/// The quota given; the registry's default if neither part is.
fn quota(args: &PublishersArgs) -> Option<PublisherQuota> {
    let named = args.bytes_a_day.is_some() || args.records_a_day.is_some();
    named.then(|| PublisherQuota {
        bytes: args.bytes_a_day.unwrap_or(1 << 30),
        records: args.records_a_day.unwrap_or(10_000_000),
    })
}

async fn publishers(context: &Context, registry: &Registry, args: PublishersArgs) -> Result<(), Failure> {
    let stream = args.stream;
    if let Some(principal) = args.add {
        let lasting = args
            .expires_in
            .map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        let expires_at = lasting.map(|time| ddsx_client::now_ns().saturating_add(time));
        let publisher = Publisher {
            principal,
            expires_at,
            quota: quota(&args),
        };
        registry.set_publisher(&SetPublisherArgs { stream, publisher }).await?;
    }
    if let Some(principal) = args.remove {
        registry
            .remove_publisher(&RemovePublisherArgs { stream, principal })
            .await?;
    }
    let publishers = registry.publishers(stream).await?;
    let lines: Vec<String> = publishers
        .iter()
        .map(|publisher| {
            let until = publisher
                .expires_at
                .map_or("for ever".into(), |at| format!("until {}", text::time(at)));
            format!("{} {until}", publisher.principal)
        })
        .collect();
    let said = if lines.is_empty() {
        "only the owner appends".into()
    } else {
        lines.join("\n")
    };
    context.output.result(&publishers_json(&publishers), &said)
}

async fn close(context: &Context, registry: &Registry, stream: StreamId, yes: bool) -> Result<(), Failure> {
    let info = info(registry, stream).await?;
    let question = format!("Close stream {stream} ({}) for good?", text::one_line(&info.name));
    if !yes && !output::confirm(&question)? {
        return Err(Failure::usage("not closed"));
    }
    registry.close_stream(stream).await?;
    context.output.result(
        &json!({ "stream": stream, "status": "closed" }),
        &format!("stream {stream} is closed"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use ddsx_types::stream_registry::StorageState;

    #[test]
    fn should_foresee_what_an_extension_costs_at_most() {
        const DAY_NS: u64 = 86_400 * 1_000_000_000;
        let storage = StreamStorage {
            ledger: Principal::management_canister(),
            deposit: Nat::default(),
            bytes: 1,
            state: StorageState::Paid,
            paid_until: 10 * DAY_NS,
            covered_until: None,
            kept_from: 0,
            from_income: Nat::default(),
            suspended: false,
            per_month: Nat::from(100_u8),
        };
        for (until, expected) in [(0, 0_u32), (10, 0), (11, 4), (40, 100), (370, 1_200)] {
            assert_eq!(extension_price(&storage, until * DAY_NS), expected, "day {until}");
        }
    }
}
