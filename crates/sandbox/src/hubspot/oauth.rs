//! OAuth as HubSpot does it: a page with an Allow button, codes, access tokens of half an hour, refresh
//! tokens that stay the same. Source: HubSpot's OAuth guide and v1 token API.

use std::collections::{BTreeMap, HashMap};

use http::StatusCode;
use percent_encoding::NON_ALPHANUMERIC;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::portal::Portal;
use super::scopes;
use crate::consent::{Consent, check_request, is_proven, way_back, words};

/// How long an authorization code may wait for its exchange.
const CODE_LIFE_US: i64 = 60 * 1_000_000;

/// Words of sixteen digits in an access token: HubSpot's have more than 300 characters.
const ACCESS_TOKEN_WORDS: usize = 20;

/// More characters than any private app's token has.
const STATIC_TOKEN_CHARS_MAX: usize = 300;
/// Lengths of the parts of a refresh token, which is a UUID.
const REFRESH_TOKEN_PARTS: [usize; 5] = [8, 4, 4, 4, 12];

const USER_ID: u32 = 2_034_711;
const USER: &str = "ada@example.com";

/// Whose ten-second window a call counts in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum App {
    /// The public app, through any grant.
    OAuth,
    /// A private app or service key, by its token.
    Static(String),
}

/// What an account's admin agreed to.
#[derive(Clone, Debug)]
struct Grant {
    scopes: Vec<String>,
}

#[derive(Clone, Debug)]
struct Code {
    redirect_uri: String,
    challenge: Option<String>,
    grant: Grant,
    expires_us: i64,
}

#[derive(Clone, Debug)]
struct Access {
    grant: Grant,
    expires_us: i64,
}

/// A fresh pair of tokens.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Bearer token of the API.
    pub access_token: String,
    /// Gets further access tokens; the same one for the life of the grant.
    pub refresh_token: String,
    /// Life of the access token in seconds.
    pub expires_in: i64,
}

#[derive(Debug, Default)]
pub(super) struct Grants {
    codes: HashMap<String, Code>,
    access: HashMap<String, Access>,
    refresh: HashMap<String, Grant>,
    static_revoked: bool,
}

impl Grants {
    /// Who calls, or 401.
    pub(super) fn app_of(&self, bearer: Option<&str>, accepts_any: bool, now_us: i64) -> Result<App, Refusal> {
        let Some(token) = bearer.filter(|token| !token.is_empty()) else {
            return Err(unauthenticated(
                "Authentication credentials not found. This API supports OAuth 2.0 authentication.",
            ));
        };
        match self.access.get(token) {
            Some(access) if access.expires_us > now_us => Ok(App::OAuth),
            Some(access) => {
                let seconds = (now_us - access.expires_us) / 1_000_000;
                let message = format!("The OAuth token used to make this call expired {seconds} second(s) ago.");
                Err(Refusal::new(StatusCode::UNAUTHORIZED, "EXPIRED_AUTHENTICATION", message)
                    .context("expire time", [crate::world::iso(access.expires_us)]))
            }
            None if accepts_any && !self.static_revoked && crate::wire::is_any_token(token) && !is_issued(token) => {
                Ok(App::Static(token.to_owned()))
            }
            None => Err(unauthenticated("The token used to make this call is not valid.")),
        }
    }

    /// What a person agreed to; none for a token that was never issued.
    pub(super) fn scopes_of(&self, token: &str) -> Option<&[String]> {
        Some(&self.access.get(token)?.grant.scopes)
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
}

impl Portal {
    /// A grant without a browser, as if an admin had just allowed it.
    pub(super) fn grant(&mut self, scopes: Vec<String>) -> Tokens {
        let grant = Grant { scopes };
        let refresh_token = self.new_refresh(grant.clone());
        self.new_access(refresh_token, grant)
    }

    fn new_refresh(&mut self, grant: Grant) -> String {
        let token = self.rng.uuid();
        self.grants.refresh.insert(token.clone(), grant);
        token
    }

    fn new_access(&mut self, refresh_token: String, grant: Grant) -> Tokens {
        let access_token = self.rng.token(ACCESS_TOKEN_WORDS);
        let life_us = self.settings.access_token_life_us;
        let access = Access { grant, expires_us: self.now_us() + life_us };
        self.grants.access.insert(access_token.clone(), access);
        Tokens { access_token, refresh_token, expires_in: life_us / 1_000_000 }
    }
}

/// Whether a token looks like those that OAuth issues, here or elsewhere: no private app has such a one.
fn is_issued(token: &str) -> bool {
    let is_refresh = token.split('-').map(str::len).eq(REFRESH_TOKEN_PARTS);
    is_refresh || token.len() > STATIC_TOKEN_CHARS_MAX
}

/// Refuses a token that never was one, or is one no longer.
pub(super) fn unauthenticated(message: &str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, "INVALID_AUTHENTICATION", message)
}

/// Members of an authorization request that the form carries on.
const REQUEST: [&str; 6] = ["client_id", "redirect_uri", "scope", "optional_scope", "state", "code_challenge"];

/// `GET /oauth/authorize`
pub(super) fn authorize(portal: &mut Portal, call: &Call) -> Answer {
    let query = |name| call.query(name).unwrap_or_default();
    if let Some(refused) = check_request(&portal.settings.client_id, query("client_id"), query("redirect_uri")) {
        return Ok(refused);
    }
    let consent = Consent {
        vendor: "HubSpot",
        action: "/oauth/authorize",
        client_id: query("client_id"),
        account: format!("account {}", portal.settings.portal_id),
        scopes: words(query("scope")).chain(words(query("optional_scope"))).collect(),
        shares: None,
        fields: REQUEST.iter().filter_map(|name| Some((*name, call.query(name)?))).collect(),
    };
    Ok(Reply::html(StatusCode::OK, consent.page()))
}

