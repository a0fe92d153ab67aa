//! Which records a condition finds, and in which order.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeSet;

use serde_json::Value;

use super::answer::Wrong;
use super::field::{Field, Kind};
use super::ids;
use super::org::Org;
use super::rows::Row;
use super::schema::Object;
use super::soql::{Condition, Literal, Name, Order, at};
use super::times::{DAY_US, day, midnight, moment, stamp};

/// A value in a form that compares as its field's type does.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub(super) enum Comparable {
    Truth(bool),
    Number(f64),
    Text(String),
}

/// A condition whose names and values were checked against the schema.
#[derive(Clone, Debug)]
pub(super) enum Test {
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
    /// Equal to one of these, or empty.
    Among {
        path: String,
        values: BTreeSet<String>,
        empty: bool,
        negated: bool,
    },
    /// Before, after and so on: the bounds of the literal, the second exclusive if there is one.
    Compare {
        path: String,
        operator: String,
        low: Comparable,
        high: Option<Comparable>,
    },
    Like {
        path: String,
        pattern: Vec<char>,
    },
    /// Holds all of these choices, for one of the groups.
    Includes {
        path: String,
        groups: Vec<Vec<String>>,
        negated: bool,
    },
}

impl Org {
    /// The field at the end of a path from an object; of several objects that a reference may lead to, the first has it.
    pub(super) fn field_at<'a>(&'a self, object: &'a Object, path: &str) -> Option<&'a Field> {
        match path.split_once('.') {
            None => object.field(path),
            Some((first, rest)) if first.eq_ignore_ascii_case(&object.name) => self.field_at(object, rest),
            Some((first, rest)) => {
                let reference = object.relationship(first)?;
                let mut objects = reference.refers_to.iter().filter_map(|name| self.schema.get(name));
                objects.find_map(|object| self.field_at(object, rest))
            }
        }
    }

    /// As [`field_at`](Self::field_at), refused as a query is that names what is not there.
    pub(super) fn needed_at<'a>(&'a self, object: &'a Object, name: &Name, query: &str) -> Result<&'a Field, Wrong> {
        self.field_at(object, &name.text).ok_or_else(|| {
            let message = match name.text.split_once('.') {
                Some((relationship, _)) if object.relationship(relationship).is_none() => format!(
                    "Didn't understand relationship '{relationship}' in field path. If you are attempting to use a \
                     custom relationship, be sure to append the '__r' after the custom relationship name. Please \
                     reference your WSDL or the describe call for the appropriate names."
                ),
                _ => format!(
                    "No such column '{}' on entity '{}'. If you are attempting to use a custom field, be sure to append \
                     the '__c' after the custom field name. Please reference your WSDL or the describe call for the \
                     appropriate names.",
                    name.text, object.name
                ),
            };
            at("INVALID_FIELD", query, name.at, &message)
        })
    }

    /// What a path from a record leads to.
    pub(super) fn value_at(&self, row: &Row, path: &str) -> Value {
        let Some(object) = self.schema.get(&row.object) else {
            return Value::Null;
        };
        match path.split_once('.') {
            None => object.field(path).map_or(Value::Null, |field| self.value(row, field)),
            Some((first, rest)) if first.eq_ignore_ascii_case(&object.name) => self.value_at(row, rest),
            Some((first, rest)) => {
                let parent = object.relationship(first).and_then(|field| {
                    let id = self.value(row, field);
                    self.rows.live(id.as_str()?)
                });
                parent.map_or(Value::Null, |parent| self.value_at(parent, rest))
            }
        }
    }

    fn comparable_at(&self, row: &Row, path: &str) -> Option<Comparable> {
        match self.value_at(row, path) {
            Value::Bool(truth) => Some(Comparable::Truth(truth)),
            Value::Number(number) => number.as_f64().map(Comparable::Number),
            // Queries do not look at case.
            Value::String(text) => Some(Comparable::Text(text.to_lowercase())),
            _ => None,
        }
    }

    /// Checks a condition.
    pub(super) fn test_of(&self, object: &Object, condition: &Condition, query: &str) -> Result<Test, Wrong> {
        let all = |parts: &[Condition]| -> Result<Vec<Test>, Wrong> {
            parts.iter().map(|part| self.test_of(object, part, query)).collect()
        };
        match condition {
            Condition::All(parts) => Ok(Test::All(all(parts)?)),
            Condition::Any(parts) => Ok(Test::Any(all(parts)?)),
            Condition::Not(part) => Ok(Test::Not(Box::new(self.test_of(object, part, query)?))),
            Condition::Test { field: name, operator, literals } => {
                let field = self.needed_at(object, name, query)?;
                if !field.is_filterable() {
                    let message = format!("field '{}' can not be filtered in a query call", field.name);
                    return Err(at("INVALID_FIELD", query, name.at, &message));
                }
                self.single_test(field, name, operator, literals, query)
            }
        }
    }

