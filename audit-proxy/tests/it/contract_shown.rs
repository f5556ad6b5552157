//! What every store must keep of what is shown to whom; each test runs on both databases.

use audit_proxy::{
    redact::Place,
    store::{Key, Lookup, Purpose, RuleSet, TextSearch},
};

use super::{
    Backend, Database,
    contract::{at, key, message, name, only},
};

contract!(
    rules_are_replaced_and_removed_by_kind,
    lookups_are_told_the_latest_first,
    searches_are_told_the_latest_first,
);

async fn rules_are_replaced_and_removed_by_kind(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    store.prepare().await.expect("tables");
    let rule = |kind, places: &[&str]| RuleSet {
        kind: (kind != "*").then(|| name(kind)),
        places: places.iter().map(|text| Place::read(text).expect("a place")).collect(),
        changed: at(3),
        changed_by: "ana".to_owned(),
    };
    for rule in [
        rule("alta", &["dni", "/a/0"]),
        rule("baja", &["x"]),
        rule("alta", &["/b", "Ñ"]),
        rule("*", &["clave"]),
    ] {
        store.set_rule(&rule).await.expect("set");
    }
    let sets = store.rule_sets().await.expect("an answer");
    assert_eq!(sets, [rule("*", &["clave"]), rule("alta", &["/b", "Ñ"]), rule("baja", &["x"])]);
    let baja = Some(name("baja"));
    assert!(store.remove_rule(baja.as_ref()).await.expect("removed"));
    assert!(!store.remove_rule(baja.as_ref()).await.expect("not there"));
    let rules = store.rules().await.expect("an answer");
    let shown = |kind| {
        let shown = rules.shown(Some(kind), br#"{"x":1,"b":2,"clave":3}"#.to_vec()).expect("JSON");
        String::from_utf8(shown.bytes).expect("text")
    };
    assert_eq!(shown("alta"), r#"{"x":1,"b":"(oculto)","clave":"(oculto)"}"#);
    assert_eq!(shown("baja"), r#"{"x":1,"b":2,"clave":"(oculto)"}"#);
    assert!(store.remove_rule(None).await.expect("removed"));
    assert_eq!(store.rule_sets().await.expect("an answer").len(), 1);
}

async fn lookups_are_told_the_latest_first(backend: Backend) {
    let database = Database::create(backend).await;
    let (store, one) = (database.store(), message());
    key(&store, &one).await;
    let entry = only(&store, one.id).await;
    for (second, account) in [(1, "ana"), (2, "eva"), (3, "ana")] {
        let lookup = Lookup { account, message: &entry, first_byte: second, bytes: 9 };
        store.record(&lookup, at(second)).await.expect("written down");
    }
    let seen = async |account, message, before| {
        let seen = store.seen(account, message, before, 2).await.expect("an answer");
        seen.iter().map(|seen| seen.first_byte).collect::<Vec<_>>()
    };
    assert_eq!(seen(None, None, None).await, [3, 2]);
    assert_eq!(seen(Some("ana"), None, None).await, [3, 1]);
    assert_eq!(seen(Some("eva"), Some(entry.key), None).await, [2]);
    assert_eq!(seen(None, Some(Key::from(5)), None).await, [0_i64; 0]);
    assert_eq!(seen(None, Some(entry.key), Some(Key::first_at(at(3)))).await, [2, 1]);
    let all = store.seen(None, None, None, 9).await.expect("an answer");
    assert_eq!((all[0].message, all[0].key.received()), (Some(one.id), at(3)));
}

async fn searches_are_told_the_latest_first(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    store.prepare().await.expect("tables");
    let done = [
        ("ana", "Ñandú %", Purpose::List),
        ("eva", "4711", Purpose::File),
        ("ana", "4712", Purpose::Resend),
    ];
    for (second, (account, text, purpose)) in (1..).zip(done) {
        let search = TextSearch { account, text, purpose };
        store.record_search(search, at(second)).await.expect("written down");
    }
    let told = async |account, before, limit| {
        let told = store.searches(account, before, limit).await.expect("an answer");
        told.into_iter().map(|one| (one.account, one.text, one.purpose)).collect::<Vec<_>>()
    };
    let owned =
        |(account, text, purpose): (&str, &str, _)| (account.to_owned(), text.to_owned(), purpose);
    assert_eq!(told(None, None, 2).await, [owned(done[2]), owned(done[1])]);
    assert_eq!(told(Some("ana"), None, 9).await, [owned(done[2]), owned(done[0])]);
    assert_eq!(told(None, Some(Key::first_at(at(2))), 9).await, [owned(done[0])]);
    let last = store.searches(None, None, 1).await.expect("an answer");
    assert_eq!(last[0].key.received(), at(3));
}
