//! Labelled samples: reading them, and dividing them among clients.

use std::io::Read;

use rand::rngs::ChaCha8Rng;
use rand::{Rng as _, SeedableRng as _};
use rand_distr::{Distribution as _, Gamma};

use crate::score::evaluation::Targets;

/// Samples and what they should give.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Numbers in one sample.
    pub width: usize,
    /// Sample after sample.
    pub inputs: Vec<f32>,
    /// One label for each.
    pub labels: Labels,
}

/// Labels of a data set.
#[derive(Clone, Debug, PartialEq)]
pub enum Labels {
    /// A class for each sample.
    Classes(Vec<u32>),
    /// As many values for each sample as the model has outputs, one sample after another.
    Values(Vec<f32>),
}

impl Labels {
    /// As an evaluation takes them.
    pub fn as_targets(&self) -> Targets<'_> {
        match self {
            Self::Classes(classes) => Targets::Classes(classes),
            Self::Values(values) => Targets::Values(values),
        }
    }
}

/// Why data cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Not readable as comma-separated values.
    #[error("cannot read the data: {0}")]
    Csv(#[from] csv::Error),
    /// A row that is too short, of another length than the first, or with something that is no number.
    #[error("row {row}: {reason}")]
    Row {
        /// Which, from 1.
        row: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Only classes can be divided by class.
    #[error("the labels are no classes")]
    NoClasses,
    /// A number of clients, a fraction or a concentration out of range.
    #[error("{0} is out of range")]
    OutOfRange(&'static str),
    /// No draw of a hundred gave every client as many samples as wanted.
    #[error("no division gives each client {0} samples; ask for fewer clients or a larger alpha")]
    TooFewSamples(usize),
}

impl Dataset {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.inputs.len() / self.width
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }

    /// Reads comma-separated numbers without a heading: inputs, divided by `scale`, then the class.
    ///
    /// # Errors
    /// [`DataError::Csv`], [`DataError::Row`], [`DataError::OutOfRange`] for a scale of zero.
    pub fn from_csv(reader: impl Read, scale: f32) -> Result<Self, DataError> {
        if !(scale.is_finite() && scale != 0.0) {
            return Err(DataError::OutOfRange("the scale"));
        }
        let mut width = 0;
        let (mut inputs, mut classes) = (Vec::new(), Vec::new());
        let mut rows = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(reader);
        for (row, record) in (1_u64..).zip(rows.records()) {
            let record = record?;
            let fail = |reason| DataError::Row { row, reason };
            let (class, values) = (record.len().checked_sub(1)).filter(|values| *values > 0).map_or_else(
                || Err(fail("one input and a class at least")),
                |values| Ok((record.get(values).unwrap_or_default(), values)),
            )?;
            if row == 1 {
                width = values;
            } else if values != width {
                return Err(fail("another length than the first row's"));
            }
            classes.push(class.trim().parse().map_err(|_| fail("the class is no whole number"))?);
            for field in record.iter().take(values) {
                let value: f32 = field.trim().parse().map_err(|_| fail("an input is no number"))?;
                if !value.is_finite() {
                    return Err(fail("an input is not finite"));
                }
                inputs.push(value / scale);
            }
        }
        Ok(Self {
            width: width.max(1),
            inputs,
            labels: Labels::Classes(classes),
        })
    }

    /// UCI's handwritten digits, `data/uci-digits.csv.gz`: 8×8 pixels, 0 to 16, scaled to 0 to 1.
    ///
    /// # Errors
    /// As [`Self::from_csv`].
    pub fn digits(gzip: &[u8]) -> Result<Self, DataError> {
        Self::from_csv(flate2::read::GzDecoder::new(gzip), 16.0)
    }

    /// The samples at `indices`, in their order.
    ///
    /// # Panics
    /// If an index is none of the set's.
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        let width = self.width;
        let inputs = indices
            .iter()
            .flat_map(|&index| &self.inputs[index * width..(index + 1) * width])
            .copied()
            .collect();
        let labels = match &self.labels {
            Labels::Classes(classes) => Labels::Classes(indices.iter().map(|&index| classes[index]).collect()),
            Labels::Values(values) => {
                let each = values.len() / self.len().max(1);
                let chosen = indices
                    .iter()
                    .flat_map(|&index| &values[index * each..(index + 1) * each]);
                Labels::Values(chosen.copied().collect())
            }
        };
        Self { width, inputs, labels }
    }

    /// Indices of each class, in the set's order.
    fn by_class(&self) -> Result<Vec<Vec<usize>>, DataError> {
        let Labels::Classes(classes) = &self.labels else {
            return Err(DataError::NoClasses);
        };
        let mut names: Vec<u32> = classes.clone();
        names.sort_unstable();
        names.dedup();
        let mut indices = vec![Vec::new(); names.len()];
        for (index, class) in classes.iter().enumerate() {
            let at = names.binary_search(class).map_err(|_| DataError::NoClasses)?;
            indices[at].push(index);
        }
        Ok(indices)
    }

    /// Two sets that have the classes in the same proportions: the second has `fraction` of each class, rounded.
    ///
    /// # Errors
    /// [`DataError::NoClasses`]; [`DataError::OutOfRange`] if the fraction is not between 0 and 1.
    pub fn stratified_split(&self, fraction: f64, seed: u64) -> Result<(Self, Self), DataError> {
        if !(0.0..=1.0).contains(&fraction) {
            return Err(DataError::OutOfRange("the fraction"));
        }
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for mut class in self.by_class()? {
            shuffle(&mut class, &mut random);
            #[allow(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss
            )]
            let taken = (class.len() as f64 * fraction).round() as usize;
            second.extend_from_slice(&class[..taken]);
            first.extend_from_slice(&class[taken..]);
        }
        first.sort_unstable();
        second.sort_unstable();
        Ok((self.select(&first), self.select(&second)))
    }

    /// Divides the samples among `clients`, each class in proportions drawn from a Dirichlet distribution of concentration `alpha`: the smaller,
    /// the more skewed. Draws again until each client has `at_least` samples.
    ///
    /// # Errors
    /// [`DataError::NoClasses`], [`DataError::OutOfRange`], [`DataError::TooFewSamples`].
    pub fn dirichlet(&self, clients: usize, alpha: f64, at_least: usize, seed: u64) -> Result<Vec<Self>, DataError> {
        if clients == 0 {
            return Err(DataError::OutOfRange("the number of clients"));
        }
        let gamma = Gamma::new(alpha, 1.0).map_err(|_| DataError::OutOfRange("alpha"))?;
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let classes = self.by_class()?;
        for _ in 0..100 {
            let mut shares = vec![Vec::new(); clients];
            for class in &classes {
                let mut class = class.clone();
                shuffle(&mut class, &mut random);
                let weights: Vec<f64> = (0..clients).map(|_| gamma.sample(&mut random)).collect();
                divide(&class, &weights, &mut shares);
            }
            if shares.iter().all(|share| share.len() >= at_least) {
                return Ok(shares
                    .into_iter()
                    .map(|mut share| {
                        share.sort_unstable();
                        self.select(&share)
                    })
                    .collect());
            }
        }
        Err(DataError::TooFewSamples(at_least))
    }
}

/// Cuts `class` in the proportions of `weights`.
fn divide(class: &[usize], weights: &[f64], shares: &mut [Vec<usize>]) {
    let total: f64 = weights.iter().sum();
    let (mut sum, mut first) = (0.0, 0);
    for (client, (weight, share)) in weights.iter().zip(&mut *shares).enumerate() {
        sum += weight;
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss
        )]
        let last = if client + 1 == weights.len() {
            class.len()
        } else {
            ((sum / total * class.len() as f64).round() as usize).clamp(first, class.len())
        };
        share.extend_from_slice(&class[first..last]);
        first = last;
    }
}

/// Fisher and Yates; the modulus' bias is below 2⁻³² for sets that fit in memory.
pub(super) fn shuffle(order: &mut [usize], random: &mut ChaCha8Rng) {
    for last in (1..order.len()).rev() {
        #[allow(clippy::cast_possible_truncation)]
        let pick = (random.next_u64() % (last as u64 + 1)) as usize;
        order.swap(last, pick);
    }
}
