//! What a batch of new events adds to the counts. Pure; totals are conserved:
//! whatever is not counted under its own name is counted under
//! [`names::OTHERS`].

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use messages::names;

use crate::judge::Event;

/// Distinct names counted at most; further ones are counted together.
#[derive(Clone, Copy, Debug)]
pub struct NameLimits {
    /// Clients.
    pub clients: usize,
    /// Events.
    pub events: usize,
}

impl Default for NameLimits {
    fn default() -> Self {
        Self { clients: 100_000, events: 1000 }
    }
}

/// Which of a batch's names the counts hold already, and how many they hold.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Those of the batch's clients, and [`names::OTHERS`], that have a row.
    pub clients: HashSet<String>,
    /// Those of the batch's events, and [`names::OTHERS`], that have a row.
    pub events: HashSet<String>,
    /// Rows of clients in all.
    pub client_rows: usize,
    /// Rows of events in all.
    pub event_rows: usize,
}

/// What to add. Maps are sorted, so that every writer locks rows in one order.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Per client: how many, the first and the last time.
    pub clients: BTreeMap<String, Delta>,
    /// Per event: how many.
    pub events: BTreeMap<String, i64>,
    /// Per client and event: how many.
    pub counts: BTreeMap<(String, String), i64>,
    /// In all.
    pub all: Delta,
}

/// How many, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// How many.
    pub count: i64,
    /// The earliest time; none where the count is 0.
    pub first: Option<Timestamp>,
    /// The latest time; none where the count is 0.
    pub last: Option<Timestamp>,
}

impl Delta {
    fn add(&mut self, at: Timestamp) {
        self.count += 1;
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = Some(self.last.map_or(at, |last| last.max(at)));
    }
}

impl Tally {
    /// Counts `events`, each of which must be new.
    pub fn of<'a>(
        events: impl IntoIterator<Item = &'a Event>,
        known: &Known,
        limits: NameLimits,
    ) -> Self {
        let mut tally = Self::default();
        let mut clients = Names::new(&known.clients, known.client_rows, limits.clients);
        let mut kinds = Names::new(&known.events, known.event_rows, limits.events);
        for event in events {
            let at = event.click.timestamp;
            let client = clients.place(event.click.cliente.as_str());
            let kind = kinds.place(event.click.evento.as_str());
            tally.clients.entry(client.clone()).or_default().add(at);
            *tally.events.entry(kind.clone()).or_default() += 1;
            *tally.counts.entry((client, kind)).or_default() += 1;
            tally.all.add(at);
        }
        tally
    }
}

/// Gives out rows for names while there is room.
struct Names<'a> {
    known: &'a HashSet<String>,
    added: HashSet<String>,
    room: usize,
}

impl<'a> Names<'a> {
    fn new(known: &'a HashSet<String>, rows: usize, limit: usize) -> Self {
        Self { known, added: HashSet::new(), room: limit.saturating_sub(rows) }
    }

    /// The name that `name` is counted under.
    fn place(&mut self, name: &str) -> String {
        if self.known.contains(name) || self.added.contains(name) {
            return name.to_owned();
        }
        if self.room == 0 {
            return names::OTHERS.to_owned();
        }
        self.room -= 1;
        self.added.insert(name.to_owned());
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use messages::{ClickEvent, MessageId};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn event(client: &str, kind: &str, second: i64) -> Event {
        Event {
            id: MessageId::from(Uuid::nil()),
            click: ClickEvent {
                cliente: client.parse().expect("a name"),
                evento: kind.parse().expect("a name"),
                timestamp: Timestamp::from_second(second).expect("in range"),
                message: None,
            },
        }
    }

    #[test]
    fn over_the_limit_names_are_counted_together_and_known_ones_still_by_name() {
        let events = ["ana", "eva", "leo", "ana", "eva"].map(|name| event(name, "click", 1));
        let known = Known {
            clients: HashSet::from(["eva".to_owned()]),
            client_rows: 1,
            ..Known::default()
        };
        let tally = Tally::of(&events, &known, NameLimits { clients: 2, events: 9 });
        let counts: Vec<_> =
            tally.clients.iter().map(|(name, delta)| (name.as_str(), delta.count)).collect();
        assert_eq!(counts, [("(otros)", 1), ("ana", 2), ("eva", 2)]);
    }

    #[test]
    fn first_and_last_are_by_time_not_by_arrival() {
        let events = [5, 3, 9, 4].map(|second| event("ana", "click", second));
        let all = Tally::of(&events, &Known::default(), NameLimits::default()).all;
        let seconds = [all.first, all.last].map(|time| time.expect("counted").as_second());
        assert_eq!((all.count, seconds), (4, [3, 9]));
    }

    proptest! {
        #[test]
        fn totals_are_conserved_and_limits_are_kept(
            names in prop::collection::vec(("[a-f]{1,2}", "[a-c]"), 0..200),
            clients in 0usize..10,
            events in 0usize..3,
        ) {
            let list: Vec<_> = names.iter().map(|(client, kind)| event(client, kind, 0)).collect();
            let tally = Tally::of(&list, &Known::default(), NameLimits { clients, events });
            let wanted = i64::try_from(list.len()).expect("few");
            prop_assert_eq!(tally.all.count, wanted);
            prop_assert_eq!(tally.clients.values().map(|delta| delta.count).sum::<i64>(), wanted);
            prop_assert_eq!(tally.events.values().sum::<i64>(), wanted);
            prop_assert_eq!(tally.counts.values().sum::<i64>(), wanted);
            let named = tally.clients.keys().filter(|name| *name != names::OTHERS).count();
            prop_assert!(named <= clients);
            prop_assert!(tally.events.len() <= events + 1);
        }
    }
}
