//! Reads the facts: the services over HTTP, the broker by its management API, the
//! dead letters over AMQP, and what analytics has written.

use super::ask::Asker;
use super::compared;
use super::evidence::longest_waits;
use super::facts::{
    Answer, Attempt, Broker, Counted, Crashes, Facts, Journal, Missing, Remembered, Sender,
    SenderState, Uncounted,
};
use super::place::Place;
use super::retry::{not_counted, retry_candidates};
use crate::compose::Compose;
use crate::layout::Layout;
use crate::part::Part;
use crate::parts::readiness::Prober;
use crate::running::Running;
use crate::settings::Port;
use anyhow::Result;
use broker::{AmqpUrl, DeadLetter, DeadLetters};
use jiff::{SignedDuration, Timestamp};
use messages::names::DEAD_LETTER_QUEUE;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// How far back a class reaches.
const REACH: SignedDuration = SignedDuration::from_hours(3);

/// Rows of the ledger asked for at once: the most that analytics gives.
const PAGE: u32 = 10_000;

/// Dead messages that are looked at; the same as `dead`, for looking at fewer
/// would change their order (see [`DeadLetters::open`]).
const WINDOW: u16 = 1000;

/// Dead messages of which analytics is asked why, and missing ones of which it is
/// asked what it knows.
const EXPLAINED: usize = 20;

/// How long events may be on their way: the broker's numbers are some seconds old.
const SETTLE: Duration = Duration::from_secs(8);

const POLL: Duration = Duration::from_millis(500);

const SENDERS: [(Part, Port); 3] = [
    (Part::ClienteX, Port::ClienteX),
    (Part::ClienteUno, Port::ClienteUno),
    (Part::ClienteDos, Port::ClienteDos),
];

/// Reads everything, and again for some seconds where events seem to be on their
/// way.
pub(super) async fn facts(layout: &Layout, running: &Running, compose: bool) -> Result<Facts> {
    let lab = Lab { running, compose, asker: Asker::new(running.administrator.clone())? };
    let log = said(layout, compose).await;
    let deadline = Instant::now() + SETTLE;
    loop {
        let facts = lab.facts(&log).await?;
        if !compared::is_on_its_way(&facts) || Instant::now() >= deadline {
            return Ok(facts);
        }
        sleep(POLL).await;
    }
}

