//! Users, and the models that describe models and automation.

use crate::odoo::schema::Kind::{Boolean, Char, Integer, Many2many, Many2one, One2many, Selection, Text};
use crate::odoo::schema::{Model, field};

/// Types a custom field may have, and what they are called.
const TYPES: [(&str, &str); 12] = [
    ("boolean", "boolean"),
    ("char", "char"),
    ("date", "date"),
    ("datetime", "datetime"),
    ("float", "float"),
    ("html", "html"),
    ("integer", "integer"),
    ("many2many", "many2many"),
    ("many2one", "many2one"),
    ("monetary", "monetary"),
    ("selection", "selection"),
    ("text", "text"),
];

/// Rules that a webhook starts, and actions that send one, came in 17.
pub(super) fn models(version: u32) -> Vec<Model> {
    let mut models = vec![
        Model::new(
            "res.users",
            "Users",
            vec![
                field("name", Char, "Name").required(),
                field("login", Char, "Login").required(),
                field("email", Char, "Email"),
                field("partner_id", Many2one, "Related Partner").to("res.partner").required(),
                field("active", Boolean, "Active"),
                field("share", Boolean, "Share User").computed(),
                field("lang", Char, "Language"),
                field("tz", Char, "Timezone"),
            ],
        )
        .order("name, login")
        .unique(&["login"], "You can not have two users with the same login !"),
        Model::new(
            "ir.model",
            "Models",
            vec![
                field("name", Char, "Model Description").required(),
                field("model", Char, "Model").required(),
                field("state", Selection, "Type")
                    .choices(&[("manual", "Custom Object"), ("base", "Base Object")])
                    .readonly(),
                field("field_id", One2many, "Fields").of("ir.model.fields", "model_id"),
            ],
        )
        .order("model"),
        Model::new("ir.model.fields", "Fields", model_fields())
            .order("name")
            .named_by("field_description")
            .unique(&["model", "name"], "Field names must be unique per model."),
        Model::new("ir.model.fields.selection", "Fields Selection", model_choices()).order("sequence, id"),
        Model::new("ir.actions.server", "Server Action", server_actions(version)).order("sequence, name"),
    ];
    if version >= 17 {
        models.push(Model::new(
            "base.automation",
            "Automation Rule",
            vec![
                field("name", Char, "Automation Rule Name").required(),
                field("active", Boolean, "Active"),
                field("model_id", Many2one, "Model").to("ir.model").required(),
                field("trigger", Selection, "Trigger").choices(&[
                    ("on_create_or_write", "On save"),
                    ("on_unlink", "On deletion"),
                    ("on_webhook", "On webhook"),
                ]),
                field("webhook_uuid", Char, "Webhook UUID").readonly(),
                field("url", Char, "Webhook URL").unstored(),
                field("action_server_ids", One2many, "Actions").of("ir.actions.server", "base_automation_id"),
            ],
        ));
    }
    models
}

fn model_fields() -> Vec<crate::odoo::schema::Field> {
    vec![
        field("name", Char, "Field Name").required(),
        field("model_id", Many2one, "Model").to("ir.model").required(),
        field("model", Char, "Object Name").required(),
        field("field_description", Char, "Field Label").required(),
        field("help", Text, "Field Help"),
        field("ttype", Selection, "Field Type").choices(&TYPES).required(),
        field("relation", Char, "Object Relation"),
        field("required", Boolean, "Required"),
        field("readonly", Boolean, "Readonly"),
        field("index", Boolean, "Indexed"),
        field("store", Boolean, "Stored"),
        field("copied", Boolean, "Copied"),
        field("size", Integer, "Size"),
        field("selection", Char, "Selection Options (Deprecated)"),
        field("selection_ids", One2many, "Selection Options").of("ir.model.fields.selection", "field_id"),
        field("state", Selection, "Type").choices(&[("manual", "Custom Field"), ("base", "Base Field")]).readonly(),
    ]
}

fn model_choices() -> Vec<crate::odoo::schema::Field> {
    vec![
        field("field_id", Many2one, "Field").to("ir.model.fields").required(),
        field("value", Char, "Value").required(),
        field("name", Char, "Name").required(),
        field("sequence", Integer, "Sequence"),
    ]
}

fn server_actions(version: u32) -> Vec<crate::odoo::schema::Field> {
    let mut fields = vec![
        field("name", Char, "Action Name").required(),
        field("model_id", Many2one, "Model").to("ir.model").required(),
        field("model_name", Char, "Model Name").computed(),
        field("state", Selection, "Action To Do")
            .choices(&[
                ("code", "Execute Python Code"),
                ("object_write", "Update the Record"),
                ("webhook", "Send Webhook Notification"),
            ])
            .required(),
        field("usage", Selection, "Usage")
            .choices(&[("ir_actions_server", "Server Action"), ("base_automation", "Automation Rule")]),
        field("sequence", Integer, "Sequence"),
    ];
    if version >= 17 {
        fields.push(field("webhook_url", Char, "Webhook URL"));
        fields.push(field("webhook_field_ids", Many2many, "Webhook Fields").to("ir.model.fields"));
        fields.push(field("base_automation_id", Many2one, "Automation Rule").to("base.automation"));
    }
    fields
}
