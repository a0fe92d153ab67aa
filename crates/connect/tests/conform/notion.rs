//! Notion's world, and what only Notion has.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, Request, Response};
use lockstep_connect::oauth::{self, App, Pkce, Posted};
use lockstep_connect::{FaultClass, Find, Got, Outcome, Write};
use lockstep_core::env::{Env, Time};
use lockstep_sandbox::{Effect, Fault, Notion, NotionSettings};
use secrecy::ExposeSecret as _;
use serde_json::Value as Json;
use tower::ServiceExt as _;

use crate::world::{Account, Delivery, KEY, Sample, Strike, World, set};

pub struct NotionAccount {
    pub sandbox: Notion,
    settings: NotionSettings,
}

pub fn world(page_max: Option<usize>) -> World {
    let with = |settings| NotionSettings { page_max: page_max.unwrap_or(100), ..settings };
    world_of(with).0
}

/// A world and its sandbox.
pub fn world_of(with: impl FnOnce(NotionSettings) -> NotionSettings) -> (World, Notion) {
    let mut kept = None;
    let world = World::new("notion", |env| {
        let clock = Arc::new(move || env.now().0);
        // What is announced is sent at once: cases do not wait for bundles.
        let settings = with(NotionSettings { clock, bundle_us: 0, ..NotionSettings::default() });
        let sandbox = Notion::new(settings.clone());
        kept = Some(sandbox.clone());
        NotionAccount { sandbox, settings }
    });
    (world, kept.expect("a sandbox"))
}

/// The names for people of what cases call by the connector's names.
fn by_label<'a>(properties: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    properties.iter().map(|(name, value)| (label(name), *value)).collect()
}

fn label(name: &str) -> &str {
    match name {
        "title" => "Name",
        "email" => "Email",
        "phone_number" => "Phone",
        other => other,
    }
}

/// What the router answers; it needs no runtime.
pub fn at_once(router: &Router, path: &str) -> Json {
    let request = Request::get(path).header(AUTHORIZATION, "Bearer x").header("notion-version", "2025-09-03");
    let call = async {
        let response =
            router.clone().oneshot(request.body(Body::empty()).expect("a request")).await.expect("an answer");
        to_bytes(response.into_body(), 1 << 24).await.expect("a body")
    };
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(bytes) => serde_json::from_slice(&bytes).expect("JSON"),
        Poll::Pending => panic!("the router waits"),
    }
}

impl NotionAccount {
    /// A data source with the ids of two of its properties, by name.
    fn sample(&self, object: &str, optional: &str, read_only: Option<&str>) -> Sample {
        let source = self.sandbox.data_source_id(object).expect("a data source");
        let described = at_once(&self.router(), &format!("/v1/data_sources/{source}"));
        let leak = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
        let id = |name: &str| leak(described["properties"][name]["id"].as_str().expect("an id"));
        // A data source without read-only properties gets away with a file, which we do not write.
        let read_only = read_only.map(id);
        Sample {
            object: leak(&source),
            name: "title",
            needs: &[],
            optional: id(optional),
            read_only: read_only.expect("a property that cannot be written"),
        }
    }
}

impl Account for NotionAccount {
    fn router(&self) -> Router {
        self.sandbox.router()
    }

    fn id(&self) -> String {
        self.settings.workspace_id.clone()
    }

    fn create(&self, properties: &[(&str, &str)]) -> String {
        self.sandbox.create(&by_label(properties)).expect("a page")
    }

    fn edit(&self, id: &str, properties: &[(&str, &str)]) {
        self.sandbox.edit(id, &by_label(properties)).expect("an edit");
    }

    fn archive(&self, id: &str) {
        self.sandbox.archive(id).expect("a page in the trash");
    }

    fn merge(&self, _winner: &str, _loser: &str) -> String {
        panic!("Notion merges no pages")
    }

    fn drop_property(&self, name: &str) {
        self.sandbox.drop_property(label(name)).expect("a dropped property");
    }

    fn samples(&self) -> Vec<Sample> {
        // The other data sources of the sandbox have nothing that cannot be written.
        vec![self.sample("Contacts", "Notes", Some("Created"))]
    }

