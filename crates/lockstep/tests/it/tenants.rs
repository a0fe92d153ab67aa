//! One organization before the doors of another: every route of the OpenAPI document, with ids that are not its own.
//! A route that is new fails here until somebody has said what a stranger gets of it.

use std::collections::BTreeSet;

use http::Request;
use lockstep_store::{NewUser, StoreError};
use serde_json::{Value as Json, json};

use crate::conversations;
use crate::desk::{ACCOUNT, Answered, Desk, key, organization};

/// Parameters of lists that stand for nothing of anybody's.
const NAMELESS: [&str; 12] = [
    "limit",
    "cursor",
    "expand",
    "status",
    "direction",
    "created_after",
    "created_before",
    "updated_after",
    "updated_before",
    "event_type",
    "language",
    "detail",
];

/// An account that the desk's organization alone has.
const OWN_ACCOUNT: &str = "106540352242999";
const OWN_NUMBER: &str = "+6285117600999";
const PHONE: &str = "+628111222333";
const WAMID: &str = "wamid.theirs";

/// The ids of one thing of each kind.
struct Things {
    contact: String,
    conversation: String,
    message: String,
    label: String,
    team: String,
    user: String,
    key: String,
    subscription: String,
    secret: String,
    delivery: String,
}

impl Things {
    /// The things of the desk's organization, which has an account of its own.
    async fn of_owner(desk: &Desk) -> Self {
        let org = desk.org.clone();
        let added = desk.app.store.write(move |tx| tx.add_account(&org, OWN_ACCOUNT, OWN_NUMBER, "Sales").map(|_| ()));
        added.await.expect("an account");
        Self::of(desk, "ana", PHONE, WAMID).await
    }

    /// One thing of each kind, tied to each other in every way that a list can be asked for.
    async fn of(desk: &Desk, name: &str, phone: &str, wamid: &str) -> Self {
        let (subscription, _) = desk.subscribe("https://example.com/hook").await;
        let message = conversations::write(desk, phone, wamid, "Halo").await;
        let (org, team) = (desk.org.clone(), first_id(desk, "/v1/teams").await);
        let user = desk
            .app
            .store
            .write(move |tx| {
                let user = tx.add_user(&org, &NewUser { name: "Citra".to_owned(), email: None })?;
                Ok::<_, StoreError>(user.id)
            })
            .await
            .expect("a user");
        desk.send("PATCH", &format!("/v1/users/{user}"), json!({ "team_ids": [team] })).await.data();
        let label = desk.post("/v1/labels", json!({ "name": "VIP", "team_id": team })).await.text_of("id");
        let (contact, conversation) = (message.contact.to_string(), message.conversation.to_string());
        let about = json!({ "name": name, "email": format!("{name}@example.com"), "metadata": { "crm_id": name } });
        desk.send("PATCH", &format!("/v1/contacts/{contact}"), about).await.data();
        desk.send("PATCH", &format!("/v1/conversations/{conversation}"), json!({ "assigned_to": user })).await.data();
        for tagged in [format!("contacts/{contact}"), format!("conversations/{conversation}")] {
            desk.post(&format!("/v1/{tagged}/labels"), json!({ "label_id": label })).await.data();
        }
        let subscribed = desk.get(&format!("/v1/webhook_subscriptions/{subscription}")).await;
        Self {
            contact,
            conversation: message.conversation.to_string(),
            message: message.id.to_string(),
            label,
            team,
            user: user.to_string(),
            key: first_id(desk, "/v1/keys").await,
            secret: subscribed.data()["secrets"][0]["id"].as_str().expect("an id").to_owned(),
            subscription,
            delivery: first_id(desk, "/v1/webhook_deliveries").await,
        }
    }

    /// A path of the document with these ids.
    fn fill(&self, template: &str, account: &str) -> String {
        let id = match template.rsplit_once("/{id}").map(|(before, _)| before.rsplit('/').next()) {
            None => "",
            Some(Some("contacts")) => &self.contact,
            Some(Some("conversations")) => &self.conversation,
            Some(Some("messages")) => &self.message,
            Some(Some("labels")) => &self.label,
            Some(Some("teams")) => &self.team,
            Some(Some("users")) => &self.user,
            Some(Some("keys")) => &self.key,
            Some(Some("webhook_subscriptions")) => &self.subscription,
            Some(Some("webhook_deliveries")) => &self.delivery,
            Some(noun) => panic!("{template}: nobody said what a stranger gets of {noun:?}"),
        };
        let filled = template
            .replace("{id}", id)
            .replace("{phone_number_id}", account)
            .replace("{label_id}", &self.label)
            .replace("{secret_id}", &self.secret)
            .replace("{phone}", "%2B628111222333")
            .replace("{name}", "greeting");
        assert!(!filled.contains('{'), "{template}: nobody said what {filled} stands for");
        filled
    }

