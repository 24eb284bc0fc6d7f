//! `ddsx train`: one client, or many that are simulated on this machine, until the task ends.

mod display;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use candid::{Nat, Principal};
use ddsx_client::identity::{IdentityFolder, KeyKind};
use ddsx_client::{Aggregator, LedgerInfo, Network};
use ddsx_nn::spec::Plan;
use ddsx_nn::train::data::Dataset;
use ddsx_trainer::data::{self, stream};
use ddsx_trainer::{
    Client, ClientOptions, Division, Membership, Pace, Recipe, RecipeError, StateFolder, TrainerError, Watcher,
    account, settled,
};
use ddsx_types::federated_aggregator::{LineageStream, Stage, TaskInfo};
use tokio::task::JoinSet;

use crate::args::TrainArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::stake::{self, Consent};
use crate::task;
use crate::text;
use display::Display;

/// How long is waited for rewards and stakes after a task's end.
const SETTLING: Duration = Duration::from_mins(1);

pub async fn run(context: &Context, args: TrainArgs) -> Result<(), Failure> {
    let aggregator = context.aggregator().await?;
    // What the task asks for decides over stake, work and rounds: the subnet's word, not one node's.
    let info = task::info(&aggregator.agreed(), args.task).await?;
    if let Stage::Ended(reason) = &info.stage.stage {
        let why = task::view::end_text(reason);
        return Err(Failure::refused(format!("task {} is over: {why}", info.id)));
    }
    let units = task::agreed_units(&aggregator, &info).await?;
    let recipe = recipe(context, &info, &args)?;
    let plan = ddsx_trainer::plan(&info)?;
    let (data, lineage) = read(context, aggregator.network(), &plan, &args, recipe.scale).await?;
    context.output.remark(&format!(
        "{} samples; task {}: {}, {}",
        data.len(),
        info.id,
        text::one_line(&info.args.name),
        standing(&info)
    ));
    let setting = Setting {
        context,
        aggregator,
        info,
        units,
        args,
    };
    // Whatever Ctrl-C interrupts, the state folder knows how to go on.
    tokio::select! {
        done = setting.train(data, recipe, lineage) => done,
        _ = tokio::signal::ctrl_c() => {
            context.output.remark("stopped; the same command goes on where it was");
            Err(Failure::interrupted())
        }
    }
}

/// Where a task is, for somebody who waits for it.
fn standing(info: &TaskInfo) -> String {
    let rounds = info.args.rounds.rounds;
    match &info.stage.stage {
        Stage::Draft => {
            format!("{rounds} rounds; it is a draft: training begins when its owner starts it, which is waited for")
        }
        Stage::Preparing => format!("{rounds} rounds; it is being prepared, and begins soon"),
        Stage::Running | Stage::Ended(_) => format!("round {} of {rounds}", (info.rounds_held + 1).min(rounds)),
    }
}

/// What the options say, then what the task asks for.
fn recipe(context: &Context, info: &TaskInfo, args: &TrainArgs) -> Result<Recipe, Failure> {
    let asked = match Recipe::parse(&info.args.client_config) {
        Ok(asked) => asked,
        Err(RecipeError::Unreadable(_)) => {
            let words = text::one_line(&info.args.client_config);
            context.output.remark(&format!(
                "the task's owner asks for this in words, which you must follow yourself: {words}"
            ));
            Recipe::default()
        }
        Err(error) => return Err(error.into()),
    };
    let chosen = Recipe {
        scale: args.columns.scale,
        ..args.recipe.recipe()
    };
    let recipe = chosen.or(&asked);
    recipe.check()?;
    Ok(recipe)
}

/// The data, and what is to be declared as its origin.
async fn read(
    context: &Context,
    network: &Network,
    plan: &Plan,
    args: &TrainArgs,
    scale: Option<f32>,
) -> Result<(Dataset, Vec<LineageStream>), Failure> {
    let columns = args.columns.columns(scale);
    match (&args.data, args.stream) {
        (Some(path), _) => {
            let read = data::read(path, plan, &columns)?;
            say(context, &read.remarks);
            Ok((read.data, Vec::new()))
        }
        (None, Some(number)) => {
            let registry = context.registry_on(network)?;
            let bar = context.output.progress(1, "chunks verified");
            let progress = |here, total| {
                bar.set_length(total);
                bar.set_position(here);
            };
            let (read, lineage) = stream::read(&registry, number, plan, &columns, progress).await?;
            bar.finish_and_clear();
            say(context, &read.remarks);
            Ok((read.data, vec![lineage]))
        }
        (None, None) => Err(Failure::usage("train on what? --data or --stream")),
    }
}

/// What was decided about the data.
fn say(context: &Context, remarks: &[String]) {
    for remark in remarks {
        context.output.remark(remark);
    }
}

struct Setting<'a> {
    context: &'a Context,
    aggregator: Aggregator,
    info: TaskInfo,
    units: Option<LedgerInfo>,
    args: TrainArgs,
}

