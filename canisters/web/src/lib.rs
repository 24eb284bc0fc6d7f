//! `web`: the page, certified file by file. The endpoints are in `main.rs`; the rules are here.
//!
//! - [`files`]: what is embedded, and of what type it is.
//! - [`settings`], [`storage`]: what install and upgrade set, in stable memory.
//! - [`environment`]: what the page is told, in the `ic_env` cookie.
//! - [`headers`]: what browsers are told.
//! - [`raw`]: hosts whose answers nobody verifies.
//! - [`site`]: what is answered to which request.
//!
//! Files change with the module only, settings with an upgrade only: so all that is certified is certified once, at install
//! and at each upgrade.

pub mod environment;
pub mod files;
pub mod headers;
pub mod raw;
pub mod settings;
pub mod site;
pub mod storage;
