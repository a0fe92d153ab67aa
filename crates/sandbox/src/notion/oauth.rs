//! OAuth as Notion does it: a page where a person picks what is shared, codes, and tokens that both change at every
//! refresh. Source: Notion's page "Authorization".

use std::collections::{BTreeSet, HashMap};

use http::StatusCode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use serde_json::{Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::texts;
use super::workspace::Workspace;
use crate::consent::{self, Consent, check_request, way_back};

/// How long an authorization code may wait for its exchange.
const CODE_LIFE_US: i64 = 600 * 1_000_000;

/// Letters that a query may hold as they are.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Whose budget a call counts in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum App {
    /// The public connection, through any grant.
    OAuth,
    /// An internal connection, by its token.
    Static(String),
}

/// What a person agreed to: the data sources that are shared; none for all of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Grant {
    picked: Option<BTreeSet<String>>,
}

#[derive(Clone, Debug)]
struct Code {
    redirect_uri: String,
    grant: Grant,
    expires_us: i64,
}

#[derive(Clone, Debug)]
struct Access {
    refresh_token: String,
    issued_us: i64,
    expires_us: i64,
}

/// A fresh pair of tokens.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Bearer token of the API.
    pub access_token: String,
    /// Gets the next pair, once.
    pub refresh_token: String,
    /// The account's id.
    pub workspace_id: String,
    /// The user that the connection acts as: the author of its own writes in webhooks.
    pub bot_id: String,
}

#[derive(Debug, Default)]
pub(super) struct Grants {
    codes: HashMap<String, Code>,
    access: HashMap<String, Access>,
    refresh: HashMap<String, Grant>,
    static_revoked: bool,
}

impl Grants {
    /// Who calls and what was shared with it, or 401.
    pub(super) fn caller(&self, bearer: Option<&str>, accepts_any: bool, now_us: i64) -> Result<(App, Grant), Refusal> {
        let refused = || Refusal::ordered(401);
        let token = bearer.filter(|token| !token.is_empty()).ok_or_else(refused)?;
        match self.access.get(token) {
            Some(access) if access.expires_us > now_us => {
                let grant = self.refresh.get(&access.refresh_token).cloned().unwrap_or_default();
                Ok((App::OAuth, grant))
            }
            None if accepts_any && !self.static_revoked && crate::wire::is_any_token(token) => {
                Ok((App::Static(token.to_owned()), Grant::default()))
            }
            _ => Err(refused()),
        }
    }

    /// Takes back every grant; static tokens stop working too.
    pub(super) fn revoke(&mut self) {
        *self = Self { static_revoked: true, ..Self::default() };
    }

    /// Lets static tokens work again.
    pub(super) fn reinstate(&mut self) {
        self.static_revoked = false;
    }

    pub(super) fn expire(&mut self, now_us: i64) {
        self.access.values_mut().for_each(|access| access.expires_us = access.expires_us.min(now_us));
    }

    fn forget(&mut self, refresh_token: &str) -> Option<Grant> {
        self.access.retain(|_, access| access.refresh_token != refresh_token);
        self.refresh.remove(refresh_token)
    }
}

impl Grant {
    pub(super) fn picked(self) -> Option<BTreeSet<String>> {
        self.picked
    }
}

impl Workspace {
    /// A grant of everything without a browser, as if a person had just allowed it.
    pub(super) fn grant(&mut self) -> Tokens {
        self.new_tokens(Grant::default())
    }

    fn new_tokens(&mut self, grant: Grant) -> Tokens {
        let now_us = self.now_us();
        let (access_token, refresh_token) =
            (format!("ntn_{}", self.rng.token(3)), format!("nrt_{}", self.rng.token(3)));
        let expires_us = self.settings.access_token_life_us.map_or(i64::MAX, |life_us| now_us + life_us);
        let access = Access { refresh_token: refresh_token.clone(), issued_us: now_us, expires_us };
        self.grants.access.insert(access_token.clone(), access);
        self.grants.refresh.insert(refresh_token.clone(), grant);
        let (workspace_id, bot_id) = (self.settings.workspace_id.clone(), self.bot.clone());
        Tokens { access_token, refresh_token, workspace_id, bot_id }
    }
}

/// `GET /v1/oauth/authorize`
pub(super) fn authorize(workspace: &mut Workspace, call: &Call) -> Answer {
    let query = |name| call.query(name).unwrap_or_default();
    if let Some(refused) = check_request(&workspace.settings.client_id, query("client_id"), query("redirect_uri")) {
        return Ok(refused);
    }
    if query("response_type") != "code" {
        let reason = "The response type must be \"code\".";
        return Ok(Reply::html(StatusCode::BAD_REQUEST, consent::refused(reason)));
    }
    let fields = ["client_id", "redirect_uri", "state"].into_iter();
    let sources = workspace.sources.values().filter(|it| !it.life.in_trash && !it.hidden);
    let consent = Consent {
        vendor: "Notion",
        action: "/v1/oauth/authorize",
        client_id: query("client_id"),
        account: workspace.settings.workspace_name.clone(),
        scopes: Vec::new(),
        shares: Some(sources.map(|it| (it.id.as_str(), texts::plain(&it.title))).collect()),
        fields: fields.filter_map(|name| Some((name, call.query(name)?))).collect(),
    };
    Ok(Reply::html(StatusCode::OK, consent.page()))
}

