//! The screen where a person says where each field of a CRM object comes from.

use askama::Template;
use lockstep_core::crm::{CrmField, CrmObject, Operation, Selector, SimpleType, State, Transformation, Way, suggest};

use super::journey::Place;
use super::options;
use super::scene::{Scene, code, icon, latest};
use super::screens::Bar;
use super::words::Words;

/// Fields above which those that are set are folded away.
const FOLD_ABOVE: usize = 12;

/// The screen.
#[derive(Template)]
#[template(path = "link/fields.html")]
pub struct FieldsScreen<'a> {
    w: &'a Words,
    bar: Bar,
    object: &'a str,
    native: String,
    native_href: String,
    list: String,
    post: String,
    next: String,
    rows: Vec<FieldRow>,
    folded: Vec<FieldRow>,
    done: usize,
    total: usize,
    suggested: usize,
    /// Whether to point at what is missing.
    judged: bool,
    /// What was wrong with a child that was to be added.
    refused: Option<String>,
}

/// How far a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Open,
    Suggested,
    Chosen,
    Gone,
    Wrong,
}

/// One field.
struct FieldRow {
    id: String,
    slug: String,
    label: String,
    description: String,
    standing: Standing,
    picked: Picked,
    guess: String,
    type_code: String,
    latest: Option<String>,
    edit: Option<String>,
    /// Values that a value map turns into others; offered where lists meet.
    matched: Option<usize>,
    error: Option<String>,
    is_child: bool,
    /// Whether a person may add fields below it, and whether it has any.
    parent: Option<bool>,
}

/// What a picker shows.
pub struct Picked {
    /// In words.
    pub label: String,
    /// The picture.
    pub icon: &'static str,
    /// What its form sends.
    pub value: String,
}

impl Picked {
    /// What a row shows in a picker.
    pub fn of(row: Option<&Transformation>, root: &Selector, w: &Words) -> Self {
        let plain = |label: String, icon, value: &str| Self { label, icon, value: value.to_owned() };
        let Some(row) = row else { return plain(w.say("fields-choose"), "minus", "") };
        match &row.way {
            Way::Empty => plain(w.say("fields-leave"), "minus", "empty"),
            Way::Static { static_value } if static_value.is_null() => plain(w.say("picker-static"), "text", "static"),
            Way::Static { static_value } => plain(fixed(static_value, w), "text", "static"),
            Way::Template { template } if template.is_empty() => plain(w.say("picker-template"), "text", "template"),
            Way::Template { template } => plain(template.clone(), "text", "template"),
            Way::Direct | Way::Date { .. } | Way::ValueMap { .. } => {
                let pointer = row.source_pointer.as_deref().unwrap_or_default();
                match root.find(pointer) {
                    Some(found) => plain(found.label.clone().unwrap_or_default(), icon(found.native_type), pointer),
                    None if pointer.is_empty() => plain(w.say("fields-choose"), "minus", ""),
                    None => plain(last_name(pointer), "warn", pointer),
                }
            }
        }
    }
}

