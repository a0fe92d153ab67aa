//! The methods that both protocols reach, by name and with the names of their parameters.

use serde_json::{Map, Value, json};

use super::database::{Caller, Database};
use super::refusal::Refusal;
use super::schema::Model;
use super::search::Search;
use super::values;

/// Records one call may make or read at most.
pub(super) const ROWS_MAX: usize = 100_000;

/// A method: its name, whether it works on records, its parameters in order, and how many of them must be given.
pub(super) struct Method {
    pub(super) name: &'static str,
    pub(super) on_records: bool,
    params: &'static [&'static str],
    required: usize,
    /// Takes parameters beside those named.
    open: bool,
    /// The model that alone has it.
    of: Option<&'static str>,
}

const fn model_method(name: &'static str, params: &'static [&'static str], required: usize) -> Method {
    Method { name, on_records: false, params, required, open: false, of: None }
}

const fn record_method(name: &'static str, params: &'static [&'static str], required: usize) -> Method {
    Method { name, on_records: true, params, required, open: false, of: None }
}

/// Every method there is.
pub(super) const METHODS: [Method; 25] = [
    model_method("search", &["domain", "offset", "limit", "order", "count"], 1),
    model_method("search_count", &["domain", "limit"], 1),
    model_method("search_read", &["domain", "fields", "offset", "limit", "order"], 0),
    record_method("read", &["fields", "load"], 0),
    model_method("create", &["vals_list"], 1),
    record_method("write", &["vals"], 1),
    record_method("unlink", &[], 0),
    record_method("exists", &[], 0),
    model_method("name_search", &["name", "domain", "operator", "limit"], 0),
    model_method("name_create", &["name"], 1),
    record_method("name_get", &[], 0),
    model_method("fields_get", &["allfields", "attributes"], 0),
    model_method("default_get", &["fields"], 1),
    model_method("check_access_rights", &["operation", "raise_exception"], 1),
    record_method("has_access", &["operation"], 1),
    record_method("action_archive", &[], 0),
    record_method("action_unarchive", &[], 0),
    record_method("toggle_active", &[], 0),
    Method { open: true, ..record_method("message_post", &[], 0) },
    Method { of: Some("mail.activity"), ..record_method("action_feedback", &["feedback", "attachment_ids"], 0) },
    Method { of: Some("mail.activity"), ..record_method("action_done", &[], 0) },
    Method { of: Some("crm.lead"), ..record_method("action_set_won", &[], 0) },
    Method { of: Some("crm.lead"), open: true, ..record_method("action_set_lost", &[], 0) },
    Method { of: Some("ir.actions.server"), ..record_method("run", &[], 0) },
    Method { of: Some("res.users"), ..model_method("context_get", &[], 0) },
];

/// One call of a method, with its arguments by name.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) model: String,
    pub(super) method: String,
    pub(super) ids: Vec<u64>,
    pub(super) named: Map<String, Value>,
    pub(super) context: Map<String, Value>,
    /// By JSON-2, which answers records as lists of ids.
    pub(super) is_json2: bool,
    /// A batch is to be cut off: the server dies in the middle, and its transaction with it.
    pub(super) cut: Option<usize>,
}

/// The result of a method and how many rows it carries.
pub(super) type Done = Result<(Value, usize), Refusal>;

/// The method's signature, if the model has it.
pub(super) fn method(model: &Model, name: &str, version: u32) -> Result<&'static Method, Refusal> {
    if name.starts_with('_') {
        let called = if version >= 17 { format!("'{}.{name}'", model.name) } else { name.to_owned() };
        return Err(Refusal::access(format!("Private methods (such as {called}) cannot be called remotely.")));
    }
    let has = |it: &&Method| {
        it.name == name
            && it.of.is_none_or(|of| of == model.name)
            && (name != "message_post" || model.chatter)
            && (!name.contains("active") && !name.contains("archive") || model.has("active"))
    };
    let missing = || {
        let words = if version >= 17 {
            format!("The method '{}.{name}' does not exist", model.name)
        } else {
            format!("type object '{}' has no attribute '{name}'", model.name)
        };
        Refusal::attribute(words)
    };
    METHODS.iter().find(has).ok_or_else(missing)
}

