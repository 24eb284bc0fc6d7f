//! What things cost in cycles, on a subnet of so many nodes.
//!
//! The base prices are those of a subnet of 13 nodes; they grow in proportion to the number of nodes.

use super::interface::Cycles;

/// The number of nodes that the base prices are for.
const REFERENCE_NODES: u128 = 13;

/// Fixed fee for executing an update message.
pub const UPDATE_EXECUTION: Cycles = 5_000_000;
/// Fee for an ingress message, and for each of its bytes.
pub const INGRESS: Cycles = 1_200_000;
/// See [`INGRESS`].
pub const INGRESS_BYTE: Cycles = 2_000;
/// Fee for a call between canisters, and for each byte of request and response.
pub const CALL: Cycles = 260_000;
/// See [`CALL`].
pub const CALL_BYTE: Cycles = 1_000;
/// Storage of one GiB for one second.
pub const GIB_SECOND: Cycles = 317_500;
/// Creating a canister.
pub const CREATE_CANISTER: Cycles = 500_000_000_000;
/// Largest response that is paid for in advance, in bytes.
pub const MAX_RESPONSE: u64 = 2 << 20;
/// Instructions that executing a response is paid for in advance.
pub const MAX_RESPONSE_INSTRUCTIONS: u64 = 40_000_000_000;

/// Base price → price on a subnet of `nodes`.
pub fn scale(base: Cycles, nodes: u32) -> Cycles {
    base.saturating_mul(u128::from(nodes)) / REFERENCE_NODES
}

/// Executing a replicated message of so many instructions.
pub fn execution(instructions: u64, nodes: u32) -> Cycles {
    scale(UPDATE_EXECUTION + u128::from(instructions), nodes)
}

/// Accepting an ingress message of so many bytes (argument and method name).
pub fn ingress(bytes: u64, nodes: u32) -> Cycles {
    scale(INGRESS + u128::from(bytes) * INGRESS_BYTE, nodes)
}

/// Sending a call with so many bytes (argument and method name).
pub fn call_request(bytes: u64, nodes: u32) -> Cycles {
    scale(CALL + u128::from(bytes) * CALL_BYTE, nodes)
}

/// Receiving a response of so many bytes.
pub fn call_response(bytes: u64, nodes: u32) -> Cycles {
    scale(u128::from(bytes) * CALL_BYTE, nodes)
}

/// All that is taken when a call is made: the request, the largest response, and executing it with all the
/// instructions that it may use. What a response does not need is given back when it has been executed.
pub fn call_prepayment(bytes: u64, nodes: u32) -> Cycles {
    call_request(bytes, nodes) + call_response(MAX_RESPONSE, nodes) + execution(MAX_RESPONSE_INSTRUCTIONS, nodes)
}

/// Storing `bytes` for `nanos`.
pub fn storage(bytes: u64, nanos: u64, nodes: u32) -> Cycles {
    let gib = u128::from(1_u64 << 30);
    scale(u128::from(bytes) * GIB_SECOND, nodes).saturating_mul(u128::from(nanos)) / gib / 1_000_000_000
}

/// Deriving a vetKey with the key of that name; `None`: there is no such key.
pub fn vetkd(key: &str) -> Option<Cycles> {
    match key {
        "test_key_1" => Some(10_000_000_000),
        "key_1" | "dfx_test_key" => Some(26_153_846_153),
        _ => None,
    }
}

/// Signing with a threshold ECDSA or Schnorr key of that name; `None`: there is no such key.
pub fn threshold_signature(key: &str) -> Option<Cycles> {
    vetkd(key)
}

/// An HTTP outcall, by the sizes of its request and of the largest response.
pub fn http_request(request: u64, response: u64, nodes: u32) -> Cycles {
    let n = u128::from(nodes);
    let (request, response) = (u128::from(request), u128::from(response));
    (3_000_000 + 60_000 * n + 400 * request + 800 * response) * n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_charge_the_published_prices_on_13_nodes() {
        assert_eq!(execution(1_000, 13), 5_001_000);
        assert_eq!(ingress(100, 13), 1_400_000);
        assert_eq!(call_request(10, 13), 270_000);
        assert_eq!(storage(1 << 30, 1_000_000_000, 13), 317_500);
        assert_eq!(call_prepayment(0, 13), 260_000 + 2_097_152_000 + 40_005_000_000);
        assert_eq!(http_request(0, 2_000_000, 13), 20_849_140_000);
    }

    #[test]
    fn should_charge_in_proportion_to_nodes() {
        assert_eq!(scale(13, 34), 34);
        assert_eq!(execution(8_000_000, 34), 34_000_000);
    }
}
