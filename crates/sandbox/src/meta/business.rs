//! The WhatsApp Business Account: its numbers, customers, messages, media and templates.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use serde_json::{Map, Value};

use super::hooks::Hooks;
use super::settings::{MetaSettings, Number};
use crate::world::Rng;

/// How long after a customer's last message anything may be sent to them, in microseconds. Source: "Messages", section
/// "Customer service windows".
pub(super) const WINDOW_US: i64 = 24 * 60 * 60 * 1_000_000;

/// A person with WhatsApp.
#[derive(Debug, Default)]
pub(super) struct Customer {
    pub(super) name: Option<String>,
    /// When they wrote to a number last, by the number's id.
    pub(super) wrote_us: BTreeMap<String, i64>,
    /// Nothing reaches them: no WhatsApp any more, or they blocked the business.
    pub(super) unreachable: bool,
    /// Room for messages to them, by number: how many may leave at once, and when that was reckoned.
    pub(super) room: BTreeMap<String, (f64, i64)>,
}

/// A message that passed through the look-alike.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Message {
    /// Meta's id, `wamid.…`.
    pub id: String,
    /// The business number's id.
    pub number: String,
    /// The customer's number without `+`.
    pub customer: String,
    /// Whether the business sent it.
    pub outbound: bool,
    /// The body as it was sent: by the business to the API, or by the customer as webhooks show it.
    pub content: Value,
    /// Whether the business marked it as read.
    pub marked_read: bool,
}

/// A template. Source: "Template management" of the WhatsApp Business Platform on developers.facebook.com.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) language: &'static str,
    pub(super) status: &'static str,
    pub(super) category: &'static str,
    /// Its body, with `{{1}}` and so on where parameters stand.
    pub(super) body: &'static str,
}

impl Template {
    /// How many parameters its body has.
    pub(super) fn parameters(&self) -> usize {
        self.body.matches("{{").count()
    }
}

/// The account's templates: by name, and in one name by language.
pub(super) const TEMPLATES: [Template; 5] = [
    Template {
        id: "1192339204654487",
        name: "hello_world",
        language: "en_US",
        status: "APPROVED",
        category: "UTILITY",
        body: "Welcome and congratulations! This message demonstrates that you can send templates.",
    },
    Template {
        id: "1192339204654488",
        name: "order_update",
        language: "en_US",
        status: "APPROVED",
        category: "UTILITY",
        body: "Hello {{1}}, your order {{2}} is on its way.",
    },
    Template {
        id: "1192339204654489",
        name: "order_update",
        language: "id",
        status: "APPROVED",
        category: "UTILITY",
        body: "Halo {{1}}, pesanan {{2}} sedang dikirim.",
    },
    Template {
        id: "1192339204654490",
        name: "season_sale",
        language: "en_US",
        status: "PENDING",
        category: "MARKETING",
        body: "Everything costs half until Sunday.",
    },
    Template {
        id: "1192339204654491",
        name: "win_a_car",
        language: "en_US",
        status: "REJECTED",
        category: "MARKETING",
        body: "WIN!!!",
    },
];

#[derive(Debug)]
pub(super) struct Media {
    pub(super) mime_type: String,
    pub(super) bytes: Vec<u8>,
    /// The word that the last address ends in, and until when it works.
    pub(super) address: Option<(String, i64)>,
}

pub(super) struct Business {
    pub(super) settings: MetaSettings,
    pub(super) rng: Rng,
    pub(super) customers: BTreeMap<String, Customer>,
    pub(super) messages: Vec<Message>,
    pub(super) media: BTreeMap<String, Media>,
    pub(super) hooks: Hooks,
    /// When a number's messages of the last second passed, by its id.
    pub(super) passed: BTreeMap<String, VecDeque<i64>>,
}

impl Business {
    pub(super) fn new(settings: MetaSettings) -> Self {
        Self {
            rng: Rng::new(settings.seed),
            settings,
            customers: BTreeMap::new(),
            messages: Vec::new(),
            media: BTreeMap::new(),
            hooks: Hooks::default(),
            passed: BTreeMap::new(),
        }
    }

    pub(super) fn now_us(&self) -> i64 {
        (self.settings.clock)()
    }

    pub(super) fn number(&self, id: &str) -> Option<&Number> {
        self.settings.numbers.iter().find(|number| number.id == id)
    }

    /// A message id. Meta's are opaque; only the beginning is known.
    pub(super) fn wamid(&mut self) -> String {
        format!("wamid.HBgL{}", self.rng.token(2).to_uppercase())
    }

    /// An id as Meta gives media: digits.
    pub(super) fn digits(&mut self) -> String {
        (1_000_000_000_000_000 + self.rng.below(9_000_000_000_000_000)).to_string()
    }

    pub(super) fn is_window_open(&self, number: &str, customer: &str) -> bool {
        let wrote = self.customers.get(customer).and_then(|it| it.wrote_us.get(number));
        wrote.is_some_and(|wrote| self.now_us() - wrote < WINDOW_US)
    }

    /// A customer writes in. `content` has at least `type` and the member that it names. Answers the message's id.
    pub(super) fn say(&mut self, number: &str, from: &str, name: Option<&str>, content: Map<String, Value>) -> String {
        let (now_us, id) = (self.now_us(), self.wamid());
        let customer = self.customers.entry(from.to_owned()).or_default();
        customer.wrote_us.insert(number.to_owned(), now_us);
        if let Some(name) = name {
            customer.name = Some(name.to_owned());
        }
        let mut content = content;
        content.insert("from".to_owned(), from.into());
        content.insert("id".to_owned(), id.clone().into());
        content.insert("timestamp".to_owned(), seconds(now_us).into());
        self.messages.push(Message {
            id: id.clone(),
            number: number.to_owned(),
            customer: from.to_owned(),
            outbound: false,
            content: content.clone().into(),
            marked_read: false,
        });
        self.announce_message(number, from, content.into());
        id
    }
}

/// Unix seconds as webhooks write them: a string.
pub(super) fn seconds(us: i64) -> String {
    us.div_euclid(1_000_000).to_string()
}
