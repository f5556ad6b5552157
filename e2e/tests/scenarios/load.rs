//! `cargo lab load` on the laboratory that runs.

use e2e::Stack;
use serde_json::Value;

use super::faults::queue_holds;

/// What a command prints, as JSON.
pub(crate) async fn json(stack: &Stack, command: &str) -> Value {
    let printed = stack.succeed(command).await;
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

pub(crate) async fn the_verdict_is_exact_whichever_way_it_goes(stack: &Stack) {
    for way in [
        "--events 500",
        "--events 500 --connections 20 --clients 500 --retry",
        "--events 200 --rate 200 --through traefik",
        "--events 5000 --batch 700",
    ] {
        let result = json(stack, &stack.lab(&format!("load --json {way}"))).await;
        assert_eq!(result["exact"], true, "{way}: {result:#}");
        let verdict = &result["verdict"];
        assert_eq!(verdict["confirmed"], verdict["attempted"], "{way}: {result:#}");
        assert_eq!(verdict["counted"], verdict["attempted"], "{way}: {result:#}");
        assert!(result["latency_us"]["p99"].as_u64() > Some(0), "{way}: {result:#}");
    }
    let printed = stack.succeed(&stack.lab("load --events 300")).await;
    assert!(printed.contains("✓ exacto") && printed.contains("p99"), "{printed}");
    for line in printed.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let refused = stack.run(&stack.lab("load --rate 0")).await;
    assert_eq!(refused.code, Some(2), "{refused:?}");
}

pub(crate) async fn a_load_without_analytics_waits_for_it(stack: &Stack) {
    stack.stop("analiticas").await;
    let command = stack.lab("load --json --events 100");
    let (load, ()) = tokio::join!(stack.run(&command), async {
        queue_holds(stack, 100).await;
        stack.start("analiticas").await;
    });
    let result: Value =
        serde_json::from_str(&load.stdout).unwrap_or_else(|error| panic!("{error}: {load:#?}"));
    assert_eq!(result["exact"], true, "{result:#}");
    assert_eq!(result["verdict"]["counted"], 100, "{result:#}");
}
