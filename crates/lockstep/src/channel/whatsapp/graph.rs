//! The Graph API's calls. Source: "Messages", "Media", "Business phone numbers" and "Template management" of the WhatsApp
//! Business Platform on developers.facebook.com.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response};
use lockstep_core::ids::TemplateId;
use lockstep_core::limits::{CHANNEL_CURSOR_CHARS_MAX, MEDIA_BYTES_MAX, TEMPLATES_BYTES_MAX, fits};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value as Json;
use url::form_urlencoded::Serializer;

use super::faults;
use crate::channel::{ChannelFault, Media, Outcome, Sent, Template, TemplatePage, TemplateQuery, TemplateStatus};
use crate::network::{Body, Limits, Network, NetworkError};

/// Meta's address.
pub const BASE_URL: &str = "https://graph.facebook.com";
/// The version of the Graph API that is spoken; the current one of May 2026 ("Reaction messages"). Meta keeps a version
/// for two years.
const VERSION: &str = "v25.0";
/// What one call may take.
const CALL: Limits = Limits { timeout: Duration::from_secs(30), body: Body::Whole { bytes_max: 256 * 1024 } };
/// What fetching a file may take.
const FETCH: Limits =
    Limits { timeout: Duration::from_secs(120), body: Body::Whole { bytes_max: MEDIA_BYTES_MAX as usize } };

/// What a page of templates may take.
const LIST: Limits =
    Limits { timeout: Duration::from_secs(30), body: Body::Whole { bytes_max: TEMPLATES_BYTES_MAX as usize } };

/// The Graph API as one token sees it.
pub struct Graph {
    /// The way out.
    pub network: Arc<dyn Network>,
    /// Meta's address or a sandbox's, without a slash at the end.
    pub base_url: String,
    /// The token.
    pub token: SecretString,
}

/// What Meta says of a number.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Profile {
    /// As people read it.
    pub display_phone_number: String,
    /// The name that customers see.
    #[serde(default)]
    pub verified_name: Option<String>,
}

#[derive(Deserialize)]
struct Accepted {
    messages: Vec<AcceptedMessage>,
}

#[derive(Deserialize)]
struct AcceptedMessage {
    id: String,
}

#[derive(Deserialize)]
struct MediaAddress {
    url: String,
    mime_type: String,
}

/// Source: "Template management" and, for the paging, "Paginated results" of the Graph API.
#[derive(Deserialize)]
struct Templates {
    data: Vec<TemplateNode>,
    #[serde(default)]
    paging: Paging,
}

#[derive(Deserialize)]
struct TemplateNode {
    /// A number in quotes.
    id: String,
    name: String,
    language: String,
    status: String,
    category: String,
    #[serde(default)]
    components: Vec<Json>,
}

#[derive(Default, Deserialize)]
struct Paging {
    #[serde(default)]
    cursors: Cursors,
    /// The address of the next page; the last page has none.
    next: Option<String>,
}

#[derive(Default, Deserialize)]
struct Cursors {
    after: Option<String>,
}

/// Whether a call that got no answer may have done something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// It may.
    Some,
    /// It can be made again without harm.
    None,
}

impl Graph {
    /// Sends a message.
    ///
    /// # Errors
    /// See [`ChannelFault`].
    pub async fn send(&self, number: &str, body: &Json) -> Result<Sent, ChannelFault> {
        let answer =
            self.call(Method::POST, &format!("/{VERSION}/{number}/messages"), Some(body), Effect::Some).await?;
        // A success that cannot be read was a success all the same.
        let accepted = serde_json::from_slice::<Accepted>(answer.body()).ok();
        let first = accepted.and_then(|accepted| accepted.messages.into_iter().next());
        first.map(|message| Sent { vendor_id: message.id }).ok_or_else(|| unreadable(Outcome::Unknown))
    }

    /// Marks a message as read.
    ///
    /// # Errors
    /// See [`ChannelFault`].
    pub async fn mark_read(&self, number: &str, body: &Json) -> Result<(), ChannelFault> {
        let path = format!("/{VERSION}/{number}/messages");
        self.call(Method::POST, &path, Some(body), Effect::None).await.map(drop)
    }

    /// Asks what Meta knows of a number: also the proof that the token may act for it.
    ///
    /// # Errors
    /// See [`ChannelFault`].
    pub async fn profile(&self, number: &str) -> Result<Profile, ChannelFault> {
        let path = format!("/{VERSION}/{number}?fields=display_phone_number,verified_name");
        let answer = self.call(Method::GET, &path, None, Effect::None).await?;
        serde_json::from_slice(answer.body()).map_err(|_| unreadable(Outcome::Refused))
    }

    /// Fetches a file: first its address, which works for five minutes, then its bytes. The token is asked for twice.
    ///
    /// # Errors
    /// See [`ChannelFault`].
    pub async fn media(&self, id: &str) -> Result<Media, ChannelFault> {
        let address = self.address(id).await?;
        let request = self.request(Method::GET, &address.url, None)?;
        let answer = self.exchange(request, FETCH, Effect::None).await?;
        Ok(Media { mime_type: address.mime_type, bytes: answer.into_body() })
    }

