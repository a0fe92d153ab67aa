//! What people and automations really did on either side: the only truth the oracle knows.

use std::collections::{BTreeMap, BTreeSet};

use lockstep_core::mapping::model::Side;

/// Counts everything that happens in one story: acts of people and exchanges with the CRM.
pub type Tick = u64;

/// One place for a value, as a person sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    Name,
    Email,
    Phone,
    /// A metadata key of the inbox that no mapping names.
    Note,
    /// A property of the CRM that no mapping names.
    JobTitle,
}

impl Cell {
    /// The cells that the mapping keeps in step both ways.
    pub const SHARED: [Self; 3] = [Self::Name, Self::Email, Self::Phone];

    /// The inbox field that the mapping keeps in step with it.
    pub fn field(self) -> Option<&'static str> {
        ["name", "email", "phone_number"].into_iter().find(|field| Self::of_field(field) == Some(self))
    }

    /// The cell of an inbox field.
    pub fn of_field(field: &str) -> Option<Self> {
        match field {
            "name" => Some(Self::Name),
            "email" => Some(Self::Email),
            "phone_number" => Some(Self::Phone),
            _ => None,
        }
    }

    /// The form in which two values are one to a person. The oracle's own, shared with no merge.
    pub fn form(self, value: Option<&str>) -> Option<String> {
        let text = value?.trim();
        let form = match self {
            Self::Name | Self::Note | Self::JobTitle => text.to_owned(),
            Self::Email => text.to_lowercase(),
            Self::Phone => text.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect(),
        };
        (!form.is_empty()).then_some(form)
    }

    pub fn same(self, a: Option<&str>, b: Option<&str>) -> bool {
        self.form(a) == self.form(b)
    }
}

/// One value that somebody gave.
#[derive(Clone, Debug)]
pub struct Edit {
    pub at: Tick,
    pub side: Side,
    /// The contact or the record.
    pub on: String,
    pub cell: Cell,
    pub value: Option<String>,
    /// What the editor saw there.
    pub before: Option<String>,
    pub weight: Weight,
}

/// What the sync owes to an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// It must end visible, superseded, beaten by a named rule or in a question.
    Owed,
    /// A merge or a restore put it there, not a person's hand: it may stand, it need not.
    Allowed,
    /// It fell between the read and the write of one job, on the very value written; or it took back what a write without an
    /// answer had set, or set just that, before anybody could look: then the record shows what it would show without it,
    /// had the write never come, or had it come later. The vendor has no conditional write, so nobody can see it; counted
    /// and printed.
    Overtaken,
}

/// Everything that happened, in order.
#[derive(Debug, Default)]
pub struct Ledger {
    pub edits: Vec<Edit>,
    /// Made by people, with the person they stand for.
    pub born: BTreeMap<String, usize>,
    /// When it was last deleted; a restore takes it out again.
    pub deleted: BTreeMap<String, Tick>,
    /// Records that were ever restored.
    pub restored: BTreeSet<String>,
    /// Merged records and what they became.
    pub merged: BTreeMap<String, String>,
    tick: Tick,
}

impl Ledger {
    /// The next moment of the story.
    pub fn tick(&mut self) -> Tick {
        self.tick += 1;
        self.tick
    }

    /// A person gave a value. `before` is what stood there.
    pub fn edited(
        &mut self,
        side: Side,
        on: &str,
        cell: Cell,
        before: Option<String>,
        value: Option<String>,
        weight: Weight,
    ) {
        let at = self.tick();
        self.edits.push(Edit { at, side, on: on.to_owned(), cell, value, before, weight });
    }

    /// A person made something.
    pub fn made(&mut self, side: Side, id: &str, person: usize, values: &BTreeMap<Cell, String>) {
        self.born.insert(id.to_owned(), person);
        for (cell, value) in values {
            self.edited(side, id, *cell, None, Some(value.clone()), Weight::Owed);
        }
    }

    pub fn gone(&mut self, id: &str) {
        let at = self.tick();
        self.deleted.insert(id.to_owned(), at);
    }

    /// Whether it was deleted at some time, brought back or not.
    pub fn was_deleted(&self, id: &str) -> bool {
        self.deleted.contains_key(id) || self.restored.contains(id)
    }

    /// What a record is called today.
    pub fn survivor(&self, record: &str) -> String {
        let mut id = record.to_owned();
        while let Some(next) = self.merged.get(&id) {
            id.clone_from(next);
        }
        id
    }

    /// A record and everything that was merged into it.
    pub fn ancestry(&self, record: &str) -> BTreeSet<String> {
        let merged = self.merged.keys().filter(|id| self.survivor(id) == record).cloned();
        merged.chain([record.to_owned()]).collect()
    }

    /// A merge decided between the values of two records: what it let go of is owed to nobody any more.
    pub fn merged_away(&mut self, survivor: &str, kept: &BTreeMap<Cell, String>) {
        let ancestry = self.ancestry(survivor);
        for edit in self.edits.iter_mut().filter(|edit| ancestry.contains(&edit.on)) {
            if !edit.cell.same(edit.value.as_deref(), kept.get(&edit.cell).map(String::as_str)) {
                edit.weight = Weight::Allowed;
            }
        }
    }

    /// The engine overwrote cells of a record that its job had read at `read`.
    pub fn overwritten(&mut self, record: &str, cells: &BTreeMap<Cell, Option<String>>, read: Tick) {
        let overtaken = |edit: &&mut Edit| {
            edit.side == Side::Crm && edit.on == record && edit.at > read && cells.contains_key(&edit.cell)
        };
        for edit in self.edits.iter_mut().filter(overtaken) {
            edit.weight = Weight::Overtaken;
        }
    }

    pub fn overtaken(&self) -> usize {
        self.edits.iter().filter(|edit| edit.weight == Weight::Overtaken).count()
    }
}
