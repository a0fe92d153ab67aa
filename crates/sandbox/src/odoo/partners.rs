//! What Odoo itself does to contacts and leads as they are written: it cleans addresses and numbers, copies a company's
//! address to its people, keeps a lead's customer in step, and merges contacts. Source: `res_partner.py` and
//! `base_partner_merge.py` of module `base`, `crm_lead.py` of module `crm`.

use serde_json::{Map, Value, json};

use super::database::{Database, LAST_OWN_PARTNER, USER};
use super::refusal::Refusal;
use super::schema::Model;
use super::tables::Row;
use super::times;

/// The fields of an address.
const ADDRESS: [&str; 6] = ["street", "street2", "zip", "city", "state_id", "country_id"];

/// Fields of a lead and of its customer that Odoo keeps equal.
const SHARED: [(&str, &str); 2] = [("email_from", "email"), ("phone", "phone")];

impl Database {
    /// Fills the fields that follow from others and have a column.
    pub(super) fn derive(
        &self,
        model: &Model,
        row: &mut Row,
        before: Option<&Row>,
        vals: &Map<String, Value>,
    ) -> Result<(), Refusal> {
        match model.name {
            "res.partner" | "crm.lead" => {
                let address = if model.name == "crm.lead" { "email_from" } else { "email" };
                row.set("email_normalized", normalized(row.text(address)));
                row.set("phone_sanitized", self.sanitized(row));
            }
            "mail.activity" => {
                let target = row.link("res_model_id").and_then(|id| self.tables.get("ir.model", id));
                let name = target.map(|it| it.text("model").to_owned()).unwrap_or_default();
                let (of, id) = (self.schema.get(name.as_str()), row.link("res_id").unwrap_or_default());
                if let (Some(of), None) = (of, before) {
                    let record = self.tables.get(of.name, id);
                    let record = record.ok_or_else(|| Refusal::missing(of.name, id, USER))?;
                    row.set("res_name", self.name_of(of, id, record));
                }
                row.set("res_model", name);
            }
            "ir.model.fields" => {
                let of = row.link("model_id").and_then(|id| self.tables.get("ir.model", id));
                row.set("model", of.map_or(Value::Null, |of| of.get("model").clone()));
            }
            "ir.actions.server" => {
                let of = row.link("model_id").and_then(|id| self.tables.get("ir.model", id));
                row.set("model_name", of.map_or(Value::Null, |of| of.get("model").clone()));
            }
            _ => {}
        }
        if model.name == "crm.lead" {
            self.derive_lead(row, before, vals);
        }
        Ok(())
    }

    /// A stage that is won makes the lead certain; a customer lends a lead what it does not have.
    fn derive_lead(&self, row: &mut Row, before: Option<&Row>, vals: &Map<String, Value>) {
        if before.is_none_or(|before| before.get("stage_id") != row.get("stage_id")) {
            let stage = row.link("stage_id").and_then(|id| self.tables.get("crm.stage", id));
            if stage.is_some_and(|stage| stage.is_set("is_won")) {
                row.set("probability", 100.0);
                row.set("date_closed", self.now_us().div_euclid(times::SECOND_US) * times::SECOND_US);
            }
        }
        if !vals.contains_key("partner_id") {
            return;
        }
        if let Some(partner) = row.link("partner_id").and_then(|id| self.tables.get("res.partner", id)) {
            for (own, theirs) in SHARED {
                if !vals.contains_key(own) && !partner.get(theirs).is_null() {
                    row.set(own, partner.get(theirs).clone());
                }
            }
            row.set("email_normalized", normalized(row.text("email_from")));
            row.set("phone_sanitized", self.sanitized(row));
        }
    }

    /// A number in E.164, if it can be told: it begins with `+`, or the country is known.
    fn sanitized(&self, row: &Row) -> Value {
        let country = row.link("country_id").and_then(|id| self.tables.get("res.country", id));
        let country = country.and_then(|country| country.text("code").parse().ok());
        let number = phonenumber::parse(country, row.text("phone")).ok().filter(phonenumber::is_valid);
        number.map_or(Value::Null, |number| number.format().mode(phonenumber::Mode::E164).to_string().into())
    }

    /// A contact of type `contact` takes the address of its company; a company gives its own to its people.
    pub(super) fn sync_address(&mut self, id: u64, is_new: bool, vals: &Map<String, Value>) -> Result<(), Refusal> {
        let Some(mut row) = self.tables.get("res.partner", id).cloned() else { return Ok(()) };
        let parent = row.link("parent_id").and_then(|parent| self.tables.get("res.partner", parent));
        let joins = is_new || vals.contains_key("parent_id") || vals.contains_key("type");
        let has_address = |row: &&Row| ADDRESS.iter().any(|name| !row.get(name).is_null());
        if let Some(parent) = parent.filter(|_| joins && row.text("type") == "contact").filter(has_address) {
            ADDRESS.iter().for_each(|name| row.set(name, parent.get(name).clone()));
            self.tables.put("res.partner", id, row.clone());
        }
        if is_new || !ADDRESS.iter().any(|name| vals.contains_key(*name)) {
            return Ok(());
        }
        for child in self.tables.pointing("res.partner", "parent_id", id) {
            let Some(mut person) = self.tables.get("res.partner", child).cloned() else { continue };
            if person.text("type") == "contact" && ADDRESS.iter().any(|name| person.get(name) != row.get(name)) {
                ADDRESS.iter().for_each(|name| person.set(name, row.get(name).clone()));
                self.put_now("res.partner", child, person);
            }
        }
        Ok(())
    }

