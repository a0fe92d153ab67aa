//! Users: listed, so that nobody has to know their ids from elsewhere, made, changed and removed. Beyond Kirim.

use axum::extract::State;
use lockstep_core::env::Time;
use lockstep_core::ids::{TeamId, UserId};
use lockstep_core::patch::Patch;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{NewUser, Org, Tx, User, UserFilter};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::ops::payload::Deleted;
use crate::ops::users::UserPatch;
use crate::ops::{labels, users};
use crate::wire::inbox::cursor::Listing;
use crate::wire::inbox::dto::{PageFilters, given, page_size, required};
use crate::wire::inbox::envelope::{Answer, List, One, Refusal};
use crate::wire::inbox::extract::{Body, Filters, Post, Segments};
use crate::wire::inbox::once;
use crate::wire::inbox::teams::TeamPath;

/// The routes below `/v1` or below `/v1/{phone_number_id}`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, patch, delete)).routes(routes!(members))
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
struct UserObject {
    /// `usr_…`, as in a conversation's `assigned_to`.
    #[schema(value_type = String)]
    id: UserId,
    /// Always `user`.
    #[schema(value_type = String)]
    object: &'static str,
    /// What people call them.
    name: String,
    /// The e-mail address.
    #[schema(required)]
    email: Option<String>,
    /// Their teams.
    #[schema(value_type = Vec<String>)]
    team_ids: Vec<TeamId>,
    /// When they were added.
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// When their name or address last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Time,
}

impl From<User> for UserObject {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            object: "user",
            name: user.name,
            email: user.email,
            team_ids: user.teams,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

/// A user to add.
#[derive(Debug, Deserialize, ToSchema)]
struct NewUserBody {
    /// 1 to 100 characters.
    #[schema(required, nullable = false, min_length = 1, max_length = 100)]
    name: Option<String>,
    /// An e-mail address that no other user has.
    #[schema(format = Email)]
    email: Option<String>,
    /// The teams that they join at once, `team_…`.
    #[schema(value_type = Vec<String>)]
    #[serde(default)]
    team_ids: Vec<TeamId>,
}

/// What to change of a user. An absent member stays.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(min_properties = 1)]
struct UserPatchBody {
    /// 1 to 100 characters.
    #[schema(nullable = false, min_length = 1, max_length = 100)]
    #[serde(default, deserialize_with = "given")]
    name: Option<String>,
    /// An e-mail address that no other user has; null clears it.
    #[schema(value_type = Option<String>, format = Email)]
    #[serde(default)]
    email: Patch<String>,
    /// All the teams that they shall be in, `team_…`.
    #[schema(value_type = Vec<String>, nullable = false)]
    #[serde(default, deserialize_with = "given")]
    team_ids: Option<Vec<TeamId>>,
}

impl UserPatchBody {
    fn checked(self) -> Result<UserPatch, Problem> {
        let Self { name, email, team_ids: teams } = self;
        if name.is_none() && email.is_keep() && teams.is_none() {
            return Err(Problem::new(Code::MissingRequiredField, "Give at least one of name, email and team_ids."));
        }
        Ok(UserPatch { name, email, teams })
    }
}

/// The account of a path, if it names one.
#[derive(Debug, Deserialize)]
pub(super) struct Scope {
    pub(super) phone_number_id: Option<String>,
}

impl Scope {
    /// Refuses the path of an account that the organization does not have.
    pub(super) fn check(&self, tx: &mut Tx<'_>, org: &Org) -> Result<(), Problem> {
        labels::team_of(tx, org, self.phone_number_id.as_deref()).map(|_| ())
    }
}

#[derive(Debug, Deserialize)]
struct UserPath {
    #[serde(flatten)]
    scope: Scope,
    id: String,
}

impl UserPath {
    fn id(&self) -> Result<UserId, Problem> {
        UserId::parse(&self.id).map_err(|_| Problem::not_found("user"))
    }
}

/// Which users to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct UserFilters {
    /// Only this team's members, `team_…`.
    team_id: Option<String>,
    /// Items on a page, 1 to 100; 25 when absent.
    #[param(pattern = r"^([1-9]\d?|100)$")]
    limit: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists users, longest there first.
#[utoipa::path(get, path = "/users", tag = "organization", operation_id = "list_users", params(UserFilters),
    responses((status = 200, body = List<UserObject>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Segments(scope): Segments<Scope>,
    Filters(filters): Filters<UserFilters>,
) -> Result<Answer, Refusal> {
    let team = filters.team_id.as_deref().map(TeamId::parse).transpose();
    let team = team.map_err(|bad| Problem::of(Code::InvalidFieldValue, "team_id", format!("team_id: {bad}.")))?;
    let page = PageFilters { limit: filters.limit, cursor: filters.cursor };
    users_page(&app, &caller, scope, team, page).await
}

/// Lists a team's members, longest there first.
#[utoipa::path(get, path = "/teams/{id}/members", tag = "organization", operation_id = "list_team_members",
    params(("id" = String, Path, description = "`team_…`"), PageFilters), responses((status = 200, body = List<UserObject>)))]
