//! The files that the frame loads, and link.js for the pages of apps; built into the program.

use askama::Template;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::accent;
use super::screens::initial;
use crate::ops::crm::connections;
use crate::wire::files::{PICTURE, SCRIPT, STYLE, answer};
use crate::wire::inbox::extract::Segments;

/// Every file: its name, its type and what it holds.
const FILES: [(&str, &str, &[u8]); 7] = [
    ("htmx-4.0.1.min.js", SCRIPT, include_bytes!("../../assets/htmx-4.0.1.min.js")),
    ("frame.js", SCRIPT, include_bytes!("../../assets/link/frame.js")),
    ("picker.js", SCRIPT, include_bytes!("../../assets/link/picker.js")),
    ("returned.js", SCRIPT, include_bytes!("../../assets/link/returned.js")),
    ("tokens.css", STYLE, include_bytes!("../../assets/link/tokens.css")),
    ("link.css", STYLE, include_bytes!("../../assets/link/link.css")),
    ("icons.svg", PICTURE, include_bytes!("../../assets/link/icons.svg")),
];

/// Which origins may load a file.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// `GET /link/assets/{name}`
pub async fn file(Segments(name): Segments<String>, headers: HeaderMap) -> Response {
    match FILES.iter().find(|(known, ..)| *known == name) {
        Some((_, kind, bytes)) => answer(kind, bytes, &headers),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// `GET /link/accent/{colour}.css`: the accent of an app, made readable.
pub async fn colours(Segments(name): Segments<String>) -> Response {
    let Some(sheet) = name.strip_suffix(".css").and_then(accent::sheet) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    ([(header::CONTENT_TYPE, STYLE), (header::CACHE_CONTROL, "max-age=86400")], sheet).into_response()
}

/// What stands for a CRM where an app shows it: its letter, as in CRM Link. Vendors' logos are theirs.
#[derive(Template)]
#[template(path = "link/mark.svg")]
struct Mark {
    name: &'static str,
    initial: String,
}

/// `GET /link/marks/{crm}.svg`
pub async fn mark(Segments(name): Segments<String>) -> Response {
    let known = name.strip_suffix(".svg").and_then(|slug| connections::connector(slug).ok());
    let mark = known.and_then(|about| Mark { name: about.name, initial: initial(about.name) }.render().ok());
    let Some(mark) = mark else { return StatusCode::NOT_FOUND.into_response() };
    let about = [(header::CONTENT_TYPE, PICTURE), (header::CACHE_CONTROL, "max-age=86400")];
    let mut response = (about, mark).into_response();
    response.headers_mut().insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    response
}

/// `GET /link.js`: the module. Pages of any origin may load it.
pub async fn module(headers: HeaderMap) -> Response {
    shared(include_bytes!("../../../../clients/js/link.js"), &headers)
}

/// `GET /link.classic.js`: for pages without modules.
pub async fn classic(headers: HeaderMap) -> Response {
    shared(include_bytes!("../../../../clients/js/link.classic.js"), &headers)
}

fn shared(bytes: &'static [u8], headers: &HeaderMap) -> Response {
    let mut response = answer(SCRIPT, bytes, headers);
    let open = response.headers_mut();
    open.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    open.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    response
}

#[cfg(test)]
mod tests {
    /// A policy without `unsafe-eval` and inline code refuses these; nothing of the kind may stand in a template.
    #[test]
    fn templates_hold_no_code_and_no_style() {
        let folder = format!("{}/templates/link", env!("CARGO_MANIFEST_DIR"));
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            for word in ["hx-on", "js:", "style=", "onclick", "javascript:", "|safe", "hx-vals"] {
                assert!(!text.contains(word), "{word} in {}", path.display());
            }
            let bodies = text
                .split("<script")
                .skip(1)
                .all(|rest| rest.split_once('>').is_some_and(|(_, rest)| rest.starts_with("</script>")));
            assert!(bodies, "a script's body in {}", path.display());
            assert!(!text.contains("hx-trigger=\"[") && !text.contains("]\" hx"), "a filter in {}", path.display());
        }
    }
}
