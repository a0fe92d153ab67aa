//! The server's organizations, for its operator: a key has to have a scope of `organizations` by name. Beyond Kirim, which
//! makes them in its dashboard.

use axum::extract::State;
use lockstep_core::env::Time;
use lockstep_core::ids::OrgId;
use lockstep_core::problem::Problem;
use lockstep_store::{Organization, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::ops::accounts::NewAccount;
use crate::ops::idempotency::Once;
use crate::ops::organizations::{self, Keys};
use crate::wire::inbox::cursor::Listing;
use crate::wire::inbox::dto::{PageFilters, page_size, required};
use crate::wire::inbox::envelope::{Answer, List, One, Refusal};
use crate::wire::inbox::extract::{Filters, Post};
use crate::wire::inbox::once;

/// The routes below `/v1`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create))
}

/// An organization.
#[derive(Serialize, ToSchema)]
struct OrganizationObject {
    /// `org_…`
    #[schema(value_type = String)]
    id: OrgId,
    /// Always `organization`.
    #[schema(value_type = String)]
    object: &'static str,
    /// What people call it.
    name: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// Its first keys; shown once, in the answer to its creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    keys: Option<Keys>,
}

impl From<Organization> for OrganizationObject {
    fn from(organization: Organization) -> Self {
        let Organization { id, name, created_at } = organization;
        Self { id, object: "organization", name, created_at, keys: None }
    }
}

/// An organization to make, with the WhatsApp account that its contacts write to.
#[derive(Debug, Deserialize, ToSchema)]
struct NewOrganizationBody {
    /// What people call it, 1 to 100 characters.
    #[schema(required, nullable = false, min_length = 1, max_length = 100)]
    name: Option<String>,
    /// Meta's id of the number.
    #[schema(required, nullable = false, pattern = r"^\d{6,20}$")]
    phone_number_id: Option<String>,
    /// The number with its country code; spaces, dashes and brackets do no harm.
    #[schema(required, nullable = false)]
    phone_number: Option<String>,
}

/// Lists the server's organizations, oldest first.
#[utoipa::path(get, path = "/organizations", tag = "organization", operation_id = "list_organizations",
    params(PageFilters), responses((status = 200, body = List<OrganizationObject>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Filters(filters): Filters<PageFilters>,
) -> Result<Answer, Refusal> {
    let limit = page_size(filters.limit.as_deref())?;
    let listing = Listing::new(&app, &caller.org, "organizations", &[]);
    let after = listing.position::<OrgId>(filters.cursor.as_deref())?.map(|(_, id)| id);
    let (rows, has_more) = app.store.read(move |tx| Ok::<_, Problem>(tx.list_orgs(after.as_ref(), limit)?)).await?;
    let next = rows.last().filter(|_| has_more).map(|last| listing.cursor(0, &last.id)).transpose()?;
    let data = rows.into_iter().map(OrganizationObject::from).collect();
    Ok(Answer::new(200, &caller.request, &List::page(data, next, &caller.request))?)
}

/// Makes an organization with its first account and its keys, which are shown once.
#[utoipa::path(post, path = "/organizations", tag = "organization", operation_id = "create_organization",
    request_body = NewOrganizationBody, responses((status = 201, body = One<OrganizationObject>)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Post { body, once }: Post<NewOrganizationBody>,
) -> Result<Answer, Refusal> {
    let (here, by) = (app.clone(), caller.clone());
    // The kept answer shows new keys: another key gets none of them, whatever it repeats.
    let once = once.map(|once| Once { key: format!("{}/{}", caller.key, once.key), ..once });
    let effect = move |tx: &mut Tx<'_>| {
        let body = body?;
        let name = required("name", body.name)?;
        let account = NewAccount {
            phone_number_id: required("phone_number_id", body.phone_number_id)?,
            phone_number: required("phone_number", body.phone_number)?,
            name: name.clone(),
            team: None,
        };
        let made = organizations::make_for(tx, &by, &name, &account)?;
        let keys = organizations::first_keys(tx, &here, &made)?;
        let id = made.org.id().clone();
        let shown = OrganizationObject { id, object: "organization", name, created_at: tx.now(), keys: Some(keys) };
        Answer::created(&by.request, shown)
    };
    once::answer(&app, &caller, once, effect).await
}
