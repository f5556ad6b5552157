//! What the other profiles add: a second analytics, and a broker of three nodes.

use std::time::Duration;

use e2e::Stack;
use test_support::{eventually, eventually_within};

use crate::scenarios::{faults::send, load::json};

/// How long replicas may take to be made: nodes look every ten seconds whether
/// one is missing.
const REPLICATION: Duration = Duration::from_mins(2);

pub(super) async fn both_analytics_share_the_work(stack: &Stack) {
    let result = json(stack, &stack.lab("load --json --events 2000 --batch 100")).await;
    assert_eq!(result["exact"], true, "{result:#}");
    assert_eq!(result["verdict"]["counted"], 2000, "{result:#}");
    let total = stack.report().await.expect("a report")["total"].as_u64();
    assert_eq!(total, Some(2000));
    let by_one = counted_by_one(stack).await;
    assert!(0 < by_one && by_one < 2000, "analiticas_uno counted {by_one} of 2000");
}

/// What the instance counted that has a port of its own.
async fn counted_by_one(stack: &Stack) -> u64 {
    let answer = stack.http.get(stack.url("ANALYTICS_PORT", "/metrics")).send().await;
    let metrics = answer.expect("an answer").text().await.expect("text");
    let name = r#"analytics_consumed_total{result="counted"} "#;
    let value = metrics.lines().find_map(|line| line.strip_prefix(name));
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{metrics}"))
}

/// The door finds the other, and the queue waits for neither.
pub(super) async fn one_analytics_is_enough(stack: &Stack) {
    stack.compose("stop analiticas_uno").await;
    send(stack, "sola", 50).await;
    eventually("the door's report has them", || async {
        let report = stack.run("curl --fail 'http://localhost/reporte?cliente=sola'").await;
        if report.stdout.contains(r#""sola":50"#) { Ok(()) } else { Err(format!("{report:?}")) }
    })
    .await;
    stack.compose("start analiticas_uno").await;
    stack.wait_for("analiticas_uno", "running").await;
}

pub(super) async fn the_queue_has_three_replicas(stack: &Stack) {
    let list = stack.rabbitmqctl("list_queues name online");
    eventually_within(REPLICATION, "cola_analiticas has three replicas", || async {
        let queues = stack.succeed(&list).await;
        let queue = queues.lines().find(|line| line.starts_with("cola_analiticas\t"));
        let replicas = queue.map(|line| line.matches("rabbit@rabbitmq-").count());
        if replicas == Some(3) { Ok(()) } else { Err(queues) }
    })
    .await;
}

pub(super) async fn a_load_through_the_cluster_is_exact(stack: &Stack) {
    let result = json(stack, &stack.lab("load --json --events 2000 --batch 100")).await;
    assert_eq!(result["exact"], true, "{result:#}");
    assert_eq!(result["verdict"]["counted"], 2000, "{result:#}");
}
