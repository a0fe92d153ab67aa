//! Judges a finished story from the ledger and what stands, sharing no code with the merge.

use std::collections::{BTreeMap, BTreeSet};

use lockstep_core::change::Verdict;
use lockstep_core::mapping::model::Side;
use lockstep_core::pair::PairState;

use super::found::{Bond, Found, Question, Shown};
use super::ledger::{Cell, Edit, Ledger, Weight};

/// What was found wrong, one sentence each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    pub lost: Vec<String>,
    pub duplicated: Vec<String>,
    pub diverged: Vec<String>,
    pub looped: Vec<String>,
}

impl Findings {
    pub fn is_clean(&self) -> bool {
        self.all().next().is_none()
    }

    /// Every finding with its kind.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [("lost", &self.lost), ("duplicated", &self.duplicated), ("diverged", &self.diverged), ("looped", &self.looped)]
            .into_iter()
            .flat_map(|(kind, list)| list.iter().map(move |text| (kind, text.as_str())))
    }
}

/// Judges everything but loops, which only time can show.
pub fn judge(ledger: &Ledger, found: &Found) -> Findings {
    let mut court = Court { ledger, found, findings: Findings::default() };
    court.everything_has_its_place();
    court.nothing_is_doubled();
    for bond in &found.bonds {
        court.bond(bond);
    }
    court.private_cells();
    court.deletes_are_true();
    court.findings
}

/// Open pairs by sync and contact.
type ByContact<'a> = BTreeMap<(&'a str, &'a str), &'a Bond>;

struct Court<'a> {
    ledger: &'a Ledger,
    found: &'a Found,
    findings: Findings,
}

/// Whether an edit that is not to be seen is accounted for.
enum Fate {
    Fine,
    Missing(&'static str),
}

impl Court<'_> {
    fn lost(&mut self, text: String) {
        self.findings.lost.push(text);
    }

    fn questions_on<'q>(&'q self, bond: &'q Bond) -> impl Iterator<Item = &'q Question> {
        self.found.questions.iter().filter(move |question| question.pair.as_ref() == Some(&bond.id))
    }

    /// Whether a question speaks of either side, for pairs that lack one, or of the sync's deletes as a whole.
    fn is_asked(&self, bond: &Bond) -> bool {
        self.found.questions.iter().any(|question| {
            question.code == "mass_delete"
                || question.pair.as_ref() == Some(&bond.id)
                || question.contacts.contains(&bond.contact)
                || bond.native.as_ref().is_some_and(|native| self.speaks_of(question, native))
        })
    }

    fn speaks_of(&self, question: &Question, record: &str) -> bool {
        question.records.iter().any(|asked| self.ledger.survivor(asked) == record)
    }

    /// Every living contact and record stands in a pair or in a question.
    fn everything_has_its_place(&mut self) {
        for id in self.found.contacts.keys() {
            let paired = self.found.bonds.iter().any(|bond| &bond.contact == id);
            let asked = self.found.questions.iter().any(|question| question.contacts.contains(id));
            if !paired && !asked {
                self.lost(format!("contact {id} is neither paired nor in a question"));
            }
        }
        for id in self.found.records.keys() {
            let paired = self.found.bonds.iter().any(|bond| bond.native.as_ref() == Some(id));
            let asked = self.found.questions.iter().any(|question| self.speaks_of(question, id));
            if paired || asked {
                continue;
            }
            if self.ledger.born.contains_key(id) {
                self.lost(format!("record {id} is neither paired nor in a question"));
            } else {
                self.findings.duplicated.push(format!("record {id} was made by us and belongs to nobody"));
            }
        }
    }

    /// What the log calls deleted was deleted by somebody; a record that cannot be seen is not.
    fn deletes_are_true(&mut self) {
        let untrue = |native: &&String| !self.ledger.ancestry(native).iter().any(|id| self.ledger.was_deleted(id));
        let said: BTreeSet<&String> = self.found.said_deleted.iter().filter(untrue).collect();
        let said =
            said.into_iter().map(|native| format!("the log says that {native} was deleted, but nobody deleted it"));
        self.findings.lost.extend(said);
    }

