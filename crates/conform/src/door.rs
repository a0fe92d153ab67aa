//! A door that ends in a sandbox's router, in memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use http::{HeaderMap, Request};
use lockstep_connect::{Answer, Call, Connector, Door, Fault, FaultClass, Grant, Memory, Proven, Session};
use lockstep_core::env::Env;
use lockstep_sandbox::Dropped;
use secrecy::ExposeSecret as _;
use serde_json::Value as Json;
use tower::ServiceExt as _;

pub struct RouterDoor {
    pub router: Router,
    pub env: Env,
    /// Whose calls they are, and what they are authorised by.
    pub connector: &'static dyn Connector,
    pub grant: Grant,
    pub memory: Memory,
    /// Answers given by something between us and the vendor, instead of the vendor's.
    pub proxy: Mutex<VecDeque<(u16, Json)>>,
}

impl RouterDoor {
    pub fn new(router: Router, env: Env, connector: &'static dyn Connector, token: &str) -> Self {
        let grant = Grant::fixed(token.to_owned().into());
        Self { router, env, connector, grant, memory: Memory::default(), proxy: Mutex::default() }
    }

    /// A connector, and a session of its own on the router.
    pub fn session(slug: &str, router: Router, env: Env, token: &str) -> (&'static dyn Connector, Session) {
        let connector = lockstep_connect::registry::find(slug).expect("a connector");
        let door = Arc::new(Self::new(router, env.clone(), connector, token));
        (connector, Session { door, env })
    }
}

#[async_trait]
impl Door for RouterDoor {
    async fn send(&self, call: Call) -> Result<Answer, Fault> {
        let sent_at = self.env.now();
        if let Some((status, body)) = self.proxy.lock().expect("the proxy").pop_front() {
            return Ok(Answer { status, headers: HeaderMap::new(), body, sent_at });
        }
        let lost =
            || Fault::new(if call.effect { FaultClass::Unknown } else { FaultClass::Busy }, "network", "no answer");
        let Proven { path, headers, body } = self.connector.prove(&self.grant, &call);
        let mut request =
            Request::builder().method(call.method.as_str()).uri(&path).header("content-type", "application/json");
        for (name, value) in self.connector.about().headers {
            request = request.header(*name, *value);
        }
        for (name, secret) in headers {
            request = request.header(name, secret.expose_secret());
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = request.body(body).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("a router answers");
        if response.extensions().get::<Dropped>().is_some() {
            return Err(lost());
        }
        let (head, body) = response.into_parts();
        let bytes = to_bytes(body, 16 * 1024 * 1024).await.map_err(|_| lost())?;
        let text = || Json::String(String::from_utf8_lossy(&bytes).into_owned());
        let body =
            if bytes.is_empty() { Json::Null } else { serde_json::from_slice(&bytes).unwrap_or_else(|_| text()) };
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body, sent_at })
    }

    fn memory(&self) -> Option<&Memory> {
        Some(&self.memory)
    }
}
