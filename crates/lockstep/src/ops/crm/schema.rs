//! What a connection's CRM offers: fetched after it was authorised, kept, and fetched again when a person looks.

use std::time::Duration;

use lockstep_core::crm::{ApiObject, CrmCode, CrmProblem};
use lockstep_core::ids::ConnectionId;
use lockstep_core::job::Job;
use lockstep_store::ConnectionOf;

use super::outcome;
use crate::app::App;
use crate::reach::{self, Class};
use crate::sync::Halt;

/// How old a person may see a description before it is fetched anew.
const FRESH: Duration = Duration::from_secs(60);

/// The objects of the connection's CRM, without their fields.
///
/// # Errors
/// [`CrmCode::MetadataPending`] while they are being fetched; the store's.
pub async fn objects(app: &App, of: &ConnectionOf) -> Result<Vec<ApiObject>, CrmProblem> {
    let kept = {
        let of = of.clone();
        app.store.read(move |tx| Ok::<_, CrmProblem>(tx.api_objects(&of)?)).await?
    };
    kept.map(|(objects, _)| objects).ok_or_else(pending)
}

fn pending() -> CrmProblem {
    let message = "The CRM's objects are still being fetched. Ask again in a second.";
    let retry_after = Some(Duration::from_secs(1));
    CrmProblem { retry_after, ..CrmProblem::new(CrmCode::MetadataPending, message) }
}

/// The same for a person who looks: a list that was never fetched, or a minute ago, is fetched in the background.
///
/// # Errors
/// As [`objects`].
pub async fn objects_anew(app: &App, of: &ConnectionOf) -> Result<Vec<ApiObject>, CrmProblem> {
    let (looked, now) = (of.clone(), app.env.now());
    app.store
        .write(move |tx| {
            let fresh = tx.api_objects(&looked)?.is_some_and(|(_, at)| now >= at && now.since(at) < FRESH);
            if !fresh {
                tx.enqueue(&Job::Describe { connection: looked.id().clone() }, now)?;
            }
            Ok::<_, CrmProblem>(())
        })
        .await?;
    objects(app, of).await
}

/// One object with its fields, not older than a minute: one that has changed in the CRM is shown as it is. Where the CRM
/// does not answer, as it was last seen.
///
/// # Errors
/// [`CrmCode::NotFound`] when the CRM has no such object; the vendor's where nothing was seen before; the store's.
pub async fn object(app: &App, of: &ConnectionOf, slug: &str) -> Result<ApiObject, CrmProblem> {
    let kept = known(app, of, slug).await?;
    let now = app.env.now();
    match kept {
        Some((object, at)) if now >= at && now.since(at) < FRESH => Ok(object),
        Some((object, _)) => Ok(refresh(app, of, slug).await.unwrap_or(object)),
        None => refresh(app, of, slug).await,
    }
}

/// The object with this number as it was last seen, or fetched where it was never; `None` when it has gone. Events go by
/// this one: no call is made for them.
///
/// # Errors
/// As [`objects`] and [`object`].
pub async fn as_known(app: &App, of: &ConnectionOf, id: i64) -> Result<Option<ApiObject>, CrmProblem> {
    let reader = of.clone();
    let found = app.store.read(move |tx| {
        let (objects, _) = tx.api_objects(&reader)?.ok_or_else(pending)?;
        let Some(chosen) = objects.into_iter().find(|object| object.id == id) else { return Ok(None) };
        let kept = tx.api_object(&reader, &chosen.slug)?;
        Ok::<_, CrmProblem>(Some((chosen.slug, kept)))
    });
    match found.await? {
        None => Ok(None),
        Some((_, Some((object, _)))) => Ok(Some(object)),
        Some((slug, None)) => refresh(app, of, &slug).await.map(Some),
    }
}

async fn known(
    app: &App,
    of: &ConnectionOf,
    slug: &str,
) -> Result<Option<(ApiObject, lockstep_core::env::Time)>, CrmProblem> {
    let (of, slug) = (of.clone(), slug.to_owned());
    app.store.read(move |tx| Ok::<_, CrmProblem>(tx.api_object(&of, &slug)?)).await
}

/// Fetches one object with its fields and keeps it.
///
/// # Errors
/// [`CrmCode::NotFound`] when the CRM has no such object; the vendor's; the store's.
pub async fn refresh(app: &App, of: &ConnectionOf, slug: &str) -> Result<ApiObject, CrmProblem> {
    let (connector, session) = reach::session(app, of, Class::Interactive).map_err(super::tokens::broken)?;
    let object = connector.object(&session, slug).await.map_err(|fault| match fault.class {
        lockstep_connect::FaultClass::Missing => {
            CrmProblem::new(CrmCode::NotFound, "The CRM has no such object, or does not show it to us.")
        }
        _ => outcome::problem(app, fault, connector.about(), None),
    })?;
    let (of, kept) = (of.clone(), object.clone());
    app.store.write(move |tx| Ok::<_, CrmProblem>(tx.put_api_object(&of, &kept)?)).await?;
    Ok(object)
}

/// Carries out [`Job::Describe`].
///
/// # Errors
/// The vendor's or the store's; the job is then to be repeated.
pub async fn run(app: &App, connection: &ConnectionId) -> Result<(), Halt> {
    let id = connection.clone();
    let Some(of) = app.store.read(move |tx| tx.connection_of_job(&id)).await? else { return Ok(()) };
    if of.connection().disabled_at.is_some() {
        return Ok(());
    }
    let (connector, session) = reach::session(app, &of, Class::Interactive)?;
    let objects = connector.objects(&session).await?;
    Ok(app.store.write(move |tx| tx.put_api_objects(&of, &objects)).await?)
}
