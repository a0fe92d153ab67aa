//! Writes: one contact a call (the operations "contacts" and "contacts/id"; page "Idempotency").

use lockstep_core::record::Properties;
use serde_json::{Map, Value as Json};

use super::wire::{self, Contact, One, PHONE};
use super::{ABOUT, faults, read};
use crate::connector::{Create, Outcome, RowOutcome, Update, Write};
use crate::door::{Method, Session};
use crate::fault::{Fault, FaultClass};

/// Writes one row. One call, or as each kind of write says.
pub(super) async fn write(session: &Session, write: &Write, properties: &[String]) -> Result<Vec<RowOutcome>, Fault> {
    write.check(ABOUT.write_batch)?;
    let contacts = wire::contacts(session).await.map_err(Fault::nothing_done)?;
    let done = match write {
        Write::Create { key, rows } => match rows.first() {
            Some(row) => create(session, &contacts, key.as_deref(), row, properties).await?,
            None => return Ok(Vec::new()),
        },
        Write::Update(rows) => match rows.first() {
            Some(row) => update(session, &contacts, row, properties).await?,
            None => return Ok(Vec::new()),
        },
        Write::Archive(ids) => match ids.first() {
            Some(id) => archive(session, &contacts, id).await?,
            None => return Ok(Vec::new()),
        },
    };
    Ok(vec![Ok(done)])
}

/// One call, and one more where somebody has the number already.
async fn create(
    session: &Session,
    contacts: &str,
    key: Option<&str>,
    row: &Create,
    asked: &[String],
) -> Result<Outcome, Fault> {
    let mut body = Map::new();
    let mut metadata = Map::new();
    for (name, value) in row.keyed(key) {
        let Some(value) = value else { continue };
        let part = if wire::is_member(&name) { &mut body } else { &mut metadata };
        part.insert(name, value.into());
    }
    let phone = body.get(PHONE).cloned();
    if !metadata.is_empty() {
        body.insert("metadata".to_owned(), metadata.into());
    }
    let mut call = wire::write(Method::Post, contacts, Some(body.into()));
    call.key = Some(row.trace.clone());
    match wire::ask::<One<Contact>>(session, call).await {
        Ok(made) => Ok(Outcome::Written(made.data.record(asked))),
        Err(fault) if fault.class == FaultClass::Duplicate => {
            let existing = read::id_of(session, phone.as_ref()).await.map_err(Fault::nothing_done)?;
            Err(Fault { existing, ..fault })
        }
        Err(fault) => Err(fault),
    }
}

/// One call, and one before it where metadata is written: it is not documented whether Kirim merges metadata or replaces
/// it, so the whole is sent.
async fn update(session: &Session, contacts: &str, row: &Update, asked: &[String]) -> Result<Outcome, Fault> {
    let (members, keys): (Properties, Properties) =
        row.properties.clone().into_iter().partition(|(name, _)| wire::is_member(name));
    let mut body: Map<String, Json> = members.into_iter().map(|(name, value)| (name, value.into())).collect();
    if !keys.is_empty() {
        let held = read::one(session, &row.id).await.map_err(Fault::nothing_done)?;
        let mut metadata = held.metadata.unwrap_or_default();
        metadata.extend(keys.into_iter().map(|(name, value)| (name, value.into())));
        body.insert("metadata".to_owned(), metadata.into());
    }
    let call = wire::write(Method::Patch, wire::contact(contacts, &row.id), Some(body.into()));
    let changed: One<Contact> = wire::ask(session, call).await?;
    Ok(Outcome::Written(changed.data.record(asked)))
}

