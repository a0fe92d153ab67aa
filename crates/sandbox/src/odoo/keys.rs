//! API keys and sessions. Source: "External JSON-2 API", API keys.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::database::Database;
use super::refusal::Refusal;
use super::times;

/// Keys that one user may have made over the API.
const KEYS_MAX: usize = 10;
/// Sessions that are remembered at most.
const SESSIONS_MAX: usize = 10_000;

/// Everything an app needs to call the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// The API key: a bearer token under JSON-2, the password under JSON-RPC.
    pub access_token: String,
    /// The database it opens.
    pub database: String,
    /// The user it was made for.
    pub login: String,
    /// When it stops working, in microseconds since the epoch by Odoo's clock.
    pub expires_us: i64,
}

/// Every key that was ever issued, with the end of its life, and who is logged in.
#[derive(Debug, Default)]
pub(super) struct Keys {
    issued: BTreeMap<String, i64>,
    made_by_api: usize,
    sessions: BTreeSet<String>,
    pub(super) revoked: bool,
}

impl Database {
    /// Makes a key of the API user.
    pub(super) fn grant(&mut self) -> Tokens {
        self.keys.revoked = false;
        let expires_us = self.now_us() + self.settings.key_life_us;
        let access_token = self.new_key(expires_us);
        let (database, login) = (self.settings.database.clone(), self.settings.login.clone());
        Tokens { access_token, database, login, expires_us }
    }

    fn new_key(&mut self, expires_us: i64) -> String {
        let mut key = self.rng.token(3);
        key.truncate(40);
        self.keys.issued.insert(key.clone(), expires_us);
        key
    }

    /// Whether a key opens the database.
    pub(super) fn is_key(&self, key: &str) -> bool {
        let alive = match self.keys.issued.get(key) {
            Some(expires_us) => self.now_us() < *expires_us,
            None => self.settings.accepts_any_token && crate::wire::is_any_token(key),
        };
        alive && !self.keys.revoked
    }

    /// Whether a password, or a key in its place, opens the database.
    pub(super) fn is_password(&self, password: &str) -> bool {
        password == self.settings.password || self.is_key(password)
    }

    /// Every key ends now.
    pub(super) fn expire_keys(&mut self) {
        let now_us = self.now_us();
        self.keys.issued.values_mut().for_each(|expires_us| *expires_us = (*expires_us).min(now_us));
    }

    /// `res.users.apikeys.generate`.
    pub(super) fn generate_key(&mut self, key: &str, until: Option<&Value>) -> Result<String, Refusal> {
        if !self.is_key(key) {
            return Err(Refusal::access("The provided API key is invalid or does not belong to the current user."));
        }
        if self.keys.made_by_api == KEYS_MAX {
            return Err(Refusal::user(format!("Limit of {KEYS_MAX} API keys is reached for programmatic creation")));
        }
        let Some(until) = until.and_then(Value::as_str) else {
            return Err(Refusal::user("The API key must have an expiration date"));
        };
        let until =
            times::compared(until).ok_or_else(|| Refusal::value(format!("Invalid isoformat string: '{until}'")))?;
        let most = self.now_us() + self.settings.key_life_us;
        if until > most || until <= self.now_us() {
            return Err(Refusal::user(format!(
                "You cannot exceed {} days.",
                self.settings.key_life_us / 86_400_000_000
            )));
        }
        self.keys.made_by_api += 1;
        Ok(self.new_key(until))
    }

    /// `res.users.apikeys.revoke`.
    pub(super) fn revoke_key(&mut self, key: &str) -> Result<(), Refusal> {
        if !self.is_key(key) {
            return Err(Refusal::access("The provided API key is invalid."));
        }
        self.keys.issued.insert(key.to_owned(), i64::MIN);
        Ok(())
    }

    /// Logs the API user in; answers the session's id.
    pub(super) fn log_in(&mut self) -> String {
        if self.keys.sessions.len() >= SESSIONS_MAX {
            self.keys.sessions.clear();
        }
        let id = self.rng.token(3);
        self.keys.sessions.insert(id.clone());
        id
    }

    pub(super) fn is_session(&self, id: &str) -> bool {
        self.keys.sessions.contains(id) && !self.keys.revoked
    }

    pub(super) fn log_out(&mut self, id: &str) {
        self.keys.sessions.remove(id);
    }
}
