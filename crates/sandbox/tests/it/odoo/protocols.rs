//! The two protocols, and what they refuse in their own words.

use http::Method;
use serde_json::{Value, json};

use super::desk::Desk;

#[test]
fn json_rpc_answers_200_whatever_went_wrong() {
    let desk = Desk::old();
    let made = desk.rpc("res.partner", "create", &json!([{"name": "Ada"}]), &json!({}));
    let id = made["result"].as_u64().expect("one id for one dictionary");
    assert_eq!(made, json!({"jsonrpc": "2.0", "id": 7, "result": id}));
    let many = desk.rpc("res.partner", "create", &json!([[{"name": "Bob"}]]), &json!({}));
    assert_eq!(many["result"], json!([id + 1]));
    let read = desk.rpc("res.partner", "read", &json!([id, ["name"]]), &json!({}));
    assert_eq!(read["result"], json!([{"id": id, "name": "Ada"}]));
    let error = desk.rpc("res.partner", "write", &json!([[999], {"name": "x"}]), &json!({}))["error"].clone();
    assert_eq!((&error["code"], &error["message"]), (&json!(200), &json!("Odoo Server Error")));
    assert_eq!(error["data"]["name"], "odoo.exceptions.MissingError");
    let named = desk.rpc("res.partner", "search", &json!([]), &json!({"args": [["name", "=", "Bob"]], "limit": 1}));
    assert_eq!(named["result"], json!([id + 1]));
    let nothing = desk.rpc("res.partner", "toggle_active", &json!([[id]]), &json!({}));
    assert_eq!(nothing, json!({"jsonrpc": "2.0", "id": 7}), "nothing is not even said");
}

#[test]
fn the_common_service_tells_versions_and_checks_passwords() {
    let desk = Desk::new();
    assert_eq!(desk.service("common", "version", &json!([]))["result"]["server_version"], "19.0");
    let log_in = |login: &str, password: &str| {
        desk.service("common", "authenticate", &json!(["sandbox", login, password, {}]))["result"].clone()
    };
    assert_eq!(log_in("admin", "sandbox-secret"), 2);
    assert_eq!(log_in("admin", ""), false);
    assert_eq!(log_in("eve", "sandbox-secret"), false);
    let other = desk.service("common", "authenticate", &json!(["other", "admin", "x", {}]));
    assert_eq!(other["error"]["data"]["name"], "psycopg2.OperationalError");
    assert_eq!(desk.service("db", "list", &json!([]))["result"], json!(["sandbox"]));
    assert_eq!(desk.get("/web/version").json["version"], "19.0");
}

#[test]
fn json_rpc_refuses_in_pythons_words() {
    let desk = Desk::new();
    let refusal = |model: &str, method: &str, args: Value, kwargs: Value| {
        let error = desk.rpc(model, method, &args, &kwargs)["error"].clone();
        (error["data"]["name"].as_str().unwrap_or_default().to_owned(), error["data"]["message"].clone())
    };
    let (name, _) = refusal("no.model", "search", json!([[]]), json!({}));
    assert_eq!(name, "odoo.exceptions.UserError");
    assert_eq!(refusal("res.partner", "no_method", json!([]), json!({})).0, "builtins.AttributeError");
    assert_eq!(refusal("res.partner", "_write", json!([]), json!({})).0, "odoo.exceptions.AccessError");
    let (name, message) = refusal("res.partner", "search", json!([[]]), json!({"colour": 1}));
    assert_eq!(
        (name.as_str(), message),
        ("builtins.TypeError", json!("search() got an unexpected keyword argument 'colour'"))
    );
    let missing = json!("search() missing 1 required positional argument: 'domain'");
    assert_eq!(refusal("res.partner", "search", json!([]), json!({})), ("builtins.TypeError".into(), missing));
    assert_eq!(refusal("res.partner", "message_post", json!([[1], "x"]), json!({})).0, "builtins.TypeError");
    assert_eq!(refusal("res.partner", "search", json!([[], 1, 1, "id", false, 5]), json!({})).0, "builtins.TypeError");
}

#[test]
fn json_2_has_proper_statuses() {
    let desk = Desk::new();
    let refusal = |model: &str, method: &str, body: Value| {
        let got = desk.call(model, method, &body);
        (got.status.as_u16(), got.json["message"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(refusal("no.model", "search", json!({})), (404, "the model 'no.model' does not exist".into()));
    assert_eq!(refusal("res.partner", "no_method", json!({})).0, 404);
    assert_eq!(refusal("res.partner", "_write", json!({})).0, 403);
    assert_eq!(refusal("res.partner", "search", json!({"ids": [1], "domain": []})).0, 422);
    assert_eq!(refusal("res.partner", "search", json!({})), (422, "missing a required argument: 'domain'".into()));
    assert_eq!(refusal("res.partner", "read", json!({"colour": 1})).1, "got an unexpected keyword argument 'colour'");
    let post = |path: &str, headers: &[(&str, &str)], body: &str| {
        desk.send(Method::POST, path, headers, body.to_owned()).status.as_u16()
    };
    assert_eq!(post("/json/2/res.partner/search_count", &[], "{"), 400);
    assert_eq!(post("/json/2/res.partner/search_read", &[("x-odoo-database", "other")], "{}"), 404);
    assert_eq!(post("/json/2/res.partner/search_read", &[("x-odoo-database", "sandbox")], "{}"), 200);
    assert_eq!(post("/json/2/res.partner", &[], "{}"), 404);
    assert_eq!(desk.get("/json/2/res.partner/read").status, 404);
    assert_eq!(Desk::old().call("res.partner", "search_read", &json!({})).status, 404, "not before 19");
    let empty = desk.send(Method::POST, "/json/2/res.partner/search_read", &[], String::new());
    assert_eq!(empty.json, json!([]), "no body, no parameters");
}

#[test]
fn old_services_go() {
    let desk = Desk::with(|settings| settings.version = 20);
    assert!(desk.service("db", "list", &json!([]))["error"].is_object());
    let desk = Desk::with(|settings| settings.version = 22);
    assert_eq!(desk.post("/jsonrpc", &json!({})).status, 404);
    assert_eq!(desk.ok("search_count", &json!({"domain": []})), 0);
}

#[test]
fn methods_are_counted_apart() {
    let desk = Desk::new();
    desk.ok("create", &json!({"vals_list": [{"name": "A"}, {"name": "B"}]}));
    desk.ok("search_read", &json!({}));
    let calls = desk.odoo.calls();
    assert_eq!(calls.route("POST /json/2/{model}/create").rows, 2);
    assert_eq!(calls.route("POST /json/2/{model}/search_read").rows, 2);
    desk.rpc("res.partner", "search", &json!([[]]), &json!({}));
    assert_eq!(desk.odoo.calls().route("POST /jsonrpc").rows, 2);
    desk.post("/__calls/reset", &json!({}));
    assert_eq!(desk.odoo.calls().total, 0);
}
