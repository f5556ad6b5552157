//! The laboratory that is measured: its own ports and its own state, and what
//! every measurement needs of it.

use super::apart::apart;
use super::audit::Systems;
use super::flow::Flow;
use super::processes::{self, Cpu, Memory, Sessions};
use super::raw::{self, Connection, Field, Publisher, Target};
use crate::bench::figures::Figures;
use crate::commands::control;
use crate::layout::Layout;
use crate::part::Part;
use crate::plan::Stack;
use crate::prove::wait::until;
use crate::running::{Administrator, Running};
use crate::scratch::laboratory::Laboratory;
use crate::settings::Port;
use anyhow::{Context, Result, ensure};
use messages::names::{CLICK, EXCHANGE, QUEUE};
use reqwest::Client;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

/// The queue of measurements in which nobody counts, and the event's name that
/// leads there: senders and raw client publish through the same exchange.
pub(crate) const ASIDE: &str = "bench";

/// How long one answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// How long all events of a measurement may take to be counted.
const COUNT_LIMIT: Duration = Duration::from_mins(15);

/// Between measurements: the laboratory counts as quiet once it used less than
/// this share of one processor for this long; after the limit it goes on anyway.
const QUIET_SHARE: f64 = 0.15;
const QUIET_FOR: Duration = Duration::from_millis(500);
const QUIET_LIMIT: Duration = Duration::from_secs(15);

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) repetitions: usize,
    /// A load runs for so long before it is looked at, and then for so long.
    pub(crate) warm_up: Duration,
    pub(crate) window: Duration,
    /// Names that analytics knows before anything is measured.
    pub(crate) clients: u64,
    /// Events of the backlogs that are drained, and of those that are as the
    /// laboratory grows: there are many of them.
    pub(crate) backlog: u64,
    pub(crate) growth: u64,
    /// Browsers that look at the panel.
    pub(crate) browsers: usize,
    /// Messages that wait for the audit, and that it has kept when it is searched.
    pub(crate) messages: u64,
    pub(crate) kept: u64,
    /// How long messages are sent whose way is timed.
    pub(crate) timed: Duration,
}

/// Everything a measurement may touch.
pub(crate) struct Ground {
    laboratory: Laboratory,
    pub(crate) running: Running,
    pub(crate) size: Size,
    pub(crate) broker: raw::Address,
    pub(super) arguments: Vec<(String, Field)>,
    pub(super) http: Client,
    /// A Python with the classroom's packages, or why there is none.
    pub(crate) python: Result<PathBuf, String>,
    /// Who exchanges messages by way of the audit, once somebody needs them.
    pub(super) systems: OnceCell<Systems>,
}

/// What analytics tells of itself.
#[derive(Deserialize)]
struct State {
    contados: u64,
}

/// What is counted, by everybody and ever.
#[derive(Deserialize)]
struct Report {
    total: u64,
}

impl Ground {
    /// Of a laboratory that runs.
    pub(crate) fn on(
        laboratory: Laboratory,
        size: Size,
        python: Result<PathBuf, String>,
    ) -> Result<Self> {
        let running = Running::native(laboratory.stack().plan.ports.clone());
        let Administrator { name, password } = running.administrator.clone();
        let socket = format!("127.0.0.1:{}", running.port(Port::Amqp));
        let broker = raw::Address { socket, user: name, password, vhost: "/".to_owned() };
        let definitions = laboratory.layout().root().join("rabbitmq/definitions.json");
        let definitions = std::fs::read_to_string(definitions).context("definitions.json")?;
        let arguments = raw::arguments_of(&definitions, QUEUE)?;
        let http = Client::builder().no_proxy().timeout(ANSWER_LIMIT).build()?;
        Ok(Self {
            laboratory,
            running,
            size,
            broker,
            arguments,
            http,
            python,
            systems: OnceCell::new(),
        })
    }

