//! The panel, in a real browser, through the real door.

use std::panic::{AssertUnwindSafe, resume_unwind};

use e2e::{Browser, Stack};
use fantoccini::Locator;
use futures_util::FutureExt;
use test_support::eventually;

pub(crate) async fn it_shows_counts_and_says_when_analytics_is_away(stack: &Stack) {
    let browser = Browser::open(1280).await;
    let looked = AssertUnwindSafe(look(stack, &browser)).catch_unwind().await;
    browser.close().await;
    looked.unwrap_or_else(|panic| resume_unwind(panic));
}

async fn look(stack: &Stack, browser: &Browser) {
    let page = &browser.page;
    page.goto(&stack.url("HTTP_PORT", "/panel")).await.expect("a page");
    shows(browser, "Laboratorio 1").await;

    stack.succeed("curl -X POST http://localhost:5047/send -H 'X-Client-Name: mirada'").await;
    shows(browser, "mirada").await;
    let total = stack.report().await.expect("a report")["total"].as_u64().expect("a number");
    eventually("the total is shown", || async {
        let shown = page.find(Locator::Css("#total")).await.map_err(|error| error.to_string())?;
        let value = shown.attr("value").await.map_err(|error| error.to_string())?;
        if value == Some(total.to_string()) { Ok(()) } else { Err(format!("{value:?}")) }
    })
    .await;

    stack.stop("analiticas").await;
    has_state(browser, "ausente").await;
    shows(browser, "mirada").await;
    stack.start("analiticas").await;
    has_state(browser, "al-dia").await;

    let width = page
        .execute(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth",
            vec![],
        )
        .await;
    assert_eq!(width.expect("a number").as_i64(), Some(0), "the page scrolls sideways");
    let elsewhere = page
        .execute(
            "return performance.getEntriesByType('resource').map(r => r.name)
                 .filter(name => !name.startsWith(location.origin))",
            vec![],
        )
        .await
        .expect("a list");
    assert_eq!(elsewhere.as_array().map(Vec::len), Some(0), "{elsewhere}");
}

async fn shows(browser: &Browser, wanted: &str) {
    eventually(&format!("the page shows {wanted}"), || async {
        let body =
            browser.page.find(Locator::Css("body")).await.map_err(|error| error.to_string())?;
        let text = body.text().await.map_err(|error| error.to_string())?;
        if text.contains(wanted) { Ok(()) } else { Err(text) }
    })
    .await;
}

async fn has_state(browser: &Browser, wanted: &str) {
    let selector = format!("main[data-estado='{wanted}']");
    eventually(&format!("the page is {wanted}"), || async {
        browser
            .page
            .find(Locator::Css(&selector))
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    })
    .await;
}
