//! One contributor's share in one pool.

use std::borrow::Cow;

use ic_stable_structures::{Storable, storable::Bound};
use primitive_types::U256;

use crate::codec::{Reader, Writer};
use crate::error::{RecordError, RevenueError};
use crate::payable::{PAYABLE_LEN, Payable};

/// The version of an encoded position.
pub const POSITION_VERSION: u8 = 1;
/// Bytes of an encoded position.
pub const POSITION_LEN: usize = 1 + 32 + 16 + PAYABLE_LEN;

/// A contributor's share in a pool, as of its last settlement. The default is that of a contributor that was never settled,
/// and right as long as the contributor had no weight, or always the same weight, since the pool's first distribution.
///
/// Version 1, big-endian: version (1), the accumulator when last settled (32), fraction in units of 2⁻¹²⁸ (16), due (16), in
/// flight (16), paid (32), fees (32).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    pub(crate) snapshot: U256,
    pub(crate) fraction: u128,
    pub(crate) payable: Payable,
}

impl Position {
    /// What is due, in flight and paid, as of the last settlement.
    pub fn payable(&self) -> &Payable {
        &self.payable
    }

    /// What was earned and is not yet due, in units of 2⁻¹²⁸, when the pool's accumulator stands there.
    pub(crate) fn pending(&self, accumulator: U256, weight: u64) -> Result<U256, RevenueError> {
        let (moved, _) = accumulator.overflowing_sub(self.snapshot);
        // Nobody earns without weight, however far the accumulator has moved (it may have wrapped).
        if weight == 0 {
            return Ok(self.fraction.into());
        }
        moved
            .checked_mul(weight.into())
            .and_then(|earned| earned.checked_add(self.fraction.into()))
            .ok_or(RevenueError::Weights)
    }

    /// The fixed-size bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new(POSITION_VERSION, POSITION_LEN);
        out.u256(self.snapshot);
        out.u128(self.fraction);
        self.payable.write(&mut out);
        out.finish()
    }

    /// Reads what [`Position::encode`] of this or any older version wrote.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(bytes, POSITION_VERSION, POSITION_LEN)?;
        Ok(Self {
            snapshot: reader.u256(),
            fraction: reader.u128(),
            payable: Payable::read(&mut reader),
        })
    }
}

impl Storable for Position {
    #[allow(clippy::cast_possible_truncation)] // 145
    const BOUND: Bound = Bound::Bounded {
        max_size: POSITION_LEN as u32,
        is_fixed_size: false,
    };

    fn to_bytes(&self) -> Cow<'_, [u8]> {
        self.encode().into()
    }

    fn into_bytes(self) -> Vec<u8> {
        self.encode()
    }

    fn from_bytes(bytes: Cow<'_, [u8]>) -> Self {
        Self::decode(&bytes).expect("a position is read from where it was written")
    }
}