    /// Asks whether a file can be fetched.
    ///
    /// # Errors
    /// See [`ChannelFault`].
    pub async fn has_media(&self, id: &str) -> Result<(), ChannelFault> {
        self.address(id).await.map(drop)
    }

    async fn address(&self, id: &str) -> Result<MediaAddress, ChannelFault> {
        let answer = self.call(Method::GET, &format!("/{VERSION}/{id}"), None, Effect::None).await?;
        serde_json::from_slice(answer.body()).map_err(|_| unreadable(Outcome::Refused))
    }

    /// Lists the templates of a WhatsApp Business Account.
    ///
    /// # Errors
    /// See [`ChannelFault`].
    pub async fn templates(&self, business_account: &str, query: &TemplateQuery) -> Result<TemplatePage, ChannelFault> {
        let url = format!("{}/{VERSION}/{business_account}/message_templates?{}", self.base_url, asked(query));
        let answer = self.exchange(self.request(Method::GET, &url, None)?, LIST, Effect::None).await?;
        let unreadable = || unreadable(Outcome::NotTaken { retry_after: None });
        let Templates { data, paging } = serde_json::from_slice(answer.body()).map_err(|_| unreadable())?;
        let after = paging.next.and(paging.cursors.after);
        if after.as_ref().is_some_and(|after| !fits(after, CHANNEL_CURSOR_CHARS_MAX)) {
            return Err(unreadable());
        }
        let templates: Option<Vec<Template>> = data.into_iter().map(TemplateNode::read).collect();
        Ok(TemplatePage { templates: templates.ok_or_else(unreadable)?, after })
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Json>,
        effect: Effect,
    ) -> Result<Response<Bytes>, ChannelFault> {
        let request = self.request(method, &format!("{}{path}", self.base_url), body)?;
        self.exchange(request, CALL, effect).await
    }

    fn request(&self, method: Method, url: &str, body: Option<&Json>) -> Result<Request<Bytes>, ChannelFault> {
        let bearer = HeaderValue::from_str(&format!("Bearer {}", self.token.expose_secret()));
        let mut bearer = bearer.map_err(|error| unsendable(&error.to_string()))?;
        bearer.set_sensitive(true);
        let mut request =
            Request::builder().method(method).uri(url).header(AUTHORIZATION, bearer).header(ACCEPT, "*/*");
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let bytes = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        request.body(bytes).map_err(|error| unsendable(&error.to_string()))
    }

    async fn exchange(
        &self,
        request: Request<Bytes>,
        limits: Limits,
        effect: Effect,
    ) -> Result<Response<Bytes>, ChannelFault> {
        let answer = self.network.exchange(request, limits).await.map_err(|error| unanswered(&error, effect))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let fault = faults::read(status.as_u16(), answer.body());
        match (fault.outcome, effect) {
            (Outcome::Unknown, Effect::None) => {
                Err(ChannelFault { outcome: Outcome::NotTaken { retry_after: None }, ..fault })
            }
            _ => Err(fault),
        }
    }
}

/// Source: "Reading" of the edge "message_templates" in the Graph API's reference.
fn asked(query: &TemplateQuery) -> String {
    let status = query.status.map(|status| match status {
        TemplateStatus::Approved => "APPROVED",
        TemplateStatus::Pending => "PENDING",
        TemplateStatus::Rejected => "REJECTED",
    });
    let optional = [
        ("status", status),
        ("language", query.language.as_deref()),
        ("name", query.name.as_deref()),
        ("after", query.after.as_deref()),
    ];
    let mut asked = Serializer::new(String::new());
    asked.append_pair("fields", "name,status,category,language,components");
    asked.append_pair("limit", &query.limit.to_string());
    asked.extend_pairs(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
    asked.finish()
}

impl TemplateNode {
    fn read(self) -> Option<Template> {
        Some(Template {
            id: TemplateId::of(self.id.parse().ok()?),
            name: self.name,
            language: self.language,
            status: self.status.to_lowercase(),
            category: self.category.to_lowercase(),
            components: self.components,
        })
    }
}

/// Whether anything was sent decides what a missing answer means.
fn unanswered(error: &NetworkError, effect: Effect) -> ChannelFault {
    let outcome = match (error, effect) {
        (NetworkError::Lost(_), Effect::Some) => Outcome::Unknown,
        (NetworkError::Refused(_), _) => Outcome::Refused,
        (NetworkError::NotSent(_) | NetworkError::Lost(_), _) => Outcome::NotTaken { retry_after: None },
    };
    ChannelFault { outcome, code: "network".to_owned(), message: format!("WhatsApp cannot be reached: {error}.") }
}

fn unreadable(outcome: Outcome) -> ChannelFault {
    ChannelFault { outcome, code: "unreadable".to_owned(), message: "WhatsApp's answer cannot be read.".to_owned() }
}

fn unsendable(detail: &str) -> ChannelFault {
    ChannelFault {
        outcome: Outcome::Refused,
        code: "request".to_owned(),
        message: format!("The call cannot be built: {detail}."),
    }
}
