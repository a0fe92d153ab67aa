//! Labels: the resource itself. On the path of an account only those show that fit its contacts.

use axum::extract::State;
use lockstep_core::ids::{LabelId, TeamId};
use lockstep_core::label::{Color, check_name};
use lockstep_core::problem::{Code, Problem};
use lockstep_store::Tx;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::ops::labels::{self, LabelPatch, Wish};
use crate::ops::payload::{Deleted, LabelObject};
use crate::wire::inbox::cursor::Listing;
use crate::wire::inbox::dto::{given, page_size, required};
use crate::wire::inbox::envelope::{Answer, List, One, Refusal};
use crate::wire::inbox::extract::{Body, Filters, Post, Segments};
use crate::wire::inbox::once;

/// The routes below `/v1` or below `/v1/{phone_number_id}`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, patch, delete))
}

#[derive(Debug, Deserialize)]
struct Scope {
    phone_number_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct LabelPath {
    phone_number_id: Option<String>,
    id: String,
}

impl LabelPath {
    fn id(&self) -> Result<LabelId, Problem> {
        LabelId::parse(&self.id).map_err(|_| Problem::not_found("label"))
    }
}

/// A label to make.
#[derive(Debug, Deserialize, ToSchema)]
struct NewLabelBody {
    /// 1 to 50 characters; unique within the team, whatever the case.
    #[schema(required, nullable = false, min_length = 1, max_length = 50)]
    name: Option<String>,
    /// `gray` when absent.
    #[schema(pattern = "^(gray|red|orange|amber|yellow|lime|green|emerald|teal|sky|blue|violet|pink)$")]
    color: Option<String>,
    /// `team_…`; needed only where there are several teams.
    #[schema(min_length = 1, max_length = 64)]
    team_id: Option<String>,
}

impl NewLabelBody {
    fn checked(self) -> Result<Wish, Problem> {
        let name = required("name", self.name)?;
        check_name(&name)?;
        let color = self.color.as_deref().map(Color::parse).transpose()?.unwrap_or_default();
        Ok(Wish { team: self.team_id.as_deref().map(team_id).transpose()?, name, color })
    }
}

fn team_id(text: &str) -> Result<TeamId, Problem> {
    TeamId::parse(text).map_err(|_| {
        Problem::of(Code::InvalidFieldValue, "team_id", "team_id is the id of a team, as GET /v1/teams shows it.")
    })
}

/// What to change of a label. An absent member stays.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(min_properties = 1)]
struct LabelPatchBody {
    /// 1 to 50 characters; unique within the team, whatever the case.
    #[schema(nullable = false, min_length = 1, max_length = 50)]
    #[serde(default, deserialize_with = "given")]
    name: Option<String>,
    /// A colour.
    #[schema(
        nullable = false,
        pattern = "^(gray|red|orange|amber|yellow|lime|green|emerald|teal|sky|blue|violet|pink)$"
    )]
    #[serde(default, deserialize_with = "given")]
    color: Option<String>,
}

impl LabelPatchBody {
    fn checked(self) -> Result<LabelPatch, Problem> {
        if self.name.is_none() && self.color.is_none() {
            return Err(Problem::new(Code::MissingRequiredField, "Give at least one of name and color."));
        }
        self.name.as_deref().map_or(Ok(()), check_name)?;
        Ok(LabelPatch { name: self.name, color: self.color.as_deref().map(Color::parse).transpose()? })
    }
}

/// Which labels to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct LabelFilters {
    /// Only this team's, `team_…`.
    team_id: Option<String>,
    /// Items on a page, 1 to 100; 25 when absent.
    #[param(pattern = r"^([1-9]\d?|100)$")]
    limit: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists labels, oldest first.
