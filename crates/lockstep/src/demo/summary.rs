//! What came of it, in numbers.

use lockstep_core::plan::PlanSummary;
use serde::Serialize;

use super::cost::{Calls, Written};
use super::story::Story;
use crate::cli::screen::{number, table};

/// What came of the demo. Rows = contacts + folded + refused.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    /// Rows of the list.
    pub rows: usize,
    /// Contacts made of them.
    pub contacts: usize,
    /// Rows folded into a contact of an earlier row.
    pub folded_rows: usize,
    /// Rows that made no contact.
    pub refused_rows: usize,
    /// Pairs that the plan found.
    pub matched: i64,
    /// Questions that the plan asks.
    pub ambiguous: i64,
    /// Records made in the CRM.
    pub created_in_crm: u64,
    /// Contacts made in the inbox.
    pub created_in_inbox: i64,
    /// Records of the CRM that were there and changed by us.
    pub updated: u64,
    /// Fields on which both sides had different values, in the plan and in the edits.
    pub conflicts: i64,
    /// Questions that wait for a person.
    pub parked: usize,
    /// Calls to the CRM.
    pub calls: Calls,
    /// Whether both sides agree on everything but the questions.
    pub converged: bool,
    /// From the first row read.
    pub seconds: f64,
    /// Where to go on, while the demo stays up.
    #[serde(flatten)]
    pub open: Option<OpenDoors>,
}

/// Where to go on.
#[derive(Debug, Serialize)]
pub struct OpenDoors {
    /// The hub.
    pub inbox_url: String,
    /// A key of its inbox API.
    pub api_key: String,
    /// The look-alike.
    pub crm_url: String,
}

impl Summary {
    /// Takes in what the plan and the two phases of writing amount to.
    pub fn count_plan(&mut self, plan: &PlanSummary, first: Written, second: Written, edited_at_once: usize) {
        self.matched = plan.matched;
        self.ambiguous = plan.ambiguous;
        self.created_in_inbox = plan.new_in_inbox;
        self.conflicts = plan.conflicts + i64::try_from(edited_at_once).unwrap_or(i64::MAX);
        self.created_in_crm = first.created + second.created;
        self.updated = first.updated + second.updated;
    }

    /// Tells it to people.
    pub fn tell(&self, story: &Story) -> anyhow::Result<()> {
        story.chapter("Summary")?;
        let Calls { made, minimum, setup, sweep } = self.calls;
        let rows = [
            (
                "Contacts in the list",
                format!(
                    "{} of {} rows ({} folded, {} refused)",
                    number(self.contacts),
                    number(self.rows),
                    number(self.folded_rows),
                    number(self.refused_rows)
                ),
            ),
            ("Matched with HubSpot", number(self.matched)),
            ("Ambiguous, left to you", number(self.ambiguous)),
            ("Made in HubSpot", number(self.created_in_crm)),
            ("Made in the inbox", number(self.created_in_inbox)),
            ("Updated in HubSpot", number(self.updated)),
            ("Conflicts settled by rule", number(self.conflicts)),
            ("Parked", number(self.parked)),
            ("Calls to HubSpot", number(made)),
            ("  to set up, to look for deletes", format!("{}, {}", number(setup), number(sweep))),
            (
                "  for the work",
                format!("{} (at least {})", number(made.saturating_sub(setup + sweep)), number(minimum)),
            ),
            ("Both sides agree", if self.converged { "yes" } else { "NO" }.to_owned()),
            ("Seconds", format!("{:.1}", self.seconds)),
        ];
        let rows = rows.into_iter().map(|(what, value)| vec![what.to_owned(), value]).collect();
        story.show(&table(&["", ""], &[], rows))
    }
}
