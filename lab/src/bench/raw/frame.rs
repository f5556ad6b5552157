//! Frames (AMQP 0-9-1, §4.2.3): kind, channel, length, payload, end mark.

use anyhow::{Context, Result, ensure};
use std::io::{ErrorKind, Read};

/// What is in a frame's payload.
pub(super) const METHOD: u8 = 1;
pub(super) const HEADER: u8 = 2;
pub(super) const BODY: u8 = 3;
const HEARTBEAT: u8 = 8;

/// The last byte of every frame.
const END: u8 = 0xCE;

/// Bytes before the payload.
const HEAD: usize = 7;

/// Bytes read from the socket at once, at most.
const CHUNK: usize = 256 * 1024;

/// A frame that came in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) kind: u8,
    pub(super) payload: &'a [u8],
}

/// Writes a whole frame behind `out`.
pub(super) fn append(out: &mut Vec<u8>, kind: u8, channel: u16, payload: &[u8]) {
    out.push(kind);
    out.extend(channel.to_be_bytes());
    let length = u32::try_from(payload.len()).expect("frames of the bench are short");
    out.extend(length.to_be_bytes());
    out.extend_from_slice(payload);
    out.push(END);
}

/// What comes from a socket, cut into frames. One read may bring many.
#[derive(Debug)]
pub(super) struct Frames<R> {
    source: R,
    buffer: Vec<u8>,
    from: usize,
    to: usize,
}

impl<R: Read> Frames<R> {
    pub(super) fn of(source: R) -> Self {
        Self { source, buffer: vec![0; 2 * CHUNK], from: 0, to: 0 }
    }

    /// The next frame that has come in whole, without waiting; heartbeats are
    /// left out.
    pub(super) fn next(&mut self) -> Result<Option<Frame<'_>>> {
        while let Some((kind, length)) = self.head() {
            let (begin, end) = (self.from + HEAD, self.from + HEAD + length);
            if end >= self.to {
                break;
            }
            ensure!(self.buffer[end] == END, "RabbitMQ envió un marco sin su fin");
            self.from = end + 1;
            if kind != HEARTBEAT {
                return Ok(Some(Frame { kind, payload: &self.buffer[begin..end] }));
            }
        }
        Ok(None)
    }

    fn head(&self) -> Option<(u8, usize)> {
        let head = self.buffer[self.from..self.to].first_chunk::<HEAD>()?;
        let [kind, _, _, length @ ..] = *head;
        Some((kind, usize::try_from(u32::from_be_bytes(length)).ok()?))
    }

    /// Waits for more bytes; false where none came in the socket's own time.
    pub(super) fn fill(&mut self) -> Result<bool> {
        self.make_room();
        match self.source.read(&mut self.buffer[self.to..]) {
            Ok(0) => anyhow::bail!("RabbitMQ cerró la conexión"),
            Ok(read) => {
                self.to += read;
                Ok(true)
            }
            Err(error) if is_timeout(error.kind()) => Ok(false),
            Err(error) => Err(error).context("no se pudo leer de RabbitMQ"),
        }
    }

    /// Moves what is left of a frame to the front where little room is behind it.
    fn make_room(&mut self) {
        if self.buffer.len() - self.to < CHUNK {
            self.buffer.copy_within(self.from..self.to, 0);
            self.to -= self.from;
            self.from = 0;
        }
        if self.to == self.buffer.len() {
            self.buffer.resize(2 * self.buffer.len(), 0);
        }
    }
}

fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use super::{BODY, Frame, Frames, HEARTBEAT, METHOD, append};
    use std::io::{Read, Result};

    /// Hands out so many bytes a read.
    struct Drops<'a>(&'a [u8], usize);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
            let take = self.1.min(self.0.len());
            (&self.0[..take]).read(&mut buffer[..take])?;
            self.0 = &self.0[take..];
            Ok(take)
        }
    }

    #[test]
    fn a_frame_is_kind_channel_length_payload_and_end() {
        let mut out = Vec::new();
        append(&mut out, METHOD, 1, b"ab");
        assert_eq!(out, [1, 0, 1, 0, 0, 0, 2, b'a', b'b', 0xCE]);
    }

    #[test]
    fn frames_are_found_however_the_bytes_arrive() {
        let mut bytes = Vec::new();
        append(&mut bytes, METHOD, 1, b"one");
        append(&mut bytes, HEARTBEAT, 0, b"");
        append(&mut bytes, BODY, 1, &[7; 1000]);
        for drops in [1, 3, 10_000] {
            let mut frames = Frames::of(Drops(&bytes, drops));
            let mut found = Vec::new();
            while found.len() < 2 {
                assert!(frames.fill().unwrap());
                while let Some(Frame { kind, payload }) = frames.next().unwrap() {
                    found.push((kind, payload.to_vec()));
                }
            }
            assert_eq!(found, [(METHOD, b"one".to_vec()), (BODY, vec![7; 1000])]);
            assert!(frames.fill().is_err(), "the end is an error");
        }
    }

    #[test]
    fn a_frame_longer_than_the_buffer_still_comes_whole() {
        let mut bytes = Vec::new();
        append(&mut bytes, BODY, 1, &vec![1; 3 * super::CHUNK]);
        let mut frames = Frames::of(&bytes[..]);
        loop {
            assert!(frames.fill().unwrap());
            if let Some(frame) = frames.next().unwrap() {
                assert_eq!(frame.payload.len(), 3 * super::CHUNK);
                break;
            }
        }
    }

    #[test]
    fn a_frame_without_its_end_is_an_error() {
        let bytes = [1, 0, 1, 0, 0, 0, 1, b'a', 0, 0];
        let mut frames = Frames::of(&bytes[..]);
        frames.fill().unwrap();
        assert!(frames.next().is_err());
    }
}
