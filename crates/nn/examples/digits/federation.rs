//! Federated training of the digits, clients and server in one process: the functions that the canister and `ddsx train` use.

use burn::tensor::Device;
use ddsx_nn::encoding::{UpdateEncoding, decode, encode};
use ddsx_nn::kernels::reduce;
use ddsx_nn::spec::Plan;
use ddsx_nn::strategies::{self, Measured, Measurement, Strategy, krum::Distances};
use ddsx_nn::train::data::Dataset;
use ddsx_nn::train::{Settings, TrainError, evaluate, train};
use ddsx_nn::weights;

use crate::attack::Attack;

/// Rounds of every experiment.
pub const ROUNDS: u32 = 20;

/// Concentration of the Dirichlet distribution by which the classes are divided.
const ALPHA: f64 = 0.5;

/// Samples that every client has at least.
const AT_LEAST: usize = 10;

/// One federation.
#[derive(Clone, Debug)]
pub struct Federation {
    /// How the server combines.
    pub strategy: Strategy,
    /// How updates travel.
    pub encoding: UpdateEncoding,
    /// Clients, hostile ones counted.
    pub clients: usize,
    /// Hostile clients: who they are is drawn from the seed.
    pub hostile: usize,
    /// What those do.
    pub attack: Option<Attack>,
}

/// Training and test set of a seed: four fifths and one fifth of each class.
pub fn split(digits: &Dataset, seed: u64) -> (Dataset, Dataset) {
    digits.stratified_split(0.2, seed).expect("digits are classes")
}

/// Accuracy on the test set of the model trained on everything in one place, over as many epochs as the federation takes.
pub fn central(plan: &Plan, digits: &Dataset, local: &Settings, seed: u64) -> f64 {
    let (training, test) = split(digits, seed);
    let settings = Settings {
        epochs: local.epochs * ROUNDS,
        seed,
        ..local.clone()
    };
    let start = weights::init(plan, first_weights(seed));
    let device = Device::flex();
    let trained = train(plan, &start, &training, &settings, &device, |_| ()).expect("training goes well");
    accuracy(plan, &trained, &test)
}

impl Federation {
    /// Accuracy on the test set after the last round.
    pub fn run(&self, plan: &Plan, digits: &Dataset, local: &Settings, seed: u64) -> f64 {
        let (training, test) = split(digits, seed);
        let mut shares = training
            .dirichlet(self.clients, ALPHA, AT_LEAST, seed)
            .expect("enough samples");
        let attacks = self.attacks(seed);
        for (share, attack) in shares.iter_mut().zip(&attacks) {
            if let Some(attack) = attack {
                attack.data(share);
            }
        }
        let mut model = weights::init(plan, first_weights(seed));
        let mut state = vec![vec![0.0; model.len()]; strategies::state_vectors(&self.strategy)];
        for round in 1..=ROUNDS {
            let (updates, samples): (Vec<Vec<f32>>, Vec<u64>) = (0_u64..)
                .zip(shares.iter().zip(&attacks))
                .filter_map(|(client, (share, attack))| {
                    let seed = (seed * 1000 + u64::from(round)) * 1000 + client;
                    let settings = Settings { seed, ..local.clone() };
                    let update = self.update(plan, &model, share, *attack, &settings)?;
                    Some((update, share.len() as u64))
                })
                .unzip();
            let count = u32::try_from(updates.len()).expect("few clients");
            if strategies::check_count(&self.strategy, count).is_ok() {
                self.combine(round, &updates, &samples, &mut model, &mut state);
            }
        }
        accuracy(plan, &model, &test)
    }

    /// Who is hostile.
    fn attacks(&self, seed: u64) -> Vec<Option<Attack>> {
        let mut attacks = vec![None; self.clients];
        // A step that shares no factor with 10 or 15 visits each client once.
        let first = usize::try_from(seed).expect("a small seed");
        for place in 0..self.hostile {
            attacks[(first + place * 7) % self.clients] = self.attack;
        }
        attacks
    }

    /// One client's step as the server decodes it; none if a model that attackers spoiled cannot be trained any more.
    fn update(
        &self,
        plan: &Plan,
        model: &[f32],
        data: &Dataset,
        attack: Option<Attack>,
        settings: &Settings,
    ) -> Option<Vec<f32>> {
        let trained = match train(plan, model, data, settings, &Device::flex(), |_| ()) {
            Ok(trained) => trained,
            Err(TrainError::Diverged(_)) => return None,
            Err(error) => panic!("{error}"),
        };
        let mut step: Vec<f32> = trained.iter().zip(model).map(|(new, old)| new - old).collect();
        if let Some(attack) = attack {
            attack.step(&mut step, settings.seed);
        }
        let bytes = encode(self.encoding, &step).ok()?;
        decode(self.encoding, &bytes, &mut step).expect("as encoded");
        Some(step)
    }

    fn combine(&self, round: u32, updates: &[Vec<f32>], samples: &[u64], model: &mut [f32], state: &mut [Vec<f32>]) {
        let updates: Vec<&[f32]> = updates.iter().map(Vec::as_slice).collect();
        let measured = match strategies::measure(&self.strategy) {
            Measurement::None => Measured::None,
            Measurement::Norms => {
                Measured::Norms(updates.iter().map(|update| reduce::squared_norm(0.0, update)).collect())
            }
            Measurement::Distances => {
                let mut distances = Distances::new(updates.len());
                distances.add(&updates).expect("updates of one length");
                Measured::Distances(distances)
            }
        };
        let rule = strategies::rule(&self.strategy, samples, &measured).expect("enough updates");
        let mut step = vec![0.0; model.len()];
        strategies::combine(&rule, &updates, &mut step).expect("updates of one length");
        let mut state: Vec<&mut [f32]> = state.iter_mut().map(Vec::as_mut_slice).collect();
        strategies::apply(&self.strategy, round, model, &step, &mut state);
    }
}

fn first_weights(seed: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes
}

fn accuracy(plan: &Plan, model: &[f32], test: &Dataset) -> f64 {
    let evaluation = evaluate(plan, model, test, test.len(), &Device::flex()).expect("data of this model");
    evaluation.accuracy().expect("a model of classes") * 100.0
}
