//! What the compose files themselves promise.

use std::process::{Command, Output, Stdio};

use e2e::repository;
use serde_json::Value;

const PROFILES: [&str; 5] = ["basico", "postgres", "cluster", "auditoria", "todo"];

/// The files that `.env` names, which are all there are.
const FILES: [&str; 2] = ["docker-compose.yml", "docker-compose.auditoria.yml"];

/// What of a service is its own, and not what hardens it.
const OWN: [&str; 8] = [
    "build",
    "container_name",
    "depends_on",
    "environment",
    "image",
    "ports",
    "profiles",
    "volumes",
];

/// With `.env`, and without it: then the defaults of the files themselves hold.
pub(super) async fn compose_warns_of_nothing() {
    for profile in PROFILES {
        for dotenv in [".env", "/dev/null"] {
            let output = config(profile, dotenv, "--quiet");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success() && said.is_empty(), "{profile} {dotenv}: {said}");
        }
    }
}

pub(super) async fn they_stay_short() {
    for name in FILES {
        let text = std::fs::read_to_string(repository().join(name)).expect("the file");
        assert!(text.lines().count() <= 150, "{name}: {} lines", text.lines().count());
    }
}

/// Anchors do not reach from one file into the other, so some of it is there twice.
pub(super) async fn both_files_harden_their_services_alike() {
    let output = config("todo", ".env", "--format=json");
    let configured: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let hardened = |name: &str| {
        let mut service = configured["services"][name].as_object().expect("a service").clone();
        service.retain(|field, _| !OWN.contains(&field.as_str()));
        service
    };
    assert_eq!(hardened("auditoria"), hardened("analiticas"));
}

fn config(profile: &str, dotenv: &str, how: &str) -> Output {
    Command::new("docker")
        .args(["compose", "--env-file", dotenv, "--profile", profile, "config", how])
        .env("COMPOSE_FILE", FILES.join(":"))
        .current_dir(repository())
        .stdin(Stdio::null())
        .output()
        .expect("docker starts")
}