/// `POST /v1/oauth/authorize`: the person pressed a button. `picked` tells that the form had boxes, and each `share`
/// is one that was ticked.
pub(super) fn decide(workspace: &mut Workspace, call: &Call) -> Answer {
    let form = call.form();
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let redirect_uri = field("redirect_uri").unwrap_or_default();
    if let Some(refused) =
        check_request(&workspace.settings.client_id, field("client_id").unwrap_or_default(), redirect_uri)
    {
        return Ok(refused);
    }
    let mut answer = if field("decision") == Some("deny") {
        vec![("error", "access_denied".to_owned())]
    } else {
        let shared = form.iter().filter(|(key, _)| key == "share").map(|(_, id)| id.clone());
        let grant = Grant { picked: field("picked").map(|_| shared.collect()) };
        let code = workspace.rng.uuid();
        let expires_us = workspace.now_us() + CODE_LIFE_US;
        let entry = Code { redirect_uri: redirect_uri.to_owned(), grant, expires_us };
        workspace.grants.codes.insert(code.clone(), entry);
        vec![("code", code)]
    };
    answer.extend(field("state").map(|state| ("state", state.to_owned())));
    Ok(Reply::redirect(way_back(redirect_uri, &answer, PLAIN)))
}

/// The connection itself calls, by its client id and secret.
fn check_client(workspace: &Workspace, call: &Call) -> Result<(), Refusal> {
    let settings = &workspace.settings;
    match &call.basic {
        Some((id, secret)) if *id == settings.client_id && *secret == settings.client_secret => Ok(()),
        _ => Err(Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized", "Client authentication failed.")),
    }
}

fn text<'a>(body: &'a serde_json::Map<String, Value>, name: &str) -> Result<&'a str, Refusal> {
    let given = body.get(name).unwrap_or(&Value::Null);
    given.as_str().ok_or_else(|| Refusal::body(name, "a string", given))
}

fn invalid_grant(message: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "invalid_grant", message)
}

/// `POST /v1/oauth/token`
pub(super) fn token(workspace: &mut Workspace, call: &Call) -> Answer {
    check_client(workspace, call)?;
    let body = call.object()?;
    let grant = match text(&body, "grant_type")? {
        "authorization_code" => {
            let now_us = workspace.now_us();
            let code = workspace.grants.codes.remove(text(&body, "code")?).filter(|code| code.expires_us > now_us);
            let code = code.ok_or_else(|| invalid_grant("Invalid code: it is unknown, used or expired."))?;
            let redirect_uri = body.get("redirect_uri").and_then(Value::as_str);
            if redirect_uri.is_some_and(|it| it != code.redirect_uri) {
                return Err(invalid_grant("Invalid redirect_uri: it differs from the one of the authorization."));
            }
            code.grant
        }
        "refresh_token" => {
            let grant = workspace.grants.forget(text(&body, "refresh_token")?);
            grant.ok_or_else(|| invalid_grant("Invalid refresh token."))?
        }
        other => return Err(Refusal::body("grant_type", "a known grant type", &Value::from(other))),
    };
    let tokens = workspace.new_tokens(grant);
    let owner = workspace.people.first().map(|(id, ..)| id.clone()).unwrap_or_default();
    Ok(Reply::ok(json!({
        "access_token": tokens.access_token,
        "token_type": "bearer",
        "refresh_token": tokens.refresh_token,
        "bot_id": tokens.bot_id,
        "workspace_id": tokens.workspace_id,
        "workspace_name": workspace.settings.workspace_name,
        "workspace_icon": null,
        "owner": {"type": "user", "user": workspace.show_user(&owner)},
        "duplicated_template_id": null,
    })))
}

/// `POST /v1/oauth/introspect`
pub(super) fn introspect(workspace: &mut Workspace, call: &Call) -> Answer {
    check_client(workspace, call)?;
    let body = call.object()?;
    let now_us = workspace.now_us();
    let access = workspace.grants.access.get(text(&body, "token")?).filter(|it| it.expires_us > now_us);
    Ok(Reply::ok(match access {
        Some(access) => json!({
            "active": true,
            "scope": "read_content insert_content update_content read_comment insert_comment",
            "iat": access.issued_us.div_euclid(1_000),
        }),
        None => json!({"active": false}),
    }))
}

/// `POST /v1/oauth/revoke`
pub(super) fn revoke(workspace: &mut Workspace, call: &Call) -> Answer {
    check_client(workspace, call)?;
    let body = call.object()?;
    let token = text(&body, "token")?;
    let refresh_token = workspace.grants.access.get(token).map_or(token, |it| &it.refresh_token).to_owned();
    workspace.grants.forget(&refresh_token);
    Ok(Reply::ok(json!({})))
}
