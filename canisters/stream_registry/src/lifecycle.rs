//! What happens at install and upgrade. Nothing is copied: the state is where it was.

use ddsx_payments::{self as payments, Host};
use ddsx_runtime::Runtime;
use ddsx_types::stream_registry::RegistryArgs;

use crate::host::Registry;
use crate::limits::LEGACY_GRACE_NS;
use crate::storage;
use crate::{assets, certification, governance, payout, upkeep};

/// Sets up a fresh registry.
pub fn init<R: Runtime>(host: &Registry<R>, args: Option<RegistryArgs>) -> Result<(), String> {
    let installer = host.runtime().caller();
    let now = host.runtime().time();
    storage::with_mut(|storage| {
        // There is nothing of an earlier release to be taken over.
        storage.change_settings(|settings| settings.legacy_paid_until = now);
        governance::install(storage, installer, args.unwrap_or_default())
    })?;
    start(host);
    Ok(())
}

/// Takes the state over from the version before.
pub fn post_upgrade<R: Runtime>(host: &Registry<R>, args: Option<RegistryArgs>) -> Result<(), String> {
    let now = host.runtime().time();
    storage::with_mut(|storage| {
        if storage.settings().legacy_paid_until == 0 {
            let streams = storage.counters().streams;
            storage.change_settings(|settings| {
                settings.legacy_paid_until = now.saturating_add(LEGACY_GRACE_NS);
                settings.legacy_end = streams;
            });
        }
        governance::configure(storage, args.unwrap_or_default())
    })?;
    start(host);
    Ok(())
}

/// Certified data and timers do not survive an upgrade.
fn start<R: Runtime>(host: &Registry<R>) {
    storage::with(|storage| certification::publish(storage, host.runtime()));
    payments::resume(host);
    payout::start(host);
    upkeep::timer::arm(host);
    assets::start(host);
}
