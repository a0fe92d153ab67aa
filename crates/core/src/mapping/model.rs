//! The mapping as data. Versioned: a decision names the version it was made under.

use serde::{Deserialize, Serialize};

use super::view::inbox_takes;
use crate::record::Field;

/// How one object of the inbox corresponds to one native object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Grows with each saved change.
    pub version: i64,
    /// Region for phone numbers typed without a country code, such as `ID`; `None` takes only international ones.
    pub region: Option<String>,
    /// One entry a field; unmapped fields never appear in a request.
    pub fields: Vec<FieldMap>,
    /// Further native properties that a record is recognised by; read for matching only, never written.
    #[serde(default)]
    pub also_match: Vec<AlsoMatch>,
}

/// A native property that holds one or more further phone numbers or e-mail addresses, separated by `;`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlsoMatch {
    /// [`Kind::Phone`] or [`Kind::Email`]; text matches nobody.
    pub kind: Kind,
    /// The property's name.
    pub property: String,
}

/// How one field corresponds to native properties.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldMap {
    /// The inbox side's field.
    pub field: Field,
    /// The native side's place.
    pub native: Selector,
    /// The type whose equality applies.
    pub kind: Kind,
    /// Who wins when both sides moved.
    pub rule: Rule,
    /// Which way a change on one side alone may flow.
    pub direction: Direction,
    /// When the CRM's side may be written at all.
    pub policy: WritePolicy,
}

/// A place in a native record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selector {
    /// One property.
    Property(String),
    /// One property that holds the value behind a fixed prefix, such as `kirim_`.
    Prefixed {
        /// The property's name.
        property: String,
        /// What stands before the value there.
        prefix: String,
    },
    /// A full name kept in two properties, read joined by one space.
    FullName {
        /// The property of the first name.
        first: String,
        /// The property of the last name.
        last: String,
    },
    /// The record's own id; never written.
    RecordId,
}

/// A field's type: what counts as equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Unicode NFC, trimmed.
    Text,
    /// Case-folded.
    Email,
    /// E.164; formatting alone is never a difference. This is the channel's address (law 3): it is never changed in a contact that has one.
    Phone,
}

/// Who wins when both sides moved from their base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The CRM's value.
    Crm,
    /// The inbox's value.
    Inbox,
    /// The later edit; when the two cannot be told apart, `tie` wins and the conflict is logged.
    Latest {
        /// The owner that breaks a tie.
        tie: Side,
    },
}

/// One of the two sides of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The hub: our inbox.
    Inbox,
    /// The spoke: the user's CRM.
    Crm,
}

/// Which way a change may flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Both ways.
    Both,
    /// Only from the inbox to the CRM.
    ToCrm,
    /// Only from the CRM to the inbox.
    ToInbox,
}

/// When the CRM's side may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WritePolicy {
    /// Whenever the merge says so.
    Always,
    /// Only where the CRM holds nothing.
    IfEmpty,
    /// Never.
    Never,
}

impl Side {
    /// The side opposite.
    pub const fn other(self) -> Self {
        match self {
            Self::Inbox => Self::Crm,
            Self::Crm => Self::Inbox,
        }
    }
}

impl Mapping {
    /// The fixed mapping of contacts that a new sync starts with.
    pub fn contacts(names: &ContactProperties<'_>, region: Option<String>) -> Self {
        let property = |name: &str| Selector::Property(name.to_owned());
        let full_name = match names.name {
            NameProperties::Parts { first, last } => {
                Selector::FullName { first: first.to_owned(), last: last.to_owned() }
            }
            NameProperties::Whole(name) => property(name),
        };
        let mut fields = vec![
            FieldMap::new("phone_number", property(names.phone), Kind::Phone, Rule::Inbox, Direction::Both),
            FieldMap::new("email", property(names.email), Kind::Email, Rule::Crm, Direction::Both),
            FieldMap::new("name", full_name, Kind::Text, Rule::Crm, Direction::Both),
            FieldMap::new("metadata.crm_id", Selector::RecordId, Kind::Text, Rule::Crm, Direction::ToInbox),
        ];
        if let Some(source) = names.source {
            let selector = Selector::Prefixed { property: source.to_owned(), prefix: "kirim_".to_owned() };
            fields.push(FieldMap::new("acquisition_source", selector, Kind::Text, Rule::Inbox, Direction::ToCrm));
        }
        if let Some(key) = names.key {
            fields.push(FieldMap::new("id", property(key), Kind::Text, Rule::Inbox, Direction::ToCrm));
        }
        let other = |kind: Kind| move |name: &&str| AlsoMatch { kind, property: (*name).to_owned() };
        let phones = names.other_phones.iter().map(other(Kind::Phone));
        let also_match = phones.chain(names.other_emails.iter().map(other(Kind::Email))).collect();
        Self { version: 1, region, fields, also_match }
    }

