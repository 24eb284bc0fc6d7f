//! One round of local training: from the model's file to the bytes of an update.

use std::sync::Arc;

use burn::tensor::Device;
use ddsx_nn::encoding::{self, UpdateEncoding};
use ddsx_nn::kernels::reduce::squared_norm;
use ddsx_nn::spec::Plan;
use ddsx_nn::train::data::Dataset;
use ddsx_nn::train::{Progress, Settings, TrainError, train};
use ddsx_nn::weights;

use crate::TrainerError;

/// How far below a norm bound a delta is shortened: the aggregator sums in another order, and quantising moves every number.
const MARGIN: f64 = 0.999;

/// What one client trains with, round after round.
#[derive(Clone)]
pub struct Local {
    pub plan: Arc<Plan>,
    pub data: Arc<Dataset>,
    pub encoding: UpdateEncoding,
    pub norm_bound: Option<f32>,
}

/// An update ready to be sent.
#[derive(Debug)]
pub struct Update {
    pub bytes: Vec<u8>,
    /// The norm that it had, where that was beyond the bound and it was shortened.
    pub clipped_from: Option<f64>,
}

impl Local {
    /// Trains from a model's file; `None` if training diverged, in the epoch given.
    pub fn round(
        &self,
        file: &[u8],
        settings: &Settings,
        progress: impl FnMut(Progress),
    ) -> Result<Result<Update, u32>, TrainerError> {
        let global = weights::read(&self.plan, file)?;
        let trained = match train(&self.plan, &global, &self.data, settings, &Device::flex(), progress) {
            Ok(trained) => trained,
            Err(TrainError::Diverged(epoch)) => return Ok(Err(epoch)),
            Err(error) => return Err(TrainerError::Train(error)),
        };
        let delta: Vec<f32> = trained.iter().zip(&global).map(|(new, old)| new - old).collect();
        Ok(Ok(encode(delta, self.encoding, self.norm_bound)?))
    }
}

/// Encodes a delta, shortened if what the aggregator will read of it is longer than allowed.
fn encode(
    mut delta: Vec<f32>,
    encoding: UpdateEncoding,
    bound: Option<f32>,
) -> Result<Update, encoding::EncodingError> {
    let mut clipped_from = None;
    loop {
        let bytes = encoding::encode(encoding, &delta)?;
        let Some(bound) = bound.map(f64::from) else {
            return Ok(Update { bytes, clipped_from });
        };
        let mut read = vec![0.0; delta.len()];
        encoding::decode(encoding, &bytes, &mut read)?;
        let norm = squared_norm(0.0, &read).sqrt();
        if norm <= bound * MARGIN.sqrt() {
            return Ok(Update { bytes, clipped_from });
        }
        clipped_from.get_or_insert(norm);
        // A factor below 1, as a single-precision number.
        #[allow(clippy::cast_possible_truncation)]
        let factor = (bound * MARGIN / norm) as f32;
        for number in &mut delta {
            *number *= factor;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn norm(update: &Update, encoding: UpdateEncoding, len: usize) -> f64 {
        let mut read = vec![0.0; len];
        encoding::decode(encoding, &update.bytes, &mut read).unwrap();
        squared_norm(0.0, &read).sqrt()
    }

    #[test]
    fn should_shorten_what_is_longer_than_allowed_in_every_encoding() {
        let delta: Vec<f32> = (0..1_000_u16).map(|at| f32::from(at % 17) - 8.0).collect();
        for encoding in [UpdateEncoding::F32, UpdateEncoding::F16, UpdateEncoding::Int8] {
            let free = encode(delta.clone(), encoding, None).unwrap();
            let long = norm(&free, encoding, delta.len());
            assert!(long > 100.0 && free.clipped_from.is_none());

            let short = encode(delta.clone(), encoding, Some(10.0)).unwrap();
            let after = norm(&short, encoding, delta.len());
            assert!((9.9..10.0).contains(&after), "{encoding:?}: {after}");
            assert_eq!(short.clipped_from, Some(long));

            let allowed = encode(delta.clone(), encoding, Some(1_000.0)).unwrap();
            assert_eq!((allowed.bytes, allowed.clipped_from), (free.bytes, None));
        }
    }

    #[test]
    fn should_refuse_what_the_encoding_cannot_hold() {
        encode(vec![1e6], UpdateEncoding::F16, None).unwrap_err();
        encode(vec![f32::NAN], UpdateEncoding::Int8, Some(1.0)).unwrap_err();
    }
}
