//! Publishing dead messages again, and removing them, one after another.

use super::key::{self, key};
use super::plain::plain;
use crate::failure::Failure;
use anyhow::Result;
use broker::{DeadLetter, DeadLetters, Retried};
use messages::names::{EXCHANGE, EXCHANGE_BY_CLIENT};

/// Messages that are taken together.
const CHUNK: usize = 500;

/// What is done with a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Action {
    Retry,
    Drop,
}

impl Action {
    /// What a message is once it is done.
    pub(super) fn done(self) -> &'static str {
        match self {
            Self::Retry => "publicados otra vez",
            Self::Drop => "borrados",
        }
    }
}

/// What became of the messages that were meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Tally {
    pub(super) done: usize,
    pub(super) failed: usize,
    pub(super) untouched: usize,
}

impl Tally {
    pub(super) fn all(&self) -> usize {
        self.done + self.failed + self.untouched
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all() == 0
    }

    pub(super) fn is_incomplete(&self) -> bool {
        self.failed + self.untouched > 0
    }
}

/// The messages that `keys` name, in the queue's order.
pub(super) async fn find(dead: &mut DeadLetters, keys: &[String]) -> Result<Vec<DeadLetter>> {
    let mut found = Vec::new();
    loop {
        let taken = dead.take(CHUNK).await?;
        let is_last = taken.letters.is_empty() || taken.remaining == 0;
        let named = |letter: &DeadLetter| keys.iter().any(|text| key::is_named(letter, text));
        found.extend(taken.letters.into_iter().filter(named));
        if is_last {
            key::check(keys, &found).map_err(|failure| beyond(failure, taken.remaining))?;
            return Ok(found);
        }
    }
}

/// Not everything could be looked at.
fn beyond(failure: Failure, remaining: usize) -> Failure {
    match remaining {
        0 => failure,
        more => Failure::usage(format!("{failure} (sin contar {more} mensajes que hay detrás)")),
    }
}

/// Does it to those that `keys` name, and tells each.
pub(super) async fn chosen(
    dead: &mut DeadLetters,
    keys: &[String],
    action: Action,
    mut tell: impl FnMut(String),
) -> Result<Tally> {
    let letters = find(dead, keys).await?;
    let mut tally = Tally { untouched: letters.len(), ..Tally::default() };
    each(dead, &letters, action, &mut tally, &mut tell).await?;
    Ok(tally)
}

/// Does it to those that the queue held when it was opened, and tells each. What
/// comes back meanwhile, as poison does, is left alone.
pub(super) async fn all(
    dead: &mut DeadLetters,
    action: Action,
    mut tell: impl FnMut(String),
) -> Result<Tally> {
    let mut tally = Tally::default();
    loop {
        let taken = dead.take(CHUNK).await?;
        tally.untouched = taken.letters.len() + taken.remaining;
        let goes_on = each(dead, &taken.letters, action, &mut tally, &mut tell).await?;
        if !goes_on || taken.letters.is_empty() {
            return Ok(tally);
        }
    }
}

