//! Notion's world.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::{Body, to_bytes};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, Request};
use lockstep_sandbox::{Effect, Fault, Notion, NotionSettings};
use serde_json::Value as Json;
use tower::ServiceExt as _;

use crate::world::{Account, Delivery, Lack, Sample, Strike, World};

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
    fn sample(&self, object: &str, optional: &str, read_only: &str) -> Sample {
        let source = self.sandbox.data_source_id(object).expect("a data source");
        let described = at_once(&self.router(), &format!("/v1/data_sources/{source}"));
        let leak = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
        let id = |name: &str| leak(described["properties"][name]["id"].as_str().expect("an id"));
        Sample { object: leak(&source), name: "title", needs: &[], optional: id(optional), read_only: id(read_only) }
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
        vec![self.sample("Contacts", "Notes", "Created")]
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

    fn lacks(&self, lack: Lack) -> Option<&'static str> {
        match lack {
            Lack::UniqueAddresses | Lack::UniqueKeys => Some("nothing is unique"),
            Lack::Merges => Some("pages are not merged"),
            Lack::LateChanges => Some("queries have no index that lags"),
            _ => None,
        }
    }

    /// The look-up of the data source, and the look into the trash.
    fn extra_scan_calls(&self) -> u64 {
        2
    }
}
