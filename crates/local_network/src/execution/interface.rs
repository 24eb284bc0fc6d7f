//! What the network layer gives to, and gets from, the execution of one message.
//!
//! Interface specification: *Canister interface (System API)* for what a message may do, *Abstract behaviour* for
//! what becomes of it. The types here carry no behaviour; [`super::run`] is where a message is executed.

use std::sync::Arc;

use candid::Principal;
use pocket_ic::ErrorCode;

/// An amount of cycles.
pub type Cycles = u128;

/// Nanoseconds since 1970-01-01.
pub type Nanos = u64;

/// A function of the canister's table and the environment it is called with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closure {
    /// Index in the canister's function table.
    pub fun: u32,
    /// The value given to it.
    pub env: u32,
}

/// Which function of the canister is entered, and with what.
#[derive(Clone, Debug)]
pub enum Entry {
    /// `canister_init`; the canister need not export it.
    Init {
        /// The argument of the installation.
        arg: Vec<u8>,
    },
    /// `canister_pre_upgrade`; the canister need not export it.
    PreUpgrade,
    /// `canister_post_upgrade`; the canister need not export it.
    PostUpgrade {
        /// The argument of the upgrade.
        arg: Vec<u8>,
    },
    /// `canister_inspect_message`. The network does not call it where the canister does not export it.
    InspectMessage {
        /// The update method that the ingress message names.
        method: String,
        /// The ingress message's argument.
        arg: Vec<u8>,
    },
    /// `canister_update <method>`.
    Update {
        /// The method's name.
        method: String,
        /// The call's argument.
        arg: Vec<u8>,
    },
    /// `canister_query <method>`; replicated or not, its changes are never kept.
    Query {
        /// The method's name.
        method: String,
        /// The call's argument.
        arg: Vec<u8>,
    },
    /// `canister_composite_query <method>`; nonreplicated only.
    CompositeQuery {
        /// The method's name.
        method: String,
        /// The call's argument.
        arg: Vec<u8>,
    },
    /// `canister_heartbeat`.
    Heartbeat,
    /// `canister_global_timer`. The network clears the timer before it runs this.
    GlobalTimer,
    /// The reply callback of a call.
    Reply {
        /// `on_reply` of the call.
        callback: Closure,
        /// The reply's bytes.
        reply: Vec<u8>,
        /// Cycles refunded by the callee.
        refunded: Cycles,
        /// Whether the call was made by a composite query.
        composite: bool,
    },
    /// The reject callback of a call.
    Reject {
        /// `on_reject` of the call.
        callback: Closure,
        /// The reject code (1 to 6).
        code: u32,
        /// The reject message.
        message: String,
        /// Cycles refunded by the callee.
        refunded: Cycles,
        /// Whether the call was made by a composite query.
        composite: bool,
    },
    /// The cleanup callback, after the reply or reject callback has trapped.
    Cleanup {
        /// `on_cleanup` of the call.
        callback: Closure,
        /// The reject code if the callback that trapped was a reject callback, else 0.
        code: u32,
        /// Whether the call was made by a composite query.
        composite: bool,
    },
}

/// Facts about the canister and its subnet that do not change while a message runs.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The canister itself.
    pub canister_id: Principal,
    /// The canister's controllers.
    pub controllers: Vec<Principal>,
    /// `canister_version`.
    pub canister_version: u64,
    /// `canister_status`: 1 running, 2 stopping, 3 stopped.
    pub canister_status: u32,
    /// Environment variables, sorted by name.
    pub env_vars: Vec<(String, String)>,
    /// The subnet that the canister lives on.
    pub subnet_id: Principal,
    /// How many nodes that subnet has; the cost of calls and of threshold signatures grows with it.
    pub subnet_nodes: u32,
    /// The root key, DER encoded.
    pub root_key: Vec<u8>,
    /// The time that the message sees.
    pub time: Nanos,
    /// The canister's global timer before the message, 0 if it is not set.
    pub global_timer: Nanos,
    /// `wasm_memory_limit` of the canister's settings in bytes, 0 for the default (3 GiB) — checked where the
    /// interface says that it is: heap growth in update methods and the like.
    pub wasm_memory_limit: u64,
    /// Cycles that the canister may not spend (the freezing threshold), for `canister_liquid_cycle_balance128` and
    /// outgoing calls.
    pub freezing_threshold_cycles: Cycles,
    /// Whether the subnet charges (`false` on the free cost schedule: every `cost_*` is then 0).
    pub charges: bool,
}

