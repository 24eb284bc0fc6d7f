//! `web`: the page.

use candid::CandidType;
use serde::{Deserialize, Serialize};

/// One value that the page is told, in the `ic_env` cookie.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct PageVariable {
    /// `PUBLIC_CANISTER_ID:stream_registry`, for example: `PUBLIC_` and letters, digits, `_`, `:`, `-`, `.`; at most 128 bytes.
    pub name: String,
    /// Printable ASCII without `&`, `;`, `,`, `"`, `\` and spaces; at most 256 bytes.
    pub value: String,
}

/// What install and upgrade may set. What is null stays as it is; what is given replaces all that was there.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct WebArgs {
    /// What the page is told. A canister environment variable of the same name yields to it.
    pub variables: Option<Vec<PageVariable>>,
    /// The page's own domains, a line each in `/.well-known/ic-domains`; at most 32.
    pub domains: Option<Vec<String>>,
    /// Origins that may ask Internet Identity for this page's principals, in `/.well-known/ii-alternative-origins`; at most 10.
    pub alternative_origins: Option<Vec<String>>,
}

/// What is in force.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct WebConfiguration {
    /// What the page is told, canister environment variables included.
    pub variables: Vec<PageVariable>,
    /// The page's own domains.
    pub domains: Vec<String>,
    /// Origins that may ask for this page's principals.
    pub alternative_origins: Vec<String>,
    /// Files of the page, without their encodings.
    pub files: u32,
    /// Bytes of these files, not encoded.
    pub bytes: u64,
}
