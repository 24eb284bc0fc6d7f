//! A task's definition file: what its owner writes, and the arguments and files that it becomes.

use std::path::{Path, PathBuf};

use candid::Principal;
use ddsx_client::input::{self, InputError};
use ddsx_client::{LedgerInfo, amount, content};
use ddsx_nn::spec::{Limits, ModelSpec, Plan};
use ddsx_nn::strategies;
use ddsx_nn::weights;
use ddsx_types::federated_aggregator::{
    CreateTaskArgs, Earning, InitialWeights, JoinRule, Privacy, Reward, RewardRule, RoundRules, Scoring, Strategy,
};
use serde::Deserialize;

use crate::data::{self, Columns, DataError, Header, tensors};
use crate::recipe::{Recipe, RecipeError};

/// A definition with every field, to begin from.
pub const EXAMPLE: &str = include_str!("example.toml");

/// Why a definition makes no task.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// A file cannot be read, or is no text.
    #[error(transparent)]
    Input(#[from] InputError),
    /// Not TOML, a field that is not known, or a value of another kind.
    #[error("{path}: {reason}")]
    Malformed {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A field that the aggregator would refuse, or that says too little.
    #[error("{field}: {reason}")]
    Field {
        /// Which.
        field: &'static str,
        /// What it must be.
        reason: String,
    },
    /// The evaluation set is none of the model's.
    #[error("evaluation: {0}")]
    Evaluation(DataError),
    /// Local training as it is asked for cannot be.
    #[error("client: {0}")]
    Recipe(#[from] RecipeError),
}

fn field(field: &'static str, reason: impl std::fmt::Display) -> DefinitionError {
    DefinitionError::Field {
        field,
        reason: reason.to_string(),
    }
}

/// A definition file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    name: String,
    #[serde(default)]
    description: String,
    model: Option<ModelSpec>,
    model_file: Option<PathBuf>,
    weights: Option<PathBuf>,
    strategy: Strategy,
    rounds: Rounds,
    join: Join,
    evaluation: Evaluation,
    #[serde(default = "leave_one_out")]
    scoring: Scoring,
    reward: Option<Pay>,
    norm_bound: Option<f32>,
    privacy: Option<Privacy>,
    scores_at_end: Option<bool>,
    #[serde(default)]
    client: Recipe,
}

fn leave_one_out() -> Scoring {
    Scoring::LeaveOneOut
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rounds {
    count: u32,
    min_updates: u32,
    max_updates: u32,
    duration_s: u64,
    #[serde(default = "most_samples")]
    max_samples: u64,
    #[serde(default)]
    max_staleness: u32,
}

fn most_samples() -> u64 {
    1_000_000
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Rule {
    Open,
    AllowList,
    Licence,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Join {
    rule: Rule,
    max_clients: u32,
    #[serde(default)]
    principals: Vec<Principal>,
    registry: Option<Principal>,
    stream: Option<u64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Evaluation {
    file: PathBuf,
    #[serde(default)]
    tolerance: f64,
    #[serde(default)]
    header: Header,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    inputs: Vec<String>,
    scale: Option<f32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Split {
    ByWorth,
    Equal,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pay {
    per_round: String,
    #[serde(default = "by_worth")]
    rule: Split,
    stake: Option<String>,
    deposit: Option<String>,
    earning: Option<Earning>,
    ledger: Option<Principal>,
}

fn by_worth() -> Split {
    Split::ByWorth
}

/// What a definition becomes: the arguments of `create_task`, and the files that they commit to.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// The arguments.
    pub args: CreateTaskArgs,
    /// First weights, unless they are drawn.
    pub weights: Option<Vec<u8>>,
    /// The evaluation set as the aggregator reads it.
    pub evaluation: Vec<u8>,
    /// What was decided about the columns of the evaluation set, for people.
    pub remarks: Vec<String>,
}

impl Definition {
    /// Reads a definition file.
    ///
    /// # Errors
    /// [`DefinitionError::Input`], [`DefinitionError::Malformed`].
    pub fn read(path: &Path) -> Result<Self, DefinitionError> {
        let text = input::read_text(path)?;
        Self::parse(&text).map_err(|reason| DefinitionError::Malformed {
            path: path.display().to_string(),
            reason,
        })
    }

    /// Reads a definition from TOML.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// Whether rewards or stakes are asked for, and the ledger that the file names for them.
    pub fn pays(&self) -> Option<Option<Principal>> {
        self.reward.as_ref().map(|pay| pay.ledger)
    }

    /// The model that the definition names, checked; a `model_file` is taken from `base`.
    ///
    /// # Errors
    /// [`DefinitionError::Input`], [`DefinitionError::Malformed`], [`DefinitionError::Field`].
    pub fn plan(&self, base: &Path) -> Result<Plan, DefinitionError> {
        Plan::new(&self.model(base)?, &Limits::default()).map_err(|error| field("model", error))
    }

    /// Makes arguments and files. Paths are taken from `base`; `reward` is the ledger of the rewards and its units; `registry` is the one whose
    /// licences are meant where the file names none.
    ///
    /// # Errors
    /// See [`DefinitionError`].
    pub fn prepare(
        &self,
        base: &Path,
        reward: Option<(Principal, &LedgerInfo)>,
        registry: Option<Principal>,
    ) -> Result<Prepared, DefinitionError> {
        self.client.check()?;
        let (model, plan) = (self.model(base)?, self.plan(base)?);
        strategies::check_parameters(&self.strategy).map_err(|error| field("strategy", error))?;
        let (evaluation, remarks) = self.evaluation(base, &plan)?;
        let weights = match &self.weights {
            Some(path) => {
                let file = input::read_binary(&base.join(path))?;
                weights::read(&plan, &file).map_err(|error| field("weights", error))?;
                Some(file)
            }
            None => None,
        };
        let args = CreateTaskArgs {
            name: self.name.clone(),
            description: self.description.clone(),
            model,
            initial: match &weights {
                Some(file) => InitialWeights::Upload(content::digest(file)),
                None => InitialWeights::Draw,
            },
            strategy: self.strategy.clone(),
            join: self.join(registry)?,
            max_clients: self.join.max_clients,
            rounds: RoundRules {
                rounds: self.rounds.count,
                min_updates: self.rounds.min_updates,
                max_updates: self.rounds.max_updates,
                duration_s: self.rounds.duration_s,
                max_samples: self.rounds.max_samples,
                max_staleness: self.rounds.max_staleness,
            },
            evaluation: content::digest(&evaluation),
            tolerance: self.evaluation.tolerance,
            scoring: self.scoring,
            reward: self.reward(reward)?,
            norm_bound: self.norm_bound,
            privacy: self.privacy,
            client_config: self.client.to_config(),
            scores_at_end: self.scores_at_end,
        };
        Ok(Prepared {
            args,
            weights,
            evaluation,
            remarks,
        })
    }

    fn model(&self, base: &Path) -> Result<ModelSpec, DefinitionError> {
        match (&self.model, &self.model_file) {
            (Some(model), None) => Ok(model.clone()),
            (None, Some(path)) => {
                let path = base.join(path);
                serde_json::from_str(&input::read_text(&path)?).map_err(|error| DefinitionError::Malformed {
                    path: path.display().to_string(),
                    reason: error.to_string(),
                })
            }
            _ => Err(field("model", "one of model and model_file says what is trained")),
        }
    }

    fn evaluation(&self, base: &Path, plan: &Plan) -> Result<(Vec<u8>, Vec<String>), DefinitionError> {
        let set = &self.evaluation;
        let columns = Columns {
            header: set.header,
            labels: set.labels.clone(),
            inputs: set.inputs.clone(),
            scale: set.scale.or(self.client.scale),
        };
        data::read(&base.join(&set.file), plan, &columns)
            .and_then(|read| Ok((tensors::write(&read.data, plan)?, read.remarks)))
            .map_err(DefinitionError::Evaluation)
    }

    fn join(&self, registry: Option<Principal>) -> Result<JoinRule, DefinitionError> {
        let join = &self.join;
        match join.rule {
            Rule::Open => Ok(JoinRule::Open),
            Rule::AllowList if join.principals.is_empty() => Err(field("join", "an allow-list needs principals")),
            Rule::AllowList => Ok(JoinRule::AllowList(join.principals.clone())),
            Rule::Licence => Ok(JoinRule::Licence {
                registry: join
                    .registry
                    .or(registry)
                    .ok_or_else(|| field("join", "the rule licence needs a registry: in the file, or --registry"))?,
                stream: join
                    .stream
                    .ok_or_else(|| field("join", "the rule licence needs the number of a stream"))?,
            }),
        }
    }

    fn reward(&self, ledger: Option<(Principal, &LedgerInfo)>) -> Result<Option<Reward>, DefinitionError> {
        let Some(pay) = &self.reward else { return Ok(None) };
        if self.norm_bound.is_none() {
            return Err(field("norm_bound", "needed where money is paid"));
        }
        let (ledger, info) = ledger.ok_or_else(|| field("reward", "which ledger? In the file, or --ledger"))?;
        let units = |text: &str| {
            amount::parse(text, info.decimals, &info.symbol)
                .map(candid::Nat::from)
                .map_err(|error| field("reward", error))
        };
        Ok(Some(Reward {
            ledger,
            per_round: units(&pay.per_round)?,
            rule: match pay.rule {
                Split::ByWorth => RewardRule::ByWorth,
                Split::Equal => RewardRule::Equal,
            },
            stake: units(pay.stake.as_deref().unwrap_or("0"))?,
            earning: pay.earning,
            deposit: pay.deposit.as_deref().map(units).transpose()?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEDGER: Principal = Principal::from_slice(&[7, 7]);

    fn dst() -> LedgerInfo {
        LedgerInfo {
            symbol: "DST".into(),
            decimals: 8,
            fee: 10_000,
        }
    }

    /// A folder with the evaluation set that the example names.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let row = |class: u32| format!("{}{class}\n", "8,".repeat(64));
        let rows: String = (0..10).map(row).collect();
        std::fs::write(folder.path().join("held-out.csv"), rows).unwrap();
        folder
    }

    fn prepare(text: &str) -> Result<Prepared, DefinitionError> {
        let definition = Definition::parse(text).unwrap();
        definition.prepare(folder().path(), Some((LEDGER, &dst())), None)
    }

    #[test]
    fn should_make_a_task_of_the_example() {
        let prepared = prepare(EXAMPLE).unwrap();
        let args = &prepared.args;
        assert_eq!((args.name.as_str(), args.rounds.rounds), ("digits", 20));
        assert_eq!((&args.strategy, &args.join), (&Strategy::FedAvg, &JoinRule::Open));
        assert_eq!((args.initial, prepared.weights), (InitialWeights::Draw, None));
        assert_eq!(args.evaluation, content::digest(&prepared.evaluation));
        let reward = args.reward.as_ref().unwrap();
        assert_eq!((reward.ledger, reward.rule), (LEDGER, RewardRule::ByWorth));
        assert_eq!(reward.per_round, 500_000_000_u64);
        let recipe = Recipe::parse(&args.client_config).unwrap();
        assert_eq!((recipe.epochs, recipe.scale), (Some(5), Some(16.0)));
        let plan = Plan::new(&args.model, &Limits::default()).unwrap();
        let set = tensors::read(&prepared.evaluation, &plan).unwrap();
        assert_eq!((set.len(), set.inputs[0]), (10, 0.5));
    }

    #[test]
    fn should_take_what_the_example_only_mentions() {
        let open = EXAMPLE
            .lines()
            .map(|line| match line.strip_prefix("#: ") {
                Some(mentioned) => mentioned,
                None => line,
            })
            .collect::<Vec<_>>()
            .join("\n");
        assert_ne!(open, EXAMPLE);
        let args = prepare(&open).unwrap().args;
        assert!(args.privacy.is_some() && args.norm_bound.is_some());
        let reward = args.reward.unwrap();
        assert_eq!(reward.stake, 100_000_000_u64);
        assert_eq!(
            (reward.deposit, reward.earning),
            (Some(10_000_000_u64.into()), Some(Earning::default()))
        );
        assert_eq!(args.scores_at_end, Some(true));
    }

    #[test]
    fn should_say_what_a_definition_lacks() {
        let with = |from: &str, to: &str| {
            assert!(EXAMPLE.contains(from), "{from}");
            EXAMPLE.replacen(from, to, 1)
        };
        for (text, words) in [
            (with("rule = \"open\"", "rule = \"allow-list\""), "needs principals"),
            (
                with("rule = \"open\"", "rule = \"licence\"\nstream = 1"),
                "needs a registry",
            ),
            (
                with("strategy = \"FedAvg\"", "strategy = { TrimmedMean = { beta = 0.7 } }"),
                "beta",
            ),
            (with("per_round = \"5\"", "per_round = \"5 ICP\""), "ICP was written"),
            (with("held-out.csv", "none.csv"), "none.csv"),
            (with("epochs = 5", "epochs = 0"), "epochs"),
            (with("norm_bound = 100.0", ""), "norm_bound"),
            (with("outputs = 10", "outputs = 9"), "model"),
        ] {
            let error = prepare(&text).unwrap_err().to_string();
            assert!(error.contains(words), "{words}: {error}");
        }
        let unknown = format!("colour = \"red\"\n{EXAMPLE}");
        assert!(Definition::parse(&unknown).unwrap_err().contains("colour"));
        let without = Definition::parse(EXAMPLE).unwrap().prepare(folder().path(), None, None);
        assert!(without.unwrap_err().to_string().contains("which ledger"));
    }

    #[test]
    fn should_read_definitions_as_windows_writes_them_and_name_what_is_no_text() {
        let folder = folder();
        let path = folder.path().join("digits.toml");
        std::fs::write(&path, format!("\u{feff}{}", EXAMPLE.replace('\n', "\r\n"))).unwrap();
        let read = Definition::read(&path).unwrap();
        let prepared = read.prepare(folder.path(), Some((LEDGER, &dst())), None).unwrap();
        assert_eq!(
            prepared.args,
            prepare(EXAMPLE).unwrap().args,
            "with a mark and Windows' line ends"
        );
        assert!(
            prepared.remarks[0].contains("held-out.csv: the label is column 65"),
            "{:?}",
            prepared.remarks
        );
        std::fs::write(
            &path,
            EXAMPLE.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>(),
        )
        .unwrap();
        let error = Definition::read(&path).unwrap_err().to_string();
        assert!(error.contains("digits.toml: line 1, column 2: a NUL byte"), "{error}");
    }
}