/// One message to execute.
#[derive(Clone, Debug)]
pub struct MessageInput {
    /// What to enter.
    pub entry: Entry,
    /// `msg_caller`.
    pub caller: Principal,
    /// Facts about the canister; shared so that a batch of messages does not copy them.
    pub env: Arc<Environment>,
    /// Whether the message runs in replicated mode. Updates, timers and callbacks of updates always do.
    pub replicated: bool,
    /// The canister's balance when the message starts, without what the network has set aside for executing it.
    pub balance: Cycles,
    /// Cycles of the call that can still be accepted.
    pub cycles_available: Cycles,
    /// `msg_deadline`: 0 for a call with unbounded wait.
    pub deadline: Nanos,
    /// Whether the call context has been answered already; a second answer traps.
    pub already_responded: bool,
    /// Instructions that the message may execute.
    pub instruction_limit: u64,
    /// Instructions counted in the call context so far, for `performance_counter(1)`.
    pub context_instructions: u64,
    /// The certificate of `data_certificate_copy`, for nonreplicated queries.
    pub data_certificate: Option<Arc<Vec<u8>>>,
    /// Further calls that each callee's queue takes before `call_perform` answers 2 (500 when it is empty).
    /// `None`: 500 for everybody.
    pub queue_room: Option<Arc<std::collections::HashMap<Principal, usize>>>,
}

/// A call that the message made and that is to be sent once the message has succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingCall {
    /// The callee; `aaaaa-aa` for the management canister.
    pub callee: Principal,
    /// The callee's method.
    pub method: String,
    /// The argument.
    pub arg: Vec<u8>,
    /// Cycles attached; already taken from [`MessageOutput::balance`].
    pub cycles: Cycles,
    /// Fee set aside for the call: sending it, and executing and receiving the response; already taken from
    /// [`MessageOutput::balance`]. What the response turns out not to need is refunded by the network.
    pub prepaid: Cycles,
    /// Seconds until a bounded-wait call times out, at most 300; `None` for unbounded wait.
    pub timeout_seconds: Option<u32>,
    /// Called with the reply.
    pub on_reply: Closure,
    /// Called with the reject.
    pub on_reject: Closure,
    /// Called when either of these traps.
    pub on_cleanup: Option<Closure>,
}

/// The answer to the call that the message belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// `msg_reply`, with everything appended before it.
    Reply(Vec<u8>),
    /// `msg_reject`; the reject code is 4 (`CanisterReject`).
    Reject(String),
}

/// Why a message failed. Nothing that it did has been kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap {
    /// The error code a user sees.
    pub code: ErrorCode,
    /// What follows `Error from Canister <id>: ` in the reject message.
    pub message: String,
}

/// One line that the canister printed, or its trap's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The time of the message that printed it.
    pub time: Nanos,
    /// The bytes printed.
    pub content: Vec<u8>,
}

/// What a message did.
///
/// After a trap everything but `instructions` and `logs` is as if the message had not run: `balance` and
/// `cycles_accepted` are back at their start, the memory is unchanged, `calls` is empty.
#[derive(Clone, Debug)]
pub struct MessageOutput {
    /// Whether the message ran to its end.
    pub result: Result<(), Trap>,
    /// Instructions to charge, the page charge included; at most the limit.
    pub instructions: u64,
    /// 4 KiB pages of the heap that the message wrote.
    pub dirty_heap_pages: u64,
    /// 4 KiB pages of stable memory that the message wrote.
    pub dirty_stable_pages: u64,
    /// The answer, if the message gave one.
    pub response: Option<Response>,
    /// The calls made, in order.
    pub calls: Vec<OutgoingCall>,
    /// The balance after the message: accepted cycles added, cycles attached, prepaid and burnt taken away.
    pub balance: Cycles,
    /// Cycles accepted from the call.
    pub cycles_accepted: Cycles,
    /// Cycles burnt.
    pub cycles_burned: Cycles,
    /// The certified data that the message set.
    pub certified_data: Option<Vec<u8>>,
    /// The global timer that the message set (0: switched off).
    pub global_timer: Option<Nanos>,
    /// `accept_message` was called (inspect_message only).
    pub accepted: bool,
    /// What the message printed, also when it trapped; a trap's own line is the last.
    pub logs: Vec<LogLine>,
}

/// Why a module cannot be installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstallError {
    /// The error code a user sees.
    pub code: ErrorCode,
    /// What follows `Error from Canister <id>: `.
    pub message: String,
}

/// Who may read a custom section of the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// `icp:public <name>`: everybody.
    Public,
    /// `icp:private <name>`: controllers.
    Private,
}

/// A custom section `icp:public <name>` or `icp:private <name>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomSection {
    /// The name without its prefix.
    pub name: String,
    /// Who may read it.
    pub visibility: Visibility,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// How a module is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstallMode {
    /// Into an empty canister.
    Install,
    /// Everything of the old module is thrown away.
    Reinstall,
    /// Stable memory stays; with `keep_main_memory` the heap stays too.
    Upgrade {
        /// Do not run `canister_pre_upgrade`.
        skip_pre_upgrade: bool,
        /// `wasm_memory_persistence = keep`: heap stays as it is.
        keep_main_memory: bool,
    },
}
