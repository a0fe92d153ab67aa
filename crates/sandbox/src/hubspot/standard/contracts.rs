//! The properties of contracts, the custom object that the sandbox begins with.

use super::{
    Checkbox, Date, DateField, Datetime, Enumeration, Number, NumberField, Open, ReadOnly, Row, Select, Text, Unique,
    Words,
};

pub(in crate::hubspot) const ROWS: &[Row] = &[
    ("contract_name", "Contract name", Words, Text, Open),
    ("contract_number", "Contract number", Words, Text, Unique),
    ("contract_status", "Contract status", Enumeration, Select, Open),
    ("contract_value", "Contract value", Number, NumberField, Open),
    ("hs_createdate", "Object create date/time", Datetime, DateField, ReadOnly),
    ("hs_lastmodifieddate", "Last Modified Date", Datetime, DateField, ReadOnly),
    ("hs_merged_object_ids", "Merged record IDs", Enumeration, Checkbox, ReadOnly),
    ("hs_object_id", "Record ID", Number, NumberField, ReadOnly),
    ("hs_object_source", "Record creation source", Words, Text, ReadOnly),
    ("hs_object_source_label", "Record source", Words, Text, ReadOnly),
    ("hubspot_owner_id", "Owner", Enumeration, Select, Open),
    ("signed_on", "Signed on", Date, DateField, Open),
];
