//! `lockstep why`

use lockstep_core::ids::ContactId;
use toml::Table;

use super::init::organization;
use super::place::{Place, Where, runtime, start_quiet_log};
use super::screen;
use crate::ops;

#[derive(clap::Args)]
pub struct Arguments {
    /// What is asked about
    #[arg(value_enum)]
    subject: Subject,
    /// Its id
    id: ContactId,
    /// The field: name, email, phone_number, metadata.KEY
    field: String,
    #[command(flatten)]
    at: Where,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Subject {
    Contact,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    start_quiet_log();
    let Subject::Contact = arguments.subject;
    let app = Place::find(&arguments.at, Table::new())?.open_existing()?;
    let explanation = runtime()?.block_on(async {
        let org = organization(&app).await?;
        anyhow::Ok(ops::why::why(&app, &org, &arguments.id, &arguments.field).await?)
    })?;
    if arguments.json { screen::json(&explanation) } else { screen::say(explanation.sentence) }
}
