//! What objects are made of: fields with their types and rules.

use serde::Deserialize;

/// A field's type, as describes name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A record's own id.
    Id,
    /// One line of text.
    String,
    /// Several lines of text; longer than 255 characters it cannot be filtered by.
    TextArea,
    /// An e-mail address.
    Email,
    /// A phone number as somebody typed it.
    Phone,
    /// A web address.
    Url,
    /// A checkbox.
    Boolean,
    /// A whole number.
    Int,
    /// A number.
    Double,
    /// An amount.
    Currency,
    /// A percentage.
    Percent,
    /// A day.
    Date,
    /// A moment.
    DateTime,
    /// One of several choices.
    Picklist,
    /// Several choices, divided by semicolons.
    MultiPicklist,
    /// The id of another record.
    Reference,
    /// An address put together from its parts.
    Address,
    /// A file.
    Base64,
}

impl Kind {
    /// Name on the wire.
    pub(super) fn wire(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::String => "string",
            Self::TextArea => "textarea",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Url => "url",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Double => "double",
            Self::Currency => "currency",
            Self::Percent => "percent",
            Self::Date => "date",
            Self::DateTime => "datetime",
            Self::Picklist => "picklist",
            Self::MultiPicklist => "multipicklist",
            Self::Reference => "reference",
            Self::Address => "address",
            Self::Base64 => "base64",
        }
    }

    pub(super) fn soap(self) -> &'static str {
        match self {
            Self::Id | Self::Reference => "tns:ID",
            Self::Boolean => "xsd:boolean",
            Self::Int => "xsd:int",
            Self::Double | Self::Currency | Self::Percent => "xsd:double",
            Self::Date => "xsd:date",
            Self::DateTime => "xsd:dateTime",
            Self::Address => "urn:address",
            Self::Base64 => "xsd:base64Binary",
            _ => "xsd:string",
        }
    }

    /// Whether its values are text with a greatest length.
    pub(super) fn is_text(self) -> bool {
        matches!(
            self,
            Self::String
                | Self::TextArea
                | Self::Email
                | Self::Phone
                | Self::Url
                | Self::Picklist
                | Self::MultiPicklist
        )
    }

    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Double | Self::Currency | Self::Percent)
    }
}

/// Where a field's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// It is kept.
    Stored,
    /// One of those that every record has.
    System,
    /// First name and last name.
    FullName,
    /// The parts whose names begin so.
    Address(&'static str),
    /// Whether the status, stage or the like is a last one.
    IsClosed,
    /// Whether the stage is that of a sale.
    IsWon,
    /// Whether the priority is high.
    IsHighPriority,
    /// The first characters of a note.
    Preview,
    /// A number that counts up, with so many digits.
    AutoNumber,
}

/// A field.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) kind: Kind,
    pub(super) source: Source,
    /// Characters at most; of a number, its digits.
    pub(super) length: usize,
    /// Digits behind the point.
    pub(super) scale: usize,
    pub(super) nillable: bool,
    pub(super) createable: bool,
    pub(super) updateable: bool,
    /// What a new record has if nothing was given.
    pub(super) default: Option<&'static str>,
    pub(super) unique: bool,
    pub(super) external_id: bool,
    pub(super) id_lookup: bool,
    pub(super) custom: bool,
    pub(super) choices: Vec<String>,
    pub(super) restricted: bool,
    pub(super) refers_to: Vec<&'static str>,
    /// Whether a record goes when the one it refers to is deleted.
    pub(super) cascades: bool,
    /// Name by which queries of the other object reach the records that refer to it.
    pub(super) children: Option<&'static str>,
}

impl Field {
    pub(super) fn new(name: &str, kind: Kind, length: usize) -> Self {
        Self {
            name: name.to_owned(),
            label: label_of(name, kind),
            kind,
            source: Source::Stored,
            length,
            scale: 0,
            nillable: true,
            createable: true,
            updateable: true,
            default: None,
            unique: false,
            external_id: false,
            id_lookup: false,
            custom: false,
            choices: Vec::new(),
            restricted: false,
            refers_to: Vec::new(),
            cascades: false,
            children: None,
        }
    }

    pub(super) fn required(self) -> Self {
        Self { nillable: false, ..self }
    }

    pub(super) fn read_only(self) -> Self {
        Self { createable: false, updateable: false, ..self }
    }

    pub(super) fn fixed(self) -> Self {
        Self { updateable: false, ..self }
    }

    pub(super) fn default(self, value: &'static str) -> Self {
        Self { default: Some(value), ..self }
    }

