//! The process: its flags, the port file, how long it lives, and what it holds.
//!
//! As PocketIC's server does it, since the `pocket-ic` client starts it: the client gives the name of a file that does
//! not exist, and waits until a port and a newline are written there.

mod gateway;
mod instance;
mod table;

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::Response;
use clap::Parser;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

pub use gateway::open as open_gateway;
pub use instance::{Instance, Panicked, now};
pub use table::{Blob, PendingRequest, Server};

use crate::rest;

/// A local network for Internet Computer canisters that speaks PocketIC's protocol.
///
/// This program is not the PocketIC server: it stands in for it where that cannot be downloaded, and answers the same
/// requests, so that the public `pocket-ic` client (13.x) can use either. It keeps everything in memory and is meant
/// for tests and demonstrations; production runs on the Internet Computer itself. With `DDSX_STALE_QUERIES=N` in the environment queries are
/// answered from the state of N rounds before, as by nodes that lag.
#[derive(Clone, Debug, Parser)]
#[command(name = "pocket-ic-server", version = "13.0.0")]
pub struct Args {
    /// The IP address to listen on.
    #[arg(long, short, default_value = "127.0.0.1")]
    pub ip_addr: String,
    /// The port to listen on; 0 for any that is free.
    #[arg(long, short, default_value_t = 0)]
    pub port: u16,
    /// Where to write the port and a newline once the server listens. If the file exists, another server is taken to
    /// be running, and this one exits.
    #[arg(long)]
    pub port_file: Option<PathBuf>,
    /// End after this many seconds without a request.
    #[arg(long, default_value_t = 60)]
    pub ttl: u64,
    /// End after this many seconds, whatever happens.
    #[arg(long)]
    pub hard_ttl: Option<u64>,
    /// What to log, as PocketIC's filter; with `debug` or `trace` in it, every request is printed.
    #[arg(long, short)]
    pub log_levels: Option<String>,
}

/// Removes the port file when the server ends, however it does.
struct PortFile(PathBuf);

impl Drop for PortFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Runs a server until its time is up or it is told to end.
///
/// # Errors
/// It cannot listen, or not write its port file.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let Some((mut file, _port_file)) = claim_port_file(args.port_file.clone())? else {
        return Ok(());
    };
    let address: SocketAddr = SocketAddr::new(args.ip_addr.parse().context("--ip-addr")?, args.port);
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    let port = listener.local_addr()?.port();

    let verbose = args
        .log_levels
        .as_deref()
        .is_some_and(|levels| levels.contains("debug") || levels.contains("trace"));
    let server = Server::new(verbose);
    let router = rest::router(&server)
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(server.clone(), count_requests));
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });

    if let Some(file) = &mut file {
        file.write_all(format!("{port}\n").as_bytes())
            .context("cannot write the port file")?;
        file.flush()?;
    }
    println!("The local network (PocketIC protocol 13) listens on port {port}.");

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        () = idle_for(&server, args.ttl) => {}
        () = at_most(args.hard_ttl) => {}
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        ended = serving => ended??,
    }
    server.delete_all();
    Ok(())
}

/// The file to write the port to, if one was asked for; `None`: it exists already.
fn claim_port_file(path: Option<PathBuf>) -> anyhow::Result<Option<(Option<File>, Option<PortFile>)>> {
    let Some(path) = path else {
        return Ok(Some((None, None)));
    };
    match File::options().write(true).create_new(true).open(&path) {
        Ok(file) => Ok(Some((Some(file), Some(PortFile(path))))),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot create the port file {}", path.display())),
    }
}

async fn idle_for(server: &Server, seconds: u64) {
    while server.idle_seconds() < seconds {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn at_most(seconds: Option<u64>) {
    match seconds {
        Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
        None => std::future::pending().await,
    }
}

/// Keeps the server alive while it is used.
pub(crate) async fn count_requests(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let _pending = server.begin_request();
    if !server.log_requests {
        return next.run(request).await;
    }
    let line = format!("{} {}", request.method(), request.uri());
    let response = next.run(request).await;
    if response.status() == StatusCode::OK {
        println!("{line}");
    } else {
        println!("{line} -> {}", response.status());
    }
    response
}