    fn nothing_is_doubled(&mut self) {
        let mut by_native: BTreeMap<&str, &Bond> = BTreeMap::new();
        let mut by_contact: ByContact<'_> = BTreeMap::new();
        let mut doubled = Vec::new();
        for bond in self.found.bonds.iter().filter(|bond| bond.state == PairState::Open) {
            if let Some(native) = &bond.native
                && let Some(first) = by_native.insert(native, bond)
            {
                doubled.push(format!("record {native} is paired with {} and {}", first.contact, bond.contact));
            }
            if by_contact.insert((bond.sync.as_str(), bond.contact.as_str()), bond).is_some() {
                doubled.push(format!("contact {} is paired twice", bond.contact));
            }
            let ours = |id: &str| !self.ledger.born.contains_key(id);
            if bond.native.as_deref().is_some_and(|native| ours(native) && self.is_known_as_ours(native))
                && ours(&bond.contact)
                && self.others(bond).next().is_none()
            {
                doubled.push(format!(
                    "contact {} was made from record {:?}, which we made ourselves",
                    bond.contact, bond.native
                ));
            }
        }
        doubled.extend(self.doubled_persons(&by_contact, &by_native));
        self.findings.duplicated.extend(doubled);
    }

    /// Whether anybody could know that a record is one of ours. One that came back from the recycle bin after its person
    /// was made anew stands for somebody new; and without our key, one whose name and address were both changed before
    /// the lost answer to its create could be looked up has nothing left to know it by.
    fn is_known_as_ours(&self, record: &str) -> bool {
        let ancestry = self.ledger.ancestry(record);
        let changed = |cells: &[Cell]| {
            self.ledger
                .edits
                .iter()
                .any(|edit| ancestry.contains(&edit.on) && cells.contains(&edit.cell) && edit.before.is_some())
        };
        let unrecognisable = !self.found.keyed && changed(&[Cell::Name]) && changed(&[Cell::Phone, Cell::Email]);
        !unrecognisable && ancestry.iter().all(|id| !self.ledger.restored.contains(id))
    }

    /// A person made on both sides, whose address nobody touched since, is not in two pairs.
    fn doubled_persons(&self, by_contact: &ByContact<'_>, by_native: &BTreeMap<&str, &Bond>) -> Vec<String> {
        let untouched = |id: &str| {
            let keys = [Cell::Email, Cell::Phone];
            let merged = self.ledger.merged.values().any(|survivor| survivor == id);
            !merged
                && !self
                    .ledger
                    .edits
                    .iter()
                    .any(|edit| edit.on == id && edit.before.is_some() && keys.contains(&edit.cell))
        };
        let twins = self
            .found
            .contacts
            .keys()
            .flat_map(|contact| self.found.records.keys().map(move |record| (contact, record)));
        let person = |id: &String| self.ledger.born.get(id);
        twins
            .filter(|(contact, record)| person(contact).is_some() && person(contact) == person(record))
            .filter(|(contact, record)| untouched(contact) && untouched(record))
            .filter_map(|(contact, record)| {
                let theirs = by_native.get(record.as_str())?;
                Some((by_contact.get(&(theirs.sync.as_str(), contact.as_str()))?, theirs))
            })
            .filter(|(ours, theirs)| ours.id != theirs.id)
            // People may have made both halves twice.
            .filter(|(ours, theirs)| !(self.is_of_one_person(ours) && self.is_of_one_person(theirs)))
            .map(|(ours, theirs)| {
                format!(
                    "one person is in two pairs: {} with {:?} and {} with {:?}",
                    ours.contact, ours.native, theirs.contact, theirs.native
                )
            })
            .collect()
    }

    /// Whether people made both halves of a pair for one person.
    fn is_of_one_person(&self, bond: &Bond) -> bool {
        let person = |id: &str| self.ledger.born.get(id);
        let contact = person(&bond.contact);
        contact.is_some() && contact == bond.native.as_deref().and_then(person)
    }

    fn bond(&mut self, bond: &Bond) {
        let contact = self.found.contacts.get(&bond.contact);
        let record = bond.native.as_ref().and_then(|native| self.found.records.get(native));
        let both_live = contact.is_some() && record.is_some();
        if self.questions_on(bond).any(Question::is_whole)
            || (!(both_live && bond.state == PairState::Open) && self.is_asked(bond))
        {
            return;
        }
        let pair = format!("{} ⇄ {}", bond.contact, bond.native.as_deref().unwrap_or("nothing"));
        match (bond.state, contact, record) {
            (PairState::Parked, Some(_), _) | (PairState::Parked, _, Some(_)) => {
                self.lost(format!("{pair} is parked without a question"))
            }
            (PairState::Open, Some(contact), Some(record)) => self.open(bond, contact, record),
            (PairState::Open, Some(_), None) => {
                self.findings.diverged.push(format!("{pair} is open, but the record is not there"))
            }
            (PairState::Open, None, Some(_)) => {
                self.findings.diverged.push(format!("{pair} is open, but the contact is not there"))
            }
            (PairState::Tombstone, Some(_), Some(_)) => {
                self.lost(format!("{pair} is a tombstone, but both sides live"))
            }
            (PairState::Tombstone, contact, record) => self.tombstone(bond, contact.is_some(), record.is_some()),
            (PairState::Open | PairState::Parked, None, None) => {}
        }
    }

