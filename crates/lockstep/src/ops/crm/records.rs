//! Records of the user's CRM through their mapping: one by id, or those that a search event finds.

use lockstep_connect::{Connector, Got, Search, Session};
use lockstep_core::crm::view::{self, CrmRecord};
use lockstep_core::crm::{ApiObject, CrmCode, CrmObject, CrmProblem, Filter, ObjectMapping, RecordId};
use lockstep_core::record::Record;
use lockstep_store::{ConnectionOf, MappingVersion, Org};
use serde_json::Map;

use super::{connections, outcome, schema};
use crate::app::App;
use crate::reach::{self, Class};

/// A CRM object on a connection, as its user mapped it.
#[derive(Clone)]
pub struct Mapped {
    /// The connection.
    pub of: ConnectionOf,
    /// The CRM object.
    pub object: CrmObject,
    /// What the user chose.
    pub mapping: ObjectMapping,
    /// The native object with its fields; `None` when the user opted out of the CRM object.
    pub api: Option<ApiObject>,
}

/// Looks a CRM object up on a connection that can be used.
///
/// # Errors
/// An unknown connection or object, one that the user has not mapped, the vendor's where the fields were never seen, and
/// the store's.
pub async fn mapped(app: &App, org: &Org, connection: &str, object: &str) -> Result<Mapped, CrmProblem> {
    let (org, id) = (org.clone(), connection.to_owned());
    let (of, version) = app
        .store
        .read(move |tx| {
            let of = connections::usable(tx, &org, &id)?;
            let version = tx.mapping_in_force(&of)?;
            Ok::<_, CrmProblem>((of, version))
        })
        .await?;
    let version = version.ok_or_else(|| {
        let message = "The user has not finished mapping this connection. Open CRM Link with the same connectionID.";
        CrmProblem::new(CrmCode::ObjectNotMapped, message)
    })?;
    of_version(app, of, version, object).await
}

/// The same on a version at hand.
///
/// # Errors
/// As [`mapped`].
pub async fn of_version(
    app: &App,
    of: ConnectionOf,
    version: MappingVersion,
    object: &str,
) -> Result<Mapped, CrmProblem> {
    let shown: String = object.chars().take(64).collect();
    let MappingVersion { objects, mapping, .. } = version;
    let object = objects.into_iter().find(|known| known.slug == object).ok_or_else(|| {
        CrmProblem::new(CrmCode::ObjectNotFound, format!("This connection defines no CRM object called {shown}."))
    })?;
    let mapping = mapping.into_iter().find(|mapping| mapping.crm_object_id == object.id).ok_or_else(|| {
        let message = format!("The user has not mapped {}. They can in CRM Link.", object.slug);
        CrmProblem::new(CrmCode::ObjectNotMapped, message)
    })?;
    let api = match mapping.api_object_id {
        None => None,
        Some(id) => Some(schema::as_known(app, &of, id).await?.ok_or_else(|| {
            let message = format!("What {} was mapped to has gone from the CRM.", object.slug);
            CrmProblem::new(CrmCode::MappingBroken, message)
        })?),
    };
    Ok(Mapped { of, object, mapping, api })
}

/// Reads one record. A field that has gone from the CRM since it was mapped is null.
///
/// # Errors
/// As [`mapped`]; [`CrmCode::RecordNotFound`] for a record of another object than the mapped one, and for one that the CRM
/// does not show; the vendor's.
pub async fn read(app: &App, org: &Org, connection: &str, object: &str, id: &str) -> Result<CrmRecord, CrmProblem> {
    let known = mapped(app, org, connection, object).await?;
    let id = known.record(id)?;
    known.current(app, &id).await
}

/// Lists records, and where the next page begins: none for a user who opted out of the object.
///
/// # Errors
/// As [`mapped`]; the vendor's.
pub async fn list(
    app: &App,
    org: &Org,
    connection: &str,
    object: &str,
    limit: usize,
    after: Option<String>,
) -> Result<(Vec<CrmRecord>, Option<String>), CrmProblem> {
    let known = mapped(app, org, connection, object).await?;
    if known.api.is_none() {
        return Ok((Vec::new(), None));
    }
    match known.search(app, Vec::new(), limit, after.clone()).await {
        Err(problem) => match known.moved(app, &problem).await {
            Some(moved) => moved.search(app, Vec::new(), limit, after).await,
            None => Err(problem),
        },
        listed => listed,
    }
}

impl Mapped {
    /// The native object.
    ///
    /// # Errors
    /// [`CrmCode::ObjectNotMapped`] when the user opted out.
    pub fn native(&self) -> Result<&ApiObject, CrmProblem> {
        self.api.as_ref().ok_or_else(|| {
            let message = format!("The user chose not to connect {}.", self.object.slug);
            CrmProblem::new(CrmCode::ObjectNotMapped, message)
        })
    }

