//! A private broker node for one run of the tests, on ports of its own.

use crate::layout::Layout;
use crate::part::Part;
use crate::plan::{Changes, Plan, Stack};
use crate::process::{Mark, sweep};
use crate::scratch;
use crate::settings::{Port, Settings};
use crate::signals::Interrupts;
use crate::supervisor::{Supervisor, stop};
use crate::tools;
use anyhow::Result;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The folder of these runs.
const KIND: &str = "test";

/// The running node; its folder is removed when it stops.
pub(super) struct Broker {
    stack: Stack,
    supervisor: Supervisor,
}

impl Broker {
    pub(super) async fn start(layout: &Layout, interrupts: &mut Interrupts) -> Result<Self> {
        let stack = Stack {
            layout: scratch::own(layout, KIND),
            // The laboratory's defaults: tests do not depend on anybody's .env.
            settings: Settings::from_lookup(|_| None)?,
            plan: Plan {
                ports: scratch::free_ports()?,
                parts: vec![Part::RabbitMq],
                rabbitmq: tools::rabbitmq::ensure().await?,
                traefik: PathBuf::new(),
                binaries: BTreeMap::new(),
            },
            changes: Changes::default(),
        };
        stack.layout.create()?;
        let mut supervisor = Supervisor::new(stack.clone())?;
        let started = supervisor.start(interrupts).await;
        if let Err(error) = started {
            scratch::remove(stack.layout.dir())?;
            return Err(error);
        }
        Ok(Self { stack, supervisor })
    }

    pub(super) async fn stop(&mut self) -> Result<()> {
        self.supervisor.stop().await?;
        scratch::remove(self.stack.layout.dir())
    }

    /// Where this run keeps its files.
    pub(super) fn layout(&self) -> &Layout {
        &self.stack.layout
    }

    /// Without a virtual host: every test makes its own.
    pub(super) fn amqp(&self) -> String {
        let port = self.stack.port(Port::Amqp);
        format!("amqp://guest:guest@127.0.0.1:{port}")
    }

    pub(super) fn management(&self) -> String {
        self.stack.local_url(Port::Management)
    }
}

/// Stops and removes what earlier runs left that could not end in order.
pub(super) async fn remove_remains(layout: &Layout) -> Result<()> {
    for run in scratch::abandoned(layout, KIND) {
        stop::all(&run).await?;
        sweep(&Mark::named(run.dir(), super::postgres::NAME)).await?;
        super::postgres::remove_data(&run)?;
        scratch::remove(run.dir())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Broker;
    use crate::layout::Layout;
    use crate::part::Part;
    use crate::signals::Interrupts;
    use messages::names::QUEUE;
    use serde_json::{Value, json};
    use std::fs;
    use std::os::unix::fs::MetadataExt;
    use std::path::{Path, PathBuf};

    /// Everything that means something to a shell, to RabbitMQ's configuration, to a pattern or
    /// to a URL, and more than a socket's address could hold.
    const ODD: &str = "ñandú #1 50% $HOME `x` $(x) \\ ;&|*?~!{y}[z]<t>=^:@+, it's \"so\" \
        y bastante más largo que las ciento ocho letras que caben en la dirección de un socket";

    const TEXT: &str = "lo que se publicó antes";

    fn all_below(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let found = entries.flat_map(|path| {
            let below = if path.is_dir() { all_below(&path) } else { Vec::new() };
            [below, vec![path]].concat()
        });
        found.collect()
    }

    /// Asks the management API for something of `cola_analiticas`.
    async fn ask(broker: &Broker, path: &str, body: Value) -> Value {
        let url = format!("{}/api/{path}", broker.management());
        let request = reqwest::Client::new().post(url).basic_auth("guest", Some("guest"));
        request.json(&body).send().await.unwrap().json().await.unwrap()
    }

    #[tokio::test]
    async fn a_broker_keeps_its_queues_in_a_folder_of_any_name_which_nobody_else_reads() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::find().unwrap().with_dir(folder.path().join(ODD));
        let mut interrupts = Interrupts::listen().unwrap();
        let mut broker = Broker::start(&layout, &mut interrupts).await.unwrap();
        let message = json!({
            "routing_key": QUEUE, "payload": TEXT, "payload_encoding": "string",
            "properties": { "delivery_mode": 2 },
        });
        let published = ask(&broker, "exchanges/%2f/amq.default/publish", message).await;
        assert_eq!(published["routed"], true, "the definitions are loaded: {published}");
        broker.supervisor.stop().await.unwrap();
        broker.supervisor.start(&mut interrupts).await.unwrap();
        let get = json!({ "count": 1, "ackmode": "ack_requeue_false", "encoding": "auto" });
        let kept = ask(&broker, &format!("queues/%2f/{QUEUE}/get"), get).await;
        let open: Vec<PathBuf> = all_below(broker.layout().dir())
            .into_iter()
            .filter(|path| fs::metadata(path).is_ok_and(|found| found.mode() & 0o077 != 0))
            .collect();
        let log = fs::read_to_string(broker.layout().log(Part::RabbitMq)).unwrap();
        broker.stop().await.unwrap();
        assert_eq!(kept[0]["payload"], TEXT, "{kept}");
        assert!(!log.contains("Free disk space monitor encountered"), "the disk is watched: {log}");
        assert!(open.is_empty(), "others could read {open:?}");
    }
}
