//! `lockstep sandbox`: a vendor's look-alike on a real address.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use lockstep_sandbox::hubspot::{HookDelivery, deliver_hooks};
use lockstep_sandbox::{Hubspot, HubspotSettings, tokio_wait};
use tokio::net::TcpListener;

use super::place::{runtime, start_quiet_log};
use super::serve::listen;
use super::{screen, stop, tls};
use crate::egress::{Egress, Rules};
use crate::network::{Body, Limits, Network};

#[derive(clap::Subcommand)]
pub enum Command {
    /// HubSpot: contacts, properties, search, batches, OAuth and webhooks; GET /__calls has the counters
    Hubspot(Arguments),
}

#[derive(clap::Args)]
pub struct Arguments {
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8490")]
    listen: SocketAddr,
    /// Records that are there from the start: CSV with property names as header, or a JSON array
    #[arg(long, value_name = "FILE")]
    records: Option<PathBuf>,
    /// Index lag, rate limits and answers out of order
    #[arg(long, value_enum, default_value = "on")]
    quirks: Quirks,
    /// Speak https with a certificate made on the spot
    #[arg(long)]
    tls_self_signed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Quirks {
    On,
    Off,
}

/// What HubSpot allows a receiver of webhooks.
const HOOK_LIMITS: Limits = Limits { timeout: Duration::from_secs(5), body: Body::Unread };

pub fn run(Command::Hubspot(arguments): Command) -> anyhow::Result<()> {
    start_quiet_log();
    let quirks = arguments.quirks == Quirks::On;
    let hubspot = Hubspot::new(HubspotSettings { wait: Some(tokio_wait()), quirks, ..HubspotSettings::default() });
    if let Some(path) = &arguments.records {
        fill(&hubspot, path)?;
    }
    runtime()?.block_on(async {
        let stop = stop::on_signals()?;
        let mut listener = listen(arguments.listen).await?;
        let address = listener.local_addr()?;
        if arguments.tls_self_signed {
            listener = tls::front(listener).await?.inner;
        }
        let scheme = if arguments.tls_self_signed { "https" } else { "http" };
        screen::say(format!("sandbox ready on {scheme}://{address}"))?;
        serve(hubspot, listener, stop).await
    })
}

/// Serves a look-alike and delivers its webhooks until asked to stop.
pub async fn serve(hubspot: Hubspot, listener: TcpListener, stop: stop::Stop) -> anyhow::Result<()> {
    // Its webhooks go wherever a person points them, this machine included.
    let rules = Rules { allow_local_targets: true, ..Rules::default() };
    let network = Egress::new(rules)?;
    let hooks = deliver_hooks(hubspot.clone(), tokio_wait(), |delivery| post(&network, delivery));
    tokio::select! {
        served = lockstep_sandbox::serve(listener, hubspot.router(), stop::asked(stop)) => Ok(served?),
        () = hooks => Ok(()),
    }
}

async fn post(network: &Egress, delivery: HookDelivery) -> bool {
    let mut request = http::Request::post(&delivery.url);
    for (name, value) in &delivery.headers {
        request = request.header(name, value);
    }
    let Ok(request) = request.body(delivery.body) else { return false };
    network.exchange(request, HOOK_LIMITS).await.is_ok_and(|answer| answer.status().is_success())
}

fn fill(hubspot: &Hubspot, path: &Path) -> anyhow::Result<()> {
    let named = || path.display().to_string();
    let bytes = std::fs::read(path).with_context(named)?;
    let json = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let seeded = if json {
        hubspot.seed(serde_json::from_slice(&bytes).with_context(named)?)
    } else {
        hubspot.seed_csv(&bytes).map_err(anyhow::Error::msg).with_context(named)?
    };
    if let Some((row, reason)) = seeded.refused.first() {
        bail!("{}: {} of the records cannot be kept; the first is row {row}: {reason}", named(), seeded.refused.len());
    }
    Ok(())
}
