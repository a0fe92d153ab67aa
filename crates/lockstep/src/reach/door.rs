//! The way out to one connection: address, authorisation, pacing, limits and tracing of every call.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request, Response};
use lockstep_connect::oauth::{Grant, Posted};
use lockstep_connect::{Answer, Call, Connector, Door, Fault, FaultClass, Memory, Proven, Window};
use lockstep_core::env::{Env, Time};
use lockstep_store::{ConnectionOf, StoreError};
use secrecy::ExposeSecret;
use serde_json::Value as Json;

use super::grant::{self, store_fault};
use super::pacing::{Account, Class, Refusal};
use crate::app::App;
use crate::network::{Body, Limits, Network, NetworkError};

/// What one call to a vendor may take.
pub const CALL_LIMITS: Limits =
    Limits { timeout: Duration::from_secs(30), body: Body::Whole { bytes_max: 16 * 1024 * 1024 } };

/// The door of one connection, or of one that is being made.
pub struct VendorDoor {
    pub(super) app: App,
    pub(super) connector: &'static dyn Connector,
    pub(super) base_url: String,
    pub(super) account: Arc<Account>,
    pub(super) memory: Arc<Memory>,
    pub(super) class: Class,
    /// Until when a call may wait for room.
    pub(super) patient_until: Time,
    pub(super) authority: Authority,
}

/// What a door acts with.
pub enum Authority {
    /// The stored grant of a connection, renewed when it ends.
    Connection(Box<ConnectionOf>),
    /// A grant that is tried before a connection is made of it.
    Trial(Grant),
}

#[async_trait]
impl Door for VendorDoor {
    async fn send(&self, call: Call) -> Result<Answer, Fault> {
        let connection = match &self.authority {
            Authority::Trial(grant) => return self.exchange(&call, grant).await,
            Authority::Connection(connection) => connection,
        };
        let (held, version) = self.grant(connection).await?;
        let answer = self.exchange(&call, &held).await?;
        if answer.status != 401 {
            return Ok(answer);
        }
        let renewed = self.renew(connection, version).await?;
        let answer = self.exchange(&call, &renewed).await?;
        if answer.status == 401 {
            let name = self.connector.about().name;
            let fault =
                Fault::new(FaultClass::Reauthorise, "token_refused", format!("{name} refuses the renewed token."));
            grant::lost(&self.app, connection, &fault).await?;
        }
        Ok(answer)
    }

    fn memory(&self) -> Option<&Memory> {
        Some(&self.memory)
    }
}

impl VendorDoor {
    /// Nothing is sent without room in the account's budget; the fault says when there is some.
    async fn admit(&self, call: &Call) -> Result<(), Fault> {
        loop {
            match self.account.admit(&self.app.store, &self.app.env, call.window, self.class).await {
                Ok(()) => return Ok(()),
                Err(Refusal::Full(room_at))
                    if room_at <= self.patient_until && self.app.env.wait_until(room_at).await => {}
                Err(Refusal::Full(room_at)) => {
                    let message = "The account's budget for this moment is used.";
                    let fault = Fault::new(FaultClass::Limited, "paced", message);
                    return Err(Fault { retry_at: Some(room_at), ..fault });
                }
                Err(Refusal::Store(error)) => return Err(store_fault(&error)),
            }
        }
    }

    async fn grant(&self, connection: &ConnectionOf) -> Result<(Grant, i64), Fault> {
        let (held, version) = grant::current(&self.app, connection).await?;
        if !held.is_due(self.app.env.now()) {
            return Ok((held, version));
        }
        self.renew(connection, version).await?;
        grant::current(&self.app, connection).await
    }

    async fn renew(&self, connection: &ConnectionOf, version: i64) -> Result<Grant, Fault> {
        let _single_flight = self.account.refreshing.lock().await;
        let renewed = grant::renew(&self.app, self.connector, connection, version).await;
        if let Err(fault) = &renewed
            && fault.class == FaultClass::Reauthorise
        {
            grant::lost(&self.app, connection, fault).await?;
        }
        renewed.map_err(unsent)
    }

    async fn exchange(&self, call: &Call, grant: &Grant) -> Result<Answer, Fault> {
        let request = request(self.connector, &self.base_url, call, grant)?;
        self.admit(call).await?;
        let sent_at = self.app.env.now();
        let answer = self.app.network.exchange(request, CALL_LIMITS).await;
        let path = call.path.split('?').next().unwrap_or_default();
        match &answer {
            Ok(answer) => tracing::debug!(
                vendor = self.connector.about().slug,
                method = call.method.as_str(),
                path,
                status = answer.status().as_u16(),
                "called"
            ),
            Err(error) => {
                tracing::info!(vendor = self.connector.about().slug, method = call.method.as_str(), path, %error, "a call got no answer")
            }
        }
        let answer = answer.map_err(|error| network_fault(&error, call.effect))?;
        if answer.status() == 429 {
            tracing::warn!(vendor = self.connector.about().slug, window = ?call.window, "429 although we kept to our share: somebody else uses the account, our share is halved");
            forgotten(self.account.refused(&self.app.store, call.window).await);
        }
        let answer = read(answer, call.effect, sent_at)?;
        if call.window == Window::General
            && let Some(usage) = self.connector.usage(&answer)
        {
            self.account.learn(usage, self.app.env.now());
        }
        if let Some(told) = self.connector.day(&answer) {
            self.account.learn_day(told, self.app.env.now());
        }
        if let Some(until) = self.connector.shut_until(&answer) {
            tracing::warn!(vendor = self.connector.about().slug, %until, "the account's day is used: no call is made before");
            forgotten(self.account.shut(&self.app.store, until).await);
        }
        Ok(answer)
    }
}

