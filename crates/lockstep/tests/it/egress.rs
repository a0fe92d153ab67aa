//! The way out over real sockets, on loopback.

use std::time::Duration;

use axum::Router;
use axum::response::Redirect;
use axum::routing::{get, post};
use bytes::Bytes;
use http::Request;
use lockstep::egress::{Egress, Rules};
use lockstep::network::{Body, Limits, Network, NetworkError};
use tokio::net::TcpListener;

const LIMITS: Limits = Limits { timeout: Duration::from_secs(5), body: Body::Whole { bytes_max: 1_000 } };

/// Serves a few answers; answers where.
async fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = Router::new()
        .route("/echo", post(|body: Bytes| async move { body }))
        .route("/big", get(|| async { "x".repeat(1_001) }))
        .route("/away", get(|| async { Redirect::temporary("/big") }))
        .route("/never", get(std::future::pending::<()>));
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn local() -> Egress {
    Egress::new(Rules { allow_local_targets: true, ..Rules::default() }).expect("a client")
}

async fn get_from(egress: &Egress, url: &str, limits: Limits) -> Result<http::Response<Bytes>, NetworkError> {
    egress.exchange(Request::get(url).body(Bytes::new()).expect("a request"), limits).await
}

#[tokio::test]
async fn an_exchange_carries_body_and_headers_both_ways() {
    let url = server().await;
    let request =
        Request::post(format!("{url}/echo")).header("content-type", "application/json").body(Bytes::from("{}"));
    let answer = local().exchange(request.expect("a request"), LIMITS).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (200, &b"{}"[..]));
    assert!(answer.headers().contains_key("content-type"));
}

#[tokio::test]
async fn limits_hold_and_redirects_are_not_followed() {
    let url = server().await;
    let egress = local();
    assert_eq!(get_from(&egress, &format!("{url}/away"), LIMITS).await.expect("an answer").status(), 307);
    let big = get_from(&egress, &format!("{url}/big"), LIMITS).await;
    assert_eq!(big.map(|_| ()), Err(NetworkError::Lost("the answer is over 1000 bytes".to_owned())));
    let unread = get_from(&egress, &format!("{url}/big"), Limits { body: Body::Unread, ..LIMITS }).await;
    assert_eq!(unread.map(|answer| answer.status().as_u16()), Ok(200), "a body that nobody wants may be of any length");
    let short = Limits { timeout: Duration::from_millis(50), ..LIMITS };
    let slow = get_from(&egress, &format!("{url}/never"), short).await;
    assert_eq!(slow.map(|_| ()), Err(NetworkError::Lost("it took too long".to_owned())));
}

#[tokio::test]
async fn what_was_not_sent_is_told_from_what_was_lost() {
    let url = server().await;
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let nobody = get_from(&local(), &format!("http://{closed}/"), LIMITS).await;
    assert!(matches!(nobody, Err(NetworkError::NotSent(_))), "{nobody:?}");
    let closed_egress = Egress::new(Rules::default()).expect("a client");
    for target in [format!("{url}/echo"), url.replace("127.0.0.1", "localhost"), "http://example.com/".to_owned()] {
        let refused = get_from(&closed_egress, &target, LIMITS).await;
        assert!(matches!(refused, Err(NetworkError::Refused(_))), "{target}: {refused:?}");
    }
    let host = url.trim_start_matches("http://").to_owned();
    let listed = Egress::new(Rules { allow: [host].into(), allow_local_targets: false }).expect("a client");
    assert_eq!(get_from(&listed, &format!("{url}/away"), LIMITS).await.expect("an answer").status(), 307);
}
