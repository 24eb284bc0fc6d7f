//! Stable memory, with 32-bit and 64-bit addresses.

use wasmtime::{Linker, Result};

use super::fault::Fault;
use super::mode::EVERYWHERE;
use super::state::{Context, State, charge, enter, heap, slice, slice_mut};
use crate::execution::metering::{DIRTY_PAGE, system as cost};

/// Pages that 32 bits can address.
const PAGES_32: u64 = 1 << 16;

pub(super) fn define(l: &mut Linker<State>) -> Result<()> {
    l.func_wrap("ic0", "stable_size", |mut c: Context| -> Result<u32> {
        enter(&mut c, "stable_size", EVERYWHERE, cost::STABLE_SIZE)?;
        Ok(small(c.data())?)
    })?;
    l.func_wrap("ic0", "stable64_size", |mut c: Context| -> Result<u64> {
        enter(&mut c, "stable64_size", EVERYWHERE, cost::STABLE_SIZE)?;
        Ok(c.data().stable.pages())
    })?;
    l.func_wrap("ic0", "stable_grow", |mut c: Context, pages: u32| -> Result<u32> {
        enter(&mut c, "stable_grow", EVERYWHERE, cost::STABLE_GROW)?;
        let old = small(c.data())?;
        if u64::from(old) + u64::from(pages) > PAGES_32 {
            return Ok(u32::MAX);
        }
        Ok(c.data_mut().stable.grow(u64::from(pages)).map_or(u32::MAX, |_| old))
    })?;
    l.func_wrap("ic0", "stable64_grow", |mut c: Context, pages: u64| -> Result<u64> {
        enter(&mut c, "stable64_grow", EVERYWHERE, cost::STABLE_GROW)?;
        Ok(c.data_mut().stable.grow(pages).unwrap_or(u64::MAX))
    })?;
    l.func_wrap(
        "ic0",
        "stable_write",
        |mut c: Context, offset: u32, src: u32, size: u32| -> Result<()> {
            enter(
                &mut c,
                "stable_write",
                EVERYWHERE,
                cost::STABLE_ACCESS + u64::from(size),
            )?;
            small(c.data())?;
            write(&mut c, u64::from(offset), src, size)
        },
    )?;
    l.func_wrap(
        "ic0",
        "stable64_write",
        |mut c: Context, offset: u64, src: u64, size: u64| -> Result<()> {
            enter(
                &mut c,
                "stable64_write",
                EVERYWHERE,
                cost::STABLE_ACCESS.saturating_add(size),
            )?;
            write(&mut c, offset, address(src)?, address(size)?)
        },
    )?;
    l.func_wrap(
        "ic0",
        "stable_read",
        |mut c: Context, dst: u32, offset: u32, size: u32| -> Result<()> {
            enter(&mut c, "stable_read", EVERYWHERE, cost::STABLE_ACCESS + u64::from(size))?;
            small(c.data())?;
            read(&mut c, dst, u64::from(offset), size)
        },
    )?;
    l.func_wrap(
        "ic0",
        "stable64_read",
        |mut c: Context, dst: u64, offset: u64, size: u64| -> Result<()> {
            enter(
                &mut c,
                "stable64_read",
                EVERYWHERE,
                cost::STABLE_ACCESS.saturating_add(size),
            )?;
            read(&mut c, address(dst)?, offset, address(size)?)
        },
    )?;
    Ok(())
}

/// The size in pages, if 32 bits can address them all.
fn small(state: &State) -> Result<u32, Fault> {
    match state.stable.pages() {
        #[allow(clippy::cast_possible_truncation, reason = "at most 65,536")]
        pages if pages <= PAGES_32 => Ok(pages as u32),
        _ => Err(Fault::Trapped(
            "32 bit stable memory api used on a memory larger than 4GB",
        )),
    }
}

/// An address or length in a heap of 32 bits.
fn address(value: u64) -> Result<u32, Fault> {
    u32::try_from(value).map_err(|_| Fault::HEAP)
}

fn write(c: &mut Context, offset: u64, src: u32, size: u32) -> Result<()> {
    let length = u64::from(size);
    if !c.data().stable.contains(offset, length) {
        return Err(Fault::STABLE.into());
    }
    if size == 0 {
        return Ok(());
    }
    let state = c.data_mut();
    let new_pages = state.accesses.note_write(offset, length);
    state.check_accesses()?;
    charge(c, new_pages * DIRTY_PAGE)?;
    let (heap, state) = heap(c)?;
    state.stable.write(offset, slice(heap, src, size)?);
    Ok(())
}

fn read(c: &mut Context, dst: u32, offset: u64, size: u32) -> Result<()> {
    let length = u64::from(size);
    if !c.data().stable.contains(offset, length) {
        return Err(Fault::STABLE.into());
    }
    if size == 0 {
        return Ok(());
    }
    let (heap, state) = heap(c)?;
    state.accesses.note_read(offset, length);
    state.check_accesses()?;
    state.stable.read(offset, slice_mut(heap, dst, size as usize)?);
    Ok(())
}
