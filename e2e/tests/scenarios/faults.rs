//! What waits is counted later, and what was counted is there after everything
//! stopped. The faults under load are the proof's: see `proof.rs`.

use e2e::{Browser, Stack};
use test_support::eventually;

use super::panel;

pub(crate) async fn fifty_wait_while_analytics_is_stopped(stack: &Stack) {
    stack.stop("analiticas").await;
    stack.wait_for("analiticas", "stopped").await;
    send(stack, "espera", 50).await;
    queue_holds(stack, 50).await;
    stack.start("analiticas").await;
    stack.wait_for_count("espera", 50).await;
}

/// Sends so many events of a client, each of which must be confirmed.
pub(crate) async fn send(stack: &Stack, client: &str, count: u32) {
    for _ in 0..count {
        let request = stack.http.post(stack.url("CLIENTE_DOS_PORT", "/send"));
        let answer = request.header("x-client-name", client).send().await.expect("an answer");
        assert_eq!(answer.status(), 202, "{client}");
    }
}

/// Waits until so many messages wait for a consumer.
pub(crate) async fn queue_holds(stack: &Stack, count: u32) {
    let wanted = format!("cola_analiticas\t{count}");
    eventually(&wanted, || async {
        let list = stack.rabbitmqctl("list_queues name messages_ready");
        let queues = stack.run(&list).await.stdout;
        if queues.lines().any(|line| line == wanted) { Ok(()) } else { Err(queues) }
    })
    .await;
}

/// And whoever has a page of the panel open sees each of it, and the end of it.
pub(crate) async fn after_everything_stopped_the_counts_are_there(stack: &Stack) {
    send(stack, "antes", 1).await;
    stack.wait_for_count("antes", 1).await;
    let before = stack.report().await.expect("a report");
    Browser::visit(1280, async |browser| {
        browser.go(&panel::at(stack, "")).await;
        panel::shows_the_total(stack, browser).await;
        panel::mark(browser).await;
        stack.stop("rabbitmq").await;
        panel::says_that_the_broker_is_away(browser).await;
        for part in ["cliente_x", "analiticas", "traefik"] {
            stack.stop(part).await;
        }
        panel::says_that_nobody_answers(browser).await;
        for part in ["rabbitmq", "cliente_x", "analiticas", "traefik"] {
            stack.start(part).await;
        }
        eventually("everything runs", || async { stack.all_running().await }).await;
        assert_eq!(stack.report().await.expect("a report")["clientes"], before["clientes"]);
        panel::is_back_without_a_reload(stack, browser).await;
    })
    .await;
}
