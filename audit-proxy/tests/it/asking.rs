//! What every store must answer; each test runs on both databases.

use audit_proxy::{
    search::{Filter, Order},
    statistics::{Day, Stage},
    store::{Census, Entry, Key, Receipt, Reforwarded, Store, Stretch, WALK},
};
use messages::{MessageId, StandardMessage};
use uuid::Uuid;

use super::{
    Backend, Database,
    contract::{at, forward, key, message, name, notice, notify, only, record},
};

contract!(
    pages_hold_what_was_asked_for_whatever_is_combined,
    two_common_fields_that_never_meet_are_looked_through_bit_by_bit,
    a_rare_value_is_found_at_once_among_common_ones,
    payloads_are_read_as_far_as_they_are_kept,
    a_further_attempt_waits_as_any_and_leaves_the_state_as_it_is,
    what_is_not_to_be_attempted_is_not,
    what_was_made_of_a_message_is_linked_with_it_both_ways,
    what_is_counted_is_what_there_is,
    stages_are_counted_once_for_each_message,
);

const SOURCES: [&str; 2] = ["servicedesk", "redmine"];
const KINDS: [&str; 3] = ["alta", "baja", "cambio"];

/// Sixty messages, each received in a second of its own; every fifth is settled.
async fn sixty(store: &Store) -> Vec<Entry> {
    let mut id = None;
    for second in 0..60 {
        let place = usize::try_from(second).expect("small");
        let one = StandardMessage {
            source: name(SOURCES[place % 2]),
            destination: name(SOURCES[place / 2 % 2]),
            kind: name(KINDS[place % 3]),
            correlation: (place % 4 == 0)
                .then(|| format!("caso {}", place % 8).try_into().expect("a correlation")),
            ..message()
        };
        store.receive(&[&one], at(second)).await.expect("received");
        if place % 5 == 0 {
            let told = notice(&one, "procesado", 99);
            let by = one.destination.clone();
            let told = audit_proxy::lifecycle::Told { by, ..told.told.clone() };
            notify(store, &[audit_proxy::store::Notice { told, ..notice(&one, "procesado", 99) }])
                .await;
        }
        id = id.or(Some(one.id));
    }
    let all = pages(store, &Filter::default(), Order::Oldest, 100).await;
    assert_eq!((all.len(), all[0].id), (60, id));
    all
}

/// All pages of a search, joined.
async fn pages(store: &Store, filter: &Filter, order: Order, limit: usize) -> Vec<Entry> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let stretch = Stretch::new(filter, order, after);
        let found = store.search(filter, stretch, limit).await.expect("an answer");
        assert!(found.entries.len() <= limit);
        all.extend(found.entries);
        match found.next {
            Some(next) => {
                assert!(after != Some(next), "it goes on");
                after = Some(next);
            }
            None => return all,
        }
    }
}

/// Whether a message is meant, told without a database.
fn is_meant(entry: &Entry, filter: &Filter) -> bool {
    let fits = |asked: &Option<String>, is: Option<&str>| {
        asked.as_deref().is_none_or(|asked| is == Some(asked))
    };
    filter.id.is_none_or(|id| entry.id == Some(id))
        && fits(&filter.correlation, entry.correlation.as_deref())
        && fits(&filter.source, entry.source.as_deref())
        && fits(&filter.destination, entry.destination.as_deref())
        && fits(&filter.kind, entry.kind.as_deref())
        && fits(&filter.state, Some(&entry.state))
        && filter.since.is_none_or(|since| entry.key.received() >= since)
        && filter.until.is_none_or(|until| entry.key.received() < until)
}

/// Every combination of a value or none of each field.
fn combinations(id: Option<MessageId>) -> impl Iterator<Item = Filter> {
    (0_u32..256).map(move |bits| {
        let given = |bit: u32, text: &str| (bits >> bit & 1 == 1).then(|| text.to_owned());
        Filter {
            id: id.filter(|_| bits & 1 == 1),
            correlation: given(1, "caso 0"),
            source: given(2, "servicedesk"),
            destination: given(3, "redmine"),
            kind: given(4, "alta"),
            state: given(5, "procesado"),
            since: (bits >> 6 & 1 == 1).then(|| at(10)),
            until: (bits >> 7 & 1 == 1).then(|| at(48)),
            text: None,
        }
    })
}

