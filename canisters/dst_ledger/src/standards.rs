//! The standards the ledger implements (`icrc1_supported_standards`, `icrc10_supported_standards`), and what they want said in
//! `icrc1_metadata`.

use candid::{CandidType, Nat, Principal};
use icrc_ledger_types::icrc::generic_metadata_value::MetadataValue;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::icrc103::MAX_TAKE;

/// A standard's name and where its text is (ICRC-10).
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct SupportedStandard {
    /// For example `ICRC-1`.
    pub name: String,
    /// Where to read it.
    pub url: String,
}

/// Every standard implemented, by number.
pub fn supported() -> Vec<SupportedStandard> {
    let of_ledgers = |number: u8| format!("https://github.com/dfinity/ICRC-1/tree/main/standards/ICRC-{number}");
    let general =
        |number: u8| format!("https://github.com/dfinity/ICRC/blob/main/ICRCs/ICRC-{number}/ICRC-{number}.md");
    // ICRC-106 itself says which URL stands for it.
    let index = "https://github.com/dfinity/ICRC/blob/main/ICRCs/ICRC-106".to_owned();
    [
        (1, of_ledgers(1)),
        (2, of_ledgers(2)),
        (3, of_ledgers(3)),
        (10, general(10)),
        (21, general(21)),
        (103, general(103)),
        (106, index),
        (107, general(107)),
    ]
    .map(|(number, url)| SupportedStandard {
        name: format!("ICRC-{number}"),
        url,
    })
    .into()
}

/// `icrc1_metadata` of the ledger in `canister`: the token's, and what ICRC-103 and ICRC-106 add.
pub fn metadata(config: &Config, canister: Principal) -> Vec<(String, MetadataValue)> {
    let text = |value: &str| MetadataValue::Text(value.to_owned());
    let added = [
        ("icrc103:public_allowances", text("true")),
        ("icrc103:max_take_value", MetadataValue::Nat(Nat::from(MAX_TAKE))),
        ("icrc106:index_principal", text(&canister.to_text())),
    ];
    let added = added.map(|(key, value)| (key.to_owned(), value));
    config.metadata().into_iter().chain(added).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::test_support::args;

    #[test]
    fn should_name_each_standard_once_with_its_text() {
        let names: Vec<String> = supported().into_iter().map(|standard| standard.name).collect();
        assert_eq!(
            names,
            [
                "ICRC-1", "ICRC-2", "ICRC-3", "ICRC-10", "ICRC-21", "ICRC-103", "ICRC-106", "ICRC-107"
            ]
        );
        assert!(supported().iter().all(|standard| standard.url.contains(&standard.name)));
    }

    #[test]
    fn should_say_in_the_metadata_what_icrc_103_and_106_want_said() {
        let canister = Principal::from_slice(&[1, 2, 3]);
        let metadata = metadata(&Config::new(args(&[])).unwrap(), canister);
        let value = |key: &str| metadata.iter().find(|(have, _)| have == key).unwrap().1.clone();
        assert_eq!(value("icrc1:symbol"), MetadataValue::Text("DST".into()));
        assert_eq!(value("icrc103:public_allowances"), MetadataValue::Text("true".into()));
        assert_eq!(value("icrc103:max_take_value"), MetadataValue::Nat(500_u64.into()));
        assert_eq!(
            value("icrc106:index_principal"),
            MetadataValue::Text(canister.to_text())
        );
    }
}
