//! Values of properties as flat text and as Notion writes them (Notion's page "Page properties").

use serde_json::{Value as Json, json};

use super::wire::{plain_text, rich_text};

/// Between the entries of one property, as in all connectors.
const BETWEEN: &str = ";";
/// Between the two ends of a date.
const UNTIL: char = '/';

/// Whether a page shows only the first 25 entries of this property, and may have cut it here.
pub(super) fn may_be_cut(property: &Json) -> bool {
    const SHOWN: usize = 25;
    let kind = property["type"].as_str().unwrap_or_default();
    let shown = property[kind].as_array().map_or(0, Vec::len);
    match kind {
        "relation" => property["has_more"].as_bool().unwrap_or(shown >= SHOWN),
        "title" | "rich_text" | "people" => shown >= SHOWN,
        _ => false,
    }
}

/// The property with all its entries in place of the first.
pub(super) fn with_entries(property: &Json, entries: &[Json]) -> Json {
    let kind = property["type"].as_str().unwrap_or_default();
    let mut whole = property.clone();
    whole[kind] = entries.iter().map(|entry| entry[kind].clone()).collect();
    whole
}

/// A property's value as text; `None` where it holds nothing.
pub(super) fn read(property: &Json) -> Option<String> {
    let kind = property["type"].as_str()?;
    let value = &property[kind];
    let text = match kind {
        "title" | "rich_text" => plain_text(value),
        "multi_select" => joined(value, |entry| text(&entry["name"])),
        "people" | "relation" => joined(value, |entry| text(&entry["id"])),
        "files" => joined(value, |entry| text(&entry["external"]["url"]).or_else(|| text(&entry["file"]["url"]))),
        "select" | "status" => text(&value["name"])?,
        "date" => read_date(value)?,
        "created_by" | "last_edited_by" => text(&value["id"])?,
        "unique_id" => match value["prefix"].as_str() {
            Some(prefix) => format!("{prefix}-{}", text(&value["number"])?),
            None => text(&value["number"])?,
        },
        "formula" => read_computed(value)?,
        "rollup" => match value["array"].as_array() {
            Some(of) => of.iter().filter_map(read).collect::<Vec<_>>().join(BETWEEN),
            None => read_computed(value)?,
        },
        "verification" => text(&value["state"])?,
        _ => text(value)?,
    };
    Some(text).filter(|text| !text.is_empty())
}

fn text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(is_set) => Some(is_set.to_string()),
        _ => None,
    }
}

fn joined(value: &Json, entry: impl Fn(&Json) -> Option<String>) -> String {
    value.as_array().into_iter().flatten().filter_map(entry).collect::<Vec<_>>().join(BETWEEN)
}

fn read_date(value: &Json) -> Option<String> {
    let start = text(&value["start"])?;
    Some(text(&value["end"]).map_or_else(|| start.clone(), |end| format!("{start}{UNTIL}{end}")))
}

fn read_computed(value: &Json) -> Option<String> {
    let kind = value["type"].as_str()?;
    if kind == "date" { read_date(&value[kind]) } else { text(&value[kind]) }
}

/// Whether nobody can write it. What we do not know we do not write.
pub(super) fn is_read_only(kind: &str) -> bool {
    !WRITABLE.contains(&kind)
}

/// Files are shown and not written: Notion wants them uploaded.
const WRITABLE: [&str; 13] = [
    "title",
    "rich_text",
    "number",
    "select",
    "multi_select",
    "status",
    "date",
    "people",
    "relation",
    "checkbox",
    "url",
    "email",
    "phone_number",
];

/// A text as the value of a property. Nothing and an empty text clear: Notion refuses empty e-mails, phones and URLs.
///
/// # Errors
/// What is wrong with it, for a person.
pub(super) fn write(kind: &str, value: Option<&str>) -> Result<Json, String> {
    let value = value.filter(|value| !value.is_empty());
    let written = match kind {
        "title" | "rich_text" => rich_text(value.unwrap_or_default()),
        "multi_select" => entries(value).map(|name| json!({ "name": name })).collect(),
        "people" | "relation" => entries(value).map(|id| json!({ "id": id })).collect(),
        "checkbox" => match value {
            None | Some("false") => false.into(),
            Some("true") => true.into(),
            Some(other) => return Err(format!("takes true or false, not \"{other}\"")),
        },
        "number" | "select" | "status" | "date" | "url" | "email" | "phone_number" => match value {
            None => Json::Null,
            Some(value) => write_one(kind, value)?,
        },
        _ => return Err("cannot be written".to_owned()),
    };
    Ok(json!({ kind: written }))
}

fn write_one(kind: &str, value: &str) -> Result<Json, String> {
    Ok(match kind {
        "number" => match serde_json::from_str(value.trim()) {
            Ok(Json::Number(number)) => Json::Number(number),
            _ => return Err(format!("takes a number, not \"{value}\"")),
        },
        "select" | "status" => json!({ "name": value }),
        "date" => match value.split_once(UNTIL) {
            Some((start, end)) => json!({ "start": start, "end": end }),
            None => json!({ "start": value }),
        },
        _ => value.into(),
    })
}

