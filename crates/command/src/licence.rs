//! `ddsx licence`: quote, buy, look.

use std::path::Path;

use candid::Nat;
use ddsx_client::{AllowanceChange, CallError, Explain, Ledger, LedgerInfo, Purchase, Registry, all_pages, amount};
use ddsx_types::Account;
use ddsx_types::stream_registry::{Licence, PlanId, Quote, QuoteArgs, QuoteError};
use serde_json::{Value, json};

use crate::args::{BuyArgs, LicenceCommand};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, table};
use crate::text;
use crate::view::{kind_text, licence_json, licence_text, tokens, tokens_json};

pub async fn run(context: &Context, command: LicenceCommand) -> Result<(), Failure> {
    let registry = context.registry().await?;
    match command {
        LicenceCommand::Buy(args) => buy(context, &registry, args).await,
        LicenceCommand::Quote { plan } => {
            let offer = Offer::ask(context, &registry, plan).await?;
            context.output.result(&offer.json(), &offer.text())
        }
        LicenceCommand::List { owner } => {
            let owner = owner.unwrap_or_else(|| registry.network().principal());
            let licences = all_pages(|page| registry.licences_of(owner, page), |licence: &Licence| licence.id).await?;
            let json: Value = licences.iter().map(licence_json).collect();
            context.output.result(&json, &licences_text(&licences))
        }
        LicenceCommand::Show { licence } => match registry.verified_licence(licence).await? {
            Some(licence) => context.output.result(&licence_json(&licence), &licence_text(&licence)),
            None => Err(Failure::refused(format!(
                "it is proved that there is no licence {licence}"
            ))),
        },
    }
}

fn licences_text(licences: &[Licence]) -> String {
    if licences.is_empty() {
        return "no licences".into();
    }
    let mut rows = vec![
        ["licence", "stream", "plan", "sells", "ends"]
            .map(String::from)
            .to_vec(),
    ];
    rows.extend(licences.iter().map(|licence| {
        vec![
            licence.id.to_string(),
            licence.stream.to_string(),
            licence.plan.to_string(),
            kind_text(licence.kind),
            licence.expires_at.map_or("never".into(), text::time),
        ]
    }));
    table(&rows)
}

fn not_accepted(quoted: &Result<Quote, CallError<QuoteError>>) -> bool {
    matches!(
        quoted,
        Err(CallError::Refused {
            error: QuoteError::AssetNotAccepted,
            ..
        })
    )
}

/// A quote with all that leaves the buyer's account.
struct Offer {
    quote: Quote,
    /// The ledger to pay at, and the buyer's allowance there; none for a free plan.
    payment: Option<Payment>,
}

struct Payment {
    ledger: Ledger,
    info: LedgerInfo,
    from: Account,
    spender: Account,
    /// What the approval costs, if one is needed.
    approval_fee: Nat,
}

impl Offer {
    /// Asks for a quote in the asset chosen; a free plan has none.
    async fn ask(context: &Context, registry: &Registry, plan: PlanId) -> Result<Self, Failure> {
        let chosen = match context.ledger_on(registry.network()) {
            Ok(ledger) => Some(ledger.id()),
            Err(_) => None,
        };
        let mut quoted = registry.quote(QuoteArgs { plan, ledger: chosen }).await;
        if not_accepted(&quoted) && chosen.is_some() && context.ledger_given().is_none() {
            // The ledger came from the config file; a free plan has no asset.
            quoted = registry.quote(QuoteArgs { plan, ledger: None }).await;
        }
        if not_accepted(&quoted) {
            return Err(Failure::refused(format!(
                "{}; see its prices with `ddsx stream plan list` and choose with --ledger",
                QuoteError::AssetNotAccepted.explain()
            )));
        }
        let quote = quoted?;
        let payment = match quote.ledger {
            Some(id) => Some(Payment::prepare(registry, id, &quote.allowance).await?),
            None => None,
        };
        Ok(Self { quote, payment })
    }

    /// Everything that leaves the buyer's account.
    fn total(&self) -> Nat {
        let approval = self.payment.as_ref().map(|payment| payment.approval_fee.clone());
        self.quote.price.clone() + self.quote.ledger_fee.clone() + approval.unwrap_or_default()
    }

    fn text(&self) -> String {
        let what = format!(
            "plan {}: stream {}, {}",
            self.quote.plan,
            self.quote.stream,
            kind_text(self.quote.kind)
        );
        let Some(payment) = &self.payment else {
            return format!("{what}, for nothing");
        };
        let show = |units: &Nat| tokens(units, &payment.info);
        let none = payment.approval_fee == Nat::default();
        format!(
            "{what}\n  price         {}\n  transfer fee  {}\n  approval fee  {}\n  total         {}",
            show(&self.quote.price),
            show(&self.quote.ledger_fee),
            if none {
                "none, the allowance is enough".into()
            } else {
                show(&payment.approval_fee)
            },
            show(&self.total()),
        )
    }

