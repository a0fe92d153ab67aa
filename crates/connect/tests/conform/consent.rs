//! A vendor's page of consent and its token endpoint, as they are used in the code flow.

use axum::Router;
use axum::body::{Body, to_bytes};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, LOCATION};
use http::{Request, Response};
use lockstep_connect::oauth::{self, App, OAuth, Pkce, Posted};
use lockstep_connect::{Connector, Fault, Grant};
use lockstep_core::env::{Env, Time};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value as Json;
use tower::ServiceExt as _;
use url::Url;

/// What is carried along to the page and back.
const STATE: &str = "st/ate";

pub struct Consent {
    pub connector: &'static dyn Connector,
    pub env: Env,
    router: Router,
    app: App,
    /// Where the account lives, where the vendor wants to know.
    pub host: Option<&'static str>,
}

/// Our clock, and the vendor's.
pub fn clock() -> Env {
    Env::manual(Time::from_secs(1_795_348_800), 3).0
}

impl Consent {
    pub fn new(slug: &str, env: Env, router: Router, client_id: String, client_secret: String) -> Self {
        let redirect_uri = "https://sync.example.com/oauth/back".into();
        let app = App { client_id, client_secret: client_secret.into(), redirect_uri };
        let connector = lockstep_connect::registry::find(slug).expect("a connector");
        Self { connector, env, router, app, host: None }
    }

    fn terms(&self) -> &'static OAuth {
        self.connector.about().oauth.as_ref().expect("OAuth")
    }

    /// The address that a person opens.
    pub fn address(&self, pkce: &Pkce) -> String {
        let oauth = self.terms();
        let page = Url::parse(oauth.authorize_url).expect("an address");
        oauth::authorize_url(oauth, Some(page.path()), &self.app, STATE, pkce)
    }

    /// What the page shows at first.
    pub async fn open(&self, address: &str) -> Response<Body> {
        self.send(Request::get(address).body(Body::empty()).expect("a request")).await
    }

    /// Allows it there; gives the code that comes back.
    pub async fn allow(&self, address: &str) -> String {
        let (path, query) = address.split_once('?').expect("a query");
        let body = format!("{query}&decision=allow").into();
        let content_type = "application/x-www-form-urlencoded";
        let back = self.post(path, &Posted { content_type, authorization: None, body }).await;
        let back = back.headers().get(LOCATION).expect("a way back").to_str().expect("text");
        let back = Url::parse(back).expect("an address");
        let told = |name: &str| back.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        assert_eq!(told("state").as_deref(), Some(STATE));
        told("code").expect("a code")
    }

    /// What a code becomes, and the answer that told it.
    pub async fn grant(&self, code: &str, pkce: &Pkce) -> Result<(Grant, Json), Fault> {
        self.ask(&oauth::code_call(self.terms(), &self.app, code, pkce), None).await
    }

    pub async fn renew(&self, held: &SecretString) -> Result<Grant, Fault> {
        let call = oauth::refresh_call(self.terms(), &self.app, held);
        Ok(self.ask(&call, Some(held)).await?.0)
    }

    async fn ask(&self, call: &Posted, held: Option<&SecretString>) -> Result<(Grant, Json), Fault> {
        let endpoint = Url::parse(self.terms().token_url).expect("an address");
        let response = self.post(endpoint.path(), call).await;
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
        let body = serde_json::from_slice(&bytes).expect("JSON");
        Ok((oauth::read_grant(status, &body, self.env.now(), held)?, body))
    }

    async fn post(&self, path: &str, call: &Posted) -> Response<Body> {
        let mut request = Request::post(path).header(CONTENT_TYPE, call.content_type);
        if let Some(client) = &call.authorization {
            request = request.header(AUTHORIZATION, client.expose_secret());
        }
        if let Some(host) = self.host {
            request = request.header(HOST, host);
        }
        self.send(request.body(Body::from(call.body.expose_secret().to_owned())).expect("a request")).await
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.expect("a router answers")
    }
}
