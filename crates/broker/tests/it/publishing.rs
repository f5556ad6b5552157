//! Every publish ends in exactly one outcome, and it is the true one.

use std::time::{Duration, Instant};

use broker::{Incoming, NotSent, Outcome, Outgoing};
use futures_util::future::join_all;
use messages::names;
use serde_json::json;
use test_support::{CutProxy, Vhost, eventually};

use super::{DEAD_LETTERS, EXCHANGE, QUEUE, Running, message};

/// A second more than the promise, for a busy machine.
const WITHIN_DEADLINE: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_confirmed_message_lies_in_the_queue_with_its_properties() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    let message = message("click");

    assert_eq!(running.publisher.publish(message.clone()).await, Outcome::Confirmed);

    let taken = vhost.take(QUEUE, 10).await;
    assert_eq!(taken.len(), 1, "{taken:?}");
    let properties = &taken[0]["properties"];
    assert_eq!(properties["message_id"], message.id.to_string());
    assert_eq!(properties["app_id"], "prueba");
    assert_eq!(properties["type"], "prueba.v1");
    assert_eq!(properties["correlation_id"], "peticion-1");
    assert_eq!(properties["content_type"], "application/json");
    assert_eq!(properties["delivery_mode"], 2);
    assert_eq!(properties["timestamp"], 1_744_545_600);
}

#[tokio::test]
async fn a_delivered_message_goes_on_as_it_was_without_what_only_its_publisher_may_say() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    another_exchange(&vhost).await;
    let original = Outgoing { user: Some("otra".to_owned()), ..message("click") };
    let delivered = Incoming::from(original.clone());
    let headers = [("motivo", "porque sí"), (names::CLIENT_HEADER, "otro")];
    let relayed = delivered.relayed("pruebas_dlx", &headers);
    assert_eq!(running.publisher.relay(relayed).await.outcome().await, Outcome::Confirmed);
    let taken = vhost.take(DEAD_LETTERS, 10).await;
    assert_eq!(taken.len(), 1, "{taken:?}");
    let properties = &taken[0]["properties"];
    assert_eq!(properties["message_id"], original.id.to_string());
    let headers = &properties["headers"];
    assert_eq!((&headers["motivo"], &headers["cliente"]), (&json!("porque sí"), &json!("otro")));
    assert_eq!((&properties["user_id"], &properties["delivery_mode"]), (&json!(null), &json!(2)));
    assert_eq!(
        (&properties["app_id"], &properties["type"]),
        (&json!("prueba"), &json!("prueba.v1"))
    );
    assert_eq!(
        (&properties["timestamp"], &taken[0]["routing_key"]),
        (&json!(1_744_545_600), &json!("click"))
    );
    assert_eq!(taken[0]["payload"].as_str().map(str::as_bytes), Some(&original.body[..]));
}

/// One that the publisher is not for, with a queue behind it.
async fn another_exchange(vhost: &Vhost) {
    vhost.declare_exchange("pruebas_dlx", "fanout").await;
    vhost.declare_queue(DEAD_LETTERS, json!({ "x-queue-type": "quorum" })).await;
    vhost.bind("pruebas_dlx", DEAD_LETTERS, "x").await;
}

#[tokio::test]
async fn a_message_without_an_id_that_comes_back_is_not_taken_for_confirmed() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    another_exchange(&vhost).await;
    let bare = || Incoming::new(None, Some("nada"), Vec::new());
    for (exchange, wanted) in [(EXCHANGE, Outcome::Unroutable), ("pruebas_dlx", Outcome::Confirmed)]
    {
        let handed = running.publisher.relay(bare().relayed(exchange, &[])).await;
        assert_eq!(handed.outcome().await, wanted);
    }
}

#[tokio::test]
async fn a_key_that_no_queue_is_bound_for_is_unroutable() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    assert_eq!(running.publisher.publish(message("compra")).await, Outcome::Unroutable);
    assert_eq!(running.publisher.publish(message("click")).await, Outcome::Confirmed);
}

/// What lapin attaches to the wrong confirm must not reach the wrong caller.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn under_concurrent_mixed_traffic_no_outcome_is_another_messages() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    let callers = (0..64u64).map(|caller| {
        let publisher = running.publisher.clone();
        tokio::spawn(async move {
            let mut routed = 0;
            for turn in 0..100u64 {
                let click = (caller * 31 + turn * 17) % 3 != 0;
                let outcome =
                    publisher.publish(message(if click { "click" } else { "compra" })).await;
                let wanted = if click { Outcome::Confirmed } else { Outcome::Unroutable };
                assert_eq!(outcome, wanted, "caller {caller}, turn {turn}");
                routed += u32::from(click);
            }
            routed
        })
    });
    let routed =
        join_all(callers).await.into_iter().map(|caller| caller.expect("no wrong outcome"));
    vhost.wait_for_queue(QUEUE, routed.sum(), 0).await;
}

#[tokio::test]
async fn a_batch_has_its_outcomes_in_order() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    let keys: Vec<_> = (0..5000).map(|i| if i % 7 == 0 { "compra" } else { "click" }).collect();
    let outcomes =
        running.publisher.publish_all(keys.iter().map(|key| message(key)).collect()).await;
    for (key, outcome) in keys.iter().zip(outcomes) {
        let wanted = if *key == "click" { Outcome::Confirmed } else { Outcome::Unroutable };
        assert_eq!(outcome, wanted);
    }
}

