//! The bookkeeping over whatever storage the caller has: weights, pools and positions kept in step.

use std::collections::BTreeMap;

use crate::error::{Broken, RevenueError};
use crate::pool::{Payee, Pool};
use crate::position::Position;
use crate::split::{Parts, Split};

/// A stream's id.
pub type StreamId = u64;
/// A contributor's number within its stream.
pub type ContributorNumber = u32;

/// Where weights, pools and positions lie. What was never written reads as 0 or the default.
pub trait BookStore {
    /// How an asset is told from others.
    type Asset: Copy;

    /// The assets in which the stream has a pool.
    fn assets(&self, stream: StreamId) -> Vec<Self::Asset>;
    /// The sum of the stream's weights.
    fn total_weight(&self, stream: StreamId) -> u64;
    /// Stores the sum of the stream's weights.
    fn set_total_weight(&mut self, stream: StreamId, total: u64);
    /// A contributor's weight.
    fn weight(&self, stream: StreamId, contributor: ContributorNumber) -> u64;
    /// Stores a contributor's weight.
    fn set_weight(&mut self, stream: StreamId, contributor: ContributorNumber, weight: u64);
    /// The stream's pool in an asset.
    fn pool(&self, stream: StreamId, asset: Self::Asset) -> Pool;
    /// Stores the stream's pool in an asset.
    fn set_pool(&mut self, stream: StreamId, asset: Self::Asset, pool: &Pool);
    /// A contributor's position in a pool.
    fn position(&self, stream: StreamId, contributor: ContributorNumber, asset: Self::Asset) -> Position;
    /// Stores a contributor's position in a pool.
    fn set_position(
        &mut self,
        stream: StreamId,
        contributor: ContributorNumber,
        asset: Self::Asset,
        position: &Position,
    );
}

/// Weights, pools and positions over a store.
#[derive(Debug)]
pub struct Book<S> {
    store: S,
}

/// Who is paid, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayeeName {
    /// The protocol.
    Protocol,
    /// The stream's provider.
    Provider,
    /// A contributor.
    Contributor(ContributorNumber),
}

impl<S: BookStore> Book<S> {
    /// Over a store; a store that borrows the real one costs nothing to wrap for one call.
    pub const fn new(store: S) -> Self {
        Self { store }
    }

    /// The store.
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// Adds to contributors' weights, which count from now on. Each contributor is settled once, however often it is named; what
    /// was held is released as soon as there is weight. O(contributors named × assets of the stream).
    ///
    /// # Errors
    /// [`RevenueError::TooMuchWeight`]; nothing is changed then.
    pub fn add_weights(
        &mut self,
        stream: StreamId,
        added: impl IntoIterator<Item = (ContributorNumber, u64)>,
    ) -> Result<(), RevenueError> {
        let mut sums = BTreeMap::<_, u64>::new();
        for (contributor, weight) in added {
            let sum = sums.entry(contributor).or_default();
            *sum = sum.checked_add(weight).ok_or(RevenueError::TooMuchWeight)?;
        }
        let changes = sums
            .into_iter()
            .map(|(contributor, added)| {
                let before = self.store.weight(stream, contributor);
                let after = before.checked_add(added).ok_or(RevenueError::TooMuchWeight)?;
                Ok((contributor, before, after))
            })
            .collect::<Result<Vec<_>, _>>()?;
        self.change_weights(stream, &changes)
    }

    /// Sets one contributor's weight, which counts from now on.
    ///
    /// # Errors
    /// [`RevenueError::TooMuchWeight`]; nothing is changed then.
    pub fn set_weight(
        &mut self,
        stream: StreamId,
        contributor: ContributorNumber,
        weight: u64,
    ) -> Result<(), RevenueError> {
        let before = self.store.weight(stream, contributor);
        self.change_weights(stream, &[(contributor, before, weight)])
    }

    /// Contributor, weight before, weight after; no contributor twice.
    fn change_weights(
        &mut self,
        stream: StreamId,
        changes: &[(ContributorNumber, u64, u64)],
    ) -> Result<(), RevenueError> {
        // The total includes every weight before, so that the subtraction comes out.
        let total = changes.iter().try_fold(
            u128::from(self.store.total_weight(stream)),
            |total, (_, before, after)| (total + u128::from(*after)).checked_sub(u128::from(*before)),
        );
        let total = total.ok_or(RevenueError::Weights)?;
        let total = u64::try_from(total).map_err(|_| RevenueError::TooMuchWeight)?;
        for asset in self.store.assets(stream) {
            let mut pool = self.store.pool(stream, asset);
            let mut settled = Vec::with_capacity(changes.len());
            for (contributor, before, _) in changes {
                let mut position = self.store.position(stream, *contributor, asset);
                pool.settle(&mut position, *before)?;
                settled.push((*contributor, position));
            }
            pool.release_held(total);
            for (contributor, position) in settled {
                self.store.set_position(stream, contributor, asset, &position);
            }
            self.store.set_pool(stream, asset, &pool);
        }
        for (contributor, _, after) in changes {
            self.store.set_weight(stream, *contributor, *after);
        }
        self.store.set_total_weight(stream, total);
        Ok(())
    }

