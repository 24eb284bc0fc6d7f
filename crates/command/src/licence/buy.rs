//! `ddsx licence buy`.

use std::path::Path;

use candid::Principal;
use ddsx_client::{CallError, Purchase, PurchaseFailure, Registry, words};
use ddsx_types::Account;
use ddsx_types::stream_registry::{Licence, PlanId};
use serde_json::json;

use super::choice;
use super::offer::Shown;
use crate::args::BuyArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::money;
use crate::output;
use crate::view::{licence_json, licence_text};

pub async fn run(context: &Context, registry: &Registry, args: BuyArgs) -> Result<(), Failure> {
    Context::somebody(registry.network())?;
    let plan = choice::plan(&registry.agreed(), &args.choice).await?;
    let note = Purchase::note_path(&context.folders.purchases, registry, plan);
    if let Some(purchase) = Purchase::load(&note, registry)?
        && let Some(licence) = finish(context, registry, plan, &args, &purchase, &note).await?
    {
        return say(context, &licence, None);
    }
    check_recipient(args.recipient)?;
    // Whatever can be known is looked at before the first step that costs something.
    let shown = Shown::ask(context, registry, plan, true).await?;
    shown.check_price(args.max_price.as_deref(), context.ledger_given().is_some())?;
    shown.check_funds()?;
    name_place(context, registry, shown.offer.quote.ledger);
    context.output.remark(&shown.text());
    if !args.yes && !output::confirm("Buy?")? {
        return Err(Failure::usage("not bought, nothing was charged"));
    }
    let purchase = Purchase::new(registry, &shown.offer.quote, None, args.recipient);
    // Before the first step that costs something: a run that is killed after its approval is taken up, too.
    purchase.save(&note)?;
    let approved = match &shown.payment {
        Some(payment) => match payment.approve().await {
            Ok(change) => money::approved(context, &change),
            Err(error) => {
                if matches!(error, CallError::Refused { .. }) {
                    Purchase::forget(&note)?;
                }
                return Err(Failure::call_in(&error, &payment.info));
            }
        },
        None => false,
    };
    match purchase.complete(registry, args.patience).await {
        Ok(licence) => {
            Purchase::forget(&note)?;
            say(context, &licence, Some(&shown))
        }
        Err(failure) if failure.is_final() => {
            Purchase::forget(&note)?;
            let said = in_units(failure, &shown);
            match &shown.payment {
                Some(payment) if approved => Err(said.and(&payment.take_back().await)),
                _ => Err(said),
            }
        }
        Err(failure) => {
            context.output.remark(
                "The purchase is written down. Type the same command again: it finishes this one, and pays once.",
            );
            Err(in_units(failure, &shown))
        }
    }
}

/// Names the registry, which takes the price, and the ledger.
fn name_place(context: &Context, registry: &Registry, ledger: Option<Principal>) {
    let mut canisters = vec![("registry", registry.id())];
    canisters.extend(ledger.map(|ledger| ("ledger", ledger)));
    context.name_place(registry.network(), &canisters);
}

/// Refuses whom the registry refuses as a licence's owner.
fn check_recipient(recipient: Option<Account>) -> Result<(), Failure> {
    let nobody = [Principal::anonymous(), Principal::management_canister()];
    match recipient {
        Some(recipient) if nobody.contains(&recipient.owner) => Err(Failure::usage(format!(
            "{recipient} cannot own a licence; nothing was charged"
        ))),
        _ => Ok(()),
    }
}

/// A purchase's failure, with amounts in the unit of the asset paid in.
fn in_units(failure: PurchaseFailure, shown: &Shown) -> Failure {
    match (&failure, &shown.payment) {
        (PurchaseFailure::Call(error @ CallError::Refused { .. }), Some(payment)) => {
            Failure::call_in(error, &payment.info)
        }
        _ => failure.into(),
    }
}

/// Finishes a purchase that an earlier run began; `None` if it is over without a licence, so that a new one may begin.
async fn finish(
    context: &Context,
    registry: &Registry,
    plan: PlanId,
    args: &BuyArgs,
    purchase: &Purchase,
    note: &Path,
) -> Result<Option<Licence>, Failure> {
    let same_asset = context
        .ledger_given()
        .is_none_or(|ledger| purchase.args().ledger == Some(ledger));
    if purchase.args().recipient != args.recipient || !same_asset {
        return Err(Failure::usage(format!(
            "a purchase of plan {plan} with another asset or recipient is not finished; finish it first with the options it was \
             begun with, or remove {} if you know that it failed",
            note.display()
        )));
    }
    agree(context, registry, args, purchase, note).await?;
    context.output.remark("finishing the purchase that was begun earlier");
    match purchase.complete(registry, args.patience).await {
        Ok(licence) => {
            Purchase::forget(note)?;
            Ok(Some(licence))
        }
        Err(failure) if failure.is_final() => {
            context
                .output
                .remark(&format!("it had failed, its price was not charged: {failure}"));
            Purchase::forget(note)?;
            Ok(None)
        }
        Err(failure) => Err(failure.into()),
    }
}

/// Shows what was begun and how long ago, holds it to the buyer's limit, and asks.
async fn agree(
    context: &Context,
    registry: &Registry,
    args: &BuyArgs,
    purchase: &Purchase,
    note: &Path,
) -> Result<(), Failure> {
    let begun = purchase.args();
    let mut text = format!(
        "a purchase of plan {} was begun {} ago and not finished",
        begun.plan,
        age(note)
    );
    if let Some(id) = begun.ledger {
        let info = registry.network().ledger(id).agreed().info().await?;
        let price = info.show(&begun.max_price);
        if let Some(limit) = &args.max_price
            && begun.max_price > money::most("--max-price", limit, &info, context.ledger_given().is_some())?
        {
            return Err(Failure::refused(format!(
                "{text}; its price is {price}, above --max-price {limit}. Finish it with a higher limit, or remove {} if you know that \
                 it failed",
                note.display()
            )));
        }
        text = format!("{text}\n  price         {price}, charged once\n  paid at       {id}");
    }
    name_place(context, registry, begun.ledger);
    context.output.remark(&text);
    if args.yes || output::confirm("Finish it?")? {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "not finished; it stays written down in {}",
        note.display()
    )))
}

/// How long ago a note was written, in words.
fn age(note: &Path) -> String {
    let written = std::fs::metadata(note).and_then(|file| file.modified()).ok();
    let since = written.and_then(|at| at.elapsed().ok());
    since.map_or_else(|| "some time".into(), |since| words::roughly(since.as_secs()))
}

fn say(context: &Context, licence: &Licence, shown: Option<&Shown>) -> Result<(), Failure> {
    let mut json = json!({ "licence": licence_json(licence) });
    if let Some(shown) = shown {
        json["cost"] = shown.json();
    }
    context.output.result(&json, &licence_text(licence))
}
