//! The broker of the laboratory, as its administrator sees it.

use super::World;
use crate::parts::rabbitmq;
use crate::settings::Port;
use anyhow::{Result, ensure};
use messages::names::QUEUE;
use reqwest::Method;
use serde_json::Value;

impl World {
    /// Runs rabbitmqctl, which must succeed.
    pub(in crate::prove) async fn rabbitmqctl(&self, args: &[&str]) -> Result<()> {
        let launch = rabbitmq::ctl(&self.stack);
        let output = tokio::process::Command::new(&launch.program)
            .args(args)
            .env_clear()
            .envs(launch.env.iter().map(|(name, value)| (name, value)))
            .output()
            .await?;
        ensure!(
            output.status.success(),
            "rabbitmqctl {}: {}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// Asks the broker's API, as its administrator. The virtual host is `%2F`.
    pub(in crate::prove) async fn broker(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value> {
        let url = format!("{}/api/{path}", self.stack.local_url(Port::Management));
        let mut request = self.http.request(method, &url).basic_auth("guest", Some("guest"));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?.error_for_status()?;
        Ok(answer.json().await.unwrap_or(Value::Null))
    }

    /// Messages that the broker has delivered again from the queue, since it
    /// started.
    pub(in crate::prove) async fn redelivered(&self) -> Result<u64> {
        let queue = self.broker(Method::GET, &format!("queues/%2F/{QUEUE}"), None).await?;
        Ok(queue["message_stats"]["redeliver"].as_u64().unwrap_or_default())
    }
}
