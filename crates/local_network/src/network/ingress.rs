//! Messages from users: whether they are accepted, who pays, and how they come in.
//!
//! Interface specification: *Request: Call*, *Ingress message inspection*.

use candid::Principal;
use pocket_ic::ErrorCode;

use super::call::{Call, Origin};
use super::limits::INGRESS_PAYLOAD;
use super::reject::{self, Reject};
use super::subnet::{Subnet, not_running};
use super::types::{Effective, IngressCall, IngressRecord, IngressStatus, MessageId};
use crate::execution::{self, Cycles, Entry, MessageInput, Nanos, fees};
use crate::management;

impl Subnet {
    /// Accepts a message for the next round, unless it is known already. It is remembered until `expiry` at least.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub fn submit(&mut self, id: MessageId, call: IngressCall, expiry: Nanos) -> Result<(), Reject> {
        if self.ingress.contains_key(&id) {
            return Ok(());
        }
        self.inspect(&call)?;
        let effective_canister = match call.effective {
            Effective::Canister(canister) if call.canister_id == Principal::management_canister() => canister,
            _ => call.canister_id,
        };
        let record = IngressRecord {
            sender: call.sender,
            receiver: call.canister_id,
            effective_canister,
            status: IngressStatus::Received,
            time: self.time,
            expiry,
        };
        self.ingress.insert(id, record);
        let call = Call {
            origin: Origin::Ingress {
                id,
                sender: call.sender,
            },
            callee: call.canister_id,
            method: call.method,
            arg: call.arg,
            cycles: 0,
            deadline: 0,
            caller_version: None,
        };
        self.received.push_back((id, call));
        Ok(())
    }

    /// The canister that pays for the message and how much; `None`: nobody pays.
    fn ingress_fee(&self, callee: Principal, method: &str, arg: &[u8]) -> Option<(Principal, Cycles)> {
        let payer = if callee == Principal::management_canister() {
            management::payer(method, arg)?
        } else {
            callee
        };
        let bytes = (arg.len() + method.len()) as u64;
        Some((payer, self.price(|nodes| fees::ingress(bytes, nodes))))
    }

    fn inspect(&self, call: &IngressCall) -> Result<(), Reject> {
        if call.arg.len() > INGRESS_PAYLOAD {
            return Err(Reject::new(
                ErrorCode::InvalidManagementPayload,
                format!(
                    "The message's argument has {} bytes; at most {INGRESS_PAYLOAD} are allowed.",
                    call.arg.len()
                ),
            ));
        }
        if let Some((payer, fee)) = self.ingress_fee(call.canister_id, &call.method, &call.arg)
            && let Ok(canister) = self.canister(payer)
        {
            let needed = fee.saturating_add(self.freezing_cycles(canister));
            if fee > 0 && canister.balance < needed {
                return Err(reject::out_of_cycles(payer, needed - canister.balance));
            }
        }
        if call.canister_id == Principal::management_canister() {
            return management::inspect(self, call);
        }
        let canister = self.canister(call.canister_id)?;
        if let Some(reject) = not_running(canister) {
            return Err(reject);
        }
        let Some(code) = &canister.code else {
            return Err(reject::no_module(canister.id));
        };
        if code.module.has_composite_query(&call.method) {
            return Err(reject::composite_in_replicated_mode());
        }
        if !code.module.has_inspect_message() {
            return Ok(());
        }
        let output = execution::run_query(
            &code.module,
            &code.memory,
            &MessageInput {
                entry: Entry::InspectMessage {
                    method: call.method.clone(),
                    arg: call.arg.clone(),
                },
                caller: call.sender,
                env: self.environment(canister),
                replicated: false,
                balance: canister.balance,
                cycles_available: 0,
                deadline: 0,
                already_responded: false,
                instruction_limit: self.limits.inspect,
                context_instructions: 0,
                data_certificate: None,
                queue_room: None,
            },
        );
        match output.result {
            Err(trap) => Err(Reject::trap(canister.id, &trap)),
            Ok(()) if output.accepted => Ok(()),
            Ok(()) => Err(Reject::new(
                ErrorCode::CanisterRejectedMessage,
                format!("Error from Canister {}: Canister rejected the message", canister.id),
            )),
        }
    }

    /// Brings in the accepted messages: their fee is taken and they are queued.
    pub fn accept_ingress(&mut self) {
        while let Some((id, call)) = self.received.pop_front() {
            if let Err(reject) = self.accept(call) {
                self.answer_ingress(id, Err(reject));
            }
        }
    }

    fn accept(&mut self, call: Call) -> Result<(), Reject> {
        if let Some((payer, fee)) = self.ingress_fee(call.callee, &call.method, &call.arg)
            && let Some(mut canister) = self.canisters.remove(&payer)
        {
            let charged = self.charge(&mut canister, fee);
            self.canisters.insert(payer, canister);
            charged?;
        }
        if call.callee == Principal::management_canister() {
            self.management.push_back(call);
            return Ok(());
        }
        let canister = self.canister_mut(call.callee)?;
        if let Some(reject) = not_running(canister) {
            return Err(reject);
        }
        canister.inputs.push_ingress(call);
        let id = canister.id;
        self.active.insert(id);
        Ok(())
    }
}
