//! Why a message fails, and how a user is told.
//!
//! Interface specification: *Error codes*. The texts are those that users of the Internet Computer know.

use std::fmt::Write;

use pocket_ic::ErrorCode;
use wasmtime::WasmBacktrace;

use crate::execution::interface::Trap;

/// Why a message fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `ic0.trap`.
    Called(String),
    /// The code trapped: what the engine says.
    Trapped(&'static str),
    /// A System API function was used against its contract.
    Contract(String),
    /// A System API function was called where it must not be: (function, mode).
    Mode(&'static str, &'static str),
    /// More instructions than allowed.
    Instructions(u64),
    /// One operation that is larger than may run uninterrupted: its instructions.
    Slice(u64),
    /// The method is not exported: (kind, name).
    NoMethod(&'static str, String),
    /// A callback that is not in the table.
    NoFunction(u32),
    /// A principal of more than 29 bytes.
    Principal,
    /// Cycles that the canister does not have.
    Cycles(String),
    /// The heap grew over the limit in the canister's settings: (limit, bytes).
    HeapLimit(u64, u64),
    /// More stable memory accessed than one message may: the limit in bytes.
    StableAccess(u64),
    /// The machine has no memory left, or the engine failed.
    Engine(String),
}

impl Fault {
    /// `heap out of bounds`.
    pub const HEAP: Self = Self::Trapped("heap out of bounds");
    /// `stable memory out of bounds`.
    pub const STABLE: Self = Self::Trapped("stable memory out of bounds");
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Called(message) => write!(f, "Canister called `ic0.trap` with message: '{message}'"),
            Self::Trapped(code) => write!(f, "Canister trapped: {code}"),
            Self::Contract(error) => write!(f, "Canister violated contract: {error}"),
            Self::Mode(function, mode) => {
                write!(
                    f,
                    "Canister violated contract: \"ic0_{function}\" cannot be executed in {mode} mode"
                )
            }
            Self::Instructions(limit) => {
                write!(
                    f,
                    "Canister exceeded the limit of {limit} instructions for single message execution."
                )
            }
            Self::Slice(instructions) => write!(
                f,
                "Canister attempted to perform a large memory operation that used {instructions} instructions and \
                 exceeded the slice limit {}.",
                super::SLICE
            ),
            Self::NoMethod(kind, name) => write!(f, "Canister has no {kind} method '{name}'."),
            Self::NoFunction(index) => {
                write!(
                    f,
                    "Canister requested to invoke a non-existent Wasm function {index} from table 0"
                )
            }
            Self::Principal => write!(f, "Canister provided invalid principal id"),
            Self::Cycles(message) => write!(f, "{message}"),
            Self::HeapLimit(limit, bytes) => write!(
                f,
                "Canister exceeded its current Wasm memory limit of {limit} bytes. \
                 The peak Wasm memory usage was {bytes} bytes. \
                 If the canister reaches 4GiB, then it may stop functioning and may become unrecoverable."
            ),
            Self::StableAccess(limit) => write!(
                f,
                "Canister exceeded memory access limits: Exceeded the limit of {limit} bytes of stable memory \
                 accessed in a single message execution."
            ),
            Self::Engine(message) => write!(f, "Canister encountered a Wasm engine error: {message}"),
        }
    }
}

impl std::error::Error for Fault {}

/// Anchor of the page that explains an error to developers.
const DOCUMENTATION: &str = "https://internetcomputer.org/docs/current/references/execution-errors#";

