//! The page's own files, built into the program.

use axum::http::HeaderMap;
use axum::response::Response;

use super::Trouble;
use crate::wire::files::{self, PICTURE, SCRIPT, STYLE};
use crate::wire::inbox::extract::Segments;
use lockstep_core::problem::Problem;

/// Every file: its name, its type and what it holds.
const FILES: [(&str, &str, &[u8]); 4] = [
    ("htmx-4.0.1.min.js", SCRIPT, include_bytes!("../../../assets/htmx-4.0.1.min.js")),
    ("inbox.js", SCRIPT, include_bytes!("../../../assets/inbox.js")),
    ("inbox.css", STYLE, include_bytes!("../../../assets/inbox.css")),
    ("icon.svg", PICTURE, include_bytes!("../../../assets/icon.svg")),
];

/// `GET /inbox/assets/{name}`
pub async fn file(Segments(name): Segments<String>, headers: HeaderMap) -> Result<Response, Trouble> {
    let (_, kind, bytes) = FILES.iter().find(|(known, ..)| *known == name).ok_or_else(|| Problem::not_found("file"))?;
    Ok(files::answer(kind, bytes, &headers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn the_library_is_the_packages_file() {
        let (name, _, bytes) = FILES[0];
        let hash = hex::encode(Sha256::digest(bytes));
        assert_eq!(hash, "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130", "{name}");
    }
}
