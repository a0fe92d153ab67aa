//! The hands of people: each act carried out on the world and written into the ledger.

use std::collections::BTreeMap;

use lockstep_core::contact::{Contact, ContactPatch, NewContact};
use lockstep_core::mapping::model::Side;
use lockstep_core::patch::Patch;
use lockstep_core::phone::Phone;
use lockstep_sandbox::hubspot::Record;
use serde_json::json;

use super::ledger::{Cell, Weight};
use super::script::{Give, Style, typed};
use super::story::Storm;
use super::weather::Automation;

/// Fewer living entities than this on a side are not deleted or merged any further.
const LIVING_MIN: usize = 3;

/// A contact as a person sees it.
pub fn contact_cells(contact: &Contact) -> BTreeMap<Cell, String> {
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

/// A record as a person sees it.
pub fn record_cells(record: &Record) -> BTreeMap<Cell, String> {
    let text = |name: &str| record.value(name).map(str::trim).filter(|text| !text.is_empty());
    let name = [text("firstname"), text("lastname")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let cells = [
        (Cell::Name, Some(name.as_str()).filter(|name| !name.is_empty())),
        (Cell::Email, text("email")),
        (Cell::Phone, text("phone")),
        (Cell::JobTitle, text("jobtitle")),
    ];
    cells.into_iter().filter_map(|(cell, value)| Some((cell, value?.to_owned()))).collect()
}

impl Storm {
    fn contact_at(&self, who: u8) -> Option<Contact> {
        let contacts = self.world.contacts();
        contacts.get(usize::from(who).checked_rem(contacts.len())?).cloned()
    }

    fn record_at(&self, who: u8) -> Option<Record> {
        let records = self.world.living_records();
        records.get(usize::from(who).checked_rem(records.len())?).cloned()
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
        let native =
            self.world.pairs().into_iter().find(|pair| pair.contact == contact.id).and_then(|pair| pair.native);
        self.edit_contact(&contact, &Give { cell, serial, style: Style::Plain });
        if let Some(native) = native {
            self.edit_record(&native, &Give { cell, serial: serial + 1_000, style: Style::Plain });
        }
    }

    pub(super) fn waver(&mut self, who: u8) {
        let Some(contact) = self.contact_at(who) else { return };
        let Some(native) = self.world.native_of(&contact.id) else { return };
        let of_pair = |on: &str| on == contact.id.as_str() || on == native;
        let last = self.ledger.edits.iter().rev().find(|edit| edit.cell == Cell::Email && of_pair(&edit.on));
        let Some(before) = last.map(|edit| edit.before.clone().unwrap_or_default()) else { return };
        let Some(record) = self.world.hubspot.get(&native).filter(|record| !record.archived) else { return };
        self.edit_properties(&record, Cell::Email, &[("email", &before)]);
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
        let Some(record) = self.world.hubspot.get(id).filter(|record| !record.archived && record.merged_into.is_none())
        else {
            return;
        };
        // The CRM has no place for the inbox's notes.
        let cell = if give.cell == Cell::Note { Cell::JobTitle } else { give.cell };
        let give = Give { cell, ..give.clone() };
        let value = self.value(id, &give).unwrap_or_default();
        let (first, last) = value.rsplit_once(' ').unwrap_or(("", value.as_str()));
        let edits: Vec<(&str, &str)> = match cell {
            // Now and then only one part of a name is corrected.
            Cell::Name if give.style == Style::Plain && give.serial.is_multiple_of(3) => vec![("lastname", last)],
            Cell::Name => vec![("firstname", first.trim()), ("lastname", last)],
            Cell::Email => vec![("email", &value)],
            Cell::Phone => vec![("phone", &value)],
            Cell::Note | Cell::JobTitle => vec![("jobtitle", &value)],
        };
        self.edit_properties(&record, cell, &edits);
    }

    fn edit_properties(&mut self, record: &Record, cell: Cell, edits: &[(&str, &str)]) {
        let before = record_cells(record).remove(&cell);
        if let Err(refusal) = self.world.hubspot.edit(&record.id, edits) {
            self.tell(format!("HubSpot refuses to edit {}: {refusal}", record.id));
            return;
        }
        let asked = self.automated_before(&record.id, cell);
        let value = asked.or_else(|| record_cells(&self.world.hubspot.get(&record.id)?).remove(&cell));
        if value != before {
            self.tell(format!("a person sets {cell:?} of record {} from {before:?} to {value:?}", record.id));
            self.ledger.edited(Side::Crm, &record.id, cell, before, value, Weight::Owed);
            self.tally.edits += 1;
        }
        self.note_automation();
    }

    pub(super) fn create(&mut self, side: Side, twin: Option<u8>, serial: u16) {
        match side {
            Side::Inbox => {
                let twin = twin.and_then(|who| self.record_at(who));
                let person = twin.as_ref().and_then(|record| self.ledger.born.get(&record.id).copied());
                let keys = twin.map(|record| record_cells(&record)).unwrap_or_default();
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
        let name = cells.get(&Cell::Name).map(String::as_str).unwrap_or_default();
        let (first, last) = name.rsplit_once(' ').unwrap_or(("", name));
        let mut properties = vec![("firstname", first), ("lastname", last)];
        properties.extend(cells.get(&Cell::Email).map(|email| ("email", email.as_str())));
        properties.extend(cells.get(&Cell::Phone).map(|phone| ("phone", phone.as_str())));
        match self.world.hubspot.create(&properties) {
            Ok(id) => {
                self.tell(format!("a person makes record {id}: {cells:?}"));
                let person = person.unwrap_or_else(|| self.next_person());
                self.ledger.made(Side::Crm, &id, person, &cells);
                self.tally.edits += 1;
                self.note_automation();
            }
            Err(refusal) => self.tell(format!("HubSpot refuses a new record: {refusal}")),
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
                let living = self.world.living_records().len();
                let record = self.record_at(who).filter(|_| living > LIVING_MIN);
                record.filter(|record| self.world.hubspot.archive(&record.id).is_ok()).map(|record| record.id)
            }
        };
        if let Some(id) = gone {
            self.tell(format!("a person deletes {id}"));
            self.ledger.gone(&id);
            self.tally.edits += 1;
        }
    }

    pub(super) fn restore(&mut self, who: u8) {
        let archived: Vec<Record> = self.world.hubspot.records().into_iter().filter(|record| record.archived).collect();
        let Some(record) = usize::from(who).checked_rem(archived.len()).map(|n| &archived[n]) else { return };
        if self.world.hubspot.restore(&record.id).is_ok() {
            self.tell(format!("a person restores record {}", record.id));
            self.ledger.deleted.remove(&record.id);
            self.ledger.restored.insert(record.id.clone());
            self.stands(&record.id);
            self.tally.edits += 1;
        }
    }

    pub(super) fn merge(&mut self, kept: u8, lost: u8) {
        let (Some(kept), Some(lost)) = (self.record_at(kept), self.record_at(lost)) else { return };
        if kept.id == lost.id || self.world.living_records().len() <= LIVING_MIN {
            return;
        }
        let Ok(merged) = self.world.hubspot.merge(&kept.id, &lost.id) else { return };
        self.tell(format!("a person merges records {} and {} into {merged}", kept.id, lost.id));
        let person = self.ledger.born.get(&kept.id).copied().unwrap_or_else(|| self.next_person());
        for loser in [kept.id, lost.id] {
            self.ledger.merged.insert(loser, merged.clone());
        }
        self.ledger.born.insert(merged.clone(), person);
        let kept = self.world.hubspot.get(&merged).map(|record| record_cells(&record)).unwrap_or_default();
        self.ledger.merged_away(&merged, &kept);
        self.stands(&merged);
        self.tally.edits += 1;
        self.note_automation();
    }

    /// What a record shows after the vendor, not a person, put it there.
    fn stands(&mut self, id: &str) {
        let Some(record) = self.world.hubspot.get(id) else { return };
        let cells = record_cells(&record);
        for cell in [Cell::Name, Cell::Email, Cell::Phone, Cell::JobTitle] {
            self.ledger.edited(Side::Crm, id, cell, None, cells.get(&cell).cloned(), Weight::Allowed);
        }
    }

    pub(super) fn swap_phones(&mut self, a: u8, b: u8) {
        let (Some(a), Some(b)) = (self.record_at(a), self.record_at(b)) else { return };
        if a.id == b.id {
            return;
        }
        let phone = |record: &Record| record.value("phone").unwrap_or_default().to_owned();
        let (of_a, of_b) = (phone(&a), phone(&b));
        self.edit_properties(&a, Cell::Phone, &[("phone", &of_b)]);
        self.edit_properties(&b, Cell::Phone, &[("phone", &of_a)]);
    }
}
