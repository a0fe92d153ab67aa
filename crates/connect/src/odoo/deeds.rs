//! One deed at a time: records made, changed, archived and linked, and server actions run (the ORM reference; model
//! `ir.actions.server`). A link is a field of the record it starts from, so it is written with the record, in one
//! transaction.

use lockstep_core::crm::{Link, RecordId};
use lockstep_core::record::{Properties, Record};
use serde_json::{Map, Value as Json, json};

use super::read;
use super::values::{self, Field, Fields};
use super::wire::{self, CONTACTS, Row, ask};
use crate::connector::{Got, Outcome, unseen};
use crate::door::Session;
use crate::fault::{Fault, FaultClass};
use crate::objects::{Deed, keyed};

/// The fields that link records unless a link names another: from, to, field.
const LINKS: [(&str, &str, &str); 6] = [
    ("crm.lead", CONTACTS, "partner_id"),
    (CONTACTS, CONTACTS, "parent_id"),
    ("helpdesk.ticket", CONTACTS, "partner_id"),
    ("project.task", CONTACTS, "partner_id"),
    ("crm.lead", "res.users", "user_id"),
    (CONTACTS, "res.users", "user_id"),
];

/// Carries out one deed. One call and one to read what was made of it; before it, one where the type of a property or the
/// field of a link has to be looked up.
pub(super) async fn carry_out(session: &Session, deed: &Deed, asked: &[String]) -> Result<Outcome, Fault> {
    match deed {
        Deed::Create { object, properties, key, links } => {
            create(session, object, &keyed(properties, key.as_ref()), links, asked).await
        }
        Deed::Update { record, properties, links } => change(session, record, properties, links, asked).await,
        Deed::Archive(record) => archive(session, record).await,
        Deed::Start { object, workflow, record, inputs } => {
            start(session, object, workflow, record.as_ref(), inputs, asked).await
        }
    }
}

async fn create(
    session: &Session,
    object: &str,
    properties: &Properties,
    links: &[Link],
    asked: &[String],
) -> Result<Outcome, Fault> {
    let vals = vals(session, object, properties, links).await?;
    let call = wire::write(object, "create", json!({ "vals_list": [vals] }));
    let made: Result<Vec<u64>, Fault> = ask(session, call).await;
    let id = match made {
        Ok(ids) => ids.first().copied().ok_or_else(|| {
            Fault::new(FaultClass::Unknown, "UNREADABLE_ANSWER", "Odoo answered no id for the new record.")
        })?,
        Err(fault) => return Err(refused(session, object, properties, fault).await),
    };
    Ok(Outcome::Written(shown(session, object, &id.to_string(), asked).await))
}

/// A refused record. A contact without a name is refused in words alone.
async fn refused(session: &Session, object: &str, properties: &Properties, fault: Fault) -> Fault {
    let fault = values::drifted(session, object, fault, properties.keys()).await;
    let is_nameless = object == CONTACTS && properties.get("name").is_none_or(Option::is_none);
    match (fault.class, &fault.property) {
        (FaultClass::Rejected, None) if is_nameless => Fault { property: Some("name".to_owned()), ..fault },
        (FaultClass::Missing, _) => Fault { class: FaultClass::Rejected, ..fault },
        _ => fault,
    }
}

/// Values and links as they are written.
async fn vals(
    session: &Session,
    object: &str,
    properties: &Properties,
    links: &[Link],
) -> Result<Map<String, Json>, Fault> {
    let known = if links.is_empty() {
        values::kinds_of(session, object, properties).await
    } else {
        values::fields(session, object, &[]).await
    };
    let known = known.map_err(Fault::nothing_done)?;
    let mut vals = values::written(properties, &known)?;
    for link in links {
        let (name, kind) = field_of(object, link, &known)?;
        let id: u64 = link.to.id().parse().map_err(|_| unknown_link(object, link))?;
        if kind == "many2one" {
            vals.insert(name, id.into());
        } else if let Json::Array(commands) = vals.entry(name).or_insert_with(|| json!([])) {
            commands.push(json!([4, id]));
        }
    }
    Ok(vals)
}

/// The field that a link goes by: the one it names, else the usual one, else the only one there is.
fn field_of(object: &str, link: &Link, known: &Fields) -> Result<(String, String), Fault> {
    let to = link.to.object();
    let fits = |(_, field): &(&String, &Field)| {
        field.relation == to && !field.readonly && matches!(field.kind.as_str(), "many2one" | "many2many")
    };
    let mut fitting = known.iter().filter(fits);
    let usual = LINKS.iter().find(|(from, target, _)| *from == object && *target == to).map(|(.., field)| *field);
    let found = match (&link.kind, usual) {
        (Some(kind), _) => fitting.find(|(name, field)| *name == kind || field.string.eq_ignore_ascii_case(kind)),
        (None, Some(usual)) => fitting.find(|(name, _)| *name == usual),
        (None, None) => fitting.next().filter(|_| fitting.next().is_none()),
    };
    found.map(|(name, field)| (name.clone(), field.kind.clone())).ok_or_else(|| unknown_link(object, link))
}

