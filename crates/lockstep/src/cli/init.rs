//! `lockstep init`: a database, an organization, its keys and one WhatsApp account.

use lockstep_core::env::Env;
use lockstep_core::problem::Problem;
use lockstep_store::{Account, Org, StoreError, Tx};
use serde::Serialize;
use toml::Table;

use super::place::{Place, Where, runtime, start_quiet_log};
use super::screen;
use crate::app::App;
use crate::ops::Author;
use crate::ops::accounts::{check_phone_number, check_phone_number_id};
use crate::ops::organizations::{self, Keys};
use crate::ops::users::check_name;

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    at: Where,
    /// The organization's name
    #[arg(long, default_value = "My organization")]
    name: String,
    /// The WhatsApp number that its contacts write to
    #[arg(long, value_name = "NUMBER", default_value = DEFAULT_NUMBER)]
    phone_number: String,
    /// Meta's id of that number; made up if left out
    #[arg(long, value_name = "DIGITS", value_parser = phone_number_id)]
    phone_number_id: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A number that no one can have.
const DEFAULT_NUMBER: &str = "+12025550100";
const DEFAULT_NAME: &str = "My organization";

/// What was made. Secrets are shown here and never again.
#[derive(Serialize)]
struct Made {
    created: bool,
    organization: String,
    #[serde(flatten)]
    keys: Option<Keys>,
    phone_number_id: String,
    phone_number: String,
}

/// Prints keys for people.
pub fn say(keys: &Keys) -> anyhow::Result<()> {
    screen::say(format!("API key           {}", keys.api_key))?;
    screen::say(format!("Publishable key   {}", keys.publishable_key))?;
    screen::say(format!("Secret key        {}", keys.secret_key))?;
    screen::say(format!("Admin link        {}", keys.admin_link))?;
    screen::say("Keep these: nobody can show them again.")
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    start_quiet_log();
    let app = Place::find(&arguments.at, Table::new())?.open_here()?;
    let made = runtime()?.block_on(make(&app, arguments))?;
    if arguments.json {
        return screen::json(&made);
    }
    screen::say(format!("Organization      {}", made.organization))?;
    screen::say(format!("WhatsApp account  {} (phone_number_id {})", made.phone_number, made.phone_number_id))?;
    match &made.keys {
        None => screen::say("It was there already, with keys. `lockstep keys create` makes another key."),
        Some(keys) => say(keys),
    }
}

async fn make(app: &App, arguments: &Arguments) -> anyhow::Result<Made> {
    check_name(&arguments.name)?;
    check_phone_number(&arguments.phone_number)?;
    let founding = Founding {
        name: arguments.name.clone(),
        phone_number: arguments.phone_number.clone(),
        phone_number_id: arguments.phone_number_id.clone(),
    };
    let (org, account, has_keys) = app
        .store
        .write(move |tx| {
            let (org, account) = founding.carry_out(tx)?;
            let has_keys = !tx.keys(&org, None, 1)?.0.is_empty();
            Ok::<_, StoreError>((org, account, has_keys))
        })
        .await?;
    let keys = if has_keys { None } else { Some(first_keys(app, &org).await?) };
    Ok(Made {
        created: keys.is_some(),
        organization: org.id().to_string(),
        keys,
        phone_number_id: account.phone_number_id,
        phone_number: account.phone_number,
    })
}

/// What a new organization is made of.
struct Founding {
    name: String,
    phone_number: String,
    phone_number_id: Option<String>,
}

impl Founding {
    /// The organization and its account, made where there is none.
    fn carry_out(self, tx: &mut Tx<'_>) -> Result<(Org, Account), StoreError> {
        if let Some(founded) = founded(tx)? {
            return Ok(founded);
        }
        // Several processes may start on a new database at once: one founds, the others wait for it.
        tx.hold_founding()?;
        if let Some(founded) = founded(tx)? {
            return Ok(founded);
        }
        let org = match tx.oldest_org()? {
            Some(org) => org,
            None => tx.create_org(&self.name)?,
        };
        let id = self.phone_number_id.unwrap_or_else(|| made_up_id(tx.env()));
        let account = tx.add_account(&org, &id, &self.phone_number, &self.name)?;
        Ok((org, account))
    }
}

fn founded(tx: &mut Tx<'_>) -> Result<Option<(Org, Account)>, StoreError> {
    let Some(org) = tx.oldest_org()? else { return Ok(None) };
    Ok(tx.accounts(&org)?.into_iter().next().map(|account| (org, account)))
}

/// The organization of this database; made on the spot in a new one, so that nobody needs `init` first.
pub async fn organization(app: &App) -> Result<Org, StoreError> {
    let founding =
        Founding { name: DEFAULT_NAME.to_owned(), phone_number: DEFAULT_NUMBER.to_owned(), phone_number_id: None };
    app.store.write(move |tx| founding.carry_out(tx).map(|(org, _)| org)).await
}

/// Makes the keys that a new organization starts with.
pub async fn first_keys(app: &App, org: &Org) -> Result<Keys, Problem> {
    let (here, by) = (app.clone(), Author::command_line(org.clone()));
    app.store.write(move |tx| organizations::first_keys(tx, &here, &by)).await
}

fn made_up_id(env: &Env) -> String {
    env.between(100_000_000_000_000, 999_999_999_999_999).to_string()
}

/// Reads Meta's id of a number.
pub fn phone_number_id(text: &str) -> Result<String, Problem> {
    check_phone_number_id(text).map(|()| text.to_owned())
}
