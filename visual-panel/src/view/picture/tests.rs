//! The picture in each of its states, without a server.

use serde_json::{Value, json};

use super::*;

const NOW: &str = "2026-11-22T23:00:00Z";

struct Scene {
    senders: Vec<(SenderState, bool, Option<f64>)>,
    analytics: Option<AnalyticsState>,
    away: bool,
    estimate: Option<u64>,
    rate: f64,
    not_empty_for: Option<Duration>,
    slowed: Option<Duration>,
}

fn sender(link: &str, outcomes: [u64; 5]) -> SenderState {
    let [confirmed, unroutable, refused, not_sent, unknown] = outcomes;
    let state = json!({"emisor": "cliente_x", "proceso": "p", "enlace": link, "motivo": null,
        "publicaciones": {"confirmadas": confirmed, "sin_ruta": unroutable, "rechazadas": refused,
            "no_enviadas": not_sent, "desconocidas": unknown}, "ultimas": []});
    serde_json::from_value(state).expect("a sender's state")
}

fn analytics(edit: impl FnOnce(&mut Value)) -> AnalyticsState {
    let mut state = json!({"proceso": "a", "consumo": "activo", "motivo": null, "guarda": null,
        "prefetch": 1000, "lote": {"mensajes": 12, "a_las": "2026-11-22T22:59:21Z"}, "contados": 7,
        "repetidos": 0, "rechazados": 0, "reentregados": 0, "total": 7, "recuerda_desde": "2026-11-15T23:00:00Z",
        "broker": {"responde": true, "hace_ms": 12_000, "motivo": null,
            "cola": {"listos": 0, "sin_acuse": 0, "consumidores": 1, "limite": 5_000_000},
            "muertas": {"mensajes": 0}, "enlaces": ["click"]}});
    edit(&mut state);
    serde_json::from_value(state).expect("the state of analytics")
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            senders: vec![(sender("conectado", [3, 0, 0, 0, 0]), false, Some(0.0))],
            analytics: Some(analytics(|_| {})),
            away: false,
            estimate: None,
            rate: 0.0,
            not_empty_for: None,
            slowed: None,
        }
    }
}

impl Scene {
    fn of(edit: impl FnOnce(&mut Value)) -> Self {
        Self { analytics: Some(analytics(edit)), ..Self::default() }
    }

    fn from(link: &str, outcomes: [u64; 5], away: bool) -> Self {
        Self { senders: vec![(sender(link, outcomes), away, Some(2.5))], ..Self::default() }
    }

    /// What it had told of the broker, if it had.
    fn broker(&self) -> Option<&BrokerState> {
        let told = self.analytics.as_ref().map(|state| &state.broker);
        told.filter(|broker| broker.age_ms.is_some())
    }

    fn picture(&self, lang: Lang) -> Picture {
        let senders = self.senders.iter().map(|(state, away, rate)| SenderInput {
            name: &state.name,
            state: Some(state),
            away: *away,
            blocked_on_purpose: false,
            age: Some(Duration::from_secs(75)),
            rate: *rate,
        });
        let input = Input {
            now: NOW.parse().expect("a timestamp"),
            senders: senders.collect(),
            analytics: self.analytics.as_ref(),
            analytics_away: self.away,
            analytics_age: Some(Duration::from_secs(12)),
            broker: self.broker(),
            broker_age: Some(Duration::from_secs(12)),
            is_broker_fresh: !self.away && self.broker().is_some_and(|broker| broker.answers),
            counted_total: Some(7),
            counted_age: None,
            counted_rate: Some(self.rate),
            not_empty_for: self.not_empty_for,
            estimated_waiting: self.estimate,
            slowed: self.slowed,
        };
        Picture::new(&input, lang)
    }

    fn headline(&self) -> (&'static str, String) {
        let headline = self.picture(Lang::Es).headline;
        (headline.level, plain(&headline.text))
    }
}

fn plain(text: &str) -> String {
    text.replace(['\u{a0}', '\u{202f}'], " ")
}

fn waiting(ready: u64, unacked: u64) -> Scene {
    Scene::of(|state| {
        state["broker"]["cola"]["listos"] = json!(ready);
        state["broker"]["cola"]["sin_acuse"] = json!(unacked);
    })
}

fn silent() -> Scene {
    Scene::of(|state| state["broker"]["responde"] = json!(false))
}

