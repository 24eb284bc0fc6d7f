//! The management canister's rejects, in the words that users of the Internet Computer know.

use candid::Principal;
use pocket_ic::ErrorCode;

use crate::execution::{Cycles, InstallError};
use crate::network::canister::Canister;
use crate::network::reject::Reject;

/// An argument that cannot be decoded or is out of its range.
pub fn invalid_payload(message: impl Into<String>) -> Reject {
    Reject::new(ErrorCode::InvalidManagementPayload, message)
}

/// A setting that cannot be.
pub fn invalid_setting(message: &str) -> Reject {
    Reject::with_help(
        ErrorCode::CanisterContractViolation,
        &format!("Could not validate the settings: {message} "),
        "Apply the described changes to make the settings valid.",
        "invalid-settings",
    )
}

/// Methods of the specification that this network does not have.
const ABSENT: [&str; 21] = [
    "bitcoin_get_balance",
    "bitcoin_get_block_headers",
    "bitcoin_get_current_fee_percentiles",
    "bitcoin_get_utxos",
    "bitcoin_send_transaction",
    "delete_canister_snapshot",
    "ecdsa_public_key",
    "http_request",
    "list_canister_snapshots",
    "load_canister_snapshot",
    "node_metrics_history",
    "read_canister_snapshot_data",
    "read_canister_snapshot_metadata",
    "schnorr_public_key",
    "sign_with_ecdsa",
    "sign_with_schnorr",
    "subnet_info",
    "take_canister_snapshot",
    "upload_canister_snapshot_data",
    "vetkd_derive_key",
    "vetkd_public_key",
];

/// There is no such method.
pub fn no_such_method(method: &str) -> Reject {
    let message = if ABSENT.contains(&method) {
        format!("This local network does not support the management canister's method '{method}'")
    } else {
        format!("Management canister has no method '{method}'")
    };
    Reject::new(ErrorCode::CanisterMethodNotFound, message)
}

/// The method is no query.
pub fn not_a_query(method: &str) -> Reject {
    Reject::new(
        ErrorCode::CanisterMethodNotFound,
        format!("Query method {method} not found."),
    )
}

/// The method is not for users.
pub fn only_canisters(method: &str) -> Reject {
    Reject::new(
        ErrorCode::CanisterRejectedMessage,
        format!("Only canisters can call ic00 method {method}"),
    )
}

/// The caller does not control the canister.
pub fn not_controller(canister: &Canister, caller: Principal) -> Reject {
    let controllers: Vec<String> = canister.settings.controllers.iter().map(Principal::to_text).collect();
    Reject::with_help(
        ErrorCode::CanisterInvalidController,
        &format!(
            "Only the controllers of the canister {} can control it.\nCanister's controllers: {}\nSender's ID: {caller}",
            canister.id,
            controllers.join(" ")
        ),
        "Execute this call from a controller of the target canister or add the current caller as a controller.",
        "invalid-controller",
    )
}

/// The module cannot be installed, or its installation failed.
pub fn install_failed(canister: Principal, error: &InstallError) -> Reject {
    Reject::new(error.code, format!("Error from Canister {canister}: {}", error.message))
}

/// Installing needs an empty canister.
pub fn not_empty(canister: Principal) -> Reject {
    Reject::with_help(
        ErrorCode::CanisterNonEmpty,
        &format!(
            "Canister {canister} cannot be installed because the canister is not empty. Try installing with \
             mode='reinstall' instead."
        ),
        "Check that you want to overwrite the canister and, if so, use mode='reinstall'.",
        "canister-not-empty",
    )
}

/// Something is wrong with chunks.
pub fn chunk_store(message: &str) -> Reject {
    Reject::with_help(
        ErrorCode::CanisterContractViolation,
        &format!("Error from Wasm chunk store: {message}."),
        "Use the `stored_chunks` API to check which hashes are stored, or `clear_chunk_store` if full.",
        "wasm-chunk-store-error",
    )
}

/// The installation cannot be paid.
pub fn install_out_of_cycles(reject: &Reject) -> Reject {
    Reject::with_help(
        ErrorCode::CanisterOutOfCycles,
        &format!("Canister installation failed with `{}`.", reject.message),
        "Top up the canister with more cycles.",
        "install-code-not-enough-cycles",
    )
}

/// Too few cycles for a new canister.
pub fn creation_out_of_cycles(sent: Cycles, required: Cycles) -> Reject {
    Reject::with_help(
        ErrorCode::InsufficientCyclesForCreateCanister,
        &format!(
            "Creating a canister requires a fee of {required} that is deducted from the canister's initial balance but \
             only {sent} cycles were received with the create_canister request."
        ),
        "Try sending more cycles with the request.",
        "create-canister-not-enough-cycles",
    )
}
