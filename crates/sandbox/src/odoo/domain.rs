//! Domains: lists of conditions with prefix operators. Source: the ORM reference, search domains, and
//! `osv/expression.py`, since version 19 `orm/domains.py`.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::database::{Caller, Database};
use super::refusal::Refusal;
use super::schema::{Field, Kind, Model};
use super::tables::Row;
use super::times::{self, SECOND_US};
use super::values::python;

/// Conditions one domain may have.
const CONDITIONS_MAX: usize = 5_000;
/// How deep a path of fields may go, and how deep operators may nest.
const DEPTH_MAX: usize = 200;

/// A domain, ready to be asked of rows.
pub(super) enum Test {
    All,
    None,
    And(Vec<Test>),
    Or(Vec<Test>),
    Not(Box<Test>),
    Leaf(Arc<Field>, Is),
}

/// What one condition asks of a cell.
pub(super) enum Is {
    /// One of these numbers, or nothing.
    Numbers(BTreeSet<i64>, bool),
    Floats(Vec<f64>, bool),
    Texts(BTreeSet<String>, bool),
    /// One of these records, or none at all.
    Linked(BTreeSet<u64>, bool),
    Like {
        pattern: String,
        folded: bool,
    },
    Above {
        bound: Value,
        or_equal: bool,
    },
    Below {
        bound: Value,
        or_equal: bool,
    },
}

/// Reads a domain. `names` tells whether any condition speaks of `active`.
pub(super) fn compile(database: &Database, who: &Caller, model: &Model, domain: &Value) -> Result<Test, Refusal> {
    let items = match domain {
        Value::Array(items) => items.as_slice(),
        Value::Null | Value::Bool(false) => &[],
        other => return Err(invalid_item(database, other)),
    };
    if items.len() > CONDITIONS_MAX {
        return Err(Refusal::value("Domain() has too many conditions"));
    }
    let mut parts = Vec::new();
    let mut at = 0;
    while at < items.len() {
        parts.push(node(database, who, model, items, &mut at, 0)?);
    }
    let speaks_of_active = items.iter().any(|item| item.get(0).and_then(Value::as_str) == Some("active"));
    if let Some(active) = model.field("active").filter(|_| who.active_test && !speaks_of_active) {
        parts.push(Test::Leaf(Arc::clone(active), Is::Numbers(BTreeSet::from([1]), false)));
    }
    Ok(Test::And(parts))
}

/// Reads one term in prefix notation.
fn node(
    database: &Database,
    who: &Caller,
    model: &Model,
    items: &[Value],
    at: &mut usize,
    depth: usize,
) -> Result<Test, Refusal> {
    let malformed = || {
        let domain = python(&Value::from(items.to_vec()));
        if database.settings.version >= 19 {
            return Refusal::value(format!("Domain() malformed: {domain}"));
        }
        let words = format!("This domain is syntactically not correct: {domain}");
        Refusal::new(500, "builtins.AssertionError", words)
    };
    let item = items.get(*at).filter(|_| depth < DEPTH_MAX).ok_or_else(malformed)?;
    *at += 1;
    let mut next = || node(database, who, model, items, at, depth + 1);
    match item {
        Value::String(operator) => match operator.as_str() {
            "&" => Ok(Test::And(vec![next()?, next()?])),
            "|" => Ok(Test::Or(vec![next()?, next()?])),
            "!" => Ok(Test::Not(Box::new(next()?))),
            _ => Err(invalid_item(database, item)),
        },
        Value::Array(triple) => match triple.as_slice() {
            [Value::String(path), Value::String(operator), value] => {
                condition(database, who, model, path, &operator.to_lowercase(), value, 0)
            }
            // The two constants of old.
            [Value::Number(one), _, Value::Number(other)] => Ok(if one == other { Test::All } else { Test::None }),
            _ => Err(invalid_item(database, item)),
        },
        _ => Err(invalid_item(database, item)),
    }
}

fn invalid_item(database: &Database, item: &Value) -> Refusal {
    let words = if database.settings.version >= 19 { "Domain() invalid item in domain:" } else { "Invalid leaf" };
    Refusal::value(format!("{words} {}", python(item)))
}

