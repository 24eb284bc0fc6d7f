//! `canister_inspect_message`: what a canister looks at before it lets an ingress message in, and pays for it.
#![allow(
    clippy::disallowed_methods,
    reason = "beside `crate::system`, the door that the lint leads everyone else to"
)]

use candid::Principal;

/// The message that a canister is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// The method called.
    pub method: String,
    /// Bytes of its argument.
    pub argument_bytes: usize,
    /// Who signed it.
    pub caller: Principal,
}

/// The message that is being inspected. Nowhere but in `inspect_message`.
pub fn inspected() -> Inspected {
    Inspected {
        method: ic_cdk::api::msg_method_name(),
        argument_bytes: ic_cdk::api::msg_arg_data().len(),
        caller: ic_cdk::api::msg_caller(),
    }
}

/// Its argument. Nowhere but in `inspect_message`.
pub fn argument() -> Vec<u8> {
    ic_cdk::api::msg_arg_data()
}

/// Lets the message in, or turns it away with the text of `refusal`, which its sender gets. What is turned away costs the canister
/// nothing. One node looks, and only at ingress: whatever is refused here must be refused by the method too.
pub fn decide(refusal: Option<String>) {
    match refusal {
        None => ic_cdk::api::accept_message(),
        Some(text) => ic_cdk::trap(text),
    }
}
