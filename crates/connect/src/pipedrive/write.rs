//! Writes, one record a call: v2 has no batches and no upserts (Pipedrive's persons API v2).

use lockstep_core::record::{Properties, Record};
use serde_json::{Map, Value as Json, json};

use super::fields::{self, Field};
use super::kinds::{Kind, PERSON};
use super::record::{Asked, Place, Point, Row};
use super::wire::{ask, is_id, send};
use super::{faults, read};
use crate::connector::{Create, Outcome, RowOutcome, Update, Write, unseen};
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};
use crate::stand_in::stand_in;

/// Pipedrive wants everybody to have a name: one of these stands in for it.
const ADDRESSES: [&str; 2] = ["phone", "email"];

/// Writes rows one after the other. One call each; one more before a change of an address, which is one of a list that is
/// written whole; and one more where a field's type has to be known and is not remembered.
///
/// # Errors
/// What the first row meets that is not about it. Met by a later one, it is that row's; the rows behind are not sent.
pub(super) async fn write(session: &Session, write: &Write, properties: &[String]) -> Result<Vec<RowOutcome>, Fault> {
    let count = match write {
        Write::Create { rows, .. } => rows.len(),
        Write::Update(rows) => rows.len(),
        Write::Archive(ids) => ids.len(),
    };
    let mut outcomes: Vec<RowOutcome> = Vec::with_capacity(count);
    for at in 0..count {
        let outcome = match write {
            Write::Create { key, rows } => create(session, key.as_deref(), &rows[at], properties).await,
            Write::Update(rows) => update(session, &rows[at], properties).await,
            Write::Archive(ids) => archive(session, &PERSON, &ids[at]).await,
        };
        let fault = match outcome {
            Err(fault) if !is_of_row(fault.class) => fault,
            outcome => {
                outcomes.push(outcome);
                continue;
            }
        };
        // That one row may have been written says nothing about the others.
        if outcomes.is_empty() && (count == 1 || fault.class != FaultClass::Unknown) {
            return Err(fault);
        }
        let unsent =
            Fault::new(FaultClass::Unreachable, "NOT_SENT", "A row before it met a fault, and it was not sent.");
        outcomes.push(Err(fault));
        outcomes.resize(count, Err(unsent));
        break;
    }
    Ok(outcomes)
}

/// Whether a fault is about the row alone.
fn is_of_row(class: FaultClass) -> bool {
    matches!(class, FaultClass::Rejected | FaultClass::Missing | FaultClass::Duplicate)
}

async fn create(session: &Session, key: Option<&str>, row: &Create, asked: &[String]) -> RowOutcome {
    let mut properties = row.keyed(key);
    if properties.get(PERSON.title).is_none_or(|name| name.as_deref().unwrap_or_default().trim().is_empty()) {
        properties.insert(PERSON.title.to_owned(), stand_in(&properties, ADDRESSES));
    }
    properties.retain(|_, value| value.is_some());
    let draft = Draft::of(session, &PERSON, &properties, key, None).await.map_err(Fault::nothing_done)?;
    let made = draft.send(session, &PERSON, Method::Post, PERSON.records()).await?;
    Ok(Outcome::Written(shown(session, made, asked).await))
}

async fn update(session: &Session, row: &Update, asked: &[String]) -> RowOutcome {
    let mut properties = row.properties.clone();
    let name = properties.get(PERSON.title);
    let is_nameless = name.is_some_and(|name| name.as_deref().unwrap_or_default().trim().is_empty());
    let writes_address = ADDRESSES.iter().any(|address| properties.contains_key(*address));
    let held = if is_nameless || writes_address || properties.is_empty() {
        Some(read::standing(session, &PERSON, &row.id).await.map_err(Fault::nothing_done)?)
    } else {
        None
    };
    if let Some(held) = held.as_ref().filter(|_| is_nameless) {
        let mut later = addresses(held);
        later.extend(properties.clone());
        properties.insert(PERSON.title.to_owned(), stand_in(&later, ADDRESSES));
    }
    let changed = if properties.is_empty() {
        held.ok_or_else(|| faults::missing(PERSON.slug, &row.id))?
    } else {
        let draft = Draft::of(session, &PERSON, &properties, None, held.as_ref()).await.map_err(Fault::nothing_done)?;
        draft.send(session, &PERSON, Method::Patch, path_of(&PERSON, &row.id)?).await?
    };
    Ok(Outcome::Written(shown(session, changed, asked).await))
}

/// A person's primary addresses.
fn addresses(row: &Row) -> Properties {
    let text = |name: &str| row.text(&Place::known(&PERSON, name)?);
    ADDRESSES.into_iter().map(|name| (name.to_owned(), text(name))).collect()
}

/// What a write's answer shows of a contact. What needs a description to be known, and cannot be looked up now, is unseen.
async fn shown(session: &Session, row: Row, asked: &[String]) -> Record {
    match Asked::of(session, &PERSON, asked).await {
        Ok(places) => places.record(row),
        Err(_) => unseen(row.id(), row.updated_at()),
    }
}

