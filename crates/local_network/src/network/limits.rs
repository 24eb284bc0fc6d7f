//! What a subnet allows and how large it is.

use pocket_ic::common::rest::{SubnetInstructionConfig, SubnetKind};

/// Bytes of an ingress message's argument.
pub const INGRESS_PAYLOAD: usize = 2 << 20;
/// Bytes of a call or an answer that leaves the subnet.
pub const XNET_PAYLOAD: usize = 2 << 20;
/// Bytes of a query's reply.
pub const QUERY_REPLY: usize = 3 << 20;
/// How deep queries may call each other.
pub const QUERY_DEPTH: usize = 6;
/// Instructions of one canister, and of a subnet, after which the rest waits for the next round.
pub const ROUND_CANISTER: u64 = 4_000_000_000;
/// See [`ROUND_CANISTER`].
pub const ROUND_SUBNET: u64 = 16_000_000_000;
/// What a message counts in a round beside its instructions.
pub const ROUND_MESSAGE: u64 = 2_000_000;
/// Instructions that are paid for in advance even where more are allowed (benchmarking).
pub const PREPAID_INSTRUCTIONS: u64 = 300_000_000_000;

/// Instructions that a message may execute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instructions {
    /// Updates, replicated queries, timers, heartbeats and callbacks.
    pub update: u64,
    /// Nonreplicated queries, the whole call graph of composite ones included.
    pub query: u64,
    /// Installation and upgrade.
    pub install: u64,
    /// `canister_inspect_message`.
    pub inspect: u64,
}

impl Instructions {
    /// Mainnet's limits, or limits that no benchmark reaches.
    pub fn new(config: &SubnetInstructionConfig) -> Self {
        match config {
            SubnetInstructionConfig::Production => Self {
                update: 40_000_000_000,
                query: 5_000_000_000,
                install: 300_000_000_000,
                inspect: 200_000_000,
            },
            SubnetInstructionConfig::Benchmarking => Self {
                update: 99_999_999_999_999,
                query: 99_999_999_999_999,
                install: 99_999_999_999_999,
                inspect: 200_000_000,
            },
        }
    }
}

/// How many nodes a subnet of this kind has.
pub fn nodes(kind: SubnetKind) -> u32 {
    match kind {
        SubnetKind::Application
        | SubnetKind::Bitcoin
        | SubnetKind::CloudEngine
        | SubnetKind::System
        | SubnetKind::VerifiedApplication => 13,
        SubnetKind::Fiduciary | SubnetKind::II | SubnetKind::SNS => 34,
        SubnetKind::NNS => 40,
    }
}

/// Whether canisters on a subnet of this kind never pay.
pub fn is_system(kind: SubnetKind) -> bool {
    matches!(
        kind,
        SubnetKind::Bitcoin | SubnetKind::II | SubnetKind::NNS | SubnetKind::System
    )
}
