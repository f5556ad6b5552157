//! What a user of the broker may do, tried out.

use lapin::{
    BasicProperties,
    options::{BasicPublishOptions, ExchangeBindOptions, QueueBindOptions, QueueDeclareOptions},
    types::FieldTable,
};

use crate::Session;

/// Tries to consume from `queue`.
///
/// # Errors
/// The broker's words.
pub async fn try_consume(url: &str, queue: &str) -> Result<(), String> {
    Session::open(url).await?.hold(queue).await
}

/// Tries to publish to `exchange`, the default one where it is empty.
///
/// # Errors
/// The broker's words.
pub async fn try_publish(url: &str, exchange: &str) -> Result<(), String> {
    let session = Session::open(url).await?;
    let options = BasicPublishOptions::default();
    let sent = session
        .channel
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
    let session = Session::open(url).await?;
    let options = QueueDeclareOptions { durable: true, ..Default::default() };
    let declared =
        session.channel.queue_declare(queue.into(), options, FieldTable::default()).await;
    declared.map(drop).map_err(|error| error.to_string())
}

/// Tries to bind `queue` to `exchange`.
///
/// # Errors
/// The broker's words.
pub async fn try_bind(url: &str, queue: &str, exchange: &str, key: &str) -> Result<(), String> {
    let session = Session::open(url).await?;
    let (options, none) = (QueueBindOptions::default(), FieldTable::default());
    let bound =
        session.channel.queue_bind(queue.into(), exchange.into(), key.into(), options, none);
    bound.await.map_err(|error| error.to_string())
}

/// Tries to have `source` lead to the exchange `destination`.
///
/// # Errors
/// The broker's words.
pub async fn try_bind_exchange(
    url: &str,
    destination: &str,
    source: &str,
    key: &str,
) -> Result<(), String> {
    let session = Session::open(url).await?;
    let (options, none) = (ExchangeBindOptions::default(), FieldTable::default());
    let bound =
        session.channel.exchange_bind(destination.into(), source.into(), key.into(), options, none);
    bound.await.map_err(|error| error.to_string())
}
