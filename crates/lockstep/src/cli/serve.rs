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
use super::screen;
use crate::app::App;
use crate::config::insert;
use crate::{wire, worker};

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
    /// Let webhooks and connections reach this machine itself, also over plain http
    #[arg(long)]
    allow_local_targets: bool,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let place = Place::find(&arguments.at, arguments.flags())?;
    place.start_log();
    runtime()?.block_on(async {
        let stop = stop::on_signals()?;
        let listen = place.config.listen;
        let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
        let app = place.open(listener.local_addr()?)?;
        organization(&app).await?;
        screen::say(format!("lockstep ready on http://{}", listener.local_addr()?))?;
        serve(app, place.target, listener, stop).await
    })
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
        if self.allow_local_targets {
            insert(&mut flags, "egress.allow_local_targets", Value::Boolean(true));
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
    let mut asked = std::pin::pin!(stop::asked(stop.clone()));
    let _lock = tokio::select! {
        lock = worker_lock(&target) => lock?,
        () = &mut asked => return Ok(()),
    };
    worker::run(app, asked).await;
    Ok(())
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
        super::wait(LOOK).await;
    }
}
