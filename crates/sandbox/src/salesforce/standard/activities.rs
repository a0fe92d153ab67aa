//! What happened with a person: tasks, events, e-mails.

use super::super::field::{Kind, Source};
use super::super::schema::Object;
use super::{area, check, number, object, of, owner, pick, refer, text};

const WHO: [&str; 2] = ["Contact", "Lead"];
const WHAT: [&str; 3] = ["Account", "Opportunity", "Case"];

pub(super) fn objects() -> Vec<Object> {
    vec![task(), event(), email_message()]
}

fn task() -> Object {
    object(
        "Task",
        "Tasks",
        "00T",
        vec![
            refer("WhoId", &WHO).children("Tasks").cascades(),
            refer("WhatId", &WHAT).children("Tasks").cascades(),
            text("Subject", 255),
            of("ActivityDate", Kind::Date).label("Due Date Only"),
            pick("Status", &["Not Started", "In Progress", "Completed", "Waiting on someone else", "Deferred"])
                .required()
                .default("Not Started"),
            pick("Priority", &["High", "Normal", "Low"]).required().default("Normal"),
            check("IsHighPriority").from(Source::IsHighPriority).label("High Priority"),
            owner(),
            area("Description", 32_000).label("Comments"),
            refer("AccountId", &["Account"]).read_only(),
            check("IsClosed").from(Source::IsClosed).label("Closed"),
            number("CallDurationInSeconds", Kind::Int, 8, 0),
            pick("CallType", &["Internal", "Inbound", "Outbound"]),
            text("CallDisposition", 255),
            pick("TaskSubtype", &["Task", "Email", "ListEmail", "Call", "Cadence", "LinkedIn"]).fixed().default("Task"),
            of("ReminderDateTime", Kind::DateTime),
            check("IsReminderSet").label("Reminder Set"),
        ],
    )
}

fn event() -> Object {
    object(
        "Event",
        "Events",
        "00U",
        vec![
            refer("WhoId", &WHO).children("Events").cascades(),
            refer("WhatId", &WHAT).children("Events").cascades(),
            text("Subject", 255),
            text("Location", 255),
            of("ActivityDateTime", Kind::DateTime),
            of("ActivityDate", Kind::Date),
            number("DurationInMinutes", Kind::Int, 8, 0),
            of("StartDateTime", Kind::DateTime),
            of("EndDateTime", Kind::DateTime),
            area("Description", 32_000),
            owner(),
        ],
    )
}

fn email_message() -> Object {
    object(
        "EmailMessage",
        "Email Messages",
        "02s",
        vec![
            refer("ParentId", &["Case"]).children("EmailMessages").cascades(),
            refer("RelatedToId", &WHAT).children("Emails"),
            text("Subject", 3_000),
            area("TextBody", 131_072),
            area("HtmlBody", 131_072),
            text("FromAddress", 1_000),
            text("ToAddress", 4_000),
            check("Incoming"),
            of("MessageDate", Kind::DateTime),
        ],
    )
}
