//! What was answered 202 is counted, once, whatever breaks.

use std::{
    panic::resume_unwind,
    time::{Duration, Instant},
};

use e2e::{Load, Stack};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use test_support::eventually;

use super::whatever_happens;

/// How soon a fault of the broker must be told: the promise, and a second for
/// a busy machine.
const TOLD_WITHIN: Duration = Duration::from_secs(3);

fn senders(stack: &Stack) -> [String; 2] {
    [stack.url("CLIENTE_X_PORT", "/send"), stack.url("CLIENTE_UNO_PORT", "/send")]
}

async fn kill_hard(stack: &Stack, part: &str) {
    let pid = stack.pid(part).await;
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("our own process");
    stack.wait_for(part, "running", Some(pid)).await;
}

/// Ends the load and compares: exactly what was confirmed, or, since an
/// unconfirmed attempt is made again under its key, no more either.
async fn settle(stack: &Stack, load: Load, client: &str) {
    let result = load.finish().await;
    assert!(result.confirmed > 0, "{result:?}");
    stack.wait_for_count(client, result.confirmed).await;
    // What may still wait in the queue must add nothing either.
    queue_is_empty(stack).await;
    stack.wait_for_count(client, result.confirmed).await;
    println!("{client}: {result:?}");
}

async fn queue_is_empty(stack: &Stack) {
    let url = stack.url("MANAGEMENT_PORT", "/api/queues/%2F/cola_analiticas");
    eventually("the queue is empty", || async {
        let request = stack.http.get(&url).basic_auth("guest", Some("guest"));
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let queue: serde_json::Value = answer.json().await.map_err(|error| error.to_string())?;
        if queue["messages"] == 0 { Ok(()) } else { Err(queue["messages"].to_string()) }
    })
    .await;
}

pub(super) async fn fifty_wait_while_analytics_is_stopped(stack: &Stack) {
    stack.succeed("cargo lab stop analiticas").await;
    stack.wait_for("analiticas", "stopped", None).await;
    for _ in 0..50 {
        stack.succeed("curl -X POST http://localhost:5048/send -H 'X-Client-Name: espera'").await;
    }
    eventually("50 wait in the queue", || async {
        let queues =
            stack.run("cargo lab rabbitmqctl --quiet list_queues name messages_ready").await.stdout;
        let waiting = queues.lines().find(|line| line.starts_with("cola_analiticas\t"));
        if waiting == Some("cola_analiticas\t50") { Ok(()) } else { Err(queues) }
    })
    .await;
    stack.succeed("cargo lab start analiticas").await;
    stack.wait_for_count("espera", 50).await;
}

pub(super) async fn analytics_killed_under_load_counts_each_event_once(stack: &Stack) {
    let load = Load::start("matada", &senders(stack));
    for _ in 0..3 {
        load.goes_on(200).await;
        kill_hard(stack, "analiticas").await;
    }
    settle(stack, load, "matada").await;
}

pub(super) async fn a_sender_killed_under_load_loses_nothing_confirmed(stack: &Stack) {
    let load = Load::start("remitente", &senders(stack));
    for _ in 0..2 {
        load.goes_on(200).await;
        kill_hard(stack, "cliente_x").await;
    }
    settle(stack, load, "remitente").await;
}

pub(super) async fn the_broker_restarted_and_killed_under_load_loses_nothing_confirmed(
    stack: &Stack,
) {
    let load = Load::start("broker", &senders(stack));
    load.goes_on(200).await;
    stack.succeed("cargo lab restart rabbitmq").await;
    load.goes_on(200).await;
    kill_hard(stack, "rabbitmq").await;
    load.goes_on(200).await;
    settle(stack, load, "broker").await;
}

pub(super) async fn a_memory_alarm_is_503_in_time_and_passes(stack: &Stack) {
    stack.succeed("cargo lab rabbitmqctl set_vm_memory_high_watermark absolute 1").await;
    let told = whatever_happens(the_alarm_is_told(stack)).await;
    stack.succeed("cargo lab rabbitmqctl set_vm_memory_high_watermark 0.4").await;
    told.unwrap_or_else(|panic| resume_unwind(panic));

    for variable in ["CLIENTE_X_PORT", "CLIENTE_DOS_PORT"] {
        let url = stack.url(variable, "/send");
        eventually("confirmed again", || async {
            let answer = stack.http.post(&url).send().await.map_err(|error| error.to_string())?;
            if answer.status() == 202 { Ok(()) } else { Err(answer.status().to_string()) }
        })
        .await;
    }
}

async fn the_alarm_is_told(stack: &Stack) {
    let url = stack.url("CLIENTE_X_PORT", "/send");
    eventually("the alarm is told", || async {
        let started = Instant::now();
        let answer = stack.http.post(&url).send().await.map_err(|error| error.to_string())?;
        assert!(started.elapsed() < TOLD_WITHIN, "{:?}", started.elapsed());
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap_or_default();
        if status == 503 && text.contains("bloqueado") {
            Ok(())
        } else {
            Err(format!("{status} {text}"))
        }
    })
    .await;
    let ready = stack.http.get(stack.url("CLIENTE_X_PORT", "/readyz")).send().await;
    assert_eq!(ready.expect("an answer").status(), 503);
    a_sender_started_during_the_alarm_is_not_ready(stack).await;
}

/// The broker tells a new connection of the alarm at its first publish only.
async fn a_sender_started_during_the_alarm_is_not_ready(stack: &Stack) {
    let before = stack.pid("cliente_dos").await;
    kill(Pid::from_raw(before), Signal::SIGKILL).expect("our own process");
    let url = stack.url("CLIENTE_DOS_PORT", "/readyz");
    eventually("it says that the broker blocks", || async {
        let answer = stack.http.get(&url).send().await.map_err(|error| error.to_string())?;
        assert_eq!(answer.status(), 503, "{:?}", answer.text().await);
        let text = answer.text().await.unwrap_or_default();
        if text.contains("no acepta mensajes") { Ok(()) } else { Err(text) }
    })
    .await;
}

pub(super) async fn every_service_stopped_in_turn_under_load_loses_nothing_confirmed(
    stack: &Stack,
) {
    let load = Load::start("turnos", &senders(stack));
    for part in ["analiticas", "cliente_x", "cliente_uno", "panel-visual", "traefik"] {
        load.goes_on(50).await;
        stack.succeed(&format!("cargo lab restart {part}")).await;
    }
    settle(stack, load, "turnos").await;
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
