//! The browser's four operations on a mapping: set up, describe, read and save.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Json, Router};
use lockstep_core::crm::{CrmObject, ObjectMapping};
use serde::Deserialize;
use serde_json::{Value, json};

use super::envelope::{Body, CrmRefusal, Segments};
use super::user::visitor;
use crate::app::App;
use crate::ops::crm::connections::{self, Seen};
use crate::ops::crm::{mapping, schema};

/// The routes below `/api/platform_user` that are about what is mapped.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/connection/{id}/crm_setup", post(setup))
        .route("/connection/{id}/api_objects", get(api_objects))
        .route("/connection/{id}/api_objects/{object}", get(api_object))
        .route("/connection/{id}/crm_mapping", get(read).post(save))
}

async fn seen(app: &App, headers: &HeaderMap, id: &str) -> Result<Seen, CrmRefusal> {
    let visitor = visitor(app, headers).await?;
    Ok(connections::of_context(app, &visitor.context, id).await?)
}

#[derive(Deserialize)]
struct Setup {
    #[serde(default)]
    objects: Value,
}

async fn setup(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(id): Segments<String>,
    Body(Setup { objects }): Body<Setup>,
) -> Result<Json<Value>, CrmRefusal> {
    let seen = seen(&app, &headers, &id).await?;
    Ok(Json(json!({ "objects": mapping::setup(&app, &seen.of, &objects).await? })))
}

async fn api_objects(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(id): Segments<String>,
) -> Result<Json<Value>, CrmRefusal> {
    let seen = seen(&app, &headers, &id).await?;
    Ok(Json(json!({ "api_objects": schema::objects_anew(&app, &seen.of).await? })))
}

async fn api_object(
    State(app): State<App>,
    headers: HeaderMap,
    Segments((id, object)): Segments<(String, String)>,
) -> Result<Json<Value>, CrmRefusal> {
    let seen = seen(&app, &headers, &id).await?;
    Ok(Json(json!({ "api_object": schema::object(&app, &seen.of, &object).await? })))
}

async fn read(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(id): Segments<String>,
) -> Result<Json<Value>, CrmRefusal> {
    let seen = seen(&app, &headers, &id).await?;
    let last = mapping::last(&app, &seen.of).await?;
    Ok(Json(json!({ "mapping": last.mapping, "objects": last.objects, "version": last.version })))
}

#[derive(Deserialize)]
struct Save {
    #[serde(default)]
    objects: Vec<CrmObject>,
    #[serde(default)]
    mapping: Vec<ObjectMapping>,
    #[serde(default)]
    version: Option<i64>,
}

async fn save(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(id): Segments<String>,
    Body(Save { objects, mapping, version }): Body<Save>,
) -> Result<Json<Value>, CrmRefusal> {
    let seen = seen(&app, &headers, &id).await?;
    let draft = mapping::keep(&app, &seen.of, version, &objects, mapping).await?;
    let finished = mapping::finish(&app, &seen.of, &draft, mapping::Demand::Sound).await?;
    Ok(Json(json!({ "version": finished.version })))
}
