//! The objects of an account: its data sources, and comments (Notion's pages "Data source properties" and "Comment").

use lockstep_core::crm::selector::Choice;
use lockstep_core::crm::{Access, ApiObject, NativeField, NativeKind};

use super::naming::{self, Column};
use super::search::is_searchable;
use super::sources::{self, Source, Which};
use super::values::is_read_only;
use crate::door::Session;
use crate::fault::Fault;

/// What is left on a page. It can be made and nothing else.
pub(super) const COMMENTS: &str = "comments";
/// The words of a comment.
pub(super) const TEXT: &str = "text";

/// The data sources that were shared with us, and comments. One call for each hundred.
pub(super) async fn objects(session: &Session) -> Result<Vec<ApiObject>, Fault> {
    let mut all: Vec<ApiObject> = sources::all(session).await?.iter().map(described).collect();
    all.sort_by_cached_key(|object| object.label_many.to_lowercase());
    all.push(comments());
    Ok(all)
}

/// Notion has one name for one and for many.
fn described(source: &Source) -> ApiObject {
    let title = Some(source.title()).filter(|title| !title.is_empty()).unwrap_or_else(|| "Untitled".to_owned());
    ApiObject::new(&source.id, &title, &title)
}

fn comments() -> ApiObject {
    ApiObject::new(COMMENTS, "Comment", "Comments")
}

/// One data source with its fields. One call. Automations cannot be seen, and not be started.
pub(super) async fn object(session: &Session, slug: &str) -> Result<ApiObject, Fault> {
    if slug == COMMENTS {
        let access = Access { createable: true, required: true, ..Access::default() };
        return Ok(comments().described(&[field(TEXT, "Text", NativeKind::Text, Vec::new(), access)]));
    }
    sources::forget(session);
    let source = sources::source(session, Which::Id(slug)).await?;
    let columns = source.columns();
    let mut fields: Vec<NativeField> = columns.iter().map(|column| field_of(&source, &columns, column)).collect();
    fields.sort_by_cached_key(|field| (field.name != "title", field.label.to_lowercase()));
    Ok(described(&source).described(&fields))
}

fn field_of(source: &Source, columns: &[Column], column: &Column) -> NativeField {
    let kind = kind(&column.kind);
    let options = source.options(column).into_iter();
    let choices = options.map(|name| Choice { label: name.clone(), value: name }).collect();
    let writable = !is_read_only(&column.kind);
    let access = Access {
        readable: true,
        createable: writable,
        updateable: writable,
        // Notion requires nothing, not even a title.
        required: false,
        searchable: is_searchable(&column.kind),
    };
    field(naming::name(columns, column), &column.label, kind, choices, access)
}

fn field(name: &str, label: &str, kind: NativeKind, choices: Vec<Choice>, access: Access) -> NativeField {
    let (name, label) = (name.to_owned(), label.to_owned());
    NativeField { name, label, kind, choices, access, children: Vec::new() }
}

fn kind(native: &str) -> NativeKind {
    match native {
        "number" => NativeKind::Number,
        "checkbox" => NativeKind::Boolean,
        "date" => NativeKind::Date,
        "created_time" | "last_edited_time" => NativeKind::Datetime,
        "select" | "status" => NativeKind::Choice,
        "multi_select" | "people" | "relation" | "files" => NativeKind::Choices,
        _ => NativeKind::Text,
    }
}
