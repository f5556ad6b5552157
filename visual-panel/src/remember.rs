//! Asking everybody what they remember of a message: at most once a second for
//! each, however many browsers look at its story.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use moka::future::Cache;
use reqwest::StatusCode;
use uuid::Uuid;

use crate::{
    clock::Clock,
    faults::Services,
    knowledge::Knowledge,
    neighbour::{Away, Reason},
    states::SenderStory,
    view::story::{Memory, Recall},
};

/// How long what is remembered is taken for true.
const FRESH: Duration = Duration::from_secs(1);

/// Messages that can be looked at within that time without asking twice.
const MOST: u64 = 1_000;

/// What was remembered a moment ago.
#[derive(Clone)]
pub struct Memories {
    services: Services,
    lately: Cache<Uuid, Arc<Memory>>,
}

impl Memories {
    /// Of nothing yet.
    #[must_use]
    pub fn new(services: Services) -> Self {
        let lately = Cache::builder().max_capacity(MOST).time_to_live(FRESH).build();
        Self { services, lately }
    }

    /// What is remembered of `id`. Whoever asks for it at the same time waits
    /// for the same answers.
    pub async fn of(&self, id: Uuid, known: &Knowledge) -> Arc<Memory> {
        self.lately.get_with(id, async { Arc::new(ask(id, &self.services, known).await) }).await
    }
}

async fn ask(id: Uuid, services: &Services, known: &Knowledge) -> Memory {
    // Before the questions: what they do not find was not in an empty queue.
    let empty = known.empty.map(|moment| Clock::now().since(&moment));
    let path = format!("mensajes/{id}");
    let senders = join_all(services.senders.iter().map(|sender| sender.get::<SenderStory>(&path)));
    let (analytics, senders) = tokio::join!(services.analytics.get(&path), senders);
    let mut memory =
        Memory { analytics: recall("analytics", analytics), empty, ..Memory::default() };
    for (story, sender) in senders.into_iter().zip(&known.senders) {
        match recall(&sender.name, story) {
            Recall::Story(story) => memory.senders.push(story),
            Recall::Silent => memory.silent.push(sender.name.clone()),
            Recall::Nothing => {}
        }
    }
    memory
}

/// Who says 404 remembers nothing.
fn recall<T>(who: &str, answer: Result<T, Away>) -> Recall<T> {
    match answer {
        Ok(story) => Recall::Story(story),
        Err(Away { reason: Reason::Status(status), .. })
            if status == StatusCode::NOT_FOUND.as_u16() =>
        {
            Recall::Nothing
        }
        Err(away) => {
            log::debug!("{who} could not be asked: {}", away.detail);
            Recall::Silent
        }
    }
}
