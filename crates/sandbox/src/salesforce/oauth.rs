//! OAuth as Salesforce does it: a page with an Allow button, codes, sessions that live while they are used, refresh
//! tokens that may be renewed with every use. No answer says how long a token lives.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use percent_encoding::NON_ALPHANUMERIC;
use serde_json::{Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::ids;
use super::org::{By, Org};
use super::times::{SECOND_US, stamp};
use crate::consent::{self, Consent, is_address, is_proven, way_back, words};
use crate::wire::{basic, hmac_sha256};

/// How long an authorisation code may wait for its exchange.
const CODE_LIFE_US: i64 = 15 * 60 * SECOND_US;

/// Words of sixteen digits in a token.
const TOKEN_WORDS: usize = 5;

#[derive(Clone, Debug)]
struct Code {
    redirect_uri: String,
    challenge: Option<String>,
    scope: String,
    expires_us: i64,
}

#[derive(Clone, Debug)]
struct Session {
    refresh_token: Option<String>,
    scope: String,
    expires_us: i64,
}

/// Tokens of a fresh session.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Bearer token of the API.
    pub access_token: String,
    /// Gets further sessions; none if the app did not ask to refresh.
    pub refresh_token: Option<String>,
    /// Life of the session without use, in seconds. Salesforce's own answer does not tell it.
    pub expires_in: i64,
}

#[derive(Debug, Default)]
pub(super) struct Grants {
    codes: BTreeMap<String, Code>,
    sessions: BTreeMap<String, Session>,
    /// Scopes by refresh token.
    refresh: BTreeMap<String, String>,
    static_revoked: bool,
}

impl Grants {
    pub(super) fn revoke(&mut self) {
        *self = Self { static_revoked: true, ..Self::default() };
    }

    pub(super) fn reinstate(&mut self) {
        self.static_revoked = false;
    }

    pub(super) fn expire(&mut self, now_us: i64) {
        self.sessions.values_mut().for_each(|session| session.expires_us = session.expires_us.min(now_us));
    }
}

/// An app that names no scope has all that it was registered for.
fn may_refresh(scope: &str) -> bool {
    scope.trim().is_empty() || words(scope).any(|word| matches!(word, "refresh_token" | "offline_access"))
}

impl Org {
    /// Whether a token is that of a session that lives. One in the second half of its life lives anew.
    pub(super) fn is_session(&mut self, token: &str) -> bool {
        let (now_us, life_us) = (self.now_us(), self.settings.session_life_us);
        match self.grants.sessions.get_mut(token) {
            Some(session) if session.expires_us > now_us => {
                if session.expires_us - now_us < life_us / 2 {
                    session.expires_us = now_us + life_us;
                }
                true
            }
            Some(_) => false,
            None => self.settings.accepts_any_token && !self.grants.static_revoked && crate::wire::is_any_token(token),
        }
    }

    /// A grant without a browser, as if a person had just allowed it.
    pub(super) fn grant(&mut self, scope: &str) -> Tokens {
        let refresh = may_refresh(scope).then(|| {
            let token = format!("5Aep861{}", self.rng.token(TOKEN_WORDS));
            self.grants.refresh.insert(token.clone(), scope.to_owned());
            token
        });
        self.new_session(refresh, scope)
    }

    fn new_session(&mut self, refresh_token: Option<String>, scope: &str) -> Tokens {
        let org_id = self.org_id();
        let access_token = format!("{}!AQ{}", ids::short(&org_id), self.rng.token(TOKEN_WORDS));
        let expires_us = self.now_us() + self.settings.session_life_us;
        let session = Session { refresh_token: refresh_token.clone(), scope: scope.to_owned(), expires_us };
        self.grants.sessions.insert(access_token.clone(), session);
        Tokens { access_token, refresh_token, expires_in: self.settings.session_life_us / SECOND_US }
    }

    fn identity_url(&self, call: &Call) -> String {
        format!("{}/id/{}/{}", call.origin, self.org_id(), By::App.user())
    }
}

/// Members of an authorisation request that the form carries on.
const REQUEST: [&str; 6] = ["response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge"];

