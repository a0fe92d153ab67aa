//! Contacts and companies, which are one model, and what they refer to.

use crate::odoo::schema::Kind::{Boolean, Char, Float, Html, Integer, Many2many, Many2one, One2many, Selection, Text};
use crate::odoo::schema::{Model, field};

/// `mobile` went in version 19; `comment` became HTML in 15; `complete_name` came in 17.
pub(super) fn models(version: u32) -> Vec<Model> {
    let order = if version >= 17 { "complete_name ASC, id DESC" } else { "display_name" };
    vec![
        Model::new("res.partner", "Contact", partner(version)).order(order).chatter(),
        Model::new(
            "res.partner.category",
            "Partner Tags",
            vec![
                field("name", Char, "Tag Name").required(),
                field("color", Integer, "Color Index"),
                field("parent_id", Many2one, "Parent Category").to("res.partner.category"),
                field("active", Boolean, "Active"),
                field("partner_ids", Many2many, "Partners").to("res.partner").unstored(),
            ],
        )
        .order("name"),
        Model::new(
            "res.country",
            "Country",
            vec![
                field("name", Char, "Country Name").required(),
                field("code", Char, "Country Code"),
                field("phone_code", Integer, "Country Calling Code"),
            ],
        )
        .order("name")
        .unique(&["code"], "The code of the country must be unique !"),
        Model::new(
            "res.country.state",
            "Country state",
            vec![
                field("name", Char, "State Name").required(),
                field("code", Char, "State Code").required(),
                field("country_id", Many2one, "Country").to("res.country").required(),
            ],
        )
        .order("code"),
    ]
}

fn partner(version: u32) -> Vec<crate::odoo::schema::Field> {
    let mut fields = vec![
        field("name", Char, "Name"),
        field("is_company", Boolean, "Is a Company")
            .help("Check if the contact is a company, otherwise it is a person"),
        field("company_type", Selection, "Company Type")
            .choices(&[("person", "Individual"), ("company", "Company")])
            .derived(),
        field("parent_id", Many2one, "Related Company").to("res.partner"),
        field("child_ids", One2many, "Contact").of("res.partner", "parent_id"),
        field("commercial_partner_id", Many2one, "Commercial Entity").to("res.partner").computed(),
        field("company_name", Char, "Company Name"),
        field("type", Selection, "Address Type").choices(&[
            ("contact", "Contact"),
            ("invoice", "Invoice Address"),
            ("delivery", "Delivery Address"),
            ("other", "Other Address"),
        ]),
        field("email", Char, "Email"),
        field("email_normalized", Char, "Normalized Email").computed(),
        field("email_formatted", Char, "Formatted Email").unstored(),
        field("phone", Char, "Phone"),
        field("phone_sanitized", Char, "Sanitized Number").computed(),
        field("website", Char, "Website Link"),
        field("function", Char, "Job Position"),
        field("ref", Char, "Reference"),
        field("vat", Char, "Tax ID"),
        field("street", Char, "Street"),
        field("street2", Char, "Street2"),
        field("zip", Char, "Zip"),
        field("city", Char, "City"),
        field("state_id", Many2one, "State").to("res.country.state"),
        field("country_id", Many2one, "Country").to("res.country"),
        field("comment", if version >= 15 { Html } else { Text }, "Notes"),
        field("category_id", Many2many, "Tags").to("res.partner.category"),
        field("user_id", Many2one, "Salesperson").to("res.users"),
        field("user_ids", One2many, "Users").of("res.users", "partner_id"),
        field("opportunity_ids", One2many, "Opportunities").of("crm.lead", "partner_id"),
        field("active", Boolean, "Active"),
        field("color", Integer, "Color Index"),
        field("partner_latitude", Float, "Geo Latitude"),
        field("partner_longitude", Float, "Geo Longitude"),
        field("lang", Selection, "Language").choices(&[("en_US", "English (US)")]),
        field("tz", Selection, "Timezone").choices(&[
            ("UTC", "UTC"),
            ("Europe/Brussels", "Europe/Brussels"),
            ("Asia/Jakarta", "Asia/Jakarta"),
        ]),
        field("message_ids", One2many, "Messages").of("mail.message", "res_id"),
        field("activity_ids", One2many, "Activities").of("mail.activity", "res_id"),
    ];
    if version < 19 {
        fields.push(field("mobile", Char, "Mobile"));
    }
    if version >= 17 {
        fields.push(field("complete_name", Char, "Complete Name").computed());
    }
    if version < 17 {
        fields.push(field("date", crate::odoo::schema::Kind::Date, "Date"));
    }
    fields
}