/// Deletes a record; one that is gone is as good. One call.
pub(super) async fn archive(session: &Session, kind: &Kind, id: &str) -> RowOutcome {
    let Ok(path) = path_of(kind, id) else { return Ok(Outcome::Archived) };
    Outcome::archived(send(session, Call::write(Method::Delete, path, None)).await)
}

/// A record's own path.
pub(super) fn path_of(kind: &Kind, id: &str) -> Result<String, Fault> {
    if is_id(id) { Ok(format!("{}/{id}", kind.records())) } else { Err(faults::missing(kind.slug, id)) }
}

/// A request about one record.
#[derive(Debug, Default)]
pub(super) struct Draft {
    body: Map<String, Json>,
    /// The properties in it, and the codes of their fields.
    written: Vec<(String, String)>,
}

impl Draft {
    /// Says what to write of a record that holds `held`. One call where a field's type is not remembered; `text` names a
    /// property that is known to be of text.
    ///
    /// # Errors
    /// Class [`FaultClass::Drift`] for a property that is gone, [`FaultClass::Rejected`] for one that cannot be written.
    pub(super) async fn of(
        session: &Session,
        kind: &Kind,
        properties: &Properties,
        text: Option<&str>,
        held: Option<&Row>,
    ) -> Result<Self, Fault> {
        let is_plain = |name: &str| {
            let is_address = kind.is_person() && matches!(name, "email" | "phone");
            name == kind.title || is_address
        };
        let is_code = |name: &str| matches!(Place::known(kind, name), Some(Place::Custom(_)));
        let is_text = |name: &str| is_plain(name) || (text == Some(name) && is_code(name));
        let is_known = properties.keys().all(|name| is_text(name));
        let fields = if is_known { Vec::new() } else { fields::remembered(session, kind).await? };
        let mut draft = Self::default();
        for (name, value) in properties {
            draft.put(kind, &fields, name, value.as_deref(), held)?;
        }
        Ok(draft)
    }

    fn put(
        &mut self,
        kind: &Kind,
        fields: &[Field],
        name: &str,
        value: Option<&str>,
        held: Option<&Row>,
    ) -> Result<(), Fault> {
        let known = if fields.is_empty() { Place::known(kind, name) } else { Place::among(kind, fields, name) };
        let place = known.ok_or_else(|| faults::gone(name, kind.slug))?;
        let field = fields.iter().find(|field| field.code == place.field());
        let json = || field.map_or_else(|| value.filter(|it| !it.is_empty()).into(), |field| field.on_wire(value));
        let is_fixed = field.is_some_and(|field| !field.is_writable(kind));
        match &place {
            Place::Primary(list) => {
                let points = held.map(|row| row.points(list).collect()).unwrap_or_default();
                self.body.insert((*list).to_owned(), json!(with_primary(points, value)));
            }
            Place::Custom(code) => {
                let customs = self.body.entry("custom_fields").or_insert_with(|| json!({}));
                customs[code] = json();
            }
            Place::Member(code) if !is_fixed => {
                self.body.insert(code.clone(), json());
            }
            Place::Id | Place::Others(_) | Place::Member(_) => {
                let message = format!("Pipedrive's field \"{name}\" cannot be written.");
                let fault = Fault::new(FaultClass::Rejected, "READ_ONLY", message);
                return Err(Fault { property: Some(name.to_owned()), ..fault }.bounded());
            }
        }
        self.written.push((name.to_owned(), place.field().to_owned()));
        Ok(())
    }

    /// Puts a member into the request as it is.
    pub(super) fn set(&mut self, member: &str, value: Json) {
        self.body.insert(member.to_owned(), value);
    }

    /// Sends it. One call; one more when it is refused for what may be a property that is gone.
    pub(super) async fn send(self, session: &Session, kind: &Kind, method: Method, path: String) -> Result<Row, Fault> {
        match ask(session, Call::write(method, path, Some(self.body.into()))).await {
            Err(fault) => {
                let written: Vec<_> = self.written.iter().map(|(name, code)| (name.as_str(), code.as_str())).collect();
                Err(fields::refused(session, kind, &written, fault).await)
            }
            row => row,
        }
    }
}

