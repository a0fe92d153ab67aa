//! Labels: the resource, what they hang on, and what subscribers and the log learn of it. Each case on both engines.

use std::time::Duration;

use lockstep::ops::users;
use lockstep_core::ids::{ContactId, LabelId};
use lockstep_core::problem::Problem;
use lockstep_store::StoreError;
use serde_json::{Value as Json, json};

use crate::desk::{ACCOUNT, Answered, Desk, key, on_both, organization};

const EVENTS: [&str; 4] = ["contact.updated", "label.created", "label.updated", "label.deleted"];

/// What subscribers got, in the order of the events.
async fn told(desk: &Desk) -> Vec<Json> {
    while desk.deliver_due().await > 0 {}
    let got = desk.subscriber.take();
    let mut events: Vec<Json> =
        got.iter().map(|request| serde_json::from_slice(request.body()).expect("JSON")).collect();
    events.sort_by_key(|event| event["id"].to_string());
    events
}

async fn subscribe(desk: &Desk) {
    let body = json!({ "url": "https://example.com/hook", "events": EVENTS });
    desk.post("/v1/webhook_subscriptions", body).await.text_of("id");
}

async fn contact(desk: &Desk, n: usize) -> String {
    let body = json!({ "phone_number": format!("+6281112{n:05}"), "from": "+6285117600829" });
    desk.post("/v1/contacts", body).await.text_of("id")
}

async fn label(desk: &Desk, name: &str) -> String {
    desk.post("/v1/labels", json!({ "name": name })).await.text_of("id")
}

async fn team(desk: &Desk, name: &'static str) -> String {
    let by = desk.operator();
    let made = desk.app.store.write(move |tx| users::add_team(tx, &by, name)).await;
    made.expect("a team").id.to_string()
}

#[test]
fn a_label_lives_through_its_whole_life() {
    on_both("labels_life", async |desk| {
        subscribe(desk).await;
        let made = desk.post("/v1/labels", json!({ "name": "VIP", "color": "teal" })).await;
        assert_eq!(made.status, 201);
        let id = made.text_of("id");
        let general = desk.get("/v1/teams").await.data()[0]["id"].clone();
        assert_eq!(
            made.data(),
            &json!({ "id": id, "object": "label", "name": "VIP", "color": "teal", "team_id": general,
                "created_at": "2026-09-21T14:13:20.000Z", "updated_at": "2026-09-21T14:13:20.000Z" })
        );
        let path = format!("/v1/labels/{id}");
        desk.dial.advance(Duration::from_secs(1));
        let changed = desk.send("PATCH", &path, json!({ "name": "Vip" })).await;
        assert_eq!((changed.text_of("name"), changed.text_of("color")), ("Vip".into(), "teal".into()));
        assert_eq!(changed.data()["updated_at"], "2026-09-21T14:13:21.000Z");
        desk.dial.advance(Duration::from_secs(1));
        let same = desk.send("PATCH", &path, json!({ "name": "Vip", "color": "teal" })).await;
        assert_eq!(same.data(), changed.data(), "a patch that changes nothing leaves no trace");
        assert_eq!(desk.get(&path).await.data(), changed.data());
        assert_eq!(desk.get(&format!("/v1/{ACCOUNT}/labels")).await.data(), &json!([changed.data()]));

        let gone = desk.send("DELETE", &path, Json::Null).await;
        assert_eq!(gone.data(), &json!({ "id": id, "object": "label", "deleted": true }));
        for method in ["GET", "DELETE"] {
            assert_eq!(desk.send(method, &path, Json::Null).await.refusal(), (404, "resource_not_found", None));
        }
        let told = told(desk).await;
        let types: Vec<&Json> = told.iter().map(|event| &event["type"]).collect();
        assert_eq!(types, ["label.created", "label.updated", "label.deleted"]);
        assert_eq!(told[0]["data"], json!({ "label": made.data() }));
        assert_eq!(told[1]["data"], json!({ "label": changed.data(), "changed_fields": ["name"] }));
        assert_eq!(told[2]["data"], json!({ "label": gone.data() }));
    });
}

