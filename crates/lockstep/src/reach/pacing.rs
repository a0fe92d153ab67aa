//! Budgets belong to the vendor account (law 11): every call asks here first, and a refused one is never sent. What was
//! sent is kept in the store, so that all servers, and one that starts again, count in the same windows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lockstep_connect::about::RateLimit;
use lockstep_connect::{About, Memory, Usage, Window};
use lockstep_core::budget::{Budgets, Limit};
use lockstep_core::env::Time;
use lockstep_core::ids::ConnectionId;
use lockstep_store::{Store, StoreError, Tx};

use crate::app::VendorLimits;

/// What stays unused for the customer's other tools.
const RESERVE_PERCENT: u32 = 10;

const fn reserve_of(calls: u32) -> u32 {
    calls.div_ceil(RESERVE_PERCENT)
}

/// How urgent a call is. A more urgent class may use more of the share, so it finds room when the others are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Somebody waits for the answer.
    Interactive,
    /// A change travels.
    Live,
    /// A first run or a census.
    Backfill,
}

impl Class {
    const fn percent(self) -> u32 {
        match self {
            Self::Interactive => 100,
            Self::Live => 90,
            Self::Backfill => 80,
        }
    }

    /// How long the calls of one session may wait for room, all together. A job does not wait, it comes back.
    pub const fn patience(self) -> Duration {
        match self {
            Self::Interactive => Duration::from_secs(10),
            Self::Live | Self::Backfill => Duration::ZERO,
        }
    }
}

/// The vendor accounts that this process calls. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Pacing {
    accounts: Arc<Mutex<HashMap<String, Arc<Account>>>>,
}

/// One vendor account.
#[derive(Debug)]
pub struct Account {
    key: String,
    general: Limit,
    search: Limit,
    /// Whether the operator said what the account's plan allows; else the vendor's answers say it.
    set_by_operator: bool,
    heard: Mutex<Heard>,
    /// What connectors keep of each connection: its grant may show other parts of the account than the next one's.
    memories: Mutex<HashMap<ConnectionId, Arc<Memory>>>,
    /// Held while a grant is refreshed, so that one refresh serves all who wait (single flight).
    pub refreshing: tokio::sync::Mutex<()>,
}

/// What answers told of the general window and the store does not know yet.
#[derive(Debug, Default)]
struct Heard {
    /// Our calls in the window when one was admitted last.
    ours: u32,
    /// Calls by others, and until when they count.
    others: Option<(u32, Time)>,
    /// Calls that the account's window allows, as the vendor told last.
    max: Option<u32>,
}

/// Why a call may not be sent now.
#[derive(Debug)]
pub enum Refusal {
    /// There is no room before this instant.
    Full(Time),
    /// Nobody knows what room there is.
    Store(StoreError),
}

impl Pacing {
    /// The account's budgets. `limits` are what the operator says the account's plan allows.
    pub fn account(&self, about: &About, account: &str, limits: Option<VendorLimits>) -> Arc<Account> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let key = format!("{}:{account}", about.slug);
        accounts.entry(key.clone()).or_insert_with(|| Arc::new(Account::new(key, about, limits))).clone()
    }
}

impl Account {
    fn new(key: String, about: &About, limits: Option<VendorLimits>) -> Self {
        let limit = |allowed: RateLimit, calls: Option<u32>, reserve: fn(u32) -> u32| {
            let calls = calls.unwrap_or(allowed.calls);
            Limit { calls, window: allowed.window, reserve: reserve(calls) }
        };
        Self {
            key,
            general: limit(about.general_limit, limits.map(|limits| limits.general), reserve_of),
            set_by_operator: limits.is_some(),
            // Vendors count searches by their own clock's second: one less a second than allowed is never refused.
            search: limit(about.search_limit, limits.map(|limits| limits.search), |_| 1),
            heard: Mutex::default(),
            memories: Mutex::default(),
            refreshing: tokio::sync::Mutex::new(()),
        }
    }

    /// The general limit, as far as it is known by now.
    fn general(&self) -> Limit {
        let told = self.heard().max.filter(|_| !self.set_by_operator);
        told.map_or(self.general, |calls| Limit { calls, reserve: reserve_of(calls), ..self.general })
    }

