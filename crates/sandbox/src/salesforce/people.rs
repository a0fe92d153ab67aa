//! What only people do in Salesforce's pages: take records out of the recycle bin, merge them, convert leads.

use serde_json::{Map, Value, json};

use super::answer::Wrong;
use super::ids;
use super::org::{By, Org};
use super::record::{Converted, Seeded};
use super::times::{DAY_US, day};

/// How far off a converted lead's sale is expected to close.
const CLOSE_US: i64 = 30 * DAY_US;

impl Org {
    /// Takes a record out of the recycle bin, with those that went with it.
    pub(super) fn restore(&mut self, id: &str) -> Result<(), Wrong> {
        let binned = ids::long(id).and_then(|id| self.rows.get(&id)).filter(|row| self.in_bin(row));
        let Some(row) = binned.filter(|row| row.deleted_us.is_some() && row.master.is_none()).cloned() else {
            return Err(Wrong::new("UNDELETE_FAILED", "Entity is not in the recycle bin"));
        };
        // Another record may hold its key by now.
        let object = self.object(&row.object)?;
        self.unclaimed(&object, Some(&row.id), &row.values)?;
        let deleted_us = row.deleted_us;
        let mut back = vec![row];
        while let Some(mut row) = back.pop() {
            for (object, field) in self.schema.referring(&row.object) {
                let went = |child: &&super::rows::Row| {
                    field.cascades && child.deleted_us == deleted_us && child.text(&field.name) == row.id
                };
                back.extend(self.rows.of(&object.prefix).filter(went).cloned());
            }
            row.deleted_us = None;
            self.touch(&mut row, By::Person);
            let id = row.id.clone();
            self.rows.put(&id, Some(row));
        }
        Ok(())
    }

    /// Merges one record into another of its object: the other is deleted and named after its master, and what
    /// referred to it refers to the master. Answers the master's id.
    pub(super) fn merge(&mut self, primary: &str, other: &str) -> Result<String, Wrong> {
        let (mut master, mut loser) = (self.standing(primary)?.clone(), self.standing(other)?.clone());
        let mergeable = self.object(&master.object)?.mergeable;
        if master.object != loser.object || master.id == loser.id || !mergeable {
            return Err(Wrong::new("INVALID_OPERATION", "A record is merged with another of its object"));
        }
        for (id, field) in self.children(&loser, |_| true) {
            if let Some(mut child) = self.rows.get(&id).cloned() {
                child.values.insert(field, master.id.clone().into());
                self.touch(&mut child, By::Person);
                self.rows.put(&id, Some(child));
            }
        }
        self.touch(&mut loser, By::Person);
        loser.deleted_us = Some(self.stamp_us());
        loser.master = Some(master.id.clone());
        self.rows.put(&loser.id.clone(), Some(loser));
        self.touch(&mut master, By::Person);
        let id = master.id.clone();
        self.rows.put(&id, Some(master));
        Ok(id)
    }

    /// Makes a company, a contact and a sale of a lead, which nobody can change afterwards.
    pub(super) fn convert(&mut self, lead: &str) -> Result<Converted, Wrong> {
        let mut row = self.standing(lead)?.clone();
        if row.object != "Lead" || row.held("IsConverted").is_some_and(|it| *it == true) {
            return Err(Wrong::new("INVALID_OPERATION", "Only a lead that is not converted can be"));
        }
        let company = row.text("Company").to_owned();
        let account = self.create("Account", &members(json!({"Name": company})), By::Person, true)?;
        let mut contact = members(json!({"AccountId": account}));
        for name in [
            "FirstName",
            "LastName",
            "Salutation",
            "Title",
            "Email",
            "Phone",
            "MobilePhone",
            "LeadSource",
            "Description",
        ] {
            contact.extend(row.held(name).map(|value| (name.to_owned(), value.clone())));
        }
        let contact = self.create("Contact", &contact, By::Person, true)?;
        let close = day(self.org_us() + CLOSE_US);
        let sale = json!({"Name": format!("{company}-"), "AccountId": account, "StageName": "Prospecting", "CloseDate": close});
        let opportunity = self.create("Opportunity", &members(sale), By::Person, true)?;
        let today = self.today();
        let changes = json!({
            "Status": "Closed - Converted",
            "IsConverted": true,
            "ConvertedDate": today,
            "ConvertedAccountId": account,
            "ConvertedContactId": contact,
            "ConvertedOpportunityId": opportunity,
        });
        row.values.extend(members(changes));
        self.touch(&mut row, By::Person);
        let id = row.id.clone();
        self.rows.put(&id, Some(row));
        Ok(Converted { account, contact, opportunity })
    }

    /// Makes records that were there before: searchable at once.
    pub(super) fn seed(&mut self, object: &str, rows: Vec<Map<String, Value>>) -> Seeded {
        let mut seeded = Seeded::default();
        for (number, row) in (1..).zip(rows) {
            match self.create(object, &row, By::Person, true) {
                Ok(id) => {
                    seeded.created += 1;
                    if let Some(mut row) = self.rows.get(&id).cloned() {
                        row.searchable_us = i64::MIN;
                        self.rows.put(&id, Some(row));
                    }
                }
                Err(wrong) => seeded.refused.push((number, wrong.to_string())),
            }
        }
        seeded
    }
}

fn members(value: Value) -> Map<String, Value> {
    if let Value::Object(members) = value { members } else { Map::new() }
}
