//! The HTTPS interface, as the public agent sees it.
//!
//! Everything goes through `pocket-ic` and `ic-agent`, so that a real PocketIC server passes these tests too.

mod common;

#[path = "http"]
mod http {
    mod agent;
    mod authentication;
    mod certificates;
    mod gateway;
    mod instances;
    mod management;
    mod paths;
    mod transport;
    mod world;
}
