//! Truncated Monte Carlo Shapley values (Ghorbani and Zou 2019, algorithm 1): a client's mean gain over random orders of joining.
//!
//! Evaluating a coalition takes longer than a message may, so this is a machine that is asked: [`Shapley::wanted`] names the coalition
//! whose value it needs, [`Shapley::record`] takes the value. Between the two it is plain data that survives an upgrade.

use std::collections::BTreeMap;

use rand::rngs::ChaCha8Rng;
use rand::{Rng as _, SeedableRng as _};
use serde::{Deserialize, Serialize};

/// Most players: a coalition is a set of 64 bits, and a round that is larger is scored otherwise.
pub const MAX_PLAYERS: u32 = 64;

/// Why no machine is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapleyError {
    /// None, or more than [`MAX_PLAYERS`].
    #[error("{0} players; 1 to {MAX_PLAYERS} can be scored")]
    Players(u32),
    /// No order at all.
    #[error("at least one permutation is needed")]
    NoPermutations,
    /// A tolerance below zero or not a number.
    #[error("the tolerance is out of range")]
    Tolerance,
}

/// The machine. A coalition is a bit set: bit `k` for client `k`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shapley {
    players: u32,
    permutations: u32,
    tolerance: f64,
    seed: [u8; 32],
    /// Values known already: orders share their beginnings.
    values: BTreeMap<u64, f64>,
    /// The order being walked, how far, and who has joined.
    permutation: u32,
    order: Vec<u32>,
    position: usize,
    members: u64,
    gains: Vec<f64>,
}

impl Shapley {
    /// `seed` from the network's randomness after the updates are in; `tolerance` in the unit of the values: an order is left once what is
    /// still to be gained is no more than that.
    ///
    /// # Errors
    /// See [`ShapleyError`].
    pub fn new(players: u32, permutations: u32, tolerance: f64, seed: [u8; 32]) -> Result<Self, ShapleyError> {
        if !(1..=MAX_PLAYERS).contains(&players) {
            return Err(ShapleyError::Players(players));
        }
        if permutations == 0 {
            return Err(ShapleyError::NoPermutations);
        }
        if !(tolerance >= 0.0 && tolerance.is_finite()) {
            return Err(ShapleyError::Tolerance);
        }
        let mut machine = Self {
            players,
            permutations,
            tolerance,
            seed,
            values: BTreeMap::new(),
            permutation: 0,
            order: Vec::new(),
            position: 0,
            members: 0,
            gains: vec![0.0; players as usize],
        };
        machine.order = machine.shuffled(0);
        Ok(machine)
    }

    /// Everyone.
    fn everyone(&self) -> u64 {
        u64::MAX >> (MAX_PLAYERS - self.players)
    }

    /// The coalition whose value is needed next; none when all is done.
    pub fn wanted(&mut self) -> Option<u64> {
        for known_first in [0, self.everyone()] {
            if !self.values.contains_key(&known_first) {
                return Some(known_first);
            }
        }
        while self.permutation < self.permutations {
            let joined = self.members | 1 << self.order[self.position];
            let before = self.value(self.members)?;
            let truncated = (self.value(self.everyone())? - before).abs() <= self.tolerance;
            if !truncated {
                let Some(after) = self.value(joined) else {
                    return Some(joined);
                };
                self.gains[self.order[self.position] as usize] += after - before;
                self.members = joined;
                self.position += 1;
            }
            if truncated || self.position == self.order.len() {
                self.permutation += 1;
                self.position = 0;
                self.members = 0;
                self.order = self.shuffled(self.permutation);
            }
        }
        None
    }

    /// Takes the value of a coalition: higher is better; one that is not finite counts as that of nobody, or zero.
    pub fn record(&mut self, coalition: u64, value: f64) {
        let fallback = self.value(0).unwrap_or(0.0);
        self.values
            .insert(coalition, if value.is_finite() { value } else { fallback });
    }

    /// Mean gain of each client over the orders walked to their end so far.
    pub fn values(&self) -> Vec<f64> {
        let walked = f64::from(self.permutation.max(1));
        self.gains.iter().map(|gain| gain / walked).collect()
    }

    fn value(&self, coalition: u64) -> Option<f64> {
        self.values.get(&coalition).copied()
    }

    /// Order number `permutation`: Fisher–Yates on its own stream of the generator, so that no state of a generator is kept.
    fn shuffled(&self, permutation: u32) -> Vec<u32> {
        let mut generator = ChaCha8Rng::from_seed(self.seed);
        generator.set_stream(u64::from(permutation));
        let mut order: Vec<u32> = (0..self.players).collect();
        for last in (1..order.len()).rev() {
            // A bound of at most 64: the bias of the shift is below 2⁻²⁶.
            let pick = (u64::from(generator.next_u32()) * (last as u64 + 1)) >> 32;
            order.swap(last, usize::try_from(pick).expect("at most 64"));
        }
        order
    }
}
