//! The sandboxes' own routes, which are the same for every vendor.

use axum::Router;
use http::Method;
use lockstep_sandbox::vendor::Basics;
use lockstep_sandbox::{Meta, MetaSettings, vendors};
use serde_json::json;

use crate::desk::{Got, ask, clock};

fn post(router: &Router, path: &str) -> Got {
    ask(router, Method::POST, path, &[], "{}")
}

/// What the answer to an act that nobody has names between its quotes: first that one, then all others.
fn acts(router: &Router) -> Vec<String> {
    let got = post(router, "/__nothing");
    assert_eq!(got.status, 400, "{}", got.text);
    let message = got.json["message"].as_str().expect("a message").to_owned();
    message.split('`').skip(1).step_by(2).skip(1).map(str::to_owned).collect()
}

#[test]
fn every_act_has_a_path_and_every_crm_a_page() {
    let all = vendors().iter().map(|it| (it.make)(Basics { clock: clock().1, wait: None, quirks: false }).router());
    for router in all {
        let acts = acts(&router);
        assert!(["create", "edit", "archive", "grant"].iter().all(|act| acts.iter().any(|it| it == act)), "{acts:?}");
        for act in acts {
            let got = post(&router, &format!("/__{act}"));
            assert!([200, 400].contains(&got.status.as_u16()), "{act}: {} {}", got.status, got.text);
        }
        let page = ask(&router, Method::GET, "/", &[], "").text;
        assert!(page.contains(" sandbox</h1>") && page.contains("aria-current"), "{page}");
        assert_eq!(ask(&router, Method::GET, "/__records", &[], "").json, json!([]));
        assert_eq!(ask(&router, Method::GET, "/__calls", &[], "").json["total"], 0);
    }
    assert_eq!(acts(&Meta::new(MetaSettings::default()).router()), ["say", "subscribe", "weather", "reach"]);
}
