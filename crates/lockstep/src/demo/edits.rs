//! People at work on both sides, one field of one person at the same time included.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use lockstep_core::contact::Contact;
use lockstep_core::ids::ContactId;
use lockstep_sandbox::hubspot::Record;
use serde_json::json;

use super::agreement::record_id;
use super::stage::Stage;
use crate::network::{Body, Limits};

const API_LIMITS: Limits = Limits { timeout: Duration::from_secs(30), body: Body::Whole { bytes_max: 1024 * 1024 } };

/// What happens to one person.
pub struct Edit {
    /// The contact.
    pub contact: ContactId,
    /// Its record.
    pub record: String,
    /// The field.
    pub field: &'static str,
    /// What it held on both sides.
    pub before: String,
    /// What somebody types in the inbox.
    pub inbox: Option<String>,
    /// What somebody types in HubSpot.
    pub crm: Option<Typed>,
    /// What both sides shall say in the end.
    pub expected: String,
}

/// A property typed in HubSpot.
pub struct Typed {
    /// The property.
    pub property: &'static str,
    /// Its value.
    pub value: String,
}

impl Edit {
    /// Whether both sides edit the same field.
    pub fn is_conflict(&self) -> bool {
        self.inbox.is_some() && self.crm.is_some()
    }

    /// Whether both sides say what they shall.
    pub fn is_settled(&self, contacts: &[Contact], records: &[Record]) -> bool {
        let contact = contacts.iter().find(|contact| contact.id == self.contact);
        let record = records.iter().find(|record| record.id == self.record);
        let (Some(contact), Some(record)) = (contact, record) else { return false };
        let (ours, theirs) = match self.field {
            "email" => (contact.email.clone(), record.value("email").map(str::to_owned)),
            _ => (contact.name.clone(), Some(full_name(record))),
        };
        ours.as_ref() == Some(&self.expected) && theirs.as_ref() == Some(&self.expected)
    }
}

fn full_name(record: &Record) -> String {
    [record.value("firstname"), record.value("lastname")].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Edits of people whose name has two words and who have an address on both sides.
pub fn script(contacts: &[Contact], records: &[Record]) -> Vec<Edit> {
    let by_id: BTreeMap<&str, &Record> = records.iter().map(|record| (record.id.as_str(), record)).collect();
    let mut cast: Vec<(&Contact, &Record)> = contacts
        .iter()
        .filter_map(|contact| {
            let record = *by_id.get(record_id(contact)?)?;
            let (name, email) = (contact.name.as_ref()?, contact.email.as_ref()?);
            let plain = name.split_whitespace().count() == 2
                && record.value("firstname").is_some_and(|first| name.starts_with(first))
                && record.value("lastname").is_some_and(|last| name.ends_with(last))
                && record.value("email") == Some(email);
            plain.then_some((contact, record))
        })
        .collect();
    // Terminals align Latin letters best.
    cast.sort_by_key(|(contact, _)| contact.name.as_ref().is_some_and(|name| !name.chars().all(is_latin)));
    let acts = [inbox_name, crm_name, inbox_email, crm_email, both_email];
    acts.into_iter().zip(cast).map(|(act, (contact, record))| act(contact, record)).collect()
}

fn is_latin(c: char) -> bool {
    c < '\u{250}'
}

fn edit(
    contact: &Contact,
    record: &Record,
    field: &'static str,
    inbox: Option<String>,
    crm: Option<Typed>,
    expected: String,
) -> Edit {
    let held = if field == "email" { &contact.email } else { &contact.name };
    let before = held.clone().unwrap_or_default();
    Edit { contact: contact.id.clone(), record: record.id.clone(), field, before, inbox, crm, expected }
}

fn inbox_name(contact: &Contact, record: &Record) -> Edit {
    let name = format!("{} Hartono", record.value("firstname").unwrap_or_default());
    edit(contact, record, "name", Some(name.clone()), None, name)
}

fn crm_name(contact: &Contact, record: &Record) -> Edit {
    let value = "Okonkwo".to_owned();
    let expected = format!("{} {value}", record.value("firstname").unwrap_or_default());
    edit(contact, record, "name", None, Some(Typed { property: "lastname", value }), expected)
}

fn inbox_email(contact: &Contact, record: &Record) -> Edit {
    let email = address(contact, "new.example");
    edit(contact, record, "email", Some(email.clone()), None, email)
}

fn crm_email(contact: &Contact, record: &Record) -> Edit {
    let value = address(contact, "office.example");
    edit(contact, record, "email", None, Some(Typed { property: "email", value: value.clone() }), value)
}

/// Both sides at once: the default mapping gives the e-mail address to the CRM.
fn both_email(contact: &Contact, record: &Record) -> Edit {
    let (ours, theirs) = (address(contact, "chat.example"), address(contact, "sales.example"));
    edit(contact, record, "email", Some(ours), Some(Typed { property: "email", value: theirs.clone() }), theirs)
}

/// The same person at another place.
fn address(contact: &Contact, domain: &str) -> String {
    let local = contact.email.as_deref().and_then(|email| email.split(['.', '@']).next()).unwrap_or("somebody");
    format!("{local}@{domain}")
}

/// Types an edit: at HubSpot as a person in its pages, in the inbox by its API.
pub async fn type_in(stage: &Stage, edit: &Edit) -> anyhow::Result<()> {
    if let Some(Typed { property, value }) = &edit.crm {
        let typed = stage.hubspot.edit(&edit.record, &[(*property, value.as_str())]);
        typed.map_err(|refusal| anyhow::anyhow!("the look-alike refuses an edit: {refusal}"))?;
    }
    if let Some(value) = &edit.inbox {
        patch(stage, &edit.contact, edit.field, value).await.context("the inbox refuses an edit")?;
    }
    Ok(())
}

async fn patch(stage: &Stage, contact: &ContactId, field: &str, value: &str) -> anyhow::Result<()> {
    let request = http::Request::patch(format!("{}/v1/contacts/{contact}", stage.inbox_url()))
        .header(AUTHORIZATION, format!("Bearer {}", stage.api_key))
        .header(CONTENT_TYPE, "application/json")
        .body(Bytes::from(serde_json::to_vec(&json!({ field: value }))?))?;
    let answer = stage.app.network.exchange(request, API_LIMITS).await?;
    ensure!(answer.status().is_success(), "{}: {}", answer.status(), String::from_utf8_lossy(answer.body()));
    Ok(())
}
