//! What happens at install and upgrade. Nothing is copied: the state is where it was, work under way included.

use ddsx_payments::{self as payments, Host};
use ddsx_runtime::Runtime;
use ddsx_types::federated_aggregator::AggregatorArgs;

use crate::host::Aggregator;
use crate::{assets, certification, governance, settlement, storage, timer};

/// Sets up a fresh aggregator.
pub fn init<R: Runtime>(host: &Aggregator<R>, args: Option<AggregatorArgs>) -> Result<(), String> {
    let installer = host.runtime().caller();
    storage::with_mut(|storage| governance::install(storage, installer, args.unwrap_or_default()))?;
    start(host);
    Ok(())
}

/// Takes the state over from the version before.
pub fn post_upgrade<R: Runtime>(host: &Aggregator<R>, args: Option<AggregatorArgs>) -> Result<(), String> {
    let now = host.runtime().time();
    storage::with_mut(|storage| {
        storage.open_totals();
        storage.number_assets();
        governance::adopt_fees(storage);
        timer::resume(storage, now);
        governance::configure(storage, args.unwrap_or_default())
    })?;
    start(host);
    Ok(())
}

/// Certified data and timers do not survive an upgrade.
fn start<R: Runtime>(host: &Aggregator<R>) {
    storage::with(|storage| certification::publish(storage, host.runtime()));
    payments::resume(host);
    timer::arm(host);
    assets::start(host);
    settlement::count_in(host, None);
}
