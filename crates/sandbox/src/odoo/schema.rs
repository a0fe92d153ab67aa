//! Models and their fields, as `fields_get` tells them. Source: the ORM reference of odoo.com/documentation, and the
//! modules `base`, `contacts`, `crm` and `mail`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::models;

/// Fields that every model has and nobody writes.
pub(super) const MAGIC: [&str; 5] = ["id", "create_date", "create_uid", "write_date", "write_uid"];

/// A field's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Char,
    Date,
    Datetime,
    Float,
    Html,
    Integer,
    Many2many,
    Many2one,
    Many2oneReference,
    Monetary,
    One2many,
    Selection,
    Text,
}

/// The kinds that `ir.model.fields` can make, among them.
const KINDS: [(Kind, &str); 14] = [
    (Kind::Boolean, "boolean"),
    (Kind::Char, "char"),
    (Kind::Date, "date"),
    (Kind::Datetime, "datetime"),
    (Kind::Float, "float"),
    (Kind::Html, "html"),
    (Kind::Integer, "integer"),
    (Kind::Many2many, "many2many"),
    (Kind::Many2one, "many2one"),
    (Kind::Many2oneReference, "many2one_reference"),
    (Kind::Monetary, "monetary"),
    (Kind::One2many, "one2many"),
    (Kind::Selection, "selection"),
    (Kind::Text, "text"),
];

impl Kind {
    pub(super) fn wire(self) -> &'static str {
        KINDS.iter().find(|(kind, _)| *kind == self).map_or("char", |(_, name)| name)
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        KINDS.iter().find(|(_, wire)| *wire == name).map(|(kind, _)| *kind)
    }

    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Char | Self::Text | Self::Html | Self::Selection | Self::Date)
    }

    pub(super) fn is_many(self) -> bool {
        matches!(self, Self::Many2many | Self::One2many)
    }
}

/// One field of a model.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: Arc<str>,
    pub(super) kind: Kind,
    pub(super) label: String,
    pub(super) help: Option<String>,
    pub(super) required: bool,
    /// Forms show it without letting anybody type; the API takes values all the same unless it is `computed`.
    pub(super) readonly: bool,
    /// Derived from other fields: what is written to it is lost.
    pub(super) computed: bool,
    /// Whether the database has a column, so that it can be sorted by.
    pub(super) stored: bool,
    /// Made by a person or an app.
    pub(super) manual: bool,
    pub(super) relation: String,
    /// The field of `relation` that leads back, of a one2many.
    pub(super) inverse: String,
    pub(super) choices: Vec<(String, String)>,
}

/// A field that holds plain values.
pub(super) fn field(name: &str, kind: Kind, label: &str) -> Field {
    Field {
        name: name.into(),
        kind,
        label: label.to_owned(),
        help: None,
        required: false,
        readonly: false,
        computed: false,
        stored: true,
        manual: false,
        relation: String::new(),
        inverse: String::new(),
        choices: Vec::new(),
    }
}

impl Field {
    pub(super) fn required(self) -> Self {
        Self { required: true, ..self }
    }

    pub(super) fn readonly(self) -> Self {
        Self { readonly: true, ..self }
    }

    /// Derived, with a column.
    pub(super) fn computed(self) -> Self {
        Self { readonly: true, computed: true, ..self }
    }

    /// Derived whenever it is read.
    pub(super) fn unstored(self) -> Self {
        Self { stored: false, ..self.computed() }
    }

    /// Derived whenever it is read; what is written to it goes where it came from.
    pub(super) fn derived(self) -> Self {
        Self { stored: false, ..self }
    }

    pub(super) fn help(self, help: &str) -> Self {
        Self { help: Some(help.to_owned()), ..self }
    }

    pub(super) fn to(self, relation: &str) -> Self {
        Self { relation: relation.to_owned(), ..self }
    }

    pub(super) fn of(self, relation: &str, inverse: &str) -> Self {
        Self { inverse: inverse.to_owned(), ..self.to(relation) }
    }

    pub(super) fn choices(self, choices: &[(&str, &str)]) -> Self {
        let choices = choices.iter().map(|(value, label)| ((*value).to_owned(), (*label).to_owned())).collect();
        Self { choices, ..self }
    }

    /// What `fields_get` tells of it.
    pub(super) fn describe(&self, version: u32) -> Map<String, Value> {
        let mut told = json!({
            "type": self.kind.wire(),
            "string": self.label,
            "required": self.required,
            "readonly": self.readonly,
            "store": self.stored,
            "manual": self.manual,
            "sortable": self.stored && !self.kind.is_many(),
            "searchable": self.stored || &*self.name == "display_name",
            "company_dependent": false,
            "change_default": false,
            "depends": [],
        });
        if version >= 16 {
            told["name"] = (&*self.name).into();
        }
        if matches!(self.kind, Kind::Char | Kind::Text | Kind::Html) {
            told["translate"] = false.into();
        }
        if self.kind == Kind::Char {
            told["trim"] = true.into();
        }
        if let Some(help) = &self.help {
            told["help"] = help.clone().into();
        }
        if self.kind == Kind::Selection {
            told["selection"] = json!(self.choices);
        }
        if !self.relation.is_empty() {
            told["relation"] = self.relation.clone().into();
            told["domain"] = json!([]);
            told["context"] = json!({});
        }
        if self.kind == Kind::One2many {
            told["relation_field"] = self.inverse.clone().into();
        }
        match told {
            Value::Object(told) => told,
            _ => Map::new(),
        }
    }
}

/// One model.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    /// Order of a search that names none.
    pub(super) order: &'static str,
    /// The field whose text names a record.
    pub(super) named_by: &'static str,
    /// Has a chatter: `message_post` works on it and its records die with their messages.
    pub(super) chatter: bool,
    /// Fields that no two records share, and what Odoo says of a second.
    pub(super) unique: Option<(&'static [&'static str], &'static str)>,
    pub(super) fields: BTreeMap<Arc<str>, Arc<Field>>,
}

impl Model {
    pub(super) fn new(name: &'static str, label: &'static str, fields: Vec<Field>) -> Self {
        let users = |name: &str, label: &str| field(name, Kind::Many2one, label).to("res.users").computed();
        let magic = [
            field("id", Kind::Integer, "ID").computed(),
            field("display_name", Kind::Char, "Display Name").unstored(),
            field("create_date", Kind::Datetime, "Created on").computed(),
            users("create_uid", "Created by"),
            field("write_date", Kind::Datetime, "Last Updated on").computed(),
            users("write_uid", "Last Updated by"),
        ];
        let fields = magic.into_iter().chain(fields).map(|field| (Arc::clone(&field.name), Arc::new(field))).collect();
        Self { name, label, order: "id", named_by: "name", chatter: false, unique: None, fields }
    }

    pub(super) fn order(self, order: &'static str) -> Self {
        Self { order, ..self }
    }

    pub(super) fn named_by(self, named_by: &'static str) -> Self {
        Self { named_by, ..self }
    }

    pub(super) fn chatter(self) -> Self {
        Self { chatter: true, ..self }
    }

    pub(super) fn unique(self, fields: &'static [&'static str], message: &'static str) -> Self {
        Self { unique: Some((fields, message)), ..self }
    }

    pub(super) fn field(&self, name: &str) -> Option<&Arc<Field>> {
        self.fields.get(name)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }
}

/// Every model of the database, by name.
pub(super) type Schema = BTreeMap<&'static str, Arc<Model>>;

/// The models that a version of Odoo has, without custom fields.
pub(super) fn standard(version: u32) -> Schema {
    models::all(version).into_iter().map(|model| (model.name, Arc::new(model))).collect()
}
