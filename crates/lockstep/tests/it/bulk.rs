//! Contacts looked up by other systems' ids, and many of them at once: batches, exports and imports.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::Request;
use lockstep_core::limits::IMPORT_LINE_BYTES_MAX;
use serde_json::{Value as Json, json};

use crate::desk::{ACCOUNT, Desk};

fn phone(n: usize) -> String {
    format!("+62811{n:07}")
}

async fn names(desk: &Desk, query: &str) -> Vec<String> {
    let listed = desk.get(&format!("/v1/contacts?{query}")).await;
    let rows = listed.data().as_array().expect("rows");
    rows.iter().map(|row| row["name"].as_str().unwrap_or_default().to_owned()).collect()
}

async fn lines(desk: &Desk, method: &str, path: &str, body: Body) -> Vec<Json> {
    let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {}", desk.key));
    let answer = desk.request(request.body(body).expect("a request")).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, Some("application/x-ndjson")));
    answer.text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[tokio::test]
async fn contacts_are_found_by_email_and_by_the_id_of_a_crm() {
    let desk = Desk::new().await;
    for (n, name, email, crm_id) in [
        (0, "Ana", "ana+crm@example.com", json!("42")),
        (1, "Budi", "budi@example.com", json!(42)),
        (2, "Citra", "citra@example.com", json!("43")),
    ] {
        let body = json!({ "phone_number": phone(n), "name": name, "email": email, "metadata": { "crm_id": crm_id } });
        assert_eq!(desk.post("/v1/contacts", body).await.status, 201);
        desk.dial.advance(Duration::from_secs(1));
    }
    assert_eq!(names(&desk, "email=ANA%2Bcrm@example.com").await, ["Ana"]);
    assert_eq!(names(&desk, "email=ana+crm@example.com").await, ["Ana"], "a plus that arrived as a space");
    assert_eq!(names(&desk, "email=nobody@example.com").await, [""; 0]);
    assert_eq!(names(&desk, "external_id=crm:42").await, ["Budi", "Ana"]);
    assert_eq!(names(&desk, "external_id=crm:42&email=ana%2Bcrm@example.com").await, ["Ana"]);
    assert_eq!(names(&desk, "external_id=hubspot:42").await, [""; 0]);
    let found = desk.get("/v1/contacts?external_id=crm:43").await;
    let path = format!("/v1/contacts/{}", found.data()[0]["id"].as_str().expect("an id"));
    desk.send("PATCH", &path, json!({ "metadata": { "crm_id": "44" } })).await;
    assert_eq!(names(&desk, "external_id=crm:43").await, [""; 0], "the key follows the metadata");
    assert_eq!(names(&desk, "external_id=crm:44").await, ["Citra"]);
    desk.send("DELETE", &path, Json::Null).await;
    assert_eq!(names(&desk, "external_id=crm:44").await, [""; 0]);
    for bad in ["external_id=42", "external_id=crm:", "external_id=CRM:1", "email=x", "updated_before=x"] {
        let param = bad.split_once('=').map(|(param, _)| param);
        assert_eq!(desk.get(&format!("/v1/contacts?{bad}")).await.refusal().2, param, "{bad}");
    }
}

#[tokio::test]
async fn a_delta_that_began_with_nothing_misses_nothing_though_the_clock_steps_back() {
    let desk = Desk::new().await;
    desk.post("/v1/contacts", json!({ "phone_number": phone(0), "name": "Old" })).await;
    let query = "/v1/contacts?updated_after=2026-09-21T15:00:00Z";
    let empty = desk.get(query).await;
    assert_eq!(empty.data(), &json!([]));
    let cursor = empty.body["delta_cursor"].as_str().expect("a cursor").to_owned();
    desk.dial.set(desk.dial.now().minus(Duration::from_secs(3_600)));
    desk.post("/v1/contacts", json!({ "phone_number": phone(1), "name": "New" })).await;
    let next = desk.get(&format!("{query}&cursor={cursor}")).await;
    assert_eq!((next.data().as_array().map(Vec::len), &next.data()[0]["name"]), (Some(1), &json!("New")));
    assert_eq!(names(&desk, "updated_before=2026-09-21T14:00:00Z").await, ["New"]);
    assert_eq!(
        names(&desk, "updated_after=2020-01-01T00:00:00Z&updated_before=2026-09-21T14:30:00Z").await,
        ["Old", "New"]
    );
}