    /// One side is gone: somebody must have deleted it, and the policy decides about the other.
    fn tombstone(&mut self, bond: &Bond, contact_lives: bool, record_lives: bool) {
        let ancestry =
            bond.native.as_ref().map(|native| self.ledger.ancestry(&self.ledger.survivor(native))).unwrap_or_default();
        let contact_deleted = self.ledger.deleted.contains_key(&bond.contact);
        let record_deleted = ancestry.iter().any(|id| self.ledger.deleted.contains_key(id));
        let pair = format!("{} ⇄ {}", bond.contact, bond.native.as_deref().unwrap_or("nothing"));
        if !contact_deleted && !record_deleted {
            self.lost(format!("{pair} is a tombstone, but nobody deleted either side"));
        } else if self.found.archives
            && contact_deleted
            && record_lives
            && ancestry.iter().all(|id| !self.ledger.restored.contains(id))
        {
            self.lost(format!("{pair}: the contact was deleted, but its record was never archived"));
        } else if !self.found.archives && !contact_lives && !contact_deleted {
            self.lost(format!("{pair}: the contact is gone though the policy is to unlink"));
        } else if !self.found.archives && bond.native.is_some() && !record_lives && !record_deleted {
            self.lost(format!("{pair}: the record is gone though the policy is to unlink"));
        }
    }

    fn open(&mut self, bond: &Bond, contact: &Shown, record: &Shown) {
        let held: BTreeSet<Cell> = self.questions_on(bond).filter_map(Question::held).collect();
        for cell in Cell::SHARED.into_iter().filter(|cell| !held.contains(cell)) {
            if cell == Cell::Phone {
                self.phone(bond, contact, record);
            } else {
                self.shared(bond, cell, contact.value(cell), record.value(cell));
            }
        }
        // With several CRMs, the one that wrote last.
        if self.found.crms == 1 && contact.points_to.as_ref() != bond.native.as_ref() {
            self.findings
                .diverged
                .push(format!("{} notes {:?}, but is paired with {:?}", bond.contact, contact.points_to, bond.native));
        }
        if self.found.keyed && record.points_to.as_ref() != Some(&bond.contact) {
            self.findings
                .diverged
                .push(format!("{:?} notes {:?}, but is paired with {}", bond.native, record.points_to, bond.contact));
        }
    }

    /// Edits of a cell on one side of a pair, oldest first.
    fn edits(&self, bond: &Bond, side: Side, cell: Cell) -> Vec<&Edit> {
        let records = bond.native.as_ref().map(|native| self.ledger.ancestry(native)).unwrap_or_default();
        let mine = |edit: &&Edit| match side {
            Side::Inbox => edit.on == bond.contact,
            Side::Crm => records.contains(&edit.on),
        };
        self.ledger.edits.iter().filter(|edit| edit.side == side && edit.cell == cell).filter(mine).collect()
    }

    /// The contact's pairs in the other CRMs.
    fn others<'o>(&'o self, bond: &'o Bond) -> impl Iterator<Item = &'o Bond> {
        self.found.bonds.iter().filter(move |it| it.contact == bond.contact && it.sync != bond.sync)
    }

    /// Edits of a cell on the contact's records in the other CRMs, oldest first.
    fn elsewhere(&self, bond: &Bond, cell: Cell) -> Vec<&Edit> {
        let mut far: Vec<&Edit> = self.others(bond).flat_map(|other| self.edits(other, Side::Crm, cell)).collect();
        far.sort_by_key(|edit| edit.at);
        far
    }

