//! `lockstep sandbox`: a vendor's look-alike on a real address.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use clap::{ArgMatches, Args, FromArgMatches, Subcommand};
use lockstep_sandbox::meta::{self, Delivery, Number};
use lockstep_sandbox::vendor::{Basics, Listed, Post, Poster};
use lockstep_sandbox::{Meta, MetaSettings, Vendor, system_clock, tokio_wait, vendors};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::place::{runtime, start_quiet_log};
use super::serve::listen;
use super::{screen, stop, tls};
use crate::egress::{Egress, Rules};
use crate::network::{Body, Limits, Network};

pub enum Command {
    Crm(&'static Listed, Arguments),
    /// Every CRM on its own port.
    All(Manner),
    Meta(MetaArguments),
}

const ALL: &str = "all";
const META: &str = "meta";

impl FromArgMatches for Command {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        match matches.subcommand() {
            Some((ALL, matches)) => Manner::from_arg_matches(matches).map(Self::All),
            Some((META, matches)) => MetaArguments::from_arg_matches(matches).map(Self::Meta),
            Some((slug, matches)) => {
                let listed = vendors().iter().find(|listed| listed.slug == slug);
                let listed = listed.ok_or_else(|| clap::Error::new(clap::error::ErrorKind::InvalidSubcommand))?;
                Arguments::from_arg_matches(matches).map(|arguments| Self::Crm(listed, arguments))
            }
            None => Err(clap::Error::new(clap::error::ErrorKind::MissingSubcommand)),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// One for each look-alike there is, so that a new one needs no line here.
impl Subcommand for Command {
    fn augment_subcommands(command: clap::Command) -> clap::Command {
        let crms = vendors().iter().map(|listed| {
            let about = format!("{}: records, search, limits and faults; GET /__calls has the counters", listed.name);
            let listen = format!("The address to listen on [default: {}]", address(listed));
            Arguments::augment_args(clap::Command::new(listed.slug))
                .about(about)
                .mut_arg("listen", |it| it.help(listen))
        });
        let all = Manner::augment_args(clap::Command::new(ALL)).about("All of these CRMs, each on its own port");
        let meta = MetaArguments::augment_args(clap::Command::new(META)).about(
            "Meta: the WhatsApp Cloud API's messages and media with signed webhooks; POST /__say lets a customer write",
        );
        command.subcommands(crms).subcommand(all).subcommand(meta).subcommand_required(true)
    }

    fn augment_subcommands_for_update(command: clap::Command) -> clap::Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        name == ALL || name == META || vendors().iter().any(|listed| listed.slug == name)
    }
}

fn address(listed: &Listed) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, listed.port))
}

#[derive(clap::Args)]
pub struct Arguments {
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Records that are there from the start: CSV with property names as header, or a JSON array
    #[arg(long, value_name = "FILE")]
    records: Option<PathBuf>,
    #[command(flatten)]
    manner: Manner,
}

