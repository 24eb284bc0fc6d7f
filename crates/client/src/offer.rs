//! What is for sale, checked before anything is paid: the reply is about what was asked, its sums are right, and its terms hash is that
//! of the stream, plan and price that are shown to the person. `buy` sends this hash, and the registry sells nothing else: whoever
//! tells something false on the way can keep a purchase from happening, and cannot change what is bought or what it costs.

use candid::Nat;
use ddsx_merkle_log::sha256;
use ddsx_types::Hash;
use ddsx_types::stream_registry::{Plan, Quote, QuoteArgs, QuoteError, StreamInfo, Terms};

use crate::{CallError, NetworkError, Registry, amount};

/// A plan of a stream at a price, with everything that a buyer accepts.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// What it costs, and the hash that stands for all of this.
    pub quote: Quote,
    /// The plan.
    pub plan: Plan,
    /// The stream.
    pub stream: StreamInfo,
}

/// Why nothing is offered.
#[derive(Debug, thiserror::Error)]
pub enum OfferFailure {
    /// The registry refused, or the network did not answer.
    #[error(transparent)]
    Call(#[from] CallError<QuoteError>),
    /// The parts of the offer do not agree with each other: an old state, or a lie. Nothing may be paid on it.
    #[error("the offer does not hold: {0}; nothing was charged")]
    Contradiction(&'static str),
}

impl From<NetworkError> for OfferFailure {
    fn from(error: NetworkError) -> Self {
        Self::Call(error.into())
    }
}

/// Checks that a quote is about the question, and that what it says of the money adds up.
pub(crate) fn check_quote(asked: QuoteArgs, quote: &Quote) -> Result<(), &'static str> {
    if quote.plan != asked.plan {
        return Err("the quote is about another plan");
    }
    if quote.ledger != asked.ledger {
        return Err("the quote is in another asset");
    }
    if quote.allowance != quote.price.clone() + quote.ledger_fee.clone() {
        return Err("the quote asks for another allowance than price and fee");
    }
    if quote.ledger.is_none() && quote.allowance != 0_u8 {
        return Err("the quote has a price and no asset");
    }
    Ok(())
}

impl Offer {
    /// Puts an offer together from a registry's replies.
    ///
    /// # Errors
    /// What does not fit.
    pub fn new(asked: QuoteArgs, quote: Quote, stream: StreamInfo, plans: &[Plan]) -> Result<Self, OfferFailure> {
        let no = OfferFailure::Contradiction;
        check_quote(asked, &quote).map_err(no)?;
        if stream.id != quote.stream {
            return Err(no("the registry told of another stream"));
        }
        let plan = plans
            .iter()
            .find(|plan| plan.id == quote.plan && plan.stream == stream.id);
        let plan = plan.ok_or(no("the stream has no such plan"))?.clone();
        if plan.kind != quote.kind {
            return Err(no("the plan sells something else than the quote says"));
        }
        let price = quote.ledger.map(|ledger| (ledger, &quote.price));
        let listed =
            |(ledger, amount): (_, &Nat)| plan.prices.iter().any(|at| at.ledger == ledger && at.amount == *amount);
        if !price.is_none_or(listed) {
            return Err(no("the quote's price is not the plan's"));
        }
        let offer = Self { quote, plan, stream };
        if offer.terms_hash() != Some(offer.quote.terms_hash) {
            return Err(no("the quote's terms are not those of this stream, plan and price"));
        }
        Ok(offer)
    }

