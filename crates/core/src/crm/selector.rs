//! What a connection's CRM offers: its objects, and of each a tree of fields that a user can choose from.
//!
//! Built from plain data that a connector's description feeds; the CRM API knows no vendor.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::number_of;
use super::schema::{JsonType, SimpleType, TextFormat};

/// An object of the user's CRM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiObject {
    /// Stands for the slug, everywhere and for ever.
    pub id: i64,
    /// The vendor's own name for it, which is also the first part of its records' ids.
    pub slug: String,
    /// The name of one, for people.
    pub label_one: String,
    /// The name of many, for people.
    pub label_many: String,
    /// Its fields; absent until they were fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub selector: Option<Selector>,
    /// Automations of the CRM that an event can be handed to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workflows: Vec<Workflow>,
}

/// An automation of the CRM and the form that starting it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Workflow {
    /// What the connector starts it by.
    pub id: String,
    /// The name for people.
    pub label: String,
    /// Its inputs. What can be filled in is createable, what must be is required.
    pub selector: Selector,
}

/// An object's field, or the object itself at the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Selector {
    /// The name for people.
    pub label: Option<String>,
    /// The vendor's own name for it.
    pub api_name: Option<String>,
    /// What a mapping refers to it by; a JSON pointer that callers take as it is. The root has none.
    pub pointer: Option<String>,
    /// Its type, for people.
    pub type_label: String,
    /// Its type, for us: an addition to Xkit's shape.
    pub native_type: NativeKind,
    /// What it can feed, and how.
    pub input_types: Vec<InputType>,
    /// The fields within it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(no_recursion)]
    pub children: Vec<Selector>,
    /// The values it takes, where the CRM has a list of them.
    #[serde(default, rename = "enum", skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
    /// What may be done with it.
    #[serde(flatten)]
    pub access: Access,
}

/// One value of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Choice {
    /// The value for people.
    pub label: String,
    /// The value on the wire.
    pub value: String,
}

/// What may be done with a native field. The names are the wire's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Access {
    /// It can be read.
    pub readable: bool,
    /// It can be given to a new record.
    pub createable: bool,
    /// It can be changed.
    pub updateable: bool,
    /// A new record needs it.
    pub required: bool,
    /// Records can be found by it.
    pub searchable: bool,
}

/// A type that a native field can feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InputType {
    /// The type on the app's side.
    pub input_type: SimpleType,
    /// How it gets there.
    pub transformations: Vec<Passage>,
}

/// How a value may pass between a native field and the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Passage {
    /// As it is, but for its type.
    Direct,
    /// As an ISO 8601 date.
    Date,
}

/// What is to be done with a native field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Read it.
    Read,
    /// Give it to a new record, or to a workflow.
    Create,
    /// Change it.
    Update,
    /// Find records by it.
    Search,
}

/// A native field's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NativeKind {
    /// Text.
    Text,
    /// A number.
    Number,
    /// A whole number; a date in it counts milliseconds since 1970.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// `2026-11-23`.
    Date,
    /// `2026-11-23T12:00:00Z`.
    Datetime,
    /// One value of a list.
    Choice,
    /// Values of a list, separated by `;`.
    Choices,
    /// JSON with values by name.
    Object,
    /// A JSON list.
    List,
}

/// A native field as plain data: what a connector knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NativeField {
    /// The vendor's own name for it.
    pub name: String,
    /// The name for people.
    pub label: String,
    /// Its type.
    pub kind: NativeKind,
    /// The values it takes, if listed.
    pub choices: Vec<Choice>,
    /// What may be done with it. What lies within another field is only read.
    pub access: Access,
    /// The fields within it.
    pub children: Vec<NativeField>,
}

impl ApiObject {
    /// An object whose fields are not known yet.
    pub fn new(slug: &str, label_one: &str, label_many: &str) -> Self {
        let (label_one, label_many) = (label_one.to_owned(), label_many.to_owned());
        Self {
            id: number_of(slug),
            slug: slug.to_owned(),
            label_one,
            label_many,
            selector: None,
            workflows: Vec::new(),
        }
    }

    /// The object with its fields.
    #[must_use]
    pub fn described(mut self, fields: &[NativeField]) -> Self {
        self.selector = Some(Selector::root(&self.label_one, &self.slug, fields));
        self
    }
}