#[derive(clap::Args)]
pub struct Manner {
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

/// What a vendor allows a receiver of webhooks.
const HOOK_LIMITS: Limits = Limits { timeout: Duration::from_secs(5), body: Body::Unread };

/// What Meta reads of an answer: the challenge, in the handshake.
const HANDSHAKE_LIMITS: Limits = Limits { timeout: Duration::from_secs(10), body: Body::Whole { bytes_max: 1024 } };

pub fn run(command: Command) -> anyhow::Result<()> {
    start_quiet_log();
    match command {
        Command::Crm(listed, arguments) => run_crm(listed, &arguments),
        Command::All(arguments) => run_all(&arguments),
        Command::Meta(arguments) => run_meta(arguments),
    }
}

fn run_crm(listed: &Listed, arguments: &Arguments) -> anyhow::Result<()> {
    let crm = make(listed, arguments.manner.quirks);
    if let Some(path) = &arguments.records {
        fill(crm.as_ref(), path)?;
    }
    runtime()?.block_on(async {
        let stop = stop::on_signals()?;
        let listen_on = arguments.listen.unwrap_or_else(|| address(listed));
        let listener = ready("sandbox", listen_on, arguments.manner.tls_self_signed).await?;
        serve(crm.as_ref(), listener, stop).await
    })
}

fn run_all(arguments: &Manner) -> anyhow::Result<()> {
    runtime()?.block_on(async {
        let stop = stop::on_signals()?;
        let mut servers = JoinSet::new();
        for listed in vendors() {
            let crm = make(listed, arguments.quirks);
            let listener = ready(listed.slug, address(listed), arguments.tls_self_signed).await?;
            let stop = stop.clone();
            servers.spawn(async move { serve(crm.as_ref(), listener, stop).await });
        }
        while let Some(ended) = servers.join_next().await {
            ended??;
        }
        Ok(())
    })
}

fn make(listed: &Listed, quirks: Quirks) -> Box<dyn Vendor> {
    (listed.make)(Basics { clock: system_clock(), wait: Some(tokio_wait()), quirks: quirks == Quirks::On })
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
        let listener = ready("sandbox", arguments.listen, arguments.tls_self_signed).await?;
        let network = local_network()?;
        let hooks = meta::deliver_hooks(meta.clone(), tokio_wait(), |delivery| send(&network, delivery));
        tokio::select! {
            served = lockstep_sandbox::serve(listener, meta.router(), stop::asked(stop)) => Ok(served?),
            () = hooks => Ok(()),
        }
    })
}

/// Listens and says where.
async fn ready(what: &str, listen_on: SocketAddr, tls_self_signed: bool) -> anyhow::Result<TcpListener> {
    let mut listener = listen(listen_on).await?;
    let address = listener.local_addr()?;
    if tls_self_signed {
        listener = tls::front(listener).await?.inner;
    }
    let scheme = if tls_self_signed { "https" } else { "http" };
    screen::say(format!("{what} ready on {scheme}://{address}"))?;
    Ok(listener)
}

/// Webhooks of a look-alike go wherever a person points them, this machine included.
fn local_network() -> anyhow::Result<Egress> {
    Ok(Egress::new(Rules { allow_local_targets: true, ..Rules::default() })?)
}

/// Serves a look-alike and delivers its webhooks until asked to stop.
pub async fn serve(crm: &dyn Vendor, listener: TcpListener, stop: stop::Stop) -> anyhow::Result<()> {
    let network = Arc::new(local_network()?);
    let poster: Poster = Arc::new(move |hook| {
        let network = Arc::clone(&network);
        Box::pin(async move { post(&network, hook).await })
    });
    tokio::select! {
        served = lockstep_sandbox::serve(listener, crm.router(), stop::asked(stop)) => Ok(served?),
        () = crm.deliver(tokio_wait(), poster) => Ok(()),
    }
}

async fn post(network: &Egress, hook: Post) -> bool {
    let mut request = http::Request::post(&hook.url);
    for (name, value) in &hook.headers {
        request = request.header(name, value);
    }
    let Ok(request) = request.body(hook.body) else { return false };
    network.exchange(request, HOOK_LIMITS).await.is_ok_and(|answer| answer.status().is_success())
}

async fn send(network: &Egress, delivery: Delivery) -> Option<(u16, Bytes)> {
    let request = http::Request::builder().method(delivery.method).uri(&delivery.url);
    let request = delivery.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    let answer = network.exchange(request.body(delivery.body).ok()?, HANDSHAKE_LIMITS).await.ok()?;
    Some((answer.status().as_u16(), answer.into_body()))
}

fn fill(crm: &dyn Vendor, path: &Path) -> anyhow::Result<()> {
    let named = || path.display().to_string();
    let bytes = std::fs::read(path).with_context(named)?;
    let json = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let seeded = if json {
        crm.seed(serde_json::from_slice(&bytes).with_context(named)?)
    } else {
        crm.seed_csv(&bytes).map_err(anyhow::Error::msg).with_context(named)?
    };
    if let Some((row, reason)) = seeded.refused.first() {
        bail!("{}: {} of the records cannot be kept; the first is row {row}: {reason}", named(), seeded.refused.len());
    }
    Ok(())
}
