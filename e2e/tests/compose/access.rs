//! Who may come to the broker, and with which password.

use std::time::Duration;

use e2e::{Project, Stack};
use test_support::eventually;

/// How long the management API may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// What the management API answers to a user.
async fn answer(stack: &Stack, user: &str, password: &str) -> Option<u16> {
    let request = stack.http.get(stack.url("MANAGEMENT_PORT", "/api/overview"));
    // A request that meets the broker's restart may never end.
    let answer = request.basic_auth(user, Some(password)).timeout(ANSWER_LIMIT).send().await;
    answer.ok().map(|answer| answer.status().as_u16())
}

/// With the commands that every RabbitMQ course teaches, as a class types them.
pub(super) async fn users_are_added_as_ever_and_outlive_a_restart(stack: &Stack) {
    for command in [
        "add_user ana secreto-de-ana",
        "set_permissions -p / ana '.*' '.*' '.*'",
        "set_user_tags ana administrator",
    ] {
        stack.succeed(&format!("docker exec rabbitmq6 rabbitmqctl {command}")).await;
    }
    assert_eq!(answer(stack, "ana", "secreto-de-ana").await, Some(200));
    assert_eq!(answer(stack, "ana", "otro").await, Some(401));
    assert_eq!(answer(stack, "guest", "guest").await, Some(200));

    stack.compose("restart rabbitmq-service").await;
    eventually("the user is there again", || async {
        match answer(stack, "ana", "secreto-de-ana").await {
            Some(200) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    assert_eq!(answer(stack, "ana", "otro").await, Some(401));
    eventually("everything runs again", || async { stack.all_running().await }).await;
}

/// To a container, this machine is the network too: `guest` is not let in from
/// either, and `admin`, who has a password of his own, is.
pub(super) async fn guest_stays_out_where_the_network_is_let_in() {
    let mut project = Project::apart("abierto", "basico")
        .with("DIRECT_BIND", "0.0.0.0")
        .with("ADMIN_PASSWORD", "largo-y-propio");
    for variable in OF_SERVICES {
        project = project.with(variable, "largo-y-propio");
    }
    let stack = Stack::containers(project);
    stack.bring_up("rabbitmq-service").await;
    assert_eq!(answer(&stack, "guest", "guest").await, Some(401));
    assert_eq!(answer(&stack, "admin", "largo-y-propio").await, Some(200));
    assert_eq!(answer(&stack, "admin", "otro").await, Some(401));
}

/// Of the users of the services, who have passwords that everybody knows.
const OF_SERVICES: [&str; 5] = [
    "SENDER_PASSWORD",
    "ANALYTICS_PASSWORD",
    "MONITOR_PASSWORD",
    "AUDIT_PASSWORD",
    "REGISTRAR_PASSWORD",
];

pub(super) async fn passwords_that_everybody_knows_end_a_broker_that_others_reach() {
    let project = Project::apart("conocidas", "basico").with("DIRECT_BIND", "0.0.0.0");
    let stack = Stack::containers(project);
    let run = stack.compose_command("run --rm --no-deps --no-TTY rabbitmq-service");
    let output = stack.run(&format!("timeout 60 {run}")).await;
    assert_eq!(output.code, Some(64), "{output:#?}");
    let said = format!("{}{}", output.stdout, output.stderr);
    for variable in OF_SERVICES {
        assert!(said.contains(variable), "{variable}: {said}");
    }
    assert!(said.contains("sh rabbitmq/passwords.sh"), "{said}");
}

/// A password that could not be part of a URL and of JSON.
const BAD: &str = "a b\"c";

pub(super) async fn a_bad_password_ends_the_broker_with_its_variables_name() {
    for variable in OF_SERVICES.into_iter().chain(["ADMIN_PASSWORD"]) {
        let project = Project::apart("clave", "basico").with(variable, BAD);
        let stack = Stack::containers(project);
        let run = stack.compose_command("run --rm --no-deps --no-TTY rabbitmq-service");
        // A broker that took it would run for ever.
        let output = stack.run(&format!("timeout 60 {run}")).await;
        assert_eq!(output.code, Some(64), "{output:#?}");
        let said = format!("{}{}", output.stdout, output.stderr);
        assert_eq!(said.matches(variable).count(), 1, "{said}");
        assert!(!said.contains(BAD) && !said.contains("a b"), "{said}");
    }
    let stack = Stack::containers(Project::apart("clave", "basico").with("SENDER_PASSWORD", BAD));
    let up = stack.compose_command("up --detach --wait --wait-timeout 60 rabbitmq-service");
    assert_ne!(stack.run(&up).await.code, Some(0));
    eventually("it ended with 64", || async {
        let state = stack.inspect("rabbitmq-service").await["State"].clone();
        if state["ExitCode"] == 64 { Ok(()) } else { Err(state.to_string()) }
    })
    .await;
}
