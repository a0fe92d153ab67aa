//! What travels to and from Kirim: paths of either generation, contacts, lists (pages "Resource ids", "Pagination" and the
//! operations below "contacts").

use std::time::Duration;

use lockstep_core::env::Time;
use lockstep_core::record::{Properties, Record};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::{ABOUT, faults};
use crate::door::{Answer, Call, Method, Session};
use crate::fault::{Fault, FaultClass};
use crate::wire::{self, in_path};

/// Rows of a page at most.
pub(super) const PAGE: usize = 100;
/// The members of a contact that are properties; every other name is that of a key in its metadata.
pub(super) const PHONE: &str = "phone_number";
pub(super) const NAME: &str = "name";
pub(super) const EMAIL: &str = "email";
/// How long it is believed where an account's contacts lie.
const PATH_AGE_MAX: Duration = Duration::from_secs(86_400);
const PATH: &str = "contacts";

/// Whether a contact has it beside its metadata.
pub(super) fn is_member(property: &str) -> bool {
    matches!(property, PHONE | NAME | EMAIL)
}

/// A contact.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Contact {
    pub id: String,
    phone_number: Option<String>,
    name: Option<String>,
    email: Option<String>,
    pub metadata: Option<Map<String, Json>>,
    updated_at: String,
}

/// One object.
#[derive(Debug, Deserialize)]
pub(super) struct One<T> {
    pub data: T,
}

/// One page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Page<T = Contact> {
    pub data: Vec<T>,
    has_more: bool,
    next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Where the next page begins.
    pub(super) fn next(&self) -> Result<Option<String>, Fault> {
        match &self.next_cursor {
            _ if !self.has_more => Ok(None),
            Some(cursor) if !self.data.is_empty() => Ok(Some(cursor.clone())),
            _ => Err(Fault::new(FaultClass::Bug, "UNREADABLE_ANSWER", "Kirim promises more of a list and shows none.")),
        }
    }
}

impl Contact {
    /// When it was changed last.
    pub(super) fn updated_at(&self) -> Time {
        Time::parse(&self.updated_at).unwrap_or_default()
    }

    /// A property as text; nothing where it is empty.
    pub(super) fn text(&self, property: &str) -> Option<String> {
        let text = match property {
            PHONE => self.phone_number.clone(),
            NAME => self.name.clone(),
            EMAIL => self.email.clone(),
            key => self.metadata.as_ref().and_then(|metadata| shown(metadata.get(key)?)),
        };
        text.filter(|text| !text.is_empty())
    }

    /// The record that it is, with these properties.
    pub(super) fn record(&self, asked: &[String]) -> Record {
        let properties: Properties = asked.iter().map(|name| (name.clone(), self.text(name))).collect();
        let (id, updated_at) = (self.id.clone(), self.updated_at());
        Record { id, properties, updated_at, archived: false, merged: Vec::new() }
    }
}

