//! Conversations, in both path layouts.

use std::slice;

use axum::extract::State;
use lockstep_core::conversation::{Conversation, ConversationPatch, ConversationStatus};
use lockstep_core::ids::{ContactId, ConversationId, LabelId, TeamId, UserId};
use lockstep_core::patch::Patch;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::ConversationFilter;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::ops::contacts::{self, AccountChoice};
use crate::ops::conversations;
use crate::ops::payload::ConversationObject;
use crate::wire::inbox::cursor::Listing;
use crate::wire::inbox::dto::{Expansion, expands_labels, given, page_size};
use crate::wire::inbox::envelope::{Answer, List, One, Refusal};
use crate::wire::inbox::extract::{Body, Filters, Segments};

/// The routes below `/v1` or below `/v1/{phone_number_id}`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get, patch))
}

/// What stands for nobody in `assigned_to`.
const NOBODY: &str = "none";

#[derive(Debug, Deserialize)]
struct Scope {
    phone_number_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ConversationPath {
    phone_number_id: Option<String>,
    id: String,
}

/// Reads the id of a path.
///
/// # Errors
/// Text that is no such id: no such conversation.
pub fn conversation_id(text: &str) -> Result<ConversationId, Problem> {
    ConversationId::parse(text).map_err(|_| Problem::not_found("conversation"))
}

/// Which conversations to list. `has_more` and `next_cursor` lead through the pages.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ConversationFilters {
    /// Only those that stand so.
    #[param(pattern = "^(open|pending|resolved)$")]
    status: Option<String>,
    /// Only the one with this contact, `ctc_…`.
    contact_id: Option<String>,
    /// Only those that this user looks after, `usr_…`; `none` for those that nobody does.
    assigned_to: Option<String>,
    /// Only those that have this label, `lbl_…`.
    label: Option<String>,
    /// `labels` to show each conversation's labels.
    #[param(pattern = "^labels$")]
    expand: Option<String>,
    /// Items on a page, 1 to 100; 25 when absent.
    #[param(pattern = r"^([1-9]\d?|100)$")]
    limit: Option<String>,
    /// The `next_cursor` of a page with the same filters.
    cursor: Option<String>,
}

impl ConversationFilters {
    fn checked(&self, account: Option<String>) -> Result<ConversationFilter, Problem> {
        let bad = |param: &str, message: String| Problem::of(Code::InvalidFieldValue, param, message);
        let contact = |text: &str| ContactId::parse(text).map_err(|error| bad("contact_id", format!("{error}.")));
        let user = |text: &str| UserId::parse(text).map_err(|error| bad("assigned_to", format!("{error}.")));
        let label = |text: &str| LabelId::parse(text).map_err(|error| bad("label", format!("{error}.")));
        Ok(ConversationFilter {
            account,
            status: self.status.as_deref().map(status).transpose()?,
            contact: self.contact_id.as_deref().map(contact).transpose()?,
            assigned_user: self.assigned_to.as_deref().filter(|text| *text != NOBODY).map(user).transpose()?,
            unassigned: self.assigned_to.as_deref() == Some(NOBODY),
            label: self.label.as_deref().map(label).transpose()?,
            search: None,
        })
    }
}

fn status(text: &str) -> Result<ConversationStatus, Problem> {
    ConversationStatus::parse(text)
        .ok_or_else(|| Problem::of(Code::InvalidFieldValue, "status", "Use open, pending or resolved."))
}

/// What to change of a conversation. An absent member stays.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(min_properties = 1)]
struct ConversationPatchBody {
    /// `open`, `pending` or `resolved`.
    #[schema(nullable = false, pattern = "^(open|pending|resolved)$")]
    #[serde(default, deserialize_with = "given")]
    status: Option<String>,
    /// The user who shall look after it, `usr_…`; null for nobody.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    assigned_to: Patch<String>,
    /// The team that shall look after it, `team_…`; null for none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    team_id: Patch<String>,
}

