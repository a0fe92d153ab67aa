//! An organization's users, teams, accounts and keys, made over the Inbox API.

use std::time::Duration;

use http::Request;
use lockstep::app::RateLimits;
use lockstep::ops::keys::{self, Wish};
use lockstep_store::{KeyKind, KeyLimits, StoreError};
use secrecy::ExposeSecret;
use serde_json::{Value as Json, json};

use crate::desk::{ACCOUNT, BEGINNING, Desk, on_both, organization};
use crate::world::run;

const NOBODY: &str = "team_01HXYZABCDEFGHJKMNPQRSTVWX";

/// What the organization's audit holds, newest first: the action and the actor.
async fn audit(desk: &Desk) -> Vec<(String, String)> {
    let org = desk.org.clone();
    let read = desk.app.store.read(move |tx| tx.audit_list(&org, None, 99)).await.expect("the audit");
    read.into_iter().map(|entry| (entry.action, entry.actor)).collect()
}

#[test]
fn users_and_teams_are_made_changed_and_removed() {
    on_both("admin_members", async |desk| {
        let sales = desk.post("/v1/teams", json!({ "name": "Sales" })).await;
        assert_eq!((sales.status.as_u16(), sales.text_of("object")), (201, "team".to_owned()));
        let (sales, taken) = (sales.text_of("id"), desk.post("/v1/teams", json!({ "name": "SALES" })).await);
        assert_eq!(taken.refusal(), (400, "invalid_field_value", Some("name")));
        let care = desk.post(&format!("/v1/{ACCOUNT}/teams"), json!({ "name": "Care" })).await.text_of("id");

        let new = json!({ "name": "Ana", "email": "ana@example.com", "team_ids": [sales, sales] });
        let ana = desk.post_once("once", "/v1/users", new.clone()).await;
        assert_eq!((ana.status.as_u16(), &ana.data()["team_ids"]), (201, &json!([sales])));
        let ana = ana.text_of("id");
        assert_eq!(desk.post_once("once", "/v1/users", new.clone()).await.text_of("id"), ana);
        let path = format!("/v1/users/{ana}");
        for (body, param) in [
            (new, Some("email")),
            (json!({ "email": "budi@example.com" }), Some("name")),
            (json!({ "name": " " }), Some("name")),
            (json!({ "name": "x", "email": "nowhere" }), Some("email")),
            (json!({ "name": "x", "team_ids": [NOBODY] }), Some("team_ids")),
            (json!({ "name": "x", "team_ids": ["sales"] }), Some("team_ids.0")),
        ] {
            let refused = desk.post("/v1/users", body.clone()).await;
            assert_eq!((refused.status.as_u16(), refused.refusal().2), (400, param), "{body}");
        }
        desk.dial.advance(Duration::from_secs(5));
        let patched = desk.send("PATCH", &path, json!({ "name": "Anna", "email": null, "team_ids": [care] })).await;
        assert_eq!(
            patched.data(),
            &json!({ "id": ana, "object": "user", "name": "Anna", "email": null, "team_ids": [care],
                "created_at": "2026-09-21T14:13:20.000Z", "updated_at": "2026-09-21T14:13:25.000Z" })
        );
        desk.dial.advance(Duration::from_secs(5));
        let same = desk.send("PATCH", &path, json!({ "name": "Anna", "email": null })).await;
        assert_eq!(same.data(), patched.data(), "what they have already is no change");
        for body in [json!({}), json!({ "name": null })] {
            assert_eq!(desk.send("PATCH", &path, body).await.refusal().0, 400);
        }

        let renamed = desk.send("PATCH", &format!("/v1/teams/{sales}"), json!({ "name": "Field sales" })).await;
        assert_eq!(renamed.text_of("name"), "Field sales");
        let taken = desk.send("PATCH", &format!("/v1/teams/{sales}"), json!({ "name": "care" })).await;
        assert_eq!(taken.refusal(), (400, "invalid_field_value", Some("name")));
        let removed = desk.send("DELETE", &format!("/v1/teams/{care}"), Json::Null).await;
        assert_eq!(removed.data(), &json!({ "id": care, "object": "team", "deleted": true }));
        assert_eq!(desk.get(&path).await.data()["team_ids"], json!([]));
        let removed = desk.send("DELETE", &path, Json::Null).await;
        assert_eq!(removed.data(), &json!({ "id": ana, "object": "user", "deleted": true }));
        for (method, path, body) in [
            ("DELETE", path.clone(), Json::Null),
            ("PATCH", path.clone(), json!({ "name": "x" })),
            ("DELETE", format!("/v1/teams/{care}"), Json::Null),
            ("PATCH", format!("/v1/teams/{care}"), json!({ "name": "x" })),
        ] {
            let gone = desk.send(method, &path, body).await;
            assert_eq!(gone.refusal(), (404, "resource_not_found", None), "{method} {path}");
        }
        let audit = audit(desk).await;
        assert!(audit.iter().all(|(action, by)| by.starts_with("key_") || action == "key.created"), "{audit:?}");
        let actions: Vec<&str> = audit.iter().rev().map(|(action, _)| action.as_str()).collect();
        let made = ["key.created", "team.added", "team.added", "user.added", "team.joined"];
        let changed = ["user.changed", "team.joined", "team.left", "team.renamed", "team.removed", "user.removed"];
        assert_eq!(actions, [&made[..], &changed[..]].concat());
    });
}

