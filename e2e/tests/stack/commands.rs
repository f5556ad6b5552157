//! `cargo lab` as a teacher uses it.

use e2e::Stack;
use test_support::eventually;

const PARTS: [&str; 8] = [
    "analiticas",
    "auditoria",
    "cliente_dos",
    "cliente_uno",
    "cliente_x",
    "panel-visual",
    "rabbitmq",
    "traefik",
];

pub(super) async fn status_names_every_part_with_pid_and_ports(stack: &Stack) {
    let status = stack.status().await.expect("a status");
    assert_eq!(status.keys().collect::<Vec<_>>(), PARTS);
    for (name, part) in &status {
        assert_eq!(part["state"], "running", "{name}");
        assert!(part["pid"].as_i64().is_some_and(|pid| pid > 1), "{name}: {part}");
    }
    let ports = status["cliente_x"]["ports"].to_string();
    assert!(ports.contains(&stack.port("CLIENTE_X_PORT").to_string()), "{ports}");
    let table = stack.succeed("cargo lab status").await;
    for line in table.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

/// First of all: the others need both.
pub(super) async fn a_lab_that_is_asked_for_joins_the_one_that_runs(stack: &Stack) {
    let audit = async || {
        let page = stack.http.get(stack.url("HTTP_PORT", "/panel/auditoria")).send().await;
        page.expect("an answer").text().await.expect("text")
    };
    let status = stack.status().await.expect("a status");
    assert!(!status.contains_key("auditoria"), "{status:?}");
    assert!(
        audit().await.contains("cargo lab up auditoria"),
        "it is off, and says how to start it"
    );
    let refused = stack.run("cargo lab start auditoria").await;
    assert_eq!(refused.code, Some(64), "{refused:?}");
    let refused = stack.run("cargo lab up 9").await;
    assert_eq!(refused.code, Some(64), "{refused:?}");
    let before = stack.pid("rabbitmq").await;
    let up = stack.succeed("cargo lab up auditoria").await;
    assert!(up.contains("/panel/auditoria"), "{up}");
    stack.all_running().await.expect("both labs");
    assert_eq!(stack.pid("rabbitmq").await, before, "what ran goes on");
    assert!(audit().await.contains("name=\"clave\""), "there is somebody to ask");
}

pub(super) async fn a_second_up_says_that_it_is_up(stack: &Stack) {
    let before = stack.pid("analiticas").await;
    let printed = stack.succeed("cargo lab up").await;
    assert!(printed.contains("ya está en marcha"), "{printed}");
    assert_eq!(stack.pid("analiticas").await, before);
}

pub(super) async fn a_taken_port_is_named_with_its_variable_and_nothing_is_left_running(
    stack: &Stack,
) {
    let other = format!("LAB_DIR={} cargo lab", stack.path("other").display());
    let up = stack.run(&format!("{other} up --detach")).await;
    assert_ne!(up.code, Some(0), "{up:?}");
    let said = format!("{}{}", up.stdout, up.stderr);
    let port = stack.port("AMQP_PORT").to_string();
    let line = said.lines().find(|line| line.contains(&port)).unwrap_or_else(|| panic!("{said}"));
    assert!(line.contains("AMQP_PORT") && line.contains("beam"), "{line}");
    assert!(said.lines().any(|line| line.contains("ANALYTICS_PORT")), "{said}");
    let left = stack.run(&format!("{other} status --json")).await;
    assert!(!left.stdout.contains("running"), "{left:?}");
    stack.all_running().await.expect("the first laboratory goes on");
}

pub(super) async fn unknown_services_are_refused_with_the_names_there_are(stack: &Stack) {
    let refused = stack.run("cargo lab stop nadie").await;
    assert_ne!(refused.code, Some(0));
    assert!(refused.stderr.contains("analiticas"), "{refused:?}");
}

pub(super) async fn logs_show_what_a_service_says(stack: &Stack) {
    let logs = stack.succeed("cargo lab logs analiticas").await;
    assert!(logs.contains("listening on"), "{logs}");
    let rights = stack.succeed("cargo lab rabbitmqctl list_users").await;
    assert!(rights.contains("sender") && rights.contains("analytics"), "{rights}");
}

pub(super) async fn the_door_logs_who_came_and_not_what_was_searched(stack: &Stack) {
    let url = stack.url("HTTP_PORT", "/reporte?cliente=alguien-buscado");
    stack.http.get(url).send().await.expect("an answer");
    eventually("the request is in the log", || async {
        let logs = stack.succeed("cargo lab logs traefik").await;
        let line = logs.lines().find(|line| line.contains(r#""RouterName":"reporte@file""#));
        let line = line.ok_or_else(|| logs.clone())?;
        assert!(line.contains(r#""ClientHost":"127.0.0.1""#), "{line}");
        assert!(line.contains(r#""DownstreamStatus":200"#), "{line}");
        assert!(!logs.contains("alguien-buscado"), "{logs}");
        Ok(())
    })
    .await;
}
