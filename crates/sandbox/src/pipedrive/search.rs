//! Search: by a term in some fields of an object, over all objects, or in one field. The index lags a little.
//! Source: Pipedrive's OpenAPI document of v2; how phone numbers are read is not documented and is a setting.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::answer::{Answer, Call, Content, Refusal, Reply};
use super::company::{Company, Contents, Item};
use super::flat::text_of;
use super::kinds::Kind;
use super::lists::{limit, offset_cursor, offset_of};
use super::stages;

/// Types of custom fields that are searched.
const SEARCHED: [&str; 7] = ["address", "varchar", "text", "varchar_auto", "double", "monetary", "phone"];
/// Digits a term must have to be looked for among the digits of phone numbers.
const DIGITS_MIN: usize = 5;

/// How a term must fit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    Exact,
    Beginning,
    Middle,
}

/// What is looked for, in small letters.
struct Term {
    text: String,
    digits: Option<String>,
    fit: Fit,
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

impl Term {
    fn read(company: &Company, call: &Call, fit: Fit) -> Result<Self, Refusal> {
        let text = call.query("term").map(str::trim).unwrap_or_default().to_lowercase();
        let least = if fit == Fit::Exact { 1 } else { 2 };
        if text.chars().count() < least {
            return Err(Refusal::invalid(format!("term must be at least {least} characters")));
        }
        let is_number = text.chars().all(|it| it.is_ascii_digit() || "+ ()-./".contains(it));
        let found =
            Some(digits(&text)).filter(|it| company.settings.phones_by_digits && is_number && it.len() >= DIGITS_MIN);
        Ok(Self { text, digits: found, fit })
    }

    fn fits(&self, text: &str) -> bool {
        fits(self.fit, &text.to_lowercase(), &self.text)
    }

    fn fits_phone(&self, text: &str) -> bool {
        self.fits(text) || self.digits.as_deref().is_some_and(|wanted| fits(self.fit, &digits(text), wanted))
    }
}

fn fits(fit: Fit, text: &str, wanted: &str) -> bool {
    match fit {
        Fit::Exact => text == wanted,
        Fit::Beginning => text.starts_with(wanted),
        Fit::Middle => text.contains(wanted),
    }
}

/// Fields of an object that may be searched, the first being the one it is known by.
fn searchable(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Person => &["name", "email", "phone", "notes", "custom_fields"],
        Kind::Organization => &["name", "address", "notes", "custom_fields"],
        Kind::Deal => &["title", "notes", "custom_fields"],
        Kind::Activity | Kind::Note => &[],
    }
}

fn points<'a>(contents: &'a Contents, name: &str) -> Vec<&'a str> {
    let rows = contents.values.get(name).and_then(Value::as_array).into_iter().flatten();
    rows.filter_map(|row| row["value"].as_str()).collect()
}

/// Text of the custom fields that are searched.
fn customs(company: &Company, kind: Kind, contents: &Contents) -> Vec<String> {
    let searched = company.fields.customs(kind).filter(|field| SEARCHED.contains(&field.field_type.as_str()));
    searched.filter_map(|field| custom_text(contents.custom.get(&field.code)?)).collect()
}

fn custom_text(value: &Value) -> Option<String> {
    match value {
        Value::Object(parts) => parts.get("value").and_then(text_of),
        value => text_of(value),
    }
}

/// Notes about a record.
fn notes(company: &Company, kind: Kind, id: u64) -> Vec<&str> {
    let about = company.all_live(Kind::Note).filter(|note| note.now.id_of(kind.reference()) == Some(id));
    about.map(|note| note.now.text("content")).collect()
}

/// Ids of the records with a note that fits.
fn noted(company: &Company, kind: Kind, term: &Term) -> BTreeSet<u64> {
    let fitting = company.all_live(Kind::Note).filter(|note| term.fits(note.now.text("content")));
    fitting.filter_map(|note| note.now.id_of(kind.reference())).collect()
}

