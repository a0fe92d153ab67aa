//! The inbox page as a browser meets it: sign-in, what is shown, and what each form does.

use axum::body::Body;
use http::{Request, header};
use lockstep::channel::Outcome;
use lockstep::ops::keys;
use lockstep_core::ids::{KeyId, UserId};
use lockstep_core::message::Message;
use lockstep_store::{KeyKind, NewUser, Org, User};
use secrecy::ExposeSecret;
use serde_json::{Value as Json, json};
use url::form_urlencoded::Serializer;

use crate::conversations::{BUDI, subscribe, told, write};
use crate::desk::{Answered, Desk, organization};

/// A browser at the page.
struct Browser<'a> {
    desk: &'a Desk,
    cookie: String,
    csrf: String,
}

async fn admin_key(desk: &Desk, org: &Org) -> (KeyId, String) {
    let minted = keys::mint(&desk.app, org, KeyKind::Admin, "tests", true, None).await.expect("a key");
    (minted.id, minted.plaintext.expose_secret().to_owned())
}

async fn user(desk: &Desk, name: &str) -> User {
    let (org, new) = (desk.org.clone(), NewUser { name: name.to_owned(), email: None });
    desk.app.store.write(move |tx| tx.add_user(&org, &new)).await.expect("a user")
}

fn form(path: &str) -> http::request::Builder {
    Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
}

fn encoded(members: &[(&str, &str)]) -> Body {
    Body::from(Serializer::new(String::new()).extend_pairs(members).finish())
}

/// What stands between two texts.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(found, _)| found)
}

async fn sign_in(desk: &Desk, key: &str, next: &str) -> Answered {
    let members = [("key", key), ("next", next)];
    desk.request(form("/inbox/sign-in").body(encoded(&members)).expect("a request")).await
}

impl<'a> Browser<'a> {
    async fn of(desk: &'a Desk, org: &Org) -> Self {
        let (_, key) = admin_key(desk, org).await;
        Self::with(desk, &key).await
    }

    async fn with(desk: &'a Desk, key: &str) -> Self {
        let signed_in = sign_in(desk, key, "/inbox").await;
        assert_eq!((signed_in.status.as_u16(), signed_in.header("location")), (303, Some("/inbox")));
        let mut browser = Self { desk, cookie: cookie_of(&signed_in), csrf: String::new() };
        let page = browser.get("/inbox").await;
        browser.csrf = between(&page.text, "name=\"csrf\" value=\"", "\"").expect("a form").to_owned();
        browser
    }

    async fn get(&self, path: &str) -> Answered {
        self.desk
            .request(Request::get(path).header("cookie", &self.cookie).body(Body::empty()).expect("a request"))
            .await
    }

    /// Asks for a page again as the page itself does; answers the status.
    async fn renew(&self, path: &str, shown: &str) -> u16 {
        let etag = between(shown, "data-etag=\"", "\">").expect("an etag").replace("&#34;", "\"");
        let request = Request::get(path).header("cookie", &self.cookie).header("if-none-match", &etag);
        self.desk.request(request.body(Body::empty()).expect("a request")).await.status.as_u16()
    }

    /// Sends a form with the session's proof.
    async fn post(&self, path: &str, members: &[(&str, &str)]) -> Answered {
        let members: Vec<_> = [("csrf", self.csrf.as_str())].into_iter().chain(members.iter().copied()).collect();
        let request = form(path).header("cookie", &self.cookie).body(encoded(&members));
        self.desk.request(request.expect("a request")).await
    }
}

