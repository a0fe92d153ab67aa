//! Notion's code flow.

use std::sync::Arc;

use lockstep_connect::FaultClass;
use lockstep_connect::oauth::Pkce;
use lockstep_sandbox::{Notion, NotionSettings};
use secrecy::ExposeSecret as _;

use crate::consent::{self, Consent};

/// The code flow from the address to a renewed grant, and a revoked one.
#[tokio::test]
async fn a_code_becomes_a_grant_of_which_both_tokens_rotate() {
    let env = consent::clock();
    let clock = env.clone();
    let settings = NotionSettings { clock: Arc::new(move || clock.now().0), ..NotionSettings::default() };
    let (id, secret) = (settings.client_id.clone(), settings.client_secret.clone());
    let sandbox = Notion::new(settings);
    let consent = Consent::new("notion", env, sandbox.router(), id, secret);
    let pkce = Pkce::new(&consent.env);
    let address = consent.address(&pkce);
    assert!(address.contains("owner=user") && !address.contains("scope"), "{address}");

    let code = consent.allow(&address).await;
    let (grant, _) = consent.grant(&code, &pkce).await.expect("a grant");
    assert_eq!(grant.expires_at, None, "Notion does not say");
    let held = grant.refresh.expect("a refresh token");
    let renewed = consent.renew(&held).await.expect("a renewed grant");
    let next = renewed.refresh.expect("a refresh token");
    assert_ne!(renewed.access.expose_secret(), grant.access.expose_secret());
    assert_ne!(next.expose_secret(), held.expose_secret());
    assert_eq!(consent.renew(&held).await.expect_err("used").class, FaultClass::Reauthorise);
    sandbox.revoke();
    assert_eq!(consent.renew(&next).await.expect_err("revoked").class, FaultClass::Reauthorise);
}