    fn shared(&mut self, bond: &Bond, cell: Cell, ours: Option<&str>, theirs: Option<&str>) {
        let pair = format!("{} ⇄ {}", bond.contact, bond.native.as_deref().unwrap_or("nothing"));
        if !cell.same(ours, theirs) {
            self.findings.diverged.push(format!("{pair}: {cell:?} is {ours:?} here and {theirs:?} there"));
            return;
        }
        let inbox = self.edits(bond, Side::Inbox, cell);
        let crm = self.edits(bond, Side::Crm, cell);
        let far = self.elsewhere(bond, cell);
        let written = inbox.iter().chain(&crm).chain(&far).any(|edit| cell.same(edit.value.as_deref(), ours));
        let lent = [self.lent(bond, cell), far.clone()].concat();
        let lent_value = lent.iter().any(|edit| cell.same(edit.value.as_deref(), ours));
        if !written && !self.inherited(cell, ours) && !lent_value && ours.is_some() {
            self.lost(format!("{pair}: both hold {cell:?} {ours:?}, which nobody wrote"));
            return;
        }
        // Of another CRM's record that was deleted nobody may have seen the edit before.
        let far_standing: Vec<&Edit> = far.iter().copied().filter(|edit| !self.ledger.was_deleted(&edit.on)).collect();
        let mut last: Vec<&Edit> =
            [&inbox, &crm, &far_standing].into_iter().filter_map(|edits| last_owed(edits)).collect();
        last.sort_by_key(|edit| edit.at);
        while let Some(edit) = last.pop() {
            let (own, other) = match edit.side {
                Side::Inbox => (&inbox, [&crm[..], &lent].concat()),
                Side::Crm if far.iter().any(|it| it.at == edit.at) => (&far, [&inbox[..], &crm].concat()),
                Side::Crm => (&crm, [&inbox[..], &far].concat()),
            };
            match self.fate(edit, ours, own, &other) {
                Fate::Fine if cell.same(edit.value.as_deref(), ours) => return,
                Fate::Fine => {}
                // The pair's record before this one was edited, then deleted and made anew.
                Fate::Missing(_) if self.inherited(cell, ours) => return,
                Fate::Missing(why) => {
                    let text = format!(
                        "{pair}: {cell:?} {:?} of {:?} #{} is gone, both hold {ours:?}: {why}",
                        edit.value, edit.side, edit.at
                    );
                    self.lost(text);
                    return;
                }
            }
        }
    }

    /// Whether a value came from a record that was deleted, brought back or not: its contact may have found another record
    /// meanwhile.
    fn inherited(&self, cell: Cell, value: Option<&str>) -> bool {
        let gone = |edit: &&Edit| edit.cell == cell && self.ledger.was_deleted(&edit.on);
        self.ledger.edits.iter().filter(gone).any(|edit| cell.same(edit.value.as_deref(), value))
    }

    /// What other contacts gave to the pair's record: it is ours but could not be known as ours any more, or people gave
    /// its address to somebody else before the lost answer to its create could be looked up. Then its values came from
    /// the contact it was made for.
    fn lent(&self, bond: &Bond, cell: Cell) -> Vec<&Edit> {
        let ours = |id: &String| !self.ledger.born.contains_key(id);
        let Some(native) = bond.native.as_ref().filter(|native| ours(native)) else { return Vec::new() };
        let readdressed = |edit: &Edit| &edit.on == native && matches!(edit.cell, Cell::Phone | Cell::Email);
        if !ours(&bond.contact) && (self.found.keyed || !self.ledger.edits.iter().any(readdressed)) {
            return Vec::new();
        }
        let elsewhere = |edit: &&Edit| edit.side == Side::Inbox && edit.cell == cell && edit.on != bond.contact;
        self.ledger.edits.iter().filter(elsewhere).collect()
    }

    fn fate(&self, edit: &Edit, shown: Option<&str>, own: &[&Edit], other: &[&Edit]) -> Fate {
        let cell = edit.cell;
        if cell.same(edit.value.as_deref(), shown) {
            return Fate::Fine;
        }
        let allowed_later = own
            .iter()
            .chain(other)
            .any(|it| it.weight == Weight::Allowed && it.at > edit.at && cell.same(it.value.as_deref(), shown));
        let returned = own.iter().any(|it| it.at < edit.at && cell.same(it.value.as_deref(), edit.value.as_deref()))
            || own.iter().any(|it| it.at < edit.at && cell.same(it.before.as_deref(), edit.value.as_deref()));
        // Somebody edited it further on a record that was deleted since, brought back or not.
        let edited_there = self.ledger.edits.iter().any(|it| {
            let follows = it.at > edit.at && it.cell == cell && cell.same(it.before.as_deref(), edit.value.as_deref());
            follows && self.ledger.was_deleted(&it.on)
        });
        if allowed_later || returned || edited_there || self.beaten(edit, own, other) {
            Fate::Fine
        } else {
            Fate::Missing("nothing beat it")
        }
    }

