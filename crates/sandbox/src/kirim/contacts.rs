//! Contacts, the organization and its numbers. Source: the operations "contacts", "contacts/id", "me" and "accounts".

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Value, json};

use super::answer::{Answer, Refusal, one, page};
use super::gate::Call;
use super::inbox::{Contact, Edit, Inbox, is_e164};

/// Rows of a page that says nothing, and of any.
const LIMIT_DEFAULT: usize = 25;
const LIMIT_MAX: usize = 100;
/// Characters of a search.
const SEARCH_CHARS_MAX: usize = 200;

/// `GET /v1/me`
pub(super) fn me(inbox: &mut Inbox, _: &Call) -> Answer {
    let settings = &inbox.settings;
    one(json!({
        "organization": {"id": settings.organization_id, "object": "organization", "name": "Sandbox"},
        "api_key": {"id": "key_01HXYZABCDEFGHJKMNPQRSTVWX", "object": "api_key", "label": "Sandbox", "last4": "0000"},
        "rate_limits": {
            "tier": "free",
            "write_per_minute": settings.writes_per_minute,
            "read_per_minute": settings.reads_per_minute,
        },
    }))
}

/// `GET /v1/accounts`, of the second generation
pub(super) fn accounts(inbox: &mut Inbox, _: &Call) -> Answer {
    let row = |number: &super::settings::Number| {
        let plain: String = number.display.chars().filter(|it| it.is_ascii_digit() || *it == '+').collect();
        json!({"object": "account", "phone_number_id": number.id, "phone_number": plain, "name": "Sandbox",
            "status": "connected"})
    };
    page(inbox.settings.numbers.iter().map(row).collect(), None)
}

/// Whether the call's path is about the contact's number.
fn is_scope(call: &Call, contact: &Contact) -> bool {
    call.number.as_ref().is_none_or(|number| contact.number == *number)
}

/// `GET /v1/contacts`: newest first. What it does not know in a query it leaves aside.
pub(super) fn list(inbox: &mut Inbox, call: &Call) -> Answer {
    let limit = match call.asked("limit") {
        None => LIMIT_DEFAULT,
        Some(limit) => limit.parse().unwrap_or(0),
    };
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Refusal::invalid("invalid_limit", "limit", "limit must be 1 to 100"));
    }
    // A plus may arrive as a space.
    let phone = call.asked("phone").map(|phone| phone.replace(' ', "+"));
    if phone.as_ref().is_some_and(|phone| !is_e164(phone)) {
        return Err(Refusal::invalid("invalid_phone_number", "phone", "phone must be E.164"));
    }
    let search = call.asked("search").map(str::to_lowercase);
    if search.as_ref().is_some_and(|text| !(1..=SEARCH_CHARS_MAX).contains(&text.chars().count())) {
        return Err(Refusal::value("search", "search must be 1 to 200 characters"));
    }
    let filter = json!([call.number, phone, search]);
    let before = call.asked("cursor").map(|cursor| place(cursor, &filter)).transpose()?.unwrap_or(u64::MAX);
    let has = |text: &Option<String>, part: &str| text.as_ref().is_some_and(|text| text.to_lowercase().contains(part));
    let fits = |contact: &Contact| {
        !contact.deleted
            && is_scope(call, contact)
            && phone.as_ref().is_none_or(|phone| contact.phone.as_ref() == Some(phone))
            && search.as_ref().is_none_or(|part| has(&contact.name, part) || has(&contact.email, part))
    };
    let mut fitting = inbox.contacts.range(..before).rev().filter(|(_, contact)| fits(contact));
    let (mut rows, mut last) = (Vec::new(), 0);
    for (at, contact) in fitting.by_ref().take(limit) {
        rows.push(inbox.shown(contact));
        last = *at;
    }
    let next = fitting.next().map(|_| URL_SAFE_NO_PAD.encode(json!([last, filter]).to_string()));
    page(rows, next)
}

/// A cursor is only good for the filters that it came from.
fn place(cursor: &str, filter: &Value) -> Result<u64, Refusal> {
    let bad = || Refusal::invalid("invalid_cursor", "cursor", "The cursor is malformed or of another list");
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| bad())?;
    let (at, of): (u64, Value) = serde_json::from_slice(&bytes).map_err(|_| bad())?;
    if of == *filter { Ok(at) } else { Err(bad()) }
}

/// `POST /v1/contacts`
pub(super) fn create(inbox: &mut Inbox, call: &Call) -> Answer {
    let body = call.object()?;
    let phone = body.get("phone_number").and_then(Value::as_str);
    let phone =
        phone.ok_or_else(|| Refusal::invalid("missing_required_field", "phone_number", "phone_number is required"))?;
    if !is_e164(phone) {
        return Err(Refusal::invalid("invalid_phone_number", "phone_number", "phone_number must be E.164"));
    }
    let edit = Edit::of(&body)?;
    let number = match (&call.number, body.get("from").and_then(Value::as_str)) {
        (Some(number), _) => number.clone(),
        (None, None) if inbox.settings.numbers.len() > 1 => {
            let message = "from is required, the organization has several numbers";
            return Err(Refusal::invalid("missing_required_field", "from", message));
        }
        (None, None) => inbox.settings.numbers.first().map(|number| number.id.clone()).unwrap_or_default(),
        (None, Some(from)) => {
            let plain = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
            let found = inbox.settings.numbers.iter().find(|number| plain(&number.display) == plain(from));
            found.ok_or_else(|| Refusal::value("from", "is none of the organization's numbers"))?.id.clone()
        }
    };
    let contact = inbox.create(&number, Some(phone.to_owned()), edit)?;
    inbox.announce("contact.created", &contact, &[]);
    Ok((StatusCode::CREATED, json!({"data": inbox.shown(&contact)})))
}

/// `GET /v1/contacts/{id}`
pub(super) fn read(inbox: &mut Inbox, call: &Call) -> Answer {
    let found = inbox.contact(&call.id).filter(|contact| is_scope(call, contact));
    one(inbox.shown(found.ok_or_else(Refusal::not_found)?))
}

/// `PATCH /v1/contacts/{id}`
pub(super) fn update(inbox: &mut Inbox, call: &Call) -> Answer {
    let body = call.object()?;
    inbox.contact(&call.id).filter(|contact| is_scope(call, contact)).ok_or_else(Refusal::not_found)?;
    if body.contains_key("phone_number") {
        return Err(Refusal::value("phone_number", "A contact's number does not change"));
    }
    if !["name", "email", "metadata"].iter().any(|name| body.contains_key(*name)) {
        let message = "Give at least one of name, email and metadata";
        return Err(Refusal::invalid("missing_required_field", "name", message));
    }
    let (contact, changed) = inbox.edit(&call.id, Edit::of(&body)?).ok_or_else(Refusal::not_found)?;
    if !changed.is_empty() {
        inbox.announce("contact.updated", &contact, &changed);
    }
    one(inbox.shown(&contact))
}
