//! What the page shows while analytics answers.

use serde_json::json;

use crate::{
    fake::{FakeAnalytics, Mood, counting, empty, events, report, well},
    fixture::Panel,
};

const LIVE: &str = r#"data-estado="al-dia""#;

#[actix_web::test]
async fn the_page_shows_counts_bars_and_events() {
    let report = report(&[("cliente_uno", 30_000), ("cliente_dos", 7_500)]);
    let analytics = FakeAnalytics::start(well(&report, &events(&[("cliente_uno", "hola")])));
    let panel = Panel::start(analytics.address);
    let page = panel.page_with(&[LIVE]).await;
    for expected in [
        r#"<data id="total" value="37500">37"#,
        r#"<data value="30000">30"#,
        r#"<data value="7500">7500</data>"#,
        r#"width="100.00%""#,
        r#"width="25.00%""#,
        "<bdi>hola</bdi>",
        r#"title="0196303b-3c5e-7cc2-98c4-000000000000""#,
        r#"<time datetime="2025-04-13T12:00:00.000Z">"#,
        r#"<time datetime="2025-04-13T12:30:00.000Z">"#,
        "Analíticas respondió ahora mismo",
    ] {
        assert!(page.contains(expected), "no {expected} in {page}");
    }
}

#[actix_web::test]
async fn clients_stay_in_the_order_of_analytics() {
    let report = r#"{"total":6,"clientes":{"zeta":3,"beta":2,"alfa":1},"eventos":{"click":6},
        "primero":null,"ultimo":null,"pagina":1,"paginas":1}"#;
    let events = r#"{"eventos":[]}"#;
    let analytics = FakeAnalytics::start(Mood::Well(report.to_owned(), events.to_owned()));
    let panel = Panel::start(analytics.address);
    let page = panel.page_with(&["zeta"]).await;
    let places = ["zeta", "beta", "alfa"].map(|name| page.find(&format!("<bdi>{name}</bdi>")));
    assert!(places.is_sorted() && places[0].is_some(), "{places:?}");
}

#[actix_web::test]
async fn without_events_the_page_shows_how_to_send_the_first() {
    let analytics = FakeAnalytics::start(empty());
    let page = Panel::start(analytics.address).page_with(&[LIVE]).await;
    assert!(page.contains("curl -X POST http://localhost:5046/send -H"), "{page}");
    assert!(page.contains("mensaje de prueba") && !page.contains("<table"), "{page}");
}

#[actix_web::test]
async fn html_in_names_and_messages_is_inert() {
    let hostile = "</bdi><script>alert(1)</script><img src=x onerror='alert(2)'>";
    let attribute = r#"x" onmouseover="alert(3)"#;
    let mut rows = events(&[(hostile, hostile)]);
    rows["eventos"][0]["id"] = json!(attribute);
    rows["eventos"][0]["evento"] = json!(hostile);
    let mut report = report(&[(hostile, 3)]);
    report["eventos"] = json!({hostile: 3});
    let analytics = FakeAnalytics::start(well(&report, &rows));
    let panel = Panel::start(analytics.address);
    let page = panel.page_with(&[LIVE, "alert(1)", "alert(3)"]).await;
    assert!(!page.contains("<script>") && !page.contains("<img src=x"), "{page}");
    assert!(!page.contains(r#"" onmouseover"#), "{page}");
    // Shown as text: kind, bar, and three columns of the row, two with a title.
    assert_eq!(page.matches("&#60;script&#62;alert(1)").count(), 7, "{page}");
}

#[actix_web::test]
async fn the_fullest_page_stays_under_150_kb() {
    let names: Vec<_> = (0..20).map(|number| format!("{number:x>64}")).collect();
    let clients: Vec<_> = names.iter().map(|name| (name.as_str(), u64::MAX / 20)).collect();
    let message = "<ñ>".repeat(1_365);
    let rows: Vec<_> = names.iter().map(|name| (name.as_str(), message.as_str())).collect();
    let mut report = report(&clients);
    report["paginas"] = json!(5_000);
    let analytics = FakeAnalytics::start(well(&report, &events(&rows)));
    let page = Panel::start(analytics.address).page_with(&[LIVE]).await;
    assert!(page.contains("entre 99\u{202f}961 y 99\u{202f}980 más"), "{page}");
    assert!(page.len() < 150_000, "{} bytes", page.len());
}

#[actix_web::test]
async fn many_browsers_cost_analytics_no_more_than_one() {
    let analytics = FakeAnalytics::start(counting(5));
    let panel = Panel::start(analytics.address);
    panel.page_with(&[LIVE]).await;
    let (before, started) = (analytics.asked(), std::time::Instant::now());
    for _ in 0..100 {
        panel.page("/").await;
        panel.page("/prueba").await;
    }
    let rounds = started.elapsed().as_millis() / 500;
    let rounds = usize::try_from(rounds).expect("a small number");
    let asked = analytics.asked() - before;
    // Three questions twice a second, and a round that may fall on either edge.
    assert!(asked <= 3 * (rounds + 2), "{asked} questions in {rounds} rounds");
}
