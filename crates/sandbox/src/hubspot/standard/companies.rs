//! The properties of companies.

use super::{
    Bool, Booleancheckbox, Checkbox, DateField, Datetime, Enumeration, Number, NumberField, Open, Phonenumber, Radio,
    ReadOnly, Row, Select, Text, Textarea, Words,
};

pub(in crate::hubspot) const ROWS: &[Row] = &[
    ("address", "Street Address", Words, Text, Open),
    ("annualrevenue", "Annual Revenue", Number, NumberField, Open),
    ("city", "City", Words, Text, Open),
    ("country", "Country/Region", Words, Text, Open),
    ("createdate", "Create Date", Datetime, DateField, ReadOnly),
    ("description", "Description", Words, Textarea, Open),
    ("domain", "Company Domain Name", Words, Text, Open),
    ("hs_createdate", "Object create date/time", Datetime, DateField, ReadOnly),
    ("hs_lastmodifieddate", "Last Modified Date", Datetime, DateField, ReadOnly),
    ("hs_merged_object_ids", "Merged record IDs", Enumeration, Checkbox, ReadOnly),
    ("hs_object_id", "Record ID", Number, NumberField, ReadOnly),
    ("hs_object_source", "Record creation source", Words, Text, ReadOnly),
    ("hs_object_source_label", "Record source", Words, Text, ReadOnly),
    ("hubspot_owner_id", "Owner", Enumeration, Select, Open),
    ("industry", "Industry", Enumeration, Select, Open),
    ("is_public", "Is Public", Bool, Booleancheckbox, Open),
    ("lifecyclestage", "Lifecycle Stage", Enumeration, Radio, Open),
    ("name", "Company name", Words, Text, Open),
    ("numberofemployees", "Number of Employees", Number, NumberField, Open),
    ("phone", "Phone Number", Words, Phonenumber, Open),
    ("state", "State/Region", Words, Text, Open),
    ("website", "Website URL", Words, Text, Open),
    ("zip", "Postal Code", Words, Text, Open),
];
