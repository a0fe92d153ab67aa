//! `lockstep serve`

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use anyhow::Context;
use lockstep_store::{Share, Target, WorkerLock, try_worker_lock};
use tokio::net::TcpListener;
use toml::{Table, Value};

use super::init::organization;
use super::place::{Place, Where, runtime};
use super::stop::{self, Stop};
use super::{http, screen, tls};
use crate::app::App;
use crate::config::insert;
use crate::{ops, wire, worker};

/// What requests and jobs under way are given to finish. A client that never ends its request may not keep us.
const DRAIN_MAX: Duration = Duration::from_secs(15);

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

/// Serves all surfaces and runs the jobs until asked to stop; then finishes what is under way, within [`DRAIN_MAX`].
pub async fn serve(app: App, target: Target, listener: TcpListener, stop: Stop) -> anyhow::Result<()> {
    let jobs = tokio::spawn(run_jobs(app.clone(), target, stop.clone()));
    let requests = tokio::spawn(http::serve(listener, wire::router(app), stop.clone()));
    let mut both = pin!(async { tokio::try_join!(async { jobs.await? }, async { Ok(requests.await?) }) });
    let ended = tokio::select! {
        ended = &mut both => ended,
        () = stop::asked(stop) => match tokio::time::timeout(DRAIN_MAX, both).await {
            Ok(ended) => ended,
            Err(_) => {
                tracing::warn!(seconds = DRAIN_MAX.as_secs(), "cut off what did not finish; jobs run again at the next start");
                return Ok(());
            }
        },
    };
    ended.map(|_| ())
}

async fn run_jobs(app: App, target: Target, stop: Stop) -> anyhow::Result<()> {
    let _lock = tokio::select! {
        lock = worker_lock(&target) => lock?,
        () = stop::asked(stop.clone()) => return Ok(()),
    };
    Ok(worker::run(app, Share::All, stop).await?)
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
