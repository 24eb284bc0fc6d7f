//! Creating a stream in one confirmation: what it costs in one total, what of it comes back, and the call that pulls what the
//! caller's prepaid balance lacks.

use std::time::Duration;

use candid::{Nat, Principal};
use ddsx_types::stream_registry::{
    CreateStreamArgs, StorageQuote, StorageQuoteArgs, StreamError, StreamId, StreamPayment, TopUpError,
};
use serde_bytes::ByteBuf;

use crate::error::{CallError, NetworkError};
use crate::{Registry, request_id};

/// A stream to be created, and what that costs.
#[derive(Clone, Debug, PartialEq)]
pub struct NewStream {
    args: CreateStreamArgs,
    quote: StorageQuote,
    prepay: Nat,
}

impl NewStream {
    /// Asks what a stream costs in an asset: the whole subnet, not one node. `prepay` is put into the balance besides, for the storage to come.
    pub async fn prepare(
        registry: &Registry,
        args: CreateStreamArgs,
        ledger: Principal,
        prepay: Nat,
    ) -> Result<Self, CallError<StreamError>> {
        let asked = StorageQuoteArgs {
            ledger,
            stream: None,
            contributors: u32::try_from(args.contributors.len()).unwrap_or(u32::MAX),
            chunks: 0,
            bytes: 0,
        };
        let quote = registry.agreed().storage_quote(asked).await?;
        check(&quote, ledger).map_err(|reason| NetworkError::Unreadable {
            method: "storage_quote".into(),
            reason: reason.into(),
        })?;
        Ok(Self { args, quote, prepay })
    }

    /// What it costs.
    pub fn quote(&self) -> &StorageQuote {
        &self.quote
    }

    /// What is prepaid besides.
    pub fn prepay(&self) -> &Nat {
        &self.prepay
    }

    /// What the registry pulls: what the balance lacks, and what is prepaid.
    pub fn to_pull(&self) -> Nat {
        self.quote.missing.clone() + self.prepay.clone()
    }

    /// What has to be approved for that at a ledger of this fee; 0 if nothing is pulled.
    pub fn allowance(&self, ledger_fee: &Nat) -> Nat {
        let pull = self.to_pull();
        if pull == Nat::default() {
            pull
        } else {
            pull + ledger_fee.clone()
        }
    }

    /// What becomes of the stream whatever is paid: asked by the same call with a payment of nothing, before an approval costs a fee. The
    /// registry's refusal; or a stream, if the balance has what it lacked by now. `None` if only the payment is missing. Call it after
    /// the total was confirmed.
    pub async fn without_payment(&self, registry: &Registry) -> Option<Result<StreamId, CallError<StreamError>>> {
        if self.to_pull() == Nat::default() {
            return None;
        }
        let mut args = self.args.clone();
        args.payment = Some(self.payment(Nat::default()));
        match registry.create_stream(&args).await {
            Err(CallError::Refused {
                error: StreamError::Payment(TopUpError::PriceAboveMax { .. }),
                ..
            }) => None,
            outcome => Some(outcome),
        }
    }

    fn payment(&self, max: Nat) -> StreamPayment {
        StreamPayment {
            ledger: self.quote.ledger,
            max,
            prepay: (self.prepay > Nat::default()).then(|| self.prepay.clone()),
            request_id: ByteBuf::from(request_id().to_vec()),
            from_subaccount: None,
        }
    }

    /// Creates the stream, once [`NewStream::allowance`] is approved; the registry takes no more than [`NewStream::to_pull`]. While the
    /// payment's outcome is not known it repeats the same call, which never takes twice, up to `patience`. Whatever was taken and not
    /// used is in the caller's prepaid balance.
    pub async fn create(&self, registry: &Registry, patience: Duration) -> Result<StreamId, CallError<StreamError>> {
        let mut args = self.args.clone();
        if self.to_pull() > Nat::default() {
            args.payment = Some(self.payment(self.to_pull()));
        }
        let began = std::time::Instant::now();
        let mut pause = Duration::from_secs(1);
        loop {
            let failure = match registry.create_stream(&args).await {
                Ok(stream) => return Ok(stream),
                Err(failure) => failure,
            };
            let unsettled = matches!(
                failure,
                CallError::Refused {
                    error: StreamError::Payment(TopUpError::Pending { .. }),
                    ..
                } | CallError::Network(NetworkError::OutcomeUnknown { .. })
            );
            if !unsettled || began.elapsed() + pause > patience {
                return Err(failure);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(15));
        }
    }
}

/// That a quote is about what was asked and sums up; the registry takes no more than was confirmed in any case.
fn check(quote: &StorageQuote, ledger: Principal) -> Result<(), &'static str> {
    if quote.ledger != ledger {
        return Err("it is about another asset");
    }
    if quote.total != quote.deposit.clone() + quote.once.clone() + quote.storage.clone() {
        return Err("its parts do not sum to its total");
    }
    if quote.comes_back > quote.deposit || quote.missing > quote.total {
        return Err("more is missing or comes back than is paid");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quote() -> StorageQuote {
        let nat = |units: u32| Nat::from(units);
        StorageQuote {
            ledger: Principal::management_canister(),
            deposit: nat(100),
            once: nat(20),
            storage: nat(3),
            paid_until: 1,
            per_month: nat(3),
            total: nat(123),
            comes_back: nat(100),
            free: nat(23),
            missing: nat(100),
            ledger_fee: nat(10),
        }
    }

    #[test]
    fn should_refuse_a_quote_that_is_not_about_the_question() {
        let ledger = Principal::management_canister();
        assert_eq!(check(&quote(), ledger), Ok(()));
        assert!(check(&quote(), Principal::anonymous()).is_err());
        let spoilt: [fn(&mut StorageQuote); 3] = [
            |quote| quote.total += 1_u8,
            |quote| quote.comes_back += 1_u8,
            |quote| quote.missing = 124_u32.into(),
        ];
        for spoil in spoilt {
            let mut bad = quote();
            spoil(&mut bad);
            assert!(check(&bad, ledger).is_err(), "{bad:?}");
        }
    }
}
