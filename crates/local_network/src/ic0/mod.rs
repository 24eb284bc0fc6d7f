//! The System API that a canister imports as `ic0`.
//!
//! Interface specification: *Canister interface (System API)*. One module a family of functions; each function says
//! first where it may be called and what it costs ([`state::enter`]), then does its work on the [`State`].

use std::sync::OnceLock;

use wasmtime::Linker;

mod calls;
mod canister;
mod costs;
mod cycles;
pub mod fault;
mod messages;
pub mod mode;
mod stable;
mod state;

pub use state::{SLICE, State};

/// Everything that a canister can import.
///
/// # Panics
/// A function is defined twice: a mistake in this module.
pub(crate) fn linker() -> &'static Linker<State> {
    static LINKER: OnceLock<Linker<State>> = OnceLock::new();
    LINKER.get_or_init(|| {
        let mut linker = Linker::new(crate::execution::engine());
        messages::define(&mut linker)
            .and_then(|()| calls::define(&mut linker))
            .and_then(|()| canister::define(&mut linker))
            .and_then(|()| cycles::define(&mut linker))
            .and_then(|()| costs::define(&mut linker))
            .and_then(|()| stable::define(&mut linker))
            .expect("every function is defined once");
        linker
    })
}
