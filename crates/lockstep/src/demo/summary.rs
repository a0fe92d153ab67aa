//! What came of it, in numbers.

use std::collections::BTreeMap;

use lockstep_core::plan::PlanSummary;
use serde::Serialize;

use super::cost::{self, Calls, Written};
use super::sides::Spoke;
use super::story::Story;
use crate::cli::screen::{number, table};

/// What came of the demo.
#[derive(Debug, Default)]
pub struct Summary {
    /// Rows of the list: contacts, folded and refused ones.
    pub rows: usize,
    /// Contacts made of them.
    pub contacts: usize,
    /// Rows folded into a contact of an earlier row.
    pub folded_rows: usize,
    /// Rows that made no contact.
    pub refused_rows: usize,
    /// At each CRM.
    pub crms: Vec<Share>,
    /// Fields that people edited on both sides at once.
    pub edited_at_once: usize,
    /// Questions that wait for a person.
    pub parked: usize,
    /// Whether all sides agree on everything but the questions.
    pub converged: bool,
    /// From the first row read.
    pub seconds: f64,
    /// Where to go on, while the demo stays up.
    pub open: Option<OpenDoors>,
}

/// One CRM's share.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Share {
    /// The vendor's name.
    pub crm: &'static str,
    /// Pairs that the plan found.
    pub matched: i64,
    /// Questions that the plan asks.
    pub ambiguous: i64,
    /// Fields on which both sides had different values.
    pub conflicts: i64,
    /// Contacts made in the inbox.
    pub created_in_inbox: i64,
    /// Records made in the CRM.
    pub created_in_crm: u64,
    /// Records of the CRM that were there and changed by us.
    pub updated: u64,
    /// Calls to the CRM.
    pub calls: Calls,
}

/// Where to go on.
#[derive(Clone, Debug, Serialize)]
pub struct OpenDoors {
    /// The hub.
    pub inbox_url: String,
    /// A key of its inbox API.
    pub api_key: String,
    /// The look-alikes, by the vendor's slug.
    pub crm_urls: BTreeMap<&'static str, String>,
}

/// The summary for programs: the sums over all CRMs, and each one's share. Rows = contacts + folded + refused.
#[derive(Debug, Serialize)]
pub struct Told {
    rows: usize,
    contacts: usize,
    folded_rows: usize,
    refused_rows: usize,
    matched: i64,
    ambiguous: i64,
    created_in_crm: u64,
    created_in_inbox: i64,
    updated: u64,
    conflicts: i64,
    parked: usize,
    calls: Calls,
    converged: bool,
    seconds: f64,
    crms: Vec<Share>,
    #[serde(flatten)]
    open: Option<OpenDoors>,
}

impl Share {
    /// Takes in what the plan says.
    pub fn count_plan(&mut self, plan: &PlanSummary) {
        self.matched = plan.matched;
        self.ambiguous = plan.ambiguous;
        self.created_in_inbox = plan.new_in_inbox;
        self.conflicts = plan.conflicts;
    }

    /// Takes in what was written in the first run and after the edits.
    pub fn count(&mut self, spoke: &Spoke<'_>, first: Written, second: Written) {
        let all = first.and(second);
        let changed = Written::between(&spoke.seeded, &spoke.crm.vendor.records());
        let held = spoke.seeded.len() as u64;
        self.created_in_crm = all.created;
        self.updated = all.updated;
        self.calls.made = spoke.crm.vendor.calls().total;
        self.calls.minimum = cost::minimum(spoke.crm.about, &[first, second], held, changed.created + changed.updated);
    }
}

impl Summary {
    /// For programs.
    pub fn told(&self) -> Told {
        let sum = |of: fn(&Share) -> i64| self.crms.iter().map(of).sum::<i64>();
        Told {
            rows: self.rows,
            contacts: self.contacts,
            folded_rows: self.folded_rows,
            refused_rows: self.refused_rows,
            matched: sum(|it| it.matched),
            ambiguous: sum(|it| it.ambiguous),
            created_in_crm: self.crms.iter().map(|it| it.created_in_crm).sum(),
            created_in_inbox: sum(|it| it.created_in_inbox),
            updated: self.crms.iter().map(|it| it.updated).sum(),
            conflicts: sum(|it| it.conflicts) + i64::try_from(self.edited_at_once).unwrap_or(i64::MAX),
            parked: self.parked,
            calls: self.crms.iter().map(|it| it.calls).sum(),
            converged: self.converged,
            seconds: self.seconds,
            crms: self.crms.clone(),
            open: self.open.clone(),
        }
    }

    /// For people.
    pub fn tell(&self, story: &Story) -> anyhow::Result<()> {
        story.chapter("Summary")?;
        let rows = self.crms.iter().map(|it| {
            let Calls { made, setup, minimum } = it.calls;
            vec![
                it.crm.to_owned(),
                number(it.matched),
                number(it.ambiguous),
                number(it.created_in_crm),
                number(it.created_in_inbox),
                number(it.updated),
                number(it.conflicts),
                number(made),
                number(setup),
                number(minimum),
            ]
        });
        let header = [
            "",
            "matched",
            "ambiguous",
            "made there",
            "made here",
            "updated",
            "conflicts",
            "calls",
            "to set up",
            "at least",
        ];
        story.show(&table(&header, &[1, 2, 3, 4, 5, 6, 7, 8, 9], rows.collect()))?;
        story.tell(format!(
            "{} contacts of {} rows ({} folded, {} refused); {} questions wait for you; {} s",
            number(self.contacts),
            number(self.rows),
            number(self.folded_rows),
            number(self.refused_rows),
            number(self.parked),
            self.seconds.round()
        ))?;
        story.tell("\"At least\" is what the writes and reads of changes take in full batches; polls come on top")?;
        let verdict = if self.converged { "All sides agree" } else { "The sides do NOT agree" };
        story.tell(verdict)
    }
}