    pub(crate) fn layout(&self) -> &Layout {
        self.laboratory.layout()
    }

    pub(crate) fn stack(&self) -> &Stack {
        self.laboratory.stack()
    }

    /// Whether a service at that address says so.
    pub(crate) async fn is_ready(&self, address: SocketAddr) -> bool {
        let answer = self.http.get(format!("http://{address}/readyz")).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// The sessions of all parts that run now.
    pub(crate) fn sessions(&self) -> Sessions {
        let pid = |part: &Part| Some(control::living(self.layout(), *part)?.process.pid);
        Part::START_ORDER
            .iter()
            .filter_map(|part| Some((part.name().to_owned(), pid(part)?)))
            .collect()
    }

    /// Memory of all parts.
    pub(crate) fn memory(&self) -> Result<BTreeMap<String, Memory>> {
        processes::memory(&self.sessions())
    }

    /// A port of the laboratory, to connect to.
    pub(crate) fn socket(&self, port: Port) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.running.port(port)).into()
    }

    /// Events for analytics, of all clients.
    pub(crate) fn to_count(&self) -> Target {
        Target { exchange: EXCHANGE, routing_key: CLICK, clients: self.size.clients }
    }

    /// Events for the queue aside.
    pub(crate) fn to_keep(&self) -> Target {
        Target { routing_key: ASIDE, ..self.to_count() }
    }

    /// Makes the queue aside anew: empty, with the arguments of the laboratory's.
    pub(crate) async fn queue_aside(&self) -> Result<()> {
        let (address, arguments) = (self.broker.clone(), self.arguments.clone());
        apart(move || {
            let mut connection = Connection::open(&address)?;
            connection.delete(ASIDE)?;
            connection.declare(ASIDE, &arguments)?;
            connection.bind(ASIDE, EXCHANGE, ASIDE)?;
            connection.close()
        })
        .done()
        .await
    }

    /// Removes the queue aside.
    ///
    /// # Errors
    /// When fewer messages are in it than were confirmed.
    pub(crate) async fn remove_queue_aside(&self, confirmed: u64) -> Result<()> {
        let address = self.broker.clone();
        let left = apart(move || {
            let mut connection = Connection::open(&address)?;
            let left = connection.delete(ASIDE)?;
            connection.close()?;
            Ok(u64::from(left))
        });
        let left = left.done().await?;
        ensure!(left >= confirmed, "{confirmed} eventos confirmados, y en la cola hay {left}");
        Ok(())
    }

    /// Publishes so many events past the senders, as fast as it goes.
    pub(crate) async fn fill(&self, target: Target, events: u64) -> Result<()> {
        let address = self.broker.clone();
        let published = apart(move || {
            let publisher = Publisher::open(&address, &target, 1000)?;
            publisher.run(events, &Flow::default())
        });
        let published = published.done().await?;
        ensure!(published == events, "se publicaron {published} de {events}");
        Ok(())
    }

    /// Events that analytics has counted since it was started.
    pub(crate) async fn counted(&self) -> Result<u64> {
        let state: State = self.ask(Port::Analytics, "/estado").await?;
        Ok(state.contados)
    }

    /// Events counted, ever.
    pub(crate) async fn total(&self) -> Result<u64> {
        let report: Report = self.ask(Port::Analytics, "/reporte?limite=1").await?;
        Ok(report.total)
    }

    async fn ask<T: serde::de::DeserializeOwned>(&self, port: Port, path: &str) -> Result<T> {
        let answer = self.http.get(self.running.url(port, path)).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status);
        Ok(answer.with_context(|| format!("{path} no responde"))?.json().await?)
    }

    /// Waits until analytics has counted so many since its start; when that was.
    pub(crate) async fn until_counted(&self, events: u64) -> Result<Instant> {
        let what = format!("{events} eventos contados");
        until(&what, COUNT_LIMIT, async || Ok((self.counted().await? >= events).then(Instant::now)))
            .await
    }

    /// Waits until nobody has much to do any more, or for some seconds.
    pub(crate) async fn settle(&self) -> Result<()> {
        let deadline = Instant::now() + QUIET_LIMIT;
        while Instant::now() < deadline {
            let before = Cpu::now(&self.sessions())?;
            sleep(QUIET_FOR).await;
            let used = Cpu::now(&self.sessions())?.since(&before);
            let share =
                used.parts.values().sum::<Duration>().as_secs_f64() / QUIET_FOR.as_secs_f64();
            if share < QUIET_SHARE {
                break;
            }
        }
        Ok(())
    }

    /// Ends analytics; what is published from here on waits.
    pub(crate) async fn halt_analytics(&self) -> Result<()> {
        control::halt(self.layout(), Part::Analytics).await?;
        Ok(())
    }

    /// Starts analytics again, and waits until it is ready.
    pub(crate) async fn launch_analytics(&self) -> Result<()> {
        control::launch(self.layout(), Part::Analytics).await?;
        Ok(())
    }

    /// Ends the audit proxy; what is published from here on waits.
    pub(crate) async fn halt_audit(&self) -> Result<()> {
        control::halt(self.layout(), Part::Audit).await?;
        Ok(())
    }

    /// Starts the audit proxy again, and waits until it is ready.
    pub(crate) async fn launch_audit(&self) -> Result<()> {
        control::launch(self.layout(), Part::Audit).await?;
        Ok(())
    }

    /// Has analytics count an event of each client, before anything is measured.
    pub(crate) async fn know_all_clients(&self) -> Result<()> {
        let before = self.counted().await?;
        self.fill(self.to_count(), self.size.clients).await?;
        self.until_counted(before + self.size.clients).await?;
        Ok(())
    }

    /// After a measurement that failed: the audit runs, and analytics, which has counted
    /// what there was to count.
    pub(crate) async fn recover(&self) -> Result<()> {
        super::guest::end_all(self.layout()).await?;
        if control::living(self.layout(), Part::Analytics).is_none() {
            self.launch_analytics().await?;
        }
        if control::living(self.layout(), Part::Audit).is_none() {
            self.launch_audit().await?;
        }
        let mut before = None;
        until("que analiticas no cuente más", COUNT_LIMIT, async || {
            let counted = Some(self.counted().await?);
            sleep(QUIET_FOR).await;
            Ok((std::mem::replace(&mut before, counted) == counted).then_some(()))
        })
        .await
    }

    /// Stops every part and removes everything; with `keep` but the logs.
    pub(crate) async fn stop(self, keep: bool) -> Result<Option<String>> {
        super::guest::end_all(self.laboratory.layout()).await?;
        self.laboratory.stop(keep).await
    }
}

/// Where a load is at one moment, and what it has cost.
pub(crate) struct Moment {
    pub(crate) at: Instant,
    done: u64,
    cpu: Cpu,
}

impl Moment {
    pub(crate) fn of(flow: &Flow, sessions: &Sessions) -> Result<Self> {
        Ok(Self { done: flow.done(), at: Instant::now(), cpu: Cpu::now(sessions)? })
    }

    /// What happened since an earlier moment.
    pub(crate) fn since(&self, then: &Self) -> Figures {
        let events = self.done - then.done;
        Figures::of(events, self.at - then.at).with_cpu(&self.cpu.since(&then.cpu))
    }
}

impl Ground {
    /// Lets a load warm up, and then looks at it for a while; `begin` is called in
    /// between.
    pub(crate) async fn window(
        &self,
        flow: &Arc<Flow>,
        sessions: &Sessions,
        begin: impl FnOnce(),
    ) -> Result<Figures> {
        sleep(self.size.warm_up).await;
        begin();
        let before = Moment::of(flow, sessions)?;
        sleep(self.size.window).await;
        Ok(Moment::of(flow, sessions)?.since(&before))
    }
}