async fn pages_hold_what_was_asked_for_whatever_is_combined(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    let mut all = sixty(&store).await;
    for order in [Order::Oldest, Order::Newest] {
        for filter in combinations(all[24].id) {
            let found = pages(&store, &filter, order, 4).await;
            let meant: Vec<_> =
                all.iter().filter(|entry| is_meant(entry, &filter)).cloned().collect();
            assert_eq!(found, meant, "{filter:?} {order:?}");
        }
        all.reverse();
    }
}

/// More than is looked at for one page, of each of two kinds, by turns; each has a
/// destination of its own.
async fn many(store: &Store) {
    let both = [("alta", "redmine"), ("baja", "servicedesk")];
    for batch in 0..=(2 * WALK / 500) {
        let batch: Vec<_> = (0..500)
            .map(|place: usize| {
                let (kind, destination) = both[place % 2];
                let rare = batch == 0 && place == 0;
                StandardMessage {
                    id: MessageId::from(Uuid::now_v7()),
                    kind: name(if rare { "rara" } else { kind }),
                    destination: name(destination),
                    ..message()
                }
            })
            .collect();
        store.receive(&batch.iter().collect::<Vec<_>>(), at(0)).await.expect("received");
    }
}

async fn two_common_fields_that_never_meet_are_looked_through_bit_by_bit(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    many(&store).await;
    let (kind, destination) = (Some("alta".to_owned()), Some("servicedesk".to_owned()));
    let filter = Filter { kind, destination, ..Filter::default() };
    for order in [Order::Newest, Order::Oldest] {
        let first = store.search(&filter, Stretch::new(&filter, order, None), 9).await;
        let first = first.expect("an answer");
        assert_eq!(first.entries, []);
        assert!(first.next.is_some(), "it has not looked at all of them");
        assert_eq!(pages(&store, &filter, order, 9).await, []);
    }
    let meets = Filter { destination: Some("redmine".to_owned()), ..filter };
    let count = pages(&store, &meets, Order::Newest, 499).await.len();
    assert_eq!(count, WALK + 249, "nothing is left out where one look ends");
}

async fn a_rare_value_is_found_at_once_among_common_ones(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    many(&store).await;
    let (kind, source) = (Some("rara".to_owned()), Some("servicedesk".to_owned()));
    let state = Some("recibido".to_owned());
    let filter = Filter { kind, source, state, ..Filter::default() };
    let stretch = Stretch::new(&filter, Order::Newest, None);
    let found = store.search(&filter, stretch, 9).await.expect("an answer");
    assert_eq!((found.entries.len(), found.next), (1, None));
}

async fn payloads_are_read_as_far_as_they_are_kept(backend: Backend) {
    let database = Database::create(backend).await;
    let (store, one) = (database.store(), message());
    let stored = key(&store, &one).await;
    forward(&store, stored).await;
    let payloads = store.payloads(&[stored, Key::from(5)]).await.expect("an answer");
    assert_eq!(payloads.into_iter().collect::<Vec<_>>(), [(stored, one.payload)]);
    assert!(store.payloads(&[]).await.expect("an answer").is_empty());
}

