//! What a message said of itself is kept octet for octet, and a database from before that was
//! kept goes on.

use audit_proxy::store::Refused;
use broker::Incoming;
use messages::StandardMessage;
use sqlx::{AnyConnection, Connection, any::install_default_drivers};
use uuid::Uuid;

use crate::{
    Backend, Database,
    contract::{at, key, message, name, record},
};

contract!(
    what_a_message_said_comes_back_octet_for_octet_wherever_it_is_read,
    a_database_from_before_it_was_kept_goes_on_with_what_it_has,
);

async fn what_a_message_said_comes_back_octet_for_octet_wherever_it_is_read(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    let octets: Vec<u8> = (0..=255).chain([0, 0]).collect();
    let message = StandardMessage { properties: Some(octets.clone()), ..message() };
    let key = key(&store, &message).await;
    let waiting = store.waiting(&message.destination, 9).await.expect("an answer");
    assert_eq!(waiting[0].message, message);
    assert_eq!(store.properties(key).await.expect("an answer"), Some(octets.clone()));
    assert_eq!(record(&store, message.id).await.properties, Some(octets));

    let id = Uuid::now_v7().to_string();
    let refused = Incoming::new(Some(&id), None, Vec::new());
    let refusal = Refused { message: &refused, reason: "no".to_owned() };
    store.refuse(&[refusal], at(0)).await.expect("kept");
    let kept = record(&store, name(&id)).await.properties;
    assert_eq!(kept, Some(refused.properties().encode()));
}

/// As an older release left it: the tables of now without what came since.
async fn made_older(database: &Database) {
    install_default_drivers();
    let mut link = AnyConnection::connect(&database.text).await.expect("connected");
    for statement in [
        "ALTER TABLE payloads DROP COLUMN properties",
        "DROP TABLE searches",
        "DELETE FROM _sqlx_migrations WHERE version >= 6",
    ] {
        sqlx::query(statement).execute(&mut link).await.expect(statement);
    }
    if database.text.starts_with("postgres") {
        let statement = "ALTER TABLE log_events DROP COLUMN folded";
        sqlx::query(statement).execute(&mut link).await.expect(statement);
    }
}

async fn a_database_from_before_it_was_kept_goes_on_with_what_it_has(backend: Backend) {
    let database = Database::create(backend).await;
    let old = message();
    key(&database.store(), &old).await;
    made_older(&database).await;
    let store = database.store();
    store.prepare().await.expect("brought up to date");
    let new = StandardMessage { properties: Some(vec![0, 0]), ..message() };
    store.receive(&[&new], at(5)).await.expect("received");
    let waiting = store.waiting(&old.destination, 9).await.expect("an answer");
    let messages: Vec<_> = waiting.into_iter().map(|waiting| waiting.message).collect();
    assert_eq!(messages, [old.clone(), new]);
    assert_eq!(record(&store, old.id).await.properties, None);
}
