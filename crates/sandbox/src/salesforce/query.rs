//! `query` and `queryAll`: pages of what a query finds, and the locators of further pages.

use serde_json::{Map, Value, json};

use super::answer::{Answer, Call, Refusal, Reply, Wrong};
use super::find::Test;
use super::ids;
use super::org::Org;
use super::rows::Row;
use super::schema::Object;
use super::soql::{self, Item, Select, at};

/// Records on a page of a query, unless fewer are asked for.
const PAGE_MAX: usize = 2_000;
const PAGE_MIN: usize = 200;

/// Records that OFFSET may leave out.
const OFFSET_MAX: usize = 2_000;

/// Records that `FIELDS(ALL)` shows at most.
const ALL_FIELDS_MAX: usize = 200;

/// Cursors of one user; the oldest makes way.
const CURSORS_MAX: usize = 10;

/// How deep queries within queries may go.
const DEPTH_MAX: usize = 5;

/// A query that was checked.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub(super) select: Select,
    pub(super) object: String,
    test: Option<Test>,
    /// What each record shows: paths, as they were written.
    pub(super) columns: Vec<String>,
    children: Vec<(String, String, Prepared)>,
    counts: Option<String>,
}

/// What is left of a query that was answered in part.
#[derive(Clone, Debug)]
pub(super) struct Cursor {
    locator: String,
    prepared: Prepared,
    ids: Vec<String>,
    page: usize,
}

impl Org {
    /// Reads and checks a query.
    pub(super) fn prepare(&self, query: &str) -> Result<Prepared, Wrong> {
        let select = soql::parse(query)?;
        let Some(object) = self.schema.get(&select.from.text) else {
            let message = format!(
                "sObject type '{}' is not supported. If you are attempting to use a custom object, be sure to append \
                 the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate \
                 names.",
                select.from.text
            );
            return Err(at("INVALID_TYPE", query, select.from.at, &message));
        };
        let object = object.clone();
        self.prepare_of(&object, select, query, 0)
    }

    pub(super) fn prepare_of(
        &self,
        object: &Object,
        select: Select,
        query: &str,
        depth: usize,
    ) -> Result<Prepared, Wrong> {
        if select.offset > OFFSET_MAX {
            return Err(Wrong::new("NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000"));
        }
        let test = select.condition.as_ref().map(|it| self.test_of(object, it, query)).transpose()?;
        for order in &select.orders {
            let field = self.needed_at(object, &order.field, query)?;
            if !field.is_filterable() {
                let message = format!("field '{}' can not be sorted in a query call", field.name);
                return Err(at("INVALID_FIELD", query, order.field.at, &message));
            }
        }
        let object_name = object.name.clone();
        let mut prepared =
            Prepared { test, object: object_name, columns: Vec::new(), children: Vec::new(), counts: None, select };
        for item in prepared.select.items.clone() {
            match item {
                Item::Field(name) => {
                    self.needed_at(object, &name, query)?;
                    prepared.columns.push(name.text);
                }
                Item::CountAll => prepared.counts = Some(String::new()),
                Item::Count(name) => {
                    self.needed_at(object, &name, query)?;
                    prepared.counts = Some(name.text);
                }
                Item::Fields(which) => {
                    if prepared.select.limit.is_none_or(|limit| limit > ALL_FIELDS_MAX) {
                        let message = "The SOQL FIELDS function must have a LIMIT of at most 200";
                        return Err(Wrong::new("MALFORMED_QUERY", message));
                    }
                    let wanted = object.fields.iter().filter(|field| match which.as_str() {
                        "STANDARD" => !field.custom,
                        "CUSTOM" => field.custom,
                        _ => true,
                    });
                    prepared.columns.extend(wanted.map(|field| field.name.clone()));
                }
                Item::Children(inner) => {
                    let child = self.prepare_children(object, *inner, query, depth)?;
                    prepared.children.push(child);
                }
            }
        }
        Ok(prepared)
    }

    fn prepare_children(
        &self,
        object: &Object,
        select: Select,
        query: &str,
        depth: usize,
    ) -> Result<(String, String, Prepared), Wrong> {
        let wanted = select.from.text.clone();
        let referring = self.schema.referring(&object.name);
        let found =
            referring.iter().find(|(_, field)| field.children.is_some_and(|name| name.eq_ignore_ascii_case(&wanted)));
        let Some((child, field)) = found.filter(|_| depth < DEPTH_MAX) else {
            let message = format!("Didn't understand relationship '{wanted}' in FROM part of query call.");
            return Err(at("INVALID_TYPE", query, select.from.at, &message));
        };
        Ok((wanted, field.name.clone(), self.prepare_of(child, select, query, depth + 1)?))
    }

    /// Ids of what a query finds, in its order.
    pub(super) fn found(&self, prepared: &Prepared, deleted_too: bool) -> Vec<String> {
        let prefix = self.schema.get(&prepared.object).map_or("", |object| object.prefix.as_str());
        self.found_among(prepared, self.rows.of(prefix).filter(|row| deleted_too || row.deleted_us.is_none()))
    }

