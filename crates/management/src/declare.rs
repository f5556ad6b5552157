//! What is declared on the broker: exchanges, queues and bindings. Every call may be
//! made again, and then changes nothing; nothing is ever deleted.

use serde_json::{Map, Value, json};

use crate::{Error, Management, url::segment};

/// Arguments of a declaration, as RabbitMQ names them (`x-queue-type`…).
pub type Arguments = Map<String, Value>;

/// A durable exchange.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exchange<'a> {
    /// Its name.
    pub name: &'a str,
    /// How it routes: `direct`, `fanout`…
    pub kind: &'a str,
}

impl Management {
    /// Declares an exchange. The user needs the right to configure it.
    ///
    /// # Errors
    /// When the API does not answer or refuses; when there is one of this name that is
    /// [other](Error::is_other_arguments).
    pub async fn declare_exchange(
        &self,
        Exchange { name, kind }: Exchange<'_>,
    ) -> Result<(), Error> {
        let definition = json!({ "type": kind, "durable": true, "arguments": {} });
        self.put(&format!("exchanges/{}/{}", self.vhost, segment(name)), definition).await
    }

    /// Declares a durable queue. The user needs the right to configure it; with a
    /// dead-letter exchange also those to read it and to write to that exchange.
    ///
    /// # Errors
    /// When the API does not answer or refuses; when there is one of this name with
    /// [other arguments](Error::is_other_arguments).
    pub async fn declare_queue(&self, name: &str, arguments: &Arguments) -> Result<(), Error> {
        let definition = json!({ "durable": true, "auto_delete": false, "arguments": arguments });
        self.put(&format!("queues/{}/{}", self.vhost, segment(name)), definition).await
    }

    /// Binds a queue to an exchange. The user needs the rights to write to the queue and
    /// to read the exchange.
    ///
    /// # Errors
    /// When the API does not answer or refuses, or when one of them is not there (404).
    pub async fn bind(&self, exchange: &str, queue: &str, routing_key: &str) -> Result<(), Error> {
        let (exchange, queue) = (segment(exchange), segment(queue));
        let path = format!("bindings/{}/e/{exchange}/q/{queue}", self.vhost);
        self.post(&path, json!({ "routing_key": routing_key, "arguments": {} })).await
    }
}
