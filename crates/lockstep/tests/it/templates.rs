//! Templates, read through the channel from Meta's look-alike.

use axum::body::Body;
use http::Request;
use lockstep::ops::channels::{self, Connect, Connected};
use lockstep::ops::{Author, keys};
use lockstep_core::problem::{Code, Problem};
use lockstep_sandbox::{Effect, Fault};
use lockstep_store::KeyKind;
use secrecy::ExposeSecret;
use serde_json::{Value as Json, json};

use crate::contract::exchange;
use crate::world::{GRAPH, Setup, World, postgres_schema, run};

const NUMBER: &str = "106540352242922";
/// Its templates.
const HERE: &str = "/v1/106540352242922/templates";
const BUSINESS: &str = "102290129340398";
const ROUTE: &str = "GET /{version}/{waba-id}/message_templates";

struct Shop {
    world: World,
    key: String,
}

impl Shop {
    fn open(setup: &Setup) -> Self {
        let world = World::new(setup);
        let key = run(keys::mint(&world.app, &world.org, KeyKind::Api, "tests", true, None)).expect("a key");
        Self { world, key: key.plaintext.expose_secret().to_owned() }
    }

    fn connect(&self, business_account: Option<&str>) -> Result<Connected, Problem> {
        let given = [("token", "EAAtoken"), ("app_secret", "sandbox-app-secret")].into_iter();
        let given = given.chain(business_account.map(|id| ("business_account", id)));
        let request = Connect {
            channel: "whatsapp".to_owned(),
            account: NUMBER.to_owned(),
            base_url: Some(GRAPH.to_owned()),
            given: given.map(|(name, value)| (name.to_owned(), value.into())).collect(),
        };
        run(channels::connect(&self.world.app, &Author::command_line(self.world.org.clone()), request))
    }

    fn get(&self, path: &str) -> (u16, Json) {
        let request = Request::get(path).header("authorization", format!("Bearer {}", self.key));
        let (head, answer) = run(exchange(&self.world.router, request.body(Body::empty()).expect("a request")));
        (head.status.as_u16(), serde_json::from_slice(&answer).expect("JSON"))
    }

    /// The code of a refusal and the member at fault.
    fn refusal(&self, path: &str) -> (u16, String, Option<String>) {
        let (status, body) = self.get(path);
        let text = |member: &str| body["error"][member].as_str().map(str::to_owned);
        (status, text("code").unwrap_or_else(|| panic!("{body}")), text("param"))
    }

    /// Name and language of each template that is listed.
    fn names(&self, path: &str) -> Vec<String> {
        let (status, body) = self.get(path);
        assert_eq!(status, 200, "{path}: {body}");
        let name = |row: &Json| format!("{} {}", row["name"], row["language"]).replace('"', "");
        body["data"].as_array().expect("rows").iter().map(name).collect()
    }
}

fn templates_are_read_as_meta_has_them(setup: &Setup) {
    let shop = Shop::open(setup);
    let unconnected = (422, "whatsapp_number_not_verified".to_owned(), None);
    assert_eq!(shop.refusal("/v1/templates"), unconnected);
    shop.connect(None).expect("the number");
    assert_eq!(shop.refusal(HERE), unconnected, "nobody said which business account");
    let foreign = shop.connect(Some("999999999")).expect_err("another's business account");
    assert_eq!((foreign.code, foreign.param.as_deref()), (Code::InvalidFieldValue, Some("business_account")));
    shop.connect(Some(BUSINESS)).expect("the number and its business account");
    shop.connect(None).expect("what was said once is kept");

    let approved = ["hello_world en_US", "order_update en_US", "order_update id"];
    for path in [HERE, &format!("{HERE}?status=approved"), "/v1/templates?from=%2B15550783881"] {
        assert_eq!(shop.names(path), approved, "{path}");
    }
    assert_eq!(shop.names(&format!("{HERE}?status=pending")), ["season_sale en_US"]);
    assert_eq!(shop.names(&format!("{HERE}?status=rejected")), ["win_a_car en_US"]);
    assert_eq!(shop.names(&format!("{HERE}?status=all")).len(), 5);
    assert_eq!(shop.names("/v1/templates?language=id&from=+15550783881"), ["order_update id"]);
    let (_, first) = shop.get(&format!("{HERE}?limit=2"));
    assert_eq!((first["data"].as_array().map(Vec::len), &first["has_more"]), (Some(2), &json!(true)));
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let (_, second) = shop.get(&format!("{HERE}?limit=2&cursor={cursor}"));
    assert_eq!((&second["data"][0]["language"], &second["next_cursor"]), (&json!("id"), &Json::Null));
    let moved = shop.refusal(&format!("{HERE}?status=all&cursor={cursor}"));
    assert_eq!(moved, (400, "invalid_cursor".to_owned(), Some("cursor".to_owned())));

    let (status, one) = shop.get(&format!("{HERE}/order_update"));
    let data = &one["data"];
    assert_eq!((status, &data["object"], &data["language"]), (200, &json!("template"), &json!("en_US")));
    assert_eq!((&data["status"], &data["category"]), (&json!("approved"), &json!("utility")));
    assert_eq!(data["components"][0]["text"], "Hello {{1}}, your order {{2}} is on its way.");
    assert_eq!(data["id"], shop.get(HERE).1["data"][1]["id"], "a template keeps its id");
    let (_, other) = shop.get(&format!("{HERE}/order_update?language=id"));
    assert_ne!(other["data"]["id"], data["id"]);
}

