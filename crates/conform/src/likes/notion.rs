//! Notion's world.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::Request;
use http::header::AUTHORIZATION;
use lockstep_core::crm::ApiObject;
use lockstep_sandbox::{Notion, NotionSettings};
use serde_json::Value as Json;
use tower::ServiceExt as _;

use crate::live::fixed;
use crate::world::{Account, Delivery, Lack, Sample, World, at_once, on_its_sandbox};

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
    World::with("notion", |env| {
        let clock = Arc::new(move || env.now().0);
        // What is announced is sent at once: cases do not wait for bundles.
        let settings = with(NotionSettings { clock, bundle_us: 0, ..NotionSettings::default() });
        let sandbox = Notion::new(settings.clone());
        (NotionAccount { sandbox: sandbox.clone(), settings }, sandbox)
    })
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

/// What the router answers.
fn get(router: Router, path: &str) -> Json {
    let request = Request::get(path).header(AUTHORIZATION, "Bearer x").header("notion-version", "2025-09-03");
    let request = request.body(Body::empty()).expect("a request");
    let bytes = at_once(async {
        let response = router.oneshot(request).await.expect("an answer");
        to_bytes(response.into_body(), 1 << 24).await.expect("a body")
    });
    serde_json::from_slice(&bytes).expect("JSON")
}

impl NotionAccount {
    /// A data source with the ids of two of its properties, by name.
    fn sample(&self, object: &str, optional: &str, read_only: &str) -> Sample {
        let source = self.sandbox.data_source_id(object).expect("a data source");
        let described = get(self.sandbox.router(), &format!("/v1/data_sources/{source}"));
        let leak = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
        let id = |name: &str| leak(described["properties"][name]["id"].as_str().expect("an id"));
        Sample { object: leak(&source), name: "title", needs: &[], optional: id(optional), read_only: id(read_only) }
    }
}

impl Account for NotionAccount {
    on_its_sandbox!();

    fn id(&self) -> String {
        self.settings.workspace_id.clone()
    }

    fn create(&self, properties: &[(&str, &str)]) -> String {
        self.sandbox.create(&by_label(properties)).expect("a page")
    }

    fn edit(&self, id: &str, properties: &[(&str, &str)]) {
        self.sandbox.edit(id, &by_label(properties)).expect("an edit");
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

    /// Every account's data sources have ids of their own.
    fn samples_among(&self, listed: &[ApiObject], describe: &dyn Fn(&str) -> ApiObject) -> Vec<Sample> {
        let Some(contacts) = listed.iter().find(|object| object.label_many.eq_ignore_ascii_case("Contacts")) else {
            return Vec::new();
        };
        let Some(read_only) = fixed(&describe(&contacts.slug)) else { return Vec::new() };
        let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
        let (object, read_only) = (leak(contacts.slug.clone()), leak(read_only));
        vec![Sample { object, name: "title", needs: &[], optional: "", read_only }]
    }

    fn drop_property_of(&self, object: &str, name: &str) {
        self.sandbox.drop_property_of(object, name).expect("a dropped property");
    }

    fn subscribe(&self, url: &str) -> String {
        self.sandbox.subscribe(url);
        let handshake: Json = serde_json::from_slice(&self.sandbox.take_hooks()[0].body).expect("JSON");
        let token = handshake["verification_token"].as_str().expect("a token").to_owned();
        assert!(self.sandbox.verify_hooks(&token));
        token
    }

    fn hooks(&self) -> Vec<Delivery> {
        let taken = self.sandbox.take_hooks().into_iter();
        taken.map(|hook| Delivery::of(hook.url, &hook.headers, &hook.body)).collect()
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