    /// Whether the log names a rule that beat the edit, and the winner is an edit of the other side that its author had
    /// not seen: what the author replaced is no news, unless the author's own side had typed the very same. With several
    /// CRMs, an edit in one of them may have come as far as the inbox and be beaten there by another's.
    fn beaten(&self, edit: &Edit, own: &[&Edit], other: &[&Edit]) -> bool {
        let cell = edit.cell;
        let typed_here =
            |value: Option<&str>| own.iter().any(|it| it.at < edit.at && cell.same(it.value.as_deref(), value));
        // The winner may stand on a record that was deleted since.
        let thrown_away = || {
            let elsewhere = |it: &&Edit| it.side != edit.side && it.cell == cell && self.ledger.was_deleted(&it.on);
            self.ledger.edits.iter().filter(elsewhere)
        };
        self.found.ruled.iter().filter(|ruled| ruled.cell == cell).any(|ruled| {
            let winner = match ruled.verdict {
                Verdict::Conflict { winner, .. } => winner,
                Verdict::OtherCrm => Side::Inbox,
                _ => return false,
            };
            let (loser, won) = match winner {
                Side::Crm => (&ruled.ours, &ruled.theirs),
                Side::Inbox => (&ruled.theirs, &ruled.ours),
            };
            (winner != edit.side || self.found.crms > 1)
                && cell.same(loser.as_deref(), edit.value.as_deref())
                && other
                    .iter()
                    .copied()
                    .chain(thrown_away())
                    .filter(|it| cell.same(it.value.as_deref(), won.as_deref()))
                    .any(|it| {
                        it.at > edit.at
                            || !cell.same(edit.before.as_deref(), won.as_deref())
                            || typed_here(won.as_deref())
                    })
        })
    }

    /// The phone number is the channel's address (law 3).
    fn phone(&mut self, bond: &Bond, contact: &Shown, record: &Shown) {
        let pair = format!("{} ⇄ {}", bond.contact, bond.native.as_deref().unwrap_or("nothing"));
        let (ours, theirs) = (contact.value(Cell::Phone), record.value(Cell::Phone));
        let born_with = self.edits(bond, Side::Inbox, Cell::Phone).first().and_then(|edit| edit.value.clone());
        if born_with.is_some() && !Cell::Phone.same(born_with.as_deref(), ours) {
            self.lost(format!("{pair}: the contact was re-addressed from {born_with:?} to {ours:?}"));
        }
        let crm = self.edits(bond, Side::Crm, Cell::Phone);
        if let Some(edit) = last_owed(&crm)
            && !Cell::Phone.same(edit.value.as_deref(), theirs)
            && !(edit.value.is_none() && Cell::Phone.same(ours, theirs))
            && !crm.iter().any(|it| it.weight != Weight::Owed && it.at > edit.at)
        {
            self.lost(format!("{pair}: the CRM's phone {:?} #{} became {theirs:?}", edit.value, edit.at));
        }
        let shown = self.found.ruled.iter().any(|ruled| {
            ruled.contact == bond.contact
                && ruled.cell == Cell::Phone
                && Cell::Phone.same(ruled.theirs.as_deref(), theirs)
        });
        if !Cell::Phone.same(ours, theirs) && !shown {
            self.findings
                .diverged
                .push(format!("{pair}: phone is {ours:?} here and {theirs:?} there, and no decision says so"));
        }
    }

    /// What no mapping names belongs to its side alone.
    fn private_cells(&mut self) {
        for (cell, shown) in [(Cell::Note, &self.found.contacts), (Cell::JobTitle, &self.found.records)] {
            for (id, entity) in shown {
                let mut edits = self.ledger.edits.iter().filter(|edit| edit.cell == cell && &edit.on == id);
                if let Some(last) = edits.next_back()
                    && !cell.same(last.value.as_deref(), entity.value(cell))
                {
                    self.findings.lost.push(format!("{id}: {cell:?} {:?} became {:?}", last.value, entity.value(cell)));
                }
            }
        }
    }
}

/// The last value that a person gave; those before it on the same side were overwritten by their own kind.
fn last_owed<'a>(edits: &[&'a Edit]) -> Option<&'a Edit> {
    edits.iter().rev().find(|edit| edit.weight == Weight::Owed).copied()
}