    /// What the connector keeps of a connection to the account.
    pub fn memory(&self, connection: &ConnectionId) -> Arc<Memory> {
        let mut memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
        memories.entry(connection.clone()).or_default().clone()
    }

    /// Counts a call in, or says when to ask again. A search takes room in both windows: HubSpot does not say whether its
    /// searches, which have a limit of their own, count in the general one too.
    ///
    /// # Errors
    /// Why it may not be sent.
    pub async fn admit(self: &Arc<Self>, store: &Store, window: Window, class: Class) -> Result<(), Refusal> {
        let account = self.clone();
        let admitted = store.write(move |tx| account.enter(tx, window, class)).await.map_err(Refusal::Store)?;
        self.heard().ours = admitted.map_err(Refusal::Full)?;
        Ok(())
    }

    /// Answers how many of our calls are in the general window with this one.
    fn enter(&self, tx: &mut Tx<'_>, window: Window, class: Class) -> Result<Result<u32, Time>, StoreError> {
        let mut budgets = tx.hold_budgets(&self.key)?;
        let general = self.general();
        // The call goes out when this is done: what counts is the time after the wait for the row, not before it.
        let now = tx.env().now();
        if let Some((calls, until)) = self.heard().others {
            budgets.general.hear(calls, until);
        }
        let room = budgets.general.room(general, class.percent(), now);
        let room = match window {
            Window::General => room,
            Window::Search => room.and_then(|()| budgets.search.room(self.search, class.percent(), now)),
        };
        if room.is_ok() {
            budgets.general.take(general, now);
            if window == Window::Search {
                budgets.search.take(self.search, now);
            }
        }
        tx.save_budgets(&self.key, &budgets)?;
        Ok(room.map(|()| budgets.general.ours()))
    }

    /// Learns from what an answer tells how large the general window is and what others have used of it.
    pub fn learn(&self, usage: Usage, now: Time) {
        let mut heard = self.heard();
        let others = usage.max.saturating_sub(usage.remaining).saturating_sub(heard.ours);
        heard.others = Some((others, now.plus(self.general.window)));
        heard.max = Some(usage.max);
    }

    /// A 429 came although we kept to our share.
    ///
    /// # Errors
    /// The store's.
    pub async fn refused(&self, store: &Store, window: Window) -> Result<(), StoreError> {
        let (general, search) = (self.general(), self.search);
        let shut_window = move |budgets: &mut Budgets, now| match window {
            Window::General => budgets.general.refused(general, now),
            Window::Search => budgets.search.refused(search, now),
        };
        self.change(store, shut_window).await
    }

    /// The vendor refuses every call until then: none is made.
    ///
    /// # Errors
    /// The store's.
    pub async fn shut(&self, store: &Store, until: Time) -> Result<(), StoreError> {
        self.change(store, move |budgets, _| budgets.general.shut(until)).await
    }

    async fn change(
        &self,
        store: &Store,
        change: impl FnOnce(&mut Budgets, Time) + Send + 'static,
    ) -> Result<(), StoreError> {
        let key = self.key.clone();
        let changed = store.write(move |tx| {
            let mut budgets = tx.hold_budgets(&key)?;
            change(&mut budgets, tx.env().now());
            tx.save_budgets(&key, &budgets)
        });
        changed.await
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use lockstep_connect::registry;

    use super::*;

    #[test]
    fn an_account_is_as_large_as_its_vendor_says_unless_the_operator_does() {
        let about = registry::find("salesforce").expect("Salesforce").about();
        let told = Usage { max: 300_000, remaining: 215_000 };
        let account = Account::new("a".to_owned(), about, None);
        account.learn(told, Time::from_secs(1));
        assert_eq!((account.general().calls, account.general().reserve), (300_000, 30_000));
        let limits = VendorLimits { general: 15_000, search: 5 };
        let set = Account::new("b".to_owned(), about, Some(limits));
        set.learn(told, Time::from_secs(1));
        assert_eq!(set.general().calls, 15_000);
    }
}
