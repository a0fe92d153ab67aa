//! Search over an index that knows what was written some seconds ago and nothing newer.

use std::cmp::Ordering;

use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::filter::{Filters, GroupBody, Scalar, Subject};
use super::item::{Standing, View};
use super::portal::Portal;
use super::records::{Unset, object_of, page_size, shown};
use super::schema::Schema;

/// Characters a search body may have.
const BODY_CHARS_MAX: usize = 3_000;
/// Results a search can be paged through.
const RESULTS_MAX: usize = 10_000;
const PAGE_MAX: usize = 200;
const PAGE_DEFAULT: usize = 10;

/// What a plain query looks into.
const QUERIED: [&str; 14] = [
    "name",
    "domain",
    "dealname",
    "subject",
    "content",
    "hs_note_body",
    "contract_name",
    "firstname",
    "lastname",
    "email",
    "phone",
    "company",
    "hs_searchable_calculated_phone_number",
    "hs_additional_emails",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SearchBody {
    #[serde(default)]
    filter_groups: Vec<GroupBody>,
    #[serde(default)]
    sorts: Vec<SortBody>,
    query: Option<String>,
    #[serde(default)]
    properties: Vec<String>,
    limit: Option<Loose>,
    after: Option<Loose>,
}

/// Clients send these numbers as numbers and as text; HubSpot takes both.
#[derive(Deserialize)]
#[serde(untagged)]
enum Loose {
    Number(u64),
    Text(String),
}

impl Loose {
    fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum SortBody {
    Full {
        #[serde(rename = "propertyName")]
        property_name: String,
        #[serde(default)]
        direction: Direction,
    },
    /// A property's name, with a minus before it for descending.
    Short(String),
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Direction {
    #[default]
    Ascending,
    Descending,
}

/// What results are ordered by: one property, then the id.
struct Sort {
    subject: Subject,
    direction: Direction,
}

impl Sort {
    fn read(schema: &Schema, bodies: &[SortBody]) -> Result<Self, Refusal> {
        let (name, direction) = match bodies {
            [] => {
                return Ok(Self { subject: Subject::Id, direction: Direction::Ascending });
            }
            [SortBody::Full { property_name, direction }] => (property_name.as_str(), *direction),
            [SortBody::Short(name)] => match name.strip_prefix('-') {
                Some(name) => (name, Direction::Descending),
                None => (name.as_str(), Direction::Ascending),
            },
            _ => return Err(Refusal::validation("A search takes one sort")),
        };
        Ok(Self { subject: Subject::named(schema, name)?, direction })
    }

    /// Whether records come in this order by themselves.
    fn is_by_id(&self) -> bool {
        self.subject == Subject::Id && self.direction == Direction::Ascending
    }

    /// Records without a value come last either way.
    fn order(&self, a: Option<&Scalar>, b: Option<&Scalar>) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) if self.direction == Direction::Ascending => a.order(b),
            (Some(a), Some(b)) => b.order(a),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        }
    }
}

fn matches_query(view: View<'_>, words: &[String]) -> bool {
    words.iter().all(|word| {
        QUERIED.iter().filter_map(|name| view.stored(name)).any(|value| {
            let value = value.to_lowercase();
            value.split(|c: char| !c.is_alphanumeric()).any(|token| token.starts_with(word.as_str()))
                || value.starts_with(word.as_str())
        })
    })
}

/// All that pass, in order: how many, and those on the page.
fn page<'a>(
    passing: impl Iterator<Item = View<'a>>,
    sort: &Sort,
    after: usize,
    limit: usize,
) -> (usize, Vec<View<'a>>) {
    if sort.is_by_id() {
        let mut total = 0;
        let on_page = passing.inspect(|_| total += 1).enumerate();
        let page = on_page.filter(|(place, _)| (after..after + limit).contains(place)).map(|(_, view)| view).collect();
        return (total, page);
    }
    let mut all: Vec<(Option<Scalar>, View<'a>)> = passing.map(|view| (sort.subject.of(view), view)).collect();
    all.sort_by(|(a, a_view), (b, b_view)| {
        let by_id = a_view.item().id.cmp(&b_view.item().id);
        sort.order(a.as_ref(), b.as_ref()).then(by_id)
    });
    let total = all.len();
    (total, all.into_iter().skip(after).take(limit).map(|(_, view)| view).collect())
}

/// `POST /crm/v3/objects/{object}/search`
pub(super) fn search(portal: &mut Portal, call: &Call) -> Answer {
    let of = object_of(portal, call)?;
    let object = &portal.objects[of];
    if String::from_utf8_lossy(&call.body).chars().count() > BODY_CHARS_MAX {
        return Err(Refusal::validation(format!("The body of a search has at most {BODY_CHARS_MAX} characters")));
    }
    let body: SearchBody = call.json()?;
    let limit = page_size(portal, body.limit.map(|it| it.text()).as_deref(), PAGE_DEFAULT, PAGE_MAX)?;
    let after = match body.after.map(|it| it.text()).as_deref() {
        None | Some("") => 0,
        Some(text) => text.parse().map_err(|_| Refusal::validation(format!("{text} is not a valid after")))?,
    };
    if limit.saturating_add(after) > RESULTS_MAX {
        return Err(Refusal::validation(format!("A search cannot be paged beyond {RESULTS_MAX} results")));
    }
    let filters = Filters::read(&object.schema, &body.filter_groups)?;
    let sort = Sort::read(&object.schema, &body.sorts)?;
    let words: Vec<String> = body.query.unwrap_or_default().split_whitespace().map(str::to_lowercase).collect();
    let horizon = portal.index_horizon();
    let passing = portal
        .items
        .range(filters.lowest_id()..)
        .filter(|(_, item)| item.of == of && portal.in_sight(item))
        .filter_map(|(_, item)| item.at(horizon))
        .filter(|view| view.standing() == Standing::Live && filters.pass(*view) && matches_query(*view, &words));
    let (total, found) = page(passing, &sort, after, limit);
    let asked: Vec<&str> = body.properties.iter().map(String::as_str).collect();
    let names = shown(object, &asked);
    let results: Vec<Value> = found.iter().map(|view| portal.show(*view, &names, Unset::Null).into()).collect();
    let next = after + results.len();
    let rows = results.len();
    let mut answer = json!({"total": total, "results": results});
    if next < total && rows > 0 {
        answer["paging"] = json!({"next": {"after": next.to_string()}});
    }
    Ok(Reply::ok(answer).rows(rows))
}
