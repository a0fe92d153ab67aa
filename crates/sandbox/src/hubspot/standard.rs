//! The contact properties every account has: those a connector meets, with the types and read-only marks
//! HubSpot gives them.

use super::schema::{Choice, FieldType, Kind, Modification, Property, STANDARD_GROUP};

/// Groups every account has: name and label.
pub(super) const GROUPS: &[(&str, &str)] = &[
    (STANDARD_GROUP, "Contact information"),
    ("contact_activity", "Contact activity"),
    ("sales_properties", "Sales properties"),
];

/// Who may write the values of a standard property.
#[derive(Clone, Copy, PartialEq)]
enum Values {
    Open,
    ReadOnly,
}

use FieldType::{
    Booleancheckbox, Checkbox, Date as DateField, Number as NumberField, Phonenumber, Radio, Select, Text, Textarea,
};
use Kind::{Bool, Date, Datetime, Enumeration, Number, String as Words};
use Values::{Open, ReadOnly};

type Row = (&'static str, &'static str, Kind, FieldType, Values);

const ROWS: &[Row] = &[
    ("address", "Street Address", Words, Text, Open),
    ("annualrevenue", "Annual Revenue", Words, Text, Open),
    ("associatedcompanyid", "Primary Associated Company ID", Number, NumberField, Open),
    ("city", "City", Words, Text, Open),
    ("closedate", "Close Date", Datetime, DateField, Open),
    ("company", "Company Name", Words, Text, Open),
    ("country", "Country/Region", Words, Text, Open),
    ("createdate", "Create Date", Datetime, DateField, ReadOnly),
    ("date_of_birth", "Date of birth", Words, Text, Open),
    ("email", "Email", Words, Text, Open),
    ("fax", "Fax Number", Words, Text, Open),
    ("firstname", "First Name", Words, Text, Open),
    ("hs_additional_emails", "Additional email addresses", Enumeration, Checkbox, ReadOnly),
    ("hs_all_contact_vids", "All vids for a contact", Enumeration, Checkbox, ReadOnly),
    ("hs_contact_enrichment_opt_out", "Contact enrichment opt out", Bool, Booleancheckbox, ReadOnly),
    ("hs_content_membership_status", "Status", Enumeration, Select, Open),
    ("hs_email_domain", "Email Domain", Words, Text, ReadOnly),
    ("hs_full_name_or_email", "Full name or email", Words, Text, ReadOnly),
    ("hs_is_contact", "Is a contact", Bool, Booleancheckbox, ReadOnly),
    ("hs_is_unworked", "Contact unworked", Bool, Booleancheckbox, ReadOnly),
    ("hs_language", "Preferred language", Enumeration, Select, Open),
    ("hs_lead_status", "Lead Status", Enumeration, Radio, Open),
    ("hs_merged_object_ids", "Merged record IDs", Enumeration, Checkbox, ReadOnly),
    ("hs_object_id", "Record ID", Number, NumberField, ReadOnly),
    ("hs_object_source", "Record creation source", Words, Text, ReadOnly),
    ("hs_object_source_id", "Record creation source ID", Words, Text, ReadOnly),
    ("hs_object_source_label", "Record source", Words, Text, ReadOnly),
    ("hs_pipeline", "Pipeline", Enumeration, Select, Open),
    (
        "hs_searchable_calculated_international_mobile_number",
        "Calculated Mobile Number with country code",
        Words,
        Text,
        ReadOnly,
    ),
    (
        "hs_searchable_calculated_international_phone_number",
        "Calculated Phone Number with country code",
        Words,
        Text,
        ReadOnly,
    ),
    ("hs_searchable_calculated_mobile_number", "Calculated Mobile Number without country code", Words, Text, ReadOnly),
    ("hs_searchable_calculated_phone_number", "Calculated Phone Number without country code", Words, Text, ReadOnly),
    ("hs_whatsapp_phone_number", "WhatsApp Phone Number", Words, Phonenumber, Open),
    ("hubspot_owner_id", "Contact owner", Enumeration, Select, Open),
    ("hubspotscore", "HubSpot Score", Number, NumberField, ReadOnly),
    ("industry", "Industry", Words, Text, Open),
    ("jobtitle", "Job Title", Words, Text, Open),
    ("lastmodifieddate", "Last Modified Date", Datetime, DateField, ReadOnly),
    ("lastname", "Last Name", Words, Text, Open),
    ("lifecyclestage", "Lifecycle Stage", Enumeration, Radio, Open),
    ("message", "Message", Words, Textarea, Open),
    ("mobilephone", "Mobile Phone Number", Words, Phonenumber, Open),
    ("notes_last_contacted", "Last Contacted", Datetime, DateField, ReadOnly),
    ("num_notes", "Number of Sales Activities", Number, NumberField, ReadOnly),
    ("numemployees", "Number of Employees", Enumeration, Select, Open),
    ("phone", "Phone Number", Words, Phonenumber, Open),
    ("salutation", "Salutation", Words, Text, Open),
    ("start_date", "Start date", Date, DateField, Open),
    ("state", "State/Region", Words, Text, Open),
    ("website", "Website URL", Words, Text, Open),
    ("zip", "Postal Code", Words, Text, Open),
];

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

const MEMBERSHIP: &[(&str, &str)] = &[("active", "Active"), ("inactive", "Inactive")];

const YES_NO: &[(&str, &str)] = &[("true", "Yes"), ("false", "No")];

fn choices(name: &str, kind: Kind) -> Vec<Choice> {
    let table = match name {
        "lifecyclestage" => LIFECYCLE,
        "hs_lead_status" => LEAD_STATUS,
        "numemployees" => EMPLOYEES,
        "hs_language" => LANGUAGES,
        "hs_content_membership_status" => MEMBERSHIP,
        _ if kind == Bool => YES_NO,
        _ => &[],
    };
    table.iter().zip(0..).map(|((value, label), order)| Choice::new(value, label, order)).collect()
}

/// The definitions, as old as HubSpot's own.
pub(super) fn properties() -> Vec<Property> {
    ROWS.iter()
        .map(|&(name, label, kind, field_type, values)| Property {
            name: name.to_owned(),
            label: label.to_owned(),
            kind,
            field_type,
            description: String::new(),
            group_name: STANDARD_GROUP.to_owned(),
            options: choices(name, kind),
            display_order: -1,
            calculated: false,
            external_options: name == "hubspot_owner_id" || name == "associatedcompanyid",
            has_unique_value: false,
            hidden: name.starts_with("hs_searchable"),
            hubspot_defined: true,
            modification_metadata: Modification {
                archivable: true,
                read_only_definition: true,
                read_only_value: values == ReadOnly,
            },
            form_field: values == Open,
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
        assert!(ROWS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
