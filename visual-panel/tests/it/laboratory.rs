//! The pages beside the path: a message's story, the switches, the proof; and
//! what every reader may choose.

use reqwest::StatusCode;
use serde_json::{Value, json};
use test_support::eventually;

use crate::{
    fake::{FakeAnalytics, at_rest, counting, events, report},
    fixture::{Panel, text},
    service::FakeService,
};

const ID: &str = "0196303b-3c5e-7cc2-98c4-dc0c0c073903";

/// Analytics that has counted `total`, as a service that can be told anything.
fn analytics(total: u64) -> FakeService {
    let service = FakeService::start();
    service.answers("GET /reporte", 200, &report(&[("ana", total)]));
    service.answers("GET /eventos", 200, &events(&[("ana", "hola")]));
    service.answers("GET /estado", 200, &at_rest());
    service.answers("GET /fallos", 200, &json!({"pausa": false, "lento_ms": 0, "muere": null}));
    service
}

fn panel(analytics: &FakeService, sender: &FakeService, faults: &str) -> Panel {
    let address = analytics.url.trim_start_matches("http://").parse().expect("an address");
    Panel::with(address, &sender.url, faults)
}

fn attempt(outcome: &str) -> Value {
    json!({"emisor": "cliente_x", "id": ID, "ahora": "2025-04-13T12:01:00.000Z", "intentos": [{"cliente": "ana", "clave": "click",
        "resultado": outcome, "a_las": "2025-04-13T12:00:00.000Z"}]})
}

