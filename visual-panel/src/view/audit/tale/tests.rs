//! Stories as the audit proxy tells them.

use serde_json::{Value, json};

use super::*;

fn step(what: &str, at: &str, who: &str) -> Value {
    json!({"paso": what, "a_las": at, "quien": who})
}

fn notice(at: &str, arrived: &str, state: &str, effect: &str) -> Value {
    json!({"paso": "notificado", "a_las": at, "quien": "redmine",
           "notificacion": {"id": "0195e2a0-1234-7000-8000-000000000001", "estado": state,
               "detalles": null, "efecto": effect, "antes": "reenviado", "recibida": arrived}})
}

fn story(steps: &[Value], durations: &Value) -> Value {
    json!({"clave": "77", "id": "0195e2a0-1234-7000-8000-000000000000", "origen": "servicedesk",
           "destino": "redmine", "tipo": "ticket.asignado", "correlacion": null,
           "tipo_de_contenido": "application/json", "bytes": 2, "estado": "procesado",
           "pasos": steps, "duraciones": durations})
}

fn told(steps: &[Value]) -> Chapter {
    with(
        steps,
        &json!({"hasta_recibido_ms": 40.0, "proxy_ms": 4.0, "proceso_ms": 500.0,
                        "relojes_desfasados": false}),
    )
}

fn with(steps: &[Value], durations: &Value) -> Chapter {
    let stories = json!({"id": "x", "mensajes": [story(steps, durations)], "sin_mensaje": []});
    let stories = serde_json::from_value(stories).expect("stories");
    let now = "2026-11-23T12:00:10Z".parse().expect("a timestamp");
    Tale::new(stories, now, Lang::Es).messages.remove(0)
}

fn second(second: &str) -> String {
    format!("2026-11-23T12:00:0{second}Z")
}

fn created(at: &str) -> Value {
    step("creado", &second(at), "servicedesk")
}

fn received() -> Value {
    step("recibido", &second("1.000"), "audit-proxy")
}

fn forwarded() -> Value {
    step("reenviado", &second("1.004"), "audit-proxy")
}

fn plain(text: &str) -> String {
    text.replace('\u{a0}', " ")
}

#[test]
fn a_story_says_what_happened_and_how_long_after_what_was_before() {
    let notice = notice(&second("1.5"), &second("1.504"), "procesado", "aplicada");
    let chapter = told(&[created("0.960"), received(), forwarded(), notice]);
    let after: Vec<_> = chapter.beats.iter().map(|beat| beat.after.as_deref().map(plain)).collect();
    assert_eq!(after, [None, None, Some("+4 ms".to_owned()), Some("+500 ms".to_owned())]);
    assert!(chapter.beats[2].what.contains("la cola de redmine"), "{:?}", chapter.beats[2]);
    assert_eq!(chapter.beats[3].what, "notificó «procesado»");
    assert!(chapter.beats.iter().all(|beat| beat.skew.is_none() && beat.mood == "bien"));
}

#[test]
fn stages_have_bars_against_the_longest() {
    let chapter = told(&[received()]);
    let bars: Vec<_> = chapter
        .stages
        .iter()
        .map(|stage| (plain(stage.took.as_deref().expect("a time")), stage.length.to_string()))
        .collect();
    let expected = [("40 ms", "8.00%"), ("4 ms", "0.80%"), ("500 ms", "100.00%")];
    assert_eq!(bars, expected.map(|(took, length)| (took.to_owned(), length.to_owned())));
}

#[test]
fn a_stage_that_has_not_ended_has_no_time() {
    let durations = json!({"hasta_recibido_ms": 40.0, "proxy_ms": null, "proceso_ms": null,
                           "relojes_desfasados": false});
    let chapter = with(&[received()], &durations);
    assert_eq!(chapter.stages[1].took, None);
    assert_eq!(chapter.stages[1].length.to_string(), "0.00%");
}

#[test]
fn a_clock_that_is_wrong_is_said_to_be_so() {
    let skew = |step: Value| {
        let chapter = told(&[received(), step]);
        chapter.beats[1].skew.as_deref().map(plain)
    };
    let ahead = "su reloj va adelantado al menos 50 ms";
    assert_eq!(skew(created("1.050")).as_deref(), Some(ahead));
    assert_eq!(skew(created("0.950")), None);
    let told_at = |at: &str| notice(&second(at), &second("1.5"), "procesado", "aplicada");
    let ahead = "su reloj va adelantado al menos 2 s";
    assert_eq!(skew(told_at("3.5")).as_deref(), Some(ahead));
    let behind = "su reloj va atrasado al menos 600 ms";
    assert_eq!(skew(told_at("0.4")).as_deref(), Some(behind));
    assert_eq!(skew(told_at("1.2")), None);
}

#[test]
fn a_negative_stage_is_shown_as_skew_and_has_no_bar() {
    let durations = json!({"hasta_recibido_ms": -50.0, "proxy_ms": 4.0, "proceso_ms": null,
                           "relojes_desfasados": true});
    let chapter = with(&[created("1.050"), received()], &durations);
    let stage = &chapter.stages[0];
    assert!(stage.is_skewed && stage.length.to_string() == "0.00%", "{stage:?}");
    assert_eq!(stage.took.as_deref().map(plain).as_deref(), Some("−50 ms"));
}

#[test]
fn what_a_notification_came_to_is_said() {
    for (effect, mood, part) in [
        ("aplicada", "mal", "notificó «error»"),
        ("repetida", "ojo", "ya lo había dicho"),
        ("tardia", "ojo", "llegó tarde"),
        ("ajena", "ojo", "no es quien debía"),
        ("estado_desconocido", "ojo", "no es un estado"),
        ("sin_mensaje", "ojo", "no había tal mensaje"),
        ("otra_cosa", "ojo", "otra_cosa"),
    ] {
        let step = notice(&second("2"), &second("2"), "error", effect);
        let beat = &told(&[received(), step]).beats[1];
        assert_eq!((beat.mood, beat.what.contains(part)), (mood, true), "{beat:?}");
    }
}

#[test]
fn a_step_that_the_panel_does_not_know_is_shown_by_its_name() {
    let beat = &told(&[step("algo_nuevo", &second("1"), "audit-proxy")]).beats[0];
    assert_eq!(beat.what, "algo nuevo");
}
