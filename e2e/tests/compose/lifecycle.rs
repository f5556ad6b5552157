//! Containers that stop, go, and die: what was counted and what waits stays.

use std::time::Duration;

use e2e::Stack;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use test_support::eventually_within;

use crate::scenarios::faults::{queue_holds, send};

/// How long a service may take from its death until it is healthy again: its
/// health is looked at every three seconds.
const REVIVAL: Duration = Duration::from_mins(1);

pub(super) async fn stop_ends_everything_in_order_and_start_goes_on(stack: &Stack) {
    send(stack, "parado", 1).await;
    stack.wait_for_count("parado", 1).await;
    let before = stack.report().await.expect("a report");
    stack.compose("stop").await;
    for container in stack.inspect_all().await {
        let (name, state) = (&container["Name"], &container["State"]);
        assert_eq!(state["Status"], "exited", "{name}: {state}");
        assert_eq!(state["ExitCode"], 0, "{name} did not end in order: {state}");
    }
    stack.compose("start").await;
    stack.bring_up("").await;
    assert_eq!(stack.report().await.expect("a report")["clientes"], before["clientes"]);
}

/// `down` keeps the volumes: that of the counts, and that of the queue.
pub(super) async fn what_was_counted_and_what_waits_outlives_down(stack: &Stack) {
    send(stack, "primero", 1).await;
    stack.wait_for_count("primero", 1).await;
    let before = stack.report().await.expect("a report");
    stack.stop("analiticas").await;
    send(stack, "paciente", 5).await;
    queue_holds(stack, 5).await;
    stack.compose("down").await;
    let left = stack.compose("ps --all --quiet").await;
    assert!(left.is_empty(), "{left}");
    stack.bring_up("").await;
    stack.wait_for_count("paciente", 5).await;
    let mut after = stack.report().await.expect("a report");
    after["clientes"].as_object_mut().expect("clients").remove("paciente");
    assert_eq!(after["clientes"], before["clientes"]);
}

/// Each of our services, killed as the kernel would without memory.
pub(super) async fn a_killed_service_comes_back(stack: &Stack) {
    for service in ["cliente_dos", "analiticas", "panel-visual"] {
        let before = stack.inspect(service).await;
        let pid = before["State"]["Pid"].as_i64().and_then(|pid| pid.try_into().ok());
        kill(Pid::from_raw(pid.expect("a pid")), Signal::SIGKILL).expect("its pid is ours");
        eventually_within(REVIVAL, &format!("{service} is healthy again"), || async {
            let now = stack.inspect(service).await;
            let again = now["RestartCount"].as_u64() > before["RestartCount"].as_u64();
            let healthy = now["State"]["Health"]["Status"] == "healthy";
            if again && healthy { Ok(()) } else { Err(now["State"].to_string()) }
        })
        .await;
    }
}