/// One call, and one more where Kirim answers that there is nothing: Kirim itself has no call that deletes, another
/// Lockstep has one.
async fn archive(session: &Session, contacts: &str, id: &str) -> Result<Outcome, Fault> {
    let answer = session.door.send(wire::write(Method::Delete, wire::contact(contacts, id), None)).await?;
    match answer.status {
        200..300 => return Ok(Outcome::Archived),
        404 | 405 => {}
        _ => return Err(faults::of_answer(&answer, true)),
    }
    match read::one(session, id).await {
        Ok(_) => {
            let message = "This Kirim's API deletes no contacts: delete it by hand.";
            Err(Fault::new(FaultClass::Rejected, "NO_DELETE", message))
        }
        Err(fault) if fault.class == FaultClass::Missing => Ok(Outcome::Archived),
        Err(fault) => Err(fault.nothing_done()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::script::{Line, Script};

    fn probe() -> Line {
        Line::new(200, json!({ "data": [], "has_more": false, "next_cursor": null }))
    }

    fn contact() -> Json {
        let metadata = json!({ "crm_id": "7", "tier": "gold" });
        json!({ "id": "ctc_1", "phone_number": "+628111", "name": "Ada", "email": null, "metadata": metadata,
            "updated_at": "2026-05-23T10:00:00Z" })
    }

    fn refused(status: u16, kind: &str, code: &str) -> Line {
        Line::new(status, json!({ "error": { "type": kind, "code": code, "message": "No" } }))
    }

    fn set(properties: &[(&str, Option<&str>)]) -> Properties {
        properties.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect()
    }

    fn new(properties: Properties) -> Write {
        let row = Create { trace: "int_1".to_owned(), key_value: "ctc_9".to_owned(), properties };
        Write::Create { key: Some("lockstep_id".to_owned()), rows: vec![row] }
    }

    #[tokio::test]
    async fn a_create_has_a_key_and_leaves_out_what_is_empty() {
        let (script, session, _) = Script::new([probe(), Line::new(201, json!({ "data": contact() }))]);
        let rows = new(set(&[("phone_number", Some("+628111")), ("email", None), ("tier", Some("gold"))]));
        write(&session, &rows, &[]).await.expect("rows").remove(0).expect("made");
        let call = script.calls().remove(1);
        assert_eq!((call.path.as_str(), call.key.as_deref()), ("/v1/contacts", Some("int_1")));
        let metadata = json!({ "lockstep_id": "ctc_9", "tier": "gold" });
        assert_eq!(call.body, Some(json!({ "phone_number": "+628111", "metadata": metadata })));
    }

    #[tokio::test]
    async fn who_has_the_number_already_is_named() {
        let list = Line::new(200, json!({ "data": [contact()], "has_more": false, "next_cursor": null }));
        let taken = refused(409, "conflict", "contact_already_exists");
        let (script, session, _) = Script::new([probe(), taken, probe(), list]);
        let fault = write(&session, &new(set(&[("phone_number", Some("+628111"))])), &[]).await.expect_err("taken");
        assert_eq!((fault.class, fault.existing.as_deref()), (FaultClass::Duplicate, Some("ctc_1")));
        assert_eq!(script.calls()[3].path, "/v1/contacts?limit=100&phone=%2B628111");
    }

    #[tokio::test]
    async fn metadata_is_written_whole() {
        let one = || Line::new(200, json!({ "data": contact() }));
        let (script, session, _) = Script::new([probe(), probe(), one(), one()]);
        let properties = set(&[("name", None), ("tier", None), ("seen", Some("yes"))]);
        let rows = vec![Update { trace: "int_1".to_owned(), id: "ctc_1".to_owned(), properties, before: None }];
        write(&session, &Write::Update(rows), &[]).await.expect("rows").remove(0).expect("changed");
        let metadata = json!({ "crm_id": "7", "tier": null, "seen": "yes" });
        assert_eq!(script.calls()[3].body, Some(json!({ "name": null, "metadata": metadata })));
    }

    #[tokio::test]
    async fn a_404_to_a_delete_is_looked_into() {
        let (one, gone) = (Line::new(200, json!({ "data": contact() })), || refused(404, "not_found", "x"));
        let lines = [probe(), Line::new(404, json!("404 Not Found")), probe(), one, probe(), gone(), probe(), gone()];
        let (_script, session, _) = Script::new(lines);
        let delete = Write::Archive(vec!["ctc_1".to_owned()]);
        let fault = write(&session, &delete, &[]).await.expect_err("no such call");
        assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Rejected, "NO_DELETE"));
        let done = write(&session, &delete, &[]).await.expect("rows").remove(0);
        assert!(matches!(done, Ok(Outcome::Archived)), "gone already");
    }
}
