//! The properties that every account's objects have, and those of the custom object that the sandbox begins with.

pub(super) mod companies;
pub(super) mod contacts;
pub(super) mod contracts;
pub(super) mod deals;
pub(super) mod notes;
pub(super) mod tickets;

use super::schema::{Choice, FieldType, Kind, Modification, Property};

/// Who may write the values of a standard property.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Values {
    Open,
    ReadOnly,
    /// Keeps its values unique.
    Unique,
}

use FieldType::{
    Booleancheckbox, Checkbox, Date as DateField, Html, Number as NumberField, Phonenumber, Radio, Select, Text,
    Textarea,
};
use Kind::{Bool, Date, Datetime, Enumeration, Number, String as Words};
use Values::{Open, ReadOnly, Unique};

/// Name, label, type, field type, and who writes it.
pub(super) type Row = (&'static str, &'static str, Kind, FieldType, Values);

/// Enumerations whose values stand elsewhere than in their options.
const EXTERNAL: [&str; 6] =
    ["associatedcompanyid", "dealstage", "hs_pipeline", "hs_pipeline_stage", "hubspot_owner_id", "pipeline"];

/// Stages in the only direction a contact may move.
pub(super) const LIFECYCLE: &[(&str, &str)] = &[
    ("subscriber", "Subscriber"),
    ("lead", "Lead"),
    ("marketingqualifiedlead", "Marketing Qualified Lead"),
    ("salesqualifiedlead", "Sales Qualified Lead"),
    ("opportunity", "Opportunity"),
    ("customer", "Customer"),
    ("evangelist", "Evangelist"),
    ("other", "Other"),
];

const LEAD_STATUS: &[(&str, &str)] = &[
    ("NEW", "New"),
    ("OPEN", "Open"),
    ("IN_PROGRESS", "In Progress"),
    ("OPEN_DEAL", "Open Deal"),
    ("UNQUALIFIED", "Unqualified"),
    ("ATTEMPTED_TO_CONTACT", "Attempted to Contact"),
    ("CONNECTED", "Connected"),
    ("BAD_TIMING", "Bad Timing"),
];

const EMPLOYEES: &[(&str, &str)] =
    &[("1-5", "1-5"), ("5-25", "5-25"), ("25-50", "25-50"), ("50-100", "50-100"), ("100-500", "100-500")];

const LANGUAGES: &[(&str, &str)] =
    &[("ar", "Arabic"), ("de", "German"), ("en", "English"), ("es", "Spanish"), ("fr", "French"), ("id", "Indonesian")];

const INDUSTRIES: &[(&str, &str)] =
    &[("ACCOUNTING", "Accounting"), ("COMPUTER_SOFTWARE", "Computer Software"), ("RETAIL", "Retail")];

const DEAL_TYPES: &[(&str, &str)] = &[("newbusiness", "New Business"), ("existingbusiness", "Existing Business")];

const DEAL_PRIORITIES: &[(&str, &str)] = &[("low", "Low"), ("medium", "Medium"), ("high", "High")];

const TICKET_PRIORITIES: &[(&str, &str)] =
    &[("LOW", "Low"), ("MEDIUM", "Medium"), ("HIGH", "High"), ("URGENT", "Urgent")];

const TICKET_CATEGORIES: &[(&str, &str)] = &[
    ("PRODUCT_ISSUE", "Product Issue"),
    ("BILLING_ISSUE", "Billing Issue"),
    ("FEATURE_REQUEST", "Feature Request"),
    ("GENERAL_INQUIRY", "General Inquiry"),
];

const CONTRACT_STATUS: &[(&str, &str)] = &[("draft", "Draft"), ("sent", "Sent"), ("signed", "Signed")];

const MEMBERSHIP: &[(&str, &str)] = &[("active", "Active"), ("inactive", "Inactive")];

const YES_NO: &[(&str, &str)] = &[("true", "Yes"), ("false", "No")];

fn choices(name: &str, kind: Kind) -> Vec<Choice> {
    let table = match name {
        "lifecyclestage" => LIFECYCLE,
        "hs_lead_status" => LEAD_STATUS,
        "numemployees" => EMPLOYEES,
        "hs_language" => LANGUAGES,
        "hs_content_membership_status" => MEMBERSHIP,
        "contract_status" => CONTRACT_STATUS,
        "dealtype" => DEAL_TYPES,
        "hs_priority" => DEAL_PRIORITIES,
        "hs_ticket_category" => TICKET_CATEGORIES,
        "hs_ticket_priority" => TICKET_PRIORITIES,
        "industry" if kind == Enumeration => INDUSTRIES,
        _ if kind == Bool => YES_NO,
        _ => &[],
    };
    table.iter().zip(0..).map(|((value, label), order)| Choice::new(value, label, order)).collect()
}

/// The definitions, as old as HubSpot's own.
pub(super) fn properties(rows: &[Row], group: &str) -> Vec<Property> {
    rows.iter()
        .map(|&(name, label, kind, field_type, values)| Property {
            name: name.to_owned(),
            label: label.to_owned(),
            kind,
            field_type,
            description: String::new(),
            group_name: group.to_owned(),
            options: choices(name, kind),
            display_order: -1,
            calculated: false,
            external_options: EXTERNAL.contains(&name),
            has_unique_value: values == Unique,
            hidden: name.starts_with("hs_searchable"),
            hubspot_defined: true,
            modification_metadata: Modification {
                archivable: true,
                read_only_definition: true,
                read_only_value: values == ReadOnly,
            },
            form_field: values != ReadOnly,
            data_sensitivity: "non_sensitive",
            created_at: "2019-08-06T02:41:08.304Z".to_owned(),
            updated_at: "2024-09-12T14:20:30.071Z".to_owned(),
            archived: false,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_unique() {
        let tables = [companies::ROWS, contacts::ROWS, contracts::ROWS, deals::ROWS, notes::ROWS, tickets::ROWS];
        for rows in tables {
            assert!(rows.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }
}
