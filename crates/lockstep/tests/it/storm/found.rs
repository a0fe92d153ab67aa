//! What stands at the end of a story, as plain data: both sides, the pairs, the questions and the decisions.

use std::collections::BTreeMap;

use lockstep_core::change::{Change, Verdict};
use lockstep_core::contact::Contact;
use lockstep_core::ids::ContactId;
use lockstep_core::mapping::model::Side;
use lockstep_core::pair::PairState;
use lockstep_core::parked::{Parked, Reason};
use lockstep_sandbox::Record;

use super::crm::{Crm, Seen};
use super::ledger::Cell;
use super::people::contact_cells;
use super::weather::Weather;
use crate::world::World;

/// A contact or a record as a person sees it.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    pub values: Seen,
    /// The other side's id, where this side notes it.
    pub points_to: Option<String>,
}

impl Shown {
    pub fn value(&self, cell: Cell) -> Option<&str> {
        self.values.get(&cell).map(String::as_str)
    }
}

/// One row of the pair table.
#[derive(Clone, Debug)]
pub struct Bond {
    pub id: String,
    pub sync: String,
    pub contact: String,
    pub native: Option<String>,
    pub state: PairState,
}

/// One parked question with everything it speaks of.
#[derive(Clone, Debug, Default)]
pub struct Question {
    pub code: String,
    pub pair: Option<String>,
    pub contacts: Vec<String>,
    pub records: Vec<String>,
    /// The one cell it is about; `None` speaks of the whole.
    pub cell: Option<Cell>,
}

impl Question {
    /// The cell that alone waits for the answer. Who owns a number is asked about the number only.
    pub fn held(&self) -> Option<Cell> {
        if self.code == "ambiguous" { Some(Cell::Phone) } else { self.cell }
    }

    /// Whether nothing of the pair moves before the answer.
    pub fn is_whole(&self) -> bool {
        self.held().is_none()
    }
}

/// One decision of the change log.
#[derive(Clone, Debug)]
pub struct Ruled {
    pub contact: String,
    pub cell: Cell,
    pub verdict: Verdict,
    pub ours: Option<String>,
    pub theirs: Option<String>,
}

/// Everything that stands at the end.
#[derive(Debug, Default)]
pub struct Found {
    pub contacts: BTreeMap<String, Shown>,
    pub records: BTreeMap<String, Shown>,
    pub bonds: Vec<Bond>,
    pub questions: Vec<Question>,
    pub ruled: Vec<Ruled>,
    /// Records that the change log calls deleted in the CRM.
    pub said_deleted: Vec<String>,
    /// Whether a deleted contact's record is to be archived, and the other way round.
    pub archives: bool,
    /// Whether records carry our contact's id.
    pub keyed: bool,
    /// How many CRMs there are.
    pub crms: usize,
}

impl Found {
    /// The pairs and the questions in words.
    pub fn lines(&self) -> Vec<String> {
        let name = |shown: Option<&Shown>| shown.and_then(|shown| shown.value(Cell::Name)).unwrap_or("-").to_owned();
        let bond = |bond: &Bond| {
            let record = bond.native.as_ref().and_then(|native| self.records.get(native));
            let names = (name(self.contacts.get(&bond.contact)), name(record));
            format!(
                "at the end: {} ⇄ {} {:?} {names:?}",
                bond.contact,
                bond.native.as_deref().unwrap_or("-"),
                bond.state
            )
        };
        let question = |question: &Question| {
            let Question { code, pair, contacts, records, .. } = question;
            format!("asked at the end: {code} pair {pair:?} contacts {contacts:?} records {records:?}")
        };
        self.bonds.iter().map(bond).chain(self.questions.iter().map(question)).collect()
    }
}

/// Looks at everything.
pub fn take(world: &World, crms: &[Crm], weather: &Weather) -> Found {
    let contacts = world.contacts();
    let bond = |pair: lockstep_core::pair::Pair| Bond {
        id: pair.id.to_string(),
        sync: pair.sync.to_string(),
        contact: pair.contact.to_string(),
        native: pair.native,
        state: pair.state,
    };
    let logs: Vec<(&Contact, Vec<Change>)> =
        contacts.iter().map(|contact| (contact, world.changes(&contact.id))).collect();
    Found {
        ruled: logs.iter().flat_map(|(contact, log)| ruled(&contact.id, log)).collect(),
        said_deleted: logs.iter().flat_map(|(_, log)| said_deleted(log)).collect(),
        contacts: contacts.iter().map(|contact| (contact.id.to_string(), shown_contact(contact))).collect(),
        records: crms.iter().flat_map(records_of).collect(),
        bonds: world.pairs().into_iter().map(bond).collect(),
        questions: world.parked().into_iter().map(question).collect(),
        archives: weather.archives,
        keyed: weather.keyed,
        crms: crms.len(),
    }
}

fn shown_contact(contact: &Contact) -> Shown {
    let points_to = contact.metadata.as_ref().and_then(|metadata| metadata.get("crm_id")?.as_str().map(str::to_owned));
    Shown { values: contact_cells(contact), points_to }
}

fn records_of(crm: &Crm) -> impl Iterator<Item = (String, Shown)> {
    let shown = |record: &Record| Shown { values: crm.seen(record), points_to: Crm::points_to(record) };
    crm.living().map(move |record| (record.id.clone(), shown(&record)))
}

fn ruled<'l>(contact: &'l ContactId, log: &'l [Change]) -> impl Iterator<Item = Ruled> + 'l {
    let fields = log.iter().flat_map(|change| change.fields.iter());
    fields.filter_map(move |field| {
        let (decision, cell) = (field.decision.clone()?, Cell::of_field(&field.field)?);
        let (ours, theirs) = (decision.ours, decision.theirs);
        Some(Ruled { contact: contact.to_string(), cell, verdict: decision.verdict, ours, theirs })
    })
}

fn said_deleted(log: &[Change]) -> impl Iterator<Item = String> + '_ {
    let fields = log.iter().flat_map(|change| change.fields.iter());
    let lost =
        fields.filter(|field| field.side == Side::Crm && field.field == "metadata.crm_id" && field.after.is_none());
    lost.filter_map(|field| field.before.clone())
}

fn question(parked: Parked) -> Question {
    let mut question = Question {
        code: parked.reason.code().to_owned(),
        pair: parked.pair.map(String::from),
        contacts: parked.contact.into_iter().map(String::from).collect(),
        records: parked.native.into_iter().collect(),
        cell: None,
    };
    match parked.reason {
        Reason::Ambiguous { contacts, records } => {
            question.contacts.extend(contacts.into_iter().map(String::from));
            question.records.extend(records);
        }
        Reason::Fight { field, .. } | Reason::Refused { field: Some(field), .. } => {
            question.cell = Cell::of_field(&field)
        }
        Reason::MergedAway { .. }
        | Reason::Refused { field: None, .. }
        | Reason::UnknownOutcome
        | Reason::DeletedButEdited { .. }
        | Reason::MassDelete { .. } => {}
    }
    question
}