fn cookie_of(answer: &Answered) -> String {
    let set = answer.header("set-cookie").expect("a cookie");
    assert!(set.starts_with("__Host-lockstep="), "{set}");
    for part in ["Path=/", "HttpOnly", "Secure", "SameSite=Lax"] {
        assert!(set.split("; ").any(|given| given == part), "{set}");
    }
    set.split(';').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn the_admin_link_opens_the_page_and_no_other_key_does() {
    let desk = Desk::new().await;
    let conversation = write(&desk, BUDI, "wamid.1", "Halo").await.conversation;
    let link = format!("/inbox/{conversation}");
    let asked = desk.request(Request::get(&link).body(Body::empty()).expect("a request")).await;
    assert_eq!(asked.status, 401);
    assert!(asked.text.contains(&format!("name=\"next\" value=\"{link}\"")), "{}", asked.text);
    assert!(!asked.text.contains("Halo"));

    let (id, key) = admin_key(&desk, &desk.org).await;
    for wrong in ["", "adm_wrong", &desk.key] {
        let refused = sign_in(&desk, wrong, &link).await;
        assert_eq!((refused.status.as_u16(), refused.header("set-cookie")), (401, None), "{wrong}");
        assert!(refused.text.contains("This key does not open the inbox"), "{}", refused.text);
    }
    let signed_in = sign_in(&desk, &format!(" {key}\n"), &link).await;
    assert_eq!((signed_in.status.as_u16(), signed_in.header("location")), (303, Some(link.as_str())));
    let elsewhere = sign_in(&desk, &key, "https://evil.test/").await;
    assert_eq!(elsewhere.header("location"), Some("/inbox"));

    let browser = Browser { desk: &desk, cookie: cookie_of(&signed_in), csrf: String::new() };
    let page = browser.get(&link).await;
    assert_eq!(page.status, 200);
    for shown in ["Halo", "Budi", BUDI] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("cache-control"), Some("no-store"));

    let altered = Browser { cookie: format!("{}A", browser.cookie), csrf: String::new(), desk: &desk };
    assert_eq!(altered.get(&link).await.status, 401);
    keys::revoke(&desk.app, &desk.org, &id).await.expect("the key is revoked");
    assert_eq!(browser.get(&link).await.status, 401, "a session ends with its key");
}

#[tokio::test]
async fn a_session_ends_by_itself_and_by_hand() {
    let desk = Desk::new().await;
    let browser = Browser::of(&desk, &desk.org).await;
    let out = browser.post("/inbox/sign-out", &[]).await;
    assert_eq!(out.status, 303);
    assert!(out.header("set-cookie").is_some_and(|cookie| cookie.contains("Max-Age=0")));
    desk.dial.advance(std::time::Duration::from_secs(7 * 24 * 60 * 60));
    assert_eq!(browser.get("/inbox").await.status, 401);
}

/// Every route outside the Inbox API, as the surfaces' sources have them: its method and its path.
fn routes() -> Vec<(&'static str, &'static str)> {
    let sources = [
        include_str!("../../src/wire/page/mod.rs"),
        include_str!("../../src/wire/hooks.rs"),
        include_str!("../../src/wire/media.rs"),
        include_str!("../../src/wire/oauth.rs"),
    ];
    let lines = sources.into_iter().flat_map(|source| source.split(".route(\"").skip(1));
    let read = |route: &'static str| {
        let (path, rest) = route.split_once('"').expect("a path");
        let handlers = rest.lines().next().expect("its handlers");
        let methods = ["get", "post", "put", "patch", "delete"];
        methods.into_iter().filter(|method| handlers.contains(&format!("{method}("))).map(move |method| (method, path))
    };
    lines.flat_map(read).collect()
}