    fn drop_property_of(&self, object: &str, name: &str) {
        self.sandbox.drop_property_of(object, name).expect("a dropped property");
    }

    fn revoke(&self) {
        self.sandbox.revoke();
    }

    fn living(&self) -> usize {
        self.sandbox.records().iter().filter(|record| !record.archived).count()
    }

    fn strike(&self, strike: Strike) {
        self.sandbox.faults().push(Fault::anywhere(match strike {
            Strike::LostBefore => Effect::LostBefore,
            Strike::LostAfter => Effect::LostAfter,
            Strike::Truncated => Effect::Truncate,
            Strike::TooMany => Effect::Status { status: 429, policy: None },
        }));
    }

    fn set_clock_offset(&self, seconds: i64) {
        self.sandbox.set_clock_offset(seconds * 1_000_000);
    }

    fn calls(&self) -> (u64, u64) {
        let calls = self.sandbox.calls();
        self.sandbox.reset_calls();
        (calls.total, calls.throttled)
    }

    fn subscribe(&self, url: &str) -> String {
        self.sandbox.subscribe(url);
        let handshake: Json = serde_json::from_slice(&self.sandbox.take_hooks()[0].body).expect("JSON");
        let token = handshake["verification_token"].as_str().expect("a token").to_owned();
        assert!(self.sandbox.verify_hooks(&token));
        token
    }

    fn hooks(&self) -> Vec<Delivery> {
        let deliveries = self.sandbox.take_hooks().into_iter();
        deliveries
            .map(|delivery| {
                let header = |(name, value): &(String, String)| {
                    (name.parse::<HeaderName>().expect("a name"), value.parse().expect("a value"))
                };
                let headers: HeaderMap = delivery.headers.iter().map(header).collect();
                Delivery { url: delivery.url, headers, body: delivery.body.to_vec() }
            })
            .collect()
    }

    /// Notion has no merge.
    fn merges(&self) -> bool {
        false
    }

    /// Notion keeps nothing unique.
    fn keeps_emails_unique(&self) -> bool {
        false
    }

    /// Queries of a data source show what is there.
    fn search_lags(&self) -> bool {
        false
    }

    /// The look-up of the data source, and the look into the trash.
    fn extra_scan_calls(&self) -> u64 {
        2
    }
}

