//! The client side of federated learning on `federated_aggregator`.
//!
//! - [`data`]: labelled samples from CSV, JSON, safetensors or a licensed stream, and the division of one set among simulated clients.
//! - [`Client`]: one client's loop. It joins, follows the rounds, downloads and verifies the model, trains, uploads, until the task ends; a run
//!   that was killed goes on where it was ([`StateFolder`]).
//! - [`Watcher`]: hands over each round's verified report as it is published.
//! - [`definition`] and [`Creation`]: a task from its definition file to its start, resumable, never paid twice.
//!
//! Everything that goes on is told to an [`Observer`]; nothing here writes to a terminal.

pub mod account;
mod client;
mod creation;
pub mod data;
pub mod definition;
mod entry;
mod error;
mod event;
mod local;
mod recipe;
mod retry;
mod simulation;
mod state;
mod upload;
mod watch;

pub use client::{Client, ClientOptions, join, plan};
pub use creation::{Creation, CreationFailure, Outlay, Step};
pub use error::TrainerError;
pub use event::{Event, Observer, silent};
pub use recipe::{Recipe, RecipeError};
pub use retry::Pace;
pub use simulation::{Division, DivisionError};
pub use state::{Membership, StateError, StateFolder};
pub use watch::{Watcher, settled};
