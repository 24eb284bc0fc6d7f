//! The main job of DDSX, end to end, on a local network: real data, real canisters, and every unit of the fee accounted for.
//!
//! `scripts/demo` builds everything and runs this.

mod attack;
mod federated;
mod feed;
mod forgeries;
mod place;
mod proxy;
mod publish;
mod rewards;
mod settlement;
mod shares;
mod story;
mod web;

use std::time::Duration;

use anyhow::Result;
use clap::Parser;

use crate::place::Release;

/// The main job of DDSX, end to end, on a local network.
#[derive(Parser)]
struct Options {
    /// Run, check, and exit: non-zero if anything is not as it should be.
    #[arg(long)]
    check: bool,
    /// How long the live part takes, in seconds.
    #[arg(long)]
    live: Option<u64>,
    /// Begin with the canisters of a release that landed earlier, and upgrade them once a licence is sold: the number of its modules in
    /// tests/fixtures.
    #[arg(long, value_name = "NUMBER")]
    from_release: Option<u32>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let live = options.live.unwrap_or(if options.check { 8 } else { 20 });
    let scene = story::play(Duration::from_secs(live), options.from_release.map(Release)).await?;

    story::step(
        6,
        "A dishonest node forges replies; each forgery is refused by name, and nothing is written",
    );
    let refused = attack::run(&scene).await?;
    println!("   {refused} forgeries, {refused} refused");

    story::step(
        7,
        "Ten clients train one model on data that stays with them; a canister combines, evaluates and pays",
    );
    federated::run(&scene).await?;

    if let Some(page) = scene.place.page() {
        story::step(
            8,
            "The page: a canister serves it, and each of its files is verified like the data",
        );
        web::check(&scene, &page).await?;
    }

    if options.check {
        println!("\nEverything is as it should be.");
    } else {
        story::step(9, "Look around");
        println!("{}", story::tour(&scene));
        tokio::signal::ctrl_c().await?;
    }
    Ok(())
}
