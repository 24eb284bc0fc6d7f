//! A ledger that says what it is and that everybody has plenty, and executes no transfer: it never
//! answers, or traps.

use std::fmt::Write as _;

use candid::{CandidType, Nat, Principal};
use icrc_ledger_types::icrc2::allowance::Allowance;

use crate::ledger::FEE;
use crate::world::World;

#[derive(CandidType)]
struct Standard {
    name: String,
    url: String,
}

/// What becomes of a transfer.
#[derive(Clone, Copy, Debug)]
pub enum Transfers {
    /// It is never answered: the ledger asks the management canister for randomness again and
    /// again, so that the call stays open.
    Silent,
    /// It traps.
    Trap,
}

/// Installs one that is silent.
pub fn install(world: &World) -> Principal {
    let id = world.create();
    world.install_module_at(id, module(Transfers::Silent), ());
    id
}

/// The module. It leaves stable memory as it is, so that a real ledger may be upgraded to it and
/// back.
pub fn module(transfers: Transfers) -> Vec<u8> {
    wat::parse_str(text(transfers)).expect("the test's WAT is valid")
}

fn text(transfers: Transfers) -> String {
    let plenty = || Nat::from(u64::MAX);
    let encode = |bytes: candid::Result<Vec<u8>>| bytes.expect("a test's value can be encoded");
    let answers = [
        ("icrc1_fee", encode(candid::encode_one(Nat::from(FEE)))),
        ("icrc1_decimals", encode(candid::encode_one(8_u8))),
        (
            "icrc1_minting_account",
            encode(candid::encode_one(None::<ddsx_types::Account>)),
        ),
        ("icrc1_balance_of", encode(candid::encode_one(plenty()))),
        (
            "icrc2_allowance",
            encode(candid::encode_one(Allowance {
                allowance: plenty(),
                expires_at: None,
            })),
        ),
        (
            "icrc1_supported_standards",
            encode(candid::encode_one(vec![Standard {
                name: "ICRC-2".into(),
                url: String::new(),
            }])),
        ),
    ];
    let mut text = String::from(
        r#"(module
  (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "call_new" (func $new (param i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "ic0" "call_data_append" (func $data (param i32 i32)))
  (import "ic0" "call_perform" (func $perform (result i32)))
  (memory 1)
  (table funcref (elem $again))
  (data (i32.const 0) "raw_rand")
  (data (i32.const 8) "DIDL\00\00")
  (func $again (param i32)
    (call $new (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 8)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
    (call $data (i32.const 8) (i32.const 6))
    (drop (call $perform)))
"#,
    );
    let body = match transfers {
        Transfers::Silent => "(call $again (i32.const 0))",
        Transfers::Trap => "(unreachable)",
    };
    for method in ["icrc1_transfer", "icrc2_transfer_from"] {
        let _ = writeln!(text, r#"  (func (export "canister_update {method}") {body})"#);
    }
    let mut at = 1_024;
    for (method, reply) in answers {
        let escaped = reply.iter().fold(String::new(), |mut escaped, byte| {
            let _ = write!(escaped, "\\{byte:02x}");
            escaped
        });
        let length = reply.len();
        let _ = write!(
            text,
            r#"  (data (i32.const {at}) "{escaped}")
  (func (export "canister_update {method}")
    (call $append (i32.const {at}) (i32.const {length})) (call $reply))
"#
        );
        at += length;
    }
    text.push(')');
    text
}
