//! What waits is counted later, and what was counted is there after everything
//! stopped. The faults under load are the proof's: see `proof.rs`.

use e2e::Stack;
use test_support::eventually;

pub(super) async fn fifty_wait_while_analytics_is_stopped(stack: &Stack) {
    stack.succeed("cargo lab stop analiticas").await;
    stack.wait_for("analiticas", "stopped", None).await;
    for _ in 0..50 {
        stack.succeed("curl -X POST http://localhost:5048/send -H 'X-Client-Name: espera'").await;
    }
    queue_holds(stack, 50).await;
    stack.succeed("cargo lab start analiticas").await;
    stack.wait_for_count("espera", 50).await;
}

/// Waits until so many messages wait for a consumer.
pub(super) async fn queue_holds(stack: &Stack, count: u32) {
    let wanted = format!("cola_analiticas\t{count}");
    eventually(&wanted, || async {
        let list = "cargo lab rabbitmqctl --quiet list_queues name messages_ready";
        let queues = stack.run(list).await.stdout;
        if queues.lines().any(|line| line == wanted) { Ok(()) } else { Err(queues) }
    })
    .await;
}

pub(super) async fn after_everything_stopped_the_counts_are_there(stack: &Stack) {
    let before = stack.report().await.expect("a report");
    for part in ["traefik", "analiticas", "cliente_x", "rabbitmq"] {
        stack.succeed(&format!("cargo lab stop {part}")).await;
    }
    for part in ["rabbitmq", "cliente_x", "analiticas", "traefik"] {
        stack.succeed(&format!("cargo lab start {part}")).await;
    }
    eventually("everything runs", || async { stack.all_running().await }).await;
    assert_eq!(stack.report().await.expect("a report")["clientes"], before["clientes"]);
}
