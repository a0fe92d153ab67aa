//! The account and its contacts' fields (the external API, `fields_get`; models `res.users` and `ir.model.fields`).

use serde_json::{Value as Json, json};

use super::values::{self, Fields};
use super::wire::{self, CONTACTS, Row, ask, is_key, off_wire, on_wire};
use crate::connector::{Description, PropertySpec};
use crate::door::Session;
use crate::fault::{Fault, FaultClass};

/// Users that are read to know the account.
const FIRST_USERS: usize = 2;

/// When the database was made, by its first users, which every database has and every user may read: its name is not
/// its own, and its UUID is for administrators. One call.
pub(super) async fn account(session: &Session) -> Result<String, Fault> {
    let arguments = json!({ "domain": [["id", "<=", FIRST_USERS]], "fields": ["create_date"], "order": "id",
        "limit": FIRST_USERS, "context": { "active_test": false } });
    let rows: Vec<Row> = ask(session, wire::read("res.users", "search_read", arguments)).await?;
    let born = rows.iter().find_map(|row| row.get("create_date").and_then(Json::as_str));
    let born = born.ok_or_else(|| Fault::new(FaultClass::Bug, "NO_ACCOUNT", "Odoo does not show its first user."))?;
    Ok(born.chars().filter(char::is_ascii_digit).collect())
}

/// The fields of contacts. One call.
pub(super) async fn describe(session: &Session) -> Result<Description, Fault> {
    let fields: Fields = values::fields(session, CONTACTS, &[]).await?;
    let spec = |(name, field): (String, values::Field)| PropertySpec {
        // Odoo keeps no field of contacts unique. Ours is by use; `ref` may be, where nobody else writes it.
        unique: is_key(&name) || name == "ref",
        read_only: field.readonly,
        options: field.selection.iter().filter_map(|(value, _)| value.as_str().map(str::to_owned)).collect(),
        label: if field.string.is_empty() { name.clone() } else { field.string },
        native_type: field.kind,
        name: off_wire(&name).to_owned(),
    };
    Ok(Description { properties: fields.into_iter().map(spec).collect() })
}

/// Gives a model a text field that holds our id, or finds that it is there and fits. Two calls at most.
///
/// # Errors
/// Class [`FaultClass::Forbidden`] without the Settings right.
pub(super) async fn add_key(session: &Session, model: &str, name: &str) -> Result<(), Fault> {
    let field = on_wire(name);
    // Every model has an id, whose row tells the model's.
    let arguments = json!({ "domain": [["model", "=", model], ["name", "in", ["id", field]]],
        "fields": ["name", "ttype", "readonly", "model_id"] });
    let rows: Vec<Row> = ask(session, wire::read("ir.model.fields", "search_read", arguments)).await?;
    let text = |row: &Row, member: &str| row.get(member).and_then(Json::as_str).map(str::to_owned);
    if let Some(known) = rows.iter().find(|row| text(row, "name").as_deref() == Some(field)) {
        let fits = text(known, "ttype").as_deref() == Some("char") && known.get("readonly") != Some(&Json::Bool(true));
        return if fits { Ok(()) } else { Err(unfit(name, "exists but is not a text field that can be written")) };
    }
    let Some(of) = rows.first().and_then(|row| values::text(row.get("model_id")?, None)?.parse::<u64>().ok()) else {
        return Err(Fault::new(FaultClass::Missing, "NO_MODEL", format!("Odoo does not show a model \"{model}\".")));
    };
    if !field.starts_with("x_") {
        return Err(unfit(name, "cannot be added: the name of a field of one's own begins with x_ in Odoo"));
    }
    let vals = json!({ "name": field, "model_id": of, "ttype": "char", "field_description": "Lockstep ID",
        "help": "What Lockstep knows the record by. Kept by Lockstep.", "index": true, "copied": false });
    let _made: Vec<u64> =
        ask(session, wire::write("ir.model.fields", "create", json!({ "vals_list": [vals] }))).await?;
    Ok(())
}

fn unfit(name: &str, why: &str) -> Fault {
    let message = format!("The field \"{name}\" {why}. Choose another name.");
    Fault { property: Some(name.to_owned()), ..Fault::new(FaultClass::Rejected, "KEY_PROPERTY_UNFIT", message) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Line, Script};

    #[tokio::test]
    async fn a_key_field_is_made_or_found_fit() {
        let id = json!({ "id": 1, "name": "id", "ttype": "integer", "model_id": [80, "Contact"] });
        let key = |ttype: &str| json!({ "id": 9, "name": "x_lockstep_id", "ttype": ttype, "readonly": false });
        let line = |rows: &[Json]| Line::new(200, json!(rows));
        let (script, session, _) = Script::new([
            line(std::slice::from_ref(&id)),
            Line::new(200, json!([9])),
            line(&[id.clone(), key("char")]),
            line(&[id.clone(), key("integer")]),
            line(&[id]),
            line(&[]),
        ]);
        let add = async |name: &str| add_key(&session, CONTACTS, name).await.map_err(|fault| fault.class);
        assert_eq!(add("lockstep_id").await, Ok(()));
        assert_eq!(add("lockstep_id").await, Ok(()));
        assert_eq!(add("lockstep_id").await, Err(FaultClass::Rejected));
        assert_eq!(add("our_id").await, Err(FaultClass::Rejected));
        assert_eq!(add("lockstep_id").await, Err(FaultClass::Missing));
        let made = &script.bodies()[1]["vals_list"][0];
        assert_eq!(
            (&made["name"], &made["model_id"], &made["ttype"]),
            (&json!("x_lockstep_id"), &json!(80), &json!("char"))
        );
    }

    #[tokio::test]
    async fn fields_are_described_and_the_account_named() {
        let told = json!({
            "phone": { "type": "char", "string": "Phone" },
            "x_lockstep_id": { "type": "char", "string": "Lockstep ID" },
            "type": { "type": "selection", "string": "Kind", "readonly": true, "selection": [["contact", "Contact"]] },
        });
        let born = json!([{ "id": 1, "create_date": false }, { "id": 2, "create_date": "2026-11-22 12:00:00" }]);
        let (_script, session, _) = Script::new([Line::new(200, told), Line::new(200, born)]);
        let described = describe(&session).await.expect("a description").properties;
        let told: Vec<_> = described.iter().map(|it| (it.name.as_str(), it.unique, it.read_only)).collect();
        assert_eq!(told, [("phone", false, false), ("type", false, true), ("lockstep_id", true, false)]);
        assert_eq!(account(&session).await.as_deref(), Ok("20261122120000"));
    }
}
