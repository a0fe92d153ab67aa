//! What a person does at the page. Each form goes on to the page it came from.

use axum::Form;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use lockstep_core::conversation::{Conversation, ConversationPatch, ConversationStatus};
use lockstep_core::ids::{ConversationId, LabelId, MessageId};
use lockstep_core::limits::MESSAGE_TEXT_CHARS_MAX;
use lockstep_core::message::{MessageKind, Source, check_sendable};
use lockstep_core::patch::Patch;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{StoredAnswer, Tx};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

use super::Trouble;
use super::filters::Filters;
use super::read::{Retry, show};
use super::session::{Session, same_site, user_id};
use crate::app::App;
use crate::ops::contacts::{self, AccountChoice};
use crate::ops::idempotency::{self, Claim, Once};
use crate::ops::labels::Operation;
use crate::ops::messages::NewMessage;
use crate::ops::{Author, conversations, messages};
use crate::wire::inbox::conversations::conversation_id;
use crate::wire::inbox::extract::{Filters as Query, Segments};

/// A form with the proof that it comes from a page of the session.
#[derive(Debug, Deserialize)]
pub struct Proven<T> {
    csrf: String,
    #[serde(flatten)]
    asked: T,
}

impl<T: DeserializeOwned> Proven<T> {
    pub(super) fn checked(self, session: &Session, headers: &HeaderMap) -> Result<T, Problem> {
        same_site(headers)?;
        session.check(&self.csrf)?;
        Ok(self.asked)
    }
}

fn back(id: &ConversationId, filters: &Filters) -> Response {
    Redirect::to(&format!("/inbox/{id}?{}", filters.query())).into_response()
}

