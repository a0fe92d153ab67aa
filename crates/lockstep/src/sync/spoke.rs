//! One sync's CRM as its jobs see it.

use lockstep_connect::{Connector, Fault, Got, KeyField, Session};
use lockstep_core::change::Origin;
use lockstep_core::env::Time;
use lockstep_core::holes::{self, Hole};
use lockstep_core::ids::SyncId;
use lockstep_core::mapping::Mapping;
use lockstep_core::record::{Properties, Record};
use lockstep_store::{ConnectionOf, Org, StoreError, SyncOf, SyncStatus, Tx};

use crate::app::App;
use crate::ops::Author;
use crate::reach::{self, Class};

/// A sync with the way to its CRM. Clones share everything.
#[derive(Clone)]
pub struct Spoke {
    /// The running Lockstep.
    pub app: App,
    /// The sync as it was when the job began.
    pub sync: SyncOf,
    /// Its connection.
    pub connection: ConnectionOf,
    /// The vendor's connector.
    pub connector: &'static dyn Connector,
    /// The way out.
    pub session: Session,
    key: Option<String>,
}

/// Why a job could not do its work now.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Halt {
    /// The store's failure.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vendor's failure.
    #[error(transparent)]
    Vendor(#[from] Fault),
    /// There is nothing to do before this instant.
    #[error("waits until {due}")]
    Wait {
        /// When to run again.
        due: Time,
        /// Whether this run counts as a try.
        counted: bool,
    },
}

impl Spoke {
    /// Opens a sync for a job. `None` when the sync is gone.
    ///
    /// # Errors
    /// The store's, or a vendor that this program lacks.
    pub async fn open(app: &App, id: &SyncId, class: Class) -> Result<Option<Self>, Halt> {
        let id = id.clone();
        let found = app.store.read(move |tx| {
            let Some(sync) = tx.sync(&id)? else { return Ok(None) };
            let connection = tx.connection(sync.org(), &sync.row().connection)?;
            Ok::<_, StoreError>(connection.map(|connection| (sync, connection)))
        });
        let Some((sync, connection)) = found.await? else { return Ok(None) };
        let (connector, session) = reach::session(app, &connection, class)?;
        let key = key_property(&connection)?;
        Ok(Some(Self { app: app.clone(), sync, connection, connector, session, key }))
    }

    /// [`Spoke::open`] for a job that has nothing to do unless the sync runs.
    ///
    /// # Errors
    /// As [`Spoke::open`].
    pub async fn running(app: &App, id: &SyncId, class: Class) -> Result<Option<Self>, Halt> {
        let spoke = Self::open(app, id, class).await?;
        Ok(spoke.filter(|spoke| spoke.sync.row().status == SyncStatus::Running))
    }

    /// Whose sync it is.
    pub fn org(&self) -> &Org {
        self.sync.org()
    }

    /// The mapping in force.
    pub fn mapping(&self) -> &Mapping {
        &self.sync.row().mapping
    }

    /// Every property that reads ask for.
    pub fn properties(&self) -> Vec<String> {
        self.mapping().properties()
    }

    /// The property for our id, if one was agreed and the account still has it.
    pub fn key(&self) -> Option<&str> {
        self.agreed_key().filter(|_| self.mapping().field("id").is_some())
    }

    /// The same, if the vendor keeps it unique: then a create can be repeated, and a look shows at once that it did not land.
    pub fn unique_key(&self) -> Option<&str> {
        self.key().filter(|_| self.connector.about().upsert_by_key)
    }

    /// The property for our id that was agreed, be it there or not.
    pub fn agreed_key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The author of what the CRM's side causes in the inbox.
    pub fn author(&self) -> Author {
        Author { org: self.org().clone(), origin: self.origin(), user: None, livemode: true }
    }

    /// The origin of what the CRM's side causes in the inbox.
    pub fn origin(&self) -> Origin {
        Origin::Crm { sync: self.sync.id().clone(), connection: self.connection.id().clone() }
    }

    /// Reads records by id; one call a read batch.
    ///
    /// # Errors
    /// The vendor's.
    pub async fn get(&self, ids: &[String]) -> Result<Vec<(String, Got)>, Fault> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let got = self.connector.get(&self.session, ids, &self.properties()).await?;
        if holes::open(Hole::NotFoundIsDelete) {
            return Ok(ids
                .iter()
                .cloned()
                .zip(got)
                .map(|(id, got)| (id.clone(), deleted_if_missing(id, got)))
                .collect());
        }
        Ok(ids.iter().cloned().zip(got).collect())
    }

    /// Runs a closure of this sync in a writing transaction.
    ///
    /// # Errors
    /// The store's.
    pub async fn write<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Self, &mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let spoke = self.clone();
        self.app.store.write(move |tx| f(&spoke, tx)).await
    }

    /// Runs a closure of this sync against a snapshot.
    ///
    /// # Errors
    /// The store's.
    pub async fn read<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Self, &mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let spoke = self.clone();
        self.app.store.read(move |tx| f(&spoke, tx)).await
    }
}

/// The unique property that was agreed when the connection was made.
fn key_property(connection: &ConnectionOf) -> Result<Option<String>, StoreError> {
    match serde_json::from_str(&connection.connection().key_field) {
        Ok(KeyField::None) => Ok(None),
        Ok(KeyField::Property { name }) => Ok(Some(name)),
        Err(error) => Err(StoreError::Bug { detail: format!("the key field cannot be read: {error}") }),
    }
}

/// What [`Hole::NotFoundIsDelete`] makes of a read.
fn deleted_if_missing(id: String, got: Got) -> Got {
    match got {
        Got::Missing => {
            let (properties, updated_at, merged) = (Properties::new(), Time::default(), Vec::new());
            Got::Archived(Record { id, properties, updated_at, archived: true, merged })
        }
        Got::Found(_) | Got::Archived(_) => got,
    }
}
