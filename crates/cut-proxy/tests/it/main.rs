//! A line in front of a server that answers every byte, broken in each way.

use std::{io::ErrorKind, time::Duration};

use cut_proxy::CutProxy;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};

/// How long something that happens may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long is waited for what must not happen.
const MEANWHILE: Duration = Duration::from_millis(200);

/// A server that sends each byte back, and then tells the test which it was.
struct Echo {
    line: CutProxy,
    heard: mpsc::UnboundedReceiver<u8>,
}

impl Echo {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let target = listener.local_addr().expect("a bound address").to_string();
        let (tell, heard) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(echo(client, tell.clone()));
            }
        });
        let line = CutProxy::to(target).await.expect("a free port");
        Self { line, heard }
    }

    async fn client(&self) -> TcpStream {
        TcpStream::connect(self.line.address()).await.expect("the proxy listens")
    }

    /// A connection that has carried a byte both ways.
    async fn connected(&mut self) -> TcpStream {
        let mut client = self.client().await;
        self.says(&mut client, b'a').await;
        assert_eq!(hears(&mut client).await, Some(b'a'));
        client
    }

    /// Sends a byte and waits until the server has answered it.
    async fn says(&mut self, client: &mut TcpStream, byte: u8) {
        client.write_all(&[byte]).await.expect("an open connection");
        let heard = timeout(PATIENCE, self.heard.recv()).await.expect("the server heard it");
        assert_eq!(heard, Some(byte));
    }

    async fn hears_nothing(&mut self) {
        assert!(timeout(MEANWHILE, self.heard.recv()).await.is_err(), "the server heard it");
    }
}

async fn echo(mut client: TcpStream, tell: mpsc::UnboundedSender<u8>) {
    while let Ok(byte) = client.read_u8().await {
        let answered = client.write_all(&[byte]).await;
        if answered.is_err() || tell.send(byte).is_err() {
            return;
        }
    }
}

/// The next byte; none once the connection is over.
async fn hears(client: &mut TcpStream) -> Option<u8> {
    match timeout(PATIENCE, client.read_u8()).await.expect("something happens") {
        Ok(byte) => Some(byte),
        Err(error) => {
            let over = [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset];
            assert!(over.contains(&error.kind()), "{error}");
            None
        }
    }
}

async fn hears_nothing(client: &mut TcpStream) {
    let heard = timeout(MEANWHILE, client.read_u8()).await;
    assert!(heard.is_err(), "the client heard {heard:?}");
}

#[tokio::test]
async fn a_cut_line_breaks_old_and_new_connections_until_it_is_restored() {
    let mut echo = Echo::start().await;
    let mut old = echo.connected().await;
    echo.line.cut();
    assert_eq!(hears(&mut old).await, None);
    assert_eq!(hears(&mut echo.client().await).await, None);
    echo.line.restore();
    echo.connected().await;
}

#[tokio::test]
async fn a_silent_line_passes_nothing_and_tells_nobody() {
    let mut echo = Echo::start().await;
    let mut old = echo.connected().await;
    echo.line.silence();
    old.write_all(b"b").await.expect("an open connection");
    echo.hears_nothing().await;
    hears_nothing(&mut old).await;
    echo.line.restore();
    assert_eq!(hears(&mut old).await, None);
    echo.hears_nothing().await;
}

#[tokio::test]
async fn what_is_dialled_into_silence_is_heard_once_the_line_is_restored() {
    let mut echo = Echo::start().await;
    echo.line.silence();
    let mut client = echo.client().await;
    client.write_all(b"b").await.expect("an open connection");
    echo.hears_nothing().await;
    echo.line.restore();
    assert_eq!(hears(&mut client).await, Some(b'b'));
}

#[tokio::test]
async fn through_a_deaf_line_the_server_hears_all_and_the_client_nothing() {
    let mut echo = Echo::start().await;
    let mut old = echo.connected().await;
    echo.line.deafen();
    let mut new = echo.client().await;
    for byte in *b"bcd" {
        echo.says(&mut old, byte).await;
        echo.says(&mut new, byte).await;
    }
    hears_nothing(&mut old).await;
    hears_nothing(&mut new).await;
}

#[tokio::test]
async fn a_connection_that_was_deaf_is_never_whole_again() {
    let mut echo = Echo::start().await;
    let mut old = echo.connected().await;
    echo.line.deafen();
    let mut new = echo.client().await;
    echo.says(&mut new, b'b').await;
    echo.says(&mut old, b'c').await;
    echo.line.restore();
    assert_eq!(hears(&mut old).await, None);
    assert_eq!(hears(&mut new).await, None);
    echo.connected().await;
}

#[tokio::test]
async fn a_deaf_line_can_fall_silent_and_be_cut() {
    let mut echo = Echo::start().await;
    let mut old = echo.connected().await;
    echo.line.deafen();
    echo.says(&mut old, b'b').await;
    echo.line.silence();
    old.write_all(b"c").await.expect("an open connection");
    echo.hears_nothing().await;
    hears_nothing(&mut old).await;
    echo.line.cut();
    assert_eq!(hears(&mut old).await, None);
}

/// However short it was, and though nobody looked at the line meanwhile.
#[tokio::test]
async fn a_break_that_is_over_at_once_still_breaks_connections() {
    let mut echo = Echo::start().await;
    for broken in [CutProxy::cut, CutProxy::silence, CutProxy::deafen] {
        let mut old = echo.connected().await;
        broken(&echo.line);
        echo.line.restore();
        assert_eq!(hears(&mut old).await, None);
    }
}

#[tokio::test]
async fn restoring_a_whole_line_breaks_nothing() {
    let mut echo = Echo::start().await;
    let mut client = echo.connected().await;
    echo.line.restore();
    echo.says(&mut client, b'b').await;
    assert_eq!(hears(&mut client).await, Some(b'b'));
}

#[tokio::test]
async fn when_the_server_hangs_up_the_client_hears_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let target = listener.local_addr().expect("a bound address").to_string();
    let line = CutProxy::to(target).await.expect("a free port");
    let mut client = TcpStream::connect(line.address()).await.expect("the proxy listens");
    let (server, _) = listener.accept().await.expect("the proxy connects");
    drop(server);
    assert_eq!(hears(&mut client).await, None);
}