fn unknown_link(object: &str, link: &Link) -> Fault {
    let kind = link.kind.as_deref().map_or_else(|| "single".to_owned(), |kind| format!("\"{kind}\""));
    let message = format!("Odoo has no {kind} field of {object} that leads to {}. Name one.", link.to);
    Fault::new(FaultClass::Rejected, "UNKNOWN_LINK", message)
}

async fn change(
    session: &Session,
    record: &RecordId,
    properties: &Properties,
    links: &[Link],
    asked: &[String],
) -> Result<Outcome, Fault> {
    let id = number(record)?;
    // A write of nothing would still count as an edit.
    if properties.is_empty() && links.is_empty() {
        let ids = [record.id().to_owned()];
        let found = read::get(session, record.object(), &ids, asked).await?.pop().and_then(Got::found);
        return found.map(Outcome::Written).ok_or_else(|| missing(record));
    }
    let vals = vals(session, record.object(), properties, links).await?;
    let call = wire::write(record.object(), "write", json!({ "ids": [id], "vals": vals }));
    if let Err(fault) = ask::<Json>(session, call).await {
        return Err(values::drifted(session, record.object(), fault, properties.keys()).await);
    }
    Ok(Outcome::Written(shown(session, record.object(), record.id(), asked).await))
}

fn number(record: &RecordId) -> Result<u64, Fault> {
    record.id().parse().map_err(|_| missing(record))
}

fn missing(record: &RecordId) -> Fault {
    Fault::new(FaultClass::Missing, "NO_RECORD", format!("Odoo does not show {record}."))
}

/// The record after a write. Whatever keeps it from being shown, it was written.
async fn shown(session: &Session, object: &str, id: &str, asked: &[String]) -> Record {
    let ids = [id.to_owned()];
    match read::get(session, object, &ids, asked).await.ok().and_then(|mut got| got.pop()) {
        Some(Got::Found(record) | Got::Archived(record)) => record,
        Some(Got::Missing) | None => unseen(id, session.env.now()),
    }
}

/// Archived, or where the model knows no archive, deleted. What is gone already is archived well enough.
async fn archive(session: &Session, record: &RecordId) -> Result<Outcome, Fault> {
    let Ok(id) = number(record) else { return Ok(Outcome::Archived) };
    let known = values::fields(session, record.object(), &["active"]).await.map_err(Fault::nothing_done)?;
    let call = if known.contains_key("active") {
        wire::write(record.object(), "write", json!({ "ids": [id], "vals": { "active": false } }))
    } else {
        wire::write(record.object(), "unlink", json!({ "ids": [id] }))
    };
    Outcome::archived(ask::<Json>(session, call).await)
}

/// Writes the inputs into the record, or into a new one, and runs the server action on it.
async fn start(
    session: &Session,
    object: &str,
    workflow: &str,
    record: Option<&RecordId>,
    inputs: &Properties,
    asked: &[String],
) -> Result<Outcome, Fault> {
    if let Some(record) = record.filter(|record| record.object() != object) {
        let message = format!("The action is about records of {object}, not about {record}.");
        return Err(Fault::new(FaultClass::Rejected, "OTHER_OBJECT", message));
    }
    let action = action(session, object, workflow).await?;
    let wrote = record.is_none() || !inputs.is_empty();
    let written = match record {
        None => create(session, object, inputs, &[], asked).await?,
        Some(record) => change(session, record, inputs, &[], asked).await?,
    };
    let Outcome::Written(written) = written else { return Ok(written) };
    let id: u64 = written.id.parse().unwrap_or_default();
    let context = json!({ "active_model": object, "active_id": id, "active_ids": [id] });
    let call = wire::write("ir.actions.server", "run", json!({ "ids": [action], "context": context }));
    match ask::<Json>(session, call).await {
        Ok(_) => Ok(Outcome::Written(shown(session, object, &written.id, asked).await)),
        Err(fault) if wrote => {
            let message = format!("The inputs stand in {object}:{}. The action itself: {fault}", written.id);
            Err(Fault::new(FaultClass::Unknown, fault.code, message))
        }
        Err(fault) => Err(fault),
    }
}

/// The server action, if it is still there. One call.
async fn action(session: &Session, object: &str, workflow: &str) -> Result<u64, Fault> {
    let gone =
        || Fault::new(FaultClass::Drift, "WORKFLOW_GONE", "The server action is gone, or for another model now.");
    let id: u64 = workflow.parse().map_err(|_| gone())?;
    let arguments = json!({ "domain": [["id", "=", id], ["model_name", "=", object]], "fields": ["name"] });
    let call = wire::read("ir.actions.server", "search_read", arguments);
    let rows: Vec<Row> = ask(session, call).await.map_err(Fault::nothing_done)?;
    rows.first().map(|_| id).ok_or_else(gone)
}
