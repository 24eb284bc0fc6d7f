//! Neural networks for federated learning: what `federated_aggregator` and `ddsx train` have in common.
//!
//! A model is described by a [`spec::ModelSpec`], checked once into a [`spec::Plan`], and its weights are one flat `Vec<f32>` in the plan's order
//! (PyTorch's names and layouts). Everything else takes these two:
//!
//! | to | use |
//! |---|---|
//! | check a specification from a stranger | [`spec::Plan::new`] with [`spec::Limits`] |
//! | draw first weights | [`weights::init`] |
//! | read and write safetensors, or serve them from what is stored | [`weights::read`], [`weights::write`], [`weights::header`] |
//! | predict | [`build::Network::new`], then [`build::Network::pack`], then [`build::Network::predict`] |
//! | evaluate in slices | [`score::evaluation::Evaluation`] |
//! | put an update on the wire | [`encoding::encode`], [`encoding::decode`], cut at [`encoding::unit`] |
//! | combine a round in slices | [`strategies`]: `measure`, `rule`, `combine`, `apply` |
//! | combine as updates come | [`strategies::fed_buff`] |
//! | score contributions | [`score::leave_one_out`], [`score::shapley`], [`score::proxy`] |
//! | train (feature `training`) | `train::train`, `train::evaluate`, `train::data::Dataset` |
//!
//! # What is promised
//! - The same inputs give the same bits natively and in a canister for strategies, encodings, scores, first weights and the dense kernel. Predictions of
//!   other layers are Burn's and are deterministic on one platform: every replica agrees, a native run may differ in the last bits.
//! - Nothing here panics on what a stranger sends, once it went through the checks named above. Panics are for broken promises between our own parts, and documented.
//! - No clock, no randomness but from a seed that the caller gives.
//!
//! # Building it
//! Burn is used without its `std` feature in canisters, with `simd128` (as `canister-build` compiles all canisters), and with the two
//! replacements that `patches/README.md` explains. The feature `training` adds autodiff and is native only; `cuda` adds Burn's CUDA backend.

pub mod build;
pub mod encoding;
pub mod kernels;
pub mod score;
pub mod spec;
pub mod strategies;
#[cfg(feature = "training")]
pub mod train;
pub mod weights;
