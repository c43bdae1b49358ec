//! The way in: one large read of a stream gives many messages.

use protocol::header::Frames;
use protocol::{MESSAGE_MAX, WireError};
use quinn::{ReadError, RecvStream};

/// A reader starts with room for so many bytes and doubles it while reads fill it.
const READ_MIN: usize = 4 << 10;
/// The most bytes one read takes.
const READ_MAX: usize = 64 << 10;

/// Any message must fit, or a reader would wait for its end forever.
const _: () = assert!(MESSAGE_MAX <= READ_MIN);

/// Reads the messages of one stream.
#[derive(Debug)]
pub struct FrameReader {
    stream: RecvStream,
    buffer: Vec<u8>,
    /// `start..end` has come and has not been given out.
    start: usize,
    end: usize,
}

/// Why a stream gives no more messages.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FrameError {
    /// What came is no message.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The stream or its connection is lost.
    #[error(transparent)]
    Lost(#[from] ReadError),
}

impl FrameReader {
    /// A reader of `stream` from its beginning.
    #[must_use]
    pub fn new(stream: RecvStream) -> FrameReader {
        FrameReader { stream, buffer: vec![0; READ_MIN], start: 0, end: 0 }
    }

    /// Waits until at least one whole message has come and gives all that have, none of them an error; `None`
    /// when the stream has ended. The messages before a bad one are given first. Dropping the future loses
    /// nothing.
    ///
    /// # Errors
    /// [`FrameError`] if what comes next is no message, or the stream is lost.
    pub async fn next(&mut self) -> Result<Option<Frames<'_>>, FrameError> {
        loop {
            let whole = whole_messages(&self.buffer[self.start..self.end])?;
            if whole > 0 {
                let start = self.start;
                self.start += whole;
                return Ok(Some(Frames::new(&self.buffer[start..start + whole])));
            }
            self.make_room();
            match self.stream.read(&mut self.buffer[self.end..]).await? {
                Some(count) => self.end += count,
                None if self.end == 0 => return Ok(None),
                None => return Err(WireError::Truncated { have: self.end }.into()),
            }
        }
    }

    /// Moves the beginning of the next message to the front, and doubles the buffer if the last read filled it.
    fn make_room(&mut self) {
        let was_filled = self.end == self.buffer.len();
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if was_filled && self.buffer.len() < READ_MAX {
            self.buffer.resize(2 * self.buffer.len(), 0);
        }
    }
}

