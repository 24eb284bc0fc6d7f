//! Federated learning: UCI's digits, ten clients with skewed shares, twenty rounds, every reward in its client's account.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use burn::tensor::Device;
use candid::{Nat, Principal};
use ddsx_client::Aggregator;
use ddsx_client::identity::KeyKind;
use ddsx_nn::spec::Plan;
use ddsx_nn::train::data::{Dataset, Labels};
use ddsx_nn::train::evaluate;
use ddsx_nn::weights;
use ddsx_trainer::data::{self, Columns};
use ddsx_trainer::definition::Definition;
use ddsx_trainer::{
    Client, ClientOptions, Creation, Division, Event, Membership, Observer, Pace, Recipe, StateFolder, Watcher, silent,
};
use ddsx_types::federated_aggregator::{EndReason, PredictArgs, RoundReport, Stage, TaskInfo};
use tokio::task::JoinSet;

use crate::place::workspace;
use crate::rewards;
use crate::story::Scene;

/// The task as its owner wrote it down.
const DEFINITION: &str = include_str!("digits.toml");
/// How many clients.
const CLIENTS: usize = 10;
/// Concentration of the Dirichlet distribution by which classes are divided.
const ALPHA: f64 = 0.5;
/// Decides every draw, the clients' keys and the order in which updates arrive apart.
const SEED: u64 = 1;
/// What the last model must recognise of the test set, which the canister never sees. Trained in one place it is about 0.98.
const GOOD: f64 = 0.93;

/// The files of the task, for whoever looks around, and the data that is kept from everybody.
struct Files {
    folder: PathBuf,
    shares: Vec<PathBuf>,
    test: Dataset,
}

/// Runs the whole task and checks every unit of its rewards.
pub async fn run(scene: &Scene) -> Result<()> {
    let began = Instant::now();
    let files = write_files(&scene.folder.join("federated"))?;
    let owner = scene.network_as("owner").await?;
    let ledger = owner.ledger(scene.place.ledger);
    let before = ledger.balance_of(owner.principal().into()).await?;
    let aggregator = owner.aggregator(scene.place.aggregator);
    let task = create(scene, &files, aggregator.clone()).await?;
    let plan = ddsx_trainer::plan(&task)?;
    println!(
        "   task {}: {} parameters, {} rounds, {} DST a round, paid in by its owner",
        task.id,
        task.parameters,
        task.args.rounds.rounds,
        rewards::dst(&task.budget, task.args.rounds.rounds)?
    );

    let reports = Arc::new(Mutex::new(Vec::new()));
    let observer = tell(Arc::clone(&reports));
    let (clients, samples) = clients(scene, &task, &files).await?;
    let watcher = Watcher::new(aggregator.clone(), task.id, 1, pace(), observer);
    let work = async { tokio::try_join!(watcher.run(), all(clients)) };
    let (ended, ()) = tokio::time::timeout(Duration::from_mins(5), work)
        .await
        .context("the task stands still")??;
    ensure!(
        ended.stage.stage == Stage::Ended(EndReason::Completed),
        "the task ended otherwise: {:?}",
        ended.stage.stage
    );
    let reports = reports.lock().unwrap_or_else(PoisonError::into_inner).clone();
    check_rounds(&task, &reports)?;
    println!("   {} rounds in {:.1} s", reports.len(), began.elapsed().as_secs_f64());

    rewards::check(&aggregator, &ledger, &task, &reports, &samples, &before).await?;
    check_model(&aggregator, &plan, &task, &files.test).await
}

