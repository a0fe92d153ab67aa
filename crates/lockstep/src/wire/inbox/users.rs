//! Users and teams, so that nobody has to know their ids from elsewhere. Beyond Kirim, which has no such routes.

use axum::extract::State;
use lockstep_core::env::Time;
use lockstep_core::ids::{TeamId, UserId};
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{Org, Team, Tx, User, UserFilter};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::ops::{labels, users};
use crate::wire::inbox::cursor::Listing;
use crate::wire::inbox::dto::{PageFilters, page_size};
use crate::wire::inbox::envelope::{Answer, List, One, Refusal};
use crate::wire::inbox::extract::{Filters, Segments};

/// The routes below `/v1` or below `/v1/{phone_number_id}`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(list_teams))
        .routes(routes!(get_team))
        .routes(routes!(members))
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

/// A team.
#[derive(Debug, Serialize, ToSchema)]
struct TeamObject {
    /// `team_…`, as in a label's `team_id`.
    #[schema(value_type = String)]
    id: TeamId,
    /// Always `team`.
    #[schema(value_type = String)]
    object: &'static str,
    /// What people call it.
    name: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// When its name last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Time,
}

impl From<Team> for TeamObject {
    fn from(team: Team) -> Self {
        Self { id: team.id, object: "team", name: team.name, created_at: team.created_at, updated_at: team.updated_at }
    }
}

#[derive(Debug, Deserialize)]
struct Scope {
    phone_number_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct IdPath {
    phone_number_id: Option<String>,
    id: String,
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

/// Refuses the path of an account that the organization does not have.
fn check_scope(tx: &mut Tx<'_>, org: &Org, account: Option<&str>) -> Result<(), Problem> {
    labels::team_of(tx, org, account).map(|_| ())
}

fn parse_team(text: &str) -> Result<TeamId, Problem> {
    TeamId::parse(text).map_err(|_| Problem::not_found("team"))
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
    users_page(&app, &caller, scope.phone_number_id, team, page).await
}

/// Lists a team's members, longest there first.
#[utoipa::path(get, path = "/teams/{id}/members", tag = "organization", operation_id = "list_team_members",
    params(("id" = String, Path, description = "`team_…`"), PageFilters), responses((status = 200, body = List<UserObject>)))]
async fn members(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<IdPath>,
    Filters(filters): Filters<PageFilters>,
) -> Result<Answer, Refusal> {
    let (org, team) = (caller.org.clone(), parse_team(&path.id)?);
    let team = app.store.read(move |tx| users::find_team(tx, &org, &team)).await?;
    users_page(&app, &caller, path.phone_number_id, Some(team.id), filters).await
}

async fn users_page(
    app: &App,
    caller: &Caller,
    account: Option<String>,
    team: Option<TeamId>,
    page: PageFilters,
) -> Result<Answer, Refusal> {
    let limit = page_size(page.limit.as_deref())?;
    let named = [account.as_deref(), team.as_ref().map(TeamId::as_str)];
    let listing = Listing::new(app, &caller.org, "users", &named);
    let after = listing.position::<UserId>(page.cursor.as_deref())?.map(|(_, id)| id);
    let org = caller.org.clone();
    let read = app.store.read(move |tx| {
        check_scope(tx, &org, account.as_deref())?;
        Ok::<_, Problem>(tx.users(&org, &UserFilter { team }, after.as_ref(), limit)?)
    });
    let (rows, has_more) = read.await?;
    let next = rows.last().filter(|_| has_more).map(|last| listing.cursor(0, &last.id)).transpose()?;
    let data = rows.into_iter().map(UserObject::from).collect();
    Ok(Answer::new(200, &caller.request, &List::page(data, next, &caller.request))?)
}

/// Reads a user.
#[utoipa::path(get, path = "/users/{id}", tag = "organization", operation_id = "get_user",
    params(("id" = String, Path, description = "`usr_…`")), responses((status = 200, body = One<UserObject>)))]
async fn get(State(app): State<App>, caller: Caller, Segments(path): Segments<IdPath>) -> Result<Answer, Refusal> {
    let org = caller.org.clone();
    let id = UserId::parse(&path.id).map_err(|_| Problem::not_found("user"))?;
    let read = app.store.read(move |tx| {
        check_scope(tx, &org, path.phone_number_id.as_deref())?;
        users::find(tx, &org, &id)
    });
    Ok(Answer::ok(&caller.request, UserObject::from(read.await?))?)
}

/// Lists teams, oldest first.
#[utoipa::path(get, path = "/teams", tag = "organization", operation_id = "list_teams", params(PageFilters),
    responses((status = 200, body = List<TeamObject>)))]
async fn list_teams(
    State(app): State<App>,
    caller: Caller,
    Segments(scope): Segments<Scope>,
    Filters(filters): Filters<PageFilters>,
) -> Result<Answer, Refusal> {
    let limit = page_size(filters.limit.as_deref())?;
    let listing = Listing::new(&app, &caller.org, "teams", &[scope.phone_number_id.as_deref()]);
    let after = listing.position::<TeamId>(filters.cursor.as_deref())?.map(|(_, id)| id);
    let org = caller.org.clone();
    let read = app.store.read(move |tx| {
        check_scope(tx, &org, scope.phone_number_id.as_deref())?;
        Ok::<_, Problem>(tx.teams(&org, after.as_ref(), limit)?)
    });
    let (rows, has_more) = read.await?;
    let next = rows.last().filter(|_| has_more).map(|last| listing.cursor(0, &last.id)).transpose()?;
    let data = rows.into_iter().map(TeamObject::from).collect();
    Ok(Answer::new(200, &caller.request, &List::page(data, next, &caller.request))?)
}

/// Reads a team.
#[utoipa::path(get, path = "/teams/{id}", tag = "organization", operation_id = "get_team",
    params(("id" = String, Path, description = "`team_…`")), responses((status = 200, body = One<TeamObject>)))]
async fn get_team(State(app): State<App>, caller: Caller, Segments(path): Segments<IdPath>) -> Result<Answer, Refusal> {
    let (org, id) = (caller.org.clone(), parse_team(&path.id)?);
    let read = app.store.read(move |tx| {
        check_scope(tx, &org, path.phone_number_id.as_deref())?;
        users::find_team(tx, &org, &id)
    });
    Ok(Answer::ok(&caller.request, TeamObject::from(read.await?))?)
}
