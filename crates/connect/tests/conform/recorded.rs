//! Answers that vendors gave, and a door that gives them again. `LOCKSTEP_SPECS` names the folder with the vendors'
//! contracts and recorded answers; without it the tests that need one say so and end.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use lockstep_connect::{Answer, Call, Door, Fault, Session};
use lockstep_core::env::{Env, Time};
use serde_json::Value as Json;

/// A door that gives its answers one after the other.
struct Recorded(Mutex<VecDeque<(u16, Json)>>, Time);

#[async_trait]
impl Door for Recorded {
    async fn send(&self, _: Call) -> Result<Answer, Fault> {
        let (status, body) = self.0.lock().expect("the answers").pop_front().expect("one more answer");
        Ok(Answer { status, headers: http::HeaderMap::new(), body, sent_at: self.1 })
    }
}

/// A session on these answers.
pub fn session(answers: impl IntoIterator<Item = (u16, Json)>) -> Session {
    let (env, _) = Env::manual(Time::from_secs(1_795_348_800), 1);
    Session { door: Arc::new(Recorded(Mutex::new(answers.into_iter().collect()), env.now())), env }
}

/// A file of the folder; `None` when the folder is not here.
pub fn stored(path: &str) -> Option<Json> {
    let Some(specs) = std::env::var_os("LOCKSTEP_SPECS").map(PathBuf::from) else {
        println!("skipped: LOCKSTEP_SPECS does not name the folder with the recorded answers");
        return None;
    };
    let path = specs.join(path);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Some(serde_json::from_str(&text).expect("JSON"))
}

pub fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
