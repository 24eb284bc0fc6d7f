//! In which entry points a System API function may be called.
//!
//! Interface specification: *Overview of imports*, whose letters the constants' documentation repeats.

use crate::execution::Entry;

/// The kind of entry point that runs, one bit each, so that a set of them is a number.
pub type Modes = u16;

/// `s`: the start function.
pub const START: Modes = 1;
/// `I`: `canister_init` and `canister_post_upgrade`.
pub const INIT: Modes = 1 << 1;
/// `G`: `canister_pre_upgrade`.
pub const PRE_UPGRADE: Modes = 1 << 2;
/// `U`: update methods.
pub const UPDATE: Modes = 1 << 3;
/// `RQ`: query methods in replicated mode.
pub const REPLICATED_QUERY: Modes = 1 << 4;
/// `NRQ`: query methods in nonreplicated mode.
pub const QUERY: Modes = 1 << 5;
/// `CQ`: composite query methods.
pub const COMPOSITE_QUERY: Modes = 1 << 6;
/// `Ry`: reply callbacks.
pub const REPLY: Modes = 1 << 7;
/// `Rt`: reject callbacks.
pub const REJECT: Modes = 1 << 8;
/// `CRy`: reply callbacks of composite queries.
pub const COMPOSITE_REPLY: Modes = 1 << 9;
/// `CRt`: reject callbacks of composite queries.
pub const COMPOSITE_REJECT: Modes = 1 << 10;
/// `C`: cleanup callbacks.
pub const CLEANUP: Modes = 1 << 11;
/// `CC`: cleanup callbacks of composite queries.
pub const COMPOSITE_CLEANUP: Modes = 1 << 12;
/// `T`: heartbeat and global timer.
pub const TASK: Modes = 1 << 13;
/// `F`: `canister_inspect_message`.
pub const INSPECT: Modes = 1 << 14;

/// `* s`.
pub const EVERYWHERE: Modes = !0;
/// `*`: everywhere but in the start function.
pub const NOT_START: Modes = !START;
/// Where there are call contexts to answer.
pub const ANSWERS: Modes =
    UPDATE | REPLICATED_QUERY | QUERY | COMPOSITE_QUERY | REPLY | REJECT | COMPOSITE_REPLY | COMPOSITE_REJECT;
/// Where calls can be made.
pub const CALLS: Modes = UPDATE | COMPOSITE_QUERY | REPLY | REJECT | COMPOSITE_REPLY | COMPOSITE_REJECT | TASK;

/// The mode of an entry.
pub fn of(entry: &Entry, replicated: bool) -> Modes {
    match entry {
        Entry::Init { .. } | Entry::PostUpgrade { .. } => INIT,
        Entry::PreUpgrade => PRE_UPGRADE,
        Entry::InspectMessage { .. } => INSPECT,
        Entry::Update { .. } => UPDATE,
        Entry::Query { .. } if replicated => REPLICATED_QUERY,
        Entry::Query { .. } => QUERY,
        Entry::CompositeQuery { .. } => COMPOSITE_QUERY,
        Entry::Heartbeat | Entry::GlobalTimer => TASK,
        Entry::Reply { composite: false, .. } => REPLY,
        Entry::Reply { .. } => COMPOSITE_REPLY,
        Entry::Reject { composite: false, .. } => REJECT,
        Entry::Reject { .. } => COMPOSITE_REJECT,
        Entry::Cleanup { composite: false, .. } => CLEANUP,
        Entry::Cleanup { .. } => COMPOSITE_CLEANUP,
    }
}

/// How error messages call a mode.
pub fn name(mode: Modes) -> &'static str {
    match mode {
        START => "start",
        INIT => "init",
        PRE_UPGRADE => "pre upgrade",
        UPDATE => "update",
        REPLICATED_QUERY => "replicated query",
        QUERY => "non replicated query",
        COMPOSITE_QUERY => "composite query",
        REPLY => "reply callback",
        REJECT => "reject callback",
        COMPOSITE_REPLY => "composite reply callback",
        COMPOSITE_REJECT => "composite reject callback",
        CLEANUP => "cleanup",
        COMPOSITE_CLEANUP => "composite cleanup",
        TASK => "system task",
        _ => "inspect message",
    }
}