/// False when the broker does not answer: then the others are left alone.
async fn each(
    dead: &mut DeadLetters,
    letters: &[DeadLetter],
    action: Action,
    tally: &mut Tally,
    tell: &mut impl FnMut(String),
) -> Result<bool> {
    for letter in letters {
        let done = one(dead, letter, action).await?;
        tell(format!("{}  {}", key(letter), done.words));
        tally.untouched -= 1;
        *if done.is_success { &mut tally.done } else { &mut tally.failed } += 1;
        if done.is_last {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What became of one message.
struct Done {
    is_success: bool,
    is_last: bool,
    words: String,
}

async fn one(dead: &mut DeadLetters, letter: &DeadLetter, action: Action) -> Result<Done> {
    if action == Action::Drop {
        dead.discard(letter).await?;
        return Ok(Done { is_success: true, is_last: false, words: "borrado".to_owned() });
    }
    let retried = dead.retry(letter, &[EXCHANGE, EXCHANGE_BY_CLIENT]).await;
    Ok(Done {
        is_success: retried == Retried::Moved,
        is_last: matches!(retried, Retried::Unanswered(_) | Retried::Copied(_)),
        words: in_words(&retried, letter),
    })
}

fn in_words(retried: &Retried, letter: &DeadLetter) -> String {
    let (exchange, key) = match &letter.death {
        Some(death) => (plain(&death.exchange), plain(&death.routing_key)),
        None => (String::new(), String::new()),
    };
    match retried {
        Retried::Moved => format!("publicado otra vez en «{exchange}» con «{key}»"),
        Retried::WithoutOrigin => "sigue aquí: no dice dónde se publicó".to_owned(),
        Retried::Unreadable(part) => {
            format!("sigue aquí: no se puede publicar tal como es: {part}")
        }
        Retried::Unroutable => format!("sigue aquí: «{exchange}» no tiene cola para «{key}»"),
        Retried::Refused(why) => format!("sigue aquí: el broker lo rechaza: {}", plain(why)),
        Retried::Unanswered(why) => format!(
            "sigue aquí, y puede que también se haya publicado (no importa: su id es el mismo): {}",
            plain(why)
        ),
        Retried::Copied(why) => format!(
            "publicado otra vez, y puede que siga aquí (no importa: su id es el mismo): {}",
            plain(why)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, Tally, all, chosen, find};
    use crate::commands::dead::key::key;
    use broker::DeadLetters;
    use messages::names::EXCHANGE;
    use serde_json::json;
    use test_support::raw::LATIN_1;
    use test_support::{RawProperties, Vhost};

    const QUEUE: &str = "cola_pruebas";
    const DEAD: &str = "cola_pruebas_dlq";

    /// A vhost with dead messages, whose ids and bodies are their numbers.
    async fn vhost_with_dead(count: u32) -> Vhost {
        let vhost = Vhost::create().await;
        let mortal = json!({
            "x-queue-type": "quorum",
            "x-dead-letter-exchange": "", "x-dead-letter-routing-key": DEAD,
        });
        vhost.declare_exchange(EXCHANGE, "direct").await;
        vhost.declare_queue(DEAD, json!({ "x-queue-type": "quorum" })).await;
        vhost.declare_queue(QUEUE, mortal).await;
        for key in ["click", "compra"] {
            vhost.bind(EXCHANGE, QUEUE, key).await;
        }
        for number in 0..count {
            let key = if number % 2 == 0 { "click" } else { "compra" };
            let properties = json!({ "message_id": number.to_string() });
            vhost.publish(EXCHANGE, key, properties, &number.to_string()).await;
        }
        vhost.wait_for_queue(QUEUE, count, 0).await;
        vhost.reject(QUEUE, count as usize).await;
        vhost.wait_for_queue(DEAD, count, 0).await;
        vhost
    }

    async fn open(vhost: &Vhost) -> DeadLetters {
        let url = vhost.url().parse().unwrap();
        DeadLetters::open(&url, "prueba", DEAD, 1000).await.unwrap()
    }

    fn keys(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[tokio::test]
    async fn the_chosen_ones_and_no_others_are_handled() {
        let vhost = vhost_with_dead(4).await;
        let mut dead = open(&vhost).await;
        let second = key(&find(&mut dead, &keys(&["1"])).await.unwrap()[0]);
        dead.close().await.unwrap();

        let (mut dead, mut told) = (open(&vhost).await, Vec::new());
        let wanted = [second.clone(), "3".to_owned()];
        let tally = chosen(&mut dead, &wanted, Action::Retry, |line| told.push(line)).await;
        dead.close().await.unwrap();
        assert_eq!(tally.unwrap(), Tally { done: 2, ..Tally::default() });
        assert!(told[0].starts_with(&second) && told[0].contains("«compra»"), "{told:?}");
        vhost.wait_for_queue(QUEUE, 2, 0).await;

        let mut dead = open(&vhost).await;
        let tally = chosen(&mut dead, &keys(&["2"]), Action::Drop, drop).await.unwrap();
        dead.close().await.unwrap();
        assert!(!tally.is_incomplete());
        vhost.wait_for_queue(DEAD, 1, 0).await;
        vhost.wait_for_queue(QUEUE, 2, 0).await;
    }

    #[tokio::test]
    async fn with_one_unknown_key_nothing_is_done() {
        let vhost = vhost_with_dead(1).await;
        let mut dead = open(&vhost).await;
        let error = chosen(&mut dead, &keys(&["0", "nada"]), Action::Drop, drop).await.unwrap_err();
        dead.close().await.unwrap();
        assert!(error.to_string().contains("«nada»"), "{error}");
        vhost.wait_for_queue(DEAD, 1, 0).await;
    }

    #[tokio::test]
    async fn of_all_those_that_cannot_be_handled_stay_and_are_counted() {
        let vhost = vhost_with_dead(5).await;
        vhost.unbind(EXCHANGE, QUEUE, "compra").await;
        let (mut dead, mut told) = (open(&vhost).await, Vec::new());
        let tally = all(&mut dead, Action::Retry, |line| told.push(line)).await.unwrap();
        dead.close().await.unwrap();
        assert_eq!(tally, Tally { done: 3, failed: 2, untouched: 0 });
        assert!(tally.is_incomplete());
        let stayed = told.iter().filter(|line| line.contains("no tiene cola para «compra»"));
        assert_eq!(stayed.count(), 2, "{told:?}");
        vhost.wait_for_queue(DEAD, 2, 0).await;
    }

    /// Poison that comes back must not be taken again.
    #[tokio::test]
    async fn all_are_those_that_were_there_at_the_start() {
        let vhost = vhost_with_dead(3).await;
        let mut dead = open(&vhost).await;
        vhost.publish("", DEAD, json!({}), "tarde").await;
        let tally = all(&mut dead, Action::Drop, drop).await.unwrap();
        dead.close().await.unwrap();
        assert_eq!(tally, Tally { done: 3, ..Tally::default() });
        vhost.wait_for_queue(DEAD, 1, 0).await;
    }

    #[tokio::test]
    async fn what_cannot_be_published_as_it_is_stays_until_it_is_removed() {
        let vhost = vhost_with_dead(0).await;
        let bad = RawProperties::default().text("correlation_id", LATIN_1);
        vhost.raw_publisher().await.publish(EXCHANGE, b"click", &bad, b"x").await;
        vhost.reject(QUEUE, 1).await;
        vhost.wait_for_queue(DEAD, 1, 0).await;
        let (mut dead, mut told) = (open(&vhost).await, Vec::new());
        let tally = all(&mut dead, Action::Retry, |line| told.push(line)).await.unwrap();
        dead.close().await.unwrap();
        assert_eq!(tally, Tally { failed: 1, ..Tally::default() });
        let why = "no se puede publicar tal como es: su correlation_id no es texto en UTF-8";
        assert!(told[0].ends_with(why), "{told:?}");
        vhost.wait_for_queue(DEAD, 1, 0).await;
        let mut dead = open(&vhost).await;
        assert!(!all(&mut dead, Action::Drop, drop).await.unwrap().is_incomplete());
        dead.close().await.unwrap();
        vhost.wait_for_queue(DEAD, 0, 0).await;
    }
}
