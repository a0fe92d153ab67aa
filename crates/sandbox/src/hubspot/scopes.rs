//! What a grant covers. Static tokens pass everywhere; a grant that a person gave is held to its scopes.
//! Source: HubSpot's page "Scopes".

use http::StatusCode;

use super::answer::{Call, Refusal};
use super::portal::Portal;

/// Every scope that the look-alike knows, as an admin grants them without a browser.
pub(super) fn all() -> Vec<String> {
    let of_objects = ["contacts", "companies", "deals", "custom"].iter().flat_map(|name| {
        ["objects", "schemas"]
            .iter()
            .flat_map(move |what| ["read", "write"].map(|way| format!("crm.{what}.{name}.{way}")))
    });
    of_objects.chain(["tickets", "crm.objects.owners.read", "automation"].map(str::to_owned)).collect()
}

/// The scopes of which a call needs one; none where any grant will do.
fn needed(portal: &Portal, call: &Call) -> Vec<String> {
    if call.route.starts_with("/automation/") {
        return vec!["automation".to_owned()];
    }
    if call.route.starts_with("/crm/v3/owners") {
        return vec!["crm.objects.owners.read".to_owned()];
    }
    if call.route.ends_with("/schemas") {
        return vec!["crm.schemas.custom.read".to_owned()];
    }
    let (param, is_definition) = match call.params.contains_key("objectType") {
        true => ("objectType", true),
        false => ("object", false),
    };
    let Ok(of) = portal.objects.named(call.param(param)) else {
        return Vec::new();
    };
    let way = if call.writes { "write" } else { "read" };
    match (portal.objects[of].about.scope, is_definition) {
        ("tickets", _) => vec!["tickets".to_owned()],
        (scope, true) if call.writes => vec![format!("crm.schemas.{scope}.write")],
        (scope, true) => vec![format!("crm.schemas.{scope}.read"), format!("crm.objects.{scope}.read")],
        (scope, false) => vec![format!("crm.objects.{scope}.{way}")],
    }
}

/// Refuses a call that the grant of a bearer token does not cover.
pub(super) fn check(portal: &Portal, bearer: Option<&str>, call: &Call) -> Result<(), Refusal> {
    let Some(granted) = bearer.and_then(|token| portal.grants.scopes_of(token)) else {
        return Ok(());
    };
    let needed = needed(portal, call);
    if needed.is_empty() || needed.iter().any(|scope| granted.contains(scope)) {
        return Ok(());
    }
    let message = "One or more of the following scopes are required.";
    Err(Refusal::new(StatusCode::FORBIDDEN, "MISSING_SCOPES", message).context("requiredGranularScopes", needed))
}
