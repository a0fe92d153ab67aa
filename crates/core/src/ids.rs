//! Prefixed ULIDs: opaque, permanent, never reused (reference section "Ids").

use crate::env::Env;

/// Text that is not an id of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an id that starts with \"{prefix}_\" followed by 26 characters")]
pub struct BadId {
    /// The prefix the id should have had.
    pub prefix: &'static str,
}

fn check(text: &str, prefix: &'static str) -> Result<(), BadId> {
    let rest = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_'));
    let well_formed = |rest: &str| {
        rest.len() == 26
            && rest
                .bytes()
                .all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'H' | b'J' | b'K' | b'M' | b'N' | b'P'..=b'T' | b'V'..=b'Z'))
    };
    if rest.is_some_and(well_formed) { Ok(()) } else { Err(BadId { prefix }) }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// What every id of this kind starts with, before the underscore.
            pub const PREFIX: &str = $prefix;

            /// Mints a new id.
            pub fn new(env: &Env) -> Self {
                Self(format!("{}_{}", $prefix, env.ulid()))
            }

            /// Reads an id from outside.
            ///
            /// # Errors
            /// When the text has another prefix or is not a ULID behind it.
            pub fn parse(text: &str) -> Result<Self, BadId> {
                check(text, $prefix).map(|()| Self(text.to_owned()))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                check(&text, $prefix).map(|()| Self(text))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )*};
}

ids! {
    /// An organization: the tenant.
    OrgId = "org";
    /// An API key's record.
    KeyId = "key";
    /// A context: an app's tenant.
    ContextId = "ctx";
    /// A connection: a context's authorised account at one vendor.
    ConnectionId = "con";
    /// A sync: what binds an organization's accounts to one connection.
    SyncId = "syn";
    /// A pair: one contact bound to one native record of one sync.
    PairId = "par";
    /// An inbox contact.
    ContactId = "ctc";
    /// A label of contacts and conversations.
    LabelId = "lbl";
    /// A person of the organization's team.
    UserId = "usr";
    /// A team of an organization. Kirim names no prefix for it.
    TeamId = "team";
    /// A conversation.
    ConversationId = "cnv";
    /// A message.
    MessageId = "msg";
    /// A template of a channel. [`TemplateId::of`] makes it of the channel's own number.
    TemplateId = "tmpl";
    /// A WhatsApp account's record.
    AccountId = "acc";
    /// A channel: what carries an account's messages. It stands in the address of the channel's webhooks.
    ChannelId = "chn";
    /// An entry of the change log.
    ChangeId = "chg";
    /// What is about to be sent to a vendor.
    IntentId = "int";
    /// A computed plan.
    PlanId = "pln";
    /// Something set aside for a person.
    ParkedId = "prk";
    /// A job of the queue.
    JobId = "job";
    /// A stored remote webhook.
    ReceivedId = "rcv";
    /// An event of the outbox.
    EventId = "evt";
    /// A webhook subscription.
    SubscriptionId = "wbs";
    /// A signing secret's record.
    SecretId = "sec";
    /// A delivery of one event to one subscription.
    DeliveryId = "wbd";
    /// An authorisation of a connection at its vendor, under way or ended.
    AuthorizationId = "aut";
    /// One invocation of an app's event.
    InvocationId = "inv";
    /// An app's wish to be told of changes to CRM records.
    CrmSubscriptionId = "sub";
    /// One call to an app about its users' CRMs.
    CrmDeliveryId = "dlv";
    /// A request.
    RequestId = "req";
}

impl TemplateId {
    /// The id of the template that the channel calls by this number: templates are not kept here, and one has always the
    /// same id.
    pub fn of(number: u64) -> Self {
        Self(format!("{}_{}", Self::PREFIX, ulid::Ulid::from(u128::from(number))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Time;

    #[test]
    fn an_id_reads_back_and_foreign_ones_are_refused() {
        let (env, _dial) = Env::manual(Time::from_secs(1_700_000_000), 1);
        let id = ContactId::new(&env);
        assert_eq!(ContactId::parse(id.as_str()), Ok(id.clone()));
        assert_eq!(id.as_str().len(), 30);
        assert!(OrgId::parse(id.as_str()).is_err());
        assert!(ContactId::parse("ctc_01HXYZABCDEFGHJKMNPQRSTVWI").is_err());
        assert!(ContactId::parse("ctc_").is_err());
        let huge = format!("ctc_{}", "0".repeat(1_000_000));
        assert!(ContactId::parse(&huge).is_err());
        assert!(serde_json::from_str::<ContactId>("\"evt_1\"").is_err());
        let template = TemplateId::of(u64::MAX);
        assert_eq!(TemplateId::parse(template.as_str()), Ok(template));
        assert_ne!(TemplateId::of(1), TemplateId::of(2));
    }
}
