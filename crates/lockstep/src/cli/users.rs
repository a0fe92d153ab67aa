//! `lockstep users`

use lockstep_core::ids::{TeamId, UserId};
use lockstep_core::patch::Patch;
use lockstep_core::problem::Problem;
use lockstep_store::{NewUser, Org, User, UserFilter};
use serde_json::{Value as Json, json};
use toml::Table;

use super::organizations::{Of, chosen};
use super::place::{Place, runtime, start_quiet_log};
use super::screen;
use crate::app::App;
use crate::ops;
use crate::ops::Author;
use crate::ops::users::UserPatch;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Add a user
    Add(Add),
    /// List the users
    List(List),
    /// Change a user's name or address
    Change(Change),
    /// Remove a user; what was assigned to them still names them
    Remove(Remove),
}

#[derive(clap::Args)]
pub struct Add {
    #[command(flatten)]
    of: Of,
    /// What people call them
    name: String,
    /// Their e-mail address
    #[arg(long)]
    email: Option<String>,
    /// A team that they join at once; may be repeated
    #[arg(long = "team", value_name = "ID")]
    teams: Vec<TeamId>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
pub struct List {
    #[command(flatten)]
    of: Of,
    /// Only the members of this team
    #[arg(long, value_name = "ID")]
    team: Option<TeamId>,
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[group(required = true, multiple = true, args = ["name", "email"])]
pub struct Change {
    #[command(flatten)]
    of: Of,
    /// The user's id, as the list shows it
    id: UserId,
    /// What people call them
    #[arg(long)]
    name: Option<String>,
    /// Their e-mail address; an empty one takes it away
    #[arg(long)]
    email: Option<String>,
}

#[derive(clap::Args)]
pub struct Remove {
    #[command(flatten)]
    of: Of,
    /// The user's id, as the list shows it
    id: UserId,
}

pub fn run(command: Command) -> anyhow::Result<()> {
    start_quiet_log();
    let of = match &command {
        Command::Add(Add { of, .. }) | Command::List(List { of, .. }) | Command::Remove(Remove { of, .. }) => of,
        Command::Change(Change { of, .. }) => of,
    };
    let app = Place::find(&of.at, Table::new())?.open_existing()?;
    let organization = of.organization.clone();
    runtime()?.block_on(async {
        let org = chosen(&app, organization).await?;
        match command {
            Command::Add(add) => make(&app, org, add).await,
            Command::List(list) => show(&app, org, list).await,
            Command::Change(change) => alter(&app, org, change).await,
            Command::Remove(remove) => end(&app, org, remove.id).await,
        }
    })
}

async fn make(app: &App, org: Org, add: Add) -> anyhow::Result<()> {
    let by = Author::command_line(org);
    let Add { name, email, teams, json, .. } = add;
    let new = NewUser { name, email };
    let user = app.store.write(move |tx| ops::users::add(tx, &by, &new, &teams)).await?;
    if json { screen::json(&shown(&user)) } else { screen::say(user.id) }
}

async fn show(app: &App, org: Org, list: List) -> anyhow::Result<()> {
    let filter = UserFilter { team: list.team };
    let read = app.store.read(move |tx| Ok::<_, Problem>(tx.users(&org, &filter, None, usize::MAX)?.0));
    let users = read.await?;
    if list.json {
        return screen::json(&users.iter().map(shown).collect::<Vec<_>>());
    }
    let row = |user: User| {
        let teams: Vec<String> = user.teams.iter().map(TeamId::to_string).collect();
        vec![user.id.to_string(), user.name, user.email.unwrap_or_default(), teams.join(" ")]
    };
    screen::say(screen::table(&["id", "name", "email", "teams"], &[], users.into_iter().map(row).collect()))
}

fn shown(user: &User) -> Json {
    json!({ "id": user.id, "name": user.name, "email": user.email, "team_ids": user.teams, "created_at": user.created_at })
}

async fn alter(app: &App, org: Org, change: Change) -> anyhow::Result<()> {
    let by = Author::command_line(org);
    let Change { id, name, email, .. } = change;
    let email = match email {
        None => Patch::Keep,
        Some(email) if email.is_empty() => Patch::Clear,
        Some(email) => Patch::Set(email),
    };
    let said = format!("{id} is changed.");
    let patch = UserPatch { name, email, teams: None };
    app.store.write(move |tx| ops::users::patch(tx, &by, &id, patch)).await?;
    screen::say(said)
}

async fn end(app: &App, org: Org, id: UserId) -> anyhow::Result<()> {
    let by = Author::command_line(org);
    let said = format!("{id} is removed.");
    app.store.write(move |tx| ops::users::remove(tx, &by, &id)).await?;
    screen::say(said)
}
