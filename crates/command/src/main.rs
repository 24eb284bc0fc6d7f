//! `ddsx`: streams, licences, revenue, tokens and federated learning of DDSX from the command line.
//!
//! What programs read goes to stdout, what people read besides goes to stderr; the exit code says what kind of failure it was
//! (`ddsx --help`).

mod append;
mod args;
mod balance;
mod config;
mod context;
mod definition;
mod failure;
mod identity;
mod licence;
mod money;
mod output;
mod passphrase;
mod plan;
mod predict;
mod pull;
mod revenue;
mod stake;
mod stream;
mod task;
mod text;
mod token;
mod train;
mod view;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command, StreamCommand};
use context::Context;
use failure::Failure;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&Failure::local(format!("no runtime could be started: {error}"))),
    };
    match runtime.block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(&failure),
    }
}

fn report(failure: &Failure) -> ExitCode {
    if !failure.message().is_empty() {
        eprintln!("ddsx: {}", ddsx_client::words::visible(failure.message()));
    }
    ExitCode::from(failure.code())
}

async fn run(cli: Cli) -> Result<(), Failure> {
    let context = Context::new(cli.global)?;
    match cli.command {
        Command::Stream { command } => match command {
            StreamCommand::Append(args) => append::run(&context, args).await,
            StreamCommand::Pull(args) => pull::pull(&context, args).await,
            StreamCommand::Verify(args) => pull::verify(&context, args).await,
            StreamCommand::Plan { command } => plan::run(&context, command).await,
            other => stream::run(&context, other).await,
        },
        Command::Licence { command } => licence::run(&context, command).await,
        Command::Revenue { command } => revenue::run(&context, command).await,
        Command::Balance {
            of: args::BalanceOf::Registry,
            command,
        } => balance::run(&context, command).await,
        Command::Balance {
            of: args::BalanceOf::Aggregator,
            command,
        } => Box::pin(balance::aggregator::run(&context, command)).await,
        Command::Token { command } => token::run(&context, command).await,
        // Large futures, boxed so that the others' stay small.
        Command::Task { command } => Box::pin(task::run(&context, command)).await,
        Command::Train(args) => Box::pin(train::run(&context, args)).await,
        Command::Predict(args) => predict::run(&context, args).await,
        Command::Identity { command } => identity::run(&context, command),
    }
}
