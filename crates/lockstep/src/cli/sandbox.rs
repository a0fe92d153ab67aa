//! `lockstep sandbox`: a vendor's look-alike on a real address.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use lockstep_sandbox::hubspot::{HookDelivery, deliver_hooks};
use lockstep_sandbox::meta::{self, Delivery, Number};
use lockstep_sandbox::{Hubspot, HubspotSettings, Meta, MetaSettings, tokio_wait};
use tokio::net::TcpListener;

use super::place::{runtime, start_quiet_log};
use super::serve::listen;
use super::{screen, stop, tls};
use crate::egress::{Egress, Rules};
use crate::network::{Body, Limits, Network};

#[derive(clap::Subcommand)]
pub enum Command {
    /// HubSpot: contacts, deals and other objects, search, batches, OAuth and webhooks; GET /__calls has the counters
    Hubspot(Arguments),
    /// Meta: the WhatsApp Cloud API's messages and media with signed webhooks; POST /__say lets a customer write
    Meta(MetaArguments),
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

#[derive(clap::Args)]
pub struct MetaArguments {
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8491")]
    listen: SocketAddr,
    /// Meta's id of the business number
    #[arg(long, value_name = "ID", default_value = "106540352242922")]
    phone_number_id: String,
    /// The business number, without +
    #[arg(long, value_name = "DIGITS", default_value = "15550783881")]
    phone_number: String,
    /// The secret that signs webhooks
    #[arg(long, value_name = "SECRET", default_value = "sandbox-app-secret")]
    app_secret: String,
    /// The only token that is accepted; any is without
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Throughput and pair limits
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

/// What Meta reads of an answer: the challenge, in the handshake.
const HANDSHAKE_LIMITS: Limits = Limits { timeout: Duration::from_secs(10), body: Body::Whole { bytes_max: 1024 } };

pub fn run(command: Command) -> anyhow::Result<()> {
    start_quiet_log();
    match command {
        Command::Hubspot(arguments) => run_hubspot(&arguments),
        Command::Meta(arguments) => run_meta(arguments),
    }
}

fn run_hubspot(arguments: &Arguments) -> anyhow::Result<()> {
    let quirks = arguments.quirks == Quirks::On;
    let hubspot = Hubspot::new(HubspotSettings { wait: Some(tokio_wait()), quirks, ..HubspotSettings::default() });
    if let Some(path) = &arguments.records {
        fill(&hubspot, path)?;
    }
    runtime()?.block_on(async {
        let stop = stop::on_signals()?;
        let listener = ready(arguments.listen, arguments.tls_self_signed).await?;
        serve(hubspot, listener, stop).await
    })
}

fn run_meta(arguments: MetaArguments) -> anyhow::Result<()> {
    let number =
        Number { id: arguments.phone_number_id, display: arguments.phone_number, verified_name: "Sandbox".to_owned() };
    let meta = Meta::new(MetaSettings {
        wait: Some(tokio_wait()),
        limits: arguments.quirks == Quirks::On,
        app_secret: arguments.app_secret,
        access_token: arguments.token,
        numbers: vec![number],
        ..MetaSettings::default()
    });
    runtime()?.block_on(async {
        let stop = stop::on_signals()?;
        let listener = ready(arguments.listen, arguments.tls_self_signed).await?;
        let network = local_network()?;
        let hooks = meta::deliver_hooks(meta.clone(), tokio_wait(), |delivery| send(&network, delivery));
        tokio::select! {
            served = lockstep_sandbox::serve(listener, meta.router(), stop::asked(stop)) => Ok(served?),
            () = hooks => Ok(()),
        }
    })
}

/// Listens and says where.
async fn ready(listen_on: SocketAddr, tls_self_signed: bool) -> anyhow::Result<TcpListener> {
    let mut listener = listen(listen_on).await?;
    let address = listener.local_addr()?;
    if tls_self_signed {
        listener = tls::front(listener).await?.inner;
    }
    let scheme = if tls_self_signed { "https" } else { "http" };
    screen::say(format!("sandbox ready on {scheme}://{address}"))?;
    Ok(listener)
}

/// Webhooks of a look-alike go wherever a person points them, this machine included.
fn local_network() -> anyhow::Result<Egress> {
    Ok(Egress::new(Rules { allow_local_targets: true, ..Rules::default() })?)
}

/// Serves a look-alike and delivers its webhooks until asked to stop.
pub async fn serve(hubspot: Hubspot, listener: TcpListener, stop: stop::Stop) -> anyhow::Result<()> {
    let network = local_network()?;
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

async fn send(network: &Egress, delivery: Delivery) -> Option<(u16, Bytes)> {
    let request = http::Request::builder().method(delivery.method).uri(&delivery.url);
    let request = delivery.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    let answer = network.exchange(request.body(delivery.body).ok()?, HANDSHAKE_LIMITS).await.ok()?;
    Some((answer.status().as_u16(), answer.into_body()))
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
