//! The proof, in its short form: every fault under load, on a laboratory of its
//! own. And the proof of the proof: mistakes that must not pass unseen.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{Mutex, PoisonError},
};

use e2e::repository;
use serde_json::Value;
use tempfile::TempDir;

/// One at a time: each is a whole laboratory under load.
static ALONE: Mutex<()> = Mutex::new(());

/// Scenarios that need more rights or packages than a machine may give.
const MAY_BE_SKIPPED: [&str; 4] = ["disco-lleno", "solo-lectura", "reloj", "auditoria-llena"];

fn prove(args: &[&str]) -> (Output, Vec<Value>) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = TempDir::new().expect("a folder");
    let output = Command::new("cargo")
        .args(["lab", "prove", "--json"])
        .args(args)
        .current_dir(repository())
        .env("LAB_DIR", folder.path())
        .env("CARGO_TERM_QUIET", "true")
        .stdin(Stdio::null())
        .output()
        .expect("cargo starts");
    let rows = serde_json::from_slice(&output.stdout);
    let rows = rows.unwrap_or_else(|error| panic!("{error}: {output:#?}"));
    (output, rows)
}

#[test]
fn every_fault_leaves_exactly_what_was_confirmed() {
    let (output, rows) = prove(&["--short"]);
    assert_eq!(rows.len(), 27, "{rows:#?}");
    for row in &rows {
        let name = row["scenario"].as_str().unwrap_or_default();
        assert_eq!(row["ok"], true, "{row:#}");
        if row["skipped"].is_null() {
            assert!(row["verdict"]["confirmed"].as_u64() > Some(0), "{row:#}");
        } else {
            assert!(MAY_BE_SKIPPED.contains(&name), "{row:#}");
        }
    }
    assert!(output.status.success(), "{output:#?}");
}

#[test]
fn each_deliberate_mistake_turns_the_verdict_red() {
    let binaries = test_binaries();
    let (output, rows) = prove(&["--mistakes", "--binaries", &binaries.display().to_string()]);
    let found = |mistake: &str, finding: &str| {
        let row = rows.iter().find(|row| row["scenario"] == mistake);
        row.and_then(|row| row["verdict"][finding].as_u64()).unwrap_or_default()
    };
    for (mistake, finding) in [
        ("ack-before-commit", "lost"),
        ("no-dedup", "duplicated"),
        ("no-confirm", "lost"),
        ("no-mandatory", "lost"),
        ("fresh-id", "unexpected"),
        ("audit-early-ack", "lost"),
        ("audit-no-mandatory", "lost"),
        ("audit-way-round", "unexpected"),
        ("audit-unreadable", "lost"),
    ] {
        assert!(found(mistake, finding) > 0, "run by `cargo lab test`? {mistake}: {rows:#?}");
    }
    assert!(output.status.success(), "{output:#?}");
}

/// The services as this run of the tests built them: able to make mistakes.
fn test_binaries() -> PathBuf {
    let program = std::env::current_exe().expect("a path");
    let folder = program.parent().and_then(Path::parent);
    folder.expect("cargo puts tests into a folder below the programs").to_owned()
}