/// Divides the digits: a fifth for the test, of the rest an eighth for the canister, what is left for the clients.
fn write_files(folder: &Path) -> Result<Files> {
    std::fs::create_dir_all(folder)?;
    let digits = Dataset::digits(&std::fs::read(workspace().join("data/uci-digits.csv.gz"))?)?;
    let (training, test) = digits.stratified_split(0.2, SEED)?;
    let (training, held_out) = training.stratified_split(0.125, SEED)?;
    let division = Division {
        clients: CLIENTS,
        alpha: Some(ALPHA),
        at_least: 10,
        seed: SEED,
    };
    for (name, set) in [("held-out", &held_out), ("test", &test), ("all", &training)] {
        write_csv(&folder.join(format!("{name}.csv")), set)?;
    }
    let mut shares = Vec::new();
    for (number, share) in division.divide(&training)?.iter().enumerate() {
        let path = folder.join(format!("client-{number}.csv"));
        write_csv(&path, share)?;
        shares.push(path);
    }
    std::fs::write(folder.join("digits.toml"), DEFINITION)?;
    // The same for whoever goes on: fewer clients, and not for ever.
    let again = DEFINITION
        .replace("count = 20", "count = 5")
        .replace("min_updates = 10", "min_updates = 3")
        .replace("max_updates = 10", "max_updates = 3");
    std::fs::write(folder.join("again.toml"), again)?;
    Ok(Files {
        folder: folder.to_path_buf(),
        shares,
        test,
    })
}

/// Rows of pixels, 0 to 16, and the class last.
fn write_csv(path: &Path, set: &Dataset) -> Result<()> {
    let Labels::Classes(classes) = &set.labels else {
        anyhow::bail!("digits are classes")
    };
    let mut text = String::new();
    for (pixels, class) in set.inputs.chunks_exact(set.width).zip(classes) {
        for pixel in pixels {
            write!(text, "{},", pixel * 16.0)?;
        }
        writeln!(text, "{class}")?;
    }
    Ok(std::fs::write(path, text)?)
}

/// The owner creates the task from its definition, pays the budget in, uploads and starts.
async fn create(scene: &Scene, files: &Files, aggregator: Aggregator) -> Result<TaskInfo> {
    let folder = &files.folder;
    let definition = Definition::read(&folder.join("digits.toml"))?;
    let plan = definition.plan(folder)?;
    let first = weights::write(&plan, &weights::init(&plan, [1; 32]))?;
    std::fs::write(folder.join("first.safetensors"), first)?;
    let ledger = scene.place.ledger;
    let units = aggregator.network().ledger(ledger).info().await?;
    let prepared = definition.prepare(folder, Some((ledger, &units)), None)?;
    let note = folder.join("task.json");
    let mut creation = Creation::open(aggregator, prepared, &note, Duration::from_mins(1))?;
    creation.create(|_| ()).await?;
    Ok(creation.complete(|_| ()).await?)
}

fn pace() -> Pace {
    Pace {
        poll: Duration::from_millis(200),
        ..Pace::default()
    }
}

/// Prints and keeps each round's verified report.
fn tell(reports: Arc<Mutex<Vec<RoundReport>>>) -> Observer {
    Arc::new(move |event| {
        let Event::Round(report) = event else { return };
        let (accuracy, loss) = match &report.evaluated {
            Some(evaluated) => (evaluated.accuracy.unwrap_or(0.0) * 100.0, evaluated.loss),
            None => (0.0, f64::NAN),
        };
        println!(
            "   round {:>2}   {:?}   on {} held-out digits: accuracy {accuracy:>6.2} %, loss {loss:.4}",
            report.round,
            report.outcome,
            report.evaluated.as_ref().map_or(0, |evaluated| evaluated.samples),
        );
        reports.lock().unwrap_or_else(PoisonError::into_inner).push(*report);
    })
}

/// Ten clients, each with its own key, file and state; and how many samples each has.
async fn clients(scene: &Scene, task: &TaskInfo, files: &Files) -> Result<(Vec<Client>, Vec<(Principal, u64)>)> {
    let plan = ddsx_trainer::plan(task)?;
    let recipe = Recipe::parse(&task.args.client_config)?;
    let columns = Columns {
        scale: recipe.scale,
        ..Columns::default()
    };
    let mut options = ClientOptions::new(silent());
    options.recipe = recipe;
    options.pace = pace();
    let (mut clients, mut samples) = (Vec::new(), Vec::new());
    for (number, share) in (0_u64..).zip(&files.shares) {
        let name = format!("client-{number}");
        scene.identities.create(&name, KeyKind::Ed25519)?;
        let aggregator = scene.network_as(&name).await?.aggregator(scene.place.aggregator);
        let me = aggregator.network().principal();
        let folder = files.folder.join("state").join(&name);
        let state = StateFolder::open(&folder, Membership::new(&aggregator, task), Some(number))?;
        let share = data::read(share, &plan, &columns)?.data;
        samples.push((me, share.len() as u64));
        clients.push(Client::new(aggregator, task, Arc::new(share), state, options.clone())?);
    }
    Ok((clients, samples))
}

