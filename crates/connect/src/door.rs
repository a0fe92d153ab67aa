//! The only way out.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use http::HeaderName;
use lockstep_core::env::{Env, Time};
use secrecy::SecretString;
use serde_json::Value as Json;

use crate::fault::Fault;

/// Sends one call. What stands behind it adds the address, the authorisation with single-flight refresh, the pacing,
/// the time and size limits, redaction and tracing. In tests it ends in the sandbox's router, in memory.
#[async_trait]
pub trait Door: Send + Sync {
    /// Sends the call and answers with whatever the vendor said, refusals included.
    ///
    /// # Errors
    /// Only what kept an answer from coming: no budget (nothing was sent), no grant, no connection, a lost answer.
    async fn send(&self, call: Call) -> Result<Answer, Fault>;

    /// What the connector keeps of this connection between its calls; none where nothing is kept.
    fn memory(&self) -> Option<&Memory> {
        None
    }
}

/// What a connector keeps of one connection, such as where things lie in the account, so that it need not ask before
/// each call. It is never needed, only spares calls, and ends with the process.
#[derive(Debug, Default)]
pub struct Memory(Mutex<BTreeMap<String, (Time, Arc<Json>)>>);

impl Memory {
    /// How many things are kept; one more makes room by forgetting all.
    pub const THINGS_MAX: usize = 100;

    /// What was kept under the name, unless that was longer ago.
    pub fn recall(&self, name: &str, now: Time, age_max: Duration) -> Option<Arc<Json>> {
        let things = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, thing) = things.get(name)?;
        // A clock that was set back says nothing about the age.
        (*at <= now && now.since(*at) <= age_max).then(|| thing.clone())
    }

    /// Keeps a thing under the name.
    pub fn keep(&self, name: &str, now: Time, thing: Json) {
        let mut things = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if things.len() >= Self::THINGS_MAX {
            things.clear();
        }
        things.insert(name.to_owned(), (now, Arc::new(thing)));
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// What a connector's method gets.
#[derive(Clone)]
pub struct Session {
    /// The way out, bound to one connection.
    pub door: Arc<dyn Door>,
    /// Time for cursors.
    pub env: Env,
}

/// One call, as plain data.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The path below the vendor's base address, with its query, percent-encoded already.
    pub path: String,
    /// The JSON body.
    pub body: Option<Json>,
    /// The limiter it counts against.
    pub window: Window,
    /// Whether repeating it could do harm: decides what a lost answer means.
    pub effect: bool,
    /// What the vendor knows a repeated call by, where it has keys for that.
    pub key: Option<String>,
}

impl Call {
    /// A call that only reads.
    pub fn read(method: Method, path: impl Into<String>, body: Option<Json>) -> Self {
        Self { method, path: path.into(), body, window: Window::General, effect: false, key: None }
    }

    /// A call that changes something.
    pub fn write(method: Method, path: impl Into<String>, body: Option<Json>) -> Self {
        Self { effect: true, ..Self::read(method, path, body) }
    }

    /// The same call, counted as a search.
    #[must_use]
    pub fn as_search(self) -> Self {
        Self { window: Window::Search, ..self }
    }
}

impl Call {
    /// The call as it is, with a secret in a header.
    #[must_use]
    pub fn proven_by(&self, name: HeaderName, secret: impl Into<SecretString>) -> Proven {
        Proven { path: self.path.clone(), headers: vec![(name, secret.into())], body: self.body.clone() }
    }
}

/// The methods that vendors use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// PATCH
    Patch,
    /// PUT
    Put,
    /// DELETE
    Delete,
}

impl Method {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// The vendor's limiter that a call counts against; [`crate::About`] has its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// The account's general limit.
    General,
    /// The separate limit of searches.
    Search,
}

/// A call with what shows the vendor who makes it.
#[derive(Clone, Debug)]
pub struct Proven {
    /// The path below the vendor's base address, with its query.
    pub path: String,
    /// Headers with what is secret in them.
    pub headers: Vec<(HeaderName, SecretString)>,
    /// The JSON body; the secret may stand in it.
    pub body: Option<Json>,
}

/// What an answer tells of the general limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// What the window allows.
    pub max: u32,
    /// What is left of it.
    pub remaining: u32,
}

/// The vendor's answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: http::HeaderMap,
    /// The body; `Null` where it was empty. A body that is not JSON is text, so that its first words can be shown.
    pub body: Json,
    /// Our clock when the call was sent.
    pub sent_at: Time,
}

impl Answer {
    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A header with a number in it.
    pub(crate) fn figure<N: FromStr>(&self, name: &str) -> Option<N> {
        self.header(name)?.trim().parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_grows_old_and_is_never_much() {
        let (memory, minute) = (Memory::default(), Duration::from_secs(60));
        memory.keep("a", Time::from_secs(100), Json::from(1));
        assert_eq!(memory.recall("a", Time::from_secs(160), minute).as_deref(), Some(&Json::from(1)));
        assert!(memory.recall("a", Time::from_secs(161), minute).is_none(), "too old");
        assert!(memory.recall("a", Time::from_secs(99), minute).is_none(), "the clock was set back");
        for n in 0..2 * Memory::THINGS_MAX {
            memory.keep(&n.to_string(), Time::from_secs(100), Json::Null);
        }
        assert!(memory.0.lock().expect("the things").len() <= Memory::THINGS_MAX);
        memory.clear();
        assert!(memory.recall("1", Time::from_secs(100), minute).is_none());
    }
}