#[test]
fn a_name_is_its_teams_own() {
    on_both("labels_names", async |desk| {
        label(desk, "VIP").await;
        let twice = desk.post("/v1/labels", json!({ "name": " vip" })).await;
        assert_eq!(twice.refusal(), (400, "invalid_field_value", Some("name")));
        let lead = label(desk, "Lead").await;
        let renamed = desk.send("PATCH", &format!("/v1/labels/{lead}"), json!({ "name": "VIP" })).await;
        assert_eq!(renamed.refusal(), (400, "invalid_field_value", Some("name")));

        let sales = team(desk, "Sales").await;
        let unclear = desk.post("/v1/labels", json!({ "name": "Hot" })).await;
        assert_eq!(unclear.refusal(), (400, "missing_required_field", Some("team_id")));
        let theirs = desk.post("/v1/labels", json!({ "name": "VIP", "team_id": sales })).await;
        assert_eq!(theirs.text_of("team_id"), sales);
        for unknown in ["team_01HXYZABCDEFGHJKMNPQRSTVWX", "sales"] {
            let refused = desk.post("/v1/labels", json!({ "name": "Hot", "team_id": unknown })).await;
            assert_eq!(refused.refusal(), (400, "invalid_field_value", Some("team_id")), "{unknown}");
        }
        let listed = desk.get(&format!("/v1/labels?team_id={sales}")).await;
        assert_eq!(listed.data(), &json!([theirs.data()]));
        let page = desk.get("/v1/labels?limit=2").await;
        assert_eq!((page.data().as_array().map(Vec::len), &page.body["has_more"]), (Some(2), &json!(true)));
        let cursor = page.body["next_cursor"].as_str().expect("a cursor");
        let rest = desk.get(&format!("/v1/labels?limit=2&cursor={cursor}")).await;
        assert_eq!((rest.data().as_array().map(Vec::len), &rest.body["has_more"]), (Some(1), &json!(false)));
    });
}

#[test]
fn labels_hang_on_a_contact_until_they_are_taken_off() {
    on_both("labels_attach", async |desk| {
        let (ana, vip) = (contact(desk, 1).await, label(desk, "VIP").await);
        subscribe(desk).await;
        let before = desk.get(&format!("/v1/contacts/{ana}")).await.data().clone();
        assert!(before.get("labels").is_none());
        desk.dial.advance(Duration::from_secs(1));
        let path = format!("/v1/contacts/{ana}/labels");
        for path in [path.clone(), format!("/v1/{ACCOUNT}/contacts/{ana}/labels")] {
            let attached = desk.post(&path, json!({ "label_id": vip })).await;
            assert_eq!(attached.status, 200);
            assert_eq!(attached.data(), &json!({ "contact_id": ana, "label_id": vip, "attached": true }));
        }
        let told_of = told(desk).await;
        assert_eq!(told_of.len(), 1, "attaching again is no event");
        assert_eq!(told_of[0]["data"]["changed_fields"], json!(["labels"]));
        assert_eq!(told_of[0]["data"]["contact"]["updated_at"], "2026-09-21T14:13:21.000Z");

        let shown = desk.get(&format!("/v1/contacts/{ana}?expand=labels")).await;
        assert_eq!(shown.data()["labels"], json!([desk.get(&format!("/v1/labels/{vip}")).await.data()]));
        let other = contact(desk, 2).await;
        let listed = desk.get("/v1/contacts?expand=labels").await;
        let of = |id: &str| {
            let rows = listed.data().as_array().expect("rows");
            rows.iter().find(|row| row["id"] == id).expect("the contact")["labels"].as_array().map(Vec::len)
        };
        assert_eq!((of(&ana), of(&other)), (Some(1), Some(0)));
        let labelled = desk.get(&format!("/v1/contacts?label={vip}")).await;
        assert_eq!(labelled.data().as_array().map(Vec::len), Some(1));
        let delta = desk.get("/v1/contacts?updated_after=2026-09-21T14:13:20.500Z&limit=1").await;
        assert_eq!(delta.data()[0]["id"], *ana, "a delta shows that the labels changed");

        let detached = desk.send("DELETE", &format!("{path}/{vip}"), Json::Null).await;
        assert_eq!(detached.data(), &json!({ "contact_id": ana, "label_id": vip, "attached": false }));
        let again = desk.send("DELETE", &format!("{path}/{vip}"), Json::Null).await;
        assert_eq!(again.data(), detached.data());
        assert_eq!(told(desk).await.len(), 1);
        let id = ContactId::parse(&ana).expect("an id");
        let org = desk.org.clone();
        let log = desk.app.store.read(move |tx| tx.changes_of(&org, &id, Some("labels"), 9)).await.expect("a log");
        let log: Vec<_> = log.iter().map(|change| (&change.fields[0].before, &change.fields[0].after)).collect();
        let vip_name = Some("VIP".to_owned());
        assert_eq!(log, [(&vip_name, &None), (&None, &vip_name)]);
    });
}

