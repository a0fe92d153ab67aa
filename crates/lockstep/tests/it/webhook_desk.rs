//! The webhook desk: health, pings, bulk replays, the sequence, and subscribers that do not hold each other up.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use lockstep::app::App;
use lockstep::network::{Limits, Network, NetworkError};
use lockstep::sync::deliver;
use lockstep_core::job::Job;
use lockstep_core::limits::DELIVERIES_AT_ONCE_MAX;
use lockstep_store::{Share, StoreError};
use serde_json::{Value as Json, json};
use tokio::task::JoinSet;

use crate::desk::Desk;

const HOOK: &str = "https://example.com/hook";

async fn contact(desk: &Desk, n: usize) -> String {
    let body = json!({ "phone_number": format!("+62811{n:07}"), "name": "Ana" });
    desk.post("/v1/contacts", body).await.text_of("id")
}

async fn set_status(desk: &Desk, subscription: &str, status: &str) {
    let path = format!("/v1/webhook_subscriptions/{subscription}");
    assert_eq!(desk.send("PATCH", &path, json!({ "status": status })).await.text_of("status"), status);
}

fn bodies(desk: &Desk) -> Vec<Json> {
    desk.subscriber.take().iter().map(|request| serde_json::from_slice(request.body()).expect("JSON")).collect()
}

#[tokio::test]
async fn the_sequence_of_a_contact_grows_with_each_event() {
    let desk = Desk::new().await;
    desk.subscribe(HOOK).await;
    let id = contact(&desk, 0).await;
    contact(&desk, 1).await;
    let path = format!("/v1/contacts/{id}");
    desk.send("PATCH", &path, json!({ "name": "Ana B" })).await;
    desk.send("PATCH", &path, json!({ "name": "Ana C" })).await;
    desk.deliver_due().await;
    desk.send("DELETE", &path, Json::Null).await;
    desk.deliver_due().await;
    let mut events: Vec<(i64, String)> = bodies(&desk)
        .iter()
        .filter(|event| event["data"]["contact"]["id"] == id.as_str())
        .map(|event| (event["sequence"].as_i64().expect("a number"), event["data"]["contact"]["name"].to_string()))
        .collect();
    events.sort();
    let names: Vec<&str> = events.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["\"Ana\"", "\"Ana B\"", "\"Ana C\"", "null"], "{events:?}");
    assert!(events.windows(2).all(|pair| pair[0].0 < pair[1].0), "{events:?}");
}

#[tokio::test]
async fn what_a_disabled_subscriber_missed_is_sent_again_oldest_first() {
    let desk = Desk::new().await;
    let (id, _) = desk.subscribe(HOOK).await;
    set_status(&desk, &id, "paused").await;
    let mut missed = Vec::new();
    for n in 0..1_003 {
        missed.push(contact(&desk, n).await);
        desk.dial.advance(Duration::from_millis(1));
    }
    let request = json!({ "subscription_id": id });
    let refused = desk.post("/v1/webhook_deliveries/bulk_replay", request.clone()).await;
    assert_eq!(refused.refusal(), (400, "invalid_field_value", Some("subscription_id")), "it is not active");
    set_status(&desk, &id, "active").await;
    let replay = async || {
        let done = desk.post("/v1/webhook_deliveries/bulk_replay", request.clone()).await;
        (done.status.as_u16(), done.data().clone())
    };
    let first = desk.post_once("k", "/v1/webhook_deliveries/bulk_replay", request.clone()).await;
    assert_eq!(first.data(), &json!({ "enqueued": 1_000, "capped": true }));
    let again = desk.post_once("k", "/v1/webhook_deliveries/bulk_replay", request.clone()).await;
    assert_eq!((again.header("idempotent-replayed"), again.data()), (Some("true"), first.data()));
    while desk.deliver_due().await > 0 {}
    assert_eq!(replay().await, (202, json!({ "enqueued": 3, "capped": false })));
    assert_eq!(replay().await, (202, json!({ "enqueued": 0, "capped": false })));
    while desk.deliver_due().await > 0 {}
    let got: Vec<String> =
        bodies(&desk).iter().map(|event| event["data"]["contact"]["id"].as_str().expect("an id").to_owned()).collect();
    assert_eq!(got, missed);
    for (body, param) in [
        (json!({}), "subscription_id"),
        (json!({ "subscription_id": id, "status": "delivered" }), "status"),
        (json!({ "subscription_id": id, "event_type": "x" }), "event_type"),
        (json!({ "subscription_id": id, "created_after": "yesterday" }), "created_after"),
    ] {
        assert_eq!(desk.post("/v1/webhook_deliveries/bulk_replay", body).await.refusal().2, Some(param));
    }
}

#[tokio::test]
async fn a_ping_is_tried_once_and_reaches_a_paused_subscription_too() {
    let desk = Desk::new().await;
    let (id, _) = desk.subscribe(HOOK).await;
    set_status(&desk, &id, "paused").await;
    let path = format!("/v1/webhook_subscriptions/{id}/ping");
    let ping = desk.post(&path, json!({})).await;
    assert_eq!((ping.status.as_u16(), ping.text_of("event_type")), (202, "webhook.ping".to_owned()));
    assert_eq!(desk.deliver_due().await, 1);
    let sent = bodies(&desk).remove(0);
    assert_eq!((&sent["type"], &sent["data"]["subscription"]["id"]), (&json!("webhook.ping"), &json!(id)));
    let delivery = format!("/v1/webhook_deliveries/{}", ping.text_of("id"));
    assert_eq!(desk.get(&delivery).await.text_of("status"), "delivered");

    desk.subscriber.answer(&[500; 5]);
    for _ in 0..5 {
        desk.post(&path, json!({})).await;
    }
    assert_eq!(desk.deliver_due().await, 5);
    let dead = desk.get("/v1/webhook_deliveries?status=dead&event_type=webhook.ping").await;
    assert_eq!(dead.data().as_array().map(Vec::len), Some(5), "tried once each");
    let subscription = desk.get(&format!("/v1/webhook_subscriptions/{id}")).await;
    assert_eq!(subscription.data()["consecutive_failures"], 0, "pings disable nothing");
    let chosen = json!({ "url": HOOK, "events": ["webhook.ping"] });
    assert_eq!(desk.post("/v1/webhook_subscriptions", chosen).await.refusal().2, Some("events.0"));
}

