//! Filters of a query: conditions on one property or time, and groups of them two levels deep. Source: Notion's page
//! "Filter data source entries".

use std::sync::Arc;

use serde_json::Value;

use super::answer::{Refusal, uuid};
use super::cells::Cell;
use super::dates;
use super::schema::{self, Kind, Property};
use super::workspace::{Page, Source, Workspace};

/// Groups within groups.
const LEVELS_MAX: usize = 2;

/// What a condition or an order looks at.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    Created,
    Edited,
    Property(Arc<str>),
}

/// A value that rows are ordered by; what holds nothing comes last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Number(i128),
    Text(String),
    Nothing,
}

impl Subject {
    pub(super) fn of(property: &Property) -> Self {
        match property.kind {
            Kind::CreatedTime => Self::Created,
            Kind::EditedTime => Self::Edited,
            _ => Self::Property(Arc::clone(&property.id)),
        }
    }

    pub(super) fn key(&self, workspace: &Workspace, source: &Source, page: &Page) -> Key {
        let id = match self {
            Self::Created => return Key::Number(workspace.cut_us(page.life.created_us).into()),
            Self::Edited => return Key::Number(workspace.cut_us(page.life.edited_us).into()),
            Self::Property(id) => id,
        };
        let property = source.properties.iter().find(|it| it.id == *id);
        match (property.map(|it| &it.kind), page.cells.get(id)) {
            (Some(Kind::UniqueId { .. }), _) => Key::Number(page.number.into()),
            (_, Some(Cell::Number(number))) => Key::Number((number.as_f64().unwrap_or(0.0) * 1e6) as i128),
            (_, Some(Cell::Date { start, .. })) => Key::Number(dates::span_us(start).map_or(0, |it| it.0).into()),
            (Some(Kind::Checkbox), cell) => Key::Number(cell.is_some().into()),
            (Some(kind), Some(Cell::Choice(option))) => {
                let place = kind.choices().iter().position(|it| it.id == *option);
                place.map_or(Key::Nothing, |at| Key::Number(at as i128))
            }
            (Some(_), _) => {
                let flat = property.and_then(|it| workspace.flat(page, &source.properties, it));
                flat.map_or(Key::Nothing, |text| Key::Text(text.to_lowercase()))
            }
            (None, _) => Key::Nothing,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) enum Test {
    IsEmpty(bool),
    /// A whole text, as written.
    Equals(String, bool),
    /// A part of a text, whatever its case; the words are in small letters.
    Contains(String, bool),
    StartsWith(String),
    EndsWith(String),
    Number(fn(f64, f64) -> bool, f64),
    Checked(bool),
    /// Any of these options, by name.
    Options(Vec<String>, bool),
    /// A page or a person.
    Entry(String, bool),
    /// From the first to before the last, or outside of that.
    Time(i64, i64, bool),
}

/// A filter that was checked against the schema.
#[derive(Clone, Debug)]
pub(super) enum Filter {
    All(Vec<Self>),
    Any(Vec<Self>),
    One(Subject, Test),
}

impl Filter {
    pub(super) fn read(given: &Value, properties: &[Property], now_us: i64) -> Result<Self, Refusal> {
        Self::read_level(given, properties, now_us, "filter", 0)
    }

    fn read_level(
        given: &Value,
        properties: &[Property],
        now_us: i64,
        path: &str,
        level: usize,
    ) -> Result<Self, Refusal> {
        for (name, group) in [("and", Self::All as fn(Vec<Self>) -> Self), ("or", Self::Any)] {
            let Some(inner) = given.get(name) else {
                continue;
            };
            let path = format!("{path}.{name}");
            if level == LEVELS_MAX {
                return Err(Refusal::body(&path, "not present: groups may be nested two levels deep", inner));
            }
            let inner = inner.as_array().ok_or_else(|| Refusal::body(&path, "an array", inner))?;
            let read = |(at, it): (usize, &Value)| {
                Self::read_level(it, properties, now_us, &format!("{path}[{at}]"), level + 1)
            };
            return inner.iter().enumerate().map(read).collect::<Result<_, _>>().map(group);
        }
        if let Some(timestamp) = given["timestamp"].as_str() {
            let subject = match timestamp {
                "created_time" => Subject::Created,
                "last_edited_time" => Subject::Edited,
                _ => return Err(Refusal::body(&format!("{path}.timestamp"), "a timestamp", &given["timestamp"])),
            };
            return Ok(Self::One(subject, read_time(&given[timestamp], &format!("{path}.{timestamp}"), now_us)?));
        }
        let Some(key) = given["property"].as_str() else {
            return Err(Refusal::body(&format!("{path}.or"), "defined", &Value::Null));
        };
        let property = schema::named(properties, key)
            .ok_or_else(|| Refusal::validation(format!("Could not find property with name or id: {key}")))?;
        let kind = property.kind.wire();
        let Some(condition) = given.get(kind) else {
            let members = given.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
            let said = members.into_iter().find(|name| !matches!(*name, "property" | "type")).unwrap_or("nothing");
            return Err(Refusal::validation(format!("database property {kind} does not match filter {said}")));
        };
        let test = Test::read(&property.kind, condition, &format!("{path}.{kind}"), now_us)?;
        Ok(Self::One(Subject::of(property), test))
    }

    pub(super) fn holds(&self, workspace: &Workspace, source: &Source, page: &Page) -> bool {
        match self {
            Self::All(inner) => inner.iter().all(|it| it.holds(workspace, source, page)),
            Self::Any(inner) => inner.iter().any(|it| it.holds(workspace, source, page)),
            Self::One(Subject::Created, test) => test.holds_at(workspace.cut_us(page.life.created_us)),
            Self::One(Subject::Edited, test) => test.holds_at(workspace.cut_us(page.life.edited_us)),
            Self::One(Subject::Property(id), test) => test.holds(workspace, source, page, id),
        }
    }
}

/// The only member of a condition: its name and value.
fn condition<'a>(given: &'a Value, path: &str) -> Result<(&'a str, &'a Value), Refusal> {
    let mut members = given.as_object().into_iter().flatten();
    members.next().map(|(name, value)| (name.as_str(), value)).ok_or_else(|| Refusal::body(path, "defined", given))
}

fn read_time(given: &Value, path: &str, now_us: i64) -> Result<Test, Refusal> {
    let (name, value) = condition(given, path)?;
    if let Some((from_us, to_us)) = dates::relative_us(name, now_us) {
        return Ok(Test::Time(from_us, to_us, true));
    }
    let path = format!("{path}.{name}");
    let span = value.as_str().and_then(dates::span_us);
    match (name, span) {
        ("is_empty", _) => Ok(Test::IsEmpty(true)),
        ("is_not_empty", _) => Ok(Test::IsEmpty(false)),
        ("equals", Some((from_us, to_us))) => Ok(Test::Time(from_us, to_us, true)),
        ("before", Some((from_us, _))) => Ok(Test::Time(i64::MIN, from_us, true)),
        ("after", Some((_, to_us))) => Ok(Test::Time(to_us, i64::MAX, true)),
        ("on_or_before", Some((_, to_us))) => Ok(Test::Time(i64::MIN, to_us, true)),
        ("on_or_after", Some((from_us, _))) => Ok(Test::Time(from_us, i64::MAX, true)),
        ("equals" | "before" | "after" | "on_or_before" | "on_or_after", None) => {
            Err(Refusal::body(&path, "a valid ISO 8601 date string", value))
        }
        _ => Err(Refusal::body(&path, "not present", value)),
    }
}

impl Test {
    fn read(kind: &Kind, given: &Value, path: &str, now_us: i64) -> Result<Self, Refusal> {
        let kind = kind.wire();
        if matches!(kind, "date" | "created_time" | "last_edited_time") {
            return read_time(given, path, now_us);
        }
        // A formula's text is one level deeper.
        if kind == "formula" {
            return Self::read(&Kind::RichText, &given["string"], &format!("{path}.string"), now_us);
        }
        let (name, value) = condition(given, path)?;
        let wrong = |should: &str| Refusal::body(&format!("{path}.{name}"), should, value);
        match name {
            "is_empty" => return Ok(Self::IsEmpty(true)),
            "is_not_empty" => return Ok(Self::IsEmpty(false)),
            _ => {}
        }
        match kind {
            "checkbox" => match (name, value.as_bool()) {
                ("equals", Some(wanted)) => Ok(Self::Checked(wanted)),
                ("does_not_equal", Some(wanted)) => Ok(Self::Checked(!wanted)),
                _ => Err(wrong("a boolean")),
            },
            "number" | "unique_id" => {
                let compare: fn(f64, f64) -> bool = match name {
                    "equals" => |a, b| a == b,
                    "does_not_equal" => |a, b| a != b,
                    "greater_than" => |a, b| a > b,
                    "less_than" => |a, b| a < b,
                    "greater_than_or_equal_to" => |a, b| a >= b,
                    "less_than_or_equal_to" => |a, b| a <= b,
                    _ => return Err(wrong("not present")),
                };
                Ok(Self::Number(compare, value.as_f64().ok_or_else(|| wrong("a number"))?))
            }
            "select" | "status" | "multi_select" => {
                let is_wanted = match name {
                    "equals" | "contains" => true,
                    "does_not_equal" | "does_not_contain" => false,
                    _ => return Err(wrong("not present")),
                };
                let names = match value {
                    Value::Array(names) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                    other => vec![other.as_str().ok_or_else(|| wrong("a string"))?.to_owned()],
                };
                Ok(Self::Options(names, is_wanted))
            }
            "relation" | "people" | "created_by" | "last_edited_by" => {
                let id = value.as_str().and_then(uuid).ok_or_else(|| wrong("a valid uuid"))?;
                match name {
                    "contains" => Ok(Self::Entry(id, true)),
                    "does_not_contain" => Ok(Self::Entry(id, false)),
                    _ => Err(wrong("not present")),
                }
            }
            _ => {
                let text = value.as_str().ok_or_else(|| wrong("a string"))?.to_owned();
                match name {
                    "equals" => Ok(Self::Equals(text, true)),
                    "does_not_equal" => Ok(Self::Equals(text, false)),
                    "contains" => Ok(Self::Contains(text.to_lowercase(), true)),
                    "does_not_contain" => Ok(Self::Contains(text.to_lowercase(), false)),
                    "starts_with" => Ok(Self::StartsWith(text.to_lowercase())),
                    "ends_with" => Ok(Self::EndsWith(text.to_lowercase())),
                    _ => Err(wrong("not present")),
                }
            }
        }
    }

