//! A line that can be broken on purpose, in every way in which lines break: a
//! TCP proxy in front of a server.
//!
//! - [`CutProxy::cut`]: both ends hear of it at once.
//! - [`CutProxy::silence`]: nothing passes, and nobody is told.
//! - [`CutProxy::deafen`]: the server hears everything, the client nothing:
//!   what a broker has confirmed looks to its publisher as if it was lost.

mod carry;

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    net::TcpListener,
    sync::watch,
    task::{AbortHandle, spawn},
};

use carry::{Line, carry};

/// A TCP proxy on a port of its own, in front of one server. Connections that a
/// break met are never whole again; the line ends when this is dropped.
pub struct CutProxy {
    address: SocketAddr,
    line: watch::Sender<Line>,
    acceptor: AbortHandle,
}

impl CutProxy {
    /// A whole line to `target` (`host:port`), from a free port of this machine.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn to(target: String) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (line, state) = watch::channel(Line::Whole);
        let acceptor = spawn(accept(listener, Arc::from(target), state)).abort_handle();
        Ok(Self { address, line, acceptor })
    }

    /// Where to connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks all connections, and every new one at once.
    pub fn cut(&self) {
        self.becomes(Line::Cut);
    }

    /// Lets nothing pass, in either direction, without a FIN. New connections
    /// wait.
    pub fn silence(&self) {
        self.becomes(Line::Silent);
    }

    /// Lets pass what clients say, and nothing of what the server says; both
    /// ends stay open. New connections are deaf too.
    pub fn deafen(&self) {
        self.becomes(Line::Deaf);
    }

    /// The line is whole again, for new connections. Those of before, which miss
    /// what was said meanwhile, break.
    pub fn restore(&self) {
        self.becomes(Line::Whole);
    }

    /// Every change breaks connections: repeating a state must not be one.
    fn becomes(&self, line: Line) {
        self.line.send_if_modified(|old| std::mem::replace(old, line) != line);
    }
}

impl Drop for CutProxy {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

async fn accept(listener: TcpListener, target: Arc<str>, state: watch::Receiver<Line>) {
    while let Ok((client, _)) = listener.accept().await {
        if *state.borrow() != Line::Cut {
            spawn(carry(client, target.clone(), state.clone()));
        }
    }
}
