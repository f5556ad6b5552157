//! A message as any AMQP client may write it, its further routing keys included.

use lapin::{
    BasicProperties, Channel, Confirmation,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::{AMQPValue, FieldArray, FieldTable, LongString},
};

use crate::Session;

/// What is published, and how; all that is empty is left out.
#[derive(Clone, Default, Debug)]
pub struct AnyMessage {
    /// The exchange; the default one where it is empty.
    pub exchange: String,
    /// The routing key.
    pub routing_key: String,
    /// Headers with lists of texts: `CC` and `BCC` choose further routing keys.
    pub lists: Vec<(&'static str, Vec<String>)>,
    /// AMQP `message_id`.
    pub id: String,
    /// AMQP `app_id`.
    pub app_id: String,
    /// AMQP `user_id`.
    pub user_id: String,
    /// AMQP `type`.
    pub kind: String,
    /// AMQP `reply_to`.
    pub reply_to: String,
    /// Whether it is published in a transaction, and not confirmed.
    pub in_transaction: bool,
}

/// What the broker said of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Published {
    /// It has it, or has dropped it.
    Taken,
    /// It has no place for it, and none of it was mandatory.
    Refused,
}

impl Session {
    /// Publishes a message on a channel of its own.
    ///
    /// # Errors
    /// The broker's words.
    pub async fn publish_any(&self, message: &AnyMessage) -> Result<Published, String> {
        let published = async {
            let channel = self.connection.create_channel().await?;
            let published = publish_on(&channel, message).await?;
            channel.close(200, "bye".into()).await?;
            Ok(published)
        };
        published.await.map_err(|error: lapin::Error| error.to_string())
    }
}

async fn publish_on(channel: &Channel, message: &AnyMessage) -> lapin::Result<Published> {
    if message.in_transaction {
        channel.tx_select().await?;
    } else {
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
    }
    let (exchange, key) = (message.exchange.as_str().into(), message.routing_key.as_str().into());
    let options = BasicPublishOptions::default();
    let sent = channel.basic_publish(exchange, key, options, b"{}", properties(message)).await?;
    if message.in_transaction {
        channel.tx_commit().await?;
        return Ok(Published::Taken);
    }
    Ok(match sent.await? {
        Confirmation::Ack(_) | Confirmation::NotRequested => Published::Taken,
        Confirmation::Nack(_) => Published::Refused,
    })
}

fn properties(message: &AnyMessage) -> BasicProperties {
    let mut properties = BasicProperties::default()
        .with_timestamp(1_800_000_000)
        .with_content_type("application/json".into())
        .with_headers(headers(message));
    macro_rules! give {
        ($($field:ident: $with:ident),+) => {
            $(if !message.$field.is_empty() {
                properties = properties.$with(message.$field.as_str().into());
            })+
        };
    }
    give!(
        id: with_message_id,
        app_id: with_app_id,
        user_id: with_user_id,
        kind: with_type,
        reply_to: with_reply_to
    );
    properties
}

fn headers(message: &AnyMessage) -> FieldTable {
    let text = |text: &String| AMQPValue::LongString(LongString::from(text.as_bytes()));
    let mut table = FieldTable::default();
    for (name, texts) in &message.lists {
        let list: Vec<_> = texts.iter().map(text).collect();
        table.insert((*name).into(), AMQPValue::FieldArray(FieldArray::from(list)));
    }
    table
}
