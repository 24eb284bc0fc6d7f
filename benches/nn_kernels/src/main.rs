//! Counts what `crates/nn` costs in a canister. `scripts/bench federated` builds, installs and asks it.
#![allow(missing_docs, reason = "the methods are those of the library")]

use ic_cdk::query;
use nn_kernels::Measured;

fn main() {}

#[allow(
    clippy::disallowed_methods,
    reason = "a benchmark counts instructions and has no rules to test"
)]
fn clock() -> u64 {
    ic_cdk::api::performance_counter(0)
}

#[query]
fn fed_avg() -> Measured {
    nn_kernels::fed_avg(clock)
}

#[query]
fn fed_median(updates: u32) -> Measured {
    nn_kernels::fed_median(clock, updates)
}

#[query]
fn trimmed_mean(updates: u32) -> Measured {
    nn_kernels::trimmed_mean(clock, updates)
}

#[query]
fn distance() -> Measured {
    nn_kernels::distance(clock)
}

#[query]
fn dense(rows: u32, inputs: u32, outputs: u32) -> Measured {
    nn_kernels::dense(clock, rows, inputs, outputs)
}

#[query]
#[allow(
    clippy::needless_pass_by_value,
    reason = "an endpoint owns the arguments that it decodes"
)]
fn mlp(rows: u32, widths: Vec<u32>, packed: bool) -> Measured {
    nn_kernels::mlp(clock, rows, &widths, packed)
}

#[query]
#[allow(
    clippy::needless_pass_by_value,
    reason = "an endpoint owns the arguments that it decodes"
)]
fn predict(spec: ddsx_nn::spec::ModelSpec, rows: u32) -> Measured {
    nn_kernels::predict(clock, &spec, rows)
}
