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

/// Which of a batch's names have no row yet, and how many rows there are.
#[derive(Clone, Debug, Default)]
pub struct NewNames {
    /// Those of the batch's clients, and [`names::OTHERS`], without a row.
    pub clients: HashSet<String>,
    /// Those of the batch's events, and [`names::OTHERS`], without a row.
    pub events: HashSet<String>,
    /// Rows of clients in all.
    pub client_rows: usize,
    /// Rows of events in all.
    pub event_rows: usize,
}

/// What to add. Maps are sorted, so that every writer locks rows in one order.
#[derive(Clone, Debug, Default)]
pub struct Tally<'a> {
    /// Per client: how many, the first and the last time.
    pub clients: BTreeMap<&'a str, Delta>,
    /// Per event: how many.
    pub events: BTreeMap<&'a str, i64>,
    /// Per client and event: how many.
    pub counts: BTreeMap<(&'a str, &'a str), i64>,
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

impl<'a> Tally<'a> {
    /// Counts `events`, each of which must be new.
    pub fn of(
        events: impl IntoIterator<Item = &'a Event>,
        new: &NewNames,
        limits: NameLimits,
    ) -> Self {
        let mut tally = Self::default();
        let mut clients = Names::new(&new.clients, new.client_rows, limits.clients);
        let mut kinds = Names::new(&new.events, new.event_rows, limits.events);
        for event in events {
            let at = event.click.timestamp;
            let client = clients.place(event.click.cliente.as_str());
            let kind = kinds.place(event.click.evento.as_str());
            tally.clients.entry(client).or_default().add(at);
            *tally.events.entry(kind).or_default() += 1;
            *tally.counts.entry((client, kind)).or_default() += 1;
            tally.all.add(at);
        }
        tally
    }
}

/// Gives out rows for names while there is room.
struct Names<'n, 'a> {
    new: &'n HashSet<String>,
    added: HashSet<&'a str>,
    room: usize,
}

impl<'n, 'a> Names<'n, 'a> {
    fn new(new: &'n HashSet<String>, rows: usize, limit: usize) -> Self {
        Self { new, added: HashSet::new(), room: limit.saturating_sub(rows) }
    }

    /// The name that `name` is counted under.
    fn place(&mut self, name: &'a str) -> &'a str {
        if !self.new.contains(name) || self.added.contains(name) {
            return name;
        }
        if self.room == 0 {
            return names::OTHERS;
        }
        self.room -= 1;
        self.added.insert(name);
        name
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

    /// All names are new but that of one client.
    fn all_but(events: &[Event], known: &str) -> NewNames {
        let clients = events.iter().map(|event| event.click.cliente.to_string());
        NewNames {
            clients: clients.filter(|name| name != known).collect(),
            events: events.iter().map(|event| event.click.evento.to_string()).collect(),
            ..NewNames::default()
        }
    }

    #[test]
    fn over_the_limit_names_are_counted_together_and_known_ones_still_by_name() {
        let events = ["ana", "eva", "leo", "ana", "eva"].map(|name| event(name, "click", 1));
        let new = NewNames { client_rows: 1, ..all_but(&events, "eva") };
        let tally = Tally::of(&events, &new, NameLimits { clients: 2, events: 9 });
        let counts: Vec<_> =
            tally.clients.iter().map(|(name, delta)| (*name, delta.count)).collect();
        assert_eq!(counts, [("(otros)", 1), ("ana", 2), ("eva", 2)]);
    }

    #[test]
    fn first_and_last_are_by_time_not_by_arrival() {
        let events = [5, 3, 9, 4].map(|second| event("ana", "click", second));
        let all = Tally::of(&events, &NewNames::default(), NameLimits::default()).all;
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
            let tally = Tally::of(&list, &all_but(&list, ""), NameLimits { clients, events });
            let wanted = i64::try_from(list.len()).expect("few");
            prop_assert_eq!(tally.all.count, wanted);
            prop_assert_eq!(tally.clients.values().map(|delta| delta.count).sum::<i64>(), wanted);
            prop_assert_eq!(tally.events.values().sum::<i64>(), wanted);
            prop_assert_eq!(tally.counts.values().sum::<i64>(), wanted);
            let named = tally.clients.keys().filter(|name| **name != names::OTHERS).count();
            prop_assert!(named <= clients);
            prop_assert!(tally.events.len() <= events + 1);
        }
    }
}