/// `POST /oauth/authorize`: the person pressed a button.
pub(super) fn decide(portal: &mut Portal, call: &Call) -> Answer {
    let form = call.form();
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    if let Some(refused) = check_request(&portal.settings.client_id, field("client_id"), field("redirect_uri")) {
        return Ok(refused);
    }
    let mut answer = if field("decision") == "deny" {
        vec![("error", "access_denied".to_owned())]
    } else {
        let code = portal.rng.uuid();
        let entry = Code {
            redirect_uri: field("redirect_uri").to_owned(),
            challenge: form.get("code_challenge").filter(|it| !it.is_empty()).cloned(),
            grant: Grant {
                scopes: words(field("scope")).chain(words(field("optional_scope"))).map(str::to_owned).collect(),
            },
            expires_us: portal.now_us() + CODE_LIFE_US,
        };
        portal.grants.codes.insert(code.clone(), entry);
        vec![("code", code)]
    };
    answer.extend(form.get("state").map(|state| ("state", state.clone())));
    Ok(Reply::redirect(way_back(field("redirect_uri"), &answer, NON_ALPHANUMERIC)))
}

fn bad(status: &str, message: &str) -> Refusal {
    Refusal::plain(StatusCode::BAD_REQUEST, message).extra("status", status)
}

/// `POST /oauth/v1/token`
pub(super) fn token(portal: &mut Portal, call: &Call) -> Answer {
    let form = call.form();
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    if field("client_id") != portal.settings.client_id {
        return Err(bad("BAD_CLIENT_ID", "missing or unknown client id"));
    }
    if field("client_secret") != portal.settings.client_secret {
        return Err(bad("BAD_CLIENT_SECRET", "missing or invalid client secret"));
    }
    let tokens = match field("grant_type") {
        "authorization_code" => exchange(portal, &form)?,
        "refresh_token" => {
            let grant = portal.grants.refresh.get(field("refresh_token")).cloned();
            let grant = grant.ok_or_else(|| bad("BAD_REFRESH_TOKEN", "missing or invalid refresh token"))?;
            portal.new_access(field("refresh_token").to_owned(), grant)
        }
        _ => return Err(bad("BAD_GRANT_TYPE", "missing or unknown grant type")),
    };
    Ok(Reply::ok(json!({
        "token_type": "bearer",
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "expires_in": tokens.expires_in,
    })))
}

fn exchange(portal: &mut Portal, form: &BTreeMap<String, String>) -> Result<Tokens, Refusal> {
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let now_us = portal.now_us();
    let code = portal.grants.codes.remove(field("code")).filter(|code| code.expires_us > now_us);
    let Some(code) = code else {
        return Err(bad("BAD_AUTH_CODE", "missing or unknown auth code"));
    };
    if code.redirect_uri != field("redirect_uri") {
        return Err(bad("MISMATCH_REDIRECT_URI_AUTH_CODE", "missing or mismatched redirect URI"));
    }
    if !is_proven(code.challenge.as_deref(), field("code_verifier")) {
        return Err(bad("BAD_CODE_VERIFIER", "missing or invalid code verifier"));
    }
    Ok(portal.grant(code.grant.scopes))
}

fn unknown_token() -> Refusal {
    Refusal::not_found("The token does not exist")
}

fn token_info(portal: &Portal, grant: &Grant, kind: &str, token: &str) -> Value {
    json!({
        "token": token,
        "token_type": kind,
        "hub_id": portal.settings.portal_id,
        "hub_domain": "sandbox.example.com",
        "user_id": USER_ID,
        "user": USER,
        "scopes": grant.scopes,
    })
}

/// `GET /oauth/v1/access-tokens/{token}`
pub(super) fn inspect_access(portal: &mut Portal, call: &Call) -> Answer {
    let token = call.param("token");
    let access = portal.grants.access.get(token).ok_or_else(unknown_token)?;
    let mut info = token_info(portal, &access.grant, "access", token);
    info["app_id"] = portal.settings.app_id.into();
    info["expires_in"] = ((access.expires_us - portal.now_us()) / 1_000_000).max(0).into();
    Ok(Reply::ok(info))
}

/// `GET /oauth/v1/refresh-tokens/{token}`
pub(super) fn inspect_refresh(portal: &mut Portal, call: &Call) -> Answer {
    let token = call.param("token");
    let grant = portal.grants.refresh.get(token).ok_or_else(unknown_token)?;
    let mut info = token_info(portal, grant, "refresh", token);
    info["client_id"] = portal.settings.client_id.clone().into();
    Ok(Reply::ok(info))
}

/// `DELETE /oauth/v1/refresh-tokens/{token}`: access tokens that were got with it live on until they expire.
pub(super) fn delete_refresh(portal: &mut Portal, call: &Call) -> Answer {
    portal
        .grants
        .refresh
        .remove(call.param("token"))
        .map(|_| Reply::empty(StatusCode::NO_CONTENT))
        .ok_or_else(unknown_token)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PrivateApp {
    token_key: String,
}

/// `POST /oauth/v2/private-apps/get/access-token-info`
pub(super) fn inspect_private(portal: &mut Portal, call: &Call) -> Answer {
    let PrivateApp { token_key } = call.json()?;
    portal.grants.app_of(Some(&token_key), portal.settings.accepts_any_token, portal.now_us())?;
    Ok(Reply::ok(json!({
        "userId": USER_ID,
        "hubId": portal.settings.portal_id,
        "appId": portal.settings.app_id,
        "scopes": scopes::all(),
    })))
}
