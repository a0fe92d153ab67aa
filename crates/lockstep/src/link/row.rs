//! One row of a mapping in full: what passes, where to, and what happens to it on the way.

use std::collections::BTreeMap;

use askama::Template;
use lockstep_core::crm::mapping::{MapRow, Otherwise, SlugRef};
use lockstep_core::crm::selector::{Choice, Passage};
use lockstep_core::crm::{CrmField, NativeKind, Operation, Operator, Selector, SimpleType, Transformation, Way};
use lockstep_core::limits::CRM_ROWS_MAX;
use serde_json::Value as Json;

use super::edits::{self, RowKey};
use super::fields::Picked;
use super::options::letter;
use super::scene::code;
use super::screens::Bar;
use super::words::Words;

/// What a form sends, by name.
pub type Given = BTreeMap<String, String>;

/// What a row belongs to.
pub struct Part<'a> {
    /// The payload or object field; `None` for a row that takes nothing from the app.
    pub field: Option<&'a CrmField>,
    /// Values that a text may speak of: name in the text, name for people.
    pub values: Vec<(String, String)>,
    /// The native fields.
    pub root: &'a Selector,
    /// What is done with them.
    pub operation: Operation,
    /// The person's time zone.
    pub zone: &'a str,
}

/// The kinds of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A value passes.
    Field,
    /// A fixed value.
    Static,
    /// A text with values.
    Template,
    /// Nothing.
    Empty,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Field => "field",
            Self::Static => "static",
            Self::Template => "template",
            Self::Empty => "empty",
        }
    }

    fn of(way: &Way) -> Self {
        match way {
            Way::Direct | Way::Date { .. } | Way::ValueMap { .. } => Self::Field,
            Way::Static { .. } => Self::Static,
            Way::Template { .. } => Self::Template,
            Way::Empty => Self::Empty,
        }
    }
}

/// Makes a row of what a form sent. `known` is the row as it was.
pub fn read(given: &Given, part: &Part<'_>, known: Option<&Transformation>) -> Transformation {
    let text = |name: &str| given.get(name).map(String::as_str).unwrap_or_default();
    let pointer = Some(text("pointer")).filter(|pointer| pointer.starts_with('#')).map(str::to_owned);
    let target = pointer.as_deref().and_then(|pointer| part.root.find(pointer));
    let reads = part.operation == Operation::Read;
    let way = match text("way") {
        "static" => Way::Static { static_value: typed(text("static_value"), part.field.filter(|_| reads)) },
        "template" => Way::Template { template: text("template").to_owned() },
        "empty" => Way::Empty,
        _ if given.contains_key("map") => Way::ValueMap { value_map: map_rows(given), otherwise: otherwise(given) },
        _ => passing(given, part, target),
    };
    let takes = part.field.filter(|_| reads || !matches!(way, Way::Static { .. } | Way::Template { .. }));
    let slug = takes.or(part.field).map(|field| SlugRef { slug: field.slug.clone() });
    let keeps_pointer = way != Way::Empty && !(reads && matches!(way, Way::Static { .. } | Way::Template { .. }));
    let default = Some(text("default_value")).filter(|text| !text.is_empty());
    let operator = if text("operator") == "contains" { Operator::Contains } else { Operator::Eq };
    Transformation {
        way,
        field: slug.or_else(|| known.and_then(|known| known.field.clone())),
        source_pointer: pointer.filter(|_| keeps_pointer),
        criteria_operator: (part.operation == Operation::Search).then_some(operator),
        default_value: default.map(|text| typed(text, part.field.filter(|_| reads))),
        only_if_empty: given.contains_key("only_if_empty") && !reads,
    }
}

fn passing(given: &Given, part: &Part<'_>, target: Option<&Selector>) -> Way {
    let simple = part.field.map_or(SimpleType::String(None), |field| field.simple_type);
    let way = target.map_or(Way::Direct, |target| edits::way(target, simple, part.operation, part.zone));
    match (way, given.get("time_zone")) {
        (Way::Date { .. }, Some(zone)) => {
            Way::Date { time_zone: Some(zone.trim().to_owned()).filter(|zone| !zone.is_empty()) }
        }
        (way, _) => way,
    }
}

/// A typed text as a value of the field's type; text where there is no field or where it does not fit.
fn typed(text: &str, field: Option<&CrmField>) -> Json {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Json::Null;
    }
    let as_it_is = || Json::String(text.to_owned());
    match field.map(|field| field.simple_type) {
        Some(SimpleType::Boolean) => trimmed.parse().map_or_else(|_| as_it_is(), Json::Bool),
        Some(SimpleType::Number | SimpleType::Integer | SimpleType::Object | SimpleType::Array(_)) => {
            serde_json::from_str(trimmed).unwrap_or_else(|_| as_it_is())
        }
        Some(SimpleType::String(_)) | None => as_it_is(),
    }
}

