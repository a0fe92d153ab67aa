//! The page as it is read: the list, and a conversation beside it.

use std::slice;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use lockstep_core::conversation::Conversation;
use lockstep_core::ids::{ConversationId, MessageId};
use lockstep_core::limits::{LABELS_MAX, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX};
use lockstep_core::message::{Direction, Message, MessageStatus};
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{MessageFilter, Org, Tx};

use super::filters::{Filters, Whose};
use super::session::Session;
use super::view::{Body, Bubble, Row, Shell, Thread};
use super::{Trouble, html};
use crate::app::App;
use crate::ops::payload::LabelObject;
use crate::ops::{contacts, conversations, labels, media, messages, users};
use crate::wire::files;
use crate::wire::inbox::conversations::conversation_id;
use crate::wire::inbox::cursor::Listing;
use crate::wire::inbox::extract::{Filters as Query, Segments};
use askama::Template;

/// `GET /inbox`
pub async fn list(
    State(app): State<App>,
    session: Session,
    headers: HeaderMap,
    Query(filters): Query<Filters>,
) -> Result<Response, Trouble> {
    show(&app, &session, &filters, None, Retry::default(), &headers).await
}

/// `GET /inbox/{cnv_id}`: where links from elsewhere lead to.
pub async fn conversation(
    State(app): State<App>,
    session: Session,
    headers: HeaderMap,
    Segments(id): Segments<String>,
    Query(filters): Query<Filters>,
) -> Result<Response, Trouble> {
    show(&app, &session, &filters, Some(conversation_id(&id)?), Retry::default(), &headers).await
}

/// A reply that was not taken: why, and what was typed.
#[derive(Debug, Default)]
pub struct Retry {
    /// Why it was not taken.
    pub problem: Option<Problem>,
    /// What was typed.
    pub draft: String,
}

/// Shows the page; 304 when the caller has it already.
///
/// # Errors
/// No such conversation, a filter that will not do, or the store's.
pub async fn show(
    app: &App,
    session: &Session,
    filters: &Filters,
    open: Option<ConversationId>,
    retry: Retry,
    headers: &HeaderMap,
) -> Result<Response, Trouble> {
    let status = match &retry.problem {
        None => StatusCode::OK,
        Some(problem) => StatusCode::from_u16(problem.code.wire().0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    };
    let body = gather(app, session, filters, open, retry).await?;
    let title = body.thread.as_ref().map_or_else(|| "Inbox".to_owned(), |thread| format!("{} · Inbox", thread.name()));
    let rendered = body.render().map_err(|error| {
        tracing::error!(%error, "the inbox page cannot be rendered");
        Problem::new(Code::InternalError, "The page cannot be shown.")
    })?;
    let etag = files::etag(body.lasting(&rendered).as_bytes());
    if files::is_current(headers, &etag) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    let mut response = html(status, &Shell { title: &title, etag: &etag, body: &rendered });
    if status != StatusCode::OK {
        // The form's address is no page: it may not become the browser's.
        response.headers_mut().insert("hx-replace-url", HeaderValue::from_static("false"));
    }
    Ok(response)
}

async fn gather<'a>(
    app: &App,
    session: &'a Session,
    filters: &'a Filters,
    open: Option<ConversationId>,
    retry: Retry,
) -> Result<Body<'a>, Problem> {
    let me = session.user.as_ref();
    let query = filters.query();
    let listing = Listing::new(app, &session.org, "inbox page", &[Some(&query)]);
    let after: Option<(i64, ConversationId)> = listing.position(filters.after.as_deref())?;
    let path = open.as_ref().map_or_else(|| "/inbox".to_owned(), |id| format!("/inbox/{id}"));
    let messages_of = open.as_ref().map(ToString::to_string);
    let thread_listing = Listing::new(app, &session.org, "inbox page thread", &[messages_of.as_deref()]);
    let before: Option<(i64, MessageId)> = thread_listing.position(filters.before.as_deref())?;

    let (filter, nobodys) = (filters.checked(me.map(|user| &user.id))?, filters.whose == Whose::Mine && me.is_none());
    let (org, text, myself) = (session.org.clone(), filters.person.clone(), me.map(|user| user.id.clone()));
    let read = app.store.read(move |tx| {
        let (rows, more) = match nobodys {
            true => (Vec::new(), false),
            false => tx.conversations(&org, &filter, after.as_ref(), PAGE_SIZE_DEFAULT as usize)?,
        };
        let end = rows.last().filter(|_| more).map(place);
        let shown = conversations::objects(tx, &org, &rows, true)?;
        let last = tx.last_messages(&org, &rows.iter().map(|of| &of.id).collect::<Vec<_>>())?;
        let thread = open.map(|id| thread(tx, &org, &id, before.as_ref(), retry)).transpose()?;
        let holder = thread.as_ref().and_then(|(thread, _)| thread.assignee());
        let chosen: Vec<_> = holder.into_iter().chain(&myself).collect();
        let people = users::choices(tx, &org, &text, &chosen)?;
        Ok::<_, Problem>((shown, last, end, people, thread))
    });
    let (shown, last, end, (users, more_users), thread) = read.await?;

    let goes_on = |(at, id): (i64, ConversationId)| {
        Ok::<_, Problem>(format!("/inbox?{query}&after={}", listing.cursor(at, &id)?))
    };
    let older = end.map(goes_on).transpose()?;
    let thread = match thread {
        None => None,
        Some((mut thread, Some((at, id)))) => {
            thread.earlier = Some(format!("{path}?{query}&before={}", thread_listing.cursor(at, &id)?));
            Some(thread)
        }
        Some((thread, None)) => Some(thread),
    };
    let current = thread.as_ref().map(|thread| thread.of.id.clone());
    let rows = shown.into_iter().map(|of| {
        let is_current = current.as_ref() == Some(&of.id);
        let last = last.get(&of.id);
        Row::new(of, last, &query, is_current)
    });
    let rows = rows.collect();
    Ok(Body { filters, path, query, csrf: &session.csrf, me, users, more_users, rows, older, thread })
}