fn asked(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn our_id_in_a_plain_property_leads_back_to_the_page() {
    let (world, sandbox) = world_of(|settings| settings);
    world.connector.add_key_property(&world.session, KEY).await.expect("a property");
    world.connector.add_key_property(&world.session, KEY).await.expect("the same one");
    let described = world.connector.describe(&world.session).await.expect("a description").properties;
    assert!(described.iter().any(|property| property.name == KEY && !property.unique && !property.read_only));
    let rows = vec![world.create("b", &[("title", "Ada")])];
    sandbox.reset_calls();
    let made = world.write_one(&Write::Create { key: Some(KEY.into()), rows }).await;
    assert_eq!(sandbox.calls().total, 1, "what the data source looks like is known already");
    let by_key = Find::Key { property: KEY.into(), values: vec!["cnt_b".into(), "cnt_nobody".into()] };
    let found = world.connector.find(&world.session, &by_key, &[]).await.expect("an answer");
    let told: Vec<_> = found.iter().map(|record| (record.id.as_str(), record.text(KEY))).collect();
    assert_eq!(told, [(made.id.as_str(), Some("cnt_b"))]);
}

#[tokio::test]
async fn a_renamed_property_stays_what_it_is() {
    let (world, sandbox) = world_of(|settings| settings);
    let id = sandbox.create(&[("Name", "Ada"), ("Phone", "+14155551212")]).expect("a page");
    world.acquaint().await;
    sandbox.rename_property("Phone", "Mobil").expect("a rename");
    let Got::Found(record) = world.get(&[&id]).await.remove(0) else { panic!("it is there") };
    assert_eq!(record.text("phone_number"), Some("+14155551212"));
    let update = Write::Update(vec![world.update("a", &id, set(&[("phone_number", "+14155551213")]))]);
    assert_eq!(world.write_one(&update).await.text("phone_number"), Some("+14155551213"));
}

#[tokio::test]
async fn what_a_page_shows_in_part_is_read_whole() {
    let (world, sandbox) = world_of(|settings| settings);
    let firms: Vec<String> =
        (0..30).map(|n| sandbox.create_of("Companies", &[("Name", &format!("Firm {n}"))]).expect("a page")).collect();
    let id = sandbox.create(&[("Name", "Ada"), ("Company", &firms.join(","))]).expect("a page");
    let got = world.connector.get(&world.session, &[id], &asked(&["Company"])).await.expect("an answer").remove(0);
    let Got::Found(record) = got else { panic!("{got:?}") };
    assert_eq!(record.text("Company").map(|all| all.split(';').count()), Some(30));
}

#[tokio::test]
async fn pages_of_other_data_sources_are_no_contacts() {
    let (world, sandbox) = world_of(|settings| settings);
    let firm = sandbox.create_of("Companies", &[("Name", "Firm")]).expect("a page");
    assert!(matches!(world.get(&[&firm]).await[..], [Got::Missing]));
}

#[tokio::test]
async fn contacts_that_are_shared_no_more_stop_the_connection() {
    let (world, sandbox) = world_of(|settings| settings);
    let page = world.connector.changes(&world.session, None, &[]).await.expect("a page");
    sandbox.hide(&sandbox.data_source_id("Contacts").expect("an id")).expect("hidden");
    let fault = world.connector.changes(&world.session, Some(&page.cursor), &[]).await.expect_err("hidden");
    assert_eq!(fault.class, FaultClass::Forbidden);
    let fault = world.connector.describe(&world.session).await.expect_err("hidden");
    assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Forbidden, "NO_CONTACTS"));
}

#[tokio::test]
async fn a_scan_goes_on_beyond_what_one_query_shows() {
    let (world, sandbox) = world_of(|settings| NotionSettings { query_max: 10, page_max: 4, ..settings });
    let mut ids = Vec::new();
    for n in 0..35 {
        ids.push(sandbox.create(&[("Name", &format!("N{n}"))]).expect("a page"));
        world.dial.advance(Duration::from_secs(20));
    }
    let (mut seen, mut cursor) = (std::collections::BTreeSet::new(), None);
    loop {
        let page = world.connector.changes(&world.session, cursor.as_ref(), &[]).await.expect("a page");
        seen.extend(page.records.into_iter().map(|record| record.id));
        cursor = Some(page.cursor);
        if !page.more {
            break;
        }
    }
    assert_eq!(seen.len(), ids.len());
    let (mut listed, mut after) = (std::collections::BTreeSet::new(), None);
    loop {
        let page = world.connector.list_ids(&world.session, false, after.as_deref()).await.expect("a page");
        listed.extend(page.records.into_iter().map(|listed| listed.id));
        after = page.after;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed, seen);
}

#[tokio::test]
async fn a_page_that_goes_to_the_trash_during_a_scan_hides_no_other() {
    let (world, sandbox) = world_of(|settings| NotionSettings { page_max: 4, ..settings });
    let ids: Vec<String> = (0..10)
        .map(|n| {
            world.dial.advance(Duration::from_secs(60));
            sandbox.create(&[("Name", &format!("N{n}"))]).expect("a page")
        })
        .collect();
    world.dial.advance(Duration::from_secs(600));
    let (mut seen, mut cursor) = (std::collections::BTreeSet::new(), None);
    for round in 0.. {
        let page = world.connector.changes(&world.session, cursor.as_ref(), &[]).await.expect("a page");
        seen.extend(page.records.into_iter().map(|record| record.id));
        cursor = Some(page.cursor);
        if round == 0 {
            sandbox.archive(&ids[0]).expect("in the trash");
        }
        if !page.more {
            break;
        }
    }
    assert_eq!(seen.len(), ids.len(), "the one that moved into its place was seen, too");
}

