//! The hands of people: each act carried out on the world and written into the ledger.

use std::collections::BTreeMap;

use lockstep_core::contact::{Contact, ContactPatch, NewContact};
use lockstep_core::mapping::model::Side;
use lockstep_core::patch::Patch;
use lockstep_core::phone::Phone;
use lockstep_sandbox::Record;
use serde_json::json;

use super::crm::{Crm, Seen};
use super::ledger::{Cell, Weight};
use super::script::{Give, Style, typed};
use super::story::Storm;
use super::weather::Automation;

/// Fewer living entities than this on a side are not deleted or merged any further.
const LIVING_MIN: usize = 3;

/// A contact as a person sees it.
pub fn contact_cells(contact: &Contact) -> Seen {
    let note = contact
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.get("note"))
        .and_then(|note| note.as_str())
        .map(str::to_owned);
    let cells = [
        (Cell::Name, contact.name.clone()),
        (Cell::Email, contact.email.clone()),
        (Cell::Phone, contact.phone_number.as_ref().map(Phone::to_string)),
        (Cell::Note, note),
    ];
    cells.into_iter().filter_map(|(cell, value)| Some((cell, value?))).collect()
}

impl Storm {
    fn contact_at(&self, who: u8) -> Option<Contact> {
        let contacts = self.world.contacts();
        contacts.get(usize::from(who).checked_rem(contacts.len())?).cloned()
    }

    fn record_at(&self, who: u8) -> Option<Record> {
        let records = self.living_records();
        records.get(usize::from(who).checked_rem(records.len())?).cloned()
    }

    /// Records of all CRMs that live.
    pub(super) fn living_records(&self) -> Vec<Record> {
        self.crms.iter().flat_map(Crm::living).collect()
    }

    /// A living record and the CRM where it lives. No two look-alikes of one story give the same id.
    fn standing(&self, id: &str) -> Option<(&Crm, Record)> {
        self.crms.iter().find_map(|crm| Some((crm, crm.living().find(|record| record.id == id)?)))
    }

    /// What a person sees of a living record.
    fn seen(&self, id: &str) -> Option<Seen> {
        self.standing(id).map(|(crm, record)| crm.seen(&record))
    }

    /// What a person types into a cell, in this story's weather.
    fn value(&self, on: &str, give: &Give) -> Option<String> {
        if give.style == Style::Back
            && let Some(last) = self.ledger.edits.iter().rev().find(|edit| edit.on == on && edit.cell == give.cell)
        {
            return last.before.clone();
        }
        let value = typed(give.cell, give.serial, give.style)?;
        Some(match (give.cell, self.weather.automation) {
            (Cell::Name, Automation::Tidies) if give.serial.is_multiple_of(4) => format!("{}!", value.trim()),
            (Cell::Name, Automation::SetsBack) if give.serial.is_multiple_of(2) => format!("Budi K{}", give.serial),
            _ => value,
        })
    }

    pub(super) fn edit(&mut self, side: Side, who: u8, give: &Give) {
        match side {
            Side::Inbox => {
                // Every other time one whose write is under way: that is when edits get lost.
                let in_flight = if who.is_multiple_of(2) { self.world.in_flight() } else { None };
                if let Some(contact) = in_flight.or_else(|| self.contact_at(who)) {
                    self.edit_contact(&contact, give);
                }
            }
            Side::Crm => {
                if let Some(record) = self.record_at(who) {
                    self.edit_record(&record.id, give);
                }
            }
        }
    }

    pub(super) fn collide(&mut self, who: u8, cell: Cell, serial: u16) {
        let Some(contact) = self.contact_at(who) else { return };
        let pairs = self.world.pairs().into_iter().filter(|pair| pair.contact == contact.id);
        let natives: Vec<String> = pairs.filter_map(|pair| pair.native).collect();
        self.edit_contact(&contact, &Give { cell, serial, style: Style::Plain });
        for (native, serial) in natives.iter().zip((serial + 1_000..).step_by(1_000)) {
            self.edit_record(native, &Give { cell, serial, style: Style::Plain });
        }
    }

    pub(super) fn waver(&mut self, who: u8) {
        let Some(contact) = self.contact_at(who) else { return };
        let Some(native) = self.world.native_of(&contact.id) else { return };
        let of_pair = |on: &str| on == contact.id.as_str() || on == native;
        let last = self.ledger.edits.iter().rev().find(|edit| edit.cell == Cell::Email && of_pair(&edit.on));
        let Some(before) = last.map(|edit| edit.before.clone().unwrap_or_default()) else { return };
        self.edit_cell(&native, Cell::Email, &before, false);
    }