async fn a_further_attempt_waits_as_any_and_leaves_the_state_as_it_is(backend: Backend) {
    let database = Database::create(backend).await;
    let (store, one) = (database.store(), message());
    let stored = key(&store, &one).await;
    forward(&store, stored).await;
    notify(&store, &[notice(&one, "error", 7)]).await;
    let redmine = one.destination.clone();

    assert_eq!(store.attempt(&[stored], "ana", at(10)).await.expect("begun"), [stored]);
    assert_eq!(store.attempt(&[stored], "eva", at(11)).await.expect("not begun"), [], "one waits");
    let destinations = async |before| {
        store.destinations_waited_for(Key::first_at(before)).await.expect("an answer")
    };
    assert_eq!(destinations(at(11)).await, std::slice::from_ref(&redmine));
    assert!(destinations(at(10)).await.is_empty(), "it was asked for later");
    let waiting = store.waiting_again(&redmine, 9).await.expect("an answer");
    assert_eq!(waiting.len(), 1);
    assert_eq!((waiting[0].key, waiting[0].attempt), (stored, Some(2)));
    assert_eq!(waiting[0].message, one);
    assert_eq!(store.waiting_again_of(&[stored]).await.expect("an answer"), waiting);
    assert!(store.waiting(&redmine, 9).await.expect("an answer").is_empty(), "not the first");

    let done = Reforwarded { key: stored, number: 2, at: at(12) };
    store.reforwarded(&[done]).await.expect("written down");
    assert!(store.waiting_again(&redmine, 9).await.expect("an answer").is_empty());
    let entry = only(&store, one.id).await;
    assert_eq!((entry.state.as_str(), entry.forwarded), ("error", Some(at(1))), "history stays");
    let attempts = record(&store, one.id).await.again.attempts;
    assert_eq!((attempts[0].number, attempts[0].forwarded), (2, Some(at(12))));
    assert_eq!((attempts[0].account.as_str(), attempts[0].asked), ("ana", at(10)));

    // What is told now is judged as ever: by when the destination says that it was.
    notify(&store, &[notice(&one, "rechazado", 6)]).await;
    assert_eq!(only(&store, one.id).await.state, "error", "told of the first attempt, and late");
    notify(&store, &[notice(&one, "procesado", 13)]).await;
    assert_eq!(only(&store, one.id).await.state, "procesado");
    assert_eq!(store.attempt(&[stored], "ana", at(14)).await.expect("begun"), [stored]);
    assert_eq!(only(&store, one.id).await.state, "procesado", "asking for it moves nothing");
    let attempts = record(&store, one.id).await.again.attempts;
    assert_eq!((attempts.len(), attempts[1].number, attempts[1].forwarded), (2, 3, None));
}

async fn what_is_not_to_be_attempted_is_not(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    let waiting = key(&store, &message()).await;
    let bare = broker::Incoming::new(Some(&Uuid::now_v7().to_string()), None, Vec::new());
    let refused = audit_proxy::store::Refused { message: &bare, reason: "no".to_owned() };
    store.refuse(&[refused], at(0)).await.expect("kept");
    let all = pages(&store, &Filter::default(), Order::Oldest, 9).await;
    let keys: Vec<_> = all.iter().map(|entry| entry.key).chain([Key::from(5)]).collect();
    assert_eq!(keys.len(), 3);
    assert_eq!(store.attempt(&keys, "ana", at(1)).await.expect("an answer"), []);
    assert_eq!(store.attempt(&[], "ana", at(1)).await.expect("an answer"), []);
    let kept = store.kept(&keys).await.expect("an answer");
    assert!(kept.contains(&waiting) && !kept.contains(&Key::from(5)));
}

async fn what_was_made_of_a_message_is_linked_with_it_both_ways(backend: Backend) {
    let database = Database::create(backend).await;
    let (store, one) = (database.store(), message());
    let old = key(&store, &one).await;
    forward(&store, old).await;
    let made = StandardMessage { payload: b"{}".to_vec(), ..message() };
    let receipt = store.receive_made(&made, old, "ana", at(3)).await.expect("received");
    let Receipt::ToForward(new) = receipt else { panic!("{receipt:?}") };
    let waiting = store.waiting(&made.destination, 9).await.expect("an answer");
    assert_eq!((waiting.len(), waiting[0].attempt), (1, None), "it waits as any");
    assert_eq!(waiting[0].message, made);
    for (id, other) in [(one.id, made.id), (made.id, one.id)] {
        let links = record(&store, id).await.again.links;
        assert_eq!(links.len(), 1);
        assert_eq!((links[0].old, links[0].new), (old, new));
        assert_eq!((links[0].other, links[0].account.as_str()), (Some(other), "ana"));
    }
    forward(&store, new).await;
    let again = store.receive_made(&made, old, "ana", at(4)).await.expect("an answer");
    assert_eq!(again, Receipt::Repeated);
}

