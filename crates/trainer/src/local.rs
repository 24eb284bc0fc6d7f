//! One round of local training: from the model's file to the bytes of an update.

use std::sync::Arc;

use burn::tensor::Device;
use ddsx_nn::encoding::{self, UpdateEncoding};
use ddsx_nn::kernels::reduce::squared_norm;
use ddsx_nn::spec::Plan;
use ddsx_nn::train::data::Dataset;
use ddsx_nn::train::{Progress, Settings, TrainError, evaluate, train};
use ddsx_nn::weights;

use crate::TrainerError;

/// How far below a norm bound a delta is shortened: the aggregator sums in another order, and quantising moves every number.
const MARGIN: f64 = 0.999;

/// A step so many times longer than the weights themselves (and 1) may have led anywhere: the loss tells.
const LONG_STEP: f64 = 1e3;
/// After a step so many times longer nothing is left of the model but rounding.
const ENDLESS_STEP: f64 = 1e9;
/// By how many times the loss before it (and 1) a loss is beyond everything that training is for.
const LOST: f64 = 1_000.0;
/// Samples evaluated at a time.
const BATCH: usize = 256;

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
    /// Trains from a model's file. Where training diverged there is nothing to send, and the reason is answered in words.
    pub fn round(
        &self,
        file: &[u8],
        settings: &Settings,
        progress: impl FnMut(Progress),
    ) -> Result<Result<Update, String>, TrainerError> {
        let global = weights::read(&self.plan, file)?;
        let trained = match train(&self.plan, &global, &self.data, settings, &Device::flex(), progress) {
            Ok(trained) => trained,
            Err(error @ TrainError::Diverged(_)) => return Ok(Err(error.to_string())),
            Err(error) => return Err(TrainerError::Train(error)),
        };
        let delta: Vec<f32> = trained.iter().zip(&global).map(|(new, old)| new - old).collect();
        if delta.iter().any(|number| !number.is_finite()) {
            return Ok(Err("training diverged: a weight is too large for its number".into()));
        }
        let (step, weights) = (norm(&delta), norm(&global) + 1.0);
        if step > ENDLESS_STEP * weights {
            return Ok(Err(format!("training diverged: its step has the norm {step:.3e}")));
        }
        if step > LONG_STEP * weights {
            let (before, after) = (self.loss(&global)?, self.loss(&trained)?);
            if after.is_nan() || after > LOST * (before + 1.0) {
                return Ok(Err(format!(
                    "training diverged: the loss was {before:.3}, and is {after:.3e} now"
                )));
            }
        }
        Ok(encode(&delta, self.encoding, self.norm_bound)?)
    }

    /// Mean loss of weights on the client's own data.
    fn loss(&self, weights: &[f32]) -> Result<f64, TrainerError> {
        let found = evaluate(&self.plan, weights, &self.data, BATCH, &Device::flex()).map_err(TrainerError::Train)?;
        #[expect(clippy::cast_precision_loss, reason = "a count of samples")]
        let samples = found.samples.max(1) as f64;
        Ok(found.loss_sum / samples)
    }
}

/// Euclidean norm, which no finite numbers overflow.
fn norm(numbers: &[f32]) -> f64 {
    let squares = numbers.iter().map(|number| f64::from(*number).powi(2));
    squares.sum::<f64>().sqrt()
}