impl ConversationPatchBody {
    fn checked(self) -> Result<ConversationPatch, Problem> {
        let bad = |param: &str, message: String| Problem::of(Code::InvalidFieldValue, param, message);
        let user = |text: String| UserId::parse(&text).map_err(|error| bad("assigned_to", format!("{error}.")));
        let team = |text: String| TeamId::parse(&text).map_err(|error| bad("team_id", format!("{error}.")));
        let patch = ConversationPatch {
            status: self.status.as_deref().map(status).transpose()?,
            assigned_user: self.assigned_to.try_map(user)?,
            assigned_team: self.team_id.try_map(team)?,
        };
        if patch == ConversationPatch::default() {
            let message = "Give at least one of status, assigned_to and team_id.";
            return Err(Problem::new(Code::MissingRequiredField, message));
        }
        Ok(patch)
    }
}

/// Lists conversations, the most recent activity first.
#[utoipa::path(get, path = "/conversations", tag = "conversations", operation_id = "list_conversations",
    params(ConversationFilters), responses((status = 200, body = List<ConversationObject>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Segments(scope): Segments<Scope>,
    Filters(filters): Filters<ConversationFilters>,
) -> Result<Answer, Refusal> {
    let limit = page_size(filters.limit.as_deref())?;
    let expand = expands_labels(filters.expand.as_deref())?;
    let filter = filters.checked(scope.phone_number_id.clone())?;
    let named = [&scope.phone_number_id, &filters.status, &filters.contact_id, &filters.assigned_to, &filters.label];
    let listing = Listing::new(&app, &caller.org, "conversations", &named.map(Option::as_deref));
    let after: Option<(i64, ConversationId)> = listing.position(filters.cursor.as_deref())?;
    let org = caller.org.clone();
    let read = app.store.read(move |tx| {
        if let Some(id) = scope.phone_number_id {
            contacts::account(tx, &org, &AccountChoice::Id(id))?;
        }
        let (rows, more) = tx.conversations(&org, &filter, after.as_ref(), limit)?;
        let objects = conversations::objects(tx, &org, &rows, expand)?;
        Ok::<_, Problem>((rows, more, objects))
    });
    let (rows, has_more, data) = read.await?;
    let place = |last: &Conversation| listing.cursor(last.last_message_at.unwrap_or_default().0, &last.id);
    let next = rows.last().filter(|_| has_more).map(place).transpose()?;
    Ok(Answer::new(200, &caller.request, &List::page(data, next, &caller.request))?)
}

/// Reads a conversation.
#[utoipa::path(get, path = "/conversations/{id}", tag = "conversations", operation_id = "get_conversation",
    params(("id" = String, Path, description = "`cnv_…`"), Expansion),
    responses((status = 200, body = One<ConversationObject>)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<ConversationPath>,
    Filters(expansion): Filters<Expansion>,
) -> Result<Answer, Refusal> {
    let expand = expands_labels(expansion.expand.as_deref())?;
    let (org, id) = (caller.org.clone(), conversation_id(&path.id)?);
    let read = app.store.read(move |tx| {
        let conversation = conversations::find(tx, &org, path.phone_number_id.as_deref(), &id)?;
        let shown = conversations::objects(tx, &org, slice::from_ref(&conversation), expand)?.pop();
        shown.ok_or_else(|| Problem::not_found("conversation"))
    });
    Ok(Answer::ok(&caller.request, read.await?)?)
}

/// Changes where a conversation stands and who looks after it. What is so already is no change: no event.
#[utoipa::path(patch, path = "/conversations/{id}", tag = "conversations", operation_id = "update_conversation",
    request_body = ConversationPatchBody, params(("id" = String, Path, description = "`cnv_…`")),
    responses((status = 200, body = One<ConversationObject>)))]
async fn patch(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<ConversationPath>,
    Body(body): Body<ConversationPatchBody>,
) -> Result<Answer, Refusal> {
    let (by, id, patch) = (caller.author(), conversation_id(&path.id)?, body.checked()?);
    let written = app.store.write(move |tx| {
        let old = conversations::find(tx, &by.org, path.phone_number_id.as_deref(), &id)?;
        let conversation = conversations::edit(tx, &by, &old, patch)?;
        Ok::<_, Problem>(conversations::object(tx, &by.org, &conversation)?)
    });
    Ok(Answer::ok(&caller.request, written.await?)?)
}