/// Names positional arguments, as Python binds them. Record methods take their ids first.
pub(super) fn bind(method: &Method, args: Vec<Value>, kwargs: Map<String, Value>) -> Result<Asked, Refusal> {
    let mut args = args.into_iter();
    let mut asked = Asked { named: kwargs, ..Asked::default() };
    if method.on_records {
        let ids = args.next().or_else(|| asked.named.remove("ids"));
        asked.ids = ids_of(ids.as_ref());
    }
    // Python counts `self` too, which the ids stand for.
    let given = args.len() + 1;
    for (place, value) in args.enumerate() {
        let name = method.params.get(place).ok_or_else(|| {
            let (least, most) = (method.required + 1, method.params.len() + 1);
            let takes = if least == most { most.to_string() } else { format!("from {least} to {most}") };
            let arguments = if takes == "1" { "argument" } else { "arguments" };
            Refusal::kind(format!("{}() takes {takes} positional {arguments} but {given} were given", method.name))
        })?;
        asked.named.insert((*name).to_owned(), value);
    }
    if let Some(Value::Object(context)) = asked.named.remove("context") {
        asked.context = context;
    }
    Ok(asked)
}

/// One id or a list of them.
pub(super) fn ids_of(value: Option<&Value>) -> Vec<u64> {
    match value {
        Some(Value::Array(ids)) => ids.iter().filter_map(Value::as_u64).take(ROWS_MAX).collect(),
        Some(one) => one.as_u64().into_iter().collect(),
        None => Vec::new(),
    }
}

/// Other names that versions before 17 had for a parameter.
const FORMER: [(&str, &str, &str); 4] = [
    ("search", "args", "domain"),
    ("search_count", "args", "domain"),
    ("name_search", "args", "domain"),
    ("default_get", "fields_list", "fields"),
];

/// Arguments that do not fit a method.
#[derive(Debug)]
pub(super) enum Misfit {
    Unexpected(String),
    Missing(&'static str),
}

impl Misfit {
    /// As a call in Python refuses them.
    pub(super) fn by_python(&self) -> String {
        match self {
            Self::Unexpected(name) => format!("got an unexpected keyword argument '{name}'"),
            Self::Missing(name) => format!("missing 1 required positional argument: '{name}'"),
        }
    }

    /// As Python's `inspect` refuses them, which JSON-2 asks first.
    pub(super) fn by_inspect(&self) -> String {
        match self {
            Self::Unexpected(_) => self.by_python(),
            Self::Missing(name) => format!("missing a required argument: '{name}'"),
        }
    }
}

impl Asked {
    /// Refuses arguments that the method does not have, and misses those it must have.
    pub(super) fn check(&mut self, method: &Method, version: u32) -> Result<(), Misfit> {
        for (_, former, name) in FORMER.iter().filter(|(of, _, _)| *of == method.name) {
            if let Some(value) = self.named.remove(*former) {
                self.named.insert((*name).to_owned(), value);
            }
        }
        // `search` could count until version 16.
        let known = |name: &str| method.params.contains(&name) && (name != "count" || version < 17);
        if let Some(name) = self.named.keys().find(|name| !method.open && !known(name)) {
            return Err(Misfit::Unexpected(name.clone()));
        }
        match method.params.iter().take(method.required).find(|name| !self.named.contains_key(**name)) {
            Some(name) => {
                let former = FORMER.iter().find(|(of, _, now)| *of == method.name && now == name && version < 17);
                Err(Misfit::Missing(former.map_or(*name, |(_, former, _)| *former)))
            }
            None => Ok(()),
        }
    }

