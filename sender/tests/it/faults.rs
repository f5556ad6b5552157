//! What a caller hears when the broker cannot confirm.

use std::time::{Duration, Instant};

use messages::names::{CLICK, EXCHANGE, QUEUE};
use serde_json::json;
use test_support::{CutProxy, Vhost, eventually};

use super::{Running, prepare, problem};

#[tokio::test]
async fn send_without_a_broker_answers_503_with_retry_after_at_once() {
    let running = Running::start("amqp://guest:guest@127.0.0.1:1/%2f", &[]);
    running.becomes(503).await;
    let started = Instant::now();
    problem(running.post("/send", &[], "").await, 503, "sin-conexion").await;
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(running.get("/healthz").await.status(), 200);

    let answer = running.post_json("/send/batch", &json!([{}, {}])).await;
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn a_silent_line_gives_503_unknown_and_the_service_comes_back() {
    let vhost = Vhost::create().await;
    prepare(&vhost).await;
    let line = CutProxy::to(vhost.broker_address()).await.expect("a free port");
    let running = Running::start(&vhost.url_through(line.address()), &[]);
    running.becomes(200).await;

    line.silence();
    let started = Instant::now();
    problem(running.post("/send", &[], "").await, 503, "desconocido").await;
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());

    line.cut();
    running.becomes(503).await;
    problem(running.post("/send", &[], "").await, 503, "sin-conexion").await;

    line.restore();
    eventually("202 again", || async {
        match running.post("/send", &[], "").await.status().as_u16() {
            202 => Ok(()),
            status => Err(status.to_string()),
        }
    })
    .await;
}

#[tokio::test]
async fn a_full_queue_is_503_and_nothing_is_promised() {
    let vhost = Vhost::create().await;
    vhost.declare_exchange(EXCHANGE, "direct").await;
    vhost
        .declare_queue("llena", json!({ "x-max-length": 1, "x-overflow": "reject-publish" }))
        .await;
    vhost.bind(EXCHANGE, "llena", CLICK).await;
    let running = Running::start(&vhost.url(), &[]);
    running.becomes(200).await;
    assert_eq!(running.post("/send", &[], "").await.status(), 202);
    problem(running.post("/send", &[], "").await, 503, "rechazado").await;
    vhost.wait_for_queue("llena", 1, 0).await;
}

/// What was answered 202 before, during and after the end lies in the queue.
#[tokio::test]
async fn stopping_under_load_loses_no_202() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    let (client, url) = (running.client.clone(), format!("{}/send", running.address));
    let loads: Vec<_> = (0..8)
        .map(|_| {
            let (client, url) = (client.clone(), url.clone());
            tokio::spawn(async move {
                let mut confirmed = 0u32;
                // Ends when the listener is gone.
                while let Ok(answer) = client.post(&url).send().await {
                    confirmed += u32::from(answer.status() == 202);
                }
                confirmed
            })
        })
        .collect();
    eventually("the load is under way", || async {
        match vhost.queue(QUEUE).await? {
            queue if queue.ready > 50 => Ok(()),
            queue => Err(format!("{queue:?}")),
        }
    })
    .await;
    running.stopped().await;

    let mut confirmed = 0;
    for load in loads {
        confirmed += load.await.expect("no panic");
    }
    assert!(confirmed > 50);
    eventually("every 202 is in the queue", || async {
        match vhost.queue(QUEUE).await? {
            queue if queue.ready >= confirmed => Ok(()),
            queue => Err(format!("{confirmed} confirmed, {queue:?}")),
        }
    })
    .await;
}
