//! One deed at a time: records made, changed, deleted and linked, and automations started (Pipedrive's API v2).

use lockstep_core::crm::action::Key;
use lockstep_core::crm::{Link, RecordId};
use lockstep_core::record::Properties;
use serde_json::{Value as Json, json};

use super::kinds::{Kind, PARTICIPANTS};
use super::record::{Asked, Place, Row};
use super::write::{Draft, archive, path_of};
use super::{objects, read};
use crate::connector::{Outcome, unseen};
use crate::door::{Method, Session};
use crate::fault::{Fault, FaultClass};
use crate::objects::{Deed, keyed};

/// Carries out one deed: one call, its links in it. Read before are the types of fields that need one, and the record where
/// a list in it changes; starting an automation on a record that is there may take two.
pub(super) async fn carry_out(session: &Session, deed: &Deed, asked: &[String]) -> Result<Outcome, Fault> {
    match deed {
        Deed::Create { object, properties, key, links } => {
            let mut properties = keyed(properties, key.as_ref());
            properties.retain(|_, value| value.is_some());
            create(session, super::kind(object)?, &properties, key.as_ref(), links, asked).await
        }
        Deed::Update { record, properties, links } => {
            change(session, super::kind(record.object())?, record.id(), properties, links, asked).await
        }
        Deed::Archive(record) => archive(session, super::kind(record.object())?, record.id()).await,
        Deed::Start { object, workflow, record, inputs } => {
            start(session, super::kind(object)?, workflow, record.as_ref(), inputs, asked).await
        }
    }
}

async fn create(
    session: &Session,
    kind: &Kind,
    properties: &Properties,
    key: Option<&Key>,
    links: &[Link],
    asked: &[String],
) -> Result<Outcome, Fault> {
    let text = key.map(|key| key.property.as_str());
    let mut draft = Draft::of(session, kind, properties, text, None).await.map_err(Fault::nothing_done)?;
    attach(&mut draft, kind, links, None)?;
    let made = draft.send(session, kind, Method::Post, kind.records()).await?;
    Ok(shown(session, kind, made, asked).await)
}

async fn change(
    session: &Session,
    kind: &Kind,
    id: &str,
    properties: &Properties,
    links: &[Link],
    asked: &[String],
) -> Result<Outcome, Fault> {
    let is_list = |name: &String| matches!(Place::known(kind, name), Some(Place::Primary(_)));
    let is_participant = |link: &Link| member(kind, link) == Some(PARTICIPANTS);
    let is_nothing = properties.is_empty() && links.is_empty();
    let held = if is_nothing || properties.keys().any(is_list) || links.iter().any(is_participant) {
        Some(read::standing(session, kind, id).await.map_err(Fault::nothing_done)?)
    } else {
        None
    };
    if let (true, Some(held)) = (is_nothing, &held) {
        return Ok(shown(session, kind, held.clone(), asked).await);
    }
    let mut draft = Draft::of(session, kind, properties, None, held.as_ref()).await.map_err(Fault::nothing_done)?;
    attach(&mut draft, kind, links, held.as_ref())?;
    let changed = draft.send(session, kind, Method::Patch, path_of(kind, id)?).await?;
    Ok(shown(session, kind, changed, asked).await)
}

/// The member of a record that names another.
fn member(kind: &Kind, link: &Link) -> Option<&'static str> {
    let (_, member) = kind.links.iter().find(|(object, _)| *object == link.to.object())?;
    link.kind.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(member)).then_some(*member)
}

/// Puts links into a request: Pipedrive keeps them as members of the record.
fn attach(draft: &mut Draft, kind: &Kind, links: &[Link], held: Option<&Row>) -> Result<(), Fault> {
    let refused = |link: &Link| {
        let (from, to) = (kind.slug, link.to.object());
        let message = format!("Pipedrive has no such link from {from} to {to}, or not from that end.");
        Fault::new(FaultClass::Rejected, "UNKNOWN_LINK", message)
    };
    let with = held.and_then(|row| row.member(PARTICIPANTS)).and_then(Json::as_array);
    let mut with: Vec<Json> = with.cloned().unwrap_or_default();
    let mut is_with = false;
    for link in links {
        let id: u64 = link.to.id().parse().map_err(|_| refused(link))?;
        match member(kind, link).ok_or_else(|| refused(link))? {
            PARTICIPANTS => {
                if with.iter().all(|it| it["person_id"] != id) {
                    with.push(json!({ "person_id": id, "primary": with.is_empty() }));
                }
                is_with = true;
            }
            member => draft.set(member, id.into()),
        }
    }
    if is_with {
        draft.set(PARTICIPANTS, with.into());
    }
    Ok(())
}

/// What a write's answer shows. What needs a description to be known, and cannot be looked up now, is unseen.
async fn shown(session: &Session, kind: &Kind, row: Row, asked: &[String]) -> Outcome {
    Outcome::Written(match Asked::of(session, kind, asked).await {
        Ok(places) => places.record(row),
        Err(_) => unseen(row.id(), row.updated_at()),
    })
}

