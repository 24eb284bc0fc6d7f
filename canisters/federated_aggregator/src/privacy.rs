//! Differential privacy: Gaussian noise on the mean of clipped updates, and what it has cost.

use ddsx_merkle_log::sha256;
use ddsx_types::Hash;
use ddsx_types::federated_aggregator::{Privacy, PrivacySpent};
use rand::rngs::ChaCha8Rng;
use rand::{Rng as _, SeedableRng as _};

/// Numbers that share a stream of the generator.
const BLOCK: usize = 1_024;

/// A seed for one use, from the round's.
pub fn derive(seed: Hash, purpose: &str) -> [u8; 32] {
    sha256(&[purpose.as_bytes(), seed.as_ref()].concat()).0
}

/// Adds noise of standard deviation σ·clip/updates to a range of the mean, which begins at a multiple of 1,024: the same numbers
/// whatever the ranges.
pub fn add_noise(privacy: &Privacy, seed: Hash, updates: usize, first: u64, step: &mut [f32]) {
    #[allow(clippy::cast_precision_loss)]
    let deviation = f64::from(privacy.noise_multiplier) * f64::from(privacy.clip) / updates.max(1) as f64;
    let seed = derive(seed, "ddsx noise");
    for (number, block) in (first / BLOCK as u64..).zip(step.chunks_mut(BLOCK)) {
        let mut generator = ChaCha8Rng::from_seed(seed);
        generator.set_stream(number);
        for value in block {
            #[allow(clippy::cast_possible_truncation)]
            let noise = (deviation * normal(&mut generator)) as f32;
            *value += noise;
        }
    }
}

/// Standard normal, by Box and Muller, with the library's own functions: a platform's may differ in the last bit.
fn normal(generator: &mut ChaCha8Rng) -> f64 {
    // 53 bits each; the first in (0, 1], the second in [0, 1).
    #[allow(clippy::cast_precision_loss)]
    let mut uniform = || (generator.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0;
    let radius = libm::sqrt(-2.0 * libm::log(1.0 - uniform()));
    radius * libm::cos(std::f64::consts::TAU * uniform())
}

/// What so many noised rounds have cost: Rényi differential privacy of the Gaussian mechanism (Mironov 2017, proposition 7) composed and
/// converted at the best order, which has a closed form: ε = T/2σ² + √(2·T·ln(1/δ))/σ.
pub fn spent(privacy: &Privacy, rounds: u32) -> PrivacySpent {
    let (rounds_f, sigma) = (f64::from(rounds), f64::from(privacy.noise_multiplier));
    let epsilon =
        rounds_f / (2.0 * sigma * sigma) + libm::sqrt(2.0 * rounds_f * libm::log(1.0 / privacy.delta)) / sigma;
    PrivacySpent {
        epsilon,
        delta: privacy.delta,
        rounds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIVACY: Privacy = Privacy {
        clip: 2.0,
        noise_multiplier: 1.5,
        delta: 1e-5,
    };

    #[test]
    fn should_draw_the_same_noise_whatever_the_ranges() {
        let seed = Hash([7; 32]);
        let mut whole = vec![0.0; 5_000];
        add_noise(&PRIVACY, seed, 3, 0, &mut whole);
        let mut parts = vec![0.0; 5_000];
        let (left, right) = parts.split_at_mut(4_096);
        add_noise(&PRIVACY, seed, 3, 0, left);
        add_noise(&PRIVACY, seed, 3, 4_096, right);
        assert_eq!(whole, parts);
        let mean = whole.iter().map(|value| f64::from(*value)).sum::<f64>() / 5_000.0;
        let variance = whole.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>() / 5_000.0;
        assert!(mean.abs() < 0.05, "{mean}");
        assert!((variance - 1.0).abs() < 0.06, "{variance}");
    }

    #[test]
    fn should_account_as_the_renyi_conversion_at_its_best_order() {
        for rounds in [1_u32, 20] {
            let spent = spent(&PRIVACY, rounds);
            let best = (2..200_000)
                .map(|order| 1.0 + f64::from(order) * 0.001)
                .map(|order| f64::from(rounds) * order / (2.0 * 2.25) + (1e5_f64).ln() / (order - 1.0))
                .fold(f64::INFINITY, f64::min);
            assert!((spent.epsilon - best).abs() < 1e-4 * best, "{} {best}", spent.epsilon);
        }
        assert!(spent(&PRIVACY, 0).epsilon.abs() < 1e-12);
    }
}