    /// Takes in a payment. O(1), whatever the number of contributors.
    ///
    /// # Errors
    /// As [`Pool::receive`].
    pub fn receive(
        &mut self,
        stream: StreamId,
        asset: S::Asset,
        split: &Split,
        amount: u128,
    ) -> Result<Parts, RevenueError> {
        let mut pool = self.store.pool(stream, asset);
        let parts = pool.receive(split, amount, self.store.total_weight(stream))?;
        self.store.set_pool(stream, asset, &pool);
        Ok(parts)
    }

    /// Settles a contributor and answers all that is due to it now. O(1).
    ///
    /// # Errors
    /// As [`Pool::settle`].
    pub fn settle(
        &mut self,
        stream: StreamId,
        contributor: ContributorNumber,
        asset: S::Asset,
    ) -> Result<u128, RevenueError> {
        let mut pool = self.store.pool(stream, asset);
        let mut position = self.store.position(stream, contributor, asset);
        pool.settle(&mut position, self.store.weight(stream, contributor))?;
        self.store.set_position(stream, contributor, asset, &position);
        self.store.set_pool(stream, asset, &pool);
        Ok(position.payable().due())
    }

    /// [`Pool::begin_payout`] by name.
    ///
    /// # Errors
    /// [`RevenueError::NotDue`].
    pub fn begin_payout(
        &mut self,
        stream: StreamId,
        asset: S::Asset,
        payee: PayeeName,
        amount: u128,
    ) -> Result<(), RevenueError> {
        self.payout(stream, asset, payee, |pool, payee| pool.begin_payout(payee, amount))
    }

    /// [`Pool::finish_payout`] by name.
    ///
    /// # Errors
    /// [`RevenueError::NotInFlight`], [`RevenueError::FeeAboveAmount`].
    pub fn finish_payout(
        &mut self,
        stream: StreamId,
        asset: S::Asset,
        payee: PayeeName,
        amount: u128,
        fee: u128,
    ) -> Result<(), RevenueError> {
        self.payout(stream, asset, payee, |pool, payee| {
            pool.finish_payout(payee, amount, fee)
        })
    }

    /// [`Pool::abort_payout`] by name.
    ///
    /// # Errors
    /// [`RevenueError::NotInFlight`].
    pub fn abort_payout(
        &mut self,
        stream: StreamId,
        asset: S::Asset,
        payee: PayeeName,
        amount: u128,
    ) -> Result<(), RevenueError> {
        self.payout(stream, asset, payee, |pool, payee| pool.abort_payout(payee, amount))
    }

    fn payout(
        &mut self,
        stream: StreamId,
        asset: S::Asset,
        payee: PayeeName,
        change: impl FnOnce(&mut Pool, Payee<'_>) -> Result<(), RevenueError>,
    ) -> Result<(), RevenueError> {
        let mut pool = self.store.pool(stream, asset);
        match payee {
            PayeeName::Protocol => change(&mut pool, Payee::Protocol)?,
            PayeeName::Provider => change(&mut pool, Payee::Provider)?,
            PayeeName::Contributor(contributor) => {
                let mut position = self.store.position(stream, contributor, asset);
                change(&mut pool, Payee::Contributor(&mut position))?;
                self.store.set_position(stream, contributor, asset, &position);
            }
        }
        self.store.set_pool(stream, asset, &pool);
        Ok(())
    }

    /// The exact invariant of one pool, over every contributor that ever had weight.
    ///
    /// # Errors
    /// [`Broken`] names what does not hold.
    pub fn invariant(
        &self,
        stream: StreamId,
        asset: S::Asset,
        contributors: impl IntoIterator<Item = ContributorNumber>,
    ) -> Result<(), Broken> {
        let positions: Vec<_> = contributors
            .into_iter()
            .map(|contributor| {
                (
                    self.store.position(stream, contributor, asset),
                    self.store.weight(stream, contributor),
                )
            })
            .collect();
        let sum = positions.iter().map(|(_, weight)| u128::from(*weight)).sum();
        let total = self.store.total_weight(stream);
        if sum != u128::from(total) {
            return Err(Broken::Weights { sum, total });
        }
        self.store
            .pool(stream, asset)
            .invariant_with(positions.iter().map(|(position, weight)| (position, *weight)))
    }
}
