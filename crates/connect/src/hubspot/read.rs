//! Reads by id, by key, by address and as a list (HubSpot's pages "CRM API | Contacts" and "CRM API | Search").

use std::collections::{BTreeSet, HashMap};

use lockstep_core::record::Record;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value as Json, json};

use super::ABOUT;
use super::wire::{CONTACTS, Page, ask, batch_read, filter, with_merged};
use crate::connector::{Find, Got, IdPage};
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};

/// Ids in one page of the list; HubSpot's limit there.
const LIST_PAGE: usize = 100;
/// Candidates that a search by e-mail or phone may bring; more say nothing that fewer do not.
const CANDIDATES_MAX: usize = 100;

/// One call for each full batch, and one more for the ids that it did not show: only the recycle bin tells an
/// archived record from one that cannot be seen.
pub(super) async fn get(session: &Session, ids: &[String], properties: &[String]) -> Result<Vec<Got>, Fault> {
    let mut answer = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(ABOUT.read_batch) {
        let wanted: BTreeSet<&str> = chunk.iter().map(String::as_str).collect();
        let mut found = by_id(session, &wanted, properties, false).await?;
        let absent: BTreeSet<&str> = wanted.into_iter().filter(|id| !found.contains_key(*id)).collect();
        if !absent.is_empty() {
            found.extend(by_id(session, &absent, properties, true).await?);
        }
        answer.extend(chunk.iter().map(|id| found.get(id).cloned().unwrap_or(Got::Missing)));
    }
    Ok(answer)
}

/// What was found, by every asked id that leads to it: answers come in any order, and a merged record answers under
/// its new id.
async fn by_id(
    session: &Session,
    ids: &BTreeSet<&str>,
    properties: &[String],
    archived: bool,
) -> Result<HashMap<String, Got>, Fault> {
    let inputs = ids.iter().map(|id| json!({ "id": id })).collect();
    let page: Page = match ask(session, batch_read(inputs, properties, None, archived)).await {
        Err(fault) if fault.class == FaultClass::Missing => return Ok(HashMap::new()),
        answered => answered?,
    };
    let mut found = HashMap::new();
    for object in page.results {
        let record = object.record(properties);
        let asked: Vec<String> =
            record.merged.iter().chain([&record.id]).filter(|id| ids.contains(id.as_str())).cloned().collect();
        let got = if record.archived { Got::Archived(record) } else { Got::Found(record) };
        found.extend(asked.into_iter().map(|id| (id, got.clone())));
    }
    Ok(found)
}

/// Looks by key (no index lag) or by a search. One call.
pub(super) async fn find(session: &Session, by: &Find, properties: &[String]) -> Result<Vec<Record>, Fault> {
    let (call, asked) = match by {
        Find::Key { property, values } => {
            if values.len() > ABOUT.read_batch {
                return Err(Fault::new(FaultClass::Bug, "BATCH_TOO_LARGE", "More keys than one call reads."));
            }
            let mut asked = properties.to_vec();
            asked.push(property.clone());
            let inputs = values.iter().map(|value| json!({ "id": value })).collect();
            (batch_read(inputs, &asked, Some(property), false), asked)
        }
        Find::Email(email) => (search(&email_groups(email), properties), properties.to_vec()),
        Find::Phone(phone) => (search(&phone_groups(phone), properties), properties.to_vec()),
    };
    match ask::<Page>(session, call).await {
        Ok(page) => Ok(page.results.into_iter().map(|object| object.record(&asked)).collect()),
        Err(fault) if fault.class == FaultClass::Missing => Ok(Vec::new()),
        Err(fault) => Err(fault),
    }
}

fn search(groups: &[Json], properties: &[String]) -> Call {
    let groups: Vec<Json> = groups.iter().map(|filter| json!({ "filters": [filter] })).collect();
    let body = json!({ "filterGroups": groups, "properties": with_merged(properties), "limit": CANDIDATES_MAX });
    Call::read(Method::Post, format!("{CONTACTS}/search"), Some(body)).as_search()
}

fn email_groups(email: &str) -> [Json; 2] {
    let email = email.to_lowercase();
    [filter("email", "EQ", &email), filter("hs_additional_emails", "CONTAINS_TOKEN", &email)]
}

/// Numbers are stored as typed. The searchable shadows hold the national digits, with whatever stood before them
/// when the number was typed without a `+`; five groups are all that a search may have.
fn phone_groups(phone: &str) -> [Json; 5] {
    let national = national_digits(phone);
    let ending = format!("*{national}");
    [
        filter("hs_searchable_calculated_phone_number", "EQ", national),
        filter("hs_searchable_calculated_phone_number", "CONTAINS_TOKEN", &ending),
        filter("hs_searchable_calculated_mobile_number", "CONTAINS_TOKEN", &ending),
        filter("phone", "EQ", phone),
        filter("mobilephone", "EQ", phone),
    ]
}

/// An E.164 number without its `+` and country code. Country codes are prefix-free (ITU-T E.164): 1 and 7 stand
/// alone, these have two digits, all others three.
fn national_digits(phone: &str) -> &str {
    const TWO_DIGITS: &str = "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 \
                              60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98";
    let digits = phone.strip_prefix('+').unwrap_or(phone);
    let code = match digits.get(..2) {
        _ if digits.starts_with(['1', '7']) => 1,
        Some(two) if TWO_DIGITS.contains(two) => 2,
        _ => 3,
    };
    digits.get(code..).unwrap_or(digits)
}

/// One page of ids. One call.
pub(super) async fn list_ids(session: &Session, archived: bool, after: Option<&str>) -> Result<IdPage, Fault> {
    let mut path = format!("{CONTACTS}?limit={LIST_PAGE}&archived={archived}&properties=hs_object_id");
    if let Some(after) = after {
        path = format!("{path}&after={}", utf8_percent_encode(after, NON_ALPHANUMERIC));
    }
    let page: Page = ask(session, Call::read(Method::Get, path, None)).await?;
    let after = page.after().map(str::to_owned);
    Ok(IdPage { ids: page.results.into_iter().map(|object| object.id).collect(), after })
}
