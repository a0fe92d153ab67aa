//! What a person gives to connect an account.

use std::collections::BTreeMap;

use lockstep_core::limits::{CHANNEL_SETTING_CHARS_MAX, fits};
use lockstep_core::problem::{Code, Problem};
use secrecy::{ExposeSecret, SecretString};

/// One member of a channel's form.
#[derive(Clone, Copy, Debug)]
pub struct FormField {
    /// Its name in requests, such as `app_secret`; the command line writes it with dashes.
    pub name: &'static str,
    /// What it is, for people; one sentence without its dot.
    pub help: &'static str,
    /// Whether nothing works without it.
    pub need: Need,
}

/// Whether a member must be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing can be connected without it.
    Required,
    /// The channel makes one, keeps the one before, or does without.
    Optional,
}

/// A form that was filled in.
#[derive(Debug, Default)]
pub struct Form {
    given: BTreeMap<String, SecretString>,
    /// The secrets that the account was connected with before, where it was.
    pub before: Option<SecretString>,
}

impl Form {
    /// Checks what was given; members that the form does not have are left out.
    ///
    /// # Errors
    /// A required member is missing, or one is longer than [`CHANNEL_SETTING_CHARS_MAX`].
    pub fn check(fields: &[FormField], mut given: BTreeMap<String, SecretString>) -> Result<Self, Problem> {
        given.retain(|name, _| fields.iter().any(|field| field.name == name));
        for field in fields {
            let text = given.get(field.name).map(|text| text.expose_secret().trim());
            match (text.filter(|text| !text.is_empty()), field.need) {
                (Some(text), _) if !fits(text, CHANNEL_SETTING_CHARS_MAX) => {
                    let message = format!("{} has at most {CHANNEL_SETTING_CHARS_MAX} characters.", field.name);
                    return Err(Problem::of(Code::InvalidFieldValue, field.name, message));
                }
                (Some(_), _) => {}
                (None, Need::Required) => {
                    let message = format!("{} is required. It is: {}.", field.name, field.help);
                    return Err(Problem::of(Code::MissingRequiredField, field.name, message));
                }
                (None, Need::Optional) => drop(given.remove(field.name)),
            }
        }
        Ok(Self { given, before: None })
    }

    /// A member, without white space around it.
    pub fn get(&self, name: &str) -> Option<SecretString> {
        self.given.get(name).map(|text| text.expose_secret().trim().into())
    }
}
