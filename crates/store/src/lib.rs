//! SQL for SQLite and PostgreSQL behind two methods: [`Store::write`] and [`Store::read`].
//!
//! Both take a closure over a [`Tx`]. A closure cannot await, so no network call and no sleep can happen inside a
//! transaction, and a caller that goes away leaves nothing half done. What a write answered is on disk.
//!
//! Every function that touches an organization's rows demands a proof ([`Org`], [`ConnectionOf`], [`SyncOf`]) that
//! only the lookups of this crate can make.
#![warn(missing_docs)]

mod apps;
mod audit;
mod authorizations;
mod budgets;
mod changes;
mod channels;
mod connections;
mod contacts;
mod contexts;
mod conversations;
mod crm_mappings;
mod crm_subscriptions;
mod db;
mod deliveries;
mod dialect;
mod error;
mod hook_addresses;
mod idempotency;
mod inline;
mod intents;
mod invocations;
mod keys;
mod labels;
mod lock;
mod messages;
mod migrate;
mod orgs;
mod outbox;
mod pairs;
mod parked;
mod plans;
mod postgres;
mod queue;
mod rates;
mod received;
mod records;
mod sql;
mod sqlite;
mod syncs;
mod task;
mod teams;
mod tx;
mod users;
mod webhooks;
mod writer;

pub use apps::StoredApp;
pub use audit::AuditEntry;
pub use authorizations::{Authorization, AuthorizationStatus};
pub use channels::{ChannelOf, NewChannel, StoredChannel};
pub use connections::{Connection, ConnectionOf, ConnectionStatus, NewConnection, SealedGrant};
pub use contacts::{ContactFilter, Order, Page};
pub use contexts::{ContextData, ContextOf};
pub use conversations::ConversationFilter;
pub use crm_mappings::MappingVersion;
pub use crm_subscriptions::{CrmDelivery, CrmStep, CrmSubscription};
pub use db::{Store, Target};
pub use deliveries::{Delivery, DeliveryFilter, DeliveryStatus, DeliveryWork, Outcome, Settled, SubscriptionHealth};
pub use error::{OpenError, StoreError};
pub use hook_addresses::HookAddress;
pub use idempotency::{Begin, StoredAnswer};
pub use intents::{Intent, IntentKind, IntentState};
pub use invocations::{BeginInvocation, Invocation, InvocationState, LostInvocation, NewInvocation};
pub use keys::{ApiKey, KeyKind, NewKey};
pub use labels::LabelTarget;
pub use lock::{WorkerLock, try_worker_lock};
pub use messages::MessageFilter;
pub use migrate::{MigrationReport, migrate};
pub use orgs::{Account, Org, Organization};
pub use pairs::{DirtyKind, PairCounts};
pub use plans::{PlanRowSet, PlanStatus};
pub use queue::{Claimed, QueueCounts, Share};
pub use rates::KeyLimits;
pub use received::{ParkedHook, Received};
pub use syncs::{OnDelete, SyncOf, SyncRow, SyncStatus};
pub use teams::Team;
pub use tx::Tx;
pub use users::{NewUser, User, UserFilter};
pub use webhooks::{NewSubscription, SealedSecret, Subscription, SubscriptionPatch, SubscriptionStatus};
