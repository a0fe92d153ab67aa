//! Webhooks of a vendor that hands over first what proves them: Notion's.

use std::time::Duration;

use axum::body::Body;
use http::{Request, StatusCode};
use lockstep::ops::hook_addresses::{self, Shown};
use lockstep_core::problem::Problem;
use lockstep_sandbox::notion::Hook;
use lockstep_sandbox::{Notion, NotionSettings, vendors};
use secrecy::ExposeSecret;
use serde_json::{Value as Json, json};

use crate::world::{Setup, World, run};

/// No poll falls due within a test.
const POLL: Duration = Duration::from_secs(86_400);
const MOMENT: Duration = Duration::from_secs(2);

struct Office {
    world: World,
    notion: Notion,
}

impl Office {
    /// One page is in step.
    fn open() -> (Self, String) {
        let mut world = World::new(&Setup { poll: POLL, census: POLL, ..Setup::default() });
        let settings = NotionSettings { clock: world.clock(), bundle_us: 0, ..NotionSettings::default() };
        let notion = Notion::new(settings);
        let listed = vendors().iter().find(|listed| listed.slug == "notion").expect("Notion's look-alike");
        world.connect_to(listed, &notion);
        let page = notion.create(&[("Name", "Ana"), ("Phone", "+628112000001")]).expect("a page");
        world.dial.advance(Duration::from_secs(600));
        world.start();
        world.pass(Duration::from_secs(600));
        assert_eq!(world.contacts().len(), 1);
        (Self { world, notion }, page)
    }

    fn try_show(&self, anew: bool) -> Result<Shown, Problem> {
        let of = self.world.the_connection();
        run(hook_addresses::show(&self.world.app, &self.world.org, of.id(), anew))
    }

    /// The address, and the token that the operator sees.
    fn shown(&self, anew: bool) -> (String, Option<String>) {
        let Shown { url, token } = self.try_show(anew).expect("an address");
        (url, token.map(|token| token.expose_secret().to_owned()))
    }

    fn bring(&self, hook: &Hook) -> StatusCode {
        let mut request = Request::post(hook.url.strip_prefix("https://lockstep.test").expect("our address"));
        for (name, value) in &hook.headers {
            request = request.header(name, value);
        }
        self.world.ask(request.body(Body::from(hook.body.clone())).expect("a request")).0
    }

    /// A person enters the address at Notion, and the token that Lockstep shows.
    fn subscribe(&self) -> String {
        let (url, none) = self.shown(false);
        assert_eq!(none, None);
        self.notion.subscribe(&url);
        let handshake = self.notion.take_hooks().remove(0);
        assert_eq!(self.bring(&handshake), StatusCode::OK);
        let (again, token) = self.shown(false);
        assert_eq!(again, url);
        assert!(self.notion.verify_hooks(&token.expect("a token")));
        url
    }

    /// A person edits the page; what Notion sends of it.
    fn rename(&self, page: &str, name: &str) -> Hook {
        self.notion.edit(page, &[("Name", name)]).expect("an edit");
        let mut hooks = self.notion.take_hooks();
        assert_eq!(hooks.len(), 1);
        hooks.remove(0)
    }

    fn name(&self) -> String {
        self.world.contacts().remove(0).name.unwrap_or_default()
    }

    /// Calls to vendors within a moment.
    fn calls(&mut self) -> usize {
        self.world.wire.take_exchanges();
        self.world.pass(MOMENT);
        self.world.wire.take_exchanges().len()
    }
}

fn handshake(url: &str, token: &str) -> Request<Body> {
    let body = json!({ "verification_token": token }).to_string();
    Request::post(url.strip_prefix("https://lockstep.test").expect("our address")).body(body.into()).expect("a request")
}

#[test]
fn a_delivery_that_the_token_proves_brings_the_change_at_once_and_a_replay_nothing() {
    let (mut office, page) = Office::open();
    office.subscribe();
    let hook = office.rename(&page, "Ana Putri");
    assert_eq!(office.bring(&hook), StatusCode::OK);
    office.world.pass(MOMENT);
    assert_eq!(office.name(), "Ana Putri");

    assert_eq!(office.bring(&hook), StatusCode::OK);
    assert_eq!((office.calls(), office.name().as_str()), (0, "Ana Putri"), "a replay");

    office.notion.set_workspace_id("00000000-0000-4000-8000-000000000000");
    let elsewhere = office.rename(&page, "Budi");
    assert_eq!(office.bring(&elsewhere), StatusCode::OK);
    assert_eq!((office.calls(), office.name().as_str()), (0, "Ana Putri"), "another account's is no news here");
}

