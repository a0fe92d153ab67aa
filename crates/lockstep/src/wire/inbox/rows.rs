//! Many contacts in one request, each with an answer of its own: `POST /contacts/batch`, and the rows of an import.

use axum::extract::State;
use lockstep_core::ids::{ContactId, RequestId};
use lockstep_core::limits::BATCH_ROWS_MAX;
use lockstep_core::patch::Patch;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::Tx;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::ops::contacts::{self, AccountChoice, Done, Fate, Row};
use crate::wire::inbox::contacts::Scope;
use crate::wire::inbox::dto::{account_choice, checked_patch, phone_number, upserted};
use crate::wire::inbox::envelope::{Answer, ErrorBody, One, Refusal};
use crate::wire::inbox::extract::{Post, Segments, typed};
use crate::wire::inbox::once;

/// The routes below `/v1` or below `/v1/{phone_number_id}`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(batch))
}

/// One contact to make or to change.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ContactRow {
    /// `ctc_…` of the contact to change; without it the row is found or made by its number.
    id: Option<String>,
    /// E.164 with its `+`. Required where there is no `id`, refused where there is one.
    #[schema(pattern = r"^\+[1-9]\d{6,14}$")]
    phone_number: Option<String>,
    /// 1 to 255 characters.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 255)]
    name: Patch<String>,
    /// An e-mail address.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Email)]
    email: Patch<String>,
    /// Keys to set; a null value deletes its key.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    metadata: Patch<Map<String, Json>>,
    /// The number of the account that gets the contact; needed only where there are several and the path names none.
    #[schema(pattern = r"^\+[1-9]\d{6,14}$")]
    from: Option<String>,
}

/// What is done with a number that has a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// The row is refused.
    Refused,
    /// The contact is changed.
    Changed,
}

impl ContactRow {
    /// Checks everything that needs no database. The path's account goes before the row's.
    ///
    /// # Errors
    /// The first member that will not do.
    pub fn checked(self, scope: Option<&str>, known: Known, source: &str) -> Result<Row, Problem> {
        let patch = checked_patch(self.name, self.email, self.metadata)?;
        if let Some(id) = self.id {
            if self.phone_number.is_some() {
                let message = "A contact's phone number cannot change: leave out id or phone_number.";
                return Err(Problem::of(Code::InvalidFieldValue, "phone_number", message));
            }
            let id = ContactId::parse(&id).map_err(|_| Problem::not_found("contact"))?;
            return Ok(Row::Patch { id, patch, account: scope.map(str::to_owned) });
        }
        let Some(phone) = self.phone_number else {
            return Err(Problem::of(Code::MissingRequiredField, "phone_number", "Give a phone_number or an id."));
        };
        let choice = match scope {
            Some(id) => AccountChoice::Id(id.to_owned()),
            None => account_choice(self.from.as_deref())?,
        };
        let mut new = upserted(phone_number("phone_number", &phone)?, &patch);
        new.acquisition_source = Some(source.to_owned());
        Ok(match known {
            Known::Refused => Row::Create { new, choice },
            Known::Changed => Row::Upsert { new, patch, choice },
        })
    }
}

/// What became of one row.
#[derive(Debug, Serialize, ToSchema)]
pub struct RowResult {
    /// The row's place in the request, from 1.
    row: u64,
    /// `created`, `updated`, `unchanged` or `refused`.
    #[schema(value_type = String)]
    result: &'static str,
    /// `ctc_…`, unless it was refused.
    #[schema(value_type = Option<String>, required)]
    id: Option<ContactId>,
    /// Why it was refused, as a request of its own would read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<ErrorBody>,
}

/// How many rows had which result.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct RowCounts {
    /// New contacts.
    created: u64,
    /// Changed contacts.
    updated: u64,
    /// Contacts that held all of it already.
    unchanged: u64,
    /// Rows that were refused.
    refused: u64,
}

impl RowCounts {
    /// Shows what became of a row, and counts it.
    pub fn note(&mut self, row: u64, done: Done, request: &RequestId) -> RowResult {
        let (result, count) = match &done {
            Ok((_, Fate::Created)) => ("created", &mut self.created),
            Ok((_, Fate::Updated)) => ("updated", &mut self.updated),
            Ok((_, Fate::Unchanged)) => ("unchanged", &mut self.unchanged),
            Err(_) => ("refused", &mut self.refused),
        };
        *count += 1;
        match done {
            Ok((id, _)) => RowResult { row, result, id: Some(id), error: None },
            Err(problem) => RowResult { row, result, id: None, error: Some(ErrorBody::new(&problem, request)) },
        }
    }
}

/// Contacts to make and to change.
#[derive(Debug, Deserialize, ToSchema)]
struct BatchBody {
    /// 1 to 1,000 rows. One that is refused leaves the others alone.
    #[schema(value_type = Vec<ContactRow>, required, nullable = false, min_items = 1, max_items = 1_000)]
    contacts: Option<Vec<Json>>,
}

/// What a batch did.
#[derive(Debug, Serialize, ToSchema)]
struct BatchDone {
    /// One for each row, in order.
    results: Vec<RowResult>,
    /// How many had which result.
    counts: RowCounts,
}

/// Makes and changes up to 1,000 contacts in one commit, each with a result of its own: a row with an `id` changes that
/// contact, one without makes a contact.
#[utoipa::path(post, path = "/contacts/batch", tag = "contacts", operation_id = "batch_contacts", request_body = BatchBody,
    responses((status = 200, body = One<BatchDone>)))]
async fn batch(
    State(app): State<App>,
    caller: Caller,
    Segments(scope): Segments<Scope>,
    Post { body, once }: Post<BatchBody>,
) -> Result<Answer, Refusal> {
    let (by, request) = (caller.author(), caller.request.clone());
    let effect = move |tx: &mut Tx<'_>| {
        let rows = body?.contacts.unwrap_or_default();
        if rows.is_empty() || rows.len() as u64 > BATCH_ROWS_MAX {
            let message = format!("contacts takes 1 to {BATCH_ROWS_MAX} rows.");
            return Err(Problem::of(Code::InvalidFieldValue, "contacts", message));
        }
        let account = scope.phone_number_id;
        if let Some(id) = &account {
            contacts::account(tx, &by.org, &AccountChoice::Id(id.clone()))?;
        }
        let checked = |row| typed::<ContactRow>(row)?.checked(account.as_deref(), Known::Refused, "api");
        let done = contacts::apply(tx, &by, rows.into_iter().map(checked).collect())?;
        let mut counts = RowCounts::default();
        let results = (1..).zip(done).map(|(row, done)| counts.note(row, done, &request)).collect();
        Answer::ok(&request, BatchDone { results, counts })
    };
    once::answer(&app, &caller, once, effect).await
}