    /// Nothing that a stranger is told may name any of them.
    fn assert_hidden(&self, what: &str, answered: &Answered) {
        for id in [&self.contact, &self.conversation, &self.message, &self.label, &self.team, &self.user, &self.key] {
            assert!(!answered.text.contains(id.as_str()), "{what}: {}", answered.text);
        }
        for id in [&self.subscription, &self.secret, &self.delivery, "ana@example.com", WAMID, OWN_ACCOUNT] {
            assert!(!answered.text.contains(id), "{what}: {}", answered.text);
        }
    }
}

async fn first_id(desk: &Desk, list: &str) -> String {
    desk.get(list).await.data()[0]["id"].as_str().expect("an id").to_owned()
}

/// What the desk's organization sees of its own things.
async fn own_sight(desk: &Desk) -> Vec<Json> {
    let mut seen = Vec::new();
    for list in ["contacts?expand=labels", "conversations", "messages", "labels", "webhook_subscriptions"] {
        seen.push(desk.get(&format!("/v1/{list}")).await.data().clone());
    }
    for list in ["users", "teams", "keys", "accounts"] {
        seen.push(desk.get(&format!("/v1/{list}")).await.data().clone());
    }
    seen
}

/// Every operation of the document: its method in capitals, its path, and what a query can ask of it.
async fn operations(desk: &Desk) -> Vec<(String, String, BTreeSet<String>)> {
    let document = desk.get("/v1/openapi.json").await.body;
    let paths = document["paths"].as_object().expect("paths").iter();
    let asked = |operation: &Json| {
        let all = operation["parameters"].as_array().into_iter().flatten();
        all.filter(|of| of["in"] == "query").map(|of| of["name"].as_str().expect("a name").to_owned()).collect()
    };
    let named = |(path, item): (&String, &Json)| {
        let operations = item.as_object().expect("operations").iter();
        operations.map(|(method, of)| (method.to_uppercase(), path.clone(), asked(of))).collect::<Vec<_>>()
    };
    paths.flat_map(named).collect()
}

/// Every parameter is asked for that could name a thing, and none that does not exist.
fn assert_all_asked(what: &str, probes: &[(String, Json, u16)], known: &BTreeSet<String>) {
    let name = |(query, ..): &(String, Json, u16)| Some(query.strip_prefix('?')?.split_once('=')?.0.to_owned());
    let asked: BTreeSet<String> = probes.iter().filter_map(name).collect();
    assert!(asked.is_subset(known), "{what}: {asked:?} of {known:?}");
    let open: Vec<_> = known.difference(&asked).filter(|name| !NAMELESS.contains(&name.as_str())).collect();
    assert!(open.is_empty(), "{what}: nobody said what a stranger gets who asks for {open:?}");
}

/// A good body for an operation that names one thing, or a whole account.
fn body(method: &str, template: &str, theirs: &Things) -> Json {
    let tail = template.trim_start_matches("/v1").trim_start_matches("/{phone_number_id}");
    match (method, tail) {
        ("GET" | "DELETE", _) => Json::Null,
        ("PATCH", "/conversations/{id}") => json!({ "status": "open" }),
        ("PATCH", _) => json!({ "name": "x", "status": "paused", "read_per_minute": 1 }),
        ("POST" | "PUT", _) => json!({
            "phone_number": "+628111222399", "name": "x", "label_id": theirs.label, "contact_ids": [theirs.contact],
            "operation": "attach", "contacts": [{ "phone_number": "+628111222399" }],
            "to": PHONE, "type": "text", "text": { "body": "x" },
        }),
        _ => panic!("{method} {template}: nobody said what to send"),
    }
}

