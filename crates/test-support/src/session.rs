//! A connection to the broker that stays open, as a client's does.

use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, Consumer,
    options::{BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions},
    types::FieldTable,
};

/// Somebody who has come in, with a channel; leaves when dropped.
pub struct Session {
    pub(crate) connection: Connection,
    pub(crate) channel: Channel,
    /// It reads for as long as it is kept.
    consumer: Option<Consumer>,
    /// Channels beside the one that is used.
    beside: Vec<Channel>,
}

impl Session {
    /// Comes in.
    ///
    /// # Errors
    /// The broker's words.
    pub async fn open(url: &str) -> Result<Self, String> {
        let opened = async {
            let connection = Connection::connect(url, ConnectionProperties::default()).await?;
            let channel = connection.create_channel().await?;
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            Ok(Self { connection, channel, consumer: None, beside: Vec::new() })
        };
        opened.await.map_err(|error: lapin::Error| error.to_string())
    }

    /// Holds at most so many messages that are not acknowledged.
    ///
    /// # Errors
    /// The broker's words.
    pub async fn limit(&self, messages: u16) -> Result<(), String> {
        let limited = self.channel.basic_qos(messages, BasicQosOptions::default());
        limited.await.map_err(|error| error.to_string())
    }

    /// Takes whatever `queue` delivers, and acknowledges nothing.
    ///
    /// # Errors
    /// The broker's words.
    pub async fn hold(&mut self, queue: &str) -> Result<(), String> {
        let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        let consumer =
            self.channel.basic_consume(queue.into(), "session".into(), options, arguments);
        self.consumer = Some(consumer.await.map_err(|error| error.to_string())?);
        Ok(())
    }

    /// Opens so many channels more, and keeps them.
    ///
    /// # Errors
    /// The broker's words.
    pub async fn open_channels(&mut self, count: usize) -> Result<(), String> {
        for _ in 0..count {
            let opened = self.connection.create_channel().await;
            self.beside.push(opened.map_err(|error| error.to_string())?);
        }
        Ok(())
    }

    /// Publishes the same body so many times, and waits until the broker has them all.
    ///
    /// # Errors
    /// The broker's words.
    pub async fn publish_many(
        &self,
        exchange: &str,
        (app, user): (&str, &str),
        body: &str,
        count: usize,
    ) -> Result<(), String> {
        let properties =
            BasicProperties::default().with_app_id(app.into()).with_user_id(user.into());
        let publish = || {
            let options = BasicPublishOptions::default();
            let (body, properties) = (body.as_bytes(), properties.clone());
            self.channel.basic_publish(exchange.into(), "".into(), options, body, properties)
        };
        let published = async {
            let mut confirms = Vec::with_capacity(count);
            for _ in 0..count {
                confirms.push(publish().await?);
            }
            for confirm in confirms {
                confirm.await?;
            }
            Ok(())
        };
        published.await.map_err(|error: lapin::Error| error.to_string())
    }

    /// Whether the broker has let the connection be so far.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.connection.status().connected()
    }
}