#[test]
fn a_deleted_label_falls_off_and_one_event_tells_of_it() {
    on_both("labels_delete", async |desk| {
        let (ana, vip) = (contact(desk, 1).await, label(desk, "VIP").await);
        desk.post(&format!("/v1/contacts/{ana}/labels"), json!({ "label_id": vip })).await.data();
        subscribe(desk).await;
        desk.send("DELETE", &format!("/v1/labels/{vip}"), Json::Null).await.data();
        let shown = desk.get(&format!("/v1/contacts/{ana}?expand=labels")).await;
        assert_eq!(shown.data()["labels"], json!([]));
        let types: Vec<Json> = told(desk).await.iter().map(|event| event["type"].clone()).collect();
        assert_eq!(types, ["label.deleted"]);
        let attach = desk.post(&format!("/v1/contacts/{ana}/labels"), json!({ "label_id": vip })).await;
        assert_eq!(attach.refusal(), (404, "resource_not_found", None));
        let none = desk.get(&format!("/v1/contacts?label={vip}")).await;
        assert_eq!(none.data(), &json!([]));
    });
}

/// The three counters of a bulk answer.
fn counters(answered: &Answered) -> [u64; 3] {
    ["applied", "skipped_cross_org", "skipped_team_mismatch"]
        .map(|name| answered.data()[name].as_u64().unwrap_or_else(|| panic!("no {name}: {}", answered.text)))
}

#[test]
fn a_thousand_contacts_are_labelled_at_once_and_the_counters_add_up() {
    on_both("labels_bulk", async |desk| {
        let (general, sales) = (desk.get("/v1/teams").await.data()[0]["id"].clone(), team(desk, "Sales").await);
        let vip = desk.post("/v1/labels", json!({ "name": "VIP", "team_id": general })).await.text_of("id");
        let org = desk.org.clone();
        let made = desk.app.store.write(move |tx| {
            let sales = tx.teams(&org, None, 9)?.0.pop().map(|team| team.id);
            tx.add_account(&org, "222222222", "+62 811-0000-0002", "Sales")?;
            tx.set_account_team(&org, "222222222", sales.as_ref())?;
            let mut ids = Vec::new();
            for n in 0..990 {
                let account = if n < 20 { "222222222" } else { ACCOUNT };
                let new =
                    lockstep_core::contact::NewContact { account: Some(account.to_owned()), ..Default::default() };
                ids.push(tx.insert_contact(&org, new)?.id);
            }
            Ok::<_, StoreError>(ids)
        });
        let mut ids: Vec<String> = made.await.expect("contacts").iter().map(ToString::to_string).collect();
        assert_ne!(general, sales);
        let (foreign, misfits) = (10_u64, 20_u64);
        ids.extend((0..foreign).map(|_| ContactId::new(&desk.app.env).to_string()));
        subscribe(desk).await;
        let bulk = async |operation: &str, ids: &[String]| {
            let body = json!({ "contact_ids": ids, "label_id": vip, "operation": operation });
            desk.post("/v1/contacts/bulk_label?detail=true", body).await
        };
        let first = bulk("attach", &ids[..500]).await;
        assert_eq!(counters(&first), [480, 0, misfits]);
        assert_eq!(told(desk).await.len(), 480);
        let all = bulk("attach", &ids).await;
        assert_eq!(counters(&all), [970, foreign, misfits]);
        let detail = &all.data()["detail"];
        for (name, count) in [("applied", 970), ("skipped_cross_org", 10), ("skipped_team_mismatch", 20)] {
            assert_eq!(detail[name].as_array().map(Vec::len), Some(count), "{name}");
        }
        let news = told(desk).await;
        assert_eq!(news.len(), 490, "only whose labels really changed");
        assert!(news.iter().all(|event| event["data"]["changed_fields"] == json!(["labels"])));

        let twice = [ids[900].clone(), ids[900].clone(), ids[901].clone()];
        assert_eq!(counters(&bulk("detach", &twice).await), [2, 0, 0], "repeated ids count once");
        let plain = json!({ "contact_ids": twice, "label_id": vip, "operation": "detach" });
        let plain = desk.post(&format!("/v1/{ACCOUNT}/contacts/bulk_label"), plain).await;
        assert_eq!(plain.data(), &json!({ "applied": 2, "skipped_cross_org": 0, "skipped_team_mismatch": 0 }));
        assert_eq!(told(desk).await.len(), 2);
        assert_eq!(counters(&bulk("detach", &ids).await), [970, foreign, misfits]);
        assert_eq!(desk.get(&format!("/v1/contacts?label={vip}")).await.data(), &json!([]));
    });
}

