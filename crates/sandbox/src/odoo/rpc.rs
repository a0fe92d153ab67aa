//! JSON-RPC, of every version up to 21: `POST /jsonrpc` with the services `common`, `db` and `object`, and the routes
//! that Odoo's own pages and some clients use with a session. Always HTTP 200. Source: "External RPC API", and
//! `JsonRPCDispatcher` in `http.py`.

use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use super::Odoo;
use super::database::{Database, USER, USER_PARTNER};
use super::methods::{self, Done};
use super::refusal::Refusal;
use super::wire::{self, Call};

/// The last version that has the RPC services, and the first without the `db` service.
const LAST: u32 = 21;
const WITHOUT_DB: u32 = 20;

/// What a call is answered with: a result, a refusal, or no JSON-RPC at all.
type Answer = Result<Done, Response>;

/// One call of `/jsonrpc`.
pub(super) async fn jsonrpc(State(odoo): State<Odoo>, request: Request) -> Response {
    answer(odoo, request, |database, call, params| {
        if database.settings.version > LAST {
            return Err(wire::no_such_page());
        }
        let text = |name: &str| params.get(name).and_then(Value::as_str).unwrap_or_default();
        let args = params.get("args").and_then(Value::as_array).cloned().unwrap_or_default();
        match text("service") {
            "common" => Ok(common(database, text("method"), &args)),
            "db" if database.settings.version < WITHOUT_DB => Ok(db(database, text("method"))),
            "object" => object(database, call, text("method"), args),
            service => Ok(Err(Refusal::new(500, "builtins.KeyError", format!("'{service}'")))),
        }
    })
    .await
}

/// Reads the envelope, does the work and wraps what comes of it.
async fn answer(
    odoo: Odoo,
    request: Request,
    work: impl FnOnce(&mut Database, &Call, &Map<String, Value>) -> Answer,
) -> Response {
    let call = match Call::read(request).await {
        Ok(call) => call,
        Err(response) => return response,
    };
    let envelope: Map<String, Value> = match serde_json::from_slice(&call.body) {
        Ok(envelope) => envelope,
        Err(_) => return wire::page(StatusCode::BAD_REQUEST, "Invalid JSON data"),
    };
    let id = envelope.get("id").cloned().unwrap_or_default();
    let params = match envelope.get("params") {
        Some(Value::Object(params)) => params.clone(),
        _ => Map::new(),
    };
    let (done, version) = odoo.with(|database| {
        database.automations.origin = call.origin(&database.settings);
        (work(database, &call, &params), database.settings.version)
    });
    match done {
        Ok(done) => wrapped(&id, done, version),
        Err(response) => response,
    }
}

/// The envelope of an answer. A result that is nothing is not in it at all.
fn wrapped(id: &Value, done: Done, version: u32) -> Response {
    let mut body = json!({"jsonrpc": "2.0", "id": id});
    let rows = match done {
        Ok((result, rows)) => {
            if !result.is_null() {
                body["result"] = result;
            }
            rows
        }
        Err(refusal) => {
            body["error"] = refusal.envelope(version);
            0
        }
    };
    wire::json(200, &body, rows)
}

/// A refusal that the fault switch ordered, in this protocol's form.
pub(super) fn refused(id: &Value, refusal: Refusal, version: u32) -> Response {
    wrapped(id, Err(refusal), version)
}

fn version_of(database: &Database) -> Value {
    let version = database.settings.version;
    json!({
        "server_version": format!("{version}.0"),
        "server_version_info": [version, 0, 0, "final", 0, ""],
        "server_serie": format!("{version}.0"),
        "protocol_version": 1,
    })
}

fn is_database(database: &Database, name: Option<&Value>) -> Result<(), Refusal> {
    match name.and_then(Value::as_str) {
        Some(name) if name == database.settings.database => Ok(()),
        name => {
            let name = name.unwrap_or_default();
            let message = format!("FATAL:  database \"{name}\" does not exist\n");
            Err(Refusal::new(500, "psycopg2.OperationalError", message))
        }
    }
}

fn common(database: &mut Database, method: &str, args: &[Value]) -> Done {
    match method {
        "version" => Ok((version_of(database), 1)),
        "authenticate" | "login" => {
            is_database(database, args.first())?;
            let text = |place: usize| args.get(place).and_then(Value::as_str).unwrap_or_default();
            let opens = text(1) == database.settings.login && database.is_password(text(2));
            Ok((if opens { USER.into() } else { false.into() }, 1))
        }
        _ => Err(Refusal::new(500, "builtins.Exception", format!("Method not found: {method}"))),
    }
}

fn db(database: &Database, method: &str) -> Done {
    match method {
        "list" => Ok((json!([database.settings.database]), 1)),
        "server_version" => Ok((format!("{}.0", database.settings.version).into(), 1)),
        "db_exist" => Ok((true.into(), 1)),
        _ => Err(Refusal::access_denied()),
    }
}

/// `execute(db, uid, key, model, method, *args)` and `execute_kw(db, uid, key, model, method, args, kwargs)`.
fn object(database: &mut Database, call: &Call, method: &str, args: Vec<Value>) -> Answer {
    if let Err(refusal) = is_database(database, args.first()) {
        return Ok(Err(refusal));
    }
    let key = args.get(2).and_then(Value::as_str).unwrap_or_default();
    if args.get(1).and_then(Value::as_u64) != Some(USER) || !database.is_password(key) {
        return Ok(Err(Refusal::access_denied()));
    }
    let (limits, now_us) = (database.settings.limits, database.now_us());
    if !database.throttle.admits(limits, now_us, key) {
        return Err(wire::too_many());
    }
    let name = |place: usize| args.get(place).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (model, name) = (name(3), name(4));
    let mut rest = args.into_iter().skip(5);
    let (args, kwargs) = match method {
        "execute" => (rest.collect(), Map::new()),
        "execute_kw" => {
            let args = match rest.next() {
                Some(Value::Array(args)) => args,
                _ => Vec::new(),
            };
            (args, rest.next().and_then(|it| it.as_object().cloned()).unwrap_or_default())
        }
        _ => return Ok(Err(Refusal::new(500, "builtins.NameError", format!("Method not available {method}")))),
    };
    Ok(perform(database, call, &model, &name, args, kwargs))
}

