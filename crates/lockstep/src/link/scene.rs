//! What the mapping screens are drawn from, and the addresses that lead from one to another.

use std::collections::BTreeMap;

use lockstep_core::crm::schema::TextFormat;
use lockstep_core::crm::{
    ApiObject, CrmEvent, CrmField, CrmObject, Finding, NativeKind, ObjectMapping, Selector, SimpleType, check,
};
use lockstep_core::env::Time;
use lockstep_core::record::Record;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::words::Words;

/// One person's unfinished mapping and what is known of their CRM.
#[derive(Debug)]
pub struct Scene {
    /// The texts.
    pub words: Words,
    /// The connection's id, as the app names it.
    pub connection: String,
    /// The draft's version.
    pub version: i64,
    /// What the app defined.
    pub objects: Vec<CrmObject>,
    /// What the person chose so far.
    pub mapping: Vec<ObjectMapping>,
    /// What the CRM offers; mapped objects are described, others need not be.
    pub natives: Vec<ApiObject>,
    /// Now, for values that hold a date.
    pub now: Time,
    /// The person's latest records by native object, newest first.
    pub samples: BTreeMap<String, Vec<Record>>,
}

/// The vendor's slug, or a value in an address.
fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// A page of a connection, with what it is asked for.
pub fn href(connection: &str, page: &str, asked: &[(&str, &str)]) -> String {
    let query: Vec<String> = asked.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("/link/at/{}/{page}{mark}{}", encoded(connection), query.join("&"))
}

impl Scene {
    /// A page of this connection.
    pub fn href(&self, page: &str, asked: &[(&str, &str)]) -> String {
        href(&self.connection, page, asked)
    }

    /// A CRM object by slug.
    pub fn object(&self, slug: &str) -> Option<&CrmObject> {
        self.objects.iter().find(|object| object.slug == slug)
    }

    /// The mapping of a CRM object.
    pub fn mapping(&self, object: &CrmObject) -> Option<&ObjectMapping> {
        self.mapping.iter().find(|mapping| mapping.crm_object_id == object.id)
    }

    /// The native object that a CRM object is mapped to.
    pub fn native(&self, object: &CrmObject) -> Option<&ApiObject> {
        let id = self.mapping(object)?.api_object_id?;
        self.natives.iter().find(|native| native.id == id)
    }

    /// The latest records of a native object.
    pub fn records(&self, native: &ApiObject) -> &[Record] {
        self.samples.get(&native.slug).map_or(&[], Vec::as_slice)
    }

    /// What is still open, gone or wrong about a CRM object.
    pub fn findings(&self, object: &CrmObject) -> Vec<Finding> {
        check(self.mapping(object), object, self.native(object))
    }

    /// What is still open about one field or event of it.
    pub fn findings_at(&self, object: &CrmObject, part: &str, slug: &str) -> Vec<Finding> {
        let at = format!("{}.{part}.{slug}", object.slug);
        let within = format!("{at}.");
        self.findings(object).into_iter().filter(|found| found.path == at || found.path.starts_with(&within)).collect()
    }
}

/// A field by slug.
pub fn field<'a>(fields: &'a [CrmField], slug: &str) -> Option<&'a CrmField> {
    fields.iter().find(|field| field.slug == slug)
}

/// The first record of the CRM that holds something in a field, as the person sees it.
pub fn latest(records: &[Record], of: &Selector, words: &Words) -> Option<String> {
    records.iter().find_map(|record| shown(record, of, words))
}

/// What a record holds in a field, as the person sees it; `None` for nothing.
pub fn shown(record: &Record, of: &Selector, words: &Words) -> Option<String> {
    let path = of.path();
    let (first, within) = path.split_first()?;
    let held = record.text(first)?;
    if within.is_empty() {
        return Some(native_text(held, of, words));
    }
    let json: serde_json::Value = serde_json::from_str(held).ok()?;
    let part = within.iter().try_fold(&json, |json, name| json.get(name))?;
    let text = part.as_str().map_or_else(|| part.to_string(), str::to_owned);
    (!text.is_empty() && !part.is_null()).then(|| native_text(&text, of, words))
}

/// Characters of a value that a screen shows.
const SHOWN_CHARS: usize = 90;

/// A native text as the person sees it: lists by their labels, dates in their words.
pub fn native_text(text: &str, of: &Selector, words: &Words) -> String {
    let label = |value: &str| {
        let choice = of.choices.iter().find(|choice| choice.value == value);
        choice.map_or_else(|| value.to_owned(), |choice| choice.label.clone())
    };
    let whole = match of.native_type {
        NativeKind::Date | NativeKind::Datetime => words.date(text),
        NativeKind::Choices => text.split(';').map(|part| label(part.trim())).collect::<Vec<_>>().join(", "),
        NativeKind::Boolean if text == "true" => words.say("yes"),
        NativeKind::Boolean if text == "false" => words.say("no"),
        _ => label(text),
    };
    let mut cut: String = whole.chars().take(SHOWN_CHARS).collect();
    if cut.len() < whole.len() {
        cut.push('…');
    }
    cut
}

/// The record's own name: its first required text, else the first that holds any.
pub fn name_of(record: &Record, native: &ApiObject, words: &Words) -> String {
    let fields = native.selector.iter().flat_map(|root| &root.children);
    let texts: Vec<&Selector> = fields.filter(|field| field.native_type == NativeKind::Text).collect();
    let is_name = |field: &&&Selector| {
        field.access.required
            || field.api_name.as_deref().is_some_and(|name| name.contains("name") || name == "subject")
    };
    let named = texts.iter().filter(is_name).find_map(|field| shown(record, field, words));
    named.unwrap_or_else(|| format!("{} {}", native.label_one, record.id))
}

/// The picture for a type.
pub const fn icon(kind: NativeKind) -> &'static str {
    match kind {
        NativeKind::Text => "text",
        NativeKind::Number | NativeKind::Integer => "number",
        NativeKind::Boolean => "bool",
        NativeKind::Date | NativeKind::Datetime => "date",
        NativeKind::Choice | NativeKind::Choices | NativeKind::List => "choice",
        NativeKind::Object => "object",
    }
}

/// A type in one word, as the picker compares them.
pub fn code(simple: SimpleType) -> String {
    let plain = match simple {
        SimpleType::String(Some(TextFormat::Email | TextFormat::Uri)) => SimpleType::String(None),
        other => other,
    };
    let wire = serde_json::to_value(plain).unwrap_or_default();
    let part = |name: &str| wire[name].as_str().map(str::to_owned);
    [part("type"), part("format")].into_iter().flatten().collect::<Vec<_>>().join("/")
}

/// The number of an event among its object's, from 1.
pub fn nth(object: &CrmObject, event: &CrmEvent) -> usize {
    object.events.iter().position(|other| other.slug == event.slug).map_or(0, |at| at + 1)
}