#[tokio::test]
async fn a_batch_answers_each_row_and_acts_once() {
    let desk = Desk::new().await;
    let old = desk.post("/v1/contacts", json!({ "phone_number": phone(0), "name": "Old" })).await.text_of("id");
    let body = json!({ "contacts": [
        { "phone_number": phone(1), "name": "Ana", "metadata": { "crm_id": "7" } },
        { "id": old, "name": "Older" },
        { "id": old, "name": "Older" },
        { "phone_number": phone(1), "name": "Twice" },
        { "phone_number": "0811", "name": "Bad" },
        { "name": "Nobody" },
        { "id": "ctc_01HXYZABCDEFGHJKMNPQRSTVWX", "name": "Gone" },
        { "id": old, "phone_number": phone(9) },
        { "phone_number": phone(2), "name": 5 },
        { "phone_number": phone(3), "from": "+6281999999999" },
        { "phone_number": phone(2), "name": "Budi" },
    ] });
    let done = desk.post_once("b", "/v1/contacts/batch", body.clone()).await;
    let results: Vec<(u64, &str, &str, &str)> = done.data()["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|row| {
            let text = |value: &Json| value.as_str().map_or("", |text| Box::leak(text.to_owned().into_boxed_str()));
            let error = &row["error"];
            (row["row"].as_u64().unwrap_or_default(), text(&row["result"]), text(&error["code"]), text(&error["param"]))
        })
        .collect();
    assert_eq!(
        results,
        [
            (1, "created", "", ""),
            (2, "updated", "", ""),
            (3, "unchanged", "", ""),
            (4, "refused", "contact_already_exists", "phone_number"),
            (5, "refused", "invalid_phone_number", "phone_number"),
            (6, "refused", "missing_required_field", "phone_number"),
            (7, "refused", "resource_not_found", ""),
            (8, "refused", "invalid_field_value", "phone_number"),
            (9, "refused", "invalid_field_value", "name"),
            (10, "refused", "invalid_field_value", "from"),
            (11, "created", "", ""),
        ]
    );
    assert_eq!(done.data()["counts"], json!({ "created": 2, "updated": 1, "unchanged": 1, "refused": 7 }));
    let again = desk.post_once("b", "/v1/contacts/batch", body).await;
    assert_eq!((again.header("idempotent-replayed"), again.text == done.text), (Some("true"), true));
    assert_eq!(names(&desk, "search=a").await.len(), 1, "Ana was made once");
    for bad in [json!({}), json!({ "contacts": [] }), json!({ "contacts": vec![json!({}); 1_001] })] {
        assert_eq!(
            desk.post("/v1/contacts/batch", bad).await.refusal(),
            (400, "invalid_field_value", Some("contacts"))
        );
    }
    let elsewhere = desk.post("/v1/123456/contacts/batch", json!({ "contacts": [{}] })).await;
    assert_eq!(elsewhere.refusal(), (404, "resource_not_found", None));
}

#[tokio::test]
async fn what_is_exported_is_imported_again() {
    let desk = Desk::new().await;
    let sent: String = (0..1_234)
        .map(|n| {
            format!(
                "{}\r\n",
                json!({ "phone_number": phone(n), "name": format!("Person {n}"), "metadata": { "n": n } })
            )
        })
        .collect();
    let done = lines(&desk, "POST", &format!("/v1/{ACCOUNT}/contacts/import"), Body::from(sent.clone())).await;
    assert_eq!(done.len(), 1_235);
    assert!((1..).zip(&done[..1_234]).all(|(n, line)| line["row"] == json!(n) && line["result"] == "created"));
    let counts = |created, updated, unchanged| json!({ "created": created, "updated": updated, "unchanged": unchanged, "refused": 0 });
    assert_eq!(done[1_234], json!({ "object": "import_end", "rows": 1_234, "counts": counts(1_234, 0, 0) }));

    let since = "updated_after=2020-01-01T00:00:00Z";
    let exported = lines(&desk, "GET", &format!("/v1/contacts/export?{since}"), Body::empty()).await;
    let (end, contacts) = exported.split_last().expect("an end");
    assert_eq!((&end["object"], &end["contacts"], contacts.len()), (&json!("export_end"), &json!(1_234), 1_234));
    assert_eq!((&contacts[7]["name"], &contacts[7]["acquisition_source"]), (&json!("Person 7"), &json!("import")));
    let again = lines(&desk, "POST", "/v1/contacts/import", Body::from(sent)).await;
    assert_eq!(again[1_234]["counts"], counts(0, 0, 1_234), "sending it again does no harm");

    let changed = json!({ "phone_number": phone(5), "name": null });
    let changed = lines(&desk, "POST", "/v1/contacts/import", Body::from(changed.to_string())).await;
    assert_eq!(changed[1]["counts"], counts(0, 1, 0), "null clears, and the last line needs no end");
    let cursor = end["delta_cursor"].as_str().expect("a cursor");
    let delta = desk.get(&format!("/v1/contacts?{since}&cursor={cursor}")).await;
    assert_eq!((delta.data().as_array().map(Vec::len), &delta.data()[0]["phone_number"]), (Some(1), &json!(phone(5))));
    let some = lines(&desk, "GET", "/v1/contacts/export?search=person%201", Body::empty()).await;
    assert_eq!(some.last(), Some(&json!({ "object": "export_end", "contacts": 345, "delta_cursor": null })));
}