/// Does something to a conversation and goes back to it.
pub(super) async fn act(
    app: &App,
    session: &Session,
    id: &ConversationId,
    filters: &Filters,
    effect: impl FnOnce(&mut Tx<'_>, &Author, &Conversation) -> Result<(), Problem> + Send + 'static,
) -> Result<Response, Trouble> {
    let (by, wanted) = (session.author(), id.clone());
    let done = app.store.write(move |tx| {
        let conversation = conversations::find(tx, &by.org, None, &wanted)?;
        effect(tx, &by, &conversation)
    });
    done.await?;
    Ok(back(id, filters))
}

/// `POST /inbox/{cnv_id}/reply`
#[derive(Clone, Debug, Deserialize)]
pub struct Reply {
    #[serde(default)]
    text: String,
    /// The conversation's change number when the page was made.
    seq: String,
}

/// Queues a text. One that cannot be sent comes back to be mended, with the reason.
pub async fn reply(
    State(app): State<App>,
    session: Session,
    Segments(id): Segments<String>,
    Query(filters): Query<Filters>,
    headers: HeaderMap,
    Form(form): Form<Proven<Reply>>,
) -> Result<Response, Trouble> {
    let id = conversation_id(&id)?;
    let asked = form.checked(&session, &headers)?;
    let once = once(&session, &id, &[&asked.seq, &asked.text]);
    let (here, draft) = (app.clone(), asked.text.clone());
    let sent = act(&app, &session, &id, &filters, move |tx, by, conversation| {
        queue_once(tx, &here, by, conversation, &once, (MessageKind::Text, text_of(&asked.text)?))
    });
    match sent.await {
        Err(Trouble(problem))
            if matches!(problem.code.wire().0, 400..=422) && problem.code != Code::ResourceNotFound =>
        {
            let retry = Retry { problem: Some(problem), draft };
            show(&app, &session, &filters, Some(id), retry, &HeaderMap::new()).await
        }
        sent => sent,
    }
}

/// The same words sent twice from the same state of the page are a doubled click, not a second message.
pub(super) fn once(session: &Session, id: &ConversationId, asked: &[&str]) -> Once {
    let mut hash = Sha256::new();
    for part in [session.csrf.as_str(), id.as_str()].iter().chain(asked) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    Once::new(format!("page-{}", hex::encode(hash.finalize())), "POST", "reply", &Json::Null)
}

fn text_of(text: &str) -> Result<Map<String, Json>, Problem> {
    // Browsers send a line's end as two characters (HTML standard, "constructing the entry list").
    let text = text.replace("\r\n", "\n").trim().to_owned();
    let content = Map::from_iter([("body".to_owned(), Json::String(text))]);
    // The check names the member of the API, which nobody sees here.
    let message = format!("A reply has 1 to {MESSAGE_TEXT_CHARS_MAX} characters.");
    check_sendable(MessageKind::Text, &content).map_err(|problem| Problem { message, ..problem })?;
    Ok(content)
}

/// Queues a message to the person of a conversation, unless it was queued before.
pub(super) fn queue_once(
    tx: &mut Tx<'_>,
    app: &App,
    by: &Author,
    of: &Conversation,
    once: &Once,
    (kind, content): (MessageKind, Map<String, Json>),
) -> Result<(), Problem> {
    match idempotency::claim(tx, app, &by.org, once) {
        Ok(Claim::First) => {}
        Ok(Claim::Answered(_)) => return Ok(()),
        // The first click is being carried out.
        Err(problem) if problem.code == Code::IdempotencyInProgress => return Ok(()),
        Err(problem) => return Err(problem),
    }
    let to = contacts::find(tx, &by.org, None, &of.contact)?
        .phone_number
        .ok_or_else(|| Problem::of(Code::InvalidPhoneNumber, "to", "This contact has no phone number to write to."))?;
    let new = NewMessage { source: Source::Dashboard, to, kind, content, reply_to: None };
    messages::queue(tx, app, by, &AccountChoice::Id(of.account.clone()), new)?;
    let answer = StoredAnswer { status: 303, headers: String::new(), body: Vec::new() };
    idempotency::keep(tx, app, &by.org, once, answer, Some(&of.contact))
}

/// `POST /inbox/{cnv_id}/read`
#[derive(Debug, Deserialize)]
pub struct Seen {
    message: String,
}

/// Marks as read what the customer wrote up to a message.
pub async fn mark_read(
    State(app): State<App>,
    session: Session,
    Segments(id): Segments<String>,
    Query(filters): Query<Filters>,
    headers: HeaderMap,
    Form(form): Form<Proven<Seen>>,
) -> Result<Response, Trouble> {
    let id = conversation_id(&id)?;
    let seen = form.checked(&session, &headers)?;
    let message = MessageId::parse(&seen.message).map_err(|_| Problem::not_found("message"))?;
    act(&app, &session, &id, &filters, move |tx, by, _| {
        let message = messages::find(tx, &by.org, None, &message)?;
        messages::mark_read(tx, by, &message, false).map(|_| ())
    })
    .await
}

/// `POST /inbox/{cnv_id}/assign`
#[derive(Debug, Deserialize)]
pub struct Assign {
    /// Empty for nobody.
    #[serde(default)]
    user: String,
}

/// Gives a conversation to somebody.
pub async fn assign(
    State(app): State<App>,
    session: Session,
    Segments(id): Segments<String>,
    Query(filters): Query<Filters>,
    headers: HeaderMap,
    Form(form): Form<Proven<Assign>>,
) -> Result<Response, Trouble> {
    let id = conversation_id(&id)?;
    let asked = form.checked(&session, &headers)?;
    let user = if asked.user.is_empty() { Patch::Clear } else { Patch::Set(user_id(&asked.user)?) };
    let patch = ConversationPatch { assigned_user: user, ..ConversationPatch::default() };
    act(&app, &session, &id, &filters, move |tx, by, old| conversations::edit(tx, by, old, patch).map(|_| ())).await
}

/// `POST /inbox/{cnv_id}/status`
#[derive(Debug, Deserialize)]
pub struct Status {
    status: ConversationStatus,
}

/// Closes a conversation, opens it, or puts it off.
pub async fn set_status(
    State(app): State<App>,
    session: Session,
    Segments(id): Segments<String>,
    Query(filters): Query<Filters>,
    headers: HeaderMap,
    Form(form): Form<Proven<Status>>,
) -> Result<Response, Trouble> {
    let id = conversation_id(&id)?;
    let asked = form.checked(&session, &headers)?;
    let patch = ConversationPatch { status: Some(asked.status), ..ConversationPatch::default() };
    act(&app, &session, &id, &filters, move |tx, by, old| conversations::edit(tx, by, old, patch).map(|_| ())).await
}

/// `POST /inbox/{cnv_id}/label`
#[derive(Debug, Deserialize)]
pub struct Tag {
    label: String,
    operation: Wanted,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wanted {
    Attach,
    Detach,
}

/// Puts a label on a conversation or takes it off.
pub async fn label(
    State(app): State<App>,
    session: Session,
    Segments(id): Segments<String>,
    Query(filters): Query<Filters>,
    headers: HeaderMap,
    Form(form): Form<Proven<Tag>>,
) -> Result<Response, Trouble> {
    let id = conversation_id(&id)?;
    let asked = form.checked(&session, &headers)?;
    let label = LabelId::parse(&asked.label).map_err(|_| Problem::not_found("label"))?;
    let operation = match asked.operation {
        Wanted::Attach => Operation::Attach,
        Wanted::Detach => Operation::Detach,
    };
    act(&app, &session, &id, &filters, move |tx, by, of| conversations::label(tx, &by.org, of, operation, &label)).await
}
