//! `cargo lab load` and `cargo lab compare` on the laboratory that runs.

use e2e::Stack;
use serde_json::Value;

use super::faults::queue_holds;

async fn json(stack: &Stack, command: &str) -> Value {
    let printed = stack.succeed(command).await;
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

pub(super) async fn the_verdict_is_exact_whichever_way_it_goes(stack: &Stack) {
    for way in [
        "--events 500",
        "--events 500 --connections 20 --clients 500 --retry",
        "--events 200 --rate 200 --through traefik",
        "--events 5000 --batch 700",
    ] {
        let result = json(stack, &format!("cargo lab load --json {way}")).await;
        assert_eq!(result["exact"], true, "{way}: {result:#}");
        let verdict = &result["verdict"];
        assert_eq!(verdict["confirmed"], verdict["attempted"], "{way}: {result:#}");
        assert_eq!(verdict["counted"], verdict["attempted"], "{way}: {result:#}");
        assert!(result["latency_us"]["p99"].as_u64() > Some(0), "{way}: {result:#}");
    }
    let printed = stack.succeed("cargo lab load --events 300").await;
    assert!(printed.contains("✓ exacto") && printed.contains("p99"), "{printed}");
    for line in printed.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let refused = stack.run("cargo lab load --rate 0").await;
    assert_eq!(refused.code, Some(2), "{refused:?}");
}

pub(super) async fn a_load_without_analytics_waits_for_it(stack: &Stack) {
    stack.succeed("cargo lab stop analiticas").await;
    let load = stack.shell("cargo lab load --json --events 100").output();
    let (load, started) = tokio::join!(load, async {
        queue_holds(stack, 100).await;
        stack.run("cargo lab start analiticas").await
    });
    assert_eq!(started.code, Some(0), "{started:?}");
    let load = load.expect("bash starts");
    let result: Value = serde_json::from_slice(&load.stdout).expect("JSON");
    assert_eq!(result["exact"], true, "{result:#}");
    assert_eq!(result["verdict"]["counted"], 100, "{result:#}");
}

pub(super) async fn the_queue_keeps_what_direct_calls_lose(stack: &Stack) {
    let result = json(stack, "cargo lab compare --json --seconds 6 --stopped 2").await;
    assert_eq!(result["queue"]["missing"], 0, "{result:#}");
    assert!(result["direct"]["missing"].as_u64() > Some(0), "{result:#}");
    assert_eq!(result["direct"]["verdict"]["lost"], 0, "what was answered with 2xx: {result:#}");
    let refused = stack.run("cargo lab compare --seconds 5 --stopped 5").await;
    assert_eq!(refused.code, Some(64), "{refused:?}");
}
