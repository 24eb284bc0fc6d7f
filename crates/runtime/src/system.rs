//! The real system, by `ic-cdk`. With [`crate::inspect`] the only file that may use it.
#![allow(
    clippy::disallowed_methods,
    reason = "this is the door that the lint leads everyone else to"
)]

use crate::call::{CallError, CallOptions, Wait};
use crate::runtime::{Inner, Runtime, TimerId};
use candid::Principal;
use ddsx_types::TimestampNs;
use ic_cdk::call::{Call, CallFailed};
use std::future::Future;
use std::time::Duration;

/// The Internet Computer under this canister. On the host its functions panic: use `testing::TestRuntime` there.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Runtime for System {
    fn time(&self) -> TimestampNs {
        ic_cdk::api::time()
    }

    fn caller(&self) -> Principal {
        ic_cdk::api::msg_caller()
    }

    fn canister_self(&self) -> Principal {
        ic_cdk::api::canister_self()
    }

    fn canister_version(&self) -> u64 {
        ic_cdk::api::canister_version()
    }

    fn cycles_balance(&self) -> u128 {
        ic_cdk::api::canister_cycle_balance()
    }

    fn cycles_liquid(&self) -> u128 {
        ic_cdk::api::canister_liquid_cycle_balance()
    }

    fn cycles_available(&self) -> u128 {
        ic_cdk::api::msg_cycles_available()
    }

    fn cycles_accept(&self, max: u128) -> u128 {
        ic_cdk::api::msg_cycles_accept(max)
    }

    fn is_controller(&self, who: &Principal) -> bool {
        ic_cdk::api::is_controller(who)
    }

    fn certified_data_set(&self, root: &[u8; 32]) {
        ic_cdk::api::certified_data_set(root);
    }

    fn data_certificate(&self) -> Option<Vec<u8>> {
        ic_cdk::api::data_certificate()
    }

    fn in_replicated_execution(&self) -> bool {
        ic_cdk::api::in_replicated_execution()
    }

    fn instruction_counter(&self) -> u64 {
        ic_cdk::api::instruction_counter()
    }

    fn call_context_instruction_counter(&self) -> u64 {
        ic_cdk::api::call_context_instruction_counter()
    }

    fn log(&self, line: &str) {
        ic_cdk::api::debug_print(line);
    }

    fn set_timer(&self, delay: Duration, work: impl Future<Output = ()> + 'static) -> TimerId {
        TimerId(Inner::System(ic_cdk_timers::set_timer(delay, work)))
    }

    fn clear_timer(&self, timer: TimerId) {
        match timer.0 {
            Inner::System(id) => ic_cdk_timers::clear_timer(id),
            #[cfg(any(test, feature = "testing"))]
            Inner::Test(_) => {}
        }
    }

    async fn call_raw(
        &self,
        callee: Principal,
        method: &str,
        arguments: Vec<u8>,
        options: CallOptions,
    ) -> Result<Vec<u8>, CallError> {
        let call = match options.wait {
            Wait::Unbounded => Call::unbounded_wait(callee, method),
            Wait::Bounded { timeout_s } => Call::bounded_wait(callee, method).change_timeout(timeout_s),
        };
        match call.take_raw_args(arguments).with_cycles(options.cycles).await {
            Ok(reply) => Ok(reply.into_bytes()),
            Err(CallFailed::CallRejected(rejected)) => Err(CallError::Rejected {
                code: rejected.raw_reject_code().into(),
                message: rejected.reject_message().to_string(),
            }),
            Err(failed @ (CallFailed::InsufficientLiquidCycleBalance(_) | CallFailed::CallPerformFailed(_))) => {
                Err(CallError::NotSent(failed.to_string()))
            }
        }
    }
}
