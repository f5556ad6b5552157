//! What to consume, and where: what a connection that consumes is opened with.

use tokio::sync::watch;

use crate::{AmqpUrl, ConsumerFaults, LinkStatus, Topology, link::LinkMonitor};

/// What to consume, and where.
pub struct Subscription {
    pub(crate) url: AmqpUrl,
    pub(crate) name: String,
    pub(crate) queue: &'static str,
    pub(crate) topology: Topology,
    pub(crate) monitor: LinkMonitor,
    pub(crate) faults: ConsumerFaults,
    pub(crate) is_leftover: bool,
    pub(crate) depth: Option<watch::Sender<Option<u32>>>,
    pub(crate) most_bytes: Option<usize>,
}

impl Subscription {
    /// A subscription to `queue`, shown in the broker's dashboard as `name`.
    /// `topology` is declared at every connection.
    #[must_use]
    pub fn new(
        url: AmqpUrl,
        name: String,
        queue: &'static str,
        topology: Topology,
    ) -> (Self, LinkStatus) {
        let (monitor, status) = LinkMonitor::new("consumer");
        let faults = ConsumerFaults::default();
        let (is_leftover, depth, most_bytes) = (false, None, None);
        let subscription =
            Self { url, name, queue, topology, monitor, faults, is_leftover, depth, most_bytes };
        (subscription, status)
    }

    /// The same, with faults that can be switched on; without, nothing ever fails
    /// on purpose.
    #[must_use]
    pub fn with_faults(self, faults: ConsumerFaults) -> Self {
        Self { faults, ..self }
    }

    /// The same beside others, told apart from them by `link` in the log and in what
    /// Prometheus is told.
    #[must_use]
    pub fn with_link_name(self, link: &'static str) -> Self {
        Self { monitor: self.monitor.named(link), ..self }
    }

    /// The same, telling how many messages wait in the queue: at each connection before
    /// the first is taken, and then every second. None until it is known.
    #[must_use]
    pub fn with_depth(self) -> (Self, watch::Receiver<Option<u32>>) {
        let (depth, told) = watch::channel(None);
        (Self { depth: Some(depth), ..self }, told)
    }

    /// The same where messages may be large: about so many bytes of them are held without
    /// an acknowledgement, and one message in any case.
    #[must_use]
    pub fn holding_at_most(self, bytes: usize) -> Self {
        Self { most_bytes: Some(bytes), ..self }
    }

    /// The same for a queue that nothing is put into any more, and that the topology
    /// does not declare: consuming ends once somebody has deleted it.
    #[must_use]
    pub fn of_leftover(self) -> Self {
        Self { is_leftover: true, ..self }
    }
}
