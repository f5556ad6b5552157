//! Analytics away, in every way it can be, and back.

use std::time::Duration;

use test_support::eventually;

use crate::{
    fake::{FakeAnalytics, Mood, counting},
    fixture::Panel,
};

const LIVE: &str = r#"data-estado="al-dia""#;
const AWAY: &str = r#"data-estado="ausente""#;
const SEVEN: &str = r#"<data id="total" value="7">"#;
const EIGHT: &str = r#"<data id="total" value="8">"#;

#[actix_web::test]
async fn away_the_page_says_so_and_keeps_the_counts_until_analytics_is_back() {
    let analytics = FakeAnalytics::start(counting(7));
    let panel = Panel::start(analytics.address);
    panel.page_with(&[LIVE, SEVEN]).await;

    let address = analytics.stop().await;
    let expected = [
        AWAY,
        SEVEN,
        "Analíticas no responde.",
        "Último dato: <b>hace ",
        "cargo lab start analiticas",
        "<code>cola_analiticas</code>",
    ];
    panel.page_with(&expected).await;

    let _analytics = FakeAnalytics::start_at(address, counting(8));
    let page = panel.page_with(&[LIVE, EIGHT]).await;
    assert!(!page.contains("Analíticas no responde."), "{page}");
}

#[actix_web::test]
async fn never_heard_the_page_says_so_and_the_panel_is_ready_all_the_same() {
    let analytics = FakeAnalytics::start(Mood::Silent);
    let address = analytics.stop().await;
    let panel = Panel::start(address);
    panel.page_with(&[AWAY, "todavía no ha oído nada", "Sin datos todavía"]).await;
    assert_eq!(panel.get("/readyz").send().await.expect("an answer").status(), 200);

    let _analytics = FakeAnalytics::start_at(address, counting(8));
    panel.page_with(&[LIVE, EIGHT]).await;
}

#[actix_web::test]
async fn an_answer_that_is_not_as_agreed_is_away_too() {
    let huge = format!(r#"{{"relleno":"{}"}}"#, "x".repeat(3 * 1024 * 1024));
    for (mood, reason) in [
        (Mood::With(503, String::new()), "código HTTP 503"),
        (Mood::With(204, String::new()), "código HTTP 204"),
        (Mood::With(200, "<h1>no</h1>".to_owned()), "no tiene la forma acordada"),
        (Mood::With(200, r#"{"total":"7"}"#.to_owned()), "no tiene la forma acordada"),
        (Mood::With(200, huge), "demasiado grande"),
        (Mood::Silent, "no contestó a tiempo"),
    ] {
        let analytics = FakeAnalytics::start(counting(7));
        let panel = Panel::start(analytics.address);
        panel.page_with(&[LIVE, SEVEN]).await;
        analytics.turn(mood);
        panel.page_with(&[AWAY, SEVEN, reason]).await;
        analytics.turn(counting(8));
        panel.page_with(&[LIVE, EIGHT]).await;
    }
}

#[actix_web::test]
async fn a_redirect_is_not_followed() {
    let analytics = FakeAnalytics::start(Mood::With(302, String::new()));
    Panel::start(analytics.address).page_with(&[AWAY, "código HTTP 302"]).await;
}

#[actix_web::test]
async fn told_to_stop_the_panel_ends_in_order_while_analytics_is_silent() {
    let analytics = FakeAnalytics::start(Mood::Silent);
    let panel = Panel::start(analytics.address);
    let asked = || async { if analytics.asked() > 0 { Ok(()) } else { Err("0".to_owned()) } };
    eventually("the panel asks", asked).await;
    let ended = tokio::time::timeout(Duration::from_secs(10), panel.stop()).await;
    assert!(matches!(ended, Ok(Ok(()))), "{ended:?}");
}