/// `from.0` and `to.0`, `from.1`…; rows without a match are left out. Several values of one match are one row.
fn map_rows(given: &Given) -> Vec<MapRow> {
    let mut rows: Vec<MapRow> = Vec::new();
    for at in 0..CRM_ROWS_MAX {
        let Some(from) = given.get(&format!("from.{at}")).map(|text| text.trim().to_owned()) else { break };
        let to = given.get(&format!("to.{at}")).map(|text| text.trim()).unwrap_or_default();
        if from.is_empty() || to.is_empty() {
            continue;
        }
        let to = Json::String(to.to_owned());
        match rows.iter_mut().find(|row| row.to == to) {
            Some(row) => row.from.push(from),
            None => rows.push(MapRow { from: vec![from], to }),
        }
    }
    rows
}

fn otherwise(given: &Given) -> Otherwise {
    match given.get("otherwise").map(String::as_str) {
        Some("keep") => Otherwise::Keep,
        Some("park") => Otherwise::Park,
        Some("use") => Otherwise::Use { value: typed(given.get("otherwise_value").map_or("", String::as_str), None) },
        _ => Otherwise::Skip,
    }
}

/// The screen.
#[derive(Template)]
#[template(path = "link/row.html")]
pub struct RowScreen<'a> {
    w: &'a Words,
    bar: Bar,
    title: String,
    description: String,
    post: String,
    list: String,
    /// What the form says again: object, event, row.
    hidden: Vec<(&'static str, String)>,
    kinds: Vec<(&'static str, &'static str, String, bool)>,
    kind: Kind,
    picked: Picked,
    op: &'static str,
    type_code: String,
    static_text: String,
    /// What a fixed value can be chosen from.
    choices: Vec<Choice>,
    template: String,
    values: &'a [(String, String)],
    becomes: Option<String>,
    default_text: String,
    only_if_empty: Option<bool>,
    zone: Option<String>,
    operator: Option<bool>,
    map: Option<MapForm>,
    can_map: bool,
    removable: bool,
    errors: Vec<String>,
}

/// A value map as a form.
struct MapForm {
    lines: Vec<MapLine>,
    other: &'static str,
    other_value: String,
}

struct MapLine {
    from: String,
    /// The same for people.
    shown: String,
    to: String,
    /// Whether the app lists the value, so that it cannot be typed over.
    fixed: bool,
}

/// What the screen is called and where it stands.
pub struct Frame<'a> {
    /// The texts.
    pub w: &'a Words,
    /// The top.
    pub bar: Bar,
    /// Where the form goes.
    pub post: String,
    /// Where the picker's list is.
    pub list: String,
    /// What the form says again.
    pub hidden: Vec<(&'static str, String)>,
    /// Which row it is.
    pub key: &'a RowKey,
}

impl<'a> RowScreen<'a> {
    /// The screen of a row, with what is wrong about it.
    pub fn new(
        frame: Frame<'a>,
        part: &'a Part<'a>,
        row: &Transformation,
        becomes: Option<String>,
        errors: Vec<String>,
    ) -> Self {
        let w = frame.w;
        let kind = Kind::of(&row.way);
        let reads = part.operation == Operation::Read;
        let target = row.source_pointer.as_deref().and_then(|pointer| part.root.find(pointer));
        let simple = part.field.map(|field| field.simple_type);
        let picked = match kind {
            Kind::Field => Picked::of(Some(row), part.root, w),
            // The picker shows where a fixed value goes, not the value.
            _ => Picked::of(target.map(|_| direct(row)).as_ref(), part.root, w),
        };
        let wide = kind != Kind::Field || matches!(row.way, Way::ValueMap { .. });
        Self {
            title: title(w, part, frame.key),
            description: match required(part, frame.key) {
                Some(label) => w.of("row-required", "field", label),
                None => part.field.map(|field| field.description.clone()).unwrap_or_default(),
            },
            kinds: kinds(w, part, kind),
            picked,
            op: letter(part.operation),
            type_code: simple.filter(|_| !wide).map_or_else(|| "any".to_owned(), code),
            static_text: match &row.way {
                Way::Static { static_value } => plain(static_value),
                _ => String::new(),
            },
            choices: choices(w, part, target),
            template: match &row.way {
                Way::Template { template } => template.clone(),
                _ => String::new(),
            },
            values: &part.values,
            becomes,
            default_text: row.default_value.as_ref().map(plain).unwrap_or_default(),
            only_if_empty: (!reads && part.operation != Operation::Search).then_some(row.only_if_empty),
            zone: zone(row, target, simple, part),
            operator: row.criteria_operator.map(|operator| operator == Operator::Contains),
            map: map_form(row, part, target),
            can_map: kind == Kind::Field
                && target.is_some()
                && part.field.is_some()
                && part.operation != Operation::Search,
            removable: part.field.is_none() || part.operation == Operation::Search,
            errors,
            kind,
            w,
            bar: frame.bar,
            post: frame.post,
            list: frame.list,
            hidden: frame.hidden,
        }
    }

