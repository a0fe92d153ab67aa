//! The account itself and the people who own records in it.

use serde_json::{Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::portal::Portal;

/// `GET /account-info/v3/details`
pub(super) fn details(portal: &mut Portal, _call: &Call) -> Answer {
    Ok(Reply::ok(json!({
        "portalId": portal.settings.portal_id,
        "accountType": "STANDARD",
        "timeZone": "UTC",
        "companyCurrency": "USD",
        "additionalCurrencies": [],
        "utcOffset": "+00:00",
        "utcOffsetMilliseconds": 0,
        "uiDomain": "app.hubspot.com",
        "dataHostingLocation": "na1",
    })))
}

fn owners_of_account() -> Vec<Value> {
    let owner = |id: &str, user_id: u32, first: &str, last: &str| {
        json!({
            "id": id,
            "type": "PERSON",
            "email": format!("{}@example.com", first.to_lowercase()),
            "firstName": first,
            "lastName": last,
            "userId": user_id,
            "userIdIncludingInactive": user_id,
            "createdAt": "2024-01-15T09:00:00.000Z",
            "updatedAt": "2024-01-15T09:00:00.000Z",
            "archived": false,
        })
    };
    vec![owner("41629779", 2_034_711, "Ada", "Lovelace"), owner("41629780", 2_034_712, "Grace", "Hopper")]
}

/// `GET /crm/v3/owners/`: all on one page.
pub(super) fn owners(_portal: &mut Portal, call: &Call) -> Answer {
    let mut owners = owners_of_account();
    owners.retain(|owner| call.query("email").is_none_or(|email| owner["email"] == email));
    if call.is_set("archived") {
        owners.clear();
    }
    Ok(Reply::ok(json!({"results": owners})))
}

/// `GET /crm/v3/owners/{ownerId}`
pub(super) fn owner(_portal: &mut Portal, call: &Call) -> Answer {
    let wanted = call.param("ownerId");
    let user_id: Option<u32> = wanted.parse().ok();
    let by_user = call.query("idProperty") == Some("userId");
    let owner = owners_of_account()
        .into_iter()
        .find(|owner| if by_user { user_id.is_some_and(|id| owner["userId"] == id) } else { owner["id"] == wanted });
    owner.map(Reply::ok).ok_or_else(|| Refusal::not_found("Owner not found"))
}
