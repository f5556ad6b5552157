//! The proof, in its short form, in containers: every fault that can be made
//! there, under load, on a laboratory of its own.

use e2e::Stack;
use serde_json::Value;

/// Those of `cargo lab prove --compose --list`.
const SCENARIOS: usize = 22;

pub(super) async fn every_fault_of_containers_leaves_exactly_what_was_confirmed() {
    let stack = Stack::native();
    let output = stack.run("cargo lab prove --compose --short --json").await;
    let rows: Vec<Value> =
        serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:#?}"));
    assert_eq!(rows.len(), SCENARIOS, "{rows:#?}");
    for row in &rows {
        assert_eq!(row["ok"], true, "{row:#}");
        assert!(row["skipped"].is_null(), "{row:#}");
        assert!(row["verdict"]["confirmed"].as_u64() > Some(0), "{row:#}");
    }
    assert_eq!(output.code, Some(0), "{output:#?}");
}
