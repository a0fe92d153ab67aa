//! One deed at a time: records made, changed, deleted and linked in one composite call that does all or nothing
//! (Salesforce's pages "sObject Rows" and "Composite").

use lockstep_core::crm::{Link, RecordId};
use lockstep_core::record::Properties;
use serde_json::{Value as Json, json};

use super::links::{Linking, linking};
use super::wire::{
    DATA, PartAnswer, Row, check_name, compose, field_of, in_path, long_id, on_wire, part, path_of, retrieve, send,
};
use super::{flows, read};
use crate::connector::{Got, Outcome, unseen};
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};
use crate::objects::{Deed, keyed};

/// The name of the part that makes a record.
const MADE: &str = "made";

/// Carries out one deed. One call; before it what has to be looked up for a link or a flow.
pub(super) async fn carry_out(session: &Session, deed: &Deed, asked: &[String]) -> Result<Outcome, Fault> {
    match deed {
        Deed::Create { object, properties, key, links } => {
            create(session, object, keyed(properties, key.as_ref()), links, asked).await
        }
        Deed::Update { record, properties, links } => update(session, record, properties, links, asked).await,
        Deed::Archive(record) => archive(session, record).await,
        Deed::Start { workflow, record, inputs, .. } => flows::start(session, workflow, record.as_ref(), inputs).await,
    }
}

async fn create(
    session: &Session,
    object: &str,
    mut properties: Properties,
    links: &[Link],
    asked: &[String],
) -> Result<Outcome, Fault> {
    check_name(object)?;
    properties.retain(|_, value| value.is_some());
    let made = format!("@{{{MADE}.id}}");
    let mut beside = Vec::new();
    for link in links {
        match linking(session, object, link).await.map_err(Fault::nothing_done)? {
            Linking::Own { field } => drop(properties.insert(field, Some(link.to.id().to_owned()))),
            Linking::Others(part) => beside.push(part),
        }
    }
    let body = Json::from(on_wire(&properties));
    let mut parts = vec![part(Method::Post, &format!("{DATA}/sobjects/{}", in_path(object)), MADE, Some(body))];
    parts.extend(beside.iter().enumerate().map(|(at, other)| other.part(&format!("link{at}"), &made)));
    parts.push(shown_part(object, &made, asked)?);
    // Nothing can be missing of what is only made: it is another record that it refers to.
    let of_new = |fault: Fault| match fault.class {
        FaultClass::Missing => Fault { class: FaultClass::Rejected, ..fault },
        _ => fault,
    };
    let answers = done(session, &parts).await.map_err(of_new)?;
    let id = answers.first().and_then(|made| made.body["id"].as_str()).map(str::to_owned);
    let id = id.ok_or_else(|| Fault::new(FaultClass::Unknown, "NO_ID", "Salesforce's answer names no new record."))?;
    Ok(written(session, &id, answers.last(), asked))
}

async fn update(
    session: &Session,
    record: &RecordId,
    properties: &Properties,
    links: &[Link],
    asked: &[String],
) -> Result<Outcome, Fault> {
    let object = record.object();
    check_name(object)?;
    let id = long_id(record.id()).ok_or_else(|| missing(record))?;
    let mut properties = properties.clone();
    let mut parts = Vec::new();
    for (at, link) in links.iter().enumerate() {
        match linking(session, object, link).await.map_err(Fault::nothing_done)? {
            Linking::Own { field } => drop(properties.insert(field, Some(link.to.id().to_owned()))),
            Linking::Others(other) => {
                if !other.is_there(session, &id).await.map_err(Fault::nothing_done)? {
                    parts.push(other.part(&format!("link{at}"), &id));
                }
            }
        }
    }
    if !properties.is_empty() {
        parts.push(part(Method::Patch, &path_of(object, &id), "changed", Some(on_wire(&properties).into())));
    }
    if parts.is_empty() {
        let found = read::get(session, object, &[id], asked).await?.pop().and_then(Got::found);
        return found.map(Outcome::Written).ok_or_else(|| missing(record));
    }
    parts.push(shown_part(object, &id, asked)?);
    let answers = done(session, &parts).await?;
    Ok(written(session, &id, answers.last(), asked))
}