#[tokio::test]
async fn a_bad_line_is_answered_and_the_others_are_taken() {
    let desk = Desk::new().await;
    let long = "x".repeat(IMPORT_LINE_BYTES_MAX as usize + 1);
    let good = json!({ "phone_number": phone(0) });
    let parts =
        ["{\n", "\n", "[]\n", &long, &long, "\n", "\u{fffd}\n", &good.to_string(), "\n", "{\"phone_number\": \"1\"}"];
    let parts: Vec<Result<Bytes, std::io::Error>> =
        parts.iter().map(|part| Ok(Bytes::from((*part).to_owned()))).collect();
    let done = lines(&desk, "POST", "/v1/contacts/import", Body::from_stream(stream::iter(parts))).await;
    let codes: Vec<(u64, &str)> = done[..done.len() - 1]
        .iter()
        .map(|line| (line["row"].as_u64().unwrap_or_default(), line["error"]["code"].as_str().unwrap_or("")))
        .collect();
    assert_eq!(
        codes,
        [
            (1, "invalid_json"),
            (3, "invalid_field_value"),
            (4, "body_too_large"),
            (5, "invalid_json"),
            (6, ""),
            (7, "invalid_phone_number")
        ]
    );
    assert_eq!(done[done.len() - 1]["rows"], 7);
}

#[tokio::test]
async fn an_import_takes_no_more_than_its_answer_is_read_and_ends_where_it_breaks_off() {
    let desk = Desk::new().await;
    let pulled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&pulled);
    let sent = stream::iter(0..5_000).map(move |n| {
        count.fetch_add(1, Ordering::SeqCst);
        Ok::<_, std::io::Error>(Bytes::from(format!("{}\n", json!({ "phone_number": phone(n) }))))
    });
    let mut answer =
        desk.open("POST", "/v1/contacts/import", Body::from_stream(sent)).await.into_body().into_data_stream();
    assert!(answer.next().await.is_some());
    let taken = pulled.load(Ordering::SeqCst);
    assert!(taken <= 200, "{taken} lines were taken before the first answer was read");
    drop(answer);

    let broken = stream::iter([
        Ok(Bytes::from(format!("{}\n", json!({ "phone_number": phone(9_000) })))),
        Ok(Bytes::from(json!({ "phone_number": phone(9_001) }).to_string())),
        Err(std::io::Error::other("gone")),
    ]);
    let answer = desk.open("POST", "/v1/contacts/import", Body::from_stream(broken)).await;
    let done = to_bytes(answer.into_body(), usize::MAX).await.expect("what was answered");
    let done: Json = serde_json::from_slice(&done).expect("no end, and nothing of the cut line");
    assert_eq!(done["result"], "created");
    assert_eq!(desk.get("/v1/contacts?phone=%2B628110009001").await.data(), &json!([]));
}

#[tokio::test]
async fn an_export_shows_what_changes_meanwhile_again() {
    let desk = Desk::new().await;
    let sent: String = (0..600).map(|n| format!("{}\n", json!({ "phone_number": phone(n), "name": "Ana" }))).collect();
    lines(&desk, "POST", "/v1/contacts/import", Body::from(sent)).await;
    let mut export = desk.open("GET", "/v1/contacts/export", Body::empty()).await.into_body().into_data_stream();
    let mut text = export.next().await.expect("a page").expect("whole").to_vec();
    let first: Json = serde_json::from_slice(text.split(|byte| *byte == b'\n').next().expect("a line")).expect("JSON");
    let path = format!("/v1/contacts/{}", first["id"].as_str().expect("an id"));
    desk.send("PATCH", &path, json!({ "name": "Ana B" })).await;
    while let Some(more) = export.next().await {
        text.extend(more.expect("whole"));
    }
    let text = String::from_utf8(text).expect("text");
    assert_eq!(text.lines().count(), 602);
    assert_eq!(text.matches("\"Ana B\"").count(), 1);
}
