//! An embedded local Internet Computer that speaks PocketIC's protocol.
//!
//! Tests and the demo run canisters on a machine that can reach package registries and nothing else. Where the
//! ecosystem's own PocketIC server is not at hand, this crate stands in for it: the public `pocket-ic` client crate
//! starts the binary `local-network` as it would start a real server.
//!
//! | module | concern | section of the IC interface specification |
//! |---|---|---|
//! | [`execution`] | Wasm modules, canister memory, running one message, metering | Canister module format; Abstract behaviour |
//! | [`ic0`] | the System API that a canister imports | Canister interface (System API) |
//! | [`network`] | subnets, canisters, queues, call contexts, rounds, cycles, time | Abstract behaviour |
//! | [`management`] | the management canister `aaaaa-aa` | The IC management canister |
//! | [`certification`] | state tree, keys, certificates, delegations | The system state tree; Certification |
//! | [`rest`] | PocketIC's REST API of instances | none: PocketIC's own |
//! | [`http_interface`] | `/api/v2…v4`: call, query, read_state, status | HTTPS interface |
//! | [`gateway`] | the pages of canisters: `http_request`, verified | none: the HTTP Gateway Protocol |
//! | [`server`] | the process: flags, port file, time to live, instances, auto-progress | none: PocketIC's own |

pub mod certification;
pub mod execution;
pub mod gateway;
pub mod http_interface;
pub mod ic0;
pub mod management;
pub mod network;
pub mod rest;
pub mod server;
