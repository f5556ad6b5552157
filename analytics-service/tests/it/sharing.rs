//! Two instances on one PostgreSQL share the work, and each event counts once.

use messages::names::{CLICK, EXCHANGE, QUEUE};
use serde_json::json;
use test_support::Vhost;
use uuid::Uuid;

use super::{Backend, Database, running::Running};

#[tokio::test]
async fn two_instances_share_the_queue_and_one_that_stops_loses_nothing() {
    let vhost = Vhost::create().await;
    let database = Database::create(Backend::Postgres).await;
    let first = Running::start(&vhost.url(), &database.exposed());
    first.becomes(200).await;
    let second = Running::start(&vhost.url(), &database.exposed());
    second.becomes(200).await;
    vhost.wait_for_queue(QUEUE, 0, 2).await;

    let send = async |count: u64| {
        for i in 0..count {
            let client = format!("c{}", i % 3);
            let body =
                json!({ "cliente": client, "evento": CLICK, "timestamp": "2025-04-13T12:00:00Z" });
            let properties = json!({ "message_id": Uuid::now_v7() });
            vhost.publish(EXCHANGE, CLICK, properties, &body.to_string()).await;
        }
    };
    send(60).await;
    first.counts(60).await;
    second.counts(60).await;
    first.stopped().await;
    send(20).await;
    second.counts(80).await;
    second.stopped().await;
    vhost.wait_for_queue(QUEUE, 0, 0).await;
}
