//! `lockstep channel`

use std::io::{self, IsTerminal};

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};
use toml::Table;

use super::init::organization;
use super::place::{Place, Where, authority, runtime, start_quiet_log};
use super::screen;
use crate::app::App;
use crate::ops::{channels, key_ring};

#[derive(clap::Subcommand)]
pub enum Command {
    /// Connect a number to its network
    #[command(subcommand)]
    Connect(Network),
    /// List the numbers that are connected, and where their webhooks go
    List(List),
    /// Forget a number's secrets; its contacts and messages stay
    Disconnect(Disconnect),
}

#[derive(clap::Subcommand)]
pub enum Network {
    /// WhatsApp, over Meta's Cloud API
    Whatsapp(Connect),
}

#[derive(clap::Args)]
pub struct Connect {
    #[command(flatten)]
    at: Where,
    /// Meta's phone_number_id of the number
    #[arg(long, value_name = "PHONE_NUMBER_ID", value_parser = super::init::phone_number_id)]
    account: String,
    /// An access token of a system user; asked for when left out
    #[arg(long, env = "LOCKSTEP_WHATSAPP_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// The app secret of the Meta app, which signs webhooks; asked for when left out
    #[arg(long, env = "LOCKSTEP_WHATSAPP_APP_SECRET", hide_env_values = true)]
    app_secret: Option<String>,
    /// The word that Meta must know; made up when left out
    #[arg(long, env = "LOCKSTEP_WHATSAPP_VERIFY_TOKEN", hide_env_values = true)]
    verify_token: Option<String>,
    /// The id of the WhatsApp Business Account that the number belongs to; templates are listed by it
    #[arg(long, value_name = "ID", value_parser = super::init::phone_number_id)]
    business_account: Option<String>,
    /// Another address than Meta's own, such as a sandbox's
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
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
    /// Meta's phone_number_id of the number
    #[arg(long, value_name = "PHONE_NUMBER_ID")]
    account: String,
}

pub fn run(command: Command) -> anyhow::Result<()> {
    start_quiet_log();
    match command {
        Command::Connect(Network::Whatsapp(connect)) => make(connect),
        Command::List(List { at, json }) => {
            let app = Place::find(&at, Table::new())?.open_existing()?;
            runtime()?.block_on(show(&app, json))
        }
        Command::Disconnect(Disconnect { at, account }) => {
            let app = Place::find(&at, Table::new())?.open_existing()?;
            runtime()?.block_on(async {
                let org = organization(&app).await?;
                channels::disconnect(&app, &org, &account).await
            })?;
            screen::say(format!("{account} is disconnected."))
        }
    }
}

fn make(connect: Connect) -> anyhow::Result<()> {
    let mut place = Place::find(&connect.at, Table::new())?;
    // Whoever types an address means it; the server that sends needs its own permission.
    place.config.egress.allow.extend(connect.base_url.as_deref().and_then(authority));
    let access_token = secret(connect.token, "Access token", "--token or in LOCKSTEP_WHATSAPP_TOKEN")?;
    let app_secret = secret(connect.app_secret, "App secret", "--app-secret or in LOCKSTEP_WHATSAPP_APP_SECRET")?;
    let request = channels::Connect {
        account: connect.account,
        base_url: connect.base_url,
        access_token,
        app_secret,
        verify_token: connect.verify_token.map(SecretString::from),
        business_account: connect.business_account,
    };
    let app = place.open_here()?;
    let connected = runtime()?.block_on(async {
        key_ring::check(&app).await?;
        let org = organization(&app).await?;
        anyhow::Ok(channels::connect(&app, &org, request).await?)
    })?;
    let verify_token = connected.verify_token.expose_secret();
    if connect.json {
        return screen::json(&serde_json::json!({
            "channel": connected.id,
            "phone_number_id": connected.account.phone_number_id,
            "phone_number": connected.account.phone_number,
            "name": connected.account.name,
            "webhook_url": connected.webhook_url,
            "verify_token": verify_token,
        }));
    }
    let account = &connected.account;
    screen::say(format!("{} ({}) is connected as {}.", account.phone_number, account.name, connected.id))?;
    screen::say("Tell Meta where to send webhooks, in the app's WhatsApp > Configuration, and subscribe to messages:")?;
    screen::say(format!("Callback URL  {}", connected.webhook_url))?;
    screen::say(format!("Verify token  {verify_token}"))
}

fn secret(given: Option<String>, what: &str, how: &str) -> anyhow::Result<SecretString> {
    let text = match given {
        Some(text) => text,
        None if io::stdin().is_terminal() => {
            rpassword::prompt_password(format!("{what}: ")).with_context(|| format!("no {what} was read"))?
        }
        None => bail!("give the {} with {how}", what.to_lowercase()),
    };
    let text = text.trim();
    if text.is_empty() {
        bail!("without the {} nothing can be connected", what.to_lowercase());
    }
    Ok(text.to_owned().into())
}

async fn show(app: &App, json: bool) -> anyhow::Result<()> {
    let org = organization(app).await?;
    let shown: Vec<_> = channels::list(app, &org)
        .await?
        .into_iter()
        .map(|of| {
            let channel = of.channel();
            let webhook_url = channels::webhook_url(app, &channel.id);
            (channel.account.clone(), channel.id.to_string(), webhook_url, channel.updated_at)
        })
        .collect();
    if json {
        let objects = shown.into_iter().map(|(account, id, webhook_url, at)| {
            serde_json::json!({
                "phone_number_id": account, "channel": id, "webhook_url": webhook_url, "connected_at": at,
            })
        });
        return screen::json(&objects.collect::<Vec<_>>());
    }
    let rows = shown.into_iter().map(|(account, id, webhook_url, at)| vec![account, id, webhook_url, at.to_string()]);
    screen::say(screen::table(&["phone_number_id", "channel", "webhooks go to", "connected"], &[], rows.collect()))
}
