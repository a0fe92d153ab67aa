//! Page cursors: opaque, and good only for the organization and the filters that they came from.

use std::fmt::Display;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::Org;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::vault::Place;

/// Longer text is no cursor of ours.
const CURSOR_CHARS_MAX: usize = 512;

/// What a list is asked for, so that its cursors fit no other list.
pub struct Listing<'a> {
    app: &'a App,
    org: &'a Org,
    filters: String,
}

impl<'a> Listing<'a> {
    /// A list of `what`, with its filters in a fixed order.
    pub fn new(app: &'a App, org: &'a Org, what: &str, filters: &[Option<&str>]) -> Self {
        let mut hash = Sha256::new().chain_update(what);
        for filter in filters {
            let text = filter.unwrap_or_default();
            hash.update([u8::from(filter.is_some())]);
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        Self { app, org, filters: hex::encode(hash.finalize()) }
    }

    /// The cursor of the place behind a row: the value that the list is ordered by, and the id that breaks ties. The vault
    /// seals it: nobody can read, alter or make one.
    ///
    /// # Errors
    /// The key ring cannot seal.
    pub fn cursor(&self, key: i64, id: &impl Display) -> Result<String, Problem> {
        let sealed =
            self.app.vault.seal(self.place(), format!("{key} {id}").as_bytes(), &self.app.env).map_err(|error| {
                tracing::error!(%error, "a cursor cannot be sealed");
                Problem::new(Code::InternalError, "The key ring cannot seal the cursor.")
            })?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// The place that a caller's cursor stands for.
    ///
    /// # Errors
    /// [`Code::InvalidCursor`] for text that is no cursor, was altered, or came from another list.
    pub fn position<I: FromStr>(&self, cursor: Option<&str>) -> Result<Option<(i64, I)>, Problem> {
        cursor.map(|cursor| self.read(cursor).ok_or_else(invalid)).transpose()
    }

    fn read<I: FromStr>(&self, cursor: &str) -> Option<(i64, I)> {
        if cursor.len() > CURSOR_CHARS_MAX {
            return None;
        }
        let sealed = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let text = self.app.vault.open(self.place(), &sealed).ok()?;
        let (key, id) = text.expose_secret().split_once(' ')?;
        Some((key.parse().ok()?, id.parse().ok()?))
    }

    fn place(&self) -> Place<'_> {
        Place { table: "cursor", row: self.org.id().as_str(), column: &self.filters }
    }
}

fn invalid() -> Problem {
    let message = "Pass next_cursor back unchanged and with the same filters, or start again without a cursor.";
    Problem::of(Code::InvalidCursor, "cursor", message)
}