#[tokio::test]
async fn edits_within_one_minute_are_seen_and_never_end_the_scan() {
    let (world, sandbox) = world_of(|settings| settings);
    let id = sandbox.create(&[("Name", "One")]).expect("a page");
    let mut cursor = None;
    for name in ["Two", "Three", "Four"] {
        sandbox.edit(&id, &[("Name", name)]).expect("an edit");
        world.dial.advance(Duration::from_secs(5));
        let page = world.connector.changes(&world.session, cursor.as_ref(), &world.asked()).await.expect("a page");
        assert_eq!((page.records[0].text("title"), page.more), (Some(name), false), "all have one stamp");
        cursor = Some(page.cursor);
    }
    world.dial.advance(Duration::from_secs(180));
    for expected in [1, 0] {
        let page = world.connector.changes(&world.session, cursor.as_ref(), &world.asked()).await.expect("a page");
        assert_eq!((page.records.len(), page.more), (expected, false), "the overlap ends with the minute");
        cursor = Some(page.cursor);
    }
}

#[tokio::test]
async fn a_create_that_was_saved_though_it_was_refused_is_one_page() {
    let (world, sandbox) = world_of(|settings| settings);
    world.acquaint().await;
    let committed = Effect::Status { status: 503, policy: Some("committed".into()) };
    sandbox.faults().push(Fault::once("POST /v1/pages", committed));
    let rows = vec![world.create("a", &[("email", "ada@example.com")])];
    let outcome = world.write(&Write::Create { key: None, rows }).await.expect("an answer").remove(0);
    let Ok(Outcome::Written(record)) = outcome else { panic!("{outcome:?}") };
    assert_eq!((record.text("email"), world.account.living()), (Some("ada@example.com"), 1));
    assert!(sandbox.get(&record.id).is_some());
}

#[tokio::test]
async fn overload_and_a_page_of_a_proxy_are_waited_for_and_a_block_is_not() {
    let (world, sandbox) = world_of(|settings| settings);
    world.acquaint().await;
    let cases = [
        (529, None, FaultClass::Busy),
        (503, Some("html"), FaultClass::Busy),
        (503, None, FaultClass::Unknown),
        (409, None, FaultClass::Busy),
        (429, Some("public_api_request_blocked"), FaultClass::Forbidden),
    ];
    for (status, policy, class) in cases {
        let effect = Effect::Status { status, policy: policy.map(str::to_owned) };
        sandbox.faults().push(Fault::once("POST /v1/pages", effect));
        let rows = vec![world.create("a", &[("email", "ada@example.com")])];
        let fault = world.write(&Write::Create { key: None, rows }).await.expect_err("refused");
        assert_eq!(fault.class, class, "{status} {policy:?}");
    }
}

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
    let address = oauth::authorize_url(&about.oauth, Some("/v1/oauth/authorize"), &app, "st/ate", &pkce);
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
    let (status, body) = exchange(&router, &oauth::code_call(&about.oauth, &app, &code, &pkce)).await;
    let grant = oauth::read_grant(status, &body, env.now(), None).expect("a grant");
    assert_eq!(grant.expires_at, None, "Notion does not say");
    let held = grant.refresh.expect("a refresh token");
    let (status, body) = exchange(&router, &oauth::refresh_call(&about.oauth, &app, &held)).await;
    let renewed = oauth::read_grant(status, &body, env.now(), Some(&held)).expect("a renewed grant");
    let next = renewed.refresh.expect("a refresh token");
    assert_ne!(renewed.access.expose_secret(), grant.access.expose_secret());
    assert_ne!(next.expose_secret(), held.expose_secret());
    let (status, body) = exchange(&router, &oauth::refresh_call(&about.oauth, &app, &held)).await;
    let fault = oauth::read_grant(status, &body, env.now(), Some(&held)).expect_err("used");
    assert_eq!(fault.class, FaultClass::Reauthorise);
    sandbox.revoke();
    let (status, body) = exchange(&router, &oauth::refresh_call(&about.oauth, &app, &next)).await;
    assert_eq!(oauth::read_grant(status, &body, env.now(), None).expect_err("revoked").class, FaultClass::Reauthorise);
}
