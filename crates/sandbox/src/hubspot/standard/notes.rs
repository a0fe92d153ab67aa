//! The properties of notes.

use super::{
    Checkbox, DateField, Datetime, Enumeration, Html, Number, NumberField, Open, ReadOnly, Row, Select, Text, Words,
};

pub(in crate::hubspot) const ROWS: &[Row] = &[
    ("hs_body_preview", "Body preview", Words, Text, ReadOnly),
    ("hs_createdate", "Object create date/time", Datetime, DateField, ReadOnly),
    ("hs_lastmodifieddate", "Last Modified Date", Datetime, DateField, ReadOnly),
    ("hs_merged_object_ids", "Merged record IDs", Enumeration, Checkbox, ReadOnly),
    ("hs_note_body", "Note body", Words, Html, Open),
    ("hs_object_id", "Record ID", Number, NumberField, ReadOnly),
    ("hs_object_source", "Record creation source", Words, Text, ReadOnly),
    ("hs_object_source_label", "Record source", Words, Text, ReadOnly),
    ("hs_timestamp", "Activity date", Datetime, DateField, Open),
    ("hubspot_owner_id", "Owner", Enumeration, Select, Open),
];