    fn single_test(
        &self,
        field: &Field,
        name: &Name,
        operator: &str,
        literals: &[Literal],
        query: &str,
    ) -> Result<Test, Wrong> {
        let path = name.text.clone();
        let misfit = |message: String| at("INVALID_FIELD", query, name.at, &message);
        let texts =
            || literals.iter().filter_map(|literal| if let Literal::Text(it) = literal { Some(it) } else { None });
        match operator {
            "LIKE" => {
                let pattern = texts().next().filter(|_| field.kind.is_text());
                let pattern = pattern.ok_or_else(|| misfit("invalid operator on field".to_owned()))?;
                Ok(Test::Like { path, pattern: pattern.to_lowercase().chars().collect() })
            }
            "INCLUDES" | "EXCLUDES" if field.kind == Kind::MultiPicklist => {
                let groups = texts().map(|text| text.split(';').map(str::to_lowercase).collect()).collect();
                Ok(Test::Includes { path, groups, negated: operator == "EXCLUDES" })
            }
            "INCLUDES" | "EXCLUDES" => {
                Err(misfit("includes or excludes operator only valid on multipicklist field".to_owned()))
            }
            "=" | "!=" | "IN" | "NOT IN" => {
                let negated = matches!(operator, "!=" | "NOT IN");
                if let [Literal::Day(_)] = literals {
                    let (low, high) = self.bounds(field, &literals[0]).map_err(misfit)?;
                    let test = Test::Compare { path, operator: "=".to_owned(), low, high };
                    return Ok(if negated { Test::Not(Box::new(test)) } else { test });
                }
                let mut values = BTreeSet::new();
                let mut empty = false;
                for literal in literals {
                    if matches!(literal, Literal::Null) || matches!(literal, Literal::Text(it) if it.is_empty()) {
                        empty = true;
                    } else {
                        values.insert(key(&self.bounds(field, literal).map_err(misfit)?.0));
                    }
                }
                Ok(Test::Among { path, values, empty, negated })
            }
            _ => {
                let literal = literals.first().unwrap_or(&Literal::Null);
                let (low, high) = self.bounds(field, literal).map_err(misfit)?;
                Ok(Test::Compare { path, operator: operator.to_owned(), low, high })
            }
        }
    }

    /// A literal as its field's type reads it: its value, or the first and the end of the days it means.
    fn bounds(&self, field: &Field, literal: &Literal) -> Result<(Comparable, Option<Comparable>), String> {
        let name = &field.name;
        let text = |it: &str| (Comparable::Text(it.to_lowercase()), None);
        let wanted = |kind: &str, bare: bool| {
            let quotes = if bare { "should not be enclosed in quotes" } else { "should be enclosed in quotes" };
            format!("value of filter criterion for field '{name}' must be of type {kind} and {quotes}")
        };
        match (field.kind, literal) {
            (Kind::Boolean, Literal::Bool(it)) => Ok((Comparable::Truth(*it), None)),
            (Kind::Boolean, _) => Err(wanted("boolean", true)),
            (Kind::DateTime, Literal::Bare(it)) => {
                moment(it).map(|us| text(&stamp(us))).ok_or_else(|| wanted("dateTime", true))
            }
            (Kind::Date, Literal::Bare(it)) => midnight(it).map(|_| text(it)).ok_or_else(|| wanted("date", true)),
            (Kind::Date | Kind::DateTime, Literal::Day(it)) => {
                let (low, high) = self.days(it).ok_or_else(|| format!("unexpected token: {it}"))?;
                let shown = |us| if field.kind == Kind::Date { day(us) } else { stamp(us) };
                Ok((text(&shown(low)).0, Some(text(&shown(high)).0)))
            }
            (Kind::DateTime, _) => Err(wanted("dateTime", true)),
            (Kind::Date, _) => Err(wanted("date", true)),
            (kind, Literal::Bare(it)) if kind.is_number() => {
                it.parse().map(|it| (Comparable::Number(it), None)).map_err(|_| wanted(kind.wire(), true))
            }
            (kind, _) if kind.is_number() => Err(wanted(kind.wire(), true)),
            (Kind::Id | Kind::Reference, Literal::Text(it)) => {
                ids::long(it).map(|id| text(&id)).ok_or_else(|| format!("invalid ID field: {it}"))
            }
            (_, Literal::Text(it)) => Ok(text(it)),
            (kind, _) => Err(wanted(kind.wire(), false)),
        }
    }

