//! What ARCHITECTURE.md promises about the sources, as far as their text tells.

use std::path::{Path, PathBuf};

use e2e::repository;

/// Folders of services; none may know another.
const SERVICES: [&str; 4] = ["sender", "analytics-service", "audit-proxy", "visual-panel"];

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && !["target", "vendor"].contains(&&*name) {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn manifest(folder: &str) -> String {
    read(&repository().join(folder).join("Cargo.toml"))
}

#[test]
fn every_file_says_first_what_lives_in_it() {
    let sources = files(repository(), "rs");
    assert!(sources.len() > 50, "{} sources", sources.len());
    for path in sources {
        assert!(read(&path).starts_with("//!"), "{}", path.display());
    }
}

#[test]
fn no_service_depends_on_another_and_the_panel_on_no_broker() {
    for service in SERVICES {
        for other in SERVICES.iter().filter(|other| **other != service) {
            assert!(!manifest(service).contains(other), "{service} names {other}");
        }
    }
    assert!(!manifest("visual-panel").contains("broker"));
    for apart in ["lab", "e2e"] {
        for service in SERVICES {
            assert!(!manifest(apart).contains(service), "{apart} names {service}");
        }
    }
}

#[test]
fn only_the_broker_crate_and_its_tests_know_lapin() {
    for path in files(repository(), "toml") {
        let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        let may = ["broker", "test-support"].contains(&&*folder)
            || path.parent() == Some(repository())
            || folder.starts_with('.');
        assert!(may || !read(&path).contains("lapin"), "{}", path.display());
    }
}

#[test]
fn sql_lives_in_the_store_and_the_database_crate_only() {
    for path in files(repository(), "rs") {
        let text = read(&path);
        let may = path.components().any(|part| part.as_os_str() == "store")
            || path.starts_with(repository().join("crates/database"));
        assert!(may || !text.contains(concat!("sqlx", "::")), "{}", path.display());
    }
}

#[test]
fn pure_cores_have_no_clock_and_no_io() {
    let core = [
        "analytics-service/src/journal.rs",
        "analytics-service/src/judge.rs",
        "analytics-service/src/monitor/reading.rs",
        "analytics-service/src/tally.rs",
        "audit-proxy/src/admit.rs",
        "audit-proxy/src/folding.rs",
        "audit-proxy/src/json.rs",
        "audit-proxy/src/lifecycle.rs",
        "audit-proxy/src/log_events/buffer.rs",
        "audit-proxy/src/orders.rs",
        "audit-proxy/src/redact.rs",
        "audit-proxy/src/redact/spans.rs",
        "audit-proxy/src/register.rs",
        "audit-proxy/src/resend.rs",
        "audit-proxy/src/retention.rs",
        "audit-proxy/src/search/allowance.rs",
        "audit-proxy/src/search/mod.rs",
        "audit-proxy/src/search/text.rs",
        "audit-proxy/src/statistics.rs",
        "audit-proxy/src/story.rs",
        "audit-proxy/src/summary.rs",
        "audit-proxy/src/why.rs",
        "sender/src/draft.rs",
        "sender/src/journal.rs",
        "visual-panel/src/growth.rs",
        "visual-panel/src/history.rs",
        "visual-panel/src/view.rs",
        "visual-panel/src/view/audit.rs",
        "visual-panel/src/view/picture.rs",
        "visual-panel/src/view/proof.rs",
        "visual-panel/src/view/story.rs",
    ];
    let messages = files(&repository().join("crates/messages/src"), "rs");
    for path in core.iter().map(|core| repository().join(core)).chain(messages) {
        let text = read(&path);
        let source = text.split("#[cfg(test)]").next().unwrap_or_default();
        for forbidden in ["::now(", "now_v7", "std::fs", "std::net", "tokio::", "async fn"] {
            assert!(!source.contains(forbidden), "{}: {forbidden}", path.display());
        }
    }
}

#[test]
fn tests_do_not_sleep_to_synchronise() {
    for path in files(repository(), "rs") {
        if path.components().any(|part| part.as_os_str() == "tests") && !path.ends_with("tidy.rs") {
            assert!(!read(&path).contains("sleep("), "{}", path.display());
        }
    }
}
