//! A story told from every memory there can be.

use crate::{
    knowledge::Attempt as Asked,
    proof::{Finding, Lost, Verdict},
};

use super::*;

fn sender(outcome: &str) -> SenderStory {
    let text = format!(
        r#"{{"emisor":"cliente_x","ahora":"2025-04-13T12:01:00Z","intentos":[{{"cliente":"ana","clave":"click",
        "resultado":"{outcome}","a_las":"2025-04-13T12:00:00Z"}}]}}"#
    );
    serde_json::from_str(&text).expect("a story")
}

fn analytics(outcome: &str, counted: bool) -> AnalyticsStory {
    let counted =
        if counted { r#"{"cliente":"ana","a_las":"2025-04-13T12:00:01Z"}"# } else { "null" };
    let text = format!(
        r#"{{"entregas":[{{"a_las":"2025-04-13T12:00:01Z","reentregado":false,
        "resultado":"{outcome}","cliente":"ana","motivo":null}}],"contado":{counted}}}"#
    );
    serde_json::from_str(&text).expect("a story")
}

fn memory(senders: Vec<SenderStory>, analytics: Recall<AnalyticsStory>) -> Memory {
    Memory { senders, analytics, ..Memory::default() }
}

fn told(memory: &Memory) -> Story {
    Story::new("x".to_owned(), memory, &Knowledge::default(), &Clock::now(), Lang::Es)
}

#[test]
fn where_it_is_follows_from_what_is_remembered() {
    for (attempt, delivery, counted, place) in [
        (None, None, false, Place::Nowhere),
        (Some("sin-ruta"), None, false, Place::NotSent),
        (Some("no-enviado"), None, false, Place::NotSent),
        (Some("desconocido"), None, false, Place::Unknown),
        (Some("confirmado"), None, false, Place::Queue),
        (Some("confirmado"), Some("no-guardado"), false, Place::Analytics),
        (Some("confirmado"), Some("rechazado"), false, Place::DeadLetters),
        (Some("confirmado"), Some("contado"), true, Place::Counted),
        (Some("desconocido"), Some("contado"), true, Place::Counted),
        (None, Some("repetido"), false, Place::Counted),
    ] {
        let senders = attempt.map(sender).into_iter().collect();
        let story = delivery.map(|outcome| analytics(outcome, counted));
        let story = told(&memory(senders, story.map_or(Recall::Nothing, Recall::Story)));
        assert_eq!(story.place, place, "{attempt:?} {delivery:?}");
        assert_eq!(story.silent, Vec::<String>::new());
    }
}

/// Confirmed at noon, and analytics knows nothing of it.
fn confirmed(edit: impl FnOnce(&mut Memory, &mut Knowledge)) -> Story {
    let mut memory = memory(vec![sender("confirmado")], Recall::Nothing);
    let mut known = Knowledge::default();
    edit(&mut memory, &mut known);
    Story::new("x".to_owned(), &memory, &known, &Clock::now(), Lang::Es)
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

#[test]
fn who_does_not_answer_may_have_counted_it() {
    let story = confirmed(|memory, _| memory.analytics = Recall::Silent);
    assert_eq!((story.place, story.silent), (Place::Confirmed, vec!["analíticas".to_owned()]));
    assert!(story.may_change && story.why.is_none());
}

/// It was confirmed a minute before it is asked for.
#[test]
fn it_is_not_in_a_queue_that_was_empty_well_after_it_was_confirmed() {
    for (seconds_ago, place) in [(90, Place::Queue), (56, Place::Queue), (55, Place::Missing)] {
        let empty = Some(Duration::from_secs(seconds_ago));
        let story = confirmed(|memory, _| memory.empty = empty);
        assert_eq!(story.place, place, "{seconds_ago}");
    }
}

#[test]
fn what_was_compared_in_vain_is_lost_unless_it_was_confirmed_again() {
    let lost = |id: &str, confirmed: &str| {
        let lost = Lost { id: id.to_owned(), confirmed: time(confirmed) };
        Finding { lost: vec![lost], ..Finding::default() }
    };
    for (id, at, place) in [
        ("x", "2025-04-13T12:00:00Z", Place::Lost),
        ("y", "2025-04-13T12:00:00Z", Place::Queue),
        ("x", "2025-04-13T11:59:59Z", Place::Queue),
    ] {
        let verdict = Verdict::of(lost(id, at));
        let now = Asked::at(Clock::now());
        let story = confirmed(|_, known| known.verdict.hear(Ok(verdict), now));
        assert_eq!(story.place, place, "{id} {at}");
    }
}

#[test]
fn why_it_waits_is_told_by_numbers_of_now_only() {
    let waiting = |age: u64| {
        let mut state = crate::knowledge::sample("click", "2025-04-06T12:00:00Z");
        state.broker.queue.as_mut().expect("a queue").ready = 5;
        let (then, now) = (Clock::now(), Clock::now().later(Duration::from_secs(age)));
        let mut known = Knowledge::default();
        known.hear_analytics(Ok(state), Asked::at(then));
        let memory = memory(vec![sender("confirmado")], Recall::Nothing);
        Story::new("x".to_owned(), &memory, &known, &now, Lang::Es)
    };
    let story = waiting(1);
    assert!(story.is_queue_filled && story.why.expect("a reason").contains("5 mensajes"));
    let story = waiting(60);
    assert!(!story.is_queue_filled && story.why.is_none());
}

#[test]
fn what_another_queue_takes_or_what_is_long_ago_is_not_waited_for() {
    let state = |bindings: &str, since: &str| {
        let state = crate::knowledge::sample(bindings, since);
        confirmed(|_, known| known.hear_analytics(Ok(state), Asked::at(Clock::now()))).place
    };
    let before = "2025-04-06T12:00:00Z";
    assert_eq!(state("click", before), Place::Queue);
    assert_eq!(state("compra", before), Place::OtherQueue);
    assert_eq!(state("click", "2025-04-13T12:00:01Z"), Place::Forgotten);
}

#[test]
fn what_waits_says_why_and_what_is_counted_does_not() {
    assert!(told(&memory(vec![sender("confirmado")], Recall::Nothing)).why.is_some());
    let counted = told(&memory(vec![], Recall::Story(analytics("contado", true))));
    assert!(counted.why.is_none() && !counted.may_change);
}

#[test]
fn steps_are_in_the_order_of_time() {
    let story = Recall::Story(analytics("contado", true));
    let story = told(&memory(vec![sender("confirmado")], story));
    let kinds: Vec<_> = story.steps.iter().map(|step| step.who.as_str()).collect();
    assert_eq!(kinds, ["cliente_x", "analíticas"]);
}

#[test]
fn a_count_that_is_told_to_the_second_comes_after_the_confirm_of_that_second() {
    let mut sender = sender("confirmado");
    sender.attempts[0].at = time("2025-04-13T12:00:01.400Z");
    let mut counted = analytics("contado", true);
    counted.deliveries.clear();
    let story = told(&memory(vec![sender], Recall::Story(counted)));
    let kinds: Vec<_> = story.steps.iter().map(|step| step.who.as_str()).collect();
    assert_eq!(kinds, ["cliente_x", "analíticas"]);
}
