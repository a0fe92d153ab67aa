//! The filters of a search, read once and then asked of every record.

use std::cmp::Ordering;

use serde::Deserialize;
use serde_json::Value;

use super::answer::Refusal;
use super::item::View;
use super::schema::{Kind, Schema};
use crate::world::parse_time;

const GROUPS_MAX: usize = 5;
const FILTERS_PER_GROUP_MAX: usize = 6;
const FILTERS_MAX: usize = 18;
/// Values an IN may list.
const VALUES_MAX: usize = 100;

#[derive(Deserialize)]
pub(super) struct GroupBody {
    filters: Vec<FilterBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FilterBody {
    property_name: String,
    operator: Operator,
    value: Option<Value>,
    high_value: Option<Value>,
    values: Option<Vec<Value>>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Operator {
    Eq,
    Neq,
    Lt,
    Lte,
    Gt,
    Gte,
    Between,
    In,
    NotIn,
    HasProperty,
    NotHasProperty,
    ContainsToken,
    NotContainsToken,
}

/// A value in the form it is compared in.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub(super) enum Scalar {
    Number(f64),
    Time(i64),
    /// In lower case.
    Text(String),
}

impl Scalar {
    /// Total within one property, whose values all have one form.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        self.partial_cmp(other).unwrap_or(Ordering::Equal)
    }
}

/// The property a filter or sort looks at. The three that every sync asks for are read without going
/// through text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Subject {
    Id,
    Created,
    Modified,
    Other { name: String, kind: Kind },
}

impl Subject {
    pub(super) fn named(schema: &Schema, name: &str) -> Result<Self, Refusal> {
        match name {
            "hs_object_id" => Ok(Self::Id),
            "createdate" | "hs_createdate" => Ok(Self::Created),
            "lastmodifieddate" | "hs_lastmodifieddate" => Ok(Self::Modified),
            _ => match schema.live(name) {
                Some((name, property)) => Ok(Self::Other { name: name.to_string(), kind: property.kind }),
                None => Err(Refusal::validation(format!(
                    "There was a problem with the request. Property '{name}' does not exist"
                ))),
            },
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "ids stay far below 2^53")]
    pub(super) fn of(&self, view: View<'_>) -> Option<Scalar> {
        match self {
            Self::Id => Some(Scalar::Number(view.item().id as f64)),
            Self::Created => Some(Scalar::Time(view.item().created_us)),
            Self::Modified => Some(Scalar::Time(view.updated_us())),
            Self::Other { name, .. } => self.scalar(&view.value(name)?),
        }
    }