#[test]
fn accounts_are_added_renamed_and_given_to_a_team() {
    on_both("admin_accounts", async |desk| {
        // Accounts come in the order of their ids.
        desk.dial.advance(Duration::from_millis(1));
        let team = desk.get("/v1/teams").await.data()[0]["id"].clone();
        let new = json!({ "phone_number_id": "106540352242923", "phone_number": "+62 812-0000-111", "name": "Sales" });
        let made = desk.post("/v1/accounts", new.clone()).await;
        let mut shown = json!({ "object": "account", "phone_number_id": "106540352242923", "name": "Sales",
            "phone_number": "+628120000111", "status": "onboarding", "team_id": null, "channel": null });
        assert_eq!((made.status.as_u16(), made.data()), (201, &shown));
        let with = |member: &str, value: Json| {
            let mut body = json!({ "phone_number_id": "1065403522", "phone_number": "+6281200002", "name": "x" });
            body[member] = value;
            body
        };
        for (body, param) in [
            (new, None),
            (with("phone_number", json!("+62 8120000111")), None),
            (with("phone_number_id", json!("12345")), Some("phone_number_id")),
            (with("phone_number_id", Json::Null), Some("phone_number_id")),
            (with("phone_number", json!("0812")), Some("phone_number")),
            (with("phone_number", json!("+62 812\u{0}0000 222")), Some("phone_number")),
            (with("phone_number", json!(format!("+62 8120000222{}", " ".repeat(40)))), Some("phone_number")),
            (with("name", json!("")), Some("name")),
            (with("team_id", json!(NOBODY)), Some("team_id")),
        ] {
            let refused = desk.post("/v1/accounts", body.clone()).await;
            assert_eq!((refused.status.as_u16(), refused.refusal().2), (400, param), "{body}");
        }
        let path = "/v1/accounts/106540352242923";
        let patched = desk.send("PATCH", path, json!({ "name": "Jualan", "team_id": team })).await;
        shown["name"] = json!("Jualan");
        shown["team_id"] = team.clone();
        assert_eq!(patched.data(), &shown);
        assert_eq!(desk.get("/v1/accounts?status=all").await.data()[1], shown);
        let given = desk.send("PATCH", path, json!({ "team_id": null })).await;
        assert_eq!((given.text_of("name"), &given.data()["team_id"]), ("Jualan".to_owned(), &Json::Null));
        let refused = desk.send("PATCH", path, json!({})).await;
        assert_eq!(refused.refusal(), (400, "missing_required_field", None));
        let refused = desk.send("PATCH", path, json!({ "team_id": NOBODY })).await;
        assert_eq!(refused.refusal(), (400, "invalid_field_value", Some("team_id")));
        let unknown = desk.send("PATCH", "/v1/accounts/106540352242924", json!({ "name": "x" })).await;
        assert_eq!(unknown.refusal(), (404, "resource_not_found", None));
    });
}

