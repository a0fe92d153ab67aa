//! Records of v2 as flat texts by property, and where each property lies in them (Pipedrive's OpenAPI document of v2).

use lockstep_core::env::Time;
use lockstep_core::record::Record;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::faults;
use super::fields::{self, Field};
use super::kinds::Kind;
use crate::door::Session;
use crate::fault::Fault;

/// Digits of a custom field's code.
const CODE_DIGITS: usize = 40;
/// What stands between the values of a list.
const SEPARATOR: &str = ";";

/// A record in any answer of v2.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Row {
    id: Json,
    update_time: Option<Time>,
    add_time: Option<Time>,
    #[serde(default)]
    pub is_deleted: bool,
    #[serde(flatten)]
    members: Map<String, Json>,
}

/// Where a property lies in a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The record's id.
    Id,
    /// The primary entry of a list of addresses.
    Primary(&'static str),
    /// The other entries of such a list.
    Others(&'static str),
    /// A member of every record.
    Member(String),
    /// A field of the company's own, by its code.
    Custom(String),
}

impl Place {
    /// The place of a property that needs no description to be known.
    pub(super) fn known(kind: &Kind, property: &str) -> Option<Self> {
        let is_code = property.len() == CODE_DIGITS && property.bytes().all(|byte| byte.is_ascii_hexdigit());
        Some(match property {
            "id" => Self::Id,
            "email" if kind.is_person() => Self::Primary("emails"),
            "phone" if kind.is_person() => Self::Primary("phones"),
            "other_emails" if kind.is_person() => Self::Others("emails"),
            "other_phones" if kind.is_person() => Self::Others("phones"),
            code if is_code => Self::Custom(code.to_owned()),
            name if kind.has(name) => Self::Member(name.to_owned()),
            _ => return None,
        })
    }

    /// The place of a property among an object's fields: a company's own goes by its code, or by its name.
    pub(super) fn among(kind: &Kind, fields: &[Field], property: &str) -> Option<Self> {
        let by_code = fields.iter().find(|field| field.code == property);
        let named = |field: &&Field| field.is_custom && field.name.eq_ignore_ascii_case(property);
        match by_code.or_else(|| fields.iter().find(named)) {
            Some(field) if field.is_custom => Some(Self::Custom(field.code.clone())),
            Some(_) => Self::known(kind, property).or_else(|| Some(Self::Member(property.to_owned()))),
            None => Self::known(kind, property).filter(|place| fields.iter().any(|it| it.code == place.field())),
        }
    }

    /// The code of its field.
    pub(super) fn field(&self) -> &str {
        match self {
            Self::Id => "id",
            Self::Primary("emails") | Self::Others("emails") => "email",
            Self::Primary(_) | Self::Others(_) => "phone",
            Self::Member(code) | Self::Custom(code) => code,
        }
    }
}

/// The asked properties and where they lie.
#[derive(Debug)]
pub(super) struct Asked(Vec<(String, Place)>);

impl Asked {
    /// No call; one where a property is neither one that every company has nor a code.
    ///
    /// # Errors
    /// Class [`crate::FaultClass::Drift`] when there is no such property.
    pub(super) async fn of(session: &Session, kind: &Kind, properties: &[String]) -> Result<Self, Fault> {
        let known: Vec<Option<Place>> = properties.iter().map(|property| Place::known(kind, property)).collect();
        let fields = if known.contains(&None) { fields::of(session, kind).await? } else { Vec::new() };
        let place = |(property, known): (&String, Option<Place>)| {
            let place = known.or_else(|| Place::among(kind, &fields, property));
            Ok((property.clone(), place.ok_or_else(|| faults::gone(property, kind.slug))?))
        };
        properties.iter().zip(known).map(place).collect::<Result<_, _>>().map(Self)
    }

    /// The place of an asked property.
    pub(super) fn place(&self, property: &str) -> Option<&Place> {
        self.0.iter().find(|(name, _)| name == property).map(|(_, place)| place)
    }

    /// The records with the asked properties. A record shows an empty property as null, or perhaps not at all; and not at
    /// all is also what becomes of one that was deleted from the company. So when no record mentions a property, the
    /// company's fields are asked for: one call then, else none.
    ///
    /// # Errors
    /// Class [`crate::FaultClass::Drift`] when an asked property is gone.
    pub(super) async fn records(&self, session: &Session, kind: &Kind, rows: Vec<Row>) -> Result<Vec<Record>, Fault> {
        let unmentioned = |place: &Place| rows.iter().all(|row| row.value(place).is_none());
        let doubtful: Vec<_> = self.0.iter().filter(|(_, place)| unmentioned(place)).collect();
        if !rows.is_empty() && !doubtful.is_empty() {
            let known = fields::of(session, kind).await?;
            let is_gone = |place: &Place| known.iter().all(|field| field.code != place.field());
            if let Some((property, _)) = doubtful.into_iter().find(|(_, place)| is_gone(place)) {
                return Err(faults::gone(property, kind.slug));
            }
        }
        Ok(rows.into_iter().map(|row| self.record(row)).collect())
    }

    /// The record with the asked properties as far as it shows them.
    pub(super) fn record(&self, row: Row) -> Record {
        Record {
            properties: self.0.iter().map(|(name, place)| (name.clone(), row.text(place))).collect(),
            updated_at: row.updated_at(),
            id: row.id(),
            archived: row.is_deleted,
            merged: Vec::new(),
        }
    }
}

impl Row {
    pub(super) fn id(&self) -> String {
        text(&self.id).unwrap_or_default()
    }

    /// When it was changed last; a record that never was, when it was made.
    pub(super) fn updated_at(&self) -> Time {
        self.update_time.or(self.add_time).unwrap_or(Time::from_secs(0))
    }

    fn value(&self, place: &Place) -> Option<&Json> {
        match place {
            Place::Id => Some(&self.id),
            Place::Primary(list) | Place::Others(list) => self.members.get(*list),
            Place::Custom(code) => self.members.get("custom_fields")?.get(code),
            // Times of the record were taken out of its members.
            Place::Member(name) if name == "add_time" || name == "update_time" => Some(&Json::Null),
            Place::Member(name) => self.members.get(name),
        }
    }

    /// A property as text.
    pub(super) fn text(&self, place: &Place) -> Option<String> {
        match place {
            Place::Primary(list) => Some(self.points(list).find(|point| point.primary)?.value),
            Place::Others(list) => {
                let others: Vec<String> = self.points(list).filter(|it| !it.primary).map(|it| it.value).collect();
                Some(others.join(SEPARATOR)).filter(|joined| !joined.is_empty())
            }
            Place::Member(name) if name == "add_time" => self.add_time.map(|time| time.to_string()),
            Place::Member(name) if name == "update_time" => self.update_time.map(|time| time.to_string()),
            place => text(self.value(place)?),
        }
    }

    /// The entries of a list of addresses, just one of which is primary: the first that says so, else the first of all.
    pub(super) fn points(&self, list: &str) -> impl Iterator<Item = Point> {
        let rows = self.members.get(list).and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        let points =
            rows.iter().filter_map(|row| Point::deserialize(row).ok()).filter(|it| !it.value.trim().is_empty());
        let mut points: Vec<Point> = points.collect();
        let primary = points.iter().position(|point| point.primary).unwrap_or(0);
        points.iter_mut().enumerate().for_each(|(at, point)| point.primary = at == primary);
        points.into_iter()
    }

    /// A member as it came.
    pub(super) fn member(&self, name: &str) -> Option<&Json> {
        self.members.get(name)
    }
}

/// An e-mail address or a phone number of a person.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize)]
pub(super) struct Point {
    #[serde(default)]
    pub value: String,
    #[serde(default)]
    pub primary: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// A value as text; lists of plain values are joined, what has parts is JSON.
fn text(value: &Json) -> Option<String> {
    let is_plain = |value: &Json| !value.is_array() && !value.is_object();
    let text = match value {
        Json::Null => return None,
        Json::String(text) => text.clone(),
        Json::Array(items) if items.iter().all(is_plain) => {
            items.iter().filter_map(text).collect::<Vec<_>>().join(SEPARATOR)
        }
        other => other.to_string(),
    };
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::kinds;
    use super::*;
    use crate::fault::FaultClass;
    use crate::script::{Line, Script};
    use serde_json::json;

    const CODE: &str = "dcf558aac1ae4e8c4f849ba5e668430d8df9be12";

    fn row(members: Json) -> Row {
        let mut row = json!({ "id": 7, "update_time": "2026-11-22T11:00:00Z", "is_deleted": false });
        for (name, value) in members.as_object().expect("members") {
            row[name] = value.clone();
        }
        serde_json::from_value(row).expect("a row")
    }

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[tokio::test]
    async fn a_record_becomes_flat_texts() {
        let row = row(json!({
            "name": "Ada", "org_id": 5, "label_ids": [1, 2], "birthday": null, "postal_address": { "value": "Rome" },
            "phones": [{ "value": "+1", "primary": false, "label": "home" }, { "value": "+2", "primary": true }],
            "emails": [{ "value": "a@example.com", "label": "work" }, { "value": "b@example.com" }, { "value": "" }],
            "custom_fields": { CODE: 12.5 },
        }));
        let names = ["name", "org_id", "label_ids", "birthday", "postal_address", "phone", "other_phones", "email"];
        let asked = strings(&[&names[..], &["other_emails", "id", "update_time", CODE]].concat());
        let (_script, session, _) = Script::new([]);
        let asked = Asked::of(&session, &kinds::PERSON, &asked).await.expect("places");
        let record = asked.records(&session, &kinds::PERSON, vec![row]).await.expect("records").remove(0);
        let told: Vec<_> = record.properties.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        let expected = [
            ("birthday", None),
            (CODE, Some("12.5")),
            ("email", Some("a@example.com")),
            ("id", Some("7")),
            ("label_ids", Some("1;2")),
            ("name", Some("Ada")),
            ("org_id", Some("5")),
            ("other_emails", Some("b@example.com")),
            ("other_phones", Some("+1")),
            ("phone", Some("+2")),
            ("postal_address", Some(r#"{"value":"Rome"}"#)),
            ("update_time", Some("2026-11-22T11:00:00.000Z")),
        ];
        assert_eq!((told, record.id.as_str()), (expected.to_vec(), "7"));
    }

    #[tokio::test]
    async fn a_field_goes_by_its_name_too_and_a_gone_one_is_drift() {
        let field = json!({ "field_name": "lockstep_id", "field_code": CODE, "field_type": "varchar", "is_custom_field": true });
        let fields = || Line::new(200, json!({ "success": true, "data": [field.clone()] }));
        let (script, session, _) = Script::new([fields(), fields(), fields()]);
        let named = Asked::of(&session, &kinds::PERSON, &strings(&["lockstep_id"])).await.expect("a place");
        let record = named.record(row(json!({ "custom_fields": { CODE: "cnt_1" } })));
        assert_eq!(record.text("lockstep_id"), Some("cnt_1"));
        let fault = Asked::of(&session, &kinds::PERSON, &strings(&["nickname"])).await.expect_err("gone");
        assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Drift, Some("nickname")));
        let asked = Asked::of(&session, &kinds::PERSON, &strings(&["phone"])).await.expect("a place");
        let fault = asked.records(&session, &kinds::PERSON, vec![row(json!({}))]).await.expect_err("gone");
        assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Drift, Some("phone")));
        assert_eq!(script.calls().len(), 3);
    }
}