    fn json(&self) -> Value {
        let mut json = json!({
            "plan": self.quote.plan,
            "stream": self.quote.stream,
            "sells": kind_text(self.quote.kind),
            "terms_hash": self.quote.terms_hash.to_string(),
        });
        if let Some(payment) = &self.payment {
            let amount = |units: &Nat| tokens_json(units, &payment.info);
            json["ledger"] = payment.ledger.id().to_text().into();
            json["price"] = amount(&self.quote.price);
            json["transfer_fee"] = amount(&self.quote.ledger_fee);
            json["approval_fee"] = amount(&payment.approval_fee);
            json["total"] = amount(&self.total());
        }
        json
    }

    /// Refuses a price above the buyer's limit.
    fn check_price(&self, max_price: Option<&str>) -> Result<(), Failure> {
        let (Some(text), Some(payment)) = (max_price, &self.payment) else {
            return Ok(());
        };
        let max = amount::parse(text, payment.info.decimals, &payment.info.symbol).map_err(Failure::usage)?;
        if self.quote.price > max {
            let price = tokens(&self.quote.price, &payment.info);
            return Err(Failure::refused(format!(
                "the price is {price}, above --max-price {text}; nothing was charged"
            )));
        }
        Ok(())
    }
}

impl Payment {
    async fn prepare(registry: &Registry, ledger: candid::Principal, needed: &Nat) -> Result<Self, Failure> {
        let ledger = registry.network().ledger(ledger);
        let info = ledger.info().await?;
        let from = Account::from(registry.network().principal());
        let spender = Account::from(registry.id());
        let allowance = ledger.allowance(from, spender).await?;
        let enough = allowance.allowance >= *needed;
        let approval_fee = if enough { Nat::default() } else { Nat::from(info.fee) };
        Ok(Self {
            ledger,
            info,
            from,
            spender,
            approval_fee,
        })
    }
}

async fn buy(context: &Context, registry: &Registry, args: BuyArgs) -> Result<(), Failure> {
    let note = Purchase::note_path(&context.folders.purchases, registry, args.plan);
    if let Some(purchase) = Purchase::load(&note, registry)?
        && let Some(licence) = finish(context, registry, &args, &purchase, &note).await?
    {
        return say(context, &licence, None);
    }
    let offer = Offer::ask(context, registry, args.plan).await?;
    offer.check_price(args.max_price.as_deref())?;
    context.output.remark(&offer.text());
    if !args.yes && !output::confirm("Buy?")? {
        return Err(Failure::usage("not bought, nothing was charged"));
    }
    if let Some(payment) = &offer.payment {
        let needed = &offer.quote.allowance;
        let change = payment
            .ledger
            .ensure_allowance(payment.from, payment.spender, needed)
            .await?;
        if let AllowanceChange::Raised { block } = change {
            context
                .output
                .remark(&format!("approved {} (block {block})", tokens(needed, &payment.info)));
        }
    }
    let purchase = Purchase::new(registry, &offer.quote, None, args.recipient);
    purchase.save(&note)?;
    match purchase.complete(registry, args.patience).await {
        Ok(licence) => {
            Purchase::forget(&note)?;
            say(context, &licence, Some(&offer))
        }
        Err(failure) => {
            if failure.is_final() {
                Purchase::forget(&note)?;
            } else {
                context.output.remark(
                    "The purchase is written down. Type the same command again: it finishes this one, and pays once.",
                );
            }
            Err(failure.into())
        }
    }
}

/// Finishes a purchase that an earlier run began; `None` if it is over without a licence, so that a new one may begin.
async fn finish(
    context: &Context,
    registry: &Registry,
    args: &BuyArgs,
    purchase: &Purchase,
    note: &Path,
) -> Result<Option<Licence>, Failure> {
    let same_asset = context
        .ledger_given()
        .is_none_or(|ledger| purchase.args().ledger == Some(ledger));
    if purchase.args().recipient != args.recipient || !same_asset {
        return Err(Failure::usage(format!(
            "a purchase of plan {} with another asset or recipient is not finished; finish it first with the options it was \
             begun with, or remove {} if you know that it failed",
            args.plan,
            note.display()
        )));
    }
    context.output.remark("finishing the purchase that was begun earlier");
    match purchase.complete(registry, args.patience).await {
        Ok(licence) => {
            Purchase::forget(note)?;
            Ok(Some(licence))
        }
        Err(failure) if failure.is_final() => {
            context
                .output
                .remark(&format!("it had failed, nothing was charged: {failure}"));
            Purchase::forget(note)?;
            Ok(None)
        }
        Err(failure) => Err(failure.into()),
    }
}

fn say(context: &Context, licence: &Licence, offer: Option<&Offer>) -> Result<(), Failure> {
    let mut json = json!({ "licence": licence_json(licence) });
    if let Some(offer) = offer {
        json["cost"] = offer.json();
    }
    context.output.result(&json, &licence_text(licence))
}
