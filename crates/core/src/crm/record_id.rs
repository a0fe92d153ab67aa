//! The id of a record on the CRM API: `Opportunity:09878`.
//!
//! It names the native object, so it outlives a change of the mapping; a record of another native object than the
//! mapped one is not found.

use std::fmt;
use std::str::FromStr;

use crate::limits::{EXTERNAL_ID_CHARS_MAX, fits};

/// A native object's name and a record's id there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecordId {
    object: String,
    id: String,
}

/// Text that is no record id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a record id such as Contact:123")]
pub struct BadRecordId;

impl RecordId {
    /// A record of a native object. The object's name holds no colon; the id may.
    ///
    /// # Errors
    /// A part that is empty, over 255 characters, holds a control character or would leave its place in a path (`.` and
    /// `..`), or an object's name with a colon.
    pub fn new(object: &str, id: &str) -> Result<Self, BadRecordId> {
        let sound = |part: &str| {
            !matches!(part, "" | "." | "..") && fits(part, EXTERNAL_ID_CHARS_MAX) && !part.chars().any(char::is_control)
        };
        if !sound(object) || object.contains(':') || !sound(id) {
            return Err(BadRecordId);
        }
        Ok(Self { object: object.to_owned(), id: id.to_owned() })
    }

    /// The native object's name, as [`super::ApiObject::slug`] has it.
    pub fn object(&self) -> &str {
        &self.object
    }

    /// The vendor's id.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl FromStr for RecordId {
    type Err = BadRecordId;
    fn from_str(text: &str) -> Result<Self, BadRecordId> {
        let (object, id) = text.split_once(':').ok_or(BadRecordId)?;
        Self::new(object, id)
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.object, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_names_its_object_up_to_the_first_colon() {
        let id: RecordId = "deals:a:1".parse().unwrap();
        assert_eq!((id.object(), id.id()), ("deals", "a:1"));
        for bad in [
            "",
            "deals",
            ":1",
            "deals:",
            "de\nals:1",
            "deals:.",
            "deals:..",
            "..:1",
            &format!("deals:{}", "9".repeat(256)),
        ] {
            assert_eq!(bad.parse::<RecordId>(), Err(BadRecordId), "{bad}");
        }
        assert_eq!(RecordId::new("a:b", "1"), Err(BadRecordId));
    }

    proptest! {
        #[test]
        fn what_was_printed_is_read_again(object in "[^.:\\p{Cc}]{1,20}", id in "[^.\\p{Cc}]{1,20}") {
            let record = RecordId::new(&object, &id).unwrap();
            prop_assert_eq!(record.to_string().parse::<RecordId>(), Ok(record));
        }
    }
}
