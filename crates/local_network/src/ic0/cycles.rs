//! Cycles: the balance, what a call brought, what a response gave back, burning.

use wasmtime::{Linker, Result};

use super::fault::Fault;
use super::mode::{CLEANUP, INIT, Modes, NOT_START, PRE_UPGRADE, REJECT, REPLICATED_QUERY, REPLY, TASK, UPDATE};
use super::state::{Context, State, enter, write_u128};
use crate::execution::interface::{Cycles, Entry};
use crate::execution::metering::system as cost;

const OF_CALL: Modes = UPDATE | REPLICATED_QUERY | REPLY | REJECT;
const BURN: Modes = INIT | PRE_UPGRADE | UPDATE | REPLICATED_QUERY | REPLY | REJECT | CLEANUP | TASK;

pub(super) fn define(l: &mut Linker<State>) -> Result<()> {
    l.func_wrap("ic0", "canister_cycle_balance", |mut c: Context| -> Result<u64> {
        enter(&mut c, "canister_cycle_balance", NOT_START, cost::DEFAULT)?;
        Ok(narrow(c.data().balance)?)
    })?;
    l.func_wrap(
        "ic0",
        "canister_cycle_balance128",
        |mut c: Context, dst: u32| -> Result<()> {
            enter(&mut c, "canister_cycle_balance128", NOT_START, cost::DEFAULT)?;
            let balance = c.data().balance;
            write_u128(&mut c, dst, balance)
        },
    )?;
    l.func_wrap(
        "ic0",
        "canister_liquid_cycle_balance128",
        |mut c: Context, dst: u32| -> Result<()> {
            enter(&mut c, "canister_liquid_cycle_balance128", NOT_START, cost::DEFAULT)?;
            let liquid = c.data().liquid();
            write_u128(&mut c, dst, liquid)
        },
    )?;
    l.func_wrap("ic0", "msg_cycles_available", |mut c: Context| -> Result<u64> {
        enter(&mut c, "msg_cycles_available", OF_CALL, cost::DEFAULT)?;
        Ok(narrow(c.data().available)?)
    })?;
    l.func_wrap(
        "ic0",
        "msg_cycles_available128",
        |mut c: Context, dst: u32| -> Result<()> {
            enter(&mut c, "msg_cycles_available128", OF_CALL, cost::DEFAULT)?;
            let available = c.data().available;
            write_u128(&mut c, dst, available)
        },
    )?;
    l.func_wrap("ic0", "msg_cycles_refunded", |mut c: Context| -> Result<u64> {
        enter(&mut c, "msg_cycles_refunded", REPLY | REJECT, cost::DEFAULT)?;
        Ok(narrow(refunded(c.data()))?)
    })?;
    l.func_wrap(
        "ic0",
        "msg_cycles_refunded128",
        |mut c: Context, dst: u32| -> Result<()> {
            enter(&mut c, "msg_cycles_refunded128", REPLY | REJECT, cost::DEFAULT)?;
            let refunded = refunded(c.data());
            write_u128(&mut c, dst, refunded)
        },
    )?;
    l.func_wrap("ic0", "msg_cycles_accept", |mut c: Context, most: u64| -> Result<u64> {
        enter(&mut c, "msg_cycles_accept", OF_CALL, cost::DEFAULT)?;
        Ok(narrow(accept(c.data_mut(), u128::from(most)))?)
    })?;
    l.func_wrap(
        "ic0",
        "msg_cycles_accept128",
        |mut c: Context, high: u64, low: u64, dst: u32| -> Result<()> {
            enter(&mut c, "msg_cycles_accept128", OF_CALL, cost::DEFAULT)?;
            let accepted = accept(c.data_mut(), join(high, low));
            write_u128(&mut c, dst, accepted)
        },
    )?;
    l.func_wrap(
        "ic0",
        "cycles_burn128",
        |mut c: Context, high: u64, low: u64, dst: u32| -> Result<()> {
            enter(&mut c, "cycles_burn128", BURN, cost::DEFAULT)?;
            let state = c.data_mut();
            let burned = join(high, low).min(state.liquid());
            state.balance -= burned;
            state.burned += burned;
            write_u128(&mut c, dst, burned)
        },
    )?;
    l.func_wrap("ic0", "mint_cycles", |mut c: Context, _amount: u64| -> Result<u64> {
        enter(&mut c, "mint_cycles", UPDATE | REPLY | REJECT | TASK, cost::DEFAULT)?;
        Err(no_minting(c.data()))
    })?;
    l.func_wrap(
        "ic0",
        "mint_cycles128",
        |mut c: Context, _high: u64, _low: u64, _dst: u32| -> Result<()> {
            enter(&mut c, "mint_cycles128", UPDATE | REPLY | REJECT | TASK, cost::DEFAULT)?;
            Err(no_minting(c.data()))
        },
    )?;
    Ok(())
}

fn join(high: u64, low: u64) -> Cycles {
    u128::from(high) << 64 | u128::from(low)
}

fn narrow(cycles: Cycles) -> Result<u64, Fault> {
    u64::try_from(cycles).map_err(|_| Fault::Trapped("cycles amount exceeds 64-bit representation"))
}

fn refunded(state: &State) -> Cycles {
    match state.input.entry {
        Entry::Reply { refunded, .. } | Entry::Reject { refunded, .. } => refunded,
        _ => 0,
    }
}

fn accept(state: &mut State, most: Cycles) -> Cycles {
    let accepted = most.min(state.available);
    state.available -= accepted;
    state.accepted += accepted;
    state.balance += accepted;
    accepted
}

/// Only the cycles minting canister of mainnet may mint.
fn no_minting(state: &State) -> wasmtime::Error {
    Fault::Contract(format!(
        "ic0.mint_cycles cannot be executed on non Cycles Minting Canister: {} != rkp4c-7iaaa-aaaaa-aaaca-cai",
        state.input.env.canister_id
    ))
    .into()
}