/// What is asked for of a record after it was written, as a part of the same call.
fn shown_part(object: &str, id: &str, asked: &[String]) -> Result<Json, Fault> {
    let (path, body) = retrieve(object, &[id.to_owned()], asked)?;
    Ok(part(Method::Post, &path, "shown", Some(body)))
}

/// All parts, or none of them: then the first that was refused for its own sake says why, and nothing was done.
async fn done(session: &Session, parts: &[Json]) -> Result<Vec<PartAnswer>, Fault> {
    let (answers, sent_at) = compose(session, parts, true).await?;
    if answers.iter().all(PartAnswer::is_done) {
        return Ok(answers);
    }
    let faults = answers.iter().filter(|part| !part.is_done()).map(|part| part.fault(sent_at, false).nothing_done());
    let mut faults: Vec<Fault> = faults.collect();
    let own = faults.iter().position(|fault| fault.code != "PROCESSING_HALTED").unwrap_or(0);
    Err(faults.swap_remove(own))
}

fn written(session: &Session, id: &str, shown: Option<&PartAnswer>, asked: &[String]) -> Outcome {
    let rows = shown.and_then(|shown| serde_json::from_value::<Vec<Option<Row>>>(shown.body.clone()).ok());
    let row = rows.into_iter().flatten().flatten().next();
    Outcome::Written(row.map_or_else(|| unseen(id, session.env.now()), |row| row.record(asked)))
}

async fn archive(session: &Session, record: &RecordId) -> Result<Outcome, Fault> {
    let Some(id) = long_id(record.id()) else { return Ok(Outcome::Archived) };
    Outcome::archived(send(session, Call::write(Method::Delete, path_of(record.object(), &id), None)).await)
}

fn missing(record: &RecordId) -> Fault {
    Fault::new(FaultClass::Missing, "NOT_FOUND", format!("Salesforce does not show {record}."))
}

/// A part that makes or changes another record so that it is linked with the one written.
pub(super) struct Other {
    pub object: &'static str,
    /// The other record, if it is there already and is changed.
    pub id: Option<String>,
    /// The field that takes the id of the written record.
    pub field: &'static str,
    /// What else is set.
    pub more: Properties,
}

impl Other {
    fn part(&self, name: &str, written: &str) -> Json {
        let mut body = on_wire(&self.more);
        body.insert(field_of(self.field).to_owned(), json!(written));
        match &self.id {
            Some(id) => part(Method::Patch, &path_of(self.object, id), name, Some(body.into())),
            None => part(Method::Post, &format!("{DATA}/sobjects/{}", self.object), name, Some(body.into())),
        }
    }

