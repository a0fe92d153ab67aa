//! The properties of deals.

use super::{
    Bool, Booleancheckbox, Checkbox, DateField, Datetime, Enumeration, Number, NumberField, Open, Radio, ReadOnly, Row,
    Select, Text, Textarea, Words,
};

pub(in crate::hubspot) const ROWS: &[Row] = &[
    ("amount", "Amount", Number, NumberField, Open),
    ("closedate", "Close Date", Datetime, DateField, Open),
    ("createdate", "Create Date", Datetime, DateField, ReadOnly),
    ("dealname", "Deal Name", Words, Text, Open),
    ("dealstage", "Deal Stage", Enumeration, Radio, Open),
    ("dealtype", "Deal Type", Enumeration, Radio, Open),
    ("description", "Deal Description", Words, Textarea, Open),
    ("hs_createdate", "Object create date/time", Datetime, DateField, ReadOnly),
    ("hs_deal_stage_probability", "Deal probability", Number, NumberField, ReadOnly),
    ("hs_is_closed", "Is Deal Closed?", Bool, Booleancheckbox, ReadOnly),
    ("hs_is_closed_won", "Is Closed Won", Bool, Booleancheckbox, ReadOnly),
    ("hs_lastmodifieddate", "Last Modified Date", Datetime, DateField, ReadOnly),
    ("hs_merged_object_ids", "Merged record IDs", Enumeration, Checkbox, ReadOnly),
    ("hs_next_step", "Next step", Words, Textarea, Open),
    ("hs_object_id", "Record ID", Number, NumberField, ReadOnly),
    ("hs_object_source", "Record creation source", Words, Text, ReadOnly),
    ("hs_object_source_label", "Record source", Words, Text, ReadOnly),
    ("hs_priority", "Priority", Enumeration, Select, Open),
    ("hubspot_owner_id", "Owner", Enumeration, Select, Open),
    ("pipeline", "Pipeline", Enumeration, Select, Open),
];
