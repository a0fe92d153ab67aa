//! `lockstep serve`

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use lockstep_store::{Target, WorkerLock, try_worker_lock};
use tokio::net::TcpListener;
use toml::{Table, Value};

use super::init::organization;
use super::place::{Place, Where, runtime};
use super::stop::{self, Stop};
use super::{screen, tls};
use crate::app::App;
use crate::config::insert;
use crate::{ops, wire, worker};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    at: Where,
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The address under which others reach it, for links, redirects and signatures
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Speak https with a certificate made on the spot, kept as DIR/tls-certificate.pem
    #[arg(long)]
    tls_self_signed: bool,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let place = Place::find(&arguments.at, arguments.flags())?;
    place.start_log();
    runtime()?.block_on(async {
        let stop = stop::on_signals()?;
        let mut listener = listen(place.config.listen).await?;
        let address = listener.local_addr()?;
        let scheme = if arguments.tls_self_signed { "https" } else { "http" };
        let url = format!("{scheme}://{address}");
        let app = place.open(&url)?;
        ops::key_ring::check(&app).await?;
        organization(&app).await?;
        if arguments.tls_self_signed {
            let front = tls::front(listener).await?;
            place.keep("tls-certificate.pem", &front.certificate_pem)?;
            listener = front.inner;
        }
        screen::say(format!("lockstep ready on {url}"))?;
        serve(app, place.target, listener, stop).await
    })
}

/// Listens on an address.
pub async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

impl Arguments {
    fn flags(&self) -> Table {
        let mut flags = Table::new();
        if let Some(listen) = self.listen {
            insert(&mut flags, "listen", Value::String(listen.to_string()));
        }
        if let Some(url) = &self.public_url {
            insert(&mut flags, "public_url", Value::String(url.clone()));
        }
        flags
    }
}

/// Serves all surfaces and runs the jobs until asked to stop; then finishes what is under way.
pub async fn serve(app: App, target: Target, listener: TcpListener, stop: Stop) -> anyhow::Result<()> {
    let jobs = tokio::spawn(run_jobs(app.clone(), target, stop.clone()));
    let router = wire::router(app).into_make_service();
    axum::serve(listener, router).with_graceful_shutdown(stop::asked(stop)).await?;
    jobs.await?
}

async fn run_jobs(app: App, target: Target, stop: Stop) -> anyhow::Result<()> {
    let _lock = tokio::select! {
        lock = worker_lock(&target) => lock?,
        () = stop::asked(stop.clone()) => return Ok(()),
    };
    Ok(worker::run(app, stop).await?)
}

/// The right to run jobs. A command that runs them now gives it back when it is done.
async fn worker_lock(target: &Target) -> anyhow::Result<WorkerLock> {
    const LOOK: Duration = Duration::from_secs(1);
    let mut waited = false;
    loop {
        if let Some(lock) = try_worker_lock(target)? {
            return Ok(lock);
        }
        if !waited {
            tracing::warn!("another process runs the jobs of this database; this one will when that ends");
        }
        waited = true;
        super::look_again(LOOK).await;
    }
}