fn perform(
    database: &mut Database,
    call: &Call,
    model: &str,
    name: &str,
    args: Vec<Value>,
    kwargs: Map<String, Value>,
) -> Done {
    let of = database.model(model)?;
    let method = methods::method(&of, name, database.settings.version)?;
    let mut asked = methods::bind(method, args, kwargs)?;
    (asked.model, asked.method, asked.cut) = (model.to_owned(), name.to_owned(), call.cut);
    let version = database.settings.version;
    asked.check(method, version).map_err(|wrong| Refusal::kind(format!("{name}() {}", wrong.by_python())))?;
    database.call(&asked)
}

/// The session's id in the cookies.
fn session(call: &Call) -> Option<String> {
    let cookies = call.headers.get(COOKIE)?.to_str().ok()?;
    let pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(name, _)| *name == "session_id").map(|(_, id)| id.to_owned())
}

fn session_info(database: &Database) -> Value {
    json!({
        "uid": USER,
        "is_system": database.settings.is_admin,
        "is_admin": database.settings.is_admin,
        "user_context": {"lang": "en_US", "tz": "UTC", "uid": USER},
        "db": database.settings.database,
        "server_version": format!("{}.0", database.settings.version),
        "server_version_info": [database.settings.version, 0, 0, "final", 0, ""],
        "name": "Administrator",
        "username": database.settings.login,
        "partner_id": USER_PARTNER,
    })
}

/// `/web/session/authenticate`: log in with a password and get a session.
pub(super) async fn authenticate(State(odoo): State<Odoo>, request: Request) -> Response {
    let mut session = None;
    let mut response = answer(odoo, request, |database, _, params| {
        let text = |name: &str| params.get(name).and_then(Value::as_str).unwrap_or_default();
        Ok(is_database(database, params.get("db")).and_then(|()| {
            if text("login") != database.settings.login || !database.is_password(text("password")) {
                return Err(Refusal::access_denied());
            }
            session = Some(database.log_in());
            Ok((session_info(database), 1))
        }))
    })
    .await;
    let cookie = session.map(|id| HeaderValue::from_str(&format!("session_id={id}; Path=/; HttpOnly")));
    if let Some(Ok(cookie)) = cookie {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

/// `/web/session/get_session_info` and `/web/session/destroy`.
pub(super) async fn session_route(State(odoo): State<Odoo>, request: Request) -> Response {
    answer(odoo, request, |database, call, _| {
        let Some(id) = session(call).filter(|id| database.is_session(id)) else {
            return Ok(Err(Refusal::session_expired()));
        };
        if call.path.ends_with("destroy") {
            database.log_out(&id);
            return Ok(Ok((Value::Null, 1)));
        }
        Ok(Ok((session_info(database), 1)))
    })
    .await
}

/// `/web/dataset/call_kw`: a method, with a session.
pub(super) async fn call_kw(State(odoo): State<Odoo>, request: Request) -> Response {
    answer(odoo, request, |database, call, params| {
        if !session(call).is_some_and(|id| database.is_session(&id)) {
            return Ok(Err(Refusal::session_expired()));
        }
        let text = |name: &str| params.get(name).and_then(Value::as_str).unwrap_or_default();
        let args = params.get("args").and_then(Value::as_array).cloned().unwrap_or_default();
        let kwargs = params.get("kwargs").and_then(Value::as_object).cloned().unwrap_or_default();
        Ok(perform(database, call, text("model"), text("method"), args, kwargs))
    })
    .await
}

/// `/web/webclient/version_info`.
pub(super) async fn version_info(State(odoo): State<Odoo>, request: Request) -> Response {
    answer(odoo, request, |database, _, _| Ok(Ok((version_of(database), 1)))).await
}

/// `GET /web/version`, which needs no key.
pub(super) async fn web_version(State(odoo): State<Odoo>) -> Response {
    odoo.with(|database| {
        let version = database.settings.version;
        if version < 19 {
            return wire::no_such_page();
        }
        let body = json!({"version_info": [version, 0, 0, "final", 0, ""], "version": format!("{version}.0")});
        wire::json(200, &body, 1)
    })
}

/// `/web/hook/UUID`: starts an automation rule. The address is the only secret.
pub(super) async fn web_hook(State(odoo): State<Odoo>, request: Request) -> Response {
    let call = match Call::read(request).await {
        Ok(call) => call,
        Err(response) => return response,
    };
    let payload = serde_json::from_slice(&call.body).unwrap_or_else(|_| call.query());
    let uuid = call.path.rsplit('/').next().unwrap_or_default().to_owned();
    let done = odoo.with(|database| match database.settings.version {
        17.. => Ok(database.web_hook(&uuid, &payload)),
        _ => Err(wire::no_such_page()),
    });
    match done {
        Ok(Some(Ok(()))) => wire::json(200, &json!({"status": "ok"}), 1),
        Ok(Some(Err(_))) => wire::json(500, &json!({"status": "error"}), 0),
        Ok(None) => wire::json(404, &json!({"status": "error"}), 0),
        Err(page) => page,
    }
}
