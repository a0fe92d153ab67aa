//! What a new database holds before anybody made anything.

use serde_json::{Map, Value, json};

use super::database::{Caller, Database, LAST_OWN_PARTNER};
use super::tables::Row;

/// Fills a new database: its own company and users, and the rows that modules bring along.
pub(super) fn fill(database: &mut Database) {
    models(database);
    let own = [
        json!({"name": "My Company", "is_company": true, "active": true, "type": "contact"}),
        json!({"name": "OdooBot", "email": "odoobot@example.com", "active": false, "type": "contact"}),
        json!({"name": "Administrator", "email": "admin@example.com", "email_normalized": "admin@example.com",
            "active": true, "type": "contact"}),
        json!({"name": "Public user", "active": false, "type": "contact"}),
        json!({"name": "Default User Template", "active": false, "type": "contact"}),
        json!({"name": "Portal User Template", "active": false, "type": "contact"}),
    ];
    rows(database, "res.partner", &own);
    rows(
        database,
        "res.users",
        &[
            json!({"login": "__system__", "partner_id": 2, "active": false}),
            json!({"login": database.settings.login, "partner_id": 3, "active": true, "lang": "en_US", "tz": "UTC"}),
        ],
    );
    rows(
        database,
        "res.country",
        &[
            json!({"name": "Belgium", "code": "BE", "phone_code": 32}),
            json!({"name": "Germany", "code": "DE", "phone_code": 49}),
            json!({"name": "Indonesia", "code": "ID", "phone_code": 62}),
            json!({"name": "Singapore", "code": "SG", "phone_code": 65}),
            json!({"name": "United States", "code": "US", "phone_code": 1}),
        ],
    );
    rows(
        database,
        "res.country.state",
        &[
            json!({"name": "Jakarta", "code": "JK", "country_id": 3}),
            json!({"name": "California", "code": "CA", "country_id": 5}),
        ],
    );
    rows(database, "crm.team", &[json!({"name": "Sales", "sequence": 0, "active": true})]);
    rows(
        database,
        "crm.stage",
        &[
            json!({"name": "New", "sequence": 1}),
            json!({"name": "Qualified", "sequence": 2}),
            json!({"name": "Proposition", "sequence": 3}),
            json!({"name": "Won", "sequence": 70, "is_won": true}),
        ],
    );
    rows(
        database,
        "crm.lost.reason",
        &[json!({"name": "Too expensive", "active": true}), json!({"name": "Not enough stock", "active": true})],
    );
    rows(
        database,
        "mail.message.subtype",
        &[
            json!({"name": "Discussions", "sequence": 0}),
            json!({"name": "Note", "internal": true, "sequence": 100}),
            json!({"name": "Activities", "internal": true, "sequence": 90}),
        ],
    );
    let types = ["Email", "Call", "Meeting", "To Do"].map(|name| json!({"name": name, "sequence": 1, "active": true}));
    rows(database, "mail.activity.type", &types);
}

fn rows(database: &mut Database, model: &'static str, rows: &[Value]) {
    let now_us = database.now_us();
    let hides = model == "res.partner" && !database.settings.shows_own_contacts;
    for members in rows {
        let id = database.tables.next_id(model);
        let mut row = Row { created_us: now_us, updated_us: now_us, created_by: 1, updated_by: 1, ..Row::default() };
        row.hidden = hides && id <= LAST_OWN_PARTNER;
        for (name, value) in members.as_object().into_iter().flatten() {
            row.set(name, value.clone());
        }
        database.tables.put(model, id, row);
    }
}

/// The models and fields as rows of `ir.model` and `ir.model.fields`.
fn models(database: &mut Database) {
    let all: Vec<_> = database.schema.values().cloned().collect();
    for (number, model) in (1_u64..).zip(all) {
        rows(database, "ir.model", &[json!({"name": model.label, "model": model.name, "state": "base"})]);
        let fields: Vec<Value> = model
            .fields
            .values()
            .map(|field| {
                json!({"name": &*field.name, "model": model.name, "model_id": number, "state": "base",
                    "field_description": field.label, "ttype": field.kind.wire(), "required": field.required,
                    "readonly": field.readonly, "store": field.stored, "relation": field.relation})
            })
            .collect();
        rows(database, "ir.model.fields", &fields);
    }
}

impl Database {
    /// The row of `ir.model` for a model.
    pub(super) fn model_row(&self, name: &str) -> Option<u64> {
        self.tables.of("ir.model").find(|(_, row)| row.text("model") == name).map(|(id, _)| id)
    }

    /// What a new record holds that nobody said anything about.
    pub(super) fn defaults(&self, model: &str) -> Map<String, Value> {
        let today = super::times::day(self.now_us());
        let lead_stage = self.tables.of("crm.stage").min_by_key(|(id, row)| (row.get("sequence").as_i64(), *id));
        let values = match model {
            "res.partner" => {
                json!({"active": true, "type": "contact", "is_company": false, "lang": "en_US", "color": 0})
            }
            "crm.lead" => json!({"active": true, "type": "opportunity", "priority": "0", "probability": 0.0,
                "user_id": super::database::USER, "team_id": 1, "stage_id": lead_stage.map(|(id, _)| id)}),
            "crm.stage" => json!({"sequence": 1}),
            "mail.message" => json!({"message_type": "email", "date": super::times::written(self.now_us()),
                "author_id": super::database::USER_PARTNER}),
            "mail.activity" => {
                json!({"date_deadline": today, "user_id": super::database::USER})
            }
            "ir.model.fields" => json!({"state": "manual", "store": true, "copied": true, "ttype": "char"}),
            "ir.model" => json!({"state": "manual"}),
            "ir.actions.server" => json!({"state": "object_write", "usage": "ir_actions_server", "sequence": 5}),
            "res.partner.category"
            | "crm.team"
            | "crm.lost.reason"
            | "mail.activity.type"
            | "res.users"
            | "base.automation" => json!({"active": true}),
            _ => json!({}),
        };
        match values {
            Value::Object(values) => values.into_iter().filter(|(_, value)| !value.is_null()).collect(),
            _ => Map::new(),
        }
    }

    /// The caller a database itself is.
    pub(super) fn itself() -> Caller {
        Caller { active_test: false, ..Caller::person() }
    }
}
