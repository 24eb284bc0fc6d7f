//! The rules of the federated aggregator on a network, each with the money counted at its end: who may join, buffers, privacy, governance, storage.
//! Models are small enough to follow by hand; those that learn something are in `federated.rs`.
#![allow(clippy::unwrap_used, reason = "test code")]

mod buffers;
mod evidence;
mod governance;
mod governed;
mod joining;
mod pauses;
mod privacy;
mod proxy;
mod storage;
mod support;
