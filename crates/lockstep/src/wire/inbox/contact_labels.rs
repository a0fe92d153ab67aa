//! Labels on contacts: one by one and in bulk.

use axum::extract::State;
use lockstep_core::ids::{ContactId, LabelId};
use lockstep_core::limits::BULK_LABEL_MAX;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::Tx;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::ops::contacts;
use crate::ops::labels::{self, Labelled, Operation};
use crate::wire::inbox::envelope::{Answer, One, Refusal};
use crate::wire::inbox::extract::{Filters, Post, Segments};
use crate::wire::inbox::once;

/// The routes below `/v1` or below `/v1/{phone_number_id}`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(bulk)).routes(routes!(attach)).routes(routes!(detach))
}

#[derive(Debug, Deserialize)]
struct Scope {
    phone_number_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ContactPath {
    phone_number_id: Option<String>,
    id: String,
}

#[derive(Debug, Deserialize)]
struct AttachedPath {
    phone_number_id: Option<String>,
    id: String,
    label_id: String,
}

/// The label to attach.
#[derive(Debug, Deserialize, ToSchema)]
pub struct AttachBody {
    /// `lbl_…`
    #[schema(required, nullable = false, pattern = "^lbl_[0-9A-HJKMNP-TV-Z]{26}$")]
    label_id: Option<String>,
}

impl AttachBody {
    /// The label.
    ///
    /// # Errors
    /// Absent, or not the id of a label.
    pub fn checked(self) -> Result<LabelId, Problem> {
        label_id(self.label_id)
    }
}

fn label_id(text: Option<String>) -> Result<LabelId, Problem> {
    let Some(text) = text else {
        return Err(Problem::of(Code::MissingRequiredField, "label_id", "label_id is required."));
    };
    LabelId::parse(&text).map_err(|bad| Problem::of(Code::InvalidFieldValue, "label_id", format!("label_id: {bad}.")))
}

/// Whether the contact has the label now.
#[derive(Debug, Serialize, ToSchema)]
struct Attachment {
    /// `ctc_…`
    #[schema(value_type = String)]
    contact_id: ContactId,
    /// `lbl_…`
    #[schema(value_type = String)]
    label_id: LabelId,
    /// Whether the one has the other.
    attached: bool,
}

/// Attaches a label to a contact. Attaching it again changes nothing.
#[utoipa::path(post, path = "/contacts/{id}/labels", tag = "labels", operation_id = "attach_contact_label",
    request_body = AttachBody, params(("id" = String, Path, description = "`ctc_…`")),
    responses((status = 200, body = One<Attachment>)))]
async fn attach(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<ContactPath>,
    Post { body, once }: Post<AttachBody>,
) -> Result<Answer, Refusal> {
    let id = contact_id(&path.id)?;
    let (by, request) = (caller.author(), caller.request.clone());
    let effect = move |tx: &mut Tx<'_>| {
        let label = body.and_then(AttachBody::checked)?;
        contacts::find(tx, &by.org, path.phone_number_id.as_deref(), &id)?;
        labels::label_contact(tx, &by, &label, Operation::Attach, &id)?;
        Answer::ok(&request, Attachment { contact_id: id, label_id: label, attached: true })
    };
    once::answer(&app, &caller, once, effect).await
}

/// Detaches a label from a contact. Detaching one that is not there changes nothing.
#[utoipa::path(delete, path = "/contacts/{id}/labels/{label_id}", tag = "labels", operation_id = "detach_contact_label",
    params(("id" = String, Path, description = "`ctc_…`"), ("label_id" = String, Path, description = "`lbl_…`")),
    responses((status = 200, body = One<Attachment>)))]
async fn detach(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<AttachedPath>,
) -> Result<Answer, Refusal> {
    let (by, id) = (caller.author(), contact_id(&path.id)?);
    let label = LabelId::parse(&path.label_id).map_err(|_| Problem::not_found("label"))?;
    let written = app.store.write(move |tx| {
        contacts::find(tx, &by.org, path.phone_number_id.as_deref(), &id)?;
        labels::label_contact(tx, &by, &label, Operation::Detach, &id)?;
        Ok::<_, Problem>(Attachment { contact_id: id, label_id: label, attached: false })
    });
    Ok(Answer::ok(&caller.request, written.await?)?)
}

fn contact_id(text: &str) -> Result<ContactId, Problem> {
    ContactId::parse(text).map_err(|_| Problem::not_found("contact"))
}

