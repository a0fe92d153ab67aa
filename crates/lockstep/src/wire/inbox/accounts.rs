//! The organization's WhatsApp accounts: listed as at Kirim; added, renamed and given to teams beyond it.

use axum::extract::State;
use lockstep_core::ids::TeamId;
use lockstep_core::patch::Patch;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{Account, ChannelOf, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::ops::accounts::{self, AccountPatch, NewAccount};
use crate::wire::inbox::dto::{given, required};
use crate::wire::inbox::envelope::{Answer, List, One, Refusal};
use crate::wire::inbox::extract::{Body, Filters, Post, Segments};
use crate::wire::inbox::once;

/// The routes below `/v1`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(patch))
}

/// One account.
#[derive(Debug, Serialize, ToSchema)]
struct AccountObject {
    /// Always `account`.
    #[schema(value_type = String)]
    object: &'static str,
    /// Meta's `phone_number_id`, as it stands in paths.
    #[schema(required)]
    phone_number_id: Option<String>,
    /// E.164 with its `+`, as a body's `from` takes it.
    #[schema(required)]
    phone_number: Option<String>,
    /// The name that customers see.
    #[schema(required)]
    name: Option<String>,
    /// `connected`, `disconnected`, `degraded` or `onboarding`.
    status: String,
    /// The team whose labels its contacts can have; null for those of every team.
    #[schema(value_type = Option<String>, required)]
    team_id: Option<TeamId>,
    /// Which network carries its messages, such as `whatsapp`; null for none.
    #[schema(required)]
    channel: Option<String>,
}

impl AccountObject {
    fn new(account: Account, channels: &[ChannelOf]) -> Self {
        let carries = |of: &&ChannelOf| of.channel().account == account.phone_number_id;
        Self {
            channel: channels.iter().find(carries).map(|of| of.channel().slug.clone()),
            object: "account",
            phone_number_id: Some(account.phone_number_id),
            phone_number: Some(accounts::e164(&account.phone_number)),
            name: Some(account.name),
            status: account.status,
            team_id: account.team,
        }
    }
}

/// Which accounts to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct AccountFilters {
    /// `connected` or `all`. Left out: all that are not disconnected, so that an inbox without a channel, which only keeps
    /// contacts, finds its account too.
    #[param(pattern = "^(connected|all)$")]
    status: Option<String>,
}

/// Lists the organization's WhatsApp accounts. Not paginated.
#[utoipa::path(get, path = "/accounts", tag = "account", operation_id = "list_accounts", params(AccountFilters),
    responses((status = 200, body = List<AccountObject>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Filters(filters): Filters<AccountFilters>,
) -> Result<Answer, Refusal> {
    let shown = match filters.status.as_deref() {
        None => |status: &str| status != "disconnected",
        Some("connected") => |status: &str| status == "connected",
        Some("all") => |_: &str| true,
        Some(_) => return Err(Problem::of(Code::InvalidFieldValue, "status", "Use connected or all.").into()),
    };
    let org = caller.org.clone();
    let listed = app.store.read(move |tx| Ok::<_, Problem>((tx.accounts(&org)?, tx.channels(&org)?))).await;
    let (accounts, channels) = listed?;
    let shown = accounts.into_iter().filter(|account| shown(&account.status));
    let data = shown.map(|account| AccountObject::new(account, &channels)).collect();
    Ok(Answer::new(200, &caller.request, &List::page(data, None, &caller.request))?)
}

/// An account to add.
#[derive(Debug, Deserialize, ToSchema)]
struct NewAccountBody {
    /// Meta's id of the number.
    #[schema(required, nullable = false, pattern = r"^\d{6,20}$")]
    phone_number_id: Option<String>,
    /// The number with its country code; spaces, dashes and brackets do no harm.
    #[schema(required, nullable = false)]
    phone_number: Option<String>,
    /// The name that customers see, 1 to 100 characters.
    #[schema(required, nullable = false, min_length = 1, max_length = 100)]
    name: Option<String>,
    /// The team whose labels its contacts can have, `team_…`; those of every team when absent.
    #[schema(value_type = Option<String>)]
    team_id: Option<TeamId>,
}

/// Adds an account. `PUT /v1/accounts/{phone_number_id}/channel` connects it to its network.
#[utoipa::path(post, path = "/accounts", tag = "account", operation_id = "create_account", request_body = NewAccountBody,
    responses((status = 201, body = One<AccountObject>)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Post { body, once }: Post<NewAccountBody>,
) -> Result<Answer, Refusal> {
    let (by, request) = (caller.author(), caller.request.clone());
    let effect = move |tx: &mut Tx<'_>| {
        let body = body?;
        let new = NewAccount {
            phone_number_id: required("phone_number_id", body.phone_number_id)?,
            phone_number: required("phone_number", body.phone_number)?,
            name: required("name", body.name)?,
            team: body.team_id,
        };
        Answer::created(&request, AccountObject::new(accounts::add(tx, &by, &new)?, &[]))
    };
    once::answer(&app, &caller, once, effect).await
}

/// The account that a path names.
#[derive(Debug, Deserialize)]
pub(super) struct AccountPath {
    /// Meta's id of its number.
    pub phone_number_id: String,
}

/// What to change of an account. An absent member stays.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(min_properties = 1)]
struct AccountPatchBody {
    /// 1 to 100 characters.
    #[schema(nullable = false, min_length = 1, max_length = 100)]
    #[serde(default, deserialize_with = "given")]
    name: Option<String>,
    /// The team whose labels its contacts can have, `team_…`; null for those of every team.
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    team_id: Patch<TeamId>,
}

/// Renames an account, or gives it to a team or to all of them. Labels that hang on its contacts stay.
#[utoipa::path(patch, path = "/accounts/{phone_number_id}", tag = "account", operation_id = "update_account",
    request_body = AccountPatchBody, params(("phone_number_id" = String, Path, description = "Meta's id of the number")),
    responses((status = 200, body = One<AccountObject>)))]
async fn patch(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<AccountPath>,
    Body(body): Body<AccountPatchBody>,
) -> Result<Answer, Refusal> {
    let (by, AccountPatchBody { name, team_id: team }) = (caller.author(), body);
    if name.is_none() && team.is_keep() {
        return Err(Problem::new(Code::MissingRequiredField, "Give at least one of name and team_id.").into());
    }
    let patch = AccountPatch { name, team };
    let written = app.store.write(move |tx| {
        let account = accounts::patch(tx, &by, &path.phone_number_id, patch)?;
        Ok::<_, Problem>(AccountObject::new(account, &tx.channels(&by.org)?))
    });
    Ok(Answer::ok(&caller.request, written.await?)?)
}
