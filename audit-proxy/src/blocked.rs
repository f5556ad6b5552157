//! Which messages must not be forwarded now: those whose destination others wait for
//! already, as they go in their order, and those that somebody is forwarding.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use broker::Outcome;
use messages::SystemName;

use crate::store::{Key, Waiting};

/// Destinations for which messages wait, and messages that are under way. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Blocked(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// What became of the last message that was tried.
    destinations: HashMap<SystemName, Outcome>,
    under_way: HashSet<Key>,
}

/// Messages that somebody forwards, until it is dropped: once the store knows which were.
pub(crate) struct UnderWay {
    blocked: Blocked,
    keys: Vec<Key>,
}

impl Blocked {
    /// Why messages wait for a destination, if any do.
    pub(crate) fn reason(&self, destination: &SystemName) -> Option<Outcome> {
        self.lock().destinations.get(destination).cloned()
    }

    /// From now on its messages wait for each other.
    pub(crate) fn block(&self, destination: SystemName, outcome: Outcome) {
        let mut state = self.lock();
        if !state.destinations.contains_key(&destination) {
            log::warn!("messages wait for {destination}: {outcome:?}");
        }
        state.destinations.insert(destination, outcome);
    }

    /// Nothing waits for it any more.
    pub(crate) fn unblock(&self, destination: &SystemName) {
        if self.lock().destinations.remove(destination).is_some() {
            log::info!("nothing waits for {destination} any more");
        }
    }

    /// Those for which messages wait.
    pub(crate) fn destinations(&self) -> Vec<SystemName> {
        self.lock().destinations.keys().cloned().collect()
    }

    /// Messages that are under way now.
    pub(crate) fn keys_under_way(&self) -> HashSet<Key> {
        self.lock().under_way.clone()
    }

    /// For somebody who is about to forward messages.
    pub(crate) fn under_way(&self) -> UnderWay {
        UnderWay { blocked: self.clone(), keys: Vec::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnderWay {
    /// Of messages, those that can be forwarded: nothing waits for their destinations, and
    /// nobody is forwarding them. They are under way from now on.
    pub(crate) fn admit(&mut self, mut messages: Vec<Waiting>) -> Vec<Waiting> {
        let mut state = self.blocked.lock();
        let State { destinations, under_way } = &mut *state;
        messages.retain(|one| {
            !destinations.contains_key(&one.message.destination) && under_way.insert(one.key)
        });
        self.keys.extend(messages.iter().map(|one| one.key));
        messages
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = self.blocked.lock();
        for key in &self.keys {
            state.under_way.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use messages::{MessageId, StandardMessage};
    use uuid::Uuid;

    use super::*;

    fn waiting(key: i64, destination: &SystemName) -> Waiting {
        let message = StandardMessage {
            id: MessageId::from(Uuid::now_v7()),
            source: "servicedesk".parse().expect("a name"),
            destination: destination.clone(),
            kind: String::from("ticket.asignado").try_into().expect("a kind"),
            created: Timestamp::UNIX_EPOCH,
            correlation: None,
            content_type: String::from("text/plain").try_into().expect("a media type"),
            payload: Vec::new(),
            properties: None,
        };
        Waiting { key: key.into(), message, attempt: None }
    }

    #[test]
    fn a_destination_is_blocked_until_it_is_unblocked() {
        let blocked = Blocked::default();
        let [name, other]: [SystemName; 2] =
            ["redmine", "gitea"].map(|name| name.parse().expect("a name"));
        blocked.block(name.clone(), Outcome::Unroutable);
        assert_eq!(blocked.reason(&name), Some(Outcome::Unroutable));
        let both = vec![waiting(1, &name), waiting(2, &other)];
        let admitted = blocked.under_way().admit(both.clone());
        assert_eq!(admitted, both[1..]);
        blocked.unblock(&name);
        assert_eq!(blocked.reason(&name), None);
        assert_eq!(blocked.under_way().admit(both.clone()), both);
    }

    #[test]
    fn a_message_is_under_way_until_nobody_forwards_it() {
        let blocked = Blocked::default();
        let name: SystemName = "redmine".parse().expect("a name");
        let mut first = blocked.under_way();
        first.admit(vec![waiting(1, &name)]);
        let mut second = blocked.under_way();
        assert_eq!(second.admit(vec![waiting(1, &name)]), [], "others forward it");
        second.admit(vec![waiting(2, &name)]);
        second.admit(vec![waiting(3, &name)]);
        assert_eq!(blocked.keys_under_way(), HashSet::from([1, 2, 3].map(Key::from)));
        drop(second);
        assert_eq!(blocked.keys_under_way(), HashSet::from([Key::from(1)]));
    }
}
