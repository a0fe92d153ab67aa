//! What only HubSpot has.

use std::sync::Arc;

use lockstep_connect::FaultClass;
use lockstep_connect::oauth::Pkce;
use lockstep_core::env::Time;
use lockstep_sandbox::{Hubspot, HubspotSettings};
use secrecy::ExposeSecret as _;

use crate::consent::{self, Consent};

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
