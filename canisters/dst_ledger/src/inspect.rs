//! What is refused at the door: an ingress message that cannot succeed costs the canister nothing if `inspect_message` refuses it, and
//! millions to billions of cycles if it is let in (each byte of it 2,000).
//!
//! The door is kept by one node, which may be dishonest, and only for ingress: calls of canisters do not pass it. So everything that is
//! refused here is refused inside too, by the methods, by [`MAX_ARGUMENT_BYTES`] and by the bounds of what is read in replicated mode.

use candid::Principal;
use ic_stable_structures::Memory;

use crate::ledger::Ledger;

/// The longest argument of a changing method, and of any method called as an update, bytes. Those of every client take below 1,000.
pub const MAX_ARGUMENT_BYTES: usize = 4_096;

/// An ingress message.
#[derive(Clone, Copy, Debug)]
pub struct Ingress<'a> {
    /// The method called.
    pub method: &'a str,
    /// Bytes of its argument.
    pub argument_bytes: usize,
    /// Who signed it.
    pub caller: Principal,
    /// Whether that is a controller of the canister.
    pub is_controller: bool,
}

/// Who may call a method as an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    /// Whoever asks.
    Open,
    /// Who signs.
    Signed,
    /// Those who may call `mint`.
    Minters,
    /// Whoever governs.
    Governance,
    /// Nobody: it is a query that reads much.
    QueryOnly,
}

fn door(method: &str) -> Option<Door> {
    Some(match method {
        "icrc1_transfer" | "icrc2_approve" | "icrc2_transfer_from" => Door::Signed,
        "mint" => Door::Minters,
        "set_fee" | "set_fee_collector" | "set_minter" | "icrc107_set_fee_collector" => Door::Governance,
        "icrc21_canister_call_consent_message" => Door::Open,
        // Queries that read little. Wallets call some of them as updates, to have the answer certified.
        "icrc1_name"
        | "icrc1_symbol"
        | "icrc1_decimals"
        | "icrc1_fee"
        | "icrc1_metadata"
        | "icrc1_minting_account"
        | "icrc1_total_supply"
        | "icrc1_balance_of"
        | "icrc1_supported_standards"
        | "icrc2_allowance"
        | "icrc3_get_archives"
        | "icrc3_get_tip_certificate"
        | "icrc3_supported_block_types"
        | "icrc10_supported_standards"
        | "icrc106_get_index_principal"
        | "icrc107_get_fee_collector"
        | "minters"
        | "ledger_totals"
        | "validate_set_fee"
        | "validate_set_fee_collector"
        | "validate_set_minter"
        | "ledger_id"
        | "status"
        // Bounded in replicated mode: wallets ask an index for histories so.
        | "get_account_transactions"
        | "get_account_transactions_ascending"
        | "list_subaccounts" => Door::Open,
        "icrc3_get_blocks" | "icrc103_get_allowances" | "http_request" => Door::QueryOnly,
        #[cfg(feature = "bench")]
        measurement if measurement.starts_with("bench_") => Door::Open,
        _ => return None,
    })
}

/// Why the message cannot succeed, in words for its sender; `None` if it may.
pub fn refusal<M: Memory>(ledger: &Ledger<M>, message: &Ingress<'_>) -> Option<String> {
    let Ingress {
        method,
        argument_bytes,
        caller,
        is_controller,
    } = *message;
    let Some(door) = door(method) else {
        return Some("there is no such method to call as an update".into());
    };
    if let Some(refusal) = too_long(argument_bytes) {
        return Some(refusal);
    }
    match door {
        Door::Signed if caller == Principal::anonymous() => {
            Some("the anonymous principal can change nothing: sign the call".into())
        }
        Door::Minters if !ledger.is_minter(caller) => Some(format!("{caller} is no minter: governance makes one")),
        Door::Governance if !ledger.may_govern(caller, is_controller) => {
            Some(format!("only governance may do this, not {caller}"))
        }
        Door::QueryOnly => Some(format!("{method} reads much: call it as a query")),
        _ => None,
    }
}

