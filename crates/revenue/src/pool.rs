//! One stream's income in one asset.

use std::borrow::Cow;

use ic_stable_structures::{Storable, storable::Bound};
use primitive_types::U256;

use crate::codec::{Reader, Writer};
use crate::error::{Broken, RecordError, RevenueError};
use crate::payable::{PAYABLE_LEN, Payable};
use crate::position::Position;
use crate::split::{Parts, Split};

/// The version of an encoded pool.
pub const POOL_VERSION: u8 = 1;
/// Bytes of an encoded pool.
pub const POOL_LEN: usize = 1 + 32 + 8 + 16 + 16 + 32 + 3 * PAYABLE_LEN;

/// The income of one stream in one asset.
///
/// Version 1, big-endian: version (1), accumulator (32), remainder (8), held (16), carried (16), received (32), then protocol,
/// provider and contributors, each due (16), in flight (16), paid (32), fees (32).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pool {
    /// Income per unit of weight since the beginning, in units of 2⁻¹²⁸, modulo 2²⁵⁶.
    accumulator: U256,
    /// The rest of the last division, in units of 2⁻¹²⁸: below the total weight then.
    remainder: u64,
    held: u128,
    carried: u128,
    received: U256,
    protocol: Payable,
    provider: Payable,
    /// All positions together.
    contributors: Payable,
}

/// Who is paid.
#[derive(Debug)]
pub enum Payee<'a> {
    /// The protocol.
    Protocol,
    /// The stream's provider.
    Provider,
    /// A contributor, by its position in this pool.
    Contributor(&'a mut Position),
}

impl Pool {
    /// Takes in a payment and divides it; the contributors' part, with whatever was held, is distributed over the weights, or
    /// held while there are none. O(1).
    ///
    /// # Errors
    /// [`RevenueError::TooMuchOwed`] if all debts would pass 2¹²⁸ − 1, which no ledger of 128-bit amounts can bring about.
    pub fn receive(&mut self, split: &Split, amount: u128, total_weight: u64) -> Result<Parts, RevenueError> {
        self.owed().checked_add(amount).ok_or(RevenueError::TooMuchOwed)?;
        let parts = split.parts(amount);
        // Each part is at most what was just found to fit.
        self.protocol.credit(parts.protocol)?;
        self.provider.credit(parts.provider)?;
        self.received += U256::from(amount);
        self.held += parts.contributors;
        self.release_held(total_weight);
        Ok(parts)
    }

    /// Distributes what was held, as soon as there is weight: to be called when weights have changed. Answers how much it was.
    pub fn release_held(&mut self, total_weight: u64) -> u128 {
        if total_weight == 0 || self.held == 0 {
            return 0;
        }
        let amount = std::mem::take(&mut self.held);
        // amount · 2¹²⁸ + remainder, below 2²⁵⁶.
        let income = (U256::from(amount) << 128) + U256::from(self.remainder);
        let (per_weight, rest) = income.div_mod(total_weight.into());
        self.accumulator = self.accumulator.overflowing_add(per_weight).0;
        // Below the divisor, which has 64 bits.
        self.remainder = rest.low_u64();
        self.carried += amount;
        amount
    }

    /// Gives what was held to the provider: where there will never be weight. Answers how much it
    /// was.
    ///
    /// # Errors
    /// [`RevenueError::TooMuchOwed`], which cannot be: it was owed before.
    pub fn release_held_to_provider(&mut self) -> Result<u128, RevenueError> {
        let amount = self.held;
        self.provider.credit(amount)?;
        self.held = 0;
        Ok(amount)
    }

    /// Brings a position up to date: whole units become due, the fraction stays. To be called **before** the contributor's
    /// weight changes, with the weight it has had since it was last settled. Answers what became due. O(1).
    ///
    /// # Errors
    /// [`RevenueError::Weights`] if that is more than was distributed, so that the weight cannot be right.
    pub fn settle(&mut self, position: &mut Position, weight: u64) -> Result<u128, RevenueError> {
        let pending = position.pending(self.accumulator, weight)?;
        let whole = (pending >> 128).low_u128();
        let carried = self.carried.checked_sub(whole).ok_or(RevenueError::Weights)?;
        // What was carried is owed already, so that neither credit can pass the limit.
        position.payable.credit(whole)?;
        self.contributors.credit(whole)?;
        self.carried = carried;
        position.snapshot = self.accumulator;
        position.fraction = pending.low_u128();
        Ok(whole)
    }

    /// What a contributor is due now, the part not yet settled included, in whole units.
    ///
    /// # Errors
    /// As [`Pool::settle`].
    pub fn due_now(&self, position: &Position, weight: u64) -> Result<u128, RevenueError> {
        let mut settled = *position;
        self.clone().settle(&mut settled, weight)?;
        Ok(settled.payable.due())
    }

    /// Takes an amount, the ledger's fee included, from what a payee is due, before the ledger is called.
    ///
    /// # Errors
    /// [`RevenueError::NotDue`]. A contributor's position is to be settled first.
    pub fn begin_payout(&mut self, payee: Payee<'_>, amount: u128) -> Result<(), RevenueError> {
        self.payout(payee, |payable| payable.begin(amount))
    }

    /// The ledger has executed the payout and taken its fee from it.
    ///
    /// # Errors
    /// [`RevenueError::NotInFlight`], [`RevenueError::FeeAboveAmount`].
    pub fn finish_payout(&mut self, payee: Payee<'_>, amount: u128, fee: u128) -> Result<(), RevenueError> {
        self.payout(payee, |payable| payable.finish(amount, fee))
    }

