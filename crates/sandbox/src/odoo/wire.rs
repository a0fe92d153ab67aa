//! Calls and answers as HTTP, and the pages that stand where Odoo's server or its front has no JSON to say.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Map, Value};

use super::settings::OdooSettings;
use crate::front::{Cut, Rows, Throttled};

/// Bytes a body may have. Source: `DEFAULT_MAX_CONTENT_LENGTH` in `http.py`.
const BODY_BYTES_MAX: usize = 128 * 1024 * 1024;

/// One call, with its body read.
pub(super) struct Call {
    pub(super) path: String,
    query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The batch is to be cut off after so many rows.
    pub(super) cut: Option<usize>,
}

impl Call {
    pub(super) async fn read(request: Request) -> Result<Self, Response> {
        let (head, body) = request.into_parts();
        let body = to_bytes(body, BODY_BYTES_MAX).await;
        let body = body.map_err(|_| page(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"))?;
        let cut = head.extensions.get::<Cut>().map(|cut| cut.0);
        let path = percent_encoding::percent_decode_str(head.uri.path()).decode_utf8_lossy().into_owned();
        Ok(Self { path, query: head.uri.query().unwrap_or_default().to_owned(), headers: head.headers, body, cut })
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The query as an object of texts.
    pub(super) fn query(&self) -> Value {
        let decoded =
            |text: &str| percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        Value::Object(pairs.map(|(name, value)| (decoded(name), decoded(value).into())).collect::<Map<_, _>>())
    }

    /// Where the caller reaches this Odoo.
    pub(super) fn origin(&self, settings: &OdooSettings) -> String {
        let host = self.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        settings.public_origin.clone().unwrap_or_else(|| format!("http://{host}"))
    }
}

/// A JSON answer.
pub(super) fn json(status: u16, body: &Value, rows: usize) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response.extensions_mut().insert(Rows(rows as u64));
    response
}

/// A page of HTML, as the server's front answers for it.
pub(super) fn page(status: StatusCode, words: &str) -> Response {
    let title = format!("{} {words}", status.as_u16());
    let body = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n\
         <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

/// What a version without the asked route, or a server without the asked database, says.
pub(super) fn no_such_page() -> Response {
    page(StatusCode::NOT_FOUND, "Not Found")
}

/// The front's refusal of a key that calls too often. It names no time to wait.
pub(super) fn too_many() -> Response {
    let mut response = page(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
    response.extensions_mut().insert(Throttled);
    response
}
