//! The browser's four operations on a mapping: set up, describe, read and save.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use lockstep_core::crm::{ApiObject, CrmObject, ObjectMapping};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::envelope::{Body, CrmRefusal, Segments};
use super::user::visitor;
use crate::app::App;
use crate::ops::crm::connections::{self, Seen};
use crate::ops::crm::{mapping, schema};

/// The routes below `/api/platform_user` that are about what is mapped.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(setup))
        .routes(routes!(api_objects))
        .routes(routes!(api_object))
        .routes(routes!(read, save))
}

async fn seen(app: &App, headers: &HeaderMap, id: &str) -> Result<Seen, CrmRefusal> {
    let visitor = visitor(app, headers).await?;
    Ok(connections::of_context(app, &visitor.context, id).await?)
}

/// What the app defines.
#[derive(Deserialize, ToSchema)]
struct Setup {
    /// CRM objects with their `fields` and `events`, by slug, as `linkCRM` takes them.
    #[serde(default)]
    #[schema(value_type = HashMap<String, Value>)]
    objects: Value,
}

/// What the app defines, taken in.
#[derive(Serialize, ToSchema)]
struct DefinedObjects {
    /// The CRM objects, with the ids that a mapping refers to.
    objects: Vec<CrmObject>,
}

/// Takes in what the app defines. What was mapped before stays where it still has something to stand for.
#[utoipa::path(post, path = "/connection/{connection}/crm_setup", tag = "browser", operation_id = "set_up_mapping",
    request_body = Setup, responses((status = 200, body = DefinedObjects)))]
async fn setup(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(id): Segments<String>,
    Body(Setup { objects }): Body<Setup>,
) -> Result<Json<DefinedObjects>, CrmRefusal> {
    let seen = seen(&app, &headers, &id).await?;
    Ok(Json(DefinedObjects { objects: mapping::setup(&app, &seen.of, &objects).await? }))
}

/// What the user's CRM has.
#[derive(Serialize, ToSchema)]
struct ApiObjectList {
    /// Its objects, without their fields.
    api_objects: Vec<ApiObject>,
}

/// Lists the objects of the user's CRM.
#[utoipa::path(get, path = "/connection/{connection}/api_objects", tag = "browser", operation_id = "list_api_objects",
    responses((status = 200, body = ApiObjectList)))]
async fn api_objects(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(id): Segments<String>,
) -> Result<Json<ApiObjectList>, CrmRefusal> {
    let seen = seen(&app, &headers, &id).await?;
    Ok(Json(ApiObjectList { api_objects: schema::objects_anew(&app, &seen.of).await? }))
}

/// One object of the user's CRM.
#[derive(Serialize, ToSchema)]
struct OneApiObject {
    /// The object, with its fields.
    api_object: ApiObject,
}

/// Shows an object of the user's CRM with its fields, not older than a minute.
#[utoipa::path(get, path = "/connection/{connection}/api_objects/{native}", tag = "browser",
    operation_id = "get_api_object", responses((status = 200, body = OneApiObject)))]
async fn api_object(
    State(app): State<App>,
    headers: HeaderMap,
    Segments((id, object)): Segments<(String, String)>,
) -> Result<Json<OneApiObject>, CrmRefusal> {
    let seen = seen(&app, &headers, &id).await?;
    Ok(Json(OneApiObject { api_object: schema::object(&app, &seen.of, &object).await? }))
}

/// A connection's mapping: what was kept last, finished or not.
#[derive(Serialize, ToSchema)]
struct LastMapping {
    /// What the user chose, one for each CRM object.
    mapping: Vec<ObjectMapping>,
    /// What the app defined, and the children that the user added.
    objects: Vec<CrmObject>,
    /// To be given back with what was made of it; 0 before anything was defined.
    version: i64,
}

/// Shows the mapping.
#[utoipa::path(get, path = "/connection/{connection}/crm_mapping", tag = "browser", operation_id = "get_mapping",
    responses((status = 200, body = LastMapping)))]
async fn read(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(id): Segments<String>,
) -> Result<Json<LastMapping>, CrmRefusal> {
    let seen = seen(&app, &headers, &id).await?;
    let last = mapping::last(&app, &seen.of).await?;
    Ok(Json(LastMapping { mapping: last.mapping, objects: last.objects, version: last.version }))
}

/// What the user chose.
#[derive(Deserialize, ToSchema)]
struct Save {
    /// The CRM objects as they came, with the children that the user added.
    #[serde(default)]
    objects: Vec<CrmObject>,
    /// The mapping of each of them.
    #[serde(default)]
    mapping: Vec<ObjectMapping>,
    /// The version that it was made of: when another came meanwhile, this one is refused.
    #[serde(default)]
    version: Option<i64>,
}

/// A mapping that is in force.
#[derive(Serialize, ToSchema)]
struct SavedMapping {
    /// Its version.
    version: i64,
}

/// Saves the mapping: events go by it from now on. What is not decided yet may stay so.
#[utoipa::path(post, path = "/connection/{connection}/crm_mapping", tag = "browser", operation_id = "save_mapping",
    request_body = Save, responses((status = 200, body = SavedMapping)))]
async fn save(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(id): Segments<String>,
    Body(Save { objects, mapping, version }): Body<Save>,
) -> Result<Json<SavedMapping>, CrmRefusal> {
    let seen = seen(&app, &headers, &id).await?;
    let draft = mapping::keep(&app, &seen.of, version, &objects, mapping).await?;
    let finished = mapping::finish(&app, &seen.of, &draft, mapping::Demand::Sound).await?;
    Ok(Json(SavedMapping { version: finished.version }))
}