/// One call outside any connection: no budget is kept and nothing is learned.
pub(crate) async fn exchange_once(
    connector: &dyn Connector,
    base_url: &str,
    call: &Call,
    grant: &Grant,
    network: &dyn Network,
    env: &Env,
) -> Result<Answer, Fault> {
    let request = request(connector, base_url, call, grant)?;
    let sent_at = env.now();
    let answer = network.exchange(request, CALL_LIMITS).await.map_err(|error| network_fault(&error, call.effect))?;
    read(answer, call.effect, sent_at)
}

/// A limit that cannot be noted: the vendor will say it again.
fn forgotten(noted: Result<(), StoreError>) {
    if let Err(error) = noted {
        tracing::warn!(%error, "what the vendor said of its limits could not be noted");
    }
}

fn request(connector: &dyn Connector, base_url: &str, call: &Call, grant: &Grant) -> Result<Request<Bytes>, Fault> {
    let unsendable =
        |detail: String| Fault::new(FaultClass::Bug, "request", format!("The request cannot be built: {detail}"));
    let Proven { path, headers, body } = connector.prove(grant, call);
    let mut request = Request::builder()
        .method(call.method.as_str())
        .uri(format!("{}{path}", base_url.trim_end_matches('/')))
        .header(ACCEPT, "application/json");
    for (name, value) in connector.about().headers {
        request = request.header(*name, *value);
    }
    for (name, secret) in headers {
        let mut value = HeaderValue::from_str(secret.expose_secret()).map_err(|error| unsendable(error.to_string()))?;
        value.set_sensitive(true);
        request = request.header(name, value);
    }
    let body = body.as_ref().map(serde_json::to_vec).transpose().map_err(|error| unsendable(error.to_string()))?;
    if body.is_some() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    request.body(body.map(Bytes::from).unwrap_or_default()).map_err(|error| unsendable(error.to_string()))
}

/// Whether anything was sent decides what a missing answer means.
fn network_fault(error: &NetworkError, effect: bool) -> Fault {
    let class = match error {
        NetworkError::Refused(_) | NetworkError::NotSent(_) => FaultClass::Unreachable,
        NetworkError::Lost(_) if effect => FaultClass::Unknown,
        NetworkError::Lost(_) => FaultClass::Busy,
    };
    Fault::new(class, "network", error.to_string())
}

/// An answer whose success cannot be read leaves the effect unknown; a refusal that is not JSON is kept as text.
fn read(answer: Response<Bytes>, effect: bool, sent_at: Time) -> Result<Answer, Fault> {
    let (parts, bytes) = answer.into_parts();
    let body = match serde_json::from_slice(&bytes) {
        _ if bytes.is_empty() => Json::Null,
        Ok(body) => body,
        Err(_) if !parts.status.is_success() => Json::from(String::from_utf8_lossy(&bytes)),
        Err(error) => {
            let class = if effect { FaultClass::Unknown } else { FaultClass::Busy };
            return Err(Fault::new(class, "unreadable", format!("The answer is not whole: {error}")));
        }
    };
    Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body, sent_at })
}

/// Makes a token call. No grant goes with it and nothing of it is logged.
pub(super) async fn post_token_call(app: &App, url: &str, call: &Posted) -> Result<(u16, Json), Fault> {
    let unsendable = |error: http::Error| Fault::new(FaultClass::Bug, "request", error.to_string());
    let mut request = Request::post(url).header(CONTENT_TYPE, call.content_type).header(ACCEPT, "application/json");
    if let Some(authorization) = &call.authorization {
        request = request.header(AUTHORIZATION, authorization.expose_secret());
    }
    let request = request.body(Bytes::from(call.body.expose_secret().to_owned())).map_err(unsendable)?;
    // A token that was issued but never arrived does no harm: asking again is safe.
    let answer = app.network.exchange(request, CALL_LIMITS).await.map_err(|error| network_fault(&error, false))?;
    let status = answer.status().as_u16();
    Ok((status, serde_json::from_slice(answer.body()).unwrap_or(Json::Null)))
}

/// A renewal that failed: the call it was for was not sent, and no row of it is to blame.
fn unsent(fault: Fault) -> Fault {
    match fault.class {
        FaultClass::Busy | FaultClass::Unknown | FaultClass::Bug => Fault { class: FaultClass::Unreachable, ..fault },
        _ => fault,
    }
}
