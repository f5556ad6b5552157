//! `cargo lab … --compose`: what it says of a laboratory in containers.

use std::collections::BTreeSet;

use e2e::{Project, Stack};

pub(super) async fn status_says_what_docker_says(stack: &Stack) {
    let status = stack.status().await.expect("a status");
    let configured = stack.compose("config --services").await;
    let services: BTreeSet<&str> = configured.lines().collect();
    assert_eq!(status.keys().map(String::as_str).collect::<BTreeSet<_>>(), services);
    for (name, part) in &status {
        assert_eq!(part["state"], "running", "{name}");
        assert!(part["container"].is_string(), "{name}: {part}");
    }
    let ports = status["cliente_x"]["ports"].to_string();
    assert!(ports.contains(&stack.port("CLIENTE_X_PORT").to_string()), "{ports}");
    let table = stack.succeed(&stack.lab("status")).await;
    // A class's project has a shorter name.
    for line in table.replace(stack.project().name(), "relevo").lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    it_follows_what_is_done_to_a_container(stack).await;
}

async fn it_follows_what_is_done_to_a_container(stack: &Stack) {
    for (verb, state) in [
        ("pause", "paused"),
        ("unpause", "running"),
        ("stop", "stopped"),
        ("start", "running"),
        ("kill", "died"),
        ("start", "running"),
    ] {
        stack.compose(&format!("{verb} cliente_uno")).await;
        stack.wait_for("cliente_uno", state).await;
    }
}

pub(super) async fn there_are_no_dead_messages(stack: &Stack) {
    let listed = stack.succeed(&stack.lab("dead list")).await;
    assert!(listed.contains("No hay mensajes muertos"), "{listed}");
}

pub(super) async fn a_laboratory_that_is_not_up_says_so() {
    let stack = Stack::containers(Project::apart("nadie", "basico"));
    let status = stack.run(&stack.lab("status")).await;
    assert_eq!(status.code, Some(3), "{status:?}");
    let load = stack.run(&stack.lab("load")).await;
    assert_eq!(load.code, Some(3), "{load:?}");
}
