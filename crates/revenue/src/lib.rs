//! Sharing a stream's income: the protocol's fee, the provider's part, and the contributors' part by weight.
//!
//! A purchase costs the same however many contributors there are: it only raises the income per unit of weight, an accumulator a
//! stream and asset ([`Pool`]). What a contributor is due follows from its weight and how far the accumulator has moved since
//! it was last settled ([`Position`]); it is settled when its weight changes and when it is paid, each O(1). [`Book`] does the
//! bookkeeping over whatever storage the caller has.
//!
//! Nothing is ever rounded away. The accumulator counts in units of 2⁻¹²⁸ of the asset's smallest unit; the rest of each division
//! is carried into the next distribution, and a position keeps the fraction that is not yet a whole unit. So at every instant
//!
//! > received = protocol + provider + contributors (due, in flight, paid, ledger fees) + held + carried
//!
//! to the unit, where *carried* is what was distributed and is not yet due to anybody as a whole unit.
//!
//! Nothing overflows either. Amounts are `u128` and weights `u64`. The accumulator wraps at 2²⁵⁶, and yet its differences are
//! exact: a contributor's pending share is at most what the pool still owes in all, which [`Pool::receive`] keeps below 2¹²⁸, so that
//! share and difference, in units of 2⁻¹²⁸, stay below 2²⁵⁶. Totals over all time are 256 bits wide.

mod book;
mod codec;
mod error;
mod payable;
mod pool;
mod position;
mod split;
#[cfg(test)]
mod tests;

pub use book::{Book, BookStore, ContributorNumber, PayeeName, StreamId};
pub use error::{Broken, RecordError, RevenueError};
pub use payable::{PAYABLE_RECORD_LEN, PAYABLE_VERSION, Payable};
pub use pool::{POOL_LEN, POOL_VERSION, Payee, Pool};
pub use position::{POSITION_LEN, POSITION_VERSION, Position};
pub use primitive_types::U256;
pub use split::{BASIS_POINTS, Parts, Split};