/// What the tank says, line by line.
fn reading(scene: &Scene, lang: Lang) -> Vec<String> {
    let tank = scene.picture(lang).tank;
    let first = [tank.figure, tank.caption.to_owned()];
    first.into_iter().chain(tank.notes).map(|line| plain(&line)).collect()
}

#[test]
fn nothing_is_empty_and_the_limit_is_full() {
    assert_eq!(level(0, 5_000_000), Level(0));
    assert_eq!(level(5_000_000, 5_000_000), FULL);
    assert_eq!(level(u64::MAX, 5_000_000), FULL);
    assert_eq!((level(1, 0), level(u64::MAX, u64::MAX)), (Level(60), FULL));
}

#[test]
fn one_message_is_seen_and_a_thousand_are_clearly_more() {
    let at = |count| level(count, 5_000_000).0;
    assert_eq!(at(1), 60);
    assert!((450..550).contains(&at(1_000)), "{}", at(1_000));
    let steps = [0, 1, 2, 3, 10, 100, 1_000, 10_000, 1_000_000, 4_999_999, 5_000_000];
    for pair in steps.windows(2) {
        assert!(at(pair[0]) <= at(pair[1]), "{pair:?}");
    }
    assert!(at(2) > at(1) && at(3) > at(2), "each of the first few raises the level");
}

#[test]
fn what_is_delivered_and_not_acknowledged_is_part_of_the_level() {
    let tank = |scene: Scene| scene.picture(Lang::Es).tank;
    let half = tank(waiting(500, 500));
    assert_eq!(half.unacked.0, half.level.0 / 2);
    let all = tank(waiting(0, 1_000));
    assert_eq!((all.unacked, all.waiting), (all.level, Some(1_000)));
    assert_eq!(tank(waiting(1_000, 0)).unacked, Level(0));
    assert!(tank(waiting(4_000_000, 1)).unacked > Level(0), "a single one is seen");
}

#[test]
fn the_tank_tells_what_is_ready_what_is_unacknowledged_and_for_how_long() {
    let scene = Scene { not_empty_for: Some(Duration::from_secs(34)), ..waiting(12_345, 1) };
    assert_eq!(
        reading(&scene, Lang::Es),
        ["12 345", "listos", "1 sin acuse", "sin vaciarse: 34 s"]
    );
    assert_eq!(reading(&scene, Lang::En), ["12 345", "ready", "1 unacked", "not empty for 34 s"]);
    assert_eq!(reading(&waiting(1, 0), Lang::Es)[..2], ["1", "listo"]);
}

#[test]
fn without_the_management_the_level_is_an_estimate_or_old() {
    let old = silent();
    assert_eq!(reading(&old, Lang::Es), ["0", "listos", "0 sin acuse", "dato de hace 12 s"]);
    assert_eq!(old.picture(Lang::Es).tank.state(), "vieja");
    let estimated = Scene { estimate: Some(1_207), ..silent() };
    assert_eq!(reading(&estimated, Lang::Es), ["≈ 1207", "en cola, estimado", "dato de hace 12 s"]);
    assert_eq!(reading(&estimated, Lang::En), ["≈ 1207", "queued, estimated", "as of 12 s ago"]);
    let tank = estimated.picture(Lang::Es).tank;
    assert_eq!((tank.state(), tank.level), ("estimada", level(1_207, 5_000_000)));
}

#[test]
fn an_estimate_never_hides_a_measured_level() {
    let scene = Scene { estimate: Some(99), ..waiting(5, 0) };
    assert_eq!(scene.picture(Lang::Es).tank.certainty, Certainty::Told);
}

#[test]
fn with_analytics_away_nothing_looks_fresh() {
    let picture = Scene { away: true, estimate: Some(48), ..waiting(5, 0) }.picture(Lang::Es);
    let states = (picture.tank.state(), picture.analytics.state, picture.counts.state);
    assert_eq!(states, ("estimada", "ausente", "ausente"));
    assert_eq!(
        picture.analytics.lines.last().map(|line| plain(line)),
        Some("dato de hace 12 s".to_owned())
    );
    assert_eq!((picture.analytics.takes, picture.analytics.pace), (false, 0));
    assert_eq!(plain(&picture.dead.text), "≈ 0");
}

#[test]
fn before_the_first_answer_nothing_is_claimed() {
    let mut scene = Scene { analytics: None, ..Scene::default() };
    let picture = scene.picture(Lang::En);
    assert_eq!((picture.tank.state(), picture.tank.figure.as_str()), ("desconocida", "?"));
    assert_eq!((picture.dead.text.as_str(), picture.exchange.state), ("?", "desconocido"));
    scene.senders.clear();
    assert_eq!(scene.headline().0, "nada");
}

