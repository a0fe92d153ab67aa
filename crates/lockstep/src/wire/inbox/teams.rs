//! Teams: listed, made, renamed and removed. Who is in one stands at the users. Beyond Kirim.

use axum::extract::State;
use lockstep_core::env::Time;
use lockstep_core::ids::TeamId;
use lockstep_core::problem::Problem;
use lockstep_store::{Team, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::ops::payload::Deleted;
use crate::ops::users;
use crate::wire::inbox::cursor::Listing;
use crate::wire::inbox::dto::{PageFilters, page_size, required};
use crate::wire::inbox::envelope::{Answer, List, One, Refusal};
use crate::wire::inbox::extract::{Body, Filters, Post, Segments};
use crate::wire::inbox::once;
use crate::wire::inbox::users::Scope;

/// The routes below `/v1` or below `/v1/{phone_number_id}`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, patch, delete))
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

/// What people shall call a team.
#[derive(Debug, Deserialize, ToSchema)]
struct NewTeamBody {
    /// 1 to 100 characters; unique within the organization, whatever the case.
    #[schema(required, nullable = false, min_length = 1, max_length = 100)]
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct TeamPath {
    #[serde(flatten)]
    pub(super) scope: Scope,
    id: String,
}

impl TeamPath {
    pub(super) fn id(&self) -> Result<TeamId, Problem> {
        TeamId::parse(&self.id).map_err(|_| Problem::not_found("team"))
    }
}

/// Lists teams, oldest first.
#[utoipa::path(get, path = "/teams", tag = "organization", operation_id = "list_teams", params(PageFilters),
    responses((status = 200, body = List<TeamObject>)))]
async fn list(
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
        scope.check(tx, &org)?;
        Ok::<_, Problem>(tx.teams(&org, after.as_ref(), limit)?)
    });
    let (rows, has_more) = read.await?;
    let next = rows.last().filter(|_| has_more).map(|last| listing.cursor(0, &last.id)).transpose()?;
    let data = rows.into_iter().map(TeamObject::from).collect();
    Ok(Answer::new(200, &caller.request, &List::page(data, next, &caller.request))?)
}

/// Makes a team. Its name exists once in the organization.
#[utoipa::path(post, path = "/teams", tag = "organization", operation_id = "create_team", request_body = NewTeamBody,
    responses((status = 201, body = One<TeamObject>)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Segments(scope): Segments<Scope>,
    Post { body, once }: Post<NewTeamBody>,
) -> Result<Answer, Refusal> {
    let (by, request) = (caller.author(), caller.request.clone());
    let effect = move |tx: &mut Tx<'_>| {
        scope.check(tx, &by.org)?;
        let name = required("name", body?.name)?;
        Answer::created(&request, TeamObject::from(users::add_team(tx, &by, &name)?))
    };
    once::answer(&app, &caller, once, effect).await
}

/// Reads a team.
#[utoipa::path(get, path = "/teams/{id}", tag = "organization", operation_id = "get_team",
    params(("id" = String, Path, description = "`team_…`")), responses((status = 200, body = One<TeamObject>)))]
async fn get(State(app): State<App>, caller: Caller, Segments(path): Segments<TeamPath>) -> Result<Answer, Refusal> {
    let (org, id) = (caller.org.clone(), path.id()?);
    let read = app.store.read(move |tx| {
        path.scope.check(tx, &org)?;
        users::find_team(tx, &org, &id)
    });
    Ok(Answer::ok(&caller.request, TeamObject::from(read.await?))?)
}

/// Renames a team.
#[utoipa::path(patch, path = "/teams/{id}", tag = "organization", operation_id = "update_team", request_body = NewTeamBody,
    params(("id" = String, Path, description = "`team_…`")), responses((status = 200, body = One<TeamObject>)))]
async fn patch(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<TeamPath>,
    Body(body): Body<NewTeamBody>,
) -> Result<Answer, Refusal> {
    let (by, id, name) = (caller.author(), path.id()?, required("name", body.name)?);
    let written = app.store.write(move |tx| {
        path.scope.check(tx, &by.org)?;
        users::rename_team(tx, &by, &id, &name)
    });
    Ok(Answer::ok(&caller.request, TeamObject::from(written.await?))?)
}

/// Removes a team with its memberships. The last one stays, and one that has labels or accounts.
#[utoipa::path(delete, path = "/teams/{id}", tag = "organization", operation_id = "delete_team",
    params(("id" = String, Path, description = "`team_…`")), responses((status = 200, body = One<Deleted>)))]
async fn delete(State(app): State<App>, caller: Caller, Segments(path): Segments<TeamPath>) -> Result<Answer, Refusal> {
    let (by, id) = (caller.author(), path.id()?);
    let gone = Deleted::new(&id, "team");
    let written = app.store.write(move |tx| {
        path.scope.check(tx, &by.org)?;
        users::remove_team(tx, &by, &id)
    });
    written.await?;
    Ok(Answer::ok(&caller.request, gone)?)
}
