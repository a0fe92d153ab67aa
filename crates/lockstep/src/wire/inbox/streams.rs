//! Contacts in bulk as NDJSON, one a line: an export that reads page by page, and an import that answers while it is sent.
//! Neither holds more than a page in memory, however long the stream is.

use axum::body::{Body, BodyDataStream};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, StreamExt, stream};
use lockstep_core::ids::{ContactId, RequestId};
use lockstep_core::limits::IMPORT_LINE_BYTES_MAX;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{ContactFilter, Order, Org, Page};
use serde::Serialize;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::ops::Author;
use crate::ops::contacts::{self, AccountChoice, Row};
use crate::ops::payload::ContactObject;
use crate::wire::inbox::contacts::{LAST_ID, Scope};
use crate::wire::inbox::dto::ContactFilters;
use crate::wire::inbox::envelope::Refusal;
use crate::wire::inbox::extract::{Filters, Segments, json, typed};
use crate::wire::inbox::rows::{ContactRow, Known, RowCounts};

/// Contacts that an export reads at a time.
const PAGE: usize = 500;
/// Lines that one commit of an import covers.
const CHUNK: usize = 100;
/// Where contacts come from that an import makes.
const SOURCE: &str = "import";

/// The routes below `/v1` or below `/v1/{phone_number_id}`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(export)).routes(routes!(import))
}

fn ndjson(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response()
}

fn line(value: &impl Serialize, out: &mut Vec<u8>) -> Result<(), Problem> {
    serde_json::to_writer(&mut *out, value).map_err(|error| Problem::new(Code::InternalError, error.to_string()))?;
    out.push(b'\n');
    Ok(())
}

/// An export under way.
struct Export {
    app: App,
    org: Org,
    scope: Scope,
    filters: ContactFilters,
    filter: ContactFilter,
    after: Option<(i64, ContactId)>,
    sent: u64,
    ended: bool,
}

impl Export {
    /// The next lines; the last ones end in a line that says that nothing is missing.
    async fn page(&mut self) -> Result<Vec<u8>, Problem> {
        let (org, filter) = (self.org.clone(), self.filter.clone());
        let page = Page { limit: PAGE, after: self.after.clone(), order: Order::SeqAsc };
        let read = self.app.store.read(move |tx| {
            let (rows, more) = tx.list_contacts(&org, &filter, &page)?;
            Ok::<_, Problem>((rows, more, tx.accounts(&org)?, tx.last_seq(&org)?))
        });
        let (rows, more, accounts, last_seq) = read.await?;
        let mut lines = Vec::new();
        for contact in &rows {
            line(&ContactObject::new(contact, &accounts), &mut lines)?;
        }
        self.sent += rows.len() as u64;
        if let Some(last) = rows.last() {
            self.after = Some((last.seq, last.id.clone()));
            self.filter.updated_after = None;
        }
        if !more {
            self.ended = true;
            let delta_cursor = self.delta_cursor(last_seq)?;
            let end = json!({ "object": "export_end", "contacts": self.sent, "delta_cursor": delta_cursor });
            line(&end, &mut lines)?;
        }
        Ok(lines)
    }

    /// Where a list with the same filters goes on; only lists since a time have such a place.
    fn delta_cursor(&self, last_seq: i64) -> Result<Option<String>, Problem> {
        if self.filters.updated_after.is_none() {
            return Ok(None);
        }
        let listing = self.scope.listing(&self.app, &self.org, &self.filters);
        match &self.after {
            Some((seq, id)) => listing.cursor(*seq, id),
            None => listing.cursor(last_seq, &LAST_ID),
        }
        .map(Some)
    }
}

/// Writes all contacts that the filters leave, one JSON object a line, in the order of their changes; one that changes
/// meanwhile comes again. The last line is an `export_end` with their number: an export without it is not whole.
/// With `updated_after` it has a `delta_cursor`, with which a list with the same filters goes on.
#[utoipa::path(get, path = "/contacts/export", tag = "contacts", operation_id = "export_contacts", params(ContactFilters),
    responses((status = 200, description = "One contact a line, and an `export_end`", body = String, content_type = "application/x-ndjson")))]
async fn export(
    State(app): State<App>,
    caller: Caller,
    Segments(scope): Segments<Scope>,
    Filters(filters): Filters<ContactFilters>,
) -> Result<Response, Refusal> {
    let filter = filters.checked(scope.phone_number_id.clone())?;
    let org = caller.org;
    if let Some(id) = scope.phone_number_id.clone() {
        let org = org.clone();
        app.store.read(move |tx| contacts::account(tx, &org, &AccountChoice::Id(id))).await?;
    }
    let export = Export { app, org, scope, filters, filter, after: None, sent: 0, ended: false };
    let pages = stream::unfold(export, |mut export| async move {
        if export.ended {
            return None;
        }
        let lines = export.page().await;
        if let Err(problem) = &lines {
            tracing::warn!(%problem, "an export broke off");
            export.ended = true;
        }
        Some((lines, export))
    });
    Ok(ndjson(Body::from_stream(pages)))
}

/// Lines out of a stream of bytes, at most so long.
#[derive(Default)]
struct Lines {
    buffer: BytesMut,
    skipping: bool,
}

