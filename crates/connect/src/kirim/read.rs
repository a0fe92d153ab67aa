//! The account, and contacts by id, by address, by key and as a list (the operations "me", "contacts" and "contacts/id").

use lockstep_core::record::Record;
use serde::Deserialize;
use serde_json::Value as Json;

use super::wire::{self, Contact, EMAIL, NAME, One, PHONE};
use crate::connector::{Description, Find, Got, IdPage, Listed, PropertySpec};
use crate::door::Session;
use crate::fault::{Fault, FaultClass};
use crate::wire::in_path;

/// Characters that a search may have (operation "contacts").
const SEARCH_CHARS_MAX: usize = 200;
/// Our key, which metadata takes without being told of it before.
const KEY: &str = "lockstep_id";

#[derive(Deserialize)]
struct Me {
    organization: Organization,
}

#[derive(Deserialize)]
struct Organization {
    id: String,
}

/// The organization whose key it is. One call.
pub(super) async fn account(session: &Session) -> Result<String, Fault> {
    let me: One<Me> = wire::ask(session, wire::get("/v1/me")).await?;
    Ok(me.data.organization.id)
}

/// The members of a contact, and the keys of metadata that the first page of contacts has. One call, or as
/// [`wire::contacts`] says.
pub(super) async fn describe(session: &Session) -> Result<Description, Fault> {
    let (page, _) = wire::page(session, "", None).await?;
    let spec = |name: &str, label: &str, native_type: &str| PropertySpec {
        name: name.to_owned(),
        label: label.to_owned(),
        native_type: native_type.to_owned(),
        unique: name == PHONE,
        read_only: false,
        options: Vec::new(),
    };
    let mut properties = vec![
        spec(PHONE, "Phone number", "phone"),
        spec(NAME, "Name", "text"),
        spec(EMAIL, "E-mail", "email"),
        spec(KEY, "Lockstep id", "metadata"),
    ];
    let metadata = page.data.iter().filter_map(|contact| contact.metadata.as_ref());
    let mut keys: Vec<&String> = metadata.flat_map(|metadata| metadata.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.retain(|key| !wire::is_member(key) && *key != KEY && !key.is_empty());
    properties.extend(keys.into_iter().map(|key| spec(key, key, "metadata")));
    Ok(Description { properties })
}

/// One call for each contact. One that is deleted is gone, which is not told from one that never was.
pub(super) async fn get(session: &Session, ids: &[String], properties: &[String]) -> Result<Vec<Got>, Fault> {
    let mut answer = Vec::with_capacity(ids.len());
    for id in ids {
        answer.push(match one(session, id).await {
            Ok(contact) => Got::Found(contact.record(properties)),
            Err(fault) if fault.class == FaultClass::Missing => Got::Missing,
            Err(fault) => return Err(fault),
        });
    }
    Ok(answer)
}

/// One contact. One call, or as [`wire::contacts`] says.
pub(super) async fn one(session: &Session, id: &str) -> Result<Contact, Fault> {
    let path = wire::contact(&wire::contacts(session).await?, id);
    let read: One<Contact> = wire::ask(session, wire::get(path)).await?;
    Ok(read.data)
}

/// Looks by number, which Kirim does itself, or by address among those whose name or address has it as a part. One call.
/// Metadata is not searched, so a key takes a call for each page until all values are found.
pub(super) async fn find(session: &Session, by: &Find, properties: &[String]) -> Result<Vec<Record>, Fault> {
    match by {
        Find::Phone(phone) => {
            let found = list(session, &format!("&phone={}", in_path(phone))).await?;
            Ok(found.iter().map(|contact| contact.record(properties)).collect())
        }
        Find::Email(email) if email.chars().count() > SEARCH_CHARS_MAX => Ok(Vec::new()),
        Find::Email(email) => {
            let found = list(session, &format!("&search={}", in_path(email))).await?;
            let has =
                |contact: &&Contact| contact.text(EMAIL).is_some_and(|it| it.to_lowercase() == email.to_lowercase());
            Ok(found.iter().filter(has).map(|contact| contact.record(properties)).collect())
        }
        Find::Key { property, values } => by_key(session, property, values, properties).await,
    }
}

async fn list(session: &Session, filter: &str) -> Result<Vec<Contact>, Fault> {
    Ok(wire::page(session, filter, None).await?.0.data)
}

async fn by_key(
    session: &Session,
    property: &str,
    values: &[String],
    properties: &[String],
) -> Result<Vec<Record>, Fault> {
    let mut asked = properties.to_vec();
    asked.push(property.to_owned());
    let (mut found, mut after): (Vec<Record>, Option<String>) = (Vec::new(), None);
    loop {
        let (page, _) = wire::page(session, "", after.as_deref()).await?;
        let has = |contact: &&Contact| contact.text(property).is_some_and(|text| values.contains(&text));
        found.extend(page.data.iter().filter(has).map(|contact| contact.record(&asked)));
        after = page.next()?;
        if after.is_none() || found.len() >= values.len() {
            return Ok(found);
        }
    }
}

/// One page of ids. One call; Kirim keeps no deleted contacts.
pub(super) async fn list_ids(session: &Session, archived: bool, after: Option<&str>) -> Result<IdPage, Fault> {
    if archived {
        return Ok(IdPage { records: Vec::new(), after: None });
    }
    let (page, _) = wire::page(session, "", after).await?;
    let listed = |contact: &Contact| Listed { id: contact.id.clone(), updated_at: contact.updated_at() };
    Ok(IdPage { records: page.data.iter().map(listed).collect(), after: page.next()? })
}

/// The contact that has a number. One call.
pub(super) async fn id_of(session: &Session, phone: Option<&Json>) -> Result<Option<String>, Fault> {
    let Some(phone) = phone.and_then(Json::as_str) else { return Ok(None) };
    let found = list(session, &format!("&phone={}", in_path(phone))).await?;
    Ok(found.into_iter().next().map(|contact| contact.id))
}