    /// The field in which the record's own id stands.
    pub fn record_id(&self) -> Option<&Field> {
        self.fields.iter().find(|map| map.native == Selector::RecordId).map(|map| &map.field)
    }

    /// Keeps the record's own id out of the fields in which other CRMs of the organization keep theirs: the first one's
    /// stands in `metadata.crm_id`, another vendor's in `metadata.VENDOR_id`, one more of the same vendor nowhere. It
    /// stays findable by the sync's own name.
    pub fn keep_id_apart(&mut self, vendor: &str, others: &[Self]) {
        let is_free = |field: &Field| others.iter().all(|other| other.record_id() != Some(field));
        let Some(at) = self.fields.iter().position(|map| map.native == Selector::RecordId) else { return };
        let candidates = [self.fields[at].field.clone(), format!("metadata.{vendor}_id")];
        match candidates.into_iter().find(is_free) {
            Some(field) => self.fields[at].field = field,
            None => {
                self.fields.remove(at);
            }
        }
    }

    /// The entry of a field.
    pub fn field(&self, field: &str) -> Option<&FieldMap> {
        self.fields.iter().find(|map| map.field == field)
    }

    /// Every native property that has to be read, each once.
    pub fn properties(&self) -> Vec<String> {
        let mapped = self.fields.iter().flat_map(|map| map.native.properties());
        let mut names: Vec<String> =
            mapped.chain(self.also_match.iter().map(|also| also.property.as_str())).map(str::to_owned).collect();
        names.sort();
        names.dedup();
        names
    }
}

/// What a vendor calls the properties of the default contact mapping.
#[derive(Clone, Copy, Debug)]
pub struct ContactProperties<'a> {
    /// Phone number.
    pub phone: &'a str,
    /// E-mail address.
    pub email: &'a str,
    /// Name.
    pub name: NameProperties<'a>,
    /// Further properties that hold phone numbers.
    pub other_phones: &'a [&'a str],
    /// Further properties that hold e-mail addresses, `;` between them.
    pub other_emails: &'a [&'a str],
    /// Acquisition source, where the account has such a property.
    pub source: Option<&'a str>,
    /// The agreed unique property for our id (law 5), where it was granted.
    pub key: Option<&'a str>,
}

/// Where a vendor keeps a person's name.
#[derive(Clone, Copy, Debug)]
pub enum NameProperties<'a> {
    /// In two properties.
    Parts {
        /// First name.
        first: &'a str,
        /// Last name.
        last: &'a str,
    },
    /// In one.
    Whole(&'a str),
}

impl FieldMap {
    fn new(field: &str, native: Selector, kind: Kind, rule: Rule, direction: Direction) -> Self {
        Self { field: field.to_owned(), native, kind, rule, direction, policy: WritePolicy::Always }
    }

    /// Whether it is our key property (law 5): what it holds names the record's contact.
    pub fn is_our_id(&self) -> bool {
        self.field == "id"
    }

    /// Whether a value of the CRM may come to the inbox.
    pub fn flows_to_inbox(&self) -> bool {
        self.direction != Direction::ToCrm && inbox_takes(&self.field)
    }

    /// Whether a value of the inbox may go to the CRM, where it holds `theirs` now.
    pub fn flows_to_crm(&self, theirs: Option<&str>) -> bool {
        let allowed = match self.policy {
            WritePolicy::Always => true,
            WritePolicy::IfEmpty => theirs.is_none(),
            WritePolicy::Never => false,
        };
        allowed && self.direction != Direction::ToInbox && self.native != Selector::RecordId
    }
}

impl Selector {
    /// The properties this selector reads.
    pub fn properties(&self) -> Vec<&str> {
        match self {
            Self::Property(name) | Self::Prefixed { property: name, .. } => vec![name],
            Self::FullName { first, last } => vec![first, last],
            Self::RecordId => Vec::new(),
        }
    }
}
