//! `lockstep keys`

use std::time::Duration;

use anyhow::bail;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lockstep_core::env::Time;
use lockstep_core::ids::KeyId;
use lockstep_core::limits::KEY_PER_MINUTE_MAX;
use lockstep_core::problem::Problem;
use lockstep_core::scope::Scope;
use lockstep_store::{ApiKey, KeyKind, KeyLimits, Org};
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::json;
use toml::Table;

use super::organizations::{Of, chosen};
use super::place::{Place, runtime, start_quiet_log};
use super::screen;
use crate::app::App;
use crate::ops;
use crate::ops::Author;
use crate::ops::keys::Wish;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Make a key and print it; nobody can show it again
    Create(Create),
    /// Make the two keys of the CRM API, publishable and secret, and print them with the header that they make
    Pair(Pair),
    /// List the keys
    List(List),
    /// End a key at once
    Revoke(Revoke),
    /// Give a key rate limits of its own, beside its organization's
    Limit(Limit),
}

#[derive(clap::Args)]
pub struct Create {
    #[command(flatten)]
    of: Of,
    /// What the key opens
    #[arg(long, value_enum, default_value = "api")]
    kind: Kind,
    /// What you call it
    #[arg(long, default_value = "command line")]
    label: String,
    /// A test key: its messages reach nobody, and what it does says `livemode: false`
    #[arg(long)]
    test: bool,
    /// Days after which it ends
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3_650))]
    expires_in: Option<u32>,
    /// What the key may do, such as contacts:read or messages:write (which covers reading); may be repeated. Everything in
    /// its organization if left out; organizations:write makes others and has to be named
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<Scope>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
pub struct Pair {
    #[command(flatten)]
    of: Of,
    /// What you call both keys
    #[arg(long, default_value = "command line")]
    label: String,
    /// Test keys
    #[arg(long)]
    test: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Kind {
    /// The inbox API
    Api,
    /// CRM Link
    Publishable,
    /// The CRM API
    Secret,
    /// The console
    Admin,
}

#[derive(clap::Args)]
pub struct List {
    #[command(flatten)]
    of: Of,
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
pub struct Revoke {
    #[command(flatten)]
    of: Of,
    /// The key's id, as the list shows it
    id: KeyId,
}

#[derive(clap::Args)]
pub struct Limit {
    #[command(flatten)]
    of: Of,
    /// The key's id, as the list shows it
    id: KeyId,
    /// Writes a minute; without it the key shares the organization's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=KEY_PER_MINUTE_MAX as i64))]
    write_per_minute: Option<u32>,
    /// Reads a minute; without it the key shares the organization's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=KEY_PER_MINUTE_MAX as i64))]
    read_per_minute: Option<u32>,
}

pub fn run(command: Command) -> anyhow::Result<()> {
    start_quiet_log();
    let of = match &command {
        Command::Create(Create { of, .. })
        | Command::Pair(Pair { of, .. })
        | Command::List(List { of, .. })
        | Command::Revoke(Revoke { of, .. })
        | Command::Limit(Limit { of, .. }) => of,
    };
    let app = Place::find(&of.at, Table::new())?.open_existing()?;
    let organization = of.organization.clone();
    runtime()?.block_on(async {
        let org = chosen(&app, organization).await?;
        match command {
            Command::Create(create) => make(&app, org, create).await,
            Command::Pair(pair) => make_pair(&app, org, pair).await,
            Command::List(list) => show(&app, org, list.json).await,
            Command::Revoke(revoke) => end(&app, org, revoke.id).await,
            Command::Limit(limit) => set_limits(&app, org, limit).await,
        }
    })
}

async fn make(app: &App, org: Org, create: Create) -> anyhow::Result<()> {
    const DAY: Duration = Duration::from_secs(86_400);
    let expires_at = create.expires_in.map(|days| app.env.now().plus(DAY * days));
    let wish = Wish {
        kind: create.kind.into(),
        label: create.label,
        live: !create.test,
        expires_at,
        scopes: create.scopes.clone(),
        limits: KeyLimits::default(),
    };
    let minted = ops::keys::mint_as(app, &org, wish).await?;
    let key = minted.plaintext.expose_secret();
    if create.json {
        let shown = json!({ "id": minted.id, "key": key, "expires_at": expires_at, "scopes": create.scopes });
        return screen::json(&shown);
    }
    screen::say(key)
}

async fn make_pair(app: &App, org: Org, pair: Pair) -> anyhow::Result<()> {
    let by = Author::command_line(org);
    let Pair { label, test, json, .. } = pair;
    let made = app.store.write(move |tx| {
        let mut key = |kind| {
            let limits = KeyLimits::default();
            let wish = Wish { kind, label: label.clone(), live: !test, expires_at: None, scopes: Vec::new(), limits };
            ops::keys::make(tx, &by, wish)
        };
        Ok::<_, Problem>((key(KeyKind::Publishable)?, key(KeyKind::Secret)?))
    });
    let (publishable, secret) = made.await?;
    let (publishable, secret) = (publishable.plaintext.expose_secret(), secret.plaintext.expose_secret());
    let header = format!("Basic {}", STANDARD.encode(format!("{publishable}:{secret}")));
    if json {
        let shown = json!({ "publishable_key": publishable, "secret_key": secret, "authorization": header });
        return screen::json(&shown);
    }
    screen::say(format!("Publishable key   {publishable}"))?;
    screen::say(format!("Secret key        {secret}"))?;
    screen::say(format!("Authorization     {header}"))?;
    screen::say("Keep these: nobody can show them again.")
}

/// A key as lists show it.
#[derive(Serialize)]
struct Shown {
    id: KeyId,
    kind: KeyKind,
    label: String,
    key: String,
    live: bool,
    state: &'static str,
    created_at: Time,
    expires_at: Option<Time>,
    scopes: Vec<Scope>,
    last_used_at: Option<Time>,
}

impl Shown {
    fn new(key: ApiKey, now: Time) -> Self {
        let state = match () {
            () if key.is_revoked() => "revoked",
            () if key.is_expired(now) => "expired",
            () => "active",
        };
        Self {
            id: key.id,
            kind: key.kind,
            label: key.label,
            key: format!("{}…{}", key.first12, key.last4),
            live: key.live,
            state,
            created_at: key.created_at,
            expires_at: key.expires_at,
            scopes: key.scopes,
            last_used_at: key.last_used_at,
        }
    }