/// What a stranger sends to a route, and the status of the answer; `of` is a conversation, all else is another's.
fn stranger_asks(
    route: (&str, &str),
    of: &str,
    theirs: &Message,
    user: &str,
) -> (String, Vec<(&'static str, String)>, u16) {
    let (_, path) = route;
    let path = path.replace("{id}", of).replace("{message}", theirs.id.as_str());
    let asked = |members: &[(&'static str, &str)], status: u16| {
        let members = members.iter().map(|(name, value)| (*name, (*value).to_owned()));
        (path.clone(), members.collect(), status)
    };
    match route {
        ("get", "/inbox") => asked(&[], 200),
        ("post", "/inbox/sign-in") => asked(&[("key", "adm_wrong")], 401),
        ("post", "/inbox/sign-out") => asked(&[], 303),
        ("post", "/inbox/me") => asked(&[("user", user)], 404),
        ("get", "/inbox/assets/{name}") => asked(&[], 404),
        ("get", "/inbox/{id}" | "/inbox/{id}/files/{message}" | "/inbox/{id}/templates") => asked(&[], 404),
        ("post", "/inbox/{id}/reply") => asked(&[("text", "Hi"), ("seq", "1")], 404),
        ("post", "/inbox/{id}/templates") => {
            asked(&[("name", "greeting"), ("language", "en_US"), ("seq", "1"), ("gap.1", "x")], 404)
        }
        ("post", "/inbox/{id}/read") => asked(&[("message", theirs.id.as_str())], 404),
        ("post", "/inbox/{id}/assign") => {
            asked(&[("user", user)], if of == theirs.conversation.as_str() { 404 } else { 400 })
        }
        ("post", "/inbox/{id}/status") => asked(&[("status", "resolved")], 404),
        ("post", "/inbox/{id}/label") => {
            asked(&[("label", "lbl_01HXYZABCDEFGHJKMNPQRSTVWX"), ("operation", "attach")], 404)
        }
        // These doors open to a signature or a seal, whoever knocks.
        ("post", "/hooks/{vendor}") => (path.replace("{vendor}", "hubspot"), Vec::new(), 401),
        ("get", "/hooks/{channel}/{id}") => (
            "/hooks/whatsapp/chn_01HXYZABCDEFGHJKMNPQRSTVWX?hub.mode=subscribe&hub.verify_token=x&hub.challenge=1"
                .to_owned(),
            Vec::new(),
            404,
        ),
        ("post", "/hooks/{channel}/{id}") => asked(&[], 404),
        ("get", "/media/{token}") => asked(&[], 404),
        ("get", "/oauth/begin" | "/oauth/callback") => asked(&[], 400),
        _ => panic!("{route:?}: nobody said what a stranger gets of it"),
    }
}

#[tokio::test]
async fn a_stranger_reaches_nothing_at_the_page_nor_at_any_other_door() {
    let mut desk = Desk::new().await;
    let theirs = write(&desk, BUDI, "wamid.1", "Halo").await;
    let user = user(&desk, "Citra").await.id.to_string();
    let api = format!("/v1/conversations/{}?expand=labels", theirs.conversation);
    let before = desk.get(&api).await.data().clone();
    desk.org = organization(&desk.app, "Other").await;
    let own = write(&desk, "+628111222444", "wamid.2", "Oi").await.conversation;
    let browser = Browser::of(&desk, &desk.org).await;
    // Some name another thing than the conversation, which is one's own then.
    let names_more = |path: &str| ["/{message}", "/read", "/assign", "/label"].iter().any(|end| path.ends_with(end));
    for route in routes() {
        for of in [theirs.conversation.as_str(), own.as_str()] {
            if of == own.as_str() && !names_more(route.1) {
                continue;
            }
            let (path, members, status) = stranger_asks(route, of, &theirs, &user);
            let members: Vec<_> = members.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answered =
                if route.0 == "get" { browser.get(&path).await } else { browser.post(&path, &members).await };
            assert_eq!(answered.status.as_u16(), status, "{route:?} {of}: {}", answered.text);
            for secret in ["Halo", "Citra", BUDI, theirs.id.as_str()] {
                assert!(!answered.text.contains(secret), "{route:?} {of}: {}", answered.text);
            }
        }
    }
    assert_eq!(desk.get(&api).await.data(), &before, "the desk's key is still the owner's");
}

#[tokio::test]
async fn a_form_from_elsewhere_is_refused() {
    let desk = Desk::new().await;
    let conversation = write(&desk, BUDI, "wamid.1", "Halo").await.conversation;
    let mut browser = Browser::of(&desk, &desk.org).await;
    let foreign = Browser::of(&desk, &desk.org).await;
    let path = format!("/inbox/{conversation}/status");
    let own = browser.csrf.clone();
    for csrf in ["", "x", &foreign.csrf] {
        browser.csrf = csrf.to_owned();
        assert_eq!(browser.post(&path, &[("status", "resolved")]).await.status, 403, "{csrf:?}");
    }
    let members = [("csrf", own.as_str()), ("status", "resolved")];
    let request = form(&path).header("cookie", &browser.cookie).header("sec-fetch-site", "cross-site");
    assert_eq!(desk.request(request.body(encoded(&members)).expect("a request")).await.status, 403);
    let unsigned = form(&path).body(encoded(&members)).expect("a request");
    assert_eq!(desk.request(unsigned).await.status, 401);
    let shown = desk.get(&format!("/v1/conversations/{conversation}")).await;
    assert_eq!(shown.data()["status"], "open");
    browser.csrf = own;
    assert_eq!(browser.post(&path, &[("status", "resolved")]).await.status, 303);
}

#[tokio::test]
async fn a_reply_goes_out_once_and_one_that_cannot_comes_back() {
    let desk = Desk::new().await;
    let conversation = write(&desk, BUDI, "wamid.1", "Halo").await.conversation;
    let browser = Browser::of(&desk, &desk.org).await;
    let page = format!("/inbox/{conversation}?status=open&whose=all");
    let seq = {
        let text = browser.get(&page).await.text;
        between(&text, "name=\"seq\" value=\"", "\"").expect("a reply form").to_owned()
    };
    let reply = format!("/inbox/{conversation}/reply?status=open&whose=all");
    for _ in 0..2 {
        let sent = browser.post(&reply, &[("text", "Baik,\r\n<b>Budi</b>"), ("seq", &seq)]).await;
        assert_eq!((sent.status.as_u16(), sent.header("location")), (303, Some(page.as_str())));
    }
    desk.settle().await;
    let sent = desk.carrier.take_sent();
    assert_eq!(sent.len(), 1, "a doubled click is one message");
    assert_eq!(sent[0].content["body"], "Baik,\n<b>Budi</b>");
    let listed = desk.get(&format!("/v1/messages?conversation_id={conversation}&direction=outbound")).await;
    assert_eq!((&listed.data()[0]["source"], &listed.data()[0]["status"]), (&json!("dashboard"), &json!("sent")));
    let shown = browser.get(&page).await.text;
    assert!(shown.contains("&#60;b&#62;Budi") && !shown.contains("<b>Budi"), "{shown}");

    let empty = browser.post(&reply, &[("text", "  "), ("seq", &seq)]).await;
    assert_eq!((empty.status.as_u16(), empty.header("hx-replace-url")), (400, Some("false")));
    assert!(empty.text.contains("A reply has 1 to 4096 characters."), "{}", empty.text);

    desk.dial.advance(std::time::Duration::from_secs(24 * 60 * 60));
    let closed = browser.get(&page).await.text;
    assert!(closed.contains("has not written for 24 hours") && !closed.contains("<textarea"), "{closed}");
    let late = browser.post(&reply, &[("text", "Masih di sana?"), ("seq", &seq)]).await;
    assert_eq!(late.status, 422);
    assert!(late.text.contains("Send an approved template instead"), "{}", late.text);
}

#[tokio::test]
async fn a_day_after_the_customers_last_word_a_template_goes_out_once() {
    let desk = Desk::new().await;
    let conversation = write(&desk, BUDI, "wamid.1", "Halo").await.conversation;
    let browser = Browser::of(&desk, &desk.org).await;
    desk.dial.advance(std::time::Duration::from_secs(24 * 60 * 60));
    let page = format!("/inbox/{conversation}?status=open&whose=all");
    let path = format!("/inbox/{conversation}/templates?status=open&whose=all");
    assert!(browser.get(&page).await.text.contains(&path.replace('&', "&#38;")));
    let offered = browser.get(&path).await;
    for shown in ["Which template shall go to Budi?", "Hello {{1}}", "In place of {{1}}", "name=\"gap.1\""] {
        assert!(offered.text.contains(shown), "{shown}: {}", offered.text);
    }
    let members = [("name", "greeting"), ("language", "en_US"), ("seq", "7"), ("gap.1", " Budi ")];
    for _ in 0..2 {
        let sent = browser.post(&path, &members).await;
        assert_eq!((sent.status.as_u16(), sent.header("location")), (303, Some(page.as_str())));
    }
    desk.settle().await;
    let sent = desk.carrier.take_sent();
    assert_eq!(sent.len(), 1, "a doubled click is one message");
    assert_eq!(
        Json::Object(sent[0].content.clone()),
        json!({ "name": "greeting", "language": { "code": "en_US" },
            "components": [{ "type": "body", "parameters": [{ "type": "text", "text": "Budi" }] }] })
    );
    let listed = browser.get("/inbox").await.text;
    assert!(listed.contains("Us: Template: greeting"), "the list shows what was said last: {listed}");
    let empty = [("name", "greeting"), ("language", "en_US"), ("seq", "7"), ("gap.1", " ")];
    assert_eq!(browser.post(&path, &empty).await.status, 400);
    desk.carrier.fail(Outcome::NotTaken { retry_after: None }, "2");
    let failed = browser.get(&path).await;
    assert_eq!(failed.status, 502);
    assert!(failed.text.contains("The templates cannot be listed. It failed: 2."), "{}", failed.text);
    let other = Browser::of(&desk, &organization(&desk.app, "Other").await).await;
    assert_eq!(other.get(&path).await.status, 404);
    assert_eq!(other.post(&path, &members).await.status, 404);
    assert_eq!(Browser { csrf: "x".to_owned(), ..browser }.post(&path, &members).await.status, 403);
}

#[tokio::test]
async fn a_conversation_is_given_labelled_read_and_closed_at_the_page() {
    let desk = Desk::new().await;
    subscribe(&desk).await;
    let message = write(&desk, BUDI, "wamid.1", "Halo").await;
    let (id, ana) = (message.conversation.to_string(), user(&desk, "Ana").await.id.to_string());
    let label = desk.post("/v1/labels", json!({ "name": "urgent", "color": "red" })).await.text_of("id");
    let browser = Browser::of(&desk, &desk.org).await;
    told(&desk).await;
    let api = format!("/v1/conversations/{id}?expand=labels");
    let page = format!("/inbox/{id}");

    assert_eq!(browser.post(&format!("{page}/assign"), &[("user", &ana)]).await.status, 303);
    assert_eq!(browser.post(&format!("{page}/label"), &[("label", &label), ("operation", "attach")]).await.status, 303);
    assert_eq!(browser.post(&format!("{page}/read"), &[("message", message.id.as_str())]).await.status, 303);
    let now = desk.get(&api).await;
    assert_eq!(now.data()["assignee"]["id"], json!(ana));
    assert_eq!((&now.data()["labels"][0]["name"], &now.data()["unread_count"]), (&json!("urgent"), &json!(0)));
    let shown = browser.get(&page).await.text;
    assert!(shown.contains(&format!("Take off {}", "urgent")) && !shown.contains("Mark as read"), "{shown}");

    browser.post(&format!("{page}/label"), &[("label", &label), ("operation", "detach")]).await;
    browser.post(&format!("{page}/assign"), &[("user", "")]).await;
    browser.post(&format!("{page}/status"), &[("status", "resolved")]).await;
    let now = desk.get(&api).await;
    assert_eq!((&now.data()["assignee"], &now.data()["labels"]), (&Json::Null, &json!([])));
    let mut names: Vec<String> = told(&desk).await.into_iter().map(|(name, _)| name).collect();
    names.sort();
    assert_eq!(names, ["conversation.assigned", "conversation.assigned", "conversation.closed"]);
    assert_eq!(desk.carrier.take_read().len(), 1, "the customer sees that it was read");
    for (action, members) in [
        ("assign", [("user", "usr_01HXYZABCDEFGHJKMNPQRSTVWX"), ("", "")]),
        ("label", [("label", "lbl_01HXYZABCDEFGHJKMNPQRSTVWX"), ("operation", "attach")]),
    ] {
        let status = browser.post(&format!("{page}/{action}"), &members).await.status.as_u16();
        assert!(matches!(status, 400 | 404), "{action}: {status}");
    }
}

#[tokio::test]
async fn who_closes_a_conversation_at_the_page_is_named() {
    let desk = Desk::new().await;
    subscribe(&desk).await;
    let page = format!("/inbox/{}", write(&desk, BUDI, "wamid.1", "Halo").await.conversation);
    let ana = user(&desk, "Ana").await.id;
    let mut browser = Browser::of(&desk, &desk.org).await;
    let close = async |browser: &Browser<'_>| {
        browser.post(&format!("{page}/status"), &[("status", "open")]).await;
        told(&desk).await;
        browser.post(&format!("{page}/status"), &[("status", "resolved")]).await;
        let events = told(&desk).await;
        assert_eq!((events.len(), events[0].0.as_str()), (1, "conversation.closed"));
        events[0].1["data"]["conversation"]["closed_by_user_id"].clone()
    };
    assert_eq!(close(&browser).await, Json::Null, "nobody said who they are");
    browser.cookie = cookie_of(&browser.post("/inbox/me", &[("user", ana.as_str())]).await);
    assert_eq!(close(&browser).await, json!(ana));
}

#[tokio::test]
async fn the_list_narrows_and_tells_nothing_twice() {
    let desk = Desk::new().await;
    let ana = user(&desk, "Ana").await.id;
    let first = write(&desk, BUDI, "wamid.1", "Halo").await.conversation;
    let second = write(&desk, "+628999888777", "wamid.2", "Oi").await.conversation;
    let path = format!("/v1/conversations/{first}");
    desk.send("PATCH", &path, json!({ "assigned_to": ana })).await;
    let mut browser = Browser::of(&desk, &desk.org).await;
    let listed = async |browser: &Browser<'_>, query: &str| {
        let text = browser.get(&format!("/inbox?{query}")).await.text;
        [&first, &second].map(|id| text.contains(&format!("id=\"row-{id}\"")))
    };
    assert_eq!(listed(&browser, "").await, [true, true]);
    assert_eq!(listed(&browser, "whose=nobody").await, [false, true]);
    assert_eq!(listed(&browser, "search=8999888").await, [false, true]);
    assert_eq!(listed(&browser, "search=nobody+of+this+name").await, [false, false]);
    assert_eq!(listed(&browser, "status=resolved").await, [false, false]);
    assert_eq!(listed(&browser, "whose=mine").await, [false, false], "nobody in particular has none");
    browser.cookie = cookie_of(&browser.post("/inbox/me", &[("user", ana.as_str())]).await);
    assert_eq!(listed(&browser, "whose=mine").await, [true, false]);
    let unknown = UserId::parse("usr_01HXYZABCDEFGHJKMNPQRSTVWX").expect("an id");
    assert_eq!(browser.post("/inbox/me", &[("user", unknown.as_str())]).await.status, 404);
    assert_eq!(browser.get(&format!("/inbox?search={}", "x".repeat(201))).await.status, 400);
    assert_eq!(browser.get("/inbox?after=x").await.status, 400);

    let path = format!("/inbox/{first}");
    let page = browser.get(&path).await.text;
    assert_eq!(browser.renew(&path, &page).await, 304, "what is on the screen is not sent again");
    write(&desk, BUDI, "wamid.3", "Masih di sana?").await;
    assert_eq!(browser.renew(&path, &page).await, 200);
}

