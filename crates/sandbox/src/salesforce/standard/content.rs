//! Notes of both kinds, and topics as tags.

use super::super::field::{Field, Kind, Source};
use super::super::schema::Object;
use super::{area, check, number, object, owner, pick, refer, text};

const ANYTHING: [&str; 6] = ["Contact", "Account", "Lead", "Opportunity", "Case", "Task"];

pub(super) fn objects() -> Vec<Object> {
    vec![note(), content_note(), link(), topic(), assignment()]
}

fn note() -> Object {
    object(
        "Note",
        "Notes",
        "002",
        vec![
            refer("ParentId", &ANYTHING).required().fixed().cascades().children("Notes"),
            text("Title", 80).required(),
            check("IsPrivate").label("Private"),
            area("Body", 32_000),
            owner(),
        ],
    )
}

fn content_note() -> Object {
    object(
        "ContentNote",
        "Notes",
        "069",
        vec![
            text("Title", 255).required(),
            Field::new("Content", Kind::Base64, 0),
            text("TextPreview", 255).from(Source::Preview),
            number("ContentSize", Kind::Int, 9, 0).read_only(),
            owner(),
        ],
    )
}

fn link() -> Object {
    object(
        "ContentDocumentLink",
        "Content Document Link",
        "06A",
        vec![
            refer("LinkedEntityId", &ANYTHING).required().fixed().cascades().children("ContentDocumentLinks"),
            refer("ContentDocumentId", &["ContentNote"]).required().fixed().cascades().children("ContentDocumentLinks"),
            pick("ShareType", &["V", "C", "I"]).required().default("V"),
            pick("Visibility", &["AllUsers", "InternalUsers", "SharedUsers"]).required().default("AllUsers"),
        ],
    )
}

fn topic() -> Object {
    let name = Field { unique: true, ..text("Name", 99).required() };
    object(
        "Topic",
        "Topics",
        "0TO",
        vec![name, area("Description", 32_000), number("TalkingAbout", Kind::Int, 8, 0).read_only()],
    )
}

fn assignment() -> Object {
    object(
        "TopicAssignment",
        "Topic Assignments",
        "0mo",
        vec![
            refer("TopicId", &["Topic"]).required().fixed().cascades().children("TopicAssignments"),
            refer("EntityId", &ANYTHING).required().fixed().cascades().children("TopicAssignments"),
            text("EntityType", 40).read_only(),
        ],
    )
}
