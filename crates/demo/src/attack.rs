//! The second pass: a proxy between client and network forges replies, and every forgery must be refused.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use ddsx_client::{Folder, Network, PullFailure, PullOptions, Puller, Registry, RootKey};
use ddsx_types::stream_registry::{PullArgs, Pulled, StreamId};

use crate::feed::Networks;
use crate::forgeries::{self, Client, Forgery, Genuine};
use crate::place::Place;
use crate::proxy::Proxy;
use crate::publish;
use crate::story::{CONTRIBUTORS_SHARE_BPS, Scene};

/// Payload bytes of a pull: several chunks, but never as far as the head, so that replies hold a right frontier.
const PULL_BYTES: u64 = 60_000;
/// Where the client that starts in the middle starts.
const MIDDLE: u64 = 21;
/// The age that the impatient client accepts.
const IMPATIENT: Duration = Duration::from_secs(1);

/// Runs the whole table; answers how many forgeries were refused.
pub async fn run(scene: &Scene) -> Result<usize> {
    let proxy = Proxy::start(&scene.place.url).await?;
    let honest = scene.registry_as("buyer").await?;
    let genuine = Arc::new(gather(scene, &honest).await?);
    let attacked = attacked_registry(scene, &proxy).await?;

    // Nothing below means anything unless an honest pull through the proxy works.
    for client in [Client::Fresh, Client::FromMiddle] {
        puller(&attacked, scene.stream, client)
            .await?
            .pull()
            .await
            .context("an honest pull through the proxy")?;
    }
    let scratch = tempfile::tempdir()?;
    let table = forgeries::all();
    let mut failures = Vec::new();
    for (number, forgery) in table.iter().enumerate() {
        let folder = scratch.path().join(number.to_string());
        match attempt(&proxy, &attacked, scene.stream, forgery, &genuine, &folder).await {
            Ok(refusal) => println!("   {:<38} {refusal}", forgery.name),
            Err(error) => failures.push(format!("{}: {error:#}", forgery.name)),
        }
    }
    ensure!(
        failures.is_empty(),
        "forgeries that were not refused as they should be:\n{}",
        failures.join("\n")
    );
    node_signature(scene, &proxy).await?;
    println!(
        "   {:<38} refused by the node's signature, before any proof",
        "any of them, with the check of nodes on"
    );
    Ok(table.len() + 1)
}

/// What a forger can have kept: an older reply, and the reply of another stream.
async fn gather(scene: &Scene, honest: &Registry) -> Result<Genuine> {
    let provider = scene.registry_as("provider").await?;
    let networks = Networks::of(&scene.events);
    let mut args = publish::stream_args(&networks, provider.network().principal().into(), CONTRIBUTORS_SHARE_BPS);
    args.name = "another stream".into();
    let other = provider.create_stream(&args).await?;
    publish::append(
        &provider,
        other,
        &networks,
        0,
        &scene.events[..200],
        publish::EVENTS_PER_CHUNK,
    )
    .await?;
    let old = raw_pull(honest, scene.stream, 0).await?;
    let old_next = raw_pull(honest, scene.stream, old.next).await?;
    // From here on the old reply's certificate is too old for an impatient client, and older than what others have seen.
    tokio::time::sleep(2 * IMPATIENT).await;
    Ok(Genuine {
        other_stream: raw_pull(&provider, other, 0).await?,
        old,
        old_next,
    })
}

async fn raw_pull(registry: &Registry, stream: StreamId, from: u64) -> Result<Pulled> {
    let with_left_frontier = from == 0;
    let args = PullArgs {
        stream,
        from,
        max_bytes: Some(PULL_BYTES),
        licence: None,
        with_left_frontier,
    };
    Ok(registry.pull(args).await?)
}

async fn attacked_network(place: &Place, proxy: &Proxy, scene: &Scene) -> Result<Network> {
    let identity = scene.identities.load("buyer")?;
    Ok(Network::connect(proxy.url(), RootKey::Given(place.root_key.clone()), identity).await?)
}

async fn attacked_registry(scene: &Scene, proxy: &Proxy) -> Result<Registry> {
    let network = attacked_network(&scene.place, proxy, scene).await?;
    Ok(network.with_query_signatures(false)?.registry(scene.place.registry))
}

async fn puller(registry: &Registry, stream: StreamId, client: Client) -> Result<Puller> {
    let options = PullOptions {
        max_bytes: Some(PULL_BYTES),
        max_age: if client == Client::Impatient {
            IMPATIENT
        } else {
            PullOptions::default().max_age
        },
        lagging_retries: 0,
        ..PullOptions::default()
    };
    let puller = Puller::new(registry.clone(), stream).with_options(options);
    Ok(match client {
        Client::Fresh | Client::Impatient => puller,
        Client::FromMiddle => puller.starting_at(MIDDLE),
        Client::Holding => {
            let mut puller = puller;
            puller.pull().await.context("an honest pull before the forged one")?;
            puller
        }
    })
}

/// Lets the forger at a client that writes what it believes; answers the refusal.
async fn attempt(
    proxy: &Proxy,
    registry: &Registry,
    stream: StreamId,
    forgery: &Forgery,
    genuine: &Arc<Genuine>,
    out: &Path,
) -> Result<String> {
    proxy.set_forge(None);
    let mut puller = puller(registry, stream, forgery.client).await?;
    let before = puller.cursor();
    let (forge, known) = (forgery.forge, Arc::clone(genuine));
    proxy.set_forge(Some(Box::new(move |pulled| forge(pulled, &known))));

    let folder = Folder::open(out, registry, stream)?;
    let refusal = match puller.pull().await {
        Ok(batch) => {
            folder.write(&batch)?;
            bail!("it was believed, and {} chunks were written", batch.chunks.len());
        }
        Err(PullFailure::Verification(error)) => error.to_string(),
        Err(other) => bail!("it was not refused by verification: {other}"),
    };
    ensure!(proxy.forged() > 0, "nothing was forged");
    ensure!(
        refusal.contains(forgery.refused_with),
        "refused for another reason: {refusal}"
    );
    ensure!(!out.exists(), "something was written to {}", out.display());
    ensure!(puller.cursor() == before, "the cursor moved");
    proxy.set_forge(None);
    Ok(refusal)
}

/// With the check of node signatures on, as it is unless switched off, a man in the middle does not get as far as the proof.
async fn node_signature(scene: &Scene, proxy: &Proxy) -> Result<()> {
    let registry = attacked_network(&scene.place, proxy, scene)
        .await?
        .registry(scene.place.registry);
    proxy.set_forge(Some(Box::new(|pulled| {
        pulled.next += 1;
        Ok(())
    })));
    let result = puller(&registry, scene.stream, Client::Fresh).await?.pull().await;
    proxy.set_forge(None);
    match result {
        Err(PullFailure::Call(error)) if error.to_string().contains("not proved") => Ok(()),
        other => bail!("a reply that no node signed should be refused, but: {other:?}"),
    }
}
