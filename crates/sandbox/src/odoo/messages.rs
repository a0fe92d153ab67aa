//! The chatter: messages and notes on a record, and activities that end as messages. Source: `mail.thread` and
//! `mail.activity` of module `mail`.

use serde_json::{Map, Value, json};

use super::database::{Caller, Database, USER, USER_PARTNER};
use super::refusal::Refusal;
use super::schema::Model;
use super::tables::Row;
use super::values;

/// External ids of the subtypes, which are rows 1 to 3.
const SUBTYPES: [(&str, u64); 3] = [("mail.mt_comment", 1), ("mail.mt_note", 2), ("mail.mt_activities", 3)];
const COMMENT: u64 = 1;
const NOTE: u64 = 2;

impl Database {
    /// `message_post`; answers the message's id.
    pub(super) fn message_post(
        &mut self,
        who: &Caller,
        model: &Model,
        ids: &[u64],
        asked: &Map<String, Value>,
    ) -> Result<u64, Refusal> {
        let [id] = ids else {
            return Err(Refusal::value(format!("Expected singleton: {}({})", model.name, listed(ids))));
        };
        self.row(who, model, *id)?;
        let text = |name: &str| asked.get(name).and_then(Value::as_str);
        let subtype = match (text("subtype_xmlid"), asked.get("subtype_id").and_then(Value::as_u64)) {
            // A subtype that is not known is a note.
            (Some(name), _) => SUBTYPES.iter().find(|(known, _)| *known == name).map_or(NOTE, |(_, id)| *id),
            (None, Some(id)) => id,
            (None, None) => NOTE,
        };
        let body = text("body").unwrap_or_default();
        // Since version 17 a body is text unless the caller says that it is HTML.
        let is_html = self.settings.version < 17 || asked.get("body_is_html").is_some_and(values::is_truthy);
        let body = values::html(&if is_html { body.to_owned() } else { values::escaped(body) });
        let kind = text("message_type").unwrap_or("notification");
        let message = json!({
            "body": body,
            "subject": text("subject"),
            "message_type": kind,
            "subtype_id": subtype,
            "is_internal": subtype == NOTE,
            "author_id": asked.get("author_id").and_then(Value::as_u64).unwrap_or(USER_PARTNER),
            "parent_id": asked.get("parent_id").and_then(Value::as_u64),
            "partner_ids": asked.get("partner_ids").and_then(Value::as_array).cloned().unwrap_or_default(),
        });
        let known = self.schema.get("mail.message").and_then(|it| it.field("message_type").cloned());
        if let Some(field) = known {
            values::taken("mail.message", &field, &kind.into())?;
        }
        Ok(self.keep_message(model, *id, message))
    }

    /// Stores a message about a record.
    fn keep_message(&mut self, model: &Model, about: u64, message: Value) -> u64 {
        let stamp_us = self.stamp_us();
        let mut row =
            Row { created_us: stamp_us, updated_us: stamp_us, created_by: USER, updated_by: USER, ..Row::default() };
        for (name, value) in message.as_object().into_iter().flatten() {
            row.set(name, value.clone());
        }
        let id = self.tables.next_id("mail.message");
        let record = self.tables.get(model.name, about);
        row.set("record_name", record.map_or(Value::Null, |record| self.name_of(model, about, record).into()));
        row.set("model", model.name);
        row.set("res_id", about);
        // Messages are dated in whole seconds.
        row.set("date", self.now_us().div_euclid(super::times::SECOND_US) * super::times::SECOND_US);
        row.set("email_from", "\"Administrator\" <admin@example.com>");
        row.set("message_id", format!("<{}-openerp-{about}-{}@sandbox>", self.rng.token(1), model.name));
        self.tables.put("mail.message", id, row);
        id
    }

    /// A line that Odoo itself writes into the chatter.
    pub(super) fn log(&mut self, model: &Model, about: u64, body: &str) {
        let message = json!({"body": body, "message_type": "notification", "subtype_id": NOTE, "is_internal": true,
            "author_id": USER_PARTNER});
        self.keep_message(model, about, message);
    }

    /// The line a new record begins with.
    pub(super) fn log_creation(&mut self, model: &Model, id: u64) {
        self.log(model, id, &format!("<p>{} created</p>", model.label));
    }

    /// `action_feedback`: an activity that is done becomes a message. Answers the last message's id.
    pub(super) fn finish_activities(
        &mut self,
        who: &Caller,
        ids: &[u64],
        feedback: Option<&str>,
    ) -> Result<Option<u64>, Refusal> {
        let mut last = None;
        for id in ids {
            let activities = self.model("mail.activity")?;
            let row = self.row(who, &activities, *id)?.clone();
            let about = self.model(row.text("res_model"))?;
            let kind = row.link("activity_type_id").and_then(|id| self.tables.get("mail.activity.type", id));
            let kind = kind.map(|it| it.text("name").to_owned()).unwrap_or_default();
            let summary = values::escaped(row.text("summary"));
            let feedback = values::escaped(feedback.unwrap_or_default());
            let body =
                format!("<div><p><span>{kind}</span> done<span>: {summary}</span></p><div>{feedback}</div></div>");
            let message =
                json!({"body": body, "message_type": "notification", "subtype_id": 3, "author_id": USER_PARTNER});
            last = Some(self.keep_message(&about, row.link("res_id").unwrap_or_default(), message));
            self.tables.remove("mail.activity", *id);
        }
        Ok(last)
    }

    /// A customer's answer in the chatter of a contact, as mail and live chat put it there.
    pub(super) fn customer_writes(&mut self, partner: u64, body: &str) -> Result<u64, Refusal> {
        let partners = self.model("res.partner")?;
        self.row(&Self::itself(), &partners, partner)?;
        let message = json!({"body": values::html(&values::escaped(body)), "message_type": "email",
            "subtype_id": COMMENT, "author_id": partner});
        Ok(self.keep_message(&partners, partner, message))
    }
}

fn listed(ids: &[u64]) -> String {
    let ids: Vec<String> = ids.iter().map(u64::to_string).collect();
    if ids.len() == 1 { format!("{},", ids[0]) } else { ids.join(", ") }
}