/// Reads `[path, operator, value]`.
fn condition(
    database: &Database,
    who: &Caller,
    model: &Model,
    path: &str,
    operator: &str,
    value: &Value,
    depth: usize,
) -> Result<Test, Refusal> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let invalid = || {
        let leaf = format!("('{path}', '{operator}', {})", python(value));
        Refusal::value(if database.settings.version >= 19 {
            format!("Invalid field {}.{name} in condition {leaf}", model.name)
        } else {
            format!("Invalid field {}.{name} in leaf {leaf}", model.name)
        })
    };
    let field = Arc::clone(model.field(name).filter(|_| depth < DEPTH_MAX).ok_or_else(invalid)?);
    if let Some(rest) = rest {
        let relation = Arc::clone(database.schema.get(&*field.relation).ok_or_else(invalid)?);
        let everyone = Caller { active_test: false, ..who.clone() };
        let inner = condition(database, &everyone, &relation, rest, operator, value, depth + 1)?;
        return Ok(Test::Leaf(field, Is::Linked(database.ids_where(&relation, &inner), false)));
    }
    let (positive, negated) = match operator {
        "!=" | "<>" => ("=", true),
        "not in" => ("in", true),
        "not like" => ("like", true),
        "not ilike" => ("ilike", true),
        "not =like" => ("=like", true),
        "not =ilike" => ("=ilike", true),
        "==" => ("=", false),
        other => (other, false),
    };
    let test = match positive {
        "=?" if matches!(value, Value::Bool(false) | Value::Null) => Test::All,
        "=" | "in" | "=?" => Test::Leaf(Arc::clone(&field), equal(database, who, &field, value)?),
        "like" | "ilike" | "=like" | "=ilike" => like(database, who, &field, positive, value)?,
        "<" | "<=" | ">" | ">=" => ordered(database, &field, positive, value)?,
        "child_of" | "parent_of" => kin(database, who, model, &field, positive == "child_of", value)?,
        _ => {
            let leaf = format!("('{path}', '{operator}', {})", python(value));
            return Err(Refusal::value(if database.settings.version >= 19 {
                format!("Invalid operator {operator} in domain term {leaf}")
            } else {
                format!("Invalid leaf {leaf}")
            }));
        }
    };
    Ok(if negated { Test::Not(Box::new(test)) } else { test })
}

fn equal(database: &Database, who: &Caller, field: &Field, value: &Value) -> Result<Is, Refusal> {
    let values = match value {
        Value::Array(values) => values.as_slice(),
        one => std::slice::from_ref(one),
    };
    let empty = values.iter().any(|value| matches!(value, Value::Null | Value::Bool(false)));
    let some = || values.iter().filter(|value| !matches!(value, Value::Null | Value::Bool(false)));
    Ok(match field.kind {
        Kind::Boolean => {
            let wanted = some().map(|value| i64::from(super::values::is_truthy(value))).collect();
            Is::Numbers(wanted, empty)
        }
        Kind::Integer | Kind::Many2oneReference => {
            let number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
            // Since version 17 no number and 0 are the same to a search.
            let zero = (empty && database.settings.version >= 17).then_some(0);
            Is::Numbers(some().filter_map(number).chain(zero).collect(), empty)
        }
        Kind::Float | Kind::Monetary => Is::Floats(some().filter_map(Value::as_f64).collect(), empty),
        Kind::Datetime => {
            let wanted: Result<Vec<i64>, Refusal> = some().map(|value| moment(field, value)).collect();
            // Compared with the whole second since version 19, with the microsecond before.
            if database.settings.version >= 19 {
                let seconds = wanted?.into_iter().map(|us| us.div_euclid(SECOND_US)).collect();
                Is::Numbers(seconds, empty)
            } else {
                Is::Numbers(wanted?.into_iter().collect(), empty)
            }
        }
        kind if kind.is_text() => {
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            Is::Texts(some().map(text).collect(), empty)
        }
        _ => {
            let mut ids = BTreeSet::new();
            for value in some() {
                match value {
                    Value::String(name) => ids.extend(database.ids_named(who, &field.relation, "=", name)?),
                    value => ids.extend(value.as_u64()),
                }
            }
            Is::Linked(ids, empty)
        }
    })
}

fn moment(field: &Field, value: &Value) -> Result<i64, Refusal> {
    let read = value.as_str().and_then(times::compared);
    read.ok_or_else(|| Refusal::value(format!("Invalid datetime for {}: {}", field.name, python(value))))
}

fn like(database: &Database, who: &Caller, field: &Arc<Field>, operator: &str, value: &Value) -> Result<Test, Refusal> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if !field.relation.is_empty() {
        let ids = database.ids_named(who, &field.relation, operator, &text)?;
        return Ok(Test::Leaf(Arc::clone(field), Is::Linked(ids, false)));
    }
    if text.is_empty() && !operator.starts_with('=') {
        return Ok(Test::All);
    }
    let folded = operator.ends_with("ilike");
    let text = if folded { text.to_lowercase() } else { text };
    let pattern = if operator.starts_with('=') { text } else { format!("%{text}%") };
    Ok(Test::Leaf(Arc::clone(field), Is::Like { pattern, folded }))
}

fn ordered(database: &Database, field: &Arc<Field>, operator: &str, value: &Value) -> Result<Test, Refusal> {
    if matches!(value, Value::Null | Value::Bool(false)) {
        return Ok(Test::None);
    }
    let mut or_equal = operator.ends_with('=');
    let above = operator.starts_with('>');
    let bound = match field.kind {
        Kind::Datetime => {
            let mut us = moment(field, value)?;
            let is_day = value.as_str().is_some_and(|text| text.len() == 10);
            if database.settings.version >= 19 {
                // Since version 19 an inequality speaks of whole seconds: `>` means the next second and later.
                us = us.div_euclid(SECOND_US) * SECOND_US;
            }
            if above != or_equal && (is_day || database.settings.version >= 19) {
                us += if is_day { 86_400 * SECOND_US } else { SECOND_US };
                or_equal = above;
            }
            us.into()
        }
        Kind::Date => value.as_str().unwrap_or_default().chars().take(10).collect::<String>().into(),
        _ => value.clone(),
    };
    let is = if above { Is::Above { bound, or_equal } } else { Is::Below { bound, or_equal } };
    Ok(Test::Leaf(Arc::clone(field), is))
}

