//! What `docker-compose.yml` itself promises.

use std::process::{Command, Stdio};

use e2e::repository;

const PROFILES: [&str; 3] = ["basico", "postgres", "cluster"];

/// With `.env`, and without it: then the defaults of the file itself hold.
pub(super) async fn compose_warns_of_nothing() {
    for profile in PROFILES {
        for dotenv in [".env", "/dev/null"] {
            let output = Command::new("docker")
                .args(["compose", "--env-file", dotenv, "--profile", profile])
                .args(["config", "--quiet"])
                .current_dir(repository())
                .stdin(Stdio::null())
                .output()
                .expect("docker starts");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success() && said.is_empty(), "{profile} {dotenv}: {said}");
        }
    }
}

pub(super) async fn it_stays_short() {
    let path = repository().join("docker-compose.yml");
    let text = std::fs::read_to_string(path).expect("the file");
    assert!(text.lines().count() <= 150, "{} lines", text.lines().count());
}