#[test]
fn a_key_is_shown_once_and_ends_at_once() {
    on_both("admin_keys", async |desk| {
        let body = json!({ "label": "CRM", "livemode": false, "scopes": ["keys:read", "contacts:write", "keys:read"],
            "expires_at": "2026-09-22T00:00:00Z" });
        let made = desk.post_once("once", "/v1/keys", body.clone()).await;
        assert_eq!(made.status.as_u16(), 201);
        let (id, key) = (made.text_of("id"), made.text_of("key"));
        assert!(key.starts_with("kdv_test_") && key.len() == 33, "{key}");
        let again = desk.post_once("once", "/v1/keys", body.clone()).await;
        assert_eq!(again.text_of("key"), key, "a repeat that got lost can be repeated");
        let mut shown = made.data().clone();
        shown.as_object_mut().expect("an object").remove("key");
        assert_eq!(
            shown,
            json!({ "id": id, "object": "api_key", "kind": "api", "label": "CRM", "first12": key[..12],
                "last4": key[29..], "livemode": false, "scopes": ["contacts:write", "keys:read"],
                "write_per_minute": null, "read_per_minute": null,
                "created_at": "2026-09-21T14:13:20.000Z", "expires_at": "2026-09-22T00:00:00.000Z",
                "revoked_at": null, "last_used_at": null })
        );
        assert_eq!(desk.get(&format!("/v1/keys/{id}")).await.data(), &shown);
        assert_eq!(desk.send_as(&key, "GET", "/v1/me", Json::Null).await.data()["api_key"]["id"], id.as_str());
        let first = desk.get("/v1/keys?limit=1").await;
        let cursor = first.body["next_cursor"].as_str().expect("a cursor").to_owned();
        let second = desk.get(&format!("/v1/keys?limit=1&cursor={cursor}")).await;
        let mut ids = [first.data()[0]["label"].clone(), second.data()[0]["label"].clone()];
        ids.sort_by_key(Json::to_string);
        assert_eq!((ids, &second.body["has_more"]), ([json!("CRM"), json!("tests")], &json!(false)));
        assert!(!first.text.contains(&key) && !second.text.contains(&key));

        for (body, param) in [
            (json!({}), "label"),
            (json!({ "label": "\n" }), "label"),
            (json!({ "label": "x", "scopes": [] }), "scopes"),
            (json!({ "label": "x", "scopes": ["contacts:all"] }), "scopes.0"),
            (json!({ "label": "x", "expires_at": "2026-09-21T14:13:20Z" }), "expires_at"),
            (json!({ "label": "x", "expires_at": "tomorrow" }), "expires_at"),
        ] {
            let refused = desk.post("/v1/keys", body.clone()).await;
            assert_eq!((refused.status.as_u16(), refused.refusal().2), (400, Some(param)), "{body}");
        }
        let revoked = desk.send("DELETE", &format!("/v1/keys/{id}"), Json::Null).await;
        assert_eq!(revoked.text_of("revoked_at"), BEGINNING.to_string());
        let ended = desk.send_as(&key, "GET", "/v1/me", Json::Null).await;
        assert_eq!(ended.refusal(), (401, "revoked_api_key", None));
        desk.dial.advance(Duration::from_secs(60));
        let again = desk.send("DELETE", &format!("/v1/keys/{id}"), Json::Null).await;
        assert_eq!(again.data(), revoked.data());
        let unknown = desk.send("DELETE", "/v1/keys/key_01HXYZABCDEFGHJKMNPQRSTVWX", Json::Null).await;
        assert_eq!(unknown.refusal(), (404, "resource_not_found", None));
        let actions: Vec<String> = audit(desk).await.into_iter().map(|(action, _)| action).collect();
        assert_eq!(actions, ["key.revoked", "key.created", "key.created"]);
    });
}

