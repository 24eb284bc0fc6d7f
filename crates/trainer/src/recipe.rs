//! How clients train, as the task's owner asks for it: `client_config`, JSON such as `{"learning_rate": 0.1, "epochs": 5}`.

use ddsx_nn::train::{ClassWeight, Settings};
use ddsx_types::federated_aggregator::Strategy;
use serde::{Deserialize, Serialize};

/// Local training. What is absent is the trainer's own default, or the client's choice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// Step size; 0.05 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f32>,
    /// Memory of past steps; 0.9 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub momentum: Option<f32>,
    /// Samples in a batch; 32 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<usize>,
    /// Passes over the data in a round; 1 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u32>,
    /// What a sample counts in the loss; every one the same if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weight: Option<ClassWeight>,
    /// What inputs are divided by; 1 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<f32>,
}

/// Why a recipe cannot be followed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RecipeError {
    /// The task's owner wrote words, or fields that are not known.
    #[error("client_config: {0}")]
    Unreadable(String),
    /// A value that no training can use.
    #[error("{0} is out of range")]
    OutOfRange(&'static str),
}

impl Recipe {
    /// Reads a task's `client_config`; an empty one says nothing.
    ///
    /// # Errors
    /// [`RecipeError`]: what cannot be read may be words for people.
    pub fn parse(config: &str) -> Result<Self, RecipeError> {
        if config.trim().is_empty() {
            return Ok(Self::default());
        }
        let recipe: Self = serde_json::from_str(config).map_err(|error| RecipeError::Unreadable(error.to_string()))?;
        recipe.check()?;
        Ok(recipe)
    }

    /// As a task's `client_config`.
    pub fn to_config(&self) -> String {
        if *self == Self::default() {
            return String::new();
        }
        // Numbers and a word: always JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Checks every value.
    ///
    /// # Errors
    /// [`RecipeError::OutOfRange`].
    pub fn check(&self) -> Result<(), RecipeError> {
        let positive = |value: f32| value > 0.0 && value.is_finite();
        let good = [
            ("learning_rate", self.learning_rate.is_none_or(positive)),
            (
                "momentum",
                self.momentum.is_none_or(|value| (0.0..1.0).contains(&value)),
            ),
            ("batch", self.batch != Some(0)),
            (
                "epochs",
                self.epochs.is_none_or(|epochs| (1..=10_000).contains(&epochs)),
            ),
            (
                "scale",
                self.scale.is_none_or(|value| value != 0.0 && value.is_finite()),
            ),
        ];
        match good.into_iter().find(|(_, good)| !good) {
            Some((name, _)) => Err(RecipeError::OutOfRange(name)),
            None => Ok(()),
        }
    }

    /// This, and where it says nothing, what `other` says.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self {
            learning_rate: self.learning_rate.or(other.learning_rate),
            momentum: self.momentum.or(other.momentum),
            batch: self.batch.or(other.batch),
            epochs: self.epochs.or(other.epochs),
            class_weight: self.class_weight.or(other.class_weight),
            scale: self.scale.or(other.scale),
        }
    }

    /// As settings of one round's training. FedProx's term comes from the strategy.
    pub fn settings(&self, strategy: &Strategy, seed: u64) -> Settings {
        let default = Settings::default();
        Settings {
            learning_rate: self.learning_rate.unwrap_or(default.learning_rate),
            momentum: self.momentum.unwrap_or(default.momentum),
            batch: self.batch.unwrap_or(default.batch),
            epochs: self.epochs.unwrap_or(default.epochs),
            proximal_mu: match strategy {
                Strategy::FedProx { proximal_mu } => *proximal_mu,
                _ => 0.0,
            },
            class_weight: self.class_weight.unwrap_or(default.class_weight),
            seed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_read_what_it_writes_and_take_the_clients_choice_first() {
        let asked = Recipe {
            learning_rate: Some(0.1),
            epochs: Some(5),
            class_weight: Some(ClassWeight::Balanced),
            ..Recipe::default()
        };
        assert_eq!(
            asked.to_config(),
            r#"{"learning_rate":0.1,"epochs":5,"class_weight":"balanced"}"#
        );
        assert_eq!(Recipe::parse(&asked.to_config()), Ok(asked.clone()));
        assert_eq!(Recipe::parse(" "), Ok(Recipe::default()));
        assert_eq!(Recipe::default().to_config(), "");
        let chosen = Recipe {
            epochs: Some(1),
            batch: Some(16),
            ..Recipe::default()
        };
        let settings = chosen.or(&asked).settings(&Strategy::FedProx { proximal_mu: 0.5 }, 9);
        assert_eq!(
            settings,
            Settings {
                learning_rate: 0.1,
                momentum: 0.9,
                batch: 16,
                epochs: 1,
                proximal_mu: 0.5,
                class_weight: ClassWeight::Balanced,
                seed: 9,
            }
        );
    }

    #[test]
    fn should_refuse_what_no_training_can_use() {
        for (config, words) in [
            ("five epochs, please", "client_config"),
            (r#"{"epochs": 5, "optimizer": "adam"}"#, "optimizer"),
            (r#"{"epochs": 0}"#, "epochs is out of range"),
            (r#"{"momentum": 1.0}"#, "momentum"),
            (r#"{"learning_rate": -1}"#, "learning_rate"),
            (r#"{"scale": 0}"#, "scale"),
            (r#"{"batch": 0}"#, "batch"),
            (r#"{"class_weight": "fair"}"#, "fair"),
        ] {
            let error = Recipe::parse(config).unwrap_err().to_string();
            assert!(error.contains(words), "{config}: {error}");
        }
    }
}
