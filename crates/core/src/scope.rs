//! What a key may do: resources, each to be read or to be written too.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the Inbox API's routes are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// Contacts and the labels on them.
    Contacts,
    /// Conversations, their assignees and the labels on them.
    Conversations,
    /// Messages and templates.
    Messages,
    /// The labels themselves.
    Labels,
    /// Webhook subscriptions and deliveries.
    Webhooks,
    /// The organization's accounts, users and teams.
    Org,
    /// API keys. Who may write them makes keys that do no more than their own.
    Keys,
    /// All organizations of the server: the operator's. A key has it only where it is named, not by having no scopes.
    Organizations,
}

impl Resource {
    /// Every resource.
    pub const ALL: [Self; 8] = [
        Self::Contacts,
        Self::Conversations,
        Self::Messages,
        Self::Labels,
        Self::Webhooks,
        Self::Org,
        Self::Keys,
        Self::Organizations,
    ];

    /// The name in scopes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contacts => "contacts",
            Self::Conversations => "conversations",
            Self::Messages => "messages",
            Self::Labels => "labels",
            Self::Webhooks => "webhooks",
            Self::Org => "org",
            Self::Keys => "keys",
            Self::Organizations => "organizations",
        }
    }

    /// The resource of a route, by the first word of its path behind `/v1` and the account; `None` where none is known.
    pub fn of(word: &str) -> Option<Self> {
        Some(match word {
            "contacts" => Self::Contacts,
            "conversations" => Self::Conversations,
            "messages" | "templates" => Self::Messages,
            "labels" => Self::Labels,
            "webhook_subscriptions" | "webhook_deliveries" => Self::Webhooks,
            "accounts" | "users" | "teams" => Self::Org,
            "keys" => Self::Keys,
            "organizations" => Self::Organizations,
            _ => return None,
        })
    }
}

/// What may be done with a resource. Who may write may read: answers show what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// See it.
    Read,
    /// See and change it.
    Write,
}

/// One thing that a key may do, written as `contacts:read`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope {
    /// To what.
    pub resource: Resource,
    /// How far.
    pub access: Access,
}

/// Text that names no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a scope is one of contacts, conversations, messages, labels, webhooks, org, keys and organizations with :read or :write"
)]
pub struct BadScope;

impl Scope {
    /// Every scope.
    pub fn all() -> impl Iterator<Item = Self> {
        Resource::ALL
            .into_iter()
            .flat_map(|resource| [Access::Read, Access::Write].map(|access| Self { resource, access }))
    }

    /// Whether a key with this scope may do what `needed` says.
    pub fn covers(self, needed: Self) -> bool {
        self.resource == needed.resource && self.access >= needed.access
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let access = match self.access {
            Access::Read => "read",
            Access::Write => "write",
        };
        write!(f, "{}:{access}", self.resource.as_str())
    }
}

impl std::str::FromStr for Scope {
    type Err = BadScope;
    fn from_str(text: &str) -> Result<Self, BadScope> {
        Self::all().find(|scope| scope.to_string() == text).ok_or(BadScope)
    }
}

impl TryFrom<String> for Scope {
    type Error = BadScope;
    fn try_from(text: String) -> Result<Self, BadScope> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

/// Whether a key with these scopes may do what `needed` says. A key without scopes may do everything in its organization.
pub fn allows(scopes: &[Scope], needed: Scope) -> bool {
    match scopes {
        [] => needed.resource != Resource::Organizations,
        _ => scopes.iter().any(|scope| scope.covers(needed)),
    }
}

/// Whether a key with `scopes` may do nothing that a key with those of `other` may not.
pub fn is_within(scopes: &[Scope], other: &[Scope]) -> bool {
    match scopes {
        [] => other.is_empty(),
        _ => scopes.iter().all(|scope| allows(other, *scope)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        assert_eq!(Scope::all().count(), 16);
        for scope in Scope::all() {
            assert_eq!(scope.to_string().parse(), Ok(scope));
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.to_string());
        }
        for bad in ["contacts:delete", "contacts", "", "contacts:read ", "me:read"] {
            assert_eq!(bad.parse::<Scope>(), Err(BadScope));
        }
    }

    #[test]
    fn writing_covers_reading_of_the_same_resource_alone() {
        for scope in Scope::all() {
            for needed in Scope::all() {
                let enough = scope.access == Access::Write || needed.access == Access::Read;
                assert_eq!(allows(&[scope], needed), scope.resource == needed.resource && enough, "{scope} {needed}");
                assert_eq!(allows(&[], needed), needed.resource != Resource::Organizations);
                assert_eq!(is_within(&[needed], &[scope]), allows(&[scope], needed), "{scope} {needed}");
            }
            assert_eq!(is_within(&[scope], &[]), scope.resource != Resource::Organizations, "it has to be named");
            assert!(is_within(&[], &[]));
            assert!(!is_within(&[], &[scope]), "no scopes are all of them");
        }
        let all: Vec<Scope> = Scope::all().collect();
        assert!(is_within(&all, &all) && !is_within(&all, &all[1..4]) && is_within(&all[..2], &all[1..4]));
    }
}
