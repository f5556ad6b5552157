//! A vhost of a test's own, made and removed over the broker's management API.

use lapin::{Connection, ConnectionProperties, options::QueueDeclareOptions, types::FieldTable};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::{RawPublisher, eventually, variable};

const USER: &str = "guest";

/// A random vhost; removed when dropped.
pub struct Vhost {
    name: String,
    management: String,
    amqp: String,
    client: Client,
    connection: OnceCell<Connection>,
}

/// A queue at one moment. A consumer that leaves gives its unacknowledged
/// messages back in the same step, so both numbers fit together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QueueState {
    /// Messages waiting; those delivered and not acknowledged do not count.
    pub ready: u32,
    /// Consumers.
    pub consumers: u32,
}

impl Vhost {
    /// Makes a vhost where `guest` may do everything.
    ///
    /// # Panics
    /// Without a broker, or when it refuses.
    pub async fn create() -> Self {
        let vhost = Self {
            name: format!("test-{}", Uuid::now_v7()),
            management: variable("RELEVO_TEST_MANAGEMENT"),
            amqp: variable("RELEVO_TEST_AMQP"),
            client: Client::new(),
            connection: OnceCell::new(),
        };
        vhost.put(&format!("vhosts/{}", vhost.name), &json!({})).await;
        vhost.permit(USER, ".*", ".*", ".*").await;
        vhost
    }

    /// Lets `user` configure, write and read what the patterns match.
    ///
    /// # Panics
    /// When the broker refuses.
    pub async fn permit(&self, user: &str, configure: &str, write: &str, read: &str) {
        let rights = json!({ "configure": configure, "write": write, "read": read });
        self.put(&format!("permissions/{}/{user}", self.name), &rights).await;
    }

