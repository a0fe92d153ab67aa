//! Cookies that come back to this very server and nowhere else.

use std::time::Duration;

use axum::http::{HeaderMap, header};

use crate::app::App;

fn is_https(app: &App) -> bool {
    app.settings.public_url.starts_with("https:")
}

/// Browsers take a name with this prefix only over https and from this very host (RFC 6265bis, section 4.1.3.2).
fn full(app: &App, name: &str) -> String {
    let prefix = if is_https(app) { "__Host-" } else { "" };
    format!("{prefix}{name}")
}

/// The value of `Set-Cookie`; no life at all takes the cookie away.
pub fn set(app: &App, name: &str, value: &str, life: Duration) -> String {
    let secure = if is_https(app) { "; Secure" } else { "" };
    let (name, secs) = (full(app, name), life.as_secs());
    format!("{name}={value}; Path=/; Max-Age={secs}; HttpOnly; SameSite=Lax{secure}")
}

/// What the browser brought back under this name.
pub fn find<'a>(app: &App, headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let name = full(app, name);
    let texts = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}