impl Fault {
    /// What the network tells a user.
    pub fn into_trap(self, backtrace: Option<&str>) -> Trap {
        let code = match &self {
            Self::Called(_) => ErrorCode::CanisterCalledTrap,
            Self::Trapped(_) => ErrorCode::CanisterTrapped,
            Self::Contract(_) | Self::Mode(..) | Self::Principal | Self::Cycles(_) => {
                ErrorCode::CanisterContractViolation
            }
            Self::Instructions(_) | Self::Slice(_) => ErrorCode::CanisterInstructionLimitExceeded,
            Self::NoMethod(..) => ErrorCode::CanisterMethodNotFound,
            Self::NoFunction(_) => ErrorCode::CanisterFunctionNotFound,
            Self::HeapLimit(..) => ErrorCode::CanisterWasmMemoryLimitExceeded,
            Self::StableAccess(_) => ErrorCode::CanisterMemoryAccessLimitExceeded,
            Self::Engine(_) => ErrorCode::CanisterWasmEngineError,
        };
        let mut message = self.to_string();
        if let Some(backtrace) = backtrace
            && matches!(self, Self::Called(_) | Self::Trapped(_))
        {
            message = format!("{message}\n{backtrace}");
        }
        if let Some((suggestion, anchor)) = self.help() {
            message = format!("{message}.\n{suggestion} See documentation: {DOCUMENTATION}{anchor}");
        }
        Trap { code, message }
    }

    fn help(&self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Self::Called(_) => (
                "Consider gracefully handling failures from this canister or altering the canister to handle exceptions.",
                "trapped-explicitly",
            ),
            Self::Trapped(_) => (
                "Consider gracefully handling failures from this canister or altering the canister to handle exceptions.",
                "trapped",
            ),
            Self::Mode(..) => (
                "Check the ICP documentation to make sure that the method can be called in this mode.",
                "calling-a-system-api-from-the-wrong-mode",
            ),
            Self::Instructions(_) => (
                "Try optimizing this method to consume fewer instructions or split the work across multiple messages.",
                "instruction-limit-exceeded",
            ),
            Self::Slice(_) => (
                "Try breaking up large copies within the canister code into smaller chunks.",
                "slice-overrun",
            ),
            Self::NoMethod(..) => (
                "Check that the method being called is exported by the target canister.",
                "method-not-found",
            ),
            Self::HeapLimit(..) => (
                "Try checking the canister for a possible memory leak or modifying it to use more stable memory instead of Wasm memory.",
                "wasm-memory-limit-exceeded",
            ),
            Self::StableAccess(_) => (
                "Try optimizing the use of stable memory so that individual messages don't need to access as much stable memory.",
                "memory-access-limit-exceeded",
            ),
            Self::Contract(_) | Self::NoFunction(_) | Self::Principal | Self::Cycles(_) | Self::Engine(_) => {
                return None;
            }
        })
    }

    /// What a failed call into the canister's code means.
    pub fn from_engine(error: &wasmtime::Error, limit: u64) -> Self {
        use wasmtime::Trap as T;
        if let Some(fault) = error.downcast_ref::<Self>() {
            return fault.clone();
        }
        match error.downcast_ref::<T>() {
            Some(T::OutOfFuel) => Self::Instructions(limit),
            Some(T::StackOverflow) => Self::Trapped("stack overflow"),
            Some(T::MemoryOutOfBounds) => Self::HEAP,
            Some(T::TableOutOfBounds) => Self::Trapped("table out of bounds"),
            Some(T::IntegerDivisionByZero) => Self::Trapped("integer division by 0"),
            Some(T::UnreachableCodeReached) => Self::Trapped("unreachable"),
            Some(_) => Self::Trapped("unknown"),
            None => Self::Engine(format!("{error:#}")),
        }
    }
}

/// The canister's functions that were running, if its module names them.
pub fn backtrace(error: &wasmtime::Error) -> Option<String> {
    let frames = error.downcast_ref::<WasmBacktrace>()?.frames();
    let mut text = String::from("Canister Backtrace:\n");
    for frame in frames {
        match frame.func_name() {
            Some(name) => text.push_str(name),
            None => {
                let _ = write!(text, "unknown function at index {}", frame.func_index());
            }
        }
        text.push('\n');
    }
    Some(text)
}