impl Selector {
    /// The root of an object's, or a workflow's, tree.
    pub fn root(label: &str, api_name: &str, fields: &[NativeField]) -> Self {
        let access = Access { readable: true, ..Access::default() };
        Self {
            label: Some(label.to_owned()),
            api_name: Some(api_name.to_owned()),
            pointer: None,
            type_label: "object".to_owned(),
            native_type: NativeKind::Object,
            input_types: Vec::new(),
            children: fields.iter().map(|field| Self::of(field, "#", field.access)).collect(),
            choices: Vec::new(),
            access,
        }
    }

    fn of(field: &NativeField, above: &str, access: Access) -> Self {
        let pointer = format!("{above}/properties/{}", field.name.replace('~', "~0").replace('/', "~1"));
        let within = |child: &NativeField| Access { readable: child.access.readable, ..Access::default() };
        Self {
            label: Some(field.label.clone()),
            api_name: Some(field.name.clone()),
            type_label: field.kind.type_label().to_owned(),
            native_type: field.kind,
            input_types: field.kind.input_types(),
            children: field.children.iter().map(|child| Self::of(child, &pointer, within(child))).collect(),
            choices: field.choices.clone(),
            access,
            pointer: Some(pointer),
        }
    }

    /// The field that a pointer refers to; `None` when it has gone.
    pub fn find(&self, pointer: &str) -> Option<&Self> {
        if self.pointer.as_deref() == Some(pointer) {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find(pointer))
    }

    /// Whether the operation may be done with it.
    pub const fn allows(&self, operation: Operation) -> bool {
        match operation {
            Operation::Read => self.access.readable,
            Operation::Create => self.access.createable,
            Operation::Update => self.access.updateable,
            Operation::Search => self.access.searchable,
        }
    }

    /// How a value of the app's type passes; empty when a user may not choose this field for it.
    pub fn passages(&self, simple_type: SimpleType, operation: Operation) -> &[Passage] {
        if self.pointer.is_none() || !self.allows(operation) {
            return &[];
        }
        let input = self.input_types.iter().find(|input| simple_type.matches(input.input_type));
        input.map_or(&[], |input| &input.transformations)
    }

    /// The names on the way from the record to this field: the native property, then keys within its JSON.
    pub fn path(&self) -> Vec<String> {
        let pointer = self.pointer.as_deref().unwrap_or_default();
        let names = pointer.split("/properties/").skip(1);
        names.map(|name| name.replace("~1", "/").replace("~0", "~")).collect()
    }

    /// The native property to write; `None` for the root and for what lies within another field.
    pub fn property(&self) -> Option<String> {
        let mut path = self.path();
        if path.len() == 1 { path.pop() } else { None }
    }
}