#[test]
fn what_the_token_does_not_prove_is_refused() {
    let (mut office, page) = Office::open();
    let (url, _) = office.shown(false);
    let early = Request::post(url.strip_prefix("https://lockstep.test").expect("our address"))
        .header("x-notion-signature", "sha256=00")
        .body(Body::from("{}"))
        .expect("a request");
    assert_eq!(office.world.ask(early).0, StatusCode::UNAUTHORIZED, "there is nothing to prove it by");
    office.subscribe();
    let hook = office.rename(&page, "Ana Putri");
    let mut altered: Json = serde_json::from_slice(&hook.body).expect("JSON");
    altered["attempt_number"] = 2.into();
    let (mut forged, mut unsigned) = (hook.clone(), hook.clone());
    forged.body = altered.to_string().into();
    unsigned.headers.clear();
    for refused in [forged, unsigned] {
        assert_eq!(office.bring(&refused), StatusCode::UNAUTHORIZED);
    }
    for url in ["https://lockstep.test/hooks/notion/0".to_owned(), url.replace("notion", "hubspot")] {
        let mut elsewhere = hook.clone();
        elsewhere.url = url;
        assert_eq!(office.bring(&elsewhere), StatusCode::NOT_FOUND, "{}", elsewhere.url);
    }
    assert_eq!((office.calls(), office.name().as_str()), (0, "Ana"));
}

#[test]
fn a_token_is_kept_sealed_and_no_later_handshake_replaces_it() {
    let (mut office, page) = Office::open();
    let url = office.subscribe();
    let token = office.shown(false).1.expect("a token");
    let path = url.rsplit('/').next().expect("its end").to_owned();
    let sealed =
        office.world.read(move |tx, _| tx.connection_at_hook_path(&path)).and_then(|(_, address)| address.token_sealed);
    let sealed = sealed.expect("a token");
    assert!(!sealed.windows(token.len()).any(|bytes| bytes == token.as_bytes()));

    assert_eq!(office.world.ask(handshake(&url, &token)).0, StatusCode::OK, "its answer was lost");
    let strangers = handshake(&url, "secret_of_somebody_else_altogether");
    assert_eq!(office.world.ask(strangers).0, StatusCode::UNAUTHORIZED);
    assert_eq!(office.shown(false), (url.clone(), Some(token.clone())));
    assert_eq!(office.bring(&office.rename(&page, "Ana Putri")), StatusCode::OK);
    office.world.pass(MOMENT);
    assert_eq!(office.name(), "Ana Putri");

    let late = office.rename(&page, "Ana Dewi");
    let (other, none) = office.shown(true);
    assert!(other != url && none.is_none());
    assert_eq!(office.bring(&late), StatusCode::NOT_FOUND, "nobody is at the old address");
    assert_eq!(office.subscribe(), other);
    assert_ne!(office.shown(false).1, Some(token));
    assert_eq!(office.bring(&office.rename(&page, "Ana Lestari")), StatusCode::OK);
    office.world.pass(MOMENT);
    assert_eq!(office.name(), "Ana Lestari");
}

#[test]
fn only_a_connection_whose_vendor_hands_over_a_token_has_an_address() {
    let (office, _) = Office::open();
    let of = office.world.the_connection();
    office.world.write({
        let of = of.clone();
        move |tx, _| tx.disable_connection(&of)
    });
    assert!(office.try_show(false).expect_err("it is disconnected").message.contains("disconnected"));
    let mut world = World::new(&Setup::default());
    world.connect();
    let id = world.the_connection().id().clone();
    let refused = run(hook_addresses::show(&world.app, &world.org, &id, false)).expect_err("HubSpot has one for all");
    assert!(refused.message.contains("/hooks/hubspot"), "{}", refused.message);
    assert!(run(hook_addresses::show(&world.app, &world.org, of.id(), false)).is_err(), "another organization's");
}
