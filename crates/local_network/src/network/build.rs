//! Which subnets an instance has: from PocketIC's configuration to [`SubnetSpec`]s.

use std::str::FromStr;

use candid::Principal;
use pocket_ic::common::rest::{InitialTime, InstanceConfig, SubnetKind, SubnetSpec as Asked};
use sha2::{Digest, Sha256};

use super::ids;
use super::subnet::SubnetSpec;
use crate::execution::Nanos;

/// 2021-05-06 19:17:10 UTC, when mainnet's state begins.
pub const GENESIS: Nanos = 1_620_328_630_000_000_000;

/// Mainnet's NNS subnet.
const MAINNET_NNS: &str = "tdb26-jop6k-aogll-7ltgs-eruif-6kk7m-qpktf-gdiqx-mxtrf-vb5e6-eqe";

/// Gives each new subnet its seed and its range of canister ids.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    made: u64,
}

impl Builder {
    /// The next subnet of this kind, as asked for.
    pub fn next(&mut self, kind: SubnetKind, asked: &Asked) -> SubnetSpec {
        let allocation = ids::allocation_range(self.made);
        let seed = Sha256::digest([&b"local network subnet "[..], &self.made.to_be_bytes()].concat()).into();
        self.made += 1;
        SubnetSpec {
            kind,
            seed,
            fixed_id: None,
            instructions: asked.get_instruction_config(),
            cost_schedule: asked.get_cost_schedule(),
            admins: asked.get_subnet_admins(),
            named: ids::mainnet_ranges(kind),
            allocation,
        }
    }
}

/// The subnets that the configuration asks for, and what makes more of them.
///
/// # Errors
/// What this network does not have, or what is wrong.
pub fn subnets(config: &InstanceConfig) -> Result<(Vec<SubnetSpec>, Builder), String> {
    config.subnet_config_set.validate()?;
    refuse_what_is_absent(config)?;
    let set = &config.subnet_config_set;
    let single = [
        (SubnetKind::NNS, &set.nns),
        (SubnetKind::SNS, &set.sns),
        (SubnetKind::II, &set.ii),
        (SubnetKind::Fiduciary, &set.fiduciary),
        (SubnetKind::Bitcoin, &set.bitcoin),
    ];
    let many = [
        (SubnetKind::System, &set.system),
        (SubnetKind::Application, &set.application),
        (SubnetKind::CloudEngine, &set.cloud_engine),
        (SubnetKind::VerifiedApplication, &set.verified_application),
    ];
    let asked = single
        .into_iter()
        .filter_map(|(kind, spec)| spec.as_ref().map(|spec| (kind, spec)))
        .chain(
            many.into_iter()
                .flat_map(|(kind, specs)| specs.iter().map(move |spec| (kind, spec))),
        );
    let mut builder = Builder::default();
    let mut specs = Vec::new();
    for (kind, spec) in asked {
        if spec.get_state_path().is_some() || !spec.is_supported() {
            return Err("This local network does not load subnets from a state directory.".to_owned());
        }
        let mut spec = builder.next(kind, spec);
        if kind == SubnetKind::NNS && config.mainnet_nns_subnet_id == Some(true) {
            spec.fixed_id = Principal::from_str(MAINNET_NNS).ok();
        }
        specs.push(spec);
    }
    Ok((specs, builder))
}

/// The time at which the instance begins.
///
/// # Errors
/// It is before [`GENESIS`].
pub fn initial_time(config: &InstanceConfig) -> Result<Nanos, String> {
    match &config.initial_time {
        Some(InitialTime::Timestamp(time)) if time.nanos_since_epoch < GENESIS => Err(format!(
            "The initial timestamp (unix timestamp in nanoseconds) must be no earlier than {GENESIS} (provided {}).",
            time.nanos_since_epoch
        )),
        Some(InitialTime::Timestamp(time)) => Ok(time.nanos_since_epoch),
        Some(InitialTime::AutoProgress(_)) | None => Ok(GENESIS),
    }
}

fn refuse_what_is_absent(config: &InstanceConfig) -> Result<(), String> {
    let absent = |what: &str| Err(format!("This local network does not support {what}."));
    if config.state_dir.is_some() {
        return absent("a state directory");
    }
    if config.bitcoind_addr.is_some() || config.dogecoind_addr.is_some() {
        return absent("bitcoind or dogecoind");
    }
    if let Some(features) = &config.icp_features {
        let wanted = [
            (&features.registry, "registry"),
            (&features.cycles_minting, "cycles_minting"),
            (&features.icp_token, "icp_token"),
            (&features.cycles_token, "cycles_token"),
            (&features.nns_governance, "nns_governance"),
            (&features.sns, "sns"),
            (&features.ii, "ii"),
            (&features.nns_ui, "nns_ui"),
            (&features.bitcoin, "bitcoin"),
            (&features.dogecoin, "dogecoin"),
            (&features.canister_migration, "canister_migration"),
        ];
        if let Some((_, name)) = wanted.into_iter().find(|(feature, _)| feature.is_some()) {
            return absent(&format!("the ICP feature `{name}`"));
        }
    }
    Ok(())
}
