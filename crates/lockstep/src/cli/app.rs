//! `lockstep app`: what the organization's app is, for the CRM API and CRM Link.

use std::path::PathBuf;

use anyhow::Context;
use lockstep_store::Org;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use toml::Table;

use super::organizations::{Of, chosen};
use super::place::{Place, runtime, start_quiet_log};
use super::screen;
use crate::app::App;
use crate::ops::Author;
use crate::ops::crm::app::{self, AppSettings, ConnectionEvent, ConnectionWebhook};

#[derive(clap::Subcommand)]
pub enum Command {
    /// Show the app's settings and the secret that signs its webhooks
    Show(Show),
    /// Change the app's settings; what is left out stays as it is
    Set(Box<Set>),
}

#[derive(clap::Args)]
pub struct Show {
    #[command(flatten)]
    of: Of,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
pub struct Set {
    #[command(flatten)]
    of: Of,
    #[command(flatten)]
    wanted: Wanted,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// An empty text takes an address away.
#[derive(clap::Args)]
#[group(required = true, multiple = true)]
struct Wanted {
    /// The name that users see beside their CRM's
    #[arg(long)]
    name: Option<String>,
    /// The app's own address
    #[arg(long, value_name = "URL")]
    website: Option<String>,
    /// Where a page goes whose session has ended
    #[arg(long, value_name = "URL")]
    login_redirect_url: Option<String>,
    /// The host that the app's pages name, where one server has several apps
    #[arg(long, value_name = "HOST")]
    domain: Option<String>,
    /// An origin whose pages may open CRM Link, such as https://app.example.com or https://*.example.com; may be
    /// repeated. Those given replace those before
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// Where changes to subscribed records are told
    #[arg(long, value_name = "URL")]
    data_webhook_url: Option<String>,
    /// Whether status 204 alone counts as taken; else every 2xx does
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    strict_204: Option<bool>,
    /// What is told of connections and where, such as connection.enabled=https://app.example.com/crm; may be repeated.
    /// Those given replace those before
    #[arg(long = "connection-webhook", value_name = "TYPE=URL", value_parser = connection_webhook)]
    connection_webhooks: Vec<ConnectionWebhook>,
    /// All settings, as `app` in what `show --json` prints; token issuers are set this way. What the file leaves out is
    /// at its default
    #[arg(long, value_name = "FILE", conflicts_with_all = ["name", "website", "login_redirect_url", "domain",
        "origins", "data_webhook_url", "strict_204", "connection_webhooks"])]
    file: Option<PathBuf>,
}

fn connection_webhook(text: &str) -> Result<ConnectionWebhook, String> {
    let (event_type, url) = text.split_once('=').ok_or("write TYPE=URL")?;
    let event_type: ConnectionEvent = serde_json::from_value(event_type.into())
        .map_err(|_| "the type is connection.enabled, connection.disabled or connection.errored")?;
    Ok(ConnectionWebhook { event_type, url: url.to_owned() })
}

impl Wanted {
    /// What the settings become.
    fn applied(self, before: AppSettings) -> anyhow::Result<AppSettings> {
        if let Some(path) = self.file {
            let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            return serde_json::from_slice(&text).with_context(|| path.display().to_string());
        }
        let address = |given: Option<String>, before: Option<String>| match given {
            None => before,
            Some(given) => Some(given).filter(|given| !given.is_empty()),
        };
        let or_before = |given: Vec<String>, before| if given.is_empty() { before } else { given };
        Ok(AppSettings {
            name: self.name.unwrap_or(before.name),
            website: address(self.website, before.website),
            login_redirect_url: address(self.login_redirect_url, before.login_redirect_url),
            domain: address(self.domain, before.domain),
            allowed_origins: or_before(self.origins, before.allowed_origins),
            data_webhook_url: address(self.data_webhook_url, before.data_webhook_url),
            strict_204: self.strict_204.unwrap_or(before.strict_204),
            connection_webhooks: if self.connection_webhooks.is_empty() {
                before.connection_webhooks
            } else {
                self.connection_webhooks
            },
            token_issuers: before.token_issuers,
        })
    }
}

pub fn run(command: Command) -> anyhow::Result<()> {
    start_quiet_log();
    let of = match &command {
        Command::Show(show) => &show.of,
        Command::Set(set) => &set.of,
    };
    let app = Place::find(&of.at, Table::new())?.open_existing()?;
    let organization = of.organization.clone();
    runtime()?.block_on(async {
        let org = chosen(&app, organization).await?;
        let before = app::settings(&app, &org).await?;
        let (settings, json) = match command {
            Command::Show(show) => (before, show.json),
            Command::Set(set) => {
                let by = Author::command_line(org.clone());
                (app::set(&app, &by, set.wanted.applied(before)?).await?, set.json)
            }
        };
        say(&app, &org, &settings, json).await
    })
}

async fn say(app: &App, org: &Org, settings: &AppSettings, json: bool) -> anyhow::Result<()> {
    let secret = app::secret(app, org).await?;
    let secret = secret.as_ref().map(SecretString::expose_secret);
    if json {
        return screen::json(&json!({ "app": settings, "webhook_secret": secret }));
    }
    let Some(secret) = secret else {
        return screen::say("No app is set up: `lockstep app set --name NAME` does it.");
    };
    screen::say(screen::table(&["", ""], &[], rows(settings, secret)))
}

fn rows(settings: &AppSettings, secret: &str) -> Vec<Vec<String>> {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let list = |rows: Vec<String>| if rows.is_empty() { "none".to_owned() } else { rows.join("\n") };
    let event = |hook: &ConnectionWebhook| json!(hook.event_type).as_str().unwrap_or_default().to_owned();
    let hooks = settings.connection_webhooks.iter().map(|hook| format!("{} to {}", event(hook), hook.url));
    let taken = if settings.strict_204 { "status 204" } else { "any status 2xx" };
    [
        ("Name", settings.name.clone()),
        ("Website", or_none(&settings.website)),
        ("Login page", or_none(&settings.login_redirect_url)),
        ("Domain", or_none(&settings.domain)),
        ("Allowed origins", list(settings.allowed_origins.clone())),
        ("Data webhook", or_none(&settings.data_webhook_url)),
        ("Counts as taken", taken.to_owned()),
        ("Connection webhooks", list(hooks.collect())),
        ("Token issuers", list(settings.token_issuers.iter().map(|issuer| issuer.issuer.clone()).collect())),
        ("Webhook secret", secret.to_owned()),
    ]
    .map(|(name, value)| vec![name.to_owned(), value])
    .into()
}
