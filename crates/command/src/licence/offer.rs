//! What a plan costs, with all that a buyer accepts and all that leaves the account.

use candid::Nat;
use ddsx_client::{CallError, Explain, Offer, OfferFailure, Payment, Registry};
use ddsx_types::stream_registry::{LicenceTerms, PlanId, QuoteArgs, QuoteError};
use serde_json::{Value, json};

use super::choice;
use crate::context::Context;
use crate::failure::Failure;
use crate::money;
use crate::text::one_line;
use crate::view::{kind_text, tokens_json};

/// Characters of terms of use that are shown with an offer.
const TERMS_SHOWN: usize = 300;

/// An offer whose hash was computed from what is shown here, and what paying it takes.
pub struct Shown {
    pub offer: Offer,
    /// None for a free plan.
    pub payment: Option<Payment>,
}

fn not_accepted(offer: &Result<Offer, OfferFailure>) -> bool {
    matches!(
        offer,
        Err(OfferFailure::Call(CallError::Refused {
            error: QuoteError::AssetNotAccepted,
            ..
        }))
    )
}

impl Shown {
    /// Asks for an offer in the asset chosen; a free plan has none. `agreed` where money follows: the whole subnet is asked then, not one
    /// node.
    pub async fn ask(context: &Context, registry: &Registry, plan: PlanId, agreed: bool) -> Result<Self, Failure> {
        let (network, registry) = (registry.network(), if agreed { &registry.agreed() } else { registry });
        let chosen = match context.ledger_on(network) {
            Ok(ledger) => Some(ledger.id()),
            Err(_) => None,
        };
        let mut offer = registry.offer(QuoteArgs { plan, ledger: chosen }).await;
        if not_accepted(&offer) && chosen.is_some() && context.ledger_given().is_none() {
            // The ledger came from the config file; a free plan has no asset.
            offer = registry.offer(QuoteArgs { plan, ledger: None }).await;
        }
        if not_accepted(&offer) {
            return Err(Failure::refused(format!(
                "{}; see its prices with `ddsx stream plan list` and choose with --ledger",
                QuoteError::AssetNotAccepted.explain()
            )));
        }
        let offer = match offer {
            Ok(offer) => offer,
            Err(failure) => return Err(choice::explained(registry, plan, failure).await),
        };
        let payment = match offer.quote.ledger {
            Some(id) => {
                let ledger = network.ledger(id);
                let ledger = if agreed { ledger.agreed() } else { ledger };
                Some(Payment::look(ledger, registry.id(), &offer.quote.price).await?)
            }
            None => None,
        };
        Ok(Self { offer, payment })
    }

    /// Refuses a price above the buyer's limit.
    pub fn check_price(&self, max_price: Option<&str>, ledger_given: bool) -> Result<(), Failure> {
        let (Some(text), Some(payment)) = (max_price, &self.payment) else {
            return Ok(());
        };
        let price = &self.offer.quote.price;
        if *price > money::most("--max-price", text, &payment.info, ledger_given)? {
            return Err(Failure::refused(format!(
                "the price is {}, above --max-price {text}; nothing was charged",
                payment.info.show(price)
            )));
        }
        Ok(())
    }

    /// Refuses what cannot be paid: with too little money, or while the registry counts with another fee than the ledger takes.
    pub fn check_funds(&self) -> Result<(), Failure> {
        let Some(payment) = &self.payment else {
            return Ok(());
        };
        payment.check_funds().map_err(Failure::refused)?;
        let (counted, taken) = (&self.offer.quote.ledger_fee, Nat::from(payment.info.fee));
        if *counted == taken {
            return Ok(());
        }
        Err(Failure::refused(format!(
            "the ledger's fee is {} now, and the registry still counts with {}: it would refuse; try again later. Nothing was \
             charged",
            payment.info.show(&taken),
            payment.info.show(counted)
        )))
    }

    pub fn text(&self) -> String {
        let Offer { quote, plan, stream } = &self.offer;
        let terms = match &stream.licence_terms {
            LicenceTerms::Spdx(id) => one_line(id),
            LicenceTerms::Text(text) if text.chars().count() > TERMS_SHOWN => format!(
                "{}… (whole: ddsx --json stream show {})",
                one_line(&text.chars().take(TERMS_SHOWN).collect::<String>()),
                stream.id
            ),
            LicenceTerms::Text(text) => one_line(text),
        };
        let what = format!(
            "plan {} ({}): stream {} ({}), {}\n  by            {}",
            plan.id,
            one_line(&plan.name),
            stream.id,
            one_line(&stream.name),
            kind_text(plan.kind),
            stream.owner
        );
        let Some(payment) = &self.payment else {
            return format!("{what}\n  for nothing\n  terms of use  {terms}");
        };
        let show = |units: &Nat| payment.info.show(units);
        format!(
            "{what}\n  price         {}\n  transfer fee  {}\n  approval fee  {}\n  total         {}\n  paid at       {}\n  terms of use  {terms}",
            show(&quote.price),
            show(&quote.ledger_fee),
            if *payment.approval_fee() == 0_u8 {
                "none, the allowance is enough".into()
            } else {
                show(payment.approval_fee())
            },
            show(&payment.total()),
            payment.ledger()
        )
    }

    pub fn json(&self) -> Value {
        let quote = &self.offer.quote;
        let mut json = json!({
            "plan": quote.plan,
            "stream": quote.stream,
            "sells": kind_text(quote.kind),
            "terms_hash": quote.terms_hash.to_string(),
        });
        if let Some(payment) = &self.payment {
            let amount = |units: &Nat| tokens_json(units, &payment.info);
            json["ledger"] = payment.ledger().to_text().into();
            json["price"] = amount(&quote.price);
            json["transfer_fee"] = amount(&quote.ledger_fee);
            json["approval_fee"] = amount(payment.approval_fee());
            json["total"] = amount(&payment.total());
        }
        json
    }
}