#[tokio::test]
async fn health_tells_what_arrives_what_waits_and_what_went_wrong() {
    let desk = Desk::new().await;
    let (id, _) = desk.subscribe(HOOK).await;
    let path = format!("/v1/webhook_subscriptions/{id}/health");
    let fresh = desk.get(&path).await;
    assert_eq!((&fresh.data()["success_rate"], &fresh.data()["last_error"]), (&Json::Null, &Json::Null));
    desk.subscriber.answer(&[200, 200, 200, 410, 503]);
    for n in 0..5 {
        contact(&desk, n).await;
        desk.deliver_due().await;
    }
    contact(&desk, 5).await;
    let health = desk.get(&path).await;
    let data = health.data();
    assert_eq!(data["counts"], json!({ "pending": 1, "failed": 1, "delivered": 3, "dead": 1 }));
    assert_eq!((&data["success_rate"], &data["status"]), (&json!(0.75), &json!("active")));
    assert_eq!((&data["last_error"], &data["consecutive_failures"]), (&json!("answered 503"), &json!(1)));
    assert_eq!(data["oldest_waiting_at"], "2026-09-21T14:13:20.000Z");
    assert!(data["last_delivered_at"].is_string() && data["last_failed_at"].is_string());
    desk.dial.advance(Duration::from_secs(7_200));
    let later = desk.get(&format!("{path}?hours=1")).await;
    assert_eq!(later.data()["counts"]["delivered"], 0);
    for bad in ["0", "721", "x", "+5"] {
        assert_eq!(desk.get(&format!("{path}?hours={bad}")).await.refusal().2, Some("hours"), "{bad}");
    }
}

/// Answers every host at once, but for the dead one, which never answers.
#[derive(Default)]
struct Uneven(Mutex<BTreeMap<String, usize>>);

impl Uneven {
    fn sent_to(&self, host: &str) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(host).copied().unwrap_or_default()
    }
}

#[async_trait]
impl Network for Uneven {
    async fn exchange(&self, request: Request<Bytes>, _: Limits) -> Result<Response<Bytes>, NetworkError> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(host.clone()).or_default() += 1;
        if host == "dead.example" {
            std::future::pending::<()>().await;
        }
        Ok(Response::new(Bytes::new()))
    }
}

#[tokio::test]
async fn a_dead_subscriber_keeps_no_other_waiting() {
    let desk = Desk::new().await;
    desk.subscribe("https://dead.example/hook").await;
    desk.subscribe("https://alive.example/hook").await;
    for n in 0..100 {
        contact(&desk, n).await;
    }
    let network = Arc::new(Uneven::default());
    let app = App { network: network.clone(), ..desk.app.clone() };
    let mut tasks = JoinSet::new();
    let begin = async |tasks: &mut JoinSet<()>| {
        let claimed = app.store.write(|tx| tx.claim("desk", Share::Deliveries, 9)).await.expect("claims");
        for claimed in &claimed {
            let (app, claimed) = (app.clone(), claimed.clone());
            tasks.spawn(async move {
                let Job::Deliver { subscription } = &claimed.job else { panic!("{:?}", claimed.job) };
                deliver::run(&app, subscription).await.expect("the store works");
                app.store.write(move |tx| tx.finish(&claimed)).await.map(|_| ()).expect("finishes");
            });
        }
        claimed.len()
    };
    assert_eq!(begin(&mut tasks).await, 2, "one job each, however much waits");
    tasks.join_next().await.expect("a job ends").expect("well");
    assert_eq!(network.sent_to("alive.example"), 100);
    assert_eq!(
        network.sent_to("dead.example"),
        DELIVERIES_AT_ONCE_MAX as usize,
        "no more at once than its lane allows"
    );

    contact(&desk, 100).await;
    assert_eq!(begin(&mut tasks).await, 1, "the dead one's lane is taken");
    tasks.join_next().await.expect("a job ends").expect("well");
    assert_eq!(network.sent_to("alive.example"), 101);
    assert_eq!(network.sent_to("dead.example"), DELIVERIES_AT_ONCE_MAX as usize);
    let waiting: Result<_, StoreError> = app.store.read(|tx| tx.queue_counts()).await;
    assert_eq!(waiting.expect("reads").waiting, 1, "100 deliveries wait behind one job");
}

#[tokio::test]
async fn a_subscriber_that_took_nothing_of_a_batch_rests() {
    let desk = Desk::new().await;
    desk.subscribe(HOOK).await;
    for n in 0..300 {
        contact(&desk, n).await;
    }
    desk.subscriber.answer(&[503; 256]);
    desk.settle().await;
    assert_eq!(desk.subscriber.take().len(), 256, "what else is due waits for a second");
    desk.dial.advance(Duration::from_secs(1));
    desk.settle().await;
    assert_eq!(desk.subscriber.take().len(), 300 - 256, "tries of what failed come later");
}
