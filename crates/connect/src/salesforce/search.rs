//! Searches of any object, by query, which knows of every write at once (Salesforce's "SOQL and SOSL Reference").

use lockstep_core::crm::{Filter, Operator};
use lockstep_core::env::Time;
use serde_json::json;

use super::ABOUT;
use super::metadata::{Field, described};
use super::read::{self, Query};
use super::scan::LATE;
use super::wire::{check_name, field_of, quoted};
use crate::door::Session;
use crate::fault::{Fault, FaultClass};
use crate::objects::{Found, Search, bad_place};

/// Types whose values stand in a query without quotes.
const BARE: [&str; 7] = ["boolean", "int", "long", "double", "currency", "percent", "date"];

/// One page. One call, one before it where there are filters, for values are written by their fields' types, and one more
/// where the properties are too many to be named in an address.
pub(super) async fn search(session: &Session, object: &str, search: &Search, asked: &[String]) -> Result<Found, Fault> {
    let fields = if search.filters.is_empty() { Vec::new() } else { described(session, object).await?.fields };
    let mut conditions = Vec::new();
    for filter in &search.filters {
        conditions.push(condition(filter, &fields)?);
    }
    let order = match search.changed {
        Some(changed) => {
            conditions.push(format!("SystemModstamp >= {}", changed.from));
            conditions.extend(changed.until.map(|until| format!("SystemModstamp <= {until}")));
            conditions.extend(search.after.as_ref().map(|after| format!("Id > {}", quoted(after))));
            "Id"
        }
        None => {
            conditions.extend(search.after.as_deref().map(older).transpose()?);
            "SystemModstamp DESC, Id DESC"
        }
    };
    let filter = if conditions.is_empty() { String::new() } else { format!("WHERE {}", conditions.join(" AND ")) };
    // One more than wanted tells whether there is more.
    let limit = search.limit.clamp(1, ABOUT.page - 1);
    let query = Query::living(object, format!("{filter} ORDER BY {order} LIMIT {}", limit + 1));
    let mut sheet = read::query(session, &query, asked).await?;
    sheet.rows.truncate(limit);
    let after = match sheet.rows.last().filter(|_| sheet.count > limit || !sheet.done) {
        Some(row) if search.changed.is_some() => Some(row.id.clone()),
        Some(row) => Some(json!([row.updated_at(), row.id]).to_string()),
        None => None,
    };
    let asked_at = match search.changed {
        Some(changed) => shown_until(sheet.seen.asked_at(), changed.from),
        None => sheet.seen.asked_at(),
    };
    Ok(Found { records: sheet.rows.iter().map(|row| row.record(asked)).collect(), after, asked_at })
}

/// How far a search for changes shows everything: a transaction that is not at its end will show times that have passed.
/// What was not asked for is not missing.
fn shown_until(asked_at: Time, from: Time) -> Time {
    asked_at.minus(LATE).max(from).min(asked_at)
}

/// Behind the last record of a page, the newest first.
fn older(after: &str) -> Result<String, Fault> {
    let (time, id): (Time, String) = serde_json::from_str(after).map_err(|_| bad_place())?;
    Ok(format!("(SystemModstamp < {time} OR (SystemModstamp = {time} AND Id < {}))", quoted(&id)))
}

fn condition(filter: &Filter, fields: &[Field]) -> Result<String, Fault> {
    let name = field_of(&filter.property);
    check_name(name)?;
    let kind =
        fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.native_type.as_str());
    let Some(kind) = kind else {
        let message = format!("Salesforce has no field \"{name}\" there.");
        let fault = Fault::new(FaultClass::Drift, "INVALID_FIELD", message);
        return Err(Fault { property: Some(filter.property.clone()), ..fault });
    };
    Ok(match (&filter.value, filter.operator) {
        (None, _) => format!("{name} = null"),
        (Some(value), _) if kind == "multipicklist" => format!("{name} INCLUDES ({})", quoted(value)),
        (Some(value), _) if kind == "datetime" => {
            format!("{name} = {}", bare(Time::parse(value).map(|time| time.to_string()), filter)?)
        }
        (Some(value), _) if BARE.contains(&kind) => {
            format!("{name} = {}", bare(is_bare(value).then(|| value.clone()), filter)?)
        }
        (Some(value), Operator::Eq) => format!("{name} = {}", quoted(value)),
        (Some(value), Operator::Contains) => format!("{name} LIKE {}", like(value)),
    })
}

fn is_bare(value: &str) -> bool {
    let is_date = value.len() == 10 && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    matches!(value, "true" | "false") || is_date || value.parse::<f64>().is_ok_and(f64::is_finite)
}

fn bare(value: Option<String>, filter: &Filter) -> Result<String, Fault> {
    value.ok_or_else(|| {
        let message = format!("The value does not fit the type of the field \"{}\".", filter.property);
        let fault = Fault::new(FaultClass::Rejected, "BAD_VALUE", message);
        Fault { property: Some(filter.property.clone()), ..fault }
    })
}

/// A text anywhere in a value; what LIKE would read as any letter is one of its own.
fn like(value: &str) -> String {
    let mut pattern = String::from("'%");
    for letter in value.chars() {
        match letter {
            '%' | '_' | '\'' => pattern.extend(['\\', letter]),
            '\\' => pattern.push_str("\\\\"),
            letter if letter.is_control() => pattern.push(' '),
            other => pattern.push(other),
        }
    }
    pattern + "%'"
}

#[cfg(test)]
mod tests {
    use lockstep_core::env::Time;
    use serde_json::Value as Json;

    use super::*;
    use crate::objects::Changed;
    use crate::script::{Line, NOON, Script};

    fn filter(property: &str, operator: Operator, value: Option<&str>) -> Filter {
        Filter { property: property.to_owned(), operator, value: value.map(str::to_owned) }
    }