    pub(super) fn found_among<'a>(&self, prepared: &Prepared, rows: impl Iterator<Item = &'a Row>) -> Vec<String> {
        let passes = |row: &&Row| self.in_bin(row) && prepared.test.as_ref().is_none_or(|test| self.passes(row, test));
        let mut found: Vec<&Row> = rows.filter(passes).collect();
        let Select { orders, limit, offset, .. } = &prepared.select;
        if !orders.is_empty() {
            found.sort_by_cached_key(|row| self.rank(row, orders));
        }
        found.into_iter().skip(*offset).take(limit.unwrap_or(usize::MAX)).map(|row| row.id.clone()).collect()
    }

    /// A record as a query shows it.
    pub(super) fn shown(&self, row: &Row, prepared: &Prepared, call: &Call) -> Value {
        let mut record = self.attributes(row, call);
        for path in &prepared.columns {
            self.show_path(row, path, &mut record, call);
        }
        for (name, field, inner) in &prepared.children {
            let prefix = self.schema.get(&inner.object).map_or("", |object| object.prefix.as_str());
            let children = self.rows.of(prefix);
            let children = children.filter(|child| child.deleted_us.is_none() && child.text(field) == row.id);
            let found = self.found_among(inner, children);
            let shown: Vec<Value> =
                found.iter().filter_map(|id| Some(self.shown(self.rows.get(id)?, inner, call))).collect();
            let answer = json!({"totalSize": shown.len(), "done": true, "records": shown});
            record.insert(name.clone(), if shown.is_empty() { Value::Null } else { answer });
        }
        record.into()
    }

    pub(super) fn attributes(&self, row: &Row, call: &Call) -> Map<String, Value> {
        let mut record = Map::new();
        let attributes = json!({"type": row.object, "url": call.url_of(&row.object, &row.id)});
        record.insert("attributes".to_owned(), attributes);
        record
    }

    fn show_path(&self, row: &Row, path: &str, record: &mut Map<String, Value>, call: &Call) {
        let Some(object) = self.schema.get(&row.object) else { return };
        match path.split_once('.') {
            None => {
                if let Some(field) = object.field(path) {
                    record.insert(field.name.clone(), self.shown_value(row, field, call));
                }
            }
            Some((first, rest)) if first.eq_ignore_ascii_case(&object.name) => {
                self.show_path(row, rest, record, call);
            }
            Some((first, rest)) => {
                let Some(reference) = object.relationship(first) else { return };
                let name = reference.relationship().unwrap_or_else(|| first.to_owned());
                let id = self.value(row, reference);
                let Some(parent) = id.as_str().and_then(|id| self.rows.live(id)) else {
                    record.insert(name, Value::Null);
                    return;
                };
                let inner = record.entry(name).or_insert_with(|| self.attributes(parent, call).into());
                if let Value::Object(inner) = inner {
                    self.show_path(parent, rest, inner, call);
                }
            }
        }
    }

    fn page(&self, cursor: &Cursor, from: usize, call: &Call) -> Reply {
        let shown: Vec<Value> = cursor
            .ids
            .iter()
            .skip(from)
            .take(cursor.page)
            .filter_map(|id| Some(self.shown(self.rows.get(id)?, &cursor.prepared, call)))
            .collect();
        let (rows, next) = (shown.len(), from + cursor.page);
        let mut answer = json!({"totalSize": cursor.ids.len(), "done": next >= cursor.ids.len()});
        if next < cursor.ids.len() {
            let url = format!("/services/data/{}/query/{}-{next}", call.version, cursor.locator);
            answer["nextRecordsUrl"] = url.into();
        }
        answer["records"] = shown.into();
        Reply::ok(answer).rows(rows)
    }

    /// Records on a page: the header asks, the vendor bounds, the sandbox may bound further.
    fn page_size(&self, call: &Call) -> usize {
        let asked = call.header("sforce-query-options").and_then(|options| {
            let value = options.split(',').find_map(|option| option.trim().strip_prefix("batchSize="))?;
            value.trim().parse::<usize>().ok()
        });
        let bounded = asked.map_or(PAGE_MAX, |asked| asked.clamp(PAGE_MIN, PAGE_MAX));
        self.settings.page_max.map_or(bounded, |max| bounded.min(max.max(1)))
    }
}

/// `GET query` and `GET queryAll`
pub(super) fn query(org: &mut Org, call: &Call, deleted_too: bool) -> Answer {
    let text = call.query("q").ok_or_else(|| Refusal::bad("MALFORMED_QUERY", "unexpected token: <EOF>"))?;
    let prepared = org.prepare(text)?;
    let ids = org.found(&prepared, deleted_too);
    match &prepared.counts {
        Some(path) if path.is_empty() => {
            return Ok(Reply::ok(json!({"totalSize": ids.len(), "done": true, "records": []})));
        }
        Some(path) => {
            let counted = ids.iter().filter_map(|id| org.rows.get(id)).filter(|row| !org.value_at(row, path).is_null());
            let record = json!({"attributes": {"type": "AggregateResult"}, "expr0": counted.count()});
            return Ok(Reply::ok(json!({"totalSize": 1, "done": true, "records": [record]})));
        }
        None => {}
    }
    let locator = ids::short(&org.next_id("01g")).to_owned();
    let cursor = Cursor { locator, prepared, ids, page: org.page_size(call) };
    let reply = org.page(&cursor, 0, call);
    if cursor.ids.len() > cursor.page {
        if org.cursors.len() >= CURSORS_MAX {
            org.cursors.remove(0);
        }
        org.cursors.push(cursor);
    }
    Ok(reply)
}

/// `GET query/{locator}`
pub(super) fn more(org: &mut Org, call: &Call, locator: &str) -> Answer {
    let (name, from) = locator.split_once('-').unwrap_or((locator, ""));
    let found = org.cursors.iter().find(|cursor| cursor.locator == ids::short(name));
    match (found, from.parse()) {
        (Some(cursor), Ok(from)) if from < cursor.ids.len() => Ok(org.page(cursor, from, call)),
        _ => Err(Refusal::bad("INVALID_QUERY_LOCATOR", "invalid query locator")),
    }
}
