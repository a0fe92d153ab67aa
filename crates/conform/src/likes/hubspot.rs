//! HubSpot's world.

use std::sync::Arc;

use lockstep_sandbox::{Effect, Hubspot, HubspotSettings};

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
