//! One deed at a time: records made, changed, archived and linked, and workflows started (HubSpot's page "CRM API |
//! Objects").

use lockstep_core::crm::{Link, RecordId};
use lockstep_core::record::Properties;
use serde_json::json;

use super::links::{attach, link_type};
use super::wire::{Object, ask, in_path, on_wire, records_of, send};
use super::{flows, read};
use crate::connector::{Got, Outcome, unseen};
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};
use crate::objects::{Deed, keyed};

/// When a note was taken: HubSpot wants it of every new one, and it is now unless somebody says otherwise.
pub(super) const TIMESTAMP: &str = "hs_timestamp";

/// Carries out one deed. One call, one more for each link of an update, and reads before it where a link's type or a
/// workflow's trigger has to be looked up; a workflow on a record that is there takes two.
pub(super) async fn carry_out(session: &Session, deed: &Deed, asked: &[String]) -> Result<Outcome, Fault> {
    match deed {
        Deed::Create { object, properties, key, links } => {
            create(session, object, keyed(properties, key.as_ref()), links, asked).await
        }
        Deed::Update { record, properties, links } => {
            // The record comes last, so that a link that is refused leaves it as it was. Links that are made already are
            // made again without harm, so a fault after them says no more than what became of its own call.
            for link in links {
                attach(session, record, link).await?;
            }
            if !properties.is_empty() {
                return change(session, record, properties, asked).await;
            }
            match found(session, record, asked).await {
                // The links are made, whatever keeps the record from being shown.
                Err(_) if !links.is_empty() => Ok(Outcome::Written(unseen(record.id(), session.env.now()))),
                found => found,
            }
        }
        Deed::Archive(record) => archive(session, record).await,
        Deed::Start { object, workflow, record, inputs } => {
            start(session, object, workflow, record.as_ref(), inputs, asked).await
        }
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
    let found = read::get(session, record.object(), &ids, asked).await?.pop().and_then(Got::found);
    found
        .map(Outcome::Written)
        .ok_or_else(|| Fault::new(FaultClass::Missing, "OBJECT_NOT_FOUND", format!("HubSpot does not show {record}.")))
}

async fn archive(session: &Session, record: &RecordId) -> Result<Outcome, Fault> {
    Outcome::archived(send(session, Call::write(Method::Delete, path_of(record), None)).await)
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
    let trigger = flows::trigger(session, workflow).await.map_err(Fault::nothing_done)?;
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
    let held = found(session, record, &asked_now).await.map_err(Fault::nothing_done)?;
    let holds =
        |held: &Outcome| matches!(held, Outcome::Written(held) if held.text(&trigger.property) == wanted.as_deref());
    if !holds(&held) {
        return change(session, record, &properties, asked).await;
    }
    let clearing = [(trigger.property.clone(), None)].into();
    match change(session, record, &clearing, &[]).await {
        // What may be cleared now has to be filled again, unless it is seen to be there still.
        Err(fault) if matches!(fault.class, FaultClass::Busy | FaultClass::Unknown) => {
            if holds(&found(session, record, &asked_now).await.map_err(Fault::half_done)?) {
                return Err(fault.half_done());
            }
        }
        cleared => drop(cleared?),
    }
    change(session, record, &properties, asked).await.map_err(Fault::half_done)
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

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

    fn linking(properties: Properties, links: usize) -> Deed {
        let link = Link { to: record("contacts:2"), kind: None };
        Deed::Update { record: record("deals:1"), properties, links: vec![link; links] }
    }

    fn renaming() -> Properties {
        [("dealname".to_owned(), Some("Lamps".to_owned()))].into()
    }

    fn linked() -> Line {
        Line::new(200, json!({ "status": "COMPLETE", "results": [] }))
    }

    #[tokio::test]
    async fn links_that_were_made_are_not_said_to_be_missing() {
        let none = || Line::new(207, json!({ "status": "COMPLETE", "results": [] }));
        let unseen = [
            vec![none(), none()],
            vec![Line::new(429, json!({ "policyName": "DAILY" }))],
            vec![Line::new(403, json!({ "category": "MISSING_SCOPES" }))],
            vec![Line::new(502, Json::Null)],
        ];
        for lines in unseen {
            let (_script, session, _) = Script::new([linked()].into_iter().chain(lines));
            let done = carry_out(&session, &linking(Properties::new(), 1), &[]).await.expect("the link is made");
            assert!(matches!(done, Outcome::Written(record) if record.id == "1"));
        }
    }

    #[tokio::test]
    async fn what_is_refused_for_certain_after_a_link_is_not_unknown() {
        let gone = json!({ "message": "no", "errors": [{ "code": "PROPERTY_DOESNT_EXIST", "context": { "propertyName": ["dealname"] } }] });
        let cases = [
            (Line::new(400, json!({ "message": "no" })), FaultClass::Rejected),
            (Line::new(400, gone), FaultClass::Drift),
            (Line::new(409, json!({ "message": "no" })), FaultClass::Duplicate),
            (Line::new(429, json!({})), FaultClass::Limited),
            (Line::new(502, Json::Null), FaultClass::Unknown),
        ];
        for (line, class) in cases {
            assert_eq!(refused(linking(renaming(), 1), [linked(), line]).await.class, class);
        }
        let second = Line::new(404, json!({ "message": "no such contact" }));
        assert_eq!(refused(linking(renaming(), 2), [linked(), second]).await.class, FaultClass::Missing);
    }

    #[tokio::test]
    async fn a_link_that_is_refused_inside_a_good_answer_is_refused() {
        let error = json!({ "category": "VALIDATION_ERROR", "message": "The limit of links is reached." });
        let answer = json!({ "status": "COMPLETE", "results": [], "errors": [error], "numErrors": 1 });
        for status in [200, 207] {
            let fault = refused(linking(renaming(), 1), [Line::new(status, answer.clone())]).await;
            assert_eq!((fault.class, fault.message.as_str()), (FaultClass::Rejected, "The limit of links is reached."));
        }
    }

    /// Starts a workflow on a contact that holds the trigger's value; `lines` answer the clearing and what follows.
    async fn started_again(lines: impl IntoIterator<Item = Line>) -> (Result<Outcome, Fault>, Vec<(Method, Json)>) {
        let held = holding(Some("signed"));
        let (script, session, _) = Script::new([held].into_iter().chain(lines));
        let inputs: Properties = [(flows::EVENT.to_owned(), Some("signed".to_owned()))].into();
        let (object, workflow) = ("contacts".to_owned(), flows::EVENT.to_owned());
        let start = Deed::Start { object, workflow, record: Some(record("contacts:1")), inputs };
        let done = carry_out(&session, &start, &[]).await;
        (done, script.calls().into_iter().map(|call| (call.method, call.body.expect("a body"))).collect())
    }

    fn holding(value: Option<&str>) -> Line {
        let object = json!({ "id": "1", "properties": { flows::EVENT: value }, "updatedAt": "2026-11-22T11:00:00Z" });
        Line::new(200, json!({ "status": "COMPLETE", "results": [object] }))
    }

    #[tokio::test]
    async fn a_value_that_may_have_been_cleared_is_filled_again() {
        let set = json!({ "id": "1", "properties": {}, "updatedAt": "2026-11-22T11:00:00Z" });
        for lost in [502, 503, 504] {
            let lines = [Line::new(lost, Json::Null), holding(None), Line::new(200, set.clone())];
            let (done, calls) = started_again(lines).await;
            assert!(done.is_ok(), "{lost}");
            assert_eq!(calls[3], (Method::Patch, json!({ "properties": { flows::EVENT: "signed" } })));
        }
        let (done, _) = started_again([Line::new(504, Json::Null), holding(Some("signed"))]).await;
        assert_eq!(done.expect_err("it may be cleared yet").class, FaultClass::Unknown);
        let (done, _) = started_again([Line::new(504, Json::Null), Line::new(503, Json::Null)]).await;
        assert_eq!(done.expect_err("nobody can tell").class, FaultClass::Unknown);
        let (done, _) = started_again([Line::new(400, json!({ "message": "no" }))]).await;
        assert_eq!(done.expect_err("not cleared").class, FaultClass::Rejected);
    }

    #[tokio::test]
    async fn a_link_that_is_refused_leaves_the_record_as_it_was() {
        let (script, session, _) = Script::new([Line::new(400, json!({ "message": "no such contact" }))]);
        let fault = carry_out(&session, &linking(renaming(), 1), &[]).await.expect_err("refused");
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
