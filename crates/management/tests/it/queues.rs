//! What a queue holds, and who reads it.

use management::{Arguments, Management, Numbers};
use serde_json::json;
use test_support::{Session, Vhost, eventually};

use super::management;

const QUEUE: &str = "cola_pruebas";

async fn declare(vhost: &Vhost, queue: &str) {
    vhost.declare_queue(queue, json!({ "x-queue-type": "quorum" })).await;
}

/// Waits until that is told of [`QUEUE`], which can be used.
async fn tells(management: &Management, ready: u64, unacknowledged: u64, consumers: u64) {
    let total = ready + unacknowledged;
    let wanted = Numbers { ready, unacknowledged, total, consumers };
    let queue = eventually(&format!("{wanted:?}"), || async {
        let queue = management.queue(QUEUE).await.map_err(|error| error.to_string())?;
        match queue.as_ref().and_then(|queue| queue.numbers) {
            Some(numbers) if numbers == wanted => Ok(queue),
            _ => Err(format!("{queue:?}")),
        }
    })
    .await;
    assert_eq!(queue.and_then(|queue| queue.state).as_deref(), Some("running"));
}

#[tokio::test]
async fn a_queue_tells_what_waits_what_is_held_and_who_reads() {
    let vhost = Vhost::create().await;
    let management = management(&vhost);
    declare(&vhost, QUEUE).await;
    for _ in 0..3 {
        vhost.publish("amq.default", QUEUE, json!({}), "{}").await;
    }
    tells(&management, 3, 0, 0).await;
    let mut session = Session::open(&vhost.url()).await.expect("let in");
    session.hold(QUEUE).await.expect("may read");
    tells(&management, 0, 3, 1).await;
    drop(session);
    tells(&management, 3, 0, 0).await;
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_none_and_one_with_an_odd_name_is_found() {
    let vhost = Vhost::create().await;
    let management = management(&vhost);
    assert_eq!(management.queue(QUEUE).await, Ok(None));
    declare(&vhost, "%C3%B1%2F%20%2B%25%3F%23").await;
    assert!(management.queue("ñ/ +%?#").await.expect("an answer").is_some());
    assert_eq!(management.queue("ñ/  %?#").await, Ok(None));
}

#[tokio::test]
async fn queues_are_told_by_the_beginning_of_their_names() {
    let vhost = Vhost::create().await;
    let management = management(&vhost);
    assert!(management.queues("buzon_").await.expect("an answer").is_empty());
    for queue in ["buzon_a", "buzon_b.c", "mi_buzon_a", "buzo"] {
        declare(&vhost, queue).await;
    }
    let queues = management.queues("buzon_").await.expect("an answer");
    assert_eq!(queues.into_keys().collect::<Vec<_>>(), ["buzon_a", "buzon_b.c"]);
}

#[tokio::test]
async fn more_queues_than_a_page_holds_are_all_told() {
    let vhost = Vhost::create().await;
    let management = management(&vhost);
    let classic = Arguments::new();
    for number in 0..251 {
        management.declare_queue(&format!("q_{number}"), &classic).await.expect("declared");
    }
    assert_eq!(management.queues("q_").await.expect("an answer").len(), 251);
}
