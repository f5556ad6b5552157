//! Removes what has expired, a little at a time: forwarding goes on meanwhile.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use messages::MessageKind;
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use crate::{
    retention::{BYTES_PER_MESSAGE, Part, Rule, Rules},
    store::{Expired, Key, Removed, Store, StoreError},
};

/// How often something may have expired.
const EVERY: Duration = Duration::from_mins(5);

/// How often everything is looked through again: what waited to be forwarded when its
/// time was over may not wait any more.
const ALL_AGAIN: Duration = Duration::from_hours(24);

/// Rings when the rules have changed. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Bell(Arc<Notify>);

impl Bell {
    pub(crate) fn ring(&self) {
        self.0.notify_one();
    }
}

/// Removes what has expired.
pub struct Keeper {
    store: Store,
    rules: Rules,
    /// For each rule, up to where everything that was expired is gone.
    swept: HashMap<(Part, Option<MessageKind>), Key>,
    since: Instant,
}

impl Keeper {
    /// A keeper that has looked at nothing yet.
    #[must_use]
    pub fn new(store: Store) -> Self {
        let (rules, swept) = (Rules::default(), HashMap::new());
        Self { store, rules, swept, since: Instant::now() }
    }

    pub(crate) async fn run(mut self, bell: Bell) {
        loop {
            if let Err(error) = self.round(Timestamp::now()).await {
                log::warn!("what has expired stays for now: {error}");
            }
            // Whether the bell rang or the time passed: it is time.
            let _ = timeout(EVERY, bell.0.notified()).await;
        }
    }

    /// Removes all that has expired by `now`, and makes room for what comes.
    ///
    /// # Errors
    /// Some may have been removed then; the next round goes on.
    pub async fn round(&mut self, now: Timestamp) -> Result<Removed, StoreError> {
        self.store.prepare().await?;
        self.store.make_months(now).await?;
        let rules = self.store.retention().await?;
        if rules != self.rules || self.since.elapsed() > ALL_AGAIN {
            self.swept.clear();
            self.since = Instant::now();
            self.rules = rules;
        }
        let mut removed = Removed::default();
        for part in [Part::Payloads, Part::Messages] {
            removed += self.store.drop_months(part, &self.rules, now).await?;
            removed += self.sweep(part, now).await?;
        }
        removed += self.sweep_orphans(now).await?;
        removed += self.sweep_excess(now).await?;
        self.tidy_up(removed, now).await?;
        Ok(removed)
    }

    /// Rule by rule.
    async fn sweep(&mut self, part: Part, now: Timestamp) -> Result<Removed, StoreError> {
        let own = self.rules.of_kinds.iter().map(|(kind, rule)| (Some(kind.clone()), *rule));
        let rules: Vec<_> = own.chain(self.rules.general.map(|rule| (None, rule))).collect();
        let mut removed = Removed::default();
        for (kind, rule) in rules {
            removed += self.sweep_rule(part, kind, rule, now).await?;
        }
        Ok(removed)
    }

    async fn sweep_rule(
        &mut self,
        part: Part,
        kind: Option<MessageKind>,
        rule: Rule,
        now: Timestamp,
    ) -> Result<Removed, StoreError> {
        let mut removed = Removed::default();
        let Some(cutoff) = rule.cutoff(part, now) else { return Ok(removed) };
        let (rule, until) = ((part, kind), Key::first_at(cutoff));
        let mut from = self.swept.get(&rule).copied().unwrap_or(Key::FIRST);
        while from < until {
            let begun = Instant::now();
            let found = self.store.candidates(part, rule.1.as_ref(), from, until).await?;
            let going = self.under(rule.1.as_ref(), found.expired);
            // Another instance is at it.
            let Some(gone) = self.store.remove(part, &going).await? else { return Ok(removed) };
            removed += gone;
            from = found.next.unwrap_or(until);
            // As long as it took, it is the turn of others.
            sleep(begun.elapsed()).await;
        }
        self.swept.insert(rule, from);
        Ok(removed)
    }

    /// Those that a rule is about: the general one is not about kinds with their own.
    fn under(&self, kind: Option<&MessageKind>, mut expired: Vec<Expired>) -> Vec<Expired> {
        if kind.is_none() {
            let has_own = |kind: &MessageKind| self.rules.of_kinds.contains_key(kind);
            expired.retain(|one| !one.kind.as_ref().is_some_and(has_own));
        }
        expired
    }

    /// What is over a limit of size: the oldest payloads, and then the oldest messages.
    async fn sweep_excess(&self, now: Timestamp) -> Result<Removed, StoreError> {
        let mut removed = Removed::default();
        while self.store.count_more(now).await? {}
        for part in [Part::Payloads, Part::Messages] {
            let mut from = Key::FIRST;
            while let Some((limits, kept)) = self.store.size_limits().await? {
                let excess = limits.excess(part, kept);
                if excess == 0 {
                    break;
                }
                let begun = Instant::now();
                let found = self.store.candidates(part, None, from, Key::first_at(now)).await?;
                let going = enough(part, found.expired, excess);
                let Some(last) = going.last() else { break };
                from = last.key.next();
                let Some(gone) = self.store.remove(part, &going).await? else { break };
                removed += gone;
                sleep(begun.elapsed()).await;
            }
        }
        Ok(removed)
    }

    /// Notifications without a message are kept as long as a message of any kind.
    async fn sweep_orphans(&self, now: Timestamp) -> Result<Removed, StoreError> {
        let mut removed = Removed::default();
        let cutoff = self.rules.general.and_then(|rule| rule.cutoff(Part::Messages, now));
        let Some(cutoff) = cutoff else { return Ok(removed) };
        loop {
            let gone = self.store.remove_orphans(cutoff).await?;
            removed += gone;
            if gone == Removed::default() {
                return Ok(removed);
            }
        }
    }

    /// Counts what was removed, and gives its room back.
    async fn tidy_up(&self, removed: Removed, now: Timestamp) -> Result<(), StoreError> {
        if removed == Removed::default() {
            return Ok(());
        }
        let Removed { payloads, messages, notifications } = removed;
        log::info!(
            "expired: {payloads} payloads, {messages} messages, {notifications} notifications"
        );
        for (what, count) in
            [("contenidos", payloads), ("mensajes", messages), ("notificaciones", notifications)]
        {
            metrics::counter!("audit_expired_total", "que" => what).increment(count);
        }
        self.store.drop_empty_months(now).await?;
        loop {
            let begun = Instant::now();
            if !self.store.give_back().await? {
                return Ok(());
            }
            sleep(begun.elapsed()).await;
        }
    }
}

/// As many of the oldest as make up for `excess` bytes.
fn enough(part: Part, expired: Vec<Expired>, excess: i64) -> Vec<Expired> {
    let mut left = excess;
    let needed = expired.into_iter().take_while(|one| {
        let is_needed = left > 0;
        left -= if part == Part::Payloads { one.size } else { BYTES_PER_MESSAGE };
        is_needed
    });
    needed.collect()
}
