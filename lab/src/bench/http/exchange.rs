//! One connection: a request, its answer, the next request.

use super::answer::{Head, head};
use anyhow::{Context, Result, bail, ensure};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes read at once; longer bodies take several reads.
const CHUNK: usize = 64 * 1024;

/// A place to ask, over one connection that is made when it is needed.
#[derive(Debug)]
pub(super) struct Exchange {
    address: SocketAddr,
    socket: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Exchange {
    pub(super) fn with(address: SocketAddr) -> Self {
        Self { address, socket: None, buffer: vec![0; CHUNK] }
    }

    /// Sends a request and reads its answer; the status.
    ///
    /// # Errors
    /// When there is no connection, or it ends too early.
    pub(super) async fn ask(&mut self, request: &[u8]) -> Result<u16> {
        // Taken out: a connection on which anything failed is not used again.
        let mut socket = match self.socket.take() {
            Some(socket) => socket,
            None => connect(self.address).await?,
        };
        socket.write_all(request).await.context("no se pudo enviar")?;
        let (head, read) = self.head(&mut socket).await?;
        self.skip_body(&mut socket, head, read - head.size).await?;
        if head.stays {
            self.socket = Some(socket);
        }
        Ok(head.status)
    }

    /// The answer's head, and how many bytes were read with it.
    async fn head(&mut self, socket: &mut TcpStream) -> Result<(Head, usize)> {
        let mut read = 0;
        loop {
            let more = socket.read(&mut self.buffer[read..]).await.context("conexión cortada")?;
            ensure!(more > 0, "conexión cortada");
            read += more;
            if let Some(head) = head(&self.buffer[..read])? {
                return Ok((head, read));
            }
            ensure!(read < self.buffer.len(), "una cabecera demasiado larga");
        }
    }

    /// Reads the rest of the body, of which nothing is wanted.
    async fn skip_body(
        &mut self,
        socket: &mut TcpStream,
        head: Head,
        already: usize,
    ) -> Result<()> {
        let Some(mut missing) = head.body.map(|body| body.saturating_sub(already)) else {
            while socket.read(&mut self.buffer).await? > 0 {}
            return Ok(());
        };
        while missing > 0 {
            let read = socket.read(&mut self.buffer).await.context("conexión cortada")?;
            if read == 0 {
                bail!("conexión cortada");
            }
            missing = missing.saturating_sub(read);
        }
        Ok(())
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream> {
    let socket = TcpStream::connect(address).await.context("conexión rechazada")?;
    socket.set_nodelay(true)?;
    Ok(socket)
}
