//! `lockstep sync show` and `lockstep sync turn`: a plan before it is accepted.

use lockstep_core::ids::PlanId;
use lockstep_core::mapping::model::Side;
use lockstep_core::plan::PlanRow;
use lockstep_store::Org;
use serde::Serialize;

use super::place::Where;
use super::screen;
use crate::app::App;
use crate::ops::plans;

#[derive(clap::Args)]
pub struct Show {
    #[command(flatten)]
    pub at: Where,
    /// The plan, as `sync plan` printed it
    plan: PlanId,
    /// Only rows behind this number
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    after: i64,
    /// How many rows at most
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
pub struct Turn {
    #[command(flatten)]
    pub at: Where,
    /// The plan, as `sync plan` printed it
    plan: PlanId,
    /// The row's number, as `sync show` printed it
    row: i64,
    /// The field that differs
    field: String,
    /// Whose value will stand
    winner: Winner,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Winner {
    /// The inbox's value goes to the CRM
    Inbox,
    /// The CRM's value goes to the inbox
    Crm,
}

impl From<Winner> for Side {
    fn from(winner: Winner) -> Self {
        match winner {
            Winner::Inbox => Self::Inbox,
            Winner::Crm => Self::Crm,
        }
    }
}

#[derive(Serialize)]
struct Numbered<'a> {
    row: i64,
    #[serde(flatten)]
    what: &'a PlanRow,
}

impl Show {
    pub async fn run(&self, app: &App, org: &Org) -> anyhow::Result<()> {
        let rows = plans::rows(app, org, &self.plan, self.after, usize::try_from(self.limit)?).await?;
        if self.json {
            return screen::json(&rows.iter().map(|(row, what)| Numbered { row: *row, what }).collect::<Vec<_>>());
        }
        if rows.is_empty() {
            return screen::say("There are no rows: the plan is empty, or it was carried out.");
        }
        let lines = rows.iter().flat_map(|(n, row)| lines(*n, row)).collect();
        screen::say(screen::table(
            &["row", "what", "contact", "record", "field", "inbox", "CRM", "stands"],
            &[0],
            lines,
        ))?;
        if let (Some((last, _)), true) = (rows.last(), rows.len() == usize::try_from(self.limit)?) {
            screen::say(format!("More: --after {last}"))?;
        }
        Ok(())
    }
}

/// A row of the table for each field that differs, or one.
fn lines(n: i64, row: &PlanRow) -> Vec<Vec<String>> {
    let line = |what: &str, contact: String, record: String, rest: [String; 4]| {
        [vec![n.to_string(), what.to_owned(), contact, record], rest.to_vec()].concat()
    };
    let joined = |ids: Vec<String>| ids.join(" ");
    match row {
        PlanRow::Matched { contact, native, conflicts } if conflicts.is_empty() => {
            vec![line("matched", contact.to_string(), native.clone(), Default::default())]
        }
        PlanRow::Matched { contact, native, conflicts } => conflicts
            .iter()
            .map(|conflict| {
                let stands = match conflict.winner {
                    Side::Inbox => "inbox",
                    Side::Crm => "crm",
                };
                let rest = [conflict.field.clone(), conflict.ours.clone(), conflict.theirs.clone(), stands.to_owned()];
                line("differs", contact.to_string(), native.clone(), rest)
            })
            .collect(),
        PlanRow::Ambiguous { contacts, records } => {
            let contacts = joined(contacts.iter().map(ToString::to_string).collect());
            vec![line("ambiguous", contacts, joined(records.clone()), Default::default())]
        }
        PlanRow::NewInCrm { contact } => {
            vec![line("new in the CRM", contact.to_string(), String::new(), Default::default())]
        }
        PlanRow::NewInInbox { native } => {
            vec![line("new in the inbox", String::new(), native.clone(), Default::default())]
        }
    }
}

impl Turn {
    pub async fn run(&self, app: &App, org: &Org) -> anyhow::Result<()> {
        plans::turn(app, org, &self.plan, self.row, &self.field, self.winner.into()).await?;
        screen::say(format!("Row {}: the value of {} will stand as you chose.", self.row, self.field))
    }
}