    fn holds_at(&self, us: i64) -> bool {
        match self {
            Self::Time(from_us, to_us, is_wanted) => (*from_us..*to_us).contains(&us) == *is_wanted,
            Self::IsEmpty(wanted) => !wanted,
            _ => false,
        }
    }

    fn holds(&self, workspace: &Workspace, source: &Source, page: &Page, id: &Arc<str>) -> bool {
        let cell = page.cells.get(id);
        // The common way, a line that must be equal, needs no schema.
        if let (Self::Equals(wanted, is_wanted), Some(Cell::Line(line))) = (self, cell) {
            return (line == wanted) == *is_wanted;
        }
        let Some(property) = source.properties.iter().find(|it| it.id == *id) else {
            return false;
        };
        let text = || workspace.flat(page, &source.properties, property);
        match self {
            Self::IsEmpty(wanted) => (property.kind != Kind::Checkbox && text().is_none()) == *wanted,
            Self::Equals(wanted, is_wanted) => (text().unwrap_or_default() == *wanted) == *is_wanted,
            Self::Contains(part, is_wanted) => {
                text().unwrap_or_default().to_lowercase().contains(part.as_str()) == *is_wanted
            }
            Self::StartsWith(part) => text().unwrap_or_default().to_lowercase().starts_with(part.as_str()),
            Self::EndsWith(part) => text().unwrap_or_default().to_lowercase().ends_with(part.as_str()),
            Self::Number(compare, wanted) => {
                let held = match (&property.kind, cell) {
                    (Kind::UniqueId { .. }, _) => Some(page.number as f64),
                    (_, Some(Cell::Number(number))) => number.as_f64(),
                    _ => None,
                };
                held.is_some_and(|held| compare(held, *wanted))
            }
            Self::Checked(wanted) => cell.is_some() == *wanted,
            Self::Options(names, is_wanted) => {
                let is_named = |id: &Arc<str>| {
                    let choice = property.kind.choices().iter().find(|it| it.id == *id);
                    choice.is_some_and(|it| names.contains(&it.name))
                };
                let held = match cell {
                    Some(Cell::Choice(id)) => is_named(id),
                    Some(Cell::Choices(ids)) => ids.iter().any(is_named),
                    _ => false,
                };
                held == *is_wanted
            }
            Self::Entry(wanted, is_wanted) => {
                let held = match cell {
                    Some(Cell::Ids(ids)) => ids.contains(wanted),
                    _ => text().is_some_and(|id| id == *wanted),
                };
                held == *is_wanted
            }
            Self::Time(..) => match cell {
                Some(Cell::Date { start, .. }) => dates::span_us(start).is_some_and(|(us, _)| self.holds_at(us)),
                _ => false,
            },
        }
    }
}