/// The entries of one property's text.
pub(super) fn entries(value: Option<&str>) -> impl Iterator<Item = &str> {
    value.unwrap_or_default().split(BETWEEN).map(str::trim).filter(|entry| !entry.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn property(kind: &str, value: Json) -> Json {
        json!({ "id": "a", "type": kind, kind: value })
    }

    #[test]
    fn every_type_reads_as_text() {
        let words = json!([{ "plain_text": "Ada " }, { "plain_text": "Lovelace" }]);
        let cases = [
            ("title", words.clone(), Some("Ada Lovelace")),
            ("rich_text", json!([]), None),
            ("number", json!(12.5), Some("12.5")),
            ("number", json!(3), Some("3")),
            ("number", Json::Null, None),
            ("select", json!({ "name": "Lead" }), Some("Lead")),
            ("status", Json::Null, None),
            ("multi_select", json!([{ "name": "VIP" }, { "name": "Press" }]), Some("VIP;Press")),
            ("date", json!({ "start": "2026-11-23", "end": null }), Some("2026-11-23")),
            ("date", json!({ "start": "2026-11-23", "end": "2026-11-24" }), Some("2026-11-23/2026-11-24")),
            ("people", json!([{ "id": "p" }]), Some("p")),
            ("relation", json!([{ "id": "r" }, { "id": "s" }]), Some("r;s")),
            ("files", json!([{ "external": { "url": "https://a.example" } }]), Some("https://a.example")),
            ("checkbox", json!(false), Some("false")),
            ("email", json!("a@example.com"), Some("a@example.com")),
            ("unique_id", json!({ "prefix": "C", "number": 7 }), Some("C-7")),
            ("unique_id", json!({ "prefix": null, "number": 7 }), Some("7")),
            ("formula", json!({ "type": "string", "string": "x" }), Some("x")),
            ("formula", json!({ "type": "date", "date": { "start": "2026-11-23" } }), Some("2026-11-23")),
            ("rollup", json!({ "type": "number", "number": 2 }), Some("2")),
            ("rollup", json!({ "type": "array", "array": [{ "type": "number", "number": 2 }] }), Some("2")),
            ("created_time", json!("2026-11-22T11:00:00.000Z"), Some("2026-11-22T11:00:00.000Z")),
            ("last_edited_by", json!({ "id": "u" }), Some("u")),
            ("verification", json!({ "state": "unverified" }), Some("unverified")),
            ("button", json!({}), None),
        ];
        for (kind, value, expected) in cases {
            assert_eq!(read(&property(kind, value)).as_deref(), expected, "{kind}");
        }
    }

    #[test]
    fn text_is_written_as_its_type_wants_it_and_nothing_clears() {
        let cases = [
            ("email", Some("a@example.com"), json!({ "email": "a@example.com" })),
            ("email", Some(""), json!({ "email": null })),
            ("phone_number", None, json!({ "phone_number": null })),
            ("title", None, json!({ "title": [] })),
            ("rich_text", Some("Hi"), json!({ "rich_text": [{ "text": { "content": "Hi" } }] })),
            ("multi_select", Some("A; B"), json!({ "multi_select": [{ "name": "A" }, { "name": "B" }] })),
            ("relation", None, json!({ "relation": [] })),
            ("number", Some("1.5"), json!({ "number": 1.5 })),
            ("checkbox", Some("true"), json!({ "checkbox": true })),
            ("checkbox", None, json!({ "checkbox": false })),
            ("date", Some("2026-11-23/2026-11-24"), json!({ "date": { "start": "2026-11-23", "end": "2026-11-24" } })),
            ("select", Some("Lead"), json!({ "select": { "name": "Lead" } })),
        ];
        for (kind, value, expected) in cases {
            assert_eq!(write(kind, value), Ok(expected), "{kind}");
        }
        for (kind, value) in [("number", "many"), ("checkbox", "maybe"), ("formula", "x"), ("button", "x")] {
            assert!(write(kind, Some(value)).is_err(), "{kind}");
        }
    }

    #[test]
    fn long_text_goes_in_pieces_that_notion_takes() {
        let written = write("rich_text", Some(&"😀".repeat(1_500))).expect("a text");
        let pieces = written["rich_text"].as_array().expect("pieces");
        let lengths: Vec<usize> =
            pieces.iter().map(|it| it["text"]["content"].as_str().expect("text").chars().count()).collect();
        assert_eq!(lengths, [1_000, 500]);
    }

    #[test]
    fn what_a_page_may_have_cut_is_completed() {
        let many = |count: usize| Json::from(vec![json!({ "plain_text": "x" }); count]);
        assert!(!may_be_cut(&property("rich_text", many(24))) && may_be_cut(&property("rich_text", many(25))));
        let mut relation = property("relation", many(25));
        relation["has_more"] = false.into();
        assert!(!may_be_cut(&relation), "Notion tells of relations");
        let entries = [json!({ "type": "rich_text", "rich_text": { "plain_text": "a" } })];
        assert_eq!(read(&with_entries(&property("rich_text", many(25)), &entries)).as_deref(), Some("a"));
    }
}
