//! Krum and MultiKrum: the updates that lie nearest to their neighbours (Blanchard et al. 2017).
//!
//! Distances are gathered range by range with [`Distances::add`]; everything after is arithmetic on `updates²` numbers.

use serde::{Deserialize, Serialize};

use super::{StrategyError, check};
use crate::kernels::reduce::squared_distance;

/// Fewest updates for `malicious` hostile ones: `2f + 3` (Blanchard et al., proposition 4.2).
pub fn needed(malicious: u32) -> u32 {
    malicious.saturating_mul(2).saturating_add(3)
}

/// Squared Euclidean distances of all pairs of updates, gathered over ranges. It survives an upgrade by way of serde.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Distances {
    updates: usize,
    /// Pairs (1,0), (2,0), (2,1), (3,0), ….
    pairs: Vec<f64>,
}

impl Distances {
    /// No parameter looked at yet.
    pub fn new(updates: usize) -> Self {
        Self {
            updates,
            pairs: vec![0.0; updates * updates.saturating_sub(1) / 2],
        }
    }

    /// Adds one range: the same parameters of every update. Ranges cut at multiples of [`crate::kernels::reduce::BLOCK`]
    /// give the same bits however many there are.
    ///
    /// # Errors
    /// [`StrategyError::WrongLength`] if the slices differ in length.
    ///
    /// # Panics
    /// If there are not as many slices as updates.
    pub fn add(&mut self, updates: &[&[f32]]) -> Result<(), StrategyError> {
        assert_eq!(updates.len(), self.updates, "a slice of every update");
        check::check_lengths(updates, updates.first().map_or(0, |first| first.len()))?;
        let mut pairs = self.pairs.iter_mut();
        for (i, a) in updates.iter().enumerate() {
            for (b, pair) in updates[..i].iter().zip(&mut pairs) {
                *pair = squared_distance(*pair, a, b);
            }
        }
        Ok(())
    }

    /// Squared distance of updates `i` and `j`.
    pub fn between(&self, i: usize, j: usize) -> f64 {
        let (low, high) = (i.min(j), i.max(j));
        if low == high {
            0.0
        } else {
            self.pairs[high * (high - 1) / 2 + low]
        }
    }

    /// Number of updates.
    pub fn updates(&self) -> usize {
        self.updates
    }
}

/// Krum's score of each of `among`: the sum of the squared distances to its `|among| - malicious - 2` nearest (at least one).
pub fn scores(distances: &Distances, among: &[usize], malicious: u32) -> Vec<f64> {
    let nearest = among.len().saturating_sub(malicious as usize + 2).max(1);
    among
        .iter()
        .map(|&i| {
            let mut others: Vec<f64> = among
                .iter()
                .filter(|&&j| j != i)
                .map(|&j| distances.between(i, j))
                .collect();
            others.sort_by(f64::total_cmp);
            others.iter().take(nearest).sum()
        })
        .collect()
}

/// The `keep` updates of `among` with the lowest scores, best first; of equals the first.
pub fn select(distances: &Distances, among: &[usize], malicious: u32, keep: usize) -> Vec<usize> {
    let scores = scores(distances, among, malicious);
    let mut order: Vec<usize> = (0..among.len()).collect();
    order.sort_by(|&i, &j| scores[i].total_cmp(&scores[j]));
    order.into_iter().take(keep).map(|i| among[i]).collect()
}
