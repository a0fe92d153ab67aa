//! Connecting with OAuth: the sandbox's page, a person who presses a button, and the redirect back to us.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{Request, StatusCode};
use lockstep::ops::authorise;
use lockstep::ops::syncs::KeyChoice;
use lockstep::wire;
use lockstep_store::StoreError;
use tower::ServiceExt;

use crate::world::{CRM, Setup, World, run};

/// Opens the address and presses a button; answers where the browser is sent.
fn press(world: &World, button: &str) -> String {
    let address = authorise::begin(&world.app, &world.org, "hubspot", Some(CRM.to_owned()), KeyChoice::Create);
    let address = address.expect("an address");
    let (page, query) = address.split_once('?').expect("a query");
    assert_eq!(page, format!("{CRM}/oauth/authorize"));
    let pressed = Request::post("/oauth/authorize")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(format!("{query}&decision={button}")))
        .expect("a request");
    let answer = run(world.hubspot.router().oneshot(pressed)).expect("an answer");
    let location = answer.headers()[LOCATION].to_str().expect("ASCII");
    location.strip_prefix("https://lockstep.test").expect("back to us").to_owned()
}

fn follow(world: &World, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Body::empty()).expect("a request");
    let answer = run(wire::router(world.app.clone()).oneshot(request)).expect("an answer");
    let status = answer.status();
    let text = run(to_bytes(answer.into_body(), usize::MAX)).expect("a body");
    (status, String::from_utf8_lossy(&text).into_owned())
}

fn connections(world: &World) -> usize {
    let org = world.org.clone();
    run(world.app.store.read(move |tx| Ok::<_, StoreError>(tx.connections(&org)?.len()))).expect("reads")
}

#[test]
fn a_person_allows_access_and_the_account_is_connected() {
    let world = World::new(&Setup::default());
    let back = press(&world, "allow");
    let (status, text) = follow(&world, &back);
    assert_eq!((status, connections(&world)), (StatusCode::OK, 1), "{text}");
    assert!(text.contains("con_"), "{text}");
    assert_eq!(follow(&world, &back).0, StatusCode::BAD_REQUEST, "a code is good once");
    let (status, _) = follow(&world, &press(&world, "allow"));
    assert_eq!((status, connections(&world)), (StatusCode::OK, 1), "the same account renews its connection");
}

#[test]
fn what_was_denied_altered_or_takes_too_long_connects_nothing() {
    let world = World::new(&Setup::default());
    assert_eq!(follow(&world, &press(&world, "deny")).0, StatusCode::BAD_REQUEST);
    let back = press(&world, "allow");
    for altered in
        [back.replace("state=", "state=A"), back.replace("state=", "other="), back.replace("code=", "other=")]
    {
        assert_eq!(follow(&world, &altered).0, StatusCode::BAD_REQUEST, "{altered}");
    }
    world.dial.advance(Duration::from_secs(16 * 60));
    let (status, text) = follow(&world, &back);
    assert_eq!((status, connections(&world)), (StatusCode::BAD_REQUEST, 0), "{text}");
}
