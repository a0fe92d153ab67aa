//! What the templates show. askama escapes every value; nothing is marked as safe but what it rendered itself.

use askama::Template;
use lockstep_core::conversation::ConversationStatus;
use lockstep_core::env::Time;
use lockstep_core::ids::{MessageId, UserId};
use lockstep_core::message::{Direction, Message, MessageKind};
use lockstep_store::User;
use serde_json::Value as Json;

use super::filters::{Filters, Whose};
use crate::ops::payload::{ContactObject, ConversationObject, LabelObject};

/// The whole page around its body.
#[derive(Template)]
#[template(path = "inbox/shell.html")]
pub struct Shell<'a> {
    /// What the window is called.
    pub title: &'a str,
    /// What the body is known by.
    pub etag: &'a str,
    /// The body, rendered.
    pub body: &'a str,
}

/// Where a person signs in.
#[derive(Template)]
#[template(path = "inbox/sign_in.html")]
pub struct SignInPage<'a> {
    /// Where to go on then.
    pub next: &'a str,
    /// Why the last try failed.
    pub error: Option<&'a str>,
}

/// A problem.
#[derive(Template)]
#[template(path = "inbox/trouble.html")]
pub struct TroublePage<'a> {
    /// What happened and what to do.
    pub message: &'a str,
}

/// The list, and beside it a conversation if one is open.
#[derive(Template)]
#[template(path = "inbox/body.html")]
pub struct Body<'a> {
    /// What the list is asked for.
    pub filters: &'a Filters,
    /// The same as an address carries it.
    pub query: String,
    /// This page's own path.
    pub path: String,
    /// What every form carries.
    pub csrf: &'a str,
    /// Who the person says they are.
    pub me: Option<&'a User>,
    /// Whom a conversation can be given to.
    pub users: Vec<User>,
    /// Whether there are more.
    pub more_users: bool,
    /// The conversations, the most recent activity first.
    pub rows: Vec<Row>,
    /// Where the list goes on.
    pub older: Option<String>,
    /// The open conversation.
    pub thread: Option<Thread>,
}

impl Body<'_> {
    /// What is rendered without its cursors. They are sealed anew each time and stand for rows that are shown, so they
    /// alone make no other page.
    pub fn lasting(&self, rendered: &str) -> String {
        let links = [self.older.as_deref(), self.thread.as_ref().and_then(|thread| thread.earlier.as_deref())];
        let cursors = links.into_iter().flatten().filter_map(|link| link.rsplit_once('='));
        cursors.fold(rendered.to_owned(), |text, (_, cursor)| text.replace(cursor, ""))
    }

    /// Whether there are too many people to list them all.
    fn searches_people(&self) -> bool {
        self.more_users || !self.filters.person.is_empty()
    }

    fn statuses(&self) -> Vec<Chip> {
        let chip = |status: ConversationStatus| Chip {
            word: standing(status),
            href: format!("/inbox?{}", self.filters.with_status(status).query()),
            current: self.filters.status == status,
        };
        ConversationStatus::ALL.map(chip).into()
    }

    fn owners(&self) -> Vec<Chip> {
        let chip = |(whose, word): (Whose, &'static str)| Chip {
            word,
            href: format!("/inbox?{}", self.filters.with_whose(whose).query()),
            current: self.filters.whose == whose,
        };
        [(Whose::All, "Everyone"), (Whose::Mine, "Mine"), (Whose::Nobody, "Unassigned")].map(chip).into()
    }

    fn is_me(&self, user: &User) -> bool {
        self.me.is_some_and(|me| me.id == user.id)
    }

    fn wants_a_name(&self) -> bool {
        self.filters.whose == Whose::Mine && self.me.is_none()
    }
}

/// One choice of a filter.
pub struct Chip {
    word: &'static str,
    href: String,
    current: bool,
}

const fn standing(status: ConversationStatus) -> &'static str {
    match status {
        ConversationStatus::Open => "Open",
        ConversationStatus::Pending => "Pending",
        ConversationStatus::Resolved => "Closed",
    }
}

/// A conversation in the list.
pub struct Row {
    of: ConversationObject,
    name: String,
    /// What was said last.
    last: String,
    href: String,
    current: bool,
}

/// Characters of a message that the list shows.
const PREVIEW_CHARS: usize = 120;

impl Row {
    /// A row that leads to its conversation with the same filters.
    pub fn new(of: ConversationObject, last: Option<&Message>, query: &str, current: bool) -> Self {
        let last = last.map(preview).unwrap_or_default();
        Self { name: name_of(&of), last, href: format!("/inbox/{}?{query}", of.id), of, current }
    }

    fn labels(&self) -> &[LabelObject] {
        self.of.labels.as_deref().unwrap_or_default()
    }

    fn when(&self) -> Option<Moment> {
        self.of.last_message_at.map(Moment)
    }
}

/// The beginning of a message, on one line.
fn preview(message: &Message) -> String {
    let whose = if message.direction == Direction::Outbound { "Us: " } else { "" };
    let line = words(message).split_whitespace().collect::<Vec<_>>().join(" ");
    whose.chars().chain(line.chars()).take(PREVIEW_CHARS).collect()
}