    fn is(&self, word: &str) -> bool {
        self.kind.word() == word
    }

    /// Whether a native field belongs to this kind of row.
    fn has_target(&self) -> bool {
        self.kind == Kind::Field || (self.kind != Kind::Empty && self.op != "r")
    }

    fn matched(&self) -> usize {
        self.map.iter().flat_map(|map| &map.lines).filter(|line| !line.from.is_empty() && !line.to.is_empty()).count()
    }

    fn lines(&self) -> usize {
        self.map.iter().flat_map(|map| &map.lines).filter(|line| !line.from.is_empty()).count()
    }
}

fn direct(row: &Transformation) -> Transformation {
    Transformation { source_pointer: row.source_pointer.clone(), ..Transformation::new(Way::Direct) }
}

fn title(w: &Words, part: &Part<'_>, key: &RowKey) -> String {
    let search = part.operation == Operation::Search;
    match part.field {
        Some(field) if part.operation == Operation::Read => w.of("row-read-title", "field", field.label.as_str()),
        Some(field) if search => w.of("row-filter-title", "field", field.label.as_str()),
        Some(field) => w.of("row-write-title", "field", field.label.as_str()),
        None => match required(part, key) {
            Some(label) => w.of("row-required-title", "field", label),
            _ if search => w.say("row-new-filter-title"),
            _ => w.say("row-new-title"),
        },
    }
}

/// What the CRM requires, where a row for it is begun.
fn required<'a>(part: &Part<'a>, key: &RowKey) -> Option<&'a str> {
    let RowKey::New(Some(pointer)) = key else { return None };
    part.root.find(pointer)?.label.as_deref()
}

fn kinds(w: &Words, part: &Part<'_>, kind: Kind) -> Vec<(&'static str, &'static str, String, bool)> {
    let of = |one: Kind, icon, label| (one.word(), icon, label, kind == one);
    let text = part.operation != Operation::Read
        || part.field.is_some_and(|field| matches!(field.simple_type, SimpleType::String(_)));
    let mut kinds = Vec::new();
    if part.field.is_some() {
        kinds.push(of(Kind::Field, "next", w.say("row-way-field")));
    }
    kinds.push(of(Kind::Static, "lock", w.say("row-way-static")));
    if text {
        kinds.push(of(Kind::Template, "text", w.say("row-way-template")));
    }
    if part.field.is_some() && part.operation != Operation::Search {
        kinds.push(of(Kind::Empty, "minus", w.say("row-way-empty")));
    }
    kinds
}

/// What a fixed value can be, where that is a short list.
fn choices(w: &Words, part: &Part<'_>, target: Option<&Selector>) -> Vec<Choice> {
    let reads = part.operation == Operation::Read;
    let boolean = || {
        let choice = |value: &str, label: String| Choice { value: value.to_owned(), label };
        vec![choice("true", w.say("yes")), choice("false", w.say("no"))]
    };
    if reads {
        return match part.field.map(|field| field.simple_type) {
            Some(SimpleType::Boolean) => boolean(),
            _ => part
                .field
                .iter()
                .flat_map(|field| &field.choices)
                .map(|value| Choice { value: plain(value), label: plain(value) })
                .collect(),
        };
    }
    match target {
        Some(target) if target.native_type == NativeKind::Boolean => boolean(),
        Some(target) => target.choices.clone(),
        None => Vec::new(),
    }
}

