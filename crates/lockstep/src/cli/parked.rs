//! `lockstep parked`

use std::fmt;
use std::str::FromStr;

use anyhow::bail;
use lockstep_core::ids::{BadId, InvocationId, ParkedId, ReceivedId};
use lockstep_core::parked::{Parked, Reason};
use lockstep_store::{InvocationState, LostInvocation, Org, ParkedHook, StoreError};
use serde_json::{Value as Json, json};
use toml::Table;

use super::init::organization;
use super::place::{Place, Where, reach_own_connections, runtime, start_quiet_log};
use super::screen;
use crate::app::App;
use crate::ops::crm::unknown;
use crate::ops::{parked, received};

#[derive(clap::Subcommand)]
pub enum Command {
    /// List what waits for a person, oldest first
    List(List),
    /// Show one question with all that is known of it
    Show(One),
    /// Try again; both sides are read and merged anew, a webhook is taken in anew, an invocation is looked for in the CRM
    Resume(One),
    /// Give it up: the two sides stay as they are and are not kept in step; a webhook is dropped, an invocation forgotten
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
    /// The id of what waits, as the list shows it
    id: Waiting,
    #[command(flatten)]
    at: Where,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What waits for a person, by its id.
#[derive(Clone, Debug)]
enum Waiting {
    /// A question of a sync.
    Question(ParkedId),
    /// A webhook that could not be taken in.
    Webhook(ReceivedId),
    /// An app's invocation whose outcome is unknown.
    Invocation(InvocationId),
}

impl FromStr for Waiting {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let hook = ReceivedId::parse(text).map(Self::Webhook);
        let invocation = || InvocationId::parse(text).map(Self::Invocation);
        hook.or_else(|_| invocation()).or_else(|_| ParkedId::parse(text).map(Self::Question))
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Question(id) => id.fmt(f),
            Self::Webhook(id) => id.fmt(f),
            Self::Invocation(id) => id.fmt(f),
        }
    }
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
            Command::Show(one) => match &one.id {
                Waiting::Question(id) => show(&app, &org, id, one.json).await,
                Waiting::Webhook(id) => show_webhook(&received::parked(&app, &org, id).await?, one.json),
                Waiting::Invocation(id) => show_invocation(&unknown::lost(&app, &org, id).await?, one.json),
            },
            Command::Resume(one) => resume(&app, &org, &one).await,
            Command::Drop(one) => drop_one(&app, &org, &one).await,
        }
    })
}

async fn resume(app: &App, org: &Org, one: &One) -> anyhow::Result<()> {
    match &one.id {
        Waiting::Question(id) => parked::resume(app, org, id).await?,
        Waiting::Webhook(id) => received::resume(app, org, id).await?,
        Waiting::Invocation(id) => {
            let app = reach_own_connections(app.clone(), org).await?;
            let lost = unknown::lost(&app, org, id).await?;
            let found = unknown::invocation(&app, org, &lost.connection, id.as_str()).await?;
            if found.state != InvocationState::Done {
                bail!("{id}: the CRM shows no proof of it. Look there yourself, then `lockstep parked drop {id}`.");
            }
            return settled(one, "resumed", "The CRM holds what was sent; the app is answered so under the same key.");
        }
    }
    settled(one, "resumed", "It is tried again; `lockstep parked list` shows it if it waits again.")
}

async fn drop_one(app: &App, org: &Org, one: &One) -> anyhow::Result<()> {
    let sentence = match &one.id {
        Waiting::Question(id) => {
            parked::drop_question(app, org, id).await?;
            "Both sides stay as they are."
        }
        Waiting::Webhook(id) => {
            received::drop_parked(app, org, id).await?;
            "What it said is dropped."
        }
        Waiting::Invocation(id) => {
            let lost = unknown::lost(app, org, id).await?;
            unknown::forget(app, org, &lost).await?;
            "Its key may be used again, and then sends again."
        }
    };
    settled(one, "dropped", sentence)
}

fn settled(one: &One, outcome: &str, sentence: &str) -> anyhow::Result<()> {
    if one.json {
        return screen::json(&json!({ "id": one.id.to_string(), "outcome": outcome }));
    }
    screen::say(format!("{} is {outcome}. {sentence}", one.id))
}