    /// The hash of what this offer shows. `None` if the price exceeds 128 bits, which no registry sells at.
    pub fn terms_hash(&self) -> Option<Hash> {
        let price = match self.quote.ledger {
            Some(ledger) => Some((ledger, amount::units(&self.quote.price)?)),
            None => None,
        };
        let terms = Terms {
            stream: self.stream.id,
            owner: self.stream.owner,
            plan: self.plan.id,
            kind: self.plan.kind,
            terms_of_use: &self.stream.licence_terms,
            price,
        };
        Some(sha256(&terms.encode()))
    }
}

impl Registry {
    /// A plan at its price now, with its stream, checked as [`Offer`] says.
    pub async fn offer(&self, asked: QuoteArgs) -> Result<Offer, OfferFailure> {
        let quote = self.quote(asked).await?;
        let (stream, plans) = tokio::try_join!(self.stream(quote.stream), self.plans(quote.stream))?;
        let stream = stream.ok_or(OfferFailure::Contradiction("the quote's stream is not there"))?;
        Offer::new(asked, quote, stream, &plans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candid::Principal;
    use ddsx_types::stream_registry::{LicenceTerms, PlanKind, Price, StreamStatus};

    const PLAN: u64 = 3;

    fn ledger() -> Principal {
        Principal::from_slice(&[1, 2])
    }

    fn stream() -> StreamInfo {
        StreamInfo {
            id: 1,
            owner: Principal::from_slice(&[9]),
            name: "quakes".into(),
            description: String::new(),
            tags: Vec::new(),
            content_type: "text/csv".into(),
            schema: None,
            licence_terms: LicenceTerms::Spdx("MIT".into()),
            contact: None,
            provider_account: Principal::from_slice(&[9]).into(),
            contributors_share_bps: 0,
            status: StreamStatus::Open,
            created_at: 0,
            last_append_at: None,
            chunks: 0,
            records: 0,
            bytes: 0,
            contributors: 0,
            open_to_everyone: false,
            root: Hash::default(),
        }
    }

    fn plan() -> Plan {
        Plan {
            id: PLAN,
            stream: 1,
            name: "monthly".into(),
            kind: PlanKind::Subscription { duration_ns: 5 },
            prices: vec![Price {
                ledger: ledger(),
                amount: 1_000_u32.into(),
            }],
            offered: true,
        }
    }

    /// The registry's own words.
    fn quote() -> Quote {
        let terms = Terms {
            stream: 1,
            owner: stream().owner,
            plan: PLAN,
            kind: plan().kind,
            terms_of_use: &stream().licence_terms,
            price: Some((ledger(), 1_000)),
        };
        Quote {
            plan: PLAN,
            stream: 1,
            kind: plan().kind,
            ledger: Some(ledger()),
            price: 1_000_u32.into(),
            ledger_fee: 10_u8.into(),
            allowance: 1_010_u32.into(),
            terms_hash: sha256(&terms.encode()),
        }
    }

    fn asked() -> QuoteArgs {
        QuoteArgs {
            plan: PLAN,
            ledger: Some(ledger()),
        }
    }

    #[test]
    fn should_take_an_offer_whose_terms_are_what_is_shown() {
        let offer = Offer::new(asked(), quote(), stream(), &[plan()]).unwrap();
        assert_eq!(offer.terms_hash(), Some(quote().terms_hash));
    }

    /// Changes what is told.
    type Lie<'a> = &'a dyn Fn(&mut Quote, &mut StreamInfo, &mut Plan);

    #[test]
    fn should_refuse_a_quote_that_is_not_about_the_question_or_not_about_what_is_shown() {
        let other = Principal::from_slice(&[7, 7]);
        let lies: [(&str, Lie<'_>); 11] = [
            ("another plan", &|quote, _, _| quote.plan = 4),
            ("another asset", &|quote, _, _| quote.ledger = Some(other)),
            ("another asset", &|quote, _, _| quote.ledger = None),
            ("another allowance", &|quote, _, _| quote.allowance = 9_999_u32.into()),
            ("another stream", &|quote, _, _| quote.stream = 2),
            ("no such plan", &|_, _, plan| plan.id = 4),
            ("something else", &|quote, _, _| quote.kind = PlanKind::Perpetual),
            ("not the plan's", &|quote, _, _| {
                quote.price = 900_u32.into();
                quote.allowance = 910_u32.into();
            }),
            ("terms are not those", &|_, stream, _| {
                stream.licence_terms = LicenceTerms::Spdx("CC0-1.0".into());
            }),
            ("terms are not those", &|_, stream, _| stream.owner = other),
            // Cheaper in every reply, and the hash of the true price: what is shown is not what would be bought.
            ("terms are not those", &|quote, _, plan| {
                quote.price = 900_u32.into();
                quote.allowance = 910_u32.into();
                plan.prices[0].amount = 900_u32.into();
            }),
        ];
        for (number, (words, lie)) in lies.iter().enumerate() {
            let (mut quote, mut stream, mut plan) = (quote(), stream(), plan());
            lie(&mut quote, &mut stream, &mut plan);
            let failure = Offer::new(asked(), quote, stream, &[plan]).unwrap_err().to_string();
            assert!(failure.contains(words), "case {number}: {failure}");
        }
    }
}