#[test]
fn a_label_of_another_team_does_not_fit() {
    on_both("labels_teams", async |desk| {
        let ana = contact(desk, 1).await;
        let vip = label(desk, "VIP").await;
        desk.post(&format!("/v1/contacts/{ana}/labels"), json!({ "label_id": vip })).await.data();
        let sales = team(desk, "Sales").await;
        let hot = desk.post("/v1/labels", json!({ "name": "Hot", "team_id": sales })).await.text_of("id");
        let (org, team) = (desk.org.clone(), sales.parse().expect("an id"));
        let given =
            desk.app.store.write(move |tx| Ok::<_, Problem>(tx.set_account_team(&org, ACCOUNT, Some(&team))?));
        given.await.expect("the account is given");

        let listed = desk.get(&format!("/v1/{ACCOUNT}/labels")).await;
        assert_eq!(listed.data().as_array().map(Vec::len), Some(1), "its path shows what fits");
        assert_eq!(desk.get(&format!("/v1/{ACCOUNT}/labels/{vip}")).await.refusal().0, 404);
        let made = desk.post(&format!("/v1/{ACCOUNT}/labels"), json!({ "name": "New" })).await;
        assert_eq!(made.text_of("team_id"), sales, "the path says which team");
        let path = format!("/v1/contacts/{ana}/labels");
        desk.post(&path, json!({ "label_id": hot })).await.data();
        let old = desk.send("DELETE", &format!("{path}/{vip}"), Json::Null).await;
        assert_eq!(old.data()["attached"], false, "what hangs there from before can be taken off");
        let refused = desk.post(&path, json!({ "label_id": vip })).await;
        assert_eq!(refused.refusal(), (400, "invalid_field_value", Some("label_id")));
    });
}

#[test]
fn repeats_of_a_bulk_request_act_once() {
    on_both("labels_once", async |desk| {
        let (ana, vip) = (contact(desk, 1).await, label(desk, "VIP").await);
        subscribe(desk).await;
        let body = json!({ "contact_ids": [ana], "label_id": vip, "operation": "attach" });
        let first = desk.post_once("k1", "/v1/contacts/bulk_label", body.clone()).await;
        let again = desk.post_once("k1", "/v1/contacts/bulk_label", body.clone()).await;
        assert_eq!((first.text.as_str(), again.header("idempotent-replayed")), (again.text.as_str(), Some("true")));
        let other = desk.post_once("k1", "/v1/contacts/bulk_label?detail=true", body).await;
        assert_eq!(other.refusal(), (422, "idempotency_key_reuse", Some("Idempotency-Key")));
        assert_eq!(told(desk).await.len(), 1);
        let label = json!({ "name": "Lead" });
        let made = desk.post_once("k2", "/v1/labels", label.clone()).await.text_of("id");
        assert_eq!(desk.post_once("k2", "/v1/labels", label).await.text_of("id"), made);
    });
}

