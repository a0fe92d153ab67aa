//! Budgets belong to the vendor account (law 11): every call asks here first, and a refused one is never sent. What was
//! sent is kept in the store, so that all servers, and one that starts again, count in the same windows. A busy server
//! takes calls out of it in slices and sends those without asking the store again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lockstep_connect::about::{DayLimit, RateLimit};
use lockstep_connect::{About, Memory, Usage, Window};
use lockstep_core::budget::{Budget, Budgets, Limit};
use lockstep_core::day::{Day, Outlook, Told};
use lockstep_core::env::{Env, Time};
use lockstep_core::ids::ConnectionId;
use lockstep_core::slice::Slice;
use lockstep_store::{Store, StoreError, Tx};

use crate::app::VendorLimits;

/// What stays unused for the customer's other tools.
const RESERVE_PERCENT: u32 = 10;

/// The longest that looks for changes wait for the account's day.
const POLL_PAUSE_MAX: Duration = Duration::from_secs(3_600);

const fn reserve_of(calls: u32) -> u32 {
    calls.div_ceil(RESERVE_PERCENT)
}

/// How urgent a call is. A more urgent class may use more of the share, so it finds room when the others are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    day: Option<DayLimit>,
    /// Whether the operator said what the account's plan allows; else the vendor's answers say it.
    set_by_operator: bool,
    known: Mutex<Known>,
    /// Held while a class takes a slice, so that calls which come meanwhile are sent out of the same one. A more urgent
    /// class does not wait for it.
    taking: [tokio::sync::Mutex<()>; 3],
    /// What connectors keep of each connection: its grant may show other parts of the account than the next one's.
    memories: Mutex<HashMap<ConnectionId, Arc<Memory>>>,
    /// Held while a grant is refreshed, so that one refresh serves all who wait (single flight).
    pub refreshing: tokio::sync::Mutex<()>,
}

/// What this process knows and the store does not know yet.
#[derive(Debug, Default)]
struct Known {
    /// Calls that may be sent, one slice for each window and class.
    slices: HashMap<(Window, Class), Slice>,
    /// Our calls in the general window when a slice was taken last, what it holds included.
    ours: u32,
    /// Calls by others, and until when they count.
    others: Option<(u32, Time)>,
    /// Calls that the account's window allows, as the vendor told last.
    max: Option<u32>,
    /// The account's day, as far as this process knows.
    day: Option<Day>,
    /// Behind the looks for changes that wait for their turn.
    next_poll: Time,
}

impl Known {
    /// Sends a call out of a slice, its own class's or a less urgent one's.
    fn spend(&mut self, window: Window, class: Class, now: Time) -> bool {
        [Class::Interactive, Class::Live, Class::Backfill]
            .into_iter()
            .filter(|of| *of >= class)
            .any(|of| self.slices.get_mut(&(window, of)).is_some_and(|slice| slice.spend(now)))
    }

    /// Calls in slices.
    fn unsent(&self) -> u32 {
        self.slices.values().map(|slice| slice.left()).sum()
    }
}

/// What an account has used of its limits.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    limit: Limit,
    used: u32,
    day: Option<Day>,
    /// What the day counts.
    unit: &'static str,
}

impl Standing {
    /// Whether all that the day leaves us is used.
    pub fn is_used(&self, now: Time) -> bool {
        self.day.is_some_and(|day| day.outlook(now) == Outlook::Used)
    }

