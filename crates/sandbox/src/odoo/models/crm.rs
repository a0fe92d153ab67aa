//! Leads, opportunities and their stages.

use crate::odoo::schema::Kind::{
    Boolean, Char, Date, Datetime, Float, Html, Integer, Many2many, Many2one, Monetary, One2many, Selection, Text,
};
use crate::odoo::schema::{Field, Model, field};

pub(super) fn models(version: u32) -> Vec<Model> {
    vec![
        Model::new("crm.lead", "Lead/Opportunity", lead(version)).order("priority desc, id desc").chatter(),
        Model::new(
            "crm.stage",
            "CRM Stages",
            vec![
                field("name", Char, "Stage Name").required(),
                field("sequence", Integer, "Sequence"),
                field("is_won", Boolean, "Is Won Stage?"),
                field("fold", Boolean, "Folded in Pipeline"),
                field("requirements", Text, "Requirements"),
                field("team_id", Many2one, "Sales Team").to("crm.team"),
            ],
        )
        .order("sequence, name, id"),
        Model::new(
            "crm.tag",
            "CRM Tag",
            vec![field("name", Char, "Tag Name").required(), field("color", Integer, "Color")],
        )
        .unique(&["name"], "Tag name already exists !"),
        Model::new(
            "crm.team",
            "Sales Team",
            vec![
                field("name", Char, "Sales Team").required(),
                field("sequence", Integer, "Sequence"),
                field("active", Boolean, "Active"),
                field("user_id", Many2one, "Team Leader").to("res.users"),
            ],
        )
        .order("sequence, id"),
        Model::new(
            "crm.lost.reason",
            "Opp. Lost Reason",
            vec![field("name", Char, "Description").required(), field("active", Boolean, "Active")],
        ),
    ]
}

/// `lost_reason` became `lost_reason_id` in 16; `description` became HTML in 15; `mobile` went in 19.
fn lead(version: u32) -> Vec<Field> {
    let mut fields = vec![
        field("name", Char, "Opportunity").required(),
        field("type", Selection, "Type").choices(&[("lead", "Lead"), ("opportunity", "Opportunity")]).required(),
        field("partner_id", Many2one, "Customer").to("res.partner"),
        field("partner_name", Char, "Company Name"),
        field("contact_name", Char, "Contact Name"),
        field("email_from", Char, "Email"),
        field("email_normalized", Char, "Normalized Email").computed(),
        field("phone", Char, "Phone"),
        field("phone_sanitized", Char, "Sanitized Number").computed(),
        field("website", Char, "Website"),
        field("function", Char, "Job Position"),
        field("street", Char, "Street"),
        field("city", Char, "City"),
        field("zip", Char, "Zip"),
        field("country_id", Many2one, "Country").to("res.country"),
        field("state_id", Many2one, "State").to("res.country.state"),
        field("stage_id", Many2one, "Stage").to("crm.stage"),
        field("team_id", Many2one, "Sales Team").to("crm.team"),
        field("user_id", Many2one, "Salesperson").to("res.users"),
        field("expected_revenue", Monetary, "Expected Revenue"),
        field("probability", Float, "Probability"),
        field("priority", Selection, "Priority").choices(&[
            ("0", "Low"),
            ("1", "Medium"),
            ("2", "High"),
            ("3", "Very High"),
        ]),
        field("date_deadline", Date, "Expected Closing"),
        field("date_open", Datetime, "Assignment Date").readonly(),
        field("date_closed", Datetime, "Closed Date").readonly(),
        field("description", if version >= 15 { Html } else { Text }, "Notes"),
        field("referred", Char, "Referred By"),
        field("tag_ids", Many2many, "Tags").to("crm.tag"),
        field("active", Boolean, "Active"),
        field("color", Integer, "Color Index"),
        field("message_ids", One2many, "Messages").of("mail.message", "res_id"),
        field("activity_ids", One2many, "Activities").of("mail.activity", "res_id"),
    ];
    let lost = if version >= 16 { "lost_reason_id" } else { "lost_reason" };
    fields.push(field(lost, Many2one, "Lost Reason").to("crm.lost.reason"));
    if version < 19 {
        fields.push(field("mobile", Char, "Mobile"));
    }
    fields
}
