//! The network of a [`World`](super::World): the sandbox's router and webhook subscribers, in memory.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::header::DATE;
use http::{HeaderValue, Request, Response};
use http_body_util::BodyExt;
use lockstep::network::{Limits, Network, NetworkError};
use lockstep_sandbox::{Clock, Delayed, Dropped, Hubspot, Meta};
use tower::ServiceExt;

use super::GRAPH;

/// Where HubSpot's sandbox is to be found.
pub const CRM: &str = "https://hubspot.test";

/// One exchange, for those who check what was asked.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub uri: String,
    pub request: Bytes,
    /// `None` when the caller got no answer.
    pub status: Option<u16>,
    /// Empty when the caller got none.
    pub answer: Bytes,
}

/// Routes by host. Before and after each exchange it returns `Pending` once.
pub struct Wire {
    hubspot: Router,
    meta: Router,
    /// The time in HubSpot's `Date` header.
    vendor_clock: Clock,
    exchanges: Mutex<Vec<Exchange>>,
    /// What the vendor gave us to act with.
    issued: Mutex<Vec<String>>,
    /// Other servers, by the beginning of their addresses.
    servers: Mutex<BTreeMap<String, Router>>,
    /// What other servers answer, by address.
    pages: Mutex<BTreeMap<String, serde_json::Value>>,
}

impl Wire {
    pub fn new(hubspot: &Hubspot, meta: &Meta, vendor_clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            hubspot: hubspot.router(),
            meta: meta.router(),
            vendor_clock,
            exchanges: Mutex::default(),
            issued: Mutex::default(),
            servers: Mutex::default(),
            pages: Mutex::default(),
        })
    }

    /// Exchanges since the last call.
    pub fn take_exchanges(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.exchanges())
    }

    /// Every access and refresh token that the vendor has issued.
    pub fn issued(&self) -> Vec<String> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note_issued(&self, uri: &str, answer: &Bytes) {
        if !uri.ends_with("/oauth/v1/token") {
            return;
        }
        let read: serde_json::Value = serde_json::from_slice(answer).unwrap_or_default();
        let tokens = ["access_token", "refresh_token"].into_iter().filter_map(|name| read[name].as_str());
        self.issued.lock().unwrap_or_else(PoisonError::into_inner).extend(tokens.map(str::to_owned));
    }

    /// Serves a page at an address.
    pub fn serve(&self, uri: &str, page: serde_json::Value) {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).insert(uri.to_owned(), page);
    }

    /// Puts a server on the network.
    pub fn route(&self, base_url: &str, server: Router) {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner).insert(base_url.to_owned(), server);
    }

    fn server(&self, uri: &str) -> Option<Router> {
        let servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        servers.iter().find(|(base_url, _)| uri.starts_with(*base_url)).map(|(_, server)| server.clone())
    }

    fn exchanges(&self) -> MutexGuard<'_, Vec<Exchange>> {
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn page(&self, uri: &str) -> Option<Response<Bytes>> {
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.get(uri).map(|page| Response::new(Bytes::from(page.to_string())))
    }

    async fn ask(
        &self,
        sandbox: &Router,
        request: Request<Bytes>,
        limits: Limits,
    ) -> Result<Response<Bytes>, NetworkError> {
        let lost = |why: &str| NetworkError::Lost(why.to_owned());
        let answer = sandbox.clone().oneshot(request.map(Body::from)).await.map_err(|never| match never {})?;
        if answer.extensions().get::<Dropped>().is_some() {
            return Err(lost("the connection ended"));
        }
        if let Some(Delayed(us)) = answer.extensions().get()
            && Duration::from_micros(us.unsigned_abs()) > limits.timeout
        {
            return Err(lost("no answer in time"));
        }
        let (mut parts, body) = answer.into_parts();
        let body = body.collect().await.map_err(|_| lost("the connection broke off"))?.to_bytes();
        if let Some(date) = http_date((self.vendor_clock)()) {
            parts.headers.insert(DATE, date);
        }
        Ok(Response::from_parts(parts, body))
    }
}

/// Subscribers take everything.
fn subscriber() -> Response<Bytes> {
    Response::new(Bytes::from_static(b"{}"))
}

fn http_date(us: i64) -> Option<HeaderValue> {
    let at = jiff::Timestamp::from_microsecond(us).ok()?;
    HeaderValue::from_str(&at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()).ok()
}

#[async_trait]
impl Network for Wire {
    async fn exchange(&self, request: Request<Bytes>, limits: Limits) -> Result<Response<Bytes>, NetworkError> {
        let uri = request.uri().to_string();
        let sent = request.body().clone();
        boundary().await;
        let answer = match (self.server(&uri), &uri) {
            (Some(server), _) => self.ask(&server, request, limits).await,
            (None, uri) if uri.starts_with(CRM) => self.ask(&self.hubspot, request, limits).await,
            (None, uri) if uri.starts_with(GRAPH) => self.ask(&self.meta, request, limits).await,
            (None, uri) => Ok(self.page(uri).unwrap_or_else(subscriber)),
        };
        let body = answer.as_ref().map(|answer| answer.body().clone()).unwrap_or_default();
        let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
        self.note_issued(&uri, &body);
        self.exchanges().push(Exchange { uri, request: sent, status, answer: body });
        boundary().await;
        answer
    }
}

async fn boundary() {
    let mut passed = false;
    poll_fn(|context| {
        if std::mem::replace(&mut passed, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
