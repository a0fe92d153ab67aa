//! Templates at the page: approved texts, which alone may go out when the customer has not written for a day. Meta is
//! asked for them each time, so they have a page of their own, which does not renew itself.

use std::collections::BTreeMap;

use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use lockstep_core::limits::PAGE_SIZE_MAX;
use lockstep_core::message::{MessageKind, check_sendable};
use lockstep_core::problem::{Code, Problem};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::actions::{Proven, act, once, queue_once};
use super::filters::Filters;
use super::session::Session;
use super::{Trouble, html};
use crate::app::App;
use crate::channel::{Template, TemplateQuery, TemplateStatus};
use crate::ops::contacts::{self, AccountChoice};
use crate::ops::{conversations, templates};
use crate::wire::inbox::conversations::conversation_id;
use crate::wire::inbox::extract::{Filters as Query, Segments};

/// The texts to choose from, each with a form.
#[derive(askama::Template)]
#[template(path = "inbox/templates.html")]
struct Choices<'a> {
    /// To whom.
    name: String,
    /// The conversation's own path with the list's filters.
    back: String,
    /// Where the forms go.
    here: String,
    csrf: &'a str,
    seq: i64,
    choices: Vec<Choice>,
    /// Why there are none to see.
    error: Option<String>,
}

/// A template as people read it.
struct Choice {
    name: String,
    language: String,
    text: String,
    /// What its text leaves open: numbers, or names.
    gaps: Vec<String>,
    /// Whether its text's gaps are all that it needs.
    is_plain: bool,
}

impl Choice {
    fn new(template: Template) -> Self {
        let part = |kind: &str| template.components.iter().find(|part| part["type"] == kind);
        let text = part("BODY").and_then(|body| body["text"].as_str()).unwrap_or_default().to_owned();
        let is_plain = template.category != "authentication" && template.components.iter().all(needs_no_more);
        Self { gaps: gaps(&text), text, is_plain, name: template.name, language: template.language }
    }
}

/// Whether a part of a template can be sent without saying anything of it. Source: "Template components" of the WhatsApp
/// Business Platform on developers.facebook.com.
fn needs_no_more(part: &Json) -> bool {
    let open = |text: &Json| text.as_str().is_some_and(|text| text.contains("{{"));
    match part["type"].as_str() {
        Some("BODY" | "FOOTER") => true,
        Some("HEADER") => part["format"] == "TEXT" && !open(&part["text"]),
        Some("BUTTONS") => part["buttons"].as_array().is_some_and(|buttons| {
            buttons.iter().all(|button| match button["type"].as_str() {
                Some("QUICK_REPLY" | "PHONE_NUMBER") => true,
                Some("URL") => !open(&button["url"]),
                _ => false,
            })
        }),
        _ => false,
    }
}

/// What stands between double braces, each once, in the order of the text.
fn gaps(text: &str) -> Vec<String> {
    let mut gaps: Vec<String> = Vec::new();
    for (name, _) in text.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")) {
        let name = name.trim().to_owned();
        if !gaps.contains(&name) {
            gaps.push(name);
        }
    }
    gaps
}

/// `GET /inbox/{cnv_id}/templates`
pub async fn choose(
    State(app): State<App>,
    session: Session,
    Segments(id): Segments<String>,
    Query(filters): Query<Filters>,
) -> Result<Response, Trouble> {
    let id = conversation_id(&id)?;
    let (org, wanted) = (session.org.clone(), id.clone());
    let read = app.store.read(move |tx| {
        let of = conversations::find(tx, &org, None, &wanted)?;
        let contact = contacts::find(tx, &org, None, &of.contact)?;
        Ok::<_, Problem>((of, contact))
    });
    let (of, contact) = read.await?;
    let query =
        TemplateQuery { status: Some(TemplateStatus::Approved), limit: PAGE_SIZE_MAX as usize, ..Default::default() };
    let listed = templates::list(&app, &session.org, AccountChoice::Id(of.account), &query).await;
    let (choices, problem) = match listed {
        Ok(page) => (page.templates.into_iter().map(Choice::new).collect(), None),
        Err(problem) => (Vec::new(), Some(problem)),
    };
    let status = problem.as_ref().map_or(200, |problem| problem.code.wire().0);
    let phone = contact.phone_number.map(|phone| phone.as_str().to_owned());
    let page = Choices {
        name: contact.name.or(phone).unwrap_or_else(|| "this person".to_owned()),
        back: format!("/inbox/{id}?{}", filters.query()),
        here: format!("/inbox/{id}/templates?{}", filters.query()),
        csrf: &session.csrf,
        seq: of.seq,
        choices,
        error: problem.map(|problem| problem.message),
    };
    Ok(html(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &page))
}

