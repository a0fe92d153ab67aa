//! What only v1 has: merges, recent changes, and records in its own form. Source: Pipedrive's OpenAPI document of v1.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::company::{Company, Contents, Draft, Item, Source};
use super::kinds::{KINDS, Kind};
use super::notes;
use super::settings::Survivor;
use super::values::{old_moment, old_stamp};

/// Rows on a page unless asked otherwise, and at most.
const LIMIT: (u64, u64) = (100, 500);

/// A record as v1 shows it: custom fields beside the others, times without a zone.
pub(super) fn view(company: &Company, item: &Item) -> Value {
    if item.kind == Kind::Note {
        return notes::view(company, item);
    }
    let mut view: Map<String, Value> = item.now.values.clone();
    for (new, old) in [("emails", "email"), ("phones", "phone")] {
        if item.kind == Kind::Person {
            let list = view.remove(new).unwrap_or_else(|| json!([]));
            view.insert(old.to_owned(), list);
        }
    }
    if let Some(visible) = view.get("visible_to").map(Value::to_string) {
        view.insert("visible_to".to_owned(), visible.into());
    }
    for field in company.fields.customs(item.kind) {
        view.insert(field.code.clone(), item.now.custom.get(&field.code).cloned().unwrap_or_default());
    }
    view.insert("id".to_owned(), item.id.into());
    view.insert("company_id".to_owned(), company.settings.company_id.into());
    view.insert("active_flag".to_owned(), item.deleted_us.is_none().into());
    view.insert("add_time".to_owned(), old_stamp(item.add_us).into());
    view.insert("update_time".to_owned(), old_stamp(item.update_us).into());
    view.into()
}

/// Where a page of v1 starts and how many rows it may have.
pub(super) fn window(company: &Company, call: &Call) -> Result<(usize, usize), Refusal> {
    let start = call.query_number("start")?.unwrap_or(0);
    let limit = call.query_number("limit")?.unwrap_or(LIMIT.0).clamp(1, LIMIT.1);
    let bound = company.settings.page_max.unwrap_or(usize::MAX).max(1);
    Ok((usize::try_from(start).unwrap_or(usize::MAX), usize::try_from(limit).unwrap_or(1).min(bound)))
}

/// A page of v1: the rows from `start` on, and where the next begins.
pub(super) fn page(
    all: &[&Item],
    (start, limit): (usize, usize),
    show: impl Fn(&Item) -> Value,
) -> (Vec<Value>, Value) {
    let rows: Vec<Value> = all.iter().skip(start).take(limit).map(|item| show(item)).collect();
    let end = start.saturating_add(rows.len());
    let mut pagination = json!({"start": start, "limit": limit, "more_items_in_collection": end < all.len()});
    if end < all.len() {
        pagination["next_start"] = end.into();
    }
    (rows, pagination)
}

pub(super) fn paged(rows: Vec<Value>, additional: Value) -> Reply {
    let count = rows.len();
    let body = json!({"success": true, "data": rows, "additional_data": additional});
    Reply::ok(body).rows(count)
}

/// `GET /v1/recents`: what was made, changed or deleted since a time, in that order.
pub(super) fn recents(company: &mut Company, call: &Call) -> Answer {
    let since = call.query("since_timestamp").ok_or_else(|| Refusal::invalid("since_timestamp is required"))?;
    let since_us = old_moment("since_timestamp", since)?;
    let kinds: Vec<Kind> = match call.query_list("items") {
        None => KINDS.to_vec(),
        Some(names) => names.into_iter().filter_map(Kind::named).collect(),
    };
    let mut all: Vec<&Item> = company
        .items
        .values()
        .filter(|item| kinds.contains(&item.kind) && item.update_us >= since_us)
        .filter(|item| company.is_seen(item))
        .collect();
    all.sort_by_key(|item| (item.update_us, item.kind, item.id));
    let (start, limit) = window(company, call)?;
    let show = |item: &Item| json!({"item": item.kind.singular(), "id": item.id, "data": view(company, item)});
    let (rows, pagination) = page(&all, (start, limit), show);
    let last = all.get(start.saturating_add(rows.len()).saturating_sub(1)).map(|item| old_stamp(item.update_us));
    let additional = json!({"since_timestamp": since, "last_timestamp_on_page": last, "pagination": pagination});
    Ok(paged(rows, additional))
}

/// `PUT /v1/persons/{id}/merge` and the like
pub(super) fn merge(company: &mut Company, call: &Call) -> Answer {
    let (kind, id) = (call.kind(), call.id()?);
    let with = call.object()?.get("merge_with_id").and_then(Value::as_u64);
    let with = with.ok_or_else(|| Refusal::new(StatusCode::BAD_REQUEST, "merge_with_id must be given."))?;
    let keeps = company.merge(kind, id, with, Source::Api)?;
    let Some(item) = company.items.get(&(kind, keeps)) else { return Err(Refusal::not_found(kind)) };
    let mut answer = view(company, item);
    answer["merge_what_id"] = (if keeps == with { id } else { with }).into();
    Ok(Reply::data(answer))
}

/// What a merged record holds: the winner's values, the other's where it has none, and both lists joined.
fn joined(winner: &Contents, other: &Contents) -> Contents {
    let mut joined = winner.clone();
    for (name, value) in &other.values {
        let kept = joined.values.entry(name.clone()).or_insert(Value::Null);
        match (&mut *kept, value) {
            (Value::Array(kept), Value::Array(more)) => {
                let known = |it: &Value| it.get("value").unwrap_or(it).clone();
                let mut more: Vec<Value> =
                    more.iter().filter(|it| !kept.iter().any(|row| known(row) == known(it))).cloned().collect();
                if !kept.is_empty() {
                    let rest = more.iter_mut().filter_map(Value::as_object_mut);
                    rest.for_each(|row| drop(row.insert("primary".to_owned(), false.into())));
                }
                kept.append(&mut more);
            }
            (Value::Null, value) => *kept = value.clone(),
            _ => {}
        }
    }
    for (code, value) in &other.custom {
        let kept = joined.custom.entry(code.clone()).or_default();
        if kept.is_null() {
            *kept = value.clone();
        }
    }
    joined
}

impl Company {
    /// Merges two records of an object: the data of `with` wins. Answers the id of the one that lives on.
    pub(super) fn merge(&mut self, kind: Kind, id: u64, with: u64, source: Source) -> Result<u64, Refusal> {
        let other = self.live_or_refuse(kind, id)?.now.clone();
        let winner = self.live_or_refuse(kind, with)?.now.clone();
        if id == with {
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "A record cannot be merged with itself"));
        }
        let (keeps, goes) = match self.settings.survivor {
            Survivor::MergeWith => (with, id),
            Survivor::Path => (id, with),
        };
        let name = kind.reference();
        for item in self.items.values_mut().filter(|item| item.now.id_of(name) == Some(goes)) {
            item.now.values.insert(name.to_owned(), keeps.into());
        }
        self.delete(kind, goes, Some(keeps), source);
        let draft = Draft { contents: joined(&winner, &other), add_us: None };
        let stamp_us = self.stamp_us();
        let before = self.rewrite(kind, keeps, draft).unwrap_or(winner);
        if let Some(item) = self.items.get_mut(&(kind, keeps)) {
            item.update_us = stamp_us;
        }
        self.announce(kind, keeps, Some(&before), source);
        Ok(keeps)
    }
}
