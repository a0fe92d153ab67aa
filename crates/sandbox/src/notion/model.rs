//! What an account holds: databases with their data sources, pages with their blocks, and comments.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::cells::Cell;
use super::schema::Property;
use super::texts::Piece;

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Author {
    /// The connection, through the API.
    Bot,
    /// Somebody in Notion's own pages.
    Person,
}

/// Where something hangs.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Parent {
    Workspace,
    Page(String),
    /// A block, and the page it is on.
    Block(String),
    Source(String),
}

/// When something was made and changed, by whom, and whether it lies in the trash.
#[derive(Clone, Debug)]
pub(super) struct Life {
    pub(super) created_us: i64,
    pub(super) edited_us: i64,
    pub(super) created_by: Author,
    pub(super) edited_by: Author,
    pub(super) in_trash: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Database {
    pub(super) id: String,
    pub(super) title: Vec<Piece>,
    pub(super) icon: Value,
    pub(super) parent: Parent,
    pub(super) sources: Vec<String>,
    pub(super) life: Life,
}

#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) id: String,
    pub(super) database: String,
    pub(super) title: Vec<Piece>,
    pub(super) icon: Value,
    pub(super) properties: Vec<Property>,
    /// Its pages, in the order they were made.
    pub(super) rows: Vec<String>,
    pub(super) life: Life,
    /// Not shared with the connection.
    pub(super) hidden: bool,
    pub(super) last_number: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) id: String,
    pub(super) parent: Parent,
    /// By property id. A page that is in no data source has a title alone.
    pub(super) cells: BTreeMap<Arc<str>, Cell>,
    pub(super) icon: Value,
    pub(super) cover: Value,
    pub(super) is_locked: bool,
    /// Counted within its data source.
    pub(super) number: u64,
    pub(super) life: Life,
    /// Not shared with the connection.
    pub(super) hidden: bool,
    pub(super) readable_from_us: i64,
    pub(super) blocks: Vec<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) id: String,
    pub(super) page: String,
    pub(super) parent: Parent,
    pub(super) kind: String,
    pub(super) body: Value,
    pub(super) life: Life,
    pub(super) blocks: Vec<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Comment {
    pub(super) id: String,
    pub(super) page: String,
    pub(super) parent: Parent,
    pub(super) discussion: String,
    pub(super) text: Vec<Piece>,
    pub(super) life: Life,
    /// Counted within the account.
    pub(super) number: u64,
}