#[test]
fn each_sender_shows_its_state_and_what_became_of_its_events() {
    for (link, away, state, words) in [
        ("conectado", false, "bien", "conectado"),
        ("bloqueado", false, "bloqueado", "bloqueado"),
        ("sin-conexion", false, "cortado", "sin RabbitMQ"),
        ("conectado", true, "ausente", "no responde · 75 s"),
    ] {
        let sender =
            Scene::from(link, [412, 3, 2, 14, 1], away).picture(Lang::Es).senders.remove(0);
        assert_eq!((sender.state, plain(&sender.words)), (state, words.to_owned()));
        let chips: Vec<_> = sender.chips.iter().map(|chip| plain(&chip.text)).collect();
        assert_eq!(chips, ["✓ 412", "↩ 3", "✕ 16", "? 1"]);
        assert_eq!((sender.rate.is_empty(), sender.pace == 0), (away, away), "{link}");
    }
    let fine = Scene::from("conectado", [0; 5], false).picture(Lang::En).senders.remove(0);
    assert_eq!((fine.chips.len(), fine.rate.as_str()), (1, "2.5/s"));
}

#[test]
fn senders_beyond_the_drawn_ones_are_told_by_number() {
    let mut scene = Scene::default();
    scene.senders = vec![scene.senders[0].clone(); DRAWN + 2];
    let picture = scene.picture(Lang::Es);
    assert_eq!((picture.senders.len(), picture.further.as_deref()), (DRAWN, Some("y 2 más")));
}

#[test]
fn analytics_shows_why_it_takes_nothing() {
    let state = |scene: Scene| {
        let part = scene.picture(Lang::Es).analytics;
        (part.state, part.takes, plain(&part.words))
    };
    let expected = |state, takes, words: &str| (state, takes, words.to_owned());
    assert_eq!(state(Scene::default()), expected("bien", true, "consume"));
    let paused = Scene::of(|state| state["consumo"] = json!("en-pausa"));
    assert_eq!(state(paused), expected("pausa", false, "no consume"));
    let cut = Scene::of(|state| state["consumo"] = json!("sin-conexion"));
    assert_eq!(state(cut), expected("cortado", false, "sin RabbitMQ"));
    let full = Scene::of(|state| state["guarda"] = json!("disco lleno"));
    assert!(full.picture(Lang::Es).analytics.spoken.contains("(disco lleno)"));
    assert_eq!(full.picture(Lang::Es).counts.state, "mal");
    assert_eq!(state(full), expected("mal", false, "no puede guardar"));
    let slow = Scene { slowed: Some(Duration::from_millis(500)), ..Scene::default() };
    assert_eq!(state(slow), expected("lenta", true, "+500 ms por lote"));
}

#[test]
fn the_headline_tells_the_worst_first() {
    let paused = Scene::of(|state| {
        state["consumo"] = json!("en-pausa");
        state["broker"]["cola"]["listos"] = json!(1_200);
    });
    let growing = Scene { rate: 1.0, ..Scene::from("conectado", [9; 5], false) };
    let growing = Scene { analytics: waiting(50, 0).analytics, ..growing };
    let no_broker = Scene {
        analytics: Scene::of(|state| {
            state["consumo"] = json!("sin-conexion");
            state["broker"]["responde"] = json!(false);
        })
        .analytics,
        ..Scene::from("sin-conexion", [0; 5], false)
    };
    for (scene, level, begins) in [
        (no_broker, "mal", "RabbitMQ no responde"),
        (
            Scene { away: true, estimate: Some(1), ..paused_again() },
            "mal",
            "Analíticas no responde: ≈ 1 mensaje espera",
        ),
        (Scene::of(|state| state["guarda"] = json!("x")), "mal", "Analíticas no puede guardar"),
        (waiting(5_000_000, 0), "mal", "La cola está llena"),
        (
            Scene::of(|state| state["broker"]["enlaces"] = json!([])),
            "mal",
            "Ningún enlace lleva a cola_analiticas",
        ),
        (
            paused,
            "ojo",
            "Analíticas no consume: 1200 mensajes esperan en la cola, y no se pierden.",
        ),
        (Scene::from("bloqueado", [0; 5], false), "ojo", "cliente_x está bloqueado"),
        (silent(), "ojo", "La gestión de RabbitMQ no responde"),
        (growing, "ojo", "Entra más de lo que sale"),
        (
            Scene { rate: 500.0, ..waiting(1_000, 0) },
            "bien",
            "Analíticas vacía la cola: quedan 1000.",
        ),
        (
            Scene::of(|state| state["broker"]["muertas"]["mensajes"] = json!(1)),
            "ojo",
            "Un mensaje no se pudo",
        ),
        (Scene { rate: 2.0, ..Scene::default() }, "bien", "Todo fluye"),
        (Scene::default(), "bien", "Todo listo"),
    ] {
        let (found, text) = scene.headline();
        assert!(text.starts_with(begins), "{text} instead of {begins}");
        assert_eq!(found, level, "{text}");
        assert_ne!(scene.picture(Lang::En).headline.text, scene.picture(Lang::Es).headline.text);
    }
}

