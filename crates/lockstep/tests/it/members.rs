//! Users, teams, and what keys may do.

use std::time::Duration;

use lockstep::ops::keys::{self, Wish};
use lockstep::ops::users;
use lockstep_core::problem::Problem;
use lockstep_core::scope::Scope;
use lockstep_store::{KeyKind, KeyLimits, NewUser};
use secrecy::ExposeSecret;
use serde_json::{Value as Json, json};

use crate::desk::{ACCOUNT, BEGINNING, Desk, on_both};

/// Makes a test key with these scopes.
async fn scoped(desk: &Desk, scopes: &[&str]) -> String {
    let scopes = scopes.iter().map(|scope| scope.parse().expect("a scope")).collect::<Vec<Scope>>();
    let wish = Wish {
        kind: KeyKind::Api,
        label: "scoped".to_owned(),
        live: false,
        expires_at: None,
        scopes,
        limits: KeyLimits::default(),
    };
    let minted = keys::mint_as(&desk.app, &desk.org, wish).await.expect("a key");
    minted.plaintext.expose_secret().to_owned()
}

#[test]
fn users_and_teams_are_listed_so_that_ids_are_known() {
    on_both("members_list", async |desk| {
        let by = desk.operator();
        let made = desk.app.store.write(move |tx| {
            let sales = users::add_team(tx, &by, "Sales")?;
            let new =
                |name: &str, email: Option<&str>| NewUser { name: name.to_owned(), email: email.map(str::to_owned) };
            let ana = users::add(tx, &by, &new("Ana", Some("ana@example.com")), std::slice::from_ref(&sales.id))?;
            let budi = users::add(tx, &by, &new("Budi", None), &[])?;
            Ok::<_, Problem>((sales.id, ana.id, budi.id))
        });
        let (sales, ana, budi) = made.await.expect("users");
        let shown = desk.get(&format!("/v1/users/{ana}")).await;
        assert_eq!(
            shown.data(),
            &json!({ "id": ana, "object": "user", "name": "Ana", "email": "ana@example.com", "team_ids": [sales],
                "created_at": "2026-09-21T14:13:20.000Z", "updated_at": "2026-09-21T14:13:20.000Z" })
        );
        let first = desk.get("/v1/users?limit=1").await;
        let cursor = first.body["next_cursor"].as_str().expect("a cursor").to_owned();
        let second = desk.get(&format!("/v1/users?limit=1&cursor={cursor}")).await;
        let mut ids = [first.data()[0]["id"].clone(), second.data()[0]["id"].clone()];
        ids.sort_by_key(Json::to_string);
        let mut expected = [json!(ana), json!(budi)];
        expected.sort_by_key(Json::to_string);
        assert_eq!((ids, &second.body["has_more"]), (expected, &json!(false)));
        for path in [
            format!("/v1/users?team_id={sales}"),
            format!("/v1/teams/{sales}/members"),
            format!("/v1/{ACCOUNT}/teams/{sales}/members"),
        ] {
            assert_eq!(desk.get(&path).await.data(), &json!([shown.data()]), "{path}");
        }
        let teams = desk.get("/v1/teams").await;
        assert_eq!(teams.data().as_array().map(Vec::len), Some(2));
        let team = desk.get(&format!("/v1/teams/{sales}")).await;
        assert_eq!((team.text_of("name"), team.text_of("object")), ("Sales".into(), "team".into()));
        for unknown in [
            "/v1/users/usr_01HXYZABCDEFGHJKMNPQRSTVWX",
            "/v1/users/ana",
            "/v1/teams/team_01HXYZABCDEFGHJKMNPQRSTVWX",
            "/v1/teams/team_01HXYZABCDEFGHJKMNPQRSTVWX/members",
            "/v1/999999999/users",
            "/v1/999999999/teams",
        ] {
            assert_eq!(desk.get(unknown).await.refusal(), (404, "resource_not_found", None), "{unknown}");
        }
        let by = desk.operator();
        let gone = ana.clone();
        desk.app.store.write(move |tx| users::remove(tx, &by, &gone)).await.expect("removed");
        assert_eq!(desk.get(&format!("/v1/users/{ana}")).await.refusal().0, 404);
        assert_eq!(desk.get("/v1/users").await.data().as_array().map(Vec::len), Some(1));
    });
}

