//! What the Graph API's refusals mean. Source: "Cloud API error codes" on developers.facebook.com, which says to go by
//! `code` and `error_data.details`: HTTP statuses and titles are no guide.

use std::time::Duration;

use serde::Deserialize;

use crate::channel::{ChannelFault, Outcome};

/// Characters of Meta's words that callers are shown.
const WORDS_CHARS_MAX: usize = 500;
/// "Rate limits": the number's throughput is counted by the second (130429), calls by the hour (4, 80007).
const THROUGHPUT_WAIT: Duration = Duration::from_secs(2);
/// "Pair rate limits": one message to one person in six seconds (131056).
const PAIR_WAIT: Duration = Duration::from_secs(6);
/// For limits that are counted by the hour or the day.
const LIMIT_WAIT: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Refused {
    error: Error,
}

#[derive(Deserialize)]
struct Error {
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    error_user_msg: Option<String>,
    #[serde(default)]
    error_data: Option<Data>,
    #[serde(default)]
    fbtrace_id: Option<String>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    details: Option<String>,
}

/// Reads an answer that is no success.
pub fn read(status: u16, body: &[u8]) -> ChannelFault {
    let Ok(Refused { error }) = serde_json::from_slice(body) else {
        // Not the Graph API's own words: a gateway's, or half of an answer.
        let outcome = match status {
            // It was not let in, or did not come in whole.
            429 => Outcome::NotTaken { retry_after: Some(LIMIT_WAIT) },
            408 => Outcome::NotTaken { retry_after: None },
            500.. => Outcome::Unknown,
            _ => Outcome::Refused,
        };
        return ChannelFault {
            outcome,
            code: format!("http_{status}"),
            message: format!("WhatsApp answered {status} without a reason."),
        };
    };
    tracing::info!(code = error.code, status, trace = error.fbtrace_id, "WhatsApp refused a call: {}", error.message);
    let words = error.error_data.and_then(|data| data.details).or(error.error_user_msg).unwrap_or(error.message);
    let words: String = words.chars().take(WORDS_CHARS_MAX).collect();
    let message = match advice(error.code) {
        Some(advice) => format!("{words} {advice}"),
        None => words,
    };
    ChannelFault {
        outcome: outcome(error.code, status),
        code: error.code.to_string(),
        message: message.trim().to_owned(),
    }
}

/// Whether the message was taken, and whether it ever will be.
fn outcome(code: i64, status: u16) -> Outcome {
    let later = |wait| Outcome::NotTaken { retry_after: Some(wait) };
    match code {
        130_429 => later(THROUGHPUT_WAIT),
        131_056 => later(PAIR_WAIT),
        // Too many calls; the account's limits; the spam limit.
        4 | 80_007 | 80_008 | 131_048 => later(LIMIT_WAIT),
        // Downtime or overload; "failed to send due to an unknown error"; service unavailable; server unavailable;
        // the number moves to a higher throughput.
        2 | 131_000 | 131_016 | 131_057 | 133_004 => Outcome::NotTaken { retry_after: None },
        // "Unable to authenticate the app user"; the access token has expired.
        0 | 190 => Outcome::Disconnected,
        // "Invalid request or possible server error": with a server's status nobody knows.
        1 if status >= 500 => Outcome::Unknown,
        _ => Outcome::Refused,
    }
}

/// What a person can do, where Meta's details do not say.
fn advice(code: i64) -> Option<&'static str> {
    match code {
        0 | 190 => Some("The access token is no longer accepted: connect the number again."),
        3 | 10 | 200..=299 => Some("The access token lacks a permission: it needs whatsapp_business_messaging."),
        368 | 131_031 => Some("Meta has restricted the account: see its quality page in WhatsApp Manager."),
        131_026 => Some("The number may not have WhatsApp, or its owner does not take messages of businesses."),
        131_047 => Some("The customer has not written for 24 hours: send an approved template instead."),
        131_042 => Some("The account has a problem with its payment method."),
        132_000..=132_999 => Some("See the template in WhatsApp Manager."),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: i64, status: u16) -> ChannelFault {
        let body = serde_json::json!({"error": {"message": format!("(#{code}) Title"), "type": "OAuthException",
            "code": code, "error_data": {"messaging_product": "whatsapp", "details": "Details."}, "fbtrace_id": "A"}});
        read(status, body.to_string().as_bytes())
    }

    #[test]
    fn every_code_means_one_thing_whatever_the_status() {
        let secs = |secs| Outcome::NotTaken { retry_after: Some(Duration::from_secs(secs)) };
        for (code, expected) in [
            (130_429, secs(2)),
            (131_056, secs(6)),
            (4, secs(60)),
            (80_007, secs(60)),
            (131_048, secs(60)),
            (2, Outcome::NotTaken { retry_after: None }),
            (131_016, Outcome::NotTaken { retry_after: None }),
            (190, Outcome::Disconnected),
            (0, Outcome::Disconnected),
            (100, Outcome::Refused),
            (131_026, Outcome::Refused),
            (131_047, Outcome::Refused),
            (132_001, Outcome::Refused),
            (368, Outcome::Refused),
            (999_999, Outcome::Refused),
        ] {
            for status in [400, 429, 500] {
                assert_eq!(refusal(code, status).outcome, expected, "{code}");
            }
        }
        assert_eq!(refusal(1, 400).outcome, Outcome::Refused);
        assert_eq!(refusal(1, 500).outcome, Outcome::Unknown);
    }

    #[test]
    fn callers_read_metas_details_and_what_to_do() {
        let fault = refusal(131_047, 400);
        assert_eq!((fault.code.as_str(), fault.message.starts_with("Details. ")), ("131047", true));
        assert_eq!(refusal(100, 400).message, "Details.");
    }

    #[test]
    fn an_answer_that_is_not_metas_leaves_doubt_only_when_a_server_failed() {
        assert_eq!(read(502, b"<html>").outcome, Outcome::Unknown);
        assert_eq!(read(404, b"").outcome, Outcome::Refused);
        assert_eq!(read(429, b"").outcome, Outcome::NotTaken { retry_after: Some(LIMIT_WAIT) });
        assert_eq!(read(408, b"<html>").outcome, Outcome::NotTaken { retry_after: None });
        assert_eq!(read(502, b"{}").code, "http_502");
    }
}
