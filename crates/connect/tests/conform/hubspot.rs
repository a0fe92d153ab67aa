//! HubSpot's world, and what only HubSpot has.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{Request, Response};
use lockstep_connect::FaultClass;
use lockstep_connect::oauth::{self, App, Pkce, Posted};
use lockstep_core::env::{Env, Time};
use lockstep_sandbox::{Effect, Hubspot, HubspotSettings};
use secrecy::ExposeSecret as _;
use tower::ServiceExt as _;

use crate::world::{Account, Delivery, Sample, World, on_its_sandbox};

struct HubspotAccount {
    sandbox: Hubspot,
    settings: HubspotSettings,
}

pub fn world(page_max: Option<usize>) -> World {
    World::new("hubspot", |env| {
        let clock = Arc::new(move || env.now().0);
        let settings = HubspotSettings { clock, page_max, ..HubspotSettings::default() };
        HubspotAccount { sandbox: Hubspot::new(settings.clone()), settings }
    })
}

impl Account for HubspotAccount {
    on_its_sandbox!();

    fn id(&self) -> String {
        self.settings.portal_id.to_string()
    }

    fn merge(&self, winner: &str, loser: &str) -> String {
        self.sandbox.merge(winner, loser).expect("a merge")
    }

    fn drop_property(&self, name: &str) {
        self.sandbox.drop_property(name).expect("a dropped property");
    }

    fn samples(&self) -> Vec<Sample> {
        let sample = |object, name, needs, optional, read_only| Sample { object, name, needs, optional, read_only };
        vec![
            sample("contacts", "lastname", &[], "jobtitle", "createdate"),
            sample("companies", "name", &[("name", "")], "city", "hs_lastmodifieddate"),
            sample(
                "deals",
                "dealname",
                &[("dealname", ""), ("dealstage", "qualifiedtobuy"), ("pipeline", "default")],
                "amount",
                "hs_is_closed",
            ),
            sample(
                "tickets",
                "subject",
                &[("subject", ""), ("hs_pipeline_stage", "1"), ("hs_pipeline", "0")],
                "content",
                "hs_object_id",
            ),
            sample("notes", "hs_note_body", &[], "hubspot_owner_id", "hs_createdate"),
            sample("p44237313_contracts", "contract_name", &[("contract_name", "")], "contract_value", "hs_object_id"),
        ]
    }

    fn drop_property_of(&self, object: &str, name: &str) {
        self.sandbox.drop_property_of(object, name).expect("a dropped property");
    }

    fn limit(&self) -> Effect {
        Effect::Status { status: 429, policy: Some("TEN_SECONDLY_ROLLING".into()) }
    }

    fn subscribe(&self, url: &str) -> String {
        self.sandbox.subscribe(url, &["email", "phone"]);
        self.settings.client_secret.clone()
    }

    fn hooks(&self) -> Vec<Delivery> {
        let taken = self.sandbox.take_hooks().into_iter();
        taken.map(|hook| Delivery::of(hook.url, &hook.headers, &hook.body)).collect()
    }
}

async fn post(router: &Router, path: &str, content_type: &str, body: String) -> Response<Body> {
    let request = Request::post(path).header(CONTENT_TYPE, content_type).body(Body::from(body));
    router.clone().oneshot(request.expect("a request")).await.expect("a router answers")
}

async fn allow(router: &Router, query: &str) -> Response<Body> {
    let form = format!("{query}&decision=allow");
    post(router, "/oauth/authorize", "application/x-www-form-urlencoded", form).await
}

async fn exchange(router: &Router, call: &Posted) -> (u16, serde_json::Value) {
    let response = post(router, "/oauth/v1/token", call.content_type, call.body.expose_secret().to_owned()).await;
    let status = response.status().as_u16();
    let bytes = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
    (status, serde_json::from_slice(&bytes).expect("JSON"))
}

/// The code flow with PKCE from the address to a renewed grant, and a revoked one.
#[tokio::test]
async fn a_code_becomes_a_grant_that_can_be_renewed_until_it_is_taken_back() {
    let (env, dial) = Env::manual(Time::from_secs(1_795_348_800), 3);
    let clock = dial.clone();
    let settings = HubspotSettings { clock: Arc::new(move || clock.now().0), ..HubspotSettings::default() };
    let app = App {
        client_id: settings.client_id.clone(),
        client_secret: settings.client_secret.clone().into(),
        redirect_uri: "https://sync.example.com/oauth/back".into(),
    };
    let sandbox = Hubspot::new(settings);
    let router = sandbox.router();
    let about = lockstep_connect::registry::find("hubspot").expect("HubSpot").about();
    let pkce = Pkce::new(&env);
    let address = oauth::authorize_url(&about.oauth, Some("/oauth/authorize"), &app, "st/ate", &pkce);

    let page =
        router.clone().oneshot(Request::get(&address).body(Body::empty()).expect("a request")).await.expect("a page");
    assert_eq!(page.status(), 200);
    let (_, query) = address.split_once('?').expect("a query");
    let back = allow(&router, query).await;
    let location = back.headers().get(LOCATION).expect("a way back").to_str().expect("text").to_owned();
    let back = url::Url::parse(&location).expect("an address");
    let answered = |name: &str| back.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    assert_eq!(answered("state").as_deref(), Some("st/ate"));

    let code = answered("code").expect("a code");
    let (status, body) =
        exchange(&router, &oauth::code_call(&about.oauth, &app, &code, &Pkce::of("x".repeat(43)))).await;
    let fault = oauth::read_grant(status, &body, env.now(), None).expect_err("another verifier");
    assert_eq!(fault.class, FaultClass::Reauthorise);

    let again = allow(&router, query).await;
    let location = again.headers().get(LOCATION).expect("a way back").to_str().expect("text").to_owned();
    let code = url::Url::parse(&location)
        .expect("an address")
        .query_pairs()
        .find(|(key, _)| key == "code")
        .expect("a code")
        .1
        .into_owned();
    let (status, body) = exchange(&router, &oauth::code_call(&about.oauth, &app, &code, &pkce)).await;
    let grant = oauth::read_grant(status, &body, env.now(), None).expect("a grant");
    assert_eq!(grant.expires_at, Some(Time::from_secs(env.now().as_secs() + 1_800)));

    let held = grant.refresh.expect("a refresh token");
    let (status, body) = exchange(&router, &oauth::refresh_call(&about.oauth, &app, &held)).await;
    let renewed = oauth::read_grant(status, &body, env.now(), Some(&held)).expect("a renewed grant");
    assert_ne!(renewed.access.expose_secret(), grant.access.expose_secret());

    sandbox.revoke();
    let (status, body) = exchange(&router, &oauth::refresh_call(&about.oauth, &app, &held)).await;
    let fault = oauth::read_grant(status, &body, env.now(), Some(&held)).expect_err("taken back");
    assert_eq!(fault.class, FaultClass::Reauthorise);
}