fn name_of(of: &ConversationObject) -> String {
    let known = of.contact.name.as_ref().or(of.contact.phone_number.as_ref());
    known.cloned().unwrap_or_else(|| "Somebody".to_owned())
}

/// The open conversation.
pub struct Thread {
    /// Itself.
    pub of: ConversationObject,
    /// With whom.
    pub contact: ContactObject,
    /// The change number that the page has seen: a reply that is sent twice from it is one.
    pub seq: i64,
    /// The messages, oldest first.
    pub bubbles: Vec<Bubble>,
    /// Where earlier messages are.
    pub earlier: Option<String>,
    /// Whether these are earlier messages than the newest.
    pub is_past: bool,
    /// Labels that can be put on.
    pub free_labels: Vec<LabelObject>,
    /// Whether the customer wrote within a day.
    pub window_open: bool,
    /// The customer's newest message, if nobody has read it.
    pub unread: Option<MessageId>,
    /// What kept the last reply from being sent.
    pub error: Option<String>,
    /// What was typed then.
    pub draft: String,
}

impl Thread {
    /// The contact as people see it.
    pub fn name(&self) -> String {
        name_of(&self.of)
    }

    fn standing(&self) -> &'static str {
        standing(self.of.status)
    }

    fn is_closed(&self) -> bool {
        self.of.status == ConversationStatus::Resolved
    }

    fn is_pending(&self) -> bool {
        self.of.status == ConversationStatus::Pending
    }

    fn labels(&self) -> &[LabelObject] {
        self.of.labels.as_deref().unwrap_or_default()
    }

    /// Whom the conversation is with.
    pub fn assignee(&self) -> Option<&UserId> {
        self.of.assignee.as_ref().map(|assignee| &assignee.id)
    }

    fn is_with(&self, user: &User) -> bool {
        self.assignee() == Some(&user.id)
    }

    fn since(&self) -> Moment {
        Moment(self.contact.created_at)
    }

    /// Whom the conversation is with now, for an id that changes when that does.
    fn holder(&self) -> &str {
        self.assignee().map_or("nobody", UserId::as_str)
    }
}

/// A message.
pub struct Bubble {
    id: MessageId,
    ours: bool,
    text: String,
    file: Option<String>,
    when: Moment,
    status: Standing,
    error: Option<String>,
}

/// How far a message has come, in a word.
struct Standing {
    word: &'static str,
    class: &'static str,
}

impl Bubble {
    /// Shows a message.
    pub fn new(message: &Message) -> Self {
        let file = message.kind.is_media().then(|| format!("/inbox/{}/files/{}", message.conversation, message.id));
        Self {
            id: message.id.clone(),
            ours: message.direction == Direction::Outbound,
            text: words(message),
            file,
            when: Moment(message.times.sent.unwrap_or(message.created_at)),
            status: step(message),
            error: message.error.as_ref().map(|error| error.message.clone()),
        }
    }
}

fn step(message: &Message) -> Standing {
    let (word, class) = match message.status.as_str() {
        "queued" => ("Waiting to be sent", "quiet"),
        "sent" => ("Sent", "quiet"),
        "delivered" => ("Delivered", "quiet"),
        "read" => ("Read", "ok"),
        "failed" => ("Not sent", "bad"),
        _ => ("Not read yet", "quiet"),
    };
    Standing { word, class }
}

/// What a message says, in words.
fn words(message: &Message) -> String {
    let text = |member: &str| message.content.get(member).and_then(Json::as_str).unwrap_or_default().to_owned();
    let with = |what: &str, more: String| if more.is_empty() { what.to_owned() } else { format!("{what}: {more}") };
    match message.kind {
        MessageKind::Text => text("body"),
        MessageKind::Image => with("Picture", text("caption")),
        MessageKind::Video => with("Film", text("caption")),
        MessageKind::Audio => "Voice or sound".to_owned(),
        MessageKind::Document => with("File", text("filename")),
        MessageKind::Sticker => "Sticker".to_owned(),
        MessageKind::Location => with("Place", [text("name"), text("address")].join(" ").trim().to_owned()),
        MessageKind::Contacts => "Address card".to_owned(),
        MessageKind::Interactive => with("Choice", chosen(message)),
        MessageKind::Template => with("Template", text("name")),
        MessageKind::Reaction => with("Reaction", text("emoji")),
        MessageKind::Button => with("Pressed", text("text")),
        MessageKind::Unknown => "A message that WhatsApp has no name for".to_owned(),
    }
}

/// What was asked, or what the customer chose: `{type: T, T: {title}}`.
fn chosen(message: &Message) -> String {
    let part = |name: &str| message.content.get(name);
    let reply = part("type").and_then(Json::as_str).and_then(|kind| part(kind)?.get("title"));
    let asked = part("body").and_then(|body| body.get("text"));
    reply.or(asked).and_then(Json::as_str).unwrap_or_default().to_owned()
}

/// An instant, to be shown in the reader's own zone where scripts run.
#[derive(Clone, Copy)]
pub struct Moment(pub Time);

impl Moment {
    fn text(self) -> String {
        jiff::Timestamp::from_microsecond(self.0.0)
            .map_or_else(|_| self.0.to_string(), |stamp| stamp.strftime("%-d %b, %H:%M UTC").to_string())
    }
}