    fn edit_contact(&mut self, contact: &Contact, give: &Give) {
        // The inbox's API never changes a number.
        let cell = if give.cell == Cell::Phone { Cell::Note } else { give.cell };
        let give = Give { cell, ..give.clone() };
        let value = self.value(contact.id.as_str(), &give);
        let before = contact_cells(contact).remove(&cell);
        if value == before {
            return;
        }
        let patch = |value: &Option<String>| value.clone().map_or(Patch::Clear, Patch::Set);
        let patch = match cell {
            Cell::Name => ContactPatch { name: patch(&value), ..ContactPatch::default() },
            Cell::Email => ContactPatch { email: patch(&value), ..ContactPatch::default() },
            _ => {
                let Some(note) = json!({ "note": value }).as_object().cloned() else { return };
                ContactPatch { metadata: Patch::Set(note), ..ContactPatch::default() }
            }
        };
        if let Err(problem) = self.world.patch_contact(&contact.id, patch) {
            self.tell(format!("the inbox refuses to edit {}: {problem}", contact.id));
            return;
        }
        self.tell(format!("a person sets {cell:?} of contact {} from {before:?} to {value:?}", contact.id));
        self.ledger.edited(Side::Inbox, contact.id.as_str(), cell, before, value, Weight::Owed);
        self.tally.edits += 1;
    }

    fn edit_record(&mut self, id: &str, give: &Give) {
        // The CRM has no place for the inbox's notes.
        let cell = if give.cell == Cell::Note { Cell::JobTitle } else { give.cell };
        let give = Give { cell, ..give.clone() };
        let value = self.value(id, &give).unwrap_or_default();
        // Now and then only one part of a name is corrected.
        let part = give.style == Style::Plain && give.serial.is_multiple_of(3);
        self.edit_cell(id, cell, &value, part);
    }

    fn edit_cell(&mut self, id: &str, cell: Cell, value: &str, part: bool) {
        let Some((crm, record)) = self.standing(id) else { return };
        let before = crm.seen(&record).remove(&cell);
        let typed = crm.typed(cell, value, part);
        let typed: Vec<_> = typed.iter().map(|(property, value)| (*property, value.as_str())).collect();
        if let Err(refusal) = crm.vendor.edit(id, &typed) {
            self.tell(format!("{} refuses to edit {id}: {refusal}", crm.listed.name));
            return;
        }
        let asked = self.automated_before(id, cell);
        let value = asked.or_else(|| self.seen(id)?.remove(&cell));
        if value != before {
            self.tell(format!("a person sets {cell:?} of record {id} from {before:?} to {value:?}"));
            let weight = self.weight(id, cell, value.as_deref());
            self.ledger.edited(Side::Crm, id, cell, before, value, weight);
            self.tally.edits += 1;
        }
        self.note_automation();
    }

    pub(super) fn create(&mut self, side: Side, twin: Option<u8>, serial: u16) {
        match side {
            Side::Inbox => {
                let twin = twin.and_then(|who| self.record_at(who));
                let person = twin.as_ref().and_then(|record| self.ledger.born.get(&record.id).copied());
                let keys = twin.and_then(|record| self.seen(&record.id)).unwrap_or_default();
                self.create_contact(person, serial, &keys);
            }
            Side::Crm => {
                let twin = twin.and_then(|who| self.contact_at(who));
                let person = twin.as_ref().and_then(|contact| self.ledger.born.get(contact.id.as_str()).copied());
                let keys = twin.map(|contact| contact_cells(&contact)).unwrap_or_default();
                self.create_record(person, serial, &keys);
            }
        }
    }

    pub(super) fn create_both(&mut self, serial: u16) {
        let person = Some(self.next_person());
        let mut keys = BTreeMap::from([(Cell::Phone, typed(Cell::Phone, serial, Style::Plain).unwrap_or_default())]);
        if !serial.is_multiple_of(3) {
            keys.insert(Cell::Email, typed(Cell::Email, serial, Style::Plain).unwrap_or_default());
        }
        self.create_contact(person, serial, &keys);
        self.create_record(person, serial + 1_000, &keys);
    }

    /// The values of somebody new: `keys` of a twin, or an address of their own.
    fn fresh(&self, serial: u16, keys: &BTreeMap<Cell, String>, style: Style) -> BTreeMap<Cell, String> {
        let mut cells: BTreeMap<Cell, String> = keys
            .iter()
            .filter(|(cell, _)| matches!(cell, Cell::Phone | Cell::Email))
            .map(|(cell, value)| (*cell, value.clone()))
            .collect();
        if cells.is_empty() {
            cells.extend(typed(Cell::Phone, serial, style).map(|phone| (Cell::Phone, phone)));
            if serial.is_multiple_of(2) {
                cells.extend(typed(Cell::Email, serial, style).map(|email| (Cell::Email, email)));
            }
        }
        cells.extend(typed(Cell::Name, serial, Style::Plain).map(|name| (Cell::Name, name)));
        cells
    }

