//! One deed at a time: records made, changed, archived and linked, and workflows started (HubSpot's pages "CRM API |
//! Objects" and "Associations v4").

use lockstep_core::crm::action::Key;
use lockstep_core::crm::{Link, RecordId};
use lockstep_core::record::Properties;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::wire::{Object, ask, in_path, on_wire, records_of, send};
use super::{flows, read};
use crate::connector::{Got, Outcome};
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};
use crate::objects::Deed;

/// When a note was taken: HubSpot wants it of every new one, and it is now unless somebody says otherwise.
pub(super) const TIMESTAMP: &str = "hs_timestamp";

/// The default links between objects of every account: from, to, HubSpot's number (the type table of its client
/// library). Other pairs are asked for.
const LINK_TYPES: [(&str, &str, u32); 16] = [
    ("contacts", "companies", 279),
    ("companies", "contacts", 280),
    ("contacts", "deals", 4),
    ("deals", "contacts", 3),
    ("deals", "companies", 341),
    ("companies", "deals", 342),
    ("contacts", "tickets", 15),
    ("tickets", "contacts", 16),
    ("tickets", "companies", 339),
    ("companies", "tickets", 340),
    ("deals", "tickets", 27),
    ("tickets", "deals", 28),
    ("notes", "contacts", 202),
    ("notes", "companies", 190),
    ("notes", "deals", 214),
    ("notes", "tickets", 228),
];

/// Carries out one deed. One call, one more for each link of an update, and reads before it where a link's type or a
/// workflow's trigger has to be looked up; a workflow on a record that is there takes two.
pub(super) async fn carry_out(session: &Session, deed: &Deed, asked: &[String]) -> Result<Outcome, Fault> {
    match deed {
        Deed::Create { object, properties, key, links } => {
            let mut properties = properties.clone();
            if let Some(Key { property, value }) = key {
                properties.insert(property.clone(), Some(value.clone()));
            }
            create(session, object, properties, links, asked).await
        }
        Deed::Update { record, properties, links } => {
            // The record comes last, so that a link that is refused leaves it as it was.
            for (before, link) in links.iter().enumerate() {
                let attached = attach(session, record, link).await;
                if before == 0 { attached } else { attached.map_err(half_done) }?;
            }
            if properties.is_empty() {
                found(session, record, asked).await
            } else {
                let changed = change(session, record, properties, asked).await;
                if links.is_empty() { changed } else { changed.map_err(half_done) }
            }
        }
        Deed::Archive(record) => archive(session, record).await,
        Deed::Start { object, workflow, record, inputs } => {
            start(session, object, workflow, record.as_ref(), inputs, asked).await
        }
    }
}

/// A fault of a step before the deed itself. Whatever became of that step, the deed was not sent and can be repeated.
fn nothing_done(fault: Fault) -> Fault {
    match fault.class {
        FaultClass::Busy | FaultClass::Unknown => Fault { class: FaultClass::Unreachable, ..fault },
        _ => fault,
    }
}

async fn create(
    session: &Session,
    object: &str,
    mut properties: Properties,
    links: &[Link],
    asked: &[String],
) -> Result<Outcome, Fault> {
    if object == "notes" {
        properties.entry(TIMESTAMP.to_owned()).or_insert_with(|| Some(session.env.now().to_string()));
    }
    let mut associations = Vec::with_capacity(links.len());
    for link in links {
        let kind = link_type(session, object, link).await?;
        associations.push(json!({ "to": { "id": link.to.id() }, "types": [kind.on_wire()] }));
    }
    let body = json!({ "properties": on_wire(&properties), "associations": associations });
    let made: Object = ask(session, Call::write(Method::Post, records_of(object), Some(body))).await?;
    Ok(Outcome::Written(made.record(asked)))
}

fn path_of(record: &RecordId) -> String {
    format!("{}/{}", records_of(record.object()), in_path(record.id()))
}

