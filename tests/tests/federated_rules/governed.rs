//! What every governed method has to do, whatever it is for: obey governance alone, say what it will do, refuse what is bad.

use candid::{CandidType, Principal};
use ddsx_tests::federated::{Federation, client, governance, owner};
use ddsx_types::Validation;
use ddsx_types::federated_aggregator::Parameters;
use pocket_ic::{ErrorCode, RejectResponse};

/// An argument in Candid, whatever its type: the methods are gone through in one table.
pub fn encoded<T: CandidType>(value: T) -> Vec<u8> {
    candid::encode_one(value).unwrap()
}

pub struct Row {
    pub method: &'static str,
    pub good: Vec<u8>,
    /// What voters read.
    pub text: String,
    /// Arguments that are refused, each with a part of the reason.
    pub bad: Vec<(Vec<u8>, &'static str)>,
}

pub fn validate(federation: &Federation<'_>, method: &str, argument: &[u8]) -> Validation {
    let pic = &federation.world.pic;
    let reply = pic.query_call(
        federation.id,
        Principal::anonymous(),
        &format!("validate_{method}"),
        argument.to_vec(),
    );
    candid::decode_one(&reply.unwrap()).unwrap()
}

pub fn call(
    federation: &Federation<'_>,
    caller: Principal,
    method: &str,
    argument: &[u8],
) -> Result<(), RejectResponse> {
    let pic = &federation.world.pic;
    pic.update_call(federation.id, caller, method, argument.to_vec())
        .map(|_| ())
}

/// It trapped, and said this: an SNS takes any reply for success.
pub fn assert_trapped(called: Result<(), RejectResponse>, method: &str, reason: &str) {
    let reject = called.unwrap_err();
    assert_eq!(reject.error_code, ErrorCode::CanisterCalledTrap, "{method}: {reject}");
    assert!(
        reject.reject_message.contains(reason),
        "{method}: {reject} without {reason}"
    );
}

/// The canister did not take the message at all.
pub fn assert_not_taken(called: Result<(), RejectResponse>, method: &str) {
    let reject = called.unwrap_err();
    assert!(
        reject.reject_message.contains("only governance may do this"),
        "{method}: {reject}"
    );
}

/// Goes through a row: strangers and bad arguments change nothing, the good one does what `change` does.
pub fn go_through(federation: &Federation<'_>, row: &Row, change: impl FnOnce(&mut Parameters)) {
    let Row {
        method,
        good,
        text,
        bad,
    } = row;
    let mut expected = federation.parameters();
    for stranger in [owner(), client(0), Principal::anonymous(), federation.world.controller] {
        assert_not_taken(call(federation, stranger, method, good), method);
    }
    for (argument, reason) in bad {
        let said = validate(federation, method, argument).unwrap_err();
        assert!(said.contains(reason), "{method}: {said} without {reason}");
        assert_trapped(call(federation, governance(), method, argument), method, reason);
    }
    assert_eq!(validate(federation, method, good), Ok(text.clone()));
    assert_eq!(federation.parameters(), expected, "{method}: nothing is changed yet");
    call(federation, governance(), method, good).unwrap();
    change(&mut expected);
    assert_eq!(federation.parameters(), expected, "{method}");
}