async fn all(clients: Vec<Client>) -> Result<(), ddsx_trainer::TrainerError> {
    let mut running: JoinSet<_> = clients.into_iter().map(Client::run).collect();
    while let Some(ended) = running.join_next().await {
        ended.map_err(|error| ddsx_trainer::TrainerError::Thread(error.to_string()))??;
    }
    Ok(())
}

fn check_rounds(task: &TaskInfo, reports: &[RoundReport]) -> Result<()> {
    ensure!(
        reports.len() == task.args.rounds.rounds as usize,
        "{} reports of {} rounds",
        reports.len(),
        task.args.rounds.rounds
    );
    let (mut parent, mut paying) = (None, 0);
    for report in reports {
        ensure!(
            report.clients.len() == CLIENTS,
            "round {} has {} updates",
            report.round,
            report.clients.len()
        );
        let follows = parent.is_none_or(|hash| hash == report.parent_model);
        ensure!(
            follows,
            "the model of round {} does not come from the one before",
            report.round
        );
        parent = Some(report.model);
        let sum = report
            .clients
            .iter()
            .fold(Nat::default(), |sum, client| sum + client.reward.clone());
        ensure!(
            sum == report.rewarded && report.rewarded <= report.budget,
            "the rewards of round {} do not sum to what was assigned",
            report.round
        );
        // What is paid follows how far the loss fell below the lowest that was paid for.
        let earnable = report.progress.map_or_else(Nat::default, |progress| {
            report.budget.clone() * progress.part_ppm / 1_000_000_u32
        });
        ensure!(
            report.rewarded == 0_u8 || report.rewarded == earnable,
            "round {} pays {} where {earnable} could be earned",
            report.round,
            report.rewarded
        );
        if report.rewarded > 0_u8 {
            paying += 1;
        }
    }
    println!(
        "   {paying} of {} rounds brought the loss down and paid; what nobody earned goes back",
        reports.len()
    );
    ensure!(
        reports.first().is_some_and(|report| report.rewarded == report.budget),
        "the first round, which brings most, does not pay its whole budget"
    );
    Ok(())
}

/// Downloads the model with proof, tries it on digits that the canister never saw, and asks the canister for the same.
async fn check_model(aggregator: &Aggregator, plan: &Plan, task: &TaskInfo, test: &Dataset) -> Result<()> {
    let model = aggregator.download_model(task.id, |_, _| ()).await?;
    let flat = weights::read(plan, &model.file)?;
    let evaluation = evaluate(plan, &flat, test, 128, &Device::flex())?;
    let accuracy = evaluation.accuracy().context("a model of classes")?;
    println!(
        "   model version {}, {} bytes, verified to the root key: accuracy {:.2} % on {} test digits that the canister never sees",
        model.version.version,
        model.file.len(),
        accuracy * 100.0,
        test.len()
    );
    ensure!(
        accuracy >= GOOD,
        "the model recognises {accuracy} of the test set, less than {GOOD}"
    );

    let inputs = test.inputs[..100 * test.width].to_vec();
    let args = PredictArgs {
        task: task.id,
        inputs: inputs.clone(),
    };
    let there = aggregator.predict(&args).await?;
    let here = ddsx_nn::build::Network::new(plan, &flat, &Device::flex())?
        .pack()
        .predict(plan, &inputs, &Device::flex())?;
    let width = plan.output_len();
    let class = |outputs: &[f32]| (0..width).fold(0, |best, at| if outputs[at] > outputs[best] { at } else { best });
    let same = there
        .chunks_exact(width)
        .zip(here.chunks_exact(width))
        .filter(|(there, here)| class(there) == class(here))
        .count();
    println!("   the canister predicts {same} of 100 test digits as the verified model does here");
    ensure!(there.len() == here.len() && same >= 99, "predictions differ");
    Ok(())
}
