//! Which streams a licence is being bought of in this moment: what is sold must not be dropped while its payment is on its way.
//!
//! On the heap: a canister that is stopped for an upgrade has no call under way.

use std::cell::RefCell;
use std::collections::BTreeMap;

use ddsx_types::stream_registry::StreamId;

thread_local! {
    static UNDER_WAY: RefCell<BTreeMap<StreamId, u32>> = const { RefCell::new(BTreeMap::new()) };
}

/// A purchase of a licence of this stream, from its first look at the buyer's means to its answer.
#[derive(Debug)]
#[must_use]
pub struct Selling(StreamId);

impl Selling {
    /// Begins one; it ends when this is dropped, however the call ends.
    pub fn begin(stream: StreamId) -> Self {
        UNDER_WAY.with_borrow_mut(|streams| *streams.entry(stream).or_default() += 1);
        Self(stream)
    }
}

impl Drop for Selling {
    fn drop(&mut self) {
        UNDER_WAY.with_borrow_mut(|streams| {
            if let Some(count) = streams.get_mut(&self.0) {
                *count -= 1;
                if *count == 0 {
                    streams.remove(&self.0);
                }
            }
        });
    }
}

/// Whether a licence of this stream is being bought.
pub fn is_being_sold(stream: StreamId) -> bool {
    UNDER_WAY.with_borrow(|streams| streams.contains_key(&stream))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_know_what_is_being_sold_until_the_last_purchase_ends() {
        let (first, second) = (Selling::begin(4), Selling::begin(4));
        assert_eq!((is_being_sold(4), is_being_sold(5)), (true, false));
        drop(first);
        assert!(is_being_sold(4));
        drop(second);
        assert!(!is_being_sold(4));
    }
}
