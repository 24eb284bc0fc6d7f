//! `create_stream` in one call: what the caller's balance lacks is pulled first, when everything else has been looked at.

use candid::Principal;
use ddsx_payments::Host;
use ddsx_runtime::Runtime;
use ddsx_types::stream_registry::{CreateStreamArgs, StreamError, StreamId, TopUpError};

use crate::amounts::{nat, u128_of};
use crate::balance::{self, Pull};
use crate::host::Registry;
use crate::purchase::encoded;
use crate::{certification, contributors, storage, streams, upkeep};

/// Creates a stream. With a payment, the same call again takes nothing twice; what was taken and not used stays in the balance.
pub async fn create<R: Runtime>(host: &Registry<R>, args: CreateStreamArgs) -> Result<StreamId, StreamError> {
    let caller = host.runtime().caller();
    pay(host, caller, &args).await?;
    // The state is read anew: much may have changed since the payment began.
    let now = host.runtime().time();
    let created = storage::with_mut(|storage| streams::create(storage, caller, now, args));
    if created.is_ok() {
        storage::with(|storage| certification::publish(storage, host.runtime()));
    }
    created
}

async fn pay<R: Runtime>(host: &Registry<R>, caller: Principal, args: &CreateStreamArgs) -> Result<(), StreamError> {
    let Some(payment) = &args.payment else { return Ok(()) };
    storage::with(|storage| streams::check_new(storage, caller, args))?;
    let request = balance::request(&payment.request_id, &encoded(payment)).map_err(StreamError::Payment)?;
    if balance::known(host, caller, &request).map_err(StreamError::Payment)? {
        return Ok(());
    }
    let count = contributors::count_new(&args.contributors);
    let (asset, amount) = storage::with(|storage| upkeep::to_pull(storage, caller, payment, count))?;
    if amount == 0 {
        return Ok(());
    }
    // A maximum above u128::MAX allows any price.
    if u128_of(&payment.max).is_some_and(|max| amount > max) {
        return Err(StreamError::Payment(TopUpError::PriceAboveMax { price: nat(amount) }));
    }
    let pull = Pull {
        amount,
        from_subaccount: payment.from_subaccount,
        request,
    };
    balance::take(host, caller, &asset, pull)
        .await
        .map_err(StreamError::Payment)
}

#[cfg(test)]
mod tests;
