//! Labels on conversations.

use axum::extract::State;
use lockstep_core::ids::{ConversationId, LabelId};
use lockstep_core::problem::Problem;
use lockstep_store::Tx;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::ops::conversations;
use crate::ops::labels::Operation;
use crate::wire::inbox::contact_labels::AttachBody;
use crate::wire::inbox::conversations::conversation_id;
use crate::wire::inbox::envelope::{Answer, One, Refusal};
use crate::wire::inbox::extract::{Post, Segments};
use crate::wire::inbox::once;

/// The routes below `/v1` or below `/v1/{phone_number_id}`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(attach)).routes(routes!(detach))
}

#[derive(Debug, Deserialize)]
struct ConversationPath {
    phone_number_id: Option<String>,
    id: String,
}

#[derive(Debug, Deserialize)]
struct AttachedPath {
    phone_number_id: Option<String>,
    id: String,
    label_id: String,
}

/// Whether the conversation has the label now.
#[derive(Debug, Serialize, ToSchema)]
struct ConversationAttachment {
    /// `cnv_…`
    #[schema(value_type = String)]
    conversation_id: ConversationId,
    /// `lbl_…`
    #[schema(value_type = String)]
    label_id: LabelId,
    /// Whether the one has the other.
    attached: bool,
}

/// Attaches a label to a conversation. Attaching it again changes nothing.
#[utoipa::path(post, path = "/conversations/{id}/labels", tag = "labels", operation_id = "attach_conversation_label",
    request_body = AttachBody, params(("id" = String, Path, description = "`cnv_…`")),
    responses((status = 200, body = One<ConversationAttachment>)))]
async fn attach(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<ConversationPath>,
    Post { body, once }: Post<AttachBody>,
) -> Result<Answer, Refusal> {
    let id = conversation_id(&path.id)?;
    let (org, request) = (caller.org.clone(), caller.request.clone());
    let effect = move |tx: &mut Tx<'_>| {
        let label_id = body.and_then(AttachBody::checked)?;
        let conversation = conversations::find(tx, &org, path.phone_number_id.as_deref(), &id)?;
        conversations::label(tx, &org, &conversation, Operation::Attach, &label_id)?;
        Answer::ok(&request, ConversationAttachment { conversation_id: id, label_id, attached: true })
    };
    once::answer(&app, &caller, once, effect).await
}

/// Detaches a label from a conversation. Detaching one that is not there changes nothing.
#[utoipa::path(delete, path = "/conversations/{id}/labels/{label_id}", tag = "labels",
    operation_id = "detach_conversation_label",
    params(("id" = String, Path, description = "`cnv_…`"), ("label_id" = String, Path, description = "`lbl_…`")),
    responses((status = 200, body = One<ConversationAttachment>)))]
async fn detach(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<AttachedPath>,
) -> Result<Answer, Refusal> {
    let (org, id) = (caller.org.clone(), conversation_id(&path.id)?);
    let label_id = LabelId::parse(&path.label_id).map_err(|_| Problem::not_found("label"))?;
    let written = app.store.write(move |tx| {
        let conversation = conversations::find(tx, &org, path.phone_number_id.as_deref(), &id)?;
        conversations::label(tx, &org, &conversation, Operation::Detach, &label_id)?;
        Ok::<_, Problem>(ConversationAttachment { conversation_id: id, label_id, attached: false })
    });
    Ok(Answer::ok(&caller.request, written.await?)?)
}
