//! Tokens of others: an app may name issuers whose signed tokens (RFC 7519) stand for contexts.

use std::time::Duration;

use bytes::Bytes;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, TokenData, Validation};
use lockstep_core::crm::CrmProblem;
use lockstep_core::env::Time;
use lockstep_store::{ContextData, ContextOf, Org};
use serde_json::{Map, Value as Json};

use super::app::{AppSettings, TokenIssuer};
use super::tokens::{invalid, put_context};
use crate::app::App;
use crate::network::{Body, Limits};

/// The signatures that are taken: keys of an issuer are public, so a shared secret is none.
const ALGORITHMS: [Algorithm; 2] = [Algorithm::RS256, Algorithm::ES256];
/// What fetching an issuer's keys may take.
const JWKS_LIMITS: Limits = Limits { timeout: Duration::from_secs(10), body: Body::Whole { bytes_max: 256 * 1024 } };

type Claims = Map<String, Json>;

/// The context that a foreign token stands for; `None` when it is not valid.
///
/// # Errors
/// The store's.
pub(super) async fn context(app: &App, token: &str) -> Result<Option<ContextOf>, CrmProblem> {
    let mut proven = Vec::new();
    for (org, issuer) in trusted(app, token).await? {
        if let Some(claims) = claims(app, &issuer, token).await {
            proven.push((org, issuer, claims));
        }
    }
    // A token that is good for two apps says nothing about which one it is for.
    let Ok([(org, issuer, claims)]) = <[_; 1]>::try_from(proven) else { return Ok(None) };
    let text = |name: &str| claims.get(name).and_then(Json::as_str).map(str::to_owned);
    let Some(external_id) = text(&issuer.context_claim) else { return Ok(None) };
    let known = {
        let (org, external_id) = (org.clone(), external_id.clone());
        app.store.read(move |tx| Ok::<_, CrmProblem>(tx.named_context(&org, &external_id)?)).await?
    };
    match known {
        Some(context) => Ok(Some(context)),
        None => {
            let name = issuer.name_claim.as_deref().and_then(text);
            let data = ContextData { name, attributes: Map::new() };
            put_context(app, &org, &external_id, data).await.map(Some).map_err(|_| invalid())
        }
    }
}

/// The issuer that the token names, for each app that trusts it.
async fn trusted(app: &App, token: &str) -> Result<Vec<(Org, TokenIssuer)>, CrmProblem> {
    let unproven = jsonwebtoken::dangerous::insecure_decode::<Claims>(token).ok();
    let named = unproven.and_then(|token| token.claims.get("iss")?.as_str().map(str::to_owned));
    let Some(named) = named else { return Ok(Vec::new()) };
    let apps = app.store.read(|tx| Ok::<_, CrmProblem>(tx.apps::<AppSettings>()?)).await?;
    let issuers = apps
        .into_iter()
        .flat_map(|(org, settings)| settings.token_issuers.into_iter().map(move |issuer| (org.clone(), issuer)));
    Ok(issuers.filter(|(_, issuer)| issuer.issuer == named).collect())
}

/// The claims of a token whose signature, audience and times hold by our own clock.
async fn claims(app: &App, issuer: &TokenIssuer, token: &str) -> Option<Claims> {
    let header = jsonwebtoken::decode_header(token).ok()?;
    let keys = keys(app, issuer).await?;
    let key = match &header.kid {
        Some(kid) => keys.find(kid)?,
        None => keys.keys.first()?,
    };
    let mut rules = Validation::new(*ALGORITHMS.iter().find(|known| **known == header.alg)?);
    rules.set_issuer(&[&issuer.issuer]);
    // The library has a clock of its own, which is not ours.
    rules.validate_exp = false;
    rules.validate_aud = issuer.audience.is_some();
    rules.required_spec_claims = ["exp", "iss"].map(str::to_owned).into();
    if let Some(audience) = &issuer.audience {
        rules.set_audience(&[audience]);
    }
    let proven: TokenData<Claims> = jsonwebtoken::decode(token, &DecodingKey::from_jwk(key).ok()?, &rules).ok()?;
    let at = |name: &str| proven.claims.get(name).and_then(Json::as_i64).map(Time::from_secs);
    let (now, begins) = (app.env.now(), at("nbf"));
    let holds = at("exp").is_some_and(|end| now < end) && begins.is_none_or(|begin| begin <= now);
    holds.then_some(proven.claims)
}

async fn keys(app: &App, issuer: &TokenIssuer) -> Option<JwkSet> {
    let now = app.env.now();
    if let Some(keys) = app.issuer_keys.get(&issuer.jwks_url, now) {
        return Some(keys);
    }
    let request = http::Request::get(&issuer.jwks_url).header("accept", "application/json").body(Bytes::new()).ok()?;
    let answer = app.network.exchange(request, JWKS_LIMITS).await;
    let read = answer
        .map_err(|error| error.to_string())
        .and_then(|answer| serde_json::from_slice::<JwkSet>(answer.body()).map_err(|error| error.to_string()));
    match read {
        Ok(keys) => {
            app.issuer_keys.put(&issuer.jwks_url, now, keys.clone());
            Some(keys)
        }
        Err(error) => {
            tracing::warn!(
                issuer = issuer.issuer,
                error,
                "the keys of a token issuer cannot be read: its tokens are refused"
            );
            None
        }
    }
}

/// Keys of issuers that were fetched a short while ago.
#[derive(Clone, Debug, Default)]
pub struct IssuerKeys(std::sync::Arc<std::sync::Mutex<std::collections::HashMap<String, (Time, JwkSet)>>>);

/// How long fetched keys are used; an issuer that rotates publishes the new key before it signs with it.
const KEYS_KEPT: Duration = Duration::from_secs(300);

impl IssuerKeys {
    fn get(&self, url: &str, now: Time) -> Option<JwkSet> {
        let kept = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (at, keys) = kept.get(url)?;
        (now >= *at && now.since(*at) < KEYS_KEPT).then(|| keys.clone())
    }

    fn put(&self, url: &str, now: Time, keys: JwkSet) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(url.to_owned(), (now, keys));
    }
}
