//! What the images hold, and what must not be in them.

use std::collections::BTreeSet;

use e2e::{Stack, repository};
use serde_json::{Value, json};

/// Larger than any of the three, and far smaller than one with a system in it.
const MOST_BYTES: u64 = 60_000_000;

pub(super) async fn own_images_hold_the_service_and_nothing_else(stack: &Stack) {
    let mut seen = BTreeSet::new();
    for container in stack.inspect_all().await {
        let image = text(&container["Config"]["Image"]);
        if image.starts_with("relevo/") && seen.insert(image.clone()) {
            starts_the_service_directly(&inspect_image(stack, &image).await);
            holds_one_file(stack, &text(&container["Id"])).await;
        }
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
}

fn starts_the_service_directly(image: &Value) {
    assert_eq!(image["Config"]["Entrypoint"], json!(["/service"]), "{image:#}");
    assert!(image["Config"]["Cmd"].is_null(), "{image:#}");
    assert_eq!(image["RootFS"]["Layers"].as_array().map(Vec::len), Some(1), "{image:#}");
    assert!(image["Size"].as_u64().is_some_and(|size| size < MOST_BYTES), "{image:#}");
}

/// Docker itself puts places for its mounts there: folders, and empty files.
async fn holds_one_file(stack: &Stack, container: &str) {
    let list = format!("docker export {container} | tar --list --verbose --numeric-owner");
    let listed = stack.succeed(&list).await;
    let files: Vec<&str> = listed.lines().filter(|line| has_content(line)).collect();
    assert!(files.len() == 1 && files[0].ends_with(" service"), "{listed}");
    for shell in ["sh", "bash", "busybox"] {
        let answer = stack.run(&format!("docker exec {container} {shell} -c true")).await;
        let said = format!("{}{}", answer.stdout, answer.stderr);
        assert!(answer.code != Some(0) && said.contains("not found"), "{answer:?}");
    }
}

/// Whether a line of `tar --list --verbose` is a file, and not an empty one:
/// `-rwxr-xr-x 65532/65532 17971448 2026-11-22 20:09 service`.
fn has_content(line: &str) -> bool {
    line.starts_with('-') && line.split_whitespace().nth(2).is_some_and(|size| size != "0")
}

pub(super) async fn no_image_holds_a_password(stack: &Stack) {
    let containers = stack.inspect_all().await;
    let images: BTreeSet<_> =
        containers.iter().map(|found| text(&found["Config"]["Image"])).collect();
    let secrets = secrets();
    for image in images {
        let inspected = inspect_image(stack, &image).await;
        let history = stack.succeed(&format!("docker history --no-trunc {image}")).await;
        let said = format!("{inspected}{history}");
        for secret in &secrets {
            assert!(!said.contains(secret), "{image} tells {secret}");
        }
        for variable in inspected["Config"]["Env"].as_array().into_iter().flatten().map(text) {
            let upper = variable.to_uppercase();
            assert!(!upper.contains("PASSWORD=") && !upper.contains("SECRET="), "{image} {upper}");
        }
    }
}

pub(super) async fn no_log_tells_a_password(stack: &Stack) {
    let logs = stack.compose("logs --no-color").await;
    assert!(logs.contains("listening on"), "{logs}");
    for secret in secrets() {
        let line = logs.lines().find(|line| line.contains(&secret));
        assert!(line.is_none(), "{line:?}");
    }
}

/// The values of every password and secret in `.env`.
fn secrets() -> BTreeSet<String> {
    let dotenv = std::fs::read_to_string(repository().join(".env")).expect("a file");
    let pairs = dotenv.lines().filter_map(|line| line.split_once('='));
    let secrets = pairs.filter(|(name, _)| {
        !name.starts_with('#') && (name.ends_with("_PASSWORD") || name.ends_with("_SECRET"))
    });
    let values: BTreeSet<_> = secrets.map(|(_, value)| value.to_owned()).collect();
    assert!(values.len() >= 3 && !values.contains(""), "{values:?}");
    values
}

async fn inspect_image(stack: &Stack, image: &str) -> Value {
    let inspected = stack.succeed(&format!("docker image inspect {image}")).await;
    let mut images: Value = serde_json::from_str(&inspected).expect("JSON");
    images[0].take()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
