//! The panel, in a real browser, through the real door: what it shows, and what
//! it says when something is away. [`live`](super::live) and
//! [`readers`](super::readers) have the rest.

use e2e::{Browser, Stack};
use serde_json::{Value, json};
use test_support::eventually;

/// The address of one of the panel's pages, through the door.
pub(crate) fn at(stack: &Stack, page: &str) -> String {
    stack.url("HTTP_PORT", &format!("/panel/{page}"))
}

/// Sends an event through the door, which must be taken; its id.
pub(crate) async fn send_one(stack: &Stack, client: &str, message: &str) -> String {
    let request =
        stack.http.post(stack.url("HTTP_PORT", "/send")).json(&json!({"message": message}));
    let answer = request.header("x-client-name", client).send().await.expect("an answer");
    assert_eq!(answer.status(), 202, "{client}");
    let sent: Value = answer.json().await.expect("JSON");
    sent["id"].as_str().expect("an id").to_owned()
}

/// Waits until analytics knows a message as counted.
pub(crate) async fn is_counted(stack: &Stack, id: &str) {
    eventually(&format!("{id} is counted"), || async {
        let answer = stack.http.get(stack.url("ANALYTICS_PORT", &format!("/mensajes/{id}"))).send();
        let answer = answer.await.map_err(|error| error.to_string())?;
        let story: Value = answer.json().await.map_err(|error| error.to_string())?;
        if story["contado"].is_object() { Ok(()) } else { Err(story.to_string()) }
    })
    .await;
}

/// Waits until the page shows the total that analytics reports now.
pub(crate) async fn shows_the_total(stack: &Stack, browser: &Browser) {
    eventually("the total is shown", || async {
        let total = stack.report().await?["total"].to_string();
        let shown = browser.value("document.querySelector('#total')?.value").await?;
        if shown == total { Ok(()) } else { Err(format!("{shown} for {total}")) }
    })
    .await;
}

/// Whether all three senders of the picture are in a state, as an expression.
pub(crate) fn senders_are(state: &str) -> String {
    format!("document.querySelectorAll('.ancha .emisor[data-estado={state}]').length === 3")
}

/// Puts into the page what a reload would take out of it.
pub(crate) async fn mark(browser: &Browser) {
    browser.page.execute("window.marca = 'de antes'", Vec::new()).await.expect("a mark");
}

async fn is_not_reloaded(browser: &Browser) {
    assert_eq!(browser.value("window.marca").await, Ok(json!("de antes")));
}

pub(crate) async fn it_shows_counts_and_loads_nothing_from_elsewhere(stack: &Stack) {
    Browser::visit(1280, async |browser| {
        browser.go(&stack.url("HTTP_PORT", "/panel")).await;
        browser.says("nav", "El camino").await;
        stack.succeed("curl -X POST http://localhost:5047/send -H 'X-Client-Name: mirada'").await;
        browser.says(".eventos", "mirada").await;
        shows_the_total(stack, browser).await;
        let elsewhere = "performance.getEntriesByType('resource').map(resource => resource.name)
            .filter(name => !name.startsWith(location.origin))";
        assert_eq!(browser.value(elsewhere).await, Ok(json!([])));
    })
    .await;
}

/// Bytes of the page and of all that it loads, and milliseconds to its first
/// paint.
const WEIGHT: &str = "
const entries = ['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind));
const bytes = entries.reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0);
const painted = ([entry]) => done([bytes, entry.startTime]);
const paints = performance.getEntriesByName('first-contentful-paint');
if (paints.length) painted(paints);
else new PerformanceObserver((list) => painted(list.getEntries())).observe({ type: 'paint' });";

// Its weight is a promise; the time to its first paint depends on the machine,
// and is printed.
pub(crate) async fn it_is_light(stack: &Stack) {
    Browser::visit(1280, async |browser| {
        browser.go(&at(stack, "")).await;
        let weight = browser.run(WEIGHT, &[]).await;
        println!("bytes of the page, milliseconds to its first paint: {weight}");
        let bytes = weight[0].as_u64().unwrap_or(u64::MAX);
        assert!((1..150_000).contains(&bytes), "{bytes}");
    })
    .await;
}

pub(crate) async fn analytics_away_is_said_and_its_return_needs_no_reload(stack: &Stack) {
    Browser::visit(1280, async |browser| {
        browser.go(&at(stack, "")).await;
        send_one(stack, "mirada", "").await;
        browser.says(".eventos", "mirada").await;
        mark(browser).await;

        let look = async || {
            browser.has("main[data-estado='ausente']").await;
            browser.has(".consumidor[data-estado='ausente']").await;
            browser.says(".camino-frase", "Analíticas no responde").await;
            browser.says(".eventos", "mirada").await;
            send_one(stack, "mirada", "").await;
            // Nobody can ask the broker: the panel adds up what senders confirm.
            browser.says(".cola .cuanto", "≈ 1").await;
            browser.is_accessible().await;
        };
        stack.without("analiticas", look).await;
        browser.has("main[data-estado='al-dia']").await;
        browser.has(".consumidor[data-estado='bien']").await;
        browser.says(".cola .cuanto", "0").await;
        shows_the_total(stack, browser).await;
        is_not_reloaded(browser).await;
    })
    .await;
}

pub(crate) async fn a_panel_that_restarts_is_said_and_needs_no_reload(stack: &Stack) {
    Browser::visit(1280, async |browser| {
        browser.go(&at(stack, "")).await;
        shows_the_total(stack, browser).await;
        mark(browser).await;
        let look = async || {
            says_that_nobody_answers(browser).await;
            super::faults::send(stack, "entretanto", 1).await;
        };
        stack.without("panel-visual", look).await;
        is_back_without_a_reload(stack, browser).await;
    })
    .await;
}

/// Waits until the open page says that it hears nothing from the panel.
pub(crate) async fn says_that_nobody_answers(browser: &Browser) {
    browser.has("#sin-panel:not([hidden])").await;
    browser.says("#sin-panel-edad", " s").await;
    browser.is_accessible().await;
}

/// Waits until it hears of everybody again, and shows what it missed.
pub(crate) async fn is_back_without_a_reload(stack: &Stack, browser: &Browser) {
    browser.has("#sin-panel[hidden]").await;
    browser.until(&senders_are("bien")).await;
    browser.has(".consumidor[data-estado='bien']").await;
    shows_the_total(stack, browser).await;
    is_not_reloaded(browser).await;
}

/// Waits until it says that nobody reaches the broker.
pub(crate) async fn says_that_the_broker_is_away(browser: &Browser) {
    browser.has(".consumidor[data-estado='cortado']").await;
    browser.until(&senders_are("cortado")).await;
    browser.says(".camino-frase", "RabbitMQ no responde").await;
    browser.is_accessible().await;
}
