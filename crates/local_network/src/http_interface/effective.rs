//! The effective canister id in a request's path: where the request is to be handled.
//!
//! Interface specification: *Effective canister id*, *Effective subnet id*.

use candid::{CandidType, Decode, Deserialize, Principal};

use super::reply::HttpError;

const CREATE_METHODS: [&str; 2] = ["create_canister", "provisional_create_canister_with_cycles"];

#[derive(CandidType, Deserialize)]
struct CanisterIdArgument {
    canister_id: Principal,
}

#[derive(CandidType, Deserialize)]
struct TargetCanisterArgument {
    target_canister: Principal,
}

/// Checks that a call of `method` may go to the canister id in its path.
///
/// # Errors
/// 400: the id is not the one that the call is about.
pub(super) fn check_canister(
    effective: Principal,
    canister: Principal,
    method: &str,
    argument: &[u8],
) -> Result<(), HttpError> {
    let about = if canister == Principal::management_canister() {
        match management_target(method, argument) {
            Some(target) => target,
            None => return Ok(()),
        }
    } else {
        canister
    };
    if about == effective {
        return Ok(());
    }
    Err(HttpError::bad_request(format!(
        "Specified CanisterId {about} does not match effective canister id in URL {effective}"
    )))
}

/// Checks that a call may go to a subnet: only those that create canisters may.
///
/// # Errors
/// 400: it may not.
pub(super) fn check_subnet_call(canister: Principal, method: &str) -> Result<(), HttpError> {
    if canister == Principal::management_canister() && CREATE_METHODS.contains(&method) {
        return Ok(());
    }
    Err(HttpError::bad_request(
        "Only canister creation can be called at a subnet id.",
    ))
}

/// The canister that a call to the management canister is about; `None`: any effective id will do, either because the
/// method says so or because the call is going to be rejected anyway.
fn management_target(method: &str, argument: &[u8]) -> Option<Principal> {
    if CREATE_METHODS.contains(&method) || method == "list_canisters" {
        return None;
    }
    if method == "install_chunked_code" {
        return Decode!(argument, TargetCanisterArgument)
            .ok()
            .map(|arg| arg.target_canister);
    }
    Decode!(argument, CanisterIdArgument).ok().map(|arg| arg.canister_id)
}

#[cfg(test)]
mod tests {
    use candid::Encode;

    use super::*;

    fn canister(n: u8) -> Principal {
        Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, n, 1, 1])
    }

    #[test]
    fn should_want_the_canister_that_the_call_is_about() {
        let management = Principal::management_canister();
        let stop = Encode!(&CanisterIdArgument {
            canister_id: canister(1)
        })
        .expect("encodes");
        let install = Encode!(&TargetCanisterArgument {
            target_canister: canister(1)
        })
        .expect("encodes");
        assert!(check_canister(canister(1), canister(1), "go", b"").is_ok());
        assert!(check_canister(canister(2), canister(1), "go", b"").is_err());
        assert!(check_canister(canister(1), management, "stop_canister", &stop).is_ok());
        assert!(check_canister(canister(2), management, "stop_canister", &stop).is_err());
        assert!(check_canister(canister(1), management, "install_chunked_code", &install).is_ok());
        assert!(check_canister(canister(2), management, "install_chunked_code", &install).is_err());
        assert!(check_canister(canister(2), management, "create_canister", b"").is_ok());
    }

    #[test]
    fn should_create_canisters_only_at_a_subnet() {
        let management = Principal::management_canister();
        assert!(check_subnet_call(management, "create_canister").is_ok());
        assert!(check_subnet_call(management, "stop_canister").is_err());
        assert!(check_subnet_call(canister(1), "create_canister").is_err());
    }
}