/// How many bytes whole messages make up at the beginning of `bytes`; an error only if the very first message
/// is bad.
fn whole_messages(bytes: &[u8]) -> Result<usize, WireError> {
    let mut frames = Frames::new(bytes);
    let bad = frames.by_ref().find_map(Result::err);
    match (frames.consumed(), bad) {
        (0, Some(error)) => Err(error),
        (whole, _) => Ok(whole),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Accepts, Outbox, PrivateKey, client_endpoint, connect, serve};
    use quinn::{Connection, Endpoint, SendStream};
    use std::net::{Ipv4Addr, SocketAddr};

    const ALPN: &[u8] = b"cuex-test/1";

    /// Two ends of one stream; the endpoints live as long as the connections.
    async fn stream() -> (SendStream, FrameReader, [Connection; 2], [Endpoint; 2]) {
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let accepts = Accepts { bidirectional: 0, unidirectional: 1 };
        let key = PrivateKey::generate();
        let server = serve(local, &key, ALPN, accepts).unwrap();
        let client = client_endpoint(local).unwrap();
        let address = server.local_addr().unwrap();
        let call = connect(&client, address, key.public(), &key, ALPN, accepts);
        let answer = async { server.accept().await.unwrap().await.unwrap() };
        let (called, answered) = tokio::join!(call, answer);
        let called = called.unwrap();
        let mut out = called.open_uni().await.unwrap();
        // A stream is there for the other end once something is on it.
        out.write_all(&message(0, 0)).await.unwrap();
        let mut reader = FrameReader::new(answered.accept_uni().await.unwrap());
        assert_eq!(reader.next().await.unwrap().unwrap().count(), 1);
        (out, reader, [called, answered], [client, server])
    }

    /// A message of kind 9 with `number` in it and `filling` bytes more.
    fn message(number: u64, filling: u16) -> Vec<u8> {
        let len = 12 + filling;
        let mut bytes = [len.to_le_bytes().as_slice(), &[9, protocol::VERSION]].concat();
        bytes.extend(number.to_le_bytes());
        bytes.resize(usize::from(len), 0xa5);
        bytes
    }

    fn number_of(bytes: &[u8]) -> u64 {
        u64::from_le_bytes(bytes[4..12].try_into().unwrap())
    }

    #[tokio::test]
    async fn many_messages_of_all_lengths_come_in_order_and_many_at_a_time() {
        const COUNT: u64 = 20_000;
        let (out, mut reader, _connections, _endpoints) = stream().await;
        let outbox = Outbox::new(16 << 10);
        let writer = tokio::spawn({
            let outbox = outbox.clone();
            async move { outbox.write_to(out).await }
        });
        let sender = tokio::spawn(async move {
            for number in 1..=COUNT {
                let filling =
                    if number % 1_000 == 0 { 4_084 } else { u16::try_from(number % 7).unwrap() * 4 };
                outbox.send(&message(number, filling)).await.unwrap();
            }
            outbox.finish();
        });
        let (mut last, mut reads) = (0, 0);
        while let Some(frames) = reader.next().await.unwrap() {
            reads += 1;
            for frame in frames {
                assert_eq!(number_of(frame.unwrap().bytes), last + 1);
                last += 1;
            }
        }
        assert_eq!(last, COUNT);
        assert!(reads * 10 < COUNT, "{reads} reads for {COUNT} messages");
        sender.await.unwrap();
        writer.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn the_messages_before_a_bad_one_are_given_first() {
        let (mut out, mut reader, _connections, _endpoints) = stream().await;
        let bytes = [message(1, 0), message(2, 0), vec![0xff; 64]].concat();
        out.write_all(&bytes).await.unwrap();
        let mut seen = Vec::new();
        let error = loop {
            match reader.next().await {
                Ok(frames) => seen.extend(frames.unwrap().map(|frame| number_of(frame.unwrap().bytes))),
                Err(error) => break error,
            }
        };
        assert_eq!(seen, [1, 2]);
        assert!(matches!(error, FrameError::Wire(WireError::TooLong { length: 0xffff })), "{error}");
    }

    #[tokio::test]
    async fn a_stream_that_ends_within_a_message_is_truncated() {
        let (mut out, mut reader, _connections, _endpoints) = stream().await;
        out.write_all(&message(1, 0)[..7]).await.unwrap();
        out.finish().unwrap();
        let error = reader.next().await.unwrap_err();
        assert!(matches!(error, FrameError::Wire(WireError::Truncated { have: 7 })), "{error}");
    }

    #[tokio::test]
    async fn a_peer_that_does_not_read_overflows_the_outbox_and_no_more() {
        let (out, mut reader, _connections, _endpoints) = stream().await;
        let outbox = Outbox::new(64 << 10);
        let writer = tokio::spawn({
            let outbox = outbox.clone();
            async move { outbox.write_to(out).await }
        });
        let mut taken = 0;
        while outbox.push(&message(taken + 1, 4_000)).is_ok() {
            taken += 1;
            tokio::task::yield_now().await;
        }
        assert!(outbox.waiting() <= 64 << 10);
        outbox.finish();
        let mut seen = 0;
        while let Some(frames) = reader.next().await.unwrap() {
            seen += u64::try_from(frames.count()).unwrap();
        }
        assert_eq!(seen, taken);
        writer.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_lost_connection_closes_the_outbox() {
        let (out, _reader, [called, _answered], _endpoints) = stream().await;
        let outbox = Outbox::new(64);
        let writer = tokio::spawn({
            let outbox = outbox.clone();
            async move { outbox.write_to(out).await }
        });
        called.close(0u8.into(), b"");
        outbox.push(&message(1, 0)).unwrap();
        assert!(writer.await.unwrap().is_err());
        assert_eq!(outbox.push(&message(2, 0)), Err(crate::OutboxError::Closed));
    }
}