/// The records under, or over, the given ones; themselves among them.
fn kin(
    database: &Database,
    who: &Caller,
    model: &Model,
    field: &Arc<Field>,
    down: bool,
    value: &Value,
) -> Result<Test, Refusal> {
    let relation = if &*field.name == "id" { model.name } else { &field.relation };
    let related = database.model(relation)?;
    if !related.has("parent_id") {
        return Ok(Test::Leaf(Arc::clone(field), equal(database, who, field, value)?));
    }
    let link = Arc::new(super::schema::field("", Kind::Many2one, "").to(relation));
    let Is::Linked(mut found, _) = equal(database, who, &link, value)? else { return Ok(Test::None) };
    let mut open: Vec<u64> = found.iter().copied().collect();
    while let Some(id) = open.pop() {
        let next: Vec<u64> = if down {
            database.tables.pointing(relation, "parent_id", id)
        } else {
            database.tables.get(relation, id).and_then(|row| row.link("parent_id")).into_iter().collect()
        };
        open.extend(next.into_iter().filter(|id| found.insert(*id)));
    }
    let is = if &*field.name == "id" {
        Is::Numbers(found.into_iter().filter_map(|id| i64::try_from(id).ok()).collect(), false)
    } else {
        Is::Linked(found, false)
    };
    Ok(Test::Leaf(Arc::clone(field), is))
}

impl Test {
    /// Whether a row passes.
    pub(super) fn passes(&self, database: &Database, model: &Model, id: u64, row: &Row) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::And(parts) => parts.iter().all(|part| part.passes(database, model, id, row)),
            Self::Or(parts) => parts.iter().any(|part| part.passes(database, model, id, row)),
            Self::Not(part) => !part.passes(database, model, id, row),
            Self::Leaf(field, is) => {
                let cell = database.cell(model, id, row, field);
                let whole = field.kind == Kind::Datetime && database.settings.version >= 19;
                match (is, cell.as_i64()) {
                    (Is::Numbers(wanted, _), Some(us)) if whole => wanted.contains(&us.div_euclid(SECOND_US)),
                    _ => is.met(&cell),
                }
            }
        }
    }
}

impl Is {
    fn met(&self, cell: &Value) -> bool {
        match self {
            Self::Numbers(wanted, or_none) => match cell {
                Value::Null => *or_none,
                // A false boolean is as good as none.
                Value::Bool(value) => wanted.contains(&i64::from(*value)) || (*or_none && !value),
                value => value.as_i64().is_some_and(|number| wanted.contains(&number)),
            },
            Self::Floats(wanted, or_none) => match cell.as_f64() {
                None => *or_none,
                Some(number) => wanted.contains(&number) || (*or_none && number == 0.0),
            },
            Self::Texts(wanted, or_none) => cell.as_str().map_or(*or_none, |text| wanted.contains(text)),
            Self::Linked(wanted, or_none) => match cell {
                Value::Array(ids) if ids.is_empty() => *or_none,
                Value::Array(ids) => ids.iter().filter_map(Value::as_u64).any(|id| wanted.contains(&id)),
                value => value.as_u64().map_or(*or_none, |id| wanted.contains(&id)),
            },
            Self::Like { pattern, folded } => match cell {
                Value::Null | Value::Array(_) => false,
                Value::String(text) if *folded => matches(pattern, &text.to_lowercase()),
                Value::String(text) => matches(pattern, text),
                other => matches(pattern, &other.to_string()),
            },
            Self::Above { bound, or_equal } => {
                order(cell, bound).is_some_and(|it| it.is_gt() || (*or_equal && it.is_eq()))
            }
            Self::Below { bound, or_equal } => {
                order(cell, bound).is_some_and(|it| it.is_lt() || (*or_equal && it.is_eq()))
            }
        }
    }
}

/// How two cells stand; none where either is nothing.
pub(super) fn order(a: &Value, b: &Value) -> Option<std::cmp::Ordering> {
    match (a, b) {
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
        },
        _ => None,
    }
}

/// SQL's LIKE: `%` stands for anything, `_` for one character, `\` takes the meaning of the next.
fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    // The last `%` seen, and how far the text had come then.
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('%') => {
                star = Some((p, t));
                p += 1;
                continue;
            }
            Some('\\') if pattern.get(p + 1) == Some(&text[t]) => (p, t) = (p + 2, t + 1),
            Some(it) if *it != '\\' && (*it == '_' || *it == text[t]) => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, t) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|it| *it == '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_has_the_wildcards_of_sql() {
        for (pattern, text) in [("%da%", "Ada"), ("A_a", "Ada"), ("%", ""), ("a\\%%", "a%b"), ("%a%b%", "xaybz")] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("da", "Ada"), ("A_", "Ada"), ("a\\%", "ab"), ("_", "")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
