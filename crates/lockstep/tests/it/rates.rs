//! Rate limits: one bucket for all servers, keys with limits of their own, and headers that tell where it stands.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use lockstep::app::RateLimits;
use lockstep::ops::keys;
use lockstep_core::ids::KeyId;
use lockstep_store::KeyLimits;
use serde_json::json;

use crate::contract::exchange;
use crate::desk::{Desk, key};
use crate::world;

async fn read(server: &Router, key: &str) -> (u16, Option<u32>) {
    let request = Request::get("/v1/me").header("authorization", format!("Bearer {key}")).body(Body::empty());
    let (answer, _) = exchange(server, request.expect("a request")).await;
    let remaining = answer.headers.get("x-ratelimit-remaining").and_then(|value| value.to_str().ok()?.parse().ok());
    (answer.status.as_u16(), remaining)
}

/// Sends by turns to both servers until both refuse; answers how many they let in.
async fn exhaust(servers: &[Router; 2], key: &str) -> usize {
    let (mut let_in, mut refused) = (0, 0);
    for n in 0.. {
        match read(&servers[n % 2], key).await {
            (200, _) => (let_in, refused) = (let_in + 1, 0),
            (429, _) if refused == 2 => break,
            (429, _) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    let_in
}

async fn share_a_limit(desk: &Desk) {
    let servers = [desk.another_server(), desk.another_server()];
    let exhausted = async || exhaust(&servers, &desk.key).await;
    assert_eq!(exhausted().await, 600, "both together get what one alone would");
    desk.dial.advance(Duration::from_secs(30));
    assert_eq!(exhausted().await, 300);
    desk.dial.advance(Duration::from_secs(3_600));
    // One that rests holds no more back than its slice, and gives that back.
    assert_eq!(read(&servers[0], &desk.key).await, (200, Some(599)));
    desk.dial.advance(Duration::from_millis(600));
    assert_eq!(read(&servers[1], &desk.key).await, (200, Some(599)));
    let mut let_in = 0;
    while read(&servers[1], &desk.key).await.0 == 200 {
        let_in += 1;
    }
    assert_eq!(let_in, 599);
}

const LIMITS: RateLimits = RateLimits { write_per_minute: None, read_per_minute: Some(600) };

#[tokio::test]
async fn servers_on_one_postgresql_share_a_limit() {
    let Ok(server) = std::env::var("LOCKSTEP_TEST_PG") else {
        eprintln!("skipped: LOCKSTEP_TEST_PG names no PostgreSQL server");
        return;
    };
    let schema = tokio::task::spawn_blocking(move || world::postgres_schema(&server, "rates"));
    share_a_limit(&Desk::on(Some(schema.await.expect("a schema")), LIMITS).await).await;
}

#[tokio::test]
async fn a_limit_outlives_a_restart() {
    share_a_limit(&Desk::with(LIMITS).await).await;
}

#[tokio::test]
async fn a_key_with_limits_of_its_own_has_its_own_bucket() {
    let desk = Desk::with(RateLimits { write_per_minute: Some(60), read_per_minute: Some(60) }).await;
    let own = key(&desk.app, &desk.org).await;
    let me = desk.send_as(&own, "GET", "/v1/me", json!(null)).await;
    let id: KeyId = me.data()["api_key"]["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let limits = KeyLimits { write_per_minute: None, read_per_minute: Some(3) };
    assert_eq!(keys::limit(&desk.app, &desk.org, &id, limits).await, Ok(true));
    let me = desk.send_as(&own, "GET", "/v1/me", json!(null)).await;
    assert_eq!(me.header("x-ratelimit-limit"), Some("3"));
    assert_eq!(me.data()["rate_limits"]["read_per_minute"], 3);
    assert_eq!(me.data()["rate_limits"]["write_per_minute"], 60);
    for _ in 0..2 {
        desk.send_as(&own, "GET", "/v1/me", json!(null)).await;
    }
    let refused = desk.send_as(&own, "GET", "/v1/me", json!(null)).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, Some("20")));
    assert_eq!(desk.get("/v1/me").await.header("x-ratelimit-remaining"), Some("58"), "the organization's is untouched");
    assert_eq!(keys::limit(&desk.app, &desk.org, &id, KeyLimits::default()).await, Ok(true));
    assert_eq!(desk.send_as(&own, "GET", "/v1/me", json!(null)).await.header("x-ratelimit-remaining"), Some("57"));
}

#[tokio::test]
async fn a_clock_that_steps_back_shuts_nobody_out() {
    let desk = Desk::with(LIMITS).await;
    while desk.get("/v1/me").await.status == 200 {}
    desk.dial.set(desk.dial.now().minus(Duration::from_secs(3_600)));
    assert_eq!(desk.get("/v1/me").await.status, 429);
    desk.dial.advance(Duration::from_secs(1));
    assert_eq!(desk.get("/v1/me").await.status, 200);
}
