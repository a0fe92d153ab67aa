//! People at work on all sides, one field of one person at the same time included.

use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use lockstep_core::contact::Contact;
use lockstep_core::ids::ContactId;
use lockstep_sandbox::Record;
use lockstep_sandbox::vendor::Words;
use serde_json::json;

use super::sides::{Side, Sides};
use super::stage::{Crm, Stage};
use crate::network::{Body, Limits};

const API_LIMITS: Limits = Limits { timeout: Duration::from_secs(30), body: Body::Whole { bytes_max: 1024 * 1024 } };

/// What happens to one person.
pub struct Edit<'a> {
    /// The contact.
    pub contact: ContactId,
    /// The field.
    pub field: &'static str,
    /// What it held on all sides.
    pub before: String,
    /// What somebody types in the inbox.
    pub inbox: Option<String>,
    /// What somebody types in a CRM.
    pub crm: Option<Typed<'a>>,
    /// What all sides shall say in the end.
    pub expected: String,
}

/// A value typed in a CRM.
pub struct Typed<'a> {
    /// Where.
    pub crm: &'a Crm,
    /// The record.
    pub record: String,
    /// The properties.
    pub properties: Vec<(&'static str, String)>,
    /// What they say together.
    pub value: String,
}

impl Edit<'_> {
    /// Whether the inbox and a CRM edit the same field.
    pub fn is_conflict(&self) -> bool {
        self.inbox.is_some() && self.crm.is_some()
    }

    /// Whether all sides say what they shall.
    pub fn is_settled(&self, sides: &Sides<'_>) -> bool {
        let Some(contact) = sides.contacts.iter().find(|contact| contact.id == self.contact) else { return false };
        let ours = if self.field == "email" { &contact.email } else { &contact.name };
        let theirs = |side: &Side<'_>| said(side.record_of(&self.contact)?, self.field, &side.crm.listed.words);
        ours.as_ref() == Some(&self.expected)
            && sides.crms.iter().all(|side| theirs(side).as_ref() == Some(&self.expected))
    }
}

fn said(record: &Record, field: &str, words: &Words) -> Option<String> {
    if field == "email" { record.value(words.email).map(str::to_owned) } else { Some(words.name_of(record)) }
}

/// Edits of people whose name has two words and who have the same name and address on all sides. Those typed in a CRM
/// go around among the CRMs.
pub fn script<'a>(sides: &Sides<'a>) -> Vec<Edit<'a>> {
    let mut cast: Vec<(&Contact, &str, &str)> = sides.contacts.iter().filter_map(|it| plain(it, sides)).collect();
    // Terminals align Latin letters best.
    cast.sort_by_key(|(contact, ..)| contact.name.as_ref().is_some_and(|name| !name.chars().all(is_latin)));
    let mut around = sides.crms.iter().rev().cycle();
    let acts = [inbox_name, crm_name, inbox_email, crm_email, both_email];
    let played = acts.into_iter().zip(cast).filter_map(|(act, person)| act(person, &mut around));
    played.collect()
}

/// A contact with its first name and its address, if it is known alike everywhere.
fn plain<'c>(contact: &'c Contact, sides: &Sides<'_>) -> Option<(&'c Contact, &'c str, &'c str)> {
    let (name, email) = (contact.name.as_deref()?, contact.email.as_deref()?);
    let (first, last) = name.split_once(' ')?;
    let alike = |side: &Side<'_>| {
        side.record_of(&contact.id).is_some_and(|record| {
            let said = |field| said(record, field, &side.crm.listed.words);
            said("name").as_deref() == Some(name) && said("email").as_deref() == Some(email)
        })
    };
    (!last.contains(' ') && sides.crms.iter().all(alike)).then_some((contact, first, email))
}

fn is_latin(c: char) -> bool {
    c < '\u{250}'
}

/// A contact, its first name and its address.
type Person<'c> = (&'c Contact, &'c str, &'c str);
/// The CRMs, one after the other.
type Around<'s, 'a> = dyn Iterator<Item = &'s Side<'a>> + 's;

fn inbox_name<'a>((contact, first, _): Person<'_>, _: &mut Around<'_, 'a>) -> Option<Edit<'a>> {
    let name = format!("{first} Hartono");
    Some(edit(contact, "name", Some(name.clone()), None, name))
}

fn crm_name<'a>((contact, first, _): Person<'_>, around: &mut Around<'_, 'a>) -> Option<Edit<'a>> {
    let name = format!("{first} Okonkwo");
    let typed = typed(around, contact, name.clone(), |words| words.name(first, "Okonkwo"))?;
    Some(edit(contact, "name", None, Some(typed), name))
}

fn inbox_email<'a>((contact, _, email): Person<'_>, _: &mut Around<'_, 'a>) -> Option<Edit<'a>> {
    let email = address(email, "new.example");
    Some(edit(contact, "email", Some(email.clone()), None, email))
}

fn crm_email<'a>((contact, _, email): Person<'_>, around: &mut Around<'_, 'a>) -> Option<Edit<'a>> {
    let email = address(email, "office.example");
    let typed = typed(around, contact, email.clone(), |words| vec![(words.email, email.clone())])?;
    Some(edit(contact, "email", None, Some(typed), email))
}

/// Both sides at once: the default mapping gives the e-mail address to the CRM.
fn both_email<'a>((contact, _, email): Person<'_>, around: &mut Around<'_, 'a>) -> Option<Edit<'a>> {
    let (ours, theirs) = (address(email, "chat.example"), address(email, "sales.example"));
    let typed = typed(around, contact, theirs.clone(), |words| vec![(words.email, theirs.clone())])?;
    Some(edit(contact, "email", Some(ours), Some(typed), theirs))
}

fn edit<'a>(
    contact: &Contact,
    field: &'static str,
    inbox: Option<String>,
    crm: Option<Typed<'a>>,
    expected: String,
) -> Edit<'a> {
    let held = if field == "email" { &contact.email } else { &contact.name };
    let before = held.clone().unwrap_or_default();
    Edit { contact: contact.id.clone(), field, before, inbox, crm, expected }
}

fn typed<'a>(
    around: &mut Around<'_, 'a>,
    contact: &Contact,
    value: String,
    properties: impl Fn(&Words) -> Vec<(&'static str, String)>,
) -> Option<Typed<'a>> {
    let side = around.next()?;
    let record = side.record_of(&contact.id)?.id.clone();
    Some(Typed { crm: side.crm, record, properties: properties(&side.crm.listed.words), value })
}

/// The same person at another place.
fn address(email: &str, domain: &str) -> String {
    format!("{}@{domain}", email.split(['.', '@']).next().unwrap_or("somebody"))
}

/// Types an edit: in a CRM as a person in its pages, in the inbox by its API.
pub async fn type_in(stage: &Stage, edit: &Edit<'_>) -> anyhow::Result<()> {
    if let Some(typed) = &edit.crm {
        let properties: Vec<(&str, &str)> = typed.properties.iter().map(|(it, value)| (*it, value.as_str())).collect();
        let taken = typed.crm.vendor.edit(&typed.record, &properties);
        taken.map_err(|refusal| anyhow::anyhow!("{} refuses an edit: {refusal}", typed.crm.listed.name))?;
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
