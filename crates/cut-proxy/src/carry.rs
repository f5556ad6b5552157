//! One connection through the line, from its first byte to its end.

use std::sync::Arc;

use tokio::{
    io::{AsyncWriteExt, copy, sink},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
};

/// What the line does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    Whole,
    /// New connections are refused, old ones are reset.
    Cut,
    /// Nothing passes and nobody is told: a cable pulled out.
    Silent,
    /// Only what the client says passes.
    Deaf,
}

impl Line {
    /// What the client says arrives.
    fn carries(self) -> bool {
        matches!(self, Self::Whole | Self::Deaf)
    }
}

/// Carries bytes while the line lets them pass, holds still while it is silent,
/// and then drops both ends.
pub(crate) async fn carry(
    mut client: TcpStream,
    target: Arc<str>,
    mut state: watch::Receiver<Line>,
) {
    // What is dialled into silence waits, as its packets would.
    match state.wait_for(|line| *line != Line::Silent).await {
        Ok(line) if line.carries() => {}
        _ => return,
    }
    let Ok(mut server) = TcpStream::connect(&*target).await else { return };
    tokio::select! {
        biased;
        () = broken(state.clone()) => {}
        () = talk(&mut client, &mut server, state.clone()) => return,
    }
    // An error means that the proxy is gone: drop both ends as well.
    let _ = state.wait_for(|line| matches!(line, Line::Whole | Line::Cut)).await;
}

/// Returns once the client is not heard any more, or has missed something: a
/// change is one even if the line is as before by now.
async fn broken(mut state: watch::Receiver<Line>) {
    while state.changed().await.is_ok() {
        if *state.borrow() != Line::Deaf {
            return;
        }
    }
}

/// Both directions, until both ends have finished.
async fn talk(client: &mut TcpStream, server: &mut TcpStream, state: watch::Receiver<Line>) {
    // Bytes pass when they come, not when more have gathered; without it too.
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let (mut from_client, to_client) = client.split();
    let (mut from_server, to_server) = server.split();
    tokio::join!(pass(&mut from_client, to_server), answer(&mut from_server, to_client, state));
}

/// One direction, until it ends. Either end may go away at any time.
async fn pass(from: &mut ReadHalf<'_>, mut to: WriteHalf<'_>) {
    let _ = copy(from, &mut to).await;
    let _ = to.shutdown().await;
}

/// Passes on what the server says until the line is deaf, and reads it from
/// then on, so that the server does not notice.
async fn answer(from: &mut ReadHalf<'_>, to: WriteHalf<'_>, mut state: watch::Receiver<Line>) {
    if *state.borrow() == Line::Whole {
        tokio::select! {
            biased;
            _ = state.changed() => {}
            () = pass(from, to) => return,
        }
    }
    let _ = copy(from, &mut sink()).await;
}
