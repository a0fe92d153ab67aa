//! Messages, in both path layouts.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lockstep_core::ids::{ConversationId, MessageId};
use lockstep_core::message::{Direction, MessageStatus};
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{MessageFilter, Tx};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::ops::contacts::{self, AccountChoice};
use crate::ops::payload::MessageObject;
use crate::ops::{conversations, media, messages};
use crate::wire::inbox::conversations::conversation_id;
use crate::wire::inbox::cursor::Listing;
use crate::wire::inbox::dto::{page_size, time};
use crate::wire::inbox::envelope::{Answer, List, One, Refusal};
use crate::wire::inbox::extract::{Filters, Post, Segments};
use crate::wire::inbox::once;
use crate::wire::inbox::outgoing::{Asked, MessageBody};

/// The routes below `/v1` or below `/v1/{phone_number_id}`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get))
        .routes(routes!(read))
        .routes(routes!(file))
        .routes(routes!(of_conversation))
}

#[derive(Debug, Deserialize)]
struct Scope {
    phone_number_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct MessagePath {
    phone_number_id: Option<String>,
    id: String,
}

impl MessagePath {
    fn id(&self) -> Result<MessageId, Problem> {
        MessageId::parse(&self.id).map_err(|_| Problem::not_found("message"))
    }
}

/// Which conversation's messages to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct OfConversation {
    /// Only this conversation's, `cnv_…`.
    conversation_id: Option<String>,
}

/// Which messages to list. `has_more` and `next_cursor` lead through the pages.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct MessageFilters {
    /// `inbound` or `outbound`.
    #[param(pattern = "^(inbound|outbound)$")]
    direction: Option<String>,
    /// Only those that stand so.
    #[param(pattern = "^(received|queued|sent|delivered|read|failed)$")]
    status: Option<String>,
    /// Only those taken at or after this time (RFC 3339).
    #[param(format = DateTime)]
    created_after: Option<String>,
    /// Only those taken before this time (RFC 3339).
    #[param(format = DateTime)]
    created_before: Option<String>,
    /// Items on a page, 1 to 100; 25 when absent.
    #[param(pattern = r"^([1-9]\d?|100)$")]
    limit: Option<String>,
    /// The `next_cursor` of a page with the same filters.
    cursor: Option<String>,
}

impl MessageFilters {
    fn checked(&self, account: Option<String>, conversation: Option<&str>) -> Result<MessageFilter, Problem> {
        let bad = |param: &str, message: &str| Problem::of(Code::InvalidFieldValue, param, message);
        let named =
            |text: &str| ConversationId::parse(text).map_err(|error| bad("conversation_id", &format!("{error}.")));
        let direction = |text: &str| match text {
            "inbound" => Ok(Direction::Inbound),
            "outbound" => Ok(Direction::Outbound),
            _ => Err(bad("direction", "Use inbound or outbound.")),
        };
        let statuses = self.status.as_deref().map(MessageStatus::named);
        if statuses.as_ref().is_some_and(Vec::is_empty) {
            return Err(bad("status", "Use received, queued, sent, delivered, read or failed."));
        }
        Ok(MessageFilter {
            account,
            conversation: conversation.map(named).transpose()?,
            direction: self.direction.as_deref().map(direction).transpose()?,
            statuses: statuses.unwrap_or_default(),
            created_after: self.created_after.as_deref().map(|text| time("created_after", text)).transpose()?,
            created_before: self.created_before.as_deref().map(|text| time("created_before", text)).transpose()?,
        })
    }

    /// The filters that a cursor is bound to.
    fn named(&self) -> [Option<&str>; 4] {
        [&self.direction, &self.status, &self.created_after, &self.created_before].map(Option::as_deref)
    }
}

/// Lists messages, newest first.
#[utoipa::path(get, path = "/messages", tag = "messages", operation_id = "list_messages", params(OfConversation, MessageFilters),
    responses((status = 200, body = List<MessageObject>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Segments(scope): Segments<Scope>,
    Filters(of): Filters<OfConversation>,
    Filters(filters): Filters<MessageFilters>,
) -> Result<Answer, Refusal> {
    page(app, caller, scope.phone_number_id, of, filters).await
}

/// Lists a conversation's messages, newest first.
#[utoipa::path(get, path = "/conversations/{id}/messages", tag = "messages", operation_id = "list_conversation_messages",
    params(("id" = String, Path, description = "`cnv_…`"), MessageFilters),
    responses((status = 200, body = List<MessageObject>)))]
async fn of_conversation(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<MessagePath>,
    Filters(filters): Filters<MessageFilters>,
) -> Result<Answer, Refusal> {
    let (org, id, account) = (caller.org.clone(), conversation_id(&path.id)?, path.phone_number_id.clone());
    app.store.read(move |tx| conversations::find(tx, &org, account.as_deref(), &id).map(|_| ())).await?;
    page(app, caller, path.phone_number_id, OfConversation { conversation_id: Some(path.id) }, filters).await
}

