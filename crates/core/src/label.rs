//! The inbox's label: a coloured name of a team, for contacts and conversations alike.

use serde::{Deserialize, Serialize};

use crate::env::Time;
use crate::ids::{LabelId, TeamId};
use crate::limits;
use crate::problem::{Code, Problem};
use crate::text;

/// A label. Its name is unique within its team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Its id.
    pub id: LabelId,
    /// The team that it belongs to.
    pub team: TeamId,
    /// What people call it, as it was typed.
    pub name: String,
    /// How it looks.
    pub color: Color,
    /// When it was made.
    pub created_at: Time,
    /// When its name or colour last changed.
    pub updated_at: Time,
}

/// What is given to make a label, checked already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLabel {
    /// See [`Label::team`].
    pub team: TeamId,
    /// See [`Label::name`].
    pub name: String,
    /// See [`Label::color`].
    pub color: Color,
}

/// The colours that a label can have, as Kirim's OpenAPI lists them (operation `labels`, POST).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the colour of its name")]
pub enum Color {
    #[default]
    Gray,
    Red,
    Orange,
    Amber,
    Yellow,
    Lime,
    Green,
    Emerald,
    Teal,
    Sky,
    Blue,
    Violet,
    Pink,
}

impl Color {
    /// Every colour, in the order of the documentation.
    pub const ALL: [Self; 13] = [
        Self::Gray,
        Self::Red,
        Self::Orange,
        Self::Amber,
        Self::Yellow,
        Self::Lime,
        Self::Green,
        Self::Emerald,
        Self::Teal,
        Self::Sky,
        Self::Blue,
        Self::Violet,
        Self::Pink,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gray => "gray",
            Self::Red => "red",
            Self::Orange => "orange",
            Self::Amber => "amber",
            Self::Yellow => "yellow",
            Self::Lime => "lime",
            Self::Green => "green",
            Self::Emerald => "emerald",
            Self::Teal => "teal",
            Self::Sky => "sky",
            Self::Blue => "blue",
            Self::Violet => "violet",
            Self::Pink => "pink",
        }
    }

    /// Reads the name on the wire.
    ///
    /// # Errors
    /// [`Code::InvalidFieldValue`] with `param` `color`.
    pub fn parse(name: &str) -> Result<Self, Problem> {
        Self::ALL.into_iter().find(|color| color.as_str() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            Problem::of(Code::InvalidFieldValue, "color", format!("color must be one of {names}."))
        })
    }
}

/// Checks a label's name: 1 to [`limits::LABEL_NAME_CHARS_MAX`] characters without control characters.
///
/// # Errors
/// [`Code::InvalidFieldValue`] with `param` `name`.
pub fn check_name(name: &str) -> Result<(), Problem> {
    let printable = !name.trim().is_empty() && !name.chars().any(char::is_control);
    if printable && limits::fits(name, limits::LABEL_NAME_CHARS_MAX) {
        return Ok(());
    }
    let message = format!("name must be 1 to {} characters without control characters.", limits::LABEL_NAME_CHARS_MAX);
    Err(Problem::of(Code::InvalidFieldValue, "name", message))
}

/// What makes a name unique within a team: case, surrounding white space and the way letters are composed do not count.
pub fn name_key(name: &str) -> String {
    text::clean(&text::clean(name).to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn colours_are_written_as_they_are_read() {
        for color in Color::ALL {
            assert_eq!(Color::parse(color.as_str()), Ok(color));
            assert_eq!(serde_json::to_value(color).unwrap(), color.as_str());
        }
        assert_eq!(Color::parse("Gray").unwrap_err().param.as_deref(), Some("color"));
        assert_eq!(Color::default(), Color::Gray);
    }

    #[test]
    fn names_have_a_length_and_no_control_characters() {
        assert!(check_name("VIP").is_ok() && check_name(&"é".repeat(50)).is_ok());
        for name in ["", "  ", "a\0b", "a\nb", &"é".repeat(51)] {
            assert_eq!(check_name(name).unwrap_err().param.as_deref(), Some("name"), "{name:?}");
        }
    }

    #[test]
    fn names_that_people_would_confuse_are_one() {
        assert_eq!(name_key(" VIP "), name_key("vip"));
        assert_eq!(name_key("Cafe\u{301}"), name_key("CAFÉ"));
        assert_ne!(name_key("cafe"), name_key("café"));
    }

    proptest! {
        #[test]
        fn a_key_is_its_own_key(name in any::<String>()) {
            prop_assert_eq!(name_key(&name_key(&name)), name_key(&name));
        }
    }
}
