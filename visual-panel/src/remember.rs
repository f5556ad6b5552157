//! Asking everybody what they remember of a message.

use futures_util::future::join_all;
use reqwest::StatusCode;

use crate::{
    faults::Services,
    neighbour::{Away, Reason},
    poll::Knowledge,
    states::{AnalyticsStory, SenderStory},
    view::story::Memory,
};

/// What is remembered of `id`. Who says 404 remembers nothing; who does not
/// answer is named.
pub async fn of(id: &str, services: &Services, known: &Knowledge) -> Memory {
    let path = format!("mensajes/{id}");
    let senders = join_all(services.senders.iter().map(|sender| sender.get(&path)));
    let (analytics, senders) = tokio::join!(services.analytics.get(&path), senders);
    let mut memory = Memory::default();
    memory.analytics = memory.heard::<AnalyticsStory>("analíticas", analytics);
    for (story, sender) in senders.into_iter().zip(&known.senders) {
        let story = memory.heard::<SenderStory>(&sender.name, story);
        memory.senders.extend(story);
    }
    memory
}

impl Memory {
    fn heard<T>(&mut self, who: &str, answer: Result<T, Away>) -> Option<T> {
        match answer {
            Ok(story) => Some(story),
            Err(Away { reason: Reason::Status(status), .. })
                if status == StatusCode::NOT_FOUND.as_u16() =>
            {
                None
            }
            Err(away) => {
                log::debug!("{who} could not be asked: {}", away.detail);
                self.silent.push(who.to_owned());
                None
            }
        }
    }
}