/// The name that a pointer ends in, for what the CRM no longer describes.
pub fn last_name(pointer: &str) -> String {
    pointer.rsplit('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~")
}

/// A fixed value, as people read it.
pub fn fixed(value: &serde_json::Value, w: &Words) -> String {
    match value {
        serde_json::Value::Bool(true) => w.say("yes"),
        serde_json::Value::Bool(false) => w.say("no"),
        serde_json::Value::String(text) => format!("“{text}”"),
        other => other.to_string(),
    }
}

impl<'a> FieldsScreen<'a> {
    /// The screen for an object; `None` where it is not mapped to a described native object.
    pub fn new(scene: &'a Scene, object: &'a CrmObject, judged: bool, refused: Option<String>) -> Option<Self> {
        let native = scene.native(object)?;
        let root = native.selector.as_ref()?;
        let top = object.fields.iter().filter(|field| field.parent_slug.is_none());
        let ordered = top.flat_map(|field| std::iter::once(field).chain(object.children(&field.slug)));
        let all: Vec<FieldRow> =
            ordered.enumerate().map(|(at, field)| FieldRow::new(scene, object, field, root, at)).collect();
        let counted = || all.iter().filter(|row| row.parent != Some(true));
        let (total, done) = (counted().count(), counted().filter(|row| row.is_set()).count());
        let suggested = counted().filter(|row| row.standing == Standing::Suggested).count();
        let fold = total > FOLD_ABOVE;
        let (folded, rows) =
            all.into_iter().partition(|row| fold && row.is_set() && row.parent.is_none() && !row.is_child);
        let place = Place::Fields(object.slug.clone());
        Some(Self {
            w: &scene.words,
            bar: Bar::at(scene, &place),
            object: &object.slug,
            native: native.label_many.clone(),
            native_href: Place::Native(object.slug.clone()).href(scene),
            list: options::href(scene, object, native, None),
            post: scene.href("fields", &[]),
            next: scene.href("fields", &[("object", &object.slug), ("next", "yes")]),
            rows,
            folded,
            done,
            total,
            suggested,
            judged,
            refused,
        })
    }

    /// Whether every field has what it needs.
    pub const fn is_complete(&self) -> bool {
        self.done == self.total
    }

    /// The field to go to first.
    fn first_open(&self) -> Option<&FieldRow> {
        self.rows.iter().find(|row| !row.is_set() && row.parent != Some(true))
    }
}

impl FieldRow {
    fn new(scene: &Scene, object: &CrmObject, field: &CrmField, root: &Selector, at: usize) -> Self {
        let row = scene.mapping(object).and_then(|mapping| mapping.row(&field.slug));
        let found = scene.findings_at(object, "fields", &field.slug);
        let guess = suggest::field(field, root, Operation::Read).and_then(|guess| guess.pointer.clone());
        let standing = match (row, found.first().map(|found| found.state)) {
            (None, _) | (_, Some(State::Missing)) => Standing::Open,
            (_, Some(State::Gone)) => Standing::Gone,
            (_, Some(State::Wrong)) => Standing::Wrong,
            (Some(row), None) if row.source_pointer.is_some() && row.source_pointer == guess && is_plain(row) => {
                Standing::Suggested
            }
            (Some(_), None) => Standing::Chosen,
        };
        let native = scene.native(object);
        let source = row.and_then(|row| root.find(row.source_pointer.as_deref()?));
        let sample = source.zip(native).map(|(source, native)| {
            latest(scene.records(native), source, &scene.words).unwrap_or_else(|| scene.words.say("fields-none-latest"))
        });
        let has_children = object.children(&field.slug).next().is_some();
        let lists = source.is_some_and(|source| !source.choices.is_empty()) || !field.choices.is_empty();
        let matched = row.filter(|_| lists && source.is_some()).map(|row| match &row.way {
            Way::ValueMap { value_map, .. } => value_map.len(),
            _ => 0,
        });
        let is_top_object = field.simple_type == SimpleType::Object && field.parent_slug.is_none();
        Self {
            id: format!("f{at}"),
            slug: field.slug.clone(),
            label: field.label.clone(),
            description: if field.description == field.label { String::new() } else { field.description.clone() },
            standing,
            picked: Picked::of(row, root, &scene.words),
            guess: guess.unwrap_or_default(),
            type_code: code(field.simple_type),
            latest: sample,
            edit: row
                .filter(|row| row.way != Way::Empty)
                .map(|_| scene.href("row", &[("object", &object.slug), ("row", &format!("of:{}", field.slug))])),
            matched,
            error: found.into_iter().find(|found| found.state == State::Wrong).map(|found| found.error),
            is_child: field.parent_slug.is_some(),
            parent: is_top_object.then_some(has_children),
        }
    }

    const fn is_set(&self) -> bool {
        matches!(self.standing, Standing::Suggested | Standing::Chosen)
    }

    fn is(&self, word: &str) -> bool {
        word == match self.standing {
            Standing::Open => "open",
            Standing::Suggested => "suggested",
            Standing::Chosen => "chosen",
            Standing::Gone => "gone",
            Standing::Wrong => "wrong",
        }
    }
}

/// Whether a row is as a suggestion would be.
fn is_plain(row: &Transformation) -> bool {
    matches!(row.way, Way::Direct | Way::Date { .. }) && row.default_value.is_none()
}
