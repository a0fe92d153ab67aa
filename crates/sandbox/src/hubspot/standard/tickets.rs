//! The properties of tickets.

use super::{
    Checkbox, DateField, Datetime, Enumeration, Number, NumberField, Open, ReadOnly, Row, Select, Text, Textarea, Words,
};

pub(in crate::hubspot) const ROWS: &[Row] = &[
    ("content", "Ticket description", Words, Textarea, Open),
    ("createdate", "Create date", Datetime, DateField, ReadOnly),
    ("hs_createdate", "Object create date/time", Datetime, DateField, ReadOnly),
    ("hs_lastmodifieddate", "Last Modified Date", Datetime, DateField, ReadOnly),
    ("hs_merged_object_ids", "Merged record IDs", Enumeration, Checkbox, ReadOnly),
    ("hs_object_id", "Record ID", Number, NumberField, ReadOnly),
    ("hs_object_source", "Record creation source", Words, Text, ReadOnly),
    ("hs_object_source_label", "Record source", Words, Text, ReadOnly),
    ("hs_pipeline", "Pipeline", Enumeration, Select, Open),
    ("hs_pipeline_stage", "Ticket status", Enumeration, Select, Open),
    ("hs_ticket_category", "Category", Enumeration, Checkbox, Open),
    ("hs_ticket_priority", "Priority", Enumeration, Select, Open),
    ("hubspot_owner_id", "Owner", Enumeration, Select, Open),
    ("subject", "Ticket name", Words, Text, Open),
];
