//! What the app sees of a native record: its own fields, each of them present, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::convert::{from_native, listed};
use super::definition::{CrmField, CrmObject};
use super::mapping::{ObjectMapping, Otherwise, Transformation, Way};
use super::payload::fits;
use super::record_id::RecordId;
use super::schema::SimpleType;
use super::selector::{Operation, Selector};
use super::template;
use crate::record::Record;

/// A record as the CRM API returns it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CrmRecord {
    /// The CRM object's slug.
    #[serde(rename = "type")]
    pub object: String,
    /// [`RecordId`] as text.
    pub id: String,
    /// The fields.
    pub data: Map<String, Json>,
}

impl CrmRecord {
    /// A record with its fields.
    pub fn new(object: &CrmObject, id: &RecordId, data: Map<String, Json>) -> Self {
        Self { object: object.slug.clone(), id: id.to_string(), data }
    }
}

/// The native properties that a mapping's fields are made of.
pub fn properties(mapping: &ObjectMapping, root: &Selector) -> BTreeSet<String> {
    let mut wanted = BTreeSet::new();
    for row in &mapping.transformations {
        match &row.way {
            Way::Template { template } => wanted.extend(template::names(template).unwrap_or_default()),
            Way::Static { .. } | Way::Empty => {}
            Way::Direct | Way::Date { .. } | Way::ValueMap { .. } => {
                wanted.extend(source(row, root).and_then(|selector| selector.path().into_iter().next()));
            }
        }
    }
    wanted.retain(|name| readable(root, name).is_some());
    wanted
}

/// A readable top-level field, by the vendor's name.
pub(super) fn readable<'a>(root: &'a Selector, api_name: &str) -> Option<&'a Selector> {
    root.children.iter().find(|field| field.access.readable && field.api_name.as_deref() == Some(api_name))
}

/// The app's data of a native record.
///
/// Every field of the CRM object is there: `null` where nothing is mapped or held, an object for one that has children.
pub fn data(object: &CrmObject, mapping: &ObjectMapping, root: &Selector, record: &Record) -> Map<String, Json> {
    let value = |field: &CrmField| {
        let value = mapping.row(&field.slug).map_or(Json::Null, |row| read(row, field, root, record));
        if value.is_null() && field.simple_type == SimpleType::Object { Json::Object(Map::new()) } else { value }
    };
    let top = object.fields.iter().filter(|field| field.parent_slug.is_none());
    top.map(|field| {
        let children: Map<String, Json> =
            object.children(&field.slug).map(|child| (child.key().to_owned(), value(child))).collect();
        (field.slug.clone(), if children.is_empty() { value(field) } else { Json::Object(children) })
    })
    .collect()
}

fn source<'a>(row: &Transformation, root: &'a Selector) -> Option<&'a Selector> {
    root.find(row.source_pointer.as_deref()?).filter(|selector| selector.allows(Operation::Read))
}

fn read(row: &Transformation, field: &CrmField, root: &Selector, record: &Record) -> Json {
    let native = |simple_type, way: &Way| {
        let selector = source(row, root);
        selector.map_or(Json::Null, |selector| {
            from_native(native_text(selector, record).as_deref(), selector.native_type, simple_type, way)
        })
    };
    let value = match &row.way {
        Way::Empty => return Json::Null,
        Way::Static { static_value } => static_value.clone(),
        Way::Template { template } => rendered(template, root, record),
        Way::Direct | Way::Date { .. } => native(field.simple_type, &row.way),
        Way::ValueMap { value_map, otherwise } => match native(SimpleType::String(None), &Way::Direct) {
            Json::Null => Json::Null,
            text => mapped(&text, value_map, otherwise, || native(field.simple_type, &Way::Direct)),
        },
    };
    let value = if value.is_null() { row.default_value.clone().unwrap_or_default() } else { value };
    let shape = SimpleType::new(field.simple_type.json_type(), None).unwrap_or(field.simple_type);
    if fits(shape, &value).is_ok() { value } else { Json::Null }
}

fn mapped(
    text: &Json,
    rows: &[super::mapping::MapRow],
    otherwise: &Otherwise,
    as_it_is: impl FnOnce() -> Json,
) -> Json {
    match (listed(text, rows), otherwise) {
        (Some(row), _) => row.to.clone(),
        (None, Otherwise::Keep) => as_it_is(),
        (None, Otherwise::Use { value }) => value.clone(),
        (None, Otherwise::Skip | Otherwise::Park) => Json::Null,
    }
}

fn rendered(source: &str, root: &Selector, record: &Record) -> Json {
    let known = record.properties.keys().filter(|name| readable(root, name).is_some());
    let values: BTreeMap<&str, &str> = known.filter_map(|name| Some((name.as_str(), record.text(name)?))).collect();
    let text = template::render(source, values).unwrap_or_default();
    if text.trim().is_empty() { Json::Null } else { text.into() }
}