    /// URL of the vhost for `guest`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/{}", self.amqp, self.name)
    }

    /// URL of the vhost by way of `address` (a proxy), for `guest`.
    ///
    /// # Panics
    /// When the broker's URL has no user.
    #[must_use]
    pub fn url_through(&self, address: std::net::SocketAddr) -> String {
        let (credentials, _) = self.amqp.split_once('@').expect("a URL with a user");
        format!("{credentials}@{address}/{}", self.name)
    }

    /// URL of the vhost for another user.
    ///
    /// # Panics
    /// When the broker's URL has no user.
    #[must_use]
    pub fn url_as(&self, user: &str, password: &str) -> String {
        let (_, address) = self.amqp.split_once('@').expect("a URL with a user");
        format!("amqp://{user}:{password}@{address}/{}", self.name)
    }

    /// Where the broker listens, `host:port`.
    ///
    /// # Panics
    /// When the broker's URL has no user.
    #[must_use]
    pub fn broker_address(&self) -> String {
        let (_, address) = self.amqp.split_once('@').expect("a URL with a user");
        address.to_owned()
    }

    /// Makes a user of this vhost's own name with `password` and no rights yet.
    ///
    /// # Panics
    /// When the broker refuses.
    pub async fn create_user(&self, password: &str) -> String {
        let user = format!("user-{}", self.name);
        self.put(&format!("users/{user}"), &json!({ "password": password, "tags": "" })).await;
        user
    }

    /// Declares a durable queue with `arguments`.
    ///
    /// # Panics
    /// When the broker refuses.
    pub async fn declare_queue(&self, queue: &str, arguments: Value) {
        let body = json!({ "durable": true, "arguments": arguments });
        self.put(&format!("queues/{}/{queue}", self.name), &body).await;
    }

    /// Bounds the queues that `pattern` is for, in bytes, as an administrator's policy does.
    ///
    /// # Panics
    /// When the broker refuses.
    pub async fn bound_bytes(&self, pattern: &str, bytes: u32) {
        let policy = json!({
            "pattern": pattern, "apply-to": "queues", "definition": { "max-length-bytes": bytes },
        });
        self.put(&format!("policies/{}/bytes", self.name), &policy).await;
    }

    /// Deletes a queue with its messages.
    ///
    /// # Panics
    /// When the broker refuses.
    pub async fn delete_queue(&self, queue: &str) {
        let path = format!("queues/{}/{queue}", self.name);
        let status = self.request(Method::DELETE, &path, None).await.0;
        assert!(status.is_success(), "delete {queue}: {status}");
    }

    /// Declares a durable exchange.
    ///
    /// # Panics
    /// When the broker refuses.
    pub async fn declare_exchange(&self, exchange: &str, kind: &str) {
        let body = json!({ "type": kind, "durable": true });
        self.put(&format!("exchanges/{}/{exchange}", self.name), &body).await;
    }

    /// Deletes an exchange with its bindings.
    ///
    /// # Panics
    /// When the broker refuses.
    pub async fn delete_exchange(&self, exchange: &str) {
        let path = format!("exchanges/{}/{exchange}", self.name);
        let status = self.request(Method::DELETE, &path, None).await.0;
        assert!(status.is_success(), "delete {exchange}: {status}");
    }

    /// Binds a queue.
    ///
    /// # Panics
    /// When the broker refuses.
    pub async fn bind(&self, exchange: &str, queue: &str, routing_key: &str) {
        let path = format!("bindings/{}/e/{exchange}/q/{queue}", self.name);
        let body = json!({ "routing_key": routing_key });
        let status = self.request(Method::POST, &path, Some(&body)).await.0;
        assert!(status.is_success(), "bind {queue}: {status}");
    }

    /// Has the exchange `source` lead to the exchange `destination`.
    ///
    /// # Panics
    /// When the broker refuses.
    pub async fn bind_exchange(&self, source: &str, destination: &str, routing_key: &str) {
        let path = format!("bindings/{}/e/{source}/e/{destination}", self.name);
        let body = json!({ "routing_key": routing_key });
        let status = self.request(Method::POST, &path, Some(&body)).await.0;
        assert!(status.is_success(), "bind {destination}: {status}");
    }

    /// Removes a binding made with `routing_key`.
    ///
    /// # Panics
    /// When the broker refuses.
    pub async fn unbind(&self, exchange: &str, queue: &str, routing_key: &str) {
        let path = format!("bindings/{}/e/{exchange}/q/{queue}/{routing_key}", self.name);
        let status = self.request(Method::DELETE, &path, None).await.0;
        assert!(status.is_success(), "unbind {queue}: {status}");
    }

    /// What is bound to an exchange: destination and routing key, sorted.
    ///
    /// # Panics
    /// When the broker refuses.
    pub async fn bound_to(&self, exchange: &str) -> Vec<(String, String)> {
        let path = format!("exchanges/{}/{exchange}/bindings/source", self.name);
        let (status, answer) = self.request(Method::GET, &path, None).await;
        assert!(status.is_success(), "bindings of {exchange}: {status} {answer}");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let bindings = answer.as_array().into_iter().flatten();
        let mut bound: Vec<_> = bindings
            .map(|binding| (text(&binding["destination"]), text(&binding["routing_key"])))
            .collect();
        bound.sort_unstable();
        bound
    }

    /// Publishes as anybody with the right to would: by hand.
    ///
    /// # Panics
    /// When the broker refuses or does not route it.
    pub async fn publish(&self, exchange: &str, routing_key: &str, properties: Value, body: &str) {
        let path = format!("exchanges/{}/{exchange}/publish", self.name);
        let message = json!({
            "properties": properties, "routing_key": routing_key,
            "payload": body, "payload_encoding": "string",
        });
        let (status, answer) = self.request(Method::POST, &path, Some(&message)).await;
        assert!(status.is_success(), "publish: {status} {answer}");
        assert_eq!(answer["routed"], true, "publish: not routed");
    }

    /// Somebody who publishes any octets.
    ///
    /// # Panics
    /// When the broker refuses.
    pub async fn raw_publisher(&self) -> RawPublisher {
        RawPublisher::open(&self.broker_address(), &self.name).await
    }

    /// Takes up to `count` messages off a queue, bodies and properties.
    ///
    /// # Panics
    /// When the broker refuses.
    pub async fn take(&self, queue: &str, count: usize) -> Vec<Value> {
        self.get(queue, count, "ack_requeue_false").await
    }

    /// Rejects up to `count` messages of a queue: to its dead-letter exchange.
    ///
    /// # Panics
    /// When the broker refuses.
    pub async fn reject(&self, queue: &str, count: usize) -> Vec<Value> {
        self.get(queue, count, "reject_requeue_false").await
    }

    async fn get(&self, queue: &str, count: usize, ackmode: &str) -> Vec<Value> {
        let path = format!("queues/{}/{queue}/get", self.name);
        let body = json!({ "count": count, "ackmode": ackmode, "encoding": "auto" });
        let (status, answer) = self.request(Method::POST, &path, Some(&body)).await;
        assert!(status.is_success(), "get {queue}: {status} {answer}");
        answer.as_array().cloned().unwrap_or_default()
    }

    /// A queue at this moment, by way of AMQP: the management API lags.
    ///
    /// # Errors
    /// When the queue is not there.
    pub async fn queue(&self, queue: &str) -> Result<QueueState, String> {
        let state = self.passive_declare(queue).await.map_err(|error| error.to_string())?;
        Ok(QueueState { ready: state.message_count(), consumers: state.consumer_count() })
    }

    async fn passive_declare(&self, queue: &str) -> lapin::Result<lapin::Queue> {
        let properties = ConnectionProperties::default();
        let connection = self
            .connection
            .get_or_try_init(async || Connection::connect(&self.url(), properties).await)
            .await?;
        let channel = connection.create_channel().await?;
        let options = QueueDeclareOptions { passive: true, ..Default::default() };
        let state = channel.queue_declare(queue.into(), options, FieldTable::default()).await?;
        channel.close(200, "bye".into()).await?;
        Ok(state)
    }

    /// Waits until a queue holds exactly `ready` messages for `consumers`.
    ///
    /// # Panics
    /// When it does not come to that.
    pub async fn wait_for_queue(&self, queue: &str, ready: u32, consumers: u32) {
        let wanted = QueueState { ready, consumers };
        eventually(&format!("{queue}: {wanted:?}"), || async {
            match self.queue(queue).await? {
                state if state == wanted => Ok(()),
                state => Err(format!("{state:?}")),
            }
        })
        .await;
    }

    /// Closes every connection to the vhost, as an administrator would.
    ///
    /// # Panics
    /// When the broker refuses.
    pub async fn close_connections(&self) -> usize {
        let path = format!("vhosts/{}/connections", self.name);
        let (_, connections) = self.request(Method::GET, &path, None).await;
        let names: Vec<_> = connections
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|connection| connection["name"].as_str())
            .collect();
        for name in &names {
            let name = name.replace(' ', "%20").replace('>', "%3E");
            self.request(Method::DELETE, &format!("connections/{name}"), None).await;
        }
        names.len()
    }

    async fn put(&self, path: &str, body: &Value) {
        let (status, answer) = self.request(Method::PUT, path, Some(body)).await;
        assert!(status.is_success(), "PUT {path}: {status} {answer}");
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (StatusCode, Value) {
        let url = format!("{}/api/{path}", self.management);
        let mut request = self.client.request(method, &url).basic_auth(USER, Some(USER));
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap_or_else(|error| panic!("{url}: {error}"));
        let status = answer.status();
        (status, answer.json().await.unwrap_or(Value::Null))
    }
}

impl Drop for Vhost {
    fn drop(&mut self) {
        // On a thread of its own, for the test's runtime is about to end. Best
        // effort: the node itself is thrown away after the run.
        let url = format!("{}/api/vhosts/{}", self.management, self.name);
        let removal = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let request = Client::new().delete(url).basic_auth(USER, Some(USER));
            runtime.block_on(request.send()).map_err(std::io::Error::other)
        });
        if !matches!(removal.join(), Ok(Ok(_))) {
            eprintln!("vhost {} stays behind", self.name);
        }
    }
}
