//! JSON-2, of Odoo 19 and later: `POST /json/2/{model}/{method}` with named parameters, the bare result, and HTTP's own
//! statuses. Source: "External JSON-2 API", and `addons/rpc/controllers/json2.py`.

use axum::extract::{Request, State};
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value};

use super::Odoo;
use super::database::Database;
use super::methods::{self, Asked, Done};
use super::refusal::Refusal;
use super::wire::{self, Call};
use crate::wire::credentials;

/// One call.
pub(super) async fn call(State(odoo): State<Odoo>, request: Request) -> Response {
    let call = match Call::read(request).await {
        Ok(call) => call,
        Err(response) => return response,
    };
    let mut segments = call.path.trim_start_matches("/json/2/").splitn(2, '/').map(str::to_owned);
    let (model, method) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
    let answer = odoo.with(|database| {
        database.automations.origin = call.origin(&database.settings);
        if database.settings.version < 19 {
            let refusal = Refusal::http(404, "404: Not Found");
            let error = refusal.envelope(database.settings.version);
            return Err(wire::json(404, &serde_json::json!({"jsonrpc": "2.0", "id": null, "error": error}), 0));
        }
        if call.header("x-odoo-database").is_some_and(|name| name != database.settings.database) {
            return Err(wire::no_such_page());
        }
        let key = match bearer(&call.headers) {
            Some(key) if database.is_key(&key) => key,
            found => return Err(unauthorized(found.is_some())),
        };
        let (limits, now_us) = (database.settings.limits, database.now_us());
        if !database.throttle.admits(limits, now_us, &key) {
            return Err(wire::too_many());
        }
        Ok(perform(database, &call, model, method))
    });
    match answer {
        Ok(Ok((value, rows))) => wire::json(200, &value, rows),
        Ok(Err(refusal)) => refused(&refusal),
        Err(response) => response,
    }
}

/// The body of a refusal, with its status.
pub(super) fn refused(refusal: &Refusal) -> Response {
    wire::json(refusal.status, &refusal.object(), 0)
}

/// The key of an `Authorization: bearer KEY` header.
fn bearer(headers: &HeaderMap) -> Option<String> {
    credentials(headers, "bearer").filter(|key| !key.is_empty()).map(str::to_owned)
}

fn unauthorized(had_key: bool) -> Response {
    let message = if had_key { "Invalid apikey" } else { "User not authenticated, use the \"Authorization\" header" };
    let mut response = refused(&Refusal::http(401, message));
    response.headers_mut().insert("www-authenticate", HeaderValue::from_static("bearer"));
    response
}

fn perform(database: &mut Database, call: &Call, model: String, name: String) -> Done {
    let is_json = call.headers.get(CONTENT_TYPE).is_some_and(|it| it.as_bytes().starts_with(b"application/json"));
    if !is_json && !call.body.is_empty() {
        return Err(Refusal::http(415, "Request inferred type is compatible with 'json2' but its Content-Type is not"));
    }
    let mut named: Map<String, Value> = if call.body.is_empty() {
        Map::new()
    } else {
        match serde_json::from_slice(&call.body) {
            Ok(Value::Object(named)) => named,
            // A body that is no object is passed over, parameters and all.
            Ok(_) => Map::new(),
            Err(error) => return Err(Refusal::http(400, format!("could not parse the body as json: {error}"))),
        }
    };
    if model == "res.users.apikeys" {
        return keys(database, &name, &named);
    }
    let Some(of) = database.schema.get(model.as_str()).cloned() else {
        return Err(Refusal::http(404, format!("the model '{model}' does not exist")));
    };
    let method = methods::method(&of, &name, database.settings.version).map_err(|refusal| match refusal.status {
        500 => Refusal::http(404, refusal.message),
        _ => refusal,
    })?;
    let ids = methods::ids_of(named.remove("ids").as_ref());
    if !method.on_records && !ids.is_empty() {
        return Err(Refusal::http(422, format!("cannot call {model}.{name} with ids")));
    }
    let context = match named.remove("context") {
        Some(Value::Object(context)) => context,
        _ => Map::new(),
    };
    let mut asked = Asked { model, method: name, ids, named, context, is_json2: true, cut: call.cut };
    asked.check(method, database.settings.version).map_err(|wrong| Refusal::http(422, wrong.by_inspect()))?;
    database.call(&asked)
}

/// The two methods of API keys.
fn keys(database: &mut Database, method: &str, named: &Map<String, Value>) -> Done {
    let key = named.get("key").and_then(Value::as_str).unwrap_or_default();
    match method {
        "generate" => Ok((database.generate_key(key, named.get("expiration_date"))?.into(), 1)),
        "revoke" => database.revoke_key(key).map(|()| (Value::Null, 1)),
        _ => Err(Refusal::http(404, format!("The method 'res.users.apikeys.{method}' does not exist"))),
    }
}

/// Any other path under `/json/2`.
pub(super) async fn elsewhere() -> Response {
    refused(&Refusal::http(404, "Did you mean POST /json/2/<model>/<method>?"))
}