#[tokio::test]
async fn long_conversations_and_lists_come_in_pages() {
    let desk = Desk::new().await;
    let mut last = None;
    for n in 0..103 {
        desk.dial.advance(std::time::Duration::from_secs(1));
        last = Some(write(&desk, BUDI, &format!("wamid.{n}"), &format!("Number {n}.")).await);
    }
    for n in 0..26 {
        desk.dial.advance(std::time::Duration::from_secs(1));
        write(&desk, &format!("+6281112220{n:02}"), &format!("wamid.other.{n}"), "Halo").await;
    }
    let browser = Browser::of(&desk, &desk.org).await;
    let conversation = last.expect("a message").conversation;
    let newest = browser.get(&format!("/inbox/{conversation}")).await.text;
    assert!(newest.contains("Number 102.") && newest.contains("Number 3.") && !newest.contains("Number 2."));
    assert!(!newest.contains(&format!("id=\"row-{conversation}\"")), "it is on the list's second page");
    let follow = |text: &str, word: &str| {
        let (before, _) = text.split_once(word).expect("a link");
        let href = before.rsplit_once("href=\"").expect("an address").1;
        href.trim_end_matches("\">").replace("&#38;", "&")
    };
    let page = format!("/inbox/{conversation}");
    assert_eq!(browser.renew(&page, &newest).await, 304, "its two cursors are new each time and make no other page");
    let earlier = browser.get(&follow(&newest, "Earlier messages")).await;
    assert_eq!(earlier.status, 200, "{}", earlier.text);
    assert!(earlier.text.contains("Number 2.") && !earlier.text.contains("Number 3."));
    let older = browser.get(&follow(&newest, "Older conversations")).await.text;
    assert!(older.contains(&format!("id=\"row-{conversation}\"")));
    write(&desk, "+628111222025", "wamid.other.more", "Halo lagi").await;
    assert_eq!(browser.renew(&page, &newest).await, 200);
}

