//! The broker of the laboratory, as its administrator sees it.

use super::{PATIENCE, World};
use crate::bench::apart::apart;
use crate::bench::raw::{Address, Connection, Octets};
use crate::prove::wait::until;
use crate::running::Administrator;
use crate::settings::Port;
use anyhow::Result;
use messages::names::QUEUE;
use reqwest::Method;
use serde_json::Value;

impl World {
    /// Asks the broker's API, as its administrator. The virtual host is `%2F`.
    pub(in crate::prove) async fn broker(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value> {
        let url = self.running.url(Port::Management, &format!("/api/{path}"));
        let Administrator { name, password } = &self.running.administrator;
        let mut request = self.http.request(method, &url).basic_auth(name, Some(password));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?.error_for_status()?;
        Ok(answer.json().await.unwrap_or(Value::Null))
    }

    /// Publishes what no client writes, as its administrator.
    pub(in crate::prove) async fn publish_octets(&self, messages: Vec<Octets>) -> Result<()> {
        let Administrator { name, password } = self.running.administrator.clone();
        let socket = format!("127.0.0.1:{}", self.running.port(Port::Amqp));
        let address = Address { socket, user: name, password, vhost: "/".to_owned() };
        apart(move || Connection::open(&address)?.publish_octets(&messages)).done().await
    }

    /// How many messages a queue holds, once it is at least so many.
    pub(in crate::prove) async fn holds(&self, queue: &str, wanted: u64) -> Result<u64> {
        let path = format!("queues/%2F/{queue}?columns=messages");
        until(&format!("{wanted} mensajes en {queue}"), PATIENCE, async || {
            let held = self.broker(Method::GET, &path, None).await?["messages"].as_u64();
            Ok(held.filter(|held| *held >= wanted))
        })
        .await
    }

    /// How many nodes of the broker run, by what one of them says.
    pub(in crate::prove) async fn running_nodes(&self) -> usize {
        let nodes = self.broker(Method::GET, "nodes", None).await.unwrap_or_default();
        let nodes = nodes.as_array().map(Vec::as_slice).unwrap_or_default();
        nodes.iter().filter(|node| node["running"] == true).count()
    }

    /// Messages that the broker has delivered again from the queue, since it
    /// started.
    pub(in crate::prove) async fn redelivered(&self) -> Result<u64> {
        let queue = self.broker(Method::GET, &format!("queues/%2F/{QUEUE}"), None).await?;
        Ok(queue["message_stats"]["redeliver"].as_u64().unwrap_or_default())
    }
}