/// What a stranger sends to an operation of the whole organization, and the status of the answer.
fn probes(method: &str, tail: &str, scoped: bool, theirs: &Things, own_label: &str) -> Vec<(String, Json, u16)> {
    let asked = |queries: &[String]| queries.iter().map(|query| (query.clone(), Json::Null, 200)).collect();
    let sent = |body: Json, status: u16| (String::new(), body, status);
    let contact = json!({ "id": theirs.contact, "name": "x" });
    let labelled = |label: &str| json!({ "contact_ids": [theirs.contact], "label_id": label, "operation": "attach" });
    let text = json!({ "from": OWN_NUMBER, "to": PHONE, "type": "text", "text": { "body": "x" } });
    // The account of the path goes before one that is named.
    let of_path = if scoped { 201 } else { 400 };
    match (method, tail) {
        ("GET", "/health" | "/me" | "/accounts" | "/teams" | "/keys" | "/webhook_subscriptions") => {
            asked(&[String::new()])
        }
        ("GET", "/templates" | "/templates/{name}") => {
            let from =
                (format!("?from={}", OWN_NUMBER.replace('+', "%2B")), Json::Null, if scoped { 200 } else { 400 });
            [(String::new(), Json::Null, 200), from].into()
        }
        ("GET", "/contacts" | "/contacts/export") => asked(&[
            String::new(),
            "?phone=%2B628111222333".to_owned(),
            "?email=ana%40example.com".to_owned(),
            "?search=Ana".to_owned(),
            "?external_id=crm:ana".to_owned(),
            "?updated_after=2020-01-01T00:00:00Z".to_owned(),
            format!("?label={}", theirs.label),
        ]),
        ("GET", "/conversations") => asked(&[
            String::new(),
            format!("?contact_id={}", theirs.contact),
            format!("?assigned_to={}", theirs.user),
            format!("?label={}", theirs.label),
        ]),
        ("GET", "/messages") => asked(&[String::new(), format!("?conversation_id={}", theirs.conversation)]),
        ("GET", "/labels" | "/users") => asked(&[String::new(), format!("?team_id={}", theirs.team)]),
        ("GET", "/webhook_deliveries") => asked(&[String::new(), format!("?subscription_id={}", theirs.subscription)]),
        ("POST", "/contacts") => vec![
            sent(json!({ "phone_number": PHONE }), if scoped { 409 } else { 201 }),
            sent(json!({ "phone_number": "+628111222398", "from": OWN_NUMBER }), of_path),
        ],
        ("POST", "/contacts/batch") => vec![sent(json!({ "contacts": [contact] }), 200)],
        ("POST", "/contacts/import") => vec![sent(contact, 200)],
        ("POST", "/contacts/bulk_label") => vec![sent(labelled(&theirs.label), 404), sent(labelled(own_label), 200)],
        ("PUT", "/contacts/by_phone/{phone}") => vec![sent(json!({ "name": "x" }), 200)],
        ("POST", "/labels") => vec![sent(json!({ "name": "x", "team_id": theirs.team }), 400)],
        ("POST", "/users") => {
            vec![sent(json!({ "name": "x", "team_ids": [theirs.team] }), 400), sent(json!({ "name": "x" }), 201)]
        }
        // A second team or account would be asked for by the other probes.
        ("POST", "/teams") => vec![sent(json!({ "name": "general" }), 400)],
        ("POST", "/accounts") => vec![sent(
            json!({ "phone_number_id": "1065403", "phone_number": "+6285117600998", "name": "x", "team_id": theirs.team }),
            400,
        )],
        ("POST", "/keys") => vec![sent(json!({ "label": "x" }), 201)],
        // The operator's alone.
        ("GET", "/organizations") => vec![(String::new(), Json::Null, 403)],
        ("POST", "/organizations") => {
            vec![sent(json!({ "name": "x", "phone_number_id": "1065403", "phone_number": "+6285117600998" }), 403)]
        }
        ("POST", "/messages") => {
            // There, the other has an open window with this number.
            vec![
                sent(text, if scoped { 422 } else { 400 }),
                sent(json!({ "status": "read", "message_id": WAMID }), 404),
            ]
        }
        ("POST", "/webhook_subscriptions") => {
            vec![sent(json!({ "url": "https://example.com/other", "events": ["message.sent"] }), 201)]
        }
        ("POST", "/webhook_deliveries/bulk_replay") => {
            vec![sent(json!({ "subscription_id": theirs.subscription }), 404)]
        }
        _ => panic!("{method} /v1{tail}: nobody said what a stranger gets of it"),
    }
}