/// `services/oauth2/authorize`: the page, and what its buttons do.
pub(super) fn authorize(org: &mut Org, call: &Call) -> Answer {
    let form = if call.method == Method::POST { call.form() } else { call.query.iter().cloned().collect() };
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let redirect_uri = field("redirect_uri");
    let refused = if field("client_id") != org.settings.client_id {
        Some("invalid_client_id: client identifier invalid")
    } else if !is_address(redirect_uri) {
        Some("redirect_uri_mismatch: redirect_uri must match configuration")
    } else if field("response_type") != "code" {
        Some("unsupported_response_type: response type not supported")
    } else if org.settings.requires_pkce && field("code_challenge").is_empty() {
        Some("invalid_request: missing required code challenge")
    } else {
        None
    };
    if let Some(reason) = refused {
        return Ok(Reply::html(StatusCode::BAD_REQUEST, consent::refused(reason)));
    }
    if call.method == Method::POST {
        return decide(org, &form);
    }
    let scopes: Vec<&str> = words(field("scope")).collect();
    let consent = Consent {
        vendor: "Salesforce",
        action: "/services/oauth2/authorize",
        client_id: field("client_id"),
        account: "this org".to_owned(),
        scopes: if scopes.is_empty() { vec!["all that it was registered for"] } else { scopes },
        shares: None,
        fields: REQUEST.iter().filter_map(|name| Some((*name, form.get(*name)?.as_str()))).collect(),
    };
    Ok(Reply::html(StatusCode::OK, consent.page()))
}

fn decide(org: &mut Org, form: &BTreeMap<String, String>) -> Answer {
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let mut answer = if field("decision") == "deny" {
        vec![("error", "access_denied"), ("error_description", "end-user denied authorization")]
            .into_iter()
            .map(|(name, value)| (name, value.to_owned()))
            .collect()
    } else {
        let code = format!("aPrx{}", org.rng.token(TOKEN_WORDS));
        let entry = Code {
            redirect_uri: field("redirect_uri").to_owned(),
            challenge: form.get("code_challenge").filter(|it| !it.is_empty()).cloned(),
            scope: field("scope").to_owned(),
            expires_us: org.now_us() + CODE_LIFE_US,
        };
        org.grants.codes.insert(code.clone(), entry);
        vec![("code", code)]
    };
    answer.extend(form.get("state").map(|state| ("state", state.clone())));
    Ok(Reply::redirect(way_back(field("redirect_uri"), &answer, NON_ALPHANUMERIC)))
}

/// `POST services/oauth2/token`
pub(super) fn token(org: &mut Org, call: &Call) -> Answer {
    if call.method != Method::POST {
        return Err(Refusal::oauth("invalid_request", "must use HTTP POST"));
    }
    let mut form = call.form();
    // The app may name itself in the header, too.
    if let Some((id, secret)) = basic(&call.headers) {
        form.entry("client_id".to_owned()).or_insert(id);
        form.entry("client_secret".to_owned()).or_insert(secret);
    }
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    if field("client_id") != org.settings.client_id {
        return Err(Refusal::oauth("invalid_client_id", "client identifier invalid"));
    }
    let public = field("client_secret").is_empty() && !field("code_verifier").is_empty();
    if field("client_secret") != org.settings.client_secret && !public {
        return Err(Refusal::oauth("invalid_client", "invalid client credentials"));
    }
    let (tokens, shows_refresh) = match field("grant_type") {
        "authorization_code" => (exchange(org, &form)?, true),
        "refresh_token" => renew(org, field("refresh_token"))?,
        "client_credentials" => (org.new_session(None, "api"), false),
        _ => return Err(Refusal::oauth("unsupported_grant_type", "grant type not supported")),
    };
    Ok(Reply::ok(token_answer(org, call, &tokens, shows_refresh)))
}

fn token_answer(org: &Org, call: &Call, tokens: &Tokens, shows_refresh: bool) -> Value {
    let id = org.identity_url(call);
    let issued_at = (org.org_us() / 1_000).to_string();
    let scope = org.grants.sessions.get(&tokens.access_token).map_or("", |session| session.scope.as_str());
    let scope = if scope.is_empty() { "refresh_token api id" } else { scope };
    let signature = hmac_sha256(&org.settings.client_secret, &[id.as_bytes(), issued_at.as_bytes()]);
    let mut answer = json!({
        "access_token": tokens.access_token,
        "signature": STANDARD.encode(signature),
        "scope": scope,
        "instance_url": call.origin,
        "id": id,
        "token_type": "Bearer",
        "issued_at": issued_at,
    });
    if let Some(token) = tokens.refresh_token.as_ref().filter(|_| shows_refresh) {
        answer["refresh_token"] = token.clone().into();
    }
    answer
}