/// Whether a field other than the notes fits.
fn matches(company: &Company, item: &Item, contents: &Contents, term: &Term, field: &str) -> bool {
    match field {
        "email" => points(contents, "emails").iter().any(|it| term.fits(it)),
        "phone" => points(contents, "phones").iter().any(|it| term.fits_phone(it)),
        "custom_fields" => customs(company, item.kind, contents).iter().any(|it| term.fits(it)),
        "address" => contents.values.get("address").and_then(custom_text).is_some_and(|it| term.fits(&it)),
        name => term.fits(contents.text(name)),
    }
}

/// Every record that fits in one of the fields, with what the index knows of it.
fn hits<'a>(company: &'a Company, kind: Kind, term: &Term, fields: &[&str]) -> Vec<Hit<'a>> {
    let now_us = company.now_us();
    let known = company.all_live(kind).filter_map(|item| Some((item, item.indexed(now_us)?)));
    let noted = if fields.contains(&"notes") { noted(company, kind, term) } else { BTreeSet::new() };
    let fits = |item: &Item, contents: &Contents| {
        fields.iter().any(|field| *field != "notes" && matches(company, item, contents, term, field))
    };
    known.filter(|(item, contents)| noted.contains(&item.id) || fits(item, contents)).collect()
}

fn named(company: &Company, kind: Kind, contents: &Contents) -> Value {
    let found = contents.id_of(kind.reference()).and_then(|id| company.items.get(&(kind, id)));
    found.map_or(Value::Null, |item| json!({"id": item.id, "name": item.now.text(kind.title())}))
}

fn hit(company: &Company, item: &Item, contents: &Contents, term: &Term) -> Value {
    let is_exact = contents.text(item.kind.title()).to_lowercase() == term.text;
    let mut shown = json!({
        "id": item.id,
        "type": item.kind.singular(),
        item.kind.title(): contents.text(item.kind.title()),
        "visible_to": contents.values.get("visible_to"),
        "owner": {"id": contents.values.get("owner_id")},
        "custom_fields": customs(company, item.kind, contents),
        "notes": notes(company, item.kind, item.id),
    });
    match item.kind {
        Kind::Person => {
            shown["phones"] = points(contents, "phones").into();
            shown["emails"] = points(contents, "emails").into();
            shown["organization"] = named(company, Kind::Organization, contents);
        }
        Kind::Organization => shown["address"] = contents.values.get("address").and_then(custom_text).into(),
        _ => {
            for name in ["value", "currency", "status", "is_archived"] {
                shown[name] = contents.values.get(name).cloned().unwrap_or_default();
            }
            let stage = contents.id_of("stage_id").unwrap_or_default();
            shown["stage"] = json!({"id": stage, "name": stages::name_of(stage.cast_signed())});
            shown["person"] = named(company, Kind::Person, contents);
            shown["organization"] = named(company, Kind::Organization, contents);
        }
    }
    json!({"result_score": if is_exact { 1.5 } else { 0.5 }, "item": shown})
}