    /// Reads an operand or a stored value; none if it is not of this property's kind.
    fn scalar(&self, text: &str) -> Option<Scalar> {
        let kind = match self {
            Self::Id => Kind::Number,
            Self::Created | Self::Modified => Kind::Datetime,
            Self::Other { kind, .. } => *kind,
        };
        match kind {
            Kind::Number => text.trim().parse().ok().map(Scalar::Number),
            Kind::Date | Kind::Datetime => parse_time(text.trim()).map(Scalar::Time),
            Kind::String | Kind::Enumeration | Kind::Bool | Kind::PhoneNumber => {
                Some(Scalar::Text(text.to_lowercase()))
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Test {
    Equal(Scalar),
    Less(Scalar),
    LessOrEqual(Scalar),
    Greater(Scalar),
    GreaterOrEqual(Scalar),
    Between(Scalar, Scalar),
    In(Vec<Scalar>),
    Present,
    Token(Vec<String>),
    Not(Box<Test>),
}

#[derive(Clone, Debug)]
struct Filter {
    subject: Subject,
    test: Test,
}

/// Groups of filters: a record passes if every filter of any group lets it.
#[derive(Clone, Debug)]
pub(super) struct Filters(Vec<Vec<Filter>>);

impl Filters {
    pub(super) fn read(schema: &Schema, groups: &[GroupBody]) -> Result<Self, Refusal> {
        let filters: usize = groups.iter().map(|group| group.filters.len()).sum();
        let widest = groups.iter().map(|group| group.filters.len()).max().unwrap_or(0);
        if groups.len() > GROUPS_MAX || widest > FILTERS_PER_GROUP_MAX || filters > FILTERS_MAX {
            return Err(Refusal::validation(format!(
                "A search has at most {GROUPS_MAX} filter groups, {FILTERS_PER_GROUP_MAX} filters in each and \
                 {FILTERS_MAX} in all"
            )));
        }
        let group = |body: &GroupBody| body.filters.iter().map(|filter| Filter::read(schema, filter)).collect();
        groups.iter().map(group).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn pass(&self, view: View<'_>) -> bool {
        self.0.is_empty() || self.0.iter().any(|group| group.iter().all(|filter| filter.pass(view)))
    }

    /// The smallest id that can pass, so that a scan may begin there.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range of ids")]
    pub(super) fn lowest_id(&self) -> u64 {
        let bound = |filter: &Filter| match (&filter.subject, &filter.test) {
            (Subject::Id, Test::Greater(Scalar::Number(id)) | Test::GreaterOrEqual(Scalar::Number(id))) => {
                Some(id.max(0.0) as u64)
            }
            _ => None,
        };
        let of_group = |group: &Vec<Filter>| group.iter().filter_map(bound).max().unwrap_or(0);
        self.0.iter().map(of_group).min().unwrap_or(0)
    }
}

impl Filter {
    fn read(schema: &Schema, body: &FilterBody) -> Result<Self, Refusal> {
        let subject = Subject::named(schema, &body.property_name)?;
        let operand = |value: &Option<Value>, name: &str| {
            let text = value.as_ref().map(plain).ok_or_else(|| {
                Refusal::validation(format!("{name} is required for the operator on {}", body.property_name))
            })?;
            read_operand(&subject, &body.property_name, &text)
        };
        let value = || operand(&body.value, "value");
        let values = || {
            let values = body.values.as_deref().unwrap_or_default();
            if values.is_empty() || values.len() > VALUES_MAX {
                return Err(Refusal::validation(format!("values must hold 1 to {VALUES_MAX} values")));
            }
            values.iter().map(|value| listed(&subject, &body.property_name, &plain(value))).collect()
        };
        let tokens = || match body.value.as_ref().map(plain) {
            Some(text) => Ok(text.split_whitespace().map(str::to_lowercase).collect()),
            None => Err(Refusal::validation("value is required for CONTAINS_TOKEN")),
        };
        let not = |test| Test::Not(Box::new(test));
        let test = match body.operator {
            Operator::Eq => Test::Equal(value()?),
            Operator::Neq => not(Test::Equal(value()?)),
            Operator::Lt => Test::Less(value()?),
            Operator::Lte => Test::LessOrEqual(value()?),
            Operator::Gt => Test::Greater(value()?),
            Operator::Gte => Test::GreaterOrEqual(value()?),
            Operator::Between => Test::Between(value()?, operand(&body.high_value, "highValue")?),
            Operator::In => Test::In(values()?),
            Operator::NotIn => not(Test::In(values()?)),
            Operator::HasProperty => Test::Present,
            Operator::NotHasProperty => not(Test::Present),
            Operator::ContainsToken => Test::Token(tokens()?),
            Operator::NotContainsToken => not(Test::Token(tokens()?)),
        };
        Ok(Self { subject, test })
    }

    fn pass(&self, view: View<'_>) -> bool {
        self.test.pass(self.subject.of(view).as_ref())
    }
}

impl Test {
    fn pass(&self, value: Option<&Scalar>) -> bool {
        if let Self::Not(test) = self {
            return !test.pass(value);
        }
        let Some(value) = value else { return false };
        match self {
            Self::Equal(wanted) => value == wanted,
            Self::Less(bound) => value < bound,
            Self::LessOrEqual(bound) => value <= bound,
            Self::Greater(bound) => value > bound,
            Self::GreaterOrEqual(bound) => value >= bound,
            Self::Between(low, high) => low <= value && value <= high,
            Self::In(wanted) => wanted.contains(value),
            Self::Present => true,
            Self::Token(patterns) => patterns.iter().all(|pattern| has_token(value, pattern)),
            Self::Not(test) => !test.pass(Some(value)),
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn read_operand(subject: &Subject, name: &str, text: &str) -> Result<Scalar, Refusal> {
    subject.scalar(text).ok_or_else(|| Refusal::validation(format!("{text} is not a valid value for {name}")))
}

/// A value in the list of an IN. On text HubSpot compares it as given with the stored value in lower case,
/// so that a list with capitals finds nothing.
fn listed(subject: &Subject, name: &str, text: &str) -> Result<Scalar, Refusal> {
    match subject {
        Subject::Other { kind: Kind::String | Kind::PhoneNumber, .. } => Ok(Scalar::Text(text.to_owned())),
        _ => read_operand(subject, name, text),
    }
}

/// Whether any word of a value matches a pattern, where `*` stands for any characters at either end.
fn has_token(value: &Scalar, pattern: &str) -> bool {
    let Scalar::Text(text) = value else {
        return false;
    };
    let core = pattern.trim_matches('*');
    let matches = |token: &str| match (pattern.starts_with('*'), pattern.ends_with('*')) {
        (true, true) => token.contains(core),
        (true, false) => token.ends_with(core),
        (false, true) => token.starts_with(core),
        (false, false) => token == core,
    };
    let words = text.split(|c: char| c.is_whitespace() || c == ';' || c == ',');
    words.flat_map(|word| std::iter::once(word).chain(word.split(|c: char| !c.is_alphanumeric()))).any(matches)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, pattern: &str) -> bool {
        has_token(&Scalar::Text(text.to_owned()), pattern)
    }

    #[test]
    fn tokens_are_words_with_stars_at_their_ends() {
        assert!(found("ada lovelace", "ada"));
        assert!(!found("adam", "ada"));
        assert!(found("adam", "ada*"));
        assert!(found("+493012345678", "*3012345678"));
        assert!(found("old@example.com;older@example.com", "older@example.com"));
        assert!(found("old@example.com", "example"));
        assert!(!found("old@example.com", "other@example.com"));
    }
}