    fn soql(path: &str) -> String {
        let (_, query) = path.split_once("?q=").expect("a query");
        percent_encoding::percent_decode_str(query).decode_utf8().expect("text").into_owned()
    }

    #[tokio::test]
    async fn values_are_written_by_their_fields_types() {
        let kinds = [
            ("Name", "string"),
            ("Amount", "currency"),
            ("IsWon", "boolean"),
            ("CloseDate", "date"),
            ("At", "datetime"),
            ("Tags", "multipicklist"),
        ];
        let fields: Vec<Json> =
            kinds.iter().map(|(name, kind)| json!({ "name": name, "label": name, "type": kind })).collect();
        let fields: Vec<Field> = serde_json::from_value(json!(fields)).expect("fields");
        let told =
            |property: &str, operator, value: Option<&str>| condition(&filter(property, operator, value), &fields);
        let eq = |property: &str, value: &str| told(property, Operator::Eq, Some(value)).expect("a condition");
        assert_eq!(eq("Name", "O'Hara"), r"Name = 'O\'Hara'");
        assert_eq!(eq("Amount", "12.5"), "Amount = 12.5");
        assert_eq!(eq("IsWon", "true"), "IsWon = true");
        assert_eq!(eq("CloseDate", "2026-02-03"), "CloseDate = 2026-02-03");
        assert_eq!(eq("At", "2026-02-03T10:00:00Z"), "At = 2026-02-03T10:00:00.000Z");
        assert_eq!(eq("Tags", "Red"), "Tags INCLUDES ('Red')");
        assert_eq!(told("Name", Operator::Contains, Some("50%_'")).expect("a condition"), r"Name LIKE '%50\%\_\'%'");
        assert_eq!(told("Name", Operator::Eq, None).expect("a condition"), "Name = null");
        let class = |property: &str, value: &str| told(property, Operator::Eq, Some(value)).expect_err("refused").class;
        assert_eq!(class("Amount", "1 OR Id != null"), FaultClass::Rejected);
        assert_eq!(class("Name = null OR Id", "x"), FaultClass::Drift);
        assert_eq!(class("Fax2", "x"), FaultClass::Drift);
    }

    #[tokio::test]
    async fn pages_go_on_behind_the_last_record() {
        let row = |id: &str| json!({ "Id": id, "SystemModstamp": "2026-11-22T11:00:00.000+0000" });
        let page = |ids: &[&str]| {
            Line::new(200, json!({ "done": true, "records": ids.iter().map(|id| row(id)).collect::<Vec<_>>() }))
        };
        let (script, session, _) = Script::new([page(&["1", "2", "3"]), page(&["3"])]);
        let wanted = Search { limit: 2, ..Search::default() };
        let first = search(&session, "Account", &wanted, &[]).await.expect("a page");
        assert_eq!((first.records.len(), first.after.as_deref()), (2, Some(r#"["2026-11-22T11:00:00.000Z","2"]"#)));
        let second = search(&session, "Account", &Search { after: first.after, ..wanted }, &[]).await.expect("a page");
        assert_eq!((second.records.len(), second.after), (1, None));
        let calls = script.calls();
        assert_eq!(
            soql(&calls[0].path),
            "SELECT Id,SystemModstamp FROM Account  ORDER BY SystemModstamp DESC, Id DESC LIMIT 3"
        );
        assert!(soql(&calls[1].path).contains("SystemModstamp < 2026-11-22T11:00:00.000Z OR"));
    }

    #[tokio::test]
    async fn who_asks_for_changes_is_sent_back_for_late_ones() {
        let hour = std::time::Duration::from_secs(3_600);
        let ask = async |from: Option<Time>| {
            let line = Line::new(200, json!({ "done": true, "records": [] })).date(NOON);
            let (_script, session, _) = Script::new([line]);
            let changed = from.map(|from| Changed { from, until: None });
            let wanted = Search { changed, limit: 5, ..Search::default() };
            search(&session, "Account", &wanted, &[]).await.expect("a page").asked_at
        };
        assert_eq!(ask(Some(NOON.minus(hour))).await, NOON.minus(LATE));
        assert_eq!(ask(Some(NOON.minus(LATE / 2))).await, NOON.minus(LATE / 2), "nothing before was asked");
        assert_eq!(ask(Some(NOON.plus(hour))).await, NOON, "whose clock is ahead");
        assert_eq!(ask(None).await, NOON);
    }

    #[tokio::test]
    async fn changes_are_walked_by_id_inside_closed_times() {
        let (script, session, _) = Script::new([Line::new(200, json!({ "done": true, "records": [] }))]);
        let changed = Some(Changed { from: Time::from_secs(5), until: Some(Time::from_secs(9)) });
        let wanted = Search { changed, limit: 5_000, after: Some("7".to_owned()), ..Search::default() };
        assert!(search(&session, "Account", &wanted, &[]).await.expect("a page").after.is_none());
        let expected = "WHERE SystemModstamp >= 1970-01-01T00:00:05.000Z AND SystemModstamp <= 1970-01-01T00:00:09.000Z AND Id > '7' ORDER BY Id LIMIT 2000";
        assert!(soql(&script.calls()[0].path).ends_with(expected));
        let (script, session, _) = Script::new([]);
        let odd = Search { after: Some("over there".to_owned()), limit: 5, ..Search::default() };
        let fault = search(&session, "Account", &odd, &[]).await.expect_err("no place");
        assert_eq!((fault.class, script.calls().len()), (FaultClass::Rejected, 0));
        let odd = search(&session, "Account WHERE", &Search::default(), &[]).await.expect_err("no object");
        assert_eq!(odd.class, FaultClass::Drift);
    }
}
