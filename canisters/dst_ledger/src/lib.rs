//! The DST token ledger.