fn plain(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn zone(
    row: &Transformation,
    target: Option<&Selector>,
    simple: Option<SimpleType>,
    part: &Part<'_>,
) -> Option<String> {
    if let Way::Date { time_zone } = &row.way {
        return Some(time_zone.clone().unwrap_or_default());
    }
    let dates = target?.passages(simple?, part.operation).contains(&Passage::Date);
    (dates && matches!(row.way, Way::Date { .. })).then(String::new)
}

/// The map as it is, and a line for every value that the app or the CRM lists.
fn map_form(row: &Transformation, part: &Part<'_>, target: Option<&Selector>) -> Option<MapForm> {
    let Way::ValueMap { value_map, otherwise } = &row.way else { return None };
    let same = |value: &Json| (plain(value), plain(value));
    let listed: Vec<(String, String)> = match part.operation {
        Operation::Read => {
            let choices = target.iter().flat_map(|target| &target.choices);
            choices.map(|choice| (choice.value.clone(), choice.label.clone())).collect()
        }
        _ => part.field.iter().flat_map(|field| &field.choices).map(same).collect(),
    };
    let to = |from: &String| value_map.iter().find(|row| row.from.contains(from)).map(|row| plain(&row.to));
    let line = |(from, shown): &(String, String)| MapLine {
        from: from.clone(),
        shown: shown.clone(),
        to: to(from).unwrap_or_default(),
        fixed: true,
    };
    let mut lines: Vec<MapLine> = listed.iter().map(line).collect();
    let typed = value_map.iter().flat_map(|row| row.from.iter().map(|from| (from, plain(&row.to))));
    let typed = typed.filter(|(from, _)| listed.iter().all(|(known, _)| known != *from));
    lines.extend(typed.map(|(from, to)| MapLine { from: from.clone(), shown: from.clone(), to, fixed: false }));
    if listed.is_empty() {
        lines.push(MapLine { from: String::new(), shown: String::new(), to: String::new(), fixed: false });
    }
    let (other, other_value) = match otherwise {
        Otherwise::Skip => ("skip", String::new()),
        Otherwise::Keep => ("keep", String::new()),
        Otherwise::Park => ("park", String::new()),
        Otherwise::Use { value } => ("use", plain(value)),
    };
    Some(MapForm { lines, other, other_value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockstep_core::crm::{Access, ApiObject, definition, selector::NativeField};
    use serde_json::json;

    fn stage() -> Selector {
        let access = Access { readable: true, createable: true, updateable: true, required: false, searchable: true };
        let of = |name: &str, kind| NativeField {
            name: name.to_owned(),
            label: name.to_owned(),
            kind,
            choices: Vec::new(),
            access,
            children: Vec::new(),
        };
        let fields =
            [of("stage", NativeKind::Choice), of("closedate", NativeKind::Date), of("open", NativeKind::Boolean)];
        ApiObject::new("deals", "Deal", "Deals").described(&fields).selector.unwrap()
    }

    fn field(schema: Json) -> CrmField {
        let given = json!({"deal": {"fields": {"it": schema}}});
        definition::objects(&given).unwrap().remove(0).fields.remove(0)
    }

    fn made(schema: Json, operation: Operation, given: &[(&str, &str)]) -> Json {
        let (field, root) = (field(schema), stage());
        let part = Part { field: Some(&field), values: Vec::new(), root: &root, operation, zone: "Asia/Jakarta" };
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        serde_json::to_value(read(&given, &part, None)).unwrap()
    }

    #[test]
    fn a_form_becomes_the_row_that_it_shows() {
        let text = json!({"type": "string"});
        let moment = json!({"type": "string", "format": "datetime"});
        let at = |name: &str| format!("#/properties/{name}");
        assert_eq!(
            made(
                moment.clone(),
                Operation::Update,
                &[("way", "field"), ("pointer", &at("closedate")), ("only_if_empty", "on")]
            ),
            json!({"name": "date", "time_zone": "Asia/Jakarta", "field": {"slug": "it"}, "source_pointer": at("closedate"), "only_if_empty": true})
        );
        assert_eq!(
            made(
                moment,
                Operation::Read,
                &[("pointer", &at("closedate")), ("time_zone", "UTC"), ("default_value", "2026-01-01")]
            ),
            json!({"name": "date", "time_zone": "UTC", "field": {"slug": "it"}, "source_pointer": at("closedate"), "default_value": "2026-01-01"})
        );
        assert_eq!(
            made(json!({"type": "boolean"}), Operation::Read, &[("way", "static"), ("static_value", "true")]),
            json!({"name": "static", "static_value": true, "field": {"slug": "it"}})
        );
        assert_eq!(
            made(
                text.clone(),
                Operation::Create,
                &[("way", "template"), ("template", "{{ it }}!"), ("pointer", &at("stage"))]
            ),
            json!({"name": "template", "template": "{{ it }}!", "field": {"slug": "it"}, "source_pointer": at("stage")})
        );
        assert_eq!(
            made(text, Operation::Search, &[("pointer", &at("stage")), ("operator", "contains")]),
            json!({"name": "direct", "field": {"slug": "it"}, "source_pointer": at("stage"), "criteria_operator": "contains"})
        );
    }

    #[test]
    fn many_values_become_one_and_lines_without_a_match_are_left_out() {
        let given = [
            ("pointer", "#/properties/stage"),
            ("map", "on"),
            ("from.0", "done"),
            ("to.0", "won"),
            ("from.1", "sent"),
            ("to.1", ""),
            ("from.2", " signed "),
            ("to.2", "won"),
            ("otherwise", "use"),
            ("otherwise_value", "open"),
        ];
        assert_eq!(
            made(json!({"type": "string"}), Operation::Update, &given),
            json!({"name": "value_map", "value_map": [{"from": ["done", "signed"], "to": "won"}],
                "otherwise": {"then": "use", "value": "open"}, "field": {"slug": "it"}, "source_pointer": "#/properties/stage"})
        );
    }
}
