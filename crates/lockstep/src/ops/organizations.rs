//! Organizations, the tenants of one server. The operator makes them: at the command line, or by a key that may.

use lockstep_core::change::Origin;
use lockstep_core::limits::ORGANIZATIONS_MAX;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{KeyKind, KeyLimits, Tx};
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::ops::Author;
use crate::ops::accounts::{self, NewAccount};
use crate::ops::audit::{Action, note};
use crate::ops::keys::{self, Wish};
use crate::ops::users::check_name;

/// The first keys of an organization, to be shown once.
#[derive(Serialize, ToSchema)]
pub struct Keys {
    /// For the inbox API.
    pub api_key: String,
    /// For CRM Link.
    pub publishable_key: String,
    /// For the CRM API.
    pub secret_key: String,
    /// For the console.
    pub admin_link: String,
}

/// Makes an organization with its first account, and answers its author: who made it, in it.
///
/// # Errors
/// A name that will not do, [`ORGANIZATIONS_MAX`] organizations, or as [`accounts::add`].
pub fn make(tx: &mut Tx<'_>, origin: Origin, name: &str, account: &NewAccount) -> Result<Author, Problem> {
    check_name(name)?;
    tx.hold_founding()?;
    if tx.count_orgs()? >= ORGANIZATIONS_MAX {
        let message = format!("A server has at most {ORGANIZATIONS_MAX} organizations.");
        return Err(Problem::new(Code::InvalidFieldValue, message));
    }
    let org = tx.create_org(name)?;
    let by = Author { org, origin, user: None, livemode: true };
    note(tx, &by, Action::OrganizationMade, &json!({ "organization": by.org.id(), "name": name }))?;
    accounts::add(tx, &by, account)?;
    Ok(by)
}

/// Makes an organization on behalf of a key. What a key of one organization makes here is another tenant: nothing leads
/// from one to the other but the keys that are shown.
///
/// # Errors
/// [`Code::InsufficientScope`] for a test key, or as [`make`].
pub fn make_for(tx: &mut Tx<'_>, caller: &Caller, name: &str, account: &NewAccount) -> Result<Author, Problem> {
    if !caller.livemode {
        let message = "A test key makes no organizations: their keys are live.";
        return Err(Problem::of(Code::InsufficientScope, "livemode", message));
    }
    make(tx, caller.author().origin, name, account)
}

/// Makes the keys that a new organization starts with.
///
/// # Errors
/// The store's.
pub fn first_keys(tx: &mut Tx<'_>, app: &App, by: &Author) -> Result<Keys, Problem> {
    let mut key = |kind| {
        let wish = Wish {
            kind,
            label: "init".to_owned(),
            live: true,
            expires_at: None,
            scopes: Vec::new(),
            limits: KeyLimits::default(),
        };
        Ok::<_, Problem>(keys::make(tx, by, wish)?.plaintext.expose_secret().to_owned())
    };
    let admin = key(KeyKind::Admin)?;
    Ok(Keys {
        api_key: key(KeyKind::Api)?,
        publishable_key: key(KeyKind::Publishable)?,
        secret_key: key(KeyKind::Secret)?,
        // Behind the # a browser keeps it to itself.
        admin_link: format!("{}/inbox#key={admin}", app.settings.public_url),
    })
}
