//! What the vendors' OAuth shares: the page with an Allow button, the way back to the app, proofs of a code.

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use percent_encoding::{AsciiSet, utf8_percent_encode};
use sha2::{Digest, Sha256};

use crate::wire::Reply;

/// The page where a person allows an app, or does not.
#[derive(Template)]
#[template(path = "authorize.html")]
pub(crate) struct Consent<'a> {
    /// The vendor's name for people.
    pub(crate) vendor: &'static str,
    /// The path that the form goes to.
    pub(crate) action: &'static str,
    pub(crate) client_id: &'a str,
    /// What the app would use, for people.
    pub(crate) account: String,
    pub(crate) scopes: Vec<&'a str>,
    /// What can be shared or not: id and title.
    pub(crate) shares: Option<Vec<(&'a str, String)>>,
    /// Members of the request that the form carries on.
    pub(crate) fields: Vec<(&'a str, &'a str)>,
}

impl Consent<'_> {
    pub(crate) fn page(&self) -> String {
        rendered(self)
    }
}

#[derive(Template)]
#[template(path = "refused.html")]
struct Refused<'a> {
    reason: &'a str,
}

/// The page of an authorization request that cannot be answered at all.
pub(crate) fn refused(reason: &str) -> String {
    rendered(&Refused { reason })
}

fn rendered(page: &impl Template) -> String {
    page.render().unwrap_or_else(|error| error.to_string())
}

/// Refuses an authorization request that cannot be answered at all.
pub(crate) fn check_request(known_client_id: &str, client_id: &str, redirect_uri: &str) -> Option<Reply> {
    let reason = if client_id != known_client_id {
        "No app has this client id."
    } else if !is_address(redirect_uri) {
        "The redirect address is missing or is not an http address."
    } else {
        return None;
    };
    Some(Reply::html(StatusCode::BAD_REQUEST, refused(reason)))
}

pub(crate) fn is_address(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}

/// The address that leads back to the app with an answer.
pub(crate) fn way_back(redirect_uri: &str, answer: &[(&str, String)], escaped: &'static AsciiSet) -> String {
    let query: Vec<String> =
        answer.iter().map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, escaped))).collect();
    let joint = if redirect_uri.contains('?') { '&' } else { '?' };
    format!("{redirect_uri}{joint}{}", query.join("&"))
}

/// Whether a verifier is the one whose challenge came with the request, if one came.
pub(crate) fn is_proven(challenge: Option<&str>, verifier: &str) -> bool {
    challenge.is_none_or(|challenge| URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) == challenge)
}

/// Words between blanks, as scopes are given.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}