fn paused_again() -> Scene {
    Scene::of(|state| state["consumo"] = json!("en-pausa"))
}

#[test]
fn bindings_are_shown_by_their_keys_in_two_lines_at_most() {
    let keys = |bindings: Value| {
        let scene = Scene::of(|state| state["broker"]["enlaces"] = bindings);
        let exchange = scene.picture(Lang::Es).exchange;
        (exchange.state, exchange.keys.iter().map(|key| plain(key)).collect::<Vec<_>>())
    };
    let expected = |state, keys: &[&str]| (state, keys.iter().map(ToString::to_string).collect());
    assert_eq!(keys(json!(["click"])), expected("bien", &["click"]));
    assert_eq!(keys(json!(["click", "a"])), expected("bien", &["click", "a"]));
    assert_eq!(keys(json!(["compra-rápida", "a", "b"])), expected("bien", &["compra-r…", "+ 2"]));
    assert_eq!(keys(json!([])), expected("sin-enlace", &["sin enlace"]));
}

#[test]
fn dead_letters_of_different_sources_are_not_compared() {
    let dead = |scene: Scene| {
        let dead = scene.picture(Lang::Es).dead;
        (dead.source, dead.count, plain(&dead.text))
    };
    let scene = |answers: bool| {
        Scene::of(|state| {
            state["broker"]["responde"] = json!(answers);
            state["broker"]["muertas"]["mensajes"] = json!(7);
            state["rechazados"] = json!(5);
        })
    };
    assert_eq!(dead(scene(true)), ("broker", 7, "7".to_owned()));
    assert_eq!(dead(scene(false)), ("analiticas", 5, "≈ 7".to_owned()));
}

#[test]
fn rates_and_ages_are_short() {
    let rate = |rate| plain(&per_second(rate, Lang::Es));
    let shown = [0.0, 0.44, 2.0, 9.96, 12.4, 12_500.0].map(rate);
    assert_eq!(shown, ["0/s", "0,4/s", "2/s", "10/s", "12/s", "12 500/s"]);
    assert_eq!([0.0, 8.0, 8.1, 101.0, 5_000.0].map(|rate| pace(Some(rate))), [0, 1, 2, 3, 4]);
    assert_eq!(pace(None), 0);
    let age = |seconds| plain(&brief(Duration::from_secs(seconds)));
    assert_eq!([0, 119, 120, 7_200, 200_000].map(age), ["0 s", "119 s", "2 min", "2 h", "2 d"]);
}

#[test]
fn every_card_is_within_the_picture_and_none_covers_another() {
    for layout in
        (0..=DRAWN).flat_map(|senders| [Layout::lying(senders), Layout::standing(senders)])
    {
        let single = [layout.exchange, layout.tank, layout.analytics, layout.counts];
        let dead = [layout.dead_exchange, layout.dead_queue];
        let cards: Vec<_> = layout.senders.iter().copied().chain(single).chain(dead).collect();
        for (place, card) in cards.iter().enumerate() {
            assert!(card.right() <= layout.width && card.bottom() <= layout.height, "{card:?}");
            for other in &cards[..place] {
                let apart = card.x >= other.right() || other.x >= card.right();
                assert!(
                    apart || card.y >= other.bottom() || other.y >= card.bottom(),
                    "{card:?} {other:?}"
                );
            }
        }
    }
}

#[test]
fn every_part_is_explained_in_two_sentences_in_both_languages() {
    let explained = |lang| Scene::default().picture(lang).glossary;
    for (spanish, english) in explained(Lang::Es).iter().zip(explained(Lang::En)) {
        assert_ne!(spanish.text, english.text);
        for text in [spanish.text, english.text] {
            assert_eq!(text.matches(". ").count(), 1, "{text}");
        }
    }
}