#[tokio::test]
async fn a_stranger_reaches_nothing_on_any_route() {
    let mut desk = Desk::new().await;
    let theirs = Things::of_owner(&desk).await;
    let before = own_sight(&desk).await;
    let owner = (desk.org.clone(), desk.key.clone());
    desk.org = organization(&desk.app, "Other").await;
    desk.key = key(&desk.app, &desk.org).await;
    let own = Things::of(&desk, "dewi", "+628111222444", "wamid.own").await;
    for (method, template, known) in operations(&desk).await {
        let tail = template.trim_start_matches("/v1").trim_start_matches("/{phone_number_id}");
        let scoped = template.starts_with("/v1/{phone_number_id}/");
        // Of the whole organization, or of the account that both have.
        if !template.contains("{id}") && !tail.contains("{phone_number_id}") {
            let probes = probes(&method, tail, scoped, &theirs, &own.label);
            assert_all_asked(&format!("{method} {template}"), &probes, &known);
            for (query, body, status) in probes {
                let what = format!("{method} {template}{query} {body}");
                let path = theirs.fill(&template, ACCOUNT);
                let answered = desk.send(&method, &format!("{path}{query}"), body).await;
                assert_eq!(answered.status, status, "{what}: {}", answered.text);
                theirs.assert_hidden(&what, &answered);
                // What is asked for by a name of theirs is not there, though there is something of one's own.
                if !["", "?phone", "?updated_after", "?from"].contains(&query.split('=').next().unwrap_or_default()) {
                    let none = answered.body["data"] == json!([]) || answered.body["contacts"] == 0;
                    assert!(none, "{what}: {}", answered.text);
                }
            }
        }
        // An account of the other's, then, where both have the account, a thing of the other's.
        for account in [OWN_ACCOUNT, ACCOUNT] {
            let foreign = template.contains("{phone_number_id}") && account == OWN_ACCOUNT;
            if !foreign && !template.contains("{id}") {
                continue;
            }
            let path = theirs.fill(&template, account);
            let refused = desk.send(&method, &path, body(&method, &template, &theirs)).await;
            assert_eq!(refused.refusal(), (404, "resource_not_found", None), "{method} {path}");
        }
    }
    (desk.org, desk.key) = owner;
    assert_eq!(own_sight(&desk).await, before);
}

#[tokio::test]
async fn a_thing_of_ones_own_takes_nothing_of_anothers() {
    let desk = Desk::new().await;
    let theirs = Things::of_owner(&desk).await;
    let mut stranger = desk;
    stranger.org = organization(&stranger.app, "Other").await;
    stranger.key = key(&stranger.app, &stranger.org).await;
    let message = conversations::write(&stranger, "+628111222444", "wamid.own", "Halo").await;
    let (subscription, _) = stranger.subscribe("https://example.com/other").await;
    let (contact, conversation) = (message.contact, message.conversation);
    let label = json!({ "label_id": theirs.label });
    for (method, path, body, refusal) in [
        ("POST", format!("contacts/{contact}/labels"), label.clone(), (404, "resource_not_found", None)),
        ("POST", format!("conversations/{conversation}/labels"), label, (404, "resource_not_found", None)),
        (
            "DELETE",
            format!("contacts/{contact}/labels/{}", theirs.label),
            Json::Null,
            (404, "resource_not_found", None),
        ),
        (
            "PATCH",
            format!("conversations/{conversation}"),
            json!({ "assigned_to": theirs.user }),
            (400, "invalid_field_value", Some("assigned_to")),
        ),
        (
            "PATCH",
            format!("conversations/{conversation}"),
            json!({ "team_id": theirs.team }),
            (400, "invalid_field_value", Some("team_id")),
        ),
        (
            "DELETE",
            format!("webhook_subscriptions/{subscription}/secrets/{}", theirs.secret),
            Json::Null,
            (404, "resource_not_found", None),
        ),
    ] {
        let refused = stranger.send(method, &format!("/v1/{path}"), body).await;
        assert_eq!(refused.refusal(), refusal, "{method} {path}");
    }
}

#[tokio::test]
async fn no_route_but_health_opens_without_a_good_key() {
    let desk = Desk::new().await;
    let theirs = Things::of_owner(&desk).await;
    let before = own_sight(&desk).await;
    for (method, template, _) in operations(&desk).await.into_iter().filter(|(_, path, _)| path != "/v1/health") {
        let path = theirs.fill(&template, ACCOUNT);
        let body = body(&method, &template, &theirs);
        let nameless = Request::builder().method(method.as_str()).uri(&path).body(body.to_string().into());
        let nameless = desk.request(nameless.expect("a request")).await;
        assert_eq!(nameless.refusal(), (401, "missing_api_key", None), "{method} {path}");
        let made_up = desk.send_as("kdv_live_AAAAAAAAAAAAAAAAAAAAAAAA", &method, &path, body).await;
        assert_eq!(made_up.refusal(), (401, "invalid_api_key", None), "{method} {path}");
    }
    assert_eq!(own_sight(&desk).await, before);
}
