//! The organization's WhatsApp accounts.

use axum::extract::State;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::Account;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::wire::inbox::envelope::{Answer, List, Refusal};
use crate::wire::inbox::extract::Filters;

/// One account.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountObject {
    /// Always `account`.
    #[schema(value_type = String)]
    object: &'static str,
    /// Meta's `phone_number_id`, as it stands in paths.
    #[schema(required)]
    phone_number_id: Option<String>,
    /// The number as people write it.
    #[schema(required)]
    phone_number: Option<String>,
    /// The name that customers see.
    #[schema(required)]
    name: Option<String>,
    /// `connected`, `disconnected`, `degraded` or `onboarding`.
    status: String,
}

impl From<Account> for AccountObject {
    fn from(account: Account) -> Self {
        Self {
            object: "account",
            phone_number_id: Some(account.phone_number_id),
            phone_number: Some(account.phone_number),
            name: Some(account.name),
            status: account.status,
        }
    }
}

/// Which accounts to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AccountFilters {
    /// `connected` (the default) or `all`.
    #[param(pattern = "^(connected|all)$")]
    status: Option<String>,
}

/// Lists the organization's WhatsApp accounts. Not paginated.
#[utoipa::path(get, path = "/accounts", tag = "account", operation_id = "list_accounts", params(AccountFilters),
    responses((status = 200, body = List<AccountObject>)))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Filters(filters): Filters<AccountFilters>,
) -> Result<Answer, Refusal> {
    let all = match filters.status.as_deref() {
        None | Some("connected") => false,
        Some("all") => true,
        Some(_) => return Err(Problem::of(Code::InvalidFieldValue, "status", "Use connected or all.").into()),
    };
    let org = caller.org.clone();
    let accounts = app.store.read(move |tx| Ok::<_, Problem>(tx.accounts(&org)?)).await?;
    let data =
        accounts.into_iter().filter(|account| all || account.status == "connected").map(AccountObject::from).collect();
    Ok(Answer::new(200, &caller.request, &List::page(data, None, &caller.request))?)
}