    /// The days that a word means, in UTC: from the first moment to the one behind the last.
    fn days(&self, word: &str) -> Option<(i64, i64)> {
        let today = midnight(&self.today())?;
        let tomorrow = today + DAY_US;
        match word.split_once(':') {
            None => match word {
                "TODAY" => Some((today, tomorrow)),
                "YESTERDAY" => Some((today - DAY_US, today)),
                "TOMORROW" => Some((tomorrow, tomorrow + DAY_US)),
                _ => None,
            },
            Some(("LAST_N_DAYS", days)) => Some((today - i64::from(days.parse::<u16>().ok()?) * DAY_US, tomorrow)),
            Some(("NEXT_N_DAYS", days)) => Some((tomorrow, tomorrow + i64::from(days.parse::<u16>().ok()?) * DAY_US)),
            Some(_) => None,
        }
    }

    pub(super) fn passes(&self, row: &Row, test: &Test) -> bool {
        match test {
            Test::All(parts) => parts.iter().all(|part| self.passes(row, part)),
            Test::Any(parts) => parts.iter().any(|part| self.passes(row, part)),
            Test::Not(part) => !self.passes(row, part),
            Test::Among { path, values, empty, negated } => {
                let found = self.comparable_at(row, path).map_or(*empty, |value| values.contains(&key(&value)));
                found != *negated
            }
            Test::Compare { path, operator, low, high } => {
                let Some(value) = self.comparable_at(row, path) else { return false };
                let high = high.as_ref();
                match operator.as_str() {
                    "=" => value >= *low && high.is_none_or(|high| value < *high),
                    "<" => value < *low,
                    "<=" => high.map_or(value <= *low, |high| value < *high),
                    ">" => high.map_or(value > *low, |high| value >= *high),
                    _ => value >= *low,
                }
            }
            Test::Like { path, pattern } => match self.comparable_at(row, path) {
                Some(Comparable::Text(text)) => is_like(&text.chars().collect::<Vec<_>>(), pattern),
                _ => false,
            },
            Test::Includes { path, groups, negated } => {
                let value = self.value_at(row, path);
                let held: Vec<String> = value.as_str().unwrap_or_default().split(';').map(str::to_lowercase).collect();
                groups.iter().any(|group| group.iter().all(|choice| held.contains(choice))) != *negated
            }
        }
    }

    /// Where a record stands in an order.
    pub(super) fn rank(&self, row: &Row, orders: &[Order]) -> Vec<Rank> {
        orders
            .iter()
            .map(|order| match self.comparable_at(row, &order.field.text) {
                None if order.nulls_last => Rank::Last,
                None => Rank::First,
                Some(value) if order.descends => Rank::Falling(Reverse(Ranked(value))),
                Some(value) => Rank::Rising(Ranked(value)),
            })
            .collect()
    }
}

/// A value's place in an order; of one field all are rising, or all falling.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    First,
    Rising(Ranked),
    Falling(Reverse<Ranked>),
    Last,
}

/// A value that is ordered among all of its kind.
#[derive(PartialEq)]
pub(super) struct Ranked(Comparable);

impl Eq for Ranked {}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        // Numbers are finite, and a field has values of one kind.
        self.0.partial_cmp(&other.0).unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A value as sets keep it.
fn key(value: &Comparable) -> String {
    match value {
        Comparable::Truth(truth) => truth.to_string(),
        Comparable::Number(number) => number.to_string(),
        Comparable::Text(text) => text.clone(),
    }
}

/// `%` is any text, `_` any one letter; a backslash takes their meaning.
fn is_like(text: &[char], pattern: &[char]) -> bool {
    // Where the last % stood, and how much of the text it has taken.
    let (mut at, mut want, mut retry) = (0, 0, None::<(usize, usize)>);
    while at < text.len() {
        let escaped = pattern.get(want) == Some(&'\\') && want + 1 < pattern.len();
        let wanted = if escaped { pattern.get(want + 1) } else { pattern.get(want) };
        if !escaped && wanted == Some(&'%') {
            retry = Some((at, want));
            want += 1;
        } else if wanted.is_some_and(|it| *it == text[at] || !escaped && *it == '_') {
            at += 1;
            want += if escaped { 2 } else { 1 };
        } else if let Some((taken, percent)) = retry {
            retry = Some((taken + 1, percent));
            (at, want) = (taken + 1, percent + 1);
        } else {
            return false;
        }
    }
    pattern[want..].iter().all(|it| *it == '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_knows_its_two_wildcards() {
        let like = |text: &str, pattern: &str| {
            is_like(&text.chars().collect::<Vec<_>>(), &pattern.chars().collect::<Vec<_>>())
        };
        assert!(like("ana@example.com", "%@example.com") && like("ana", "a_a") && like("", "%"));
        assert!(like("aXbXc", "a%c") && like("100%", "100\\%") && !like("1000", "100\\%"));
        assert!(!like("ana", "an") && !like("ana", "ana_"));
    }
}
