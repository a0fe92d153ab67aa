//! `lockstep parked`

use anyhow::bail;
use lockstep_core::ids::ParkedId;
use lockstep_core::parked::{Parked, Reason};
use lockstep_store::Org;
use toml::Table;

use super::init::organization;
use super::place::{Place, Where, runtime, start_quiet_log};
use super::screen;
use crate::app::App;
use crate::ops;

#[derive(clap::Subcommand)]
pub enum Command {
    /// List what waits for a person, oldest first
    List(List),
    /// Show one question with all that is known of it
    Show(One),
    /// Try again; both sides are read and merged anew
    Resume(One),
    /// Give it up: the two sides stay as they are and are not kept in step
    Drop(One),
}

#[derive(clap::Args)]
pub struct List {
    #[command(flatten)]
    at: Where,
    /// How many at most
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
pub struct One {
    /// The question's id, as the list shows it
    id: ParkedId,
    #[command(flatten)]
    at: Where,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(command: Command) -> anyhow::Result<()> {
    start_quiet_log();
    let at = match &command {
        Command::List(List { at, .. }) => at,
        Command::Show(one) | Command::Resume(one) | Command::Drop(one) => &one.at,
    };
    let app = Place::find(at, Table::new())?.open_existing()?;
    runtime()?.block_on(async {
        let org = organization(&app).await?;
        match command {
            Command::List(list) => show_list(&app, &org, &list).await,
            Command::Show(one) => show(&app, &org, &one).await,
            Command::Resume(one) => {
                ops::parked::resume(&app, &org, &one.id).await?;
                settled(&one, "resumed", "It is tried again; `lockstep parked list` shows it if it waits again.")
            }
            Command::Drop(one) => {
                ops::parked::drop_question(&app, &org, &one.id).await?;
                settled(&one, "dropped", "Both sides stay as they are.")
            }
        }
    })
}

fn settled(one: &One, outcome: &str, sentence: &str) -> anyhow::Result<()> {
    if one.json {
        return screen::json(&serde_json::json!({ "id": one.id, "outcome": outcome }));
    }
    screen::say(format!("{} is {outcome}. {sentence}", one.id))
}

async fn show_list(app: &App, org: &Org, list: &List) -> anyhow::Result<()> {
    let (of, limit) = (org.clone(), usize::try_from(list.limit)?);
    let (parked, more) = app.store.read(move |tx| tx.parked_list(&of, None, limit)).await?;
    if list.json {
        return screen::json(&parked);
    }
    if parked.is_empty() {
        return screen::say("Nothing waits for a person.");
    }
    let rows = parked.iter().map(|parked| {
        vec![parked.id.to_string(), parked.reason.code().to_owned(), about(parked), sentence(&parked.reason)]
    });
    screen::say(screen::table(&["id", "reason", "about", "why"], &[], rows.collect()))?;
    if more { screen::say(format!("… and more; --limit shows more than {limit}.")) } else { Ok(()) }
}

fn about(parked: &Parked) -> String {
    let contact = parked.contact.as_ref().map(ToString::to_string);
    let record = parked.native.as_ref().map(|native| format!("record {native}"));
    let things: Vec<String> = [contact, record].into_iter().flatten().collect();
    if things.is_empty() { parked.sync.to_string() } else { things.join("\n") }
}

fn count(count: usize, what: &str) -> String {
    if count == 1 { format!("one {what}") } else { format!("{count} {what}s") }
}

/// The reason as a sentence.
fn sentence(reason: &Reason) -> String {
    let text =
        |value: &Option<String>| value.as_ref().map_or_else(|| "nothing".to_owned(), |text| format!("\"{text}\""));
    match reason {
        Reason::Ambiguous { contacts, records } => {
            format!(
                "{} and {} match each other; none is guessed",
                count(contacts.len(), "contact"),
                count(records.len(), "record")
            )
        }
        Reason::Refused { field, code, detail } => {
            let field = field.as_ref().map_or_else(String::new, |field| format!("{field}: "));
            format!("the CRM refuses it: {field}{detail} ({code})")
        }
        Reason::UnknownOutcome => "a create's answer was lost, and no look could tell whether it landed".to_owned(),
        Reason::Fight { field, ours, theirs } => {
            format!("the CRM keeps setting {field} back: the inbox says {}, the CRM {}", text(ours), text(theirs))
        }
        Reason::MergedAway { survivor } => format!("its record was merged into {survivor}, which has another contact"),
        Reason::DeletedButEdited { detail } => format!("one side was deleted while the other was edited: {detail}"),
        Reason::MassDelete { absent, of } => format!("{absent} of {of} records are gone at once; is that meant?"),
    }
}

async fn show(app: &App, org: &Org, one: &One) -> anyhow::Result<()> {
    let (of, id) = (org.clone(), one.id.clone());
    let Some(parked) = app.store.read(move |tx| tx.parked(&of, &id)).await? else {
        bail!("nothing is parked as {}; `lockstep parked list` shows what is", one.id);
    };
    if one.json {
        return screen::json(&parked);
    }
    screen::say(format!("{}  since {}", parked.id, parked.parked_at))?;
    screen::say(format!("About   {}", about(&parked).replace('\n', ", ")))?;
    screen::say(format!("Why     {}", sentence(&parked.reason)))?;
    if let Reason::Ambiguous { contacts, records } = &parked.reason {
        let contacts: Vec<&str> = contacts.iter().map(|contact| contact.as_str()).collect();
        screen::say(format!("Contacts {}", contacts.join(", ")))?;
        screen::say(format!("Records  {}", records.join(", ")))?;
        screen::say("Answer   lockstep sync relink CONTACT --record RECORD")?;
    }
    Ok(())
}