impl Lines {
    /// The next whole line, or that it is too long.
    fn next(&mut self) -> Option<Result<Bytes, Problem>> {
        match self.buffer.iter().position(|byte| *byte == b'\n') {
            Some(end) => Some(self.take(end + 1)),
            None => {
                if self.buffer.len() as u64 > IMPORT_LINE_BYTES_MAX {
                    self.buffer.clear();
                    self.skipping = true;
                }
                None
            }
        }
    }

    /// What stands behind the last end of a line.
    fn rest(&mut self) -> Option<Result<Bytes, Problem>> {
        let length = self.buffer.len();
        (length > 0 || self.skipping).then(|| self.take(length))
    }

    fn take(&mut self, length: usize) -> Result<Bytes, Problem> {
        let line = self.buffer.split_to(length).freeze();
        if std::mem::take(&mut self.skipping) || line.len() as u64 > IMPORT_LINE_BYTES_MAX {
            let message = format!("The line is over {IMPORT_LINE_BYTES_MAX} bytes.");
            return Err(Problem::new(Code::BodyTooLarge, message));
        }
        Ok(line)
    }
}

/// An import under way.
struct Import {
    app: App,
    by: Author,
    account: Option<String>,
    request: RequestId,
    body: BodyDataStream,
    lines: Lines,
    /// Lines so far, blank ones included.
    row: u64,
    counts: RowCounts,
    /// Whether the request came to its end, and did not break off.
    whole: bool,
    ended: bool,
}

impl Import {
    /// Waits for a line and takes as many as have come with it.
    async fn gather(&mut self) -> Vec<(u64, Result<Row, Problem>)> {
        let mut rows = Vec::new();
        while rows.len() < CHUNK && !self.ended {
            if let Some(line) = self.lines.next() {
                self.read(line, &mut rows);
                continue;
            }
            let more = match rows.is_empty() {
                true => Some(self.body.next().await),
                false => self.body.next().now_or_never(),
            };
            let Some(more) = more else { break };
            match more {
                Some(Ok(bytes)) => self.lines.buffer.extend_from_slice(&bytes),
                // What stands behind the last whole line may be cut off: it is not taken.
                Some(Err(_)) => self.ended = true,
                None => {
                    (self.whole, self.ended) = (true, true);
                    if let Some(line) = self.lines.rest() {
                        self.read(line, &mut rows);
                    }
                }
            }
        }
        rows
    }

    fn read(&mut self, line: Result<Bytes, Problem>, rows: &mut Vec<(u64, Result<Row, Problem>)>) {
        self.row += 1;
        if line.as_ref().is_ok_and(|line| line.trim_ascii().is_empty()) {
            return;
        }
        let checked =
            |line: Bytes| typed::<ContactRow>(json(&line)?)?.checked(self.account.as_deref(), Known::Changed, SOURCE);
        rows.push((self.row, line.and_then(checked)));
    }

    /// Commits the lines that have come and answers them; in the end, what became of all.
    async fn chunk(&mut self) -> Result<Vec<u8>, Problem> {
        let (numbers, rows): (Vec<u64>, Vec<_>) = self.gather().await.into_iter().unzip();
        let by = self.by.clone();
        let done = self.app.store.write(move |tx| contacts::apply(tx, &by, rows)).await;
        // What the store could not commit is every line's answer: the caller knows which to send again.
        let done = done.unwrap_or_else(|problem| numbers.iter().map(|_| Err(problem.clone())).collect());
        let mut lines = Vec::new();
        for (row, done) in numbers.into_iter().zip(done) {
            line(&self.counts.note(row, done, &self.request), &mut lines)?;
        }
        if self.whole {
            line(&json!({ "object": "import_end", "rows": self.row, "counts": self.counts }), &mut lines)?;
        }
        Ok(lines)
    }
}

/// Takes contacts, one JSON object a line, and answers each with a line as soon as it is committed: a row with an `id`
/// changes that contact, one without is found or made by its number. Sending a line again does no harm. The last line is
/// an `import_end`: an answer without it is not whole. Read the answer while you send, or send at most 10,000 lines at a time.
#[utoipa::path(post, path = "/contacts/import", tag = "contacts", operation_id = "import_contacts",
    request_body(content = Option<String>, description = "One `ContactRow` a line", content_type = "application/x-ndjson"),
    responses((status = 200, description = "One `RowResult` a line, and an `import_end`", body = String, content_type = "application/x-ndjson")))]
async fn import(
    State(app): State<App>,
    caller: Caller,
    Segments(scope): Segments<Scope>,
    body: Body,
) -> Result<Response, Refusal> {
    let account = scope.phone_number_id;
    if let Some(id) = account.clone() {
        let org = caller.org.clone();
        app.store.read(move |tx| contacts::account(tx, &org, &AccountChoice::Id(id))).await?;
    }
    let import = Import {
        app,
        by: caller.author(),
        account,
        request: caller.request,
        body: body.into_data_stream(),
        lines: Lines::default(),
        row: 0,
        counts: RowCounts::default(),
        whole: false,
        ended: false,
    };
    let chunks = stream::unfold(import, |mut import| async move {
        if import.ended {
            return None;
        }
        let lines = import.chunk().await;
        import.ended |= lines.is_err();
        Some((lines, import))
    });
    Ok(ndjson(Body::from_stream(chunks)))
}