async fn show_list(app: &App, org: &Org, list: &List) -> anyhow::Result<()> {
    let (of, limit) = (org.clone(), usize::try_from(list.limit)?);
    let found = app.store.read(move |tx| {
        Ok::<_, StoreError>((
            tx.parked_list(&of, None, limit)?,
            tx.parked_hooks(&of, limit)?,
            tx.lost_invocations(&of, limit)?,
        ))
    });
    let ((parked, more), (hooks, more_hooks), (lost, more_lost)) = found.await?;
    if list.json {
        let questions = parked.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>()?;
        let others = hooks.iter().map(webhook).chain(lost.iter().map(invocation));
        return screen::json(&questions.into_iter().chain(others).collect::<Vec<_>>());
    }
    if parked.is_empty() && hooks.is_empty() && lost.is_empty() {
        return screen::say("Nothing waits for a person.");
    }
    let rows = parked.iter().map(|parked| {
        vec![parked.id.to_string(), parked.reason.code().to_owned(), about(parked), sentence(&parked.reason)]
    });
    let hooks = hooks.into_iter().map(|hook| {
        let about = format!("a webhook of {} {}", hook.vendor, hook.account);
        vec![hook.id.to_string(), WEBHOOK.to_owned(), about, hook.reason]
    });
    let lost = lost.iter().map(|lost| {
        vec![lost.invocation.id.to_string(), INVOCATION.to_owned(), invoked(lost), UNKNOWN_OUTCOME.to_owned()]
    });
    screen::say(screen::table(&["id", "reason", "about", "why"], &[], rows.chain(hooks).chain(lost).collect()))?;
    if more || more_hooks || more_lost {
        return screen::say(format!("… and more; --limit shows more than {limit}."));
    }
    Ok(())
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

/// The reason's code of a webhook that could not be taken in.
const WEBHOOK: &str = "webhook";

/// A webhook as JSON, alike to a question.
fn webhook(hook: &ParkedHook) -> Json {
    let ParkedHook { id, vendor, account, reason, bytes, received_at, parked_at } = hook;
    json!({
        "id": id, "vendor": vendor, "account": account, "bytes": bytes, "received_at": received_at,
        "reason": { "reason": WEBHOOK, "detail": reason }, "parked_at": parked_at,
    })
}

/// The reason's code of an invocation whose outcome is unknown.
const INVOCATION: &str = "invocation";
const UNKNOWN_OUTCOME: &str = "the CRM's answer was lost: it may have happened";

fn invoked(lost: &LostInvocation) -> String {
    let LostInvocation { connection, vendor, invocation } = lost;
    format!("{} of {}\nat {vendor}, connection {connection}", invocation.event, invocation.object)
}

/// An invocation as JSON, alike to a question. What was sent is left out: it is a customer's.
fn invocation(lost: &LostInvocation) -> Json {
    let LostInvocation { connection, vendor, invocation } = lost;
    json!({
        "id": invocation.id, "vendor": vendor, "connection": connection, "object": invocation.object,
        "event": invocation.event, "reason": { "reason": INVOCATION, "detail": UNKNOWN_OUTCOME },
        "parked_at": invocation.updated_at,
    })
}

fn show_invocation(lost: &LostInvocation, json: bool) -> anyhow::Result<()> {
    if json {
        return screen::json(&invocation(lost));
    }
    screen::say(format!("{}  since {}", lost.invocation.id, lost.invocation.updated_at))?;
    screen::say(format!("About   {}", invoked(lost).replace('\n', " ")))?;
    screen::say(format!("Why     {UNKNOWN_OUTCOME}"))
}

fn show_webhook(hook: &ParkedHook, json: bool) -> anyhow::Result<()> {
    if json {
        return screen::json(&webhook(hook));
    }
    screen::say(format!("{}  since {}", hook.id, hook.parked_at))?;
    screen::say(format!("About   a webhook of {} {}, {} bytes", hook.vendor, hook.account, hook.bytes))?;
    screen::say(format!("Came    {}", hook.received_at))?;
    screen::say(format!("Why     {}", hook.reason))
}

async fn show(app: &App, org: &Org, id: &ParkedId, json: bool) -> anyhow::Result<()> {
    let (of, wanted) = (org.clone(), id.clone());
    let Some(parked) = app.store.read(move |tx| tx.parked(&of, &wanted)).await? else {
        bail!("nothing is parked as {id}; `lockstep parked list` shows what is");
    };
    if json {
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
