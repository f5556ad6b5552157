//! The newest attempts to publish, of all senders: a message has a story from
//! its first attempt on, long before it is counted.

use jiff::Timestamp;

use crate::{
    knowledge::Knowledge,
    lang::Lang,
    states::{Attempt, AttemptOutcome},
    wording::{self, Moment},
};

/// Attempts that are shown.
const SHOWN: usize = 12;

/// One attempt.
#[derive(Debug, Clone)]
pub struct AttemptRow {
    /// When its outcome was known.
    pub time: Moment,
    /// Which sender made it.
    pub sender: String,
    /// Whose event it is.
    pub client: String,
    /// Its routing key.
    pub routing_key: String,
    /// One word for its outcome, for the style sheet.
    pub kind: &'static str,
    /// Its outcome in words.
    pub outcome: &'static str,
    /// The message's id.
    pub id: String,
    /// The end of the id.
    pub short_id: String,
    at: Timestamp,
}

/// The newest attempts, newest first.
pub(super) fn latest(known: &Knowledge, now: Timestamp, lang: Lang) -> Vec<AttemptRow> {
    // Of a sender that is away nobody knows what it has just sent.
    let told = known.senders.iter().filter_map(|sender| sender.source.fresh());
    let mut rows: Vec<_> = told
        .flat_map(|state| state.latest.iter().map(|attempt| (state.name.as_str(), attempt)))
        .filter_map(|(sender, attempt)| row(sender, attempt, now, lang))
        .collect();
    // The order of a sender stays where two of its attempts ended at once.
    rows.sort_by_key(|row| std::cmp::Reverse(row.at));
    rows.truncate(SHOWN);
    rows
}

fn row(sender: &str, attempt: &Attempt, now: Timestamp, lang: Lang) -> Option<AttemptRow> {
    let (kind, outcome) = outcome(attempt.outcome, lang);
    let id = attempt.id.clone()?;
    Some(AttemptRow {
        time: Moment::new(attempt.at, now, lang),
        sender: sender.to_owned(),
        client: attempt.client.clone(),
        routing_key: attempt.routing_key.clone(),
        kind,
        outcome,
        short_id: wording::short_id(&id),
        id,
        at: attempt.at,
    })
}

fn outcome(outcome: AttemptOutcome, lang: Lang) -> (&'static str, &'static str) {
    match outcome {
        AttemptOutcome::Confirmado => ("bien", lang.say("confirmado", "confirmed")),
        AttemptOutcome::SinRuta => ("mal", lang.say("devuelto: sin ruta", "returned: unroutable")),
        AttemptOutcome::Rechazado => ("mal", lang.say("rechazado (nack)", "refused (nack)")),
        AttemptOutcome::NoEnviado => ("mal", lang.say("no salió", "never left")),
        AttemptOutcome::Desconocido => ("ojo", lang.say("sin respuesta", "no answer")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{
        clock::Clock,
        knowledge::{Attempt as Asked, Sender},
    };

    use super::*;

    fn sender(name: &str, seconds: &[u32]) -> Sender {
        let attempts: Vec<_> = seconds
            .iter()
            .map(|second| {
                json!({"id": format!("{name}-{second}"), "cliente": "ana", "clave": "click",
                    "resultado": "confirmado", "a_las": format!("2025-04-13T12:00:{second:02}Z")})
            })
            .collect();
        let state = json!({"emisor": name, "proceso": "p", "enlace": "conectado", "motivo": null,
            "publicaciones": {"confirmadas": 0, "sin_ruta": 0, "rechazadas": 0, "no_enviadas": 0,
                "desconocidas": 0}, "ultimas": attempts});
        let state = serde_json::from_value(state).expect("a state");
        let mut sender = Sender::default();
        sender.hear(Ok(state), Asked::at(Clock::now()));
        sender
    }

    #[test]
    fn attempts_of_all_senders_are_shown_newest_first() {
        let senders = vec![sender("x", &[9, 5, 1]), sender("uno", &[7]), sender("dos", &[])];
        let known = Knowledge { senders, ..Knowledge::default() };
        let rows = latest(&known, Timestamp::now(), Lang::Es);
        let ids: Vec<_> = rows.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(ids, ["x-9", "uno-7", "x-5", "x-1"]);
    }

    #[test]
    fn there_are_never_more_than_a_page_takes() {
        let seconds: Vec<_> = (0..20).rev().collect();
        let known = Knowledge { senders: vec![sender("x", &seconds)], ..Knowledge::default() };
        let rows = latest(&known, Timestamp::now(), Lang::Es);
        assert_eq!((rows.len(), rows[0].id.as_str()), (SHOWN, "x-19"));
    }
}
