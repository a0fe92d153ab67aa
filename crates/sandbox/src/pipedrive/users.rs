//! Users of the company, in v1.

use http::StatusCode;
use serde_json::{Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::company::{Company, USERS, User};

fn view(user: &User) -> Value {
    json!({
        "id": user.id,
        "name": user.name,
        "default_currency": "EUR",
        "locale": "en_GB",
        "lang": 1,
        "email": user.email,
        "phone": null,
        "activated": true,
        "last_login": "2026-01-01 08:00:00",
        "created": "2024-01-01 08:00:00",
        "modified": "2026-01-01 08:00:00",
        "has_created_company": user.id == USERS[0].id,
        "access": [{
            "app": "sales",
            "admin": user.id == USERS[0].id,
            "permission_set_id": "62cc4d7f-4038-4352-abf3-a8c1c822b631",
        }],
        "active_flag": true,
        "timezone_name": "Europe/Berlin",
        "timezone_offset": "+01:00",
        "role_id": 1,
        "icon_url": null,
        "is_you": user.id == USERS[0].id,
        "is_deleted": false,
    })
}

/// `GET /v1/users`
pub(super) fn list(_: &mut Company, _: &Call) -> Answer {
    Ok(Reply::data(USERS.iter().map(view).collect::<Vec<_>>()))
}

/// `GET /v1/users/me`: whose token it is, and which company.
pub(super) fn me(company: &mut Company, _: &Call) -> Answer {
    let mut me = view(&USERS[0]);
    me["company_id"] = company.settings.company_id.into();
    me["company_name"] = "Sandbox".into();
    me["company_domain"] = "sandbox".into();
    me["company_country"] = "DE".into();
    me["company_industry"] = "IT Services".into();
    me["language"] = json!({"language_code": "en", "country_code": "GB"});
    Ok(Reply::data(me))
}

/// `GET /v1/users/find`
pub(super) fn find(_: &mut Company, call: &Call) -> Answer {
    let term = call.query("term").unwrap_or_default().to_lowercase();
    let by_email = call.query_flag("search_by_email")?.unwrap_or(false);
    let fits = |user: &&User| (if by_email { user.email } else { user.name }).to_lowercase().contains(&term);
    Ok(Reply::data(USERS.iter().filter(fits).map(view).collect::<Vec<_>>()))
}

/// `GET /v1/users/{id}`
pub(super) fn read(_: &mut Company, call: &Call) -> Answer {
    let id = call.id()?;
    let user = USERS.iter().find(|user| u64::from(user.id) == id);
    user.map(|user| Reply::data(view(user))).ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "User not found"))
}
