//! Webhook subscriptions: made, read, changed, deleted, their secrets rotated.

use axum::extract::State;
use lockstep_core::ids::{SecretId, SubscriptionId};
use lockstep_core::problem::Problem;
use lockstep_store::Tx;
use secrecy::ExposeSecret;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::ops::payload::Deleted;
use crate::ops::webhooks;
use crate::wire::inbox::cursor::Listing;
use crate::wire::inbox::dto::{PageFilters, page_size};
use crate::wire::inbox::envelope::{Answer, List, One, Refusal};
use crate::wire::inbox::extract::{Body, Filters, Post, Segments};
use crate::wire::inbox::once;
use crate::wire::inbox::subscription::{
    NewSubscriptionBody, RotationBody, SecretObject, SubscriptionObject, SubscriptionPatchBody,
};

/// The routes below `/v1`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(get, patch, delete))
        .routes(routes!(rotate))
        .routes(routes!(drop_secret))
}

#[derive(Debug, Deserialize)]
pub(super) struct SubscriptionPath {
    id: String,
}

impl SubscriptionPath {
    pub(super) fn id(&self) -> Result<SubscriptionId, Problem> {
        SubscriptionId::parse(&self.id).map_err(|_| Problem::not_found("webhook subscription"))
    }
}

#[derive(Debug, Deserialize)]
struct SecretPath {
    id: String,
    secret_id: String,
}

/// Subscribes to events. The first signing secret is shown in this answer and never again.
#[utoipa::path(post, path = "/webhook_subscriptions", tag = "webhooks", operation_id = "create_webhook_subscription",
    request_body = NewSubscriptionBody, responses((status = 201, body = One<SubscriptionObject>)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Post { body, once }: Post<NewSubscriptionBody>,
) -> Result<Answer, Refusal> {
    let new = body.and_then(|body| body.checked(&app.settings.egress));
    let (here, by, request) = (app.clone(), caller.author(), caller.request.clone());
    let effect = move |tx: &mut Tx<'_>| {
        let (subscription, secret) = webhooks::subscribe(tx, &here, &by, new?)?;
        Answer::created(&request, SubscriptionObject::new(subscription, Some(secret.expose_secret().to_owned())))
    };
    once::answer(&app, &caller, once, effect).await
}

/// Lists subscriptions, oldest first.
#[utoipa::path(get, path = "/webhook_subscriptions", tag = "webhooks", operation_id = "list_webhook_subscriptions",
    params(PageFilters), responses((status = 200, body = List<SubscriptionObject>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Filters(filters): Filters<PageFilters>,
) -> Result<Answer, Refusal> {
    let limit = page_size(filters.limit.as_deref())?;
    let listing = Listing::new(&app, &caller.org, "webhook_subscriptions", &[]);
    let after = listing.position::<SubscriptionId>(filters.cursor.as_deref())?.map(|(_, id)| id);
    let org = caller.org.clone();
    let mut rows =
        app.store.read(move |tx| Ok::<_, Problem>(tx.subscriptions(&org, after.as_ref(), limit + 1)?)).await?;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| has_more).map(|last| listing.cursor(0, &last.id)).transpose()?;
    let data = rows.into_iter().map(|row| SubscriptionObject::new(row, None)).collect();
    Ok(Answer::new(200, &caller.request, &List::page(data, next, &caller.request))?)
}

/// Reads a subscription.
#[utoipa::path(get, path = "/webhook_subscriptions/{id}", tag = "webhooks", operation_id = "get_webhook_subscription",
    params(("id" = String, Path, description = "`wbs_…`")), responses((status = 200, body = One<SubscriptionObject>)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<SubscriptionPath>,
) -> Result<Answer, Refusal> {
    let (org, id) = (caller.org.clone(), path.id()?);
    let found = app.store.read(move |tx| webhooks::find(tx, &org, &id)).await?;
    Ok(Answer::ok(&caller.request, SubscriptionObject::new(found, None))?)
}

/// Changes, pauses or revives a subscription.
#[utoipa::path(patch, path = "/webhook_subscriptions/{id}", tag = "webhooks", operation_id = "update_webhook_subscription",
    request_body = SubscriptionPatchBody, params(("id" = String, Path, description = "`wbs_…`")),
    responses((status = 200, body = One<SubscriptionObject>)))]
async fn patch(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<SubscriptionPath>,
    Body(body): Body<SubscriptionPatchBody>,
) -> Result<Answer, Refusal> {
    let (by, id, patch) = (caller.author(), path.id()?, body.checked(&app.settings.egress)?);
    let changed = app.store.write(move |tx| webhooks::patch(tx, &by, &id, &patch)).await?;
    Ok(Answer::ok(&caller.request, SubscriptionObject::new(changed, None))?)
}

/// Deletes a subscription with its deliveries.
#[utoipa::path(delete, path = "/webhook_subscriptions/{id}", tag = "webhooks", operation_id = "delete_webhook_subscription",
    params(("id" = String, Path, description = "`wbs_…`")), responses((status = 200, body = One<Deleted>)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<SubscriptionPath>,
) -> Result<Answer, Refusal> {
    let (by, id) = (caller.author(), path.id()?);
    let gone = Deleted::new(&id, "webhook_subscription");
    app.store.write(move |tx| webhooks::delete(tx, &by, &id)).await?;
    Ok(Answer::ok(&caller.request, gone)?)
}

/// Makes a new signing secret, shown in this answer and never again. The old ones go on signing for the overlap.
#[utoipa::path(post, path = "/webhook_subscriptions/{id}/secrets", tag = "webhooks", operation_id = "rotate_webhook_secret",
    request_body = RotationBody, params(("id" = String, Path, description = "`wbs_…`")),
    responses((status = 201, body = One<SecretObject>)))]
async fn rotate(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<SubscriptionPath>,
    Post { body, once }: Post<RotationBody>,
) -> Result<Answer, Refusal> {
    let id = path.id()?;
    let (here, by, request) = (app.clone(), caller.author(), caller.request.clone());
    let effect = move |tx: &mut Tx<'_>| {
        let secret = webhooks::rotate(tx, &here, &by, &id, body.and_then(RotationBody::checked)?)?;
        Answer::created(&request, SecretObject::minted(&secret, tx.now()))
    };
    once::answer(&app, &caller, once, effect).await
}

/// Ends one signing secret at once. The newest one cannot be deleted.
#[utoipa::path(delete, path = "/webhook_subscriptions/{id}/secrets/{secret_id}", tag = "webhooks", operation_id = "delete_webhook_secret",
    params(("id" = String, Path, description = "`wbs_…`"), ("secret_id" = String, Path, description = "`sec_…`")),
    responses((status = 200, body = One<Deleted>)))]
async fn drop_secret(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<SecretPath>,
) -> Result<Answer, Refusal> {
    let id = SubscriptionId::parse(&path.id).map_err(|_| Problem::not_found("webhook subscription"))?;
    let secret = SecretId::parse(&path.secret_id).map_err(|_| Problem::not_found("secret"))?;
    let gone = Deleted::new(&secret, "webhook_secret");
    let by = caller.author();
    app.store.write(move |tx| webhooks::drop_secret(tx, &by, &id, &secret)).await?;
    Ok(Answer::ok(&caller.request, gone)?)
}
