//! Queues that an earlier configuration used: which of them there still are.

use lapin::{
    Channel, Connection,
    options::{ExchangeDeclareOptions, QueueDeclareOptions},
    types::FieldTable,
};
use tokio_util::sync::CancellationToken;

use crate::{
    AmqpUrl,
    link::{self, Backoff, SessionError, chain, stopped_within, within_time},
};

/// What may be left over.
#[derive(Clone, Copy, Debug)]
pub struct Leftovers {
    /// Where this exchange is not, none of the queues is: the broker writes each
    /// question after what is not there into its log, as an error.
    pub exchange: &'static str,
    /// The queues.
    pub queues: &'static [&'static str],
}

impl Leftovers {
    /// Those of the queues that there are. Asks until the broker answers, on a
    /// connection that its dashboard shows as `name`; none when told to stop.
    pub async fn find(
        self,
        url: &AmqpUrl,
        name: &str,
        stop: &CancellationToken,
    ) -> Vec<&'static str> {
        let mut backoff = Backoff::new();
        loop {
            let found = tokio::select! {
                found = self.ask(url, name) => found,
                () = stop.cancelled() => return Vec::new(),
            };
            match found {
                Ok(found) => return found,
                Err(error) => log::debug!("no answer about queues: {}", chain(&error)),
            }
            if stopped_within(stop, backoff.next()).await {
                return Vec::new();
            }
        }
    }

    async fn ask(self, url: &AmqpUrl, name: &str) -> Result<Vec<&'static str>, SessionError> {
        let connection = link::connect(url, name).await?;
        let found = self.ask_on(&connection).await;
        link::close(connection).await;
        found
    }

    async fn ask_on(self, connection: &Connection) -> Result<Vec<&'static str>, SessionError> {
        let mut found = Vec::new();
        if self.queues.is_empty() || !has_exchange(connection, self.exchange).await? {
            return Ok(found);
        }
        for queue in self.queues {
            if has_queue(connection, queue).await? {
                found.push(*queue);
            }
        }
        Ok(found)
    }
}

async fn has_exchange(connection: &Connection, name: &str) -> Result<bool, SessionError> {
    let channel = within_time(connection.create_channel()).await?;
    let options = ExchangeDeclareOptions { passive: true, ..Default::default() };
    let kind = lapin::ExchangeKind::Direct;
    let asked = channel.exchange_declare(name.into(), kind, options, FieldTable::default());
    is_there(&channel, within_time(asked).await).await
}

async fn has_queue(connection: &Connection, name: &str) -> Result<bool, SessionError> {
    let channel = within_time(connection.create_channel()).await?;
    let options = QueueDeclareOptions { passive: true, ..Default::default() };
    let asked = channel.queue_declare(name.into(), options, FieldTable::default());
    is_there(&channel, within_time(asked).await.map(drop)).await
}

/// The broker closes a channel on which it was asked for what is not there.
async fn is_there(
    channel: &Channel,
    answer: Result<(), SessionError>,
) -> Result<bool, SessionError> {
    match answer {
        Ok(()) => within_time(channel.close(200, "bye".into())).await.map(|()| true),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}
