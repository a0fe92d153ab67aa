//! Searches by words: phone numbers, e-mail addresses, names. The index learns of writes late.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, Call, Refusal, Reply, Wrong};
use super::field::{Field, Kind};
use super::org::Org;
use super::rows::Row;
use super::soql::{Item, Name, Parser, Select};

/// Records that a search answers with.
const FOUND_MAX: usize = 2_000;

/// Digits of a national number in North America, where people write numbers with and without the leading 1.
const NATIONAL_DIGITS: usize = 10;

/// Which fields are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    All,
    Phone,
    Email,
    Name,
}

impl Within {
    fn named(name: &str) -> Option<Self> {
        match name.to_uppercase().as_str() {
            "ALL" => Some(Self::All),
            "PHONE" => Some(Self::Phone),
            "EMAIL" => Some(Self::Email),
            "NAME" => Some(Self::Name),
            _ => None,
        }
    }

    fn has(self, field: &Field) -> bool {
        match self {
            Self::All => field.kind.is_text(),
            Self::Phone => field.kind == Kind::Phone,
            Self::Email => field.kind == Kind::Email,
            Self::Name => matches!(field.name.as_str(), "Name" | "FirstName" | "LastName" | "Subject" | "Title"),
        }
    }
}

fn malformed(message: &str) -> Refusal {
    Refusal::bad("MALFORMED_SEARCH", message)
}

/// `GET search?q=FIND {…} IN … FIELDS RETURNING …`
pub(super) fn search(org: &mut Org, call: &Call) -> Answer {
    let text = call.query("q").unwrap_or_default().trim();
    let (Some(verb), Some(rest)) = (text.get(..4), text.get(4..)) else {
        return Err(malformed("No search term found. The search term must be enclosed in braces."));
    };
    let braces = rest.trim_start().strip_prefix('{').filter(|_| verb.eq_ignore_ascii_case("FIND"));
    let found = braces.and_then(|rest| Some((rest, end_of(rest)?)));
    let Some((rest, end)) = found else {
        return Err(malformed("No search term found. The search term must be enclosed in braces."));
    };
    let (term, clauses) = (unescaped(&rest[..end]), &rest[end + 1..]);
    let mut parser = Parser::new(clauses)?;
    let mut within = Within::All;
    if parser.takes("IN") {
        let names = ["ALL", "PHONE", "EMAIL", "NAME"];
        within = names.into_iter().find(|name| parser.takes(name)).and_then(Within::named).unwrap_or(Within::All);
        parser.takes("FIELDS");
    }
    let mut wanted = Vec::new();
    if parser.takes("RETURNING") {
        wanted.push(parser.returned()?);
        while parser.takes(",") {
            wanted.push(parser.returned()?);
        }
    }
    let limit = parser.limit()?;
    parser.end()?;
    answer(org, call, &term, within, wanted, limit)
}

/// Where the braces close that no backslash stands before.
fn end_of(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    (0..bytes.len()).find(|&place| bytes[place] == b'}' && (place == 0 || bytes[place - 1] != b'\\'))
}

