//! `lockstep channel`

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};

use anyhow::{Context, bail};
use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Args as _, FromArgMatches, Subcommand};
use secrecy::{ExposeSecret, SecretString};
use toml::Table;

use super::init::organization;
use super::place::{Place, Where, authority, runtime, start_quiet_log};
use super::screen;
use crate::app::App;
use crate::channel::{Channel, FormField, Need, registry};
use crate::ops::{Author, channels, key_ring};

#[derive(clap::Subcommand)]
pub enum Command {
    /// Connect an account to its network
    #[command(subcommand)]
    Connect(Connect),
    /// List the accounts that are connected, and where their webhooks go
    List(List),
    /// Forget an account's secrets; its contacts and messages stay
    Disconnect(Disconnect),
}

/// One subcommand a channel: the members of its form are options.
pub struct Connect {
    channel: String,
    what: What,
    given: BTreeMap<String, SecretString>,
}

#[derive(clap::Args)]
struct What {
    #[command(flatten)]
    at: Where,
    /// The phone_number_id of the account
    #[arg(long, value_name = "PHONE_NUMBER_ID", value_parser = super::init::phone_number_id)]
    account: String,
    /// Another address than the network's own, such as a sandbox's
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Subcommand for Connect {
    fn augment_subcommands(command: clap::Command) -> clap::Command {
        registry::all().iter().map(Channel::about).fold(command.subcommand_required(true), |command, about| {
            let options = about.form.iter().map(|field| option(about.slug, field));
            let connect = What::augment_args(clap::Command::new(about.slug)).args(options);
            command.subcommand(connect.about(format!("Connect an account to {}", about.name)))
        })
    }

    fn augment_subcommands_for_update(command: clap::Command) -> clap::Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        registry::all().find(name).is_some()
    }
}

fn option(slug: &str, field: &FormField) -> Arg {
    let help = match field.need {
        Need::Required => format!("{}; asked for when left out", field.help),
        Need::Optional => field.help.to_owned(),
    };
    let variable = format!("LOCKSTEP_{slug}_{}", field.name).to_uppercase();
    let flag = field.name.replace('_', "-");
    Arg::new(field.name).long(flag).value_name("TEXT").env(variable).hide_env_values(true).help(help)
}

impl FromArgMatches for Connect {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let missing = || clap::Error::new(ErrorKind::MissingSubcommand);
        let (slug, matches) = matches.subcommand().ok_or_else(missing)?;
        let channels = registry::all();
        let form = channels.find(slug).ok_or_else(missing)?.about().form;
        let given =
            |field: &FormField| Some((field.name.to_owned(), matches.get_one::<String>(field.name)?.clone().into()));
        let given = form.iter().filter_map(given).collect();
        Ok(Self { channel: slug.to_owned(), what: What::from_arg_matches(matches)?, given })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[derive(clap::Args)]
pub struct List {
    #[command(flatten)]
    at: Where,
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
pub struct Disconnect {
    #[command(flatten)]
    at: Where,
    /// The phone_number_id of the account
    #[arg(long, value_name = "PHONE_NUMBER_ID")]
    account: String,
}

pub fn run(command: Command) -> anyhow::Result<()> {
    start_quiet_log();
    match command {
        Command::Connect(connect) => make(connect),
        Command::List(List { at, json }) => {
            let app = Place::find(&at, Table::new())?.open_existing()?;
            runtime()?.block_on(show(&app, json))
        }
        Command::Disconnect(Disconnect { at, account }) => {
            let app = Place::find(&at, Table::new())?.open_existing()?;
            runtime()?.block_on(async {
                let by = Author::command_line(organization(&app).await?);
                let gone = account.clone();
                app.store.write(move |tx| channels::disconnect(tx, &by, &gone)).await
            })?;
            screen::say(format!("{account} is disconnected."))
        }
    }
}

fn make(connect: Connect) -> anyhow::Result<()> {
    let Connect { channel, what: What { at, account, base_url, json }, mut given } = connect;
    let mut place = Place::find(&at, Table::new())?;
    // Whoever types an address means it; the server that sends needs its own permission.
    place.config.egress.allow.extend(base_url.as_deref().and_then(authority));
    let app = place.open_here()?;
    let form = app.channels.find(&channel).map(|channel| channel.about().form).unwrap_or_default();
    for field in form.iter().filter(|field| field.need == Need::Required) {
        if !given.contains_key(field.name) {
            given.insert(field.name.to_owned(), secret(&channel, field)?);
        }
    }
    let request = channels::Connect { channel, account, base_url, given };
    let connected = runtime()?.block_on(async {
        key_ring::check(&app).await?;
        let by = Author::command_line(organization(&app).await?);
        anyhow::Ok(channels::connect(&app, &by, request).await?)
    })?;
    let account = &connected.account;
    let handover = connected.handover.iter().map(|(name, value)| (*name, value.expose_secret()));
    if json {
        let mut shown = serde_json::json!({
            "channel": connected.id,
            "phone_number_id": account.phone_number_id,
            "phone_number": account.phone_number,
            "name": account.name,
            "webhook_url": connected.webhook_url,
        });
        for (name, value) in handover {
            shown[name] = value.into();
        }
        return screen::json(&shown);
    }
    screen::say(format!("{} ({}) is connected as {}.", account.phone_number, account.name, connected.id))?;
    screen::say(connected.about.advice)?;
    screen::say(format!("{:<14}{}", "callback_url", connected.webhook_url))?;
    handover.into_iter().try_for_each(|(name, value)| screen::say(format!("{name:<14}{value}")))
}

/// Asks for a required member of the form.
fn secret(channel: &str, field: &FormField) -> anyhow::Result<SecretString> {
    let flag = field.name.replace('_', "-");
    if !io::stdin().is_terminal() {
        bail!("give --{flag}, or set LOCKSTEP_{}", format!("{channel}_{}", field.name).to_uppercase());
    }
    let text =
        rpassword::prompt_password(format!("{}: ", field.help)).with_context(|| format!("no {flag} was read"))?;
    Ok(text.into())
}

async fn show(app: &App, json: bool) -> anyhow::Result<()> {
    let org = organization(app).await?;
    let shown: Vec<_> = channels::list(app, &org)
        .await?
        .into_iter()
        .map(|of| {
            let channel = of.channel();
            let webhook_url = channels::webhook_url(app, channel);
            [
                channel.account.clone(),
                channel.slug.clone(),
                channel.id.to_string(),
                webhook_url,
                channel.updated_at.to_string(),
            ]
        })
        .collect();
    if json {
        let objects = shown.into_iter().map(|[account, network, id, webhook_url, at]| {
            serde_json::json!({
                "phone_number_id": account, "network": network, "channel": id, "webhook_url": webhook_url,
                "connected_at": at,
            })
        });
        return screen::json(&objects.collect::<Vec<_>>());
    }
    let rows = shown.into_iter().map(Vec::from).collect();
    let head = ["phone_number_id", "network", "channel", "webhooks go to", "connected"];
    screen::say(screen::table(&head, &[], rows))
}
