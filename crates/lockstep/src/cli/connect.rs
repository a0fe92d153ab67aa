//! `lockstep connect`

use std::io::{self, IsTerminal, Write};

use anyhow::{Context, bail};
use lockstep_connect::oauth::Grant;
use lockstep_connect::{About, registry};
use lockstep_core::ids::ConnectionId;
use lockstep_store::ConnectionOf;
use secrecy::SecretString;
use toml::Table;

use super::init::organization;
use super::place::{Place, Where, authority, reach_own_connections, runtime, start_quiet_log};
use super::screen;
use crate::config::Config;
use crate::ops::syncs::{self, Connect, KEY_PROPERTY, KeyChoice};
use crate::ops::{authorise, key_ring};

#[derive(clap::Args)]
pub struct Arguments {
    /// The vendor, such as hubspot
    vendor: String,
    #[command(flatten)]
    at: Where,
    /// The vendor's token or key; asked for when left out
    #[arg(long, env = "LOCKSTEP_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Print the address where a person signs in instead; `lockstep serve` takes the answer
    #[arg(long, conflicts_with = "token")]
    oauth: bool,
    /// Another address than the vendor's own, such as a sandbox's
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// The connection whose token this one replaces; a token of another account is refused
    #[arg(long, value_name = "ID", conflicts_with_all = ["oauth", "base_url", "key_field"])]
    connection: Option<ConnectionId>,
    /// The unique property for our id: "create" makes lockstep_id, "none" does without, else the name of one
    #[arg(long, value_name = "create|none|NAME")]
    key_field: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    start_quiet_log();
    let Some(connector) = registry::find(&arguments.vendor) else {
        let known: Vec<&str> = registry::all().iter().map(|connector| connector.about().slug).collect();
        bail!("there is no connector for \"{}\"; known: {}", arguments.vendor, known.join(", "));
    };
    let about = connector.about();
    let mut place = Place::find(&arguments.at, Table::new())?;
    allow_typed_address(&mut place.config, arguments.base_url.as_deref());
    let asked_for = match (arguments.connection, arguments.key_field) {
        (Some(connection), _) => AskedFor::Renewal(connection),
        (None, Some(choice)) => AskedFor::Account(key_choice(&choice)),
        (None, None) => AskedFor::Account(ask_key(about)?),
    };
    if let (true, AskedFor::Account(key)) = (arguments.oauth, &asked_for) {
        return sign_in(&place, about, arguments.base_url, key.clone(), arguments.json);
    }
    if about.token.own_address && arguments.base_url.is_none() && matches!(asked_for, AskedFor::Account(_)) {
        bail!("say with --base-url where your {} is: a token does not tell", about.name);
    }
    let token = match arguments.token {
        Some(token) => token,
        None => ask_token(about)?,
    };
    let grant = Grant::fixed(SecretString::from(token));
    let app = match asked_for {
        AskedFor::Renewal(_) => place.open_existing()?,
        AskedFor::Account(_) => place.open_here()?,
    };
    let connection = runtime()?.block_on(async {
        key_ring::check(&app).await?;
        let org = organization(&app).await?;
        let app = reach_own_connections(app, &org).await?;
        let request = match asked_for {
            AskedFor::Renewal(connection) => Connect::renewal(&app, &org, &connection, grant).await?,
            AskedFor::Account(key) => {
                let (vendor, base_url) = (about.slug.to_owned(), arguments.base_url);
                Connect { vendor, base_url, grant, key, renews: None }
            }
        };
        anyhow::Ok(syncs::connect(&app, &org, request).await?)
    })?;
    say_connected(about, &connection, arguments.json)
}

/// What a person wants.
enum AskedFor {
    /// A new token for a connection that is there.
    Renewal(ConnectionId),
    /// An account to be connected.
    Account(KeyChoice),
}

fn say_connected(about: &About, connection: &ConnectionOf, json: bool) -> anyhow::Result<()> {
    if json {
        return screen::json(&serde_json::json!({
            "connection": connection.id(),
            "vendor": about.slug,
            "account": connection.connection().account,
        }));
    }
    screen::say(format!(
        "{} account {} is connected as {}.",
        about.name,
        connection.connection().account,
        connection.id()
    ))?;
    screen::say(format!("See what a sync would do: lockstep sync plan --connection {}", connection.id()))
}

/// Shows where a person signs in. The vendor sends the browser back to the server's public address.
fn sign_in(place: &Place, about: &About, base_url: Option<String>, key: KeyChoice, json: bool) -> anyhow::Result<()> {
    let app = place.open_here()?;
    let org = runtime()?.block_on(organization(&app))?;
    let url = authorise::begin(&app, &org, about.slug, base_url, key)?;
    if json {
        return screen::json(&serde_json::json!({ "authorize_url": url }));
    }
    screen::say(format!(
        "Open this address and allow access; `lockstep serve` must answer at {}:",
        app.settings.public_url
    ))?;
    screen::say(url)
}

/// Whoever types an address means it, be it on this machine: this command may reach it. The server that syncs needs
/// its own permission.
fn allow_typed_address(config: &mut Config, base_url: Option<&str>) {
    config.egress.allow.extend(base_url.and_then(authority));
}

fn key_choice(choice: &str) -> KeyChoice {
    match choice {
        "create" => KeyChoice::Create,
        "none" => KeyChoice::None,
        name => KeyChoice::Existing(name.to_owned()),
    }
}

fn ask_token(about: &About) -> anyhow::Result<String> {
    if !io::stdin().is_terminal() {
        bail!("give the token with --token or in LOCKSTEP_TOKEN");
    }
    let token =
        rpassword::prompt_password(format!("{}, {}: ", about.name, about.token.label)).context("no token was read")?;
    let token = token.trim();
    if token.is_empty() {
        bail!("without a token nothing can be connected");
    }
    Ok(token.to_owned())
}

/// The question of law 5: may we keep our id in the vendor's records?
fn ask_key(about: &About) -> anyhow::Result<KeyChoice> {
    if !io::stdin().is_terminal() {
        bail!("say with --key-field create, none or NAME whether a unique property may hold our id");
    }
    screen::remark(format!(
        "Lockstep can keep its contact id in a unique property of {} contacts. Then no interruption can ever make a\n\
         duplicate. Without it, a create whose answer got lost has to be searched for by e-mail and phone.",
        about.name
    ));
    write!(
        io::stderr(),
        "May it add the property {KEY_PROPERTY}? [yes/no, or the name of a unique property you have] "
    )?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).context("no answer was read")?;
    Ok(match answer.trim() {
        "" | "y" | "yes" => key_choice("create"),
        "n" | "no" => KeyChoice::None,
        name => key_choice(name),
    })
}