#[test]
fn no_key_makes_or_ends_one_that_is_more_than_itself() {
    on_both("admin_escalation", async |desk| {
        let end = "2026-09-22T00:00:00Z";
        let weak = json!({ "label": "weak", "livemode": false, "expires_at": end,
            "scopes": ["contacts:write", "keys:write"] });
        let weak = desk.post_once("theirs", "/v1/keys", weak).await;
        let weak = weak.text_of("key");
        let make = async |body: Json| desk.send_as(&weak, "POST", "/v1/keys", body).await;
        for (body, param) in [
            (json!({ "label": "x", "scopes": ["messages:read"] }), "scopes"),
            (json!({ "label": "x", "scopes": ["contacts:read", "org:read"] }), "scopes"),
            (json!({ "label": "x", "livemode": true }), "livemode"),
            (json!({ "label": "x", "expires_at": "2026-09-22T00:00:01Z" }), "expires_at"),
        ] {
            assert_eq!(make(body.clone()).await.refusal(), (403, "insufficient_scope", Some(param)), "{body}");
        }
        let strong = json!({ "label": "strong" });
        desk.post_once("ours", "/v1/keys", strong.clone()).await.data();
        let repeat = Request::post("/v1/keys").header("idempotency-key", "ours");
        let repeat = repeat.header("authorization", format!("Bearer {weak}")).body(strong.to_string().into());
        let repeated = desk.request(repeat.expect("a request")).await;
        assert_eq!(repeated.data()["scopes"], json!(["contacts:write", "keys:write"]), "not the answer to another key");

        let same = make(json!({ "label": "same" })).await;
        assert_eq!(
            (&same.data()["scopes"], &same.data()["livemode"], same.text_of("expires_at")),
            (&json!(["contacts:write", "keys:write"]), &json!(false), "2026-09-22T00:00:00.000Z".to_owned())
        );
        let less = make(json!({ "label": "less", "scopes": ["contacts:read"], "expires_at": "2026-09-21T20:00:00Z" }));
        let less = less.await;
        assert_eq!(less.status.as_u16(), 201, "{}", less.text);

        let full = desk.get("/v1/me").await.data()["api_key"]["id"].as_str().expect("an id").to_owned();
        let revoke =
            async |key: &str, id: &str| desk.send_as(key, "DELETE", &format!("/v1/keys/{id}"), Json::Null).await;
        assert_eq!(revoke(&weak, &full).await.refusal(), (403, "insufficient_scope", Some("scopes")));
        assert_eq!(revoke(&weak, &less.text_of("id")).await.status.as_u16(), 200);
        let reader = less.text_of("key");
        assert_eq!(revoke(&reader, &full).await.refusal().1, "revoked_api_key");
        let reader = make(json!({ "label": "reader", "scopes": ["contacts:read"] })).await.text_of("key");
        assert_eq!(revoke(&reader, &full).await.refusal(), (403, "insufficient_scope", None));

        // Each of these has all scopes, and is less than what it is to end.
        let test = desk.post("/v1/keys", json!({ "label": "test", "livemode": false })).await.text_of("key");
        assert_eq!(revoke(&test, &full).await.refusal(), (403, "insufficient_scope", Some("livemode")));
        let brief = desk.post("/v1/keys", json!({ "label": "brief", "expires_at": end })).await.text_of("key");
        assert_eq!(revoke(&brief, &full).await.refusal(), (403, "insufficient_scope", Some("expires_at")));
        let minted = keys::mint(&desk.app, &desk.org, KeyKind::Admin, "page", true, None).await.expect("a key");
        assert_eq!(revoke(&desk.key, minted.id.as_str()).await.refusal(), (403, "insufficient_scope", Some("kind")));

        let other = organization(&desk.app, "Other").await;
        let stranger = crate::desk::key(&desk.app, &other).await;
        assert_eq!(revoke(&stranger, &full).await.refusal(), (404, "resource_not_found", None));
        assert_eq!(desk.get("/v1/me").await.status.as_u16(), 200);
    });
}

