//! `cargo lab compare` on the laboratory that runs.

use e2e::Stack;

use crate::scenarios::load::json;

pub(super) async fn the_queue_keeps_what_direct_calls_lose(stack: &Stack) {
    let result = json(stack, "cargo lab compare --json --seconds 6 --stopped 2").await;
    assert_eq!(result["queue"]["missing"], 0, "{result:#}");
    assert!(result["direct"]["missing"].as_u64() > Some(0), "{result:#}");
    assert_eq!(result["direct"]["verdict"]["lost"], 0, "what was answered with 2xx: {result:#}");
    let refused = stack.run("cargo lab compare --seconds 5 --stopped 5").await;
    assert_eq!(refused.code, Some(64), "{refused:?}");
}
