//! Sketches: an update in a thousand numbers, from which its direction can be compared with others' long after it is gone.
//!
//! Number `i` of the update is added, with a sign drawn from a secret seed, to bucket `i mod 1,021`. The scalar product of two sketches is that of
//! the updates but for an error with mean zero; a cosine `c` comes out within about `(1 - c²)/32`, so that near 1 it is nearly exact. Whoever does not
//! know the seed cannot build an update whose sketch tells another story. 1,021 is prime, so that buckets do not line up with a layer's rows.

use rand::rngs::ChaCha8Rng;
use rand::{Rng as _, SeedableRng as _};
use serde::{Deserialize, Serialize};

/// Numbers of a sketch.
pub const BUCKETS: usize = 1_021;
/// Signs come from one stream of the generator for so many parameters: ranges begin at multiples of it.
pub const UNIT: usize = 4_096;

/// Sums of the parameters seen so far. The bits do not depend on how ranges are cut.
#[derive(Clone, Debug, PartialEq)]
pub struct Sketch(Vec<f64>);

impl Default for Sketch {
    fn default() -> Self {
        Self(vec![0.0; BUCKETS])
    }
}

impl Sketch {
    /// Adds the parameters from `first` on, which must be a multiple of [`UNIT`].
    pub fn add(&mut self, seed: [u8; 32], first: u64, values: &[f32]) {
        let mut generator = ChaCha8Rng::from_seed(seed);
        for (unit, values) in (first / UNIT as u64..).zip(values.chunks(UNIT)) {
            generator.set_stream(unit);
            generator.set_word_pos(0);
            let mut bucket = usize::try_from(unit * UNIT as u64 % BUCKETS as u64).unwrap_or(0);
            for values in values.chunks(64) {
                let mut signs = generator.next_u64();
                for value in values {
                    #[allow(clippy::cast_possible_truncation, reason = "one bit is taken")]
                    let sign = (signs as u32) << 31;
                    self.0[bucket] += f64::from(f32::from_bits(value.to_bits() ^ sign));
                    signs >>= 1;
                    bucket = if bucket + 1 == BUCKETS { 0 } else { bucket + 1 };
                }
            }
        }
    }

    /// -1 to 1; zero where either has no length.
    pub fn cosine(&self, other: &Self) -> f64 {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b);
        let lengths = dot(&self.0, &self.0).sqrt() * dot(&other.0, &other.0).sqrt();
        if lengths > 0.0 && lengths.is_finite() {
            (dot(&self.0, &other.0) / lengths).clamp(-1.0, 1.0)
        } else {
            0.0
        }
    }
}

/// As bytes, so that a record of it is written and read in one piece.
impl Serialize for Sketch {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().flat_map(|sum| sum.to_le_bytes()).collect();
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de> Deserialize<'de> for Sketch {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl serde::de::Visitor<'_> for Bytes {
            type Value = Sketch;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "{} bytes", BUCKETS * 8)
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Sketch, E> {
                if bytes.len() != BUCKETS * 8 {
                    return Err(E::invalid_length(bytes.len(), &self));
                }
                let sums = bytes.as_chunks::<8>().0.iter().map(|sum| f64::from_le_bytes(*sum));
                Ok(Sketch(sums.collect()))
            }

            fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<Sketch, E> {
                self.visit_bytes(&bytes)
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}

#[cfg(test)]
mod tests;
