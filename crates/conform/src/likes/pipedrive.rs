//! Pipedrive's world.

use std::sync::Arc;

use axum::body::Body;
use http::Request;
use http::header::CONTENT_TYPE;
use lockstep_core::env::Env;
use lockstep_sandbox::pipedrive::{Limits, Plan};
use lockstep_sandbox::{Pipedrive, PipedriveSettings};
use serde_json::json;
use tower::ServiceExt as _;

use crate::world::{Account, Delivery, Lack, Sample, World, at_once, on_its_sandbox};

pub struct PipedriveAccount {
    pub sandbox: Pipedrive,
    pub settings: PipedriveSettings,
}

/// A company where nobody meets the burst: calls here take no time.
pub fn settings(env: Env) -> PipedriveSettings {
    let limits = Limits { personal_burst: 10_000, search_burst: 10_000, ..Limits::of(Plan::Ultimate, 10) };
    PipedriveSettings { clock: Arc::new(move || env.now().0), limits, ..PipedriveSettings::default() }
}

pub fn world(page_max: Option<usize>) -> World {
    World::new("pipedrive", |env| {
        let settings = PipedriveSettings { page_max, ..settings(env) };
        PipedriveAccount { sandbox: Pipedrive::new(settings.clone()), settings }
    })
}

impl Account for PipedriveAccount {
    on_its_sandbox!();

    fn id(&self) -> String {
        self.settings.company_id.to_string()
    }

    /// Pipedrive's page wants everybody to have a name.
    fn wanted(&self) -> Option<&'static str> {
        Some("name")
    }

    fn merge(&self, winner: &str, loser: &str) -> String {
        self.sandbox.merge(winner, loser).expect("a merge")
    }

    fn drop_property(&self, name: &str) {
        self.sandbox.drop_property(name).expect("a dropped property");
    }

    fn bad_address(&self) -> Option<String> {
        Some(format!("{}@example.com", "x".repeat(300)))
    }

    fn lacks(&self, lack: Lack) -> Option<&'static str> {
        match lack {
            Lack::UniqueAddresses => Some("nothing is unique"),
            Lack::TraceOfMerges => Some("a loser is only deleted"),
            Lack::ArchivedList => Some("deleted records are in no list of v2"),
            Lack::LateChanges => Some("lists have no index"),
            _ => None,
        }
    }

    fn samples(&self) -> Vec<Sample> {
        let sample = |object, name, needs, optional, read_only| Sample { object, name, needs, optional, read_only };
        vec![
            sample("persons", "name", &[("name", "")], "job_title", "first_name"),
            sample("organizations", "name", &[("name", "")], "website", "add_time"),
            sample("deals", "title", &[("title", "")], "lost_reason", "stage_change_time"),
            sample("activities", "subject", &[], "public_description", "marked_as_done_time"),
        ]
    }

    fn drop_property_of(&self, object: &str, name: &str) {
        self.sandbox.drop_property_of(object, name).expect("a dropped property");
    }

    fn subscribe(&self, url: &str) -> String {
        let secret = "a long password";
        let webhook = json!({ "subscription_url": url, "event_action": "*", "event_object": "person", "version": "2.0",
            "name": "Lockstep", "http_auth_user": "lockstep", "http_auth_password": secret });
        let request = Request::post("/api/v1/webhooks")
            .header("x-api-token", "t")
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(webhook.to_string()))
            .expect("a request");
        let response = at_once(self.sandbox.router().oneshot(request)).expect("a router answers");
        assert!(response.status().is_success());
        secret.to_owned()
    }

    fn hooks(&self) -> Vec<Delivery> {
        let taken = self.sandbox.take_hooks().into_iter();
        taken.map(|hook| Delivery::of(hook.url, &hook.headers, &hook.body)).collect()
    }
}