    /// It is proved that the ledger has not executed the payout and will not: the amount is due again.
    ///
    /// # Errors
    /// [`RevenueError::NotInFlight`].
    pub fn abort_payout(&mut self, payee: Payee<'_>, amount: u128) -> Result<(), RevenueError> {
        self.payout(payee, |payable| payable.abort(amount))
    }

    fn payout(
        &mut self,
        payee: Payee<'_>,
        mut change: impl FnMut(&mut Payable) -> Result<(), RevenueError>,
    ) -> Result<(), RevenueError> {
        match payee {
            Payee::Protocol => change(&mut self.protocol),
            Payee::Provider => change(&mut self.provider),
            Payee::Contributor(position) => {
                // The position is one of those that the total sums up: what it allows, the total does.
                let (mut one, mut all) = (position.payable, self.contributors);
                change(&mut one)?;
                change(&mut all)?;
                (position.payable, self.contributors) = (one, all);
                Ok(())
            }
        }
    }

    /// All that was ever received.
    pub fn received(&self) -> U256 {
        self.received
    }

    /// The contributors' part that waits for the first weight.
    pub fn held(&self) -> u128 {
        self.held
    }

    /// What was distributed and is not yet due to anybody as a whole unit: shares that are not settled, fractions, the
    /// carried remainder.
    pub fn carried(&self) -> u128 {
        self.carried
    }

    /// The protocol's account.
    pub fn protocol(&self) -> &Payable {
        &self.protocol
    }

    /// The provider's account.
    pub fn provider(&self) -> &Payable {
        &self.provider
    }

    /// The contributors' accounts together, as of their last settlements.
    pub fn contributors(&self) -> &Payable {
        &self.contributors
    }

    /// Everything the pool still owes to somebody: what the account at the ledger must hold for it.
    pub fn owed(&self) -> u128 {
        // Kept below 2¹²⁸ by `receive`; nothing else adds to the sum.
        self.protocol.owed() + self.provider.owed() + self.contributors.owed() + self.held + self.carried
    }

    /// Whether all that was received is where it must be, to the unit. O(1).
    ///
    /// # Errors
    /// [`Broken::Received`].
    pub fn invariant(&self) -> Result<(), Broken> {
        let accounted = self.protocol.total()
            + self.provider.total()
            + self.contributors.total()
            + U256::from(self.held)
            + U256::from(self.carried);
        if accounted == self.received {
            Ok(())
        } else {
            Err(Broken::Received {
                received: self.received,
                accounted,
            })
        }
    }

    /// As [`Pool::invariant`], and exactly, in units of 2⁻¹²⁸, over every contributor's position and present weight.
    ///
    /// # Errors
    /// [`Broken`] names the sum that does not hold.
    pub fn invariant_with<'a>(&self, positions: impl IntoIterator<Item = (&'a Position, u64)>) -> Result<(), Broken> {
        self.invariant()?;
        let mut shares = Some(U256::from(self.remainder));
        let mut sums = [U256::zero(); 4];
        for (position, weight) in positions {
            let pending = position.pending(self.accumulator, weight).ok();
            shares = shares
                .zip(pending)
                .and_then(|(shares, pending)| shares.checked_add(pending));
            for (sum, part) in sums.iter_mut().zip(parts_of(&position.payable)) {
                *sum += part;
            }
        }
        let carried = U256::from(self.carried) << 128;
        if shares != Some(carried) {
            return Err(Broken::Carried {
                carried,
                shares: shares.unwrap_or(U256::MAX),
            });
        }
        for (what, (positions, pool)) in ["due", "in flight", "paid", "fees"]
            .into_iter()
            .zip(sums.into_iter().zip(parts_of(&self.contributors)))
        {
            if positions != pool {
                return Err(Broken::Contributors { what, positions, pool });
            }
        }
        Ok(())
    }

    /// The fixed-size bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new(POOL_VERSION, POOL_LEN);
        out.u256(self.accumulator);
        out.u64(self.remainder);
        out.u128(self.held);
        out.u128(self.carried);
        out.u256(self.received);
        for payable in [&self.protocol, &self.provider, &self.contributors] {
            payable.write(&mut out);
        }
        out.finish()
    }

    /// Reads what [`Pool::encode`] of this or any older version wrote.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(bytes, POOL_VERSION, POOL_LEN)?;
        Ok(Self {
            accumulator: reader.u256(),
            remainder: reader.u64(),
            held: reader.u128(),
            carried: reader.u128(),
            received: reader.u256(),
            protocol: Payable::read(&mut reader),
            provider: Payable::read(&mut reader),
            contributors: Payable::read(&mut reader),
        })
    }
}

fn parts_of(payable: &Payable) -> [U256; 4] {
    [
        payable.due().into(),
        payable.in_flight().into(),
        payable.paid(),
        payable.fees(),
    ]
}

impl Storable for Pool {
    #[allow(clippy::cast_possible_truncation)] // 393
    const BOUND: Bound = Bound::Bounded {
        max_size: POOL_LEN as u32,
        is_fixed_size: false,
    };

    fn to_bytes(&self) -> Cow<'_, [u8]> {
        self.encode().into()
    }

    fn into_bytes(self) -> Vec<u8> {
        self.encode()
    }

    fn from_bytes(bytes: Cow<'_, [u8]>) -> Self {
        Self::decode(&bytes).expect("a pool is read from where it was written")
    }
}