#[test]
fn a_key_with_limits_of_its_own_cannot_multiply_them() {
    on_both("admin_limits", async |desk| {
        let made = desk.post("/v1/keys", json!({ "label": "limited" })).await;
        let (id, limited) = (made.text_of("id").parse().expect("an id"), made.text_of("key"));
        let body = json!({ "label": "another" });
        assert_eq!(desk.send_as(&limited, "POST", "/v1/keys", body.clone()).await.status.as_u16(), 201);
        let (org, limits) = (desk.org.clone(), KeyLimits { write_per_minute: Some(50), read_per_minute: None });
        let set = desk.app.store.write(move |tx| tx.set_key_limits(&org, &id, limits)).await;
        assert_eq!(set, Ok::<_, StoreError>(true));
        let refused = desk.send_as(&limited, "POST", "/v1/keys", body).await;
        assert_eq!(refused.refusal(), (403, "insufficient_scope", None));
    });
}

#[test]
fn keys_limits_add_up_to_at_most_their_organizations() {
    run(async {
        let desk = Desk::with(RateLimits { write_per_minute: Some(600), read_per_minute: None }).await;
        let made = desk.post("/v1/keys", json!({ "label": "a", "write_per_minute": 400, "read_per_minute": 9 })).await;
        assert_eq!((&made.data()["write_per_minute"], &made.data()["read_per_minute"]), (&json!(400), &json!(9)));
        let (a, limited) = (format!("/v1/keys/{}", made.text_of("id")), made.text_of("key"));
        assert_eq!(desk.send_as(&limited, "GET", "/v1/me", Json::Null).await.header("x-ratelimit-limit"), Some("9"));
        let b = desk.post("/v1/keys", json!({ "label": "b", "write_per_minute": 200 })).await;
        let b = format!("/v1/keys/{}", b.text_of("id"));
        let more = desk.post("/v1/keys", json!({ "label": "c", "write_per_minute": 1 })).await;
        assert_eq!(more.refusal(), (403, "insufficient_scope", Some("write_per_minute")));
        let patch = async |path: &str, body: Json| desk.send("PATCH", path, body).await;
        assert_eq!(patch(&b, json!({ "write_per_minute": 201 })).await.refusal().1, "insufficient_scope");
        assert_eq!(patch(&a, json!({ "write_per_minute": 399 })).await.data()["write_per_minute"], 399);
        let b = patch(&b, json!({ "write_per_minute": 201, "read_per_minute": 1_000_000 })).await;
        assert_eq!(b.data()["read_per_minute"], 1_000_000, "where nothing is limited, anything may be given");
        let freed = patch(&a, json!({ "read_per_minute": null })).await;
        assert_eq!((&freed.data()["write_per_minute"], &freed.data()["read_per_minute"]), (&json!(399), &Json::Null));
        for (body, refusal) in [
            (json!({}), (400, "missing_required_field", None)),
            (json!({ "write_per_minute": 0 }), (400, "invalid_field_value", Some("write_per_minute"))),
            (json!({ "read_per_minute": 1_000_001 }), (400, "invalid_field_value", Some("read_per_minute"))),
        ] {
            assert_eq!(patch(&a, body.clone()).await.refusal(), refusal, "{body}");
        }
        let own = desk.send_as(&limited, "PATCH", &a, json!({ "write_per_minute": null })).await;
        assert_eq!(own.refusal(), (403, "insufficient_scope", None), "a key does not lift its own limit");
        let weak = desk.post("/v1/keys", json!({ "label": "weak", "scopes": ["keys:write"] })).await.text_of("key");
        let more = desk.send_as(&weak, "PATCH", &a, json!({ "write_per_minute": null })).await;
        assert_eq!(more.refusal(), (403, "insufficient_scope", Some("scopes")));
        let actions = audit(&desk).await.into_iter().filter(|(action, _)| action == "key.limited").count();
        assert_eq!(actions, 5);
    });
}

