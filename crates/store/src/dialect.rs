//! All that differs between the two engines.

/// What the SQL of one engine needs that the other's does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// The engine's name for people and for `doctor`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgresql",
        }
    }

    /// Ends a claim's SELECT: rows that another node is claiming are passed over. SQLite has one writer.
    pub(crate) const fn skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// Whether a column is among the texts of parameter `n`, a JSON array: any number of ids in one statement. PostgreSQL
    /// makes an array of them first, because only that is looked up by index whatever it knows of the table.
    pub(crate) fn among(self, column: &str, n: usize) -> String {
        match self {
            Self::Sqlite => format!("{column} IN (SELECT value FROM json_each(?{n}))"),
            Self::Postgres => format!("{column} = ANY (ARRAY (SELECT json_array_elements_text(?{n}::text::json)))"),
        }
    }

    /// Keeps every other writer of an organization out until the commit. SQLite has one writer anyway. The lock is the
    /// weakest that does: rows that refer to the organization can still be added.
    pub(crate) const fn hold_organization(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("SELECT 1 FROM organizations WHERE id = ?1 FOR NO KEY UPDATE"),
        }
    }

    /// Finds nothing while another transaction has this organization's idempotency key. SQLite has one writer: a second
    /// request waits for the first one's commit anyway.
    pub(crate) const fn try_request(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => {
                Some("SELECT 1 WHERE pg_try_advisory_xact_lock(hashtextextended(?1::text || '/' || ?2::text, 0))")
            }
        }
    }

    /// Keeps others that found an organization out until the commit. There is no row yet to lock. SQLite has one
    /// writer anyway.
    pub(crate) const fn hold_founding(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("SELECT pg_advisory_xact_lock(4993421)"),
        }
    }
}

/// The text with PostgreSQL's `$1` where we write `?1`. No literal of ours holds a question mark.
pub(crate) fn for_postgres(sql: &str) -> String {
    sql.replace('?', "$")
}