fn shown(value: &Json) -> Option<String> {
    match value {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Sends a call and reads its answer.
pub(super) async fn ask<T: DeserializeOwned>(session: &Session, call: Call) -> Result<T, Fault> {
    Ok(answered(session, call).await?.0)
}

/// As [`ask`], with what stands around it.
pub(super) async fn answered<T: DeserializeOwned>(session: &Session, call: Call) -> Result<(T, Answer), Fault> {
    let effect = call.effect;
    let mut answer = wire::send(session, call, faults::of_answer).await?;
    let read = wire::read(&ABOUT, answer.body.take(), effect)?;
    Ok((read, answer))
}

/// A call that reads.
pub(super) fn get(path: impl Into<String>) -> Call {
    Call::read(Method::Get, path, None)
}

/// A call that writes: those have a limit of their own.
pub(super) fn write(method: Method, path: impl Into<String>, body: Option<Json>) -> Call {
    Call::write(method, path, body).as_search()
}

/// Where a contact lies.
pub(super) fn contact(contacts: &str, id: &str) -> String {
    format!("{contacts}/{}", in_path(id))
}

/// Where contacts lie: for the whole organization at `/v1/contacts`, or below a number (page "Resource ids" of the second
/// generation). Found by asking, and kept. One call, and one more in the second generation.
pub(super) async fn contacts(session: &Session) -> Result<String, Fault> {
    let (memory, now) = (session.door.memory(), session.env.now());
    let known = memory.and_then(|memory| memory.recall(PATH, now, PATH_AGE_MAX));
    if let Some(path) = known.as_deref().and_then(Json::as_str) {
        return Ok(path.to_owned());
    }
    let flat = "/v1/contacts";
    let answer = session.door.send(get(format!("{flat}?limit=1"))).await?;
    let path = match answer.status {
        200..300 => {
            let _page: Page<Json> = wire::read(&ABOUT, answer.body, false)?;
            flat.to_owned()
        }
        404 | 405 => format!("/v1/{}/contacts", in_path(&number(session).await?)),
        _ => return Err(faults::of_answer(&answer, false)),
    };
    if let Some(memory) = memory {
        memory.keep(PATH, now, path.as_str().into());
    }
    Ok(path)
}

/// A number of the organization's.
#[derive(Deserialize)]
struct Account {
    phone_number_id: Option<String>,
}

/// The one number that the organization has; which of several is meant, nobody could tell.
async fn number(session: &Session) -> Result<String, Fault> {
    let page: Page<Account> = ask(session, get("/v1/accounts")).await?;
    let mut ids: Vec<String> = page.data.into_iter().filter_map(|account| account.phone_number_id).collect();
    if ids.len() == 1 {
        return Ok(ids.remove(0));
    }
    let message = format!(
        "The organization has {} connected numbers, and this Kirim shows contacts of one number only. It has to be one.",
        ids.len()
    );
    Err(Fault::new(FaultClass::Rejected, "NOT_ONE_NUMBER", message))
}

/// A page of contacts, with further parts of the query. One call, or as [`contacts`] says.
pub(super) async fn page(session: &Session, filters: &str, after: Option<&str>) -> Result<(Page, Answer), Fault> {
    let path = contacts(session).await?;
    let cursor = after.map(|cursor| format!("&cursor={}", in_path(cursor))).unwrap_or_default();
    answered(session, get(format!("{path}?limit={PAGE}{filters}{cursor}"))).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::script::{Line, Script};

    fn list(rows: Json) -> Line {
        Line::new(200, json!({ "data": rows, "has_more": false, "next_cursor": null, "request_id": "req_1" }))
    }

    #[tokio::test]
    async fn the_generation_is_found_by_asking() {
        let numbers = |ids: &[&str]| {
            let row = |id: &&str| json!({ "object": "account", "phone_number_id": id, "status": "connected" });
            list(ids.iter().map(row).collect())
        };
        let none = || Line::new(404, json!("404 Not Found"));
        let lines = [list(json!([])), none(), numbers(&["106540352242922"]), none(), numbers(&["1", "2"])];
        let (script, session, _) = Script::new(lines);
        assert_eq!(contacts(&session).await.as_deref(), Ok("/v1/contacts"));
        assert_eq!(contacts(&session).await.as_deref(), Ok("/v1/106540352242922/contacts"));
        assert_eq!(contacts(&session).await.map_err(|fault| fault.class), Err(FaultClass::Rejected));
        let paths: Vec<String> = script.calls().into_iter().map(|call| call.path).collect();
        assert_eq!(paths[..3], ["/v1/contacts?limit=1", "/v1/contacts?limit=1", "/v1/accounts"]);
    }

    #[test]
    fn metadata_is_shown_as_text() {
        let contact: Contact = serde_json::from_value(json!({
            "id": "ctc_1", "phone_number": "+628111", "name": "", "email": null, "updated_at": "2026-05-23T10:00:00Z",
            "metadata": { "tier": "gold", "visits": 3, "gone": null, "list": [1] },
        }))
        .expect("a contact");
        let texts = ["name", "email", "tier", "visits", "gone", "list", "never"].map(|name| contact.text(name));
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(texts, [None, None, text("gold"), text("3"), None, text("[1]"), None]);
    }

    #[test]
    fn a_list_that_promises_more_shows_it() {
        let page = |rows: usize, more: bool, cursor: Option<&str>| Page {
            data: vec![Json::Null; rows],
            has_more: more,
            next_cursor: cursor.map(str::to_owned),
        };
        assert_eq!(page(1, true, Some("c")).next(), Ok(Some("c".to_owned())));
        assert_eq!(page(1, false, None).next(), Ok(None));
        assert!(page(1, true, None).next().is_err() && page(0, true, Some("c")).next().is_err());
    }
}