/// Contacts to label, all in one transaction.
#[derive(Debug, Deserialize, ToSchema)]
struct BulkBody {
    /// 1 to 1,000 ids, `ctc_…`; repeated ones count once.
    #[schema(required, nullable = false, min_items = 1, max_items = 1000)]
    contact_ids: Option<Vec<String>>,
    /// `lbl_…`
    #[schema(required, nullable = false, pattern = "^lbl_[0-9A-HJKMNP-TV-Z]{26}$")]
    label_id: Option<String>,
    /// `attach` or `detach`.
    #[schema(required, nullable = false, pattern = "^(attach|detach)$")]
    operation: Option<String>,
}

impl BulkBody {
    fn checked(self) -> Result<(Vec<ContactId>, LabelId, Operation), Problem> {
        let missing = |member: &str| Problem::of(Code::MissingRequiredField, member, format!("{member} is required."));
        let ids = self.contact_ids.ok_or_else(|| missing("contact_ids"))?;
        if ids.is_empty() || ids.len() as u64 > BULK_LABEL_MAX {
            let message = format!("contact_ids takes 1 to {BULK_LABEL_MAX} ids.");
            return Err(Problem::of(Code::InvalidFieldValue, "contact_ids", message));
        }
        let parse = |(n, id): (usize, &String)| {
            let refuse = |bad| Problem::of(Code::InvalidFieldValue, format!("contact_ids.{n}"), format!("{bad}."));
            ContactId::parse(id).map_err(refuse)
        };
        let ids = ids.iter().enumerate().map(parse).collect::<Result<_, _>>()?;
        let operation = match self.operation.as_deref() {
            Some("attach") => Operation::Attach,
            Some("detach") => Operation::Detach,
            Some(_) => {
                return Err(Problem::of(Code::InvalidFieldValue, "operation", "operation is attach or detach."));
            }
            None => return Err(missing("operation")),
        };
        Ok((ids, label_id(self.label_id)?, operation))
    }
}

/// How to answer.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct BulkOptions {
    /// `true` to get the ids of each outcome too.
    #[param(pattern = "^(true|false)$")]
    detail: Option<String>,
}

impl BulkOptions {
    fn detail(&self) -> Result<bool, Problem> {
        match self.detail.as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Problem::of(Code::InvalidFieldValue, "detail", "detail is true or false.")),
        }
    }
}

/// How many contacts met which outcome. The three always add up to the different ids sent.
#[derive(Debug, Serialize, ToSchema)]
struct BulkOutcome {
    /// They are as wished now, whether or not they were before.
    applied: usize,
    /// The organization has no such contacts.
    skipped_cross_org: usize,
    /// The label's team does not see them.
    skipped_team_mismatch: usize,
    /// The ids of each outcome; only with `detail=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<BulkDetail>,
}

/// The contacts of each outcome.
#[derive(Debug, Serialize, ToSchema)]
struct BulkDetail {
    /// See `applied` beside it.
    #[schema(value_type = Vec<String>)]
    applied: Vec<ContactId>,
    /// See `skipped_cross_org` beside it.
    #[schema(value_type = Vec<String>)]
    skipped_cross_org: Vec<ContactId>,
    /// See `skipped_team_mismatch` beside it.
    #[schema(value_type = Vec<String>)]
    skipped_team_mismatch: Vec<ContactId>,
}

impl BulkOutcome {
    fn new(done: Labelled, detail: bool) -> Self {
        Self {
            applied: done.applied.len(),
            skipped_cross_org: done.unknown.len(),
            skipped_team_mismatch: done.misfits.len(),
            detail: detail.then_some(BulkDetail {
                applied: done.applied,
                skipped_cross_org: done.unknown,
                skipped_team_mismatch: done.misfits,
            }),
        }
    }
}

/// Attaches a label to many contacts or detaches it, in one transaction. Contacts that it cannot be done for are skipped
/// and counted.
#[utoipa::path(post, path = "/contacts/bulk_label", tag = "labels", operation_id = "bulk_label_contacts",
    request_body = BulkBody, params(BulkOptions), responses((status = 200, body = One<BulkOutcome>)))]
async fn bulk(
    State(app): State<App>,
    caller: Caller,
    Segments(scope): Segments<Scope>,
    Filters(options): Filters<BulkOptions>,
    Post { body, once }: Post<BulkBody>,
) -> Result<Answer, Refusal> {
    let detail = options.detail()?;
    let (by, request) = (caller.author(), caller.request.clone());
    let effect = move |tx: &mut Tx<'_>| {
        let (ids, label, operation) = body.and_then(BulkBody::checked)?;
        labels::team_of(tx, &by.org, scope.phone_number_id.as_deref())?;
        let label = labels::find(tx, &by.org, None, &label)?;
        let done = labels::label_contacts(tx, &by, &label, operation, &ids)?;
        Answer::ok(&request, BulkOutcome::new(done, detail))
    };
    once::answer(&app, &caller, once, effect).await
}
