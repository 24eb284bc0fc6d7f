//! What one payee is due, and what has become of it.

use std::borrow::Cow;

use ic_stable_structures::{Storable, storable::Bound};
use primitive_types::U256;

use crate::codec::{Reader, Writer};
use crate::error::{RecordError, RevenueError};

/// Bytes of a [`Payable`] inside another record.
pub(crate) const PAYABLE_LEN: usize = 96;
/// The version of a payable encoded by itself.
pub const PAYABLE_VERSION: u8 = 1;
/// Bytes of a payable encoded by itself.
pub const PAYABLE_RECORD_LEN: usize = 1 + PAYABLE_LEN;

/// What is due to a payee: one of a pool, or by itself where the parts of several pools come together (the treasury). Money moves from *due* to *in flight* before the ledger is called, from there to *paid*
/// and *fees* when the ledger has executed it, and back to *due* when it is proved that it has not.
///
/// By itself, version 1, big-endian: version (1), due (16), in flight (16), paid (32), fees (32).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payable {
    due: u128,
    in_flight: u128,
    paid: U256,
    fees: U256,
}

impl Payable {
    /// Whole units due and not on their way.
    pub fn due(&self) -> u128 {
        self.due
    }

    /// Units whose payout was begun and is not ended.
    pub fn in_flight(&self) -> u128 {
        self.in_flight
    }

    /// Units that arrived, over all time.
    pub fn paid(&self) -> U256 {
        self.paid
    }

    /// Units that the ledger took for payouts, over all time.
    pub fn fees(&self) -> U256 {
        self.fees
    }

    /// Everything that ever became due.
    pub fn total(&self) -> U256 {
        self.paid + self.fees + U256::from(self.due) + U256::from(self.in_flight)
    }

    /// Units that are still owed: due or in flight.
    pub fn owed(&self) -> u128 {
        // Kept below 2¹²⁸ by `credit`; nothing else adds to the sum.
        self.due + self.in_flight
    }

    /// Adds to what is due.
    ///
    /// # Errors
    /// [`RevenueError::TooMuchOwed`] if due and in flight would pass 2¹²⁸ − 1 together.
    pub fn credit(&mut self, amount: u128) -> Result<(), RevenueError> {
        self.owed().checked_add(amount).ok_or(RevenueError::TooMuchOwed)?;
        self.due += amount;
        Ok(())
    }

    /// Takes an amount, the ledger's fee included, from what is due, before the ledger is called.
    ///
    /// # Errors
    /// [`RevenueError::NotDue`].
    pub fn begin(&mut self, amount: u128) -> Result<(), RevenueError> {
        self.due = self.due.checked_sub(amount).ok_or(RevenueError::NotDue {
            asked: amount,
            due: self.due,
        })?;
        self.in_flight += amount;
        Ok(())
    }

    /// The ledger has executed the payout and taken its fee from it.
    ///
    /// # Errors
    /// [`RevenueError::NotInFlight`], [`RevenueError::FeeAboveAmount`].
    pub fn finish(&mut self, amount: u128, fee: u128) -> Result<(), RevenueError> {
        let arrived = amount
            .checked_sub(fee)
            .ok_or(RevenueError::FeeAboveAmount { amount, fee })?;
        self.take_in_flight(amount)?;
        self.paid += U256::from(arrived);
        self.fees += U256::from(fee);
        Ok(())
    }

    /// It is proved that the ledger has not executed the payout and will not: the amount is due again.
    ///
    /// # Errors
    /// [`RevenueError::NotInFlight`].
    pub fn abort(&mut self, amount: u128) -> Result<(), RevenueError> {
        self.take_in_flight(amount)?;
        self.due += amount;
        Ok(())
    }

    fn take_in_flight(&mut self, amount: u128) -> Result<(), RevenueError> {
        self.in_flight = self.in_flight.checked_sub(amount).ok_or(RevenueError::NotInFlight {
            asked: amount,
            in_flight: self.in_flight,
        })?;
        Ok(())
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.u128(self.due);
        out.u128(self.in_flight);
        out.u256(self.paid);
        out.u256(self.fees);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            due: reader.u128(),
            in_flight: reader.u128(),
            paid: reader.u256(),
            fees: reader.u256(),
        }
    }

    /// The fixed-size bytes of a payable by itself.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new(PAYABLE_VERSION, PAYABLE_RECORD_LEN);
        self.write(&mut out);
        out.finish()
    }

    /// Reads what [`Payable::encode`] of this or any older version wrote.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        Ok(Self::read(&mut Reader::new(
            bytes,
            PAYABLE_VERSION,
            PAYABLE_RECORD_LEN,
        )?))
    }
}

impl Storable for Payable {
    #[allow(clippy::cast_possible_truncation)] // 97
    const BOUND: Bound = Bound::Bounded {
        max_size: PAYABLE_RECORD_LEN as u32,
        is_fixed_size: false,
    };

    fn to_bytes(&self) -> Cow<'_, [u8]> {
        self.encode().into()
    }

    fn into_bytes(self) -> Vec<u8> {
        self.encode()
    }

    fn from_bytes(bytes: Cow<'_, [u8]>) -> Self {
        Self::decode(&bytes).expect("a payable is read from where it was written")
    }
}