#[tokio::test]
async fn whoever_has_a_conversation_is_shown_however_many_people_there_are() {
    let desk = Desk::new().await;
    let conversation = write(&desk, BUDI, "wamid.1", "Halo").await.conversation;
    let mut people = Vec::new();
    for n in 0..=101 {
        people.push(user(&desk, &format!("Person {n}")).await.id);
        desk.dial.advance(std::time::Duration::from_secs(1));
    }
    let [.., hidden, last] = people.as_slice() else { panic!("a hundred people") };
    let (api, page) = (format!("/v1/conversations/{conversation}"), format!("/inbox/{conversation}"));
    desk.send("PATCH", &api, json!({ "assigned_to": last })).await.data();
    let browser = Browser::of(&desk, &desk.org).await;
    let holders = async |query: &str| {
        let text = browser.get(&format!("{page}{query}")).await.text;
        between(&text, "<select id=\"holder-", "</select>").expect("a choice").to_owned()
    };
    let option = |id: &UserId, more: &str| format!("value=\"{id}\"{more}");
    let shown = holders("").await;
    assert!(shown.contains(&option(last, " selected")) && !shown.contains(&option(hidden, "")), "{shown}");
    assert!(browser.get(&page).await.text.contains("There are more people than are listed."));
    let found = holders("?person=SON+100").await;
    assert!(found.contains(&option(hidden, "")) && found.contains(&option(last, " selected")), "{found}");
    assert_eq!(found.matches("<option").count(), 3, "nobody, who was asked for, and who has it: {found}");
    assert_eq!(browser.get(&format!("{page}?person={}", "x".repeat(201))).await.status, 400);

    desk.send("DELETE", &format!("/v1/users/{last}"), Json::Null).await.data();
    let shown = holders("").await;
    assert!(shown.contains(&option(last, " selected")) && shown.contains("Person 101 (removed)"), "{shown}");
    let assigned = browser.post(&format!("{page}/assign"), &[("user", last.as_str())]).await;
    assert_eq!(assigned.status, 303, "what is chosen already changes nothing");
    assert_eq!(desk.get(&api).await.data()["assignee"]["id"], json!(last));
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere_and_no_script_stands_in_it() {
    let desk = Desk::new().await;
    let conversation =
        write(&desk, BUDI, "wamid.1", "https://example.com <script>alert(1)</script>").await.conversation;
    let browser = Browser::of(&desk, &desk.org).await;
    let page = browser.get(&format!("/inbox/{conversation}")).await.text;
    for named in ["src=\"", "href=\"/inbox/assets"] {
        assert!(page.contains(named));
    }
    for loaded in page.split("src=\"").skip(1) {
        assert!(loaded.starts_with("/inbox/assets/"), "{loaded}");
    }
    for forbidden in ["<script>", "style=\"", "hx-on", "javascript:", "onclick"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    for (name, kind) in [
        ("htmx-4.0.1.min.js", "text/javascript; charset=utf-8"),
        ("inbox.js", "text/javascript; charset=utf-8"),
        ("inbox.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ] {
        let path = format!("/inbox/assets/{name}");
        let file = desk.request(Request::get(&path).body(Body::empty()).expect("a request")).await;
        assert_eq!((file.status.as_u16(), file.header("content-type")), (200, Some(kind)));
        let etag = file.header("etag").expect("an etag");
        let again = Request::get(&path).header("if-none-match", etag).body(Body::empty()).expect("a request");
        assert_eq!(desk.request(again).await.status, 304);
    }
    let missing = Request::get("/inbox/assets/x").body(Body::empty()).expect("a request");
    assert_eq!(desk.request(missing).await.status, 404);
}