#[test]
fn a_team_that_is_needed_cannot_be_removed() {
    on_both("members_teams", async |desk| {
        let org = desk.org.clone();
        let general = desk.app.store.read(move |tx| tx.teams(&org, None, 1)).await.expect("teams").0.remove(0).id;
        let remove = async |id| {
            let by = desk.operator();
            desk.app.store.write(move |tx| users::remove_team(tx, &by, &id)).await.map_err(|problem| problem.message)
        };
        let refused = remove(general.clone()).await.unwrap_err();
        assert!(refused.contains("at least one team"), "{refused}");
        let by = desk.operator();
        let sales = desk.app.store.write(move |tx| users::add_team(tx, &by, "Sales")).await.expect("a team").id;
        desk.post("/v1/labels", json!({ "name": "VIP", "team_id": general })).await.data();
        let refused = remove(general).await.unwrap_err();
        assert!(refused.contains("labels or accounts"), "{refused}");
        assert_eq!(remove(sales).await, Ok(()));
    });
}

#[test]
fn a_key_does_what_its_scopes_say_and_nothing_else() {
    on_both("members_scopes", async |desk| {
        let reader = scoped(desk, &["contacts:read", "labels:write"]).await;
        let send = async |method: &str, path: &str, body: Json| desk.send_as(&reader, method, path, body).await;
        assert_eq!(send("GET", "/v1/contacts", Json::Null).await.status, 200);
        assert_eq!(send("GET", &format!("/v1/{ACCOUNT}/contacts"), Json::Null).await.status, 200);
        assert_eq!(send("POST", "/v1/labels", json!({ "name": "VIP" })).await.status, 201);
        assert_eq!(send("GET", "/v1/labels", Json::Null).await.status, 200, "who may write may read");
        for (method, path) in [
            ("POST", "/v1/contacts"),
            ("POST", "/v1/contacts/bulk_label"),
            ("DELETE", "/v1/contacts/ctc_01HXYZABCDEFGHJKMNPQRSTVWX"),
            ("GET", "/v1/webhook_subscriptions"),
            ("GET", "/v1/webhook_deliveries"),
            ("GET", "/v1/users"),
            ("GET", "/v1/teams"),
            ("GET", "/v1/accounts"),
            ("POST", "/v1/users"),
            ("GET", "/v1/keys"),
            ("POST", "/v1/keys"),
        ] {
            let refused = send(method, path, Json::Null).await;
            assert_eq!(refused.refusal(), (403, "insufficient_scope", None), "{method} {path}");
        }
        assert_eq!(send("GET", "/v1/nothing", Json::Null).await.refusal().0, 404);
        let me = send("GET", "/v1/me", Json::Null).await;
        assert_eq!(me.data()["api_key"]["scopes"], json!(["contacts:read", "labels:write"]));
        assert_eq!(me.data()["api_key"]["livemode"], false);
        assert_eq!(desk.get("/v1/me").await.data()["api_key"]["scopes"], Json::Null);
        let wish = Wish {
            kind: KeyKind::Admin,
            label: "x".to_owned(),
            live: true,
            expires_at: None,
            scopes: vec!["org:read".parse().expect("a scope")],
            limits: KeyLimits::default(),
        };
        assert!(keys::mint_as(&desk.app, &desk.org, wish).await.is_err(), "only keys of this API have scopes");
    });
}

#[test]
fn the_use_of_a_key_is_noted_to_the_hour() {
    on_both("members_used", async |desk| {
        let used = async || {
            let org = desk.org.clone();
            desk.app.store.read(move |tx| tx.keys(&org, None, 1)).await.expect("keys").0.remove(0).last_used_at
        };
        assert_eq!(used().await, None);
        desk.get("/v1/me").await.data();
        assert_eq!(used().await, Some(BEGINNING));
        desk.dial.advance(Duration::from_secs(3_599));
        desk.get("/v1/me").await.data();
        assert_eq!(used().await, Some(BEGINNING));
        desk.dial.advance(Duration::from_secs(1));
        desk.get("/v1/me").await.data();
        assert_eq!(used().await, Some(BEGINNING.plus(Duration::from_secs(3_600))));
    });
}
