//! Parameters and columns, the same for both engines: integers, text and bytes, nothing else.

use std::borrow::Cow;
use std::cell::Cell;
use std::str::FromStr;

use bytes::BytesMut;
use lockstep_core::env::Time;
use lockstep_core::ids;
use lockstep_core::phone::Phone;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use rusqlite::types::{ToSqlOutput, ValueRef};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;

/// One parameter of a statement.
#[derive(Clone, Debug)]
pub(crate) enum Arg<'a> {
    Null,
    Int(i64),
    Text(Cow<'a, str>),
    Blob(&'a [u8]),
}

/// The parameters of a statement, `?1` first.
macro_rules! args {
    ($($value:expr),* $(,)?) => { &[$($crate::sql::Arg::from($value)),*] };
}
pub(crate) use args;

impl Arg<'_> {
    /// A value kept as JSON text.
    pub(crate) fn json(value: &impl Serialize) -> Result<Arg<'static>, StoreError> {
        serde_json::to_string(value).map(|text| Arg::Text(Cow::Owned(text))).map_err(StoreError::bug)
    }

    /// A member of a closed set, kept as the word that serde gives it.
    pub(crate) fn word(value: &impl Serialize) -> Result<Arg<'static>, StoreError> {
        match serde_json::to_value(value) {
            Ok(serde_json::Value::String(word)) => Ok(Arg::Text(Cow::Owned(word))),
            other => Err(StoreError::bug(format!("not a word: {other:?}"))),
        }
    }
}

impl From<i64> for Arg<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<usize> for Arg<'_> {
    fn from(value: usize) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Arg<'_> {
    fn from(value: bool) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<Time> for Arg<'_> {
    fn from(value: Time) -> Self {
        Self::Int(value.0)
    }
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Cow::Borrowed(value))
    }
}

impl<'a> From<&'a String> for Arg<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(Cow::Borrowed(value))
    }
}

impl From<String> for Arg<'_> {
    fn from(value: String) -> Self {
        Self::Text(Cow::Owned(value))
    }
}

impl<'a> From<&'a [u8]> for Arg<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Blob(value)
    }
}

impl<'a, T> From<Option<T>> for Arg<'a>
where
    Arg<'a>: From<T>,
{
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::from)
    }
}

impl rusqlite::ToSql for Arg<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

impl ToSql for Arg<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) => value.to_sql_checked(ty, out),
            Self::Text(value) => value.as_ref().to_sql_checked(ty, out),
            Self::Blob(value) => value.to_sql_checked(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true // Each variant checks its own type above.
    }

    to_sql_checked!();
}

/// One row of an answer, read column by column from the left.
pub(crate) struct Row<'r> {
    cells: Cells<'r>,
    next: Cell<usize>,
}

#[derive(Clone, Copy)]
enum Cells<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r postgres::Row),
}

impl<'r> Row<'r> {
    pub(crate) fn sqlite(row: &'r rusqlite::Row<'r>) -> Self {
        Self { cells: Cells::Sqlite(row), next: Cell::new(0) }
    }

    pub(crate) fn postgres(row: &'r postgres::Row) -> Self {
        Self { cells: Cells::Postgres(row), next: Cell::new(0) }
    }

    /// The next column.
    pub(crate) fn take<T: Column>(&self) -> Result<T, StoreError> {
        let index = self.next.replace(self.next.get() + 1);
        let raw: T::Raw = match self.cells {
            Cells::Sqlite(row) => row.get(index).map_err(StoreError::bug)?,
            Cells::Postgres(row) => row.try_get(index).map_err(StoreError::bug)?,
        };
        T::read(raw)
    }

    /// The next column, kept as JSON text.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        let text: String = self.take()?;
        serde_json::from_str(&text).map_err(StoreError::bug)
    }

    /// The next column, kept as JSON text where it is not null.
    pub(crate) fn maybe_json<T: DeserializeOwned>(&self) -> Result<Option<T>, StoreError> {
        let text: Option<String> = self.take()?;
        text.map(|text| serde_json::from_str(&text).map_err(StoreError::bug)).transpose()
    }

    /// The next column, a member of a closed set.
    pub(crate) fn word<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        let word: String = self.take()?;
        serde_json::from_value(serde_json::Value::String(word)).map_err(StoreError::bug)
    }
}

/// A page out of one row more than was asked for, and whether that row existed.
pub(crate) fn cut<T>(mut rows: Vec<T>, limit: usize) -> (Vec<T>, bool) {
    let more = rows.len() > limit;
    rows.truncate(limit);
    (rows, more)
}

/// What a column can be read as.
pub(crate) trait Column: Sized {
    type Raw: rusqlite::types::FromSql + for<'a> postgres::types::FromSql<'a>;
    fn read(raw: Self::Raw) -> Result<Self, StoreError>;
}

macro_rules! plain_columns {
    ($($kind:ty),*) => {$(
        impl Column for $kind {
            type Raw = Self;
            fn read(raw: Self) -> Result<Self, StoreError> {
                Ok(raw)
            }
        }
    )*};
}
plain_columns!(i64, String, Vec<u8>);

impl Column for bool {
    type Raw = i64;
    fn read(raw: i64) -> Result<Self, StoreError> {
        Ok(raw != 0)
    }
}

impl Column for Time {
    type Raw = i64;
    fn read(raw: i64) -> Result<Self, StoreError> {
        Ok(Self(raw))
    }
}

impl Column for Phone {
    type Raw = String;
    fn read(raw: String) -> Result<Self, StoreError> {
        Self::parse(&raw).map_err(StoreError::bug)
    }
}

impl<T: Column> Column for Option<T> {
    type Raw = Option<T::Raw>;
    fn read(raw: Option<T::Raw>) -> Result<Self, StoreError> {
        raw.map(T::read).transpose()
    }
}

macro_rules! id_columns {
    ($($id:ident),*) => {$(
        impl Column for ids::$id {
            type Raw = String;
            fn read(raw: String) -> Result<Self, StoreError> {
                Self::from_str(&raw).map_err(StoreError::bug)
            }
        }

        impl<'a> From<&'a ids::$id> for Arg<'a> {
            fn from(id: &'a ids::$id) -> Self {
                Self::Text(Cow::Borrowed(id.as_str()))
            }
        }
    )*};
}
id_columns!(
    OrgId,
    KeyId,
    ContextId,
    ConnectionId,
    SyncId,
    PairId,
    ContactId,
    ChannelId,
    LabelId,
    UserId,
    TeamId,
    ConversationId,
    MessageId,
    AccountId,
    ChangeId,
    IntentId,
    PlanId,
    ParkedId,
    JobId,
    ReceivedId,
    EventId,
    SubscriptionId,
    SecretId,
    DeliveryId,
    AuthorizationId,
    InvocationId,
    CrmSubscriptionId,
    CrmDeliveryId
);
