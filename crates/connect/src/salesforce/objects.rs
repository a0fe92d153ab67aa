//! The objects of an org and their fields (Salesforce's pages "Describe Global" and "sObject Describe").

use lockstep_core::crm::selector::Choice;
use lockstep_core::crm::{Access, ApiObject, NativeField, NativeKind};
use serde::Deserialize;

use super::flows::{self, granted};
use super::metadata::{Field, described};
use super::read::{self, Query};
use super::wire::{DATA, ask, check_name, is_name};
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};

/// Users that are offered as owners.
const OWNERS_MAX: usize = 500;
/// The field that holds who a record belongs to.
const OWNER: &str = "OwnerId";

#[derive(Deserialize)]
struct Listing {
    sobjects: Vec<Listed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    name: String,
    label: String,
    label_plural: String,
    #[serde(default)]
    queryable: bool,
    #[serde(default)]
    createable: bool,
    #[serde(default)]
    retrieveable: bool,
    #[serde(default)]
    layoutable: bool,
    #[serde(default)]
    custom_setting: bool,
    #[serde(default)]
    deprecated_and_hidden: bool,
}

impl Listed {
    /// Whether people keep records of it, as far as the list tells: hundreds of objects are the vendor's own machinery.
    fn is_kept(&self) -> bool {
        let can = self.queryable && self.createable && self.retrieveable && self.layoutable;
        can && !self.custom_setting && !self.deprecated_and_hidden && is_name(&self.name)
    }
}

/// The objects that the user may read and make records of. One call.
pub(super) async fn objects(session: &Session) -> Result<Vec<ApiObject>, Fault> {
    let listing: Listing = ask(session, Call::read(Method::Get, format!("{DATA}/sobjects"), None)).await?;
    let kept = listing.sobjects.into_iter().filter(Listed::is_kept);
    Ok(kept.map(|it| ApiObject::new(&it.name, &it.label, &it.label_plural)).collect())
}

/// One object with its fields and the org's flows. One call, one for the owners, and those for the flows.
pub(super) async fn object(session: &Session, slug: &str) -> Result<ApiObject, Fault> {
    check_name(slug).map_err(|fault| Fault { class: FaultClass::Missing, ..fault })?;
    let described = described(session, slug).await?;
    let mut fields: Vec<NativeField> = described.fields.into_iter().map(Field::native).collect();
    if let Some(owner) = fields.iter_mut().find(|field| field.name == OWNER) {
        owner.choices = owners(session).await?;
    }
    fields.sort_by_cached_key(|field| (!field.access.required, field.label.to_lowercase()));
    let workflows = flows::offered(session).await?;
    let object = ApiObject::new(&described.name, &described.label, &described.label_plural);
    Ok(ApiObject { workflows, ..object.described(&fields) })
}

async fn owners(session: &Session) -> Result<Vec<Choice>, Fault> {
    let rest = format!("WHERE IsActive = true ORDER BY Name LIMIT {OWNERS_MAX}");
    let asked = ["Name", "Email"].map(str::to_owned);
    let Some(sheet) = granted(read::query(session, &Query::living("User", rest), &asked).await)? else {
        return Ok(Vec::new());
    };
    let choice = |row: super::wire::Row| {
        let [name, email] = ["Name", "Email"].map(|field| row.value(field).flatten());
        let label = match (name, email) {
            (Some(name), Some(email)) => format!("{name} ({email})"),
            (name, email) => name.or(email).unwrap_or_else(|| row.id.clone()),
        };
        Choice { label, value: row.id }
    };
    Ok(sheet.rows.into_iter().map(choice).collect())
}

impl Field {
    fn native(self) -> NativeField {
        let kind = self.kind();
        let is_needed = !self.nillable && !self.defaulted_on_create && kind != NativeKind::Boolean;
        let values = self.picklist_values.into_iter().filter(|value| value.active);
        let choice = |it: super::metadata::PicklistValue| Choice {
            label: it.label.unwrap_or_else(|| it.value.clone()),
            value: it.value,
        };
        NativeField {
            name: self.name,
            label: self.label,
            kind,
            choices: values.map(choice).collect(),
            access: Access {
                readable: true,
                createable: self.createable,
                updateable: self.updateable,
                required: self.createable && is_needed,
                searchable: self.filterable,
            },
            children: Vec::new(),
        }
    }

    fn kind(&self) -> NativeKind {
        match self.native_type.as_str() {
            "boolean" => NativeKind::Boolean,
            "int" | "long" => NativeKind::Integer,
            "double" | "currency" | "percent" => NativeKind::Number,
            "date" => NativeKind::Date,
            "datetime" => NativeKind::Datetime,
            "picklist" => NativeKind::Choice,
            "multipicklist" => NativeKind::Choices,
            "address" | "location" => NativeKind::Object,
            _ => NativeKind::Text,
        }
    }
}