/// What analytics has written; nothing where nobody knows.
async fn said(layout: &Layout, compose: bool) -> String {
    if compose {
        return Compose::of(layout).logs(Part::Analytics).await.unwrap_or_default();
    }
    let bytes = std::fs::read(layout.log(Part::Analytics)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[derive(Deserialize)]
struct Page {
    contados: Vec<Counted>,
    siguiente: Option<String>,
}

struct Lab<'a> {
    running: &'a Running,
    compose: bool,
    asker: Asker,
}

impl Lab<'_> {
    async fn facts(&self, log: &str) -> Result<Facts> {
        let since = Timestamp::now().saturating_sub(REACH)?;
        // The senders first: what they confirmed before is to be found after.
        let senders = self.senders().await;
        let broker = self.broker().await;
        let uncounted = self.uncounted(&senders).await;
        let mut facts = Facts {
            place: Place::of(self.running, self.compose),
            parts: self.parts().await?,
            senders,
            analytics: self.ask(Port::Analytics, "/estado").await,
            analytics_faults: self.ask(Port::Analytics, "/fallos").await,
            broker,
            since,
            counted: self.counted(since).await,
            uncounted,
            dead: self.dead().await,
            attempts: HashMap::new(),
            stories: HashMap::new(),
            crashes: Crashes::read(log, since),
        };
        self.look_closer(&mut facts).await;
        Ok(facts)
    }

    /// Asks for single messages, of which the rest gives reason to.
    async fn look_closer(&self, facts: &mut Facts) {
        let counted = facts.counted.said().map(Vec::as_slice).unwrap_or_default();
        let mut wanted = retry_candidates(counted, &facts.senders);
        let mut unclear = not_counted(counted, &wanted);
        wanted.extend(longest_waits(counted).iter().map(|wait| wait.id));
        facts.attempts = self.attempts(&wanted, &facts.senders).await;
        unclear.extend(compared::missing(facts).iter().map(|(id, _)| id).take(EXPLAINED));
        let dead = facts.dead.said().map(Vec::as_slice).unwrap_or_default();
        unclear.extend(dead.iter().flatten().take(EXPLAINED));
        for id in unclear {
            if let Answer::Said(story) = self.ask(Port::Analytics, &message(id)).await {
                facts.stories.insert(id, story);
            }
        }
    }

    async fn ask<T: serde::de::DeserializeOwned>(&self, port: Port, path: &str) -> Answer<T> {
        self.asker.service(&self.running.url(port, path), &[]).await
    }

    async fn parts(&self) -> Result<Vec<(&'static str, bool)>> {
        let prober = Prober::new(self.running.administrator.clone())?;
        let mut parts = Vec::new();
        for part in Part::LAB_1 {
            parts.push((part.name(), prober.is_ready(&self.running.ports, part).await));
        }
        Ok(parts)
    }

    async fn senders(&self) -> Vec<Sender> {
        let mut senders = Vec::new();
        for (part, port) in SENDERS {
            let state: Answer<SenderState> = self.ask(port, "/estado").await;
            let faults = self.ask(port, "/fallos").await;
            let confirmed: Answer<Remembered> = self.ask(port, "/confirmados").await;
            let confirmed = confirmed.map(|remembered| remembered.confirmados);
            senders.push(Sender { name: part.name(), state, faults, confirmed });
        }
        senders
    }

    async fn broker(&self) -> Answer<Broker> {
        let ask = async |path: &str| -> Answer<Value> {
            self.asker.management(&self.running.url(Port::Management, path)).await
        };
        let list = |value: Value| value.as_array().cloned().unwrap_or_default();
        let mut lists = Vec::new();
        for path in ["/api/exchanges/%2F", "/api/queues/%2F", "/api/bindings/%2F"] {
            match ask(path).await {
                Answer::Said(value) => lists.push(list(value)),
                Answer::Absent => return Answer::Absent,
                Answer::Away(why) => return Answer::Away(why),
            }
        }
        let [exchanges, queues, bindings] = lists.try_into().unwrap_or_default();
        Answer::Said(Broker { exchanges, queues, bindings })
    }

    async fn counted(&self, since: Timestamp) -> Answer<Vec<Counted>> {
        let url = self.running.url(Port::Analytics, "/contados");
        let (mut counted, mut after) = (Vec::new(), None::<String>);
        loop {
            let mut query = vec![("limite", PAGE.to_string()), ("desde", since.to_string())];
            query.extend(after.take().map(|cursor| ("tras", cursor)));
            match self.asker.service::<Page>(&url, &query).await {
                Answer::Said(page) => {
                    counted.extend(page.contados);
                    after = page.siguiente;
                }
                Answer::Absent => return Answer::Absent,
                Answer::Away(why) => return Answer::Away(why),
            }
            if after.is_none() {
                return Answer::Said(counted);
            }
        }
    }

    /// One question for each sender: of so many at once analytics answers.
    async fn uncounted(&self, senders: &[Sender]) -> Answer<Vec<Uncounted>> {
        let url = self.running.url(Port::Analytics, "/contados/faltan");
        let mut uncounted = Vec::new();
        for confirmed in senders.iter().filter_map(|sender| sender.confirmed.said()) {
            let messages: Vec<_> = confirmed.iter().map(|one| (one.id, &one.cliente)).collect();
            let question = json!({ "mensajes": messages });
            match self.asker.service_about::<Missing>(&url, &question).await {
                Answer::Said(missing) => uncounted.extend(missing.faltan),
                Answer::Absent => return Answer::Absent,
                Answer::Away(why) => return Answer::Away(why),
            }
        }
        Answer::Said(uncounted)
    }

    async fn dead(&self) -> Answer<Vec<Option<Uuid>>> {
        let read = async {
            let url: AmqpUrl = self.running.amqp_url().parse().map_err(anyhow::Error::msg)?;
            let name = "cargo lab check";
            let mut dead = DeadLetters::open(&url, name, DEAD_LETTER_QUEUE, WINDOW).await?;
            let taken = dead.take(usize::from(WINDOW)).await?;
            dead.close().await?;
            let id = |letter: &DeadLetter| letter.id.as_deref()?.parse().ok();
            Ok::<_, anyhow::Error>(taken.letters.iter().map(id).collect())
        };
        match read.await {
            Ok(ids) => Answer::Said(ids),
            Err(error) => Answer::Away(format!("{error}")),
        }
    }

    /// What the senders that answer remember of these ids.
    async fn attempts(&self, ids: &[Uuid], senders: &[Sender]) -> HashMap<Uuid, Vec<Attempt>> {
        let mut attempts: HashMap<Uuid, Vec<Attempt>> = HashMap::new();
        for ((_, port), sender) in SENDERS.into_iter().zip(senders) {
            if sender.state.said().is_none() {
                continue;
            }
            for id in ids {
                match self.ask::<Journal>(port, &message(*id)).await {
                    Answer::Said(journal) => {
                        attempts.entry(*id).or_default().extend(journal.intentos);
                    }
                    Answer::Absent => {}
                    Answer::Away(_) => break,
                }
            }
        }
        for of_one in attempts.values_mut() {
            of_one.sort_by_key(|attempt| attempt.a_las);
        }
        attempts
    }
}

fn message(id: Uuid) -> String {
    format!("/mensajes/{id}")
}
