//! A line that can be cut: a TCP proxy in front of a server.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// What the line does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Whole,
    /// New connections are refused, old ones are reset.
    Cut,
    /// Nothing passes and nobody is told: a cable pulled out.
    Silent,
}

/// A TCP proxy on a port of its own, in front of one server.
pub struct CutProxy {
    address: SocketAddr,
    line: watch::Sender<Line>,
    acceptor: Mutex<tokio::task::JoinHandle<()>>,
}

impl CutProxy {
    /// A whole line to `target` (`host:port`).
    ///
    /// # Panics
    /// When no port can be bound.
    pub async fn to(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let (line, state) = watch::channel(Line::Whole);
        let acceptor = tokio::spawn(accept(listener, Arc::from(target), state));
        Self { address, line, acceptor: Mutex::new(acceptor) }
    }

    /// Where to connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks all connections, and every new one at once.
    pub fn cut(&self) {
        self.line.send_replace(Line::Cut);
    }

    /// Lets nothing pass, in either direction, without a FIN.
    pub fn silence(&self) {
        self.line.send_replace(Line::Silent);
    }

    /// The line is whole again, for new connections.
    pub fn restore(&self) {
        self.line.send_replace(Line::Whole);
    }
}

impl Drop for CutProxy {
    fn drop(&mut self) {
        if let Ok(acceptor) = self.acceptor.lock() {
            acceptor.abort();
        }
    }
}

async fn accept(listener: TcpListener, target: Arc<str>, state: watch::Receiver<Line>) {
    while let Ok((client, _)) = listener.accept().await {
        if *state.borrow() != Line::Cut {
            tokio::spawn(carry(client, target.clone(), state.clone()));
        }
    }
}

/// Carries bytes while the line is whole, holds still while it is silent, and
/// then drops both ends: a connection that was silent is never whole again.
async fn carry(mut client: TcpStream, target: Arc<str>, mut state: watch::Receiver<Line>) {
    if state.wait_for(|line| *line == Line::Whole).await.is_err() {
        return;
    }
    let Ok(mut server) = TcpStream::connect(&*target).await else { return };
    tokio::select! {
        _ended = copy_bidirectional(&mut client, &mut server) => return,
        broken = state.wait_for(|line| *line != Line::Whole) => drop(broken),
    }
    // An error means that the proxy is gone: drop both ends as well.
    let _ = state.wait_for(|line| *line != Line::Silent).await;
}
