//! `wasm-bindgen-futures` without JavaScript: there is no event loop in a canister that could run a task.

use std::future::Future;

/// Would hand `_task` to the browser's event loop.
///
/// # Panics
/// Always: no code that a canister runs may start a background task this way, and silently dropping one would hide it.
pub fn spawn_local<F>(_task: F)
where
    F: Future<Output = ()> + 'static,
{
    panic!("spawn_local: a canister has no JavaScript event loop")
}
