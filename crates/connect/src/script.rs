//! A door with a script, for tests: answers in order, and the calls it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use lockstep_core::env::{Dial, Env, Time};
use serde_json::Value as Json;

use crate::door::{Answer, Call, Door, Session};
use crate::fault::Fault;

/// Our clock at the start of every script: 2026-11-22T12:00:00Z.
pub(crate) const NOON: Time = Time::from_secs(1_795_348_800);

#[derive(Default)]
pub(crate) struct Script {
    lines: Mutex<VecDeque<Line>>,
    calls: Mutex<Vec<Call>>,
    clock: Option<Dial>,
}

/// One answer of the script.
pub(crate) struct Line {
    status: u16,
    headers: http::HeaderMap,
    body: Json,
}

impl Line {
    pub(crate) fn new(status: u16, body: Json) -> Self {
        Self { status, headers: http::HeaderMap::new(), body }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().expect("a header value"));
        self
    }

    /// The vendor's clock as the answer shows it.
    pub(crate) fn date(self, time: Time) -> Self {
        let stamp = jiff::Timestamp::from_microsecond(time.0).expect("a time in range");
        let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&stamp).expect("a date");
        self.header("date", &date)
    }
}

impl Script {
    /// A script, a session on it, and the hand of our clock.
    pub(crate) fn new(lines: impl IntoIterator<Item = Line>) -> (Arc<Self>, Session, Dial) {
        let (env, dial) = Env::manual(NOON, 1);
        let script = Arc::new(Self {
            lines: Mutex::new(lines.into_iter().collect()),
            clock: Some(dial.clone()),
            ..Self::default()
        });
        (script.clone(), Session { door: script, env }, dial)
    }

    pub(crate) fn then(&self, line: Line) {
        self.lines.lock().expect("the script").push_back(line);
    }

    /// The calls since the last look; the script must be at its end.
    pub(crate) fn calls(&self) -> Vec<Call> {
        assert!(self.lines.lock().expect("the script").is_empty(), "the script has answers left");
        std::mem::take(&mut *self.calls.lock().expect("the calls"))
    }

    /// The bodies of the calls since the last look.
    pub(crate) fn bodies(&self) -> Vec<Json> {
        self.calls().into_iter().map(|call| call.body.expect("a body")).collect()
    }
}

#[async_trait]
impl Door for Script {
    async fn send(&self, call: Call) -> Result<Answer, Fault> {
        self.calls.lock().expect("the calls").push(call);
        let line = self.lines.lock().expect("the script").pop_front().expect("one more answer in the script");
        let sent_at = self.clock.as_ref().expect("a clock").now();
        Ok(Answer { status: line.status, headers: line.headers, body: line.body, sent_at })
    }
}