/// Encodes a delta, shortened if what the aggregator will read of it is longer than allowed. What would be read as nothing, or as longer than any
/// number, is not to be sent: the reason.
fn encode(
    delta: &[f32],
    encoding: UpdateEncoding,
    bound: Option<f32>,
) -> Result<Result<Update, String>, encoding::EncodingError> {
    let bound = bound.map(f64::from);
    let whole = norm(delta);
    let mut factor = match bound {
        Some(bound) if whole > bound => bound * MARGIN / whole,
        _ => 1.0,
    };
    let mut read = vec![0.0; delta.len()];
    loop {
        // The nearest numbers that there are.
        #[expect(clippy::cast_possible_truncation)]
        let short: Vec<f32> = delta
            .iter()
            .map(|number| (f64::from(*number) * factor) as f32)
            .collect();
        let bytes = encoding::encode(encoding, &short)?;
        encoding::decode(encoding, &bytes, &mut read)?;
        // As the aggregator sums it.
        let norm = squared_norm(0.0, &read).sqrt();
        if !norm.is_finite() {
            return Ok(Err(
                "training diverged: the update's norm is too large for any number".into()
            ));
        }
        if norm == 0.0 && whole > 0.0 {
            return Ok(Err(format!(
                "training diverged or stood still: nothing is left of an update of norm {whole:.3e} as it would be sent"
            )));
        }
        match bound {
            Some(bound) if norm > bound * MARGIN.sqrt() => factor *= bound * MARGIN / norm,
            _ => {
                let clipped_from = (factor < 1.0).then_some(whole);
                return Ok(Ok(Update { bytes, clipped_from }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ddsx_nn::spec::{Limits, ModelSpec};

    use super::*;
    use crate::data::Columns;

    fn norm(update: &Update, encoding: UpdateEncoding, len: usize) -> f64 {
        let mut read = vec![0.0; len];
        encoding::decode(encoding, &update.bytes, &mut read).unwrap();
        squared_norm(0.0, &read).sqrt()
    }

    #[test]
    fn should_shorten_what_is_longer_than_allowed_in_every_encoding() {
        let delta: Vec<f32> = (0..1_000_u16).map(|at| f32::from(at % 17) - 8.0).collect();
        for encoding in [UpdateEncoding::F32, UpdateEncoding::F16, UpdateEncoding::Int8] {
            let free = encode(&delta, encoding, None).unwrap().unwrap();
            let long = norm(&free, encoding, delta.len());
            assert!(long > 100.0 && free.clipped_from.is_none());

            let short = encode(&delta, encoding, Some(10.0)).unwrap().unwrap();
            let after = norm(&short, encoding, delta.len());
            assert!((9.9..10.0).contains(&after), "{encoding:?}: {after}");
            assert_eq!(short.clipped_from, Some(super::norm(&delta)));

            let allowed = encode(&delta, encoding, Some(1_000.0)).unwrap().unwrap();
            assert_eq!((allowed.bytes, allowed.clipped_from), (free.bytes, None));
        }
    }

    #[test]
    fn should_refuse_what_the_encoding_cannot_hold() {
        encode(&[1e6], UpdateEncoding::F16, None).unwrap_err();
        encode(&[f32::NAN], UpdateEncoding::Int8, Some(1.0)).unwrap_err();
    }

    #[test]
    fn should_keep_the_direction_of_any_finite_step_and_send_neither_nothing_nor_infinity() {
        for encoding in [UpdateEncoding::F32, UpdateEncoding::F16, UpdateEncoding::Int8] {
            let short = encode(&[3e38, -3e38], encoding, Some(1.0)).unwrap().unwrap();
            let after = norm(&short, encoding, 2);
            assert!((0.99..1.0).contains(&after), "{encoding:?}: {after}");
            let nothing = encode(&[1e-44, 0.0], encoding, Some(1e-45)).unwrap();
            assert!(nothing.is_err(), "{encoding:?}: {nothing:?}");
            let still = encode(&[0.0, 0.0], encoding, Some(1.0)).unwrap().unwrap();
            assert_eq!(still.clipped_from, None, "a client that learnt nothing says so");
        }
        for encoding in [UpdateEncoding::F32, UpdateEncoding::Int8] {
            let endless = encode(&[3e38, -3e38], encoding, None).unwrap().unwrap_err();
            assert!(endless.contains("too large for any number"), "{endless}");
        }
    }

    #[test]
    fn should_say_that_training_diverged_and_send_nothing() {
        let spec = r#"{"input_shape":[4],"layers":[{"name":"fc","layer":{"Linear":{"inputs":4,"outputs":3,"bias":true}}}],"output":{"Classes":3}}"#;
        let spec: ModelSpec = serde_json::from_str(spec).unwrap();
        let plan = Plan::new(&spec, &Limits::default()).unwrap();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/data/cases/diverging/cls.csv");
        let data = crate::data::read(Path::new(path), &plan, &Columns::default())
            .unwrap()
            .data;
        let file = weights::write(&plan, &vec![0.1; plan.len]).unwrap();
        let mut local = Local {
            plan: Arc::new(plan),
            data: Arc::new(data),
            encoding: UpdateEncoding::F32,
            norm_bound: None,
        };
        for encoding in [UpdateEncoding::F32, UpdateEncoding::F16, UpdateEncoding::Int8] {
            for norm_bound in [None, Some(1.0)] {
                (local.encoding, local.norm_bound) = (encoding, norm_bound);
                for epochs in [1, 3] {
                    // One batch an epoch: the loss is looked at before the only step.
                    for learning_rate in [1e12, 1e20, 1e38] {
                        let settings = Settings {
                            learning_rate,
                            epochs,
                            ..Settings::default()
                        };
                        let said = local.round(&file, &settings, |_| ()).unwrap().unwrap_err();
                        assert!(
                            said.contains("training diverged"),
                            "{encoding:?} {learning_rate}: {said}"
                        );
                    }
                }
                let good = local.round(&file, &Settings::default(), |_| ()).unwrap().unwrap();
                assert!(norm(&good, encoding, local.plan.len) > 0.0);
            }
        }
    }
}
