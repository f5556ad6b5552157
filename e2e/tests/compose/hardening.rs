//! No container may do more than it must. What is looked at is whatever runs:
//! there is no list of containers that one could be missing from.

use std::collections::BTreeSet;

use e2e::{Stack, run_name};
use serde_json::Value;

/// Where in the words of `docker inspect`, and what must be there.
type Rule = (&'static str, fn(&Value) -> bool);

const RULES: [Rule; 14] = [
    ("/Config/User", |user| !["", "root", "0"].contains(&before_colon(user))),
    ("/Config/Healthcheck/Test", |test| test[0] == "CMD"),
    ("/Config/StopTimeout", |seconds| seconds.as_u64() >= Some(10)),
    ("/HostConfig/ReadonlyRootfs", |is_read_only| *is_read_only == true),
    ("/HostConfig/Privileged", |is_privileged| *is_privileged == false),
    ("/HostConfig/CapDrop", |dropped| texts(dropped) == ["ALL"]),
    ("/HostConfig/CapAdd", |added| texts(added).is_empty()),
    ("/HostConfig/SecurityOpt", |options| texts(options).contains(&"no-new-privileges:true")),
    ("/HostConfig/Memory", |bytes| bytes.as_u64() > Some(0)),
    ("/HostConfig/PidsLimit", |limit| limit.as_u64() > Some(0)),
    ("/HostConfig/PidMode", |mode| *mode == ""),
    ("/HostConfig/RestartPolicy/Name", |policy| *policy == "unless-stopped"),
    ("/HostConfig/LogConfig/Config/max-size", Value::is_string),
    ("/Mounts", |mounts| !mounts.to_string().contains("docker.sock")),
];

pub(super) async fn every_container_has_the_least_it_needs(stack: &Stack) {
    let containers = stack.inspect_all().await;
    let services: BTreeSet<String> = containers.iter().map(|found| service(found).into()).collect();
    let configured = stack.compose("config --services").await;
    assert_eq!(services, configured.lines().map(ToOwned::to_owned).collect());

    let (door, project) = (stack.port("HTTP_PORT"), stack.project().name());
    let complaints: Vec<_> =
        containers.iter().flat_map(|found| complaints(found, door, project)).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// A user's name says little: the image gives it its number.
pub(super) async fn no_process_is_roots(stack: &Stack) {
    for container in stack.inspect_all().await {
        let processes = format!("docker top {} -eo pid,uid,comm", text(&container["Id"]));
        let listed = stack.succeed(&processes).await;
        let users: Vec<_> =
            listed.lines().skip(1).map(|line| line.split_whitespace().nth(1)).collect();
        assert!(!users.is_empty(), "{}: {listed}", service(&container));
        assert!(!users.contains(&Some("0")), "{}: {listed}", service(&container));
    }
}

/// The check itself is checked, on a container that breaks every rule.
pub(super) async fn a_container_without_any_of_it_is_seen() {
    let name = format!("{}-blando", run_name());
    let stack = Stack::native();
    let flags = "--user 0 --privileged --cap-add SYS_ADMIN --pid host --publish 31999:5065 \
         --volume /var/run/docker.sock:/var/run/docker.sock:ro";
    stack.succeed(&format!("docker create --name {name} {flags} relevo/visual-panel")).await;
    let inspected = stack.run(&format!("docker inspect {name}")).await;
    stack.succeed(&format!("docker rm {name}")).await;
    let inspected: Value = serde_json::from_str(&inspected.stdout).expect("JSON");
    let complaints = complaints(&inspected[0], 0, &run_name());
    for part in RULES.map(|(pointer, _)| pointer).into_iter().chain(["31999", "networks"]) {
        assert!(complaints.iter().any(|said| said.contains(part)), "{part}: {complaints:#?}");
    }
}

/// What is wrong with a container, in words.
fn complaints(container: &Value, door: u16, project: &str) -> Vec<String> {
    let broken = RULES.iter().filter_map(|(pointer, holds)| {
        let value = container.pointer(pointer).unwrap_or(&Value::Null);
        (!holds(value)).then(|| format!("{pointer}: {value}"))
    });
    let open = published(container).into_iter().filter_map(|(address, port)| {
        let is_right = if port == door { is_everywhere(address) } else { address == "127.0.0.1" };
        (!is_right).then(|| format!("port {port} is published on «{address}»"))
    });
    let (found, allowed) = (networks(container, project), networks_for(container, door));
    let misplaced = (found != allowed).then(|| format!("networks: {found:?}, not {allowed:?}"));
    let all = broken.chain(open).chain(misplaced);
    all.map(|complaint| format!("{}: {complaint}", service(container))).collect()
}

/// Only who speaks AMQP and HTTP is in both networks: the door and the panel
/// cannot reach a broker or a database, and these nobody but who uses them.
fn networks_for(container: &Value, door: u16) -> BTreeSet<String> {
    let image = before_colon(&container["Config"]["Image"]);
    let is_door = published(container).iter().any(|(_, port)| *port == door);
    let names: &[&str] = match image {
        "relevo/sender" | "relevo/analytics-service" | "relevo/audit-proxy" => &["acceso", "bus"],
        "relevo/visual-panel" => &["acceso"],
        _ if is_door => &["acceso"],
        _ => &["bus"],
    };
    names.iter().map(ToString::to_string).collect()
}

fn networks(container: &Value, project: &str) -> BTreeSet<String> {
    let networks = container["NetworkSettings"]["Networks"].as_object();
    let names = networks.into_iter().flat_map(|networks| networks.keys());
    names.map(|name| name.trim_start_matches(&format!("{project}_")).to_owned()).collect()
}

/// Addresses and ports of this machine that lead into a container.
pub(super) fn published(container: &Value) -> Vec<(&str, u16)> {
    let ports = container["HostConfig"]["PortBindings"].as_object();
    let bindings = ports.into_iter().flat_map(|ports| ports.values()).filter_map(Value::as_array);
    let port = |binding: &Value| text(&binding["HostPort"]).parse().unwrap_or_default();
    bindings.flatten().map(|binding| (text(&binding["HostIp"]), port(binding))).collect()
}

fn is_everywhere(address: &str) -> bool {
    ["", "0.0.0.0", "::"].contains(&address)
}

fn service(container: &Value) -> &str {
    text(&container["Config"]["Labels"]["com.docker.compose.service"])
}

/// An image without its tag, a user without a group.
fn before_colon(value: &Value) -> &str {
    text(value).split(':').next().unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
