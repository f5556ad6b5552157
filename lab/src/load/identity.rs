//! Who each event of a load is: a client, and an id that is known before the
//! event is sent, whatever becomes of it.

use messages::{ClientName, IdempotencyKey, MessageId};
use uuid::Uuid;

/// The identities of one load. Its name is in every client and every key, so
/// that loads never meet.
#[derive(Clone, Debug)]
pub(crate) struct Identities {
    name: String,
    clients: u64,
    batch: u64,
}

/// One request: what it carries, and under which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) key: String,
    /// Events by number, from 0 over the whole load.
    pub(crate) events: std::ops::Range<u64>,
}

impl Identities {
    /// A load of `batch` events a request (1: single requests), shared among
    /// so many clients. Both are at least 1.
    pub(crate) fn new(clients: u64, batch: u64) -> Self {
        // The end of such an id is random.
        let random = Uuid::now_v7().simple().to_string();
        let name = format!("carga-{}", &random[24..]);
        Self { name, clients, batch }
    }

    /// What every client of this load begins with.
    pub(crate) fn prefix(&self) -> String {
        format!("{}-", self.name)
    }

    /// The request of that number, from 0, of a load of `events` in all.
    pub(crate) fn envelope(&self, request: u64, events: u64) -> Option<Envelope> {
        let first = request.checked_mul(self.batch).filter(|first| *first < events)?;
        let end = first.saturating_add(self.batch).min(events);
        Some(Envelope { key: self.key(request), events: first..end })
    }

    /// The client of an event.
    pub(crate) fn client(&self, event: u64) -> String {
        format!("{}-{}", self.name, event % self.clients)
    }

    /// The id of an event: what a sender makes of client and key.
    pub(crate) fn id(&self, event: u64) -> Uuid {
        let client: ClientName = self.client(event).parse().expect("a name of its own form");
        let request = event / self.batch;
        let key: IdempotencyKey = self.key(request).parse().expect("a key of its own form");
        let id = if self.batch == 1 {
            MessageId::from_key(&client, &key)
        } else {
            let index = usize::try_from(event % self.batch).expect("at most 10,000");
            MessageId::from_batch_key(&client, &key, index)
        };
        id.as_uuid()
    }

    pub(crate) fn is_batch(&self) -> bool {
        self.batch > 1
    }

    fn key(&self, request: u64) -> String {
        format!("{}-{request}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::Identities;
    use std::collections::HashSet;

    #[test]
    fn every_event_of_every_load_has_an_id_of_its_own() {
        let loads = [Identities::new(3, 1), Identities::new(3, 1), Identities::new(3, 4)];
        let ids: HashSet<_> =
            loads.iter().flat_map(|load| (0..20).map(|event| load.id(event))).collect();
        assert_eq!(ids.len(), 60);
        assert_eq!(loads[0].id(7), loads[0].id(7));
    }

    #[test]
    fn requests_cover_every_event_once_and_then_end() {
        let load = Identities::new(3, 4);
        let requests: Vec<_> = (0..).map_while(|request| load.envelope(request, 10)).collect();
        let events: Vec<_> = requests.iter().flat_map(|request| request.events.clone()).collect();
        assert_eq!(events, (0..10).collect::<Vec<_>>());
        assert_eq!(requests.len(), 3);
    }
}