fn exchange(org: &mut Org, form: &BTreeMap<String, String>) -> Result<Tokens, Refusal> {
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let now_us = org.now_us();
    let code = org.grants.codes.remove(field("code"));
    let Some(code) = code else {
        return Err(Refusal::oauth("invalid_grant", "invalid authorization code"));
    };
    if code.expires_us <= now_us {
        return Err(Refusal::oauth("invalid_grant", "expired authorization code"));
    }
    if code.redirect_uri != field("redirect_uri") {
        return Err(Refusal::oauth("redirect_uri_mismatch", "redirect_uri must match configuration"));
    }
    if !is_proven(code.challenge.as_deref(), field("code_verifier")) {
        return Err(Refusal::oauth("invalid_grant", "invalid code verifier"));
    }
    Ok(org.grant(&code.scope))
}

/// Tokens, and whether the answer shows a new refresh token.
fn renew(org: &mut Org, refresh_token: &str) -> Result<(Tokens, bool), Refusal> {
    let Some(scope) = org.grants.refresh.get(refresh_token).cloned() else {
        return Err(Refusal::oauth("invalid_grant", "expired access/refresh token"));
    };
    if org.settings.rotates_refresh_tokens {
        org.grants.refresh.remove(refresh_token);
        return Ok((org.grant(&scope), true));
    }
    Ok((org.new_session(Some(refresh_token.to_owned()), &scope), false))
}

/// `services/oauth2/revoke`: a refresh token takes the sessions that it got with it.
pub(super) fn revoke(org: &mut Org, call: &Call) -> Answer {
    let form = call.form();
    let token = call.query("token").or_else(|| form.get("token").map(String::as_str)).unwrap_or_default();
    let known = org.grants.refresh.remove(token).is_some() | org.grants.sessions.remove(token).is_some();
    org.grants.sessions.retain(|_, session| session.refresh_token.as_deref() != Some(token));
    if known {
        return Ok(Reply::empty(StatusCode::OK));
    }
    Err(Refusal::oauth("unsupported_token_type", "this token type is not supported"))
}

/// `POST services/oauth2/introspect`
pub(super) fn introspect(org: &mut Org, call: &Call) -> Answer {
    let form = call.form();
    let token = form.get("token").map_or("", String::as_str);
    let now_us = org.now_us();
    let live = org.grants.sessions.get(token).filter(|session| session.expires_us > now_us);
    Ok(Reply::ok(match live {
        Some(session) => json!({
            "active": true,
            "scope": session.scope,
            "client_id": org.settings.client_id,
            "username": "integration@example.com",
            "sub": org.identity_url(call),
            "token_type": "access_token",
            "exp": session.expires_us / SECOND_US,
        }),
        None => json!({"active": org.grants.refresh.contains_key(token)}),
    }))
}

/// `GET services/oauth2/userinfo`
pub(super) fn user_info(org: &mut Org, call: &Call) -> Answer {
    let mut info = json!({
        "sub": org.identity_url(call),
        "preferred_username": "integration@example.com",
        "name": "Integration User",
        "given_name": "Integration",
        "family_name": "User",
        "zoneinfo": "America/Los_Angeles",
        "updated_at": stamp(org.org_us()),
        "is_salesforce_integration_user": false,
    });
    if let (Value::Object(info), Value::Object(more)) = (&mut info, about_user(org, call)) {
        info.extend(more);
    }
    Ok(Reply::ok(info))
}

/// `GET id/{org}/{user}`
pub(super) fn identity(org: &mut Org, call: &Call) -> Answer {
    let named: Option<(String, String)> = match call.path.as_slice() {
        [_, named_org, user] => ids::long(named_org).zip(ids::long(user)),
        _ => None,
    };
    if named != Some((org.org_id(), By::App.user())) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "FORBIDDEN", "Wrong_Org"));
    }
    let mut about = json!({
        "id": org.identity_url(call),
        "asserted_user": true,
        "username": "integration@example.com",
        "display_name": "Integration User",
        "first_name": "Integration",
        "last_name": "User",
        "timezone": "America/Los_Angeles",
    });
    if let (Value::Object(about), Value::Object(more)) = (&mut about, about_user(org, call)) {
        about.extend(more);
    }
    Ok(Reply::ok(about))
}

/// What both answers about the user share.
fn about_user(org: &Org, call: &Call) -> Value {
    let data = format!("{}/services/data/v{{version}}/", call.origin);
    json!({
        "user_id": By::App.user(),
        "organization_id": org.org_id(),
        "nick_name": "integration",
        "email": "integration@example.com",
        "email_verified": true,
        "address": {"country": "US"},
        "photos": {},
        "urls": {
            "rest": data,
            "sobjects": format!("{data}sobjects/"),
            "query": format!("{data}query/"),
            "search": format!("{data}search/"),
            "custom_domain": call.origin,
        },
        "active": true,
        "user_type": "STANDARD",
        "language": "en_US",
        "locale": "en_US",
        "utcOffset": -28_800_000,
    })
}
