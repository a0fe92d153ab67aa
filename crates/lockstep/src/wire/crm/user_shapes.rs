//! The shapes of the browser API (xkit reference, section 4.3). What lets us act at a CRM is in none of them.

use lockstep_connect::About;
use lockstep_store::{Authorization, AuthorizationStatus, ConnectionStatus};
use serde_json::{Value, json};

use crate::app::App;
use crate::ops::crm::connections::{Authorising, Begun, Seen, authorising};

/// A CRM that can be chosen.
pub fn public_connector(app: &App, about: &About) -> Value {
    json!({
        "name": about.name,
        "slug": about.slug,
        "short_description": format!("Connect your {} account.", about.name),
        "mark_url": format!("{}/link/marks/{}.svg", app.settings.public_url, about.slug),
        "supports_multiple_connections": true,
        "crm": true,
    })
}

/// A CRM with the context's connections to it.
pub fn connector(app: &App, about: &About, seen: &[Seen]) -> Value {
    let of: Vec<Value> = seen
        .iter()
        .filter(|seen| seen.about.slug == about.slug)
        .map(|seen| json!({ "id": seen.id, "enabled": true, "authorization": authorization_of(app, seen) }))
        .collect();
    let mut shown = public_connector(app, about);
    shown["connection"] = of.first().cloned().unwrap_or(Value::Null);
    shown["connections"] = Value::Array(of);
    shown
}

/// A connection that can be used, or could.
pub fn connection(app: &App, seen: &Seen) -> Value {
    json!({
        "id": seen.id,
        "enabled": true,
        "connector": public_connector(app, seen.about),
        "authorization": authorization_of(app, seen),
    })
}

fn authorization_of(app: &App, seen: &Seen) -> Value {
    let (status, message) = match &seen.of.connection().status {
        ConnectionStatus::Ok => (AuthorizationStatus::Active, None),
        ConnectionStatus::Reauthorise { reason } => (AuthorizationStatus::Error, Some(reason.as_str())),
    };
    json!({
        "id": seen.authorization.as_ref().map_or(seen.of.id().as_str(), |authorization| authorization.id.as_str()),
        "status": status,
        "display_label": seen.of.connection().label,
        "error_code": message.map(|_| "reauthorisation_needed"),
        "error_message": message,
        "authorizer": authorizer(app, seen.about),
    })
}

/// A connection on its way.
pub fn begun(app: &App, begun: &Begun) -> Value {
    let mut shown = authorization(app, &begun.authorization, begun.about);
    shown["authorize_url"] = json!(begun.authorize_url);
    shown["state"] = json!(begun.authorization.id);
    json!({
        "id": begun.authorization.external_id,
        "enabled": begun.connection.is_some(),
        "connector": public_connector(app, begun.about),
        "authorization": shown,
    })
}

/// An authorisation as it stands.
pub fn authorization(app: &App, authorization: &Authorization, about: &About) -> Value {
    let (code, message) = authorization.error.clone().unzip();
    json!({
        "id": authorization.id,
        "status": authorization.status,
        "display_label": about.name,
        "error_code": code,
        "error_message": message,
        "authorizer": authorizer(app, about),
    })
}

fn authorizer(app: &App, about: &About) -> Value {
    let client = app.settings.oauth_apps.get(about.slug).map(|app| app.client_id.clone());
    let fields = match authorising(app, about) {
        Authorising::OAuth => json!([]),
        Authorising::Token => {
            json!([{ "name": "token", "label": format!("Token of your private app at {}", about.name) }])
        }
    };
    json!({ "client_id": client, "prototype": { "name": about.name, "slug": about.slug, "collect_fields": fields } })
}
