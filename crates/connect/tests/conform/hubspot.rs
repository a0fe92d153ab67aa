//! HubSpot's world, and what only HubSpot has.

use std::sync::Arc;

use lockstep_connect::FaultClass;
use lockstep_connect::oauth::Pkce;
use lockstep_core::env::Time;
use lockstep_sandbox::{Effect, Hubspot, HubspotSettings};
use secrecy::ExposeSecret as _;

use crate::consent::{self, Consent};
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

/// The code flow with PKCE from the address to a renewed grant, and a revoked one.
#[tokio::test]
async fn a_code_becomes_a_grant_that_can_be_renewed_until_it_is_taken_back() {
    let env = consent::clock();
    let clock = env.clone();
    let settings = HubspotSettings { clock: Arc::new(move || clock.now().0), ..HubspotSettings::default() };
    let (id, secret) = (settings.client_id.clone(), settings.client_secret.clone());
    let sandbox = Hubspot::new(settings);
    let consent = Consent::new("hubspot", env, sandbox.router(), id, secret);
    let pkce = Pkce::new(&consent.env);
    let address = consent.address(&pkce);
    assert_eq!(consent.open(&address).await.status(), 200);

    let code = consent.allow(&address).await;
    let fault = consent.grant(&code, &Pkce::of("x".repeat(43))).await.expect_err("another verifier");
    assert_eq!(fault.class, FaultClass::Reauthorise);

    let code = consent.allow(&address).await;
    let (grant, _) = consent.grant(&code, &pkce).await.expect("a grant");
    assert_eq!(grant.expires_at, Some(Time::from_secs(consent.env.now().as_secs() + 1_800)));

    let held = grant.refresh.expect("a refresh token");
    let renewed = consent.renew(&held).await.expect("a renewed grant");
    assert_ne!(renewed.access.expose_secret(), grant.access.expose_secret());

    sandbox.revoke();
    assert_eq!(consent.renew(&held).await.expect_err("taken back").class, FaultClass::Reauthorise);
}
