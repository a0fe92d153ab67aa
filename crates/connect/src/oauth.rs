//! The OAuth code flow as data (RFC 6749, RFC 7636): addresses to open, forms to post, answers to read. Nothing is sent
//! from here.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use lockstep_core::env::{Env, Time};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use url::form_urlencoded;

use crate::fault::{Fault, FaultClass};

/// How long before its end an access token is renewed: a call under way must not outlive it.
const RENEW_BEFORE: Duration = Duration::from_secs(60);
/// The longest life that a token answer may claim, in seconds.
const LIFE_SECS_MAX: u64 = 366 * 24 * 60 * 60;

/// A vendor's OAuth addresses.
#[derive(Debug)]
pub struct OAuth {
    /// Where a person allows access.
    pub authorize_url: &'static str,
    /// What else goes into that address.
    pub authorize_params: &'static [(&'static str, &'static str)],
    /// Where codes and refresh tokens are exchanged.
    pub token_url: &'static str,
    /// How such a call is written.
    pub token_call: TokenCall,
    /// Whether the vendor takes part in PKCE.
    pub pkce: bool,
    /// What we ask for and cannot do without.
    pub scopes: &'static [&'static str],
    /// What we ask for besides, and are not given everywhere. Travels as HubSpot's `optional_scope`.
    pub optional_scopes: &'static [&'static str],
}

/// How a vendor wants its token calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenCall {
    /// A form with the client's id and secret in it (RFC 6749, section 2.3.1).
    Form,
    /// A form, the client in the header `Authorization: Basic`.
    BasicForm,
    /// A JSON object, the client in the header `Authorization: Basic`.
    BasicJson,
}

/// A token call, ready to be posted.
#[derive(Debug)]
pub struct Posted {
    /// The media type of the body.
    pub content_type: &'static str,
    /// The header `Authorization`, where the client stands there.
    pub authorization: Option<SecretString>,
    /// The body.
    pub body: SecretString,
}

/// The app that we are to a vendor, as its developer page shows it.
#[derive(Clone, Debug)]
pub struct App {
    /// The client id.
    pub client_id: String,
    /// The client secret.
    pub client_secret: SecretString,
    /// Our address that the vendor sends people back to.
    pub redirect_uri: String,
}

/// A secret made for one authorisation, and the challenge that commits to it (PKCE, method S256).
#[derive(Clone, Debug)]
pub struct Pkce {
    /// Kept until the code comes back.
    pub verifier: SecretString,
    /// Goes into the address.
    pub challenge: String,
}

impl Pkce {
    /// A fresh one.
    pub fn new(env: &Env) -> Self {
        Self::of(URL_SAFE_NO_PAD.encode(env.random_bytes::<32>()))
    }

    /// The one with this verifier.
    pub fn of(verifier: String) -> Self {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        Self { verifier: verifier.into(), challenge }
    }
}

/// The address where a person allows access. `at` replaces the vendor's own page, for a sandbox.
pub fn authorize_url(oauth: &OAuth, at: Option<&str>, app: &App, state: &str, pkce: &Pkce) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query
        .append_pair("response_type", "code")
        .append_pair("client_id", &app.client_id)
        .append_pair("redirect_uri", &app.redirect_uri);
    if !oauth.scopes.is_empty() {
        query.append_pair("scope", &oauth.scopes.join(" "));
    }
    query.append_pair("state", state);
    if oauth.pkce {
        query.append_pair("code_challenge", &pkce.challenge).append_pair("code_challenge_method", "S256");
    }
    for (name, value) in oauth.authorize_params {
        query.append_pair(name, value);
    }
    if !oauth.optional_scopes.is_empty() {
        query.append_pair("optional_scope", &oauth.optional_scopes.join(" "));
    }
    format!("{}?{}", at.unwrap_or(oauth.authorize_url), query.finish())
}

/// The call that exchanges a code.
pub fn code_call(oauth: &OAuth, app: &App, code: &str, pkce: &Pkce) -> Posted {
    let verifier = oauth.pkce.then(|| ("code_verifier", pkce.verifier.expose_secret()));
    let pairs = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", &app.redirect_uri)];
    posted(oauth, app, pairs.into_iter().chain(verifier))
}