/// How many of these messages have each value, the most first.
fn counted<'a>(values: impl Iterator<Item = Option<&'a str>>) -> Vec<(String, i64)> {
    let mut counts = std::collections::BTreeMap::new();
    for value in values {
        *counts.entry(value.unwrap_or_default().to_owned()).or_insert(0_i64) += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

async fn what_is_counted_is_what_there_is(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    sixty(&store).await;
    let bare = broker::Incoming::new(None, Some("rara"), Vec::new());
    for second in [0, 100_000] {
        let refused = audit_proxy::store::Refused { message: &bare, reason: "no".to_owned() };
        store.refuse(&[refused], at(second)).await.expect("kept");
    }
    let all = pages(&store, &Filter::default(), Order::Oldest, 99).await;
    let forwarded: Vec<_> = all
        .iter()
        .filter(|entry| entry.reason.is_none())
        .take(20)
        .map(|entry| audit_proxy::store::Forwarded { key: entry.key, at: at(70) })
        .collect();
    for _ in 0..2 {
        store.forwarded(&forwarded).await.expect("written down, the second time as nothing");
    }
    let all = pages(&store, &Filter::default(), Order::Oldest, 99).await;
    for (source, destination) in
        [(None, None), (Some("redmine"), None), (Some("redmine"), Some("servicedesk"))]
    {
        let (source, destination) = (source.map(str::to_owned), destination.map(str::to_owned));
        let filter = Filter {
            source: source.clone(),
            destination: destination.clone(),
            ..Filter::default()
        };
        let meant: Vec<_> = all.iter().filter(|entry| is_meant(entry, &filter)).collect();
        let census = Census { source, destination, ..Census::default() };
        let counts = store.counts(&census).await.expect("an answer");
        assert_eq!(counts.states, counted(meant.iter().map(|one| Some(&*one.state))));
        assert_eq!(counts.sources, counted(meant.iter().map(|one| one.source.as_deref())));
        assert_eq!(
            counts.destinations,
            counted(meant.iter().map(|one| one.destination.as_deref()))
        );
        assert_eq!(counts.kinds, counted(meant.iter().map(|one| one.kind.as_deref())));
        let days: i64 = counts.days.iter().map(|(_, count)| count).sum();
        assert_eq!(usize::try_from(days), Ok(meant.len()));
    }
    let (first, second) = (Day::of(at(0)), Day::of(at(100_000)));
    let census = Census { since: Some(second), ..Census::default() };
    let days = store.counts(&census).await.expect("an answer").days;
    assert_eq!(days, [(second, 1)]);
    let census = Census { until: Some(second), ..Census::default() };
    assert_eq!(store.counts(&census).await.expect("an answer").days, [(first, 61)]);
}

async fn stages_are_counted_once_for_each_message(backend: Backend) {
    let database = Database::create(backend).await;
    let (store, one) = (database.store(), message());
    let ahead = StandardMessage { created: at(5), ..message() };
    let stored = key(&store, &one).await;
    key(&store, &ahead).await;
    forward(&store, stored).await;
    for state in ["error", "procesado"] {
        let second = if state == "error" { 7 } else { 8 };
        notify(&store, &[notice(&one, state, second)]).await;
    }
    store.attempt(&[stored], "ana", at(10)).await.expect("begun");
    store.reforwarded(&[Reforwarded { key: stored, number: 2, at: at(11) }]).await.expect("done");
    let stages = store.counts(&Census::default()).await.expect("an answer").stages;
    let size = |from, to| audit_proxy::statistics::size(at(from), at(to));
    assert_eq!(stages[&Stage::Arrival], [(-1, 1), (size(0, 1), 1)]);
    assert_eq!(stages[&Stage::Proxy], [(size(0, 1), 1)]);
    assert_eq!(stages[&Stage::Processing], [(size(1, 2), 1)]);
}
