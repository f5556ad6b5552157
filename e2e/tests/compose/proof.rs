//! The proof, in its short form, in containers: every fault that can be made
//! there, under load, on a laboratory of its own.

use e2e::Stack;
use serde_json::Value;

pub(super) async fn every_fault_of_containers_leaves_exactly_what_was_confirmed() {
    let stack = Stack::native();
    let listed = stack.succeed("cargo lab prove --compose --list").await.lines().count();
    let output = stack.run("cargo lab prove --compose --short --json").await;
    let rows: Vec<Value> =
        serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:#?}"));
    assert_eq!(rows.len(), listed, "{rows:#?}");
    for row in &rows {
        assert_eq!(row["ok"], true, "{row:#}");
        assert!(row["skipped"].is_null(), "{row:#}");
        assert!(row["verdict"]["confirmed"].as_u64() > Some(0), "{row:#}");
    }
    assert_eq!(output.code, Some(0), "{output:#?}");
}