    /// What is written to a lead's address or number is written to its customer's too.
    pub(super) fn sync_customer(&mut self, id: u64, vals: &Map<String, Value>) -> Result<(), Refusal> {
        let Some(lead) = self.tables.get("crm.lead", id) else { return Ok(()) };
        let Some(customer) = lead.link("partner_id") else { return Ok(()) };
        let partner = self.tables.get("res.partner", customer);
        let changed: Map<String, Value> = SHARED
            .iter()
            .filter(|(own, theirs)| {
                let value = lead.get(own);
                vals.contains_key(*own) && partner.is_some_and(|it| it.get(theirs) != value)
            })
            .map(|(own, theirs)| ((*theirs).to_owned(), lead.get(own).clone()))
            .collect();
        if changed.is_empty() {
            return Ok(());
        }
        let partners = self.model("res.partner")?;
        self.write(&Self::itself(), &partners, &[customer], &changed)
    }

    /// A customer's new address or number goes to their leads; one that was cleared does not.
    pub(super) fn sync_leads(&mut self, id: u64, vals: &Map<String, Value>) {
        let Some(customer) = self.tables.get("res.partner", id).cloned() else { return };
        for lead in self.tables.pointing("crm.lead", "partner_id", id) {
            let Some(mut row) = self.tables.get("crm.lead", lead).cloned() else { continue };
            let before = row.values.clone();
            for (own, theirs) in SHARED {
                if vals.contains_key(theirs) && !customer.get(theirs).is_null() {
                    row.set(own, customer.get(theirs).clone());
                }
            }
            row.set("email_normalized", normalized(row.text("email_from")));
            row.set("phone_sanitized", self.sanitized(&row));
            if row.values != before {
                self.put_now("crm.lead", lead, row);
            }
        }
    }

    /// A company's new name is part of its people's names, and so they count as written.
    pub(super) fn renew_names(&mut self, id: u64, before: &Row) {
        let Some(row) = self.tables.get("res.partner", id) else { return };
        if row.get("name") == before.get("name") {
            return;
        }
        for child in self.tables.pointing("res.partner", "parent_id", id) {
            let person = self.tables.get("res.partner", child).filter(|it| !it.is_set("is_company")).cloned();
            if let Some(person) = person {
                self.put_now("res.partner", child, person);
            }
        }
    }

    /// Stores a row as written by the call under way.
    fn put_now(&mut self, model: &'static str, id: u64, mut row: Row) {
        (row.updated_us, row.updated_by) = (self.stamp_us(), USER);
        self.tables.put(model, id, row);
        self.touched.push((model, id));
    }

    /// Merges contacts as the wizard does: the first keeps what it has and takes what it lacks, everything that pointed
    /// at the other points at it, and the other is deleted.
    pub(super) fn merge(&mut self, primary: u64, other: u64) -> Result<(), Refusal> {
        let row = |id: u64| self.tables.get("res.partner", id).cloned();
        let (Some(mut kept), Some(gone)) = (row(primary), row(other)) else {
            return Err(Refusal::missing("res.partner", other, USER));
        };
        if primary == other || other <= LAST_OWN_PARTNER {
            return Err(Refusal::user("You cannot merge this contact."));
        }
        let partners = self.model("res.partner")?;
        for (name, value) in &gone.values {
            let own = kept.get(name);
            if partners.field(name).is_some_and(|field| field.kind.is_many()) {
                let mut ids = kept.links(name);
                ids.extend(gone.links(name));
                ids.sort_unstable();
                ids.dedup();
                kept.set(name, ids);
            } else if own.is_null() || *own == json!("") || *own == json!(false) && &**name != "active" {
                kept.set(name, value.clone());
            }
        }
        if kept.link("parent_id") == Some(primary) {
            kept.set("parent_id", Value::Null);
        }
        self.derive(&partners, &mut kept, None, &Map::new())?;
        self.put_now("res.partner", primary, kept);
        for (of, field) in [
            ("res.partner", "parent_id"),
            ("crm.lead", "partner_id"),
            ("mail.message", "res_id"),
            ("mail.activity", "res_id"),
        ] {
            for pointing in self.tables.pointing(of, field, other) {
                let Some(mut row) = self.tables.get(of, pointing).cloned() else { continue };
                let elsewhere =
                    field == "res_id" && row.text("model") != "res.partner" && row.text("res_model") != "res.partner";
                if !elsewhere && pointing != primary {
                    row.set(field, primary);
                    self.put_now(of, pointing, row);
                }
            }
        }
        self.announce_end(&partners, other)?;
        self.tables.remove("res.partner", other);
        self.touched.retain(|it| *it != ("res.partner", other));
        let told = format!("<p>Merged with the following partners: {}  (ID {other})</p>", gone.text("name"));
        self.merged.insert(other, (gone, primary));
        self.log(&partners, primary, &told);
        Ok(())
    }
}

/// The one address that a text holds, in small letters; none if it holds none or several.
fn normalized(text: &str) -> Value {
    let inner = text.rsplit_once('<').and_then(|(_, tail)| tail.split_once('>')).map_or(text, |(inner, _)| inner);
    let address = inner.trim().to_lowercase();
    let is_one = matches!(address.split('@').collect::<Vec<_>>().as_slice(), [name, host]
        if !name.is_empty() && host.contains('.') && !address.contains([' ', ',', ';']));
    if is_one { address.into() } else { Value::Null }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_is_found_in_a_text() {
        assert_eq!(normalized("Ada@Example.COM "), "ada@example.com");
        assert_eq!(normalized("\"Ada L\" <Ada@example.com>"), "ada@example.com");
        for text in ["", "ada", "a@x.org, b@x.org", "a b@x.org", "@x.org"] {
            assert_eq!(normalized(text), Value::Null, "{text}");
        }
    }
}
