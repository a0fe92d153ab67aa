//! What properties are called in records.
//!
//! A person may rename every property, so records go by the ids, which stay. Four kinds have a name of their own, which
//! is the same in every account: `title`, the property that every page has; `email` and `phone_number`, the only property
//! of that type, and where there are several the one that people named for Lockstep, `lockstep_email` or
//! `lockstep_phone`; and whatever else was named for Lockstep, such as `lockstep_id`.

use serde_json::Value as Json;

/// Names for people that begin so are names in records, too.
const OURS: &str = "lockstep_";

/// A property without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub id: String,
    /// The name for people.
    pub label: String,
    /// Notion's name of its type.
    pub kind: String,
}

impl Column {
    /// Reads a property of a page or of a data source.
    pub(super) fn of(label: &str, property: &Json) -> Option<Self> {
        let text = |name: &str| property[name].as_str().map(str::to_owned);
        Some(Self { id: text("id")?, label: label.to_owned(), kind: text("type")? })
    }
}

/// What the property at a place is called in records.
pub(super) fn name<'a>(columns: &'a [Column], column: &'a Column) -> &'a str {
    match column.kind.as_str() {
        "title" => "title",
        kind @ ("email" | "phone_number") if chief(columns, kind) == Some(column) => kind,
        _ if column.label.starts_with(OURS) => &column.label,
        _ => &column.id,
    }
}

/// The property that stands for its type. Of several none does, whatever it is called: Notion does not tell which one is
/// older, and a new and empty "Email" must not take the place of the one in use. People say which one by a name that no
/// property has by chance.
fn chief<'a>(columns: &'a [Column], kind: &str) -> Option<&'a Column> {
    let of_kind: Vec<&Column> = columns.iter().filter(|column| column.kind == kind).collect();
    match of_kind.as_slice() {
        [only] => Some(only),
        several => several.iter().find(|column| column.label == chosen(kind)).copied(),
    }
}

/// What people call the property that is to stand for its type where there are several.
pub(super) fn chosen(kind: &str) -> &'static str {
    if kind == "email" { "lockstep_email" } else { "lockstep_phone" }
}

/// The property that a name in a record means; an id and a name for people mean one, too.
pub(super) fn find<'a>(columns: &'a [Column], wanted: &str) -> Option<&'a Column> {
    let by = |is_it: &dyn Fn(&Column) -> bool| columns.iter().find(|column| is_it(column));
    by(&|column| name(columns, column) == wanted)
        .or_else(|| by(&|column| column.id == wanted))
        .or_else(|| by(&|column| column.label == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(id: &str, label: &str, kind: &str) -> Column {
        Column { id: id.into(), label: label.into(), kind: kind.into() }
    }

    #[test]
    fn well_known_properties_are_known_by_type_and_all_others_by_id() {
        let columns = [
            column("title", "Full name", "title"),
            column("a%3A", "Mail", "email"),
            column("b", "lockstep_phone", "phone_number"),
            column("c", "Work phone", "phone_number"),
            column("d", "lockstep_id", "rich_text"),
            column("e", "Notes", "rich_text"),
        ];
        let names: Vec<&str> = columns.iter().map(|it| name(&columns, it)).collect();
        assert_eq!(names, ["title", "email", "phone_number", "c", "lockstep_id", "e"]);
        for (wanted, id) in [("title", "title"), ("email", "a%3A"), ("a%3A", "a%3A"), ("Notes", "e"), ("c", "c")] {
            assert_eq!(find(&columns, wanted).map(|it| it.id.as_str()), Some(id), "{wanted}");
        }
        assert_eq!(find(&columns, "url"), None);
    }

    #[test]
    fn of_several_none_is_taken_but_the_one_that_was_named_for_it() {
        let mut columns = vec![column("a", "Mail", "email")];
        assert_eq!(find(&columns, "email").map(|it| it.id.as_str()), Some("a"));
        columns.push(column("b", "Email", "email"));
        assert_eq!(find(&columns, "email"), None, "the new one is empty, and nobody knows which one is new");
        columns[0].label = "lockstep_email".into();
        assert_eq!(find(&columns, "email").map(|it| it.id.as_str()), Some("a"));
        let names: Vec<&str> = columns.iter().map(|it| name(&columns, it)).collect();
        assert_eq!(names, ["email", "b"]);
    }
}