    fn get(&self, name: &str) -> &Value {
        self.named.get(name).unwrap_or(&Value::Null)
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.get(name).as_u64().and_then(|number| usize::try_from(number).ok())
    }
}

impl Database {
    /// Does a call in a transaction of its own.
    pub(super) fn call(&mut self, asked: &Asked) -> Done {
        let model = self.model(&asked.model)?;
        let who = Caller::of(&asked.context);
        self.transact(|database| {
            let done = match asked.method.as_str() {
                "search"
                | "search_count"
                | "search_read"
                | "read"
                | "name_search"
                | "name_get"
                | "exists"
                | "fields_get"
                | "default_get"
                | "check_access_rights"
                | "has_access"
                | "context_get" => database.ask(&who, &model, asked),
                _ => database.change(&who, &model, asked),
            }?;
            match asked.cut {
                // The answer is lost anyway; what counts is that nothing stays.
                Some(cut) if cut < done.1 => {
                    Err(Refusal::new(500, "psycopg2.OperationalError", "server closed the connection"))
                }
                _ => Ok(done),
            }
        })
    }

    /// Methods that change nothing.
    fn ask(&mut self, who: &Caller, model: &Model, asked: &Asked) -> Done {
        let search = Search {
            domain: asked.named.get("domain"),
            order: asked.get("order").as_str().filter(|order| !order.is_empty()),
            offset: asked.number("offset").unwrap_or_default(),
            limit: asked.number("limit").filter(|limit| *limit > 0),
        };
        let rows = |rows: Vec<Value>| {
            let count = rows.len();
            Ok((Value::from(rows), count))
        };
        let classic = asked.named.get("load").is_none_or(|load| load == "_classic_read");
        match asked.method.as_str() {
            "search" if values::is_truthy(asked.get("count")) => {
                Ok((self.count(who, model, asked.get("domain"))?.into(), 1))
            }
            "search" => rows(self.search(who, model, &search)?.into_iter().map(Value::from).collect()),
            "search_count" => Ok((self.count(who, model, asked.get("domain"))?.into(), 1)),
            "search_read" => {
                let ids = self.search(who, model, &search)?;
                rows(self.read(who, model, &ids, asked.named.get("fields"), true)?)
            }
            "read" => rows(self.read(who, model, &asked.ids, asked.named.get("fields"), classic)?),
            "exists" => {
                let there = asked.ids.iter().filter(|id| self.tables.get(model.name, **id).is_some());
                rows(there.map(|id| (*id).into()).collect())
            }
            "name_get" => rows(asked.ids.iter().map(|id| self.pair(model.name, *id)).filter(Value::is_array).collect()),
            "name_search" => {
                let name =
                    (asked.get("name").as_str().unwrap_or_default(), asked.get("operator").as_str().unwrap_or("ilike"));
                let limit = asked.number("limit").or(Some(100)).filter(|limit| *limit > 0);
                rows(self.name_search(who, model, name, asked.get("domain"), limit)?)
            }
            "fields_get" => Ok((fields_get(model, asked, self.settings.version), 1)),
            "default_get" => {
                let asked = asked.get("fields").as_array().cloned().unwrap_or_default();
                let defaults =
                    self.defaults(model.name).into_iter().filter(|(name, _)| asked.contains(&name.as_str().into()));
                Ok((Value::Object(defaults.collect()), 1))
            }
            "context_get" => Ok((json!({"lang": "en_US", "tz": "UTC"}), 1)),
            "check_access_rights" | "has_access" => {
                let operation = asked.get("operation").as_str().unwrap_or_default();
                let checked = self.check_access(who, model, operation);
                let raises = asked.method == "check_access_rights"
                    && asked.named.get("raise_exception").is_none_or(values::is_truthy);
                match checked {
                    Err(refusal) if raises => Err(refusal),
                    checked => Ok((checked.is_ok().into(), 1)),
                }
            }
            _ => Ok((Value::Null, 0)),
        }
    }