/// What to say of an argument that is longer than any method takes.
pub fn too_long(argument_bytes: usize) -> Option<String> {
    (argument_bytes > MAX_ARGUMENT_BYTES)
        .then(|| format!("the argument has {argument_bytes} bytes, at most {MAX_ARGUMENT_BYTES} are taken"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Act;
    use crate::ledger::test_support::{NOW, account, install, user};
    use ddsx_types::dst_ledger::SetMinterArgs;

    const METHODS: &str = include_str!("../../../candid/dst_ledger.did");

    /// Every method of the interface, with whether it is a query.
    fn methods() -> Vec<(&'static str, bool)> {
        let (_, service) = METHODS.split_once("service :").unwrap();
        let methods: Vec<_> = service
            .lines()
            .filter_map(|line| line.trim().split_once(" : ("))
            .filter(|(name, _)| {
                name.chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            })
            .map(|(name, _)| {
                let rest = &service[service.find(&format!("{name} : (")).unwrap()..];
                (name, rest[..rest.find(";\n").unwrap()].ends_with("query"))
            })
            .collect();
        assert!(methods.len() > 30, "{methods:?}");
        methods
    }

    fn message(method: &str, caller: Principal) -> Ingress<'_> {
        Ingress {
            method,
            argument_bytes: 100,
            caller,
            is_controller: false,
        }
    }

    #[test]
    fn should_have_a_rule_for_every_method_and_for_no_other() {
        for (method, is_query) in methods() {
            let door = door(method).unwrap_or_else(|| panic!("no rule for {method}"));
            let reads = matches!(door, Door::Open | Door::QueryOnly);
            assert_eq!(
                reads,
                is_query || method == "icrc21_canister_call_consent_message",
                "{method}: {door:?}"
            );
        }
        for method in [
            "",
            "transfer",
            "icrc1_transfer ",
            "canister_init",
            "__get_candid_interface_tmp_hack",
        ] {
            assert_eq!(door(method), None, "{method}");
        }
    }

    #[test]
    fn should_refuse_what_cannot_succeed_and_nothing_else() {
        let mut ledger = install(&[(account(1), 5_000_000)]);
        let capped = SetMinterArgs::Capped {
            minter: user(8),
            cap: 5_u8.into(),
        };
        ledger.execute_act(&Act::SetMinter(capped), user(0), NOW).unwrap();
        let controller = Ingress {
            is_controller: true,
            ..message("set_fee", user(5))
        };
        let anonymous = Principal::anonymous();
        let table = [
            (message("icrc1_transfer", user(1)), None),
            (message("icrc1_transfer", anonymous), Some("anonymous")),
            (message("icrc2_approve", anonymous), Some("anonymous")),
            (message("icrc2_transfer_from", anonymous), Some("anonymous")),
            (message("icrc1_balance_of", anonymous), None),
            (message("get_account_transactions", anonymous), None),
            (message("icrc21_canister_call_consent_message", anonymous), None),
            (message("mint", user(8)), None),
            (message("mint", user(1)), Some("is no minter")),
            (message("mint", anonymous), Some("is no minter")),
            (message("set_fee", user(5)), Some("only governance")),
            (controller, None),
            (message("icrc107_set_fee_collector", user(8)), Some("only governance")),
            (message("icrc3_get_blocks", user(1)), Some("as a query")),
            (message("icrc103_get_allowances", user(1)), Some("as a query")),
            (message("http_request", user(1)), Some("as a query")),
            (message("canister_inspect_message", user(1)), Some("no such method")),
        ];
        for (message, expected) in table {
            let refusal = refusal(&ledger, &message);
            assert_eq!(refusal.is_some(), expected.is_some(), "{message:?}: {refusal:?}");
            assert!(
                refusal.unwrap_or_default().contains(expected.unwrap_or_default()),
                "{message:?}"
            );
        }
        for (method, _) in methods() {
            let long = Ingress {
                argument_bytes: MAX_ARGUMENT_BYTES + 1,
                is_controller: true,
                ..message(method, user(8))
            };
            assert!(refusal(&ledger, &long).unwrap().contains("4097 bytes"), "{method}");
        }
    }
}
