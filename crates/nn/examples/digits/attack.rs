//! What hostile clients send instead of an honest update.

use ddsx_nn::train::data::{Dataset, Labels};
use rand::SeedableRng as _;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution as _, Normal};

/// How a hostile client lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attack {
    /// Trains honestly, then sends the step backwards.
    SignFlip,
    /// Sends numbers drawn from a normal distribution of mean zero, [`NOISE`] wide.
    Noise,
    /// Trains on labels `9 - label`.
    LabelFlip,
}

/// Standard deviation of the noise: many times an honest step's.
const NOISE: f32 = 1.0;

/// All of them.
pub const ATTACKS: [Attack; 3] = [Attack::SignFlip, Attack::Noise, Attack::LabelFlip];

impl Attack {
    /// As it stands in the name of a measurement.
    pub fn name(self) -> &'static str {
        match self {
            Self::SignFlip => "sign_flip",
            Self::Noise => "noise",
            Self::LabelFlip => "label_flip",
        }
    }

    /// What the client trains on.
    pub fn data(self, data: &mut Dataset) {
        if let (Self::LabelFlip, Labels::Classes(classes)) = (self, &mut data.labels) {
            for class in classes {
                *class = 9 - *class;
            }
        }
    }

    /// What the client sends.
    pub fn step(self, step: &mut [f32], seed: u64) {
        match self {
            Self::SignFlip => step.iter_mut().for_each(|value| *value = -*value),
            Self::Noise => {
                let mut random = ChaCha8Rng::seed_from_u64(seed);
                let normal = Normal::new(0.0, NOISE).expect("a width above zero");
                step.fill_with(|| normal.sample(&mut random));
            }
            Self::LabelFlip => {}
        }
    }
}