    pub(super) fn lookup(self) -> Self {
        Self { id_lookup: true, ..self }
    }

    pub(super) fn label(self, label: &str) -> Self {
        Self { label: label.to_owned(), ..self }
    }

    pub(super) fn cascades(self) -> Self {
        Self { cascades: true, ..self }
    }

    pub(super) fn children(self, name: &'static str) -> Self {
        Self { children: Some(name), ..self }
    }

    pub(super) fn from(self, source: Source) -> Self {
        Self { source, ..self.read_only() }
    }

    /// Whether a create must give it.
    pub(super) fn is_needed(&self) -> bool {
        !self.nillable && self.createable && !self.is_defaulted()
    }

    pub(super) fn is_defaulted(&self) -> bool {
        self.default.is_some() || self.kind == Kind::Boolean || self.name == "OwnerId"
    }

    /// Whether queries may filter and sort by it: long text areas and files cannot be.
    pub(super) fn is_filterable(&self) -> bool {
        !(matches!(self.kind, Kind::Base64 | Kind::Address) || self.kind == Kind::TextArea && self.length > 255)
    }

    /// Whether records are found by its values.
    pub(super) fn is_key(&self) -> bool {
        self.external_id || self.unique || self.id_lookup && self.kind != Kind::Id
    }

    /// The name of the record it refers to.
    pub(super) fn relationship(&self) -> Option<String> {
        if self.kind != Kind::Reference {
            return None;
        }
        let name = self.name.strip_suffix("__c").map(|name| format!("{name}__r"));
        name.or_else(|| self.name.strip_suffix("Id").map(str::to_owned))
    }
}

/// What people call a field: its name in words.
fn label_of(name: &str, kind: Kind) -> String {
    let plain = name.strip_suffix("__c").unwrap_or(name).replace('_', " ");
    let plain = if kind == Kind::Reference && !plain.ends_with(" Id") { plain.replace("Id", "ID") } else { plain };
    let mut label = String::new();
    let mut before = ' ';
    for letter in plain.chars() {
        if letter.is_uppercase() && before.is_lowercase() {
            label.push(' ');
        }
        label.push(letter);
        before = letter;
    }
    label
}

/// A custom field as an admin makes it.
#[derive(Clone, Debug, Deserialize)]
pub struct Property {
    /// The object it is for, such as `Contact`.
    #[serde(default = "contact")]
    pub object: String,
    /// Name, which ends in `__c`.
    pub name: String,
    /// What people call it.
    pub label: String,
    /// Type.
    #[serde(default = "text")]
    pub kind: Kind,
    /// Characters at most, or digits of a number.
    #[serde(default = "length")]
    pub length: usize,
    /// Whether records are found and upserted by it.
    #[serde(default)]
    pub external_id: bool,
    /// Whether no two records may hold the same value.
    #[serde(default)]
    pub unique: bool,
    /// Whether a record must hold a value.
    #[serde(default)]
    pub required: bool,
    /// Choices of a picklist; nothing else is taken then.
    #[serde(default)]
    pub choices: Vec<String>,
}

fn contact() -> String {
    "Contact".to_owned()
}

fn text() -> Kind {
    Kind::String
}

fn length() -> usize {
    255
}

impl Property {
    /// An external id of contacts: text, unique.
    #[must_use]
    pub fn external_id(name: &str) -> Self {
        Self { external_id: true, unique: true, ..Self::of("Contact", name, Kind::String) }
    }

    /// An optional field.
    #[must_use]
    pub fn of(object: &str, name: &str, kind: Kind) -> Self {
        Self {
            object: object.to_owned(),
            name: name.to_owned(),
            label: label_of(name, kind),
            kind,
            length: length(),
            external_id: false,
            unique: false,
            required: false,
            choices: Vec::new(),
        }
    }

    pub(super) fn field(&self) -> Field {
        let length = match self.kind {
            Kind::Email => 80,
            Kind::Phone => 40,
            Kind::MultiPicklist => 4_099,
            Kind::Boolean | Kind::Date | Kind::DateTime => 0,
            kind if kind.is_number() => self.length.min(18),
            _ => self.length,
        };
        Field {
            label: self.label.clone(),
            external_id: self.external_id,
            id_lookup: self.external_id,
            unique: self.unique,
            nillable: !self.required && self.kind != Kind::Boolean,
            custom: true,
            scale: if matches!(self.kind, Kind::Double | Kind::Currency | Kind::Percent) { 2 } else { 0 },
            restricted: !self.choices.is_empty(),
            choices: self.choices.clone(),
            ..Field::new(&self.name, self.kind, length)
        }
    }
}