#[utoipa::path(get, path = "/labels", tag = "labels", operation_id = "list_labels", params(LabelFilters),
    responses((status = 200, body = List<LabelObject>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Segments(scope): Segments<Scope>,
    Filters(filters): Filters<LabelFilters>,
) -> Result<Answer, Refusal> {
    let limit = page_size(filters.limit.as_deref())?;
    let wanted = filters.team_id.as_deref().map(team_id).transpose()?;
    let named = [scope.phone_number_id.as_deref(), filters.team_id.as_deref()];
    let listing = Listing::new(&app, &caller.org, "labels", &named);
    let after = listing.position::<LabelId>(filters.cursor.as_deref())?.map(|(_, id)| id);
    let org = caller.org.clone();
    let read = app.store.read(move |tx| {
        let team = labels::team_of(tx, &org, scope.phone_number_id.as_deref())?;
        Ok::<_, Problem>(match (wanted, team) {
            (Some(wanted), Some(team)) if wanted != team => (Vec::new(), false),
            (wanted, team) => tx.labels(&org, wanted.or(team).as_ref(), after.as_ref(), limit)?,
        })
    });
    let (rows, has_more) = read.await?;
    let next = rows.last().filter(|_| has_more).map(|last| listing.cursor(0, &last.id)).transpose()?;
    let data = rows.iter().map(LabelObject::new).collect();
    Ok(Answer::new(200, &caller.request, &List::page(data, next, &caller.request))?)
}

/// Makes a label. Its name exists once in its team.
#[utoipa::path(post, path = "/labels", tag = "labels", operation_id = "create_label", request_body = NewLabelBody,
    responses((status = 201, body = One<LabelObject>)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Segments(scope): Segments<Scope>,
    Post { body, once }: Post<NewLabelBody>,
) -> Result<Answer, Refusal> {
    let (by, request) = (caller.author(), caller.request.clone());
    let effect = move |tx: &mut Tx<'_>| {
        let wish = body.and_then(NewLabelBody::checked)?;
        let team = labels::team_of(tx, &by.org, scope.phone_number_id.as_deref())?;
        Answer::created(&request, LabelObject::new(&labels::create(tx, &by, team, wish)?))
    };
    once::answer(&app, &caller, once, effect).await
}

/// Reads a label.
#[utoipa::path(get, path = "/labels/{id}", tag = "labels", operation_id = "get_label",
    params(("id" = String, Path, description = "`lbl_…`")), responses((status = 200, body = One<LabelObject>)))]
async fn get(State(app): State<App>, caller: Caller, Segments(path): Segments<LabelPath>) -> Result<Answer, Refusal> {
    let (org, id) = (caller.org.clone(), path.id()?);
    let read = app.store.read(move |tx| {
        let team = labels::team_of(tx, &org, path.phone_number_id.as_deref())?;
        labels::find(tx, &org, team.as_ref(), &id)
    });
    Ok(Answer::ok(&caller.request, LabelObject::new(&read.await?))?)
}

/// Changes a label's name or colour. What it holds already is no change.
#[utoipa::path(patch, path = "/labels/{id}", tag = "labels", operation_id = "update_label", request_body = LabelPatchBody,
    params(("id" = String, Path, description = "`lbl_…`")), responses((status = 200, body = One<LabelObject>)))]
async fn patch(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<LabelPath>,
    Body(body): Body<LabelPatchBody>,
) -> Result<Answer, Refusal> {
    let (by, id, patch) = (caller.author(), path.id()?, body.checked()?);
    let written = app.store.write(move |tx| {
        let team = labels::team_of(tx, &by.org, path.phone_number_id.as_deref())?;
        let old = labels::find(tx, &by.org, team.as_ref(), &id)?;
        labels::patch(tx, &by, old, patch)
    });
    Ok(Answer::ok(&caller.request, LabelObject::new(&written.await?))?)
}

/// Deletes a label and takes it from every contact and conversation; they stay.
#[utoipa::path(delete, path = "/labels/{id}", tag = "labels", operation_id = "delete_label",
    params(("id" = String, Path, description = "`lbl_…`")), responses((status = 200, body = One<Deleted>)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<LabelPath>,
) -> Result<Answer, Refusal> {
    let (by, id) = (caller.author(), path.id()?);
    let written = app.store.write(move |tx| {
        let team = labels::team_of(tx, &by.org, path.phone_number_id.as_deref())?;
        let label = labels::find(tx, &by.org, team.as_ref(), &id)?;
        labels::delete(tx, &by, &label)?;
        Ok::<_, Problem>(Deleted::new(id, "label"))
    });
    Ok(Answer::ok(&caller.request, written.await?)?)
}
