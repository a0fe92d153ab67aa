//! What the bench programs share: the message that both the load and the servers agree on.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The client secret that webhooks are signed with in the bench.
pub const SECRET: &str = "bench-client-secret";

/// HubSpot's v3 signature: base64 of HMAC-SHA256 over method, URI, body and time-stamp.
///
/// # Errors
/// When the key is refused, which HMAC never does.
pub fn signature_v3(uri: &str, body: &[u8], timestamp_ms: &str) -> Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).context("HMAC takes any key")?;
    mac.update(b"POST");
    mac.update(uri.as_bytes());
    mac.update(body);
    mac.update(timestamp_ms.as_bytes());
    Ok(STANDARD.encode(mac.finalize().into_bytes()))
}

/// The signature of a webhook delivery: hex of HMAC-SHA256 over time-stamp and body.
///
/// # Errors
/// When the key is refused, which HMAC never does.
pub fn delivery_signature(body: &[u8], timestamp_secs: u128) -> Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).context("HMAC takes any key")?;
    mac.update(format!("{timestamp_secs}.").as_bytes());
    mac.update(body);
    Ok(format!("t={timestamp_secs},v1={}", hex::encode(mac.finalize().into_bytes())))
}