async fn page(
    app: App,
    caller: Caller,
    account: Option<String>,
    of: OfConversation,
    filters: MessageFilters,
) -> Result<Answer, Refusal> {
    let limit = page_size(filters.limit.as_deref())?;
    let conversation = of.conversation_id.as_deref();
    let filter = filters.checked(account.clone(), conversation)?;
    let mut named = vec![account.as_deref(), conversation];
    named.extend(filters.named());
    let listing = Listing::new(&app, &caller.org, "messages", &named);
    let after: Option<(i64, MessageId)> = listing.position(filters.cursor.as_deref())?;
    let (org, wanted) = (caller.org.clone(), account.clone());
    let read = app.store.read(move |tx| {
        if let Some(id) = wanted {
            contacts::account(tx, &org, &AccountChoice::Id(id))?;
        }
        let (rows, more) = tx.messages(&org, &filter, after.as_ref(), limit)?;
        Ok::<_, Problem>((rows, more, tx.accounts(&org)?))
    });
    let (rows, has_more, accounts) = read.await?;
    let last = rows.last().filter(|_| has_more);
    let next = last.map(|last| listing.cursor(last.created_at.0, &last.id)).transpose()?;
    let url = &app.settings.public_url;
    let data = rows.iter().map(|message| MessageObject::new(message, &accounts, url)).collect();
    Ok(Answer::new(200, &caller.request, &List::page(data, next, &caller.request))?)
}

/// Queues a message to a customer, or marks one of theirs as read. `message.status` tells what becomes of it.
#[utoipa::path(post, path = "/messages", tag = "messages", operation_id = "send_message", request_body = MessageBody,
    responses((status = 200, description = "Marked as read", body = One<MessageObject>),
        (status = 201, description = "Queued", body = One<MessageObject>)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Segments(scope): Segments<Scope>,
    Post { body, once }: Post<MessageBody>,
) -> Result<Answer, Refusal> {
    let (here, by, request) = (app.clone(), caller.author(), caller.request.clone());
    let effect = move |tx: &mut Tx<'_>| {
        let chosen = |body: AccountChoice| scope.phone_number_id.map_or(body, AccountChoice::Id);
        match body.and_then(MessageBody::checked)? {
            Asked::Send(new, choice) => {
                let message = messages::queue(tx, &here, &by, &chosen(choice), *new)?;
                let object = messages::object(tx, &here, &by.org, &message)?;
                Ok(Answer::created(&request, object)?.about(&message.contact))
            }
            Asked::Read { message, account, typing } => {
                let message = messages::named(tx, &by.org, &chosen(account), &message)?;
                let message = messages::mark_read(tx, &by, &message, typing)?;
                let object = messages::object(tx, &here, &by.org, &message)?;
                Ok(Answer::ok(&request, object)?.about(&message.contact))
            }
        }
    };
    once::answer(&app, &caller, once, effect).await
}

/// Reads a message.
#[utoipa::path(get, path = "/messages/{id}", tag = "messages", operation_id = "get_message",
    params(("id" = String, Path, description = "`msg_…`")), responses((status = 200, body = One<MessageObject>)))]
async fn get(State(app): State<App>, caller: Caller, Segments(path): Segments<MessagePath>) -> Result<Answer, Refusal> {
    let (here, org, id) = (app.clone(), caller.org.clone(), path.id()?);
    let read = app.store.read(move |tx| {
        let message = messages::find(tx, &org, path.phone_number_id.as_deref(), &id)?;
        Ok::<_, Problem>(messages::object(tx, &here, &org, &message)?)
    });
    Ok(Answer::ok(&caller.request, read.await?)?)
}

/// How to mark a message as read.
#[derive(Debug, Deserialize, ToSchema)]
struct ReadBody {
    /// Whether to show the customer that an answer is being typed.
    #[serde(default)]
    typing: bool,
}

/// Marks a customer's message, and what they wrote before it, as read: here and at the channel.
#[utoipa::path(post, path = "/messages/{id}/read", tag = "messages", operation_id = "mark_message_read",
    request_body = ReadBody, params(("id" = String, Path, description = "`msg_…`")),
    responses((status = 200, body = One<MessageObject>)))]
async fn read(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<MessagePath>,
    Post { body, once }: Post<ReadBody>,
) -> Result<Answer, Refusal> {
    let id = path.id()?;
    let (here, by, request) = (app.clone(), caller.author(), caller.request.clone());
    let effect = move |tx: &mut Tx<'_>| {
        let ReadBody { typing } = body?;
        let message = messages::find(tx, &by.org, path.phone_number_id.as_deref(), &id)?;
        let message = messages::mark_read(tx, &by, &message, typing)?;
        Ok(Answer::ok(&request, messages::object(tx, &here, &by.org, &message)?)?.about(&message.contact))
    };
    once::answer(&app, &caller, once, effect).await
}

/// Leads to a message's file: an address that works for ten minutes without a key.
#[utoipa::path(get, path = "/messages/{id}/media", tag = "messages", operation_id = "get_message_media",
    params(("id" = String, Path, description = "`msg_…`")),
    responses((status = 302, description = "`Location` leads to the file")))]
async fn file(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<MessagePath>,
) -> Result<Response, Refusal> {
    let (org, id) = (caller.org.clone(), path.id()?);
    let read = app.store.read(move |tx| messages::find(tx, &org, path.phone_number_id.as_deref(), &id));
    let place = media::place(&app, &caller.org, &read.await?).await?;
    let location = HeaderValue::from_str(&place)
        .map_err(|_| Problem::new(Code::ResourceNotFound, "The file's address cannot be followed."))?;
    Ok((StatusCode::FOUND, [(header::LOCATION, location)]).into_response())
}