    /// Methods that change something.
    fn change(&mut self, who: &Caller, model: &std::sync::Arc<Model>, asked: &Asked) -> Done {
        let count = asked.ids.len();
        let set = |name: &str, value: Value| Map::from_iter([(name.to_owned(), value)]);
        // Before 19, JSON-RPC answered one made record by its id alone.
        let one = |id: u64| if asked.is_json2 || self.settings.version >= 19 { json!([id]) } else { id.into() };
        match asked.method.as_str() {
            "create" => self.create_all(who, model, asked),
            "write" => {
                let vals = asked.get("vals").as_object().ok_or_else(|| not_a_dictionary(asked.get("vals")))?;
                self.write(who, model, &asked.ids, vals).map(|()| (true.into(), count))
            }
            "unlink" => self.unlink(who, model, &asked.ids).map(|()| (true.into(), count)),
            "name_create" => {
                let id = self.create(who, model, &set(model.named_by, asked.get("name").clone()))?;
                Ok((self.pair(model.name, id), 1))
            }
            "action_archive" | "action_unarchive" => {
                let active = asked.method == "action_unarchive";
                self.write(who, model, &asked.ids, &set("active", active.into())).map(|()| (Value::Null, count))
            }
            "toggle_active" => {
                for id in &asked.ids {
                    let active = !self.row(who, model, *id)?.is_set("active");
                    self.write(who, model, &[*id], &set("active", active.into()))?;
                }
                Ok((Value::Null, count))
            }
            "message_post" => {
                let one = one(0).is_array();
                let id = self.message_post(who, model, &asked.ids, &asked.named)?;
                Ok((if one { json!([id]) } else { id.into() }, 1))
            }
            "action_feedback" | "action_done" => {
                let message = self.finish_activities(who, &asked.ids, asked.get("feedback").as_str())?;
                Ok((message.map_or(Value::Bool(false), Value::from), count))
            }
            "action_set_won" => {
                let won = self.tables.of("crm.stage").find(|(_, row)| row.is_set("is_won")).map(|(id, _)| id);
                self.write(who, model, &asked.ids, &set("stage_id", won.into())).map(|()| (true.into(), count))
            }
            "action_set_lost" => {
                let mut vals = asked.named.clone();
                vals.extend([("active".to_owned(), false.into()), ("probability".to_owned(), 0.into())]);
                let told = if self.settings.version >= 17 { true.into() } else { Value::Null };
                self.write(who, model, &asked.ids, &vals).map(|()| (told, count))
            }
            "run" => self.run_actions(who, &asked.ids).map(|()| (false.into(), count)),
            _ => Ok((Value::Null, 0)),
        }
    }

    fn create_all(&mut self, who: &Caller, model: &std::sync::Arc<Model>, asked: &Asked) -> Done {
        match asked.get("vals_list") {
            Value::Object(vals) => {
                let id = self.create(who, model, vals)?;
                Ok((if asked.is_json2 { json!([id]) } else { id.into() }, 1))
            }
            Value::Array(all) if all.len() <= ROWS_MAX => {
                let mut ids = Vec::with_capacity(all.len());
                for vals in all {
                    let vals = vals.as_object().ok_or_else(|| not_a_dictionary(vals))?;
                    ids.push(self.create(who, model, vals)?);
                }
                let count = ids.len();
                Ok((ids.into(), count))
            }
            other => Err(not_a_dictionary(other)),
        }
    }
}

/// What Python says when something else stands where values should.
fn not_a_dictionary(value: &Value) -> Refusal {
    let kind = match value {
        Value::Array(_) => "list",
        Value::String(_) => "str",
        Value::Bool(_) => "bool",
        Value::Number(_) => "int",
        Value::Null | Value::Object(_) => "NoneType",
    };
    Refusal::attribute(format!("'{kind}' object has no attribute 'get'"))
}

fn fields_get(model: &Model, asked: &Asked, version: u32) -> Value {
    let named = |filter: &Value| filter.as_array().filter(|names| !names.is_empty()).cloned();
    let (names, attributes) = (named(asked.get("allfields")), named(asked.get("attributes")));
    let all = model
        .fields
        .values()
        .filter(|field| names.as_ref().is_none_or(|names| names.contains(&Value::from(&*field.name))));
    let told = all.map(|field| {
        let mut told = field.describe(version);
        if let Some(attributes) = &attributes {
            told.retain(|name, _| attributes.contains(&Value::from(name.as_str())));
        }
        (field.name.to_string(), Value::Object(told))
    });
    Value::Object(told.collect())
}
