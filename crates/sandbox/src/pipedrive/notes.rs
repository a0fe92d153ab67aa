//! Notes, in v1: HTML about a person, an organisation or a deal. Source: Pipedrive's OpenAPI document of v1.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::company::{Company, Draft, Item, Source, USERS};
use super::kinds::Kind;
use super::records::created;
use super::v1::{page, paged, window};
use super::values::{moment, old_moment, old_stamp};

/// What a note may be about.
const ABOUT: [(Kind, &str); 3] = [(Kind::Person, "person"), (Kind::Organization, "organization"), (Kind::Deal, "deal")];

/// A note as v1 shows it, with the names of what it is about.
pub(super) fn view(company: &Company, item: &Item) -> Value {
    let mut view: Map<String, Value> = item.now.values.clone();
    for (kind, member) in ABOUT {
        let name = kind.reference();
        let about = item.now.id_of(name).and_then(|id| company.items.get(&(kind, id)));
        view.entry(name).or_insert(Value::Null);
        view.insert(
            member.to_owned(),
            about.map_or(Value::Null, |it| json!({kind.title(): it.now.text(kind.title())})),
        );
    }
    let user_id = item.now.id_of("user_id").unwrap_or_default();
    let user = USERS.iter().find(|user| u64::from(user.id) == user_id);
    view.insert(
        "user".to_owned(),
        user.map_or(
            Value::Null,
            |it| json!({"email": it.email, "name": it.name, "icon_url": null, "is_you": it.id == USERS[0].id}),
        ),
    );
    view.insert("id".to_owned(), item.id.into());
    view.insert("lead_id".to_owned(), Value::Null);
    view.insert("active_flag".to_owned(), item.deleted_us.is_none().into());
    view.insert("add_time".to_owned(), old_stamp(item.add_us).into());
    view.insert("update_time".to_owned(), old_stamp(item.update_us).into());
    view.insert("last_update_user_id".to_owned(), USERS[0].id.into());
    view.into()
}

fn shown(company: &Company, id: u64) -> Value {
    company.items.get(&(Kind::Note, id)).map_or(Value::Null, |item| view(company, item))
}

/// Reads a note's members: v1 says 0 and 1 for flags and has a time without a zone.
fn draft(company: &Company, call: &Call, is_new: bool) -> Result<Draft, Refusal> {
    let mut body = call.object()?;
    let add_time = body.remove("add_time").filter(|_| is_new);
    for (name, value) in &mut body {
        if name.starts_with("pinned_to_") {
            *value = match value.as_f64() {
                Some(0.0) => false.into(),
                Some(1.0) => true.into(),
                _ => return Err(Refusal::new(StatusCode::BAD_REQUEST, format!("{name} must be 0 or 1"))),
            };
        }
    }
    let mut draft = company.check(Kind::Note, &body, is_new)?;
    draft.add_us = add_time.as_ref().and_then(Value::as_str).map(|text| old_moment("add_time", text)).transpose()?;
    let is_about = ABOUT.iter().any(|(kind, _)| draft.contents.id_of(kind.reference()).is_some());
    if is_new && !is_about {
        let message = "One of the following fields is required: lead_id, deal_id, person_id, org_id";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, message));
    }
    Ok(draft)
}

/// `GET /v1/notes`
pub(super) fn list(company: &mut Company, call: &Call) -> Answer {
    let company = &*company;
    let mut asked = Vec::new();
    for name in ["person_id", "org_id", "deal_id", "user_id"] {
        asked.extend(call.query_number(name)?.map(|id| (name, id)));
    }
    let since = call.query("updated_since").map(|text| moment("updated_since", text)).transpose()?;
    let mut all: Vec<&Item> = company
        .all_live(Kind::Note)
        .filter(|item| asked.iter().all(|(name, id)| item.now.id_of(name) == Some(*id)))
        .filter(|item| since.is_none_or(|since| item.update_us >= since))
        .collect();
    if let Some(sort) = call.query("sort") {
        let (field, direction) = sort.split_once(' ').unwrap_or((sort, "ASC"));
        match field {
            "id" => {}
            "add_time" => all.sort_by_key(|item| (item.add_us, item.id)),
            "update_time" => all.sort_by_key(|item| (item.update_us, item.id)),
            _ => return Err(Refusal::new(StatusCode::BAD_REQUEST, format!("Cannot sort by {field}"))),
        }
        if direction.eq_ignore_ascii_case("desc") {
            all.reverse();
        }
    }
    let (rows, pagination) = page(&all, window(company, call)?, |item| view(company, item));
    Ok(paged(rows, json!({"pagination": pagination})))
}

/// `POST /v1/notes`
pub(super) fn create(company: &mut Company, call: &Call) -> Answer {
    let draft = draft(company, call, true)?;
    let id = company.create(Kind::Note, draft, Source::Api)?;
    Ok(Reply::data(shown(company, id)).status(created(company)))
}

/// `GET /v1/notes/{id}`
pub(super) fn read(company: &mut Company, call: &Call) -> Answer {
    let id = call.id()?;
    company.live_or_refuse(Kind::Note, id)?;
    Ok(Reply::data(shown(company, id)))
}

/// `PUT /v1/notes/{id}`: what is left out stays.
pub(super) fn update(company: &mut Company, call: &Call) -> Answer {
    let id = call.id()?;
    company.live_or_refuse(Kind::Note, id)?;
    let draft = draft(company, call, false)?;
    company.write(Kind::Note, id, draft, Source::Api);
    Ok(Reply::data(shown(company, id)))
}

/// `DELETE /v1/notes/{id}`
pub(super) fn delete(company: &mut Company, call: &Call) -> Answer {
    let id = call.id()?;
    company.live_or_refuse(Kind::Note, id)?;
    company.delete(Kind::Note, id, None, Source::Api);
    Ok(Reply::data(true))
}
