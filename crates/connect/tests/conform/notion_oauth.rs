//! Notion's code flow.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{Request, Response};
use lockstep_connect::FaultClass;
use lockstep_connect::oauth::{self, App, Pkce, Posted};
use lockstep_core::env::{Env, Time};
use lockstep_sandbox::{Notion, NotionSettings};
use secrecy::ExposeSecret as _;
use serde_json::Value as Json;
use tower::ServiceExt as _;

async fn post(router: &Router, path: &str, call: &Posted) -> Response<Body> {
    let mut request = Request::post(path).header(CONTENT_TYPE, call.content_type);
    if let Some(client) = &call.authorization {
        request = request.header(AUTHORIZATION, client.expose_secret());
    }
    let request = request.body(Body::from(call.body.expose_secret().to_owned())).expect("a request");
    router.clone().oneshot(request).await.expect("a router answers")
}

async fn exchange(router: &Router, call: &Posted) -> (u16, Json) {
    let response = post(router, "/v1/oauth/token", call).await;
    let status = response.status().as_u16();
    let bytes = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
    (status, serde_json::from_slice(&bytes).expect("JSON"))
}

/// The code flow from the address to a renewed grant, and a revoked one.
#[tokio::test]
async fn a_code_becomes_a_grant_of_which_both_tokens_rotate() {
    let (env, _) = Env::manual(Time::from_secs(1_795_348_800), 3);
    let clock = env.clone();
    let settings = NotionSettings { clock: Arc::new(move || clock.now().0), ..NotionSettings::default() };
    let app = App {
        client_id: settings.client_id.clone(),
        client_secret: settings.client_secret.clone().into(),
        redirect_uri: "https://sync.example.com/oauth/back".into(),
    };
    let sandbox = Notion::new(settings);
    let router = sandbox.router();
    let about = lockstep_connect::registry::find("notion").expect("Notion").about();
    let pkce = Pkce::new(&env);
    let terms = about.oauth.as_ref().expect("OAuth");
    let address = oauth::authorize_url(terms, Some("/v1/oauth/authorize"), &app, "st/ate", &pkce);
    let (path, query) = address.split_once('?').expect("a query");
    assert!(query.contains("owner=user") && !query.contains("scope"), "{query}");
    let body = format!("{query}&decision=allow").into();
    let content_type = "application/x-www-form-urlencoded";
    let back = post(&router, path, &Posted { content_type, authorization: None, body }).await;
    let location = back.headers().get(LOCATION).expect("a way back").to_str().expect("text").to_owned();
    let back = url::Url::parse(&location).expect("an address");
    let answered = |name: &str| back.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    assert_eq!(answered("state").as_deref(), Some("st/ate"));

    let code = answered("code").expect("a code");
    let (status, body) = exchange(&router, &oauth::code_call(terms, &app, &code, &pkce)).await;
    let grant = oauth::read_grant(status, &body, env.now(), None).expect("a grant");
    assert_eq!(grant.expires_at, None, "Notion does not say");
    let held = grant.refresh.expect("a refresh token");
    let (status, body) = exchange(&router, &oauth::refresh_call(terms, &app, &held)).await;
    let renewed = oauth::read_grant(status, &body, env.now(), Some(&held)).expect("a renewed grant");
    let next = renewed.refresh.expect("a refresh token");
    assert_ne!(renewed.access.expose_secret(), grant.access.expose_secret());
    assert_ne!(next.expose_secret(), held.expose_secret());
    let (status, body) = exchange(&router, &oauth::refresh_call(terms, &app, &held)).await;
    let fault = oauth::read_grant(status, &body, env.now(), Some(&held)).expect_err("used");
    assert_eq!(fault.class, FaultClass::Reauthorise);
    sandbox.revoke();
    let (status, body) = exchange(&router, &oauth::refresh_call(terms, &app, &next)).await;
    assert_eq!(oauth::read_grant(status, &body, env.now(), None).expect_err("revoked").class, FaultClass::Reauthorise);
}