fn place(of: &Conversation) -> (i64, ConversationId) {
    (of.last_message_at.unwrap_or_default().0, of.id.clone())
}

/// The conversation, and the place behind its page of messages if there are earlier ones.
fn thread(
    tx: &mut Tx<'_>,
    org: &Org,
    id: &ConversationId,
    before: Option<&(i64, MessageId)>,
    retry: Retry,
) -> Result<(Thread, Option<(i64, MessageId)>), Problem> {
    let gone = || Problem::not_found("conversation");
    let of = conversations::find(tx, org, None, id)?;
    let shown = conversations::objects(tx, org, slice::from_ref(&of), true)?.pop().ok_or_else(gone)?;
    let contact = contacts::find(tx, org, None, &of.contact)?;
    let filter = MessageFilter { conversation: Some(id.clone()), ..MessageFilter::default() };
    let (page, more) = tx.messages(org, &filter, before, PAGE_SIZE_MAX as usize)?;
    let end = page.last().filter(|_| more).map(|message| (message.created_at.0, message.id.clone()));
    let team = labels::team_of(tx, org, Some(&of.account))?;
    let all = tx.labels(org, team.as_ref(), None, LABELS_MAX as usize)?.0;
    let on = shown.labels.as_deref().unwrap_or_default();
    let free = all.iter().filter(|label| on.iter().all(|attached| attached.id != label.id)).map(LabelObject::new);
    let free_labels = free.collect();
    let thread = Thread {
        seq: of.seq,
        contact: contacts::object(tx, org, &contact)?,
        bubbles: page.iter().rev().map(Bubble::new).collect(),
        earlier: None,
        is_past: before.is_some(),
        free_labels,
        window_open: of.window_open(tx.now()),
        unread: page.iter().find(|message| is_unread(message)).map(|message| message.id.clone()),
        error: retry.problem.map(|problem| problem.message),
        draft: retry.draft,
        of: shown,
    };
    Ok((thread, end))
}

fn is_unread(message: &Message) -> bool {
    message.direction == Direction::Inbound && message.status == MessageStatus::Received
}

/// `GET /inbox/{cnv_id}/files/{msg_id}`: leads to a message's file.
pub async fn file(
    State(app): State<App>,
    session: Session,
    Segments((_, message)): Segments<(String, String)>,
) -> Result<Response, Trouble> {
    let id = MessageId::parse(&message).map_err(|_| Problem::not_found("message"))?;
    let org = session.org.clone();
    let message = app.store.read(move |tx| messages::find(tx, &org, None, &id)).await?;
    let place = media::place(&app, &session.org, &message).await?;
    Ok(([(header::REFERRER_POLICY, "no-referrer")], Redirect::to(&place)).into_response())
}