#[test]
fn bad_labels_are_refused_with_their_member() {
    on_both("labels_bad", async |desk| {
        let (ana, vip) = (contact(desk, 1).await, label(desk, "VIP").await);
        let (missing, value) = ("missing_required_field", "invalid_field_value");
        for (body, code, param) in [
            (json!({}), missing, Some("name")),
            (json!({ "name": "" }), value, Some("name")),
            (json!({ "name": "a".repeat(51) }), value, Some("name")),
            (json!({ "name": "a\u{0}" }), value, Some("name")),
            (json!({ "name": 5 }), value, Some("name")),
            (json!({ "name": "A", "color": "Red" }), value, Some("color")),
            (json!({ "name": "A", "team_id": "" }), value, Some("team_id")),
        ] {
            let refused = desk.post("/v1/labels", body.clone()).await;
            assert_eq!(refused.refusal(), (400, code, param), "{body}");
        }
        let patch = desk.send("PATCH", &format!("/v1/labels/{vip}"), json!({ "team_id": "x" })).await;
        assert_eq!(patch.refusal(), (400, missing, None));
        let bulk = |ids: Json, label: &str, operation: &str| json!({ "contact_ids": ids, "label_id": label, "operation": operation });
        let many: Vec<&str> = vec![&ana; 1_001];
        for (body, code, param) in [
            (json!({}), missing, "contact_ids"),
            (json!({ "contact_ids": [ana] }), missing, "operation"),
            (json!({ "contact_ids": [ana], "operation": "attach" }), missing, "label_id"),
            (bulk(json!([]), &vip, "attach"), value, "contact_ids"),
            (bulk(json!(many), &vip, "attach"), value, "contact_ids"),
            (bulk(json!([ana, "ctc_short"]), &vip, "attach"), value, "contact_ids.1"),
            (bulk(json!([ana, 7]), &vip, "attach"), value, "contact_ids.1"),
            (bulk(json!([ana]), "lbl_short", "attach"), value, "label_id"),
            (bulk(json!([ana]), &vip, "toggle"), value, "operation"),
        ] {
            let refused = desk.post("/v1/contacts/bulk_label", body.clone()).await;
            assert_eq!(refused.refusal(), (400, code, Some(param)), "{body}");
        }
        let unknown = LabelId::new(&desk.app.env).to_string();
        let refused = desk.post("/v1/contacts/bulk_label", bulk(json!([ana]), &unknown, "attach")).await;
        assert_eq!(refused.refusal(), (404, "resource_not_found", None));
        let detail = desk.post("/v1/contacts/bulk_label?detail=1", bulk(json!([ana]), &vip, "attach")).await;
        assert_eq!(detail.refusal(), (400, value, Some("detail")));
        for (query, param) in [("expand=team", "expand"), ("label=VIP", "label")] {
            let refused = desk.get(&format!("/v1/contacts?{query}")).await;
            assert_eq!(refused.refusal(), (400, value, Some(param)));
        }
        let other = organization(&desk.app, "Other").await;
        let key = key(&desk.app, &other).await;
        let theirs = desk.send_as(&key, "POST", "/v1/labels", json!({ "name": "Theirs" })).await.text_of("id");
        let foreign = bulk(json!([ana]), &theirs, "attach");
        assert_eq!(desk.post("/v1/contacts/bulk_label", foreign.clone()).await.refusal().0, 404);
        let mine = desk.send_as(&key, "POST", "/v1/contacts/bulk_label", foreign).await;
        assert_eq!(counters(&mine), [0, 1, 0], "a foreign contact looks like none");
    });
}