async fn members(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<TeamPath>,
    Filters(filters): Filters<PageFilters>,
) -> Result<Answer, Refusal> {
    let (org, team) = (caller.org.clone(), path.id()?);
    let team = app.store.read(move |tx| users::find_team(tx, &org, &team)).await?;
    users_page(&app, &caller, path.scope, Some(team.id), filters).await
}

async fn users_page(
    app: &App,
    caller: &Caller,
    scope: Scope,
    team: Option<TeamId>,
    page: PageFilters,
) -> Result<Answer, Refusal> {
    let limit = page_size(page.limit.as_deref())?;
    let named = [scope.phone_number_id.as_deref(), team.as_ref().map(TeamId::as_str)];
    let listing = Listing::new(app, &caller.org, "users", &named);
    let after = listing.position::<UserId>(page.cursor.as_deref())?.map(|(_, id)| id);
    let org = caller.org.clone();
    let read = app.store.read(move |tx| {
        scope.check(tx, &org)?;
        Ok::<_, Problem>(tx.users(&org, &UserFilter { team }, after.as_ref(), limit)?)
    });
    let (rows, has_more) = read.await?;
    let next = rows.last().filter(|_| has_more).map(|last| listing.cursor(0, &last.id)).transpose()?;
    let data = rows.into_iter().map(UserObject::from).collect();
    Ok(Answer::new(200, &caller.request, &List::page(data, next, &caller.request))?)
}

/// Adds a user.
#[utoipa::path(post, path = "/users", tag = "organization", operation_id = "create_user", request_body = NewUserBody,
    responses((status = 201, body = One<UserObject>)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Segments(scope): Segments<Scope>,
    Post { body, once }: Post<NewUserBody>,
) -> Result<Answer, Refusal> {
    let (by, request) = (caller.author(), caller.request.clone());
    let effect = move |tx: &mut Tx<'_>| {
        scope.check(tx, &by.org)?;
        let NewUserBody { name, email, team_ids } = body?;
        let user = users::add(tx, &by, &NewUser { name: required("name", name)?, email }, &team_ids)?;
        Answer::created(&request, UserObject::from(user))
    };
    once::answer(&app, &caller, once, effect).await
}

/// Reads a user.
#[utoipa::path(get, path = "/users/{id}", tag = "organization", operation_id = "get_user",
    params(("id" = String, Path, description = "`usr_…`")), responses((status = 200, body = One<UserObject>)))]
async fn get(State(app): State<App>, caller: Caller, Segments(path): Segments<UserPath>) -> Result<Answer, Refusal> {
    let (org, id) = (caller.org.clone(), path.id()?);
    let read = app.store.read(move |tx| {
        path.scope.check(tx, &org)?;
        users::find(tx, &org, &id)
    });
    Ok(Answer::ok(&caller.request, UserObject::from(read.await?))?)
}

/// Changes a user's name, address or teams. What they have already is no change.
#[utoipa::path(patch, path = "/users/{id}", tag = "organization", operation_id = "update_user", request_body = UserPatchBody,
    params(("id" = String, Path, description = "`usr_…`")), responses((status = 200, body = One<UserObject>)))]
async fn patch(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<UserPath>,
    Body(body): Body<UserPatchBody>,
) -> Result<Answer, Refusal> {
    let (by, id, patch) = (caller.author(), path.id()?, body.checked()?);
    let written = app.store.write(move |tx| {
        path.scope.check(tx, &by.org)?;
        users::patch(tx, &by, &id, patch)
    });
    Ok(Answer::ok(&caller.request, UserObject::from(written.await?))?)
}

/// Removes a user from the organization and its teams. What was assigned to them still names them.
#[utoipa::path(delete, path = "/users/{id}", tag = "organization", operation_id = "delete_user",
    params(("id" = String, Path, description = "`usr_…`")), responses((status = 200, body = One<Deleted>)))]
async fn delete(State(app): State<App>, caller: Caller, Segments(path): Segments<UserPath>) -> Result<Answer, Refusal> {
    let (by, id) = (caller.author(), path.id()?);
    let gone = Deleted::new(&id, "user");
    let written = app.store.write(move |tx| {
        path.scope.check(tx, &by.org)?;
        users::remove(tx, &by, &id)
    });
    written.await?;
    Ok(Answer::ok(&caller.request, gone)?)
}