/// Retries that are under way together: RabbitMQ returns each of them.
#[tokio::test]
async fn outcomes_of_messages_with_one_id_are_their_own() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    let with_key = |key| broker::Outgoing { routing_key: key, ..message("") };
    for keys in [["compra", "compra"], ["compra", "click"], ["click", "compra"]] {
        let first = with_key(keys[0].to_owned());
        let second = broker::Outgoing { routing_key: keys[1].to_owned(), ..first.clone() };
        let outcomes = running.publisher.publish_all(vec![first, second]).await;
        let wanted = keys.map(|key| match key {
            "click" => Outcome::Confirmed,
            _ => Outcome::Unroutable,
        });
        assert_eq!(outcomes, wanted, "{keys:?}");
    }
    vhost.wait_for_queue(QUEUE, 2, 0).await;
}

#[tokio::test]
async fn a_full_queue_refuses() {
    let vhost = Vhost::create().await;
    let limited = json!({ "x-max-length": 1, "x-overflow": "reject-publish" });
    vhost.declare_exchange(EXCHANGE, "direct").await;
    vhost.declare_queue("llena", limited).await;
    vhost.bind(EXCHANGE, "llena", "click").await;
    let running = Running::start(&vhost.url());
    running.connected().await;

    assert_eq!(running.publisher.publish(message("click")).await, Outcome::Confirmed);
    assert_eq!(running.publisher.publish(message("click")).await, Outcome::Refused);
}

#[tokio::test]
async fn without_a_broker_a_publish_is_refused_at_once() {
    let running = Running::start("amqp://guest:guest@127.0.0.1:1/%2f");
    let started = Instant::now();
    let outcome = running.publisher.publish(message("click")).await;
    assert!(matches!(outcome, Outcome::NotSent(NotSent::Link(_))), "{outcome:?}");
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}

#[tokio::test]
async fn without_the_exchange_nothing_is_sent_and_the_reason_names_it() {
    let vhost = Vhost::create().await;
    let running = Running::start(&vhost.url());
    eventually("the reason names the exchange", || async {
        match running.publisher.publish(message("click")).await {
            Outcome::NotSent(NotSent::Link(reason)) if reason.to_string().contains(EXCHANGE) => {
                Ok(())
            }
            other => Err(format!("{other:?}")),
        }
    })
    .await;

    vhost.declare_exchange(EXCHANGE, "direct").await;
    running.connected().await;
}

#[tokio::test]
async fn a_line_cut_without_a_fin_gives_unknown_in_time_and_the_service_comes_back() {
    let vhost = Vhost::create().await;
    drop(Running::ready(&vhost).await);
    let line = CutProxy::to(vhost.broker_address()).await.expect("a free port");
    let running = Running::start(&vhost.url_through(line.address()));
    running.connected().await;

    line.silence();
    let started = Instant::now();
    assert_eq!(running.publisher.publish(message("click")).await, Outcome::Unknown);
    assert!(started.elapsed() < WITHIN_DEADLINE, "{:?}", started.elapsed());

    line.restore();
    eventually("confirmed again", || async {
        match running.publisher.publish(message("click")).await {
            Outcome::Confirmed => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

#[tokio::test]
async fn while_the_line_is_cut_callers_hear_at_once_and_afterwards_it_goes_on() {
    let vhost = Vhost::create().await;
    drop(Running::ready(&vhost).await);
    let line = CutProxy::to(vhost.broker_address()).await.expect("a free port");
    let running = Running::start(&vhost.url_through(line.address()));
    running.connected().await;

    line.cut();
    eventually("the cut is noticed", || async {
        running.publisher.status().check().err().ok_or("still up".to_owned())
    })
    .await;
    let started = Instant::now();
    let outcome = running.publisher.publish(message("click")).await;
    assert!(matches!(outcome, Outcome::NotSent(_)), "{outcome:?}");
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());

    line.restore();
    running.connected().await;
    assert_eq!(running.publisher.publish(message("click")).await, Outcome::Confirmed);
}

#[tokio::test]
async fn a_user_who_may_only_write_to_the_exchange_can_publish() {
    let vhost = Vhost::create().await;
    drop(Running::ready(&vhost).await);
    let user = vhost.create_user("secreto").await;
    vhost.permit(&user, "^$", &format!("^{EXCHANGE}$"), "^$").await;
    let running = Running::start(&vhost.url_as(&user, "secreto"));
    running.connected().await;
    assert_eq!(running.publisher.publish(message("click")).await, Outcome::Confirmed);
}

#[tokio::test]
async fn told_to_stop_it_settles_what_is_under_way_and_ends() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    let publisher = running.publisher.clone();
    let batch = tokio::spawn(async move {
        publisher.publish_all((0..20_000).map(|_| message("click")).collect()).await
    });
    eventually("some are there", || async {
        match vhost.queue(QUEUE).await? {
            queue if queue.ready > 0 => Ok(()),
            queue => Err(format!("{queue:?}")),
        }
    })
    .await;
    running.stop.cancel();
    running.task.await.expect("the task ends");

    let outcomes = batch.await.expect("the batch ends");
    let count = |wanted| outcomes.iter().filter(|outcome| **outcome == wanted).map(|_| 1).sum();
    assert_eq!(count(Outcome::Unknown), 0u32);
    assert!(count(Outcome::Confirmed) < 20_000, "it was over before the stop");
    vhost.wait_for_queue(QUEUE, count(Outcome::Confirmed), 0).await;
}
