//! Authorisation as Pipedrive does it: a page with an Allow button, codes of five minutes, access tokens of an hour,
//! refresh tokens that stay the same and live for sixty days after their last use; and personal tokens.
//! Source: Pipedrive's OAuth pages.

use std::collections::BTreeMap;

use http::StatusCode;
use percent_encoding::NON_ALPHANUMERIC;
use serde_json::json;

use super::answer::{Answer, Call, Refusal, Reply};
use super::company::{Company, USERS};
use crate::consent::{Consent, check_request, way_back};
use crate::wire::{basic, credentials};

/// How long an authorization code may wait for its exchange.
const CODE_LIFE_US: i64 = 5 * 60 * 1_000_000;
/// Codes and tokens kept at most; more asks start over with the oldest forgotten.
const KEPT_MAX: usize = 10_000;

/// Whose calls a window counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    /// A personal token.
    Personal(String),
    /// A grant of the app, by its refresh token.
    App(String),
}

#[derive(Clone, Debug)]
struct Code {
    redirect_uri: String,
    expires_us: i64,
}

#[derive(Clone, Debug)]
struct Access {
    refresh_token: String,
    expires_us: i64,
}

/// A fresh pair of tokens.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Bearer token of the API.
    pub access_token: String,
    /// Gets further access tokens; the same one for the life of the grant.
    pub refresh_token: String,
    /// Life of the access token in seconds: one less than it really has.
    pub expires_in: i64,
}

#[derive(Debug, Default)]
pub(super) struct Grants {
    codes: BTreeMap<String, Code>,
    access: BTreeMap<String, Access>,
    /// When each was used last.
    refresh: BTreeMap<String, i64>,
    personal_revoked: bool,
}

impl Grants {
    /// Takes back every grant; personal tokens stop working too.
    pub(super) fn revoke(&mut self) {
        *self = Self { personal_revoked: true, ..Self::default() };
    }

    /// Lets personal tokens work again.
    pub(super) fn reinstate(&mut self) {
        self.personal_revoked = false;
    }

    pub(super) fn expire(&mut self, now_us: i64) {
        self.access.values_mut().for_each(|access| access.expires_us = access.expires_us.min(now_us));
    }

    fn withdraw(&mut self, refresh_token: &str) {
        self.refresh.remove(refresh_token);
        self.access.retain(|_, access| access.refresh_token != refresh_token);
    }
}

fn bound<T>(kept: &mut BTreeMap<String, T>) {
    while kept.len() >= KEPT_MAX {
        kept.pop_first();
    }
}

impl Company {
    /// Who calls, or 401.
    pub(super) fn caller(&self, call: &Call) -> Result<Who, Refusal> {
        let header = call.headers.get("x-api-token").and_then(|it| it.to_str().ok());
        if let Some(token) = header.or(call.query("api_token")).filter(|it| !it.is_empty()) {
            let is_known =
                self.settings.accepts_any_token && crate::wire::is_any_token(token) || token == self.settings.api_token;
            let is_good = is_known && !self.grants.personal_revoked;
            return is_good.then(|| Who::Personal(token.to_owned())).ok_or_else(Refusal::unauthorized);
        }
        let access = credentials(&call.headers, "bearer").and_then(|token| self.grants.access.get(token));
        let access = access.filter(|access| access.expires_us > self.now_us()).ok_or_else(Refusal::unauthorized)?;
        Ok(Who::App(access.refresh_token.clone()))
    }

    /// A grant without a browser, as if an admin had just allowed it.
    pub(super) fn grant(&mut self) -> Tokens {
        let refresh_token = format!("{}:{}:{}", USERS[0].id, self.settings.company_id, self.rng.token(3));
        self.new_access(refresh_token)
    }

    fn new_access(&mut self, refresh_token: String) -> Tokens {
        let access_token = format!("v1u:{}", self.rng.token(16));
        let (now_us, life_us) = (self.now_us(), self.settings.access_token_life_us);
        bound(&mut self.grants.access);
        bound(&mut self.grants.refresh);
        self.grants.refresh.insert(refresh_token.clone(), now_us);
        let access = Access { refresh_token: refresh_token.clone(), expires_us: now_us + life_us };
        self.grants.access.insert(access_token.clone(), access);
        Tokens { access_token, refresh_token, expires_in: life_us / 1_000_000 - 1 }
    }

