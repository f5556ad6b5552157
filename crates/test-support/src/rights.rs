//! What a user of the broker may do, tried out.

use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{
        BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
    },
    types::FieldTable,
};

/// Tries to consume from `queue`.
///
/// # Errors
/// The broker's words.
pub async fn try_consume(url: &str, queue: &str) -> Result<(), String> {
    let (_connection, channel) = open(url).await?;
    let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
    let consumer = channel.basic_consume(queue.into(), "rights".into(), options, arguments).await;
    consumer.map(drop).map_err(|error| error.to_string())
}

/// Tries to publish to `exchange`, the default one where it is empty.
///
/// # Errors
/// The broker's words.
pub async fn try_publish(url: &str, exchange: &str) -> Result<(), String> {
    let (_connection, channel) = open(url).await?;
    let options = BasicPublishOptions::default();
    let sent = channel
        .basic_publish(
            exchange.into(),
            "cola_analiticas".into(),
            options,
            b"{}",
            BasicProperties::default(),
        )
        .await
        .map_err(|error| error.to_string())?;
    sent.await.map(drop).map_err(|error| error.to_string())
}

/// Tries to declare a queue.
///
/// # Errors
/// The broker's words.
pub async fn try_declare(url: &str, queue: &str) -> Result<(), String> {
    let (_connection, channel) = open(url).await?;
    let options = QueueDeclareOptions { durable: true, ..Default::default() };
    let declared = channel.queue_declare(queue.into(), options, FieldTable::default()).await;
    declared.map(drop).map_err(|error| error.to_string())
}

async fn open(url: &str) -> Result<(Connection, Channel), String> {
    let opened = async {
        let connection = Connection::connect(url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok((connection, channel))
    };
    opened.await.map_err(|error: lapin::Error| error.to_string())
}