impl NativeKind {
    const fn type_label(self) -> &'static str {
        match self {
            Self::Text => "Text",
            Self::Number => "Number",
            Self::Integer => "Whole number",
            Self::Boolean => "Yes or no",
            Self::Date => "Date",
            Self::Datetime => "Date and time",
            Self::Choice => "Choice",
            Self::Choices => "Choices",
            Self::Object => "Object",
            Self::List => "List",
        }
    }

    fn input_types(self) -> Vec<InputType> {
        use Passage::{Date, Direct};
        const TEXT: SimpleType = SimpleType::String(None);
        let moment = SimpleType::String(Some(TextFormat::Datetime));
        let day = SimpleType::String(Some(TextFormat::Date));
        let direct = |all: &[SimpleType]| all.iter().map(|of| (*of, vec![Direct])).collect::<Vec<_>>();
        let dated = || vec![(moment, vec![Date]), (day, vec![Date]), (TEXT, vec![Direct, Date])];
        let feeds = match self {
            Self::Text | Self::Choice => direct(&[TEXT]),
            Self::Number => direct(&[SimpleType::Number, TEXT]),
            Self::Integer => [direct(&[SimpleType::Integer, SimpleType::Number]), dated()].concat(),
            Self::Boolean => direct(&[SimpleType::Boolean, TEXT]),
            Self::Date | Self::Datetime => dated(),
            Self::Choices => direct(&[SimpleType::Array(Some(JsonType::String)), SimpleType::Array(None), TEXT]),
            Self::Object => direct(&[SimpleType::Object]),
            Self::List => direct(&[SimpleType::Array(Some(JsonType::Object)), SimpleType::Array(None)]),
        };
        feeds.into_iter().map(|(input_type, transformations)| InputType { input_type, transformations }).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    proptest! {
        #[test]
        fn a_pointer_leads_back_to_its_names(outer in "[a-z~/]{1,12}|/properties/", inner in "[a-z~/]{1,12}|#") {
            let mut tree = field(&outer, "Outer", NativeKind::Object);
            tree.children = vec![field(&inner, "Inner", NativeKind::Text)];
            let root = Selector::root("Thing", "things", &[tree]);
            let child = &root.children[0].children[0];
            prop_assert_eq!(child.path(), vec![outer, inner]);
            prop_assert_eq!(root.find(child.pointer.as_deref().unwrap()), Some(child));
        }
    }

    /// A writable, searchable field.
    pub fn field(name: &str, label: &str, kind: NativeKind) -> NativeField {
        let access = Access { readable: true, createable: true, updateable: true, required: false, searchable: true };
        NativeField {
            name: name.to_owned(),
            label: label.to_owned(),
            kind,
            choices: Vec::new(),
            access,
            children: Vec::new(),
        }
    }

    /// Deals as a CRM might have them: a required name, a stage with two values, what cannot be written, and a tree.
    pub fn deals() -> ApiObject {
        let mut name = field("dealname", "Deal name", NativeKind::Text);
        name.access.required = true;
        let mut stage = field("stage", "Deal stage", NativeKind::Choice);
        stage.choices = ["open:Open", "won:Closed won"]
            .map(|pair| pair.split_once(':').unwrap())
            .map(|(value, label)| Choice { label: label.to_owned(), value: value.to_owned() })
            .to_vec();
        let mut created = field("createdate", "Create date", NativeKind::Datetime);
        created.access = Access { readable: true, searchable: true, ..Access::default() };
        let mut site = field("site", "Site", NativeKind::Object);
        site.children = vec![field("city/town", "City", NativeKind::Text)];
        let fields = [
            name,
            stage,
            created,
            site,
            field("amount", "Amount", NativeKind::Number),
            field("closedate", "Close Date", NativeKind::Date),
            field("signed", "Signed", NativeKind::Boolean),
            field("tags", "Tags", NativeKind::Choices),
            field("sent_ms", "Sent", NativeKind::Integer),
        ];
        ApiObject::new("deals", "Deal", "Deals").described(&fields)
    }

    #[test]
    fn a_described_object_has_the_shape_of_the_wire() {
        let deals = serde_json::to_value(deals()).unwrap();
        assert_eq!((&deals["label_one"], &deals["label_many"]), (&json!("Deal"), &json!("Deals")));
        let root = &deals["selector"];
        assert_eq!((&root["pointer"], &root["type_label"]), (&json!(null), &json!("object")));
        assert_eq!(
            root["children"][1],
            json!({
                "label": "Deal stage", "api_name": "stage", "pointer": "#/properties/stage", "type_label": "Choice",
                "native_type": "choice",
                "input_types": [{"input_type": {"type": "string", "format": null}, "transformations": ["direct"]}],
                "enum": [{"label": "Open", "value": "open"}, {"label": "Closed won", "value": "won"}],
                "readable": true, "createable": true, "updateable": true, "required": false, "searchable": true
            })
        );
        assert_eq!(serde_json::from_value::<ApiObject>(deals).unwrap(), tests::deals());
    }

    #[test]
    fn a_field_is_chosen_by_type_and_operation() {
        let deals = deals();
        let root = deals.selector.as_ref().unwrap();
        let passages = |name: &str, simple, operation| {
            root.find(&format!("#/properties/{name}")).unwrap().passages(simple, operation).to_vec()
        };
        let moment = SimpleType::String(Some(TextFormat::Datetime));
        assert_eq!(passages("closedate", moment, Operation::Update), [Passage::Date]);
        assert_eq!(passages("closedate", SimpleType::String(None), Operation::Read), [Passage::Direct, Passage::Date]);
        assert_eq!(passages("createdate", moment, Operation::Update), []);
        assert_eq!(passages("dealname", moment, Operation::Update), []);
        assert_eq!(passages("sent_ms", SimpleType::Number, Operation::Create), [Passage::Direct]);
        assert_eq!(root.passages(SimpleType::Object, Operation::Read), []);
    }

    #[test]
    fn what_lies_within_a_field_is_read_and_never_written() {
        let deals = deals();
        let city = deals.selector.as_ref().unwrap().find("#/properties/site/properties/city~1town").unwrap();
        assert_eq!((city.path(), city.property()), (vec!["site".to_owned(), "city/town".to_owned()], None));
        assert!(city.allows(Operation::Read) && !city.allows(Operation::Update));
        assert!(deals.selector.as_ref().unwrap().find("#/properties/none").is_none());
    }
}