async fn change(
    session: &Session,
    record: &RecordId,
    properties: &Properties,
    asked: &[String],
) -> Result<Outcome, Fault> {
    let body = json!({ "properties": on_wire(properties) });
    let changed: Object = ask(session, Call::write(Method::Patch, path_of(record), Some(body))).await?;
    Ok(Outcome::Written(changed.record(asked)))
}

/// The record as it is, where nothing but links was to be written. HubSpot refuses a change of nothing.
async fn found(session: &Session, record: &RecordId, asked: &[String]) -> Result<Outcome, Fault> {
    let ids = [record.id().to_owned()];
    match read::get(session, record.object(), &ids, asked).await?.pop() {
        Some(Got::Found(found)) => Ok(Outcome::Written(found)),
        _ => Err(Fault::new(FaultClass::Missing, "OBJECT_NOT_FOUND", format!("HubSpot does not show {record}."))),
    }
}

async fn archive(session: &Session, record: &RecordId) -> Result<Outcome, Fault> {
    match send(session, Call::write(Method::Delete, path_of(record), None)).await {
        Err(fault) if fault.class != FaultClass::Missing => Err(fault),
        _ => Ok(Outcome::Archived),
    }
}

/// HubSpot runs a workflow when its property takes the value, so a record that holds it already is cleared first.
async fn start(
    session: &Session,
    object: &str,
    workflow: &str,
    record: Option<&RecordId>,
    inputs: &Properties,
    asked: &[String],
) -> Result<Outcome, Fault> {
    let trigger = flows::trigger(session, workflow).await.map_err(nothing_done)?;
    let mut properties = inputs.clone();
    if trigger.value.is_some() {
        properties.insert(trigger.property.clone(), trigger.value);
    }
    if properties.get(&trigger.property).is_none_or(Option::is_none) {
        let message = format!("The workflow is started by a value of \"{}\", and none was given.", trigger.property);
        let fault = Fault::new(FaultClass::Rejected, "NO_TRIGGER_VALUE", message);
        return Err(Fault { property: Some(trigger.property), ..fault });
    }
    let Some(record) = record else { return create(session, object, properties, &[], asked).await };
    if record.object() != object {
        let message = format!("The workflow is about records of {object}, not about {record}.");
        return Err(Fault::new(FaultClass::Rejected, "OTHER_OBJECT", message));
    }
    let wanted = properties.get(&trigger.property).cloned().flatten();
    let asked_now = [trigger.property.clone()];
    let held = found(session, record, &asked_now).await.map_err(nothing_done)?;
    let holds =
        |held: &Outcome| matches!(held, Outcome::Written(held) if held.text(&trigger.property) == wanted.as_deref());
    if !holds(&held) {
        return change(session, record, &properties, asked).await;
    }
    change(session, record, &[(trigger.property, None)].into(), &[]).await.map_err(nothing_done)?;
    change(session, record, &properties, asked).await.map_err(half_done)
}

/// A fault after something was done: nobody may say that nothing was written.
fn half_done(fault: Fault) -> Fault {
    Fault { class: FaultClass::Unknown, ..fault }
}

/// Links a record that is there. One call, and one before it for a kind that is asked for by name.
async fn attach(session: &Session, record: &RecordId, link: &Link) -> Result<(), Fault> {
    let base = format!("/crm/v4/objects/{}/{}/associations", in_path(record.object()), in_path(record.id()));
    let to = format!("{}/{}", in_path(link.to.object()), in_path(link.to.id()));
    let call = match link.kind {
        None => Call::write(Method::Put, format!("{base}/default/{to}"), None),
        Some(_) => {
            let kind = link_type(session, record.object(), link).await?;
            Call::write(Method::Put, format!("{base}/{to}"), Some(json!([kind.on_wire()])))
        }
    };
    send(session, call).await.map(drop)
}

#[derive(Deserialize)]
struct LinkTypes {
    results: Vec<LinkType>,
}

/// A kind of link between two objects.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LinkType {
    category: String,
    type_id: u32,
    label: Option<String>,
}