    pub(super) fn create_contact(&mut self, person: Option<usize>, serial: u16, keys: &BTreeMap<Cell, String>) {
        let mut cells = self.fresh(serial, keys, Style::Plain);
        let phone = cells
            .get(&Cell::Phone)
            .and_then(|phone| Cell::Phone.form(Some(phone)))
            .and_then(|phone| Phone::parse(&phone).ok());
        match &phone {
            Some(phone) => cells.insert(Cell::Phone, phone.to_string()),
            None => cells.remove(&Cell::Phone),
        };
        let new = NewContact {
            phone_number: phone,
            name: cells.get(&Cell::Name).cloned(),
            email: cells.get(&Cell::Email).cloned(),
            acquisition_source: Some("api".to_owned()),
            ..NewContact::default()
        };
        match self.world.create_contact(new) {
            Ok(contact) => {
                self.tell(format!("a person makes contact {}: {cells:?}", contact.id));
                let person = person.unwrap_or_else(|| self.next_person());
                self.ledger.made(Side::Inbox, contact.id.as_str(), person, &cells);
                self.tally.edits += 1;
            }
            Err(problem) => self.tell(format!("the inbox refuses a new contact: {problem}")),
        }
    }

    pub(super) fn create_record(&mut self, person: Option<usize>, serial: u16, keys: &BTreeMap<Cell, String>) {
        let cells = self.fresh(serial, keys, Style::Sloppy);
        let crm = &self.crms[usize::from(serial) % self.crms.len()];
        let typed: Vec<_> = cells.iter().flat_map(|(cell, value)| crm.typed(*cell, value, false)).collect();
        let typed: Vec<_> = typed.iter().map(|(property, value)| (*property, value.as_str())).collect();
        match crm.vendor.create(&typed) {
            Ok(id) => {
                self.tell(format!("a person makes record {id}: {cells:?}"));
                let person = person.unwrap_or_else(|| self.next_person());
                self.ledger.made(Side::Crm, &id, person, &cells);
                self.tally.edits += 1;
                self.note_automation();
            }
            Err(refusal) => self.tell(format!("{} refuses a new record: {refusal}", crm.listed.name)),
        }
    }

    pub(super) fn delete(&mut self, side: Side, who: u8) {
        let gone = match side {
            Side::Inbox => {
                let living = self.world.contacts().len();
                let contact = self.contact_at(who).filter(|_| living > LIVING_MIN);
                contact
                    .filter(|contact| self.world.delete_contact(&contact.id).is_ok())
                    .map(|contact| contact.id.to_string())
            }
            Side::Crm => {
                let living = self.living_records().len();
                let record = self.record_at(who).filter(|_| living > LIVING_MIN);
                let found = record.and_then(|record| self.standing(&record.id));
                found.filter(|(crm, record)| crm.vendor.archive(&record.id).is_ok()).map(|(_, record)| record.id)
            }
        };
        if let Some(id) = gone {
            self.tell(format!("a person deletes {id}"));
            self.ledger.gone(&id);
            self.tally.edits += 1;
        }
    }

    pub(super) fn restore(&mut self, who: u8) {
        let of = |crm| Crm::archived(crm).map(move |record| (crm, record.id));
        let archived: Vec<(&Crm, String)> = self.crms.iter().flat_map(of).collect();
        let Some((crm, id)) = usize::from(who).checked_rem(archived.len()).map(|n| archived[n].clone()) else { return };
        if crm.vendor.restore(&id).is_ok() {
            self.tell(format!("a person restores record {id}"));
            self.ledger.deleted.remove(&id);
            self.ledger.restored.insert(id.clone());
            self.stands(&id);
            self.tally.edits += 1;
        }
    }

    pub(super) fn merge(&mut self, kept: u8, lost: u8) {
        let (Some(kept), Some(lost)) = (self.record_at(kept), self.record_at(lost)) else { return };
        // With several CRMs nobody could say whose values a merge lets go of.
        if self.crms.len() > 1 || kept.id == lost.id || self.living_records().len() <= LIVING_MIN {
            return;
        }
        let Ok(merged) = self.world.hubspot.merge(&kept.id, &lost.id) else { return };
        self.tell(format!("a person merges records {} and {} into {merged}", kept.id, lost.id));
        let person = self.ledger.born.get(&kept.id).copied().unwrap_or_else(|| self.next_person());
        for loser in [kept.id, lost.id] {
            self.ledger.merged.insert(loser, merged.clone());
        }
        self.ledger.born.insert(merged.clone(), person);
        let kept = self.seen(&merged).unwrap_or_default();
        self.ledger.merged_away(&merged, &kept);
        self.stands(&merged);
        self.tally.edits += 1;
        self.note_automation();
    }

    /// What a record shows after the vendor, not a person, put it there.
    fn stands(&mut self, id: &str) {
        let Some(cells) = self.seen(id) else { return };
        for cell in [Cell::Name, Cell::Email, Cell::Phone, Cell::JobTitle] {
            self.ledger.edited(Side::Crm, id, cell, None, cells.get(&cell).cloned(), Weight::Allowed);
        }
    }

    pub(super) fn swap_phones(&mut self, a: u8, b: u8) {
        let (Some(a), Some(b)) = (self.record_at(a), self.record_at(b)) else { return };
        if a.id == b.id {
            return;
        }
        let phone = |id: &str| self.seen(id).and_then(|mut seen| seen.remove(&Cell::Phone)).unwrap_or_default();
        let (of_a, of_b) = (phone(&a.id), phone(&b.id));
        self.edit_cell(&a.id, Cell::Phone, &of_b, false);
        self.edit_cell(&b.id, Cell::Phone, &of_a, false);
    }
}