fn chosen<'a>(call: &'a Call, known: &[&'a str]) -> Result<Vec<&'a str>, Refusal> {
    let Some(asked) = call.query_list("fields") else { return Ok(known.to_vec()) };
    match asked.iter().find(|it| !known.contains(it)) {
        Some(unknown) => Err(Refusal::invalid(format!("fields: {unknown} is not allowed"))),
        None => Ok(asked),
    }
}

type Hit<'a> = (&'a Item, &'a Contents);

/// A page of what was found; only what is on it is looked at closely.
fn page(company: &Company, call: &Call, found: &[Hit<'_>], show: impl Fn(&Hit<'_>) -> Value) -> Answer {
    let (start, limit) = (offset_of(call)?, limit(company, call)?);
    let rows: Vec<Value> = found.iter().skip(start).take(limit).map(show).collect();
    let next = offset_cursor(start + rows.len(), found.len());
    Ok(Reply::page(rows, next))
}

/// The same under `items`.
fn items_page(company: &Company, call: &Call, found: &[Hit<'_>], term: &Term) -> Answer {
    let mut reply = page(company, call, found, |(item, contents)| hit(company, item, contents, term))?;
    if let Content::Json(body) = &mut reply.content {
        body["data"] = json!({"items": body["data"].take()});
    }
    Ok(reply)
}

fn fit_of(call: &Call) -> Result<Fit, Refusal> {
    Ok(if call.query_flag("exact_match")?.unwrap_or(false) { Fit::Exact } else { Fit::Middle })
}

/// `GET /api/v2/persons/search` and the like
pub(super) fn of_object(company: &mut Company, call: &Call) -> Answer {
    let kind = call.kind();
    let term = Term::read(company, call, fit_of(call)?)?;
    let fields = chosen(call, searchable(kind))?;
    let organization = call.query_number("organization_id")?;
    let person = call.query_number("person_id")?;
    let found: Vec<Hit<'_>> = hits(company, kind, &term, &fields)
        .into_iter()
        .filter(|(_, it)| organization.is_none_or(|id| it.id_of("org_id") == Some(id)))
        .filter(|(_, it)| person.is_none_or(|id| it.id_of("person_id") == Some(id)))
        .filter(|(_, it)| call.query("status").is_none_or(|status| it.text("status") == status))
        .collect();
    items_page(company, call, &found, &term)
}

/// `GET /api/v2/itemSearch`
pub(super) fn items(company: &mut Company, call: &Call) -> Answer {
    let term = Term::read(company, call, fit_of(call)?)?;
    let types = call.query_list("item_types").unwrap_or_else(|| vec!["deal", "organization", "person"]);
    let asked = call.query_list("fields");
    let mut found = Vec::new();
    for kind in types.into_iter().filter_map(Kind::named) {
        let known = searchable(kind).iter().copied();
        let fields: Vec<&str> = known.filter(|it| asked.as_ref().is_none_or(|asked| asked.contains(it))).collect();
        found.extend(hits(company, kind, &term, &fields));
    }
    items_page(company, call, &found, &term)
}

/// `GET /api/v2/itemSearch/field`: one native or custom field, exactly unless asked otherwise.
pub(super) fn by_field(company: &mut Company, call: &Call) -> Answer {
    let fit = match call.query("match") {
        None | Some("exact") => Fit::Exact,
        Some("beginning") => Fit::Beginning,
        Some("middle") => Fit::Middle,
        Some(other) => return Err(Refusal::invalid(format!("match: {other} is not allowed"))),
    };
    let term = Term::read(company, call, fit)?;
    let kind = call.query("entity_type").and_then(Kind::named).filter(|it| it.takes_custom_fields());
    let kind = kind.ok_or_else(|| Refusal::invalid("entity_type is not allowed"))?;
    let code = call.query("field").ok_or_else(|| Refusal::invalid("field is required"))?;
    let field = company.fields.named(kind, code).ok_or_else(|| Refusal::invalid("field does not exist"))?;
    let is_custom = field.is_custom;
    if is_custom && !SEARCHED.contains(&field.field_type.as_str()) {
        return Err(Refusal::invalid("field is not searchable"));
    }
    let now_us = company.now_us();
    let found: Vec<Hit<'_>> = company
        .all_live(kind)
        .filter_map(|item| Some((item, item.indexed(now_us)?)))
        .filter(|(item, contents)| match contents.custom.get(code).filter(|_| is_custom) {
            Some(value) => custom_text(value).is_some_and(|it| term.fits(&it)),
            None => !is_custom && matches(company, item, contents, &term, code),
        })
        .collect();
    page(company, call, &found, |(item, contents)| json!({"id": item.id, "name": contents.text(kind.title())}))
}