#[test]
fn only_a_key_that_names_the_scope_makes_organizations() {
    on_both("admin_organizations", async |desk| {
        let new =
            json!({ "name": "Toko Baru", "phone_number_id": "106540352249999", "phone_number": "+6281200009999" });
        let closed = desk.post("/v1/organizations", new.clone()).await;
        assert_eq!(closed.refusal(), (403, "insufficient_scope", None), "a key without scopes has all but this one");
        let granted = desk.post("/v1/keys", json!({ "label": "x", "scopes": ["organizations:write"] })).await;
        assert_eq!(granted.refusal(), (403, "insufficient_scope", Some("scopes")), "nor can it be given");
        let operator = async |live: bool| {
            let wish = Wish {
                kind: KeyKind::Api,
                label: "operator".to_owned(),
                live,
                expires_at: None,
                scopes: vec!["organizations:write".parse().expect("a scope")],
                limits: KeyLimits::default(),
            };
            keys::mint_as(&desk.app, &desk.org, wish).await.expect("a key").plaintext.expose_secret().to_owned()
        };
        let (key, test) = (operator(true).await, operator(false).await);
        let made = async |key: &str, body: Json| desk.send_as(key, "POST", "/v1/organizations", body).await;
        assert_eq!(made(&test, new.clone()).await.refusal(), (403, "insufficient_scope", Some("livemode")));
        let toko = made(&key, new.clone()).await;
        assert_eq!((toko.status.as_u16(), toko.text_of("name")), (201, "Toko Baru".to_owned()));
        let keys = &toko.data()["keys"];
        let theirs = keys["api_key"].as_str().expect("a key");
        let me = desk.send_as(theirs, "GET", "/v1/me", Json::Null).await;
        assert_eq!(me.data()["organization"]["id"], toko.data()["id"]);
        let accounts = desk.send_as(theirs, "GET", "/v1/accounts", Json::Null).await;
        assert_eq!(accounts.data()[0]["phone_number"], "+6281200009999");
        assert!(keys["secret_key"].as_str().is_some_and(|key| key.starts_with("sk_live_")), "{keys}");
        assert!(keys["admin_link"].as_str().is_some_and(|link| link.contains("/inbox#key=adm_")), "{keys}");
        assert_eq!(desk.send_as(theirs, "GET", "/v1/organizations", Json::Null).await.refusal().0, 403);
        assert_eq!(desk.send_as(&key, "GET", "/v1/contacts", Json::Null).await.refusal().0, 403);

        for (member, value, param) in [
            ("name", json!(""), Some("name")),
            ("name", Json::Null, Some("name")),
            ("phone_number", json!("0812"), Some("phone_number")),
            ("phone_number_id", json!("1"), Some("phone_number_id")),
        ] {
            let mut body = new.clone();
            body[member] = value;
            assert_eq!(made(&key, body.clone()).await.refusal().2, param, "{body}");
        }
        let first = desk.send_as(&key, "GET", "/v1/organizations?limit=1", Json::Null).await;
        let cursor = first.body["next_cursor"].as_str().expect("a cursor").to_owned();
        let second = desk.send_as(&key, "GET", &format!("/v1/organizations?limit=1&cursor={cursor}"), Json::Null).await;
        let mut names = [first.data()[0]["name"].clone(), second.data()[0]["name"].clone()];
        names.sort_by_key(Json::to_string);
        assert_eq!((names, &second.body["has_more"]), ([json!("Acme"), json!("Toko Baru")], &json!(false)));
        assert!(!first.text.contains("sk_live_") && !second.text.contains("sk_live_"));
    });
}