/// The list with another primary address; the others stay. One of them that becomes the primary one changes places with it;
/// without a primary one, the next takes its place.
fn with_primary(mut points: Vec<Point>, value: Option<&str>) -> Vec<Point> {
    let value = value.map(str::trim).filter(|value| !value.is_empty());
    let primary = points.iter().position(|point| point.primary);
    let Some(value) = value else {
        if let Some(at) = primary {
            points.remove(at);
        }
        if let Some(first) = points.first_mut() {
            first.primary = true;
        }
        return points;
    };
    let held = points.iter().position(|point| point.value.trim().to_lowercase() == value.to_lowercase());
    points.iter_mut().for_each(|point| point.primary = false);
    match held.or(primary) {
        Some(at) => {
            points[at].value = value.to_owned();
            points[at].primary = true;
        }
        None => points.insert(0, Point { value: value.to_owned(), primary: true, label: Some("work".to_owned()) }),
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Line, Script};

    fn person(phones: Json) -> Json {
        json!({ "success": true, "data": { "id": 7, "name": "Ada", "update_time": "2026-11-22T11:00:00Z",
            "emails": [{ "value": "a@example.com", "primary": true }], "phones": phones } })
    }

    fn update(pairs: &[(&str, Option<&str>)]) -> Write {
        let properties = pairs.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect();
        Write::Update(vec![Update { trace: "a".into(), id: "7".into(), properties, before: None }])
    }

    #[tokio::test]
    async fn a_create_says_what_it_was_given_and_no_more() {
        let code = "dcf558aac1ae4e8c4f849ba5e668430d8df9be12";
        let (script, session, _) = Script::new([Line::new(201, person(json!([])))]);
        let properties = [("phone", Some("+14155551212")), ("email", None)];
        let properties = properties.map(|(name, value)| (name.to_owned(), value.map(str::to_owned))).into();
        let row = Create { trace: "a".into(), key_value: "cnt_a".into(), properties };
        let create = Write::Create { key: Some(code.to_owned()), rows: vec![row] };
        write(&session, &create, &["name".to_owned()]).await.expect("rows");
        let call = script.calls().remove(0);
        assert_eq!((call.method, call.path.as_str(), call.effect), (Method::Post, "/api/v2/persons", true));
        let expected = json!({ "name": "+14155551212", "phones": [{ "value": "+14155551212", "primary": true, "label": "work" }],
            "custom_fields": { code: "cnt_a" } });
        assert_eq!(call.body, Some(expected));
    }

    #[tokio::test]
    async fn a_name_is_one_call_and_an_address_two() {
        let phones = || json!([{ "value": "+1", "primary": true, "label": "work" }, { "value": "+2" }]);
        let held = || Line::new(200, person(phones()));
        let (script, session, _) = Script::new([held(), held(), held()]);
        write(&session, &update(&[("name", Some("Bo"))]), &[]).await.expect("rows");
        write(&session, &update(&[("phone", None)]), &[]).await.expect("rows");
        let calls = script.calls();
        let told: Vec<_> = calls.iter().map(|call| (call.method, call.path.as_str())).collect();
        let path = "/api/v2/persons/7";
        assert_eq!(told, [(Method::Patch, path), (Method::Get, path), (Method::Patch, path)]);
        assert_eq!(calls[0].body, Some(json!({ "name": "Bo" })));
        assert_eq!(calls[2].body, Some(json!({ "phones": [{ "value": "+2", "primary": true }] })));
    }

    #[tokio::test]
    async fn what_could_not_be_read_before_was_not_written() {
        let of_type = update(&[("job_title", Some("Dr"))]);
        for write_row in [update(&[("phone", Some("+1"))]), update(&[]), of_type] {
            for status in [502, 503] {
                let (script, session, _) = Script::new([Line::new(status, Json::Null)]);
                let fault = write(&session, &write_row, &[]).await.expect_err("not read");
                assert_eq!((fault.class, script.calls()[0].effect), (FaultClass::Unreachable, false), "{write_row:?}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_gone_or_is_no_id_is_missing_without_harm() {
        let mut gone = person(json!([]));
        gone["data"]["is_deleted"] = true.into();
        let (_script, session, _) = Script::new([Line::new(200, gone)]);
        let outcome = write(&session, &update(&[("phone", Some("+1"))]), &[]).await.expect("rows").remove(0);
        assert_eq!(outcome.expect_err("deleted").class, FaultClass::Missing);
        let mut foreign = update(&[("name", Some("Bo"))]);
        if let Write::Update(rows) = &mut foreign {
            rows[0].id = "../deals/7".into();
        }
        let outcome = write(&session, &foreign, &[]).await.expect("rows").remove(0);
        assert_eq!(outcome.expect_err("no id").class, FaultClass::Missing);
        let archive = Write::Archive(vec!["../deals/7".into()]);
        assert!(matches!(write(&session, &archive, &[]).await.expect("rows")[..], [Ok(Outcome::Archived)]));
    }

    #[tokio::test]
    async fn a_good_answer_that_cannot_be_read_is_an_unknown_outcome() {
        for body in [json!({ "success": true, "data": null }), json!("<html>"), Json::Null, json!({ "data": [] })] {
            let (_script, session, _) = Script::new([Line::new(200, body)]);
            let fault = write(&session, &update(&[("name", Some("Bo"))]), &[]).await.expect_err("nobody knows");
            assert_eq!(fault.class, FaultClass::Unknown);
        }
    }
}