    fn row(self) -> Vec<String> {
        let kind = format!("{:?}", self.kind).to_lowercase();
        let when = |time: Option<Time>| time.map_or_else(|| "never".to_owned(), |time| time.to_string());
        let scopes: Vec<String> = self.scopes.iter().map(Scope::to_string).collect();
        let scopes = if scopes.is_empty() { "everything".to_owned() } else { scopes.join(" ") };
        let (ends, used) = (when(self.expires_at), when(self.last_used_at));
        vec![self.id.to_string(), kind, self.label, self.key, self.state.to_owned(), scopes, ends, used]
    }
}

async fn show(app: &App, org: Org, json: bool) -> anyhow::Result<()> {
    let keys = app.store.read(move |tx| tx.keys(&org, None, usize::MAX)).await?.0;
    let now = app.env.now();
    let shown: Vec<Shown> = keys.into_iter().map(|key| Shown::new(key, now)).collect();
    if json {
        return screen::json(&shown);
    }
    let rows = shown.into_iter().map(Shown::row).collect();
    screen::say(screen::table(&["id", "kind", "label", "key", "state", "may do", "ends", "last used"], &[], rows))
}

async fn end(app: &App, org: Org, id: KeyId) -> anyhow::Result<()> {
    if !ops::keys::revoke(app, &org, &id).await? {
        bail!("there is no active key {id}; `lockstep keys list` shows them");
    }
    screen::say(format!("{id} is revoked."))
}

async fn set_limits(app: &App, org: Org, limit: Limit) -> anyhow::Result<()> {
    let Limit { id, write_per_minute, read_per_minute, .. } = limit;
    if !ops::keys::limit(app, &org, &id, KeyLimits { write_per_minute, read_per_minute }).await? {
        bail!("there is no key {id}; `lockstep keys list` shows them");
    }
    let said = |limit: Option<u32>| limit.map_or_else(|| "its organization's".to_owned(), |limit| limit.to_string());
    screen::say(format!(
        "{id}: writes a minute: {}, reads a minute: {}.",
        said(write_per_minute),
        said(read_per_minute)
    ))
}

impl From<Kind> for KeyKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Api => Self::Api,
            Kind::Publishable => Self::Publishable,
            Kind::Secret => Self::Secret,
            Kind::Admin => Self::Admin,
        }
    }
}
