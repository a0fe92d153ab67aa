//! Sources of settings laid over each other: only known keys, only values of the default's type.

use std::io;
use std::path::PathBuf;

use toml::{Table, Value};

use super::defaults;

const ENVIRONMENT_PREFIX: &str = "LOCKSTEP_";

/// Why the settings cannot be used. Each message names the place and the way out.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("{origin} is not valid TOML: {detail}")]
    Syntax {
        /// The file.
        origin: String,
        /// What and where.
        detail: String,
    },
    /// A key or variable that no setting has.
    #[error("{origin}: unknown setting \"{name}\"; did you mean \"{nearest}\"?")]
    Unknown {
        /// The file, or the environment.
        origin: String,
        /// The name as given.
        name: String,
        /// The known name most like it.
        nearest: String,
    },
    /// A value of another type.
    #[error("{origin}: \"{name}\" must be {wanted}")]
    WrongType {
        /// The file, or the environment.
        origin: String,
        /// The setting.
        name: String,
        /// The type it must have.
        wanted: &'static str,
    },
    /// A value of the right type that makes no sense.
    #[error("invalid settings: {0}")]
    Invalid(String),
}

/// One setting: its path in the file and its default.
pub(super) struct Setting {
    pub(super) path: String,
    default: Value,
}

impl Setting {
    pub(super) fn variable(&self) -> String {
        format!("{ENVIRONMENT_PREFIX}{}", self.path.replace('.', "_").to_uppercase())
    }
}

#[expect(clippy::expect_used, reason = "the defaults are part of the program, and a test parses them")]
pub(super) fn known_settings() -> Vec<Setting> {
    let defaults: Table = defaults().parse().expect("the shipped defaults are valid TOML");
    leaves("", defaults)
}

fn leaves(prefix: &str, table: Table) -> Vec<Setting> {
    table
        .into_iter()
        .flat_map(|(key, value)| {
            let path = join(prefix, &key);
            match value {
                Value::Table(inner) => leaves(&path, inner),
                default => vec![Setting { path, default }],
            }
        })
        .collect()
}

fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
}

/// Lays one source over another: only known keys, only values of the default's type.
pub(super) fn overlay(
    under: &mut Table,
    over: Table,
    prefix: &str,
    origin: &str,
    known: &[Setting],
) -> Result<(), ConfigError> {
    for (key, value) in over {
        let path = join(prefix, &key);
        match (under.get_mut(&key), value) {
            (None, _) => {
                let nearest = nearest(&path, known.iter().map(|setting| setting.path.clone()));
                return Err(ConfigError::Unknown { origin: origin.to_owned(), name: path, nearest });
            }
            (Some(Value::Table(inner)), Value::Table(value)) => overlay(inner, value, &path, origin, known)?,
            (Some(slot), value) if slot.same_type(&value) => *slot = value,
            (Some(slot), _) => {
                return Err(ConfigError::WrongType { origin: origin.to_owned(), name: path, wanted: type_words(slot) });
            }
        }
    }
    Ok(())
}

fn type_words(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "text in quotes",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date and time",
        Value::Array(_) => "a list",
        Value::Table(_) => "a section",
    }
}

fn nearest(name: &str, known: impl IntoIterator<Item = String>) -> String {
    known.into_iter().min_by_key(|candidate| strsim::damerau_levenshtein(name, candidate)).unwrap_or_default()
}

/// Takes the variables of known settings. One that is almost such a name is refused as a slip of the pen;
/// others with our prefix may belong to scripts around us.
pub(super) fn from_environment(
    environment: impl IntoIterator<Item = (String, String)>,
    known: &[Setting],
) -> Result<Table, ConfigError> {
    const SLIP_DISTANCE_MAX: usize = 2;
    let mut table = Table::new();
    for (name, text) in environment.into_iter().filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX)) {
        let Some(setting) = known.iter().find(|setting| setting.variable() == name) else {
            let nearest = nearest(&name, known.iter().map(Setting::variable));
            if strsim::damerau_levenshtein(&name, &nearest) <= SLIP_DISTANCE_MAX {
                return Err(ConfigError::Unknown { origin: "the environment".to_owned(), name, nearest });
            }
            continue;
        };
        let value = typed(&text, &setting.default).ok_or(ConfigError::WrongType {
            origin: "the environment".to_owned(),
            name,
            wanted: type_words(&setting.default),
        })?;
        insert(&mut table, &setting.path, value);
    }
    Ok(table)
}

fn typed(text: &str, like: &Value) -> Option<Value> {
    Some(match like {
        Value::Integer(_) => Value::Integer(text.trim().parse().ok()?),
        Value::Float(_) => Value::Float(text.trim().parse().ok()?),
        Value::Boolean(_) => Value::Boolean(text.trim().parse().ok()?),
        Value::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
        }
        Value::String(_) | Value::Datetime(_) | Value::Table(_) => Value::String(text.to_owned()),
    })
}

/// Puts a value at a dotted path, making the sections on the way.
pub fn insert(table: &mut Table, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            table.insert(path.to_owned(), value);
        }
        Some((section, rest)) => {
            let inner = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}
