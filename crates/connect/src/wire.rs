//! What travels alike to and from every vendor. What a vendor's bodies look like is in its own `wire`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::about::About;
use crate::door::{Answer, Call, Session};
use crate::fault::{Fault, FaultClass};

/// What is encoded in a path or a query: names and most ids travel as they are.
const IN_PATH: AsciiSet = NON_ALPHANUMERIC.remove(b'_').remove(b'-');

/// A text as a part of a path or a query.
pub(crate) fn in_path(part: &str) -> PercentEncode<'_> {
    utf8_percent_encode(part, &IN_PATH)
}

/// Sends a call; a refusal becomes a fault, which the vendor tells from the answer and whether the call had an effect.
pub(crate) async fn send(session: &Session, call: Call, refusal: fn(&Answer, bool) -> Fault) -> Result<Answer, Fault> {
    let effect = call.effect;
    let answer = session.door.send(call).await?;
    if (200..300).contains(&answer.status) { Ok(answer) } else { Err(refusal(&answer, effect)) }
}

/// Reads an answer's body. After a write, an answer that cannot be read is as good as lost.
pub(crate) fn read<T: DeserializeOwned>(vendor: &About, body: Json, effect: bool) -> Result<T, Fault> {
    let is_json = !matches!(body, Json::String(_) | Json::Null);
    serde_json::from_value(body).map_err(|error| unreadable(vendor, is_json, effect, &error.to_string()))
}

/// The fault of an answer that cannot be read. One that is not even JSON was cut, or is a proxy's page.
pub(crate) fn unreadable(vendor: &About, is_json: bool, effect: bool, reason: &str) -> Fault {
    let class = match (effect, is_json) {
        (true, _) => FaultClass::Unknown,
        (false, false) => FaultClass::Busy,
        (false, true) => FaultClass::Bug,
    };
    Fault::new(class, "UNREADABLE_ANSWER", format!("{}'s answer could not be read: {reason}.", vendor.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_cannot_be_read_is_lost_after_a_write_only() {
        let hubspot = crate::registry::find("hubspot").expect("HubSpot").about();
        let class = |body: &Json, effect| read::<Vec<u8>>(hubspot, body.clone(), effect).expect_err("unreadable").class;
        let (page, other) = (Json::from("<html>"), Json::from(true));
        assert_eq!([&page, &other].map(|body| class(body, true)), [FaultClass::Unknown; 2]);
        assert_eq!(
            [&page, &Json::Null, &other].map(|body| class(body, false)),
            [FaultClass::Busy, FaultClass::Busy, FaultClass::Bug]
        );
    }
}