/// Pipedrive runs an automation when the field takes the value, so a record that holds it already is cleared first.
async fn start(
    session: &Session,
    kind: &Kind,
    workflow: &str,
    record: Option<&RecordId>,
    inputs: &Properties,
    asked: &[String],
) -> Result<Outcome, Fault> {
    let event = objects::event(session, kind, workflow).await.map_err(Fault::nothing_done)?;
    let Some(wanted) = inputs.get(&event).cloned().flatten() else {
        let fault = Fault::new(FaultClass::Rejected, "NO_TRIGGER_VALUE", "No value was given that starts automations.");
        return Err(Fault { property: Some(event), ..fault });
    };
    let Some(record) = record else { return create(session, kind, inputs, None, &[], asked).await };
    if record.object() != kind.slug {
        let message = format!("The automation is about records of {}, not about {record}.", kind.slug);
        return Err(Fault::new(FaultClass::Rejected, "OTHER_OBJECT", message));
    }
    let id = record.id();
    let place = Place::Custom(event.clone());
    let holds = |row: Row| row.text(&place).as_deref() == Some(&wanted);
    if holds(read::standing(session, kind, id).await.map_err(Fault::nothing_done)?) {
        let clearing = [(event.clone(), None)].into();
        match change(session, kind, id, &clearing, &[], &[]).await {
            // What may be cleared now has to be filled again, unless it is seen to be there still.
            Err(fault) if matches!(fault.class, FaultClass::Busy | FaultClass::Unknown) => {
                if holds(read::standing(session, kind, id).await.map_err(Fault::half_done)?) {
                    return Err(fault.half_done());
                }
            }
            cleared => drop(cleared?),
        }
        return change(session, kind, id, inputs, &[], asked).await.map_err(Fault::half_done);
    }
    change(session, kind, id, inputs, &[], asked).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Line, Script};

    const CODE: &str = "dcf558aac1ae4e8c4f849ba5e668430d8df9be12";

    fn good(data: Json) -> Line {
        Line::new(200, json!({ "success": true, "data": data }))
    }

    fn deal(value: Option<&str>) -> Line {
        good(json!({ "id": 1, "title": "Lamps", "custom_fields": { CODE: value } }))
    }

    fn fields() -> Line {
        let field = json!({ "field_name": "lockstep_event", "field_code": CODE, "field_type": "varchar", "is_custom_field": true });
        good(json!([field]))
    }

    async fn run(deed: Deed, lines: impl IntoIterator<Item = Line>) -> (Result<Outcome, Fault>, Vec<Option<Json>>) {
        let (script, session, _) = Script::new(lines);
        let done = carry_out(&session, &deed, &[]).await;
        (done, script.calls().into_iter().filter(|call| call.effect).map(|call| call.body).collect())
    }

    fn start() -> Deed {
        Deed::Start {
            object: "deals".to_owned(),
            workflow: CODE.to_owned(),
            record: Some("deals:1".parse().expect("a record id")),
            inputs: [(CODE.to_owned(), Some("signed".to_owned()))].into(),
        }
    }

    #[tokio::test]
    async fn a_value_that_may_have_been_cleared_is_filled_again() {
        let set = Some(json!({ "custom_fields": { CODE: "signed" } }));
        let clear = Some(json!({ "custom_fields": { CODE: null } }));
        let begin = || [fields(), deal(Some("signed")), fields()];
        let lost = || Line::new(504, Json::Null);
        let lines = begin().into_iter().chain([lost(), deal(None), fields(), deal(Some("signed"))]);
        let (done, bodies) = run(start(), lines).await;
        assert!(done.is_ok());
        assert_eq!(bodies, [clear, set]);
        let (done, _) = run(start(), begin().into_iter().chain([lost(), deal(Some("signed"))])).await;
        assert_eq!(done.expect_err("it may be cleared yet").class, FaultClass::Unknown);
        let lines = begin().into_iter().chain([deal(None), fields(), Line::new(503, Json::Null)]);
        let (done, _) = run(start(), lines).await;
        assert_eq!(done.expect_err("it was cleared").class, FaultClass::Unknown);
    }

    #[tokio::test]
    async fn what_could_not_be_looked_up_was_not_written() {
        let (done, bodies) = run(start(), [Line::new(503, Json::Null)]).await;
        assert_eq!((done.expect_err("not known").class, bodies.len()), (FaultClass::Unreachable, 0));
        let properties: Properties = [("email".to_owned(), Some("a@example.com".to_owned()))].into();
        let record = "persons:1".parse().expect("a record id");
        let update = Deed::Update { record, properties, links: vec![] };
        let (done, bodies) = run(update, [Line::new(502, Json::Null)]).await;
        assert_eq!((done.expect_err("not known").class, bodies.len()), (FaultClass::Unreachable, 0));
    }

    #[tokio::test]
    async fn an_object_that_pipedrive_does_not_have_is_missing() {
        let record = "butterflies:1".parse().expect("a record id");
        let (done, _) = run(Deed::Archive(record), []).await;
        assert_eq!(done.expect_err("no such object").class, FaultClass::Missing);
    }
}
