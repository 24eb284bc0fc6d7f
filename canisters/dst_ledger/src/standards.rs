//! The standards the ledger implements (`icrc1_supported_standards`, `icrc10_supported_standards`).

use candid::CandidType;
use serde::{Deserialize, Serialize};

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
    [
        ("ICRC-1", "https://github.com/dfinity/ICRC-1/tree/main/standards/ICRC-1"),
        ("ICRC-2", "https://github.com/dfinity/ICRC-1/tree/main/standards/ICRC-2"),
        (
            "ICRC-10",
            "https://github.com/dfinity/ICRC/blob/main/ICRCs/ICRC-10/ICRC-10.md",
        ),
    ]
    .map(|(name, url)| SupportedStandard {
        name: name.into(),
        url: url.into(),
    })
    .into()
}