    fn is_app(&self, call: &Call) -> bool {
        let app = (self.settings.client_id.clone(), self.settings.client_secret.clone());
        basic(&call.headers) == Some(app)
    }
}

/// `GET /oauth/authorize`
pub(super) fn authorize(company: &mut Company, call: &Call) -> Answer {
    let query = |name| call.query(name).unwrap_or_default();
    if let Some(refused) = check_request(&company.settings.client_id, query("client_id"), query("redirect_uri")) {
        return Ok(refused);
    }
    let names = ["client_id", "redirect_uri", "state"].into_iter();
    let consent = Consent {
        vendor: "Pipedrive",
        action: "/oauth/authorize",
        client_id: query("client_id"),
        account: format!("company {}", company.settings.company_id),
        scopes: company.settings.scopes.iter().map(String::as_str).collect(),
        shares: None,
        fields: names.filter_map(|name| Some((name, call.query(name)?))).collect(),
    };
    Ok(Reply::html(StatusCode::OK, consent.page()))
}

/// `POST /oauth/authorize`: the person pressed a button.
pub(super) fn decide(company: &mut Company, call: &Call) -> Answer {
    let form = call.form();
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    if let Some(refused) = check_request(&company.settings.client_id, field("client_id"), field("redirect_uri")) {
        return Ok(refused);
    }
    let mut answer = if field("decision") == "deny" {
        vec![("error", "user_denied".to_owned())]
    } else {
        let code = company.rng.token(3).chars().take(40).collect::<String>();
        let expires_us = company.now_us() + CODE_LIFE_US;
        bound(&mut company.grants.codes);
        company.grants.codes.insert(code.clone(), Code { redirect_uri: field("redirect_uri").to_owned(), expires_us });
        vec![("code", code)]
    };
    answer.extend(form.get("state").map(|state| ("state", state.clone())));
    Ok(Reply::redirect(way_back(field("redirect_uri"), &answer, NON_ALPHANUMERIC)))
}

fn bad(status: StatusCode, error: &str, message: &str) -> Refusal {
    Refusal::raw(status, json!({"success": false, "error": error, "message": message, "error_description": message}))
}

/// `POST /oauth/token`
pub(super) fn token(company: &mut Company, call: &Call) -> Answer {
    if !company.is_app(call) {
        return Err(bad(StatusCode::UNAUTHORIZED, "invalid_client", "Client authentication failed"));
    }
    let form = call.form();
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let now_us = company.now_us();
    let tokens = match field("grant_type") {
        "authorization_code" => {
            let code = company.grants.codes.remove(field("code")).filter(|code| code.expires_us > now_us);
            let code = code.filter(|code| code.redirect_uri == field("redirect_uri"));
            code.ok_or_else(|| bad(StatusCode::BAD_REQUEST, "invalid_grant", "Authorization code is invalid"))?;
            company.grant()
        }
        "refresh_token" => {
            let life_us = company.settings.refresh_token_life_us;
            let used_us = company.grants.refresh.get(field("refresh_token"));
            if used_us.is_none_or(|used_us| now_us >= used_us + life_us) {
                company.grants.withdraw(field("refresh_token"));
                return Err(bad(StatusCode::BAD_REQUEST, "invalid_grant", "Refresh token is invalid"));
            }
            company.new_access(field("refresh_token").to_owned())
        }
        _ => return Err(bad(StatusCode::BAD_REQUEST, "unsupported_grant_type", "Grant type is unsupported")),
    };
    Ok(Reply::json(
        StatusCode::OK,
        json!({
            "access_token": tokens.access_token,
            "token_type": "Bearer",
            "expires_in": tokens.expires_in,
            "refresh_token": tokens.refresh_token,
            "scope": company.settings.scopes.join(" "),
            "api_domain": call.origin,
        }),
    ))
}

/// `POST /oauth/revoke`: with the refresh token the app is uninstalled, and its webhooks go too.
pub(super) fn revoke(company: &mut Company, call: &Call) -> Answer {
    if !company.is_app(call) {
        return Err(bad(StatusCode::UNAUTHORIZED, "invalid_client", "Client authentication failed"));
    }
    let form = call.form();
    let token = form.get("token").map_or("", String::as_str);
    if company.grants.refresh.contains_key(token) {
        company.grants.withdraw(token);
        company.hooks.uninstall();
    } else {
        company.grants.access.remove(token);
    }
    Ok(Reply::empty(StatusCode::OK))
}
