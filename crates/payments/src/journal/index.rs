//! One ordered index for all that is looked up otherwise than by number.

use candid::Principal;
use ddsx_types::TimestampNs;

/// A key of the index. Its order is the order of its variants and fields, and never changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IndexKey {
    /// A pending intent, by its next attempt.
    Due {
        /// When.
        at: TimestampNs,
        /// Which.
        id: u64,
    },
    /// A quarantined intent.
    Quarantined {
        /// Which.
        id: u64,
    },
    /// A failed intent, by when it may be forgotten.
    PruneFailed {
        /// When.
        at: TimestampNs,
        /// Which.
        id: u64,
    },
    /// A paid intent, by when it may be forgotten.
    PrunePaid {
        /// When.
        at: TimestampNs,
        /// Which.
        id: u64,
    },
    /// An unsettled pull, by its caller: of a release before limits were each ledger's own.
    Open {
        /// Whose.
        caller: Principal,
        /// Which.
        id: u64,
    },
}