    /// A record's id, if it is one of the mapped object.
    ///
    /// # Errors
    /// [`CrmCode::RecordNotFound`] otherwise.
    pub fn record(&self, id: &str) -> Result<RecordId, CrmProblem> {
        let api = self.native()?;
        let parsed = id.parse::<RecordId>().ok();
        parsed.filter(|id| id.object() == api.slug).ok_or_else(|| {
            let message = format!("There is no such record of {}: ids look like {}:123.", self.object.slug, api.slug);
            CrmProblem::new(CrmCode::RecordNotFound, message)
        })
    }

    /// The way out to the vendor.
    ///
    /// # Errors
    /// This program lacks the vendor.
    pub fn session(&self, app: &App) -> Result<(&'static dyn Connector, Session), CrmProblem> {
        reach::session(app, &self.of, Class::Interactive).map_err(super::tokens::broken)
    }

    /// The native properties that the app's fields are made of.
    pub fn properties(&self) -> Vec<String> {
        let root = self.api.as_ref().and_then(|api| api.selector.as_ref());
        root.map_or_else(Vec::new, |root| view::properties(&self.mapping, root).into_iter().collect())
    }

    /// What the app sees of a native record.
    pub fn view(&self, record: &Record) -> Result<CrmRecord, CrmProblem> {
        let api = self.native()?;
        let id = RecordId::new(&api.slug, &record.id).map_err(super::tokens::broken)?;
        let root = api.selector.as_ref();
        let data = root.map_or_else(Map::new, |root| view::data(&self.object, &self.mapping, root, record));
        Ok(CrmRecord::new(&self.object, &id, data))
    }

    /// A native record as the CRM holds it now; `None` when it shows none.
    ///
    /// # Errors
    /// The vendor's.
    pub async fn look(&self, app: &App, id: &RecordId, properties: &[String]) -> Result<Option<Record>, CrmProblem> {
        let (connector, session) = self.session(app)?;
        let got = connector.read(&session, id.object(), &[id.id().to_owned()], properties).await;
        let got = got.map_err(|fault| outcome::problem(app, fault, connector.about(), None))?;
        Ok(match got.into_iter().next() {
            Some(Got::Found(record)) => Some(record),
            Some(Got::Archived(_) | Got::Missing) | None => None,
        })
    }

    /// A record as the app sees it now; `None` when the CRM shows none. A field that has gone from the CRM since it was
    /// mapped is null.
    ///
    /// # Errors
    /// The vendor's.
    pub async fn held(&self, app: &App, id: &RecordId) -> Result<Option<CrmRecord>, CrmProblem> {
        match self.look(app, id, &self.properties()).await {
            Err(problem) => {
                let moved = self.moved(app, &problem).await.ok_or(problem)?;
                let record = moved.look(app, id, &moved.properties()).await?;
                record.map(|record| moved.view(&record)).transpose()
            }
            Ok(record) => record.map(|record| self.view(&record)).transpose(),
        }
    }

    /// The same of a record that is there.
    ///
    /// # Errors
    /// [`CrmCode::RecordNotFound`]; the vendor's.
    pub async fn current(&self, app: &App, id: &RecordId) -> Result<CrmRecord, CrmProblem> {
        let held = self.held(app, id).await?;
        held.ok_or_else(|| CrmProblem::new(CrmCode::RecordNotFound, "The CRM shows no such record."))
    }

    /// The same with the native object as it is now, where a refusal is due to its being no longer what it was. Vendors do
    /// not all say so in a way to rely on, so the object is fetched anew.
    pub(super) async fn moved(&self, app: &App, problem: &CrmProblem) -> Option<Self> {
        let refused = problem.crm.is_some() && matches!(problem.code, CrmCode::MappingBroken | CrmCode::CrmRefused);
        let api = self.api.as_ref().filter(|_| refused)?;
        let fresh = schema::refresh(app, &self.of, &api.slug).await.ok().filter(|fresh| fresh != api)?;
        Some(Self { api: Some(fresh), ..self.clone() })
    }

    /// The records that pass the filters, and where the next page begins.
    ///
    /// # Errors
    /// The vendor's.
    pub async fn search(
        &self,
        app: &App,
        filters: Vec<Filter>,
        limit: usize,
        after: Option<String>,
    ) -> Result<(Vec<CrmRecord>, Option<String>), CrmProblem> {
        let (connector, session) = self.session(app)?;
        let search = Search { filters, changed: None, limit, after };
        let found = connector.search(&session, &self.native()?.slug, &search, &self.properties()).await;
        let found = found.map_err(|fault| outcome::problem(app, fault, connector.about(), None))?;
        let records = found.records.iter().map(|record| self.view(record)).collect::<Result<Vec<_>, _>>()?;
        Ok((records, found.after))
    }
}