/// A template with what fills its gaps: members such as `gap.1`.
#[derive(Debug, Deserialize)]
pub struct Filled {
    name: String,
    language: String,
    /// The conversation's change number when the page was made.
    seq: String,
    #[serde(flatten)]
    gaps: BTreeMap<String, String>,
}

impl Filled {
    /// Meta's form of it. Source: "Send message templates" of the WhatsApp Business Platform on developers.facebook.com.
    fn content(&self) -> Result<Map<String, Json>, Problem> {
        let filled = self.gaps.iter().filter_map(|(name, value)| Some((name.strip_prefix("gap.")?, value.trim())));
        let mut filled: Vec<(&str, &str)> = filled.collect();
        if filled.iter().any(|(_, value)| value.is_empty()) {
            return Err(Problem::new(Code::MissingRequiredField, "Fill in every gap of the template."));
        }
        // Numbers count as numbers: the tenth gap does not come after the first.
        filled.sort_by_key(|(name, _)| name.parse::<u32>().unwrap_or_default());
        let parameter = |(name, value): &(&str, &str)| match name.parse::<u32>() {
            Ok(_) => json!({ "type": "text", "text": value }),
            Err(_) => json!({ "type": "text", "parameter_name": name, "text": value }),
        };
        let parameters: Vec<Json> = filled.iter().map(parameter).collect();
        let mut content = Map::new();
        content.insert("name".to_owned(), self.name.as_str().into());
        content.insert("language".to_owned(), json!({ "code": self.language }));
        if !parameters.is_empty() {
            content.insert("components".to_owned(), json!([{ "type": "body", "parameters": parameters }]));
        }
        check_sendable(MessageKind::Template, &content)?;
        Ok(content)
    }
}

/// `POST /inbox/{cnv_id}/templates`: queues a template.
pub async fn send(
    State(app): State<App>,
    session: Session,
    Segments(id): Segments<String>,
    Query(filters): Query<Filters>,
    headers: HeaderMap,
    Form(form): Form<Proven<Filled>>,
) -> Result<Response, Trouble> {
    let id = conversation_id(&id)?;
    let asked = form.checked(&session, &headers)?;
    let content = asked.content()?;
    let once = once(&session, &id, &[&asked.seq, &Json::Object(content.clone()).to_string()]);
    let here = app.clone();
    act(&app, &session, &id, &filters, move |tx, by, of| {
        queue_once(tx, &here, by, of, &once, (MessageKind::Template, content))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gaps_of_a_text_are_found_once_each() {
        assert_eq!(gaps("Hello {{1}}, order {{ 2 }} of {{1}}"), ["1", "2"]);
        assert_eq!(gaps("Hello {{name}} {{"), ["name"]);
        assert!(gaps("Hello").is_empty());
    }

    #[test]
    fn only_what_the_text_leaves_open_can_be_filled_in_here() {
        let button = |button: Json| json!({ "type": "BUTTONS", "buttons": [button] });
        for (part, plain) in [
            (json!({ "type": "BODY", "text": "Hi {{1}}" }), true),
            (json!({ "type": "HEADER", "format": "TEXT", "text": "News" }), true),
            (json!({ "type": "HEADER", "format": "TEXT", "text": "News of {{1}}" }), false),
            (json!({ "type": "HEADER", "format": "IMAGE" }), false),
            (button(json!({ "type": "QUICK_REPLY", "text": "Yes" })), true),
            (button(json!({ "type": "URL", "url": "https://example.com/a" })), true),
            (button(json!({ "type": "URL", "url": "https://example.com/{{1}}" })), false),
            (button(json!({ "type": "COPY_CODE" })), false),
            (json!({ "type": "CAROUSEL" }), false),
        ] {
            assert_eq!(needs_no_more(&part), plain, "{part}");
        }
    }

    #[test]
    fn gaps_are_filled_in_their_order_and_named_ones_by_name() {
        let filled = |gaps: &[(&str, &str)]| Filled {
            name: "order_update".to_owned(),
            language: "en_US".to_owned(),
            seq: String::new(),
            gaps: gaps.iter().map(|(name, value)| (format!("gap.{name}"), (*value).to_owned())).collect(),
        };
        let parameters = |gaps: &[(&str, &str)]| filled(gaps).content().unwrap()["components"][0]["parameters"].clone();
        let numbers = parameters(&[("1", "a"), ("2", " b "), ("10", "c")]);
        let texts: Vec<_> = numbers.as_array().unwrap().iter().map(|it| it["text"].as_str().unwrap()).collect();
        assert_eq!(texts, ["a", "b", "c"]);
        assert_eq!(parameters(&[("who", "Ana")]), json!([{ "type": "text", "parameter_name": "who", "text": "Ana" }]));
        assert_eq!(filled(&[]).content().unwrap().get("components"), None);
        assert_eq!(filled(&[("1", " ")]).content().unwrap_err().code, Code::MissingRequiredField);
    }
}