#[test]
fn templates_are_read_as_meta_has_them_on_sqlite() {
    templates_are_read_as_meta_has_them(&Setup::default());
}

#[test]
fn templates_are_read_as_meta_has_them_on_postgresql() {
    let Ok(server) = std::env::var("LOCKSTEP_TEST_PG") else {
        eprintln!("skipped: LOCKSTEP_TEST_PG names no PostgreSQL server");
        return;
    };
    let postgres = Some(postgres_schema(&server, "templates"));
    templates_are_read_as_meta_has_them(&Setup { postgres, ..Setup::default() });
}

#[test]
fn what_is_asked_wrongly_or_fails_at_meta_is_told() {
    let shop = Shop::open(&Setup::default());
    shop.connect(Some(BUSINESS)).expect("the number");
    let bad = |code: &str, param: &str| (400, code.to_owned(), Some(param.to_owned()));
    for (query, refusal) in [
        ("status=APPROVED", bad("invalid_field_value", "status")),
        ("language=en-US", bad("invalid_field_value", "language")),
        ("language=null", bad("invalid_field_value", "language")),
        ("from=", bad("invalid_phone_number", "from")),
        ("limit=0", bad("invalid_limit", "limit")),
        ("cursor=x", bad("invalid_cursor", "cursor")),
    ] {
        assert_eq!(shop.refusal(&format!("{HERE}?{query}")), refusal, "{query}");
    }
    assert_eq!(shop.refusal("/v1/templates?from=15550783881"), bad("invalid_phone_number", "from"));
    assert_eq!(shop.refusal("/v1/templates"), bad("missing_required_field", "from"), "there are two accounts");
    let unknown = (404, "resource_not_found".to_owned(), None);
    // Meta lists what holds the name; only the whole name is the template.
    assert_eq!(shop.refusal(&format!("{HERE}/order")), unknown);
    assert_eq!(shop.refusal(&format!("{HERE}/hello_world?language=id")), unknown);
    assert_eq!(shop.refusal("/v1/999999999/templates"), unknown);
    for (effect, code) in [
        (Effect::Status { status: 503, policy: None }, 502),
        (Effect::Status { status: 400, policy: Some("80008".to_owned()) }, 502),
        (Effect::LostBefore, 502),
    ] {
        shop.world.meta.faults().push(Fault::once(ROUTE, effect));
        assert_eq!(shop.refusal(HERE), (code, "whatsapp_upstream_error".to_owned(), None));
    }
    assert_eq!(shop.names(HERE).len(), 3);
    shop.world.meta.set_token("EAAnew");
    assert_eq!(shop.refusal(HERE).1, "whatsapp_upstream_error");
    let account = shop.world.read(|tx, org| tx.account(org, NUMBER)).expect("the account");
    assert_eq!(account.status, "disconnected", "a token that is refused shows at the account");
}
