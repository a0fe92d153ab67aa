//! Describing models, and custom fields.

use serde_json::{Value, json};

use super::desk::Desk;

fn model_row(desk: &Desk) -> Value {
    let ask = json!({"domain": [["model", "=", "res.partner"]], "fields": ["model"]});
    desk.call("ir.model", "search_read", &ask).json[0]["id"].clone()
}

fn make(desk: &Desk, vals: Value) -> super::desk::Got {
    let mut all = json!({"model_id": model_row(desk), "field_description": "Lockstep id", "ttype": "char"});
    all.as_object_mut().expect("an object").extend(vals.as_object().expect("an object").clone());
    desk.call("ir.model.fields", "create", &json!({"vals_list": [all]}))
}

#[test]
fn fields_get_describes() {
    let desk = Desk::new();
    let all = desk.ok("fields_get", &json!({}));
    assert_eq!(all["category_id"]["relation"], "res.partner.category");
    assert_eq!(all["type"]["selection"][0], json!(["contact", "Contact"]));
    assert_eq!(all["write_date"]["readonly"], true);
    assert_eq!(all["child_ids"]["relation_field"], "parent_id");
    assert_eq!(all["mobile"], Value::Null, "gone in 19");
    let some = desk.ok("fields_get", &json!({"allfields": ["name"], "attributes": ["type", "string"]}));
    assert_eq!(some, json!({"name": {"type": "char", "string": "Name"}}));
    let lead = desk.call("crm.lead", "fields_get", &json!({"allfields": ["name"], "attributes": ["required"]}));
    assert_eq!(lead.json, json!({"name": {"required": true}}));
    let old = Desk::old().rpc("res.partner", "fields_get", &json!([]), &json!({}));
    assert_eq!(old["result"]["mobile"]["type"], "char");
}

#[test]
fn custom_fields_are_made_used_and_dropped() {
    let desk = Desk::new();
    assert_eq!(make(&desk, json!({"name": "x_lockstep_id"})).status, 200);
    let id = desk.contact(json!({"name": "Ada", "x_lockstep_id": "c1"}));
    assert_eq!(desk.ok("search", &json!({"domain": [["x_lockstep_id", "=", "c1"]]})), json!([id]));
    let told = desk.ok("fields_get", &json!({"allfields": ["x_lockstep_id"]}));
    assert_eq!(told["x_lockstep_id"]["manual"], true);
    let twice = make(&desk, json!({"name": "x_lockstep_id"}));
    assert_eq!(twice.refusal(), (422, "odoo.exceptions.ValidationError"));
    desk.odoo.drop_property("x_lockstep_id").expect("dropped");
    let gone = desk.call("res.partner", "read", &json!({"ids": [id], "fields": ["x_lockstep_id"]}));
    assert_eq!(gone.refusal(), (500, "builtins.ValueError"));
    assert!(desk.odoo.drop_property("email").is_err(), "a module's own field stays");
}

#[test]
fn names_of_custom_fields_begin_with_x() {
    let desk = Desk::new();
    for name in ["lockstep_id", "x_with space", "x_né"] {
        assert_eq!(make(&desk, json!({"name": name})).refusal().0, 422, "{name}");
    }
    assert_eq!(make(&desk, json!({"name": "x_flag", "ttype": "colour"})).refusal().0, 500);
    let failed = desk.call("res.partner", "search", &json!({"domain": [["x_with space", "=", "a"]]}));
    assert_eq!(failed.refusal().0, 500, "a refused field is not there");
}

#[test]
fn choices_of_custom_fields_are_kept() {
    let desk = Desk::new();
    let choices = json!([[0, 0, {"value": "a", "name": "An A"}], [0, 0, {"value": "b", "name": "A B"}]]);
    assert_eq!(make(&desk, json!({"name": "x_kind", "ttype": "selection", "selection_ids": choices})).status, 200);
    let told = desk.ok("fields_get", &json!({"allfields": ["x_kind"], "attributes": ["selection"]}));
    assert_eq!(told["x_kind"]["selection"], json!([["a", "An A"], ["b", "A B"]]));
    let wrong = desk.call("res.partner", "create", &json!({"vals_list": [{"name": "A", "x_kind": "c"}]}));
    assert_eq!(wrong.refusal(), (500, "builtins.ValueError"));
    assert_eq!(make(&desk, json!({"name": "x_old", "ttype": "selection", "selection": "[('k', 'K')]"})).status, 200);
    let told = desk.ok("fields_get", &json!({"allfields": ["x_old"], "attributes": ["selection"]}));
    assert_eq!(told["x_old"]["selection"], json!([["k", "K"]]));
}

#[test]
fn custom_fields_need_the_settings_right() {
    let desk = Desk::with(|settings| settings.is_admin = false);
    assert_eq!(make(&desk, json!({"name": "x_lockstep_id"})).refusal(), (403, "odoo.exceptions.AccessError"));
    let ask = json!({"operation": "create", "raise_exception": false});
    assert_eq!(desk.call("ir.model.fields", "check_access_rights", &ask).json, false);
    assert_eq!(desk.ok("check_access_rights", &ask), true);
}
