//! Absent, null and a value are three things.

use serde::{Deserialize, Deserializer};

/// What a request says about one field. With `#[serde(default)]` on the member, an absent member is [`Patch::Keep`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// The member was absent: leave the field alone.
    #[default]
    Keep,
    /// The member was null: clear the field.
    Clear,
    /// The member had a value.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether the field is to be left alone.
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The field after the patch.
    pub fn apply(self, old: Option<T>) -> Option<T> {
        match self {
            Self::Keep => old,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }

    /// Converts the value, or says why it will not do.
    ///
    /// # Errors
    /// Whatever `convert` answers for the value.
    pub fn try_map<U, E>(self, convert: impl FnOnce(T) -> Result<U, E>) -> Result<Patch<U>, E> {
        Ok(match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(convert(value)?),
        })
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Body {
        #[serde(default)]
        name: Patch<String>,
    }

    #[test]
    fn absent_null_and_a_value_are_three_things() {
        let read = |json: &str| serde_json::from_str::<Body>(json).map(|body| body.name);
        assert_eq!(read("{}").unwrap(), Patch::Keep);
        assert_eq!(read(r#"{"name":null}"#).unwrap(), Patch::Clear);
        assert_eq!(read(r#"{"name":"Ana"}"#).unwrap(), Patch::Set("Ana".to_owned()));
        assert!(read(r#"{"name":1}"#).is_err());
    }

    #[test]
    fn a_patch_applies_and_converts_only_its_value() {
        assert_eq!(Patch::Keep.apply(Some(1)), Some(1));
        assert_eq!(Patch::Clear.apply(Some(1)), None);
        assert_eq!(Patch::Set(2).apply(None), Some(2));
        assert_eq!(Patch::Set("7").try_map(str::parse::<u8>), Ok(Patch::Set(7)));
        assert!(Patch::Set("x").try_map(str::parse::<u8>).is_err());
        assert_eq!(Patch::<&str>::Clear.try_map(str::parse::<u8>), Ok(Patch::Clear));
    }
}
