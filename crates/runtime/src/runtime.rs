//! The trait behind which the system stands.

use crate::call::{CallError, CallOptions};
use candid::utils::ArgumentEncoder;
use candid::{CandidType, Principal};
use ddsx_types::TimestampNs;
use serde::de::DeserializeOwned;
use std::future::Future;
use std::time::Duration;

/// How long the management canister may take to give randomness, in seconds.
const RANDOMNESS_WAIT_S: u32 = 60;

/// Names a timer that was set and has not fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerId(pub(crate) Inner);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inner {
    System(ic_cdk_timers::TimerId),
    #[cfg(any(test, feature = "testing"))]
    Test(u64),
}

/// All that a canister may ask of the system. Section names are the IC interface specification's.
///
/// State read before an `.await` may be different after it, and what runs after it may trap: nothing that is held over an
/// `.await` may need more than being dropped to be put right.
pub trait Runtime: Clone + 'static {
    /// The time of this message in nanoseconds since the epoch. All messages of a block see the same.
    fn time(&self) -> TimestampNs;

    /// Who sent this message. After an `.await` it is still the caller of the method.
    fn caller(&self) -> Principal;

    /// This canister's own id.
    fn canister_self(&self) -> Principal;

    /// Grows with every upgrade and change of settings (section *Canister version*).
    fn canister_version(&self) -> u64;

    /// Cycles this canister has.
    fn cycles_balance(&self) -> u128;

    /// Those of them that it may spend: the rest is set aside for the freezing threshold.
    fn cycles_liquid(&self) -> u128;

    /// Cycles that came with this message and were not accepted yet.
    fn cycles_available(&self) -> u128;

    /// Accepts at most `max` of the cycles that came with this message, and says how many.
    fn cycles_accept(&self, max: u128) -> u128;

    /// Whether `who` is a controller of this canister.
    fn is_controller(&self, who: &Principal) -> bool;

    /// Sets the 32 bytes that the subnet certifies for this canister. In replicated execution only.
    fn certified_data_set(&self, root: &[u8; 32]);

    /// The certificate over the certified data: in a query that was called from outside, and nowhere else.
    fn data_certificate(&self) -> Option<Vec<u8>>;

    /// Whether this message runs on all nodes: an update, a timer, a query made in a replicated call.
    fn in_replicated_execution(&self) -> bool;

    /// Instructions executed in this message so far.
    fn instruction_counter(&self) -> u64;

    /// Instructions executed in this call so far, all its messages together.
    fn call_context_instruction_counter(&self) -> u64;

    /// Writes a line to the canister's log, which its controllers can read.
    fn log(&self, line: &str);

    /// Runs `work` once, `delay` from now, in a message of its own. Timers do not survive an upgrade: set them again then.
    fn set_timer(&self, delay: Duration, work: impl Future<Output = ()> + 'static) -> TimerId;

    /// Forgets a timer that has not fired; does nothing if it has.
    fn clear_timer(&self, timer: TimerId);

    /// Calls `method` of `callee` with Candid-encoded arguments and gives the reply's bytes.
    ///
    /// # Errors
    /// As [`CallError`]; never [`CallError::UnreadableReply`].
    fn call_raw(
        &self,
        callee: Principal,
        method: &str,
        arguments: Vec<u8>,
        options: CallOptions,
    ) -> impl Future<Output = Result<Vec<u8>, CallError>>;

    /// Calls `method` of `callee` with a tuple of arguments and reads the reply's one value.
    ///
    /// # Errors
    /// As [`CallError`].
    fn call<A: ArgumentEncoder, R: CandidType + DeserializeOwned>(
        &self,
        callee: Principal,
        method: &str,
        arguments: A,
        options: CallOptions,
    ) -> impl Future<Output = Result<R, CallError>> {
        let arguments = candid::encode_args(arguments);
        async move {
            let arguments =
                arguments.map_err(|error| CallError::NotSent(format!("the arguments cannot be encoded: {error}")))?;
            let reply = self.call_raw(callee, method, arguments, options).await?;
            candid::decode_one(&reply).map_err(|error| CallError::UnreadableReply(error.to_string()))
        }
    }

    /// 32 bytes that nobody can foresee, from the management canister's `raw_rand`.
    ///
    /// # Errors
    /// As [`CallError`].
    fn raw_rand(&self) -> impl Future<Output = Result<[u8; 32], CallError>> {
        async move {
            let bytes: Vec<u8> = self
                .call(
                    Principal::management_canister(),
                    "raw_rand",
                    (),
                    CallOptions::bounded(RANDOMNESS_WAIT_S),
                )
                .await?;
            <[u8; 32]>::try_from(bytes).map_err(|bytes| CallError::UnreadableReply(format!("{} bytes", bytes.len())))
        }
    }
}
