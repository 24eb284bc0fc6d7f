//! The local network's server.

use clap::Parser;
use local_network::server::{Args, run};

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(run(args));
    // What is still running (a canister in an endless loop, say) is not waited for.
    runtime.shutdown_background();
    result
}