    /// One line for people.
    pub fn line(&self, now: Time) -> String {
        let Limit { calls, window, reserve } = self.limit;
        let Some(day) = self.day else {
            let left = calls.saturating_sub(reserve).saturating_sub(self.used);
            return format!(
                "{} of {calls} calls in {} s used, {left} left beside the reserve",
                self.used,
                window.as_secs()
            );
        };
        let end = match day.outlook(now) {
            Outlook::Used => "no more before the day ends".to_owned(),
            Outlook::UsedAt(at) => format!("used up at {at} at today's pace"),
            Outlook::Lasts => "lasts at today's pace".to_owned(),
            Outlook::Unknown => "too early to say for how long".to_owned(),
        };
        format!(
            "{} of {} {} of the day used, {} left beside the reserve: {end}",
            day.used(),
            day.max,
            self.unit,
            day.left_of(100)
        )
    }
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
            known: Mutex::default(),
            taking: Default::default(),
            day: about.day,
            memories: Mutex::default(),
            refreshing: tokio::sync::Mutex::new(()),
        }
    }

    /// The general limit, as far as it is known by now.
    fn general(&self) -> Limit {
        let told = self.known().max.filter(|_| !self.set_by_operator);
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
    pub async fn admit(
        self: &Arc<Self>,
        store: &Store,
        env: &Env,
        window: Window,
        class: Class,
    ) -> Result<(), Refusal> {
        if self.known().spend(window, class, env.now()) {
            return Ok(());
        }
        let _taking = self.taking[class as usize].lock().await;
        let now = env.now();
        let spent = {
            let mut known = self.known();
            if known.spend(window, class, now) {
                return Ok(());
            }
            known.slices.remove(&(window, class))
        };
        let wanted = spent.map_or(1, |slice| slice.next(now));
        let account = self.clone();
        let entered = store.write(move |tx| account.enter(tx, window, class, spent, wanted)).await;
        let (slice, ours) = entered.map_err(Refusal::Store)?.map_err(Refusal::Full)?;
        let mut known = self.known();
        known.slices.insert((window, class), slice);
        known.ours = ours;
        Ok(())
    }

    /// Gives back what the last slice did not send and takes the next. Answers it, and how many of our calls are in the
    /// general window with it.
    fn enter(
        &self,
        tx: &mut Tx<'_>,
        window: Window,
        class: Class,
        spent: Option<Slice>,
        wanted: u32,
    ) -> Result<Result<(Slice, u32), Time>, StoreError> {
        let mut budgets = tx.hold_budgets(&self.key)?;
        // The call goes out when this is done: what counts is the time after the wait for the row, not before it.
        let now = tx.env().now();
        if let Some(spent) = spent {
            budgets.give_back(spent);
        }
        self.tell(&mut budgets);
        let search = (window == Window::Search).then_some(self.search);
        let slice = budgets.take_slice(self.general(), search, class.percent(), wanted, now);
        // Others may know more of the day.
        self.known().day = budgets.day;
        tx.save_budgets(&self.key, &budgets)?;
        Ok(slice.map(|slice| (slice, budgets.general.ours())))
    }

    /// Tells the budgets what answers told.
    fn tell(&self, budgets: &mut Budgets) {
        let known = self.known();
        if let Some((calls, until)) = known.others {
            budgets.general.hear(calls, until);
        }
        if let Some(day) = known.day {
            budgets.hear_day(day);
        }
    }

    /// Learns from what an answer tells of the account's day.
    pub fn learn_day(&self, told: Told, now: Time) {
        let mut known = self.known();
        let least = self.day.map_or(0, |day| day.least);
        known.day = Some(Day::after(known.day, told, least, now));
    }

    /// How long to wait before the next look for changes at least, so that all who look leave enough of the account's day.
    pub fn poll_pause(&self, now: Time) -> Duration {
        let mut known = self.known();
        let (Some(limit), Some(day)) = (self.day, known.day) else { return Duration::ZERO };
        // Each waits behind those who wait already.
        let pause = day.pause(limit.poll, Class::Live.percent(), now);
        known.next_poll = known.next_poll.max(now).plus(pause).min(now.plus(POLL_PAUSE_MAX));
        known.next_poll.since(now)
    }

    /// The least time that so many calls of the class take, if none was made of late.
    pub fn seconds(&self, class: Class, calls: u64) -> u64 {
        Budget::seconds(self.general(), class.percent(), calls)
    }

    /// How the account stands, as far as all servers know.
    ///
    /// # Errors
    /// The store's.
    pub async fn standing(&self, store: &Store, now: Time) -> Result<Standing, StoreError> {
        let key = self.key.clone();
        let mut budgets = store.read(move |tx| tx.budgets(&key)).await?;
        self.tell(&mut budgets);
        let (limit, unit) = (self.general(), self.day.map_or("calls", |day| day.unit));
        Ok(Standing { limit, used: budgets.general.used(limit, now), day: budgets.day, unit })
    }

    /// Learns from what an answer tells how large the general window is and what others have used of it.
    pub fn learn(&self, usage: Usage, now: Time) {
        let mut known = self.known();
        let unsent = known.unsent();
        let sent = known.ours.saturating_sub(unsent);
        let others = usage.max.saturating_sub(usage.remaining).saturating_sub(sent);
        known.others = Some((others, now.plus(self.general.window)));
        known.max = Some(usage.max);
        // Others have used so much since that the slices do not fit any more.
        if usage.remaining < unsent.saturating_add(reserve_of(usage.max)) {
            known.slices.values_mut().for_each(Slice::end);
        }
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
        // What is held here is not sent; other servers' slices end within a second.
        self.known().slices.clear();
        let key = self.key.clone();
        let changed = store.write(move |tx| {
            let mut budgets = tx.hold_budgets(&key)?;
            change(&mut budgets, tx.env().now());
            tx.save_budgets(&key, &budgets)
        });
        changed.await
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use lockstep_connect::registry;
    use lockstep_core::env::Dial;
    use lockstep_store::Target;

    use super::*;

    /// Two servers that call one account of HubSpot's in windows of ten seconds, and their store.
    struct Servers {
        store: Store,
        env: Env,
        dial: Dial,
        accounts: [Arc<Account>; 2],
        _folder: tempfile::TempDir,
    }

    impl Servers {
        async fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let (env, dial) = Env::manual(Time::from_secs(1_700_000_000), 1);
            let store = Store::open(&Target::Sqlite(folder.path().join("lockstep.db")), env.clone()).expect("a store");
            let about = registry::find("hubspot").expect("HubSpot").about();
            let limits = VendorLimits { general: 110, search: 5 };
            let accounts = [(); 2].map(|()| Pacing::default().account(about, "1", Some(limits)));
            let servers = Self { store, env, dial, accounts, _folder: folder };
            // Nothing is known of the first window.
            assert!(servers.call(0, Class::Interactive).await);
            servers.dial.advance(Duration::from_secs(20));
            servers
        }

        async fn call(&self, server: usize, class: Class) -> bool {
            self.accounts[server].admit(&self.store, &self.env, Window::General, class).await.is_ok()
        }

        async fn calls(&self, server: usize, class: Class) -> u32 {
            let mut calls = 0;
            while self.call(server, class).await {
                calls += 1;
            }
            calls
        }

        fn held(&self, server: usize) -> u32 {
            self.accounts[server].known().unsent()
        }
    }

    #[tokio::test]
    async fn an_interactive_call_is_sent_out_of_what_a_backfill_holds() {
        let servers = Servers::new().await;
        for _ in 0..4 {
            assert!(servers.call(0, Class::Backfill).await);
        }
        let held = servers.held(0);
        assert!(held > 0);
        for left in (0..held).rev() {
            assert!(servers.call(0, Class::Interactive).await);
            assert_eq!(servers.held(0), left);
        }
        assert_eq!(servers.calls(1, Class::Backfill).await + 4 + held, 80);
        assert!(servers.call(0, Class::Interactive).await, "urgent calls have a share that a backfill cannot use");
        assert_eq!(servers.calls(1, Class::Live).await, 9);
        assert_eq!(servers.calls(0, Class::Interactive).await, 9);
    }

    #[tokio::test]
    async fn a_backfill_is_not_sent_out_of_what_urgent_calls_hold() {
        let servers = Servers::new().await;
        assert_eq!(servers.calls(1, Class::Backfill).await, 80);
        for _ in 0..4 {
            assert!(servers.call(0, Class::Interactive).await);
        }
        assert!(servers.held(0) > 0);
        assert_eq!(servers.calls(0, Class::Backfill).await, 0);
    }

    #[tokio::test]
    async fn a_slice_ends_when_others_have_used_what_it_counts_on() {
        let servers = Servers::new().await;
        for _ in 0..4 {
            assert!(servers.call(0, Class::Live).await);
        }
        assert!(servers.held(0) > 0);
        servers.accounts[0].learn(Usage { max: 110, remaining: 11 }, servers.env.now());
        assert!(!servers.call(0, Class::Interactive).await);
    }

    #[test]
    fn who_looks_for_changes_shares_what_looking_may_take() {
        let about = registry::find("pipedrive").expect("Pipedrive").about();
        let account = Account::new("a".to_owned(), about, None);
        let now = Time::from_secs(1_700_000_000);
        assert_eq!(account.poll_pause(now), Duration::ZERO, "nothing was told");
        account.learn_day(Told { max: None, left: 30_000, resets_at: None }, now);
        let pause = account.poll_pause(now);
        // 24,300 of 30,000 tokens are for background use, and half of them for looks that cost 10.
        assert_eq!(pause.as_secs(), 86_400 / 1_215);
        assert_eq!([account.poll_pause(now), account.poll_pause(now)], [pause * 2, pause * 3]);
        assert_eq!(account.poll_pause(now.plus(pause * 4)), pause);
    }

    #[tokio::test]
    async fn a_refusal_ends_every_slice() {
        let servers = Servers::new().await;
        for _ in 0..4 {
            assert!(servers.call(0, Class::Live).await);
        }
        assert!(servers.held(0) > 0);
        servers.accounts[0].refused(&servers.store, Window::General).await.expect("it is noted");
        assert!(!servers.call(0, Class::Interactive).await);
    }

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