fn unescaped(text: &str) -> String {
    let mut letters = text.chars();
    let mut plain = String::new();
    while let Some(letter) = letters.next() {
        plain.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    plain
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    q: String,
    #[serde(rename = "in")]
    within: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
    #[serde(default)]
    sobjects: Vec<AskedObject>,
    overall_limit: Option<usize>,
}

#[derive(Deserialize)]
struct AskedObject {
    name: String,
    #[serde(default)]
    fields: Vec<String>,
    limit: Option<usize>,
}

/// `parameterizedSearch`, by GET or POST.
pub(super) fn parameterized(org: &mut Org, call: &Call) -> Answer {
    let list = |text: &str| -> Vec<String> { text.split(',').map(|it| it.trim().to_owned()).collect() };
    let asked: Asked = match call.method {
        Method::POST => call.json()?,
        Method::GET => Asked {
            q: call.query("q").unwrap_or_default().to_owned(),
            within: call.query("in").map(str::to_owned),
            fields: call.query("fields").map(list).unwrap_or_default(),
            sobjects: call
                .query
                .iter()
                .filter(|(name, _)| name == "sobject")
                .flat_map(|(_, names)| list(names))
                .map(|name| {
                    let fields = call.query(&format!("{name}.fields")).map(list).unwrap_or_default();
                    let limit = call.query(&format!("{name}.limit")).and_then(|it| it.parse().ok());
                    AskedObject { name, fields, limit }
                })
                .collect(),
            overall_limit: call.query("overallLimit").and_then(|it| it.parse().ok()),
        },
        _ => return Err(Refusal::method(&call.method)),
    };
    let within = asked.within.as_deref().map_or(Some(Within::All), Within::named);
    let within = within.ok_or_else(|| malformed("in: unknown group of fields"))?;
    let name = |text: String| Name { text, at: 0 };
    let wanted = asked.sobjects.into_iter().map(|object| {
        let fields = if object.fields.is_empty() { asked.fields.clone() } else { object.fields };
        Select {
            items: fields.into_iter().map(|field| Item::Field(name(field))).collect(),
            from: name(object.name),
            condition: None,
            orders: Vec::new(),
            limit: object.limit,
            offset: 0,
        }
    });
    answer(org, call, &asked.q, within, wanted.collect(), asked.overall_limit)
}

fn answer(
    org: &mut Org,
    call: &Call,
    term: &str,
    within: Within,
    mut wanted: Vec<Select>,
    limit: Option<usize>,
) -> Answer {
    if term.chars().filter(|it| it.is_alphanumeric()).count() < 2 {
        return Err(malformed("search term must be longer than one character"));
    }
    if wanted.is_empty() {
        let from = |name: &str| Name { text: name.to_owned(), at: 0 };
        wanted = ["Account", "Contact", "Lead", "Opportunity"]
            .map(|name| Select {
                items: Vec::new(),
                from: from(name),
                condition: None,
                orders: Vec::new(),
                limit: None,
                offset: 0,
            })
            .into();
    }
    let now_us = org.now_us();
    let mut found: Vec<Value> = Vec::new();
    for mut select in wanted {
        let object =
            org.object(&select.from.text).map_err(|wrong| Wrong { code: "INVALID_TYPE".to_owned(), ..wrong })?;
        if select.items.is_empty() {
            select.items.push(Item::Field(Name { text: "Id".to_owned(), at: 0 }));
        }
        let prepared = org.prepare_of(&object, select, "", 0)?;
        let matches = |row: &&Row| {
            row.deleted_us.is_none()
                && row.searchable_us <= now_us
                && object.fields.iter().filter(|field| within.has(field)).any(|field| {
                    let value = org.value(row, field);
                    value.as_str().is_some_and(|text| is_match(text, term, field.kind))
                })
        };
        let ids = org.found_among(&prepared, org.rows.of(&object.prefix).filter(matches));
        found.extend(ids.iter().filter_map(|id| Some(org.shown(org.rows.get(id)?, &prepared, call))));
    }
    found.truncate(limit.unwrap_or(FOUND_MAX).min(FOUND_MAX));
    let rows = found.len();
    Ok(Reply::ok(json!({"searchRecords": found})).rows(rows))
}

/// Whether a text holds one of the terms joined by OR: all its words, or, of a phone number, its digits.
fn is_match(text: &str, term: &str, kind: Kind) -> bool {
    term.split(" OR ").any(|term| {
        let term = term.trim().trim_matches('"');
        if kind == Kind::Phone {
            return same_number(text, term);
        }
        let text = text.to_lowercase();
        let words: Vec<&str> = pieces(&text).collect();
        let term = term.to_lowercase();
        pieces(&term).all(|wanted| match wanted.strip_suffix('*') {
            Some(start) => words.iter().any(|word| word.starts_with(start)),
            None => words.contains(&wanted),
        })
    })
}

fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '*').filter(|piece| !piece.is_empty())
}

fn same_number(text: &str, term: &str) -> bool {
    let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
    let national = |digits: String| match digits.strip_prefix('1') {
        Some(rest) if rest.len() == NATIONAL_DIGITS => rest.to_owned(),
        _ => digits,
    };
    let (held, wanted) = (national(digits(text)), national(digits(term)));
    if wanted.is_empty() {
        return false;
    }
    if term.ends_with('*') { held.starts_with(&wanted) } else { held == wanted }
}