impl Setting<'_> {
    async fn train(self, data: Dataset, recipe: Recipe, lineage: Vec<LineageStream>) -> Result<(), Failure> {
        let display = Arc::new(Display::new(self.context.output, self.units.clone(), &self.info));
        let mut options = ClientOptions::new(display.observer());
        options.encoding = self.args.upload.into();
        options.recipe = recipe;
        options.account = self.args.account;
        options.lineage = lineage;
        options.pace = Pace {
            poll: self.args.interval,
            ..Pace::default()
        };
        let pace = options.pace;
        let (clients, first_round) = match self.args.division.clients {
            None => self.alone(data, options).await?,
            Some(count) => self.simulated(&data, usize::from(count), options).await?,
        };
        let principals: Vec<_> = clients.iter().map(Client::principal).collect();
        display.set_clients(&principals);
        let watcher = Watcher::new(
            self.aggregator.clone(),
            self.info.id,
            first_round,
            pace,
            display.observer(),
        );
        let ended = tokio::try_join!(watcher.run(), run_all(clients));
        display.clear();
        ended?;
        let fee = self.units.as_ref().map_or(0, |units| units.fee);
        let participants = settled(&self.aggregator, self.info.id, &principals, fee, SETTLING).await?;
        display.summary(&participants)
    }

    /// The folder of this run.
    fn folder(&self, simulated: bool) -> PathBuf {
        if let Some(path) = &self.args.state {
            return path.clone();
        }
        let mut path = task::state_path(self.context, &self.aggregator, &self.info);
        if simulated {
            path.as_mut_os_string().push("-simulated");
        }
        path
    }

    fn state(&self, path: &Path, aggregator: &Aggregator, seed: Option<u64>) -> Result<StateFolder, Failure> {
        Ok(StateFolder::open(path, Membership::new(aggregator, &self.info), seed)?)
    }

    /// Reports from the last round that an earlier run took part in are printed, perhaps again; a first run begins with what comes.
    fn first_round(&self, done: u32) -> u32 {
        if done == 0 { self.info.rounds_held + 1 } else { done }
    }

    /// Asks before stakes are paid for those of these clients that do not take part yet; the largest that may be paid.
    async fn consent(&self, clients: &[Principal], simulated: bool) -> Result<Nat, Failure> {
        let mut joining = 0;
        for client in clients {
            let known = self.aggregator.agreed().participant(self.info.id, *client).await?;
            joining += usize::from(!known.is_some_and(|known| known.active));
        }
        let room = self.info.args.max_clients.saturating_sub(self.info.clients);
        if joining > usize::try_from(room).unwrap_or(usize::MAX) {
            return Err(Failure::refused(format!(
                "task {} takes {} clients and has {}: {joining} more do not fit; nothing was charged",
                self.info.id, self.info.args.max_clients, self.info.clients
            )));
        }
        let consent = Consent {
            joining,
            simulated,
            yes: self.args.yes,
            max_stake: self.args.max_stake.as_deref(),
        };
        stake::ask(self.context, &self.aggregator, &self.info, self.units.as_ref(), consent).await
    }

    async fn alone(&self, data: Dataset, mut options: ClientOptions) -> Result<(Vec<Client>, u32), Failure> {
        options.max_stake = Some(self.consent(&[self.aggregator.network().principal()], false).await?);
        let state = self.state(&self.folder(false), &self.aggregator, self.args.seed)?;
        let first_round = self.first_round(state.done());
        let client = Client::new(self.aggregator.clone(), &self.info, Arc::new(data), state, options)?;
        Ok((vec![client], first_round))
    }

    /// Clients with keys of their own in the state folder; whoever runs them pays their stakes.
    async fn simulated(
        &self,
        data: &Dataset,
        count: usize,
        mut options: ClientOptions,
    ) -> Result<(Vec<Client>, u32), Failure> {
        let folder = self.folder(true);
        let identities = IdentityFolder::new(folder.join("identities"));
        let division = Division {
            clients: count,
            alpha: self.args.division.dirichlet,
            at_least: self.args.division.at_least,
            seed: self.args.seed.unwrap_or(0),
        };
        let mut clients = Vec::with_capacity(count);
        let mut done = u32::MAX;
        let parts = division.divide(data)?;
        let mut aggregators = Vec::with_capacity(count);
        for number in 0..parts.len() {
            let name = format!("client-{number:03}");
            if !identities.file(&name)?.exists() {
                identities.create(&name, KeyKind::Ed25519)?;
            }
            let network = self.aggregator.network().with_identity(identities.load(&name)?);
            aggregators.push((name, network.aggregator(self.aggregator.id())));
        }
        let principals: Vec<_> = aggregators.iter().map(|(_, one)| one.network().principal()).collect();
        options.max_stake = Some(self.consent(&principals, true).await?);
        for (number, (part, (name, aggregator))) in (0_u64..).zip(parts.into_iter().zip(aggregators)) {
            let seed = self.args.seed.map(|seed| seed.wrapping_mul(1_000).wrapping_add(number));
            let mut state = self.state(&folder.join(&name), &aggregator, seed)?;
            done = done.min(state.done());
            self.provide_stake(&aggregator, &mut state).await?;
            clients.push(Client::new(
                aggregator,
                &self.info,
                Arc::new(part),
                state,
                options.clone(),
            )?);
        }
        Ok((clients, self.first_round(done)))
    }

    async fn provide_stake(&self, client: &Aggregator, state: &mut StateFolder) -> Result<(), Failure> {
        let Some(reward) = self.info.args.reward.as_ref().filter(|reward| reward.stake > 0_u8) else {
            return Ok(());
        };
        let principal = client.network().principal();
        let known = client.agreed().participant(self.info.id, principal).await?;
        if known.is_some_and(|known| known.active) {
            return Ok(());
        }
        let payer = self.aggregator.network();
        Ok(account::provide_stake(payer, reward.ledger, principal, &reward.stake, state).await?)
    }
}

/// Runs clients until the task ends; the first failure ends all.
async fn run_all(clients: Vec<Client>) -> Result<(), TrainerError> {
    let mut running: JoinSet<_> = clients.into_iter().map(Client::run).collect();
    while let Some(ended) = running.join_next().await {
        ended.map_err(|error| TrainerError::Thread(error.to_string()))??;
    }
    Ok(())
}