impl LinkType {
    fn on_wire(&self) -> Json {
        json!({ "associationCategory": self.category, "associationTypeId": self.type_id })
    }
}

/// The kind of a link from records of `object`: the default one, or one by its label or number.
async fn link_type(session: &Session, object: &str, link: &Link) -> Result<LinkType, Fault> {
    let to = link.to.object();
    let known = LINK_TYPES.iter().find(|(a, b, _)| link.kind.is_none() && *a == object && *b == to);
    if let Some(&(_, _, type_id)) = known {
        return Ok(LinkType { category: "HUBSPOT_DEFINED".to_owned(), type_id, label: None });
    }
    let path = format!("/crm/v4/associations/{}/{}/labels", in_path(object), in_path(to));
    let types: LinkTypes = ask(session, Call::read(Method::Get, path, None)).await.map_err(nothing_done)?;
    let fits = |it: &LinkType| match (&link.kind, &it.label) {
        (None, label) => label.is_none(),
        (Some(kind), Some(label)) if label.eq_ignore_ascii_case(kind) => true,
        (Some(kind), _) => *kind == it.type_id.to_string(),
    };
    types.results.into_iter().find(fits).ok_or_else(|| {
        let kind = link.kind.as_deref().unwrap_or("default");
        Fault::new(FaultClass::Rejected, "UNKNOWN_LINK", format!("HubSpot has no {kind} link from {object} to {to}."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Line, Script};

    fn record(text: &str) -> RecordId {
        text.parse().expect("a record id")
    }

    async fn refused(deed: Deed, lines: impl IntoIterator<Item = Line>) -> Fault {
        let (_script, session, _) = Script::new(lines);
        carry_out(&session, &deed, &[]).await.expect_err("refused")
    }

    #[tokio::test]
    async fn a_workflow_is_about_records_of_its_object() {
        let inputs = [(flows::EVENT.to_owned(), Some("signed".to_owned()))].into();
        let (object, workflow) = ("deals".to_owned(), flows::EVENT.to_owned());
        let start = Deed::Start { object, workflow, record: Some(record("contacts:1")), inputs };
        let fault = refused(start, []).await;
        assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Rejected, "OTHER_OBJECT"));
    }

    #[tokio::test]
    async fn a_record_that_only_links_were_for_may_be_gone() {
        let links = vec![Link { to: record("contacts:2"), kind: None }];
        let update = Deed::Update { record: record("deals:1"), properties: Properties::new(), links };
        let none = || Line::new(207, json!({ "status": "COMPLETE", "results": [] }));
        let fault = refused(update, [Line::new(200, json!({ "results": [] })), none(), none()]).await;
        assert_eq!(fault.class, FaultClass::Missing);
    }

    #[tokio::test]
    async fn a_link_that_is_refused_leaves_the_record_as_it_was() {
        let properties: Properties = [("dealname".to_owned(), Some("Lamps".to_owned()))].into();
        let links = vec![Link { to: record("contacts:2"), kind: None }];
        let update = Deed::Update { record: record("deals:1"), properties, links };
        let (script, session, _) = Script::new([Line::new(400, json!({ "message": "no such contact" }))]);
        let fault = carry_out(&session, &update, &[]).await.expect_err("refused");
        assert_eq!(fault.class, FaultClass::Rejected);
        let calls = script.calls();
        assert_eq!(calls[0].path, "/crm/v4/objects/deals/1/associations/default/contacts/2");
        assert_eq!((calls.len(), calls[0].method, calls[0].effect), (1, Method::Put, true));
    }

    #[tokio::test]
    async fn what_could_not_be_looked_up_was_not_written() {
        let links = vec![Link { to: record("contacts:2"), kind: Some("Signer".to_owned()) }];
        let (object, properties) = ("deals".to_owned(), Properties::new());
        let create = Deed::Create { object, properties, key: None, links };
        assert_eq!(refused(create, [Line::new(503, Json::Null)]).await.class, FaultClass::Unreachable);
    }
}