/// The call that renews a grant.
pub fn refresh_call(oauth: &OAuth, app: &App, refresh: &SecretString) -> Posted {
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", refresh.expose_secret())];
    posted(oauth, app, pairs.into_iter())
}

fn posted<'a>(oauth: &OAuth, app: &'a App, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Posted {
    let secret = app.client_secret.expose_secret();
    let basic = || Some(format!("Basic {}", STANDARD.encode(format!("{}:{secret}", app.client_id))).into());
    let form = |pairs: &mut dyn Iterator<Item = (&'a str, &'a str)>| {
        SecretString::from(form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
    };
    let (content_type, authorization, body) = match oauth.token_call {
        TokenCall::Form => {
            let client = [("client_id", app.client_id.as_str()), ("client_secret", secret)];
            (FORM, None, form(&mut pairs.chain(client)))
        }
        TokenCall::BasicForm => (FORM, basic(), form(&mut { pairs })),
        TokenCall::BasicJson => {
            let members: serde_json::Map<String, Json> =
                pairs.map(|(name, value)| (name.to_owned(), Json::from(value))).collect();
            ("application/json", basic(), Json::from(members).to_string().into())
        }
    };
    Posted { content_type, authorization, body }
}

const FORM: &str = "application/x-www-form-urlencoded";

/// What lets us act for a vendor's account.
#[derive(Clone)]
pub struct Grant {
    /// Goes with every call.
    pub access: SecretString,
    /// Renews the access; none for a static token.
    pub refresh: Option<SecretString>,
    /// When the access ends; `None` when it does not, or when the vendor does not say.
    pub expires_at: Option<Time>,
}

/// Text that is not a sealed grant's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stored grant cannot be read")]
pub struct BadGrant;

#[derive(Serialize, Deserialize)]
struct PlainGrant {
    access: String,
    refresh: Option<String>,
    expires_at: Option<Time>,
}

impl Grant {
    /// A token that was made by hand and does not end.
    pub fn fixed(token: SecretString) -> Self {
        Self { access: token, refresh: None, expires_at: None }
    }

    /// Whether it has to be renewed before the next call.
    pub fn is_due(&self, now: Time) -> bool {
        self.refresh.is_some() && self.expires_at.is_some_and(|end| now.plus(RENEW_BEFORE) >= end)
    }

    /// The plain text to be sealed. The only place where a whole grant is exposed.
    ///
    /// # Errors
    /// Never in practice: a grant is three plain members.
    pub fn to_plain_text(&self) -> Result<SecretString, BadGrant> {
        let plain = PlainGrant {
            access: self.access.expose_secret().to_owned(),
            refresh: self.refresh.as_ref().map(|token| token.expose_secret().to_owned()),
            expires_at: self.expires_at,
        };
        serde_json::to_string(&plain).map(SecretString::from).map_err(|_| BadGrant)
    }

    /// Reads what [`Grant::to_plain_text`] wrote.
    ///
    /// # Errors
    /// When the text is something else.
    pub fn from_plain_text(text: &str) -> Result<Self, BadGrant> {
        let plain: PlainGrant = serde_json::from_str(text).map_err(|_| BadGrant)?;
        Ok(Self {
            access: plain.access.into(),
            refresh: plain.refresh.map(SecretString::from),
            expires_at: plain.expires_at,
        })
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    refresh_token: Option<String>,
    expires_in: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenRefusal {
    error: Option<String>,
    error_description: Option<String>,
    status: Option<String>,
    message: Option<String>,
}

/// Reads the answer to [`code_call`] or [`refresh_call`]. `sent_at` is when the form was posted; `held` is the refresh
/// token in use, which stays when the answer brings no other.
///
/// # Errors
/// [`FaultClass::Reauthorise`] when the code or the grant is refused, [`FaultClass::Limited`] and [`FaultClass::Busy`]
/// when it may work later, [`FaultClass::Forbidden`] when the app itself is refused.
pub fn read_grant(status: u16, body: &Json, sent_at: Time, held: Option<&SecretString>) -> Result<Grant, Fault> {
    match status {
        200..300 => {}
        429 => return Err(Fault::new(FaultClass::Limited, "RATE_LIMIT", "The vendor limits token calls.")),
        400..500 if body.is_object() => return Err(refused(status, body)),
        _ => {
            return Err(Fault::new(
                FaultClass::Busy,
                format!("HTTP_{status}"),
                format!("The token call was answered {status}."),
            ));
        }
    }
    // The body holds secrets, so nothing of it goes into the message.
    let answer = TokenAnswer::deserialize(body)
        .map_err(|_| Fault::new(FaultClass::Bug, "UNREADABLE_ANSWER", "The token answer could not be read."))?;
    let life = |secs: u64| sent_at.plus(Duration::from_secs(secs.min(LIFE_SECS_MAX)));
    Ok(Grant {
        access: answer.access_token.into(),
        refresh: answer.refresh_token.map(SecretString::from).or_else(|| held.cloned()),
        expires_at: answer.expires_in.map(life),
    })
}

fn refused(status: u16, body: &Json) -> Fault {
    let refusal = TokenRefusal::deserialize(body).unwrap_or_default();
    let code = refusal.error.or(refusal.status).unwrap_or_else(|| format!("HTTP_{status}"));
    let message = refusal
        .error_description
        .or(refusal.message)
        .unwrap_or_else(|| format!("The token call was answered {status}."));
    let class = match (code.as_str(), status) {
        // Salesforce's: a refresh beside another one is to be tried again, and an app may be unknown by its id.
        ("unknown_error", _) => FaultClass::Busy,
        (
            "invalid_client"
            | "invalid_client_id"
            | "unauthorized_client"
            | "BAD_CLIENT_ID"
            | "BAD_CLIENT_SECRET"
            | "BAD_REDIRECT_URI",
            _,
        ) => FaultClass::Forbidden,
        ("invalid_grant" | "BAD_REFRESH_TOKEN" | "BAD_AUTH_CODE", _) | (_, 400 | 401) => FaultClass::Reauthorise,
        // A grant is given up for its own refusal alone: 408, 423, 425 and 477 pass, and so may what nobody knows.
        _ => FaultClass::Busy,
    };
    Fault::new(class, code, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SENT: Time = Time::from_secs(1_000);

    fn app() -> App {
        App {
            client_id: "id".into(),
            client_secret: "s&cret".to_owned().into(),
            redirect_uri: "https://sync.example.com/back".into(),
        }
    }

    /// RFC 7636, appendix B.
    #[test]
    fn the_challenge_commits_to_the_verifier() {
        let pkce = Pkce::of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into());
        assert_eq!(pkce.challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        let (env, _) = Env::manual(SENT, 1);
        assert_eq!(Pkce::new(&env).verifier.expose_secret().len(), 43, "the least that RFC 7636 allows");
    }

    const VENDOR: OAuth = OAuth {
        authorize_url: "https://vendor.example/authorize",
        authorize_params: &[],
        token_url: "https://vendor.example/token",
        token_call: TokenCall::Form,
        pkce: true,
        scopes: &["a.read", "b"],
        optional_scopes: &[],
    };

    #[test]
    fn the_address_carries_everything_encoded() {
        let pkce = Pkce { verifier: "v".to_owned().into(), challenge: "c".into() };
        let expected = "https://vendor.example/authorize?response_type=code&client_id=id\
                        &redirect_uri=https%3A%2F%2Fsync.example.com%2Fback&scope=a.read+b&state=st%26te\
                        &code_challenge=c&code_challenge_method=S256";
        assert_eq!(authorize_url(&VENDOR, None, &app(), "st&te", &pkce), expected);
        assert!(
            authorize_url(&VENDOR, Some("http://127.0.0.1:1/a"), &app(), "s", &pkce)
                .starts_with("http://127.0.0.1:1/a?response_type")
        );
        let plain = OAuth { pkce: false, scopes: &[], authorize_params: &[("owner", "user")], ..VENDOR };
        let expected = "https://vendor.example/authorize?response_type=code&client_id=id\
                        &redirect_uri=https%3A%2F%2Fsync.example.com%2Fback&state=s&owner=user";
        assert_eq!(authorize_url(&plain, None, &app(), "s", &pkce), expected);
    }

    #[test]
    fn token_calls_are_written_as_the_vendor_wants_them() {
        let pkce = Pkce { verifier: "v".to_owned().into(), challenge: "c".into() };
        let call = code_call(&VENDOR, &app(), "k", &pkce);
        assert_eq!(
            (call.content_type, call.body.expose_secret()),
            (
                FORM,
                "grant_type=authorization_code&code=k&redirect_uri=https%3A%2F%2Fsync.example.com%2Fback\
                 &code_verifier=v&client_id=id&client_secret=s%26cret"
            )
        );
        assert!(call.authorization.is_none());
        let held = "r".to_owned().into();
        let basic = OAuth { token_call: TokenCall::BasicForm, pkce: false, ..VENDOR };
        let call = refresh_call(&basic, &app(), &held);
        assert_eq!(call.body.expose_secret(), "grant_type=refresh_token&refresh_token=r");
        assert_eq!(call.authorization.as_ref().map(|it| it.expose_secret()), Some("Basic aWQ6cyZjcmV0"));
        let as_json = OAuth { token_call: TokenCall::BasicJson, ..basic };
        let call = code_call(&as_json, &app(), "k", &pkce);
        let body: Json = serde_json::from_str(call.body.expose_secret()).expect("JSON");
        let redirect_uri = "https://sync.example.com/back";
        assert_eq!(body, json!({ "grant_type": "authorization_code", "code": "k", "redirect_uri": redirect_uri }));
        assert!(call.authorization.is_some());
    }

    #[test]
    fn a_renewed_grant_keeps_or_rotates_the_refresh_token() {
        let held = SecretString::from("old".to_owned());
        let kept =
            read_grant(200, &json!({ "access_token": "a", "expires_in": 1800 }), SENT, Some(&held)).expect("a grant");
        assert_eq!(kept.refresh.as_ref().map(|token| token.expose_secret()), Some("old"));
        assert_eq!(kept.expires_at, Some(Time::from_secs(2_800)));
        assert!(!kept.is_due(Time::from_secs(2_739)) && kept.is_due(Time::from_secs(2_740)));
        let rotated = read_grant(200, &json!({ "access_token": "a", "refresh_token": "new" }), SENT, Some(&held))
            .expect("a grant");
        assert_eq!(rotated.refresh.as_ref().map(|token| token.expose_secret()), Some("new"));
        assert!(!rotated.is_due(Time::from_secs(1 << 40)), "no end was told");
    }

    #[test]
    fn refusals_have_their_class() {
        let class = |status, body: Json| read_grant(status, &body, SENT, None).expect_err("refused").class;
        assert_eq!(class(400, json!({ "status": "BAD_REFRESH_TOKEN", "message": "unknown" })), FaultClass::Reauthorise);
        assert_eq!(class(400, json!({ "error": "invalid_grant" })), FaultClass::Reauthorise);
        assert_eq!(class(403, json!({ "error": "invalid_grant" })), FaultClass::Reauthorise);
        assert_eq!(class(401, json!({ "message": "no" })), FaultClass::Reauthorise);
        assert_eq!(class(401, json!({ "error": "invalid_client" })), FaultClass::Forbidden);
        assert_eq!(class(400, json!({ "status": "BAD_CLIENT_SECRET" })), FaultClass::Forbidden);
        assert_eq!(class(400, json!({ "error": "invalid_client_id" })), FaultClass::Forbidden);
        let again = json!({ "error": "unknown_error", "error_description": "retry your request" });
        assert_eq!(class(400, again), FaultClass::Busy);
        for passing in [403, 408, 423, 425, 451, 477] {
            assert_eq!(class(passing, json!({ "status": "error", "message": "later" })), FaultClass::Busy, "{passing}");
        }
        assert_eq!(class(429, json!({})), FaultClass::Limited);
        assert_eq!(class(403, json!("<html>")), FaultClass::Busy);
        assert_eq!(class(502, Json::Null), FaultClass::Busy);
        assert_eq!(class(200, json!({ "token": "a" })), FaultClass::Bug);
    }

    #[test]
    fn a_grant_survives_sealing_and_is_not_printed() {
        let grant =
            Grant { access: "aaa".to_owned().into(), refresh: Some("rrr".to_owned().into()), expires_at: Some(SENT) };
        let text = grant.to_plain_text().expect("text");
        let back = Grant::from_plain_text(text.expose_secret()).expect("a grant");
        assert_eq!(back.to_plain_text().expect("text").expose_secret(), text.expose_secret());
        let printed = format!("{grant:?}");
        assert!(!printed.contains("aaa") && !printed.contains("rrr"), "{printed}");
        assert!(Grant::from_plain_text("token").is_err());
    }
}
