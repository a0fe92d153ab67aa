//! Lists of v2: cursors, orders and changes since a time. Source: Pipedrive's OpenAPI document of v2.

use std::cmp::Ordering;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::answer::{Answer, Call, Refusal, Reply};
use super::company::{Company, Item};
use super::kinds::Kind;
use super::records::{Selection, view};
use super::values::moment;

/// Rows on a page unless asked otherwise.
const LIMIT: usize = 100;
/// Rows on a page at most.
const LIMIT_MAX: usize = 500;
/// Ids that may be asked for at once.
const IDS_MAX: usize = 100;

/// Where a list goes on: just after this record in this order.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cursor {
    field: String,
    field_value: i64,
    sort_direction: String,
    id: u64,
}

fn encode(cursor: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(cursor).unwrap_or_default())
}

fn decode<T: for<'a> Deserialize<'a>>(text: &str) -> Result<T, Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
    let read = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    read.ok_or_else(|| Refusal::invalid("cursor is not valid"))
}

/// Where a list in a fixed order goes on.
#[derive(Serialize, Deserialize)]
struct Offset {
    start: usize,
}

pub(super) fn offset_of(call: &Call) -> Result<usize, Refusal> {
    call.query("cursor").map_or(Ok(0), |text| decode::<Offset>(text).map(|it| it.start))
}

pub(super) fn offset_cursor(start: usize, total: usize) -> Option<String> {
    (start < total).then(|| encode(&Offset { start }))
}

/// How many rows a page may have.
pub(super) fn limit(company: &Company, call: &Call) -> Result<usize, Refusal> {
    let asked = match call.query_number("limit")? {
        None => LIMIT,
        Some(asked) => usize::try_from(asked)
            .ok()
            .filter(|it| (1..=LIMIT_MAX).contains(it))
            .ok_or_else(|| Refusal::invalid(format!("limit must be between 1 and {LIMIT_MAX}")))?,
    };
    Ok(asked.min(company.settings.page_max.unwrap_or(LIMIT_MAX)).max(1))
}

fn one_of<'a>(call: &'a Call, name: &str, known: &[&'a str]) -> Result<&'a str, Refusal> {
    let asked = call.query(name).unwrap_or(known[0]);
    if known.contains(&asked) {
        return Ok(asked);
    }
    Err(Refusal::invalid(format!("{name} must be one of {}", known.join(", "))))
}

/// The order a list is asked in.
struct Order<'a> {
    field: &'a str,
    direction: &'a str,
}

impl Order<'_> {
    fn key(&self, item: &Item) -> (i64, u64) {
        let value = match self.field {
            "update_time" => item.update_us,
            "add_time" => item.add_us,
            _ => item.id.cast_signed(),
        };
        (value, item.id)
    }

    fn compare(&self, a: (i64, u64), b: (i64, u64)) -> Ordering {
        if self.direction == "desc" { b.cmp(&a) } else { a.cmp(&b) }
    }
}

fn filters(call: &Call) -> Result<Vec<(&'static str, u64)>, Refusal> {
    let names: &[&'static str] = match call.kind() {
        Kind::Person => &["owner_id", "org_id"],
        Kind::Organization => &["owner_id"],
        Kind::Deal => &["owner_id", "person_id", "org_id", "pipeline_id", "stage_id"],
        Kind::Activity => &["owner_id", "deal_id", "person_id", "org_id"],
        Kind::Note => &[],
    };
    let asked = names.iter().map(|name| Ok(call.query_number(name)?.map(|id| (*name, id))));
    asked.filter_map(Result::transpose).collect()
}

fn ids(call: &Call) -> Result<Option<Vec<u64>>, Refusal> {
    let Some(texts) = call.query_list("ids") else { return Ok(None) };
    if texts.len() > IDS_MAX {
        return Err(Refusal::invalid(format!("ids must not hold more than {IDS_MAX} entries")));
    }
    let ids: Result<_, _> = texts.iter().map(|text| text.parse()).collect();
    ids.map(Some).map_err(|_| Refusal::invalid("ids must be integers"))
}

/// Everything a list leaves out, as one test.
fn wanted(company: &Company, call: &Call) -> Result<impl Fn(&Item) -> bool, Refusal> {
    let time = |name: &str| call.query(name).map(|text| moment(name, text)).transpose();
    let (since, until) = (time("updated_since")?, time("updated_until")?);
    let (filters, ids) = (filters(call)?, ids(call)?);
    let done = call.query_flag("done")?;
    let status = call.query("status").filter(|_| call.kind() == Kind::Deal).map(str::to_owned);
    if call.query("filter_id").is_some() {
        return Err(Refusal::invalid("filter_id does not exist"));
    }
    let person_of_deal = match call.query_number("deal_id")?.filter(|_| call.kind() == Kind::Person) {
        Some(deal) => Some(company.live_or_refuse(Kind::Deal, deal)?.now.id_of("person_id").unwrap_or(0)),
        None => None,
    };
    Ok(move |item: &Item| {
        since.is_none_or(|at| item.update_us >= at)
            && until.is_none_or(|at| item.update_us < at)
            && filters.iter().all(|(name, id)| item.now.id_of(name) == Some(*id))
            && ids.as_ref().is_none_or(|ids| ids.contains(&item.id))
            && person_of_deal.is_none_or(|id| item.id == id)
            && done.is_none_or(|done| item.now.values.get("done").is_some_and(|it| *it == done))
            && status.as_deref().is_none_or(|status| item.now.text("status") == status)
    })
}

/// `GET /api/v2/persons` and the like
pub(super) fn list(company: &mut Company, call: &Call) -> Answer {
    let company = &*company;
    let kind = call.kind();
    let (selection, limit) = (Selection::of(company, call)?, limit(company, call)?);
    let order = Order {
        field: one_of(call, "sort_by", &["id", "update_time", "add_time"])?,
        direction: one_of(call, "sort_direction", &["asc", "desc"])?,
    };
    let last = match call.query("cursor").map(decode::<Cursor>).transpose()? {
        None => None,
        Some(it) if it.field == order.field && it.sort_direction == order.direction => Some((it.field_value, it.id)),
        Some(_) => return Err(Refusal::invalid("cursor belongs to another order")),
    };
    let wanted = wanted(company, call)?;
    let is_after = |item: &Item| last.is_none_or(|last| order.compare(order.key(item), last) == Ordering::Greater);
    let mut found: Vec<&Item> = company.all_live(kind).filter(|item| wanted(item) && is_after(item)).collect();
    let compare = |a: &&Item, b: &&Item| order.compare(order.key(a), order.key(b));
    let has_more = found.len() > limit;
    if has_more {
        found.select_nth_unstable_by(limit, compare);
        found.truncate(limit);
    }
    found.sort_unstable_by(compare);
    let next = found.last().filter(|_| has_more).map(|item| {
        let (field_value, id) = order.key(item);
        let (field, sort_direction) = (order.field.to_owned(), order.direction.to_owned());
        encode(&Cursor { field, field_value, sort_direction, id })
    });
    Ok(Reply::page(found.into_iter().map(|item| view(company, item, &selection)).collect(), next))
}