#[actix_web::test]
async fn the_story_of_a_message_joins_what_everybody_remembers() {
    let (analytics, sender) = (analytics(1), FakeService::sender(1));
    sender.answers(&format!("GET /mensajes/{ID}"), 200, &attempt("confirmado"));
    let mut state = at_rest();
    state["broker"]["cola"]["listos"] = json!(1);
    analytics.answers("GET /estado", 200, &state);
    let panel = panel(&analytics, &sender, "0");
    panel.page_with(&["al-dia"]).await;
    let story = panel.page(&format!("/historia?id={ID}")).await;
    assert!(story.contains(r#"data-lugar="cola""#) && story.contains("data-repetir"), "{story}");
    analytics.answers(&format!("GET /mensajes/{ID}"), 503, &Value::Null);
    let story = told(&panel, r#"data-lugar="confirmado""#).await;
    assert!(story.contains("No se pudo preguntar a analíticas"), "{story}");

    let delivery = |outcome: &str, again: bool| {
        json!({"a_las": "2025-04-13T12:00:01.000Z", "reentregado": again, "resultado": outcome,
               "cliente": "ana", "motivo": null})
    };
    let deliveries = [delivery("contado", false), delivery("repetido", true)];
    let counted = json!({"id": ID, "entregas": deliveries,
        "contado": {"cliente": "ana", "a_las": "2025-04-13T12:00:01Z"}});
    analytics.answers(&format!("GET /mensajes/{ID}"), 200, &counted);
    let story = told(&panel, r#"data-lugar="contado""#).await;
    assert!(story.contains("lo reconoció por su id") && !story.contains("data-repetir"), "{story}");
}

/// The story, once it says what is wanted: it is as old as a second.
async fn told(panel: &Panel, wanted: &str) -> String {
    eventually("the story", || async {
        let story = panel.page(&format!("/historia?id={ID}")).await;
        if story.contains(wanted) { Ok(story) } else { Err(format!("no {wanted} in {story}")) }
    })
    .await
}

#[actix_web::test]
async fn what_was_confirmed_and_is_in_no_queue_is_not_said_to_wait() {
    let (analytics, sender) = (analytics(1), FakeService::sender(1));
    sender.answers(&format!("GET /mensajes/{ID}"), 200, &attempt("confirmado"));
    let panel = panel(&analytics, &sender, "0");
    panel.page_with(&["al-dia"]).await;
    let story = panel.page(&format!("/historia?id={ID}")).await;
    assert!(story.contains(r#"data-lugar="sin-rastro""#), "{story}");
    assert!(story.contains("cargo lab dead"), "{story}");
}

#[actix_web::test]
async fn many_who_look_at_a_story_cost_the_services_one_question() {
    let (analytics, sender) = (analytics(1), FakeService::sender(1));
    let panel = panel(&analytics, &sender, "0");
    panel.page_with(&["al-dia"]).await;
    let path = format!("/historia?id={ID}");
    let looks = (0..50).map(|_| panel.page(&path));
    futures_util::future::join_all(looks).await;
    let asked = sender.was_asked(&format!("GET /mensajes/{ID}"));
    // A second may have passed in between on a busy machine, and another.
    assert!((1..=5).contains(&asked), "{asked} questions");
}

#[actix_web::test]
async fn a_story_says_who_could_not_be_asked_and_what_is_no_id() {
    let (analytics, sender) = (analytics(1), FakeService::sender(1));
    sender.answers(&format!("GET /mensajes/{ID}"), 503, &Value::Null);
    let panel = panel(&analytics, &sender, "0");
    panel.page_with(&["al-dia"]).await;
    let story = panel.page(&format!("/historia?id={ID}")).await;
    assert!(story.contains(r#"data-lugar="nadie""#), "{story}");
    assert!(story.contains("No se pudo preguntar a cliente_x"), "{story}");
    let story = panel.page("/historia?id=%3Cscript%3E").await;
    assert!(story.contains("Eso no es un UUID") && !story.contains("<script>"), "{story}");
    assert!(!panel.page("/historia").await.contains("Eso no es un UUID"));
}

#[actix_web::test]
async fn without_lab_faults_there_is_no_switch_and_none_can_be_thrown() {
    let (analytics, sender) = (analytics(1), FakeService::sender(1));
    let panel = panel(&analytics, &sender, "0");
    let page = panel.page("/romper").await;
    assert!(
        page.contains("LAB_FAULTS=1 cargo lab up") && !page.contains("name=\"fallo\""),
        "{page}"
    );
    let thrown = panel.form("/romper", &[("fallo", "pausa")]).send().await;
    assert_eq!(thrown.expect("an answer").status(), StatusCode::NOT_FOUND);
    assert_eq!(sender.was_sent().len() + analytics.was_sent().len(), 0);
}

#[actix_web::test]
async fn a_switch_is_handed_on_to_the_service_it_concerns() {
    let (analytics, sender) = (analytics(1), FakeService::sender(1));
    let slow = json!({"pausa": false, "lento_ms": 700, "muere": null});
    analytics.answers("GET /fallos", 200, &slow);
    analytics.answers("PUT /fallos", 200, &slow);
    sender.answers("POST /fallos/veneno", 200, &json!({"ids": [ID]}));
    let panel = panel(&analytics, &sender, "1");
    panel.page_with(&["al-dia"]).await;
    let throw = |fallo, valor| panel.form("/romper", &[("fallo", fallo), ("valor", valor)]).send();
    let answer = throw("pausa", "1").await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    // What else was set stays as it was.
    let sent = r#"PUT /fallos {"pausa":true,"lento_ms":700,"muere":null}"#;
    assert_eq!(analytics.was_sent(), [sent]);
    let answer = throw("veneno", "0").await.expect("an answer");
    let place = answer.headers()["location"].to_str().expect("text");
    assert_eq!(place, format!("/romper?hecho=si&id={ID}#veneno"));
    let page = panel.page(&format!("/romper?hecho=si&id={ID}")).await;
    assert!(page.contains(&format!("href=\"historia?id={ID}\"")), "{page}");

    // A sender that says something else than expected: it was not done.
    let place = throw("sin-cola", "0").await.expect("an answer");
    assert!(place.headers()["location"].to_str().expect("text").contains("hecho=no"));
    assert!(throw("nada", "0").await.expect("an answer").status().is_client_error());
}

#[actix_web::test]
async fn another_site_can_neither_throw_a_switch_nor_choose_a_language() {
    let (analytics, sender) = (analytics(1), FakeService::sender(1));
    let panel = panel(&analytics, &sender, "1");
    for (path, form) in [("/romper", ("fallo", "pausa")), ("/idioma", ("idioma", "en"))] {
        for (name, value) in [("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")] {
            let request = panel.form(path, &[form]).header(name, value);
            assert_eq!(request.send().await.expect("an answer").status(), StatusCode::FORBIDDEN);
        }
        let got =
            panel.get(&format!("{path}?{}={}", form.0, form.1)).send().await.expect("an answer");
        assert_ne!(got.status(), StatusCode::SEE_OTHER, "{path} changes something by GET");
    }
    assert!(analytics.was_sent().is_empty());
}

#[actix_web::test]
async fn a_chosen_language_is_remembered() {
    let analytics = FakeAnalytics::start(counting(5));
    let panel = Panel::start(analytics.address);
    panel.page_with(&["<html lang=\"es\">", "al-dia", "Últimos eventos"]).await;
    let form = [("idioma", "en"), ("volver", "prueba")];
    let request = panel.form("/idioma", &form);
    let answer = request.header("X-Forwarded-Prefix", "/panel").send().await.expect("an answer");
    assert_eq!(answer.headers()["location"], "/panel/prueba");
    let cookie = answer.headers()["set-cookie"].to_str().expect("text");
    assert!(cookie.contains("idioma=en") && cookie.contains("Path=/panel;"), "{cookie}");
    let english = text(panel.get("/").header("cookie", "idioma=en")).await;
    assert!(
        english.contains("<html lang=\"en\">") && english.contains("Latest events"),
        "{english}"
    );
    assert!(!english.contains("Últimos"), "{english}");
    let unknown = panel.form("/idioma", &[("idioma", "xx")]);
    assert_eq!(unknown.send().await.expect("an answer").status(), 422);
}

#[actix_web::test]
async fn a_death_is_armed_even_where_no_event_can_be_sent_and_can_be_disarmed() {
    let (analytics, sender) = (analytics(1), FakeService::sender(1));
    let calm = json!({"pausa": false, "lento_ms": 0, "muere": null});
    analytics.answers("PUT /fallos", 200, &calm);
    let panel = panel(&analytics, &sender, "1");
    panel.page_with(&["al-dia"]).await;
    let throw = |valor| {
        let form = [("fallo", "muere-antes-del-acuse"), ("valor", valor)];
        panel.form("/romper", &form).send()
    };
    let answer = throw("1").await.expect("an answer");
    let place = answer.headers()["location"].to_str().expect("text").to_owned();
    assert_eq!(place, "/romper?hecho=armado#muere-antes-del-acuse");
    assert!(panel.page("/romper?hecho=armado").await.contains("con el próximo lote"));
    throw("0").await.expect("an answer");
    let death = |word| format!(r#"PUT /fallos {{"pausa":false,"lento_ms":0,"muere":{word}}}"#);
    assert_eq!(analytics.was_sent(), [death("\"antes-del-acuse\""), death("null")]);
}

#[actix_web::test]
async fn what_is_confirmed_and_nowhere_is_lost_and_named() {
    const OTHER: &str = "0196303b-3c5e-7cc2-98c4-dc0c0c07aaaa";
    let (analytics, sender) = (analytics(2), FakeService::sender(3));
    let row = |id, key, day| json!([id, "ana", key, format!("2025-04-{day}T12:00:00.000Z")]);
    // Another queue's, and one of a time that analytics does not remember.
    let rows =
        json!([row(ID, "click", "13"), row(OTHER, "compra", "13"), row(OTHER, "click", "05")]);
    sender.answers("GET /confirmados", 200, &json!({"confirmados": rows}));
    analytics.answers("POST /contados/faltan", 200, &json!({"faltan": []}));
    let panel = panel(&analytics, &sender, "0");
    has(&panel, r#"data-veredicto="completo""#).await;
    let asked = analytics.was_sent();
    assert_eq!(asked, [format!(r#"POST /contados/faltan {{"mensajes":[["{ID}","ana"]]}}"#)]);

    let missing = json!({"faltan": [{"id": ID, "cliente": "ana", "rechazado": false}]});
    analytics.answers("POST /contados/faltan", 200, &missing);
    // Something has changed: it is compared anew.
    let mut state = at_rest();
    state["total"] = json!(3);
    state["broker"]["cola"]["listos"] = json!(1);
    analytics.answers("GET /estado", 200, &state);
    has(&panel, r#"data-veredicto="en-camino""#).await;
    state["broker"]["cola"]["listos"] = json!(0);
    analytics.answers("GET /estado", 200, &state);
    has(&panel, r#"data-veredicto="perdido""#).await;
    let page = panel.page("/prueba").await;
    assert!(page.contains(&format!("<code>{ID}</code>")), "{page}");

    let found = json!({"faltan": []});
    analytics.answers("POST /contados/faltan", 200, &found);
    state["total"] = json!(4);
    analytics.answers("GET /estado", 200, &state);
    has(&panel, r#"data-veredicto="completo""#).await;
    analytics.answers("POST /contados/faltan", 503, &Value::Null);
    state["total"] = json!(5);
    analytics.answers("GET /estado", 200, &state);
    has(&panel, "puede que su base de datos no responda").await;
    analytics.answers("GET /estado", 503, &Value::Null);
    has(&panel, "<bdi>analíticas</bdi>").await;
}

async fn has(panel: &Panel, wanted: &str) {
    eventually("the proof", || async {
        let page = panel.page("/prueba").await;
        if page.contains(wanted) { Ok(()) } else { Err(format!("no {wanted} in {page}")) }
    })
    .await;
}

#[actix_web::test]
async fn a_stream_brings_the_page_as_it_changes_and_anew_after_a_cut() {
    let analytics = FakeAnalytics::start(counting(5));
    let panel = Panel::start(analytics.address);
    panel.page_with(&["al-dia"]).await;
    for total in [6, 7] {
        analytics.turn(counting(total));
        // A stream of its own each time: it begins with what is known now.
        let mut answer = panel.get("/flujo/camino").send().await.expect("an answer");
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let wanted = format!(r#"<data id="total" value="{total}">"#);
        let mut seen = String::new();
        while !seen.contains(&wanted) {
            let chunk = tokio::time::timeout(std::time::Duration::from_secs(10), answer.chunk());
            let chunk = chunk.await.expect("in time").expect("a stream").expect("not its end");
            seen.push_str(&String::from_utf8_lossy(&chunk));
        }
        assert!(seen.contains("event: parte") && seen.contains("id: 0"), "{seen}");
    }
    let unknown = panel.get("/flujo/nada").send().await.expect("an answer");
    assert_eq!(unknown.status(), 404);
}

#[actix_web::test]
async fn open_streams_do_not_hold_up_the_end() {
    let analytics = FakeAnalytics::start(counting(5));
    let panel = Panel::start(analytics.address);
    let answer = panel.get("/flujo/camino").send().await.expect("an answer");
    let ended = tokio::time::timeout(std::time::Duration::from_secs(10), panel.stop()).await;
    assert!(matches!(ended, Ok(Ok(()))), "{ended:?}");
    drop(answer);
}
