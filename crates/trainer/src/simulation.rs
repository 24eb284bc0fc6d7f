//! One data set as if many clients held a part of it each.

use ddsx_nn::train::data::{Dataset, Labels};

use crate::data::DataError;

/// How a data set is divided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Division {
    /// Among how many.
    pub clients: usize,
    /// Concentration of the Dirichlet distribution from which each class's shares are drawn: the smaller, the more skewed. If absent, samples
    /// are dealt out one after another.
    pub alpha: Option<f64>,
    /// Samples that each gets at least.
    pub at_least: usize,
    /// Decides every draw.
    pub seed: u64,
}

/// Why a set is not divided.
pub type DivisionError = DataError;

impl Division {
    /// The parts, each with its samples in the set's order. The same set and division always give the same parts.
    ///
    /// # Errors
    /// [`DataError::Division`] if there are too few samples, or α is given for a set without classes.
    pub fn divide(&self, data: &Dataset) -> Result<Vec<Dataset>, DivisionError> {
        match self.alpha {
            Some(alpha) => Ok(data.dirichlet(self.clients, alpha, self.at_least, self.seed)?),
            None => self.deal(data),
        }
    }

    fn deal(&self, data: &Dataset) -> Result<Vec<Dataset>, DivisionError> {
        let clients = self.clients.max(1);
        if data.len() / clients < self.at_least.max(1) {
            return Err(ddsx_nn::train::data::DataError::TooFewSamples(self.at_least).into());
        }
        let order = by_class(data);
        let part = |client: usize| {
            let mut chosen: Vec<usize> = order.iter().copied().skip(client).step_by(clients).collect();
            chosen.sort_unstable();
            data.select(&chosen)
        };
        Ok((0..clients).map(part).collect())
    }
}

/// Places of the samples, class after class, so that dealing them out gives everyone some of each.
fn by_class(data: &Dataset) -> Vec<usize> {
    let mut order: Vec<usize> = (0..data.len()).collect();
    if let Labels::Classes(classes) = &data.labels {
        order.sort_by_key(|at| classes[*at]);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> Dataset {
        Dataset {
            width: 1,
            inputs: (0..300_u16).map(f32::from).collect(),
            labels: Labels::Classes((0..300).map(|at| at % 3).collect()),
        }
    }

    fn sorted(parts: &[Dataset]) -> Vec<f32> {
        let mut all: Vec<f32> = parts.iter().flat_map(|part| part.inputs.clone()).collect();
        all.sort_by(f32::total_cmp);
        all
    }

    #[test]
    fn should_give_every_sample_to_one_client() {
        for alpha in [None, Some(0.5), Some(100.0)] {
            let division = Division {
                clients: 7,
                alpha,
                at_least: 5,
                seed: 3,
            };
            let parts = division.divide(&data()).unwrap();
            assert_eq!((parts.len(), sorted(&parts)), (7, data().inputs), "{alpha:?}");
            assert!(parts.iter().all(|part| part.len() >= 5));
            assert_eq!(parts, division.divide(&data()).unwrap(), "the same parts again");
        }
    }

    #[test]
    fn should_skew_classes_by_alpha_and_deal_them_evenly_without() {
        let spread = |alpha| {
            let division = Division {
                clients: 3,
                alpha,
                at_least: 1,
                seed: 1,
            };
            let parts = division.divide(&data()).unwrap();
            let count = |part: &Dataset, class: u32| match &part.labels {
                Labels::Classes(classes) => classes.iter().filter(|one| **one == class).count(),
                Labels::Values(_) => 0,
            };
            let counts = parts
                .iter()
                .flat_map(|part| (0..3).map(move |class| count(part, class)));
            let counts: Vec<usize> = counts.collect();
            counts.iter().max().unwrap() - counts.iter().min().unwrap()
        };
        assert!(spread(None) <= 1);
        assert!(spread(Some(0.1)) > spread(Some(1_000.0)));
    }

    #[test]
    fn should_refuse_a_division_that_leaves_someone_without_samples() {
        let division = Division {
            clients: 200,
            alpha: None,
            at_least: 2,
            seed: 0,
        };
        assert!(matches!(division.divide(&data()), Err(DataError::Division(_))));
        let targets = Dataset {
            width: 1,
            inputs: vec![1.0; 10],
            labels: Labels::Values(vec![0.0; 10]),
        };
        let division = Division {
            clients: 2,
            alpha: Some(0.5),
            at_least: 1,
            seed: 0,
        };
        assert!(matches!(division.divide(&targets), Err(DataError::Division(_))));
    }
}
