//! Events spread by client over several queues, and gathered again: of the queue
//! aside, and of analytics. Whatever happens in between, afterwards the laboratory
//! has one queue, and the bindings that it had.

use super::apart::apart;
use super::ground::{ASIDE, Ground};
use super::raw::Connection;
use crate::part::Part;
use crate::settings::Port;
use anyhow::{Context, Result, ensure};
use messages::names::{CLICK, CLIENT_HEADER, EXCHANGE, EXCHANGE_BY_CLIENT, QUEUE, QUEUES};
use reqwest::StatusCode;
use serde::Deserialize;
use std::collections::BTreeSet;

/// The queues in which nobody counts, where there are several, and the exchange
/// before them.
pub(crate) const ASIDE_SPREAD: [&str; 2] = ["bench_1", "bench_2"];
const ASIDE_BY_CLIENT: &str = "bench_por_cliente";

/// The second of analytics' queues.
const SECOND_QUEUE: &str = QUEUES[1];

/// Each queue's share of the clients, which is the same for all.
const WEIGHT: &str = "1";

/// What an exchange leads to.
pub(crate) type Bindings = BTreeSet<Binding>;

/// To a queue or to another exchange.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) struct Binding {
    destination: String,
    destination_type: String,
    routing_key: String,
}

impl Ground {
    /// Makes the queues aside anew, with the arguments of the laboratory's.
    pub(crate) async fn queues_aside(&self) -> Result<()> {
        self.remove_queues_aside().await?;
        let (address, arguments) = (self.broker.clone(), self.arguments.clone());
        apart(move || {
            let mut connection = Connection::open(&address)?;
            connection.declare_by_header(ASIDE_BY_CLIENT, CLIENT_HEADER)?;
            for queue in ASIDE_SPREAD {
                connection.declare(queue, &arguments)?;
                connection.bind(queue, ASIDE_BY_CLIENT, WEIGHT)?;
            }
            connection.bind_exchange(ASIDE_BY_CLIENT, EXCHANGE, ASIDE)?;
            connection.close()
        })
        .done()
        .await
    }

    /// Removes them, as far as they are there.
    pub(crate) async fn remove_queues_aside(&self) -> Result<()> {
        let address = self.broker.clone();
        apart(move || {
            let mut connection = Connection::open(&address)?;
            connection.delete_exchange(ASIDE_BY_CLIENT)?;
            for queue in ASIDE_SPREAD.into_iter().chain([ASIDE]) {
                connection.delete(queue)?;
            }
            connection.close()
        })
        .done()
        .await
    }

    /// Starts analytics again, with two queues.
    ///
    /// # Errors
    /// When it does not use them.
    pub(crate) async fn spread(&self) -> Result<()> {
        self.halt_analytics().await?;
        let partitions = ("PARTITIONS".to_owned(), "2".to_owned());
        self.stack().changes.change(Part::Analytics, |change| change.env.push(partitions));
        self.launch_analytics().await?;
        let used = self.bindings(EXCHANGE_BY_CLIENT).await?.len();
        ensure!(used == 2, "analiticas reparte entre {used} colas en vez de 2");
        Ok(())
    }

    /// Starts analytics again, with one queue. What the others would have led to is
    /// removed: analytics would go on looking into a queue that is left.
    ///
    /// # Errors
    /// When the exchange does not lead where it did before.
    pub(crate) async fn gather(&self, before: &Bindings) -> Result<()> {
        self.halt_analytics().await?;
        self.stack().changes.reset(Part::Analytics);
        let address = self.broker.clone();
        let removed = apart(move || {
            let mut connection = Connection::open(&address)?;
            connection.bind(QUEUE, EXCHANGE, CLICK)?;
            connection.delete_exchange(EXCHANGE_BY_CLIENT)?;
            connection.delete(SECOND_QUEUE)?;
            connection.close()
        });
        removed.done().await?;
        self.launch_analytics().await?;
        let after = self.bindings(EXCHANGE).await?;
        ensure!(after == *before, "{EXCHANGE} llevaba a {before:?}, y ahora a {after:?}");
        Ok(())
    }

    /// Where an exchange leads to; nowhere, if there is none.
    pub(crate) async fn bindings(&self, exchange: &str) -> Result<Bindings> {
        let path = format!("/api/exchanges/%2F/{exchange}/bindings/source");
        let administrator = &self.running.administrator;
        let request = self.http.get(self.running.url(Port::Management, &path));
        let request = request.basic_auth(&administrator.name, Some(&administrator.password));
        let what = || format!("no se pudieron leer los enlaces de {exchange}");
        let answer = request.send().await.with_context(what)?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(Bindings::new());
        }
        answer.error_for_status().with_context(what)?.json().await.with_context(what)
    }
}