    /// Whether such a record links the two already: Salesforce would make a second one. At most one call.
    async fn is_there(&self, session: &Session, written: &str) -> Result<bool, Fault> {
        if self.id.is_some() {
            return Ok(false);
        }
        let mut conditions = vec![format!("{} = {}", self.field, super::wire::quoted(written))];
        for (name, value) in &self.more {
            conditions.push(format!("{name} = {}", super::wire::quoted(value.as_deref().unwrap_or_default())));
        }
        let rest = format!("WHERE {} LIMIT 1", conditions.join(" AND "));
        Ok(read::query(session, &read::Query::living(self.object, rest), &[]).await?.count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Line, Script};

    const ID: &str = "006ak00000OQ4RxAAL";

    fn composite(parts: &[(u16, Json)]) -> Line {
        let part = |(status, body): &(u16, Json)| json!({ "httpStatusCode": status, "body": body });
        Line::new(200, json!({ "compositeResponse": parts.iter().map(part).collect::<Vec<_>>() }))
    }

    fn refusal(code: &str) -> Json {
        json!([{ "errorCode": code, "message": "no" }])
    }

    fn creating() -> Deed {
        let properties = [("Name", Some("Lamps")), ("Amount", None)];
        let properties = properties.map(|(name, value)| (name.to_owned(), value.map(str::to_owned))).into();
        Deed::Create { object: "Opportunity".to_owned(), properties, key: None, links: Vec::new() }
    }

    #[tokio::test]
    async fn a_record_is_made_and_read_in_one_call_that_does_all_or_nothing() {
        let shown = json!([{ "Id": ID, "SystemModstamp": "2026-11-22T11:00:00.000+0000", "Name": "Lamps" }]);
        let line = composite(&[(201, json!({ "id": ID, "success": true, "errors": [] })), (200, shown)]);
        let (script, session, _) = Script::new([line]);
        let made = carry_out(&session, &creating(), &["Name".to_owned()]).await.expect("a record");
        assert!(matches!(made, Outcome::Written(record) if record.id == ID && record.text("Name") == Some("Lamps")));
        let call = script.calls().remove(0);
        let body = call.body.expect("a body");
        assert!(call.effect && body["allOrNone"] == true);
        assert_eq!(body["compositeRequest"][0]["body"], json!({ "Name": "Lamps" }), "nothing has to be cleared");
        assert_eq!(body["compositeRequest"][1]["body"]["ids"], json!(["@{made.id}"]));
    }

    #[tokio::test]
    async fn the_part_that_was_refused_for_its_own_sake_says_why() {
        let halted = || (400, refusal("PROCESSING_HALTED"));
        let cases = [
            (composite(&[halted(), (400, refusal("INVALID_EMAIL_ADDRESS"))]), FaultClass::Rejected),
            (composite(&[(400, refusal("UNABLE_TO_LOCK_ROW")), halted()]), FaultClass::Unreachable),
            (composite(&[halted(), (503, refusal("SERVER_UNAVAILABLE"))]), FaultClass::Unreachable),
            (composite(&[(500, refusal("UNKNOWN_EXCEPTION")), halted()]), FaultClass::Unreachable),
            (composite(&[(404, refusal("ENTITY_IS_DELETED")), halted()]), FaultClass::Rejected),
            (composite(&[(201, json!({}))]), FaultClass::Unknown),
            (Line::new(502, Json::Null), FaultClass::Unknown),
            (Line::new(503, refusal("SERVER_UNAVAILABLE")), FaultClass::Busy),
        ];
        for (line, class) in cases {
            let (_script, session, _) = Script::new([line]);
            assert_eq!(carry_out(&session, &creating(), &[]).await.expect_err("refused").class, class);
        }
    }

    #[tokio::test]
    async fn a_record_that_somebody_holds_is_not_deleted_and_one_that_is_gone_is() {
        let archive = Deed::Archive(RecordId::new("Opportunity", ID).expect("a record id"));
        let (_script, session, _) = Script::new([Line::new(400, refusal("UNABLE_TO_LOCK_ROW"))]);
        assert_eq!(carry_out(&session, &archive, &[]).await.expect_err("held").class, FaultClass::Unreachable);
        let (_script, session, _) = Script::new([Line::new(404, refusal("ENTITY_IS_DELETED"))]);
        assert!(matches!(carry_out(&session, &archive, &[]).await.expect("gone"), Outcome::Archived));
    }

    #[tokio::test]
    async fn what_could_not_be_looked_up_was_not_written() {
        let links = vec![Link { to: "Contract__c:a01ak00000OQ4RxAAL".parse().expect("a record id"), kind: None }];
        let record = RecordId::new("Opportunity", ID).expect("a record id");
        let deed = Deed::Update { record, properties: Properties::new(), links };
        let (_script, session, _) = Script::new([Line::new(503, Json::Null)]);
        assert_eq!(carry_out(&session, &deed, &[]).await.expect_err("later").class, FaultClass::Unreachable);
    }
}
