//! Messages of the chatter, notes among them, and activities.

use crate::odoo::schema::Kind::{
    Boolean, Char, Date, Datetime, Html, Integer, Many2many, Many2one, Many2oneReference, Selection,
};
use crate::odoo::schema::{Model, field};

pub(super) fn models() -> Vec<Model> {
    vec![
        Model::new(
            "mail.message",
            "Message",
            vec![
                field("subject", Char, "Subject"),
                field("date", Datetime, "Date"),
                field("body", Html, "Contents"),
                field("model", Char, "Related Document Model"),
                field("res_id", Many2oneReference, "Related Document ID"),
                field("record_name", Char, "Message Record Name"),
                field("message_type", Selection, "Type")
                    .choices(&[
                        ("email", "Email"),
                        ("comment", "Comment"),
                        ("notification", "System notification"),
                        ("user_notification", "User Specific Notification"),
                    ])
                    .required(),
                field("subtype_id", Many2one, "Subtype").to("mail.message.subtype"),
                field("is_internal", Boolean, "Employee Only"),
                field("email_from", Char, "From"),
                field("author_id", Many2one, "Author").to("res.partner"),
                field("parent_id", Many2one, "Parent Message").to("mail.message"),
                field("partner_ids", Many2many, "Recipients").to("res.partner"),
                field("message_id", Char, "Message-Id").readonly(),
            ],
        )
        .order("id desc")
        .named_by("record_name"),
        Model::new(
            "mail.message.subtype",
            "Message subtypes",
            vec![
                field("name", Char, "Message Type").required(),
                field("internal", Boolean, "Internal Only"),
                field("sequence", Integer, "Sequence"),
            ],
        )
        .order("sequence, id"),
        Model::new(
            "mail.activity",
            "Activity",
            vec![
                field("res_model_id", Many2one, "Document Model").to("ir.model").required(),
                field("res_model", Char, "Related Document Model").computed(),
                field("res_id", Many2oneReference, "Related Document ID").required(),
                field("res_name", Char, "Document Name").computed(),
                field("activity_type_id", Many2one, "Activity Type").to("mail.activity.type"),
                field("summary", Char, "Summary"),
                field("note", Html, "Note"),
                field("date_deadline", Date, "Due Date").required(),
                field("user_id", Many2one, "Assigned to").to("res.users").required(),
            ],
        )
        .order("date_deadline ASC")
        .named_by("summary"),
        Model::new(
            "mail.activity.type",
            "Activity Type",
            vec![
                field("name", Char, "Name").required(),
                field("sequence", Integer, "Sequence"),
                field("active", Boolean, "Active"),
            ],
        )
        .order("sequence, id"),
    ]
}