/// A native field's text, also of one that lies within the JSON of another.
fn native_text(selector: &Selector, record: &Record) -> Option<String> {
    let path = selector.path();
    let (property, within) = path.split_first()?;
    let text = record.text(property)?;
    if within.is_empty() {
        return Some(text.to_owned());
    }
    let whole: Json = serde_json::from_str(text).ok()?;
    match within.iter().try_fold(&whole, |value, key| value.get(key))? {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crm::definition::{objects, with_children};
    use crate::crm::selector::tests::deals;
    use crate::env::Time;
    use serde_json::json;

    fn deal() -> CrmObject {
        let fields = json!({
            "document_name": {"type": "string"}, "document_tags": {"type": "object"}, "total": {"type": "number"},
            "state": {"type": "string"}, "due": {"type": "string", "format": "datetime"}, "city": {"type": "string"},
            "line": {"type": "string"}, "unmapped": {"type": "boolean"}
        });
        objects(&json!({"opportunity": {"fields": fields}})).unwrap().remove(0)
    }

    fn mapping(rows: Json) -> ObjectMapping {
        serde_json::from_value(json!({"crm_object_id": 1, "api_object_id": 2, "transformations": rows})).unwrap()
    }

    fn record() -> Record {
        let properties = [
            ("dealname", "Lease"),
            ("amount", "12.5"),
            ("stage", "won"),
            ("closedate", "2022-05-17"),
            ("site", r#"{"city/town": "Bandung"}"#),
            ("createdate", ""),
        ];
        Record {
            id: "9".to_owned(),
            properties: properties.map(|(name, text)| (name.to_owned(), Some(text.to_owned()))).into(),
            updated_at: Time(0),
            archived: false,
            merged: Vec::new(),
        }
    }

    #[test]
    fn every_field_is_present_and_nothing_else_is() {
        let mapping = mapping(json!([
            {"name": "direct", "field": {"slug": "document_name"}, "source_pointer": "#/properties/dealname"},
            {"name": "direct", "field": {"slug": "total"}, "source_pointer": "#/properties/amount"},
            {"name": "value_map", "field": {"slug": "state"}, "source_pointer": "#/properties/stage",
             "value_map": [{"from": ["won", "paid"], "to": "done"}], "otherwise": {"then": "skip"}},
            {"name": "date", "field": {"slug": "due"}, "source_pointer": "#/properties/closedate", "time_zone": "Asia/Jakarta"},
            {"name": "direct", "field": {"slug": "city"}, "source_pointer": "#/properties/site/properties/city~1town"},
            {"name": "template", "field": {"slug": "line"}, "template": "{{ dealname }}: {{ amount }}{{ secret }}"}
        ]));
        let deals = deals();
        let root = deals.selector.as_ref().unwrap();
        let data = data(&deal(), &mapping, root, &record());
        let expected = json!({
            "document_name": "Lease", "document_tags": {}, "total": 12.5, "state": "done", "due": "2022-05-16T17:00:00Z",
            "city": "Bandung", "line": "Lease: 12.5", "unmapped": null
        });
        assert_eq!(Json::Object(data.clone()), expected);
        let asked: Vec<String> = properties(&mapping, root).into_iter().collect();
        assert_eq!(asked, ["amount", "closedate", "dealname", "site", "stage"]);
        let id = RecordId::new("deals", "9").unwrap();
        let wire = serde_json::to_value(CrmRecord::new(&deal(), &id, data)).unwrap();
        assert_eq!((&wire["type"], &wire["id"]), (&json!("opportunity"), &json!("deals:9")));
    }

    #[test]
    fn children_are_nested_under_their_object_field() {
        let defined = vec![deal()];
        let mut posted = defined.clone();
        for (label, simple_type) in [("Region", "string"), ("Depth", "object")] {
            let child = json!({"slug": "", "label": label, "parent_slug": "document_tags", "simple_type": {"type": simple_type}});
            posted[0].fields.push(serde_json::from_value(child).unwrap());
        }
        let joined = with_children(&defined, &posted).unwrap();
        let mapping = mapping(json!([
            {"name": "direct", "field": {"slug": "document_tags.Region"}, "source_pointer": "#/properties/stage"},
            {"name": "static", "field": {"slug": "unmapped"}, "static_value": true},
            {"name": "direct", "field": {"slug": "total"}, "source_pointer": "#/properties/createdate", "default_value": 0},
            {"name": "direct", "field": {"slug": "city"}, "source_pointer": "#/properties/none"}
        ]));
        let deals = deals();
        let data = data(&joined[0], &mapping, deals.selector.as_ref().unwrap(), &record());
        assert_eq!(data["document_tags"], json!({"Region": "won", "Depth": {}}));
        assert_eq!((&data["unmapped"], &data["total"], &data["city"]), (&json!(true), &json!(0), &json!(null)));
    }
}
