//! `GET /{version}/{waba-id}/message_templates`. Source: "Template management" of the WhatsApp Business Platform and
//! "Paginated results" of the Graph API, both on developers.facebook.com.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::business::{Business, TEMPLATES, Template};

/// Rows of a page that says nothing.
const LIMIT_DEFAULT: usize = 25;

/// A page of the account's templates. `query` is the query, decoded; its `name` finds what holds it, too.
pub(super) fn list(business: &Business, id: &str, query: &BTreeMap<String, String>, origin: &str) -> Answer {
    if id != business.settings.waba_id {
        return Err(Refusal::no_object(id));
    }
    let limit = match query.get("limit") {
        None => LIMIT_DEFAULT,
        Some(limit) => limit.parse().map_err(|_| Refusal::parameter("Param limit must be an integer"))?,
    };
    let begin = match query.get("after") {
        None => 0,
        Some(after) => after.parse().map_err(|_| Refusal::parameter("Invalid cursors values"))?,
    };
    let is = |name: &str, value: &str| query.get(name).is_none_or(|wanted| wanted == value);
    let fitting = TEMPLATES.iter().filter(|it| {
        let named = query.get("name").is_none_or(|name| it.name.contains(name.as_str()));
        named && is("status", it.status) && is("language", it.language)
    });
    let fitting: Vec<&Template> = fitting.collect();
    let page: Vec<Value> = fitting.iter().skip(begin).take(limit).map(|it| shown(it)).collect();
    if page.is_empty() {
        return Ok(json!({"data": []}));
    }
    let end = begin + page.len();
    let mut paging = json!({"cursors": {"before": begin.to_string(), "after": end.to_string()}});
    if end < fitting.len() {
        paging["next"] = format!("{origin}/v25.0/{id}/message_templates?limit={limit}&after={end}").into();
    }
    Ok(json!({"data": page, "paging": paging}))
}

fn shown(template: &Template) -> Value {
    let mut body = json!({"type": "BODY", "text": template.body});
    if template.parameters() > 0 {
        let examples: Vec<String> = (1..=template.parameters()).map(|n| format!("example {n}")).collect();
        body["example"] = json!({"body_text": [examples]});
    }
    json!({
        "name": template.name,
        "parameter_format": "POSITIONAL",
        "components": [body],
        "language": template.language,
        "status": template.status,
        "category": template.category,
        "id": template.id,
    })
}
